"""A valley is what lies between two hills, and nothing else."""

import numpy as np
import pytest

from facette.segments.valleys import depth, shallowest, spiky, spread_out

RNG = np.random.default_rng(0)
NORMAL = RNG.normal(size=3000)


@pytest.mark.parametrize(
    "one_hill",
    [NORMAL, np.exp(NORMAL), RNG.uniform(size=3000), RNG.exponential(size=3000), np.zeros(9)],
    ids=["normal", "log-normal", "uniform", "exponential", "all the same"],
)
def test_one_hill_has_no_valley(one_hill: np.ndarray) -> None:
    low, high = np.quantile(one_hill, [0.05, 0.95])
    assert depth(one_hill, low, high) < 0.15


@pytest.mark.parametrize(("apart", "least", "most"), [(2, 0, 0.1), (4, 0.5, 0.8), (8, 0.95, 1)])
def test_the_further_apart_two_hills_the_deeper_the_valley(
    apart: float, least: float, most: float
) -> None:
    both = np.concatenate([NORMAL, RNG.normal(apart, 1, 3000)])
    assert least <= depth(both, 0, apart) <= most


def test_only_what_lies_between_the_two_points_counts() -> None:
    three = np.concatenate([NORMAL, NORMAL + 8, NORMAL + 16])
    assert depth(three, 7.5, 8.5) < 0.1
    assert depth(three, 0, 8) > 0.9


def test_one_hill_cut_in_two_makes_all_segments_count_for_little() -> None:
    z = np.column_stack([np.concatenate([NORMAL, NORMAL + 8]), RNG.normal(size=6000)])
    apart = (z[:, 0] > 4).astype(int)
    assert shallowest(z, apart) > 0.9
    assert shallowest(z, apart + ((apart == 1) & (z[:, 1] > 0))) < 0.1


def test_one_segment_or_two_with_one_mean_have_no_valley() -> None:
    z = np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    assert shallowest(z, np.zeros(3, dtype=int)) == 0
    assert shallowest(z, np.array([0, 1, 1])) == 0


def test_spikes_are_no_hills_but_hills_that_spiky_columns_share_are() -> None:
    buys = RNG.random((3000, 4)) < 0.5
    apart = np.where(buys, RNG.normal(9, 1, (3000, 4)), 0)
    together = np.where(buys[:, :1], RNG.normal(9, 1, (3000, 4)), 0)
    labels = buys[:, 0].astype(int)
    assert all(spiky(column) for column in apart.T)
    assert shallowest(apart, labels) > 0.9
    assert shallowest(spread_out(apart, RNG), labels) < 0.15
    assert shallowest(spread_out(together, RNG), labels) > 0.3


def test_columns_without_spikes_stay_as_they_are() -> None:
    z = np.column_stack([NORMAL.clip(-2, 2), NORMAL.round()])
    made = spread_out(z, RNG)
    np.testing.assert_array_equal(made[:, 0], z[:, 0])
    assert np.unique(made[:, 1]).size == 3000
    assert (np.diff(z[made[:, 1].argsort(), 1]) >= 0).all()
