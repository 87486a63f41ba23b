"""Scores of recency, frequency and money are in frozen bands, each combination has a class."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from named_segments import check_contract

from facette.errors import BadInput
from facette.segments.rfm import CLASSES, NEVER, RfmSegments


def rfm(frequency: str | None = None, bands: int = 5) -> RfmSegments:
    return RfmSegments("recency_days", frequency, "value_current", bands)


def customers(seed: int, n: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    often = rng.gamma(2, 10, n)
    return pd.DataFrame(
        {
            "recency_days": rng.gamma(1, 40, n),
            "active_days_91d": np.round(often / 2),
            "active_days_364d": often,
            "active_days_spring": 1.0,
            "value_current": rng.gamma(1, 100, n),
        }
    )


@given(st.integers(0, 1000), st.integers(2, 7))
def test_scores_are_in_bands_of_about_equal_size(seed: int, bands: int) -> None:
    frame = customers(seed)
    scores = rfm(bands=bands).fit(frame).transform(frame)
    assert list(scores) == ["recency", "frequency", "money"]
    for name in scores:
        sizes = scores[name].value_counts(normalize=True)
        assert sorted(sizes.index) == list(range(1, bands + 1))
        assert (np.abs(sizes - 1 / bands) < 0.02).all()


def test_who_came_lately_often_and_spent_scores_high() -> None:
    frame = customers(1)
    scores = rfm().fit(frame).transform(frame)
    assert scores.loc[frame["recency_days"].idxmin(), "recency"] == 5
    assert scores.loc[frame["active_days_364d"].idxmax(), "frequency"] == 5
    assert scores.loc[frame["value_current"].idxmin(), "money"] == 1


def test_frequency_is_told_by_the_longest_window_unless_named() -> None:
    frame = customers(2)
    assert rfm().fit(frame).columns_["frequency"] == "active_days_364d"
    assert rfm("active_days_91d").fit(frame).columns_["frequency"] == "active_days_91d"


def test_bands_stay_where_they_were_fitted() -> None:
    frame = customers(3)
    fitted = rfm().fit(frame)
    pd.testing.assert_frame_equal(fitted.transform(frame[40:41]), fitted.transform(frame)[40:41])
    whole = fitted.predict(frame)
    assert [fitted.predict(frame[i : i + 1])[0] for i in range(30)] == whole[:30].tolist()


def test_every_class_is_listed_and_found() -> None:
    frame = customers(4, 2000)
    fitted = rfm().fit(frame)
    assert [s["id"] for s in fitted.segments_] == [*CLASSES, NEVER]
    assert set(fitted.predict(frame)) == set(CLASSES)


def test_who_never_bought_is_a_class_apart_and_does_not_move_the_bands() -> None:
    frame = customers(5)
    leads = pd.DataFrame(0.0, index=range(500), columns=list(frame)).assign(recency_days=np.nan)
    both = pd.concat([frame, leads], ignore_index=True)
    alone, together = rfm().fit(frame), rfm().fit(both)
    assert alone.cuts_ == together.cuts_
    found = together.predict(both)
    assert set(found[len(frame) :]) == {NEVER}
    assert NEVER not in found[: len(frame)]


def test_fewer_bands_than_asked_for_are_said() -> None:
    frame = customers(6).assign(active_days_364d=np.r_[np.zeros(290), np.ones(10)])
    assert rfm().fit(frame).notes_ == [
        "frequency has 2 of 5 bands: many customers have the same active_days_364d"
    ]


@pytest.mark.parametrize(
    ("dropped", "told"),
    [
        (["recency_days"], "^recency: the snapshot has no column recency_days"),
        (["active_days_91d", "active_days_364d"], "^frequency: the snapshot has no column active"),
        (["value_current"], "^money: the snapshot has no column value_current"),
    ],
)
def test_a_column_that_is_absent_is_refused_in_one_line(dropped: list[str], told: str) -> None:
    with pytest.raises(BadInput, match=told) as error:
        rfm().fit(customers(7).drop(columns=dropped))
    assert "\n" not in str(error.value)


def test_what_no_band_can_be_made_of_is_refused() -> None:
    with pytest.raises(BadInput, match="^money: value_current is known of none of 300 customers"):
        rfm().fit(customers(8).assign(value_current=np.nan))
    with pytest.raises(BadInput, match="^bands: 1 is out of range"):
        rfm(bands=1).fit(customers(8))


def test_bands_are_told_in_plain_json() -> None:
    plain = rfm().fit(customers(9)).plain()
    assert json.loads(json.dumps(plain)) == plain
    assert [len(cuts) for cuts in plain["cuts"].values()] == [4, 4, 4]


def test_rfm_keeps_the_contract_of_scikit_learn() -> None:
    scores = "scores come as a frame, with a name for each"
    check_contract(RfmSegments("x0", "x0", "x0", 3), check_transformer_preserve_dtypes=scores)
