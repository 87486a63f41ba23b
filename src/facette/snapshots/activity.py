"""When customers bought: by day and by month, where nothing happened, how observation ends.

A purchase is a basket of one day with a line that is no refund. Only sums by day, by month and by
customer are collected, of scanned tables for a share of the customers at a time.
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

import narwhals as nw
import numpy as np
import pandas as pd

from facette.snapshots.aggregates import KEY
from facette.snapshots.outcomes import net_column
from facette.snapshots.spec import SnapshotSpec
from facette.tables.contract import DAY_US, Tables

EPOCH_DAY = date(1970, 1, 1)
MONTHS_BEFORE = 3  # that the last month is compared with
WEEKS_BEFORE = 8  # that the last day is compared with, by the same weekday
LEAST_WEEKS = 3


@dataclass(frozen=True)
class Silence:
    """A stretch of days without any transaction."""

    start: date
    days: int


@dataclass(frozen=True)
class Activity:
    """Customers and purchases over time; net value in currency units.

    `days`: one row a day of observation; transactions (any line), customers, purchases, net.
    `months`: first day of the month, days observed, whole, customers, new_customers, purchases,
    net. `silences`: the longest first. `usual_last_day` is the median of purchases on earlier days
    of the last day's weekday, `last_month_pace` the purchases a day of the last month over the
    median of the three before; None where there is too little to compare with.
    """

    days: pd.DataFrame
    months: pd.DataFrame
    silences: list[Silence]
    usual_last_day: float | None
    last_month_pace: float | None

    @property
    def silent_days(self) -> list[date]:
        """Days of observation without any transaction, in order."""
        return [day for day, lines in self.days["transactions"].items() if lines == 0]


def activity(tables: Tables, spec: SnapshotSpec, first_days: np.ndarray) -> Activity:
    """Customers and purchases over the days of observation.

    `first_days` holds each customer's first day, in days since 1970.
    """
    visits = [customer_days(share, spec) for share in tables.shares()]
    unit = net_column(spec)[1] / 10**spec.minor_units
    days = _by_day(visits, tables, unit)
    months = _by_month(visits, days, first_days, unit)
    return Activity(
        days, months, _silences(days), _usual_last_day(days["purchases"]), _pace(months)
    )


def customer_days(tables: Tables, spec: SnapshotSpec) -> nw.LazyFrame:
    """One row a customer and day: transactions (lines), purchases, paid and net (minor units).

    `net` is margin where it is known, the amount paid otherwise.
    """
    net, _ = net_column(spec)
    bought = nw.when(nw.col("amount") >= 0).then(nw.lit(1, nw.Int64)).otherwise(0)
    baskets = (
        tables["transactions"]
        .with_columns(day=nw.col("occurred_at") // DAY_US, bought=bought)
        .group_by(KEY, "day", "transaction_id")
        .agg(
            transactions=nw.len().cast(nw.Int64),
            purchases=nw.col("bought").max(),
            paid=nw.col("amount").sum().cast(nw.Int64),
            net=nw.col(net).sum().cast(nw.Int64),
        )
    )
    return baskets.group_by(KEY, "day").agg(*_sums(), nw.col("paid").sum().cast(nw.Int64))


def _by_day(visits: Sequence[nw.LazyFrame], tables: Tables, unit: float) -> pd.DataFrame:
    found = _added_up(visits, "day")
    until = -(-tables.observed_until // DAY_US)
    every = found.reindex(range(tables.first_at // DAY_US, until), fill_value=0)
    every.index = pd.Index([EPOCH_DAY + timedelta(days=int(day)) for day in every.index])
    return every.assign(net=every["net"] * unit)


def _by_month(
    visits: Sequence[nw.LazyFrame], days: pd.DataFrame, first_days: np.ndarray, unit: float
) -> pd.DataFrame:
    month = _month_of(nw.col("day"))
    by_customer = [
        share.with_columns(month=month).group_by(KEY, "month").agg(*_sums()) for share in visits
    ]
    observed = pd.Series([_month_number(day) for day in days.index]).value_counts().sort_index()
    new = pd.Series([_month_number(EPOCH_DAY + timedelta(days=int(day))) for day in first_days])
    made = _added_up(by_customer, "month").reindex(observed.index, fill_value=0)
    starts = [date(month // 12, month % 12 + 1, 1) for month in made.index]
    length = [calendar.monthrange(start.year, start.month)[1] for start in starts]
    made = made.assign(
        month=starts,
        days=observed,
        whole=observed.to_numpy() == np.array(length),
        new_customers=new.value_counts().reindex(made.index, fill_value=0),
        net=made["net"] * unit,
    )
    names = ["month", "days", "whole", "customers", "new_customers", "purchases", "net"]
    return made[names].reset_index(drop=True)


def _sums() -> list[nw.Expr]:
    return [nw.col(name).sum().cast(nw.Int64) for name in ("transactions", "purchases", "net")]


def _added_up(shares: Sequence[nw.LazyFrame], by: str) -> pd.DataFrame:
    """The sums of all customers: shares have none in common, so that they add up."""
    return pd.concat([_summed(share, by) for share in shares]).groupby(level=by).sum()


def _summed(visits: nw.LazyFrame, by: str) -> pd.DataFrame:
    """Sums of customers' rows, and how many of them bought; indexed by `by`."""
    buys = nw.when(nw.col("purchases") > 0).then(nw.lit(1, nw.Int64)).otherwise(0)
    summed = (
        visits.with_columns(customers=buys)
        .group_by(by)
        .agg(nw.col("customers").sum().cast(nw.Int64), *_sums())
    )
    return summed.collect("pyarrow").to_native().to_pandas().set_index(by)


def _month_of(day: nw.Expr) -> nw.Expr:
    """Months since the year 0 of a day since 1970, in whole numbers, the same on every engine.

    Years begin in March here, so that the day which leap years add is the last of its year; 400
    years have 146,097 days.
    """
    shifted = day + 719_468
    era = shifted // 146_097
    of_era = shifted - era * 146_097
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    return 12 * (year + 400 * era) + (5 * of_year + 2) // 153 + 2


def _month_number(day: date) -> int:
    return day.year * 12 + day.month - 1


def _silences(days: pd.DataFrame) -> list[Silence]:
    found = []
    for silent, stretch in groupby(days["transactions"].items(), key=lambda row: row[1] == 0):
        dates = [day for day, _ in stretch]
        if silent:
            found.append(Silence(dates[0], len(dates)))
    return sorted(found, key=lambda silence: -silence.days)


def _usual_last_day(purchases: pd.Series) -> float | None:
    alike = purchases.iloc[-8 : -7 * WEEKS_BEFORE - 2 : -7]
    return float(alike.median()) if len(alike) >= LEAST_WEEKS else None


def _pace(months: pd.DataFrame) -> float | None:
    """Purchases a day of the last month over the median of the months before it."""
    rates = (months["purchases"] / months["days"]).to_numpy()
    usual = float(np.median(rates[-1 - MONTHS_BEFORE : -1])) if len(rates) > 1 else 0.0
    return float(rates[-1]) / usual if usual else None
