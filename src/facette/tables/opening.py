"""A file of one's own as columns, whatever its kind: text, Parquet, DuckDB, SQLite, workbook.

The kind is told by the first bytes, not by the name. Parquet and DuckDB are scanned, so that they
may be larger than memory; the others are read. Text, be it a file or the cells of a workbook or of
SQLite, has its numbers and dates recognised, and keeps what was written beside them, since an
identifier is what was written. A cell of blanks is empty in all of them.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from polars.io.plugins import register_io_source

from facette.errors import BadInput
from facette.settings.data import Reading
from facette.tables.recognition import recognised
from facette.tables.spreadsheet import read_text
from facette.wording import listed, nearest

if TYPE_CHECKING:
    import duckdb

AS_WRITTEN = "as written: "
SHEET = "sheet"
UNNAMED = "__UNNAMED__"  # what the reader of workbooks calls a column without a heading
PATTERN_SIGNS = "*?["
WITH_PASSWORD = b"\xd0\xcf\x11\xe0"  # the envelope of a workbook that is encrypted
WORKBOOKS = {".xlsx", ".xlsm", ".xlsb"}
ROWS_A_BATCH = 250_000
# the types of DuckDB that have one of their own in Polars; columns of others are left out
READABLE = re.compile(
    r"BOOLEAN|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL.*|VARCHAR|DATE|TIMESTAMP.*|"
    r"ENUM.*|UUID"
)


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

    @cached_property
    def headings(self) -> list[str]:
        """The file's own headings."""
        return [name for name in self._names if not name.startswith(AS_WRITTEN)]

    def written(self, heading: str) -> pl.Expr:
        """A column as it was written, where that is known."""
        beside = f"{AS_WRITTEN}{heading}"
        return pl.col(beside if beside in self._names else heading)

    @cached_property
    def _names(self) -> dict[str, None]:
        return dict.fromkeys(self.frame.collect_schema().names())


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
    _refuse_idle(read, kind, path, where)
    if table is not None and kind not in _TABLED:
        raise BadInput(f"{where}.table: '{table}' is for databases and workbooks; {path} is {kind}")
    if kind in _TABLED and len(files) > 1:
        raise BadInput(f"{where}.path: {path} is {len(files)} files; give one {kind}")
    with _told_as(path, kind, where):
        found: Opened = _OPENERS[kind](files, table, read, where)
        if not found.headings:
            raise BadInput(f"{where}.path: {path} has no columns")
        return found


def _refuse_idle(read: Reading, kind: str, path: str, where: str) -> None:
    """Settings that a kind of file has no use for would be passed over in silence.

    Raises:
        BadInput: one of them is set.
    """
    of_text = {"delimiter", "encoding"}
    of_cells = {"decimal", "date_format"}
    idle = {"text": set(), "workbook": of_text, "SQLite": of_text}.get(kind, of_text | of_cells)
    given = [name for name in sorted(idle) if getattr(read, name) is not None]
    if given:
        raise BadInput(f"{where}.read.{given[0]}: {path} is {kind}, which needs none; leave it out")


@contextmanager
def _told_as(path: str, kind: str, where: str) -> Iterator[None]:
    """What the readers of files raise, told in one line."""
    try:
        yield
    except (pl.exceptions.PolarsError, OSError, sqlite3.Error) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise BadInput(f"{where}.path: {path} can't be read as {kind}: {reason}") from None


def _files(path: str, setting: str) -> tuple[Path, ...]:
    if not path.strip():
        raise BadInput(f"{setting}: no file is named; write {setting}=FILE")
    place = Path(os.path.expanduser(path))
    if place.is_file():
        return (place,)
    found = _within(place) if place.is_dir() else _fitting(place, setting)
    if not found:
        what = f"no file in the folder {path}" if place.is_dir() else f"no file {path}"
        raise BadInput(f"{setting}: there is {what} (seen from {Path.cwd().name}/)")
    return tuple(found)


def _within(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.iterdir()) if _is_data(file)]


def _fitting(pattern: Path, setting: str) -> list[Path]:
    fixed = Path(*_before_pattern(pattern.parts))
    if fixed == pattern:
        return []
    try:
        return [f for f in sorted(fixed.glob(str(pattern.relative_to(fixed)))) if _is_data(f)]
    except ValueError as error:
        raise BadInput(f"{setting}: {pattern} is no pattern: {error}") from None


def _is_data(file: Path) -> bool:
    """Whether it is a file, and none that a system keeps to itself, as `.DS_Store`, `_SUCCESS`."""
    return file.is_file() and file.name[0] not in "._"


