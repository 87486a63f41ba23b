"""A plan carried out on paper: whom to contact when, what was broken, what it asks of people."""

from __future__ import annotations

import numpy as np
import pandas as pd

from facette.dynamics.migration import transition_matrix, transitions
from facette.errors import BadInput
from facette.policy.accounts import NOT_IN_PLAN, Accounts, accounts_at, losing, remedies
from facette.policy.activation import activation, left_out
from facette.policy.calendar import next_days
from facette.policy.checker import violations
from facette.policy.decision import Decision, Need, Planned, Visible
from facette.policy.knowledge import Learnt
from facette.policy.otherwise import what_if
from facette.policy.plan import BUDGET, excluded
from facette.policy.power import trial_needed, visible
from facette.policy.pressure import cooled_days, earliest_days
from facette.policy.reach import NONE
from facette.policy.relationship import interval_days
from facette.policy.rights import objectors
from facette.policy.satisfaction import satisfaction
from facette.policy.sensitivity import sensitivity
from facette.policy.standing import Standing, standing
from facette.policy.workload import (
    OUTBOUND,
    channels_of,
    inbound_by_month,
    newcomers_of,
    next_need,
    next_need_range,
    peaks,
    planned_by_month,
    portfolios,
    seen_by_month,
    started_a_month,
    use_a_customer,
)
from facette.reports.words import day
from facette.settings.policy import Policy
from facette.snapshots.instants import as_date
from facette.snapshots.spec import SnapshotSpec
from facette.tables.contract import DAY_US, Tables

FACTORS = (0.5, 0.75, 1.25, 1.5, 2.0)
RESAMPLES, NEED_DRAWS = 200, 500
LEFT = "left"


def decided(
    made: Planned, tables: Tables, version: str, confidence: float, seed: int,
    whom: str | None = None, *, draft: bool = False,
) -> Decision:  # fmt: skip
    """The plan with its dates, accounts and loads; what it breaks is in `violations`.

    `whom` it is for, in words, and whether it is a `draft`: see Decision.
    """
    policy, t, base = made.policy, made.t, made.plan.base
    days, spec = policy.horizon_days, SnapshotSpec.from_dict(made.about["snapshot"])
    assigned = assigned_of(made)
    dates, earliest, cooled = _dates(made, tables)
    file = activation(assigned, base.reach, dates, policy, t, version)
    groups = pd.DataFrame(
        {"segment": _segment(made), "relationship_model": assigned["today"]}, index=assigned.index
    )
    accounts = accounts_at(tables, t, days, spec, policy, groups)
    losers = losing(accounts)
    permitted = base.reach.permitted & ~excluded(policy, base)
    models = {"today": assigned["today"], "plan": assigned["relationship_model"]}
    channels = {name: channels_of(base.reach, own) for name, own in models.items()}
    asked = {name: started_a_month(tables, t, days, own) for name, own in models.items()}
    out = planned_by_month(file, policy.pressure.quiet, t, days)
    inbound, others = inbound_by_month(asked["plan"], t, days), base.others.customers
    seen = seen_by_month(tables, t, days)
    aside = left_out(assigned, base.reach, dates, earliest, cooled, policy)
    return Decision(
        made, assigned, file, aside, len(objectors(tables, t)),
        violations(file, tables, t, policy, aside), accounts, losers,
        remedies(losers.customers, base.reach, permitted, spec.minor_units),
        _standing(made, accounts, confidence, seed),
        {name: portfolios(models[name], channels[name], asked[name], policy) for name in models},
        out, inbound_by_month(_own(asked["plan"]), t, days) if others else inbound,
        {
            "today": peaks(seen[OUTBOUND], seen["inbound"], t - days * DAY_US, days, policy),
            "plan": peaks(out, inbound, t, days, policy),
        },
        _need(made, channels["plan"], confidence, seed),
        satisfaction(tables, t, days, policy.satisfaction_question, assigned["today"]),
        what_if(made.plan, _factors(made)),
        sensitivity(made.plan, made.known, policy.switching_cost, confidence, seed),
        _visible(made, accounts), version, confidence, seed, whom, draft,
    )  # fmt: skip


def assigned_of(made: Planned) -> pd.DataFrame:
    """By customer_id: relationship_model, today, channel, cell, kind, reason, evidence, gain.

    `holdout`: who is held out, drawn by lot among `eligible`: all but those who are excluded from
    the model that they are in.
    """
    plan, base = made.plan, made.plan.base
    names = np.array(base.reach.ways.names, dtype=object)
    channels = np.array([*base.reach.ways.channels, None], dtype=object)
    row = np.arange(len(base))
    channel = base.reach.channel[row, plan.model]
    return pd.DataFrame(
        {
            "relationship_model": names[plan.model], "today": names[base.today],
            "channel": channels[channel], "cell": np.array(base.cells, dtype=object)[base.cell],
            "kind": plan.kind, "reason": plan.reason, "evidence": plan.grade,
            "gain": plan.gain, "holdout": base.held_out,
            "eligible": ~excluded(made.policy, base)[row, base.today],
        },
        index=base.scored.index,
    )  # fmt: skip


