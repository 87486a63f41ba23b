"""One card a segment: who they are, what they are worth, what sets them apart."""

from dataclasses import dataclass, field

import pandas as pd

from facette.reports.driver_tables import moved_by
from facette.reports.story import PARTS, Segmentation, Story
from facette.reports.words import missing, money, number, share

FULL_BAR = 2.0
TONES = {"highly stable": "better", "stable": "better", "doubtful": "same", "unstable": "worse"}


@dataclass
class Trait:
    """A feature on which the segment stands apart: words, and a bar from -100 to 100."""

    label: str
    distance: str
    bar: float


@dataclass
class Card:
    """What a card prints, all of it written.

    `unused`: traits that the segmentation did not read; `lines`: label and text.
    """

    anchor: str
    name: str
    size: str
    stability: str
    tone: str
    facts: list[tuple[str, str]]
    traits: list[Trait]
    outcome: list[tuple[str, list[str]]]
    membership: str = ""
    language: str = "en"
    unused: list[Trait] = field(default_factory=list)
    lines: list[tuple[str, str]] = field(default_factory=list)


def segment_cards(story: Story) -> list[Card]:
    """A card for each segment, in the order of the table of segments."""
    if story.segmentation is None:
        return []
    rows = story.segmentation.segments.dropna(axis="columns", how="all").iterrows()
    return [_card(story, place, segment, row) for place, (segment, row) in enumerate(rows, 1)]


def _card(story: Story, place: int, segment: object, row: pd.Series) -> Card:
    told = story.segmentation
    assert told is not None
    return Card(
        anchor=f"segment-{place}",
        name=str(row["name"]),
        size=f"{segment}: {number(row['customers'])} customers, {share(row['share'])} of the base",
        stability=_stability(row),
        tone=TONES.get(row.get("stability_verdict"), "unknown"),
        facts=_facts(story, row),
        traits=_traits(told, segment),
        membership="" if told.withheld else told.sentences.get(str(segment), ""),
        language=told.language,
        outcome=[] if told.withheld else _outcome(story, told, segment),
    )


def _stability(row: pd.Series) -> str:
    if missing(row.get("stability")):
        return "stability not available"
    return f"{row.get('stability_verdict')}, {number(row['stability'], 2)}"


def _facts(story: Story, row: pd.Series) -> list[tuple[str, str]]:
    written = {
        "value_share": ("Share of expected value", share(row.get("value_share"))),
        "value_mean": ("Expected value", money(row.get("value_mean"), story.currency)),
        "headroom_mean": ("Headroom", money(row.get("headroom_mean"), story.currency)),
        "churn_mean": ("Churn probability", share(row.get("churn_mean"))),
        "confidence_mean": ("Mean confidence", share(row.get("confidence_mean"))),
    }
    return [fact for column, fact in written.items() if column in row.index]


def _traits(told: Segmentation, segment: object, most: int = 3) -> list[Trait]:
    if told.profile is None or segment not in told.profile.index:
        return []
    distances = told.profile.loc[segment].dropna()
    first = distances.abs().sort_values(ascending=False, kind="stable").index[:most]
    return [_trait(str(label), float(distances[label])) for label in first]


def _trait(label: str, distance: float) -> Trait:
    bar = max(-1.0, min(1.0, distance / FULL_BAR)) * 100
    return Trait(label, f"{number(distance, 1, signed=True)} sd", round(bar))


def _top(frame: pd.DataFrame | None, segment: object, most: int) -> pd.DataFrame:
    if frame is None:
        return pd.DataFrame()
    own = frame[frame["segment"] == segment]
    order = own["contribution"].abs().sort_values(ascending=False, kind="stable").index
    return own.loc[order[:most]]


def _outcome(story: Story, told: Segmentation, segment: object) -> list[tuple[str, list[str]]]:
    if told.outcome is None:
        return []
    told_parts = []
    for part, title in PARTS.items():
        rows = _top(told.outcome[told.outcome["part"] == part], segment, 2).iterrows()
        goes = [
            f"{moved_by(row['contribution'], part, story.currency)} {row['sentence']}"
            for _, row in rows
        ]
        if goes:
            told_parts.append((title, goes))
    return told_parts
