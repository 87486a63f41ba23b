"""The best that could be learnt from the tables: a learner taught the truth itself.

What lies between its figure and 1 is not in the tables; what lies between ours and its, we missed.
It sees the same columns, at every date of the panel, and each customer is told by one that was
taught the truth of other customers only: out of sample, though not out of time. That makes a high
ceiling: a level which moved after training is in its reach, and not in that of a model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.model_selection import KFold

from facette.models.evaluation import log_loss
from facette.models.learner import Design, best_trees, design, fit, with_safe_names
from facette.models.validation import seen_by_models
from facette.snapshots.outcomes import OUTCOMES
from facette.snapshots.panel import Panel

FOLDS = 5
# No settings: ceilings of two runs have to mean the same. Where it is not known which learner the
# truth suits better, both are taught, and the better one is the ceiling.
LEARNER: dict[str, Any] = {
    "n_estimators": 1000, "learning_rate": 0.05, "num_leaves": 15, "min_child_samples": 40,
    "subsample": 0.8, "subsample_freq": 1, "reg_lambda": 5.0,
    "deterministic": True, "force_row_wise": True, "n_jobs": 2, "verbosity": -1,
}  # fmt: skip
COARSE = LEARNER | {
    "n_estimators": 1500, "num_leaves": 6, "min_child_samples": 100, "colsample_bytree": 0.2,
    "reg_lambda": 20.0, "extra_trees": True, "cat_l2": 100.0, "cat_smooth": 200.0,
}  # fmt: skip


def best_classes(
    panel: Panel, states: Sequence[pd.DataFrame], name: str, columns: Sequence[str], seed: int
) -> pd.Series:
    """The class `name` of each test customer, as far as the columns tell it."""
    from lightgbm import LGBMClassifier

    learner = LGBMClassifier(random_state=seed, **LEARNER)
    return _cross_fitted(learner, panel, states, name, columns, seed)


def best_probabilities(
    panel: Panel, states: Sequence[pd.DataFrame], name: str, columns: Sequence[str], seed: int
) -> pd.Series:
    """The probability `name` of each test customer, learnt from true ones by cross-entropy."""
    return _better(panel, states, name, columns, seed, "cross_entropy", log_loss)


def best_amounts(
    panel: Panel, states: Sequence[pd.DataFrame], name: str, columns: Sequence[str], seed: int
) -> pd.Series:
    """The amount `name` of each test customer, learnt from true ones by squared error."""
    return _better(panel, states, name, columns, seed, "regression", squared_error)


def squared_error(actual: np.ndarray, predicted: np.ndarray, weight: np.ndarray) -> float:
    """Mean squared error."""
    return float(np.average((actual - predicted) ** 2, weights=weight))


def _better(
    panel: Panel, states: Sequence[pd.DataFrame], name: str, columns: Sequence[str], seed: int,
    objective: str, loss: Callable[[np.ndarray, np.ndarray, np.ndarray], float],
) -> pd.Series:  # fmt: skip
    """What the learner tells that comes nearer to the truth of the test customers."""
    from lightgbm import LGBMRegressor

    tried = [
        _cross_fitted(
            LGBMRegressor(objective=objective, random_state=seed, **shape),
            panel, states, name, columns, seed,
        )
        for shape in (LEARNER, COARSE)
    ]  # fmt: skip
    true = states[-1][name].reindex(tried[0].index).to_numpy(float)
    return min(tried, key=lambda told: loss(true, told.to_numpy(float), np.ones(len(true))))


def _cross_fitted(
    learner: BaseEstimator, panel: Panel, states: Sequence[pd.DataFrame], name: str,
    columns: Sequence[str], seed: int,
) -> pd.Series:  # fmt: skip
    """Predictions indexed by the test customers of whom the truth is known."""
    frames = [seen_by_models(snapshot) for snapshot in panel.snapshots]
    truths = [state[name].dropna() for state in states]
    pairs = [
        (frame.loc[frame.index.isin(truth.index)], truth)
        for frame, truth in zip(frames, truths, strict=True)
    ]
    rows = pd.concat([frame for frame, _ in pairs])
    target = np.concatenate([truth.reindex(frame.index).to_numpy() for frame, truth in pairs])
    tested = pairs[-1][0]
    made = design(rows, columns, OUTCOMES)
    splitter = KFold(FOLDS, shuffle=True, random_state=seed)
    folds = [tested.index[held] for _, held in splitter.split(tested)]
    trees = _trees(learner, made, rows, target, rows.index.isin(folds[0]))
    found = pd.Series(index=tested.index, dtype=float)
    for customers in folds:
        others = ~rows.index.isin(customers)
        taught = fit(learner, made, rows[others], target[others], trees=trees)
        found[customers] = predicted(taught.estimator, made, tested.loc[customers])
    return found


def _trees(
    learner: BaseEstimator, made: Design, rows: pd.DataFrame, target: np.ndarray, held: np.ndarray
) -> int | None:
    late = rows[held], target[held]
    return best_trees(learner, made, (rows[~held], target[~held]), late)


def predicted(estimator: Any, made: Design, frame: pd.DataFrame) -> np.ndarray:
    """(n,) predictions of a fitted LightGBM learner: amounts, probabilities or classes."""
    return np.asarray(estimator.predict(with_safe_names(made.matrix(frame))))
