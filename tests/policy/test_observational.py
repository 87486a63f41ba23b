"""A comparison without a lot is adjusted, and given up where its own past speaks against it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from trials import drawn_trial

from facette.policy.effects import scored
from facette.policy.observational import Comparison
from facette.policy.observational import adjusted as adjusted_by
from facette.policy.trial import Trial

TRUE = np.array([0.0, 30.0, 60.0])
N = 9_000


def observed(seed: int, n: int = N, **changed: float) -> Trial:
    """A trial whose propensities nobody wrote down."""
    trial = drawn_trial(seed, n, TRUE, **{"confounded": 0.6} | changed)
    reached = trial.propensity > 0
    shares = np.bincount(trial.way, minlength=3) / n
    return replace(trial, propensity=np.where(reached, shares, 0.0), randomised=False)


def adjusted(
    trial: Trial, overlap: float, folds: int, seed: int
) -> tuple[Trial, Comparison] | None:
    """What is known of these customers was the same a window before."""
    return adjusted_by(trial, pd.DataFrame(trial.before, trial.customers), overlap, folds, seed)


def test_customers_who_were_chosen_are_compared_as_if_they_were_not() -> None:
    trial = observed(1)
    raw = [trial.outcome[trial.way == m].mean() for m in range(3)]
    assert raw[2] - raw[0] > 100  # twice the effect, by choice alone
    found = adjusted(trial, 0.02, 5, 0)
    assert found is not None
    kept, comparison = found
    blind = replace(kept, before=np.zeros((len(kept), 1)))
    for one in (kept, blind):
        score = scored(one, one.outcome, 5, 0).score
        against = score - score[:, [0]]
        error = np.abs(np.nanmean(against, axis=0) - TRUE)
        assert np.all(error <= 4 * np.nanstd(against, axis=0) / np.sqrt(len(kept)))
    np.testing.assert_allclose(kept.propensity.sum(axis=1), 1)
    assert comparison.p > 1e-3


def test_a_choice_by_what_nobody_wrote_down_is_told_by_the_past() -> None:
    rng = np.random.default_rng(2)
    hidden = rng.normal(0, 1, N)
    trial = drawn_trial(2, N, TRUE, level=60 * hidden)
    way = np.where(hidden > 0.5, 2, trial.way)
    moved = 60 * hidden + rng.normal(0, 50, N)
    chosen = replace(trial, way=way, outcome=moved, placebo=moved + rng.normal(0, 50, N))
    found = adjusted(chosen, 0.0, 5, 0)
    assert found is not None
    assert not found[1].sound
    assert found[1].p < 1e-6
    assert found[1].placebo[2] > 10


def by_value(seed: int, hidden: float) -> tuple[Trial, pd.DataFrame]:
    """Two models that do nothing, chosen by what moves net value and, by `hidden`, is unknown.

    Net value of the last window is known when they are chosen, that of the one before it earlier.
    """
    rng = np.random.default_rng(seed)
    unknown, x = rng.normal(0, 1, N), rng.normal(0, 1, N)
    older, last, after = (60 * unknown + 50 * x + rng.normal(0, 80, N) for _ in range(3))
    way = (rng.random(N) < 1 / (1 + np.exp(-x - hidden * unknown))).astype(int)
    people = pd.Index([f"c{i}" for i in range(N)])
    shares = np.tile(np.bincount(way) / N, (N, 1))
    known = np.column_stack([x, last, older])
    made = Trial(people, way, shares, after, known, last, False, 364, 0)
    return made, pd.DataFrame({"x": x, "last": older, "older": 0.0}, people)


@pytest.mark.parametrize(("hidden", "sound"), [(0.0, True), (0.4, False)])
def test_the_placebo_is_not_adjusted_for_itself(hidden: float, sound: bool) -> None:
    trial, earlier = by_value(1, hidden)
    found = adjusted_by(trial, earlier, 0.02, 5, 0)
    assert found is not None
    assert found[1].sound == sound
    by_itself = adjusted(trial, 0.02, 5, 0)
    assert by_itself is not None
    assert by_itself[1].sound


def test_the_placebo_is_of_who_was_there_before() -> None:
    trial, earlier = by_value(2, 0.0)
    found = adjusted_by(trial, earlier.iloc[: N // 2], 0.02, 5, 0)
    assert found is not None
    kept, comparison = found
    assert len(kept) == comparison.kept > 0.8 * N
    assert 0.4 * N < comparison.tested <= N // 2
    assert adjusted_by(trial, earlier.iloc[:0], 0.02, 5, 0) is None


@pytest.mark.slow
def test_a_sound_comparison_is_believed_at_its_rate() -> None:
    """Those that the first model reaches have another past: no reason to doubt the comparison."""
    sound = []
    for seed in range(40):
        found = adjusted(observed(seed, 1_000, reach=0.7, open_level=60.0), 0.01, 3, 0)
        assert found is not None
        sound.append(found[1].sound)
    assert np.mean(sound) >= 0.85


def test_who_could_hardly_have_been_handled_otherwise_is_left_out() -> None:
    trial = observed(3, confounded=2.0)
    found = adjusted(trial, 0.05, 5, 0)
    assert found is not None
    kept, comparison = found
    assert comparison.customers == N
    assert comparison.kept == len(kept) < 0.7 * N
    assert kept.propensity.min() >= 0.05
    assert np.abs(kept.before[:, 0]).max() < np.abs(trial.before[:, 0]).max()


@pytest.mark.parametrize("way", [np.zeros(100, dtype=int), np.append(np.zeros(99, dtype=int), 1)])
def test_too_few_models_are_no_comparison(way: np.ndarray) -> None:
    trial = drawn_trial(4, 100, TRUE)
    assert adjusted(replace(trial, way=way), 0.02, 5, 0) is None


def test_nobody_is_compared_with_a_model_that_does_not_reach_them() -> None:
    trial = observed(5, 2_000, reach=0.6)
    found = adjusted(trial, 0.0, 5, 0)
    assert found is not None
    assert ((found[0].propensity > 0) <= (trial.propensity > 0)).all()


def test_who_was_all_but_certain_to_be_handled_so_is_left_out() -> None:
    trial = observed(5)
    before = trial.before.copy()
    before[0] = 1e9  # beyond all measure: the others are as good as impossible
    found = adjusted(replace(trial, before=before), 0.02, 5, 0)
    assert found is not None
    assert trial.customers[0] not in found[0].customers