def _dates(made: Planned, tables: Tables) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Days of first contacts (-1: none), the earliest there may be, the end of cool-downs."""
    plan, base, policy, t = made.plan, made.plan.base, made.policy, made.t
    customers, known = base.scored.index, base.reach.ways
    each = np.array([interval_days(monthly) for monthly in known.contacts_a_month])
    interval = each[plan.model]
    channel = base.reach.channel[np.arange(len(base)), plan.model]
    earliest = earliest_days(tables, t, customers, channel, interval, known, policy.pressure)
    dates = next_days(
        customers, np.where(base.held_out, NONE, plan.model), channel, interval, earliest, t,
        policy.pressure.quiet, policy.horizon_days,
    )  # fmt: skip
    return dates, earliest, cooled_days(tables, t, customers, policy.pressure)


def _segment(made: Planned) -> pd.Series:
    """The first facet that is crossed, which accounts and standing are told by."""
    scored = made.plan.base.scored
    return scored[next(name for name in made.policy.by if name in scored)].astype(str)


def _own(asked: pd.DataFrame) -> pd.DataFrame:
    """Contacts a month that customers of the plan start."""
    return asked.drop(index=NOT_IN_PLAN, errors="ignore")


def _standing(made: Planned, accounts: Accounts, confidence: float, seed: int) -> Standing | None:
    segment = _segment(made)
    if segment.nunique() < 2:
        return None
    days = made.about["snapshot"]["horizon_days"]  # value is foretold for as many
    past = _net_over(days, accounts)
    return standing(
        segment, past, made.plan.base.scored, resamples=RESAMPLES, confidence=confidence, seed=seed
    )


def _need(made: Planned, channels: pd.Series, confidence: float, seed: int) -> Need | None:
    """By how customers moved between segments since an earlier date the model was asked about."""
    if made.before is None:
        return None
    segment = _segment(made)
    seen = made.before.seen
    before = seen[next(name for name in made.policy.by if name in seen)].astype(str)
    gone = before.index.difference(segment.index)
    after = segment[~segment.index.isin(made.before.outside)]
    table = transitions(before, after, absorbing={LEFT: gone})
    names = np.array(made.ways.names, dtype=object)
    models = pd.Series(names[made.plan.model], index=segment.index)
    use = use_a_customer(models, channels, segment, made.policy)
    now = segment.value_counts()
    try:
        matrix = transition_matrix(table, [LEFT])
        told = next_need(matrix, now, use, newcomers_of(table))
    except BadInput:
        return None
    span = next_need_range(
        table, now, use.reindex([*now.index], fill_value=0.0), draws=NEED_DRAWS,
        confidence=confidence, seed=seed,
    )  # fmt: skip
    return Need(told.join(span), f"by how customers moved since {day(made.before.date)}")


def _factors(made: Planned) -> dict[str, tuple[float, ...]]:
    """Limits to ask 'what if' about: those there are, and money."""
    most = made.plan.classes.most
    limited = [n for n, m in zip(made.plan.classes.resources, most, strict=True) if np.isfinite(m)]
    return dict.fromkeys([*limited, *([] if BUDGET in limited else [BUDGET])], FACTORS)


def _visible(made: Planned, accounts: Accounts) -> Visible:
    policy, base = made.policy, made.plan.base
    date = min(as_date(made.t + policy.horizon_days * DAY_US), made.lot.until)
    ground, n = made.known.ground, len(base)
    held = int(base.held_out.sum())
    claimed = None if made.claim is None else made.claim.effect / max(n - held, 1)
    adjusted = ground is not None
    deviation = _spread(accounts, policy) if ground is None else _left(ground, policy)
    if not deviation > 0:
        return Visible(n, held, date, None, claimed, policy.worth_telling, None, adjusted)
    segments = _segment(made).nunique()
    return Visible(
        n, held, date, visible(n, deviation, held / n), claimed, policy.worth_telling,
        trial_needed(policy.worth_telling, deviation, len(base.reach.ways.names) - 1, segments),
        adjusted,
    )  # fmt: skip


def _left(ground: Learnt, policy: Policy) -> float:
    """Standard deviation over the horizon of what the past does not tell of a trial's outcomes.

    They were brought to the horizon from fewer days; what is left of a day is taken to have nothing
    to do with that of the next.
    """
    days = ground.trial.days / policy.horizon_days
    return float(ground.found.left.std() * np.sqrt(days))


def _spread(accounts: Accounts, policy: Policy) -> float:
    """Standard deviation of customers' net value, currency units, as of a horizon."""
    return float(_net_over(policy.horizon_days, accounts).std())


def _net_over(days: int, accounts: Accounts) -> pd.Series:
    """Customers' net value in the time of the accounts, currency units, brought to so many days."""
    watched = (accounts.end - accounts.start) / DAY_US
    return accounts.customers["net"] / 10**accounts.minor_units * (days / watched)
