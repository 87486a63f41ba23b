"""Segmentations of one shop, judged side by side."""

from dataclasses import replace

import numpy as np
import pytest
from worlds import admitted, churn_settings, data, panel_settings, shop

from facette.segments.applied import Chosen, applied, fitted_of, known_at, two_views
from facette.segments.pareto import TierSegments
from facette.segments.rfm import RfmSegments
from facette.segments.side_by_side import SideBySide, side_by_side
from facette.settings.segments import ThreeTests
from facette.snapshots.catalogue import catalogue
from facette.snapshots.panel import Panel, panel
from facette.tables.contract import Tables

BARS = ThreeTests(2, 0.75, 0.5, 0.5, 0.02, 12, 0.5, 30, 1000, 100.0, 10.0)
CHOSEN = {
    "value_tiers": ("profitability", TierSegments("value_current", ["a", "b"], [0.2, 0.8])),
    "again": ("profitability", TierSegments("value_current", ["x", "y"], [0.2, 0.8])),
    "rfm": ("profitability", RfmSegments("recency_days", None, "value_current", 3)),
    "absent": ("need", TierSegments("wealth", ["a", "b"], [0.2, 0.8])),
}


@pytest.fixture(scope="module")
def tables() -> Tables:
    return admitted(shop(3, customers=120))


@pytest.fixture(scope="module")
def dated(tables: Tables) -> Panel:
    return panel(tables, panel_settings(), churn_settings(), data())


def judged_of(dated: Panel, tables: Tables, *names: str) -> SideBySide:
    chosen = {n: Chosen(*CHOSEN[n], optional=True) for n in names}
    fitted, off = fitted_of(chosen, dated, 0)
    views = [known_at(view) for view in two_views(dated, 0)]
    cuts = [applied(n, one, *views, BARS.resamples, 0) for n, one in fitted.items()]
    # few criteria, since it is not they that are asked about
    known = dict(list(catalogue(dated.spec).items())[:6])
    return side_by_side(cuts, off, tables, dated, known, BARS, 0.95, 0)


@pytest.fixture(scope="module")
def side(dated: Panel, tables: Tables) -> SideBySide:
    return judged_of(dated, tables, *CHOSEN)


def test_value_tiers_are_held_against_one_mean_and_others_against_the_tiers(
    side: SideBySide,
) -> None:
    tiers = side.judged["value_tiers"]
    assert tiers.pertinence["value"].gain == tiers.pertinence["value"].alone
    assert "that one mean for all leaves" in tiers.verdict
    again = side.judged["again"]
    assert again.pertinence["value"].gain == 0
    assert again.pertinence["value"].alone == pytest.approx(tiers.pertinence["value"].alone)
    assert "that value tiers leave open" in again.verdict


def test_what_repeats_another_is_said(side: SideBySide) -> None:
    assert side.agreement.loc["value_tiers", "again"] == pytest.approx(1)
    assert any("value_tiers and again" in said for said in side.redundant)


def test_what_cannot_be_had_is_told_and_the_rest_is_judged(side: SideBySide) -> None:
    assert list(side.off) == ["absent"]
    assert list(side.judged) == list(side.by_name) == list(side.told())
    assert set(side.bill["segmentation"]) == {*side.judged, "crossed"}


def test_metrics_are_named_and_are_numbers(side: SideBySide) -> None:
    figures = side.metrics()
    assert figures["segmentation/rfm/practical"] in (0.0, 1.0)
    assert figures["segmentation/rfm/value_beyond_tier_low"] <= figures[
        "segmentation/rfm/value_beyond_tier"
    ]  # fmt: skip
    assert all(np.isscalar(v) for v in figures.values())


def test_without_value_tiers_one_mean_for_all_is_the_opponent(dated: Panel, tables: Tables) -> None:
    alone = judged_of(dated, tables, "rfm").judged["rfm"]
    assert alone.pertinence["value"].gain == alone.pertinence["value"].alone


def test_data_in_which_nothing_was_randomised_are_judged_without_answers(
    dated: Panel, tables: Tables
) -> None:
    frames = {n: f for n, f in tables.frames.items() if n != "contacts"}
    without = replace(tables, frames=frames)
    found = judged_of(dated, without, "value_tiers").judged["value_tiers"]
    assert found.response is None
    assert found.price is None
    assert "answer contacts" not in found.verdict
