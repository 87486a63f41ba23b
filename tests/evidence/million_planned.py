"""A million customers planned from effects that are known to a file that is checked, step by step.

Their contacts, complaints and words on consent are drawn; effects differ by cell, and what is there
of every capacity and of the budget is a share of what today takes, so that limits bind.
"""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from cores import Figures

SHARE = 0.3  # of what today takes
FAMILIES, TIERS, POTENTIALS = (
    ("B1", "B2", "B3", "B4"),
    ("top", "next", "rest"),
    ("high", "mid", "low"),
)


class Clock:
    """Seconds by step."""

    def __init__(self) -> None:
        self.seconds: Figures = {}

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        began = perf_counter()
        yield
        self.seconds[f"{step}_s"] = round(perf_counter() - began, 2)


def million_planned(n: int, seed: int) -> Figures:
    """Seconds of each step, and what came of it."""
    from contact_world import T, million, shipped_policy

    from facette.policy.checker import violations
    from facette.policy.plan import plan
    from facette.policy.reach import reach
    from facette.policy.relationship import ways
    from facette.policy.rights import consented, objectors
    from facette.settings.policy import Consent

    rng, clock = np.random.default_rng(seed), Clock()
    everyone, tables = million(n)
    policy = shipped_policy(consent=Consent(without_record=True, without_table=True))
    able = ways(policy)
    with clock("rights"):
        people = everyone[~everyone.isin(objectors(tables, T))]
        reached = reach(people, able, consented(tables, T, people, able, policy.consent))
    base = _base(policy, reached, people, rng, clock)
    policy = _limited(policy, base)
    base = replace(base, reach=replace(reached, ways=ways(policy)))
    known = _known(base, rng)
    with clock("allocation"):
        made = plan(policy, base, known)
    file, left = _carried_out(policy, made, tables, clock)
    with clock("checker"):
        broken = violations(file, tables, T, policy, left)
    steps = clock.seconds
    planning = sum(steps.values()) - steps["checker_s"]
    use = made.use.set_index("resource")
    return {
        **steps, "planned_s": round(planning, 1), "checked_s": steps["checker_s"],
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "violations": float(len(broken)), "customers": float(len(people)),
        "in_file": float(len(file)), "left_out": float(len(left)),
        "classes": float(len(made.classes.customers)),
        "limits_that_bind": float((use["price"] > 0).sum()),
        "changed": float(made.changed.mean()),
        "lost_to_rounding": 1 - made.net / _programme(made),
    }  # fmt: skip


def _programme(made: Any) -> float:
    """The net gain of the programme before rounding, on the footing of the plan's."""
    from facette.policy.plan import _paid

    fixed = float(made.classes.fixed[list(made.allocation.used)].sum())
    return float(made.allocation.net) + fixed - _paid(made.base, made.model)


def _base(policy: Any, reached: Any, people: pd.Index, rng: Any, clock: Clock) -> Any:
    from facette.policy.plan import Base
    from facette.policy.power import drawn
    from facette.segments.crossing import micro_segments

    n = len(people)
    shares = [[0.25] * 4, [0.05, 0.15, 0.8], [0.05, 0.15, 0.8]]
    labels = {
        name: rng.choice(kinds, n, p=share)
        for name, kinds, share in zip(policy.by, (FAMILIES, TIERS, POTENTIALS), shares, strict=True)
    }
    seen = pd.DataFrame(labels, index=people)
    with clock("cells"):
        own = micro_segments(seen, policy.floor).of(seen)
        cell, names = pd.factorize(own, sort=True)
    with clock("holdout"):
        held = drawn(people, policy.holdout, "2024-10-04")
    row, today = np.arange(n), rng.integers(0, 7, n)
    there = reached.permitted[row, today]
    today = np.where(there, today, 6)
    settled = (rng.random(n) < 0.2) & there & ~held
    return Base(seen, reached, today, settled, held, cell, list(names))


def _limited(policy: Any, base: Any) -> Any:
    from facette.policy.relationship import MONTH_DAYS

    row, reached = np.arange(len(base)), base.reach
    months = policy.horizon_days / MONTH_DAYS
    stays = base.settled | base.held_out

    def limit(use: np.ndarray) -> float:
        own = use[row, base.today]
        return float(own[stays].sum() + SHARE * own[~stays].sum())

    capacity = {
        name: limit(reached.use(r)) / months for r, name in enumerate(reached.ways.capacities)
    }
    fixed = float((reached.ways.yearly + reached.ways.set_up).sum())
    return replace(policy, capacity=capacity, budget=limit(reached.cost()) + fixed)


def _known(base: Any, rng: Any) -> Any:
    """Effects about as large as the contacts cost, so that every model is worth it somewhere."""
    from trials import known_to_be

    cells, m = len(base.cells), len(base.reach.ways.names)
    level = np.array([np.median(cost[cost > 0]) if (cost > 0).any() else 0.0
                      for cost in base.reach.cost().T])  # fmt: skip
    effect = rng.normal(level, 20 + 0.3 * level, (cells, m))
    single = effect[base.cell] + rng.normal(0, 5, (len(base), m))
    return known_to_be(effect, single)


def _carried_out(
    policy: Any, made: Any, tables: Any, clock: Clock
) -> tuple[pd.DataFrame, pd.DataFrame]:
    from contact_world import T

    from facette.policy.activation import activation, left_out
    from facette.policy.calendar import next_days
    from facette.policy.pressure import cooled_days, earliest_days
    from facette.policy.reach import NONE
    from facette.policy.relationship import interval_days

    base, able = made.base, made.base.reach.ways
    people, row = base.scored.index, np.arange(len(base))
    channel = base.reach.channel[row, made.model]
    interval = np.array([interval_days(c) for c in able.contacts_a_month])[made.model]
    with clock("pressure"):
        earliest = earliest_days(tables, T, people, channel, interval, able, policy.pressure)
        cooled = cooled_days(tables, T, people, policy.pressure)
    of = np.where(base.held_out, NONE, made.model)
    with clock("calendar"):
        days = next_days(people, of, channel, interval, earliest, T, policy.pressure.quiet,
                         policy.horizon_days)  # fmt: skip
    names = np.array([*able.channels, None], dtype=object)
    with clock("activation"):
        assigned = pd.DataFrame(
            {"relationship_model": np.array(able.names, dtype=object)[made.model],
             "channel": names[channel], "reason": made.reason, "evidence": made.grade,
             "holdout": base.held_out}, index=people,
        )  # fmt: skip
        file = activation(assigned, base.reach, days, policy, T, "1")
        left = left_out(assigned, base.reach, days, earliest, cooled, policy)
    return file, left
