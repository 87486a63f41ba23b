"""What a plan claims to bring, told on customers it was not chosen by.

Effects chosen for being the largest are too large. So the plan is made again without each fold of
the trial's customers, which models it uses included, and what it does is valued by the scores of
that fold alone, unshrunk; the claim is the mean over folds, with an interval. It values plans made
with a little less than is known, and so is a little low rather than high. Where all models are as
good as each other, plans turn on chance, folds are not independent and the interval is too short.

The same folds tell what it is worth to plan so finely: beside each plan one is made that knows one
segmentation less, and one that starts the same with everyone, and what is between the two is valued
by the same customers, so that its interval is that of a difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.stats import norm

from facette.policy.allocation import Classes, best, with_models
from facette.policy.effects import cell_means, crossed_by, drawn_together
from facette.policy.knowledge import Knowledge, Learnt, on_one_footing, stand_in
from facette.policy.plan import Plan, gains

SEVERAL = "several"  # models, against the best one alone


@dataclass(frozen=True)
class Interval:
    """Currency units over the horizon."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Claim:
    """Gain over the horizon against today, currency units, with its interval.

    `effect`: what of it models do, the rest are costs; `se`: of the effect. `beyond`: what of the
    effect the trial does not tell, but campaigns, comparisons or the configuration. `adds`: the net
    gain that crossing in each facet, by its number, adds to planning by the others, and that
    SEVERAL models add to the best one alone.
    """

    net: float
    low: float
    high: float
    effect: float
    se: float
    beyond: float
    adds: Mapping[int | str, Interval]


@dataclass(frozen=True)
class _Worth:
    """Of one plan on one fold: net gain, effects that the trial tells and others, their chances.

    `by`: (n,) how much of the effect told is the chance of each customer of the trial.
    """

    net: float
    told: float
    beyond: float
    by: np.ndarray
    beyond_variance: float


def claimed(found: Plan, known: Knowledge, switching: float, confidence: float) -> Claim | None:
    """The gain of a plan by cross-fitting; None where no trial tells of it."""
    ground = known.ground
    if ground is None:
        return None
    z = float(norm.ppf(0.5 + confidence / 2))
    whole, others = [], []
    for k in range(ground.found.folds):
        fold = _Fold(found, known, ground, ground.found.fold == k, switching)
        share = fold.planned(ground.facets)
        weight = fold.moved(share)
        whole.append(fold.worth(weight, fold.costs(share)))
        others.append({
            what: fold.worth(weight - fold.moved(other), fold.costs(share) - fold.costs(other))
            for what, other in fold.others().items()
        })  # fmt: skip
    net, se, told = _together(whole)
    adds = {}
    for what in others[0]:
        more, error, _ = _together([fold[what] for fold in others])
        adds[what] = Interval(more, more - z * error, more + z * error)
    beyond = float(np.mean([one.beyond for one in whole]))
    return Claim(net, net - z * se, net + z * se, told + beyond, se, beyond, adds)


def _together(folds: Sequence[_Worth]) -> tuple[float, float, float]:
    """Net gain, its standard error and the effect told, over folds; what is beyond, they share."""
    own = (np.mean([one.by for one in folds], axis=0) ** 2).sum()
    shared = np.mean([one.beyond_variance for one in folds])
    return (
        float(np.mean([one.net for one in folds])), float(np.sqrt(own + shared)),
        float(np.mean([one.told for one in folds])),
    )  # fmt: skip


