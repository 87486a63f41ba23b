"""From when on a customer may be contacted again: what they got lately, and their complaints.

A plan contacts each customer at even intervals, so what it does itself within a window of days is
known before any date is. What is left of a cap is room for older contacts: the first contact waits
until no more of them stand in its window than that, and every later window holds fewer.

Days are whole and counted from the day of the reference date, day 0; older ones are below 0.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl

from facette.policy.reach import NONE, numbered
from facette.policy.relationship import Ways, contacts_within
from facette.settings.policy import Pressure
from facette.snapshots.aggregates import KEY
from facette.snapshots.known import known_at
from facette.snapshots.relations import CONTROL
from facette.tables.contract import DAY_US, Tables

NEVER = 2**31 - 1  # a day past every horizon
COMPLAINT = "complaint"
OPEN_DAYS = 365  # a complaint that nobody answered for longer is taken to be over


def earliest_days(
    tables: Tables, t: int, customers: pd.Index, channel: np.ndarray, interval: np.ndarray,
    ways: Ways, pressure: Pressure,
) -> np.ndarray:  # fmt: skip
    """The first day on which each customer may be contacted, (n,) whole numbers, 0 or more.

    `channel` (n,): positions among `ways.channels`, -1 for none; `interval` (n,): days from one
    contact to the next, 0 for none. The policy is one that `check_policy` lets pass.
    """
    calm = cooled_days(tables, t, customers, pressure)
    roomy = _roomy_days(tables, t, customers, channel, interval, ways, pressure)
    return np.where(interval > 0, np.maximum(calm, roomy), 0)


def cooled_days(tables: Tables, t: int, customers: pd.Index, pressure: Pressure) -> np.ndarray:
    """The first day after the cool-down of each customer's complaints, (n,), 0 without one.

    `cool_down_days` run in full from when a complaint was made and from when it was answered; one
    that is open, and not a year old, is answered at `t` at the earliest. Where the table doesn't
    tell of answers they run from the complaint alone.
    """
    days = np.zeros(len(customers), dtype=np.int64)
    if "interactions" not in tables or "purpose" not in tables.columns("interactions"):
        return days
    complaints = known_at(tables, "interactions", t).to_native()
    made = pl.col("occurred_at")
    over = made
    if "answered_at" in tables.columns("interactions"):
        still_open = pl.when(made >= t - OPEN_DAYS * DAY_US).then(pl.lit(t)).otherwise(made)
        over = pl.max_horizontal(made, pl.col("answered_at").fill_null(still_open))
    found = pl.DataFrame(
        complaints.filter(pl.col("purpose") == COMPLAINT)
        .group_by(KEY).agg(over.max().alias("over")).collect()
    ).join(numbered(customers), on=KEY)  # fmt: skip
    until = found["over"].to_numpy() + pressure.cool_down_days * DAY_US
    first = -(-until // DAY_US) - t // DAY_US
    days[found["row"].to_numpy()] = np.where(until > t, first, 0)
    return days


def _roomy_days(
    tables: Tables, t: int, customers: pd.Index, channel: np.ndarray, interval: np.ndarray,
    ways: Ways, pressure: Pressure,
) -> np.ndarray:  # fmt: skip
    """The first day (n,) on which the older contacts leave room under every cap."""
    first = np.zeros(len(customers), dtype=np.int64)
    if "contacts" not in tables or not pressure.caps:
        return first
    past = _past(tables, t, customers, ways, max(cap.days for cap in pressure.caps))
    row, day, by = (past[name].to_numpy() for name in ("row", "day", "by"))
    for cap in pressure.caps:
        place = None if cap.channel is None else ways.channels.index(cap.channel)
        concerned = channel != NONE if place is None else channel == place
        older = concerned[row] if place is None else concerned[row] & (by == place)
        room = cap.most - _own(interval, cap.days)
        free = _free_days(row[older], day[older], room, cap.days)
        first = np.maximum(first, np.where(concerned, free, 0))
    return first


def _past(tables: Tables, t: int, customers: pd.Index, ways: Ways, days: int) -> pl.DataFrame:
    """Contacts received in the last days: row, day and by, the channel's position or -1.

    Sorted by row, the latest first.
    """
    columns = tables.columns("contacts")
    sent = known_at(tables, "contacts", t).to_native()
    day = (pl.col("sent_at") // DAY_US - t // DAY_US).alias("day")
    if "arm" in columns:
        sent = sent.filter(pl.col("arm").str.to_lowercase().ne_missing(CONTROL))
    named = {name: i for i, name in enumerate(ways.channels)}
    by = pl.lit(NONE)
    if "channel" in columns:
        by = pl.col("channel").replace_strict(named, default=NONE, return_dtype=pl.Int64)
    recent = pl.DataFrame(
        sent.select(KEY, day, by.alias("by")).filter(pl.col("day") > -days).collect()
    )
    found = recent.join(numbered(customers), on=KEY).sort("row", "day", descending=[False, True])
    return found.select("row", "day", "by")


def _own(interval: np.ndarray, days: int) -> np.ndarray:
    """The most contacts of a plan itself in a window of days, (n,)."""
    different, of = np.unique(interval, return_inverse=True)
    return np.array([contacts_within(days, int(one)) for one in different], dtype=np.int64)[of]


def _free_days(row: np.ndarray, day: np.ndarray, room: np.ndarray, days: int) -> np.ndarray:
    """The first day (n,) whose window holds no more than `room` (n,) of the contacts.

    `row` and `day` of each contact, sorted by row, the latest first: the one after `room` others is
    the latest that must be out of the window.
    """
    free = np.zeros(len(room), dtype=np.int64)
    place = np.arange(len(row))
    begins = np.ones(len(row), dtype=bool)
    begins[1:] = row[1:] != row[:-1]
    newer = place - np.maximum.accumulate(np.where(begins, place, 0))
    blocking = newer == room[row]
    free[row[blocking]] = np.maximum(0, day[blocking] + days)
    free[room < 0] = NEVER
    return free
