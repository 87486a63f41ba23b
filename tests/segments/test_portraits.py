"""Cards of segments: what they say is what the customers are."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from facette.segments.applied import Applied
from facette.segments.portraits import effect_sizes, portraits
from facette.snapshots.catalogue import Feature

N = 300
RANDOM = np.random.default_rng(3)
CUSTOMERS = pd.Index([f"c{i:03d}" for i in range(N)], name="customer_id")
IN_WEB = np.arange(N) < 120


def feature(name: str, **more: object) -> Feature:
    return Feature(name, "relation", "share", f"what {name} says", "", "made", **more)  # type: ignore[arg-type]


CATALOGUE = {
    f.name: f
    for f in (
        feature("visits", high="many visits", low="few visits"),
        feature("visits_again"),
        feature("noise"),
        feature("constant"),
        feature("home", category=True),
        feature("started_web_share"),
        feature("started_phone_share"),
        feature("basket"),
    )
}


class Fitted:
    features_ = ("visits",)


@pytest.fixture
def frame() -> pd.DataFrame:
    visits = np.where(IN_WEB, 3.0, 1.0) + RANDOM.normal(0, 1, N)
    web = np.where(IN_WEB, 0.8, 0.1)
    return pd.DataFrame(
        {
            "visits": visits,
            "visits_again": 2 * visits + RANDOM.normal(0, 0.1, N),
            "noise": RANDOM.normal(0, 1, N),
            "constant": 1.0,
            "home": "owner",
            "started_web_share": web,
            "started_phone_share": 1 - web,
            "basket": np.where(IN_WEB, 5.0, 4.0) + RANDOM.normal(0, 1, N),
        },
        CUSTOMERS,
    )


@pytest.fixture
def scored() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": CUSTOMERS,
            "value_expected": np.where(IN_WEB, 20.0, 10.0) - 30.0 * (np.arange(N) < 7),
            "churn_probability": np.where(IN_WEB, 0.2, 0.4),
        }
    )


@pytest.fixture
def cut() -> Applied:
    now = pd.Series(np.where(IN_WEB, "web", "shop"), CUSTOMERS)
    before = now.iloc[10:].copy()
    before.iloc[:20] = "shop"
    confidence = pd.Series(np.linspace(0.5, 1, N)[::-1], CUSTOMERS)
    names = {"web": "On the web", "shop": "In the shop", "empty": "Nobody"}
    return Applied(
        "places", "a priori", "channel", names, before, now, {"web": 0.9, "shop": 0.7},
        confidence, confidence < 0.55, Fitted(),
    )  # fmt: skip


@pytest.fixture
def cards(cut: Applied, frame: pd.DataFrame, scored: pd.DataFrame) -> dict[str, dict]:
    return {card["id"]: card for card in portraits(cut, frame, CATALOGUE, scored)}


def test_cards_are_plain_json_one_for_each_segment(cards: dict[str, dict]) -> None:
    assert list(cards) == ["web", "shop", "empty"]
    assert json.loads(json.dumps(cards, allow_nan=False)) == cards


def test_sizes_and_shares_of_value_add_up_to_the_base(cards: dict[str, dict]) -> None:
    assert sum(card["customers"] for card in cards.values()) == N
    assert sum(card["share"] for card in cards.values()) == pytest.approx(1)
    assert sum(card["value_share"] for card in cards.values()) == pytest.approx(1)
    assert cards["web"]["churn_mean"] == pytest.approx(0.2)
    assert cards["web"]["headroom_mean"] is None


def test_customers_who_cost_more_than_they_bring_are_counted(
    cards: dict[str, dict], cut: Applied, frame: pd.DataFrame, scored: pd.DataFrame
) -> None:
    assert (cards["web"]["negative_value"], cards["shop"]["negative_value"]) == (7, 0)
    without = portraits(cut, frame, CATALOGUE, scored.drop(columns="value_expected"))
    assert without[0]["negative_value"] is None
    assert without[0]["value_share"] is None


def test_an_effect_is_the_difference_in_pooled_standard_deviations(frame: pd.DataFrame) -> None:
    labels = pd.Series(np.where(IN_WEB, "web", "shop"), CUSTOMERS)
    found = effect_sizes(frame[["visits", "noise"]], labels)
    mine, others = frame["visits"][IN_WEB], frame["visits"][~IN_WEB]
    pooled = np.sqrt((119 * mine.var() + 179 * others.var()) / 298)
    assert found.loc["web", "visits"] == pytest.approx((mine.mean() - others.mean()) / pooled)
    assert found.loc["shop", "visits"] == pytest.approx(-found.loc["web", "visits"])
    assert abs(found.loc["web", "noise"]) < 0.5


def test_what_is_known_of_few_or_of_everyone_alike_sets_nobody_apart(frame: pd.DataFrame) -> None:
    labels = pd.Series(np.where(IN_WEB, "web", "shop"), CUSTOMERS)
    rare = frame[["visits"]].copy()
    rare.iloc[50:120] = np.nan
    assert np.isnan(effect_sizes(rare, labels).loc["web", "visits"])
    everyone = pd.Series("all", CUSTOMERS)
    assert effect_sizes(frame[["visits"]], everyone).isna().all(axis=None)


def test_what_tells_a_segment_wholly_apart_comes_first_and_has_no_number(
    cards: dict[str, dict],
) -> None:
    first = cards["web"]["apart"][0]
    assert (first["feature"], first["effect"]) == ("started_web_share", None)
    assert first["above"]
    assert first["mean"] == pytest.approx(0.8)


def test_features_that_say_the_same_are_told_once_and_noise_never(cards: dict[str, dict]) -> None:
    told = [row["feature"] for row in cards["web"]["apart"]]
    assert len({"visits", "visits_again"} & set(told)) == 1
    assert not {"constant", "home"} & set(told)
    assert "started_phone_share" not in told  # the mirror of the web's


def test_what_differs_though_not_used_leaves_out_what_was(cards: dict[str, dict]) -> None:
    unused = {row["feature"] for row in cards["web"]["unused"]}
    assert "visits" not in unused
    assert {"visits_again", "basket"} <= unused


def test_words_follow_the_side(cut: Applied, frame: pd.DataFrame, scored: pd.DataFrame) -> None:
    narrow = frame[["visits"]]
    web, shop, _ = portraits(cut, narrow, CATALOGUE, scored)
    assert web["apart"][0]["words"] == "many visits"
    assert shop["apart"][0]["words"] == "few visits"


def test_channel_mix_is_of_started_contacts_or_not_known(
    cards: dict[str, dict], cut: Applied, frame: pd.DataFrame, scored: pd.DataFrame
) -> None:
    mix = cards["web"]["channels"]
    assert [row["channel"] for row in mix] == ["web", "phone"]
    assert [row["share"] for row in mix] == pytest.approx([0.8, 0.2])
    assert portraits(cut, frame[["visits"]], CATALOGUE, scored)[0]["channels"] is None


def test_typical_customers_stand_nearer_the_middle_than_most(
    cards: dict[str, dict], frame: pd.DataFrame
) -> None:
    own = frame["visits"][IN_WEB]
    far = (own - own.median()).abs()
    assert far[cards["web"]["typical"]].mean() < far.median()


def test_borderline_customers_are_the_least_sure_and_never_typical(
    cards: dict[str, dict], cut: Applied, frame: pd.DataFrame, scored: pd.DataFrame
) -> None:
    assert cards["web"]["borderline"] == ["c119", "c118", "c117"]
    assert not set(cards["web"]["borderline"]) & set(cards["web"]["typical"])
    sure = replace(cut, confidence=pd.Series(1.0, CUSTOMERS))
    assert portraits(sure, frame, CATALOGUE, scored)[0]["borderline"] == []


def test_movement_counts_who_came_went_and_is_new(cards: dict[str, dict], cut: Applied) -> None:
    web, shop = cards["web"], cards["shop"]
    assert (web["came"], web["went"], web["new"], web["gone"]) == (20, 0, 10, 0)
    assert (shop["came"], shop["went"]) == (0, 20)
    assert web["trend"] == pytest.approx(web["share"] - web["share_before"])
    before = int((cut.training == "web").sum())
    assert before + web["came"] + web["new"] - web["went"] - web["gone"] == web["customers"]


def test_halves_without_a_common_customer_have_no_movement(
    cut: Applied, frame: pd.DataFrame, scored: pd.DataFrame
) -> None:
    halves = replace(cut, training=cut.training.add_prefix("x"))
    card = portraits(halves, frame, CATALOGUE, scored)[0]
    assert card["trend"] is None
    assert card["came"] is None


def test_stability_has_its_word_and_an_empty_segment_has_none(cards: dict[str, dict]) -> None:
    assert cards["web"]["verdict"] == "highly stable"
    assert cards["shop"]["verdict"] == "doubtful"
    empty = cards["empty"]
    assert (empty["customers"], empty["verdict"], empty["typical"]) == (0, None, [])
