"""Ranges of ranks: equal segments share them, segments far apart don't."""

import numpy as np
import pandas as pd
import pytest

from facette.policy.standing import Standing, _drawn_sums, rank_range, rank_shares, standing

SIZE = 400


def ranked(*means: float, size: int = SIZE, seed: int = 1, **scored: float) -> Standing:
    """Segments a, b, … whose customers brought so much in the mean, give or take a third."""
    rng = np.random.default_rng(seed)
    ids = pd.Index([f"c{i}" for i in range(size * len(means))])
    segments = pd.Series(np.repeat(list("abcdefgh"[: len(means)]), size), index=ids)
    past = pd.Series(np.repeat(means, size) * rng.normal(1, 0.3, len(ids)), index=ids)
    columns = pd.DataFrame(dict(scored), index=ids)
    return standing(segments, past, columns, resamples=400, confidence=0.9, seed=5)


def test_segments_that_are_alike_have_ranks_in_common_and_those_far_apart_have_none() -> None:
    for seed in range(5):
        found = ranked(100.0, 100.0, 300.0, 30.0, seed=seed).table
        assert found.loc["a", ["past_first", "past_last"]].tolist() == [2, 3]
        assert found.loc["b", ["past_first", "past_last"]].tolist() == [2, 3]
        assert found.loc["c", ["past_first", "past_last"]].tolist() == [1, 1]
        assert found.loc["d", ["past_first", "past_last"]].tolist() == [4, 4]


def test_a_range_is_told_in_words() -> None:
    found = ranked(100.0, 100.0, 300.0)
    assert found.told("c", "past") == "rank 1"
    assert found.told("a", "past") == "rank 2 to 3"


def test_more_customers_tell_segments_apart() -> None:
    few, many = ranked(100.0, 102.0, size=60), ranked(100.0, 102.0, size=60_000)
    assert few.table.loc["a", ["past_first", "past_last"]].tolist() == [1, 2]
    assert many.table.loc["a", ["past_first", "past_last"]].tolist() == [2, 2]


def test_the_true_order_is_within_the_ranges() -> None:
    wrong = 0
    for seed in range(40):
        table = ranked(100.0, 103.0, 106.0, size=200, seed=seed).table
        true = pd.Series({"a": 3, "b": 2, "c": 1}).reindex(table.index)
        inside = (table["past_first"] <= true) & (true <= table["past_last"])
        wrong += (~inside).sum()
    assert wrong / 120 <= 0.1


def test_sums_drawn_anew_vary_as_the_sum_of_squares_says() -> None:
    rng = np.random.default_rng(2)
    figures = rng.normal(5, 3, (3_000, 1))
    drawn = _drawn_sums(np.repeat([0, 1, 1], 1_000), figures, 4_000, 9)
    for segment, own in ((0, figures[:1_000]), (1, figures[1_000:])):
        assert drawn[:, segment, 0].mean() == pytest.approx(own.sum(), rel=0.005)
        assert drawn[:, segment, 0].var() == pytest.approx((own**2).sum(), rel=0.1)


def test_what_is_kept_twice_counts_once() -> None:
    found = ranked(100.0, 100.0, value_expected=50.0, headroom=20.0, value_at_risk=30.0).table
    assert found["to_win"].tolist() == [30.0 * SIZE] * 2
    assert found["future"].tolist() == [80.0 * SIZE] * 2
    assert found["strategic"].to_numpy() == pytest.approx((found["past"] + found["future"]).values)


def test_without_an_expected_value_the_past_alone_is_ranked_and_that_is_said() -> None:
    found = ranked(100.0, 300.0)
    assert "future" not in found.table
    assert found.not_scored == ("value_expected", "headroom", "value_at_risk")
    assert found.table["strategic"].tolist() == found.table["past"].tolist()


def test_equal_figures_share_their_ranks_evenly() -> None:
    shares = rank_shares(np.array([[5.0, 5.0, 9.0], [5.0, 5.0, 9.0]]))
    assert shares.tolist() == [[0, 0.5, 0.5], [0, 0.5, 0.5], [1, 0, 0]]
    first, last = rank_range(shares, 0.9)
    assert (first.tolist(), last.tolist()) == ([2, 2, 1], [3, 3, 1])


def test_one_segment_is_first() -> None:
    assert ranked(100.0).told("a") == "rank 1"


def test_the_same_seed_gives_the_same_ranges() -> None:
    one, two = ranked(100.0, 101.0), ranked(100.0, 101.0)
    pd.testing.assert_frame_equal(one.table, two.table)
    pd.testing.assert_frame_equal(one.shares["past"], two.shares["past"])
