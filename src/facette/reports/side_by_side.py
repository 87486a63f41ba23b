"""Segmentations side by side for people to read: verdicts, figures, repetition, costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from facette.reports.story import Story
from facette.reports.tables import Table, table
from facette.reports.words import MINUS, capital, missing, number, plain, share

if TYPE_CHECKING:
    from facette.segments.applied import Applied
    from facette.segments.side_by_side import SideBySide
    from facette.segments.three_tests import Judged

TESTS = {"pertinent": "Pertinent", "measurable": "Measurable", "practical": "Of practical value"}
ACRONYMS = {"rfm": "RFM"}
MOST_CRITERIA = 60
MOST_SEGMENTS = 60


@dataclass
class Verdict:
    """One segmentation in words: its title, what it is, its marks (test, tone), a sentence."""

    title: str
    about: str
    marks: list[tuple[str, str]]
    sentence: str
    passes: bool


def held_out(story: Story) -> str:
    """Where what was learnt is judged, in words."""
    return "out of time" if story.reference_date else "on the other half of the customers"


def learnt(story: Story) -> str:
    """Where means and cuts are from, in words."""
    return "at the training date" if story.reference_date else "on one half of the customers"


def title_of(name: str) -> str:
    """A segmentation's name for people."""
    return ACRONYMS.get(name, plain(name))


def verdicts(side: SideBySide) -> list[Verdict]:
    """A verdict for each segmentation, those worth keeping first."""
    ordered = sorted(side.cuts, key=lambda c: -sum(side.judged[c.name].passed.values()))
    return [
        Verdict(
            title_of(cut.name),
            f"{cut.kind}, for {cut.purpose}",
            [
                (f"{words}: {'yes' if passed else 'no'}", "better" if passed else "worse")
                for (test, words) in TESTS.items()
                for passed in [side.judged[cut.name].passed[test]]
            ],
            side.judged[cut.name].verdict,
            all(side.judged[cut.name].passed.values()),
        )
        for cut in ordered
    ]


def side_tables(story: Story) -> dict[str, Table]:
    """The tables of the section, by name."""
    side = story.side_by_side
    if side is None:
        return {}
    made: dict[str, Table | None] = {
        "three_tests": _tests_table(story, side),
        "their_segments": _segments_table(story),
        "agreement": _agreement_table(story, side),
        "bill": _bill_table(story, side),
        "criteria": _criteria_table(story, side),
        "responses": _responses_table(story, side),
    }
    return {name: shown for name, shown in made.items() if shown is not None}


def _tests_table(story: Story, side: SideBySide) -> Table:
    rows = [_tests_row(found) for found in side.judged.values()]
    columns = {
        "name": ("Segmentation", "text"),
        "segments": ("Segments", "count"),
        "value": ("Value beyond tier", "text"),
        "churn": ("Churn beyond tier", "text"),
        "stability_min": ("Least Jaccard", "index"),
        "unsure": ("Between", "share"),
        "stay": ("Stay", "share"),
        "smallest_share": ("Smallest", "share"),
        "at_stake": ("At stake", "share"),
        "reach": ("Reach", "share"),
        "same_treatment": ("Follows past contacts", "index"),
    }
    level = number(100 * story.confidence)
    note = (
        f"Beyond tier: the share of what value tiers leave unexplained {held_out(story)} that the "
        f"segments take away, {level}% interval; means learnt {learnt(story)}, value as "
        "asinh. Least Jaccard: of customers drawn anew and refitted, the segment that comes back "
        "worst. Between: customers who stand between segments. Stay: customers in the same segment "
        "at both dates. At stake: the share of value that stands elsewhere than customers do. "
        "Reach: customers of the least reachable segment who consent to a channel. Follows past "
        "contacts: adjusted mutual information, 0 is best."
    )
    return table(pd.DataFrame(rows), columns, "The three tests in figures", story.currency, note)


def _tests_row(found: Judged) -> dict[str, object]:
    told = {
        name: f"{_percent(p.gain)} ({_percent(p.low)} to {_percent(p.high)})"
        for name, p in found.pertinence.items()
    }
    return {"name": title_of(found.name), **told, **found.figures}


def _percent(value: float) -> str:
    return share(value, 1, signed=True)


def segments_of(side: SideBySide, scored: pd.DataFrame) -> pd.DataFrame:
    """A row for each segment with customers: who they are, what they bring, how it grows.

    `scored` is the test snapshot scored by the package. Columns: segmentation, id, segment,
    customers, share, value_share, value, churn, stability, trend (change of the share of the base
    between the two dates).
    """
    known = scored.set_index("customer_id")
    return pd.DataFrame([row for cut in side.cuts for row in _segment_rows(cut, known)])


def _segments_table(story: Story) -> Table | None:
    if story.their_segments is None:
        return None
    frame = story.their_segments.head(MOST_SEGMENTS)
    trend = [number(100 * t, 1, signed=True) for t in frame["trend"]]
    frame = frame.assign(segmentation=frame["segmentation"].map(title_of), trend=trend)
    columns = {
        "segmentation": ("Segmentation", "text"),
        "segment": ("Segment", "text"),
        "customers": ("Customers", "count"),
        "share": ("Of the base", "share"),
        "value_share": ("Of expected value", "share"),
        "value": ("Value each", "money"),
        "churn": ("Churn", "share"),
        "stability": ("Jaccard", "index"),
        "trend": ("Since the last date", "text"),
    }
    note = "Since the last date: change of the share of the base, in percentage points."
    return table(frame, columns, "Their segments", story.currency, note)


