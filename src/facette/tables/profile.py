"""What each table holds: the kind of every column, its gaps and its values.

Only aggregates are collected, once for a table and once for each of its text columns, so that a
table larger than memory is described as well as a small one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import narwhals as nw
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
    kinds = {c: _kind(contract, c, dtype) for c, dtype in frame.collect_schema().items()}
    counted = _counted(frame, kinds)
    columns = [
        _column(frame, c, kind, counted, place, minor_units)
        for place, (c, kind) in enumerate(kinds.items())
    ]
    dated = next((column for column in columns if column.name == contract.instant), None)
    people = next((column for column in columns if column.name == KEY), None)
    return TableProfile(
        name,
        counted["rows"],
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


def _counted(frame: nw.LazyFrame, kinds: dict[str, Kind]) -> dict[str, Any]:
    wanted = [nw.len().alias("rows")]
    for place, (name, kind) in enumerate(kinds.items()):
        column = nw.col(name)
        wanted.append(column.is_null().sum().alias(f"missing {place}"))
        wanted.append(column.n_unique().alias(f"distinct {place}"))
        if kind in ORDERED:
            wanted.append(column.min().alias(f"least {place}"))
            wanted.append(column.max().alias(f"most {place}"))
    return frame.select(*wanted).collect("pyarrow").rows(named=True)[0]


def _column(
    frame: nw.LazyFrame, name: str, kind: Kind, counted: dict[str, Any], place: int,
    minor_units: int,
) -> ColumnProfile:  # fmt: skip
    missing = int(counted[f"missing {place}"] or 0)
    distinct = int(counted[f"distinct {place}"]) - (missing > 0)  # null counts as a value there
    if kind in ORDERED:
        least, most = (
            _readable(counted[f"{end} {place}"], kind, minor_units) for end in ("least", "most")
        )
        return ColumnProfile(name, kind, missing, distinct, least, most)
    frequent, rows = _most_frequent(frame, name) if distinct else (None, 0)
    return ColumnProfile(
        name, kind, missing, distinct, frequent=frequent, frequent_rows=rows
    )  # fmt: skip


def _readable(value: Any, kind: Kind, minor_units: int) -> Value:
    """An extreme in the units people read: currency units, dates."""
    if kind is Kind.money and value is not None:
        return float(value) / 10**minor_units
    if kind is Kind.instant and isinstance(value, int):
        return EPOCH + timedelta(microseconds=value)
    return value


def _most_frequent(frame: nw.LazyFrame, name: str) -> tuple[str, int]:
    """The most frequent value and its rows; of several, the first in order."""
    counted = (
        frame.select(value=nw.col(name))
        .filter(~nw.col("value").is_null())
        .group_by("value")
        .agg(rows=nw.len())
        .sort("rows", "value", descending=[True, False])
        .head(1)
        .collect("pyarrow")
    )
    return str(counted.item(0, "value")), int(counted.item(0, "rows"))


def _of_buyers(tables: Tables, name: str) -> int:
    buyers = tables["transactions"].select(KEY).unique()
    matched = tables[name].select(KEY).unique().join(buyers, on=KEY, how="semi")
    return int(matched.select(n=nw.len()).collect("pyarrow").item(0, "n"))
