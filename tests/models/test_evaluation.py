"""Figures equal their formulas, a weight of two counts as two customers, intervals cover."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics

from facette.models import evaluation
from facette.models.evaluation import (
    COMPARED,
    HIGHER_IS_BETTER,
    calibration_bins,
    churn_metrics,
    coverage,
    decile_calibration,
    equal_mass,
    gains_curve,
    judged,
    normalised_gini,
    pinball,
    potential_metrics,
    value_metrics,
)

N = 300
RNG = np.random.default_rng(0)
SPENT = RNG.gamma(1, 100, N) * (RNG.random(N) < 0.7)
FORECAST = np.maximum(SPENT * 0.6 + RNG.normal(40, 50, N), 0)
LEFT = (RNG.random(N) < 0.25).astype(float)
RISK = np.clip(0.2 + 0.3 * LEFT + RNG.normal(0, 0.15, N), 0.01, 0.99)
WEIGHT = RNG.integers(0, 4, N)
ONES = np.ones(N)

Formula = Callable[[np.ndarray, np.ndarray, np.ndarray], float]
FORMULAS: dict[str, tuple[np.ndarray, np.ndarray, Formula]] = {
    "mae": (SPENT, FORECAST, lambda a, p, w: metrics.mean_absolute_error(a, p, sample_weight=w)),
    "total_ratio": (SPENT, FORECAST, lambda a, p, w: (w * p).sum() / (w * a).sum()),
    "log_loss": (LEFT, RISK, lambda a, p, w: metrics.log_loss(a, p, sample_weight=w)),
    "brier": (LEFT, RISK, lambda a, p, w: metrics.brier_score_loss(a, p, sample_weight=w)),
    "roc_auc": (LEFT, RISK, lambda a, p, w: metrics.roc_auc_score(a, p, sample_weight=w)),
    "pr_auc": (LEFT, RISK, lambda a, p, w: metrics.average_precision_score(a, p, sample_weight=w)),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("weight", [ONES, WEIGHT], ids=["plain", "weighted"])
def test_figures_equal_their_formulas(name: str, weight: np.ndarray) -> None:
    actual, predicted, formula = FORMULAS[name]
    found = getattr(evaluation, name)(actual, predicted, weight.astype(float))
    assert found == pytest.approx(formula(actual, predicted, weight))


@pytest.mark.parametrize("tau", [0.1, 0.5, 0.9])
def test_pinball_loss_equals_its_formula(tau: float) -> None:
    told = metrics.mean_pinball_loss(SPENT, FORECAST, alpha=tau, sample_weight=WEIGHT)
    assert pinball(tau)(SPENT, FORECAST, WEIGHT) == pytest.approx(told)


def test_rank_correlation_is_spearmans_and_a_constant_has_none() -> None:
    told = stats.spearmanr(SPENT, FORECAST).statistic
    assert evaluation.spearman(SPENT, FORECAST, ONES) == pytest.approx(told)
    assert np.isnan(evaluation.spearman(SPENT, ONES, ONES))


def gini_by_pairs(actual: np.ndarray, score: np.ndarray, weight: np.ndarray) -> float:
    """Over all pairs of customers, money put in the right order over money to be put in order."""
    apart = np.subtract.outer(actual, actual) * np.multiply.outer(weight, weight)
    return (apart * np.sign(np.subtract.outer(score, score))).sum() / np.abs(apart).sum()


@pytest.mark.parametrize("score", [FORECAST, np.round(FORECAST, -2), -SPENT], ids=str)
@pytest.mark.parametrize("weight", [ONES, WEIGHT], ids=["plain", "weighted"])
def test_normalised_gini_is_the_share_of_money_in_the_right_order(
    score: np.ndarray, weight: np.ndarray
) -> None:
    found = normalised_gini(SPENT, score, weight.astype(float))
    assert found == pytest.approx(gini_by_pairs(SPENT, score, weight))


def test_normalised_gini_of_a_yes_or_no_is_twice_the_area_under_roc_less_one() -> None:
    for score in (RISK, np.round(RISK, 1)):
        auc = metrics.roc_auc_score(LEFT, score)
        assert normalised_gini(LEFT, score, ONES) == pytest.approx(2 * auc - 1)


def test_normalised_gini_runs_from_minus_one_over_nothing_to_one() -> None:
    assert normalised_gini(SPENT, SPENT, ONES) == pytest.approx(1)
    assert normalised_gini(SPENT, -SPENT, ONES) == pytest.approx(-1)
    assert normalised_gini(SPENT, ONES, ONES) == pytest.approx(0)


@pytest.mark.parametrize(
    "score", [FORECAST, np.round(FORECAST, -2), ONES], ids=["fine", "ties", "constant"]
)
def test_the_order_of_customers_changes_no_figure(score: np.ndarray) -> None:
    turned = RNG.permutation(N)
    for figure in value_metrics().values():
        there, back = figure(SPENT, score, ONES), figure(SPENT[turned], score[turned], ONES)
        assert there == pytest.approx(back, nan_ok=True)
    np.testing.assert_allclose(
        gains_curve(SPENT, score)[1], gains_curve(SPENT[turned], score[turned])[1]
    )


COMPARED_FIGURES = [
    *((value_metrics()[m], SPENT, np.round(FORECAST, -1)) for m in COMPARED["value"]),
    *((figure, SPENT, FORECAST) for figure in potential_metrics(0.9).values()),
    *((churn_metrics()[m], LEFT, np.round(RISK, 2)) for m in (*COMPARED["churn"], "pr_auc")),
]


@pytest.mark.parametrize(("figure", "actual", "predicted"), COMPARED_FIGURES)
def test_a_customer_with_weight_n_counts_as_n_customers(
    figure: Formula, actual: np.ndarray, predicted: np.ndarray
) -> None:
    repeated = figure(
        np.repeat(actual, WEIGHT), np.repeat(predicted, WEIGHT), np.ones(WEIGHT.sum())
    )
    assert figure(actual, predicted, WEIGHT.astype(np.float32)) == pytest.approx(repeated, rel=1e-5)


DRAWS = RNG.multinomial(N, np.full(N, 1 / N), size=7).astype(float)


@pytest.mark.parametrize(("figure", "actual", "predicted"), COMPARED_FIGURES[:-1])
def test_many_draws_at_once_give_what_each_gives_alone(
    figure: Formula, actual: np.ndarray, predicted: np.ndarray
) -> None:
    alone = [figure(actual, predicted, drawn) for drawn in DRAWS]
    np.testing.assert_allclose(figure(actual, predicted, DRAWS), alone, rtol=1e-12)


def test_draws_without_money_or_without_one_class_are_missing_among_others() -> None:
    bought = (SPENT > 0).astype(float)
    draws = np.vstack([1 - bought, ONES])
    assert np.isnan(evaluation.roc_auc(bought, RISK, draws)).tolist() == [True, False]
    with np.errstate(invalid="ignore"):
        assert np.isnan(normalised_gini(SPENT, RISK, draws)).tolist() == [True, False]
    assert np.isnan(normalised_gini(ONES, RISK, draws)).all()


@pytest.mark.parametrize("at_once", [1, 3 * N, 10**9])
def test_intervals_do_not_depend_on_how_many_draws_are_worked_on_at_once(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rivals = {"model": FORECAST, "base": np.round(FORECAST, -2) + 30}
    usual = judged("value", SPENT, rivals, value_metrics(), 50, 0.9, 1).gains
    monkeypatch.setattr(evaluation, "CELLS_AT_ONCE", at_once)
    found = judged("value", SPENT, rivals, value_metrics(), 50, 0.9, 1).gains
    pd.testing.assert_frame_equal(found, usual, rtol=1e-12)


def test_calibration_error_is_the_mean_gap_over_ten_equal_bins() -> None:
    order = np.argsort(RISK)
    bins = np.array_split(order, 10)
    gaps = [abs(RISK[b].mean() - LEFT[b].mean()) for b in bins]
    assert evaluation.ece(LEFT, RISK, ONES) == pytest.approx(np.mean(gaps))
    rates = [(LEFT[b].mean() - LEFT.mean()) ** 2 for b in bins]
    assert evaluation.resolution(LEFT, RISK, ONES) == pytest.approx(np.mean(rates))


def test_a_constant_is_calibrated_and_resolves_nothing() -> None:
    constant = np.full(N, LEFT.mean())
    assert evaluation.ece(LEFT, constant, ONES) == pytest.approx(0)
    assert evaluation.resolution(LEFT, constant, ONES) == pytest.approx(0)


def test_equal_scores_are_never_put_in_two_bins() -> None:
    ties = np.round(RISK, 1)
    bins = equal_mass(ties)
    assert all(len(set(bins[ties == score])) == 1 for score in set(ties))
    assert set(bins) == set(range(bins.max() + 1))


def test_bins_hold_everybody_and_their_intervals_hold_the_rate() -> None:
    table = calibration_bins(LEFT, RISK)
    assert table["n"].sum() == N
    assert ((table["low"] <= table["observed"]) & (table["observed"] <= table["high"])).all()
    assert decile_calibration(SPENT, FORECAST)["n"].sum() == N
    interval = stats.binomtest(int(table["observed"][9] * table["n"][9] + 0.5), int(table["n"][9]))
    wilson = interval.proportion_ci(method="wilson")
    assert table["high"][9] == pytest.approx(wilson.high, abs=1e-4)


def test_top_decile_lift_is_the_rate_there_over_the_rate_of_all() -> None:
    top = np.argsort(-RISK)[:30]
    assert evaluation.top_decile_lift(LEFT, RISK, ONES) == pytest.approx(
        LEFT[top].mean() / LEFT.mean()
    )


def test_coverage_counts_who_stays_at_or_below_the_quantile() -> None:
    assert coverage(np.array([1.0, 2, 3, 4]), np.array([1.0, 1, 9, 9]), np.ones(4)) == 0.75


def test_bootstrap_draws_as_many_customers_as_there_are() -> None:
    weights = evaluation.bootstrap_weights(50, 30, seed=1)
    assert (weights.sum(axis=1) == 50).all()
    assert (weights == evaluation.bootstrap_weights(50, 30, seed=1)).all()
    assert (weights != evaluation.bootstrap_weights(50, 30, seed=2)).any()


def gain_of(seed: int, n: int = 200) -> tuple[float, float, float]:
    """Gain and interval of a forecast off by 1 over one off by 2, in mean absolute error / 2."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=n)
    rivals = {"model": truth + rng.normal(0, 1, n), "rival": truth + rng.normal(0, 2, n),
              "worse": truth + rng.normal(0, 9, n), "absent": None}  # fmt: skip
    found = judged("potential", truth, rivals, {"pinball": pinball(0.5)}, 150, 0.95, seed)
    metric, opponent, *figures = found.gains.iloc[0]
    assert (metric, opponent) == ("pinball", "rival")
    assert np.isnan(found.table.loc["absent", "pinball"])
    return tuple(figures)


