"""One configuration of a model, judged inside the training snapshots: what a search goes by.

The number of trees is chosen among the rows that a trial learns from, as training does it, so that
the rows it is judged on have no part in the fit. The test snapshot is never seen here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator

from facette.models.evaluation import Metric
from facette.models.learner import Design, Fitted
from facette.models.validation import Sample, chosen_trees, fitted_on_all, grouped_folds

PREDICTED = {"logit": expit, "log": np.exp, "identity": np.asarray}


@dataclass(frozen=True)
class Rehearsal:
    """Pairs of (n,) masks over the rows of a sample, to learn from and to judge; and how, in words.

    `reach_days`: how far the outcomes look ahead; None where undated.
    """

    sample: Sample
    pairs: list[tuple[np.ndarray, np.ndarray]]
    how: str
    reach_days: int | None


def rehearsal(
    s: Sample, reach_days: int | None, dates: list[str], most: int, folds: int, seed: int
) -> Rehearsal:
    """What trials are judged on: the latest training dates, or folds of customers.

    A date, `most` of them and the latest first, is judged by what was learnt from those whose
    outcomes had ended by then. `dates` are those of the training snapshots, in order of time.
    """
    in_time = list(_in_time(s, reach_days))[:most]
    if in_time:
        judged = ", ".join(dates[int(s.snapshot[late][0])] for _, late in in_time)
        how = f"in time, judged at {judged} by what was learnt from earlier training dates"
        return Rehearsal(s, in_time, how, reach_days)
    pairs = []
    for fitted, held in grouped_folds(s, folds, seed):
        rows = np.arange(len(s.outcome))
        pairs.append((np.isin(rows, fitted), np.isin(rows, held)))
    why = "no earlier training snapshot has ended outcomes" if s.dated else "no dates"
    inside = f"{folds} folds of customers inside the training snapshot"
    several = f"s {dates[0]} to {dates[-1]}" if len(dates) > 1 else f" {dates[0]}"
    return Rehearsal(s, pairs, f"{why}: {inside}{several if s.dated else ''}", reach_days)


def _in_time(s: Sample, reach_days: int | None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    if reach_days is None:
        return
    for day in np.unique(s.days)[::-1]:
        early, late = s.days + reach_days <= day, s.days == day
        if all(len(np.unique(s.outcome[rows])) > 1 for rows in (early, late)):
            yield early, late


def judged_in_steps(
    estimator: BaseEstimator, design: Design, rehearsed: Rehearsal, metric: Metric, folds: int,
    seed: int,
) -> Iterator[float]:  # fmt: skip
    """The figure of each pair, learnt and judged only when it is asked for.

    It is that of the estimator's own prediction, before any calibration or shift.
    """
    for early, late in rehearsed.pairs:
        seen = _only(rehearsed.sample, early)
        trees, _ = chosen_trees(estimator, design, seen, rehearsed.reach_days, folds, seed)
        frame, actual = rehearsed.sample.rows(late)
        predicted = _predicted(fitted_on_all(estimator, design, seen, trees), frame)
        yield metric(actual, predicted, np.ones(len(actual)))


def _only(s: Sample, rows: np.ndarray) -> Sample:
    return Sample(
        s.frame[rows], s.outcome[rows], s.customers[rows], s.snapshot[rows], s.days[rows], s.dated
    )


def _predicted(fitted: Fitted, frame) -> np.ndarray:  # type: ignore[no-untyped-def]
    return np.asarray(PREDICTED[fitted.link](fitted.raw(frame)))
