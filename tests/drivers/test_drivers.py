"""Drivers name what was planted, add up as SHAP says, and lead again where there is something."""

import lightgbm
import numpy as np
import pandas as pd
import pytest

from facette.drivers.credit import Credit, alike, credited, led, sentence
from facette.drivers.membership import Membership, membership_drivers
from facette.drivers.summary import by_segment, largest, overall
from facette.settings.models import Drivers
from facette.snapshots.catalogue import Feature

NAMES = ["weekend", "evening", "bargain", "noise_1", "noise_2"]
CATALOGUE = {n: Feature(n, "f", "share", f"share of {n}", f"part de {n}", "t") for n in NAMES[:4]}
ALONE = [[name] for name in NAMES]
SETTINGS = Drivers(
    min_fidelity=0.8, min_returning=0.6, leading=2, refits=3, top=2, alike=0.8, interactions=3,
    movers=5, sample=20_000,
)  # fmt: skip
TREES = {
    "num_leaves": 7, "min_child_samples": 10, "random_state": 1, "deterministic": True,
    "force_row_wise": True, "n_jobs": 1, "verbosity": -1,
}  # fmt: skip


def features(n: int = 300, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.random((n, 5)), columns=NAMES, index=[f"c{i:03}" for i in range(n)])
    frame.loc[rng.random(n) < 0.05, "noise_1"] = np.nan
    return frame


def planted(frame: pd.DataFrame) -> pd.Series:
    """Segments by weekend first, then by bargain."""
    weekday = np.where(frame["bargain"] > 0.5, "hunters", "plain")
    return pd.Series(np.where(frame["weekend"] > 0.6, "weekenders", weekday), index=frame.index)


def drivers(segments: pd.Series, frame: pd.DataFrame) -> Membership:
    return membership_drivers(frame, segments, ALONE, SETTINGS, seed=1)


@pytest.fixture(scope="module")
def found() -> Membership:
    frame = features()
    return drivers(planted(frame), frame)


def test_drivers_of_membership_name_the_planted_features(found: Membership) -> None:
    assert found.fidelity > 0.9 > found.chance
    assert found.returning > 0.9
    told = found.drivers(CATALOGUE, top=2)
    table = told.set_index(["segment", "feature"])["contribution"]
    assert table["weekenders"].index[0] == "weekend"
    assert table["weekenders", "weekend"] > 0
    assert set(table["hunters"].index) == {"weekend", "bargain"}
    assert min(table["hunters", "bargain"], table["plain", "bargain"]) > 0
    assert set(told["sentence"]) == {"share of weekend", "share of bargain"}
    assert told.groupby("segment").size().tolist() == [2, 2, 2]


def test_what_tells_two_segments_apart_is_what_parts_them_alone(found: Membership) -> None:
    table = found.between("hunters", "plain", CATALOGUE, top=2).set_index("feature")
    assert table.index[0] == "bargain"
    assert table["contribution"]["bargain"] > 3 * abs(table["contribution"].iloc[1])
    other_way = found.between("plain", "hunters", CATALOGUE, top=2).set_index("feature")
    assert other_way["contribution"]["bargain"] == pytest.approx(table["contribution"]["bargain"])


def test_of_two_segments_each_is_told_by_what_draws_its_own_members_in() -> None:
    frame = features()
    side = pd.Series(np.where(frame["evening"] > 0.5, "late", "early"), index=frame.index)
    table = drivers(side, frame).drivers(CATALOGUE, top=1).set_index("segment")
    assert table["feature"].to_dict() == {"early": "evening", "late": "evening"}
    assert (table["contribution"] > 1).all()


def test_labels_drawn_at_random_have_no_fidelity() -> None:
    frame = features()
    drawn = pd.Series(np.random.default_rng(2).choice(list("abc"), len(frame)), index=frame.index)
    assert abs(drivers(drawn, frame).fidelity - 1 / 3) < 0.1


def test_one_segment_has_nothing_to_explain() -> None:
    frame = features(60)
    found = drivers(pd.Series("B1", index=frame.index), frame)
    assert (found.fidelity, found.credits) == (1.0, {})
    assert np.isnan(found.returning)


def test_one_seed_gives_the_same_drivers(found: Membership) -> None:
    frame = features()
    again = drivers(planted(frame), frame)
    assert (again.fidelity, again.returning) == (found.fidelity, found.returning)
    pd.testing.assert_frame_equal(
        again.drivers(CATALOGUE, 2), found.drivers(CATALOGUE, 2), check_exact=True
    )


