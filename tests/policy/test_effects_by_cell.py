"""What a model does is told whatever is misread of customers, and nothing is told of noise."""

from dataclasses import replace

import numpy as np
import pytest
from trials import NOISE, drawn_trial

from facette.policy.effects import (
    CellMeans,
    alike,
    by_customer,
    cell_means,
    drawn_together,
    scored,
)
from facette.policy.trial import Trial

TRUE = np.array([0.0, 40.0, 80.0])
N = 12_000


def told(trial: Trial) -> tuple[np.ndarray, np.ndarray]:
    """Effects against the last model, and their standard errors."""
    score = scored(trial, trial.outcome, 5, 0).score
    against = score - score[:, [-1]]
    return against.mean(axis=0), against.std(axis=0) / np.sqrt(len(trial))


@pytest.mark.parametrize("wrong", ["nothing", "regression", "propensity"])
def test_effects_are_unbiased_when_one_of_both_is_wrong(wrong: str) -> None:
    trial = drawn_trial(1, N, TRUE, confounded=0.5)
    if wrong == "regression":
        trial = replace(trial, before=np.random.default_rng(0).normal(0, 1, (N, 2)))
    if wrong == "propensity":
        trial = replace(trial, propensity=np.full((N, 3), 1 / 3))
    effect, se = told(trial)
    assert np.all(np.abs(effect - (TRUE - TRUE[-1])) < 4 * se + 1e-9)


def test_with_both_wrong_the_way_customers_were_chosen_is_taken_for_an_effect() -> None:
    trial = drawn_trial(1, N, TRUE, confounded=0.5)
    blind = np.random.default_rng(0).normal(0, 1, (N, 2))
    effect, se = told(replace(trial, before=blind, propensity=np.full((N, 3), 1 / 3)))
    assert abs(effect[0] - (TRUE[0] - TRUE[-1])) > 8 * se[0]


def test_whom_a_model_reaches_is_not_taken_for_what_it_does() -> None:
    trial = drawn_trial(2, N, np.zeros(4), reach=0.6, open_level=60.0)
    score = scored(trial, trial.outcome, 5, 0).score
    se = np.nanstd(score, axis=0) / np.sqrt((~np.isnan(score)).sum(axis=0))
    assert np.all(np.abs(np.nanmean(score, axis=0)) < 4 * se)


@pytest.mark.parametrize("hidden", [0.0, 60.0])
def test_models_that_reach_others_are_told_by_what_they_do(hidden: float) -> None:
    """The first reaches half, and who it does not reach was in fact served on request."""
    true, told = np.array([100.0, 15.0, 0.0]), []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        able, lot = rng.random(N) < 0.5, rng.integers(0, 2, N)
        way = np.where((lot == 0) & ~able, 2, lot)
        likely = np.where(able[:, None], [[0.5, 0.5, 0.0]], [[0.0, 0.5, 0.5]])
        outcome = true[way] + hidden * able + rng.normal(0, NOISE, N)
        trial = replace(drawn_trial(seed, N, true), way=way, propensity=likely, outcome=outcome)
        told.append(np.nanmean(scored(trial, outcome, 5, 0).score, axis=0))
    mean = np.mean(told, axis=0)
    np.testing.assert_allclose(mean - mean[-1], true, atol=4)


@pytest.mark.parametrize("models", [2, 3, 7])
@pytest.mark.parametrize("spread", [0.0, 20.0])
def test_differences_between_models_are_told_with_errors_that_hold_them(
    models: int, spread: float
) -> None:
    inside, cells = [], 8
    for seed in range(12):
        rng = np.random.default_rng(1000 + seed)
        true, cell = rng.normal(0, spread, (cells, models)), np.arange(3_000) % cells
        trial = drawn_trial(seed, len(cell), true[cell])
        score = scored(trial, trial.outcome, 5, seed).score
        drawn = drawn_together(cell_means(score, cell, cells), [np.arange(cells) % 2])
        own, like = drawn.se, alike(score)[-1]
        assert (own > 0).all()
        variance = own**2 + own[:, [-1]] ** 2 - 2 * like * own * own[:, [-1]]
        apart = drawn.effect - drawn.effect[:, [-1]] - true + true[:, [-1]]
        inside.append((np.abs(apart) <= 1.96 * np.sqrt(variance))[:, :-1].mean())
    assert np.mean(inside) >= 0.9


def test_a_customer_has_no_score_for_a_model_that_does_not_reach_them() -> None:
    trial = drawn_trial(3, 500, TRUE, reach=0.5)
    found = scored(trial, trial.outcome, 5, 0)
    assert (np.isnan(found.score) == (trial.propensity == 0)).all()
    assert (np.bincount(found.fold) == 100).all()


