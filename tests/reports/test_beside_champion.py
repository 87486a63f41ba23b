"""The page says how the run differs from that of the version in use."""

from dataclasses import replace
from datetime import datetime

import pandas as pd
import pytest
from stories import full_story

from facette.reports.beside_champion import (
    champion_figures_table,
    champion_sentences,
    champion_settings_table,
)
from facette.reports.page import render
from facette.reports.story import Champion, Story


def beside(story: Story, **other: object) -> Story:
    """The story beside a champion of the same settings, data and test date."""
    champion = Champion(
        name="shop_customer", version=3, run="0123abcd", began=datetime(2026, 5, 4, 3, 2),
        settings=pd.DataFrame(columns=["champion", "this run"]), other_data=[], tested_alike=True,
        metrics={"value/normalised_gini": 0.81234},
    )  # fmt: skip
    return replace(story, champion=replace(champion, **other))


def test_the_first_run_says_that_its_version_is_in_use() -> None:
    story = full_story()
    assert "No version was in use" in " ".join(champion_sentences(story))
    assert champion_settings_table(story) is None
    assert champion_figures_table(story) is None


def test_a_run_like_the_champions_says_so_and_has_its_figures_beside() -> None:
    story = beside(full_story())
    said = " ".join(champion_sentences(story))
    assert "version 3 of shop_customer, of run 0123abcd of 4 May 2026" in said
    assert "the same data" in said
    assert "settings are those of this run" in said
    table = champion_figures_table(story)
    assert table is not None
    assert [cell.text for cell in table.rows[0]][:2] == [
        "Expected value: Normalised Gini", "0.812",
    ]  # fmt: skip
    assert len(table.rows) == 1  # the champion knows no other figure


def test_settings_that_differ_are_listed_and_escaped() -> None:
    settings = pd.DataFrame(
        {"champion": ["7"], "this run": ["<b>8</b>"]}, index=["segments.behaviour.k"]
    )
    story = beside(full_story(), settings=settings)
    page = render(story)
    assert "segments.behaviour.k" in page
    assert "&lt;b&gt;8&lt;/b&gt;" in page
    assert "<b>8</b>" not in page


@pytest.mark.parametrize("other", [{}, {"other_data": ["contacts"]}])
def test_figures_of_another_test_are_not_set_beside(other: dict[str, object]) -> None:
    story = beside(full_story(), tested_alike=False, **other)
    assert champion_figures_table(story) is None
    said = " ".join(champion_sentences(story))
    assert "can’t be compared" in said
    assert ("other data: contacts" in said) == ("other_data" in other)
