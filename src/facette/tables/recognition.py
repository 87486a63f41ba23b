"""Columns of text recognised as numbers and dates, what was recognised said, doubts not hidden.

    seen = recognised(frame, Reading(), where="data.transactions")
    seen.said      # ("data.transactions: decimal comma (amount); day-first dates (date)",)
    seen.doubts    # {"delivered": "column 'delivered' holds '01/02/2023', which ..."}

What a cell proves counts for its column, then for the other columns of the file. Where nothing
decides, the column is left as text and the doubt names the setting that ends it. A column of which
only a part can be read, at least half, stays text too, but each readable cell is put in the one
form that the door reads: it will then refuse the others, as they were written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from facette.errors import BadInput
from facette.settings.data import Reading
from facette.tables import dates, numerals
from facette.wording import listed

UTC = pl.Datetime("us", "UTC")
AS_OTHERS = ", as elsewhere in the file"
SWAPPED = {"day-first": "%d{0}%m{0}%{1}", "month-first": "%m{0}%d{0}%{1}"}
WORDS = {
    dates.NUMBERS: "day-first dates",
    dates.COMPACT: "dates of eight digits",
    "year-first": "year-first dates",
    "named": "dates with the month by name",
}
YEARS_FIRST = "%y{0}%m{0}%d"


@dataclass(frozen=True)
class Recognised:
    """A file's columns, typed where they can be.

    `said`: sentences on what was recognised. `doubts`: column -> a sentence on why it cannot be
    read as numbers or dates without being told, and which setting tells it.
    """

    frame: pl.DataFrame
    said: tuple[str, ...]
    doubts: Mapping[str, str]


@dataclass(frozen=True)
class _Asked:
    """What is set, and where."""

    where: str
    decimal: str | None
    date_format: str | None

    def setting(self, key: str, values: Iterable[str]) -> str:
        return " or ".join(f"{self.where}.read.{key}={value}" for value in values)


@dataclass(frozen=True)
class _Column:
    """A column by its distinct cells (`text`, `count`), taken apart as dates or as numbers.

    `typed`: the column itself, where it is written as programs write numbers. `padded`: numbers
    some of which have leading zeros, as identifiers have.
    """

    written: pl.Series
    cells: pl.DataFrame
    dates: dates.Dates | None = None
    numbers: pl.DataFrame | None = None
    typed: pl.Series | None = None
    padded: pl.DataFrame | None = None

    @property
    def proven_mark(self) -> str | None:
        """The decimal mark that its cells prove, where they prove one and not both."""
        if self.typed is not None:
            return "." if self.typed.dtype == pl.Float64 else None
        if self.numbers is None:
            return None
        proven = self.numbers["proves"].drop_nulls().unique()
        return proven[0] if len(proven) == 1 else None

    @property
    def proven_order(self) -> tuple[str, str] | None:
        """Separator and order of its days, where it proves one and not both."""
        if self.dates is None:
            return None
        evidence = self.dates.evidence().filter(pl.col("says") != "open")
        proven = evidence["says"].unique()
        return (evidence["sep"][0], proven[0]) if len(proven) == 1 else None


@dataclass(frozen=True)
class _Pool:
    """What the columns of a file prove for those that prove nothing."""

    marks: frozenset[str]
    orders: frozenset[tuple[str, str]]

    def mark(self) -> str | None:
        return next(iter(self.marks)) if len(self.marks) == 1 else None

    def order(self, separator: str) -> str | None:
        orders = [order for sep, order in self.orders if sep == separator]
        return orders[0] if len(orders) == 1 else None


@dataclass(frozen=True)
class _Made:
    """What became of a column's distinct cells: values, or a doubt; and words for it."""

    values: pl.Series | None = None
    words: tuple[str, ...] = ()
    doubt: str | None = None


