"""What a grid foretold, how customers moved in it, and who would be swapped."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu
from test_scorecard import GRADES, card, customers

from facette.errors import BadInput
from facette.segments.scorecard import Scorecard
from facette.segments.scorecard_judged import (
    GROUPS,
    auc_with_interval,
    backtest,
    course,
    grid_table,
    happened,
    swap_set,
    top_grades,
    wilson,
)


@pytest.fixture(scope="module")
def grid() -> Scorecard:
    return card().fit(customers())


def foretold(grid: Scorecard, frame: pd.DataFrame, seed: int = 1, strength: float = 0.05):
    """An outcome that the points tell, and values that come with it."""
    rng = np.random.default_rng(seed)
    points = grid.transform(frame)["points"].to_numpy()
    yes = (rng.random(len(frame)) < 1 / (1 + np.exp(-strength * (points - 40)))).astype(float)
    return yes, yes * 100.0


@pytest.mark.slow
@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_every_waterfall_sums_to_its_change(first: int, second: int) -> None:
    grid = card().fit(customers(60, 1))
    before, after = customers(40, first), customers(50, second).sample(frac=0.8, random_state=1)
    moved = course(grid, before, after)
    assert (moved.waterfall.sum(axis=1) == moved.customers["change"]).all()
    assert (moved.customers["points_after"] - moved.customers["points_before"]
            == moved.customers["change"]).all()  # fmt: skip
    assert list(moved.waterfall) == [c.name for c in grid.criteria_]
    assert len(moved.customers) + len(moved.gone) == len(before)
    assert len(moved.customers) + len(moved.came) == len(after)
    alone = moved.customers.index[:3]
    assert (moved.customers.loc[alone, "grade_after"] == grid.predict(after.loc[alone])).all()


def test_a_course_needs_customers_with_one_row_on_both_sides(grid: Scorecard) -> None:
    frame = customers(10)
    with pytest.raises(BadInput, match="none of the 10 customers before is among the 10 after"):
        course(grid, frame, frame.set_axis([f"d{i}" for i in range(10)]))
    with pytest.raises(BadInput, match="1 customers have more than one row after"):
        course(grid, frame, pd.concat([frame, frame[:1]]))


def test_a_grid_that_foretells_is_told_so_by_grade(grid: Scorecard) -> None:
    frame = customers(4000, 2)
    told = backtest(grid, frame, *foretold(grid, frame), 0.95)
    assert told.monotone
    assert told.warnings == []
    assert list(told.table.index) == GRADES
    assert told.table["customers"].sum() == 4000
    assert told.table["rate"].is_monotonic_decreasing
    assert (
        (told.table["low"] < told.table["rate"]) & (told.table["rate"] < told.table["high"])
    ).all()
    assert 0.6 < told.auc_low < told.auc < told.auc_high
    np.testing.assert_allclose(told.table["mean_value"], 100 * told.table["rate"])
    assert {"grid/auc", "grid/rate_A", "grid/rate_E", "grid/monotone"} <= set(told.metrics())


def test_a_grid_turned_upside_down_is_warned_of_in_words(grid: Scorecard) -> None:
    frame = customers(4000, 2)
    yes, value = foretold(grid, frame)
    told = backtest(grid, frame, 1 - yes, value, 0.95)
    assert not told.monotone
    assert told.metrics()["grid/monotone"] == 0
    assert len(told.warnings) == 4
    assert "grade B has a rate of" in told.warnings[0]
    assert told.warnings[0].endswith("beyond chance")
    assert told.auc_high < 0.5


def test_customers_of_whom_nothing_is_known_do_not_count(grid: Scorecard) -> None:
    frame = customers(1000, 2)
    yes, value = foretold(grid, frame)
    some = np.arange(1000) < 600
    part = backtest(grid, frame, np.where(some, yes, np.nan), value, 0.95)
    pd.testing.assert_frame_equal(
        part.table, backtest(grid, frame[some], yes[some], value[some], 0.95).table
    )
    with pytest.raises(BadInput, match="known of none of the 1,000 customers"):
        backtest(grid, frame, np.full(1000, np.nan), value, 0.95)


def test_grades_without_customers_have_no_rate_and_are_no_break(grid: Scorecard) -> None:
    frame = customers(400, 2)
    kept = frame[grid.predict(frame) != "C"]
    told = backtest(grid, kept, *foretold(grid, kept, strength=0.3), 0.95)
    assert told.table.loc["C", "customers"] == 0
    assert np.isnan(told.table.loc["C", ["rate", "low", "high"]].astype(float)).all()
    assert told.monotone


@given(st.integers(0, 10_000), st.integers(2, 60), st.integers(2, 60))
def test_the_auc_is_that_of_mann_and_whitney(seed: int, yes: int, no: int) -> None:
    rng = np.random.default_rng(seed)
    y = np.r_[np.ones(yes), np.zeros(no)]
    score = rng.integers(0, 6, yes + no)
    auc, low, high = auc_with_interval(y, score, 0.95)
    statistic = mannwhitneyu(score[:yes], score[yes:], method="asymptotic").statistic
    assert auc == pytest.approx(statistic / (yes * no))
    assert low <= auc <= high


def test_the_interval_of_the_auc_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    held = []
    for _ in range(400):
        score = np.r_[rng.normal(1, 1, 80), rng.normal(0, 1, 120)]
        _, low, high = auc_with_interval(np.r_[np.ones(80), np.zeros(120)], score, 0.9)
        held.append(low < 0.7602 < high)  # normal scores one apart: Phi(1 / sqrt 2)
    assert 0.86 < np.mean(held) < 0.94
    assert np.isnan(auc_with_interval(np.ones(5), np.arange(5.0), 0.9)).all()


def test_wilsons_interval_is_that_of_the_book() -> None:
    assert wilson(81, 263, 0.95) == pytest.approx((0.2553, 0.3662), abs=1e-4)  # Newcombe 1998
    assert np.isnan(wilson(0, 0, 0.95)).all()


def test_a_swap_set_keeps_the_volume_and_tells_who_is_better(grid: Scorecard) -> None:
    frame = customers(3000, 2)
    yes, value = foretold(grid, frame)
    worse = grid.transform(frame)["points"] + np.random.default_rng(0).normal(0, 40, 3000)
    top = top_grades(grid, grid.predict(frame), ["A", "B"])
    told = swap_set(top, worse.to_numpy(), yes, value, 0.95, seed=1)
    assert list(told.table.index) == list(GROUPS)
    enters, leaves = told.table.loc["enters"], told.table.loc["leaves"]
    assert enters["customers"] == leaves["customers"] > 0
    assert told.table["customers"].sum() == 3000
    assert told.table["customers"].iloc[[0, 2]].sum() == top.sum()
    assert told.gain == pytest.approx(enters["rate"] - leaves["rate"])
    assert told.gain_low < told.gain < told.gain_high < 0


def test_a_grid_against_itself_swaps_nobody(grid: Scorecard) -> None:
    frame = customers(300, 2)
    points = grid.transform(frame)["points"].to_numpy()
    top = points >= grid.cuts_[1]
    told = swap_set(top, points, *foretold(grid, frame), 0.95, seed=1)
    assert told.table.loc[["enters", "leaves"], "customers"].sum() == 0
    assert np.isnan(told.gain)


def test_ties_at_the_edge_are_drawn_with_the_seed(grid: Scorecard) -> None:
    frame = customers(300, 2)
    top = np.arange(300) < 60
    once, again, other = (
        swap_set(top, np.zeros(300), *foretold(grid, frame), 0.95, seed) for seed in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(once.table, again.table)
    assert not once.table.equals(other.table)
    assert 20 < once.table.loc["leaves", "customers"] < 60


def test_an_unknown_top_grade_is_refused(grid: Scorecard) -> None:
    with pytest.raises(BadInput, match="grid.top: F is no grade; there are: A, B, C, D, E"):
        top_grades(grid, grid.predict(customers()), ["A", "F"])


def test_an_outcome_is_an_expression_over_what_happened() -> None:
    outcomes = pd.DataFrame({"value": [0.0, 5.0, 9.0], "churned": [1.0, 0.0, np.nan]})
    np.testing.assert_array_equal(happened(outcomes, "churned == 0"), [0, 1, np.nan])
    np.testing.assert_array_equal(happened(outcomes, "value > 0"), [0, 1, 1])
    with pytest.raises(BadInput, match=r"^grid\.outcome"):
        happened(outcomes, "recency_days > 3")


def test_the_tables_of_a_report_count_everybody_in_each_criterion(grid: Scorecard) -> None:
    frame = customers(500, 2)
    yes, value = foretold(grid, frame)
    top = top_grades(grid, grid.predict(frame), ["A"])
    swaps = {"chance": swap_set(top, np.zeros(500), yes, value, 0.95, 1)}
    tables = grid_table(grid, frame, yes, value, 0.95, swaps)
    assert set(tables) == {"grades", "bands", "swaps"}
    assert (tables["bands"].groupby("criterion")["customers"].sum() == 500).all()
    assert tables["bands"].loc[("age", "missing"), "points"] == 5
    assert tables["swaps"].loc[("chance", "enters"), "customers"] > 0
    assert set(grid_table(grid, frame, yes, value, 0.95)) == {"grades", "bands"}