def _segment_rows(cut: Applied, scored: pd.DataFrame) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    whole = scored.reindex(cut.test.index).get("value_expected", pd.Series(dtype=float)).sum()
    for segment, customers in cut.customers[cut.customers > 0].items():
        own = scored.reindex(cut.test.index[cut.test == segment])
        before = float((cut.training == segment).mean())
        now = customers / len(cut.test)
        value = own.get("value_expected")
        rows.append({
            "segmentation": cut.name, "id": segment, "segment": cut.names[segment],
            "customers": customers, "share": now,
            "value_share": np.nan if value is None or not whole else value.sum() / whole,
            "value": np.nan if value is None else value.mean(),
            "churn": own["churn_probability"].mean() if "churn_probability" in own else np.nan,
            "stability": cut.stability.get(segment, np.nan),
            "trend": now - before,
        })  # fmt: skip
    return rows


def _agreement_table(story: Story, side: SideBySide) -> Table | None:
    if len(side.cuts) < 2:
        return None
    frame = side.agreement.copy()
    frame.index = [title_of(n) for n in frame.index]
    frame.columns = [title_of(n) for n in frame.columns]
    columns = {"": ("", "text")} | {c: (c, "index") for c in frame.columns}
    frame.insert(0, "", frame.index)
    note = "Adjusted mutual information: 0 is what chance gives, 1 the same division."
    return table(frame, columns, "What they repeat of one another", story.currency, note)


def _bill_table(story: Story, side: SideBySide) -> Table | None:
    frame = side.bill.assign(segmentation=[title_of(n) for n in side.bill["segmentation"]])
    columns = {
        "segmentation": ("Segmentation", "text"),
        "cells": ("Cells", "count"),
        "filled": ("With customers", "count"),
        "below_floor": ("Too small", "count"),
        "rules": ("Rules to keep", "count"),
        "treatments": ("Treatments", "count"),
        "set_up_cost": ("To set up", "money"),
        "yearly_cost": ("A year", "money"),
    }
    note = "Costs a treatment are assumptions of the configuration (three_tests)."
    return table(frame, columns, "What it costs to treat each apart", story.currency, note)


def _criteria_table(story: Story, side: SideBySide) -> Table | None:
    if side.criteria.empty:
        return None
    frame = side.criteria.copy()
    sentences = {} if story.catalogue is None else (
        story.catalogue.set_index("name")["sentence"].to_dict()
    )  # fmt: skip
    frame.insert(0, "what", [capital(str(sentences.get(name, name))) for name in frame.index])
    gains = [c for c in frame if c.endswith("_gain")]
    rank = {"keep": 0, "weak": 1, "drop": 2}
    frame = frame.assign(rank=frame["keep"].map(rank), best=frame[gains].max(axis=1))
    frame = frame.sort_values(["rank", "best"], ascending=[True, False]).head(MOST_CRITERIA)
    columns = {
        "what": ("Criterion", "text"),
        "value_gain": ("Value beyond tier", "share"),
        "churn_gain": ("Churn beyond tier", "share"),
        "known": ("Known", "share"),
        "stay": ("Steady", "index"),
        "at_stake": ("At stake", "share"),
        "keep": ("Verdict", "text"),
        "why": ("Why", "text"),
    }
    left = len(side.criteria) - len(frame)
    note = (
        f"Each feature alone, in fifths frozen {learnt(story)}. Steady: rank correlation "
        "between the two dates. Sure of a gain: false discovery rate among all of them below "
        f"{number(100 * (1 - story.confidence))}%."
        + (f" {number(left)} more are in the tracked run." if left else "")
    )
    return table(frame, columns, "Criteria: which features to keep", story.currency, note)


def _responses_table(story: Story, side: SideBySide) -> Table | None:
    rows = []
    for found in side.judged.values():
        if found.response is None:
            continue
        effects = found.response.effects["effect"]
        names = side.by_name[found.name].names
        price = found.price
        rows.append({
            "name": title_of(found.name),
            "least": f"{_points(effects.min())}, {names.get(effects.idxmin(), effects.idxmin())}",
            "most": f"{_points(effects.max())}, {names.get(effects.idxmax(), effects.idxmax())}",
            "p": found.response.p,
            "price": "not available" if price is None else (
                f"{number(price.price, 2, signed=True)} ({number(price.low, 2, signed=True)} to "
                f"{number(price.high, 2, signed=True)})"
            ),
        })  # fmt: skip
    if not rows:
        return None
    columns = {
        "name": ("Segmentation", "text"),
        "least": ("Moved least by a contact", "text"),
        "most": ("Moved most", "text"),
        "p": ("By chance (p)", "ratio"),
        "price": ("Price of the box", "text"),
    }
    note = (
        "Effect of a contact on purchases within 30 days, in percentage points against the control "
        "arm. By chance: p of effects that differ as much (Cochran’s Q). Price of the box: "
        "purchases per 100 customers that contacting the best half by customer would bring above "
        "the best half by segment, valued on customers it was not learnt from."
    )
    return table(
        pd.DataFrame(rows), columns, "Answers to randomised contacts", story.currency, note
    )


def _points(effect: float) -> str:
    return "not available" if missing(effect) else number(100 * effect, 2, signed=True).replace(
        "-", MINUS
    )  # fmt: skip
