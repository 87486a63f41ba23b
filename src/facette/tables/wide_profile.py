"""What each column of a wide table holds, and what becomes of it."""

from __future__ import annotations

from typing import Any

import polars as pl

from facette.tables.contract import Kind
from facette.tables.profile import ColumnProfile, TableProfile
from facette.tables.wide import WideTable

PLAYS = {
    "customer_id": "names the customer",
    "churn": "the churn outcome",
    "value": "the value outcome",
    "current_value": "current value; learnt from",
}


def wide_profile(table: WideTable) -> TableProfile:
    """The table as it came, before anything of it was left out or made a number."""
    frame: pl.DataFrame = table.tables["wide"].collect("polars").to_native()
    return TableProfile(
        "wide", frame.height, [_column(column) for column in frame], customers=frame.height
    )


def uses(table: WideTable) -> dict[str, str]:
    """Heading -> what it is for: an outcome, learnt from, or left out and why."""
    told = {heading: PLAYS[role] for role, heading in table.roles.items()}
    for why, headings in table.left.items():
        told |= dict.fromkeys(headings, f"left out: {why}")
    for name, heading in table.sources.items():
        told.setdefault(heading, _learnt(name, table))
    every = table.tables.columns("wide")
    return {heading: told.get(heading, "left out: data.drop") for heading in every}


def _learnt(name: str, table: WideTable) -> str:
    if name in table.yes_no:
        return "learnt from, as 1 and 0"
    is_text = table.features.schema[name] == pl.String
    return "learnt from, a category" if is_text else "learnt from"


def _column(column: pl.Series) -> ColumnProfile:
    kind = _kind(column.dtype)
    if column.dtype.is_float():
        column = column.fill_nan(None)
    known = column.drop_nulls()
    missing = len(column) - len(known)
    if column.dtype.is_nested():
        return ColumnProfile(column.name, kind, missing, int(known.hash().n_unique()))
    if kind in (Kind.number, Kind.instant):
        least, most = known.min(), known.max()
        return ColumnProfile(column.name, kind, missing, known.n_unique(), least, most)  # type: ignore[arg-type]
    frequent, rows = _most_frequent(known)
    return ColumnProfile(
        column.name, kind, missing, known.n_unique(), frequent=frequent, frequent_rows=rows
    )


def _kind(dtype: pl.DataType) -> Kind:
    if dtype.is_numeric():
        return Kind.number
    if dtype == pl.Boolean:
        return Kind.flag
    return Kind.instant if isinstance(dtype, pl.Date | pl.Datetime) else Kind.text


def _most_frequent(known: pl.Series) -> tuple[str | None, int]:
    """The most frequent value and its rows; of several, the first in order."""
    if not len(known):
        return None, 0
    counts = known.alias("value").value_counts().sort("count", "value", descending=[True, False])
    first: dict[str, Any] = counts.row(0, named=True)
    return str(first["value"]), int(first["count"])
