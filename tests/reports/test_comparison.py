"""Compared runs told: nothing is paired that can't be, and the page stands alone."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from test_page import HOSTILE, Page

from facette.dynamics.score_changes import BASE, PartScored, score_changes
from facette.dynamics.segment_changes import changes_of_ids, changes_of_names
from facette.reports.compared import Against, Comparison, Figures, RunTold
from facette.reports.comparison import render, text_lines
from facette.reports.comparison_tables import (
    counts_table,
    figures_table,
    largest_table,
    moves_table,
)

NAMES = {"B1": "Early", "B2": "Late"}
CUSTOMERS = [f"c{i}" for i in range(20)]
FIGURES = pd.DataFrame(
    {"normalised_gini": [0.8, 0.9], "mae": [100.0, 110.0], "spearman": [0.5, 0.5]},
    ["base", "other"],
)
GAINS = pd.DataFrame(
    [("normalised_gini", "base", 0.1, 0.05, 0.15), ("mae", "base", -10.0, -20.0, 1.0)],
    columns=["metric", "opponent", "gain", "low", "high"],
)


def told(label: str) -> RunTold:
    parts = ["segments", "value"]
    began = datetime(2020, 5, 1, 12)
    return RunTold(f"{label}{'0' * 28}", label, began, "2020-01-01", 20, parts, "everyone", "abc")


def scored(seed: int) -> PartScored:
    draws = np.random.default_rng(seed).normal(size=(20, 3))
    contributions = pd.DataFrame(draws, CUSTOMERS, ["spend", "recency", BASE])
    return PartScored(100 * np.exp(contributions.sum(axis=1)), contributions, "log")


def compared() -> Comparison:
    before = pd.Series(["B1"] * 10 + ["B2"] * 10, CUSTOMERS)
    after = pd.Series(["B1"] * 9 + ["B2"] * 11, CUSTOMERS)
    one = Against(
        label="other",
        snapshot="the same for both, digest abc",
        figures={"value": Figures(FIGURES, GAINS)},
        segments={
            "behaviour_segment": changes_of_ids(before, after, NAMES, [0.5, 0.2]),
            "cell": changes_of_names("top/" + before, "top/" + after),
        },
        scores={"value": score_changes(scored(1), scored(2), 3, 1)},
    )  # fmt: skip
    settings = pd.DataFrame({"base": ["7"], "other": ["2"]}, ["seed"])
    return Comparison(
        data_name="shop", currency="EUR", command="facette compare base other", confidence=0.95,
        runs=[told("base"), told("other")], settings=settings, left_out={"progress": "shown"},
        against=[one], sentences={"spend": "spend in the last 91 days"},
    )  # fmt: skip


def changed(**fields: object) -> Comparison:
    """The comparison with other fields of its one run."""
    whole = compared()
    return replace(whole, against=[replace(whole.against[0], **fields)])


def in_words(comparison: Comparison) -> str:
    """The text, its lines joined."""
    return " ".join("\n".join(text_lines(comparison)).split())


def rows(printed) -> list[list[str]]:
    return [[cell.text for cell in row] for row in printed.rows]


def test_the_text_tells_settings_figures_segments_and_scores() -> None:
    text = in_words(compared())
    for words in (
        "shop: other against base", "1 differs; left out: progress (shown)", "the same for both",
        "expected value better (Normalised Gini: gain +0.100, +0.050 to +0.150)",
        "5.0% of 20 customers are in another", "B1 Early, B2 Late", "spend in the last 91 days",
    ):  # fmt: skip
        assert words in text


def test_a_verdict_follows_from_its_interval() -> None:
    whole = compared()
    verdicts = {row[0].split(" (")[0]: row[-1] for row in
                rows(figures_table(whole, whole.against[0], "value"))}  # fmt: skip
    assert verdicts == {
        "Normalised Gini": "better",
        "Mean absolute error": "no different",
        "Spearman rank correlation": "",
    }


def test_where_nothing_is_paired_no_interval_is_shown_and_the_reason_is() -> None:
    whole = changed(figures={"value": Figures(FIGURES, None, "the test dates are other ones")})
    printed = figures_table(whole, whole.against[0], "value")
    assert [label for label, _ in printed.headers] == ["Metric", "base", "other"]
    text = in_words(whole)
    assert "interval" not in text.replace("without an interval", "")
    assert "not paired: the test dates are other ones" in text


def test_segments_whose_ids_do_not_agree_are_not_said_to_have_moved() -> None:
    before = pd.Series(["B1"] * 10 + ["B2"] * 10, CUSTOMERS)
    swapped = before.map({"B1": "B2", "B2": "B1"})
    whole = changed(segments={"behaviour_segment": changes_of_ids(before, swapped, {}, [0.5, 0.2])})
    text = in_words(whole)
    assert "ids are not known to name the same segments" in text
    assert "adjusted mutual information 1.00 over 20 customers" in text
    printed = counts_table(whole, whole.against[0], "behaviour_segment")
    assert printed.note == ""
    assert moves_table(whole, whole.against[0]) is None


def test_reasons_and_their_rest_add_up_to_the_change_on_the_link_scale() -> None:
    whole = compared()
    one = whole.against[0]
    printed = largest_table(whole, one, "value")
    for row, raw in zip(rows(printed), one.scores["value"].largest["raw_change"], strict=True):
        amounts = [part.rsplit(" ", 1)[1].replace("−", "-") for part in row[-1].split("; ")]
        assert sum(map(float, amounts)) == pytest.approx(raw, abs=0.002)


def test_scores_without_reasons_say_why_there_are_none() -> None:
    bare = PartScored(scored(2).scores, why_not="other kept no test snapshot")
    whole = changed(scores={"value": score_changes(scored(1), bare, 3, 1)})
    printed = largest_table(whole, whole.against[0], "value")
    assert [label for label, _ in printed.headers] == ["Customer", "base", "other", "Change"]
    assert "why is not told: other kept no test snapshot" in in_words(whole)


@pytest.mark.parametrize(
    ("dates", "said"),
    [
        ((None, None), "figures are of customers held out"),
        (("2020-01-01", "2020-04-01"), "between the dates customers changed too"),
    ],
)
def test_what_else_a_difference_may_come_from_is_said(
    dates: tuple[str | None, str | None], said: str
) -> None:
    whole = compared()
    dated = [replace(r, reference_date=d) for r, d in zip(whole.runs, dates, strict=True)]
    assert said not in in_words(whole)
    assert said in in_words(replace(whole, runs=dated))


def test_runs_that_score_alike_say_so() -> None:
    whole = changed(scores={"value": score_changes(scored(1), scored(1), 3, 1)})
    assert "the same for all 20 customers" in in_words(whole)
    assert Page(render(whole)).opened == []


def test_the_page_is_whole_and_stands_alone() -> None:
    html = render(compared())
    page = Page(html)
    ids = page.all("id")
    assert page.opened == []
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in page.all("href")} <= set(ids)
    assert "http" not in html
    assert not page.named("script")


def test_texts_from_data_are_escaped() -> None:
    whole = compared()
    one = replace(whole.against[0], snapshot=HOSTILE)
    html = render(
        replace(
            whole, data_name=HOSTILE, command=HOSTILE, against=[one], sentences={"spend": HOSTILE},
            settings=pd.DataFrame({"base": [HOSTILE], "other": ["2"]}, [HOSTILE]),
            left_out={HOSTILE: HOSTILE},
        )
    )  # fmt: skip
    assert "<script>" not in html
    assert Page(html).opened == []
