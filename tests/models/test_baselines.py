"""What a model has to beat: as published where it is, and never a zero for what is unknown."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator
from worlds import START, admitted, churn_settings, data, panel_settings, shop

from facette.models import baselines
from facette.models.baselines import (
    LogisticBaseline,
    NaiveForecast,
    buy_till_you_die,
    churn_forecasts,
    potential_forecasts,
    value_forecasts,
)
from facette.models.judging import judge
from facette.settings.models import Evaluation
from facette.snapshots.panel import Panel, panel
from facette.tables.installed import installed_file


@pytest.fixture(scope="module")
def world() -> Panel:
    tables = admitted(shop(4, customers=120))
    return panel(tables, panel_settings(), churn_settings(), data())


@pytest.mark.parametrize("estimator", [NaiveForecast(), LogisticBaseline()])
def test_baselines_keep_the_contract_of_scikit_learn(estimator: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the checks themselves raise warnings on purpose
        told = check_estimator(estimator, on_skip=None)
    assert len(told) > 40


def test_a_naive_forecast_is_the_first_column_times_a_factor() -> None:
    x = pd.DataFrame({"spend": [1.0, np.nan, 4.0], "other": [9.0, 9.0, 9.0]})
    fitted = NaiveForecast(factor=2.0).fit(x, np.zeros(3))
    assert fitted.predict(x).tolist() == [2.0, 5.0, 8.0]
    assert clone(fitted).get_params() == {"factor": 2.0}
    told = fitted.as_linear()
    line = told["intercept"] + (x.fillna(2.5) - told["center"]) @ np.array(told["coefficients"])
    np.testing.assert_allclose(line, fitted.predict(x))


def test_the_logistic_baseline_is_told_as_a_line() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(3, 2, (200, 3))
    y = (x[:, 0] + rng.normal(size=200) > 3).astype(int)
    x[::9, 1] = np.nan
    fitted, told = LogisticBaseline().fit(x, y), LogisticBaseline().fit(x, y).as_linear()
    moved = np.where(np.isnan(x), 0, x - told["center"])
    odds = told["intercept"] + moved @ np.array(told["coefficients"])
    np.testing.assert_allclose(1 / (1 + np.exp(-odds)), fitted.predict_proba(x)[:, 1])


def test_a_window_that_is_not_there_is_not_available_and_not_zero(world: Panel) -> None:
    forecasts, _ = value_forecasts(world)
    assert forecasts["year_ago"] is None
    assert forecasts["last_window"] is not None
    assert all(np.isfinite(f).all() for f in forecasts.values() if f is not None)
    scored = pd.DataFrame({"value_expected": forecasts["ridge_rfm"]})
    found = judge(
        "value", world, scored, 0.9, Evaluation(resamples=5, confidence=0.9, folds=2, repeats=1), 1
    )
    assert found.table.loc["year_ago"].isna().all()
    assert np.isnan(found.metrics()["value/baseline/year_ago/mae"])
    assert "year_ago" not in set(found.gains["opponent"])


def test_naive_forecasts_are_what_they_say(world: Panel) -> None:
    forecasts, _ = value_forecasts(world)
    context = world.test.context
    np.testing.assert_array_equal(forecasts["last_window"], context["value_current"])
    np.testing.assert_array_equal(forecasts["annualised"], context["value_annualised"])
    assert (forecasts["ridge_rfm"] >= 0).all()


def test_ridge_on_rfm_beats_a_constant(world: Panel) -> None:
    forecast, actual = value_forecasts(world)[0]["ridge_rfm"], world.test.outcomes["value"]
    assert np.abs(forecast - actual).mean() < np.abs(actual.mean() - actual).mean()


def test_quantiles_of_potential_cover_about_what_they_say(world: Panel) -> None:
    actual = world.test.outcomes["value"].to_numpy()
    for forecast in potential_forecasts(world, 0.9).values():
        assert 0.75 <= (actual <= forecast).mean() <= 0.98


def test_churn_forecasts_are_probabilities_of_the_active(world: Panel) -> None:
    active = world.test.outcomes["churned"].notna().to_numpy()
    forecasts = churn_forecasts(world, active)
    assert set(forecasts) == {"base_rate", "recency", "logistic_rfm"}
    for forecast in forecasts.values():
        assert forecast.shape == (active.sum(),)
        assert ((forecast > 0) & (forecast < 1)).all()


def days_between(early: pl.Expr, late: pl.Expr) -> pl.Expr:
    return (late - early).dt.total_days().cast(pl.Float64)


def cohort() -> pd.DataFrame:
    """The tenth of CDNOW of Fader, Hardie & Lee until 1997-09-30: one row a customer, in days."""
    lines = installed_file("lifetimes", "CDNOW_sample.txt").read_text().splitlines()
    fields = [line.split() for line in lines if line.split()[0].isdigit()]
    frame = pl.DataFrame(
        {
            "customer": [f[1] for f in fields],
            "date": [f[2] for f in fields],
            "amount": [float(f[-1]) for f in fields],
        }
    )
    end = pl.date(1997, 9, 30)
    days = (
        frame.with_columns(pl.col("date").str.to_date("%Y%m%d"))
        .filter(pl.col("date") <= end)
        .group_by("customer", "date")
        .agg(pl.col("amount").sum())
        .with_columns(first=pl.col("date").min().over("customer"))
    )
    return (
        days.group_by("customer")
        .agg(
            history_days=pl.len().cast(pl.Float64),
            history_recency_days=days_between(pl.col("first").min(), pl.col("date").max()),
            tenure_days=days_between(pl.col("first").min(), end),
            history_repeat_value=pl.col("amount").filter(pl.col("date") > pl.col("first")).sum(),
        )
        .sort("customer")
        .to_pandas()
    )  # fmt: skip


@contextmanager
def quiet_lifetimes() -> Iterator[Any]:
    """The library's fitter, its own deprecated calls passed over and no other."""
    with warnings.catch_warnings():
        for module in ("lifetimes", "autograd"):
            warnings.filterwarnings("ignore", module=rf"{module}(\..*)?")
        import lifetimes

        yield lifetimes


