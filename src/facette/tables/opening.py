"""A file of one's own as columns, whatever its kind: text, Parquet, DuckDB, SQLite, workbook.

The kind is told by the first bytes, not by the name. Parquet and DuckDB are scanned, so that they
may be larger than memory; the others are read. Text has its numbers and dates recognised, and
keeps what was written beside them, since an identifier is what was written.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from polars.io.plugins import register_io_source

from facette.errors import BadInput
from facette.settings import Reading
from facette.tables.recognition import recognised
from facette.tables.spreadsheet import read_text
from facette.wording import listed, nearest

if TYPE_CHECKING:
    import duckdb

AS_WRITTEN = "as written: "
SHEET = "sheet"
ROWS_A_BATCH = 250_000


@dataclass(frozen=True)
class Opened:
    """The columns of a file.

    `frame` holds each column under its heading, typed, and for text files once more as it was
    written, under `as written: heading`. `doubts`: heading -> why its numbers or dates can't be
    read without being told. `said`: what was recognised.
    """

    frame: pl.LazyFrame
    files: tuple[Path, ...]
    said: tuple[str, ...] = ()
    doubts: Mapping[str, str] = field(default_factory=dict)

    @property
    def headings(self) -> list[str]:
        """The file's own headings."""
        names = self.frame.collect_schema().names()
        return [name for name in names if not name.startswith(AS_WRITTEN)]

    def written(self, heading: str) -> pl.Expr:
        """A column as it was written, where that is known."""
        known = f"{AS_WRITTEN}{heading}" in self.frame.collect_schema()
        return pl.col(f"{AS_WRITTEN}{heading}" if known else heading)


def opened(path: str, table: str | None, read: Reading, where: str) -> Opened:
    """The file at `path`, the files of a folder, or those that fit a pattern such as `sales_*.csv`.

    `table` is a table of a database or a sheet of a workbook; `where` the setting, for messages.

    Raises:
        BadInput: there is no such file, or it can't be read as what it is.
    """
    files = _files(path, f"{where}.path")
    kinds = {_kind(file) for file in files}
    if len(kinds) > 1:
        raise BadInput(
            f"{where}.path: {path} holds files of several kinds, {listed(sorted(kinds))}"
        )
    kind = kinds.pop()
    if table is not None and kind not in _TABLED:
        raise BadInput(f"{where}.table: '{table}' is for databases and workbooks; {path} is {kind}")
    if kind in _TABLED and len(files) > 1:
        raise BadInput(f"{where}.path: {path} is {len(files)} files; give one {kind}")
    try:
        return _OPENERS[kind](files, table, read, where)
    except (pl.exceptions.PolarsError, OSError, sqlite3.Error) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise BadInput(f"{where}.path: {path} can't be read as {kind}: {reason}") from None


def _files(path: str, setting: str) -> tuple[Path, ...]:
    place = Path(path).expanduser()
    if any(sign in path for sign in "*?["):
        fixed = Path(*_before_pattern(place.parts))
        found = sorted(fixed.glob(str(place.relative_to(fixed))))
    elif place.is_dir():
        found = sorted(f for f in place.iterdir() if f.is_file() and f.name[0] not in "._")
    else:
        found = [place] if place.is_file() else []
    if not found:
        raise BadInput(f"{setting}: there is no file {path} (seen from {Path.cwd().name}/)")
    return tuple(found)


def _before_pattern(parts: Sequence[str]) -> list[str]:
    fixed: list[str] = []
    for part in parts:
        if any(sign in part for sign in "*?["):
            break
        fixed.append(part)
    return fixed


def _kind(file: Path) -> str:
    with file.open("rb") as start:
        first = start.read(16)
    if first.startswith(b"PAR1"):
        return "Parquet"
    if first.startswith(b"SQLite format 3\0"):
        return "SQLite"
    if first[8:12] == b"DUCK":
        return "DuckDB"
    if first.startswith(b"PK\x03\x04") and file.suffix.lower() in {".xlsx", ".xlsm", ".xlsb"}:
        return "workbook"
    return "text"


def _parquet(files: tuple[Path, ...], table: None, read: Reading, where: str) -> Opened:
    frame = pl.scan_parquet(list(files))
    frame.collect_schema()
    return Opened(frame, files)


def _text(files: tuple[Path, ...], table: None, read: Reading, where: str) -> Opened:
    written: list[pl.DataFrame] = []
    said: list[str] = []
    for file in files:
        frame, sentences = read_text(file, read, where)
        if written and frame.columns != written[0].columns:
            raise BadInput(f"{where}.path: {file.name} has other headings than {files[0].name}")
        written.append(frame)
        said += sentences if len(files) == 1 or file is files[0] else []
    return _with_kinds(pl.concat(written), files, said, read, where)


