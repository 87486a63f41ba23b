"""Upside covers its share in each band, is judged beside rules and itself, and feeds nothing."""

from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaged import Bundle, write_bundle
from worlds import admitted, churn_settings, data, panel_settings, shop

from facette.models.baselines import upside_forecasts
from facette.models.facets import Learned, conformal_curve, conformal_shift, learn_upside
from facette.models.judging import Judgement, judge
from facette.models.validation import seen_by_models
from facette.registry.packaging import as_rows, unconformalised
from facette.settings.models import Evaluation, UpsideModel
from facette.snapshots.panel import Panel, panel

TAU = 0.9


@pytest.fixture(scope="module")
def world() -> Panel:
    return panel(admitted(shop(4, customers=150)), panel_settings(), churn_settings(), data())


@pytest.fixture(scope="module")
def learned(world: Panel) -> Learned:
    trees = lightgbm.LGBMRegressor(
        objective="quantile", alpha=TAU, n_estimators=40, num_leaves=5, min_child_samples=10,
        random_state=7, n_jobs=1, verbosity=-1,
    )  # fmt: skip
    settings = UpsideModel("upside", None, None, folds=3, tau=TAU, bands=2)
    return learn_upside(world, settings, trees, 7)


@pytest.fixture(scope="module")
def bundle(learned: Learned, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("upside") / "bundle"
    write_bundle(folder, {"upside": learned.files}, {"data": "shop"})
    return Bundle.load(folder)


def drawn(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Quantiles that are too low by a factor, and outcomes that vary with them."""
    rng = np.random.default_rng(seed)
    scale = rng.lognormal(3, 0.5, n)
    return scale, scale * rng.exponential(size=n)


def test_each_band_is_covered_where_one_shift_for_all_is_not() -> None:
    raw, outcome = drawn(5000, 1)
    curve = conformal_curve(raw, outcome, TAU, 5)
    fresh, came = drawn(20_000, 2)
    covered = came <= np.interp(fresh, curve["x"], curve["y"])
    shifted = came <= fresh + conformal_shift(outcome - raw, TAU)
    fifth = pd.qcut(fresh, 5, labels=False)
    in_bands = pd.Series(covered).groupby(fifth).mean()
    assert (in_bands - TAU).abs().max() < 0.03
    assert (pd.Series(shifted).groupby(fifth).mean() - TAU).abs().max() > 0.08
    assert covered.mean() == pytest.approx(TAU, abs=0.015)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(-5, 50)), min_size=1, max_size=60),
    st.integers(1, 6),
)
def test_a_higher_quantile_never_ends_up_lower(rows: list[tuple[int, int]], bands: int) -> None:
    raw, outcome = np.array(rows, dtype=float).T
    curve = conformal_curve(raw, outcome, TAU, bands)
    assert (np.diff(curve["x"]) >= 0).all()
    assert (np.diff(curve["y"]) >= 0).all()
    assert np.isfinite(curve["y"]).all()


def test_beyond_the_largest_quantile_seen_the_last_shift_goes_on() -> None:
    raw, outcome = np.arange(1.0, 101.0), np.arange(1.0, 101.0) * 2
    told = conformal_curve(raw, outcome, 0.9, 4)
    at = np.interp([raw.max(), 500.0, 5_000.0], told["x"], told["y"])
    np.testing.assert_allclose(np.diff(at), [400.0, 4_500.0], rtol=1e-6)


def test_one_band_is_one_shift() -> None:
    raw, outcome = drawn(400, 3)
    curve = conformal_curve(raw, outcome, TAU, 1)
    shift = conformal_shift(outcome - raw, TAU)
    np.testing.assert_allclose(np.interp(raw, curve["x"], curve["y"]), raw + shift)


def judged_with(world: Panel, bundle: Bundle) -> Judgement:
    rows = as_rows(world.test)
    beside = unconformalised(bundle, rows)["upside"]
    scored = bundle.predict(rows)
    return judge("upside", world, scored, TAU, Evaluation(50, 0.95, 2, 1), 1, beside)


def test_it_is_judged_beside_rules_and_itself_unconformalised(world: Panel, bundle: Bundle) -> None:
    found = judged_with(world, bundle)
    names = ["model", "same_for_all", "spend_group", "unconformalised"]
    assert list(found.table.index) == names
    assert found.table.notna().all(axis=None)
    assert set(found.gains["opponent"]) <= {"same_for_all", "spend_group"}
    raw = bundle.raw("upside", as_rows(world.test))
    plain = (found.actual <= np.maximum(raw, 0)).mean()
    assert found.table.loc["unconformalised", "coverage"] == pytest.approx(plain)
    assert "upside/baseline/unconformalised/pinball" in found.metrics()


def test_a_level_of_past_spend_has_its_own_quantile(world: Panel) -> None:
    said = upside_forecasts(world, TAU)
    assert set(said) == {"same_for_all", "spend_group"}
    current = seen_by_models(world.test)["value_current"].to_numpy()
    most, least = current >= np.quantile(current, 0.8), current <= np.quantile(current, 0.2)
    assert said["spend_group"][most].mean() > said["spend_group"][least].mean()
    assert np.ptp(said["same_for_all"]) == 0


def test_upside_feeds_no_headroom(world: Panel, learned: Learned, tmp_path: Path) -> None:
    from facette.models.facets import learn_potential, learn_value
    from facette.settings.models import PotentialModel, ValueModel

    trees = {"n_estimators": 20, "num_leaves": 4, "n_jobs": 1, "verbosity": -1}
    value = learn_value(world, ValueModel("v", None, None, 3),
                        lightgbm.LGBMRegressor(objective="tweedie", **trees), 7)  # fmt: skip
    potential = learn_potential(
        world, PotentialModel("p", None, None, None, 3, TAU),
        lightgbm.LGBMRegressor(objective="quantile", alpha=TAU, **trees), 7,
    )  # fmt: skip
    both = {"value": value.files, "potential": potential.files}
    write_bundle(tmp_path / "without", both, {})
    write_bundle(tmp_path / "with", both | {"upside": learned.files}, {})
    rows = as_rows(world.test)
    without, with_ = (Bundle.load(tmp_path / n).predict(rows) for n in ("without", "with"))
    assert "upside" not in without
    assert (with_["upside"] >= 0).all()
    assert "drivers_upside" not in with_
    pd.testing.assert_series_equal(without["headroom"], with_["headroom"], check_exact=True)
