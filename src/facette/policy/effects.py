"""What each relationship model does to net value, told from a trial, cell by cell.

Each customer of the trial is scored for every model that could have reached them, doubly robust
(Robins, Rotnitzky & Zhao 1994; Chernozhukov et al. 2018): with r the outcome less what a regression
on the past foretells of it,

    score of model m = d_m + 1[handled by m] / propensity of m x (r - d_m) - r,

d_m the mean r of m, regression and means learnt on other customers than the one scored. The mean
score over a cell is its effect, against how the same customers were handled in the trial. With
known propensities it is unbiased whatever the regression misses; where models do the same for
everyone, a regression that is right makes up for propensities that are not. The last r makes it a
comparison of the same customers: what the regression misses of a cell, or of those whom a model can
reach, would else look like an effect.

Cells are small and customers differ by far more than effects do, so that the raw means of cells
would be chosen by their noise. They are drawn together: the mean of a model over all cells, what
each facet by itself adds, what the cell adds, each shrunk by what chance alone would have spread
(Morris 1983; DerSimonian & Laird 1986 for the spread). Where nothing but noise is there, nothing is
left of it, and all cells are treated alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from facette.policy.trial import Trial

PRIOR_CUSTOMERS = 10.0  # that the variance of all cells stands for in that of one


@dataclass(frozen=True)
class Scored:
    """The doubly robust scores (n, m) of a trial, NaN where a model can't reach; folds (n,).

    `score` is what effects are claimed by. `tamed` is what they are chosen by: the same of
    residuals cut at a quantile of their size, since a few large customers decide otherwise. What
    is lost by that is told by the claim. `left`: (n,) residuals, currency units.
    """

    score: np.ndarray
    tamed: np.ndarray
    left: np.ndarray
    fold: np.ndarray
    folds: int


def usual_outcome() -> object:
    """The regression that foretells an outcome from the past."""
    return make_pipeline(
        SimpleImputer(keep_empty_features=True), StandardScaler(), RidgeCV(np.logspace(-1, 5, 13))
    )


def scored(trial: Trial, outcome: np.ndarray, folds: int, seed: int, tame: float = 1.0) -> Scored:
    """Scores of every customer for every model, each learnt on the other folds of customers.

    `tame`: the quantile of the size of residuals at which those of `tamed` are cut.
    """
    n, m = trial.propensity.shape
    score, tamed = np.full((n, m), np.nan), np.full((n, m), np.nan)
    fold, unexplained = np.zeros(n, dtype=int), np.zeros(n)
    for k, (others, own) in enumerate(KFold(folds, shuffle=True, random_state=seed).split(score)):
        foretold = clone(usual_outcome()).fit(
            _within(trial.before[others], trial.way[others]),
            _within(outcome[others, None], trial.way[others])[:, 0],
        )
        left = outcome - foretold.predict(trial.before)
        bound = float(np.quantile(np.abs(left[others]), tame))
        score[own] = _robust(trial, left, others, own)
        tamed[own] = _robust(trial, np.clip(left, -bound, bound), others, own)
        fold[own], unexplained[own] = k, left[own]
    return Scored(score, tamed, unexplained, fold, folds)


def _within(values: np.ndarray, way: np.ndarray) -> np.ndarray:
    """Values (n, d) about the mean of their model, moved to that of all; NaN stays.

    A linear regression of such figures learns from customers who were handled alike, so that it
    does not take what a model did for what the customers it was given to are like.
    """
    known = ~np.isnan(values)
    m = int(way.max()) + 1
    count, total = (_summed(v, way, m) for v in (known.astype(float), np.where(known, values, 0)))
    middle = total.sum(axis=0) / np.maximum(count.sum(axis=0), 1)
    means = np.where(count > 0, total / np.maximum(count, 1), middle)
    return values - means[way] + middle


def _robust(trial: Trial, left: np.ndarray, others: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Doubly robust scores of `own` customers, models' means learnt on `others`."""
    likely = trial.propensity[own]
    usual = _means(left[others], trial.way[others], likely.shape[1])
    handled = trial.way[own, None] == np.arange(likely.shape[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        corrected = np.where(handled, (left[own, None] - usual) / likely, 0.0)
    return np.where(likely > 0, usual + corrected - left[own, None], np.nan)


def _means(left: np.ndarray, way: np.ndarray, m: int) -> np.ndarray:
    """The mean of each model's own; 0 where nobody had it."""
    count = np.bincount(way, minlength=m)
    return np.bincount(way, left, minlength=m) / np.maximum(count, 1)


@dataclass(frozen=True)
class CellMeans:
    """Raw effects (c, m) of cells, currency units, and their variances; inf where not known."""

    mean: np.ndarray
    variance: np.ndarray


def cell_means(score: np.ndarray, cell: np.ndarray, cells: int) -> CellMeans:
    """The mean score of each cell, and its variance, steadied by that of all cells."""
    known = ~np.isnan(score)
    value = np.where(known, score, 0.0)
    count = _summed(known.astype(float), cell, cells)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(count > 0, _summed(value, cell, cells) / count, 0.0)
        spread = _summed(np.where(known, (score - mean[cell]) ** 2, 0.0), cell, cells)
        whole = spread.sum(axis=0) / np.maximum(count.sum(axis=0) - 1, 1)
        steadied = (spread + PRIOR_CUSTOMERS * whole) / (count - 1 + PRIOR_CUSTOMERS)
        variance = np.where(count > 0, steadied / count, np.inf)
    return CellMeans(mean, variance)


def _summed(values: np.ndarray, cell: np.ndarray, cells: int) -> np.ndarray:
    return np.column_stack([np.bincount(cell, column, minlength=cells) for column in values.T])


@dataclass(frozen=True)
class Effects:
    """Effects (c, m) in currency units a customer over the horizon, and their standard errors."""

    effect: np.ndarray
    se: np.ndarray


def drawn_together(means: CellMeans, facets: Sequence[np.ndarray]) -> Effects:
    """Cells' effects after shrinkage; each of `facets` is (c,) the group of every cell in it."""
    c, m = means.mean.shape
    levels = [np.zeros(c, dtype=int), *facets, np.arange(c)]
    effect, remaining = np.zeros((c, m)), np.zeros((c, m))
    for depth, group in enumerate(levels):
        own, variance = _of_groups(means.mean - effect, means.variance, group)
        middle = _common(own, variance) if depth == 0 else 0.0
        spread = _spread(own - middle, variance)
        with np.errstate(divide="ignore", invalid="ignore"):
            kept = np.where(np.isfinite(variance), spread / (spread + variance), 0.0)
        effect = effect + (middle + np.nan_to_num(kept) * (own - middle))[group]
        remaining = remaining + (spread * (1 - np.nan_to_num(kept)))[group]
    return Effects(effect, np.sqrt(remaining))


def _of_groups(
    own: np.ndarray, variance: np.ndarray, group: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Means (g, m) of groups of cells, weighted by their precision, and the variances of these."""
    groups = int(group.max()) + 1
    precision = 1 / variance
    total = _summed(precision, group, groups)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(total > 0, _summed(precision * own, group, groups) / total, 0.0)
        return mean, np.where(total > 0, 1 / total, np.inf)


def _common(own: np.ndarray, variance: np.ndarray) -> float:
    precision = 1 / variance
    return float((precision * own).sum() / precision.sum())


def _spread(deviation: np.ndarray, variance: np.ndarray) -> float:
    """The variance of true effects beyond chance, by moments, not below 0."""
    weight = 1 / variance
    total = float(weight.sum())
    if total <= 0:
        return 0.0
    free = total - float((weight**2).sum()) / total
    excess = float((weight * deviation**2).sum()) - np.isfinite(variance).sum()
    return max(0.0, excess / free) if free > 0 else 0.0


def by_customer(trial: Trial, found: Scored, base: np.ndarray) -> np.ndarray:
    """(b, m) what each model is foretold to do for the customers of `base` (b, d), one by one.

    A regression of the scores on what is known of a customer (the DR-learner of Kennedy 2023),
    strongly drawn towards the mean.
    """
    made = np.zeros((len(base), found.score.shape[1]))
    for m in range(found.score.shape[1]):
        known = ~np.isnan(found.tamed[:, m])
        if known.sum() < 2:
            continue
        learnt = clone(usual_outcome()).fit(trial.before[known], found.tamed[known, m])
        made[:, m] = learnt.predict(base)
    return made
