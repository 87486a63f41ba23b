"""Report and decision page as a reader meets them: at a desk, on a phone, by keyboard, on paper."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from chromium import A4_PX, DESKTOP_PX, PHONE_PX, Scheme, open_folds, opened
from report_page import CONTROLS, FOCUSED, cards, expected_cards, texts
from tracking_page import CustomerRun

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from facette.jobs.train import Trained

LARGEST_BYTES = 3_000_000
LEAST_CONTRAST = 4.5  # WCAG 2.2 AA
BEYOND = """width => [...document.querySelectorAll('body *')]
    .filter(at => at.checkVisibility() && at.getBoundingClientRect().right > width + 1)
    .map(at => at.tagName + ' ' + at.textContent.trim().slice(0, 40))"""


def wider_than_the_window(page: Page) -> int:
    """By how many pixels the page scrolls sideways."""
    beyond: int = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return beyond


def test_a_page_asks_for_nothing_but_itself(browser: Browser, paper: Path) -> None:
    with opened(browser, paper.as_uri()) as (page, heard):
        open_folds(page)
        page.mouse.wheel(0, 1_000_000)
        page.wait_for_load_state("networkidle")
        assert heard.asked == [paper.as_uri()]
        assert heard.errors == []
    assert paper.stat().st_size <= LARGEST_BYTES


def test_its_title_names_the_data_and_the_date(browser: Browser, run: CustomerRun) -> None:
    with opened(browser, run.report.as_uri()) as (page, _):
        assert page.title() == "complete_journey, at 1 October 2017: customer facets"


def test_headline_cards_are_the_tracked_metrics(
    browser: Browser, run: CustomerRun, trained: Trained
) -> None:
    with opened(browser, run.report.as_uri()) as (page, _):
        assert cards(page) == expected_cards(run.metrics, trained.story.currency)


def test_a_changed_card_is_seen(
    browser: Browser, run: CustomerRun, trained: Trained, tmp_path: Path
) -> None:
    expected = expected_cards(run.metrics, trained.story.currency)
    figure = expected[0][2]
    html = run.report.read_text(encoding="utf-8")
    before = f'<p class="big">{figure}</p>'
    assert html.count(before) == 1
    changed = tmp_path / "changed.html"
    changed.write_text(html.replace(before, f'<p class="big">{figure}1</p>'), encoding="utf-8")
    with opened(browser, changed.as_uri()) as (page, _):
        assert cards(page) != expected
        assert cards(page)[1:] == expected[1:]


@pytest.mark.parametrize("width_px", [PHONE_PX, DESKTOP_PX])
def test_the_page_does_not_scroll_sideways(browser: Browser, paper: Path, width_px: int) -> None:
    with opened(browser, paper.as_uri(), width_px) as (page, _):
        assert wider_than_the_window(page) <= 0
        open_folds(page)
        assert wider_than_the_window(page) <= 0


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_every_control_is_reached_and_every_fold_opened_by_keyboard(
    browser: Browser, paper: Path, key: str
) -> None:
    with opened(browser, paper.as_uri()) as (page, _):
        controls = page.evaluate(CONTROLS)
        reached: list[int] = []
        for _ in range(3 * len(controls)):
            page.keyboard.press("Tab")
            at = page.evaluate(FOCUSED)
            if at["place"] in reached:
                break
            if at["place"] < 0:
                continue
            assert at["ringed"], f"no ring around {controls[at['place']]}"
            assert at["shown"], f"focus is out of sight at {controls[at['place']]}"
            reached.append(at["place"])
            if at["closed"]:
                page.keyboard.press(key)
        assert reached == list(range(len(controls)))
        assert page.locator("details:not([open])").count() == 0
        assert page.locator("details[open]").count() > 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_their_ground(browser: Browser, paper: Path, scheme: Scheme) -> None:
    with opened(browser, paper.as_uri(), scheme=scheme) as (page, _):
        open_folds(page)
        found = texts(page)
        assert len(found) > 100
        faint = [text for text in found if text.contrast < LEAST_CONTRAST]
        assert faint == []


def test_the_dark_page_is_dark(browser: Browser, paper: Path) -> None:
    seen = {}
    schemes: tuple[Scheme, ...] = ("light", "dark")
    for scheme in schemes:
        with opened(browser, paper.as_uri(), scheme=scheme) as (page, _):
            seen[scheme] = {text.words: (text.colour, text.ground) for text in texts(page)}
    assert seen["light"].keys() == seen["dark"].keys()
    same = [words for words, colours in seen["light"].items() if colours == seen["dark"][words]]
    assert same == []


def test_print_opens_every_fold_and_cuts_nothing(browser: Browser, paper: Path) -> None:
    with opened(browser, paper.as_uri(), A4_PX) as (page, _):
        page.emulate_media(media="print")
        folded = page.locator("details > *:not(summary)").evaluate_all(
            "parts => parts.filter(part => !part.checkVisibility()"
            " || part.getBoundingClientRect().height === 0).length"
        )
        assert folded == 0
        assert page.evaluate(BEYOND, A4_PX) == []
        floating = page.locator("body *").evaluate_all(
            "all => all.filter(at => at.checkVisibility()"
            " && ['sticky', 'fixed'].includes(getComputedStyle(at).position)).length"
        )
        assert floating == 0


def test_the_report_prints_on_several_pages(browser: Browser, run: CustomerRun) -> None:
    with opened(browser, run.report.as_uri()) as (page, _):
        pdf = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) > 1
