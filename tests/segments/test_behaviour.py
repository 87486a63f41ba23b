"""Clusters that are there are found again, named, and packaged as they were fitted."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from packaged import Bundle, write_bundle
from scipy.stats import norm
from sklearn.cluster import (
    DBSCAN,
    HDBSCAN,
    AgglomerativeClustering,
    Birch,
    KMeans,
)
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.preprocessing import StandardScaler

from facette.errors import BadInput
from facette.segments.behaviour import (
    MIN_KNOWN,
    BehaviourSegments,
    check_clusterer,
    check_k,
    chosen_columns,
    learn_behaviour,
    prepared,
    standardised,
)
from facette.segments.quality import best_jaccard, segment_stability, shared_information, verdict
from facette.settings.segments import Behaviour
from facette.snapshots.catalogue import Feature

WORDS = {
    "weekend_share": ("weekend", "weekday"), "evening_share": ("evenings", "never evenings"),
    "discount_rate": ("bargain hunting", "full price"), "gap_days": ("rare visits", "often"),
    "constant": ("odd", "even"),
}  # fmt: skip
CATALOGUE = {
    name: Feature(
        name, "f", "share", name, name, "transactions", behavioural=True, high=high, low=low
    )
    for name, (high, low) in WORDS.items()
} | {
    "spend": Feature("spend", "f", "currency", "s", "s", "transactions", level=True),
    "region": Feature("region", "f", "category", "r", "r", "customers", category=True),
}
CENTRES = np.array([[0.1, 0.1, 0.1], [0.9, 0.1, 0.5], [0.1, 0.9, 0.9], [0.9, 0.9, 0.1]])
SIZES = (120, 80, 60, 40)
KMEANS = KMeans(n_init=2, random_state=0)
MIXTURE = GaussianMixture(random_state=0, reg_covar=1e-3)


def settings(**changed: Any) -> Behaviour:
    plain: dict[str, Any] = {
        "estimator": None, "k": None, "k_range": [2, 5], "features": None, "clip_quantile": 0.01,
        "soft_limit": 1.5, "min_stability": 0.75, "min_share": 0.04, "resamples": 8,
        "null_draws": 19, "natural_level": 0.05, "min_valley": 0.05, "deep_valley": 0.3,
        "sample": 5000, "names": [], "between": 0.55,
    }  # fmt: skip
    return Behaviour(**(plain | changed))


def planted(seed: int = 0, spread: float = 0.04) -> tuple[pd.DataFrame, np.ndarray]:
    """Four groups far apart, shuffled, with gaps; and the group of each customer."""
    rng = np.random.default_rng(seed)
    group = rng.permutation(np.repeat(np.arange(4), SIZES))
    n = len(group)
    habits = CENTRES[group] + rng.normal(0, spread, (n, 3))
    frame = pd.DataFrame(habits, columns=list(WORDS)[:3])
    frame["gap_days"] = np.exp(rng.normal(2, 0.3, n) + 3 * (rng.random(n) < 0.1))
    frame["constant"] = np.where(rng.random(n) < 0.02, 1.0, 0.0)
    frame["spend"] = rng.gamma(1, 100, n)
    frame["region"] = "West"
    frame.loc[rng.random(n) < 0.03, "weekend_share"] = np.nan
    return frame, group


@pytest.fixture(scope="module")
def world() -> tuple[pd.DataFrame, np.ndarray]:
    return planted()


def learn(frame: pd.DataFrame, estimator: Any = KMEANS, **changed: Any) -> BehaviourSegments:
    habits = {"features": ["weekend_share", "evening_share", "discount_rate"]}
    return learn_behaviour(frame, CATALOGUE, settings(**(habits | changed)), estimator, 1)


def packaged(learnt: BehaviourSegments, folder: Path) -> Bundle:
    write_bundle(folder / "bundle", {"segments": learnt.files()}, {"data": "planted"})
    return Bundle.load(folder / "bundle")


def assigned(bundle: Bundle, frame: pd.DataFrame) -> np.ndarray:
    told, sure = bundle.segmentations.behaviour.assigned(frame)
    known = frame[[c["name"] for c in bundle.segmentations.behaviour.columns]].notna()
    assert ((sure == 0) == (known.mean(axis=1) < MIN_KNOWN)).all()
    assert sure.max() <= 1
    return np.array(told)


@pytest.mark.parametrize("estimator", [KMEANS, MIXTURE], ids=["kmeans", "mixture"])
def test_planted_groups_are_found_again_and_are_stable(
    estimator: Any, world: tuple[pd.DataFrame, np.ndarray], tmp_path: Path
) -> None:
    frame, group = world
    learnt = learn(frame, estimator)
    assert [s["id"] for s in learnt.segments] == ["B1", "B2", "B3", "B4"]
    assert min(learnt.stability.values()) > 0.9
    found = assigned(packaged(learnt, tmp_path), frame)
    assert shared_information(pd.Series(found), pd.Series(group)) > 0.95
    assert "explains most beyond data without groups" in learnt.criterion
    assert learnt.nature is not None
    assert learnt.nature.kind == "natural"
    assert learnt.curve["k"].tolist() == [2, 3, 4, 5]


def test_segments_are_numbered_from_the_largest(
    world: tuple[pd.DataFrame, np.ndarray], tmp_path: Path
) -> None:
    frame, _ = world
    sizes = pd.Series(assigned(packaged(learn(frame, k=4), tmp_path), frame)).value_counts()
    assert list(sizes.index) == ["B1", "B2", "B3", "B4"]


def rows_of_every_sort(frame: pd.DataFrame) -> pd.DataFrame:
    """The training rows, and others that it did not show: gaps, extremes, negatives."""
    odd = frame.head(40).copy()
    numbers = ["weekend_share", "evening_share", "discount_rate", "gap_days"]
    odd[numbers] = np.random.default_rng(3).normal(0, 30, (40, 4))
    odd.iloc[:5, :4] = np.nan
    odd.iloc[5, 0] = 1e12
    return pd.concat([frame, odd], ignore_index=True)


@pytest.mark.parametrize("estimator", [KMEANS, MIXTURE], ids=["kmeans", "mixture"])
@pytest.mark.parametrize("k", [1, 4])
def test_the_package_prepares_and_assigns_as_training_did(
    estimator: Any, k: int, world: tuple[pd.DataFrame, np.ndarray], tmp_path: Path
) -> None:
    frame, _ = world
    learnt = learn(frame, estimator, k=k, features=list(WORDS)[:4])
    assert {c["transform"] for c in learnt.columns} == {"identity", "log1p"}
    bundle, rows = packaged(learnt, tmp_path), rows_of_every_sort(frame)
    z = standardised(rows, learnt.columns)
    behaviour = bundle.segmentations.behaviour
    for i, column in enumerate(learnt.columns):
        np.testing.assert_array_equal(z[:, i], behaviour._standard(rows, column))
    assert np.isfinite(z).all()
    ids = np.array([s["id"] for s in learnt.segments])
    assert assigned(bundle, rows).tolist() == ids[learnt.estimator.predict(z)].tolist()


def test_a_row_is_prepared_alike_whatever_stands_beside_it(
    world: tuple[pd.DataFrame, np.ndarray], tmp_path: Path
) -> None:
    frame, _ = world
    learnt = learn(frame, k=4)
    bundle = packaged(learnt, tmp_path)
    whole, z = assigned(bundle, frame), standardised(frame, learnt.columns)
    for i in range(0, 60, 7):
        np.testing.assert_array_equal(standardised(frame[i : i + 1], learnt.columns)[0], z[i])
        assert assigned(bundle, frame[i : i + 1])[0] == whole[i]


def test_what_is_far_from_usual_stays_within_a_limit_that_keeps_order_and_one_hill() -> None:
    usual = pd.DataFrame({"a": norm.ppf((np.arange(100_000) + 0.5) / 100_000)})
    hard, soft = (
        standardised(usual, [prepared(usual["a"], 0.0, limit)])[:, 0] for limit in (None, 1.5)
    )
    assert np.abs(hard).max() > 4
    assert np.abs(soft).max() < 1.5
    assert (np.argsort(soft) == np.argsort(hard)).all()
    near = np.abs(hard) < 0.3
    np.testing.assert_allclose(soft[near], hard[near], rtol=0.02)
    density = np.histogram(soft, bins=np.linspace(-1.2, 1.2, 13))[0]
    assert (np.diff(density[:6]) > 0).all()
    assert (np.diff(density[6:]) < 0).all()


def test_columns_that_hardly_vary_are_left_out_and_said(
    world: tuple[pd.DataFrame, np.ndarray],
) -> None:
    names, notes = chosen_columns(world[0], CATALOGUE, None)
    assert names == list(WORDS)[:4]
    assert notes == ["behaviour segments leave out constant: nearly the same for everyone"]
    assert learn(world[0], features=None, k=2).notes == notes


@pytest.mark.parametrize(
    ("features", "told"),
    [
        (["weekend_shar"], ["weekend_shar", "'weekend_share'"]),
        (["region"], ["region", "not a numeric feature"]),
        (["constant"], ["none of constant varies"]),
    ],
)
def test_a_list_of_features_that_cannot_serve_is_refused(
    features: list[str], told: list[str], world: tuple[pd.DataFrame, np.ndarray]
) -> None:
    with pytest.raises(BadInput, match=r"^segments\.behaviour\.features: ") as error:
        learn(world[0], features=features)
    assert [word for word in told if word not in str(error.value)] == []


@pytest.mark.parametrize("k", [0, 11, 500])
def test_more_segments_than_customers_are_refused(
    k: int, world: tuple[pd.DataFrame, np.ndarray]
) -> None:
    with pytest.raises(BadInput, match=rf"segments\.behaviour\.k: {k} segments for 10 customers"):
        check_k(settings(k=k), 10)
    with pytest.raises(BadInput, match=r"choose between 1 and 10"):
        learn(world[0].head(10), k=k)


def test_customers_of_whom_too_little_is_known_do_not_count() -> None:
    frame, _ = planted()
    frame.loc[6:, ["weekend_share", "evening_share", "discount_rate"]] = np.nan
    with pytest.raises(BadInput, match="8 segments for 6 customers"):
        learn(frame, k=8)


def test_segments_that_would_hold_nobody_are_refused() -> None:
    frame, _ = planted()
    for i, name in enumerate(list(WORDS)[:3]):
        frame[name] = np.tile(CENTRES[:3, i], 100)
    with pytest.warns(match="distinct clusters"), pytest.raises(BadInput, match="only 3 of 5"):
        learn(frame, k=5, resamples=2)


def test_where_no_number_of_segments_is_stable_there_is_one_for_everyone(tmp_path: Path) -> None:
    frame, _ = planted()
    learnt = learn(frame, min_share=0.6)
    assert learnt.segments == [{"id": "B1", "name": "Everyone"}]
    assert learnt.stability == {"B1": 1.0}
    assert "one segment, everyone" in learnt.criterion
    assert learnt.nature is None
    told, sure = packaged(learnt, tmp_path).segmentations.behaviour.assigned(frame)
    assert set(told) == {"B1"}
    assert (sure == 1).all()


@pytest.mark.parametrize(
    "estimator",
    [
        DBSCAN(eps=0.9, min_samples=4),
        AgglomerativeClustering(),
        Birch(threshold=0.3),
        GaussianMixture(covariance_type="diag", random_state=0),
        BayesianGaussianMixture(random_state=0, max_iter=500),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_segments_of_any_clusterer_are_packaged_by_what_carries_them(
    estimator: Any, world: tuple[pd.DataFrame, np.ndarray], tmp_path: Path
) -> None:
    frame, group = world
    chosen = {} if isinstance(estimator, DBSCAN) else {"k": 4}
    learnt = learn(frame, estimator, resamples=2, **chosen)
    found = assigned(packaged(learnt, tmp_path), frame)
    assert shared_information(pd.Series(found), pd.Series(group)) > 0.9
    assert [note for note in learnt.notes if type(estimator).__name__ in note]


def test_where_a_clusterer_leaves_everyone_out_as_noise_everyone_is_one_segment(
    world: tuple[pd.DataFrame, np.ndarray],
) -> None:
    assert [s["name"] for s in learn(world[0], DBSCAN(eps=1e-9)).segments] == ["Everyone"]


@pytest.mark.parametrize(
    "estimator",
    [
        DBSCAN(eps=0.6),
        HDBSCAN(min_cluster_size=20, copy=True),
        AgglomerativeClustering(n_clusters=None, distance_threshold=12),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_a_clusterer_may_find_the_number_of_segments_itself(
    estimator: Any, world: tuple[pd.DataFrame, np.ndarray], tmp_path: Path
) -> None:
    frame, group = world
    learnt = learn(frame, estimator, resamples=3)
    found = assigned(packaged(learnt, tmp_path), frame)
    assert set(found) <= {s["id"] for s in learnt.segments}
    assert shared_information(pd.Series(found), pd.Series(group)) > 0.5
    with pytest.raises(BadInput, match="finds the number of segments itself"):
        check_clusterer(estimator, 4)


@pytest.mark.parametrize("estimator", [LogisticRegression(), StandardScaler()], ids=str)
def test_what_is_no_clusterer_is_refused_in_one_line(estimator: Any) -> None:
    with pytest.raises(BadInput, match=r"^segments\.behaviour\.estimator: ") as error:
        check_clusterer(estimator, None)
    assert type(estimator).__name__ in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("estimator", [KMEANS, MIXTURE], ids=["kmeans", "mixture"])
def test_trying_a_clusterer_leaves_it_as_it_was(estimator: Any) -> None:
    before = estimator.get_params()
    check_clusterer(estimator, None)
    assert estimator.get_params() == before
    assert not hasattr(estimator, "cluster_centers_")


def test_one_seed_gives_the_same_bytes(world: tuple[pd.DataFrame, np.ndarray]) -> None:
    assert learn(world[0], k=4).files() == learn(world[0], k=4).files()


def test_nothing_found_in_noise_is_called_stable() -> None:
    rng = np.random.default_rng(5)
    cloud = rng.normal(size=(400, 6))
    labels = KMeans(6, n_init=3, random_state=0).fit(cloud).predict(cloud)
    assert min(segment_stability(cloud, labels, KMEANS, 6, 12, 1)) < 0.75


def test_the_best_match_is_that_of_sets() -> None:
    before, after = np.array([0, 0, 0, 1, 1, 2]), np.array([1, 1, 0, 0, 0, 2])
    told = [
        max(
            len(set(np.flatnonzero(before == i)) & set(np.flatnonzero(after == j)))
            / len(set(np.flatnonzero(before == i)) | set(np.flatnonzero(after == j)))
            for j in range(3)
        )
        for i in range(3)
    ]
    np.testing.assert_allclose(best_jaccard(before, after, 3), told)
    np.testing.assert_array_equal(best_jaccard(before, before, 3), 1)


@pytest.mark.parametrize(
    ("stability", "word"),
    [(0.0, "unstable"), (0.6, "doubtful"), (0.75, "stable"), (0.85, "highly stable")],
)  # fmt: skip
def test_verdicts_follow_hennig(stability: float, word: str) -> None:
    assert verdict(stability) == word
