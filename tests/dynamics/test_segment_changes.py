"""Movement is told where ids name the same segments, and only there."""

import numpy as np
import pandas as pd
import pytest

from facette.dynamics.segment_changes import changes_of_ids, changes_of_names

LEAST = [0.5, 0.2]


def labels(*parts: tuple[str, int]) -> pd.Series:
    told = [label for label, n in parts for _ in range(n)]
    return pd.Series(told, [f"c{i}" for i in range(len(told))])


def test_movement_between_kept_segments_is_counted() -> None:
    before = labels(("B1", 50), ("B2", 50))
    after = labels(("B1", 40), ("B2", 60))
    found = changes_of_ids(before, after, {}, LEAST)
    assert found.moved is not None
    assert (found.moved.stayed, found.moved.moved, found.moved.redrawn) == (0.9, 0.1, 0.0)
    assert found.counts.loc["B1", "B2"] == 10


def test_ids_that_changed_places_are_no_movement() -> None:
    before = labels(("B1", 50), ("B2", 50))
    after = labels(("B2", 50), ("B1", 50))
    found = changes_of_ids(before, after, {}, LEAST)
    assert found.moved is None
    assert found.common == pytest.approx(1)


def test_an_id_given_to_other_customers_is_no_movement() -> None:
    drawn = np.random.default_rng(1).choice(["B1", "B2"], 200)
    before = labels(("B1", 100), ("B2", 100))
    found = changes_of_ids(before, pd.Series(drawn, before.index), {}, LEAST)
    assert found.moved is None
    assert found.common < 0.1


def test_ids_that_cannot_be_checked_are_no_movement() -> None:
    before = labels(("B1", 50), ("B2", 50))
    found = changes_of_ids(before, before, {}, [])
    assert found.moved is None
    assert found.common == pytest.approx(1)


def test_customers_of_a_new_segment_are_redrawn() -> None:
    before = labels(("B1", 50), ("B2", 50))
    after = labels(("B1", 50), ("B2", 30), ("B7", 20))
    found = changes_of_ids(before, after, {}, LEAST)
    assert found.moved is not None
    assert (found.moved.moved, found.moved.redrawn) == (0.0, 0.2)


def test_customers_without_a_segment_in_either_are_left_aside() -> None:
    before = labels(("top", 3), ("low", 3))
    after = before.drop("c0").replace({"top": None})
    found = changes_of_names(before, after)
    assert found.counts.to_numpy().sum() == 3


def test_tiers_stand_in_their_own_order_each_once() -> None:
    before = labels(("top", 5), ("standard", 10), ("small", 20))
    after = before.copy()
    after["c0"] = "small"
    found = changes_of_names(before, after, ["top", "standard", "small"] * 2)
    assert list(found.counts.index) == list(found.counts.columns) == ["top", "standard", "small"]
    assert found.counts.to_numpy().sum() == 35


def test_the_most_frequent_changes_come_first_and_stayers_are_none() -> None:
    before = labels(("a", 10), ("b", 10))
    after = labels(("a", 5), ("c", 4), ("b", 10), ("a", 1))
    moves = changes_of_names(before, after).moves(5)
    assert moves.iloc[0].to_dict() == {"before": "a", "after": "c", "customers": 4, "share": 0.2}
    assert moves["customers"].is_monotonic_decreasing
    assert (moves["before"] != moves["after"]).all()
    assert len(changes_of_names(before, after).moves(1)) == 1