def _with_kinds(
    written: pl.DataFrame, files: tuple[Path, ...], said: Sequence[str], read: Reading, where: str
) -> Opened:
    found = recognised(written, read, where)
    beside = written.select(pl.all().name.prefix(AS_WRITTEN))
    frame = pl.concat([found.frame, beside], how="horizontal")
    return Opened(frame.lazy(), files, (*said, *found.said), found.doubts)


def _workbook(files: tuple[Path, ...], table: str | None, read: Reading, where: str) -> Opened:
    """All sheets of the same headings, stacked, named in a column; or the one sheet asked for."""
    sheets: dict[str, pl.DataFrame] = pl.read_excel(
        files[0], sheet_id=0, engine="calamine", infer_schema_length=None, raise_if_empty=False
    )
    filled = {name: sheet for name, sheet in sheets.items() if sheet.width}
    if table is not None:
        filled = {_chosen(table, list(filled), where, files[0]): sheets[table]}
    first = next(iter(filled.values()), None)
    if first is None:
        raise BadInput(f"{where}.path: {files[0].name} is an empty workbook")
    if any(sheet.columns != first.columns for sheet in filled.values()):
        raise BadInput(
            f"{where}.table: the sheets of {files[0].name} have different headings; choose one of "
            f"{listed(filled)}"
        )
    if len(filled) == 1:
        return Opened(first.lazy(), files)
    named = [sheet.with_columns(pl.lit(name).alias(SHEET)) for name, sheet in filled.items()]
    stacked = pl.concat(named, how="vertical_relaxed").lazy()
    return Opened(stacked, files, (f"{files[0].name}: {len(named)} sheets, one below the other",))


def _sqlite(files: tuple[Path, ...], table: str | None, read: Reading, where: str) -> Opened:
    with sqlite3.connect(f"file:{files[0].resolve().as_posix()}?mode=ro", uri=True) as database:
        listing = "select name from sqlite_master where type in ('table', 'view') order by name"
        names = [name for (name,) in database.execute(listing)]
        chosen = _chosen(table, names, where, files[0])
        frame = pl.read_database(
            f"select * from {_quoted(chosen)}", database, infer_schema_length=None
        )
    database.close()
    texts = frame.select(pl.col(pl.String))
    if not texts.width:
        return Opened(frame.lazy(), files)
    told = _with_kinds(texts, files, (), read, where)
    others = frame.select(pl.exclude(pl.String))
    return replace(told, frame=pl.concat([others, told.frame.collect()], how="horizontal").lazy())


def _duckdb(files: tuple[Path, ...], table: str | None, read: Reading, where: str) -> Opened:
    listing = (
        "select table_name from information_schema.tables where table_schema = 'main' order by 1"
    )
    with _database(files[0]) as database:
        names = [name for (name,) in database.sql(listing).fetchall()]
        chosen = _chosen(table, names, where, files[0])
        schema = database.sql(f"select * from {_quoted(chosen)} limit 0").pl().schema
    source = partial(_batches, files[0], chosen)
    return Opened(register_io_source(source, schema=schema, validate_schema=True), files)


def _database(file: Path) -> duckdb.DuckDBPyConnection:
    try:
        import duckdb
    except ImportError:
        raise BadInput(
            f"{file.name} is a DuckDB file, and the package duckdb is not installed: "
            "pip install 'facette[duckdb]'"
        ) from None
    try:
        return duckdb.connect(str(file), read_only=True)
    except duckdb.Error as error:
        raise OSError(str(error)) from None


def _batches(
    file: Path, table: str, with_columns: list[str] | None, predicate: pl.Expr | None,
    n_rows: int | None, batch_size: int | None,
) -> Iterator[pl.DataFrame]:  # fmt: skip
    """The rows of a table, some at a time, by a connection of their own."""
    columns = "*" if with_columns is None else ", ".join(map(_quoted, with_columns)) or "1 as none"
    limit = "" if n_rows is None else f" limit {n_rows}"
    with _database(file) as database:
        asked = database.sql(f"select {columns} from {_quoted(table)}{limit}")
        for batch in asked.to_arrow_reader(batch_size or ROWS_A_BATCH):
            frame = pl.DataFrame(batch)
            yield frame if predicate is None else frame.filter(predicate)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _chosen(table: str | None, names: Sequence[str], where: str, file: Path) -> str:
    if table is None and len(names) == 1:
        return names[0]
    if table is not None and table in names:
        return table
    told = "is not named" if table is None else f"'{table}' is not there{nearest(table, names)}"
    raise BadInput(f"{where}.table: {told}; {file.name} has {listed(names) or 'none'}")


_TABLED = {"DuckDB", "SQLite", "workbook"}
_OPENERS: dict[str, Callable[..., Any]] = {
    "Parquet": _parquet,
    "text": _text,
    "workbook": _workbook,
    "SQLite": _sqlite,
    "DuckDB": _duckdb,
}
