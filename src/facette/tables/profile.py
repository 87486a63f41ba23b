"""What each table holds: the kind of every column, its gaps and its values.

Only aggregates are collected, of one column at a time, and of a scanned table a share of the
column's values at a time. Shares have no value in common, so that distinct values add up exactly
and a table larger than memory is described as well as a small one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import narwhals as nw
import polars as pl
from narwhals.dtypes import DType

from facette.tables.contract import CONTRACTS, Contract, Kind, Tables

EPOCH = datetime(1970, 1, 1)
KEY = "customer_id"
ORDERED = (Kind.instant, Kind.money, Kind.number)

Value = float | int | date | None


@dataclass(frozen=True)
class ColumnProfile:
    """One column: `missing` rows, `distinct` values, and its extremes or its most frequent value.

    `least` and `most` are dates for instants, currency units for money, None for text and flags;
    `frequent` is the most frequent text or flag, in `frequent_rows` rows.
    """

    name: str
    kind: Kind
    missing: int
    distinct: int
    least: Value = None
    most: Value = None
    frequent: str | None = None
    frequent_rows: int = 0


@dataclass(frozen=True)
class TableProfile:
    """One table: `first` and `last` instant of its rows, where they have one.

    `customers` is how many it tells of, None where it is no table of customers; `of_buyers` how
    many of these have a transaction.
    """

    name: str
    rows: int
    columns: list[ColumnProfile]
    first: date | None = None
    last: date | None = None
    customers: int | None = None
    of_buyers: int | None = None

    def column(self, name: str) -> ColumnProfile | None:
        """The column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)

    def share_missing(self, column: ColumnProfile) -> float:
        """The share of rows in which a column is empty."""
        return column.missing / self.rows if self.rows else 0.0


def profiles(tables: Tables, minor_units: int) -> dict[str, TableProfile]:
    """Every table of a source by name; `minor_units` are the decimals of its money."""
    return {name: profile(tables, name, minor_units) for name in tables.frames}


def profile(tables: Tables, name: str, minor_units: int) -> TableProfile:
    """What one table holds."""
    frame, contract = tables[name], CONTRACTS[name]
    columns = [
        _column(list(_parts(frame, c, tables.passes)), c, _kind(contract, c, dtype), minor_units)
        for c, dtype in frame.collect_schema().items()
    ]
    dated = next((column for column in columns if column.name == contract.instant), None)
    people = next((column for column in columns if column.name == KEY), None)
    return TableProfile(
        name,
        _rows(frame),
        columns,
        first=dated.least if dated else None,  # type: ignore[arg-type]
        last=dated.most if dated else None,  # type: ignore[arg-type]
        customers=people.distinct if people else None,
        of_buyers=_of_buyers(tables, name) if people else None,
    )


def _kind(contract: Contract, name: str, dtype: DType) -> Kind:
    """What the contract says, or for an attribute what its type says."""
    if (column := contract.column(name)) is not None:
        return column.kind
    if dtype.is_numeric():
        return Kind.number
    if isinstance(dtype, nw.Boolean):
        return Kind.flag
    return Kind.instant if isinstance(dtype, nw.Datetime | nw.Date) else Kind.text


def _rows(frame: nw.LazyFrame) -> int:
    return int(frame.select(n=nw.len()).collect("pyarrow").item(0, "n"))


def _parts(frame: nw.LazyFrame, name: str, passes: int) -> Iterator[nw.LazyFrame]:
    """One column, a share of its values at a time; rows of the same value stay together."""
    column = frame.select(nw.col(name).alias("value"))
    if passes == 1:
        yield column
        return
    turn = pl.col("value").hash(seed=0) % passes
    for i in range(passes):
        yield nw.from_native(column.to_native().filter(turn == i))


def _column(parts: list[nw.LazyFrame], name: str, kind: Kind, minor_units: int) -> ColumnProfile:
    counted = [_counted(part, kind) for part in parts]
    missing = sum(int(part["missing"] or 0) for part in counted)
    distinct = sum(int(part["distinct"]) for part in counted)
    distinct -= missing > 0  # null counts as a value there
    if kind in ORDERED:
        least = min(_known(counted, "least"), default=None)
        most = max(_known(counted, "most"), default=None)
        least, most = (_readable(end, kind, minor_units) for end in (least, most))
        return ColumnProfile(name, kind, missing, distinct, least, most)
    frequent, rows = _most_frequent(parts) if distinct else (None, 0)
    return ColumnProfile(
        name, kind, missing, distinct, frequent=frequent, frequent_rows=rows
    )  # fmt: skip


def _counted(part: nw.LazyFrame, kind: Kind) -> dict[str, Any]:
    value = nw.col("value")
    ends = {"least": value.min(), "most": value.max()} if kind in ORDERED else {}
    asked = part.select(missing=value.is_null().sum(), distinct=value.n_unique(), **ends)
    return asked.collect("pyarrow").rows(named=True)[0]


def _known(counted: list[dict[str, Any]], end: str) -> list[Any]:
    """An extreme of each part that has values; one that is no number does not equal itself."""
    return [part[end] for part in counted if part[end] is not None and part[end] == part[end]]


def _readable(value: Any, kind: Kind, minor_units: int) -> Value:
    """An extreme in the units people read: currency units, dates."""
    if kind is Kind.money and value is not None:
        return float(value) / 10**minor_units
    if kind is Kind.instant and isinstance(value, int):
        return EPOCH + timedelta(microseconds=value)
    return value


def _most_frequent(parts: list[nw.LazyFrame]) -> tuple[str, int]:
    """The most frequent value and its rows; of several, the first in order."""
    first = [row for part in parts for row in _first(part)]
    rows, value = min((-rows, value) for value, rows in first)
    return str(value), -rows


def _first(part: nw.LazyFrame) -> list[tuple[Any, int]]:
    counted = (
        part.filter(~nw.col("value").is_null())
        .group_by("value")
        .agg(rows=nw.len())
        .sort("rows", "value", descending=[True, False])
        .head(1)
        .collect("pyarrow")
    )
    return [(value, int(rows)) for value, rows in counted.rows()]


def _of_buyers(tables: Tables, name: str) -> int:
    return sum(_buyers_among(share, name) for share in tables.shares())


def _buyers_among(tables: Tables, name: str) -> int:
    buyers = tables["transactions"].select(KEY).unique()
    return _rows(tables[name].select(KEY).unique().join(buyers, on=KEY, how="semi"))
