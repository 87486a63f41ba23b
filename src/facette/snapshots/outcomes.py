"""What happened after a reference date, and in the windows that the baselines look at.

Value is the net amount of the window [t, t + H): summed margin where margins are given, summed
amount otherwise. Churn (non-contractual) is no purchase in [t + gap, t + gap + H), given active at
`t`, that is a purchase in the `active_days` before it; a refund is no purchase. Partial churn is
net spend, or days of purchase, in [t + gap, t + gap + H) below (1 - share) of that in [t - H, t) as
known at `t`.
"""

from __future__ import annotations

from collections.abc import Sequence

import narwhals as nw

from facette.snapshots.aggregates import KEY, distinct, integer, sum_where
from facette.snapshots.known import known_at
from facette.snapshots.spec import SnapshotSpec
from facette.tables.contract import DAY_US, Tables

OUTCOMES = ("value", "churned")
SEASON = "season_ahead"
# Columns of a snapshot's context that models and their packages may read beside the features.
BESIDE = ("value_current", "value_annualised", "active", "newcomer", SEASON)
YEAR_DAYS = 364  # whole weeks, so that weekdays fall alike


def outcomes_after(tables: Tables, t: int, spec: SnapshotSpec) -> list[nw.LazyFrame]:
    """Per customer `value_amount` (Int64 minor units), `returned` (lines bought), `activity_after`.

    The latter where churn is partial: amount in minor units, or days of purchase.
    Customers without a transaction in a window are absent from its frame.
    """
    horizon, start = spec.horizon_days * DAY_US, t + spec.gap_days * DAY_US
    lines = tables["transactions"]
    return [
        _net_amount(lines, t, t + horizon, spec, "value_amount"),
        _purchases(lines, start, start + horizon, "returned"),
        *_activity(lines, start, start + horizon, spec, "activity_after"),
    ]


def value_by_category(
    tables: Tables, t: int, spec: SnapshotSpec, categories: Sequence[str]
) -> nw.LazyFrame:
    """Per customer, for each of `categories` in order `category_0`, …: net of the outcome window.

    Customers without a line in any of them are absent.
    """
    money, _ = net_column(spec)
    lines = _between(tables["transactions"], t, t + spec.horizon_days * DAY_US)
    return (
        lines.filter(nw.col("category").is_in(categories))
        .group_by(KEY)
        .agg(
            *(
                sum_where(nw.col("category") == category, nw.col(money), f"category_{i}")
                for i, category in enumerate(categories)
            )
        )
    )


def past_windows(tables: Tables, t: int, spec: SnapshotSpec) -> list[nw.LazyFrame]:
    """Per customer, known at `t`: net of the last window, a year ago and ever, recent activity."""
    known, horizon = known_at(tables, "transactions", t), spec.horizon_days * DAY_US
    year_ago = t - YEAR_DAYS * DAY_US
    return [
        _net_amount(known, t - horizon, t, spec, "current_amount"),
        _net_amount(known, year_ago, year_ago + horizon, spec, "year_ago_amount"),
        _net_amount(known, 0, t, spec, "history_net_amount"),
        _purchases(known, t - spec.active_days * DAY_US, t, "active_lines"),
        *_activity(known, t - horizon, t, spec, "activity_before"),
    ]


def net_column(spec: SnapshotSpec) -> tuple[str, float]:
    """The column whose sum is net value, and the rate that this sum is multiplied by."""
    return ("margin", 1.0) if "margin" in spec.columns else ("amount", spec.margin_rate)


def _net_amount(
    lines: nw.LazyFrame, start: int, end: int, spec: SnapshotSpec, name: str
) -> nw.LazyFrame:
    money, _ = net_column(spec)
    return (
        _between(lines, start, end)
        .group_by(KEY)
        .agg(nw.col(money).sum().cast(nw.Int64).alias(name))
    )


def _purchases(lines: nw.LazyFrame, start: int, end: int, name: str) -> nw.LazyFrame:
    """Lines that are no refund: bringing something back is not buying."""
    bought = _between(lines, start, end).filter(nw.col("amount") >= 0)
    return bought.group_by(KEY).agg(nw.len().cast(nw.Int64).alias(name))


def _activity(
    lines: nw.LazyFrame, start: int, end: int, spec: SnapshotSpec, name: str
) -> list[nw.LazyFrame]:
    """What falls where churn is partial; nothing otherwise."""
    if spec.partial_of is None:
        return []
    inside = _between(lines, start, end)
    if spec.partial_of == "spend":
        return [inside.group_by(KEY).agg(integer(nw.col("amount").sum(), name))]
    days = inside.filter(nw.col("amount") >= 0).with_columns(day=nw.col("occurred_at") // DAY_US)
    return [days.group_by(KEY).agg(distinct("day", name))]


def _between(lines: nw.LazyFrame, start: int, end: int) -> nw.LazyFrame:
    return lines.filter((nw.col("occurred_at") >= start) & (nw.col("occurred_at") < end))
