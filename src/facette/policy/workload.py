"""The strategic way of working: how many people and portfolios a plan asks for, and when.

Contacts are of two kinds. Outbound ones the company starts: today's are counted in `contacts`, a
plan's come from its calendar. Inbound ones the customers start: they are counted in the last window
and expected at the same rate, whatever the plan, since a segment closes no door. Both take people's
time; what a contact uses of each capacity is told by its channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from facette.dynamics.migration import NEW
from facette.errors import BadInput
from facette.policy.accounts import NOT_IN_PLAN, NOT_TOLD
from facette.policy.reach import NONE, Reach
from facette.policy.relationship import MONTH_DAYS
from facette.settings.policy import Policy, QuietPeriod
from facette.snapshots.aggregates import KEY
from facette.snapshots.known import known_at
from facette.snapshots.relations import CONTROL
from facette.tables.contract import DAY_US, Tables
from facette.wording import listed

INBOUND, OUTBOUND = "inbound", "outbound"
PRIOR = 0.5  # of Jeffreys, for each state that was reached


def channels_of(reach: Reach, models: pd.Series) -> pd.Series:
    """The channel that each customer is reached through in their model, None for on request.

    `models`: names by customer_id, all of them customers of `reach`. A model that the policy does
    not have is reached through none.
    """
    ways = reach.ways
    rows = reach.customers.get_indexer(models.index)
    model = pd.Index(ways.names).get_indexer(models)
    channel = np.where(model < 0, NONE, reach.channel[rows, model])
    names = np.append(np.array(ways.channels, dtype=object), [None])
    return pd.Series(names[channel], index=models.index, dtype=object, name="channel")


def started_a_month(tables: Tables, t: int, days: int, groups: pd.Series) -> pd.DataFrame:
    """Contacts a month that customers started in the `days` before `t`, by group and channel.

    `groups`: by customer_id, as a relationship model or a segment; who has none is in one row of
    their own, `not in this plan`. Where the first interaction known is later than that, by the days
    since. Empty where there are no interactions.
    """
    if "interactions" not in tables:
        return pd.DataFrame(index=pd.Index([], name="group"))
    known: pl.LazyFrame = known_at(tables, "interactions", t).to_native()
    own = pl.LazyFrame({
        KEY: pl.Series(groups.index.to_numpy(dtype=object), dtype=pl.String),
        "group": pl.Series(groups.astype(object).where(groups.notna(), NOT_TOLD).tolist(),
                           dtype=pl.String),
    })  # fmt: skip
    counts = (
        known.filter((pl.col("occurred_at") >= t - days * DAY_US) & (pl.col("occurred_at") < t)
                     & (pl.col("initiator") == "customer"))
        .group_by(KEY, "channel").len()
        .join(own, on=KEY, how="left")
        .group_by(pl.col("group").fill_null(NOT_IN_PLAN), "channel").agg(pl.col("len").sum())
    )  # fmt: skip
    found = pl.DataFrame(counts.collect()).to_pandas()
    wide = found.pivot(index="group", columns="channel", values="len").fillna(0.0)
    first = pl.DataFrame(known.select(pl.col("occurred_at").min()).collect()).item()
    watched = days if first is None else min(days, max(1, -(-(t - first) // DAY_US)))
    return wide.sort_index(axis=1) * (MONTH_DAYS / watched)


def uses(contacts: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """What contacts (rows x channels) use of each capacity (rows x capacities)."""
    channels = [policy.channels[c].uses if c in policy.channels else {} for c in contacts.columns]
    each = np.array([[own.get(name, 0.0) for name in policy.capacity] for own in channels])
    used = contacts.to_numpy(dtype=float) @ each.reshape(len(channels), len(policy.capacity))
    return pd.DataFrame(used, contacts.index, pd.Index(policy.capacity))


def people(used: pd.DataFrame, policy: Policy) -> pd.Series:
    """Full-time people for a month's use of the capacities that are people's hours."""
    hours = policy.hours_a_person
    return sum((used[name] / hours[name] for name in hours), start=pd.Series(0.0, index=used.index))


def portfolios(
    models: pd.Series, channels: pd.Series, inbound: pd.DataFrame, policy: Policy
) -> pd.DataFrame:
    """Who looks after whom: a row for each relationship model, those of the policy first.

    `models` and `channels` by customer_id, today's or a plan's; `inbound`: contacts a month that
    customers of each model start (`started_a_month`). Columns: owner, customers, share; outbound
    and inbound contacts a month; of each capacity what both use a month; `people`, full-time, and
    `portfolio`, customers for each of them, NaN where the model takes nobody's hours.
    """
    ours, known = models.astype(object), [*policy.models, policy.on_request]
    names = [*known, *sorted({*ours.dropna()} - {*known})]
    monthly = {name: model.contacts_a_month for name, model in policy.models.items()}
    kinds = pd.crosstab(ours.to_numpy(), channels.fillna(NOT_TOLD).to_numpy())
    kinds = kinds.reindex(names, fill_value=0)
    cadence = np.array([monthly.get(name, 0.0) for name in names])
    sent = kinds.drop(columns=NOT_TOLD, errors="ignore").mul(cadence, axis=0)
    asked = inbound.reindex(names, fill_value=0.0)
    used = uses(sent, policy) + uses(asked, policy)
    table = pd.DataFrame({
        "owner": [policy.models[n].owner if n in policy.models else None for n in names],
        "customers": kinds.sum(axis=1), "share": kinds.sum(axis=1) / max(len(ours), 1),
        OUTBOUND: sent.sum(axis=1), INBOUND: asked.sum(axis=1),
    }, index=pd.Index(names, name="relationship_model"))  # fmt: skip
    staff = people(used, policy)
    table = table.join(used).assign(people=staff)
    return table.assign(portfolio=(table["customers"] / staff).where(staff > 0))


def _month_of(days: np.ndarray) -> np.ndarray:
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(str)


def _months(first: int, last: int) -> pd.Series:
    """Days of each month in [first, last), days since 1970."""
    names, days = np.unique(_month_of(np.arange(first, last)), return_counts=True)
    return pd.Series(days, index=pd.Index(names, name="month"), name="days")


def seen_by_month(tables: Tables, t: int, days: int) -> dict[str, pd.DataFrame]:
    """Contacts of the `days` before `t`, of all customers: `outbound` and `inbound`.

    (months x channels); a contact without a channel is under `not told`, a control arm none.
    """
    months = _months(t // DAY_US - days, t // DAY_US).index
    found = {}
    for kind, table, instant in (
        (OUTBOUND, "contacts", "sent_at"),
        (INBOUND, "interactions", "occurred_at"),
    ):
        counts = _by_day(tables, table, instant, t - days * DAY_US, t)
        found[kind] = counts.reindex(months, fill_value=0).rename_axis(columns="channel")
    return found


def _by_day(tables: Tables, name: str, instant: str, start: int, t: int) -> pd.DataFrame:
    """Counts by month and channel of the contacts of one table."""
    if name not in tables:
        return pd.DataFrame(index=pd.Index([], dtype=object))
    rows: pl.LazyFrame = known_at(tables, name, t).to_native()
    given = tables.columns(name)
    rows = rows.filter((pl.col(instant) >= start) & (pl.col(instant) < t))
    if "initiator" in given:
        rows = rows.filter(pl.col("initiator") == "customer")
    if "arm" in given:
        rows = rows.filter(pl.col("arm").is_null() | (pl.col("arm").str.to_lowercase() != CONTROL))
    channel = pl.col("channel") if "channel" in given else pl.lit(None, pl.String)
    by = [(pl.col(instant) // DAY_US).alias("day"), channel.fill_null(NOT_TOLD).alias("channel")]
    counts = pl.DataFrame(rows.group_by(by).len().collect())
    made = counts.select(pl.col("channel"), pl.col("len")).to_pandas()
    made.insert(0, "month", _month_of(counts["day"].to_numpy()))
    return made.pivot_table(index="month", columns="channel", values="len", aggfunc="sum",
                            fill_value=0)  # fmt: skip


def planned_by_month(
    activation: pd.DataFrame, quiet: Sequence[QuietPeriod], t: int, horizon_days: int
) -> pd.DataFrame:
    """Contacts that the company starts by the calendar of a plan, (months x channels).

    `activation`: rows with `channel`, `next_date`, `interval_days`, `valid_until` (exclusive),
    dates as microseconds, datetimes or ISO text; a row without a channel or a date is served on
    request. A contact falls every interval from the next date on, none in a quiet period.
    """
    first = t // DAY_US
    months = _months(first, first + horizon_days).index
    rows = activation[activation["channel"].notna() & activation["next_date"].notna()]
    kinds = pd.DataFrame({
        "channel": rows["channel"].to_numpy(dtype=object), "start": _days(rows["next_date"]),
        "step": rows["interval_days"].to_numpy(dtype=np.int64), "end": _days(rows["valid_until"]),
    }).value_counts().reset_index(name="customers")  # fmt: skip
    times = np.where(
        kinds["step"] > 0, -(-(kinds["end"] - kinds["start"]) // kinds["step"].clip(lower=1)), 1
    )
    again = np.repeat(np.arange(len(kinds)), np.maximum(times, 0))
    many = kinds.iloc[again].reset_index()
    many["day"] = many["start"] + many.groupby("index").cumcount() * many["step"]
    many = many[~_is_quiet(many["day"].to_numpy(), quiet)]
    made = many.assign(month=_month_of(many["day"].to_numpy())).pivot_table(
        index="month", columns="channel", values="customers", aggfunc="sum", fill_value=0
    )
    return made.reindex(months, fill_value=0)


def _days(given: pd.Series) -> np.ndarray:
    """Days since 1970 of instants, datetimes or ISO text."""
    if pd.api.types.is_integer_dtype(given) or pd.api.types.is_float_dtype(given):
        return np.asarray(given.to_numpy(dtype=np.int64) // DAY_US)
    return pd.to_datetime(given).to_numpy().astype("datetime64[D]").astype(np.int64)


def _is_quiet(days: np.ndarray, quiet: Sequence[QuietPeriod]) -> np.ndarray:
    found, epoch = np.zeros(len(days), dtype=bool), date(1970, 1, 1)
    for period in quiet:
        first, last = (date.fromisoformat(str(d)) for d in (period.first, period.last))
        found |= (days >= (first - epoch).days) & (days <= (last - epoch).days)
    return found


def inbound_by_month(inbound: pd.DataFrame, t: int, horizon_days: int) -> pd.DataFrame:
    """Contacts that customers are to start, (months x channels), by their rate a month."""
    days = _months(t // DAY_US, t // DAY_US + horizon_days)
    rate = inbound.sum()
    return pd.DataFrame(np.outer(days / MONTH_DAYS, rate), days.index, rate.index)


def peaks(
    outbound: pd.DataFrame, inbound: pd.DataFrame, t: int, days: int, policy: Policy
) -> pd.DataFrame:
    """The month that asks most of each capacity: month, outbound, inbound, load, people, limit.

    `outbound` and `inbound`: (months x channels) of the `days` before or from `t`, given as the
    first day's `t`. `load` is both, brought to a month of average length, as are the others, so
    that February does not pass for a quiet month; months cut off at either end are left aside where
    there is a whole one. `people`: full-time, NaN for what is nobody's hours; `limit`: the capacity
    a month, NaN where there is none.
    """
    first = t // DAY_US
    length = _months(first, first + days)
    whole = pd.PeriodIndex(length.index, freq="M").days_in_month.to_numpy() == length.to_numpy()
    kept = length[whole] if whole.any() else length
    used = {
        kind: uses(contacts.reindex(kept.index, fill_value=0), policy).mul(
            MONTH_DAYS / kept, axis=0
        )
        for kind, contacts in ((OUTBOUND, outbound), (INBOUND, inbound))
    }
    load = used[OUTBOUND] + used[INBOUND]
    rows = [
        {"month": (month := load[name].idxmax()), OUTBOUND: used[OUTBOUND].loc[month, name],
         INBOUND: used[INBOUND].loc[month, name], "load": load.loc[month, name],
         "people": load.loc[month, name] / policy.hours_a_person.get(name, np.nan),
         "limit": np.nan if policy.capacity[name] is None else policy.capacity[name]}
        for name in policy.capacity
    ]  # fmt: skip
    return pd.DataFrame(rows, index=pd.Index(policy.capacity, name="capacity"))


def use_a_customer(
    models: pd.Series, channels: pd.Series, segments: pd.Series, policy: Policy
) -> pd.DataFrame:
    """What the plan's contacts with one customer use of each capacity in the horizon, by segment.

    (segments x capacities), the mean over the customers of a segment; all by customer_id.
    """
    months = policy.horizon_days / MONTH_DAYS
    monthly = {name: model.contacts_a_month for name, model in policy.models.items()}
    contacts = models.astype(object).map(monthly).fillna(0.0).astype(float) * months
    told = pd.DataFrame({
        "segment": segments.reindex(models.index).to_numpy(dtype=object),
        "channel": channels.fillna(NOT_TOLD).to_numpy(), "contacts": contacts.to_numpy(),
    }).dropna(subset="segment")  # fmt: skip
    sums = told.pivot_table(index="segment", columns="channel", values="contacts", aggfunc="sum",
                            fill_value=0.0)  # fmt: skip
    return uses(sums, policy).div(told["segment"].value_counts(), axis=0).reindex(sums.index)


def next_need(
    matrix: pd.DataFrame, customers: pd.Series, use: pd.DataFrame,
    newcomers: pd.Series | None = None,
) -> pd.DataFrame:  # fmt: skip
    """What the next period asks of each capacity, if customers move as they did.

    `matrix`: `migration.transition_matrix`, shares from row to column in a period as long as the
    horizon, absorbing states included; `customers`: today's by segment (n,); `use`: (segments x
    capacities) of one customer in the horizon; a state without a row uses none. `newcomers`:
    expected by segment in the period, none where not given. Columns: now, next, of which newcomers.

    Raises:
        BadInput: customers are in a segment that the matrix does not tell of, or one has no use.
    """
    strange = [s for s in customers.index if s not in matrix.index]
    if strange:
        raise BadInput(
            f"transition matrix: nothing is known of {listed(strange)}; migration must be of the "
            "segmentation that the plan is by"
        )
    blank = [s for s in customers.index if s not in use.index]
    if blank:
        raise BadInput(f"use of capacities: none is given for {listed(blank)}; give 0 for none")
    here = customers.reindex(matrix.index, fill_value=0).to_numpy(dtype=float)
    each = use.reindex(matrix.columns, fill_value=0.0)
    come = pd.Series(dtype=float) if newcomers is None else newcomers
    fresh = come.reindex(matrix.columns, fill_value=0).to_numpy(dtype=float) @ each
    after = here @ matrix.to_numpy(dtype=float) @ each.to_numpy() + fresh
    now = customers.to_numpy(dtype=float) @ use.loc[customers.index]
    return pd.DataFrame({"now": now, "next": after, "newcomers": fresh},
                        index=pd.Index(use.columns, name="capacity"))  # fmt: skip


def next_need_range(
    table: pd.DataFrame, customers: pd.Series, use: pd.DataFrame,
    *, draws: int, confidence: float, seed: int,
) -> pd.DataFrame:  # fmt: skip
    """`low` and `high` of the next period's need of each capacity, by the counts of transitions.

    `table`: `migration.transitions`, its newcomers expected again; a state without a row in `use`,
    as one that nobody comes back from, uses none. Each draw takes a row of shares
    that the counts allow (Dirichlet, by Jeffreys' prior over the states that were reached), lets
    the customers move by them, and newcomers come by a Poisson number: so the range holds what is
    not known of the shares and the chance of who moves. That the next period is like the last is
    assumed, and not in the range.
    """
    rng = np.random.default_rng(seed)
    counts = table.pivot(index="from", columns="to", values="customers").fillna(0)
    each = use.reindex(counts.columns, fill_value=0.0)
    need = np.zeros((draws, use.shape[1]))
    for state, row in counts.iterrows():
        seen = row.to_numpy() > 0
        if state == NEW:
            need += rng.poisson(row.to_numpy()[seen], (draws, seen.sum())) @ each[seen]
        elif (here := int(customers.get(state, 0))) > 0 and seen.any():
            shares = rng.dirichlet(row.to_numpy()[seen] + PRIOR, draws)
            need += rng.multinomial(here, shares) @ each[seen]
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    low, high = np.quantile(np.asarray(need), tails, axis=0)
    return pd.DataFrame({"low": low, "high": high}, pd.Index(use.columns, name="capacity"))


def newcomers_of(table: pd.DataFrame) -> pd.Series:
    """Who came from nowhere in the period of `migration.transitions`, by the state they are in."""
    fresh: Any = table[table["from"] == NEW].set_index("to")["customers"]
    return fresh
