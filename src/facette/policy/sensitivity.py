"""How far a plan hangs on effects that are not known exactly."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from facette.policy.allocation import with_models
from facette.policy.knowledge import Knowledge
from facette.policy.plan import Plan, gains, running_anyway

DRAWS, AGAIN = 500, 20  # of the effects, and of them how often a plan is made


@dataclass(frozen=True)
class Sensitivity:
    """Over draws of the effects within their standard errors.

    `low`, `high`: of the gain that the plan as it stands would bring, `missed`: the mean of what
    the best plan for each draw would bring more, currency units; `moved`: the mean share of free
    customers whom that plan would handle otherwise, `again`: plans made to tell that.
    """

    low: float
    high: float
    missed: float
    moved: float
    again: int


def sensitivity(
    found: Plan, known: Knowledge, switching: float, confidence: float, seed: int
) -> Sensitivity | None:
    """The plan under other effects, the models in use staying; None where no error is known."""
    if not known.measured or not len(found.classes.customers):
        return None
    rng, offered = np.random.default_rng(seed), found.offered
    standing, costs = found.allocation.share, found.fixed_of(found.allocation.share.sum(axis=0) > 0)
    stays, best, moved = [], [], []
    for draw in range(DRAWS):
        own = gains(found.base, known.drawn(rng), switching, found.first)
        stays.append(float((standing * np.where(offered, own, 0.0)).sum()) - costs)
        if draw >= AGAIN:
            continue
        wanted = np.where(offered, own, -np.inf)
        again = with_models(replace(found.classes, gain=wanted), found.open)
        if again is not None:
            best.append(again.net - running_anyway(found.base) - stays[-1])
            moved.append(np.abs(again.share - standing).sum() / 2 / standing.sum())
    tail = (1 - confidence) / 2
    low, high = np.quantile(stays, [tail, 1 - tail])
    return Sensitivity(float(low), float(high), float(np.mean(best)), float(np.mean(moved)), AGAIN)
