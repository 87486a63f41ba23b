"""The best that could be learnt from the tables: a learner taught the truth itself.

What lies between its figure and 1 is not in the tables; what lies between ours and its, we missed.
It sees the same columns, at every date of the panel, and each customer is told by one that was
taught the truth of other customers only: out of sample, though not out of time. That makes a high
ceiling: a level which moved after training is in its reach, and not in that of a model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
    lesson = _lesson(panel, states, name, columns, seed)
    return _cross_fitted(learner, lesson, _trees(learner, lesson))


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
    """What the learner tells that comes nearer to the truth of a first fold of customers."""
    from lightgbm import LGBMRegressor

    lesson = _lesson(panel, states, name, columns, seed)
    first = lesson.folds[0]
    true = states[-1][name].reindex(first).to_numpy(float)
    learners = [
        LGBMRegressor(objective=objective, random_state=seed, **shape)
        for shape in (LEARNER, COARSE)
    ]
    trees = [_trees(learner, lesson) for learner in learners]
    told = [_taught(le, lesson, first, n) for le, n in zip(learners, trees, strict=True)]
    losses = [loss(true, t, np.ones(len(true))) for t in told]
    better = int(np.argmin(losses))
    return _cross_fitted(learners[better], lesson, trees[better])


@dataclass(frozen=True)
class _Lesson:
    """Rows of every date of whom the truth is known, it, the test rows, and folds of customers."""

    made: Design
    rows: pd.DataFrame
    target: np.ndarray
    tested: pd.DataFrame
    folds: list[pd.Index]


def _lesson(
    panel: Panel, states: Sequence[pd.DataFrame], name: str, columns: Sequence[str], seed: int
) -> _Lesson:
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
    return _Lesson(made, rows, target, tested, folds)


def _cross_fitted(learner: BaseEstimator, lesson: _Lesson, trees: int | None) -> pd.Series:
    """Predictions indexed by the test customers of whom the truth is known."""
    found = pd.Series(index=lesson.tested.index, dtype=float)
    for customers in lesson.folds:
        found[customers] = _taught(learner, lesson, customers, trees)
    return found


def _taught(
    learner: BaseEstimator, lesson: _Lesson, customers: pd.Index, trees: int | None
) -> np.ndarray:
    """What a learner taught by all others tells of these customers."""
    others = ~lesson.rows.index.isin(customers)
    made, rows, target = lesson.made, lesson.rows[others], lesson.target[others]
    taught = fit(learner, made, rows, target, trees=trees)
    return predicted(taught.estimator, made, lesson.tested.loc[customers])


def _trees(learner: BaseEstimator, lesson: _Lesson) -> int | None:
    held = lesson.rows.index.isin(lesson.folds[0])
    rows, target = lesson.rows, lesson.target
    late = rows[held], target[held]
    return best_trees(learner, lesson.made, (rows[~held], target[~held]), late)


def predicted(estimator: Any, made: Design, frame: pd.DataFrame) -> np.ndarray:
    """(n,) predictions of a fitted LightGBM learner: amounts, probabilities or classes."""
    return np.asarray(estimator.predict(with_safe_names(made.matrix(frame))))