@dataclass(frozen=True)
class _Fold:
    """Plans made without a fold of the trial's customers, `own` (n,), and valued by it."""

    found: Plan
    known: Knowledge
    ground: Learnt
    own: np.ndarray
    switching: float

    def planned(self, facets: Sequence[np.ndarray]) -> np.ndarray:
        """(c, m) customers of the plan's classes by what the others tell, of any of the models."""
        return best(self._classes(self._effects(facets)[0])).share

    def others(self) -> dict[int | str, np.ndarray]:
        """Plans that know one facet less, or start one thing with everyone."""
        facets = self.ground.facets
        made: dict[int | str, np.ndarray] = {}
        if len(facets) > 1:
            for j in range(len(facets)):
                made[j] = self.planned([f for i, f in enumerate(facets) if i != j])
        if len({*self.found.used} - self._bound) > 1:
            made[SEVERAL] = self._by_one()
        return made

    @property
    def _bound(self) -> set[int]:
        """Being served on request, and models that some customers can't be without."""
        offered = self.found.offered
        alone = offered[offered.sum(axis=1) == 1].any(axis=0)
        return {*map(int, np.flatnonzero(alone)), self.found.base.reach.ways.on_request}

    def _by_one(self) -> np.ndarray:
        """The best plan that draws on one model at most beside those in any case."""
        classes = self._classes(self._whole[0])
        able = map(int, np.flatnonzero(np.isfinite(classes.gain).any(axis=0)))
        sets = {tuple(sorted(self._bound | {m})) for m in able}
        plans = [with_models(classes, one) for one in sorted(sets)]
        possible = [plan for plan in plans if plan is not None]
        return max(possible, key=lambda plan: plan.net).share

    @cached_property
    def _whole(self) -> tuple[np.ndarray, np.ndarray]:
        return self._effects(self.ground.facets)

    def _classes(self, effect: np.ndarray) -> Classes:
        gain = gains(self.found.base, effect, self.switching, self.found.first)
        return replace(self.found.classes, gain=np.where(self.found.offered, gain, -np.inf))

    def _effects(self, facets: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """(cells, m) effects told by the others by these facets alone, and what stands for whom."""
        ground, known, rest = self.ground, self.known, ~self.own
        cells = len(known.effect)
        whole = len(facets) == len(ground.facets)
        group, kept = (np.arange(cells), facets) if whole else crossed_by(facets, cells)
        means = cell_means(ground.found.tamed[rest], group[ground.cell[rest]], group.max() + 1)
        effect = drawn_together(means, kept).effect[group]
        stand = stand_in(effect, known.taught)
        beyond = {m: told.effect for m, told in known.beyond.items()}
        return on_one_footing(effect, known.taught, beyond, stand), stand

    def moved(self, share: np.ndarray) -> np.ndarray:
        """(cells, m) customers that a plan brings to each model, less those in it today."""
        found, customers = self.found, np.flatnonzero(self.found.member >= 0)
        weight = np.zeros((len(found.base.cells), share.shape[1]))
        np.add.at(weight, found.base.cell[found.first], share)
        np.subtract.at(weight, (found.base.cell[customers], found.base.today[customers]), 1.0)
        return weight

    def costs(self, share: np.ndarray) -> float:
        """What the plan of these shares costs more than today: contacts, switching, fixed costs."""
        nothing = np.zeros_like(self.known.effect)
        each = gains(self.found.base, nothing, self.switching, self.found.first)
        return self.found.fixed_of(share.sum(axis=0) > 0) - float((share * each).sum())

    def worth(self, weight: np.ndarray, costs: float) -> _Worth:
        """What moving customers by `weight` brings; who is moved to or from a model that the
        trial does not tell of counts as on request, and what the model does beyond it."""
        known, ground, own = self.known, self.ground, self.own
        effect, stand = self._whole
        on_trial = np.where(known.taught, weight, 0.0)
        on_trial[np.arange(len(weight)), stand] += np.where(known.taught, 0.0, weight).sum(axis=1)
        told = cell_means(ground.found.score[own], ground.cell[own], len(weight))
        seen = np.isfinite(told.variance) & known.taught
        means = float((on_trial * np.where(seen, told.mean, effect)).sum())
        beyond = variance = 0.0
        for model, more in known.beyond.items():
            beyond += float(weight[:, model] @ more.effect)
            for level in more.levels:
                shared = np.bincount(level.group, weight[:, model], minlength=len(level.se))
                variance += float(((shared * level.se[:, 0]) ** 2).sum())
        by = _by_chance(ground, own, on_trial, seen)
        return _Worth(means + beyond - costs, means, beyond, by, variance)


def _by_chance(ground: Learnt, own: np.ndarray, weight: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """(n,) each customer's part in the error of the sum over cells of weight x mean score.

    Those of the fold by their own score, about the mean of their cell; all others by what they
    taught of what is usual, on which customers whom other models reach are compared.
    """
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
    made = np.zeros(len(own))
    made[own] = (parts - mean[cell]) * np.sqrt(size / np.maximum(size - 1, 1))[cell]
    likely = ground.trial.propensity[own]
    likely = likely / likely.sum(axis=1, keepdims=True)
    footing = np.where(able, each[cell], 0.0).sum(axis=1) @ likely
    made[~own] = ground.found.usual_by[~own] @ footing / (1 - own.mean())  # learnt without the fold
    return made
