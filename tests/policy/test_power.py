"""How many customers an effect takes, told by formula and by trying."""

import numpy as np
import pytest
from scipy.stats import norm

from facette.policy.power import customers_needed, drawn, trial_needed, visible


def seen(effect: float, deviation: float, n: float, share: float, level: float) -> float:
    """The share of 20,000 trials of n customers in which a difference of two means is seen."""
    rng = np.random.default_rng(0)
    treated, control = round(n * share), n - round(n * share)
    found = rng.normal(effect, deviation / np.sqrt(treated), 20_000) - rng.normal(
        0, deviation / np.sqrt(control), 20_000
    )
    se = deviation * np.sqrt(1 / treated + 1 / control)
    return float((np.abs(found) > norm.isf(level / 2) * se).mean())


@pytest.mark.parametrize(("share", "comparisons"), [(0.5, 1), (0.2, 1), (0.5, 15)])
def test_so_many_customers_show_the_effect_in_four_of_five_trials(
    share: float, comparisons: int
) -> None:
    n = customers_needed(25, 100, share, comparisons=comparisons)
    assert seen(25, 100, n, share, 0.05 / comparisons) == pytest.approx(0.8, abs=0.01)


def test_two_groups_of_raw_outcomes_are_told_apart_as_often() -> None:
    n = int(customers_needed(25, 100))
    rng = np.random.default_rng(1)
    told = 0
    for _ in range(2_000):
        a, b = rng.normal(25, 100, n // 2), rng.normal(0, 100, n // 2)
        se = np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
        told += abs(a.mean() - b.mean()) > 1.96 * se
    assert told / 2_000 == pytest.approx(0.8, abs=0.03)


def test_six_models_in_four_families_take_some_tens_of_thousands() -> None:
    pilot = trial_needed(25, 100, models=6, cells=4)
    assert pilot == pytest.approx(4 * 6 * 457, rel=0.01)  # 457 a model and family
    assert 20_000 < pilot / 0.2 < 100_000


def test_what_can_be_seen_is_the_inverse_of_what_is_needed() -> None:
    assert visible(round(customers_needed(7, 100, 0.1)), 100, 0.1) == pytest.approx(7, rel=1e-3)
    assert visible(0, 100, 0.1) == visible(100, 100, 0.0) == float("inf")
    assert customers_needed(0, 100) == float("inf")


def test_the_holdout_is_the_same_for_a_salt_whatever_the_order() -> None:
    people = [f"c{i}" for i in range(20_000)]
    held = drawn(people, 0.1, "2025-01-01")
    np.testing.assert_array_equal(drawn(people[::-1], 0.1, "2025-01-01"), held[::-1])
    assert held.mean() == pytest.approx(0.1, abs=0.01)
    other = drawn(people, 0.1, "2026-01-01")
    assert (held & other).mean() == pytest.approx(0.01, abs=0.004)
    assert not (held & ~drawn(people, 0.2, "2025-01-01")).any()
    assert drawn(people, 0.0, "x").sum() == 0
    assert drawn(people, 1.0, "x").all()
    assert drawn([], 0.1, "x").shape == (0,)
    assert np.flatnonzero(drawn([f"c{i}" for i in range(40)], 0.1, "a")).tolist() == [
        2,
        3,
        6,
        27,
        34,
    ]