def recognised(frame: pl.DataFrame, read: Reading, where: str) -> Recognised:
    """The columns of a file, all text, as numbers and dates; same names in the same order.

    Numbers become Int64 or Float64, never infinite; days Date, instants Datetime in microseconds,
    in UTC where the text says an offset. Identifiers with leading zeros stay text. `where` is the
    setting that names the file, `data.transactions` say.

    Raises:
        BadInput: `read.decimal` or `read.date_format` is no mark or no format.
    """
    asked = _asked(read, where)
    plain = {} if read.decimal or read.date_format else numerals.by_machine(frame)
    columns = [_taken_apart(column, plain.get(column.name), asked) for column in frame]
    marks = frozenset(column.proven_mark for column in columns) - {None}
    orders = frozenset(column.proven_order for column in columns) - {None}
    pool = _Pool(marks, orders)  # type: ignore[arg-type]  # None is taken out
    made = {column.written.name: _made(column, pool, asked) for column in columns}
    typed = {c.written.name: _typed(c, made[c.written.name].values) for c in columns}
    unread = {c.written.name for c in columns if typed[c.written.name] is c.written}
    read_ones = {name: m.words for name, m in made.items() if name not in unread}
    return Recognised(
        frame=pl.DataFrame(typed),
        said=_said(read_ones, where),
        doubts={name: m.doubt for name, m in made.items() if m.doubt is not None},
    )


def _asked(read: Reading, where: str) -> _Asked:
    named = {name: mark for mark, name in numerals.MARKS.items()}
    decimal = None if read.decimal is None else named.get(read.decimal.lower(), read.decimal)
    if decimal not in (None, *numerals.MARKS):
        raise BadInput(
            f"{where}.read.decimal: '{read.decimal}' is no decimal mark; comma or point is wanted"
        )
    if read.date_format is not None and not dates.is_format(read.date_format):
        raise BadInput(
            f"{where}.read.date_format: '{read.date_format}' is no format of a whole date; write "
            "it as %d/%m/%Y or %Y-%m-%d %H:%M:%S"
        )
    return _Asked(where, decimal, read.date_format)


def _taken_apart(column: pl.Series, typed: pl.Series | None, asked: _Asked) -> _Column:
    if typed is not None:
        return _Column(column, pl.DataFrame(), typed=typed)
    texts = column.drop_nulls().alias("text")
    cells = texts.to_frame().group_by("text", maintain_order=True).agg(count=pl.len())
    if cells.is_empty():
        return _Column(column, cells)
    dated = dates.taken_apart(cells, asked.date_format)
    if dated is not None:
        return _Column(column, cells, dates=dated)
    numbers = _numbers(cells)
    if numbers is not None and numbers["core"].str.contains(numerals.PADDED).any():
        return _Column(column, cells, padded=numbers)
    return _Column(column, cells, numbers=numbers)


def _numbers(cells: pl.DataFrame) -> pl.DataFrame | None:
    """The cells taken apart as numbers; None where fewer than half are."""
    parts = cells.hstack(numerals.taken_apart(cells["text"]))
    known = parts.filter(pl.col("core").is_not_null())
    return None if 2 * known["count"].sum() < cells["count"].sum() else parts


def _made(column: _Column, pool: _Pool, asked: _Asked) -> _Made:
    if column.typed is not None:
        return _Made(words=("decimal point",) if column.proven_mark else ())
    if column.padded is not None:
        return _padded(column.written.name, column.padded)
    if column.dates is not None:
        return _dated(column.written.name, column.dates, pool, asked)
    if column.numbers is not None:
        return _numbered(column.written.name, column.numbers, pool, asked)
    return _Made()


def _padded(name: str, parts: pl.DataFrame) -> _Made:
    """Identifiers such as 007 stay text; as numbers they would be in doubt beside 1.234."""
    if not parts["open"].any():
        return _Made()
    first = parts.filter("open")["text"][0]
    return _doubt(
        name, f"holds numbers with leading zeros, and {first!r} beside them, which may be of "
        "thousands or of decimals; write its numbers alike",
    )  # fmt: skip


