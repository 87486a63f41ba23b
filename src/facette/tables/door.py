"""The door: raw tables are checked against the contract once, made exact, and trusted after.

An error names the table, the column, how many rows, the first few keys and what to do. What is
repairable is repaired only where configuration says so, and counted. A table of up to
`data.rows_in_memory` rows is held; a larger one is scanned, here and by every later stage.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from zoneinfo import available_timezones

import narwhals as nw
import numpy as np
import polars as pl

from facette.errors import BadInput
from facette.settings.data import EventData, FilesData
from facette.tables.contract import (
    CONTRACTS,
    DAY_US,
    IDENTIFIERS,
    WHOLE_ROW,
    Cleaned,
    Contract,
    Kind,
    Tables,
)
from facette.tables.exact import Exact, exact, point_zeros, without_point_zero
from facette.wording import listed, nearest

SOURCES = ("complete_journey", "cdnow", "files", "bank")
FIRST_KEYS = 3
ROWS_A_PASS = 10_000_000  # of a scanned table, taken in hand at a time
STRAY_SHARE, STRAY_ROWS = 0.01, 3


@dataclass(frozen=True)
class Raw:
    """What a source hands over: frames under contract names, and the files they came from.

    `observed_until`: the ISO date on which observation ends, where the source knows it.
    """

    frames: Mapping[str, pl.LazyFrame]
    files: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    cleaning: tuple[Cleaned, ...] = ()
    observed_until: str | None = None


@dataclass(frozen=True)
class Log:
    """What is said of one table while it comes in, and the rows that each condition dropped."""

    notes: list[str]
    dropped: dict[str, int]


def read(data: EventData) -> Tables:
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
        return admit(source.read(data), data)
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise BadInput(f"data {data.name}: a file cannot be read: {reason}") from None


def admit(raw: Raw, data: EventData) -> Tables:
    """Check and make exact the raw tables, all or none.

    Raises:
        BadInput: see the module's first lines.
    """
    if "transactions" not in raw.frames:
        raise BadInput("transactions: the one required table is missing")
    if data.timezone not in available_timezones():
        raise BadInput(
            f"data.timezone: '{data.timezone}' is no time zone; write it as Europe/Paris"
        )
    notes, held = list(raw.notes), {n: _held(frame, data) for n, frame in raw.frames.items()}
    cleaning = {name: Cleaned(name, _rows(f), 0, {}) for name, f in held.items()}
    cleaning |= {cleaned.table: cleaned for cleaned in raw.cleaning}
    logs = {name: Log(notes, dict(cleaning[name].dropped)) for name in held}
    frames = {n: _admitted(CONTRACTS[n], frame, data, logs[n]) for n, frame in held.items()}
    given = raw.observed_until if data.observed_until is None else data.observed_until
    end = _observed_until(frames, given)
    frames = {n: _within(CONTRACTS[n], f, end, data, logs[n]) for n, f in frames.items()}
    _tell_strangers(frames, notes)
    frames["transactions"] = _with_category(frames, notes)
    frames = {name: _held(frame, data) for name, frame in frames.items()}
    first = frames["transactions"].select(pl.col("occurred_at").min())
    rows = {name: _rows(frame) for name, frame in frames.items()}
    scanned = max((n for n in rows.values() if n > data.rows_in_memory), default=0)
    return Tables(
        frames={name: nw.from_native(frame) for name, frame in frames.items()},
        first_at=int(_collected(first).item()),
        observed_until=end,
        rows=rows,
        digests=digests(raw.files),
        notes=notes,
        cleaning=[
            Cleaned(name, cleaning[name].rows_in, rows[name], log.dropped)
            for name, log in logs.items()
        ],
        passes=max(-(-scanned // ROWS_A_PASS), 1),
    )


def _collected(frame: pl.LazyFrame) -> pl.DataFrame:
    """What a question gives, asked batch by batch."""
    return frame.collect(engine="streaming")


def _rows(frame: pl.LazyFrame) -> int:
    return int(_collected(frame.select(pl.len())).item())


def _held(frame: pl.LazyFrame, data: EventData) -> pl.LazyFrame:
    """The table in memory where it is small enough, else as it was: to be scanned."""
    return frame.collect().lazy() if _rows(frame) <= data.rows_in_memory else frame


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


def _admitted(contract: Contract, frame: pl.LazyFrame, data: EventData, log: Log) -> pl.LazyFrame:
    schema = frame.collect_schema()
    _require_columns(contract, schema.names())
    frame = _with_whole_ids(contract, frame, log.notes)
    columns = [exact(c, schema[c.name], data) for c in contract.columns if c.name in schema]
    _refuse_problems(contract, frame, columns, data, log.notes)
    made = _completed(contract, frame.with_columns(c.value for c in columns), data)
    _check_key(contract, made)
    return _without_duplicates(contract, made, data, log).drop(WHOLE_ROW, strict=False)


def _require_columns(contract: Contract, given: list[str]) -> None:
    absent = [c.name for c in contract.columns if c.required and c.name not in given]
    if absent:
        raise BadInput(
            f"{contract.name}: column {listed(absent)} is missing; the table has "
            f"{listed(given)}{nearest(absent[0], given)}"
        )


def _with_whole_ids(contract: Contract, frame: pl.LazyFrame, notes: list[str]) -> pl.LazyFrame:
    """Identifiers that a spreadsheet wrote as 1.0 here and 1 there are told as 1."""
    schema = frame.collect_schema()
    texts = [name for name in IDENTIFIERS if schema.get(name) == pl.String]
    if not texts:
        return frame
    counts = _collected(frame.select(point_zeros(texts))).row(0, named=True)
    changed = {name: count for name, count in counts.items() if count}
    notes += [
        f"{contract.name}.{name}: {count:,} values written as 1.0 are read as 1"
        for name, count in changed.items()
    ]
    return frame.with_columns(without_point_zero(name) for name in changed)


def _refuse_problems(
    contract: Contract, frame: pl.LazyFrame, columns: list[Exact], data: EventData,
    notes: list[str],
) -> None:  # fmt: skip
    """One pass over the table counts everything that may be wrong with it.

    Raises:
        BadInput: the table is empty, or holds a value that the contract refuses.
    """
    problems = [(c, is_bad, told) for c in columns for is_bad, told in c.problems]
    roundings = [c for c in columns if c.rounded is not None]
    counts = [is_bad.sum().alias(f"problem {i}") for i, (_, is_bad, _) in enumerate(problems)]
    counts += [c.rounded.sum().alias(c.column.name) for c in roundings if c.rounded is not None]
    found = _collected(frame.select(pl.len().alias("rows"), *counts)).row(0, named=True)
    if not found["rows"]:
        raise BadInput(f"{contract.name}: the table is empty; leave it out or give it rows")
    for i, (column, is_bad, told) in enumerate(problems):
        if count := found[f"problem {i}"]:
            _refuse(contract, column, frame, is_bad, count, found["rows"], told, data)
    notes += [
        f"{contract.name}.{c.column.name}: {found[c.column.name]:,} amounts were rounded to "
        f"{data.minor_units} decimals"
        for c in roundings
        if found[c.column.name]
    ]


def _refuse(
    contract: Contract, column: Exact, frame: pl.LazyFrame, is_bad: pl.Expr, count: int,
    rows: int, problem: str, data: EventData,
) -> None:  # fmt: skip
    key, name = contract.columns[0].name, column.column.name
    numbered = frame.with_row_index("row", offset=1).filter(is_bad)
    first = _collected(numbered.select("row", key=pl.col(key), value=pl.col(name)).head(FIRST_KEYS))
    shown = f"{key}s " + "; ".join(f"{_plain(k)}: {v!r}" for _, k, v in first.iter_rows())
    if name == key and first["key"].null_count():
        shown = f"rows {listed(first['row'])}"
    raise BadInput(
        f"{contract.name}.{name}: {count:,} of {rows:,} rows hold a value {problem} "
        f"(first {shown}){_set_reading(contract, column, data)}; correct these rows or leave them "
        "out of the file"
    )


def _set_reading(contract: Contract, column: Exact, data: EventData) -> str:
    """The setting by which the column was read, where it is set: it may be what is wrong."""
    if not isinstance(data, FilesData) or column.column.kind not in _READ_BY:
        return ""
    key = _READ_BY[column.column.kind]
    value = getattr(getattr(data, contract.name).read, key)
    return "" if value is None else f", as data.{contract.name}.read.{key}={value} reads them"


_READ_BY = {Kind.instant: "date_format", Kind.money: "decimal", Kind.number: "decimal"}


def _plain(key: object) -> str:
    """A key as it stands, or quoted where it would break the line."""
    return str(key) if str(key).isprintable() else repr(key)


def _completed(contract: Contract, frame: pl.LazyFrame, data: EventData) -> pl.LazyFrame:
    """Fill in what the contract defaults: when a row was recorded, which basket it belongs to."""
    columns = frame.collect_schema().names()
    if contract.instant is not None and contract.instant in columns:
        delay = data.recording_delay_hours * 3_600_000_000
        default = pl.col(contract.instant) + delay
        given = [pl.col("recorded_at")] if "recorded_at" in columns else []
        frame = frame.with_columns(recorded_at=pl.coalesce([*given, default]))
    if contract.name == "transactions":
        default = pl.col("occurred_at").cast(pl.String)
        given = [pl.col("transaction_id")] if "transaction_id" in columns else []
        frame = frame.with_columns(transaction_id=pl.coalesce([*given, default]))
    return frame


def _check_key(contract: Contract, frame: pl.LazyFrame) -> None:
    key = [name for name in contract.key if name in frame.collect_schema()]
    if not key:
        return
    counts = [part.group_by(key).len().filter(pl.col("len") > 1) for part in _turns(frame, key[0])]
    twice = pl.concat([_collected(count) for count in counts]).sort(key)
    if rows := int(twice["len"].sum()):
        first = twice[key[0]].unique(maintain_order=True).head(FIRST_KEYS).to_list()
        raise BadInput(
            f"{contract.name}: {rows:,} rows share the key {listed(key)} with another "
            f"(first {key[0]}s {listed(map(_plain, first))}); keep one row for each"
        )


def _without_duplicates(
    contract: Contract, frame: pl.LazyFrame, data: EventData, log: Log
) -> pl.LazyFrame:
    if contract.key:
        return frame
    twice = _repeated_rows(frame)
    if twice:
        done = "dropped" if data.drop_duplicates else "kept (data.drop_duplicates is false)"
        log.notes.append(f"{contract.name}: {twice:,} rows repeat another row exactly, {done}")
    if not twice or not data.drop_duplicates:
        return frame
    if (rows := _rows(frame)) > data.rows_in_memory:
        raise BadInput(
            f"data.drop_duplicates: {contract.name} has {rows:,} rows, too many to be held, and "
            "only a table that is held can be freed of its repeats; raise data.rows_in_memory "
            "above that, or drop them in the source"
        )
    log.dropped["differs from every earlier row"] = twice
    whole = [WHOLE_ROW] if WHOLE_ROW in frame.collect_schema() else None
    return frame.unique(subset=whole, keep="first", maintain_order=True)


def _repeated_rows(frame: pl.LazyFrame) -> int:
    """Rows that equal an earlier one; some customers at a time, so that memory is bounded.

    Where the file had columns that nothing uses, rows that differ in these are no repeats.
    """
    known = WHOLE_ROW in frame.collect_schema()
    distinct = (pl.col(WHOLE_ROW) if known else pl.struct(pl.all()).hash(seed=1)).n_unique()
    asked = (part.select(distinct) for part in _turns(frame, "customer_id"))
    return _rows(frame) - sum(int(_collected(question).item()) for question in asked)


def _turns(frame: pl.LazyFrame, key: str) -> list[pl.LazyFrame]:
    """The table in parts that share no key, few enough rows in each."""
    passes = max(-(-_rows(frame) // ROWS_A_PASS), 1)
    turn = pl.col(key).hash(seed=0) % passes
    return [frame.filter(turn == i) for i in range(passes)] if passes > 1 else [frame]


def _observed_until(frames: Mapping[str, pl.LazyFrame], given: str | None) -> int:
    timed = {name: f for name, f in frames.items() if "occurred_at" in f.collect_schema()}
    days = {name: _days(frame) for name, frame in timed.items()}
    _refuse_stray(days["transactions"], "transactions", "before")
    if given is not None:
        return microseconds(given, "data.observed_until")
    for name, found in days.items():
        _refuse_stray(found, name, "after")
    return (max(int(found["day"][-1]) for found in days.values()) + 1) * DAY_US


def _days(frame: pl.LazyFrame) -> pl.DataFrame:
    """The days (since 1970) of a table in their order, with the rows of each."""
    return _collected(frame.group_by(day=pl.col("occurred_at") // DAY_US).len()).sort("day")


def _refuse_stray(days: pl.DataFrame, table: str, side: str) -> None:
    """A few rows dated years from all others would move the start or the end of observation.

    Raises:
        BadInput: fewer than 3 rows, or than 1 %, stand off from all others by more than a year and
            by more than thrice the longest silence among these.
    """
    day, count = days["day"].to_numpy(), days["len"].to_numpy()
    if side == "before":
        day, count = -day[::-1], count[::-1]
    few = count[::-1].cumsum()[::-1]  # rows on a day and after it
    for at in range(len(day) - 1, 0, -1):
        if few[at] > max(STRAY_ROWS - 1, STRAY_SHARE * count.sum()):
            return
        silence = np.diff(day[:at]).max() if at > 1 else 0
        if day[at] - day[at - 1] > max(366, 3 * silence):
            stray, others = abs(int(day[-1])), sorted((abs(int(day[0])), abs(int(day[at - 1]))))
            limit = "" if side == "before" else ", or set data.observed_until"
            raise BadInput(
                f"{table}.occurred_at: {few[at]:,} of {count.sum():,} rows are dated long {side} "
                f"all others, as {_date(stray * DAY_US)}, where the others run from "
                f"{_date(others[0] * DAY_US)} to {_date(others[1] * DAY_US)}; correct them, or "
                f"leave them out with where{limit}"
            )


def _within(
    contract: Contract, frame: pl.LazyFrame, end: int, data: EventData, log: Log
) -> pl.LazyFrame:
    """Rows before the end of observation; later ones are refused unless configured otherwise."""
    if contract.instant is None or contract.instant not in frame.collect_schema():
        return frame
    later = pl.col(contract.instant) >= end
    count, rows = _collected(frame.select(later.sum(), pl.len())).row(0)
    if not count:
        return frame
    key = contract.columns[0].name
    if not data.leave_out_later_rows:
        keys = _collected(frame.filter(later).select(key).head(FIRST_KEYS))[key].to_list()
        raise BadInput(
            f"{contract.name}.{contract.instant}: {count:,} rows are dated at or after the end of "
            f"observation, {_date(end)} (first {key}s {listed(map(_plain, keys))}); "
            "correct them, move data.observed_until, or set data.leave_out_later_rows=true"
        )
    if count == rows and contract.name == "transactions":
        raise BadInput(
            f"transactions: no row is dated before {_date(end)}, the end of observation; move "
            "data.observed_until"
        )
    log.notes.append(
        f"{contract.name}: {count:,} rows at or after {_date(end)}, the end of observation, "
        "are left out"
    )
    log.dropped[f"before {_date(end)}, the end of observation"] = count
    return frame.filter(~later.fill_null(False))


def _tell_strangers(frames: Mapping[str, pl.LazyFrame], notes: list[str]) -> None:
    """Customers of other tables who have no transaction: a few are usual, all of them no accident.

    Raises:
        BadInput: none of the customers of a table has a transaction.
    """
    buyers = frames["transactions"].select("customer_id").unique()
    for name, frame in frames.items():
        if name == "transactions" or "customer_id" not in frame.collect_schema():
            continue
        people = frame.select("customer_id").unique()
        strangers = people.join(buyers, on="customer_id", how="anti")
        count, first = _rows(strangers), strangers.sort("customer_id").head(FIRST_KEYS)
        if not count:
            continue
        everyone, shown = _rows(people), listed(map(_plain, _collected(first)["customer_id"]))
        if count == everyone:
            raise BadInput(
                f"{name}.customer_id: none of the {everyone:,} customers has a transaction (first "
                f"{shown}); write customers alike in every file"
            )
        notes.append(f"{name}: {count:,} of {everyone:,} customers have no transaction")


def _with_category(frames: Mapping[str, pl.LazyFrame], notes: list[str]) -> pl.LazyFrame:
    lines, products = frames["transactions"], frames.get("products")
    columns = lines.collect_schema().names()
    if "category" in columns or products is None or "product" not in columns:
        return lines
    if "category" not in products.collect_schema():
        return lines
    joined = lines.join(
        products.select("product", "category"), on="product", how="left", maintain_order="left"
    )
    unknown = int(_collected(joined.select(pl.col("category").is_null().sum())).item())
    if unknown:
        notes.append(f"transactions: {unknown:,} lines are of products without a category")
    return joined


def digests(files: Iterable[Path]) -> dict[str, str]:
    """SHA-256 of each file, by its name, or by its path where two have the same name."""
    files = list(files)
    called = Counter(path.name for path in files)
    return {
        path.name if called[path.name] == 1 else path.as_posix(): _digest(path) for path in files
    }


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _date(microseconds_: int) -> str:
    return (datetime(1970, 1, 1) + timedelta(microseconds=microseconds_)).date().isoformat()