def _before_pattern(parts: Sequence[str]) -> list[str]:
    fixed: list[str] = []
    for part in parts:
        if any(sign in part for sign in PATTERN_SIGNS):
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
    if first.startswith((b"PK\x03\x04", WITH_PASSWORD)) and file.suffix.lower() in WORKBOOKS:
        return "workbook"
    return "text"


def _parquet(files: tuple[Path, ...], table: None, read: Reading, where: str) -> Opened:
    scans = [pl.scan_parquet(file, glob=False) for file in files]
    schemas = [scan.collect_schema() for scan in scans]
    headings = schemas[0].names()
    for file, schema in zip(files, schemas, strict=True):
        _refuse_other_headings(schema.names(), headings, file, files[0], where)
    if all(schema == schemas[0] for schema in schemas):
        frame = pl.scan_parquet(list(files), glob=False)
    else:  # 1 in one month, 1.0 or nothing in another
        frame = pl.concat([scan.select(headings) for scan in scans], how="vertical_relaxed")
    return Opened(frame.with_columns(_without_blanks(frame.collect_schema())), files)


def _text(files: tuple[Path, ...], table: None, read: Reading, where: str) -> Opened:
    written: list[pl.DataFrame] = []
    said: list[str] = []
    for file in files:
        frame, sentences = read_text(file, read, where)
        headings = written[0].columns if written else frame.columns
        _refuse_other_headings(frame.columns, headings, file, files[0], where)
        written.append(frame.select(headings))
        said += sentences if file is files[0] else []
    return _with_kinds(pl.concat(written), files, said, read, where)


def _refuse_other_headings(
    headings: Sequence[str], wanted: Sequence[str], file: Path, first: Path, where: str
) -> None:
    if strange := sorted(set(headings) ^ set(wanted)):
        raise BadInput(
            f"{where}.path: {file.name} has other headings than {first.name}: not in both are "
            f"{listed(map(repr, strange))}"
        )


def _with_kinds(
    written: pl.DataFrame, files: tuple[Path, ...], said: Sequence[str], read: Reading, where: str
) -> Opened:
    found = recognised(written, read, where)
    beside = written.select(pl.all().name.prefix(AS_WRITTEN))
    frame = pl.concat([found.frame, beside], how="horizontal")
    return Opened(frame.lazy(), files, (*said, *found.said), found.doubts)


def _with_kinds_of_texts(
    frame: pl.DataFrame, files: tuple[Path, ...], said: Sequence[str], read: Reading, where: str
) -> Opened:
    """Of a file that has types: its columns of text as those of a text file, the others as is."""
    frame = frame.with_columns(_without_blanks(frame.schema))
    texts = frame.select(pl.col(pl.String))
    if not texts.width:
        return Opened(frame.lazy(), files, tuple(said))
    told = _with_kinds(texts, files, said, read, where)
    typed = told.frame.collect()
    return replace(told, frame=frame.with_columns(typed.get_columns()).lazy())


def _without_blanks(schema: pl.Schema) -> list[pl.Expr]:
    """Columns of text stripped, and null where they hold nothing; categories are text too."""
    texts = [n for n, dtype in schema.items() if dtype in (pl.String, pl.Categorical, pl.Enum)]
    stripped = [pl.col(name).cast(pl.String).str.strip_chars() for name in texts]
    return [pl.when(text != "").then(text) for text in stripped]  # `replace` would hold it all


def _workbook(files: tuple[Path, ...], table: str | None, read: Reading, where: str) -> Opened:
    """All sheets of the same headings, stacked, named in a column; or the one sheet asked for."""
    sheets = {name: sheet for name, sheet in _sheets(files[0]).items() if sheet.width}
    if table is not None:
        sheets = {table: sheets[_chosen(table, list(sheets), where, files[0])]}
    first = next(iter(sheets.values()), None)
    if first is None:
        raise BadInput(f"{where}.path: {files[0].name} is an empty workbook")
    if any(sheet.columns != first.columns for sheet in sheets.values()):
        raise BadInput(
            f"{where}.table: the sheets of {files[0].name} have different headings; choose one of "
            f"{listed(sheets)}"
        )
    _refuse_unnamed(first.columns, files[0], where)
    if len(sheets) == 1:
        return _with_kinds_of_texts(first, files, (), read, where)
    said = f"{files[0].name}: {len(sheets)} sheets, one below the other"
    stacked = pl.concat(sheets.values(), how="vertical_relaxed")
    told = _with_kinds_of_texts(stacked, files, (said,), read, where)
    if SHEET in told.headings:
        return told
    names = [name for name, sheet in sheets.items() for _ in range(sheet.height)]
    return replace(told, frame=told.frame.with_columns(pl.Series(SHEET, names, pl.String)))


