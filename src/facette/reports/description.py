"""A source described: text for the terminal and one page, from the same sentences."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd

from facette.reports.tables import Cell, Table, cleaned_rows, cleaning_table, table
from facette.reports.templates import filled
from facette.reports.words import day, number, plain, share
from facette.snapshots.activity import Activity
from facette.snapshots.aggregates import KEY
from facette.snapshots.allowed import Allowed, PartAllowed
from facette.snapshots.worth import Worth
from facette.tables.contract import Cleaned, Kind
from facette.tables.profile import ColumnProfile, TableProfile, Value

if TYPE_CHECKING:
    from markupsafe import Markup

    from facette.reports.description_wide import WideDescription
    from facette.reports.description_words import Section
    from facette.reports.gallery import Picture

__all__ = ["Cell", "Description", "render", "text_lines"]

WIDTH = 110
LABEL = 16
MOST_NOTES = 5
COUNTED = {"rows", "columns", "customers", "empty", "distinct"}  # columns of counts, in the text


@dataclass(frozen=True)
class Description:
    """What is in a source of dated events.

    `value_basis` says what stands for value; money in figures is in units of `currency`.
    """

    data_name: str
    origin: str
    licence: str
    currency: str
    value_basis: str
    command: str
    profiles: dict[str, TableProfile]
    notes: list[str]
    cleaning: list[Cleaned]
    activity: Activity
    allowed: Allowed
    horizon_days: int
    worth: Worth
    digests: dict[str, str] = field(default_factory=dict)


def text_lines(description: Description) -> list[str]:
    """The description as aligned lines of plain text."""
    from facette.reports.description_words import sections

    return lines_of(description, sections(description), _overview(description))


def lines_of(
    description: Description | WideDescription, told: list[Section], overview: list[list[str]]
) -> list[str]:
    """Sections as aligned lines; the overview, rows of a table, stands in that of the tables."""
    lines = [f"{description.data_name}: {description.origin} ({description.licence})"]
    for section in told:
        lines += ["", section.title]
        if section.key == "tables":
            lines += _aligned(overview)
        for label, sentence in _shortened(section.lines):
            lines += _entry(label, sentence)
    return lines


def _shortened(lines: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The lines with no more than so many notes; the page has them all."""
    notes = [line for line in lines if line[0] == "note"]
    if len(notes) <= MOST_NOTES:
        return lines
    kept = [line for line in lines if line[0] != "note"]
    more = ("note", f"and {len(notes) - MOST_NOTES} more, on the page")
    return [*kept, *notes[:MOST_NOTES], more]


