"""Validation inside the training snapshots: in time where history allows, by customers otherwise.

The test snapshot is never seen here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.model_selection import GroupKFold, StratifiedKFold

from facette.models.learner import (
    Design,
    Fitted,
    Mix,
    best_mix,
    best_trees,
    fit,
    grows_trees,
    is_blend,
)
from facette.snapshots.outcomes import BESIDE, SEASON
from facette.snapshots.panel import Snapshot


@dataclass(frozen=True)
class Sample:
    """Training rows of several snapshots: (n, p) features, (n,) outcomes, and whose, and when."""

    frame: pd.DataFrame
    outcome: np.ndarray
    customers: np.ndarray
    snapshot: np.ndarray
    days: np.ndarray
    dated: bool = True

    def ended_by_latest(self, reach_days: int | None) -> np.ndarray:
        """True for rows whose outcome was over at the latest training date; none where undated."""
        if reach_days is None:
            return np.zeros(len(self.outcome), dtype=bool)
        return self.days + reach_days <= self.days.max()

    def rows(self, chosen: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
        """Features and outcomes of the chosen rows."""
        return self.frame[chosen], self.outcome[chosen]

    def adjusted(self) -> Sample:
        """The sample with amounts as they would be in a usual season."""
        if SEASON not in self.frame:
            return self
        return replace(self, outcome=self.outcome / self.frame[SEASON].to_numpy())

    @property
    def latest(self) -> np.ndarray:
        """True for the rows of the latest training snapshot."""
        return self.snapshot == self.snapshot.max()


def seen_by_models(snapshot: Snapshot) -> pd.DataFrame:
    """Features, and beside them what naive forecasts, offsets and tiers go by, where it is known.

    As in `BESIDE`: current value, all past value brought to the horizon, `active`, and of dated
    snapshots who is a newcomer and the season ahead.
    """
    there = [name for name in BESIDE if name in snapshot.context]
    beside = snapshot.context[there].astype(float)
    return snapshot.features.assign(**{name: beside[name] for name in beside})


def sample(training: Sequence[Snapshot], outcome: str) -> Sample:
    """The rows with a known outcome of the training snapshots, in order of time."""
    frames, outcomes, dates, days = [], [], [], []
    for i, snapshot in enumerate(training):
        assert snapshot.outcomes is not None
        known = snapshot.outcomes[outcome].notna().to_numpy()
        frames.append(seen_by_models(snapshot)[known])
        outcomes.append(snapshot.outcomes.loc[known, outcome].to_numpy())
        dates.append(np.full(int(known.sum()), i))
        date = snapshot.reference_date
        days.append(np.full(int(known.sum()), 0 if date is None else date.toordinal()))
    frame = pd.concat(frames)
    return Sample(
        frame, np.concatenate(outcomes), frame.index.to_numpy(), np.concatenate(dates),
        np.concatenate(days), training[0].reference_date is not None,
    )  # fmt: skip


def grouped_folds(s: Sample, folds: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Folds in which no customer stands on both sides; of an undated table, stratified ones."""
    if not s.dated:
        return stratified_folds(s.outcome, folds, seed)
    splitter = GroupKFold(folds, shuffle=True, random_state=seed)
    return splitter.split(s.frame, groups=s.customers)


def stratified_folds(
    outcome: np.ndarray, folds: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Folds of (n,) rows with the same share of each class, or of each tenth of an amount.

    Amounts above 0 have tenths of their own, so that each fold has its share of them. Ties may
    stand in several tenths: what counts is that none is too small to share.
    """
    _, classes, sizes = np.unique(outcome, return_inverse=True, return_counts=True)
    if len(sizes) > 2 or sizes.min() < folds:
        above = outcome > 0
        if folds <= above.sum() <= len(outcome) - folds:
            classes[~above] = _tenths(outcome[~above], folds)
            classes[above] = _tenths(outcome[above], folds) + 10
        else:
            classes = _tenths(outcome, folds)
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return splitter.split(np.zeros(len(outcome)), classes)


def _tenths(amounts: np.ndarray, folds: int) -> np.ndarray:
    """The tenth, from 0 up, of each of (n,) amounts; fewer where folds could not share them."""
    n, ranks = len(amounts), np.argsort(np.argsort(amounts, kind="stable"))
    return ranks * min(10, n // folds) // n


def chosen_trees(
    estimator: BaseEstimator, design: Design, s: Sample, reach_days: int | None, folds: int,
    seed: int,
) -> tuple[int | Mix | None, str]:  # fmt: skip
    """How many trees to grow, of a blend with its weights; and how that was validated, in words.

    In time where outcomes of earlier snapshots, `reach_days` long, ended by the latest one.
    """
    if not grows_trees(estimator):
        return None, "fitted as configured, nothing to stop early"
    if s.ended_by_latest(reach_days).any():
        sentence = "validated on the latest training snapshot, fitted on the earlier ones"
    else:
        several = len(np.unique(s.days)) > 1
        kind = "training snapshots overlap" if several else "no later training snapshot"
        kind = kind if s.dated else "no dates"
        sentence = f"{kind}: validated by {folds} folds of customers inside"
    pairs = _validation_pairs(s, reach_days, folds, seed)
    if is_blend(estimator):
        return best_mix(estimator, design, pairs), sentence
    found = [best_trees(estimator, design, early, late) for early, late in pairs]
    return int(np.median([trees for trees in found if trees])), sentence


def _validation_pairs(
    s: Sample, reach_days: int | None, folds: int, seed: int
) -> Iterator[tuple[tuple[pd.DataFrame, np.ndarray], tuple[pd.DataFrame, np.ndarray]]]:
    """Rows to learn from and rows to judge: in time, or else by folds of customers."""
    ended = s.ended_by_latest(reach_days)
    if ended.any():
        yield s.rows(ended), s.rows(s.latest)
        return
    for sides in grouped_folds(s, folds, seed):
        early, late = ((s.frame.iloc[rows], s.outcome[rows]) for rows in sides)
        yield early, late


def out_of_fold(
    estimator: BaseEstimator, design: Design, s: Sample, folds: int, seed: int,
    trees: int | Mix | None,
) -> np.ndarray:  # fmt: skip
    """Raw scores (n,) of each row by a model that never saw its customer."""
    scores = np.empty(len(s.outcome))
    for fitted, held in grouped_folds(s, folds, seed):
        model = fit(estimator, design, s.frame.iloc[fitted], s.outcome[fitted], trees=trees)
        scores[held] = model.raw(s.frame.iloc[held])
    return scores


def redrawn(
    estimator: BaseEstimator, design: Design, s: Sample, trees: int | Mix | None
) -> Callable[[np.random.Generator, int], Fitted] | None:
    """What makes the final fit again, on customers drawn anew; None where it explains nothing.

    As many customers as there are, with replacement, or so many of them as are asked for, each with
    all rows.
    """
    if not grows_trees(estimator):
        return None

    def again(generator: np.random.Generator, most: int) -> Fitted:
        whose, customers = pd.factorize(s.customers)
        drawn = generator.integers(0, len(customers), min(len(customers), most))
        times = np.bincount(drawn, minlength=len(customers))[whose]
        rows = np.repeat(np.arange(len(whose)), times)
        return fit(estimator, design, s.frame.iloc[rows], s.outcome[rows], trees=trees)

    return again


def fitted_on_all(
    estimator: BaseEstimator, design: Design, s: Sample, trees: int | Mix | None
) -> Fitted:
    """The final fit on every training row."""
    return fit(estimator, design, s.frame, s.outcome, trees=trees)
