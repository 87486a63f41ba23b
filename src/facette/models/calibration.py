"""From a raw score to a probability, told in plain numbers so that a package can carry it."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from facette.settings import Calibration


def fitted_calibration(kind: Calibration, raw: np.ndarray, happened: np.ndarray) -> dict[str, Any]:
    """The calibration map fitted on out-of-sample raw scores (log-odds) and 0/1 outcomes.

    `sigmoid` (Platt 1999): p = 1 / (1 + exp(-(a raw + b))). `isotonic`: a monotone step function
    through (x, y), interpolated. `none`: the raw score is taken as log-odds.
    """
    if kind is Calibration.none:
        return {"kind": "none"}
    if kind is Calibration.sigmoid:
        line = LogisticRegression(C=np.inf).fit(raw.reshape(-1, 1), happened)
        return {"kind": "sigmoid", "a": float(line.coef_[0, 0]), "b": float(line.intercept_[0])}
    steps = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(raw, happened)
    return {
        "kind": "isotonic",
        "x": steps.X_thresholds_.tolist(),
        "y": steps.y_thresholds_.tolist(),
    }
