import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pandas as pd
import pytest
from stories import full_story, segments_only, without_potential

from facette.reports.gallery import pictures
from facette.reports.page import largest_cells, render, summary_lines
from facette.reports.story import Check, Story

HOSTILE = "<script>alert(1)</script> $x^{ & \"quoted\" 'name'"
VOID = {"meta", "link", "br", "img", "hr", "input"}
STORIES = {"full": full_story, "no potential": without_potential, "segments": segments_only}


class Page(HTMLParser):
    """Tags with their attributes, and whether every tag that opens closes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.opened: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.opened.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.opened.pop() == tag

    def all(self, attribute: str) -> list[str]:
        return [attrs[attribute] or "" for _, attrs in self.tags if attribute in attrs]

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(scope="module", params=STORIES, ids=list(STORIES))
def html(request) -> str:
    return render(STORIES[request.param]())


@pytest.fixture(scope="module")
def full_html() -> str:
    return render(full_story())


def hostile_story() -> Story:
    story = full_story()
    told = story.segmentation
    assert told is not None
    assert told.profile is not None
    assert told.membership is not None
    assert told.contrasts is not None
    told.segments["name"] = [HOSTILE, *told.segments["name"][1:]]
    told.profile = told.profile.rename(columns={"Baskets a month": HOSTILE})
    told.membership["sentence"] = HOSTILE
    told.contrasts["sentence"] = told.sentences["0"] = HOSTILE
    story.movers["value"][["customer_id", "sentence"]] = HOSTILE
    story.pairs["value"]["one"] = HOSTILE
    story.drivers["value"].loc[0, "sentence"] = HOSTILE
    story.evaluation["value"] = story.evaluation["value"].rename(index={"LightGBM": HOSTILE})
    story.gains_curves["value"] = {HOSTILE: story.gains_curves["value"]["LightGBM"]}
    story.matrix = story.matrix.replace("good", HOSTILE)
    story.cells.loc[0, "cell"] = HOSTILE
    story.cells.loc[0, "customers"] = 10**6
    story.checks.append(Check(HOSTILE, "error", HOSTILE, HOSTILE))
    return replace(story, data_name=HOSTILE, perimeter=HOSTILE, configuration=HOSTILE)


def test_a_page_closes_what_it_opens_and_has_unique_ids(html):
    page = Page(html)
    ids = page.all("id")
    assert page.opened == []
    assert len(ids) == len(set(ids))


def test_every_anchor_and_reference_resolves(html):
    page = Page(html)
    wanted = [link[1:] for link in page.all("href") if link.startswith("#")]
    wanted += page.all("aria-labelledby") + re.findall(r"url\(#([^)]*)\)", html)
    assert set(wanted) <= set(page.all("id"))


def test_nothing_is_loaded_from_anywhere(html):
    page = Page(html)
    assert all(link.startswith("#") for link in page.all("href"))
    assert page.all("src") == page.all("xlink:href") == page.named("script") == []
    assert "@import" not in html
    assert all(target.startswith("url(#") for target in re.findall(r"url\(.{2}", html))


def test_a_page_is_small(html):
    assert len(html.encode()) < 3_000_000


def test_every_figure_has_words_a_caption_and_its_context(html):
    page = Page(html)
    drawings = page.named("svg")
    assert drawings
    assert all(drawing["role"] == "img" for drawing in drawings)
    assert all(len(drawing["aria-label"] or "") > 20 for drawing in drawings)
    assert len(page.named("figcaption")) == len(page.named("figure")) == len(drawings)


def test_every_picture_states_date_horizon_currency_and_n():
    for picture in pictures(full_story()).values():
        for words in ("1 October 2017", "91 days", "USD", "not discounted", "customers"):
            assert words in picture.context


def test_pictures_of_all_parts_are_on_the_page(full_html):
    assert set(pictures(full_story())) <= set(Page(full_html).all("id"))


def test_hostile_names_are_told_and_never_run():
    html = render(hostile_story())
    assert Page(html).named("script") == []
    assert "<script" not in html
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") > 10


def test_unknown_figures_are_not_available_and_never_nan(html):
    text = re.sub(r"<[^>]*>", " ", html)
    assert not re.search(r"\b(nan|None|NaT|inf)\b", text)


def test_a_baseline_without_its_window_is_not_available(full_html):
    row = full_html[full_html.index("same window a year ago") :]
    assert row[: row.index("</tr>")].count(">not available<") == 4


def test_headings_descend_one_level_at_a_time(html):
    levels = [int(tag[1]) for tag, _ in Page(html).tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_tables_scroll_inside_their_own_box_which_keys_reach(html):
    assert html.count("<table>") <= html.count('class="scroll" role="region" tabindex="0"')


def test_what_is_off_says_why():
    html = render(without_potential())
    assert html.count("these data have no columns on who customers are") >= 3


def test_columns_of_which_nothing_is_known_are_left_out():
    assert "Headroom" in render(full_story())
    assert "Headroom" not in render(without_potential())


def test_withheld_drivers_are_not_on_the_cards():
    html = render(segments_only())
    assert "withheld: the smallest rank stability" in html
    assert "Why customers are in it" not in html


def test_one_segment_for_everyone_is_told():
    story = segments_only()
    told = story.segmentation
    assert told is not None
    everyone = told.segments.iloc[:1].assign(name="everyone", customers=2469, share=1.0)
    profile = told.profile.iloc[:1] * 0
    story.segmentation = replace(
        told, segments=everyone, profile=profile, k_curve=None, points=None
    )
    assert "one segment, everyone" in summary_lines(story)[5]
    assert "everyone" in render(story)


def test_a_story_with_nothing_but_its_facts_is_a_page():
    story = replace(segments_only(), segmentation=None, tiers=None, catalogue=None, checks=[])
    assert Page(render(story)).opened == []


def test_summary_has_ten_plain_lines_with_a_label():
    lines = summary_lines(full_story())
    assert len(lines) == 10
    assert all(re.match(r"[A-Z][a-z ]+: \S", line) for line in lines)


def test_summary_is_the_top_of_the_page(full_html):
    for line in summary_lines(full_story()):
        assert line.split(": ", 1)[1] in full_html


def test_summary_puts_the_baseline_and_the_verdict_beside_the_figure():
    value, potential, churn = summary_lines(full_story())[2:5]
    assert "0.871 beside 0.856 for last window; beats the best baseline" in value
    assert "USD 61.20 beside USD 74.80" in potential
    assert (
        "no better than logistic on RFM (interval contains 0); gain \N{MINUS SIGN}0.0002" in churn
    )


def test_small_cells_are_summed_weighted_by_customers():
    cells = pd.DataFrame(
        {
            "cell": list("abc"),
            "customers": [10, 3, 1],
            "value": [1.0, 10.0, 20.0],
            "headroom": [0.0, 4.0, float("nan")],
            "churn": [0.1, 0.2, 0.6],
        }
    )
    rest = largest_cells(cells, most=1).iloc[-1]
    assert rest["cell"] == "2 smaller cells"
    assert rest["customers"] == 4
    assert (rest["value"], rest["headroom"]) == (12.5, 4.0)
    assert rest["churn"] == pytest.approx(0.3)
