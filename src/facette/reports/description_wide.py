"""A wide table described: one row a customer, no dates; what that allows and what it hides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pandas as pd

from facette.reports import description as dated
from facette.reports.description_words import Section, below, cleaned_line, tier_name, tiers_line
from facette.reports.tables import Table, cleaned_rows, cleaning_table, table
from facette.reports.words import missing, money, number, plain, share
from facette.snapshots.allowed import PartAllowed
from facette.snapshots.worth import ValueDisparity
from facette.tables.contract import Cleaned
from facette.tables.profile import ColumnProfile, TableProfile
from facette.wording import listed

if TYPE_CHECKING:
    from facette.reports.gallery import Picture

MOST_COLUMNS = 25
MOST_TOLD = {"column": 28, "values": 30, "use": 28}
NOT_TOLD = (
    ("customers", "over time: months, seasons, days without anything, a last month not complete"),
    ("habits", "how often customers buy, at which intervals, how much at a time, of what"),
    ("out of time", "how a model does on a later day: it is judged in folds of customers"),
    ("payback", "by how much value has to rise to pay for segments: its period is not known"),
)


@dataclass(frozen=True)
class WideDescription:
    """What is in a wide table; money in figures is in units of `currency`.

    `uses`: heading -> what it is for. `outcomes`: label -> sentence. `suspects`: column -> its ROC
    AUC alone. `disparities`: what is looked at -> how unequal customers are in it.
    """

    data_name: str
    origin: str
    licence: str
    currency: str
    command: str
    profile: TableProfile
    uses: dict[str, str]
    notes: list[str]
    cleaning: list[Cleaned]
    outcomes: dict[str, str]
    parts: list[PartAllowed]
    suspects: dict[str, float]
    disparities: dict[str, ValueDisparity]
    digests: dict[str, str] = field(default_factory=dict)


def sections(description: WideDescription) -> list[Section]:
    """All sections in order."""
    return [
        Section("tables", "What came in", _came_in(description)),
        Section("outcomes", "Outcomes", _outcomes(description)),
        Section("allows", "What can be trained", _allows(description)),
        Section("worth", "How unequal customers are", _unequal(description)),
        Section("undated", "What can't be told without dates", list(NOT_TOLD)),
    ]


def summary(description: WideDescription) -> list[tuple[str, str]]:
    """The few lines at the top of the page."""
    yes = [part.part for part in description.parts if part.allowed]
    no = [f"{part.part} is off: {part.why}" for part in description.parts if not part.allowed]
    return [
        ("Customers", _size(description)),
        *((plain(label), sentence) for label, sentence in description.outcomes.items()),
        ("Allows", "; ".join([f"{listed(yes) or 'nothing'} can be trained", *no])),
        ("Too good", _too_good(description)),
    ]


def _size(description: WideDescription) -> str:
    found, told = description.profile, description.uses.values()
    learnt = sum("learnt from" in use for use in told)
    out = sum(use.startswith("left out") for use in told)
    return (
        f"{number(found.rows)}, one row each, without dates; {number(len(found.columns))} columns: "
        f"{number(learnt)} to learn from, {number(out)} left out"
    )


def _came_in(description: WideDescription) -> list[tuple[str, str]]:
    lines = [("customers", _size(description))]
    lines += [("cleaning", cleaned_line(cleaned)) for cleaned in description.cleaning]
    return lines + [("note", note) for note in description.notes]


def _outcomes(description: WideDescription) -> list[tuple[str, str]]:
    named = list(description.outcomes.items()) or [("none", "no column is named in data.outcomes")]
    return [*named, ("too good", _too_good(description))]


def _too_good(description: WideDescription) -> str:
    if not any(part.part == "churn" and part.allowed for part in description.parts):
        return "not looked for: there is no two-valued outcome"
    if not description.suspects:
        return "no column alone tells the two-valued outcome nearly without fault"
    told = ", ".join(f"{n} (ROC AUC {number(a, 3)})" for n, a in description.suspects.items())
    return (
        f"{told}: alone nearly without fault; leave out with data.drop what was filled in after "
        "the outcome"
    )


def _allows(description: WideDescription) -> list[tuple[str, str]]:
    return [(p.part, f"{'yes' if p.allowed else 'no '}  {p.why}") for p in description.parts]


def _unequal(description: WideDescription) -> list[tuple[str, str]]:
    if not description.disparities:
        why = "no amount is named, neither data.outcomes.value nor data.current_value"
        return [("not known", why)]
    lines = []
    for label, found in description.disparities.items():
        lines.append((label, _held(found, description.currency)))
        if not missing(found.gini):
            lines.append(("tiers", tiers_line(found.tiers, "it")))
        if found.negative:
            lines.append(("below 0", below(found, description.currency)))
    return lines


def _held(found: ValueDisparity, currency: str) -> str:
    total = (
        f"{money(found.total, currency)} in all, {money(found.total / found.customers, currency)} "
        f"a customer; {share(found.buyers / found.customers)} have other than 0"
    )
    if missing(found.gini):
        return f"{total}; not above 0 in all, so that no shares can be told"
    return (
        f"{total}; Gini {number(found.gini, 2)} (0 all alike, 1 one holds all), "
        f"{number(found.gini_buyers, 2)} among those"
    )


def text_lines(description: WideDescription) -> list[str]:
    """The description as aligned lines of plain text."""
    return dated.lines_of(description, sections(description), _overview(description))


def _overview(description: WideDescription) -> list[list[str]]:
    rows = [["column", "empty", "distinct", "values", "use"]]
    found = description.profile
    for column in found.columns[:MOST_COLUMNS]:
        empty = share(found.share_missing(column)) if column.missing else ""
        texts = {
            "column": column.name, "values": _values(column, found.rows),
            "use": description.uses[column.name],
        }  # fmt: skip
        name, values, use = (dated.short(texts[k], most) for k, most in MOST_TOLD.items())
        rows.append([name, empty, number(column.distinct), values, use])
    if more := len(found.columns) - MOST_COLUMNS:
        rows += [[f"and {number(more)} more", "", "", "on the page", ""]] if more > 0 else []
    return rows


def _values(column: ColumnProfile, rows: int) -> str:
    if column.least is None:
        return dated.frequent(column, rows)
    return f"{dated.end(column.least, column.kind)} to {dated.end(column.most, column.kind)}"


def render(description: WideDescription) -> str:
    """The whole page as HTML text: no network, no script, every text from data escaped."""
    return dated.page(
        "description_wide.html.jinja", description, summary(description), sections(description),
        tables=_tables(description), columns=[_columns_table(description)],
        pictures=dated.drawn(_pictures(description)),
    )  # fmt: skip


def _columns_table(description: WideDescription) -> Table:
    """The columns as of any table, and beside them what each is for."""
    named = replace(description.profile, name=description.data_name)
    printed = dated.columns_table(named)
    printed.headers.append(("Use", ""))
    printed.figures.append(False)
    for row, column in zip(printed.rows, description.profile.columns, strict=True):
        row.append(dated.Cell(description.uses[column.name]))
    return printed


def _tables(description: WideDescription) -> dict[str, Table]:
    made = {
        "cleaning": cleaning_table(cleaned_rows(description.cleaning), description.currency),
        "parts": dated.parts_table(description.parts, description.currency),
    }
    made |= {
        f"tiers of {label}": _tiers_table(label, found, description.currency)
        for label, found in description.disparities.items()
        if not missing(found.gini)
    }
    return {name: printed for name, printed in made.items() if printed is not None}


def _tiers_table(label: str, found: ValueDisparity, currency: str) -> Table:
    tiers = found.tiers
    frame = tiers.assign(
        tier=[tier_name(row) for _, row in tiers.iterrows()], share=tiers["to"] - tiers["from"]
    )
    columns = {
        "tier": ("Tier", "text"),
        "customers": ("Customers", "count"),
        "share": ("Of customers", "share"),
        "value": ("Amount", "money"),
        "value_share": ("Of all", "share"),
    }
    return table(pd.DataFrame(frame), columns, f"Pareto tiers, {label}", currency)


def _pictures(description: WideDescription) -> Iterator[Picture]:
    from facette.reports.description_figures import empty_picture, held_picture

    yield from empty_picture(description.data_name, {"": description.profile})
    for place, (label, found) in enumerate(description.disparities.items()):
        if found.total > 0:
            context = (
                f"{description.data_name}, {label}, of no stated period, {description.currency}"
            )
            yield held_picture(f"held-{place}", found, context, label, f"Who holds the {label}")
