"""The door: raw tables are checked against the contract once, made exact, and trusted after.

An error names the table, the column, how many rows, the first few keys and what to do. What is
repairable is repaired only where configuration says so, and counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path

import narwhals as nw
import polars as pl

from facette.errors import BadInput
from facette.settings import Data
from facette.tables.contract import CONTRACTS, DAY_US, Column, Contract, Kind, Tables
from facette.wording import listed, nearest

SOURCES = ("complete_journey", "cdnow")
LARGEST_MONEY = 10**15
FIRST_KEYS = 3


@dataclass(frozen=True)
class Raw:
    """What a source hands over: frames under contract names, and the files they came from."""

    frames: Mapping[str, pl.LazyFrame]
    files: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


def read(data: Data) -> Tables:
    """The checked tables of a configured source.

    Raises:
        BadInput: the source, a file, a column or a value is not what the contract asks for.
    """
    if data.source not in SOURCES:
        raise BadInput(
            f"data.source: there is no source called '{data.source}'; there are {listed(SOURCES)}"
        )
    source = import_module(f"facette.tables.{data.source}")
    try:
        raw = source.read(data)
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise BadInput(f"data {data.name}: a file cannot be read: {reason}") from None
    return admit(raw, data)


def admit(raw: Raw, data: Data) -> Tables:
    """Check and make exact the raw tables, all or none.

    Raises:
        BadInput: see the module's first lines.
    """
    if "transactions" not in raw.frames:
        raise BadInput("transactions: the one required table is missing")
    notes = list(raw.notes)
    frames = {
        name: _admitted(CONTRACTS[name], _collected(name, frame), data, notes)
        for name, frame in raw.frames.items()
    }
    end = _observed_until(frames, data)
    frames = {name: _within(CONTRACTS[name], f, end, data, notes) for name, f in frames.items()}
    if frames["transactions"].is_empty():
        raise BadInput(
            f"transactions: no row is dated before {_date(end)}, the end of observation; move "
            "data.observed_until"
        )
    frames["transactions"] = _with_category(frames, notes)
    return Tables(
        frames={name: nw.from_native(frame.lazy()) for name, frame in frames.items()},
        first_at=int(frames["transactions"]["occurred_at"].min()),  # type: ignore[arg-type]
        observed_until=end,
        rows={name: frame.height for name, frame in frames.items()},
        digests={path.name: _digest(path) for path in raw.files},
        notes=notes,
    )


def _collected(table: str, frame: pl.LazyFrame) -> pl.DataFrame:
    try:
        return frame.collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise BadInput(f"{table}: the file cannot be read: {reason}") from None


def microseconds(text: str, setting: str) -> int:
    """An ISO date or date-time of the local wall clock as microseconds since 1970.

    Raises:
        BadInput: `text`, the value of `setting`, is no ISO date.
    """
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        raise BadInput(
            f"{setting}: '{text}' is not a date; write it as 2017-10-01 or 2017-10-01T12:00"
        ) from None
    return (moment.replace(tzinfo=None) - datetime(1970, 1, 1)) // timedelta(microseconds=1)


def _admitted(
    contract: Contract, frame: pl.DataFrame, data: Data, notes: list[str]
) -> pl.DataFrame:
    _require_columns(contract, frame)
    if frame.is_empty():
        raise BadInput(f"{contract.name}: the table is empty; leave it out or give it rows")
    for column in contract.columns:
        if column.name in frame.columns:
            frame = _exact(contract, column, frame, data, notes)
    frame = _completed(contract, frame, data)
    _check_key(contract, frame)
    return _without_duplicates(contract, frame, data, notes)


def _require_columns(contract: Contract, frame: pl.DataFrame) -> None:
    absent = [c.name for c in contract.columns if c.required and c.name not in frame.columns]
    if absent:
        raise BadInput(
            f"{contract.name}: column {listed(absent)} is missing; the table has "
            f"{listed(frame.columns)}{nearest(absent[0], frame.columns)}"
        )


def _exact(
    contract: Contract, column: Column, frame: pl.DataFrame, data: Data, notes: list[str]
) -> pl.DataFrame:
    given = frame[column.name]
    made = _CASTS[column.kind](given, data)
    unreadable = given.is_not_null() & made.is_null()
    _refuse(contract, column, frame, unreadable, f"that is no {column.kind.value}")
    if column.required:
        _refuse(contract, column, frame, made.is_null(), "that is missing")
    if column.kind is Kind.money:
        made = _minor_units(contract, column, frame, made, data, notes)
    if column.kind is Kind.instant:
        _refuse(contract, column, frame, made < 0, "dated before 1970")
    if column.minimum is not None:
        _refuse(contract, column, frame, made < column.minimum, f"below {column.minimum}")
    return frame.with_columns(made.alias(column.name))


def _text(given: pl.Series, data: Data) -> pl.Series:
    return given.cast(pl.String)


def _number(given: pl.Series, data: Data) -> pl.Series:
    number = given.cast(pl.Float64, strict=False)
    return number.set(~number.is_finite(), None) if number.dtype == pl.Float64 else number


def _flag(given: pl.Series, data: Data) -> pl.Series:
    if given.dtype == pl.String:
        words = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
        return given.str.to_lowercase().replace_strict(words, default=None)
    return given.cast(pl.Boolean, strict=False)


def _instant(given: pl.Series, data: Data) -> pl.Series:
    if given.dtype == pl.String:
        given = _parsed(given)
    if given.dtype == pl.Date:
        given = given.cast(pl.Datetime("us"))
    if not isinstance(given.dtype, pl.Datetime):
        return pl.Series(given.name, [None] * len(given), dtype=pl.Int64)
    if given.dtype.time_zone is not None:
        try:
            given = given.dt.convert_time_zone(data.timezone).dt.replace_time_zone(None)
        except pl.exceptions.ComputeError:
            raise BadInput(
                f"data.timezone: '{data.timezone}' is no time zone; write it as Europe/Paris"
            ) from None
    return given.dt.timestamp("us")


def _parsed(given: pl.Series) -> pl.Series:
    """ISO dates and date-times; anything else is null and refused by the caller."""
    moments = [
        given.str.to_datetime(form, time_unit="us", strict=False)
        for form in ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d")
    ]
    return pl.select(pl.coalesce(moments)).to_series().alias(given.name)


_CASTS = {
    Kind.text: _text,
    Kind.instant: _instant,
    Kind.money: _number,
    Kind.number: _number,
    Kind.flag: _flag,
}


def _minor_units(
    contract: Contract, column: Column, frame: pl.DataFrame, amounts: pl.Series,
    data: Data, notes: list[str],
) -> pl.Series:  # fmt: skip
    units = amounts * 10**data.minor_units
    _refuse(contract, column, frame, units.abs() > LARGEST_MONEY, "too large to be kept exactly")
    whole = units.round(0)
    rounded = int(((units - whole).abs() > 1e-4).sum())
    if rounded:
        notes.append(
            f"{contract.name}.{column.name}: {rounded:,} amounts were rounded to "
            f"{data.minor_units} decimals"
        )
    return whole.cast(pl.Int64)


def _refuse(
    contract: Contract, column: Column, frame: pl.DataFrame, bad: pl.Series, problem: str
) -> None:
    count = int(bad.sum() or 0)
    if not count:
        return
    rows = frame.filter(bad.fill_null(False)).head(FIRST_KEYS)
    key = contract.columns[0].name
    shown = [f"{k}: {v!r}" for k, v in zip(rows[key], rows[column.name], strict=True)]
    raise BadInput(
        f"{contract.name}.{column.name}: {count:,} of {frame.height:,} rows hold a value {problem} "
        f"(first {key}s {'; '.join(shown)}); correct these rows or leave them out of the file"
    )


def _completed(contract: Contract, frame: pl.DataFrame, data: Data) -> pl.DataFrame:
    """Fill in what the contract defaults: when a row was recorded, which basket it belongs to."""
    if contract.instant in frame.columns:
        delay = data.recording_delay_hours * 3_600_000_000
        default = pl.col(contract.instant) + delay
        given = [pl.col("recorded_at")] if "recorded_at" in frame.columns else []
        frame = frame.with_columns(recorded_at=pl.coalesce([*given, default]))
    if contract.name == "transactions":
        default = pl.col("occurred_at").cast(pl.String)
        given = [pl.col("transaction_id")] if "transaction_id" in frame.columns else []
        frame = frame.with_columns(transaction_id=pl.coalesce([*given, default]))
    return frame


def _check_key(contract: Contract, frame: pl.DataFrame) -> None:
    key = [name for name in contract.key if name in frame.columns]
    if not key:
        return
    twice = frame.filter(pl.struct(key).is_duplicated())
    if twice.height:
        first = twice[key[0]].unique(maintain_order=True).head(FIRST_KEYS).to_list()
        raise BadInput(
            f"{contract.name}: {twice.height:,} rows share the key {listed(key)} with another "
            f"(first {key[0]}s {listed(first)}); keep one row for each"
        )


def _without_duplicates(
    contract: Contract, frame: pl.DataFrame, data: Data, notes: list[str]
) -> pl.DataFrame:
    if contract.key:
        return frame
    kept = frame.unique(maintain_order=True)
    twice = frame.height - kept.height
    if twice:
        done = "dropped" if data.drop_duplicates else "kept (data.drop_duplicates is false)"
        notes.append(f"{contract.name}: {twice:,} rows repeat another row exactly, {done}")
    return kept if data.drop_duplicates else frame


def _observed_until(frames: Mapping[str, pl.DataFrame], data: Data) -> int:
    if data.observed_until is not None:
        return microseconds(data.observed_until, "data.observed_until")
    events = [frames[n]["occurred_at"].max() for n in frames if "occurred_at" in frames[n].columns]
    last = max(int(event) for event in events if event is not None)  # type: ignore[arg-type]
    return (last // DAY_US + 1) * DAY_US


def _within(
    contract: Contract, frame: pl.DataFrame, end: int, data: Data, notes: list[str]
) -> pl.DataFrame:
    """Rows before the end of observation; later ones are refused unless configured otherwise."""
    if contract.instant not in frame.columns:
        return frame
    later = frame[contract.instant] >= end
    count = int(later.sum())
    if not count:
        return frame
    if not data.leave_out_later_rows:
        keys = frame.filter(later)[contract.columns[0].name].head(FIRST_KEYS).to_list()
        raise BadInput(
            f"{contract.name}.{contract.instant}: {count:,} rows are dated at or after the end of "
            f"observation, {_date(end)} (first {contract.columns[0].name}s {listed(keys)}); "
            "correct them, move data.observed_until, or set data.leave_out_later_rows=true"
        )
    notes.append(
        f"{contract.name}: {count:,} rows at or after {_date(end)}, the end of observation, "
        "are left out"
    )
    return frame.filter(~later.fill_null(False))


def _with_category(frames: Mapping[str, pl.DataFrame], notes: list[str]) -> pl.DataFrame:
    lines, products = frames["transactions"], frames.get("products")
    if "category" in lines.columns or products is None or "product" not in lines.columns:
        return lines
    if "category" not in products.columns:
        return lines
    joined = lines.join(products.select("product", "category"), on="product", how="left")
    unknown = int(joined["category"].is_null().sum())
    if unknown:
        notes.append(f"transactions: {unknown:,} lines are of products without a category")
    return joined


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _date(microseconds_: int) -> str:
    return (datetime(1970, 1, 1) + timedelta(microseconds=microseconds_)).date().isoformat()