def _entry(label: str, sentence: str) -> list[str]:
    """A label and its sentence, wrapped beside it."""
    first = f"  {label:<{LABEL}}"
    return textwrap.wrap(
        sentence, WIDTH, initial_indent=first, subsequent_indent=" " * len(first),
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _aligned(rows: list[list[str]]) -> list[str]:
    """Rows of a table under each other; the columns that begin with a figure to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            text.rjust(width) if rows[0][place] in COUNTED else text.ljust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(("  " + "  ".join(cells)).rstrip())
    return lines


def _overview(description: Description) -> list[list[str]]:
    heading = ["table", "rows", "columns", "customers", "from", "to", "most often empty"]
    buyers = description.profiles["transactions"].customers or 1
    rows = [heading]
    for found in description.profiles.values():
        ends = ["" if end is None else f"{end:%Y-%m-%d}" for end in (found.first, found.last)]
        counts = [number(found.rows), number(len(found.columns)), _people(found, buyers)]
        rows.append([found.name, *counts, *ends, _emptiest(found)])
    return rows


def _people(found: TableProfile, buyers: int) -> str:
    """The customers that a table tells of, and which share of those with a transaction."""
    if found.customers is None:
        return ""
    return f"{number(found.customers)} ({share((found.of_buyers or 0) / buyers, 0)})"


def _emptiest(found: TableProfile) -> str:
    column = max(found.columns, key=lambda c: c.missing)
    if not column.missing:
        return "nothing is empty"
    return f"{column.name} {share(found.share_missing(column))}"


def render(description: Description) -> str:
    """The whole page as HTML text: no network, no script, every text from data escaped."""
    from facette.reports.description_figures import pictures
    from facette.reports.description_words import sections, summary

    return page(
        "description.html.jinja", description, summary(description), sections(description),
        tables=_tables(description), pictures=drawn(pictures(description)),
        columns=[columns_table(found) for found in description.profiles.values()],
    )  # fmt: skip


def page(
    template: str, description: Description | WideDescription, summary: list[tuple[str, str]],
    told: list[Section], **shown: Any,
) -> str:  # fmt: skip
    """A template filled with a description, its sections, and what else it shows."""
    return filled(template, description=description, summary=summary, sections=told, **shown)


def drawn(pictures: Iterable[Picture]) -> dict[str, dict[str, str | Markup]]:
    """Pictures by key, as the templates show them."""
    from facette.reports.svg import inline_svg

    return {
        picture.key: {
            "key": picture.key,
            "title": picture.title,
            "reading": picture.reading,
            "context": picture.context,
            "svg": inline_svg(picture.draw(""), f"figure-{picture.key}", picture.alt),
        }
        for picture in pictures
    }


def _tables(description: Description) -> dict[str, Table]:
    """Printed tables by name; absent where there is nothing to print."""
    asked: dict[str, Callable[[Description], Table | None]] = {
        "overview": _overview_table,
        "cleaning": lambda d: cleaning_table(cleaned_rows(d.cleaning), d.currency),
        "months": _months_table,
        "parts": lambda d: parts_table(d.allowed.parts, d.currency),
        "dates": _dates_table,
        "switches": _switches_table,
        "tiers": _tiers_table,
        "habits": _habits_table,
    }
    made = {name: make(description) for name, make in asked.items()}
    return {name: printed for name, printed in made.items() if printed is not None}


def _overview_table(description: Description) -> Table:
    buyers = description.profiles["transactions"].customers or 1
    rows = [
        {
            "name": found.name,
            "rows": found.rows,
            "columns": len(found.columns),
            "customers": found.customers,
            "of_buyers": None if found.of_buyers is None else found.of_buyers / buyers,
            "first": _whole(found.first),
            "last": _whole(found.last),
        }
        for found in description.profiles.values()
    ]
    columns = {
        "name": ("Table", "text"),
        "rows": ("Rows", "count"),
        "columns": ("Columns", "count"),
        "customers": ("Customers", "count"),
        "of_buyers": ("Of buyers", "share"),
        "first": ("From", "text"),
        "last": ("To", "text"),
    }
    return _blank(table(pd.DataFrame(rows), columns, "The tables", description.currency))


def _whole(end: date | None) -> str:
    """A date that is not broken over two lines."""
    return "" if end is None else day(end).replace(" ", "\N{NO-BREAK SPACE}")


def _blank(printed: Table) -> Table:
    """The table with empty cells where a figure does not apply."""
    from facette.reports.words import NOT_AVAILABLE

    for row in printed.rows:
        for cell in row:
            cell.text = "" if cell.text == NOT_AVAILABLE else cell.text
    return printed


def columns_table(found: TableProfile) -> Table:
    """A table column by column."""
    rows = [
        {
            "name": column.name,
            "kind": column.kind.value,
            "missing": found.share_missing(column),
            "distinct": column.distinct,
            "least": end(column.least, column.kind),
            "most": end(column.most, column.kind),
            "frequent": frequent(column, found.rows),
        }
        for column in found.columns
    ]
    columns = {
        "name": ("Column", "text"),
        "kind": ("Kind", "text"),
        "missing": ("Empty", "share"),
        "distinct": ("Distinct values", "count"),
        "least": ("Least", "text"),
        "most": ("Most", "text"),
        "frequent": ("Most frequent", "text"),
    }
    caption = f"{plain(found.name)}: {number(found.rows)} rows"
    return _figures(table(pd.DataFrame(rows), columns, caption, ""), 4, 6)


def _figures(printed: Table, start: int, end: int) -> Table:
    """The table with some of its columns, written already, set as figures."""
    for row in printed.rows:
        for cell in row[start:end]:
            cell.figure = True
    printed.figures[start:end] = [True] * (end - start)
    return printed


def end(value: Value, kind: Kind) -> str:
    """The least or the most of a column, written."""
    if value is None:
        return ""
    if kind is Kind.instant:
        return _whole(value)  # type: ignore[arg-type]
    digits = 2 if kind is Kind.money else 0 if float(value) == int(value) else 3  # type: ignore[arg-type]
    return number(value, digits)


def frequent(column: ColumnProfile, rows: int) -> str:
    """The most frequent value of a column and its share of the rows, written.

    A customer is not named: who has objected to marketing is in the raw tables too.
    """
    if column.frequent is None:
        return ""
    if column.frequent_rows == 1:
        return "each value once"
    shown = "one customer" if column.name == KEY else short(column.frequent, 40)
    part = column.frequent_rows / rows
    return f"{shown} ({share(part) if part >= 0.01 else number(column.frequent_rows) + ' rows'})"


def short(text: str, most: int) -> str:
    """The text on one line, cut after so many signs."""
    told = " ".join(text.split())
    return told if len(told) <= most else told[: most - 1] + "…"


def _months_table(description: Description) -> Table:
    months = description.activity.months
    frame = months.assign(month=[f"{start:%B %Y}" for start in months["month"]])
    columns = {
        "month": ("Month", "text"),
        "days": ("Days observed", "count"),
        "customers": ("Customers who bought", "count"),
        "new_customers": ("New customers", "count"),
        "purchases": ("Purchases", "count"),
        "net": ("Net value", "money"),
    }
    return table(frame, columns, "By month", description.currency)


def parts_table(parts: list[PartAllowed], currency: str) -> Table:
    """Which parts can be trained, and why or why not."""
    frame = pd.DataFrame(
        [(p.part, "yes" if p.allowed else "no", p.why) for p in parts],
        columns=["part", "allowed", "why"],
    )
    columns = {"part": ("Part", "text"), "allowed": ("Allowed", "text"), "why": ("Why", "text")}
    printed = table(frame, columns, "Parts", currency)
    for row in printed.rows:
        row[1].tone = "better" if row[1].text == "yes" else "same"
    return printed


def _dates_table(description: Description) -> Table | None:
    dates = description.allowed.dates
    if not dates:
        return None
    frame = pd.DataFrame([vars(counts) for counts in dates])
    frame["for"] = ["training"] * (len(dates) - 1) + ["test"]
    frame["date"] = [day(date) for date in frame["date"]]
    columns = {
        "date": ("Reference date", "text"),
        "for": ("For", "text"),
        "customers": ("Customers known", "count"),
        "repeaters": ("Bought on several days", "count"),
        "buyers": ("Transaction in the horizon", "count"),
        "active": ("Active", "count"),
        "returned": ("Of the active, return", "count"),
    }
    return table(frame, columns, "The reference dates", description.currency)


def _switches_table(description: Description) -> Table:
    switches = description.allowed.switches
    frame = pd.DataFrame(
        [(s.where, "there" if s.there else "not there", s.gives) for s in switches],
        columns=["where", "there", "gives"],
    )
    columns = {
        "where": ("Table or column", "text"),
        "there": ("Here", "text"),
        "gives": ("What it switches on", "text"),
    }
    caption = "Optional tables and columns"
    return table(frame, columns, caption, description.currency)


def _tiers_table(description: Description) -> Table:
    from facette.reports.description_words import tier_name

    tiers = description.worth.value.tiers
    frame = tiers.assign(
        tier=[tier_name(row) for _, row in tiers.iterrows()], share=tiers["to"] - tiers["from"]
    )
    columns = {
        "tier": ("Tier", "text"),
        "customers": ("Customers", "count"),
        "share": ("Of customers", "share"),
        "value": ("Net value", "money"),
        "value_share": ("Of net value", "share"),
    }
    caption = f"Pareto tiers, net value of the last {description.worth.value.days} days"
    return table(frame, columns, caption, description.currency)


def _habits_table(description: Description) -> Table:
    from facette.reports.description_words import habit_name

    rows: list[dict[str, Any]] = [
        {
            "what": habit_name(habit, description.currency),
            "customers": habit.customers,
            **{
                q: number(getattr(habit, q), 2 if habit.unit == "money" else 1)
                for q in ("low", "median", "high")
            },
            "quartile_ratio": habit.quartile_ratio,
            "variation": habit.variation,
            "dispersion": habit.dispersion,
        }
        for habit in description.worth.habits
    ]
    columns = {
        "what": ("Habit", "text"),
        "customers": ("Customers", "count"),
        "low": ("Lower quartile", "text"),
        "median": ("Median", "text"),
        "high": ("Upper quartile", "text"),
        "quartile_ratio": ("Quartile ratio", "index"),
        "variation": ("Coefficient of variation", "index"),
        "dispersion": ("Variance over mean", "index"),
    }
    caption = f"Habits over the last {description.worth.habit_days} days"
    printed = _blank(table(pd.DataFrame(rows), columns, caption, description.currency))
    return _figures(printed, 2, 5)
