"""The season: what each week of the year brings against the mean of them all, frozen when trained.

Years of 52 whole weeks, counted from 1970, so that weekdays fall alike; a week moves by a day or
two against the calendar each year.
"""

from __future__ import annotations

import narwhals as nw
import numpy as np
import pandas as pd

from facette.snapshots.aggregates import KEY
from facette.snapshots.instants import as_date
from facette.snapshots.known import history_days, known_at
from facette.snapshots.outcomes import YEAR_DAYS, net_column
from facette.snapshots.spec import WEEK_DAYS, SnapshotSpec
from facette.tables.contract import DAY_US, Tables

WEEKS = YEAR_DAYS // WEEK_DAYS
CAP = 0.999  # quantile of what a customer brings in a week: no single order is a season
QUARTER = 0.05  # of the year's new customers, in each quarter of it at least
TAKEN_BACK = 0.1  # of what comes in: where more is taken back, weeks don't multiply value
RELIABLE = 0.7  # of the weeks' differences, the least share that is none of chance
SMOOTHING = np.arange(-3, 4)  # weeks around, in a bell of a standard deviation of one


def season_at(tables: Tables, t: int, spec: SnapshotSpec) -> tuple[tuple[float, ...], str]:
    """The index (52,) of the weeks of the year before `t`, its mean 1; or none, and why not.

    Net value by week, even growth taken out, smoothed over neighbours. Growth is what the latest
    weeks bring against the same weeks a year before, so that a year and a week have to be known.
    A cohort that wears out can't be told from a season: there is none unless new customers came all
    year round. What two halves of the customers don't share is chance: the index is raised to the
    power of its reliability (split-half: Spearman 1910, Brown 1910).
    """
    history = history_days(tables, t)
    if history < YEAR_DAYS + WEEK_DAYS:
        return (), f"less than {YEAR_DAYS + WEEK_DAYS} days are known at {as_date(t)}"
    known = min(history // WEEK_DAYS, 2 * WEEKS)
    parts = [_weeks(share, t, spec, known) for share in tables.shares()]
    ago, net, half, came = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    quarters = np.bincount(came * 4 // YEAR_DAYS, minlength=4)
    if quarters.min() < max(QUARTER * quarters.sum(), 1):
        return (), "new customers did not come all year round, and a season can't be told from age"
    if -net[net < 0].sum() > TAKEN_BACK * net[net > 0].sum():
        return (), "much of what comes in is taken back, or costs more than it brings"
    capped = np.clip(net, 0, int(np.quantile(net, CAP)))  # whole: any order adds up alike
    sides = [np.bincount(ago[half == h], capped[half == h], minlength=known) for h in (0, 1)]
    one, other, both = map(_index, (*sides, sides[0] + sides[1]))
    if not min(one.min(), other.min()) > 0:
        return (), "there are weeks of the year without value"
    shared = float(np.corrcoef(np.log(one), np.log(other))[0, 1])
    reliable = 2 * shared / (1 + shared) if shared > 0 else 0.0
    if reliable < RELIABLE:
        return (), "weeks differ no more than they do between halves of the customers"
    index = both**reliable
    middle = (t // DAY_US - 1 - WEEK_DAYS // 2) // WEEK_DAYS - np.arange(WEEKS)
    by_week = np.empty(WEEKS)
    by_week[middle % WEEKS] = index / index.mean()
    return tuple(by_week.tolist()), ""


def _weeks(tables: Tables, t: int, spec: SnapshotSpec, known: int) -> tuple[np.ndarray, ...]:
    """Of each customer and week before `t`: whole weeks ago, net value, half of the base.

    Back to `known` weeks ago; and of each customer who came in the last year, the day of it. Halves
    go by a hash of the id.
    """
    last, day = t // DAY_US, nw.col("occurred_at") // DAY_US
    rows = (
        known_at(tables, "transactions", t)
        .with_columns(day=day, first=day.min().over(KEY))
        .filter((nw.col("day") >= last - known * WEEK_DAYS) & (nw.col("day") < last))
        .with_columns(ago=(last - 1 - nw.col("day")) // WEEK_DAYS)
        .group_by(KEY, "ago")
        .agg(
            nw.col(net_column(spec)[0]).sum().cast(nw.Int64).alias("net"),
            nw.col("first").min().alias("first"),
        )
        .collect("pyarrow")
    )
    place, people = pd.factorize(pd.Series(rows[KEY].to_numpy(), dtype=object))
    half = pd.util.hash_array(np.asarray(people, dtype=object), categorize=False) % 2
    first = np.zeros(len(people), dtype=np.int64)
    first[place] = rows["first"].to_numpy()
    came = first[first >= last - YEAR_DAYS] - (last - YEAR_DAYS)
    return rows["ago"].to_numpy(), rows["net"].to_numpy(), half[place], came


def _index(totals: np.ndarray) -> np.ndarray:
    """The index (52,) by weeks ago, its mean 1, of totals by weeks ago, 53 to 104 of them."""
    again = len(totals) - WEEKS
    now, then = totals[:again].mean(), totals[WEEKS:].mean()
    even = now + (then - now) * (np.arange(WEEKS) - (again - 1) / 2) / WEEKS
    level = totals[:WEEKS] / even
    bell = np.exp(-0.5 * np.square(SMOOTHING))
    index = np.stack([np.roll(level, shift) for shift in SMOOTHING], axis=1) @ bell
    return np.asarray(index / index.mean())


def season_ahead(t: int, spec: SnapshotSpec) -> float:
    """The mean index over the outcome window of `t`: above 1 in a season that brings more."""
    days = np.arange(t // DAY_US, t // DAY_US + spec.horizon_days)
    return float(spec.season_on(days).mean())