def _numbered(name: str, parts: pl.DataFrame, pool: _Pool, asked: _Asked) -> _Made:
    currencies = parts.filter(pl.col("currency").is_not_null())
    if currencies["currency"].n_unique() > 1:
        told = _counted(currencies, "currency")
        return _doubt(name, f"mixes currencies, {told}; keep one currency, or name it in a column")
    mark, how = _mark(parts, pool, asked)
    if mark is None:
        return _undecided_mark(name, parts, asked)
    values = numerals.values(parts, mark)
    strange = parts.filter(values.is_null() & _finite(parts["text"]))
    if not strange.is_empty():
        told = f"{strange['count'].sum():,} (first {strange['text'][0]!r})"
        return _doubt(
            name, f"holds numbers that a decimal {numerals.MARKS[mark]} does not read: {told}; "
            "correct them",
        )  # fmt: skip
    return _Made(values, (*how, *_left_out(parts, mark)))


def _mark(parts: pl.DataFrame, pool: _Pool, asked: _Asked) -> tuple[str | None, tuple[str, ...]]:
    """The decimal mark of a column and words on how it is known; None where it is in doubt."""
    if asked.decimal is not None:
        return asked.decimal, ()
    proven = parts["proves"].drop_nulls().unique().to_list()
    if len(proven) == 1:
        return proven[0], (f"decimal {numerals.MARKS[proven[0]]}",)
    if proven:
        return None, ()
    if not parts["open"].any():
        return ".", ()
    mark = pool.mark()
    return mark, () if mark is None else (f"decimal {numerals.MARKS[mark]}{AS_OTHERS}",)


def _undecided_mark(name: str, parts: pl.DataFrame, asked: _Asked) -> _Made:
    setting = asked.setting("decimal", numerals.MARKS.values())
    proofs = parts.filter(pl.col("proves").is_not_null())
    if not proofs.is_empty():
        named = proofs.with_columns(
            kind=pl.lit("decimal ") + pl.col("proves").replace_strict(numerals.MARKS) + "s"
        )
        return _doubt(
            name, f"mixes {_counted(named, 'kind')}; write all in one way, or set {setting} "
            "to have the others refused one by one",
        )  # fmt: skip
    first = parts.filter("open")["text"][0]
    sign = "," if "," in first else "."
    return _doubt(
        name, f"holds {first!r}, and no cell of the file tells whether '{sign}' parts thousands "
        f"or decimals; set {setting}",
    )  # fmt: skip


def _finite(texts: pl.Series) -> pl.Series:
    """Where the door would take the text for a number."""
    return texts.cast(pl.Float64, strict=False).is_finite().fill_null(False)


def _left_out(parts: pl.DataFrame, mark: str) -> tuple[str, ...]:
    separators = f"[{numerals.GROUP}{numerals.OTHER[mark]}]"
    grouped = parts["core"].str.contains(separators).any()
    words = ("thousands separators",) if grouped else ()
    return (*words, "currency signs") if parts["currency"].count() else words


def _dated(name: str, found: dates.Dates, pool: _Pool, asked: _Asked) -> _Made:
    order, how = (None, ()) if found.as_set else _order(found, pool)
    if order is None and not found.as_set:
        return _undecided_order(name, found, asked)
    values = dates.values(found, order)
    zoned = found.cells.filter(values.is_not_null() & pl.col("offset").is_not_null())
    if not zoned.is_empty():
        return _zoned(name, found, values, how)
    timed = found.cells.select(
        pl.col("time").is_not_null() | pl.col("read").is_not_null()
    ).to_series()
    has_time = (timed & values.is_not_null()).any()
    return _Made(values if has_time else values.cast(pl.Date), how)


def _order(found: dates.Dates, pool: _Pool) -> tuple[str | None, tuple[str, ...]]:
    """Whether days or months come first, and words on how it is known; None where in doubt."""
    evidence = found.evidence()
    says = evidence["says"].unique().to_list()
    proven = [order for order in says if order != "open"]
    if len(proven) > 1 or _years_may_come_first(found):
        return None, ()
    if proven:
        return proven[0], (f"{proven[0]} dates",)
    if not says:
        return "day-first", (_form(found),)
    order = pool.order(evidence.filter(pl.col("says") == "open")["sep"][0])
    return order, () if order is None else (f"{order} dates{AS_OTHERS}",)