@pytest.fixture(scope="module")
def explained() -> tuple[pd.DataFrame, Credit]:
    """Features, and contributions of a model of 3 x weekend - bargain."""
    frame = features()
    outcome = 3 * frame["weekend"] - frame["bargain"]
    model = lightgbm.LGBMRegressor(n_estimators=60, **TREES).fit(frame, outcome)
    values = np.asarray(model.predict(frame, pred_contrib=True))[:, :-1]
    table = pd.DataFrame(values, frame.index, frame.columns)
    return frame, credited(table, led(ALONE, table.abs().mean()))


def test_overall_drivers_are_ranked_by_size_with_their_direction(
    explained: tuple[pd.DataFrame, Credit],
) -> None:
    frame, credit = explained
    table = overall(credit, frame, CATALOGUE, top=3)
    assert table["feature"].tolist()[:2] == ["weekend", "bargain"]
    assert table["direction"][0] > 0.9
    assert table["direction"][1] < -0.9
    assert table["mean_abs"].is_monotonic_decreasing
    assert table["mean_abs"][0] == pytest.approx(credit.frame["weekend"].abs().mean())


def test_a_category_has_no_direction() -> None:
    frame = pd.DataFrame({"region": ["a", "b"] * 10, "flat": 1.0, "gaps": [np.nan] * 20})
    ones = pd.DataFrame(1.0, frame.index, frame.columns)
    table = overall(credited(ones, led([[c] for c in frame], ones.mean())), frame, {}, top=3)
    assert table["direction"].isna().all()


def test_drivers_by_segment_are_against_the_mean_of_all(
    explained: tuple[pd.DataFrame, Credit],
) -> None:
    frame, credit = explained
    segments = planted(frame)
    table = by_segment(credit, segments, CATALOGUE, top=5)
    own = table[table["segment"] == "weekenders"].set_index("feature")["contribution"]
    inside = credit.frame[(segments == "weekenders").to_numpy()].mean()
    np.testing.assert_allclose(own[NAMES], (inside - credit.frame.mean())[NAMES], atol=1e-12)
    sizes = segments.value_counts()
    weighed = table["contribution"] * table["segment"].map(sizes)
    np.testing.assert_allclose(weighed.groupby(table["feature"]).sum(), 0, atol=1e-9)


def test_contributions_of_a_sample_are_told_with_the_customers_they_are_of(
    explained: tuple[pd.DataFrame, Credit],
) -> None:
    frame, credit = explained
    few = frame.sample(len(frame) // 3, random_state=1).index
    part = Credit(credit.frame.loc[few], credit.members)
    segments = planted(frame)
    told = by_segment(part, segments, CATALOGUE, top=5)
    alone = by_segment(part, segments.loc[few], CATALOGUE, top=5)
    pd.testing.assert_frame_equal(told, alone)
    pd.testing.assert_frame_equal(
        overall(part, frame, CATALOGUE, 5), overall(part, frame.loc[few], CATALOGUE, 5)
    )


def test_the_largest_are_those_by_size_whatever_their_sign() -> None:
    rows = pd.DataFrame([[0.1, -3.0, 2.0]], index=["B1"], columns=["weekend", "evening", "bargain"])
    credit = credited(rows, led([[c] for c in rows], rows.iloc[0]))
    assert largest(rows, credit, CATALOGUE, 2)["feature"].tolist() == ["evening", "bargain"]


def test_a_feature_outside_the_catalogue_goes_by_its_name() -> None:
    assert sentence("weekend", CATALOGUE) == "share of weekend"
    assert sentence("some_other_thing", CATALOGUE) == "some other thing"


def test_features_that_say_the_same_are_one_driver_and_sums_are_kept() -> None:
    rng = np.random.default_rng(4)
    frame = features().assign(again=lambda f: np.exp(f["weekend"]), kind="a", flat=1.0)
    frame["against"] = -frame["weekend"] + rng.normal(0, 0.01, len(frame))
    groups = alike(frame, 0.8)
    assert ["weekend", "again", "against"] in groups
    assert sorted(c for group in groups for c in group) == sorted(frame)
    assert [len(g) for g in alike(frame, 1.0)] == [1] * frame.shape[1]
    parts = pd.DataFrame(rng.normal(size=frame.shape), frame.index, frame.columns)
    parts["again"] *= 5
    credit = credited(parts, led(groups, parts.abs().mean()))
    assert credit.members["again"][0] == "again"
    assert credit.sentence("again", CATALOGUE) == "again (and 2 like it)"
    assert credit.sentence("evening", CATALOGUE) == "share of evening"
    np.testing.assert_allclose(credit.frame.sum(axis=1), parts.sum(axis=1), atol=1e-12)
