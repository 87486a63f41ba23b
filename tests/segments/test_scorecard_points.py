"""Points proposed from what happened: ordered as they were, whole, summing to 100, better."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from test_scorecard import AGE, CRITERIA, GRADES, RECENCY, REGION, card, customers

from facette.errors import BadInput
from facette.segments.scorecard import Scorecard
from facette.segments.scorecard_judged import auc_with_interval
from facette.segments.scorecard_points import direction, proposed_points

PENALTY = 1e-4


def with_truth(n: int = 4000, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Customers who stay by their region and, less, by their recency; age tells nothing."""
    frame = customers(n, seed)
    logit = 2.0 * frame["region"].isin(["West", "l'Ouest"]) + 1.0 * (frame["recency_days"] < 30) - 1
    rng = np.random.default_rng(seed + 1)
    return frame, (rng.random(n) < 1 / (1 + np.exp(-logit.to_numpy()))).astype(float)


@pytest.fixture(scope="module")
def grid() -> Scorecard:
    return card().fit(customers())


def test_what_matters_earns_the_points(grid: Scorecard) -> None:
    frame, y = with_truth()
    proposal = proposed_points(grid, frame, y, PENALTY)
    best = {c.name: c.best for c in proposal.card.criteria_}
    assert sum(best.values()) == 100
    assert best["region"] > best["recency"] > best["age"]
    assert best["region"] == pytest.approx(100 * 2 / 3, abs=8)
    assert best["complaints"] == 0
    fresh, later = with_truth(seed=7)
    aucs = [auc_with_interval(later, g.transform(fresh)["points"].to_numpy(), 0.95)
            for g in (grid, proposal.card)]  # fmt: skip
    assert aucs[1][0] > aucs[0][0]
    table = proposal.table
    assert table.groupby("criterion")["customers"].sum().eq(4000).all()
    assert table.loc[("region", "any other"), "points_now"] == 3


@hypothesis_settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_points_stay_ordered_and_sum_to_100(seed: int) -> None:
    grid = card().fit(customers())
    rng = np.random.default_rng(seed)
    frame = customers(150, seed)
    proposal = proposed_points(grid, frame, (rng.random(150) < 0.4).astype(float), PENALTY)
    for now, new in zip(grid.criteria_, proposal.card.criteria_, strict=True):
        steps = np.diff(new.points[:-1])
        assert direction(now) in (0, 1, -1)
        assert (steps * direction(now) >= 0).all()
        assert new.missing <= new.best
        assert [b.below for b in new.bands] == [b.below for b in now.bands]
    assert sum(c.best for c in proposal.card.criteria_) == 100


def test_an_order_that_the_data_contradict_is_kept_flat(grid: Scorecard) -> None:
    frame = customers(4000)
    late = frame["recency_days"].fillna(0).to_numpy() > 90
    west = frame["region"].isin(["West"]).to_numpy()
    y = (np.random.default_rng(0).random(4000) < 0.2 + 0.5 * late + 0.2 * west).astype(float)
    points = proposed_points(grid, frame, y, PENALTY).table["points_proposed"]
    assert points["recency"].iloc[:3].tolist() == [0, 0, 0]


def test_grades_keep_their_sizes(grid: Scorecard) -> None:
    frame, y = with_truth()
    made = proposed_points(grid, frame, y, PENALTY).card
    now, new = (pd.Series(g.predict(frame)).value_counts().reindex(GRADES) for g in (grid, made))
    assert abs(now - new).max() < 0.12 * len(frame)  # points are whole: ties move a grade a little
    assert made.get_params()["grade_cuts"] is None


def test_the_direction_is_that_of_the_bands_of_numbers() -> None:
    told = {c.name: direction(c) for c in card().fit(customers()).criteria_}
    assert told == {"age": 0, "region": 0, "recency": -1, "complaints": -1}


def test_bands_that_nobody_is_in_are_said() -> None:
    empty: dict[str, Any] = {**RECENCY, "bands": [{"below": 30, "points": 50},
                                                  {"below": 1e9, "points": 20},
                                                  {"below": 2e9, "points": 10},
                                                  {"points": 0}]}  # fmt: skip
    frame, y = with_truth()
    frame["recency_days"] = frame["recency_days"].clip(upper=1e6)
    grid = card(criteria=[AGE, REGION, empty, CRITERIA[3]]).fit(frame)
    proposal = proposed_points(grid, frame, y, PENALTY)
    assert proposal.notes[-1].startswith("grid: nobody is in recency (1e+09 to below 2e+09), ")
    points = proposal.table.loc["recency", "points_proposed"]
    assert points.iloc[1] == points.iloc[2] == points.iloc[3]


def test_one_outcome_only_and_bands_that_tell_nothing_are_refused(grid: Scorecard) -> None:
    frame = customers(200)
    with pytest.raises(BadInput, match="the same for all 200 customers"):
        proposed_points(grid, frame, np.ones(200), PENALTY)
    same = pd.concat([frame[:1]] * 200).reset_index(drop=True)
    with pytest.raises(BadInput, match="its bands tell nothing of the outcome"):
        proposed_points(grid, same, (np.arange(200) % 2).astype(float), PENALTY)


def test_the_same_customers_give_the_same_points(grid: Scorecard) -> None:
    frame, y = with_truth(500)
    once, again = (proposed_points(grid, frame, y, PENALTY).table for _ in range(2))
    pd.testing.assert_frame_equal(once, again)
    order = np.random.default_rng(1).permutation(500)
    shuffled = proposed_points(grid, frame.iloc[order], y[order], PENALTY).table
    assert (once["points_proposed"] - shuffled["points_proposed"]).abs().max() <= 1
