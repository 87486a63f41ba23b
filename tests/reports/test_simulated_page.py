"""The sanity page of a simulated bank: figures beside ranges, alone in one file."""

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from little_bank import little_bank, plausible, written
from test_page import HOSTILE, Page

from facette.reports import simulated, simulated_figures
from facette.reports.simulated import figures_table, render, summary, write_sanity
from facette.tables.simulation.sanity import Seen, WalletShare, sanity_figures

WALLET = WalletShare(6, 0.35, 0.28)


def seen(**changed: pl.DataFrame) -> Seen:
    return Seen({n: f.lazy() for n, f in (little_bank() | changed).items()}, WALLET)


@pytest.fixture(scope="module")
def html() -> str:
    return render(seen(), plausible(), f"facette simulate out={HOSTILE}", "EUR")


def test_the_page_closes_what_it_opens_and_its_ids_are_its_own(html: str) -> None:
    page = Page(html)
    ids = page.all("id")
    assert page.opened == []
    assert len(ids) == len(set(ids))
    assert all(link[1:] in ids for link in page.all("href") if link.startswith("#"))


def test_nothing_is_fetched_and_nothing_runs(html: str) -> None:
    page = Page(html)
    assert not re.search(r"https?://|url\((?!#)|@import", html)
    assert not page.all("src")
    assert not page.named("script")
    assert not page.named("link")
    assert "alert(1)</script>" not in html


def test_every_picture_of_the_page_is_drawn_with_its_sample_size(html: str) -> None:
    placed = [key for _, keys in simulated.SECTIONS.values() for key in keys]
    found = list(simulated_figures.pictures(seen(), plausible(), "EUR"))
    assert sorted(picture.key for picture in found) == sorted(placed)
    assert all(f'id="{key}"' in html for key in placed)
    assert all("n\N{NO-BREAK SPACE}=" in picture.context for picture in found)


def test_a_figure_stands_beside_its_range_with_how_far_it_is_outside() -> None:
    rows = {r[0].text: r for r in figures_table(sanity_figures(seen(), plausible())).rows}
    outside, inside = rows["Letters that are answered"], rows["Products a customer, at the end"]
    assert [cell.text for cell in outside] == [
        "Letters that are answered", "25.0%", "1% to 3%", "22.00 points above", "4 sends",
    ]  # fmt: skip
    assert [cell.tone for cell in outside][3] == "worse"
    assert [cell.text for cell in inside][1:4] == ["2.00", "2 to 3.3", "inside"]
    assert [cell.tone for cell in inside][3] == "better"


def test_the_summary_names_all_that_is_outside_and_all_that_is_not_counted() -> None:
    figures = sanity_figures(seen(), plausible())
    lines = summary(figures)
    outside = figures.filter(~pl.col("inside"))["sentence"].to_list()
    told = [sentence for label, sentence in lines if label == "outside"]
    assert [sentence.partition(":")[0] for sentence in told] == outside
    assert lines[-1][0] == "not counted"
    assert "best-off" in lines[-1][1]


def test_a_bank_that_sends_nothing_still_has_its_page() -> None:
    page = render(seen(contacts=little_bank()["contacts"].clear()), plausible(), "", "EUR")
    assert 'id="responses"' not in page
    assert "not counted" in page


def test_the_curve_of_profit_ends_at_the_whole() -> None:
    customers, share = simulated_figures.held(np.array([-50.0, 100.0, 150.0]))
    assert customers.tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert share.tolist() == pytest.approx([0, 0.75, 1.25, 1])


def test_the_page_is_written_beside_the_tables(tmp_path: Path) -> None:
    page = write_sanity(written(tmp_path), plausible(), command="facette simulate", currency="EUR")
    assert page.parent == tmp_path
    assert "Is this bank plausible?" in page.read_text(encoding="utf-8")
