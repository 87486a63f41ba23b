"""What a plan claims to bring, told on customers it was not chosen by.

Effects chosen for being the largest are too large. So the plan is made again without each fold of
the trial's customers, which models it uses included, and what it does is valued by the scores of
that fold alone, unshrunk; the claim is the mean over folds, with an interval. It values plans made
with a little less than is known, and so is a little low rather than high. Where all models are as
good as each other, plans turn on chance, folds are not independent and the interval is too short.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import norm

from facette.policy.allocation import best
from facette.policy.effects import cell_means, drawn_together
from facette.policy.knowledge import Knowledge, Learnt
from facette.policy.plan import Plan, gains


@dataclass(frozen=True)
class Claim:
    """Gain over the horizon against today, currency units, with its interval.

    `effect`: what of it the trial tells, the rest are costs. `se`: of the effect.
    """

    net: float
    low: float
    high: float
    effect: float
    se: float


def claimed(found: Plan, known: Knowledge, switching: float, confidence: float) -> Claim | None:
    """The gain of a plan by cross-fitting; None where no trial tells of it."""
    ground = known.ground
    if ground is None:
        return None
    told = [_of_fold(found, known, ground, fold, switching) for fold in range(ground.found.folds)]
    net, effect, variance = (float(np.mean(figures)) for figures in zip(*told, strict=True))
    se = float(np.sqrt(variance / len(told)))
    half = float(norm.ppf(0.5 + confidence / 2)) * se
    return Claim(net, net - half, net + half, effect, se)


def _of_fold(
    found: Plan, known: Knowledge, ground: Learnt, fold: int, switching: float
) -> tuple[float, float, float]:
    """Net gain, effect and its variance of the plan made without a fold, told by it alone."""
    base, own = found.base, ground.found.fold == fold
    cells = len(base.cells)
    without = cell_means(ground.found.tamed[~own], ground.cell[~own], cells)
    effect = known.effect.copy()
    taught = ground.customers.sum(axis=0) > 0
    effect[:, taught] = drawn_together(without, ground.facets).effect[:, taught]
    share = _replanned(found, effect, switching)
    weight = _moved(found, share, cells)
    told = cell_means(ground.found.score[own], ground.cell[own], cells)
    seen = np.isfinite(told.variance) & taught
    means = np.where(seen, told.mean, effect)
    variance = _variance(ground, own, weight, seen)
    moved = float((weight * means).sum())
    return moved - _costs(found, share, switching), moved, variance


def _replanned(found: Plan, effect: np.ndarray, switching: float) -> np.ndarray:
    """(c, m) customers of the plan's classes by other effects, of any of the models."""
    gain, offered = gains(found.base, effect, switching)[found.first], found.offered
    return best(replace(found.classes, gain=np.where(offered, gain, -np.inf))).share


def _moved(found: Plan, share: np.ndarray, cells: int) -> np.ndarray:
    """(cells, m) customers that a plan brings to each model, less those who are in it today."""
    customers = np.flatnonzero(found.member >= 0)
    weight = np.zeros((cells, share.shape[1]))
    np.add.at(weight, found.base.cell[found.first], share)
    np.subtract.at(weight, (found.base.cell[customers], found.base.today[customers]), 1.0)
    return weight


def _variance(ground: Learnt, own: np.ndarray, weight: np.ndarray, seen: np.ndarray) -> float:
    """Of the sum over cells of weight x mean score, customers being drawn independently."""
    score, cell = ground.found.score[own], ground.cell[own]
    able = ~np.isnan(score)
    cells, m = weight.shape
    count = np.column_stack(
        [np.bincount(cell, able[:, j].astype(float), minlength=cells) for j in range(m)]
    )
    each = np.where(seen & (count > 0), weight / np.maximum(count, 1), 0.0)
    parts = (np.where(able, score, 0.0) * each[cell]).sum(axis=1)
    size = np.bincount(cell, minlength=cells)
    mean = np.bincount(cell, parts, minlength=cells) / np.maximum(size, 1)
    inside = np.bincount(cell, (parts - mean[cell]) ** 2, minlength=cells)
    return float((inside * size / np.maximum(size - 1, 1)).sum())


def _costs(found: Plan, share: np.ndarray, switching: float) -> float:
    """What the plan of these shares costs more than today: contacts, switching, fixed costs."""
    without = gains(found.base, np.zeros((len(found.base.cells), share.shape[1])), switching)
    fixed = found.classes.fixed
    apart = float(found.gain.sum()) - found.net - float(fixed[list(found.allocation.used)].sum())
    paid = apart + float(fixed[share.sum(axis=0) > 0].sum())
    return paid - float((share * without[found.first]).sum())
