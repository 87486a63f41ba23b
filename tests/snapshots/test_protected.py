"""What is protected is no feature, whatever its name; it is carried beside them, and named."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from worlds import Frames, admitted, at, churn_settings, data, panel_settings, shop, spec_at

from facette.errors import BadInput
from facette.models.validation import seen_by_models
from facette.segments.applied import known_at
from facette.snapshots.catalogue import catalogue
from facette.snapshots.panel import Panel, panel, snapshot_at
from facette.snapshots.protected import (
    FEW,
    for_scoring,
    groups_of,
    kept_out,
    looks_protected,
    unexplained,
)
from facette.snapshots.spec import SnapshotSpec

STATIC = ["region", "mood"]
DATE = "2021-07-05"


@pytest.fixture(scope="module")
def frames() -> Frames:
    return shop(seed=8, late=False)


def panel_of(frames: Frames, **protected: str | None) -> Panel:
    settings = panel_settings(protected=protected)
    return panel(admitted(frames), settings, churn_settings(), data(static_attributes=STATIC))


def refusal(frames: Frames, **protected: str | None) -> str:
    with pytest.raises(BadInput) as error:
        panel_of(frames, **protected)
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


def test_what_is_kept_out_is_beside_the_features_and_seen_by_nothing(frames: Frames) -> None:
    usual, made = panel_of(frames), panel_of(frames, region=None, recency_days=None)
    out = ["region", "recency_days"]
    assert not set(out) & set(catalogue(made.spec))
    for before, snapshot in zip(usual.snapshots, made.snapshots, strict=True):
        for seen in (snapshot.features, seen_by_models(snapshot), known_at(snapshot)):
            assert not set(out) & set(seen)
        assert snapshot.protected is not None
        pd.testing.assert_frame_equal(snapshot.protected, before.features[out])
        pd.testing.assert_frame_equal(snapshot.features, before.features.drop(columns=out))
    assert any("kept out of all models and segments" in note for note in made.notes)


def test_what_has_a_reason_stays_a_feature_and_the_reason_is_said(frames: Frames) -> None:
    made = panel_of(frames, region="rates by region are allowed by the code")
    assert "region" in made.test.features
    assert made.test.protected is None
    assert any("rates by region are allowed" in note for note in made.notes)


def test_when_customers_came_is_kept_out_under_the_name_of_its_column(frames: Frames) -> None:
    made = panel_of(frames, acquired_at=None)
    assert "tenure_days" not in made.test.features
    assert made.test.protected is not None
    assert list(made.test.protected) == ["tenure_days"]


def test_nothing_protected_leaves_snapshots_as_they_are(frames: Frames) -> None:
    made = panel_of(frames)
    assert made.test.protected is None
    assert made.test.digest() == replace(made.test, protected=None).digest()
    assert made.test.digest() != panel_of(frames, mood=None).test.digest()


def test_rows_stay_together_when_some_are_kept(frames: Frames) -> None:
    test = panel_of(frames, mood=None).test
    kept = test.keep(np.arange(len(test)) % 3 == 0)
    assert kept.protected is not None
    assert kept.protected.index.equals(kept.features.index)


def test_an_attribute_that_is_no_feature_anyway_may_be_named(frames: Frames) -> None:
    settings = panel_settings(protected={"mood": None})
    made = panel(admitted(frames), settings, churn_settings(), data(static_attributes=["region"]))
    assert "mood" not in made.test.features
    assert made.test.protected is None


@pytest.mark.parametrize("reason", [None, "a reason in words"])
def test_a_name_that_is_nowhere_is_refused_as_it_protects_nobody(
    frames: Frames, reason: str | None
) -> None:
    said = refusal(frames, regoin=reason)
    assert "regoin" in said
    assert "did you mean 'region'?" in said


@pytest.mark.parametrize("reason", ["", " ", "yes", "True"])
def test_a_reason_that_gives_none_is_refused(frames: Frames, reason: str) -> None:
    assert "no reason" in refusal(frames, region=reason)


def test_a_perimeter_may_be_drawn_by_what_is_kept_out(frames: Frames) -> None:
    settings = panel_settings(protected={"mood": None}, perimeter="mood == 'calm'")
    source = data(static_attributes=STATIC)
    made = panel(admitted(frames), settings, churn_settings(), source)
    assert made.test.protected is not None
    assert set(made.test.protected["mood"]) == {"calm"}


def test_scoring_needs_no_column_that_is_kept_out(frames: Frames) -> None:
    spec = spec_at(admitted(frames), at(DATE), static_attributes=STATIC, protected={"mood": None})
    without = {**frames, "customers": frames["customers"].drop("mood")}
    stored = for_scoring(SnapshotSpec.from_dict(spec.as_dict()), None)
    made = snapshot_at(admitted(without), at(DATE), stored, None, with_outcomes=False)
    usual = snapshot_at(admitted(frames), at(DATE), spec, None, with_outcomes=False)
    pd.testing.assert_frame_equal(made.features, usual.features)
    assert made.protected is None


def test_scoring_brings_what_its_perimeter_asks_for_and_no_feature_of_it(frames: Frames) -> None:
    spec = spec_at(
        admitted(frames), at(DATE), static_attributes=STATIC,
        protected={"mood": None, "region": None, "recency_days": None},
    )  # fmt: skip
    stored = for_scoring(spec, "mood == 'calm'")
    assert stored.attributes == ("mood", "acquired_at")
    made = snapshot_at(admitted(frames), at(DATE), stored, "mood == 'calm'", with_outcomes=False)
    assert set(made.features) == set(catalogue(spec))


def test_what_is_kept_out_and_wanted_stays_to_be_told_by(frames: Frames) -> None:
    spec = spec_at(admitted(frames), at(DATE), static_attributes=STATIC,
                   protected={"mood": None, "acquired_at": None})  # fmt: skip
    assert for_scoring(spec, None, ["mood", "acquired_at"]) == spec
    assert for_scoring(spec, None, ["acquired_at"]) == replace(
        spec, attributes=tuple(a for a in spec.attributes if a != "mood"),
        protected=("tenure_days",),
    )  # fmt: skip


def test_versions_from_before_there_were_protected_names_are_read(frames: Frames) -> None:
    spec = spec_at(admitted(frames), at(DATE), static_attributes=STATIC)
    old = {name: value for name, value in spec.as_dict().items() if name != "protected"}
    assert SnapshotSpec.from_dict(old) == spec
    assert for_scoring(SnapshotSpec.from_dict(old), None) == spec


@pytest.mark.parametrize(
    "name", ["age", "age_band", "Date of Birth", "birth_date", "gender", "SexCode", "SeniorCitizen",
             "marital_status", "Nationalité", "answer_religion", "date_naissance"],
)  # fmt: skip
def test_usual_names_look_protected(name: str) -> None:
    assert looks_protected(name)


@pytest.mark.parametrize("name", ["average", "page_views", "essex_store", "contract", "usage"])
def test_words_that_only_hold_such_a_name_do_not(name: str) -> None:
    assert not looks_protected(name)


def test_features_that_look_protected_are_named_until_something_is_said(frames: Frames) -> None:
    people = frames["customers"].rename({"mood": "gender"})
    tables = admitted({**frames, "customers": people})
    for said, named in (({}, ["gender"]), ({"gender": None}, []), ({"gender": "the law"}, [])):
        spec = spec_at(tables, at(DATE), static_attributes=["gender", "region"], protected=said)
        assert unexplained(spec, said) == named


def test_few_values_are_groups_and_many_numbers_are_bands_of_equal_mass() -> None:
    words = groups_of(pd.Series(["f", None, "m"], dtype="str"))
    assert words.tolist() == ["f", "not known", "m"]
    assert groups_of(pd.Series([1.0, 0.0, np.nan])).tolist() == ["1", "0", "not known"]
    ages = pd.Series([str(age) for age in range(100)], dtype="str")
    bands = groups_of(ages)
    assert bands.value_counts().tolist() == [20] * 5
    assert (bands[0], bands[99]) == ("0 to 19", "80 to 99")
    born = [(pd.Timestamp("1940-01-01") + timedelta(days=300 * i)).isoformat() for i in range(90)]
    assert groups_of(pd.Series(born, dtype="str"))[0].startswith("1940 to ")
    assert groups_of(pd.Series([None, None], dtype="str")).tolist() == ["not known"] * 2
    assert groups_of(pd.Series(np.arange(FEW) / 1.0)).nunique() == FEW


def test_nothing_is_said_where_nothing_is_protected() -> None:
    notes: list[str] = []
    assert kept_out({}, ["a"], [], notes) == ()
    assert not notes
