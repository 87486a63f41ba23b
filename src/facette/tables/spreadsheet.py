"""A text file as spreadsheets and exports leave it, read as text and nothing more.

    frame, said = read_text(Path("sales.csv"), Reading(), where="data.transactions")

Encoding and delimiter are recognised from the file, and said; each can be set. A line that does not
fit the headings is refused with its number, never padded or cut. Polars reads the bulk; Python's
csv looks at the first lines, and at all of them only to name the one that Polars stumbled over.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from facette.errors import BadInput
from facette.settings.data import Reading
from facette.wording import listed

DELIMITERS = {";": "semicolon", "\t": "tab", "|": "pipe", ",": "comma"}  # the likelier first
BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
CALLED = {"utf-8": "UTF-8", "utf-16": "UTF-16"}
BINARY = {
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"%PDF": "a PDF",
    b"PAR1": "Parquet: give it the ending .parquet",
    b"SQLite format 3": "an SQLite database: give it the ending .sqlite",
    b"\x1f\x8b": "compressed (gzip): unpack it",
    b"\xd0\xcf\x11\xe0": "an old workbook (.xls): save it as CSV or as .xlsx",
    b"PK\x03\x04": "a zip archive or a workbook: unpack it, save the workbook as CSV, or give it "
    "the ending .xlsx",
}
LOOKED_AT = 200
LOOKED_AT_SIGNS = 2_000_000
FIRST_LINES = 5


@dataclass(frozen=True)
class _File:
    """How messages call a file: the setting it comes from, and its name."""

    where: str
    name: str

    def refused(self, problem: str) -> BadInput:
        return BadInput(f"{self.where}: {self.name} {problem}")

    def setting(self, key: str, *values: str) -> str:
        name = f"{self.where}.read.{key}"
        return " or ".join(f"{name}={value}" for value in values) or name


@dataclass(frozen=True)
class _Lines:
    """The text of a table: `first` is the number in the file of its heading line.

    Lines end in `\\n`, none of the last is blank.
    """

    text: str
    first: int
    announced: str | None = None

    def sample(self) -> list[str]:
        """The first lines, whole."""
        lines = self.text[:LOOKED_AT_SIGNS].split("\n")
        whole = lines[:-1] if len(self.text) > LOOKED_AT_SIGNS and len(lines) > 1 else lines
        return whole[:LOOKED_AT]


def read_text(path: Path, read: Reading, where: str) -> tuple[pl.DataFrame, list[str]]:
    """The columns of a text file as written, and a sentence on what was recognised.

    Every column is pl.String, stripped of white space around it; an empty cell is null. Lines
    without any value, and unnamed columns without any, are left out. `where` is the setting that
    names the file, `data.transactions` say.

    Raises:
        BadInput: the file is no text, is empty, or its lines don't fit its headings.
    """
    file = _File(where, path.name)
    text, encoding = _decoded(path.read_bytes(), read.encoding, file)
    lines = _lines(text)
    if not re.search(r"[^\s;,|]", lines.text):
        raise file.refused("is empty")
    delimiter = _delimiter(lines, read.delimiter, file)
    headings = _headings(lines, delimiter, file)
    frame, blank = _cells(_table(lines, delimiter, len(headings), file))
    frame = _named(frame, headings, file)
    _check_rows(frame, lines, delimiter, file)
    parted = f"with delimiter {_shown(delimiter)}" if frame.width > 1 else "as one column"
    return frame, _said(file, read, encoding, parted, blank)


def _decoded(data: bytes, encoding: str | None, file: _File) -> tuple[str, str]:
    """The text and the name of its encoding: the one set, or the one recognised."""
    for magic, kind in BINARY.items():
        if data.startswith(magic):
            raise file.refused(f"is no text file but {kind}")
    if encoding is not None:
        return _decoded_as(data, _known(encoding, file), file), encoding
    for mark, marked in BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            return _decoded_as(data, marked, file), marked
    if b"\0" in data:
        raise file.refused(
            f"is no text file: byte {data.index(0) + 1:,} is zero; save it as CSV, or, if it is "
            f"UTF-16 without a byte order mark, set {file.setting('encoding', 'utf-16-le')}"
        )
    return _recognised(data, file)


def _recognised(data: bytes, file: _File) -> tuple[str, str]:
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        _refuse_broken_utf8(data, error, file)
    return _decoded_as(data, "cp1252", file), "cp1252"


def _refuse_broken_utf8(data: bytes, error: UnicodeDecodeError, file: _File) -> None:
    """Refuse a UTF-8 file with a few stray bytes: as cp1252 all its other accents would be lost."""
    text = data.decode("utf-8", errors="replace")
    stray = text.count("\ufffd")
    accents = sum(map(len, re.findall(r"[^\x00-\x7f]+", text))) - stray
    if accents > stray:
        raise file.refused(
            f"is UTF-8 but for {_counted(stray, 'byte')} (first 0x{data[error.start]:02x} in line "
            f"{_line_of(data, error)}); correct this, or set {file.setting('encoding', 'cp1252')}"
        )


def _known(encoding: str, file: _File) -> str:
    try:
        known = codecs.lookup(encoding).name
        "".encode(known)  # some codecs are not of text
    except LookupError:
        raise BadInput(
            f"{file.setting('encoding')}: there is no encoding called '{encoding}'; utf-8, cp1252, "
            f"latin-1, utf-16 are the usual ones (for {file.name})"
        ) from None
    return known


def _decoded_as(data: bytes, encoding: str, file: _File) -> str:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise file.refused(
            f"cannot be read as {encoding}: line {_line_of(data, error)} holds the byte "
            f"0x{data[error.start]:02x} (byte {error.start + 1:,} of the file); correct it, or set "
            f"{file.setting('encoding')} to what it was written in"
        ) from None
    if "\0" in text:
        raise file.refused(f"is no text file: read as {encoding} it holds zero characters")
    return text


def _line_of(data: bytes, error: UnicodeDecodeError) -> int:
    return data[: error.start].decode(error.encoding, errors="ignore").count("\n") + 1


def _lines(text: str) -> _Lines:
    """The table in a text, whatever ends its lines, without blank lines and `sep=;` before it."""
    text = text.removeprefix("\ufeff")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    before = re.match(r'(?:[\s;,|]*\n)?(?:"?sep=(?P<sep>[^\n])"?[^\S\n]*\n)?', text, re.IGNORECASE)
    assert before is not None  # every part of the pattern may be empty
    skipped = before.end()
    return _Lines(text[skipped:].rstrip("\n"), text[:skipped].count("\n") + 1, before["sep"])


def _delimiter(lines: _Lines, given: str | None, file: _File) -> str:
    """The delimiter that is set, or announced by the file, or recognised from its first lines."""
    widths = {sign: _widths(lines.sample(), sign) for sign in DELIMITERS}
    several = {sign: found for sign, found in widths.items() if found and found[0] > 1}
    if given is not None:
        return _checked(given, several, lines, file)
    if lines.announced is not None:
        return lines.announced
    if several:
        return max(several, key=lambda sign: (_agreement(several[sign]), several[sign][0]))
    seen = [sign for sign, found in widths.items() if max(found, default=1) > 1]
    if seen:
        raise file.refused(
            f"has one heading, but lines with {_shown(seen[0])}: no delimiter is recognised; set "
            f"{file.setting('delimiter')} to one of {listed(DELIMITERS.values())}"
        )
    return ","


def _widths(sample: list[str], delimiter: str) -> list[int]:
    """How many fields each record of the first lines has."""
    try:
        return [len(record) for record in csv.reader(_ended(sample), delimiter=delimiter) if record]
    except csv.Error:  # a field too long to be one: not the delimiter
        return []


def _agreement(widths: list[int]) -> float:
    """The share of records that are as wide as the headings."""
    return Counter(widths)[widths[0]] / len(widths)


def _checked(given: str, several: dict[str, list[int]], lines: _Lines, file: _File) -> str:
    """The delimiter that is set, as a sign or by name, unless another one parts the headings."""
    named = {name: sign for sign, name in DELIMITERS.items()} | {"\\t": "\t"}
    sign = named.get(given.lower(), given)
    if len(sign) != 1 or not sign.isascii() or sign in '"\n\r':
        raise BadInput(
            f"{file.setting('delimiter')}: '{given}' is no delimiter; one sign is wanted, or one "
            f"of {listed(DELIMITERS.values())} (for {file.name})"
        )
    if max(_widths(lines.sample()[:1], sign), default=0) > 1 or not several:
        return sign
    better = max(several, key=lambda other: several[other][0])
    raise file.refused(
        f"has 1 column with delimiter {_shown(sign)} and {several[better][0]:,} with "
        f"{_shown(better)}; set {file.setting('delimiter', DELIMITERS[better])}, or leave it out"
    )


def _shown(delimiter: str) -> str:
    return "tab" if delimiter == "\t" else f"'{delimiter}'"


def _ended(lines: Iterable[str]) -> Iterator[str]:
    return (f"{line}\n" for line in lines)


def _records(lines: _Lines, delimiter: str, file: _File) -> Iterator[tuple[int, list[str]]]:
    """The records with a value, headings first, each with the number of the line it begins in."""
    reader = csv.reader(_ended(lines.text.split("\n")), delimiter=delimiter, strict=True)
    begins = lines.first
    try:
        for record in reader:
            if any(cell and not cell.isspace() for cell in record):
                yield begins, record
            begins = lines.first + reader.line_num
    except csv.Error as error:
        raise file.refused(_quoting(str(error), begins)) from None


def _quoting(error: str, line: int) -> str:
    if "expected after" in error:
        return (
            f"line {line}: a quote closes in the middle of a cell; double the quotes inside a "
            "quoted cell, or write the cell without quotes around it"
        )
    return (
        f"line {line}: a quote opens and is not closed; close it, or double it where it is part "
        "of the cell"
    )


def _headings(lines: _Lines, delimiter: str, file: _File) -> list[str]:
    """The headings, stripped; an unnamed column has an empty one."""
    headings = [heading.strip() for heading in next(_records(lines, delimiter, file))[1]]
    twice = [heading for heading, times in Counter(headings).items() if heading and times > 1]
    if twice:
        raise file.refused(
            f"line {lines.first}: the heading {listed(map(repr, twice))} stands twice; rename one"
        )
    return headings


def _table(lines: _Lines, delimiter: str, width: int, file: _File) -> pl.DataFrame:
    """The cells under the headings, every line as wide as they are."""
    quote = '"' if '"' in lines.text else None
    try:
        frame = pl.read_csv(
            lines.text.encode(), separator=delimiter, quote_char=quote, infer_schema=False
        )
    except pl.exceptions.PolarsError:
        frame = None
    if frame is None or frame.width != width:
        return _table_by_csv(lines, delimiter, width, file)
    _check_ends(frame, lines, delimiter, file)
    return frame.rename(dict(zip(frame.columns, map(str, range(width)), strict=True)))


def _table_by_csv(lines: _Lines, delimiter: str, width: int, file: _File) -> pl.DataFrame:
    """What Polars refuses: a line to be named, or quotes in the middle of unquoted cells."""
    _check_widths(_records(lines, delimiter, file), width, file)
    records = _records(lines, delimiter, file)
    next(records)
    cells = [record for _, record in records]
    return pl.DataFrame(cells, schema={str(at): pl.String for at in range(width)}, orient="row")


def _check_ends(frame: pl.DataFrame, lines: _Lines, delimiter: str, file: _File) -> None:
    """Refuse lines that Polars filled up with nulls: only those that end in one can be short."""
    ends = frame.to_series(-1).is_null()
    if frame.width == 1 or not ends.any():
        return
    if frame.height != lines.text.count("\n"):  # a cell goes over several lines
        _check_widths(_records(lines, delimiter, file), frame.width, file)
        return
    each = lines.text.split("\n")
    suspects = [at + 1 for at in ends.arg_true().to_list()]
    records = csv.reader((each[at] for at in suspects), delimiter=delimiter)
    numbered = ((lines.first + at, record) for at, record in zip(suspects, records, strict=True))
    _check_widths((pair for pair in numbered if any(map(str.strip, pair[1]))), frame.width, file)


def _check_widths(records: Iterable[tuple[int, list[str]]], width: int, file: _File) -> None:
    wrong = [(line, len(record)) for line, record in records if len(record) != width]
    if wrong:
        first = [f"line {line} has {fields}" for line, fields in wrong[:FIRST_LINES]]
        raise file.refused(
            f"has {_counted(len(wrong), 'line')} with more or fewer fields than its {width:,} "
            f"headings ({', '.join(first)}); probably a cell holds the delimiter or a line end: "
            "put quotes around it"
        )


def _cells(frame: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """The cells stripped, empty ones null; and how many rows without a value were left out."""
    stripped = pl.all().str.strip_chars()
    frame = frame.with_columns(stripped).with_columns(pl.all().replace("", None))
    kept = frame.filter(~pl.all_horizontal(pl.all().is_null()))
    return kept, frame.height - kept.height


def _named(frame: pl.DataFrame, headings: list[str], file: _File) -> pl.DataFrame:
    """The columns under their headings; unnamed ones are dropped where they are empty."""
    unnamed = [at for at, heading in enumerate(headings) if not heading]
    full = [at for at in unnamed if frame.to_series(at).null_count() < frame.height]
    if full:
        raise file.refused(
            f"has values in column {full[0] + 1}, which has no heading (first "
            f"{frame.to_series(full[0]).drop_nulls()[0]!r}); give it one"
        )
    names = {str(at): heading for at, heading in enumerate(headings) if heading}
    return frame.select(*names).rename(names)


def _check_rows(frame: pl.DataFrame, lines: _Lines, delimiter: str, file: _File) -> None:
    """Refuse a file without rows, and one in which the heading line comes again."""
    if frame.is_empty():
        raise file.refused("has headings and no line with a value under them")
    headings = tuple(frame.columns)
    alike = frame.filter(pl.col(headings[0]) == headings[0])
    if headings not in alike.rows():
        return
    again = [
        line
        for line, record in _records(lines, delimiter, file)
        if tuple(cell.strip() for cell in record if cell.strip()) == headings
    ][1:]
    raise file.refused(
        f"repeats its heading line {_counted(len(again), 'time')} "
        f"(line {listed(again, FIRST_LINES)}); remove these lines"
    )


def _said(file: _File, read: Reading, encoding: str, parted: str, blank: int) -> list[str]:
    parts = []
    if read.encoding is None:
        parts.append(f"as {CALLED.get(encoding, encoding)}")
    if read.delimiter is None:
        parts.append(parted)
    said = [f"{file.name} is read {' '.join(parts)}"] if parts else []
    if blank:
        said.append(f"{file.name}: {_counted(blank, 'line')} without a value left out")
    return said


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")
