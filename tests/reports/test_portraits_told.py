"""Cards of every segmentation on the page."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from stories import full_story

from facette.reports.cards import segment_cards
from facette.reports.page import render
from facette.reports.portraits import MOST_CARDS, folds, movement, with_portraits
from facette.reports.side_by_side import segments_of
from facette.reports.story import Story
from facette.segments.applied import Applied
from facette.segments.side_by_side import SideBySide
from facette.segments.three_tests import Judged

HOSTILE = "<script>alert(1)</script>"
FIGURES = dict.fromkeys(
    ("stability_min", "stay", "unsure", "segments", "smallest_share", "at_stake", "reach",
     "same_treatment"), 0.5,
)  # fmt: skip


def effect(**more: Any) -> dict[str, Any]:
    told = {"feature": "gap", "sentence": "days between visits", "words": "rare visits"}
    return told | {"above": True, "effect": 0.6, "mean": 9.0, "others_mean": 5.0} | more


def portrait(**more: Any) -> dict[str, Any]:
    return {
        "segmentation": "places", "id": "shop", "name": "In the shop", "customers": 120,
        "share": 0.12, "value_share": 0.2, "value_mean": 41.5, "headroom_mean": None,
        "churn_mean": 0.1, "negative_value": 7, "channels": None, "apart": [effect()],
        "unused": [effect(sentence="baskets", words="", above=False, effect=-0.4)],
        "typical": ["c1", "c2", "c3"], "borderline": [], "share_before": 0.1, "trend": 0.02,
        "came": 30, "went": 8, "new": 0, "gone": 2, "stability": 0.8, "verdict": "stable",
    } | more  # fmt: skip


@pytest.fixture
def story() -> Story:
    told = full_story()
    labels = pd.Series(["shop"] * 4, list("abcd"))
    sure = pd.Series(1.0, labels.index)
    cut = Applied("places", "a priori", "channel", {"shop": "In the shop"}, labels, labels,
                  {"shop": 0.8}, sure, sure < 0.5, None)  # fmt: skip
    passed = {"pertinent": True, "measurable": True, "practical": True}
    judged = Judged("places", {}, None, None, FIGURES, passed, "Worth keeping.")
    bill = {"segmentation": ["places"], "cells": [1], "filled": [1], "below_floor": [0]}
    told.side_by_side = SideBySide(
        [cut], {"places": judged}, pd.DataFrame(), pd.DataFrame(np.eye(1)), [],
        pd.DataFrame(bill), {},
    )  # fmt: skip
    scored = pd.DataFrame({"customer_id": labels.index, "value_expected": 10.0})
    told.their_segments = segments_of(told.side_by_side, scored)
    told.portraits = {"places": [portrait()]}
    return told


def test_a_card_says_what_is_known_and_leaves_out_what_is_not(story: Story) -> None:
    fold = folds(story)[0]
    facts, lines = dict(fold.cards[0].facts), dict(fold.cards[0].lines)
    assert (fold.title, fold.about) == ("Places", "a priori, for channel")
    assert facts["Value below 0"] == "7 customers"
    assert "Headroom" not in facts
    assert lines["Contacts the customer starts"] == "channels not known"
    assert lines["Typical customers"] == "c1, c2, c3"
    assert lines["Borderline customers"].startswith("none")
    assert fold.cards[0].stability == "stable, 0.80"


def test_the_largest_channels_are_named_and_the_rest_summed_up(story: Story) -> None:
    shares = {"app": 0.4, "web": 0.3, "phone": 0.1, "branch": 0.1, "chat": 0.06, "mail": 0.04}
    mix = [{"channel": c, "sentence": c, "share": s} for c, s in shares.items()]
    story.portraits = {"places": [portrait(channels=mix)]}
    said = dict(folds(story)[0].cards[0].lines)["Contacts the customer starts"]
    assert said == "app 40%, web 30%, phone 10%, branch 10%, other 10%"


def test_movement_says_only_what_happened() -> None:
    said = movement(portrait())
    assert said == (
        "+2.0 points of the base, from 10.0%; 30 came from other segments, 8 went to others, "
        "2 no longer in the base"
    )
    assert "no earlier date" in movement(portrait(trend=None))


def test_what_tells_wholly_apart_has_a_full_bar(story: Story) -> None:
    story.portraits = {"places": [portrait(apart=[effect(effect=None, above=False)])]}
    trait = folds(story)[0].cards[0].traits[0]
    assert (trait.distance, trait.bar) == ("wholly below", -100)
    assert trait.label == "rare visits: days between visits"


def test_many_segments_show_the_largest_in_their_order(story: Story) -> None:
    told = [portrait(id=f"s{i}", name=f"s{i}", customers=i) for i in range(MOST_CARDS + 6)]
    story.portraits = {"places": told}
    fold = folds(story)[0]
    assert [card.name for card in fold.cards] == [f"S{i}" for i in range(6, MOST_CARDS + 6)]
    assert fold.left == 5  # the one without customers is nowhere


def test_cards_of_behaviour_get_what_they_lack(story: Story) -> None:
    first = story.segmentation.segments.index[0]
    plain = segment_cards(story)
    story.portraits = {"behaviour": [portrait(id=first)]}
    richer = with_portraits(plain, story)
    assert richer[0].facts[: len(plain[0].facts)] == plain[0].facts
    assert [trait.label for trait in richer[0].unused] == ["baskets"]
    assert richer[0].lines
    assert richer[1:] == plain[1:]
    assert folds(story) == []


def test_the_page_holds_the_cards_escaped(story: Story) -> None:
    hostile = portrait(name=HOSTILE, typical=[HOSTILE], apart=[effect(sentence=HOSTILE)])
    story.portraits = {"places": [hostile]}
    page = render(story)
    assert HOSTILE not in page
    assert page.count("&lt;script&gt;alert(1)") >= 3
    assert 'id="places-1"' in page