def test_the_interval_covers_a_known_gain_as_often_as_it_says() -> None:
    known = np.sqrt(2 / np.pi) * (2 - 1) / 2
    found = np.array([gain_of(seed) for seed in range(60)])
    covered = (found[:, 1] <= known) & (known <= found[:, 2])
    assert 52 <= covered.sum() <= 60
    assert (found[:, 1] > 0).all()
    assert found[:, 0].mean() == pytest.approx(known, abs=0.03)


@pytest.mark.parametrize("metric", COMPARED["churn"])
def test_gain_is_above_zero_for_the_better_forecast_whatever_the_metric(metric: str) -> None:
    rivals = {"model": np.clip(LEFT, 0.05, 0.95), "base": RISK}
    gains = judged("churn", LEFT, rivals, churn_metrics(), 20, 0.9, 1).gains.set_index("metric")
    assert (gains.loc[metric, ["gain", "low", "high"]] > 0).all()
    assert (metric in HIGHER_IS_BETTER) == (metric == "roc_auc")


def test_draws_without_a_single_leaver_do_not_spoil_the_interval() -> None:
    left = np.zeros(60)
    left[:2] = 1
    rivals = {"model": RISK[:60], "base": np.full(60, 2 / 60)}
    gains = judged("churn", left, rivals, churn_metrics(), 100, 0.95, 1).gains
    assert np.isfinite(gains[["gain", "low", "high"]].to_numpy()).all()


def test_where_no_baseline_is_available_there_is_no_gain_to_speak_of() -> None:
    found = judged(
        "value", SPENT, {"model": FORECAST, "year_ago": None}, value_metrics(), 5, 0.9, 1
    )
    assert found.gains.empty
    assert found.table.loc["year_ago"].isna().all()
