"""Data frames to tables people read: labels with units, figures with one precision a column."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from facette.reports.story import Story
from facette.reports.words import (
    DIRECTIONS,
    METRICS,
    differences,
    missing,
    plain,
    share,
    texts,
    verdict,
)
from facette.tables.contract import Cleaned


@dataclass
class Cell:
    """One written cell."""

    text: str
    figure: bool = False
    strong: bool = False
    tone: str = ""


@dataclass
class Table:
    """A caption, headers (with a line of unit each) and rows; the first cell heads its row."""

    caption: str
    headers: list[tuple[str, str]]
    rows: list[list[Cell]]
    note: str = ""
    figures: list[bool] = field(default_factory=list)


def table(
    frame: pd.DataFrame, columns: dict[str, tuple[str, str]], caption: str, currency: str,
    note: str = "",
) -> Table:  # fmt: skip
    """The columns of a frame of which it knows something, as (label, kind) of `words.texts`."""
    known = frame.dropna(axis="columns", how="all")
    shown = {name: columns[name] for name in columns if name in known}
    written = [_column(frame[name], kind) for name, (_, kind) in shown.items()]
    headers = [(label, _unit(kind, currency)) for label, kind in shown.values()]
    rows = [list(row) for row in zip(*written, strict=True)]
    return Table(caption, headers, rows, note, [kind != "text" for _, kind in shown.values()])


def _column(values: pd.Series, kind: str) -> list[Cell]:
    return [Cell(text, kind != "text") for text in texts(values, kind)]


def _unit(kind: str, currency: str) -> str:
    return {"money": currency, "share": "%"}.get(kind, "")


def any_table(frame: pd.DataFrame, caption: str, currency: str) -> Table:
    """A frame whose columns nobody has named: whole numbers as counts, others as they are."""
    kinds = {str(name): (plain(str(name)), _guess(frame[name])) for name in frame}
    return table(frame.rename(columns=str), kinds, caption, currency)


def _guess(values: pd.Series) -> str:
    if pd.api.types.is_bool_dtype(values) or not pd.api.types.is_numeric_dtype(values):
        return "text"
    if values.name is not None and "share" in str(values.name):
        return "share"
    return "count" if pd.api.types.is_integer_dtype(values) else "ratio"


def against_baselines(frame: pd.DataFrame, caption: str, currency: str) -> Table:
    """The model first, then its baselines; the best known figure of each metric is strong."""
    metrics = [str(name) for name in frame.columns]
    cells = [[Cell(str(name), strong=place == 0) for place, name in enumerate(frame.index)]]
    headers = [("Model and baselines", "")]
    for metric in metrics:
        label, kind, direction = METRICS.get(metric, (plain(metric), "ratio", None))
        column = _column(frame[metric], kind)
        for place in _best(frame[metric].tolist(), direction):
            column[place].strong = True
        cells.append(column)
        units = [_unit(kind, currency), DIRECTIONS[direction]]
        headers.append((label, ", ".join(unit for unit in units if unit)))
    rows = [list(row) for row in zip(*cells, strict=True)]
    note = "In bold, the best figure of each column."
    return Table(caption, headers, rows, note, [False] + [True] * len(metrics))


def _best(values: list[Any], direction: int | None) -> list[int]:
    known = {place: value for place, value in enumerate(values) if not missing(value)}
    if direction is None or not known:
        return []
    loss = {p: abs(v - 1) if direction == 0 else -direction * v for p, v in known.items()}
    return [place for place in loss if loss[place] == min(loss.values())]


def gains_table(story: Story, part: str, caption: str) -> Table:
    """Paired differences to the best baseline on each metric, with the verdict in words."""
    rows = [_gain_row(row) for _, row in story.gains[part].iterrows()]
    interval = f"{share(story.confidence, 0)} interval"
    names = ("Metric", "Best baseline", "Gain", interval, "Verdict")
    headers = [(name, "") for name in names]
    note = "A gain above 0 is better, whatever the metric."
    return Table(caption, headers, rows, note, [False, False, True, True, False])


def _gain_row(row: pd.Series) -> list[Cell]:
    label, kind, _ = METRICS.get(row["metric"], (plain(row["metric"]), "ratio", None))
    unit = "" if kind == "ratio" else kind
    gain, between = differences(row["gain"], row["low"], row["high"], unit)
    words, tone = verdict(row["low"], row["high"], row["opponent"])
    opponent = Cell(texts([row["opponent"]], "text")[0])
    return [Cell(label), opponent, Cell(gain, True), Cell(between, True), Cell(words, tone=tone)]


def cleaned_rows(cleaning: Sequence[Cleaned]) -> pd.DataFrame | None:
    """Rows in, kept and dropped of each table, and why; None where nothing is known of it."""
    rows = [
        {
            "table": cleaned.table,
            "rows_in": cleaned.rows_in,
            "kept": cleaned.kept,
            "dropped": cleaned.rows_in - cleaned.kept,
            "why": "; ".join(f"{n:,} failing {why}" for why, n in cleaned.dropped.items() if n),
        }
        for cleaned in cleaning
    ]
    return pd.DataFrame(rows) if rows else None


def cleaning_table(frame: pd.DataFrame | None, currency: str) -> Table | None:
    """What came in, as a table; None where nothing is known of it."""
    if frame is None:
        return None
    columns = {
        "table": ("Table", "text"),
        "rows_in": ("Rows in", "count"),
        "kept": ("Kept", "count"),
        "dropped": ("Dropped", "count"),
        "why": ("Why", "text"),
    }
    return table(frame, columns, "Rows in, kept and dropped", currency)