def _form(found: dates.Dates) -> str:
    """Words for the form that most days have, where the order is no question."""
    known = found.days.filter(pl.col("form").is_not_null())
    form = known.group_by("form").agg(pl.col("count").sum()).sort("count", "form")["form"][-1]
    return WORDS[form]


def _years_may_come_first(found: dates.Dates) -> bool:
    """Whether the last of three short numbers varies more than the first, as in 23-02-28."""
    short = found.days.filter((pl.col("form") == dates.NUMBERS) & pl.col("short"))
    last = short["year"] % 100
    fits = bool(((last <= 31) & (short["second"] <= 12)).all())
    return fits and last.n_unique() > short["first"].n_unique()


def _undecided_order(name: str, found: dates.Dates, asked: _Asked) -> _Made:
    evidence = found.evidence()
    year = "y" if found.days["short"].any() else "Y"
    separator = evidence["sep"][0] if len(evidence) else "-"
    choices = {order: form.format(separator, year) for order, form in SWAPPED.items()}
    proofs = evidence.filter(pl.col("says") != "open")
    if proofs["says"].n_unique() > 1:
        told = _counted(proofs, "says", text="day")
        remedy = f"write all in one way, or set {asked.setting('date_format', choices.values())}"
        return _doubt(name, f"mixes dates that are {told}; {remedy} to have the others refused")
    if _years_may_come_first(found):
        choices["year-first"] = YEARS_FIRST.format(separator)
    first = found.days.filter(pl.col("form") == dates.NUMBERS)["day"][0]
    return _doubt(
        name, f"holds dates such as {first!r}, and no cell tells whether they are "
        f"{' or '.join(choices)}; set {asked.setting('date_format', choices.values())}",
    )  # fmt: skip


def _zoned(name: str, found: dates.Dates, values: pl.Series, how: tuple[str, ...]) -> _Made:
    """Instants with an offset: all cells have to be such, as text without one means another."""
    rest = found.cells.filter(values.is_null() | pl.col("offset").is_null())
    if rest.is_empty():
        return _Made(values.dt.replace_time_zone("UTC"), (*how, "instants with an offset"))
    return _doubt(
        name, f"holds instants with an offset from UTC, and {rest['count'].sum():,} cells without "
        f"(first {rest['text'][0]!r}); write all in one way",
    )  # fmt: skip


def _doubt(name: str, problem: str) -> _Made:
    return _Made(doubt=f"column '{name}' {problem}")


def _counted(cells: pl.DataFrame, kind: str, text: str = "text") -> str:
    """`day-first (3, first '15/02/2023') and month-first (1, first '02/15/2023')`."""
    kinds = cells.group_by(kind).agg(pl.col("count").sum(), pl.col(text).first()).sort(kind)
    return " and ".join(f"{k} ({n:,}, such as {t!r})" for k, n, t in kinds.rows())


def _typed(column: _Column, values: pl.Series | None) -> pl.Series:
    """The column with its values; as text, readable cells rewritten, where some are not."""
    if column.typed is not None:
        return column.typed
    if values is None:
        return column.written
    cells = column.cells.with_columns(value=values)
    unread = cells.filter(pl.col("value").is_null())["count"].sum()
    if 2 * unread > cells["count"].sum():
        return column.written
    if unread:
        cells = cells.with_columns(value=pl.coalesce(_canonical(values), "text"))
    name = column.written.name
    rows = column.written.to_frame("text").join(
        cells.select("text", "value"), on="text", how="left", maintain_order="left"
    )
    return rows["value"].alias(name)


def _canonical(values: pl.Series) -> pl.Series:
    """Values as the door reads them."""
    if values.dtype == pl.Datetime("us"):
        return values.dt.to_string("%Y-%m-%d %H:%M:%S%.f")
    return values.cast(pl.String)


def _said(words_of: Mapping[str, tuple[str, ...]], where: str) -> tuple[str, ...]:
    told: dict[str, list[str]] = {}
    for name, all_words in words_of.items():
        for words in all_words:
            told.setdefault(words, []).append(name)
    if not told:
        return ()
    return (f"{where}: " + "; ".join(f"{words} ({listed(of)})" for words, of in told.items()),)
