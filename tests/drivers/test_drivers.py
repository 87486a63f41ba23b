"""Drivers name what was planted, add up as SHAP says, and are withheld where there is nothing."""

import lightgbm
import numpy as np
import pandas as pd
import pytest

from facette.drivers.membership import Membership, membership_drivers
from facette.drivers.summary import by_segment, largest, overall, sentence
from facette.snapshots.catalogue import Feature

NAMES = ["weekend", "evening", "bargain", "noise_1", "noise_2"]
CATALOGUE = {n: Feature(n, "f", "share", f"share of {n}", f"part de {n}", "t") for n in NAMES[:4]}
TREES = {
    "num_leaves": 7, "min_child_samples": 10, "random_state": 1, "deterministic": True,
    "force_row_wise": True, "n_jobs": 1, "verbosity": -1,
}  # fmt: skip


def features(n: int = 300, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.random((n, 5)), columns=NAMES, index=[f"c{i}" for i in range(n)])
    frame.loc[rng.random(n) < 0.05, "noise_1"] = np.nan
    return frame


def planted(frame: pd.DataFrame) -> pd.Series:
    """Segments by weekend first, then by bargain."""
    weekday = np.where(frame["bargain"] > 0.5, "hunters", "plain")
    return pd.Series(np.where(frame["weekend"] > 0.6, "weekenders", weekday), index=frame.index)


def drivers(segments: pd.Series, frame: pd.DataFrame, *, top: int = 2) -> Membership:
    return membership_drivers(frame, segments, CATALOGUE, min_fidelity=0.8, top=top, seed=1)


@pytest.fixture(scope="module")
def found() -> Membership:
    frame = features()
    return drivers(planted(frame), frame)


def test_drivers_of_membership_name_the_planted_features(found: Membership) -> None:
    assert found.fidelity > 0.9 > found.chance
    table = found.drivers.set_index(["segment", "feature"])["contribution"]
    assert table["weekenders"].index[0] == "weekend"
    assert table["weekenders", "weekend"] > 0
    assert set(table["hunters"].index) == {"weekend", "bargain"}
    assert min(table["hunters", "bargain"], table["plain", "bargain"]) > 0
    assert set(found.drivers["sentence"]) == {"share of weekend", "share of bargain"}
    assert found.drivers.groupby("segment").size().tolist() == [2, 2, 2]


def test_of_two_segments_each_is_told_by_what_draws_its_own_members_in() -> None:
    frame = features()
    side = pd.Series(np.where(frame["evening"] > 0.5, "late", "early"), index=frame.index)
    table = drivers(side, frame, top=1).drivers.set_index("segment")
    assert table["feature"].to_dict() == {"early": "evening", "late": "evening"}
    assert (table["contribution"] > 1).all()


def test_drivers_of_labels_drawn_at_random_are_withheld() -> None:
    frame = features()
    drawn = pd.Series(np.random.default_rng(2).choice(list("abc"), len(frame)), index=frame.index)
    found = drivers(drawn, frame)
    assert abs(found.fidelity - 1 / 3) < 0.1
    assert found.drivers is None
    assert "withheld" in found.why
    assert "80%" in found.why


def test_one_segment_has_nothing_to_explain() -> None:
    frame = features(60)
    found = drivers(pd.Series("B1", index=frame.index), frame)
    assert found.drivers is None
    assert found.fidelity == 1.0
    assert "nothing to explain" in found.why


def test_one_seed_gives_the_same_drivers(found: Membership) -> None:
    frame = features()
    again = drivers(planted(frame), frame)
    assert again.fidelity == found.fidelity
    pd.testing.assert_frame_equal(again.drivers, found.drivers, check_exact=True)


@pytest.fixture(scope="module")
def explained() -> tuple[pd.DataFrame, np.ndarray]:
    """Features, and contributions of a model of 3 x weekend - bargain."""
    frame = features()
    outcome = 3 * frame["weekend"] - frame["bargain"]
    model = lightgbm.LGBMRegressor(n_estimators=60, **TREES).fit(frame, outcome)
    return frame, np.asarray(model.predict(frame, pred_contrib=True))[:, :-1]


def test_overall_drivers_are_ranked_by_size_with_their_direction(
    explained: tuple[pd.DataFrame, np.ndarray],
) -> None:
    frame, contributions = explained
    table = overall(contributions, frame, CATALOGUE, top=3)
    assert table["feature"].tolist()[:2] == ["weekend", "bargain"]
    assert table["direction"][0] > 0.9
    assert table["direction"][1] < -0.9
    assert table["mean_abs"].is_monotonic_decreasing
    np.testing.assert_allclose(table["mean_abs"][0], np.abs(contributions[:, 0]).mean())


def test_a_category_has_no_direction() -> None:
    frame = pd.DataFrame({"region": ["a", "b"] * 10, "flat": 1.0, "gaps": [np.nan] * 20})
    table = overall(np.ones((20, 3)), frame, {}, top=3)
    assert table["direction"].isna().all()


def test_drivers_by_segment_are_against_the_mean_of_all(
    explained: tuple[pd.DataFrame, np.ndarray],
) -> None:
    frame, contributions = explained
    segments = planted(frame)
    table = by_segment(contributions, list(frame.columns), segments, CATALOGUE, top=5)
    own = table[table["segment"] == "weekenders"].set_index("feature")["contribution"]
    inside = contributions[(segments == "weekenders").to_numpy()].mean(axis=0)
    np.testing.assert_allclose(own[NAMES], inside - contributions.mean(axis=0), atol=1e-12)
    sizes = segments.value_counts()
    weighed = table["contribution"] * table["segment"].map(sizes)
    np.testing.assert_allclose(weighed.groupby(table["feature"]).sum(), 0, atol=1e-9)


def test_the_largest_are_those_by_size_whatever_their_sign() -> None:
    rows = pd.DataFrame([[0.1, -3.0, 2.0]], index=["B1"], columns=["weekend", "evening", "bargain"])
    assert largest(rows, CATALOGUE, 2)["feature"].tolist() == ["evening", "bargain"]


def test_a_feature_outside_the_catalogue_goes_by_its_name() -> None:
    assert sentence("weekend", CATALOGUE) == "share of weekend"
    assert sentence("some_other_thing", CATALOGUE) == "some other thing"
