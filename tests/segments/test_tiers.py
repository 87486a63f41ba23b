"""Frozen cuts give the shares they were asked for, and stay where they are."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaged import tier

from facette.errors import BadInput
from facette.segments.tiers import (
    check_tiers,
    frozen_bands,
    frozen_tiers,
    rfm_classes,
    rfm_scores,
    tier_cuts,
)

COLUMNS = ("recency_days", "history_days", "value_current")
NAMES = ["top", "standard", "small"]
SHARES = [0.05, 0.15, 0.80]
CLASSES = {"champions", "promising", "at risk", "asleep", "faithful", "fading", "steady"}


def tiers_of(values: np.ndarray, frozen: dict) -> pd.Series:
    return pd.Series(tier(values, frozen["cuts"], frozen["names"]))


@given(st.integers(20, 400), st.integers(0, 1000))
def test_tiers_hold_the_shares_asked_for(n: int, seed: int) -> None:
    values = np.random.default_rng(seed).permutation(np.linspace(-50, 1e6, n))
    counts = tiers_of(values, frozen_tiers("v", values, NAMES, SHARES)).value_counts()
    assert counts["top"] == max(round(0.05 * n), 1)
    assert counts["top"] + counts["standard"] == max(round(0.2 * n), 1)
    assert counts.sum() == n


def test_a_higher_value_is_never_in_a_lower_tier() -> None:
    values = np.sort(np.random.default_rng(1).gamma(1, 100, 300))[::-1]
    tiers = tiers_of(values, frozen_tiers("v", values, NAMES, SHARES))
    assert tiers.map(NAMES.index).is_monotonic_increasing


def test_frozen_cuts_do_not_move_with_the_frame_at_hand() -> None:
    values = np.random.default_rng(2).gamma(1, 100, 500)
    frozen = frozen_tiers("v", values, NAMES, SHARES)
    whole = tiers_of(values, frozen)
    for rows in (slice(0, 1), slice(100, 300), np.argsort(values)[-20:]):
        assert tiers_of(values[rows], frozen).tolist() == whole.to_numpy()[rows].tolist()
    assert (tiers_of(values * 1e6, frozen) == "top").all()


def test_customers_without_a_value_do_not_move_the_cuts() -> None:
    values = np.random.default_rng(3).gamma(1, 100, 100)
    with_gaps = np.r_[values, np.full(900, np.nan)]
    assert tier_cuts(with_gaps, SHARES) == tier_cuts(values, SHARES)


def test_nobody_with_a_value_is_refused_in_one_line() -> None:
    with pytest.raises(BadInput, match="value_current"):
        frozen_tiers("value_current", np.full(5, np.nan), NAMES, SHARES)


@pytest.mark.parametrize(
    ("names", "shares", "told"),
    [
        (NAMES, [0.05, 0.15, 0.7], "sum to 1"),
        (NAMES, [0.5, 0.6, -0.1], "above 0"),
        (NAMES, [0.0, 0.2, 0.8], "above 0"),
        (NAMES[:2], SHARES, "2 names for 3 shares"),
        ([], [], "above 0"),
    ],
)
def test_tiers_that_do_not_divide_the_base_are_refused(
    names: list[str], shares: list[float], told: str
) -> None:
    with pytest.raises(BadInput, match=told) as error:
        check_tiers("segments.value_tiers", names, shares)
    assert str(error.value).startswith("segments.value_tiers: ")
    check_tiers("segments.value_tiers", NAMES, SHARES)


def customers(seed: int, n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "recency_days": rng.gamma(1, 40, n),
            "history_days": rng.poisson(6, n) + 1.0,
            "value_current": rng.gamma(1, 100, n) * (rng.random(n) < 0.7),
        }
    )


@given(st.integers(0, 1000), st.integers(2, 7))
def test_rfm_scores_are_in_range_and_grow_with_what_they_score(seed: int, bands: int) -> None:
    base = customers(seed)
    frozen = frozen_bands(base, COLUMNS, bands)
    scores = rfm_scores(base, frozen)
    assert scores.to_numpy().min() >= 1
    assert scores.to_numpy().max() <= bands
    for name, column, ascending in (
        ("recency", COLUMNS[0], False),
        ("frequency", COLUMNS[1], True),
        ("money", COLUMNS[2], True),
    ):  # fmt: skip
        ordered = scores.loc[base[column].sort_values(ascending=ascending).index, name]
        assert ordered.is_monotonic_increasing


def test_the_best_and_the_least_band_are_both_given() -> None:
    scores = rfm_scores(customers(4), frozen_bands(customers(4), COLUMNS, 5))
    assert (scores.min() == 1).all()
    assert (scores.max() == 5).all()


def test_bands_stay_where_they_were_fitted() -> None:
    base = customers(5)
    frozen = frozen_bands(base, COLUMNS, 5)
    whole = rfm_scores(base, frozen)
    pd.testing.assert_frame_equal(rfm_scores(base[40:41], frozen), whole[40:41])
    pd.testing.assert_frame_equal(rfm_scores(base[::-1], frozen), whole[::-1])


def test_what_is_not_known_scores_least() -> None:
    frozen = frozen_bands(customers(6), COLUMNS, 5)
    blank = pd.DataFrame(np.nan, index=[0], columns=list(COLUMNS))
    assert rfm_scores(blank, frozen).iloc[0].to_dict() == {"recency": 1, "frequency": 1, "money": 1}


def test_every_combination_of_scores_has_one_class() -> None:
    grid = np.stack(np.meshgrid(*[np.arange(1, 6)] * 3), axis=-1).reshape(-1, 3)
    scores = pd.DataFrame(grid, columns=["recency", "frequency", "money"])
    classes = rfm_classes(scores, 5)
    assert set(classes) == CLASSES
    told = dict(zip(map(tuple, grid.tolist()), classes, strict=True))
    assert told[5, 5, 5] == "champions"
    assert told[1, 5, 5] == "at risk"
    assert told[1, 1, 1] == "asleep"
    assert told[5, 1, 1] == "promising"
