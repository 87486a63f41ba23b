"""Portraits of segments as cards: of every segmentation, and what the cards of behaviour lack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from facette.reports.cards import FULL_BAR, TONES, Card, Trait
from facette.reports.side_by_side import title_of
from facette.reports.story import Story
from facette.reports.words import NOT_AVAILABLE, capital, missing, money, number, plain, share

MOST_CARDS = 24  # of one segmentation
MOST_TRAITS = 4
MOST_CHANNELS = 4
BEHAVIOUR = "behaviour"
Portrait = Mapping[str, Any]


@dataclass
class Fold:
    """The cards of one segmentation, folded: its title, what it is, and how many are left out."""

    name: str
    title: str
    about: str
    cards: list[Card]
    left: int


def with_portraits(cards: Sequence[Card], story: Story) -> list[Card]:
    """The cards of behaviour segments with what only their portraits know."""
    if story.segmentation is None:
        return list(cards)
    told = {portrait["id"]: portrait for portrait in story.portraits.get(BEHAVIOUR, [])}
    ids = story.segmentation.segments.index
    return [
        replace(
            card,
            facts=[*card.facts, *_negative(told[segment])],
            unused=_traits(told[segment]["unused"], MOST_TRAITS - 1),
            lines=_lines(told[segment]),
        )
        if segment in told
        else card
        for card, segment in zip(cards, ids, strict=True)
    ]


def folds(story: Story) -> list[Fold]:
    """A fold for each segmentation but behaviour, the cards of its segments that have customers."""
    if story.side_by_side is None:
        return []
    kinds = story.side_by_side.by_name
    return [
        _fold(story, name, f"{kinds[name].kind}, for {kinds[name].purpose}", told)
        for name, told in story.portraits.items()
        if name != BEHAVIOUR
    ]


def _fold(story: Story, name: str, about: str, told: Sequence[Portrait]) -> Fold:
    held = [portrait for portrait in told if portrait["customers"]]
    largest = sorted(held, key=lambda portrait: -portrait["customers"])[:MOST_CARDS]
    shown = [portrait for portrait in held if portrait in largest]
    cards = [_card(story, f"{name}-{place}", p) for place, p in enumerate(shown, 1)]
    return Fold(name, title_of(name), about, cards, len(held) - len(shown))


def _card(story: Story, anchor: str, told: Portrait) -> Card:
    size = f"{number(told['customers'])} customers, {share(told['share'])} of the base"
    named = told["name"] == told["id"]
    return Card(
        anchor=anchor,
        name=capital(str(told["name"])),
        size=size if named else f"{told['id']}: {size}",
        stability=_stability(told),
        tone=TONES.get(str(told["verdict"]), "unknown"),
        facts=[*_facts(story, told), *_negative(told)],
        traits=_traits(told["apart"], MOST_TRAITS),
        outcome=[],
        lines=_lines(told),
    )


def _stability(told: Portrait) -> str:
    if missing(told["stability"]):
        return "stability not available"
    return f"{told['verdict']}, {number(told['stability'], 2)}"


def _facts(story: Story, told: Portrait) -> list[tuple[str, str]]:
    written = {
        "value_share": ("Share of expected value", share(told["value_share"])),
        "value_mean": ("Expected value", money(told["value_mean"], story.currency)),
        "headroom_mean": ("Headroom", money(told["headroom_mean"], story.currency)),
        "churn_mean": ("Churn probability", share(told["churn_mean"])),
    }
    return [fact for name, fact in written.items() if not missing(told[name])]


def _negative(told: Portrait) -> list[tuple[str, str]]:
    count = told["negative_value"]
    return [] if count is None else [("Value below 0", f"{number(count)} customers")]


def _traits(told: Sequence[Portrait], most: int) -> list[Trait]:
    return [_trait(effect) for effect in told[:most]]


def _trait(told: Portrait) -> Trait:
    side = 1 if told["above"] else -1
    label = f"{told['words']}: {told['sentence']}" if told["words"] else told["sentence"]
    if told["effect"] is None:
        return Trait(label, "wholly above" if side > 0 else "wholly below", side * 100)
    bar = max(-1.0, min(1.0, told["effect"] / FULL_BAR)) * 100
    return Trait(label, f"{number(told['effect'], 1, signed=True)} sd", round(bar))


def _lines(told: Portrait) -> list[tuple[str, str]]:
    lines = [
        ("Contacts the customer starts", _channels(told["channels"])),
        ("Since the last date", movement(told)),
        ("Typical customers", ", ".join(told["typical"])),
        ("Borderline customers", ", ".join(told["borderline"]) or "none: all are assigned alike"),
    ]
    return [(label, text) for label, text in lines if text]


def _channels(mix: Sequence[Portrait] | None) -> str:
    if mix is None:
        return "channels not known"
    held = [row for row in mix if row["share"] > 0]
    told = [f"{plain(row['channel']).lower()} {share(row['share'], 0)}" for row in held]
    rest = sum(row["share"] for row in held[MOST_CHANNELS:])
    return ", ".join([*told[:MOST_CHANNELS], *([f"other {share(rest, 0)}"] if rest else [])])


def movement(told: Portrait) -> str:
    """How a segment grew since the last date, in words."""
    if told["trend"] is None:
        return f"{NOT_AVAILABLE}: there is no earlier date"
    moved = {
        "came": "came from other segments", "went": "went to others", "new": "new to the base",
        "gone": "no longer in the base",
    }  # fmt: skip
    counts = [f"{number(told[name])} {words}" for name, words in moved.items() if told[name]]
    return (
        f"{number(100 * told['trend'], 1, signed=True)} points of the base, from "
        f"{share(told['share_before'])}; {', '.join(counts) or 'nobody came or went'}"
    )
