"""Runs compared: text for the terminal and one page, from the same sentences and tables."""

from __future__ import annotations

import textwrap
from typing import Any

from facette.reports.compared import Against, Comparison
from facette.reports.comparison_tables import (
    counts_table,
    features_table,
    figures_table,
    largest_table,
    moves_table,
    runs_table,
    settings_table,
)
from facette.reports.comparison_words import (
    Lines,
    code_lines,
    score_lines,
    segment_lines,
    settings_line,
    snapshot_lines,
    verdict_line,
)
from facette.reports.description import short
from facette.reports.tables import Table
from facette.reports.templates import filled
from facette.reports.words import share

# characters of a line, of its label, of a setting, and of a last cell at least
WIDTH, LABEL, CELL, LEAST = 110, 18, 28, 40
MOST_SETTINGS = 15  # told in the text; the page has them all


def text_lines(comparison: Comparison) -> list[str]:
    """The comparison as aligned lines of plain text."""
    lines = [_title(comparison), *_entries(summary(comparison)), *_settings_lines(comparison)]
    for one in comparison.against:
        lines += _against_lines(comparison, one)
    return lines


def _title(comparison: Comparison) -> str:
    others = ", ".join(one.label for one in comparison.against)
    return f"{comparison.data_name}: {others} against {comparison.base.label}"


def _settings_lines(comparison: Comparison) -> list[str]:
    """The first settings that differ, each cut where it is long."""
    printed = settings_table(comparison)
    if not printed.rows:
        return []
    more = len(printed.rows) - MOST_SETTINGS
    printed.rows = printed.rows[:MOST_SETTINGS]
    for row in printed.rows:
        for cell in row[1:]:
            cell.text = short(cell.text, CELL)
    return ["", *_aligned(printed), *([f"  and {more} more, on the page"] if more > 0 else [])]


def _against_lines(comparison: Comparison, one: Against) -> list[str]:
    lines = ["", f"{one.label} against {comparison.base.label}"]
    lines += _entries(snapshot_lines(comparison, one))
    for part in one.figures:
        lines += ["", *_aligned(figures_table(comparison, one, part))]
    if one.segments:
        lines += ["", *_entries(segment_lines(one))]
    for what, changes in one.segments.items():
        if what != "cell" and not (changes.moved and changes.moved.stayed == 1):
            lines += ["", *_aligned(counts_table(comparison, one, what))]
    for part in one.scores:
        lines += ["", *_entries(score_lines(comparison, one, part))]
        if len(one.scores[part].largest):
            lines += _aligned(largest_table(comparison, one, part))
    return lines


def summary(comparison: Comparison) -> Lines:
    """What differs, in a sentence for each run."""
    told = [settings_line(comparison), *code_lines(comparison)]
    return told + [verdict_line(comparison, one) for one in comparison.against]


def _entries(lines: Lines) -> list[str]:
    """Labels and their sentences, wrapped beside them."""
    told = []
    for label, sentence in lines:
        first = f"  {label:<{LABEL}}"
        told += textwrap.wrap(
            sentence, WIDTH, initial_indent=first, subsequent_indent=" " * len(first),
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
    return told


def _aligned(printed: Table) -> list[str]:
    """A table as lines: figures to the right, all else to the left, units after the names."""
    heads = [f"{label} ({unit})" if unit else label for label, unit in printed.headers]
    rows = [heads, *([cell.text for cell in row] for row in printed.rows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    told = [line for row in rows for line in _row_lines(row, widths, printed.figures)]
    return [f"  {printed.caption}", *told]


def _row_lines(row: list[str], widths: list[int], figures: list[bool]) -> list[str]:
    """One row; the last cell is wrapped where it is long."""
    cells = [
        text.rjust(width) if figure else text.ljust(width)
        for text, width, figure in zip(row, widths, figures, strict=True)
    ]
    before = "".join(f"  {cell}" for cell in cells[:-1]) + "  "
    wrapped = textwrap.wrap(cells[-1], max(WIDTH - len(before), LEAST), drop_whitespace=False)
    first, *more = (line.rstrip() for line in wrapped)
    return [
        f"{before}{first}".rstrip(),
        *(" " * len(before) + line.lstrip() for line in more if line),
    ]


def render(comparison: Comparison) -> str:
    """The whole page as HTML text: no network, no script, every text from data escaped."""
    return filled(
        "comparison.html.jinja",
        comparison=comparison,
        summary=summary(comparison),
        runs=runs_table(comparison),
        settings=settings_table(comparison),
        against=[_shown(comparison, one) for one in comparison.against],
        interval=share(comparison.confidence, 0),
    )


def _shown(comparison: Comparison, one: Against) -> dict[str, Any]:
    """A run against the base, as the page shows it."""
    counts = [counts_table(comparison, one, what) for what in one.segments if what != "cell"]
    moves = moves_table(comparison, one)
    return {
        "label": one.label,
        "lines": snapshot_lines(comparison, one),
        "figures": [figures_table(comparison, one, part) for part in one.figures],
        "moved": segment_lines(one),
        "counts": [*counts, *([moves] if moves else [])],
        "scores": [
            (
                score_lines(comparison, one, part),
                largest_table(comparison, one, part),
                features_table(comparison, one, part),
            )
            for part in one.scores
        ],
    }
