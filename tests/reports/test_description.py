"""A described source: the text fits its lines, the page stands alone, nothing is promised."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from running import settings_of
from test_page import HOSTILE, Page
from worlds import admitted, data, panel_settings, shop

from facette.jobs.describe import description_of
from facette.reports import figures
from facette.reports.description import WIDTH, Description, render, text_lines
from facette.reports.description_figures import doubling_bins, pictures
from facette.reports.description_words import payback_sentence, sections
from facette.reports.svg import inline_svg
from facette.snapshots.worth import Payback
from facette.tables.contract import Cleaned, Tables

CSS = Path(figures.__file__).with_name("page.css").read_text()
ONE = {"static_attributes": [], "observed_until": None}


def described(tables: Tables, *overrides: str, **changed: object) -> Description:
    settings = settings_of("describe", *overrides)
    settings.snapshot = panel_settings()
    return description_of(tables, settings, data(**changed))


def purchases(*rows: tuple[str, int, float]) -> Tables:
    """Customers who spend an amount on a day after 1 March 2021."""
    start = datetime(2021, 3, 1, 10)
    lines = [(customer, start + timedelta(days=day), amount) for customer, day, amount in rows]
    frame = pl.DataFrame(lines, schema=["customer_id", "occurred_at", "amount"], orient="row")
    return admitted({"transactions": frame}, **ONE)


def worlds() -> dict[str, Description]:
    little = {"transactions": shop(seed=8)["transactions"].select("customer_id", "occurred_at",
                                                                  "amount")}  # fmt: skip
    return {
        "shop": described(admitted(shop(seed=8))),
        "dates and spend": described(admitted(little, static_attributes=[]), static_attributes=[]),
        "one purchase": described(purchases(("a", 0, 5.0)), **ONE),
        "one refund": described(purchases(("a", 0, -5.0), ("b", 0, 0.0)), **ONE),
    }


@pytest.fixture(scope="module")
def all_worlds() -> dict[str, Description]:
    return worlds()


@pytest.fixture(scope="module", params=["shop", "dates and spend", "one purchase", "one refund"])
def description(request, all_worlds: dict[str, Description]) -> Description:
    return all_worlds[request.param]


@pytest.fixture(scope="module")
def html(description: Description) -> str:
    return render(description)


@pytest.fixture(scope="module")
def whole(all_worlds: dict[str, Description]) -> Description:
    return all_worlds["shop"]


def hostile() -> Description:
    frames = shop(seed=9)
    frames["customers"] = frames["customers"].with_columns(
        pl.lit(HOSTILE).alias("region"), pl.lit(HOSTILE).alias(HOSTILE)
    )
    frames["products"] = frames["products"].with_columns(category=pl.lit(HOSTILE))
    made = described(admitted(frames))
    return replace(
        made, data_name=HOSTILE, origin=HOSTILE, licence=HOSTILE, command=HOSTILE,
        notes=[HOSTILE], cleaning=[Cleaned(HOSTILE, 9, 8, {HOSTILE: 1})],
        digests={HOSTILE: HOSTILE},
    )  # fmt: skip


def test_text_fits_its_width(description: Description) -> None:
    lines = text_lines(description)
    assert max(map(len, lines)) <= WIDTH
    assert len(lines) < 65


def test_sentences_of_the_text_are_those_of_the_page(description: Description, html: str) -> None:
    from html import unescape

    page = unescape(re.sub(r"\s+", " ", html))
    for section in sections(description):
        if section.key != "allows":  # told as tables there
            for label, sentence in section.lines:
                assert label == "cleaning" or sentence[1:] in page  # a table there


def test_a_page_closes_what_it_opens_and_has_unique_ids(html: str) -> None:
    page = Page(html)
    ids = page.all("id")
    assert page.opened == []
    assert len(ids) == len(set(ids))


def test_every_anchor_and_reference_resolves(html: str) -> None:
    page = Page(html)
    wanted = [link[1:] for link in page.all("href") if link.startswith("#")]
    wanted += page.all("aria-labelledby") + re.findall(r"url\(#([^)]*)\)", html)
    assert set(wanted) <= set(page.all("id"))


def test_nothing_is_loaded_from_anywhere_and_the_page_is_small(html: str) -> None:
    page = Page(html)
    assert all(link.startswith("#") for link in page.all("href"))
    assert page.all("src") == page.all("xlink:href") == page.named("script") == []
    assert "@import" not in html
    assert len(html.encode()) < 3_000_000


def test_unknown_figures_are_never_nan(description: Description, html: str) -> None:
    text = re.sub(r"<[^>]*>", " ", html) + "\n".join(text_lines(description))
    assert not re.search(r"\b(nan|None|NaT|inf)\b", text.replace("None: every day", ""))


def test_headings_descend_one_level_at_a_time(html: str) -> None:
    levels = [int(tag[1]) for tag, _ in Page(html).tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_every_figure_has_words_a_caption_and_its_context(html: str) -> None:
    page = Page(html)
    drawings = page.named("svg")
    assert drawings
    assert all(len(drawing["aria-label"] or "") > 20 for drawing in drawings)
    assert len(page.named("figcaption")) == len(page.named("figure")) == len(drawings)


def test_a_whole_shop_shows_every_picture(whole: Description) -> None:
    drawn = {picture.key for picture in pictures(whole)}
    assert drawn == {
        "empty", "customers-by-month", "purchases-by-month", "net-by-month", "purchases-each",
        "held",
    }  # fmt: skip
    assert drawn <= set(Page(render(whole)).all("id"))


def test_drawings_use_only_colours_the_page_has_in_light_and_dark(whole: Description) -> None:
    light, dark = CSS.split("prefers-color-scheme: dark")
    for picture in pictures(whole):
        drawing = str(inline_svg(picture.draw(""), picture.key, picture.alt))
        assert not re.search(r"#[0-9a-f]{6}", drawing)
        for name in set(re.findall(r"var\(--(\w+)\)", drawing)):
            assert f"--{name}:" in light
            assert f"--{name}:" in dark


def test_hostile_names_are_told_and_never_run() -> None:
    html = render(hostile())
    assert Page(html).named("script") == []
    assert "<script" not in html
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") > 10


def test_rows_left_out_are_told_with_their_reason(whole: Description) -> None:
    cleaned = Cleaned("transactions", 1_200, 1_100, {"a": 60, "b": 40})
    made = replace(whole, cleaning=[cleaned])
    text = " ".join(" ".join(text_lines(made)).split())
    assert "1,200 rows in, 1,100 kept; dropped: 60 failing a, 40 failing b" in text
    assert "Rows in, kept and dropped" in render(made)


def test_many_notes_are_cut_short_in_the_text_only(whole: Description) -> None:
    made = replace(whole, notes=[f"note number {i}" for i in range(30)])
    text = "\n".join(text_lines(made))
    assert "note number 4" in text
    assert "note number 5" not in text
    assert "and 25 more, on the page" in text
    assert "note number 29" in render(made)


def test_what_is_off_says_why(all_worlds: dict[str, Description]) -> None:
    text = " ".join(" ".join(text_lines(all_worlds["dates and spend"])).split())
    assert "mix off: no product or category" in text
    short = all_worlds["one purchase"]
    assert "days of data leave 0 reference date(s)" in " ".join(text_lines(short))
    assert "nothing can be trained" in render(short).lower()


def test_costs_are_said_to_be_assumed_and_no_gain_is_promised(whole: Description) -> None:
    text = " ".join(" ".join(text_lines(whole)).split())
    assert "assumption 6 segments cost EUR 30,000 to set up and EUR 60,000 a year" in text
    assert "pays when net value rises by" in text
    assert "not what a segmentation would gain" in render(whole)


def test_the_verdict_names_cost_rise_and_the_top_tier() -> None:
    payback = Payback(6, 30_000, 60_000, 364, 3_750_000, 0.05, 0.22, 0.016, 0.024, 0.0727)
    assert payback_sentence(payback, "USD") == (
        "a segmentation that costs USD 60,000 a year pays when net value rises by 1.6% (2.4% in "
        "the first year, with the set-up); the top 5% alone hold 22% of it: if only they rose, by "
        "7.3%"
    )


def test_money_follows_the_margin_rate() -> None:
    tables = admitted(shop(seed=10))
    half, full = (described(tables, margin_rate=rate) for rate in (0.5, 1.0))
    assert full.worth.payback.yearly_value == pytest.approx(2 * half.worth.payback.yearly_value)
    assert full.activity.months["net"].sum() == pytest.approx(2 * half.activity.months["net"].sum())
    assert "spend x a margin rate of 0.5" in render(half)


def test_a_thin_last_day_is_said() -> None:
    steady = [("a", day, 5.0) for day in range(40)] + [("b", day, 5.0) for day in range(39)]
    more = [(f"c{i}", day, 1.0) for i in range(3) for day in range(39)]
    text = " ".join(" ".join(text_lines(described(purchases(*steady, *more), **ONE))).split())
    assert "perhaps it is not complete" in text


def test_silent_days_are_named() -> None:
    text = " ".join(
        " ".join(text_lines(described(purchases(("a", 0, 1.0), ("a", 10, 1.0)), **ONE))).split()
    )
    assert "9 of 11 days have no transaction" in text
    assert "the longest stretch is 9 days from 2 March 2021" in text


def test_bins_of_purchases_double_and_hold_everyone() -> None:
    counts, begins = doubling_bins(np.array([1, 1, 2, 3, 4, 7, 8, 40]))
    assert begins == [1, 2, 4, 8, 16, 32]
    assert counts == [2, 2, 2, 1, 0, 1]
    assert doubling_bins(np.array([0, 1, 5])) == ([1, 1, 0, 1], [0, 1, 2, 4])
