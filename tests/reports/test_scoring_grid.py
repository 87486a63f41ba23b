"""The scoring grid's section: what it says is what its tables hold."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from stories import full_story

from facette.reports.gallery import figures_of, pictures
from facette.reports.page import render
from facette.reports.scoring_grid import grid_told, swap_in_words
from facette.reports.scoring_grid_figure import grade_rates
from facette.reports.story import Story
from facette.segments.scorecard import Scorecard
from facette.segments.scorecard_judged import backtest, grid_table, swap_set, top_grades
from facette.segments.scorecard_learnt import PROPOSED, JudgedGrid, LearntGrid
from facette.segments.scorecard_points import proposed_points

N = 800
CRITERIA = [
    {
        "name": "visits", "column": "visits", "side": "behavioural", "missing": 0,
        "bands": [{"below": 1, "points": 0}, {"below": 3, "points": 30}, {"points": 70}],
    },
    {
        "name": "home", "column": "home", "side": "explicit", "missing": 0,
        "bands": [{"in": ["owner"], "points": 30}, {"points": 0}],
    },
]  # fmt: skip


@pytest.fixture(scope="module")
def grid() -> JudgedGrid:
    random = np.random.default_rng(5)
    frame = pd.DataFrame(
        {"visits": random.poisson(2, N), "home": random.choice(["owner", "tenant"], N)},
        [f"c{i}" for i in range(N)],
    )
    kept = (random.random(N) < 0.3 + 0.15 * frame["visits"].clip(upper=4)).to_numpy(dtype=float)
    value = np.where(kept == 1, 40.0, 5.0)
    card = Scorecard(criteria=CRITERIA, grades=["A", "B", "C"], grade_shares=[0.2, 0.4, 0.4])
    card.fit(frame)
    proposal = proposed_points(card, frame, kept, 1e-4)
    top = top_grades(card, card.predict(frame), ["A"])
    swaps = {PROPOSED: swap_set(top, kept + random.random(N), kept, value, 0.95, 1)}
    tables = grid_table(card, frame, kept, value, 0.95, swaps) | {"points": proposal.table}
    told = backtest(card, frame, kept, value, 0.95)
    then = backtest(proposal.card, frame, kept, value, 0.95)
    return JudgedGrid(LearntGrid(card, proposal), told, then, swaps, tables, ["grid: a <note>"])


@pytest.fixture
def story(grid: JudgedGrid) -> Story:
    told = full_story()
    told.grid, told.grid_means, told.grid_top = grid, "kept", ["A"]
    return told


def test_without_a_grid_there_is_no_section() -> None:
    assert grid_told(full_story()) is None
    page = render(full_story())
    assert 'id="grid"' not in page
    assert "grid-rates" not in pictures(full_story())


def test_each_grade_stands_with_its_rate_and_interval(story: Story, grid: JudgedGrid) -> None:
    made = grid_told(story).grades
    best, row = grid.tables["grades"].iloc[0], [cell.text for cell in made.rows[0]]
    assert row[0] == "A"
    assert f"{100 * best['rate']:.1f}%" in row
    assert f"{100 * best['low']:.1f}% to {100 * best['high']:.1f}%" in row
    assert "Kept" in [label for label, _ in made.headers]


def test_proposed_points_stand_beside_the_current_ones(story: Story, grid: JudgedGrid) -> None:
    made = grid_told(story).bands
    labels = [label for label, _ in made.headers]
    now, proposed = labels.index("Points"), labels.index("Proposed")
    assert len(made.rows) == len(grid.tables["bands"])
    for row, (_, points) in zip(made.rows, grid.tables["points"].iterrows(), strict=True):
        assert float(row[now].text.replace("−", "-")) == points["points_now"]
        assert float(row[proposed].text.replace("−", "-")) == points["points_proposed"]
    without = {name: table for name, table in grid.tables.items() if name != "points"}
    story.grid = replace(grid, tables=without, proposed=None)
    assert "Proposed" not in [label for label, _ in grid_told(story).bands.headers]


def test_a_swap_set_is_told_with_both_sides_and_its_verdict(story: Story, grid: JudgedGrid) -> None:
    swap = grid.swaps[PROPOSED]
    came, left = swap.table.loc["enters"], swap.table.loc["leaves"]
    said = swap_in_words(story, PROPOSED, swap)
    assert said.startswith(f"Proposed points would bring {came['customers']:.0f} customers")
    assert f"of whom {100 * came['rate']:.1f}% kept" in said
    assert f"for {left['customers']:.0f} with {100 * left['rate']:.1f}% kept" in said
    assert said.endswith("better than chance.")
    worse = replace(swap, gain=-0.2, gain_low=-0.3, gain_high=-0.1)
    assert swap_in_words(story, PROPOSED, worse).endswith("worse.")


def test_a_swap_that_moves_nobody_says_so(story: Story, grid: JudgedGrid) -> None:
    swap = grid.swaps[PROPOSED]
    nobody = replace(swap, table=swap.table.assign(customers=0))
    assert swap_in_words(story, "staying", nobody) == "Staying would change nobody in grade A."


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"monotone": True, "auc_low": 0.6}, "does better than the next"),
        ({"monotone": False, "auc_low": 0.6}, "not every grade"),
        ({"monotone": True, "auc_low": 0.45}, "no more than chance"),
        ({"auc": np.nan, "auc_low": np.nan}, "Not judged"),
    ],
)
def test_the_verdict_follows_the_figures(
    story: Story, grid: JudgedGrid, changes: dict, words: str
) -> None:
    story.grid = replace(grid, backtest=replace(grid.backtest, **changes))
    assert words in grid_told(story).verdict


def test_a_warning_is_told_once(story: Story, grid: JudgedGrid) -> None:
    warning = "grid: grade B is above grade A"
    judged = replace(grid.backtest, monotone=False, warnings=[warning])
    story.grid = replace(grid, backtest=judged, notes=[warning, *grid.notes])
    told = grid_told(story)
    assert told.sentences[1] == "Grade B is above grade A."
    assert told.notes == ["A <note>"]


def test_the_page_shows_the_grid_escaped_with_its_picture(story: Story) -> None:
    page = render(story)
    assert 'id="grid"' in page
    assert "A &lt;note&gt;" in page
    assert 'id="grid-rates"' in page
    assert "grid-rates" in figures_of(story)


def test_grades_without_customers_are_not_drawn(grid: JudgedGrid) -> None:
    grades = grid.tables["grades"].copy()
    grades.loc["D"] = [0, 0.0, 0, np.nan, np.nan, np.nan, np.nan]
    axes = grade_rates(grades.astype({"customers": int}), "kept").axes[0]
    assert len(axes.get_xticks()) == len(grid.tables["grades"])
