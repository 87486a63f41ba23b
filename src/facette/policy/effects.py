"""What each relationship model does to net value, told from a trial, cell by cell.

Each customer of the trial is scored for every model that could have reached them, doubly robust
(Robins, Rotnitzky & Zhao 1994; Chernozhukov et al. 2018): with r the outcome less what a regression
on the past foretells of it,

    score of model m = d_m + 1[handled by m] / p_m x (r - a - d_m) - (r - a - sum over k of p_k d_k)

p the propensities, d_m what is usual of the r of model m and a of those whom the same models can
reach (both by least squares), all of it learnt on other customers than the one scored. The mean
score over a cell is its effect, on a footing that all models share. With known propensities it is
unbiased whatever the regression misses; where models do the same for everyone, a regression that is
right makes up for propensities that are not. The last bracket makes it a comparison of the same
customers: what the regression misses of a cell would else look like an effect. It leaves out what
was usual of how they were handled, as models reach different customers, who were handled otherwise.

Cells are small and customers differ by far more than effects do, so that the raw means of cells
would be chosen by their noise. They are drawn together: the mean of a model over all cells, what
each facet by itself adds, what the cell adds, each shrunk by what chance alone would have spread
(Morris 1983; DerSimonian & Laird 1986 for the spread). Where nothing but noise is there, nothing is
left of it, and all cells are treated alike. How far effects spread is itself not known: errors are
told by its estimate and one standard error of it, so that no effect is ever told without one.
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
    is lost by that is told by the claim. `left`: (n,) residuals, currency units. `usual_by`:
    (n, m) how much of d each customer's own residual makes: what scores of customers whom other
    models reach have in common, and so part of the error of any comparison of them.
    """

    score: np.ndarray
    tamed: np.ndarray
    left: np.ndarray
    usual_by: np.ndarray
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
    able = np.unique(trial.propensity > 0, axis=0, return_inverse=True)[1].ravel()
    score, tamed = np.full((n, m), np.nan), np.full((n, m), np.nan)
    fold, unexplained = np.zeros(n, dtype=int), np.zeros(n)
    for k, (others, own) in enumerate(KFold(folds, shuffle=True, random_state=seed).split(score)):
        foretold = clone(usual_outcome()).fit(
            _within(trial.before[others], trial.way[others]),
            _within(outcome[others, None], trial.way[others])[:, 0],
        )
        left = outcome - foretold.predict(trial.before)
        bound = float(np.quantile(np.abs(left[others]), tame))
        score[own] = _robust(trial, left, able, others, own)
        tamed[own] = _robust(trial, np.clip(left, -bound, bound), able, others, own)
        fold[own], unexplained[own] = k, left[own]
    usual_by = _usual_by(unexplained, able, trial.way, m)
    return Scored(score, tamed, unexplained, usual_by, fold, folds)


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


