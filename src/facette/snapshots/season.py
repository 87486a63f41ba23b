"""The season: what each week of the year brings against the mean of them all, frozen when trained.

Years of 52 whole weeks, counted from 1970, so that weekdays fall alike; a week moves by a day or
two against the calendar each year.
"""

from __future__ import annotations

import narwhals as nw
import numpy as np

from facette.snapshots.aggregates import KEY
from facette.snapshots.instants import as_date
from facette.snapshots.known import history_days, known_at
from facette.snapshots.outcomes import YEAR_DAYS, net_column
from facette.snapshots.spec import WEEK_DAYS, SnapshotSpec
from facette.tables.contract import DAY_US, Tables

WEEKS = YEAR_DAYS // WEEK_DAYS
CAP = 0.999  # quantile of what a customer brings in a week: no single order is a season
QUARTER = 0.05  # of the year's new customers, in each quarter of it at least
SMOOTHING = (-3, -2, -1, 0, 1, 2, 3)  # weeks around, in a bell of a standard deviation of one


def season_at(tables: Tables, t: int, spec: SnapshotSpec) -> tuple[tuple[float, ...], str]:
    """The index (52,) of the weeks of the year before `t`, its mean 1; or none, and why not.

    Net value by week, smoothed over neighbours. Asked of one year alone, it can't tell a season
    from growth or from a cohort that wears out: there is none where new customers did not come all
    year round.
    """
    if history_days(tables, t) < YEAR_DAYS:
        return (), f"less than {YEAR_DAYS} days are known at {as_date(t)}"
    last = t // DAY_US
    day = nw.col("occurred_at") // DAY_US
    by_week = (
        known_at(tables, "transactions", t)
        .with_columns(day=day, first=day.min().over(KEY))
        .filter(nw.col("day") >= last - YEAR_DAYS)
        .with_columns(week=nw.col("day") // WEEK_DAYS % WEEKS)
        .group_by(KEY, "week")
        .agg(
            nw.col(net_column(spec)[0]).sum().cast(nw.Int64).alias("net"),
            nw.col("first").min().alias("first"),
        )
        .collect("pyarrow")
    )
    week, net, first = (by_week[c].to_numpy() for c in ("week", "net", "first"))
    came = first[np.unique(by_week[KEY].to_numpy(), return_index=True)[1]]
    quarters = np.bincount(np.clip((came - (last - YEAR_DAYS)) * 4 // YEAR_DAYS, -1, 3) + 1)[1:]
    if len(quarters) < 4 or quarters.min() < QUARTER * quarters.sum():
        return (), "new customers did not come all year round, and a season can't be told from age"
    capped = np.clip(net, 0, int(np.quantile(net, CAP)))  # whole, so that any order adds up alike
    totals = np.bincount(week, weights=capped, minlength=WEEKS)
    bell = np.exp(-0.5 * np.square(SMOOTHING))
    around = np.stack([np.roll(totals, shift) for shift in SMOOTHING], axis=1)
    index = around @ bell
    if not (index > 0).all():
        return (), "there are weeks of the year without value"
    return tuple((index / index.mean()).tolist()), ""


def season_ahead(t: int, spec: SnapshotSpec) -> float:
    """The mean index over the outcome window of `t`: above 1 in a season that brings more."""
    days = np.arange(t // DAY_US, t // DAY_US + spec.horizon_days)
    return float(spec.season_on(days).mean())