def test_nobody_is_scored_by_what_came_of_their_own_fold() -> None:
    trial = drawn_trial(4, 500, TRUE)
    found = scored(trial, trial.outcome, 5, 0)
    own = found.fold == 0
    moved = scored(trial, trial.outcome + np.where(own & (trial.way == 1), 500.0, 0.0), 5, 0)
    others_way = own & (trial.way != 1)
    np.testing.assert_allclose(moved.score[others_way], found.score[others_way])


def test_residuals_are_cut_for_choosing_and_not_for_claiming() -> None:
    trial = drawn_trial(5, 2_000, TRUE)
    outcome = trial.outcome.copy()
    outcome[7] += 1e6
    found = scored(trial, outcome, 5, 0, tame=0.975)
    assert np.nanmax(np.abs(found.score)) > 1e5
    assert np.nanmax(np.abs(found.tamed)) < 1e4
    whole = scored(trial, trial.outcome, 5, 0, tame=1.0)
    assert np.nanmax(np.abs(whole.tamed - whole.score)) < NOISE * 3


@pytest.mark.parametrize("hidden", [0.0, 60.0])
def test_of_noise_alone_next_to_nothing_is_left(hidden: float) -> None:
    """`hidden`: how far cells differ in what the regression does not know."""
    rng, cells, left = np.random.default_rng(6), 24, []
    cell = rng.integers(0, cells, 6_000)
    for seed in range(4):
        trial = drawn_trial(seed, 6_000, np.zeros(4), level=rng.normal(0, hidden, cells)[cell])
        means = cell_means(scored(trial, trial.outcome, 5, 0).score, cell, cells)
        drawn = drawn_together(means, [np.arange(cells) % 4, np.arange(cells) // 4])
        left.append(np.var(drawn.effect) / np.var(means.mean))
    assert np.mean(left) < 0.05


def test_strong_differences_between_cells_stay() -> None:
    cells, n = 12, 24_000
    cell = np.arange(n) % cells
    true = np.random.default_rng(7).normal(0, 40, (cells, 3))
    trial = drawn_trial(7, n, true[cell])
    means = cell_means(scored(trial, trial.outcome, 5, 0).score, cell, cells)
    drawn = drawn_together(means, [np.arange(cells) % 3])
    wanted = true - true.mean(axis=1, keepdims=True)
    error = drawn.effect - drawn.effect.mean(axis=1, keepdims=True) - wanted
    assert np.sqrt((error**2).mean()) < 0.2 * wanted.std()
    assert (drawn.effect.argmax(axis=1) == true.argmax(axis=1)).mean() > 0.8


def test_standard_errors_are_as_large_as_errors() -> None:
    rng, missed, told = np.random.default_rng(8), 0.0, 0.0
    for _ in range(200):
        true = rng.normal(0, 10, (30, 3))
        variance = rng.uniform(20, 400, (30, 3))
        drawn = drawn_together(CellMeans(true + rng.normal(0, np.sqrt(variance)), variance), [])
        missed += float(((drawn.effect - true) ** 2).sum())
        told += float((drawn.se**2).sum())
    assert missed / told == pytest.approx(1, abs=0.25)


def test_a_small_cell_borrows_from_the_others_of_its_facet() -> None:
    mean = np.array([[50.0, -50.0], [50.0, -50.0], [-50.0, 50.0], [-50.0, 50.0], [0.0, 0.0]])
    variance = np.full(mean.shape, 4.0)
    variance[4] = np.inf  # a cell that nobody of the trial was in
    drawn = drawn_together(CellMeans(mean, variance), [np.array([0, 0, 1, 1, 0])])
    assert drawn.effect[4, 0] > 30
    assert drawn.effect[4, 1] < -30
    assert drawn.se[4, 0] >= drawn.se[0, 0]
    assert np.isfinite(drawn.se).all()
    alone = drawn_together(CellMeans(mean, variance), [])
    assert abs(alone.effect[4, 0]) < 5


def test_the_variance_of_a_cell_of_one_is_that_of_all() -> None:
    score = np.concatenate([np.random.default_rng(9).normal(0, 10, 400), [3.0]])[:, None]
    cell = np.append(np.arange(400) % 4, 4)
    means = cell_means(score, cell, 6)
    assert means.mean[4, 0] == 3.0
    assert means.variance[4, 0] == pytest.approx(100, rel=0.2)
    assert means.variance[0, 0] == pytest.approx(1, rel=0.3)
    assert np.isinf(means.variance[5, 0])


def test_customers_for_whom_a_model_does_more_are_told_apart() -> None:
    rng = np.random.default_rng(10)
    trial = drawn_trial(10, 20_000, np.zeros(2))
    lift = 60 * trial.before[:, 1]
    trial = replace(trial, outcome=trial.outcome + np.where(trial.way == 0, lift, 0.0))
    base = rng.normal(0, 1, (500, 2))
    made = by_customer(trial, scored(trial, trial.outcome, 5, 0), base)
    assert np.corrcoef(made[:, 0] - made[:, 1], base[:, 1])[0, 1] > 0.9
