"""A calibration keeps the order of scores, and makes of a wrong probability a right one."""

import numpy as np
import pytest
from packaged import Facet
from sklearn.model_selection import GroupKFold

from facette.models.calibration import (
    SIMPLEST_FIRST,
    Choice,
    calibrated,
    chosen_calibration,
    fitted_calibration,
)
from facette.models.evaluation import ece, log_loss
from facette.models.facets import conformal_shift
from facette.settings.models import Calibration


def applied(told: dict, raw: np.ndarray) -> np.ndarray:
    """Probabilities by the map that the package carries."""
    return Facet({"calibration": told, "link": "logit"}, None)._answer(raw)


def overconfident(seed: int, n: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    """Log-odds three times too far out and shifted, and what happened."""
    rng = np.random.default_rng(seed)
    true = rng.normal(-1, 1, n)
    return true * 3 + 1, (rng.random(n) < 1 / (1 + np.exp(-true))).astype(float)


@pytest.mark.parametrize("kind", [Calibration.sigmoid, Calibration.isotonic])
def test_a_calibration_is_monotone_and_mends_miscalibrated_scores(kind: Calibration) -> None:
    told = fitted_calibration(kind, *overconfident(1))
    raw, happened = overconfident(2)
    grid = applied(told, np.linspace(-30, 30, 500))
    assert (np.diff(grid) >= 0).all()
    assert ((grid >= 0) & (grid <= 1)).all()
    before, after, ones = applied({"kind": "none"}, raw), applied(told, raw), np.ones(len(raw))
    assert log_loss(happened, after, ones) < log_loss(happened, before, ones) - 0.1
    assert ece(happened, after, ones) < 0.03 < ece(happened, before, ones)


def test_sigmoid_calibration_finds_the_shift_and_scale() -> None:
    told = fitted_calibration(Calibration.sigmoid, *overconfident(3, 20_000))
    assert told["a"] == pytest.approx(1 / 3, abs=0.02)
    assert told["b"] == pytest.approx(-1 / 3, abs=0.05)


def test_no_calibration_takes_the_score_as_log_odds() -> None:
    assert fitted_calibration(Calibration.none, *overconfident(1)) == {"kind": "none"}


@pytest.mark.parametrize("kind", SIMPLEST_FIRST)
def test_what_is_chosen_by_is_what_the_package_says(kind: Calibration) -> None:
    raw, happened = overconfident(4)
    told = fitted_calibration(kind, raw, happened)
    far = np.append(raw, [-900.0, 900.0])
    np.testing.assert_allclose(calibrated(told, far), applied(told, far), rtol=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_isotonic_is_never_certain(seed: int) -> None:
    rng = np.random.default_rng(seed)
    raw = np.round(rng.normal(0, 3, rng.integers(2, 60)), int(rng.integers(0, 3)))
    happened = (rng.random(len(raw)) < 1 / (1 + np.exp(-3 * raw))).astype(float)
    said = applied(
        fitted_calibration(Calibration.isotonic, raw, happened), np.linspace(-99, 99, 99)
    )
    assert (np.diff(said) >= 0).all()
    assert said.min() > 0
    assert said.max() < 1


def test_an_isotonic_end_of_whom_none_left_counts_half_a_leaver() -> None:
    raw, happened = np.arange(20.0), np.repeat([0.0, 1.0], 10)
    told = fitted_calibration(Calibration.isotonic, raw, happened)
    assert applied(told, np.array([0.0, 9.0])) == pytest.approx(0.5 / 11)
    assert applied(told, np.array([10.0, 19.0])) == pytest.approx(10.5 / 11)


def chosen(raw: np.ndarray, happened: np.ndarray, customers: np.ndarray | None = None) -> Choice:
    """The choice by five folds of customers, each row one of its own unless said."""
    whose = np.arange(len(raw)) if customers is None else customers
    return chosen_calibration(raw, happened, whose, GroupKFold(5).split(raw, groups=whose))


def drawn(seed: int, n: int, shape: str) -> tuple[np.ndarray, np.ndarray]:
    """Log-odds that are right, too far out, or right in their order alone."""
    rng = np.random.default_rng(seed)
    raw = rng.normal(-1, 1, n)
    rate = np.where(raw > 0, 0.6, 0.1) if shape == "isotonic" else 1 / (1 + np.exp(-raw))
    return raw * 3 if shape == "sigmoid" else raw, (rng.random(n) < rate).astype(float)


@pytest.mark.parametrize("kind", SIMPLEST_FIRST)
@pytest.mark.parametrize("seed", range(3))
def test_the_calibration_that_scores_need_is_chosen(kind: Calibration, seed: int) -> None:
    choice = chosen(*drawn(seed, 4000, kind.value))
    assert choice.kind is kind
    assert set(choice.losses) == set(SIMPLEST_FIRST)


def test_a_map_is_judged_on_rows_that_it_was_not_fitted_on() -> None:
    worse = [
        choice.losses[Calibration.isotonic] > choice.losses[Calibration.none]
        for choice in (chosen(*drawn(seed, 80, "none")) for seed in range(20))
    ]
    assert np.mean(worse) >= 0.8  # on its own rows, isotonic never is the worse one


def test_the_simpler_one_is_taken_where_another_is_hardly_better() -> None:
    scores = (drawn(seed, 1500, "none") for seed in range(30))
    choices = [chosen(raw * 1.1, happened) for raw, happened in scores]
    least = [min(c.losses, key=c.losses.__getitem__) for c in choices]
    assert sum(kind is not Calibration.none for kind in least) >= 10
    assert sum(c.kind is not Calibration.none for c in choices) <= 6


def test_rows_of_one_customer_are_not_told_as_many_customers() -> None:
    for seed in range(25):
        raw, happened = drawn(seed, 300, "none")
        often = np.tile(np.arange(300), 20)
        assert (
            chosen((raw * 1.2)[often], happened[often], often).kind
            is chosen(raw * 1.2, happened).kind
        ), seed


def test_too_few_leavers_leave_nothing_to_choose_by() -> None:
    choice = chosen(np.arange(10.0), np.eye(10)[9])
    assert (choice.kind, choice.losses) == (Calibration.none, {})
    assert "too few" in choice.sentence()


@pytest.mark.parametrize("tau", [0.5, 0.9])
@pytest.mark.parametrize("n", [19, 50])
def test_a_conformal_shift_covers_what_is_exchangeable(tau: float, n: int) -> None:
    rng = np.random.default_rng(0)
    # for residuals uniform on [0, 1] the shift itself is the share that it covers
    covered = np.mean([conformal_shift(rng.random(n), tau) for _ in range(4000)])
    assert tau - 0.004 <= covered <= tau + 1 / (n + 1) + 0.004


def test_a_shift_of_too_few_residuals_is_the_largest() -> None:
    assert conformal_shift(np.array([3.0, -1.0, 2.0]), 0.9) == 3.0
