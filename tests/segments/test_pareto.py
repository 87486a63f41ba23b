"""Tiers hold the shares asked for, stay where they were cut, and say what they bring."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from named_segments import check_contract
from packaged import tier

from facette.errors import BadInput
from facette.segments.pareto import TierSegments

NAMES, SHARES = ["top", "middle", "small"], [0.05, 0.15, 0.80]


def tiers(column: str = "spend", shares: list[float] = SHARES) -> TierSegments:
    return TierSegments(column, NAMES, shares)


def customers(seed: int, n: int = 400) -> pd.DataFrame:
    spend = np.random.default_rng(seed).lognormal(4, 1.2, n)
    return pd.DataFrame({"spend": spend, "region": "West", "blank": np.nan, "one": 3.0})


@given(st.integers(0, 1000), st.sampled_from([SHARES, [0.2, 0.3, 0.5], [0.6, 0.3, 0.1]]))
def test_each_tier_holds_its_share_from_the_top_down(seed: int, shares: list[float]) -> None:
    frame = customers(seed)
    found = pd.Series(tiers(shares=shares).fit(frame).predict(frame))
    assert found.value_counts()[NAMES].tolist() == [round(s * len(frame)) for s in shares]
    lowest = frame["spend"].groupby(found.to_numpy()).min()
    highest = frame["spend"].groupby(found.to_numpy()).max()
    assert lowest["top"] > highest["middle"]
    assert lowest["middle"] > highest["small"]


def test_tiers_say_what_share_of_the_whole_they_bring() -> None:
    frame = pd.DataFrame({"spend": [60.0, 15.0, 15.0, 2.0, 2.0, 2.0, 2.0, 1.0, 1.0, 0.0]})
    fitted = tiers(shares=[0.1, 0.2, 0.7]).fit(frame)
    assert fitted.brings_ == pytest.approx({"top": 0.6, "middle": 0.3, "small": 0.1})


def test_what_tiers_bring_to_a_loss_is_not_told() -> None:
    fitted = tiers().fit(pd.DataFrame({"spend": np.arange(-100.0, 0)}))
    assert all(np.isnan(share) for share in fitted.brings_.values())
    assert set(fitted.plain()["brings"].values()) == {None}


def test_cuts_do_not_move_with_the_frame_at_hand() -> None:
    frame = customers(2)
    fitted = tiers().fit(frame)
    whole = fitted.predict(frame)
    assert [fitted.predict(frame[i : i + 1])[0] for i in range(30)] == whole[:30].tolist()
    assert set(fitted.predict(frame.assign(spend=frame["spend"] * 1e6))) == {"top"}


def test_tiers_are_those_of_the_packaged_model() -> None:
    frame = customers(3)
    frame.loc[::7, "spend"] = np.nan
    fitted = tiers().fit(frame)
    assert fitted.predict(frame).tolist() == tier(frame["spend"], fitted.cuts_, NAMES)
    assert fitted.notes_ == ["spend is not known of 58 customers: small"]


def test_a_tier_that_ties_keep_from_its_share_is_said() -> None:
    frame = pd.DataFrame({"spend": np.r_[np.zeros(90), np.arange(1.0, 11)]})
    fitted = tiers().fit(frame)
    assert pd.Series(fitted.predict(frame)).value_counts()["small"] == 90
    assert fitted.notes_ == [
        f"tier {name} holds {held} of customers rather than {wanted}: many have the same spend"
        for name, held, wanted in (("middle", "5.0%", "15.0%"), ("small", "90.0%", "80.0%"))
    ]


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ("spent", "^column: the snapshot has no column spent; did you mean 'spend'"),
        ("region", "^column: region holds no numbers"),
        ("blank", "^column: blank is known of none of 400 customers"),
        ("one", "^column: one is 3 for all customers"),
    ],
)
def test_a_column_that_makes_no_tiers_is_refused_in_one_line(column: str, told: str) -> None:
    with pytest.raises(BadInput, match=told) as error:
        tiers(column).fit(customers(4))
    assert "\n" not in str(error.value)


def test_names_and_shares_have_to_fit_each_other() -> None:
    with pytest.raises(BadInput, match=r"^shares: 3 names for 2 shares"):
        tiers(shares=[0.5, 0.5]).fit(customers(5))
    with pytest.raises(BadInput, match=r"^names: .* has a name twice"):
        TierSegments("spend", ["a", "a"], [0.5, 0.5]).fit(customers(5))


def test_tiers_are_told_in_plain_json() -> None:
    fitted = tiers().fit(customers(6))
    plain = fitted.plain()
    assert json.loads(json.dumps(plain)) == plain
    assert [s["name"] for s in fitted.segments_] == plain["names"] == NAMES


def test_tiers_keep_the_contract_of_scikit_learn() -> None:
    one = "a single customer can't be divided, which is told in our own words"
    check_contract(TierSegments("x0", ["a", "b"], [0.2, 0.8]), check_fit2d_1sample=one)
