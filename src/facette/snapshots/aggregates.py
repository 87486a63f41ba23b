"""Integer aggregates per customer, written once with Narwhals for every engine.

Counts, sums, instants and distinct counts only, all Int64: exact in any order, on any thread, on
Polars, DuckDB or Spark. Ratios come after, in `finish`. An absent sum is 0, an absent extreme null.
"""

from __future__ import annotations

from functools import reduce

import narwhals as nw

from facette.settings.data import Population
from facette.snapshots.fading import summed
from facette.snapshots.known import known_at
from facette.snapshots.spec import SnapshotSpec
from facette.tables.contract import DAY_US, HOUR_US, Tables

KEY = "customer_id"
SMALL_BASKET_LINES = 5
IS_PURCHASE = nw.col("amount") >= 0  # bringing something back is no visit and no return
# 1970-01-01 was a Thursday; Monday is 0.
_EPOCH_WEEKDAY = 3
DAY_PARTS = {"night": (0, 6), "morning": (6, 12), "afternoon": (12, 18), "evening": (18, 24)}


def aggregates_at(tables: Tables, t: int, spec: SnapshotSpec) -> nw.LazyFrame:
    """One row per customer of the population at `t`, sorted by nothing, integers and text only."""
    known = known_at(tables, "transactions", t)
    recent = known.filter(nw.col("occurred_at") >= t - spec.observation_days * DAY_US)
    lines = recent.with_columns(day=nw.col("occurred_at") // DAY_US)
    bought = lines.filter(IS_PURCHASE)
    families = [
        _history(known, t, spec),
        _spend(lines, t, spec),
        _visits(_baskets(bought), t, spec),
        _rhythm(bought.select(KEY, "day").unique(), t, spec),
    ]
    if "product" in spec.columns:
        families.append(_products(bought))
    if "category" in spec.columns:
        families.append(_categories(lines, spec))
    if spec.attributes:
        families.append(_profile(tables, t, spec))
    population = population_at(tables, t, spec)
    return reduce(lambda left, right: left.join(right, on=KEY, how="left"), families, population)


def population_at(tables: Tables, t: int, spec: SnapshotSpec) -> nw.LazyFrame:
    """Who has a row at `t`: whoever has a transaction known then, objectors left out.

    Where the spec's population is `known`, so has whoever stands in the table customers by then.
    """
    people = known_at(tables, "transactions", t).select(KEY)
    if spec.population == Population.known.value:
        people = nw.concat([people, known_at(tables, "customers", t).select(KEY)])
    people = people.unique()
    objecting = objectors_at(tables, t)
    return people if objecting is None else people.join(objecting, on=KEY, how="anti")


def integer(expression: nw.Expr, name: str) -> nw.Expr:
    """An aggregate as Int64, under its name."""
    return expression.cast(nw.Int64).alias(name)


def sum_where(condition: nw.Expr, value: nw.Expr, name: str) -> nw.Expr:
    """The sum over the rows where a condition holds; 0 where none does."""
    return integer(nw.when(condition).then(value).otherwise(nw.lit(0, nw.Int64)).sum(), name)


def count_where(condition: nw.Expr, name: str) -> nw.Expr:
    """How many rows a condition holds in."""
    return sum_where(condition, nw.lit(1, nw.Int64), name)


def distinct(name: str, alias: str) -> nw.Expr:
    """How many different values a column has, nulls left aside."""
    column = nw.col(name)
    return integer(column.n_unique() - column.is_null().any().cast(nw.Int64), alias)


def weekday_of(instant: nw.Expr) -> nw.Expr:
    """The day of the week; Monday is 0."""
    return (instant // DAY_US + _EPOCH_WEEKDAY) % 7


def hour_of(instant: nw.Expr) -> nw.Expr:
    """The hour of the day, 0 to 23."""
    return instant // HOUR_US % 24


def _history(known: nw.LazyFrame, t: int, spec: SnapshotSpec) -> nw.LazyFrame:
    """The whole known past: the last purchase, value by age, and what the baselines need."""
    net = nw.col("margin" if "margin" in spec.columns else "amount")
    days = (
        known.with_columns(day=nw.col("occurred_at") // DAY_US)
        .group_by(KEY, "day")
        .agg(
            integer(net.sum(), "net"),
            integer(nw.when(IS_PURCHASE).then(nw.col("occurred_at")).max(), "last_at"),
        )
        .with_columns(
            first_day=nw.col("day").min().over(KEY),
            bought=(~nw.col("last_at").is_null()).cast(nw.Int64),
        )
    )
    bought = nw.col("bought") == 1
    return days.group_by(KEY).agg(
        integer(nw.col("day").min(), "history_first_day"),
        integer(nw.when(bought).then(nw.col("day")).max(), "history_last_day"),
        integer(nw.col("last_at").max(), "last_at"),
        count_where(bought, "history_days"),
        sum_where(nw.col("day") > nw.col("first_day"), nw.col("net"), "history_repeat_amount"),
        *(
            sum_where(nw.col("day") >= first, nw.col(column), name)
            for name, column, first in summed(t, spec)
        ),
    )


def _spend(lines: nw.LazyFrame, t: int, spec: SnapshotSpec) -> nw.LazyFrame:
    amount, within = nw.col("amount"), _within(nw.col("occurred_at"), t)
    half = spec.observation_days // 2
    wanted = [
        *(sum_where(within(w), amount, f"amount_{w}") for w in spec.windows_days),
        sum_where(within(half), amount, "amount_recent_half"),
        integer(amount.sum(), "amount"),
        integer(nw.len(), "lines"),
        count_where(amount < 0, "refund_lines"),
        sum_where(amount < 0, amount * -1, "refund_amount"),
        sum_where(amount > 0, amount, "positive_amount"),
        integer(nw.col("occurred_at").min(), "first_at"),
    ]
    if "discount" in spec.columns:
        wanted += [
            integer(nw.col("discount").sum(), "discount"),
            count_where(nw.col("discount") > 0, "discounted_lines"),
        ]
    return lines.group_by(KEY).agg(*wanted)


def _within(instant: nw.Expr, t: int):  # type: ignore[no-untyped-def]
    return lambda days: instant >= t - days * DAY_US


def _baskets(lines: nw.LazyFrame) -> nw.LazyFrame:
    return lines.group_by(KEY, "transaction_id").agg(
        integer(nw.col("occurred_at").min(), "at"),
        integer(nw.col("amount").sum(), "amount"),
        integer(nw.len(), "lines"),
    )


def _visits(baskets: nw.LazyFrame, t: int, spec: SnapshotSpec) -> nw.LazyFrame:
    within = _within(nw.col("at"), t)
    hour = hour_of(nw.col("at"))
    wanted = [
        *(count_where(within(w), f"transactions_{w}") for w in spec.windows_days),
        count_where(within(spec.observation_days // 2), "transactions_recent_half"),
        integer(nw.len(), "transactions"),
        integer(nw.col("lines").sum(), "bought_lines"),
        integer(nw.col("amount").max(), "largest_transaction"),
        count_where(nw.col("lines") <= SMALL_BASKET_LINES, "small_baskets"),
        count_where(weekday_of(nw.col("at")) >= 5, "weekend_transactions"),
    ]
    if spec.has_hours:
        wanted += [
            count_where((hour >= start) & (hour < end), f"{part}_transactions")
            for part, (start, end) in DAY_PARTS.items()
        ]
    return baskets.group_by(KEY).agg(*wanted)


def _rhythm(days: nw.LazyFrame, t: int, spec: SnapshotSpec) -> nw.LazyFrame:
    """Days with a purchase and the gaps between them, in days."""
    gap = nw.col("day") - nw.col("day").shift(1).over(KEY, order_by="day")
    first = {w: t // DAY_US - w for w in spec.windows_days}
    return (
        days.with_columns(gap=gap)
        .group_by(KEY)
        .agg(
            *(count_where(nw.col("day") >= d, f"days_{w}") for w, d in first.items()),
            integer(nw.len(), "days"),
            integer(nw.col("gap").sum(), "gap_sum"),
            integer((nw.col("gap") * nw.col("gap")).sum(), "gap_square_sum"),
            integer(nw.col("gap").max(), "gap_max"),
        )
    )


def _products(lines: nw.LazyFrame) -> nw.LazyFrame:
    pairs = (
        lines.filter(~nw.col("product").is_null())
        .group_by(KEY, "product")
        .agg(integer(nw.len(), "lines"), distinct("transaction_id", "baskets"))
    )
    return pairs.group_by(KEY).agg(
        integer(nw.len(), "products"),
        count_where(nw.col("baskets") >= 2, "products_again"),
        sum_where(nw.col("baskets") >= 2, nw.col("lines"), "lines_again"),
        integer(nw.col("lines").sum(), "lines_with_product"),
    )


def _categories(lines: nw.LazyFrame, spec: SnapshotSpec) -> nw.LazyFrame:
    """Positive amounts by category: those with a share of their own, the largest, how many."""
    pairs = (
        lines.filter((nw.col("amount") > 0) & ~nw.col("category").is_null())
        .group_by(KEY, "category")
        .agg(integer(nw.col("amount").sum(), "amount"))
    )
    return pairs.group_by(KEY).agg(
        integer(nw.len(), "categories"),
        integer(nw.col("amount").sum(), "category_amount"),
        integer(nw.col("amount").max(), "category_largest"),
        *(
            sum_where(nw.col("category") == category, nw.col("amount"), f"category_{i}")
            for i, category in enumerate(spec.categories)
        ),
    )


def _profile(tables: Tables, t: int, spec: SnapshotSpec) -> nw.LazyFrame:
    """Attributes as they stood at `t`: the latest dated row, or the only one where static."""
    people = known_at(tables, "customers", t)
    wanted = [name for name in spec.attributes if name != "acquired_at"]
    acquired = ["acquired_at"] if "acquired_at" in spec.attributes else []
    if "valid_from" in tables.columns("customers"):
        since = nw.col("valid_from").fill_null(-1)
        people = people.filter(since == since.max().over(KEY))
    return people.select(
        KEY, *(nw.col(name).alias(f"attribute_{name}") for name in wanted), *acquired
    )


def objectors_at(tables: Tables, t: int) -> nw.LazyFrame | None:
    """Customers whose latest word before `t` on marketing as a whole is an objection.

    One column, customer_id, each once; None where the tables don't tell of objections.
    """
    if "consents" not in tables or "objected" not in tables.columns("consents"):
        return None
    said = known_at(tables, "consents", t)
    if "channel" in tables.columns("consents"):
        said = said.filter(nw.col("channel").is_null())
    said = said.filter(~nw.col("objected").is_null())
    latest = said.filter(nw.col("recorded_at") == nw.col("recorded_at").max().over(KEY))
    return latest.filter(nw.col("objected")).select(KEY).unique()
