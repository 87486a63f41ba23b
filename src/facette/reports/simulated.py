"""A simulated bank beside what a banker would call plausible: one page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from facette.reports.description import drawn
from facette.reports.simulated_figures import pictures
from facette.reports.tables import Cell, Table
from facette.reports.templates import filled
from facette.reports.words import NOT_AVAILABLE, day, number, share
from facette.settings.data import Plausible
from facette.tables.simulation.sanity import Seen, WalletShare, sanity_figures, tables_in

PAGE = "sanity.html"
SECTIONS = {
    "leaving": ("Who leaves", ("age", "products")),
    "holding": ("What they hold, what they bring", ("tenure", "gains", "profit", "seasons")),
    "answering": ("What they answer, what they ask", ("responses", "channels")),
}


def write_sanity(
    folder: Path, ranges: Plausible, *, command: str, currency: str,
    wallet: WalletShare | None = None,
) -> Path:  # fmt: skip
    """Write `sanity.html` beside the tables of a simulated bank, from these tables; its path.

    `command` is what made the bank; `wallet`, of `facette.recovery.wallet`, is all that comes from
    the truth.
    """
    page = folder / PAGE
    html = render(Seen(tables_in(folder), wallet), ranges, command, currency)
    page.write_text(html, encoding="utf-8")
    return page


def render(seen: Seen, ranges: Plausible, command: str, currency: str) -> str:
    """The whole page as HTML text: no network, no script, every text from data escaped."""
    figures = sanity_figures(seen, ranges)
    return filled(
        "simulated.html.jinja",
        lead=_lead(seen),
        summary=summary(figures),
        figures=figures_table(figures),
        sections=SECTIONS,
        pictures=drawn(pictures(seen, ranges, currency)),
        facts=_facts(seen),
        command=command,
    )


def _lead(seen: Seen) -> str:
    return (
        f"{number(len(seen.customers))} customers who do not exist, "
        f"{day(seen.start)} to before {day(seen.end)}"
    )


def summary(figures: pl.DataFrame) -> list[tuple[str, str]]:
    """What is inside, outside, and not counted, as labels and sentences."""
    known = figures.filter(pl.col("inside").is_not_null())
    lines = [("inside", f"{known['inside'].sum()} of {len(known)} figures are plausible")]
    for row in known.filter(~pl.col("inside")).rows(named=True):
        amount, verdict = written(row["figure"], row["unit"]), _distance(row)
        lines.append(("outside", f"{row['sentence']}: {amount}, {verdict} the range {_range(row)}"))
    absent = figures.filter(pl.col("inside").is_null())["sentence"].to_list()
    return lines + ([("not counted", "; ".join(absent))] if absent else [])


def figures_table(figures: pl.DataFrame) -> Table:
    """Every figure beside its range, and on how many it rests."""
    names = ("Figure", "Counted", "Plausible", "Verdict", "Rests on")
    rows = [_row(row) for row in figures.rows(named=True)]
    return Table("Counted and plausible", [(name, "") for name in names], rows,
                 figures=[False, True, True, False, False])  # fmt: skip


def _row(row: dict[str, Any]) -> list[Cell]:
    amount = Cell(written(row["figure"], row["unit"]), figure=True, strong=row["inside"] is False)
    rests = f"{number(row['n'])} {row['of']}" if row["n"] else ""
    tone = {True: "better", False: "worse", None: ""}[row["inside"]]
    return [
        Cell(row["sentence"]), amount, Cell(_range(row), figure=True),
        Cell(_distance(row), tone=tone), Cell(rests),
    ]  # fmt: skip


def _distance(row: dict[str, Any]) -> str:
    """Whether a figure is inside its range, or how far outside."""
    if row["inside"] is None:
        return "not counted"
    if row["inside"]:
        return "inside"
    side = "below" if row["figure"] < row["low"] else "above"
    gap = max(row["low"] - row["figure"], row["figure"] - row["high"])
    if row["unit"] == "share":
        return f"{number(100 * gap, 2)} points {side}"
    return f"{number(gap, 2)}{' years' if row['unit'] == 'years' else ''} {side}"


def _range(row: dict[str, Any]) -> str:
    """The ends of a range as they are set, no digit added."""
    low, high = row["low"], row["high"]
    if row["unit"] == "share":
        return f"{100 * low:g}% to {100 * high:g}%"
    return f"{low:g} to {high:g}{' years' if row['unit'] == 'years' else ''}"


def written(value: float | None, unit: str) -> str:
    """A figure in its unit; a second digit where per cents are few."""
    if value is None:
        return NOT_AVAILABLE
    if unit == "share":
        return share(value, 2 if 0 < abs(value) < 0.01 else 1)
    return f"{number(value, 1)} years" if unit == "years" else number(value, 2)


def _facts(seen: Seen) -> list[tuple[str, str]]:
    rows = {
        name: int(table.select(pl.len()).collect().item()) for name, table in seen.tables.items()
    }
    told = "; ".join(f"{name} {number(n)}" for name, n in rows.items())
    return [
        ("Rows", told),
        ("Last year", f"from {day(seen.year_start)}; profits are of those there all through it"),
        ("Share of wallet", "from the truth, where it is given: no bank sees it in its own "
                            "tables. All else is counted on the tables as written"),
        ("Customers", f"{number(seen.customer_years)} years of customers observed"),
    ]  # fmt: skip