def test_bg_nbd_gives_the_published_parameters_on_the_cdnow_tenth() -> None:
    base = cohort()
    assert len(base) == 2357
    with quiet_lifetimes() as lifetimes:
        fitted = lifetimes.BetaGeoFitter(penalizer_coef=0.0).fit(
            base["history_days"] - 1, base["history_recency_days"] / 7, base["tenure_days"] / 7
        )
    published = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
    assert dict(fitted.params_) == pytest.approx(published, rel=0.01)


def test_our_forecast_in_days_is_that_of_the_published_model_in_weeks() -> None:
    base = cohort()
    frequency, spend = base["history_days"] - 1, base["history_repeat_value"]
    each = np.where(frequency > 0, spend / np.maximum(frequency, 1), 0)
    again = (frequency > 0) & (each > 0)
    with quiet_lifetimes() as lifetimes:
        weeks = frequency, base["history_recency_days"] / 7, base["tenure_days"] / 7
        visits = lifetimes.BetaGeoFitter(penalizer_coef=0.0).fit(*weeks)
        money = lifetimes.GammaGammaFitter(penalizer_coef=0.0).fit(frequency[again], each[again])
        calls = visits.conditional_expected_number_of_purchases_up_to_time(13, *weeks)
        told = calls * money.conditional_expected_average_profit(frequency, pd.Series(each))
    ours, _ = buy_till_you_die(base, 91)
    assert ours is not None
    np.testing.assert_allclose(ours, told, rtol=0.02)
    assert ours.sum() == pytest.approx(told.sum(), rel=0.005)


def test_leads_leave_the_forecast_of_customers_alone_and_are_expected_to_buy_nothing() -> None:
    base = cohort()
    leads = base.head(100).assign(
        history_days=0, history_recency_days=np.nan, tenure_days=np.nan, history_repeat_value=0.0
    )
    alone, _ = buy_till_you_die(base, 91)
    beside, _ = buy_till_you_die(pd.concat([base, leads], ignore_index=True), 91)
    assert alone is not None
    assert beside is not None
    np.testing.assert_allclose(beside[: len(base)], alone, rtol=1e-6)
    assert (beside[len(base) :] == 0).all()


def test_too_few_who_bought_again_is_said() -> None:
    few = cohort().head(40)
    assert buy_till_you_die(few, 91) == (
        None,
        "not available, fewer than 50 customers bought again",
    )


def test_a_forecast_that_cannot_be_fitted_is_said_and_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with quiet_lifetimes() as lifetimes:

        def failing(*_: object, **__: object) -> None:
            raise ValueError("no convergence")

        monkeypatch.setattr(lifetimes.BetaGeoFitter, "fit", failing)
        forecast, said = buy_till_you_die(cohort(), 91)
    assert forecast is None
    assert "did not converge" in str(said)


def test_frequency_that_goes_with_spend_is_said() -> None:
    base = cohort()
    tied = base.assign(history_repeat_value=(base["history_days"] - 1) ** 2 * 10.0)
    _, said = buy_till_you_die(tied, 91)
    assert said is not None


def test_a_shorter_history_has_fewer_baselines() -> None:
    lines = shop(4, customers=60)["transactions"]
    early = {"transactions": lines.filter(pl.col("occurred_at") < START + timedelta(days=130))}
    dates = [(START + timedelta(days=d)).date().isoformat() for d in (40, 74)]
    settings = panel_settings(reference_dates=dates, horizon_days=30, observation_days=40)
    made = panel(admitted(early), settings, churn_settings(), data())
    assert baselines.value_forecasts(made)[0]["year_ago"] is None