def _robust(
    trial: Trial, left: np.ndarray, able: np.ndarray, others: np.ndarray, own: np.ndarray
) -> np.ndarray:
    """Doubly robust scores of `own` customers, by what is usual of `others`.

    `able`: (n,) which customers the same models can reach.
    """
    likely = trial.propensity[own] / trial.propensity[own].sum(axis=1, keepdims=True)
    of_able, usual = _usual(left[others], able[others], trial.way[others],
                            int(able.max()) + 1, likely.shape[1])  # fmt: skip
    rest = (left[own] - of_able[able[own]])[:, None]
    handled = trial.way[own, None] == np.arange(likely.shape[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        corrected = np.where(handled, (rest - usual) / likely, 0.0)
    return np.where(likely > 0, usual + corrected - (rest - likely @ usual[:, None]), np.nan)


def _usual(
    left: np.ndarray, able: np.ndarray, way: np.ndarray, groups: int, m: int
) -> tuple[np.ndarray, np.ndarray]:
    """Least squares of `left` (n,) by who can be reached (groups,) and by model (m,).

    What models do is about the mean of all customers. The normal equations of two factors need
    only counts and sums; of what they leave open the smallest solution is taken.
    """
    sums = [np.bincount(able, left, minlength=groups), np.bincount(way, left, minlength=m)]
    found = _solved(able, way, groups, m) @ np.concatenate(sums)
    middle = float(found[groups:] @ np.bincount(way, minlength=m) / len(left))
    return found[:groups] + middle, found[groups:] - middle


def _solved(able: np.ndarray, way: np.ndarray, groups: int, m: int) -> np.ndarray:
    """What makes (groups + m,) solutions of sums by who can be reached and by model."""
    counts = np.zeros((groups, m))
    np.add.at(counts, (able, way), 1.0)
    equations = np.block([
        [np.diag(counts.sum(axis=1)), counts], [counts.T, np.diag(counts.sum(axis=0))]
    ])  # fmt: skip
    made: np.ndarray = np.linalg.pinv(equations, rcond=1e-10, hermitian=True)
    return made


def _usual_by(left: np.ndarray, able: np.ndarray, way: np.ndarray, m: int) -> np.ndarray:
    """(n, m) what the residual of each customer adds to what is usual of every model."""
    groups = int(able.max()) + 1
    of_able, usual = _usual(left, able, way, groups, m)
    solved = _solved(able, way, groups, m)
    each = solved[groups:, able] + solved[groups:, groups + way]
    each = each - np.bincount(way, minlength=m) @ each / len(left)
    return np.asarray((each * (left - of_able[able] - usual[way])).T)


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
class Level:
    """Standard errors (g, m) of what groups of cells share, and the group (c,) of every cell."""

    group: np.ndarray
    se: np.ndarray


@dataclass(frozen=True)
class Effects:
    """Effects (c, m) in currency units a customer over the horizon, and their errors by level."""

    effect: np.ndarray
    levels: tuple[Level, ...]

    @property
    def se(self) -> np.ndarray:
        """(c, m) standard errors; of several models, what they share is left out."""
        made = np.zeros_like(self.effect)
        for level in self.levels:
            made = np.hypot(made, level.se[level.group])
        return made


def drawn_together(means: CellMeans, facets: Sequence[np.ndarray]) -> Effects:
    """Cells' effects after shrinkage; each of `facets` is (c,) the group of every cell in it."""
    c, m = means.mean.shape
    effect, levels = np.zeros((c, m)), []
    for depth, group in enumerate([np.zeros(c, dtype=int), *facets, np.arange(c)]):
        own, variance = _of_groups(means.mean - effect, means.variance, group)
        middle = _common(own, variance) if depth == 0 else 0.0
        spread, doubt = _spread(own - middle, variance)
        effect = effect + (middle + _part(spread, variance) * (own - middle))[group]
        wide = spread + doubt
        remaining = wide * (1 - _part(wide, variance))
        if depth == 0 and m == 1:  # nothing to share the middle with
            remaining = np.where(np.isfinite(variance), variance, 0.0)
        levels.append(Level(group, np.sqrt(remaining)))
    return Effects(effect, tuple(levels))


def _part(spread: float, variance: np.ndarray) -> np.ndarray:
    """What is kept of a deviation, 0 where nothing is known of it."""
    known = np.isfinite(variance) & (spread + variance > 0)
    return np.divide(spread, spread + variance, out=np.zeros_like(variance), where=known)


def alike(score: np.ndarray) -> np.ndarray:
    """(m, m) correlations of the mean scores of models, told on the same customers."""
    known = ~np.isnan(score)
    middle = np.where(known, score, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    apart = np.where(known, score - middle, 0.0)
    size = np.sqrt((apart**2).sum(axis=0))
    apart = np.divide(apart, size, out=np.zeros_like(apart), where=size > 0)
    made: np.ndarray = apart.T @ apart
    np.fill_diagonal(made, 1.0)
    return made


def crossed_by(facets: Sequence[np.ndarray], cells: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """The group (c,) of every cell by some facets alone, and the facets of these groups (g,)."""
    if not facets:
        return np.zeros(cells, dtype=int), []
    table, group = np.unique(np.column_stack(facets), axis=0, return_inverse=True)
    return group.ravel(), [*table.T]


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


def _spread(deviation: np.ndarray, variance: np.ndarray) -> tuple[float, float]:
    """The variance of true effects beyond chance, by moments, not below 0, and its own error.

    The error is that of no spread: chi-squared with as many degrees of freedom as deviations.
    """
    weight = 1 / variance
    total, count = float(weight.sum()), int(np.isfinite(variance).sum())
    free = 0.0 if total <= 0 else total - float((weight**2).sum()) / total
    if not free > 0:
        return 0.0, 0.0
    excess = float((weight * deviation**2).sum()) - count
    return max(0.0, excess / free), float(np.sqrt(2 * count)) / free


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
