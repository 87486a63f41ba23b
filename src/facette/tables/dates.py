"""Dates and times as people write them: `01/02/2023`, `1er févr. 2023`, `2023-02-01T12h30`.

A cell is parted into its day and its time; each distinct day is taken apart once. Where the month
has a name or the year comes first, a day is plain. In `01/02/2023` it is not: `15/02/2023` proves
that days come first, `02/15/2023` that months do, and where no cell of a column proves either, the
order is for others to decide.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime

import polars as pl

MONTHS = {
    1: "january jan janvier janv",
    2: "february feb fevrier fevr fev",
    3: "march mar mars",
    4: "april apr avril avr",
    5: "may mai",
    6: "june jun juin",
    7: "july jul juillet juil",
    8: "august aug aout aou",
    9: "september sep sept septembre",
    10: "october oct octobre",
    11: "november nov novembre",
    12: "december dec decembre",
}
NUMBER_OF = {name: month for month, names in MONTHS.items() for name in names.split()}
NAME = r"(?P<name>[\p{L}\p{M}]{3,})\.?"
YEAR = r"(?P<year>[0-9]{4}|[0-9]{2})"
DAY = r"(?P<day>[0-9]{1,2})"
BETWEEN = r"(?:[-/.\s]*|,\s*)"
SEPARATOR = r"[-/.\p{Zs}]|\.\p{Zs}"
NUMBERS = "numeric"
COMPACT = "compact"
FORMS = (
    (
        "year-first",
        rf"^(?P<year>[0-9]{{4}})(?P<sep>{SEPARATOR})(?P<month>[0-9]{{1,2}})(?P<again>{SEPARATOR})"
        rf"{DAY}$",
    ),
    (
        NUMBERS,
        rf"^{DAY}(?P<sep>{SEPARATOR})(?P<month>[0-9]{{1,2}})(?P<again>{SEPARATOR})"
        r"(?P<year>[0-9]{4})$",
    ),
    (
        NUMBERS,
        rf"^{DAY}(?P<sep>[-/.])(?P<month>[0-9]{{1,2}})(?P<again>[-/.])(?P<year>[0-9]{{2}})$",
    ),
    (COMPACT, r"^(?P<year>(?:19|20)[0-9]{2}|2100)(?P<month>[0-9]{2})(?P<day>[0-9]{2})$"),
    ("named", rf"^{DAY}(?:st|nd|rd|th|er|\.)?{BETWEEN}{NAME}{BETWEEN}{YEAR}$"),
    ("named", rf"^{NAME}{BETWEEN}{DAY}(?:st|nd|rd|th|er)?(?:,\s*|[-/\s]+){YEAR}$"),
    ("named", rf"^(?P<year>[0-9]{{4}}){BETWEEN}{NAME}{BETWEEN}{DAY}$"),
)
PARTS = ("year", "month", "day", "name", "sep", "again")
LIKE_A_DATE = (
    r"^(?:[0-9]{1,4}[-/.\p{Zs}]{1,2}[0-9]{1,2}[-/.\p{Zs}]{1,2}[0-9]{2}"
    r"|[0-9]{8}(?:[T\s]|$)|[0-9]{1,2}\S{0,2}[-/.\s]*\p{L}{3}"
    r"|\p{L}[\p{L}\p{M}]{2,8}\.?[-/.\s]*[0-9]{1,2}|[0-9]{4}[-/.\s]*\p{L}{3})"
)
TIME = (
    r"^(?P<day>.*?[0-9])(?:\s*T\s*|,?\s+)(?P<hour>[0-9]{1,2})[:h](?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
    r"(?:\s*(?P<half>[AaPp])\.?\s?[Mm]\.?)?"
    r"(?:\s*(?P<zone>Z|UTC|[-+][0-9]{2}:?(?:[0-9]{2})?))?$"
)
PIVOT = 69  # a year of two digits: 69 is 1969, 68 is 2068
FIRST_YEAR = 1000  # a format with %Y takes 23 for the year 23
LAST_COMPACT = 2100
TIMED = ("%H", "%I", "%T", "%R")
TRIED = datetime(2023, 2, 1)


@dataclass(frozen=True)
class Dates:
    """The distinct cells of a column taken apart as dates.

    `cells`, a row a cell: `text`, `count`; `day`, its day as text; `time` in microseconds, null
    without one and -1 where no clock shows it; `offset` of its time zone in microseconds, null
    without one; `read`, the instant that a set format with a time reads.
    `days`, a row a distinct day: `day`, `count` of cells; `form`, null where it has none; `first`,
    `second` (day and month but where `form` is "numeric"), `year`, `short` (a year of two digits),
    `sep`; `date`, which a set format without a time reads.
    """

    cells: pl.DataFrame
    days: pl.DataFrame

    @property
    def as_set(self) -> bool:
        """Whether the set format reads some cell."""
        return self.cells["read"].count() + self.days["date"].count() > 0

    def evidence(self) -> pl.DataFrame:
        """Days in numbers that are a day in some order; `says` day-first, month-first or open."""
        first, second = pl.col("first"), pl.col("second")
        return self.days.filter(
            (pl.col("form") == NUMBERS) & (first != second) & first.is_between(1, 31)
            & second.is_between(1, 31) & (pl.min_horizontal(first, second) <= 12)
        ).with_columns(
            says=pl.when(first > 12).then(pl.lit("day-first"))
            .when(second > 12).then(pl.lit("month-first")).otherwise(pl.lit("open"))
        )  # fmt: skip


def taken_apart(cells: pl.DataFrame, date_format: str | None) -> Dates | None:
    """Cells (`text`, `count`) as dates; None where fewer than half have the form of one."""
    half = cells["count"].sum() / 2
    likely = cells["text"].str.contains(LIKE_A_DATE)
    if date_format is None and cells.filter(likely)["count"].sum() < half:
        return None
    parted = cells.hstack(_parted(cells["text"]))
    counted = parted.group_by("day", maintain_order=True).agg(pl.col("count").sum())
    days = _without_stray_numbers(counted.hstack(_days(counted["day"])))
    timed = date_format is not None and any(directive in date_format for directive in TIMED)
    parted = parted.with_columns(read=_read(parted["text"], date_format if timed else None))
    dates = days.with_columns(date=_read(days["day"], None if timed else date_format).cast(pl.Date))
    of_form = pl.col("form").is_not_null() | pl.col("date").is_not_null()
    read = parted.filter(pl.col("read").is_not_null())["count"].sum()
    enough = max(dates.filter(of_form)["count"].sum(), read) >= half
    return Dates(parted, dates) if enough else None


def is_format(date_format: str) -> bool:
    """Whether a strptime format reads a whole date."""
    try:
        read = datetime.strptime(TRIED.strftime(date_format), date_format)
    except (ValueError, UnicodeError):
        return False
    return read == TRIED


def values(dates: Dates, order: str | None) -> pl.Series:
    """The instant of each cell (Datetime, us), in UTC where it has an offset; null where none is.

    `order`, "day-first" or "month-first", is that of days in numbers; None leaves them null.
    """
    days = dates.days.select("day", date=pl.coalesce("date", _date(order)))
    cells = dates.cells.join(days, on="day", how="left", maintain_order="left")
    time, offset = pl.col("time").fill_null(0), pl.col("offset").fill_null(0)
    moment = pl.col("date").cast(pl.Datetime("us")) + pl.duration(microseconds=time - offset)
    plain = pl.when(time >= 0).then(moment)
    return cells.select(pl.coalesce("read", plain)).to_series()


def _without_stray_numbers(days: pl.DataFrame) -> pl.DataFrame:
    """Eight digits are a date only in a column where all cells are such dates."""
    compact = days["form"] == COMPACT
    if not compact.any() or (compact.all() and days.select(_date(None)).to_series().count()
                             == days.height):  # fmt: skip
        return days
    return days.with_columns(form=pl.when(pl.col("form") != COMPACT).then("form"))


def _read(texts: pl.Series, date_format: str | None) -> pl.Series:
    """What a set format reads of the texts, null elsewhere."""
    if date_format is None:
        return pl.Series([None] * len(texts), dtype=pl.Datetime("us"))
    form = date_format.replace(".%f", "%.f")
    read = texts.str.to_datetime(form, time_unit="us", strict=False)
    return read.set((read.dt.year() < FIRST_YEAR).fill_null(False), None)


def _parted(cells: pl.Series) -> pl.DataFrame:
    """Day, time and offset of each cell; a time that is none on any clock is -1."""
    if not cells.str.contains(r"[0-9][:h][0-9]").any():
        none = pl.lit(None, pl.Int64)
        return cells.to_frame("day").with_columns(time=none, offset=none)
    found = cells.str.extract_groups(TIME).struct.unnest()
    hour, minute, second = (pl.col(part).cast(pl.Int64) for part in ("hour", "minute", "second"))
    second = second.fill_null(0)
    half = pl.col("half").str.to_lowercase()
    hour_24 = pl.when(half.is_null()).then(hour).otherwise(hour % 12 + 12 * (half == "p"))
    least, most = pl.when(half.is_null()).then(0).otherwise(1), 23 - 11 * half.is_not_null()
    sound = hour.is_between(least, most) & (minute < 60) & (second < 60)
    fraction = pl.col("fraction").str.pad_end(6, "0").str.head(6).cast(pl.Int64).fill_null(0)
    time = ((hour_24 * 60 + minute) * 60 + second) * 1_000_000 + fraction
    return found.select(
        day=pl.coalesce("day", cells),
        time=pl.when(pl.col("hour").is_not_null()).then(pl.when(sound).then(time).otherwise(-1)),
        offset=_offset(pl.col("zone")),
    )


def _offset(zone: pl.Expr) -> pl.Expr:
    digits = zone.str.replace_all("[^0-9]", "").str.pad_end(4, "0").cast(pl.Int64)
    minutes = digits // 100 * 60 + digits % 100
    return pl.when(zone.str.starts_with("-")).then(-minutes).otherwise(minutes) * 60_000_000


def _days(days: pl.Series) -> pl.DataFrame:
    """Form and parts of each day text; all null where it has none of the forms."""
    rows = pl.DataFrame({"text": days, "at": range(len(days))})
    found = []
    for form, pattern in FORMS:
        of_form = rows.filter(pl.col("text").str.contains(pattern))
        parts = of_form["text"].str.extract_groups(pattern).struct.unnest()
        absent = [pl.lit(None, pl.String).alias(p) for p in PARTS if p not in parts.columns]
        found.append(
            of_form.select("at", form=pl.lit(form))
            .hstack(parts.with_columns(absent).select(PARTS))
            .filter(pl.col("sep").eq_missing(pl.col("again")))
        )
    known = pl.concat(found).unique("at", keep="first", maintain_order=True)
    return _numbered(rows.join(known, on="at", how="left", maintain_order="left"))


def _numbered(days: pl.DataFrame) -> pl.DataFrame:
    year, short = pl.col("year").cast(pl.Int64), pl.col("year").str.len_chars() == 2
    century = pl.when(year < PIVOT).then(2000).otherwise(1900)
    named = {name: NUMBER_OF.get(_bare(name)) for name in days["name"].drop_nulls().unique()}
    month = pl.col("name").replace_strict(named, default=None, return_dtype=pl.Int64)
    return days.select(
        "form",
        "sep",
        first=pl.col("day").cast(pl.Int64),
        second=pl.coalesce(pl.col("month").cast(pl.Int64), month),
        year=pl.when(short).then(century + year).otherwise(year),
        short=short,
    )


def _bare(name: str) -> str:
    """A name without accents and capitals."""
    parted = unicodedata.normalize("NFKD", name)
    return "".join(sign for sign in parted if not unicodedata.combining(sign)).lower()


def _date(order: str | None) -> pl.Expr:
    numbers = pl.col("form") == NUMBERS
    swapped = numbers & (order == "month-first")
    day = pl.when(swapped).then("second").otherwise("first")
    month = pl.when(swapped).then("first").otherwise("second")
    known = pl.col("form").is_not_null() & ~(numbers & (order is None))
    written = pl.format("{}-{}-{}", "year", month, day)
    return pl.when(known).then(written).str.to_date("%Y-%m-%d", strict=False)
