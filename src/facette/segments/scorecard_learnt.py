"""A grid in a run: fitted at the latest training date, judged at the test date, packaged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from facette.errors import BadInput
from facette.segments.scorecard import Scorecard
from facette.segments.scorecard_judged import (
    Backtest,
    SwapSet,
    backtest,
    grid_table,
    happened,
    swap_set,
    top_grades,
)
from facette.segments.scorecard_points import Proposal, proposed_points
from facette.settings.models import Evaluation
from facette.settings.segments import Grid

PROPOSED = "proposed points"
UNDATED = (
    "grid: without dates it is judged on the customers its grades were frozen on; the proposed "
    "points have seen their outcomes"
)


@dataclass(frozen=True)
class LearntGrid:
    """A fitted grid, and the points that its training customers would have it give.

    `why_none` says why there is no proposal, where there is none.
    """

    card: Scorecard
    proposal: Proposal | None
    why_none: str = ""

    def files(self) -> dict[str, bytes]:
        """The plain file of the packaged part: the grid as configured, not as proposed."""
        return {"part.json": json.dumps(self.card.plain(), indent=1).encode()}


@dataclass(frozen=True)
class JudgedGrid:
    """What the grid foretold of the test snapshot, beside the proposal and the models.

    `tables`: grades, bands, swaps (see `grid_table`), points (of the proposal, if any). `swaps`
    holds a swap set at equal volume for each rival score.
    """

    learnt: LearntGrid
    backtest: Backtest
    proposed: Backtest | None
    swaps: dict[str, SwapSet]
    tables: dict[str, pd.DataFrame]
    notes: list[str] = field(default_factory=list)

    def metrics(self) -> dict[str, float]:
        """Every figure of the grid, as `grid/<metric>`."""
        told = self.backtest.metrics()
        if self.proposed is not None:
            told["grid/proposed/auc"] = self.proposed.auc
        for rival, swap in self.swaps.items():
            name = f"grid/swap/{rival.replace(' ', '_')}/gain"
            told |= {name: swap.gain, f"{name}_low": swap.gain_low, f"{name}_high": swap.gain_high}
        return told


def learn_grid(
    card: Scorecard, settings: Grid, frame: pd.DataFrame, outcomes: pd.DataFrame
) -> LearntGrid:
    """Freeze the grid on the customers (n, d) of a snapshot, and propose points from its outcomes.

    Raises:
        BadInput: a grid, an outcome or grades that can't serve.
    """
    fitted = card.fit(frame)
    top_grades(fitted, np.array([]), settings.top)
    outcome = happened(outcomes, settings.outcome)
    try:
        return LearntGrid(fitted, proposed_points(fitted, frame, outcome, settings.penalty))
    except BadInput as why:  # the grid serves all the same
        return LearntGrid(fitted, None, str(why))


def judge_grid(
    learnt: LearntGrid, settings: Grid, frame: pd.DataFrame, outcomes: pd.DataFrame,
    rivals: Mapping[str, np.ndarray], judged: Evaluation, seed: int, *, dated: bool,
) -> JudgedGrid:  # fmt: skip
    """The grid on the customers (n, d) of another snapshot, beside rival scores (n,) of theirs.

    Without dates (`dated` false) it is the same snapshot, and said.

    Raises:
        BadInput: the outcome is known of nobody.
    """
    card, proposal = learnt.card, learnt.proposal
    outcome, value = happened(outcomes, settings.outcome), outcomes["value"].to_numpy()
    in_top = top_grades(card, card.predict(frame), settings.top)
    if proposal is not None:
        points = proposal.card.transform(frame)["points"].to_numpy(dtype=float)
        rivals = {PROPOSED: points, **rivals}
    swaps = {
        name: swap_set(in_top, score, outcome, value, judged.confidence, seed)
        for name, score in rivals.items()
    }
    told = backtest(card, frame, outcome, value, judged.confidence)
    tables = grid_table(card, frame, outcome, value, judged.confidence, swaps)
    notes = [*card.notes_, *told.warnings, *([] if dated else [UNDATED])]
    if proposal is None:
        return JudgedGrid(learnt, told, None, swaps, tables, [*notes, learnt.why_none])
    then = backtest(proposal.card, frame, outcome, value, judged.confidence)
    tables["points"] = proposal.table
    return JudgedGrid(learnt, told, then, swaps, tables, [*notes, *proposal.notes])
