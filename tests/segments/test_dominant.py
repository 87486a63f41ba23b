"""Customers are in the segment of the column that is strongest, or told to be in none."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from named_segments import check_contract

from facette.errors import BadInput
from facette.segments.dominant import DominantSegments
from facette.snapshots.catalogue import Feature

SHARES = ["share_grocery", "share_fresh_fish", "share_wine"]
WORDS = {"share_wine": Feature("share_wine", "mix", "share", "", "", "", high="Wine & spirits")}


def dominant(columns: Any = "share_*", measure: str = "level", **changed: Any) -> DominantSegments:
    given = {"least": 0.5, "mixed": "mixed", "none": "nothing known"} | changed
    return DominantSegments(columns, measure, **given)


def customers(seed: int, n: int = 200) -> pd.DataFrame:
    shares = np.random.default_rng(seed).dirichlet([6, 1, 1], n)
    return pd.DataFrame(shares, columns=SHARES).assign(share_of_voice="high", spend=1.0)


@given(st.integers(0, 1000))
def test_the_largest_share_that_is_large_enough_gives_the_segment(seed: int) -> None:
    frame = customers(seed, 50)
    found = dominant().fit(frame).predict(frame)
    largest = frame[SHARES].to_numpy().argmax(axis=1)
    clear = frame[SHARES].max(axis=1) >= 0.5
    names = np.array(["grocery", "fresh fish", "wine"])[largest]
    assert found.tolist() == np.where(clear, names, "mixed").tolist()


def test_by_distance_what_is_large_for_everyone_does_not_win() -> None:
    frame = customers(1)
    by_level = pd.Series(dominant().fit(frame).predict(frame)).value_counts(normalize=True)
    fitted = dominant(measure="distance", least=1.0).fit(frame)
    by_distance = pd.Series(fitted.predict(frame)).value_counts(normalize=True)
    assert by_level["grocery"] > 0.8
    assert 0.1 < by_distance["grocery"] < 0.3
    strong = frame[SHARES].sub(fitted.center_).div(fitted.scale_)
    assert (strong.max(axis=1) >= 1).tolist() == (fitted.predict(frame) != "mixed").tolist()


@pytest.mark.parametrize("measure", ["level", "distance"])
def test_of_whom_nothing_is_known_or_all_is_zero_is_in_none(measure: str) -> None:
    fitted = dominant(measure=measure, least=-9.0).fit(customers(2))
    idle = pd.DataFrame([[np.nan] * 3, [0.0] * 3, [0.0, np.nan, 0.0], [0, 0, 0.4]], columns=SHARES)
    assert fitted.predict(idle).tolist()[:3] == ["nothing known"] * 3
    assert fitted.predict(idle)[3] == "wine"


@pytest.mark.parametrize("measure", ["level", "distance"])
def test_a_customer_is_divided_alike_whatever_stands_beside_them(measure: str) -> None:
    frame = customers(3)
    fitted = dominant(measure=measure).fit(frame)
    whole = fitted.predict(frame)
    assert [fitted.predict(frame[i : i + 1])[0] for i in range(30)] == whole[:30].tolist()
    assert fitted.predict(frame[::-1]).tolist() == whole[::-1].tolist()


def test_names_are_the_words_of_the_catalogue_or_the_cleaned_column() -> None:
    def names(fitted: DominantSegments) -> list[str]:
        return [s["name"] for s in fitted.segments_]

    frame = customers(4)
    assert names(dominant().fit(frame)) == [
        "grocery", "fresh fish", "wine", "mixed", "nothing known",
    ]  # fmt: skip
    assert names(dominant(catalogue=WORDS).fit(frame))[2] == "Wine & spirits"
    assert names(dominant(SHARES[:2]).fit(frame))[:2] == ["share grocery", "share fresh fish"]
    channels = frame.rename(columns=lambda c: c.replace("share_", "started_") + "_share")
    assert names(dominant("started_*_share").fit(channels))[1] == "fresh fish"


def test_columns_of_one_name_keep_their_own() -> None:
    alike = {c: Feature(c, "mix", "share", "", "", "", high="food") for c in SHARES[:2]}
    fitted = dominant(catalogue=alike).fit(customers(5))
    assert [s["id"] for s in fitted.segments_][:3] == [*SHARES[:2], "wine"]


def test_a_column_in_which_nobody_is_strongest_is_said() -> None:
    frame = customers(6).assign(share_wine=0.01)
    assert dominant().fit(frame).notes_ == ["nobody is strongest in wine"]
    by_distance = dominant(measure="distance").fit(frame)
    assert by_distance.notes_ == ["share_wine is left out: the same for all customers"]
    assert by_distance.features_ == SHARES[:2]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"columns": "started_*_share"}, r"^columns: of 'started_\*_share' .* has 0 numeric"),
        ({"columns": "*wine"}, r"^columns: .* has 1 numeric columns to compare, and 2"),
        ({"columns": ["share_wine", "share_tools"]}, "^columns: the snapshot has no column share_"),
        ({"columns": [*SHARES, "share_of_voice"]}, "^columns: share_of_voice holds no numbers"),
        ({"measure": "depth"}, "^measure: 'depth' is neither level nor distance"),
        ({"mixed": "wine"}, "^mixed, none: 'wine' would be the name of two segments"),
    ],
)
def test_columns_that_cannot_be_compared_are_refused_in_one_line(
    changed: dict[str, Any], told: str
) -> None:
    with pytest.raises(BadInput, match=told) as error:
        dominant(**changed).fit(customers(7))
    assert "\n" not in str(error.value)


def test_what_was_fitted_is_told_in_plain_json() -> None:
    plain = dominant(measure="distance").fit(customers(8)).plain()
    assert json.loads(json.dumps(plain)) == plain
    assert [c["column"] for c in plain["columns"]] == SHARES


def test_dominant_segments_keep_the_contract_of_scikit_learn() -> None:
    one = "what is strongest of a single column is no question"
    segments = DominantSegments("x*", "level", 0.5, "mixed", "none")
    check_contract(segments, check_fit2d_1feature=one)
