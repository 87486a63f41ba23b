"""From a raw score to a probability, told in plain numbers so that a package can carry it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from facette.models.evaluation import nats
from facette.settings.models import Calibration

SIMPLEST_FIRST = (Calibration.none, Calibration.sigmoid, Calibration.isotonic)


@dataclass(frozen=True)
class Choice:
    """The calibration that unseen customers speak for.

    `losses`: the mean log loss of each on unseen customers, in nats; empty where too few outcomes
    of one kind leave nothing to choose by.
    """

    kind: Calibration
    losses: dict[Calibration, float]

    def params(self) -> dict[str, float]:
        """The losses as parameters of the part."""
        return {f"calibration_log_loss_{kind.value}": loss for kind, loss in self.losses.items()}

    def sentence(self) -> str:
        """What was chosen, and why."""
        if not self.losses:
            return f"{self.kind.value}: too few outcomes of one kind to choose by"
        told = ", ".join(f"{loss:.4f} {kind.value}" for kind, loss in self.losses.items())
        return (
            f"{self.kind.value}, the simplest within one standard error of the least log loss on "
            f"unseen customers: {told}"
        )


def chosen_calibration(
    raw: np.ndarray, happened: np.ndarray, customers: np.ndarray,
    folds: Iterable[tuple[np.ndarray, np.ndarray]],
) -> Choice:  # fmt: skip
    """None, sigmoid or isotonic: which serves customers best that its map was not fitted on.

    raw, happened, customers : (n,) out-of-sample scores, 0/1 outcomes, and whose they are. folds :
    pairs of rows to fit a map on and rows to judge it on, each row judged once. Of those within one
    standard error of the least mean log loss, the simplest is taken (Breiman et al. 1984); the
    error is that of the paired differences, customers and not rows counting as drawn.
    """
    each = {kind: np.empty(len(raw)) for kind in SIMPLEST_FIRST}
    for fitted, held in folds:
        if len(np.unique(happened[fitted])) < 2:
            return Choice(Calibration.none, {})
        for kind, loss in each.items():
            told = fitted_calibration(kind, raw[fitted], happened[fitted])
            loss[held] = nats(happened[held], calibrated(told, raw[held]))
    losses = {kind: float(loss.mean()) for kind, loss in each.items()}
    best = each[min(losses, key=losses.__getitem__)]
    near = [kind for kind, loss in each.items() if _is_near(loss - best, customers)]
    return Choice(near[0], losses)


def _is_near(worse: np.ndarray, customers: np.ndarray) -> bool:
    """Whether the mean of (n,) differences is within one standard error of 0."""
    whose = np.unique(customers, return_inverse=True)[1]
    away = np.bincount(whose, worse - worse.mean())
    return bool(worse.sum() <= np.sqrt((away**2).sum()))


def calibrated(told: dict[str, Any], raw: np.ndarray) -> np.ndarray:
    """Probabilities (n,) of raw scores by a fitted map, as the package gives them."""
    if told["kind"] == "isotonic":
        return np.interp(raw, told["x"], told["y"])
    return np.asarray(expit(told.get("a", 1.0) * raw + told.get("b", 0.0)))


def fitted_calibration(kind: Calibration, raw: np.ndarray, happened: np.ndarray) -> dict[str, Any]:
    """The calibration map fitted on out-of-sample raw scores (log-odds) and 0/1 outcomes.

    `sigmoid` (Platt 1999): p = 1 / (1 + exp(-(a raw + b))), with a = 0, the base rate for all,
    where scores rank the wrong way: calibration never turns a ranking round. `isotonic`: a
    monotone step function through (x, y), interpolated; a row that half left and half stayed is
    added at either end, so that no score, however far out, is said to be certain: n rows of which
    none left have (0 + 1/2) / (n + 1) (Krichevsky & Trofimov 1981). `none`: the raw score is
    log-odds already.
    """
    if kind is Calibration.none:
        return {"kind": "none"}
    if kind is Calibration.sigmoid:
        return {"kind": "sigmoid", **_platt(raw, happened)}
    ends, half = [raw.min(), raw.max()], [0.5, 0.5]
    steps = IsotonicRegression().fit(np.append(raw, ends), np.append(happened, half))
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