def _sheets(file: Path) -> dict[str, pl.DataFrame]:
    """Each sheet with its columns, but for those without heading and value."""
    from fastexcel import FastExcelError

    with file.open("rb") as start:
        if start.read(4) == WITH_PASSWORD:
            raise OSError("it is protected by a password; save it without one")
    try:
        sheets: dict[str, pl.DataFrame] = pl.read_excel(
            file, sheet_id=0, engine="calamine", infer_schema_length=None, raise_if_empty=False
        )
    except FastExcelError as error:
        raise OSError(str(error)) from None
    return {name: sheet.drop(_empty_unnamed(sheet)) for name, sheet in sheets.items()}


def _empty_unnamed(sheet: pl.DataFrame) -> list[str]:
    unnamed = [name for name in sheet.columns if name.startswith(UNNAMED)]
    return [name for name in unnamed if sheet[name].null_count() == sheet.height]


def _refuse_unnamed(headings: Sequence[str], file: Path, where: str) -> None:
    unnamed = [at for at, heading in enumerate(headings, 1) if heading.startswith(UNNAMED)]
    if unnamed:
        raise BadInput(
            f"{where}.path: {file.name} has values in {len(unnamed)} columns without a heading "
            f"(first column {unnamed[0]}); the first row has to be that of the headings"
        )


def _sqlite(files: tuple[Path, ...], table: str | None, read: Reading, where: str) -> Opened:
    address = f"{files[0].resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as database:
        listing = "select name from sqlite_master where type in ('table', 'view') order by name"
        names = [name for (name,) in database.execute(listing)]
        chosen = _chosen(table, names, where, files[0])
        frame = pl.read_database(
            f"select * from {_quoted(chosen)}", database, infer_schema_length=None
        )
    return _with_kinds_of_texts(frame, files, (), read, where)


def _duckdb(files: tuple[Path, ...], table: str | None, read: Reading, where: str) -> Opened:
    listing = (
        "select table_name from information_schema.tables where table_schema = 'main' order by 1"
    )
    with _database(files[0]) as database:
        names = [name for (name,) in database.sql(listing).fetchall()]
        chosen = _chosen(table, names, where, files[0])
        rows = database.sql(f"from {_quoted(chosen)} limit 0")
        readable = [
            name for name, kind in zip(rows.columns, rows.types, strict=True)
            if READABLE.fullmatch(str(kind))
        ]  # fmt: skip
        schema = rows.select(*map(_quoted, readable)).pl().schema if readable else pl.Schema()
        left = [name for name in rows.columns if name not in readable]
    said = (f"{files[0].name}: left out, of types unknown here: {listed(left)}",) if left else ()
    source = partial(_batches, files[0], chosen, list(schema))
    frame = register_io_source(source, schema=schema, validate_schema=True)
    return Opened(frame.with_columns(_without_blanks(schema)), files, said)


@contextmanager
def _database(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    try:
        import duckdb
    except ImportError:
        raise BadInput(
            f"{file.name} is a DuckDB file, and the package duckdb is not installed: "
            "pip install 'facette[duckdb]'"
        ) from None
    try:
        with duckdb.connect(str(file), read_only=True) as database:
            yield database
    except duckdb.Error as error:
        raise OSError(str(error)) from None


def _batches(
    file: Path, table: str, schema: Sequence[str], with_columns: list[str] | None,
    predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None,
) -> Iterator[pl.DataFrame]:  # fmt: skip
    """The rows of a table, some at a time, by a connection of their own."""
    columns = ", ".join(map(_quoted, schema if with_columns is None else with_columns))
    limit = "" if n_rows is None else f" limit {n_rows}"
    with _database(file) as database:
        asked = database.sql(f"select {columns or '1 as none'} from {_quoted(table)}{limit}")
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
    told = "no table is named" if table is None else f"there is no '{table}'"
    near = "" if table is None else nearest(table, names)
    raise BadInput(f"{where}.table: {told}, {file.name} has {listed(names) or 'none'}{near}")


_TABLED = {"DuckDB", "SQLite", "workbook"}
_OPENERS: dict[str, Callable[..., Any]] = {
    "Parquet": _parquet,
    "text": _text,
    "workbook": _workbook,
    "SQLite": _sqlite,
    "DuckDB": _duckdb,
}
