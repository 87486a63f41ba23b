"""Data without groups keep margins and correlations, and lose their hills."""

import numpy as np
import pytest

from facette.segments.null import without_groups
from facette.segments.valleys import depth

N = 3000


def columns(kind: str) -> np.ndarray:
    """Correlated columns of one kind, (n, 4)."""
    rng = np.random.default_rng(3)
    normal = rng.normal(size=(N, 2)) @ rng.normal(size=(2, 4)) + rng.normal(size=(N, 4))
    return {
        "normal": normal,
        "skewed": np.exp(normal / 2),
        "zero-inflated": np.maximum(normal, 0.5),
        "few events": rng.binomial(3, 1 / (1 + np.exp(-normal))) / 3,
    }[kind]


@pytest.mark.parametrize("kind", ["normal", "skewed", "zero-inflated", "few events"])
def test_margins_stay_to_the_value_and_correlations_nearly(kind: str) -> None:
    z = columns(kind)
    null, rng = without_groups(z, 0.15, 1), np.random.default_rng(2)
    draws = [null.draw(rng) for _ in range(10)]
    np.testing.assert_array_equal(np.sort(draws[0], axis=0), np.sort(z, axis=0))
    mean = np.mean([np.corrcoef(drawn.T) for drawn in draws], axis=0)
    np.testing.assert_allclose(mean, np.corrcoef(z.T), atol=0.06)


def test_a_column_of_two_hills_gets_one_of_the_same_mean_and_spread() -> None:
    rng = np.random.default_rng(4)
    z = rng.normal(size=(N, 2)) + 5 * rng.integers(0, 2, (N, 1))
    drawn = without_groups(z, 0.15, 1).draw(rng)
    for before, after in zip(z.T, drawn.T, strict=True):
        low, high = np.quantile(before, [0.05, 0.95])
        assert depth(before, low, high) > 0.5
        assert depth(after, low, high) < 0.15
        assert after.mean() == pytest.approx(before.mean(), abs=0.1)
        assert after.std() == pytest.approx(before.std(), rel=0.1)


@pytest.mark.parametrize(
    "odd",
    [np.ones((50, 3)), np.arange(6.0)[:, None], np.tile(np.arange(50.0), (3, 1)).T],
    ids=["constant", "one column", "three times the same"],
)
def test_degenerate_columns_can_be_drawn_too(odd: np.ndarray) -> None:
    drawn = without_groups(odd, 0.15, 1).draw(np.random.default_rng(0))
    assert drawn.shape == odd.shape
    assert np.isfinite(drawn).all()


def test_one_seed_draws_the_same() -> None:
    z = columns("normal")
    one, again = (without_groups(z, 0.15, 1).draw(np.random.default_rng(2)) for _ in range(2))
    np.testing.assert_array_equal(one, again)
