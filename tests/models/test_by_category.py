"""Headroom by category: what comes after the date in that category, learnt and packaged apart."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import polars as pl
import pytest
from packaged import Bundle, write_bundle
from worlds import Frames, admitted, churn_settings, data, panel_settings, shop

from facette.models.baselines import NaiveForecast
from facette.models.by_category import (
    Categories,
    column_of,
    judge_by_category,
    learn_by_category,
    panels_by_category,
)
from facette.models.facets import learn_potential, learn_value
from facette.registry.packaging import as_rows, scored_alone
from facette.settings.models import Evaluation, Models, PotentialModel, ValueModel
from facette.snapshots.panel import Panel, panel

TREES: dict[str, Any] = {
    "n_estimators": 30, "num_leaves": 4, "min_child_samples": 10, "random_state": 7,
    "deterministic": True, "force_row_wise": True, "n_jobs": 1, "verbosity": -1,
}  # fmt: skip
VALUE = lightgbm.LGBMRegressor(objective="tweedie", **TREES)
POTENTIAL = lightgbm.LGBMRegressor(objective="quantile", alpha=0.9, **TREES)
MODELS = Models(
    value=ValueModel("v", None, None, 3),
    potential=PotentialModel("p", None, None, None, 3, 0.9, 2),
)


@pytest.fixture(scope="module")
def frames() -> Frames:
    return shop(4, customers=150)


@pytest.fixture(scope="module")
def world(frames: Frames) -> Panel:
    return panel(admitted(frames), panel_settings(), churn_settings(), data())


@pytest.fixture(scope="module")
def panels(frames: Frames, world: Panel) -> dict[str, Panel]:
    return panels_by_category(admitted(frames), world, 2)


@pytest.fixture(scope="module")
def learnt(panels: dict[str, Panel]) -> Categories:
    return learn_by_category(panels, MODELS, POTENTIAL, VALUE, 7)


@pytest.fixture(scope="module")
def bundle(learnt: Categories, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("categories") / "bundle"
    write_bundle(folder, {"categories": learnt.files}, {"data": "shop"})
    return Bundle.load(folder)


def test_the_largest_categories_stored_with_the_version_are_told_apart(
    frames: Frames, world: Panel, panels: dict[str, Panel]
) -> None:
    assert tuple(panels) == world.spec.categories[:2]
    everything = panels_by_category(admitted(frames), world, 99)
    assert tuple(everything) == world.spec.categories


def test_value_in_a_category_is_the_net_of_its_lines_in_the_window(
    frames: Frames, world: Panel, panels: dict[str, Panel]
) -> None:
    lines = admitted(frames)["transactions"].collect("pandas").to_native()
    money = "margin" if "margin" in world.spec.columns else "amount"
    rate = 1.0 if money == "margin" else world.spec.margin_rate
    for category, told in panels.items():
        for snapshot in told.snapshots:
            start = (pd.Timestamp(snapshot.reference_date) - pd.Timestamp(0)).value // 1000
            end = start + world.spec.horizon_days * 86400 * 10**6
            inside = lines[(lines.occurred_at >= start) & (lines.occurred_at < end)]
            own = inside[inside.category == category].groupby("customer_id")[money].sum()
            expected = own.reindex(snapshot.features.index).fillna(0) / 100 * rate
            np.testing.assert_allclose(snapshot.outcomes["value"], expected)
            assert (expected != 0).any()


def test_lines_outside_the_window_change_nothing(
    frames: Frames, world: Panel, panels: dict[str, Panel]
) -> None:
    start = world.training[0].reference_date
    inside = pl.col("occurred_at").is_between(
        start, start + timedelta(days=world.spec.horizon_days), closed="left"
    )
    amount = pl.when(inside).then(pl.col("amount")).otherwise(2 * pl.col("amount"))
    other = frames["transactions"].with_columns(amount=amount)
    again = panels_by_category(admitted(frames | {"transactions": other}), world, 2)
    for category, told in panels.items():
        of_first, of_test = (
            [told.training[0].outcomes["value"], again[category].training[0].outcomes["value"]],
            [told.test.outcomes["value"], again[category].test.outcomes["value"]],
        )
        pd.testing.assert_series_equal(*of_first)
        assert not of_test[0].equals(of_test[1])


def test_nothing_else_of_the_panel_changes(world: Panel, panels: dict[str, Panel]) -> None:
    for told in panels.values():
        for own, whole in zip(told.snapshots, world.snapshots, strict=True):
            assert own.features is whole.features
            assert own.outcomes["churned"].equals(whole.outcomes["churned"])
            assert not own.outcomes["value"].equals(whole.outcomes["value"])


def test_the_package_gives_what_peers_bring_beyond_what_is_expected(
    world: Panel, panels: dict[str, Panel], bundle: Bundle
) -> None:
    scored = bundle.predict(as_rows(world.test))
    columns = [column_of(category) for category in panels]
    assert [c for c in scored if c.startswith("headroom")] == columns
    for category, column in zip(panels, columns, strict=True):
        told = panels[category]
        potential = learn_potential(told, MODELS.potential, POTENTIAL, 7)
        expected = learn_value(told, MODELS.value, VALUE, 7)
        beyond = scored_alone("potential", potential, world.test) - scored_alone(
            "value", expected, world.test
        )
        np.testing.assert_array_equal(scored[column], np.maximum(0, beyond))
    assert bundle.parts == ["categories"]


def test_each_category_is_judged_by_what_came_in_it(
    world: Panel, panels: dict[str, Panel], learnt: Categories, bundle: Bundle
) -> None:
    rows = as_rows(world.test)
    potential, scored = bundle.categories.potential(rows), bundle.predict(rows)
    table = judge_by_category(learnt, potential, scored, 0.9, Evaluation(50, 0.95, 2, 1), 1)
    assert table["category"].tolist() == list(panels)
    for row in table.itertuples():
        came = panels[row.category].test.outcomes["value"].to_numpy()
        assert row.coverage == pytest.approx((came <= potential[row.column]).mean())
        assert row.headroom == pytest.approx(scored[row.column].sum())
        assert row.customers == (scored[row.column] > 0).sum()
        assert 0 < row.pinball < np.inf
        assert 0 < row.peer_group < np.inf


def test_where_value_is_no_lightgbm_potentials_learns_what_is_expected(
    panels: dict[str, Panel], learnt: Categories
) -> None:
    own = Models(value=ValueModel("naive", None, ["value_current"], 3), potential=MODELS.potential)
    other = learn_by_category(panels, own, POTENTIAL, NaiveForecast(), 7)
    assert set(other.files) == set(learnt.files)
    assert b"objective=tweedie" in other.files["expected_0.txt"]
    assert len(other.files["expected_0.txt"]) > 1000


def test_no_customers_give_no_rows(world: Panel, bundle: Bundle, tmp_path: Path) -> None:
    rows = as_rows(world.test)
    none, some = bundle.predict(rows[:0]), bundle.predict(rows)
    assert len(none) == 0
    assert none.dtypes.equals(some.dtypes)
