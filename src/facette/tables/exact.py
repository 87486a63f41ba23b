"""Exact values: a column as it came becomes text, integer minor units or integer microseconds.

Everything here is a Polars expression over one column, so that a table larger than memory is made
exact while it is scanned. What can't be read is null; the door counts it and refuses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from facette.settings.data import EventData
from facette.tables.contract import Column, Kind
from facette.wording import listed

LARGEST_MONEY = 10**15
# what a spreadsheet makes of an identifier: 1.0 and 1 are one customer, in every table
WHOLE = r"^-?\d+(\.0+)?$"
WITH_POINT_ZERO = r"^-?\d+\.0+$"
FLAGS = dict.fromkeys(("true", "yes", "y", "t", "1", "1.0", "vrai", "oui", "o"), True)
FLAGS |= dict.fromkeys(("false", "no", "n", "f", "0", "0.0", "faux", "non"), False)
ISO_FORMS = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d")


@dataclass(frozen=True)
class Exact:
    """One column: its exact value, and what may be wrong with it, in the order it is told."""

    column: Column
    value: pl.Expr
    problems: tuple[tuple[pl.Expr, str], ...]
    rounded: pl.Expr | None = None


def exact(column: Column, dtype: pl.DataType, data: EventData) -> Exact:
    """How a column of this type comes in, whatever its rows hold."""
    given = pl.col(column.name)
    read = _READERS[column.kind](given, dtype, data)
    value, rounded = read, None
    problems = [(given.is_not_null() & read.is_null(), f"that is no {column.kind.value}")]
    if column.values:
        value = read.str.to_lowercase()
        problems.append((~value.is_in(column.values), f"that is none of {listed(column.values)}"))
    if column.required:
        problems.append((read.is_null(), "that is missing"))
    if column.kind is Kind.money:
        units = read * 10**data.minor_units
        small = units.abs() <= LARGEST_MONEY
        problems.append((~small, "too large to be kept exactly"))
        value = pl.when(small).then(units.round(0)).cast(pl.Int64)
        rounded = (units - units.round(0)).abs() > 1e-4
    if column.kind is Kind.instant:
        problems.append((value < 0, "dated before 1970"))
    if column.minimum is not None:
        problems.append((read < column.minimum, f"below {column.minimum:g}"))
    return Exact(column, value.alias(column.name), tuple(problems), rounded)


def as_text(given: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """A column as text; whole numbers of a float column without their `.0`, NaN as null."""
    if not dtype.is_float():
        return given.cast(pl.String)
    whole = (given == given.floor()) & (given.abs() < 2**53)
    as_whole = given.cast(pl.Int64, strict=False).cast(pl.String)
    return pl.when(whole).then(as_whole).when(given.is_not_nan()).then(given.cast(pl.String))


def _text(given: pl.Expr, dtype: pl.DataType, data: EventData) -> pl.Expr:
    return as_text(given, dtype)


def _number(given: pl.Expr, dtype: pl.DataType, data: EventData) -> pl.Expr:
    if dtype.is_temporal() or dtype == pl.Boolean:
        return pl.lit(None, pl.Float64)
    number = given.cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number)


def _flag(given: pl.Expr, dtype: pl.DataType, data: EventData) -> pl.Expr:
    if dtype == pl.String:
        return given.str.to_lowercase().replace_strict(FLAGS, default=None, return_dtype=pl.Boolean)
    if dtype.is_numeric():
        return pl.when(given.is_in([0, 1])).then(given == 1)
    return given if dtype == pl.Boolean else pl.lit(None, pl.Boolean)


def _instant(given: pl.Expr, dtype: pl.DataType, data: EventData) -> pl.Expr:
    if dtype == pl.String:
        given = pl.coalesce(
            given.str.to_datetime(form, time_unit="us", strict=False) for form in ISO_FORMS
        )
    elif dtype == pl.Date:
        given = given.cast(pl.Datetime("us"))
    elif not isinstance(dtype, pl.Datetime):
        return pl.lit(None, pl.Int64)
    elif dtype.time_zone is not None:
        given = given.dt.convert_time_zone(data.timezone).dt.replace_time_zone(None)
    return given.dt.timestamp("us")


_READERS: dict[Kind, Callable[[pl.Expr, pl.DataType, EventData], pl.Expr]] = {
    Kind.text: _text,
    Kind.instant: _instant,
    Kind.money: _number,
    Kind.number: _number,
    Kind.flag: _flag,
}


def point_zeros(names: list[str]) -> list[pl.Expr]:
    """For each text column: how many values are a whole number written with `.0`."""
    return [pl.col(name).str.contains(WITH_POINT_ZERO).sum() for name in names]


def without_point_zero(name: str) -> pl.Expr:
    """The text column with `1.0` told as `1`, value by value."""
    text = pl.col(name)
    whole = text.str.extract(r"^(-?\d+)\.")
    return pl.when(text.str.contains(WITH_POINT_ZERO)).then(whole).otherwise(text).alias(name)
