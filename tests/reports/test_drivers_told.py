"""Drivers on the page: where they are licensed, in units that people read."""

import re

import numpy as np
import pandas as pd
import pytest
from stories import full_story

from facette.reports.driver_tables import (
    contrasts_table,
    licences_table,
    moved_by,
    movers_table,
    pairs_table,
)
from facette.reports.driving import differs, driver_of
from facette.reports.page import render
from facette.reports.summary import summary_lines
from facette.snapshots.catalogue import Feature


@pytest.fixture(scope="module")
def page() -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", render(full_story())))


def test_neighbours_stand_side_by_side_a_row_each() -> None:
    story = full_story()
    shown = contrasts_table(story)
    assert shown is not None
    names = story.segmentation.segments["name"].tolist()
    assert [[c.text for c in row[:2]] for row in shown.rows] == [names[:2], names[1::-1]]
    assert shown.rows[0][2].text.count(";") == 1
    first, second = (row[2].text for row in shown.rows)
    assert first.startswith("lower ")
    assert "(1.4)" in first
    assert second.startswith("higher ")


def test_every_condition_is_shown_with_what_is_asked_for() -> None:
    shown = licences_table(full_story())
    assert shown is not None
    assert [row[-1].text for row in shown.rows] == ["holds", "falls short"]
    assert [c.text for c in shown.rows[0][:4]] == ["Segments", "fidelity", "0.94", "0.80"]


def test_movers_are_told_in_money_or_points() -> None:
    story = full_story()
    value, churn = movers_table(story, "value"), movers_table(story, "churn")
    assert value is not None
    assert churn is not None
    assert "+USD 400.00 " in value.rows[0][3].text
    assert "+14.0 points " in churn.rows[0][3].text
    assert [c.text for c in churn.rows[0][1:3]] == ["12.0%", "31.0%"]
    assert movers_table(story, "potential") is None
    assert moved_by(-0.5, "value", "EUR") == "\N{MINUS SIGN}EUR 0.50"


def test_what_was_not_found_has_no_table() -> None:
    story = full_story()
    assert pairs_table(story, "churn") is None
    story.licences, story.segmentation = None, None
    assert licences_table(story) is contrasts_table(story) is None


def test_what_is_alike_on_the_mean_is_no_reason() -> None:
    rate = Feature("rate", "f", "share", "rate", "taux", "t")
    column = pd.Series([0.5, 0.5, 0.1, 0.1])
    inside = np.array([True, True, False, False])
    assert differs(driver_of(rate, column, inside))
    assert not differs(driver_of(rate, pd.Series(0.3, range(4)), inside))
    assert not differs(driver_of(rate, pd.Series(np.nan, range(4)), inside))
    kind = driver_of(rate, pd.Series(["a", "a", "b", "a"]), inside)
    assert (kind.own, kind.base, kind.level) == (1.0, 0.75, "a")


def test_withheld_drivers_are_in_the_summary() -> None:
    line = next(line for line in summary_lines(full_story()) if line.startswith("Drivers"))
    assert line.endswith(
        "those of churn are withheld, other drivers lead when customers are drawn anew"
    )


def test_the_page_tells_them(page: str) -> None:
    for words in (
        "Buys every 9 days, half the base&#39;s interval.", "What tells neighbours apart",
        "When drivers may be shown", "Features that work together",
        "Drivers of this model are withheld: other drivers lead", "Who moved farthest",
    ):  # fmt: skip
        assert words in page, words
