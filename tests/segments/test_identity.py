"""Segments of a refit take over the ids of the version before, and what changed is said."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moving_groups import unrest

from facette.errors import BadInput
from facette.segments.identity import Identity, identified, in_order

NAMED = {"B1": "Mobile", "B2": "Branch", "B3": "Weekend"}
MATCHING = {"least_overlap": 0.5, "least_share": 0.2}


def by_customer(**sizes: int) -> pd.Series:
    """Customers c000, c001, … in segments of these sizes, one after the other."""
    labels = [label for label, size in sizes.items() for _ in range(size)]
    return pd.Series(labels, [f"c{i:04d}" for i in range(len(labels))], dtype=object)


def refit(before: pd.Series | None, after: pd.Series, highest: int = 3) -> Identity:
    named = {} if before is None else {i: NAMED[i] for i in before.unique() if i in NAMED}
    return identified(before, after, named, highest, **MATCHING)


def test_permuted_labels_keep_every_id() -> None:
    before = by_customer(B1=50, B2=30, B3=20)
    found = refit(before, before.map({"B1": "B3", "B2": "B1", "B3": "B2"}))
    assert found.ids == {"B3": "B1", "B1": "B2", "B2": "B3"}
    assert found.kept == ["B1", "B2", "B3"]
    assert (found.born, found.died, found.split, found.merged) == ([], [], {}, {})
    assert found.said == ["all 3 segments are kept"]
    assert found.highest == 3
    assert found.of(before.map({"B1": "B3", "B2": "B1", "B3": "B2"})).equals(before)


def test_a_first_version_takes_ids_in_the_order_of_labels() -> None:
    found = refit(None, by_customer(B2=5, B10=5, B1=5), highest=0)
    assert found.ids == {"B1": "B1", "B2": "B2", "B10": "B3"}
    assert found.said == ["first version: B1, B2, B3 are new"]
    assert found.born == ["B1", "B2", "B3"]
    assert found.overlaps.empty


def test_a_split_is_told_and_its_largest_piece_keeps_the_id() -> None:
    before = by_customer(B1=50, B2=30, B3=100)
    found = refit(before, by_customer(x=50, y=30, z=60, u=40), highest=6)
    assert found.ids == {"x": "B1", "y": "B2", "z": "B3", "u": "B7"}
    assert found.split == {"B3": ["B3", "B7"]}
    assert found.born == ["B7"]
    assert found.highest == 7
    assert "B3 'Weekend' split into B3 (60% of it) and B7 (40% of it)" in found.said
    assert not any("B7 is new" in sentence for sentence in found.said)


def test_pieces_below_the_share_are_no_split() -> None:
    found = refit(by_customer(B3=100), by_customer(z=85, u=15))
    assert found.split == {}
    assert found.born == ["B4"]
    assert any("B4 is new" in s and "100%, was in B3 'Weekend'" in s for s in found.said)


def test_a_merger_is_told_and_the_id_of_the_largest_part_stays() -> None:
    found = refit(by_customer(B1=60, B2=40, B3=100), by_customer(x=100, y=100))
    assert found.ids == {"x": "B1", "y": "B3"}
    assert found.merged == {"B1": ["B1", "B2"]}
    assert found.died == ["B2"]
    assert "B1 'Mobile' and B2 'Branch' merged into B1" in found.said
    assert not any("no more" in sentence for sentence in found.said)


def test_a_segment_that_lost_everyone_has_died() -> None:
    before = by_customer(B1=50, B2=50)
    found = refit(before, before[before == "B1"])
    assert (found.kept, found.died) == (["B1"], ["B2"])
    assert found.said[-1] == "B2 'Branch' is no more: none of its customers is in a segment now"
    scattered = identified(
        before, by_customer(x=49, y=51), {"B1": "Mobile", "B2": "Branch", "B3": "Gone"}, 3,
        **MATCHING,
    )  # fmt: skip
    assert scattered.died == ["B3"]


def test_newcomers_alone_are_a_new_segment_and_change_no_match() -> None:
    before = by_customer(B1=50, B2=50)
    newcomers = pd.Series("z", [f"n{i}" for i in range(500)], dtype=object)
    found = refit(before, pd.concat([before, newcomers]))
    assert found.ids == {"z": "B4", "B1": "B1", "B2": "B2"}
    assert found.said[-1] == "B4 is new: none of its customers was in a segment before"


def test_nothing_in_common_means_all_are_new_and_is_said() -> None:
    before, after = by_customer(B1=5, B2=5), by_customer(B1=5, B2=5).add_prefix("x")
    found = refit(before, after, highest=2)
    assert found.ids == {"B1": "B3", "B2": "B4"}
    assert (found.kept, found.died) == ([], ["B1", "B2"])
    assert len(found.said) == 1
    assert "identity can't be told" in found.said[0]


def test_an_id_is_never_given_twice() -> None:
    before = by_customer(B1=40, B9=40)
    found = refit(before, by_customer(x=40, y=20, z=20), highest=2)
    assert found.ids["x"] == "B1"
    assert sorted({found.ids["y"], found.ids["z"]}) == ["B10", "B9"]
    assert found.highest == 10


def test_an_overlap_below_the_least_is_no_match() -> None:
    before, after = by_customer(B1=100), by_customer(x=60, y=40)
    assert refit(before, after).ids == {"x": "B1", "y": "B4"}
    strict = identified(before, after, NAMED, 3, least_overlap=0.61, least_share=0.2)
    assert strict.ids == {"x": "B4", "y": "B5"}
    assert strict.split == {"B1": ["B4", "B5"]}


def test_of_matchings_as_good_the_earliest_label_keeps_the_id() -> None:
    before = by_customer(B1=40)
    for sizes in ({"x": 20, "y": 20}, {"y": 20, "x": 20}):
        assert refit(before, by_customer(**sizes)).ids == {"x": "B1", "y": "B4"}


def test_weak_pairs_together_do_not_outweigh_a_match() -> None:
    """B1 lost a third and took B2 in: total overlap alone would give its name to the third."""
    before = by_customer(B1=90, B2=30)
    found = refit(before, by_customer(small=30, large=90))
    assert found.ids == {"large": "B1", "small": "B4"}
    assert found.split == {"B1": ["B1", "B4"]}
    assert found.merged == {"B1": ["B1", "B2"]}


def test_names_of_unstable_segments_may_not_carry_over() -> None:
    before = by_customer(B1=50, B2=50)
    stability = {"B1": 0.9, "B2": 0.58}
    found = identified(before, before, NAMED, 3, **MATCHING, stability=stability,
                       least_stability=0.6)  # fmt: skip
    assert (
        found.said[-1] == "stability below 0.60 in B2 (0.58): names may not carry over to a refit"
    )
    steady = identified(before, before, NAMED, 3, **MATCHING, stability=stability,
                        least_stability=0.5)  # fmt: skip
    assert not any("stability" in sentence for sentence in steady.said)


def test_who_has_no_segment_counts_in_neither_version() -> None:
    before = by_customer(B1=50, B2=50)
    after = before.copy()
    after.iloc[40:60] = None
    found = refit(before, after)
    assert found.ids == {"B1": "B1", "B2": "B2"}
    assert found.overlaps["customers"].sum() == 80
    assert found.of(after).isna().sum() == 20


def test_a_customer_in_two_segments_is_refused_in_one_line() -> None:
    before = by_customer(B1=5, B2=5)
    with pytest.raises(BadInput, match=r"segments after: customers .* row: 1 \(c0003"):
        refit(before, pd.concat([before, before.iloc[[3]]]))


def test_a_label_that_was_not_identified_is_refused() -> None:
    before = by_customer(B1=5, B2=5)
    with pytest.raises(BadInput, match="B7 is not among the labels"):
        refit(before, before).of(pd.Series(["B1", "B7"]))


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 6))
def test_every_segment_is_accounted_for_and_order_plays_no_part(
    seed: int, k_before: int, k_after: int
) -> None:
    rng = np.random.default_rng(seed)
    before = pd.Series([f"B{i + 1}" for i in rng.integers(0, k_before, 60)])
    noise = rng.integers(0, k_after, 60)
    after = pd.Series(np.where(rng.random(60) < 0.3, noise, before.str[1:].astype(int) % k_after))
    found = refit(before, after.loc[10:], highest=k_before)
    assert len(set(found.ids.values())) == len(found.ids)
    assert {*found.kept, *found.born} == {*found.ids.values()}
    assert {*found.kept, *found.died} == {*before}
    assert not {*found.kept} & {*found.born}
    assert found.overlaps["customers"].sum() == 50
    assert found.overlaps["jaccard"].between(0, 1).all()
    pd.testing.assert_frame_equal(refit(before[::-1], after.loc[10:][::-1], k_before).overlaps,
                                  found.overlaps)  # fmt: skip


def test_ids_read_in_order_of_their_numbers() -> None:
    assert in_order(["B10", "B2", "B1"]) == ["B1", "B2", "B10"]


def test_a_refit_of_clear_groups_with_another_seed_moves_nobody() -> None:
    rng = np.random.default_rng(1)
    place = np.repeat([[0, 0], [9, 0], [0, 9], [9, 9]], 100, axis=0) + rng.normal(size=(400, 2))
    by_label, by_id = unrest(place, range(1, 6))
    assert by_label > 0.5
    assert by_id == 0
