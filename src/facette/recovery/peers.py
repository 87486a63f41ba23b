"""What a user would pick instead of a model of potential: two rules on what peers bring."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
import pandas as pd

from facette.models.learner import best_trees, design, fit
from facette.models.validation import Sample, grouped_folds, sample, seen_by_models
from facette.recovery.ceiling import FOLDS, LEARNER, predicted
from facette.snapshots.catalogue import catalogue
from facette.snapshots.outcomes import OUTCOMES
from facette.snapshots.panel import Panel

ATTRIBUTES = 3  # that make a peer
BANDS = 5  # of an attribute that is a number
LEAST_PEERS = 30  # below which a quantile of the group is no more than its largest values
TOP_DECILE = 0.9
MEAN_LEARNER = LEARNER | {"num_leaves": 7, "min_child_samples": 300}  # as potential in a bank


def top_decile_of_peers(panel: Panel) -> np.ndarray | None:
    """The 90th percentile of what peers brought in training, for each test customer.

    Peers share the three attributes that say most of value, numbers in fifths; of a group with few
    customers, all are peers. None where no attribute is known.
    """
    s, tested = sample(panel.training, "value"), panel.test.features
    chosen = _telling(s, [f.name for f in catalogue(panel.spec).values() if f.family == "profile"])
    if not chosen:
        return None
    groups = _joined([coarse(s.frame[name], s.frame[name]) for name in chosen])
    outcome = pd.Series(s.outcome).groupby(groups.to_numpy())
    enough = outcome.size() >= LEAST_PEERS
    tops = outcome.quantile(TOP_DECILE)[enough]
    own = _joined([coarse(tested[name], s.frame[name]) for name in chosen])
    return own.map(tops).fillna(float(np.quantile(s.outcome, TOP_DECILE))).to_numpy(float)


def _telling(s: Sample, names: Sequence[str]) -> list[str]:
    """The attributes whose groups differ most in mean value, the most telling first."""
    said = {name: _explained(s.outcome, coarse(s.frame[name], s.frame[name])) for name in names}
    ranked = sorted((name for name in said if said[name] > 0), key=lambda name: -said[name])
    return ranked[:ATTRIBUTES]


def _explained(outcome: np.ndarray, groups: pd.Series) -> float:
    """Share of the variance between the groups, less what as many groups by chance would have."""
    by_group = pd.Series(outcome).groupby(groups.to_numpy())
    within = float(((outcome - by_group.transform("mean").to_numpy()) ** 2).sum())
    free = len(outcome) - by_group.ngroups
    return 1 - (within / free) / float(outcome.var(ddof=1)) if free > 0 else 0.0


def coarse(column: pd.Series, training: pd.Series) -> pd.Series:
    """The column as groups: text as it is, numbers in fifths of the training column."""
    if not pd.api.types.is_numeric_dtype(column):
        return column.astype(object).where(column.notna(), "missing").astype(str)
    cuts = np.nanquantile(training, np.linspace(0, 1, BANDS + 1)[1:-1])
    bands = np.searchsorted(cuts, column.to_numpy(float))
    return pd.Series(np.where(column.isna(), "missing", bands.astype(str)), index=column.index)


def _joined(columns: Sequence[pd.Series]) -> pd.Series:
    """One label for each combination."""
    return reduce(lambda left, right: left + "|" + right, columns)


def mean_of_peers(panel: Panel, columns: Sequence[str], seed: int) -> np.ndarray:
    """E[value | peer columns] of each test customer, learnt from the training snapshots."""
    from lightgbm import LGBMRegressor

    s = sample(panel.training, "value")
    learner = LGBMRegressor(objective="regression", random_state=seed, **MEAN_LEARNER)
    made = design(s.frame, columns, OUTCOMES)
    early, late = next(iter(grouped_folds(s, FOLDS, seed)))
    trees = best_trees(
        learner, made, (s.frame.iloc[early], s.outcome[early]),
        (s.frame.iloc[late], s.outcome[late]),
    )  # fmt: skip
    learnt = fit(learner, made, s.frame, s.outcome, trees=trees)
    return predicted(learnt.estimator, made, seen_by_models(panel.test))
