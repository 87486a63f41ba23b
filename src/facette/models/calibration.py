"""From a raw score to a probability, told in plain numbers so that a package can carry it."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from facette.settings import Calibration


def fitted_calibration(kind: Calibration, raw: np.ndarray, happened: np.ndarray) -> dict[str, Any]:
    """The calibration map fitted on out-of-sample raw scores (log-odds) and 0/1 outcomes.

    `sigmoid` (Platt 1999): p = 1 / (1 + exp(-(a raw + b))), with a = 0, the base rate for all,
    where scores rank the wrong way: calibration never turns a ranking round. `isotonic`: a
    monotone step function through (x, y), interpolated. `none`: the raw score is log-odds already.
    """
    if kind is Calibration.none:
        return {"kind": "none"}
    if kind is Calibration.sigmoid:
        return {"kind": "sigmoid", **_platt(raw, happened)}
    steps = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(raw, happened)
    return {
        "kind": "isotonic",
        "x": steps.X_thresholds_.tolist(),
        "y": steps.y_thresholds_.tolist(),
    }


def _platt(raw: np.ndarray, happened: np.ndarray) -> dict[str, float]:
    line = LogisticRegression(C=np.inf).fit(raw.reshape(-1, 1), happened)
    slope, start = float(line.coef_[0, 0]), float(line.intercept_[0])
    if slope > 0:
        return {"a": slope, "b": start}
    rate = happened.mean()
    return {"a": 0.0, "b": float(np.log(rate / (1 - rate)))}
