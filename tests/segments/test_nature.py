"""Groups that are there are natural; a cloud is not, however long, skewed or full of zeros."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from shapes import CLOUDS, mixture
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from facette.segments.behaviour import BehaviourSegments, learn_behaviour, standardised
from facette.settings.segments import Behaviour
from facette.snapshots.catalogue import Feature

KMEANS = KMeans(n_init=2, random_state=0)
SETTINGS = Behaviour(
    k_range=[2, 5], clip_quantile=0.01, soft_limit=1.5, min_stability=0.75, min_share=0.04,
    resamples=5, null_draws=19, natural_level=0.05, min_valley=0.05, deep_valley=0.3, sample=5000,
    names=[],
)  # fmt: skip
SQUARE = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])
Rng = np.random.Generator


def learn(x: np.ndarray, seed: int = 0, **changed: object) -> BehaviourSegments:
    frame = pd.DataFrame(x, columns=[f"c{i}" for i in range(x.shape[1])])
    offered = {
        c: Feature(c, "f", "share", c, c, "transactions", behavioural=True, high=c, low=c)
        for c in frame
    }
    return learn_behaviour(frame, offered, replace(SETTINGS, **changed), KMEANS, seed)  # type: ignore[arg-type]


def kind(learnt: BehaviourSegments) -> str:
    return learnt.nature.kind if learnt.nature else "no segments"


def recovered(learnt: BehaviourSegments, x: np.ndarray, group: np.ndarray) -> float:
    frame = pd.DataFrame(x, columns=[c["name"] for c in learnt.columns])
    return float(
        adjusted_rand_score(group, learnt.estimator.predict(standardised(frame, learnt.columns)))
    )


def seen(rng: Rng, centre: float, events: int, d: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Four groups at the corners of a square (or one cloud, at 0) through noisy columns."""
    group = rng.integers(0, 4, 1500)
    latent = SQUARE[group] * centre + rng.normal(0, 0.7, (1500, 2))
    angles = np.linspace(0, np.pi, d, endpoint=False)
    x = latent @ np.array([np.cos(angles), np.sin(angles)]) + rng.normal(0, 1, (1500, d))
    if not events:
        return x, group
    of = 1 + rng.poisson(events, (1500, 1))
    return rng.binomial(of, 1 / (1 + np.exp(-x))) / of, group


@pytest.mark.parametrize("shape", CLOUDS)
def test_a_cloud_is_never_natural(shape: str) -> None:
    rng = np.random.default_rng(1)
    assert kind(learn(CLOUDS[shape](rng, 1000, 4))) != "natural"


@pytest.mark.parametrize("unequal", [False, True], ids=["equal", "unequal"])
def test_groups_apart_are_natural_and_found_again(unequal: bool) -> None:
    x, group = mixture(np.random.default_rng(2), 1000, 5, unequal)
    learnt = learn(x)
    assert kind(learnt) == "natural"
    assert len(learnt.segments) == group.max() + 1
    assert recovered(learnt, x, group) > 0.8


@pytest.mark.parametrize("events", [0, 5], ids=["continuous", "few events"])
def test_a_square_seen_through_noise_is_natural_and_a_continuum_is_not(events: int) -> None:
    x, group = seen(np.random.default_rng(3), 1.3, events)
    learnt = learn(x)
    assert (kind(learnt), len(learnt.segments)) == ("natural", 4)
    assert recovered(learnt, x, group) > 0.5
    assert kind(learn(seen(np.random.default_rng(4), 0, events)[0])) != "natural"


def test_groups_near_each_other_are_found_beside_one_far_away() -> None:
    rng = np.random.default_rng(1)
    centres = np.array([[0.0, 0.0], [4.0, 4.0], [25.0, 25.0]])
    x = np.repeat(centres, 300, axis=0) + rng.normal(size=(900, 2))
    found = learn(x)
    curve = found.curve.set_index("k")
    assert curve["gap"].idxmax() == 2
    assert len(found.segments) == 3
    assert "deeper between any two" in found.criterion
    shallow = learn(x, deep_valley=1.0)
    assert len(shallow.segments) == 2
    assert "explains most" in shallow.criterion


def test_groups_that_each_column_shows_by_itself_are_natural() -> None:
    rng = np.random.default_rng(5)
    group = rng.integers(0, 4, 1500)
    learnt = learn(2.2 * SQUARE[group] + rng.normal(size=(1500, 2)))
    assert (kind(learnt), len(learnt.segments)) == ("natural", 4)


def test_a_long_cloud_cut_in_two_is_reproducible_and_a_round_one_in_five_is_constructed() -> None:
    rng = np.random.default_rng(6)
    long = rng.normal(size=(1000, 1)) + 0.5 * rng.normal(size=(1000, 4))
    assert kind(learn(long, k=2)) == "reproducible"
    assert kind(learn(rng.normal(size=(1000, 4)), k=5)) == "constructed"
    assert kind(learn(long, k=1)) == "no segments"


def test_the_verdict_follows_from_its_figures() -> None:
    curve = learn(mixture(np.random.default_rng(2), 1000, 5, unequal=False)[0]).curve
    natural = curve[curve["natural"]]
    assert (natural["valley"] > natural["null_valley"]).all()
    assert (natural["explained"] > natural["null_explained"]).all()
    assert len(natural)
    assert (natural["natural_p"] == 1 / 20).all()
    assert curve["natural_p"].between(1 / 20, 1).all()
    assert curve["best_silhouette"].sum() == 1


def test_large_data_are_judged_on_a_sample_but_fitted_whole() -> None:
    x, group = mixture(np.random.default_rng(2), 4000, 5, unequal=False)
    learnt = learn(x, sample=800)
    assert kind(learnt) == "natural"
    assert recovered(learnt, x, group) > 0.8
    assert min(learnt.stability.values()) > 0.8


@pytest.mark.slow
@pytest.mark.parametrize("events", [0, 5], ids=["continuous", "few events"])
def test_nearly_all_of_fifty_squares_and_no_continuum_are_natural(events: int) -> None:
    squares = [learn(seen(np.random.default_rng(s), 1.3, events)[0], s) for s in range(50)]
    clouds = [learn(seen(np.random.default_rng(s), 0, events)[0], s) for s in range(50)]
    assert sum(kind(found) == "natural" and len(found.segments) == 4 for found in squares) >= 48
    assert [kind(found) for found in clouds].count("natural") == 0
