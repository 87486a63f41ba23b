"""The scoring grid for people to read: what its grades foretold, its points, whom others prefer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from facette.reports.story import Story
from facette.reports.tables import Table, table
from facette.reports.words import capital, missing, money, number, plain, share
from facette.segments.scorecard_judged import Backtest, SwapSet
from facette.segments.scorecard_learnt import JudgedGrid

SIDES = {"explicit": "fit", "behavioural": "engagement"}
HALF = 0.5  # the area that chance gives


@dataclass
class GridTold:
    """The section of the grid: its verdict and tone, sentences, tables, what was noted."""

    verdict: str
    tone: str
    sentences: list[str]
    grades: Table
    bands: Table
    swaps: list[str]
    notes: list[str]


def grid_told(story: Story) -> GridTold | None:
    """What the page tells of the grid; None where there is none."""
    grid = story.grid
    if grid is None:
        return None
    verdict, tone = _verdict(grid.backtest)
    return GridTold(
        verdict,
        tone,
        [_area(story, grid), *(f"{_alone(line)}." for line in grid.backtest.warnings)],
        _grades_table(story, grid),
        _bands_table(story, grid),
        [swap_in_words(story, rival, swap) for rival, swap in grid.swaps.items()],
        [_alone(note) for note in grid.notes if note not in grid.backtest.warnings],
    )


def _alone(note: str) -> str:
    """A note of the run as it reads in the grid's own section."""
    return capital(note.removeprefix("grid: "))


def _verdict(told: Backtest) -> tuple[str, str]:
    if missing(told.auc):
        return "Not judged: fewer than two customers have either outcome", "unknown"
    if told.auc_low <= HALF:
        return "The grid tells no more than chance", "worse"
    if told.monotone:
        return "Every grade does better than the next", "better"
    return "The grid ranks, but not every grade stands above the next", "same"


def _area(story: Story, grid: JudgedGrid) -> str:
    said = (
        f"A customer who is {story.grid_means} has more points than one who is not with "
        f"probability {_interval(grid.backtest)} (ROC AUC; 0.5 is chance)"
    )
    if grid.proposed is None:
        return f"{said}."
    return f"{said}; with the proposed points {_interval(grid.proposed)}."


def _interval(told: Backtest) -> str:
    if missing(told.auc):
        return "not available"
    return f"{number(told.auc, 3)} ({number(told.auc_low, 3)} to {number(told.auc_high, 3)})"


def _between(frame: pd.DataFrame) -> list[str]:
    pairs = zip(frame["low"], frame["high"], strict=True)
    return [
        "not available" if missing(low) else f"{share(low)} to {share(high)}" for low, high in pairs
    ]


def _grades_table(story: Story, grid: JudgedGrid) -> Table:
    frame = grid.tables["grades"].assign(between=_between(grid.tables["grades"]))
    frame.insert(0, "grade", frame.index)
    columns = {
        "grade": ("Grade", "text"),
        "customers": ("Customers", "count"),
        "share": ("Of those judged", "share"),
        "rate": (capital(story.grid_means), "share"),
        "between": (f"{number(100 * story.confidence)}% interval", "text"),
        "mean_value": ("Value each", "money"),
    }
    made = _in_line(table(frame, columns, "What happened to each grade", story.currency))
    frozen = "on these same customers" if story.reference_date is None else "at the training date"
    made.note = (
        f"Grades were frozen {frozen}; {number(frame['customers'].sum())} customers whose outcome "
        "is known. Value is what they brought in the outcome window."
    )
    return made


def _bands_table(story: Story, grid: JudgedGrid) -> Table:
    bands = grid.tables["bands"]
    proposed = grid.tables["points"]["points_proposed"] if "points" in grid.tables else np.nan
    frame = bands.assign(proposed=proposed, between=_between(bands)).reset_index()
    frame["criterion"] = frame["criterion"].map(plain)
    frame["side"] = frame["side"].map(lambda side: SIDES.get(side, side))
    columns = {
        "criterion": ("Criterion", "text"),
        "side": ("Tells of", "text"),
        "band": ("Band", "text"),
        "points": ("Points", "count"),
        "proposed": ("Proposed", "count"),
        "customers": ("Customers", "count"),
        "rate": (capital(story.grid_means), "share"),
        "between": (f"{number(100 * story.confidence)}% interval", "text"),
        "mean_value": ("Value each", "money"),
    }
    caption = "Points of each band, and what happened to it"
    made = _in_line(table(frame, columns, caption, story.currency))
    made.note = (
        "Fit and engagement are subtotals; the best bands sum to 100, penalties go below. "
        "Proposed: the points that a logistic model of the training customers would give the "
        "same bands; they are a proposal, the grid in use keeps its own."
    )
    return made


def _in_line(made: Table) -> Table:
    """The column of intervals stands as figures do, on one line."""
    place = next(i for i, (label, _) in enumerate(made.headers) if label.endswith("interval"))
    made.figures[place] = True
    for row in made.rows:
        row[place].figure = True
    return made


def swap_in_words(story: Story, rival: str, swap: SwapSet) -> str:
    """Whom a rival score would bring into the top and whom it would take out, and what followed."""
    came, left = swap.table.loc["enters"], swap.table.loc["leaves"]
    top = ("grade " if len(story.grid_top) == 1 else "grades ") + " and ".join(story.grid_top)
    who = capital(rival)
    if not came["customers"]:
        return f"{who} would change nobody in {top}."
    return (
        f"{who} would bring {number(came['customers'])} customers into {top}, of whom "
        f"{_fate(story, came)}, for {number(left['customers'])} with {_fate(story, left)}; "
        f"{_gain(story, swap)}."
    )


def _fate(story: Story, group: pd.Series) -> str:
    return (
        f"{share(group['rate'])} {story.grid_means}, "
        f"{money(group['mean_value'], story.currency)} each"
    )


def _gain(story: Story, swap: SwapSet) -> str:
    low, high = swap.gain_low, swap.gain_high
    words = "better than chance" if low > 0 else "worse" if high < 0 else "no proven difference"
    points = [number(100 * figure, 1, signed=True) for figure in (swap.gain, low, high)]
    level = number(100 * story.confidence)
    return f"{points[0]} points ({level}% interval {points[1]} to {points[2]}): {words}"
