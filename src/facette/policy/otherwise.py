"""What a plan would be with other limits, and once nobody stays as they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from facette.policy.allocation import best, with_models
from facette.policy.plan import Plan, stayed_in


def what_if(found: Plan, factors: dict[str, tuple[float, ...]]) -> pd.DataFrame:
    """Net gain with other limits: a row for each resource and factor of its limit.

    `factors`: by resource; where there is no limit they are of what the plan uses of it. The models
    in use stay; a limit that can't be met is left out.
    """
    rows = []
    for name, multiples in factors.items():
        r = found.classes.resources.index(name)
        base = float(found.use["limit"].iloc[r])
        base = base if np.isfinite(base) else float(found.use["planned"].iloc[r])
        for factor in multiples:
            most = found.classes.most.copy()
            most[r] = factor * base - found.kept[r]
            other = with_models(replace(found.classes, most=most), found.open)
            if other is None:
                continue
            rows.append((name, factor, factor * base, other.net, other.net - found.allocation.net))
    return pd.DataFrame(rows, columns=["resource", "factor", "limit", "net", "difference"])


@dataclass(frozen=True)
class ForGood:
    """The plan once nobody stays as they are any more, so that every model is to earn its cost.

    `models`: positions of those it would draw on, beside being served on request; `dropped` of the
    models in use: those that only go on for who stays. Over the horizon they `cost` so much, and
    bring who is free to move `brings`, currency units.
    """

    models: tuple[int, ...]
    dropped: tuple[int, ...]
    cost: float
    brings: float


def for_good(found: Plan) -> ForGood | None:
    """What the plan comes to when nobody stays any more; None where that changes nothing."""
    base, last = found.base, found.base.reach.ways.on_request
    kept = stayed_in(base) & ~base.others.models
    yearly = np.where(kept, base.reach.ways.yearly, 0.0)
    most = found.classes.most.copy()
    most[-1] += yearly.sum()
    every = best(replace(found.classes, fixed=found.classes.fixed + yearly, most=most))
    dropped = tuple(int(m) for m in np.flatnonzero(yearly) if m not in every.used)
    left = with_models(found.classes, tuple(m for m in found.open if m not in dropped))
    if not dropped or left is None or not len(found.classes.customers):
        return None
    return ForGood(
        tuple(m for m in every.used if m != last),
        dropped,
        float(yearly[list(dropped)].sum()),
        max(found.allocation.net - left.net, 0.0),
    )
