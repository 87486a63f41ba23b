"""A calibration keeps the order of scores, and makes of a wrong probability a right one."""

import numpy as np
import pytest
from packaged import Facet

from facette.models.calibration import fitted_calibration
from facette.models.evaluation import ece, log_loss
from facette.models.facets import conformal_shift
from facette.settings import Calibration


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


@pytest.mark.parametrize("tau", [0.5, 0.9])
@pytest.mark.parametrize("n", [19, 50])
def test_a_conformal_shift_covers_what_is_exchangeable(tau: float, n: int) -> None:
    rng = np.random.default_rng(0)
    # for residuals uniform on [0, 1] the shift itself is the share that it covers
    covered = np.mean([conformal_shift(rng.random(n), tau) for _ in range(4000)])
    assert tau - 0.004 <= covered <= tau + 1 / (n + 1) + 0.004


def test_a_shift_of_too_few_residuals_is_the_largest() -> None:
    assert conformal_shift(np.array([3.0, -1.0, 2.0]), 0.9) == 3.0
