"""Profit equals its published form and brute force; whose value is whose counts, its unit not."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from facette.errors import BadInput
from facette.models.judging import Judgement, with_profit
from facette.models.profit import expected_maximum_profit, profit_curve
from facette.settings.models import Retention
from facette.snapshots.panel import Panel, Snapshot
from facette.snapshots.spec import WideSpec

GOLDEN = Path(__file__).parents[3] / "shared" / "golden" / "empc_cases.json"
ASSUMED = Retention(incentive_share=0.1, contact_cost=0.5, alpha=6, beta=14)
Case = dict[str, Any]


def golden_cases() -> list[Case]:
    if not GOLDEN.is_file():
        pytest.skip(f"the published cases are absent: {'/'.join(GOLDEN.parts[-3:])}")
    cases: list[Case] = json.loads(GOLDEN.read_text())
    return cases


def case(seed: int, n: int = 40) -> Case:
    """A ranking that is right at times, with ties, of customers some of whom bring nothing."""
    draw = np.random.default_rng(seed)
    churned = (draw.random(n) < 0.4).astype(float)
    return {
        "churned": churned,
        "score": np.round(0.5 * churned + draw.random(n), draw.integers(1, 4)),
        "value": draw.gamma(1, 100, n) * (draw.random(n) < 0.8),
        "incentive": float(draw.choice([0, 5, 40])),
        "contact_cost": float(draw.choice([0, 1, 8])),
        "alpha": float(draw.choice([0.5, 1, 6])),
        "beta": float(draw.choice([0.7, 2, 14])),
    }


def profits(gamma: np.ndarray, of: Case) -> tuple[np.ndarray, np.ndarray]:
    """Profit a customer (gammas, cuts) as the paper tells it, and the share contacted (cuts,)."""
    least = np.r_[np.inf, np.unique(of["score"])[::-1]]
    contacted = of["score"] >= least[:, None]
    kept = gamma[:, None] * (of["value"] - of["incentive"])
    each = np.where(of["churned"] == 1, kept, -of["incentive"]) - of["contact_cost"]
    return each @ contacted.T / len(of["churned"]), contacted.mean(axis=1)


def by_brute_force(of: Case) -> tuple[float, float]:
    """The best cut of each of many acceptances, which are as likely as one another."""
    likely = stats.beta(of["alpha"], of["beta"]).ppf((np.arange(8000) + 0.5) / 8000)
    made, share = profits(likely, of)
    best = made.round(9).argmax(axis=1)  # of equal ones, the least
    return float(made.max(axis=1).mean()), float(share[best].mean())


def test_equal_values_give_the_published_figures() -> None:
    for golden in golden_cases():
        told = golden["params"]
        asked = (
            np.array(golden["churned"]), np.array(golden["scores"]), told["clv"], told["d"],
            told["f"], told["alpha"], told["beta"],
        )  # fmt: skip
        found, (share, profit) = expected_maximum_profit(*asked), profit_curve(*asked)
        assert found.profit == pytest.approx(golden["empc"], abs=1e-6)
        assert found.fraction == pytest.approx(golden["fraction"], abs=1e-6)
        assert profit.max() == pytest.approx(golden["mp"], abs=1e-6)
        assert share[profit.argmax()] == pytest.approx(golden["mp_fraction"], abs=1e-6)


@pytest.mark.parametrize("seed", range(12))
def test_own_values_give_what_trying_every_cut_gives(seed: int) -> None:
    of = case(seed)
    profit, fraction = by_brute_force(of)
    found = expected_maximum_profit(**of)
    assert found.profit == pytest.approx(profit, rel=2e-3, abs=2e-3)
    assert found.fraction == pytest.approx(fraction, abs=2e-3)


def test_the_integral_is_exact() -> None:
    of = case(3) | {"alpha": 6.0, "beta": 14.0, "incentive": 5.0, "contact_cost": 1.0}
    gamma = np.linspace(0, 1, 200_001)
    best, density = profits(gamma, of)[0].max(axis=1), stats.beta(6, 14).pdf(gamma)
    wanted = integrate.simpson(best * density, x=gamma)
    assert wanted > 1
    assert expected_maximum_profit(**of).profit == pytest.approx(wanted, abs=1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_one_value_for_all_is_the_same_as_that_value_for_each(seed: int) -> None:
    of = case(seed) | {"value": 80.0}
    one = expected_maximum_profit(**of)
    each = expected_maximum_profit(**of | {"value": np.full(40, 80.0), "incentive": np.full(
        40, of["incentive"])})  # fmt: skip
    assert each == one


def test_values_that_change_hands_change_the_profit() -> None:
    of = case(1) | {"incentive": 5.0, "contact_cost": 1.0, "alpha": 6.0, "beta": 14.0}
    found = expected_maximum_profit(**of)
    turned = expected_maximum_profit(**of | {"value": of["value"][::-1].copy()})
    assert found.profit > 0
    assert abs(turned.profit - found.profit) > 0.01


def test_the_order_of_rows_does_not_count_even_among_ties() -> None:
    of = case(5) | {"score": np.tile([0.2, 0.6], 20)}
    turned = {k: v[::-1] if isinstance(v, np.ndarray) else v for k, v in of.items()}
    assert expected_maximum_profit(**turned) == pytest.approx(expected_maximum_profit(**of))
    assert profit_curve(**turned)[0].tolist() == profit_curve(**of)[0].tolist() == [0, 0.5, 1]


def test_one_score_for_all_means_everyone_or_nobody() -> None:
    of = case(2) | {"score": np.zeros(40)}
    profit, fraction = by_brute_force(of)
    found = expected_maximum_profit(**of)
    assert found == pytest.approx((profit, fraction), abs=2e-3)
    assert profit_curve(**of)[0].tolist() == [0, 1]


def test_where_nobody_leaves_nobody_is_contacted() -> None:
    of = case(1) | {"churned": np.zeros(40), "incentive": 5.0}
    assert expected_maximum_profit(**of) == (0, 0)
    assert profit_curve(**of)[1].argmax() == 0


def test_where_all_leave_everyone_is_contacted_once_acceptance_pays_the_contact() -> None:
    churned, score = np.ones(50), np.linspace(0, 1, 50)
    found = expected_maximum_profit(churned, score, 105, 5, 20, 2, 3)
    pays = stats.beta(2, 3).sf(0.2)  # from gamma = 20 / (105 - 5)
    mean_above = 0.4 * stats.beta(3, 3).sf(0.2)
    assert found.fraction == pytest.approx(pays)
    assert found.profit == pytest.approx(100 * mean_above - 20 * pays)


@pytest.mark.parametrize("factor", [0.01, 3.0, 1e6])
def test_another_currency_scales_the_profit_and_contacts_the_same(factor: float) -> None:
    of = case(7)
    money = {name: factor * of[name] for name in ("value", "incentive", "contact_cost")}
    found, scaled = expected_maximum_profit(**of), expected_maximum_profit(**of | money)
    assert scaled.profit == pytest.approx(factor * found.profit)
    assert scaled.fraction == pytest.approx(found.fraction)


def test_only_the_order_of_scores_counts() -> None:
    of = case(8)
    assert expected_maximum_profit(**of | {"score": np.exp(3 * of["score"])}) == (
        expected_maximum_profit(**of)
    )


@pytest.mark.parametrize("seed", range(6))
def test_to_know_acceptance_is_worth_something_unless_it_is_sure(seed: int) -> None:
    of = case(seed) | {"alpha": 6.0, "beta": 14.0}
    best = profit_curve(**of)[1].max()
    assert expected_maximum_profit(**of).profit >= best - 1e-12
    sure = expected_maximum_profit(**of | {"alpha": 6e7, "beta": 14e7})
    assert sure.profit == pytest.approx(best, abs=1e-3)


@pytest.mark.parametrize(("changed", "word"), [
    ({"churned": np.array([0, 1, 2])}, "0 and 1"), ({"churned": np.array([])}, "churned"),
    ({"score": np.zeros(2)}, "score"), ({"score": 0.5}, "score"),
    ({"score": np.array([0, np.nan, 1])}, "score: 1 of 3"), ({"value": np.zeros(2)}, "value"),
    ({"value": np.nan}, "value"), ({"incentive": -1.0}, "incentive"),
    ({"contact_cost": np.inf}, "contact_cost"), ({"alpha": 0.0}, "alpha"), ({"beta": -1.0}, "beta"),
])  # fmt: skip
@pytest.mark.parametrize("figure", [expected_maximum_profit, profit_curve])
def test_what_is_no_ranking_or_no_cost_is_refused(figure: Any, changed: Case, word: str) -> None:
    of = {"churned": np.array([0, 1, 1]), "score": np.arange(3), "value": 9.0, "incentive": 1.0,
          "contact_cost": 1.0}  # fmt: skip
    figure(**of)
    with pytest.raises(BadInput, match=word):
        figure(**of | changed)


def judged_churn(churned: np.ndarray, current: np.ndarray) -> tuple[Judgement, Panel]:
    """Churn judged by two forecasters and one not available, over those of known outcome."""
    index = pd.RangeIndex(len(churned)).astype("str")
    snapshot = Snapshot(
        None, pd.DataFrame(index=index),
        pd.DataFrame({"value_current": current, "active": 1.0}, index=index),
        pd.DataFrame({"value": np.nan, "churned": churned}, index=index),
    )  # fmt: skip
    actual = churned[~np.isnan(churned)]
    scores = {"model": actual + np.arange(len(actual)) / 100, "base_rate": np.zeros(len(actual)),
              "recency": None}  # fmt: skip
    table = pd.DataFrame({"log_loss": [0.1, 0.2, np.nan]}, index=list(scores))
    judgement = Judgement("churn", table, pd.DataFrame(), actual, scores)
    return judgement, Panel([snapshot], snapshot, WideSpec((), (), ()))


CHURNED = np.array([1, 0, 1, np.nan, 0, 1, 0, 0])
CURRENT = np.array([40.0, 90, np.nan, 1e6, -30, 70, 20, 50])
COUNTED = np.array([40.0, 90, 0, 0, 70, 20, 50])


def test_each_forecaster_is_told_by_the_own_values_of_customers_judged() -> None:
    churn, panel = judged_churn(CHURNED, CURRENT)
    scored = pd.DataFrame({"value_expected": np.full(8, 5.0)})
    told = with_profit(churn, panel, scored, ASSUMED, None)
    for name in ("model", "base_rate"):
        found = expected_maximum_profit(
            churn.actual, churn.predictions[name], COUNTED, 0.1 * COUNTED, 0.5, 6, 14  # type: ignore[arg-type]
        )  # fmt: skip
        assert tuple(told.table.loc[name, ["empc", "empc_fraction"]]) == found
    assert told.table.loc["recency", ["empc", "empc_fraction"]].isna().all()
    assert told.metrics()["churn/empc"] > told.metrics()["churn/baseline/base_rate/empc"]
    assert any("2 of 7 customers" in note for note in told.notes)
    assert told.table["log_loss"].equals(churn.table["log_loss"])


def test_expected_value_stands_in_where_no_current_one_is_known() -> None:
    churn, panel = judged_churn(CHURNED, np.full(8, np.nan))
    expected = np.array([10.0, 20, 30, 40, 50, 60, 70, 80])
    scored = pd.DataFrame({"value_expected": expected})
    told = with_profit(churn, panel, scored, ASSUMED, None)
    assert told.campaign is not None
    assert told.campaign.value_is == "expected value"
    assert told.campaign.value.tolist() == expected[~np.isnan(CHURNED)].tolist()


@pytest.mark.parametrize(("current", "instead", "why"), [
    (np.full(8, np.nan), None, "no value of any customer"),
    (CURRENT, "taking the deposit", "taking the deposit is no leaving"),
])  # fmt: skip
def test_without_a_value_or_a_leaving_profit_is_not_available_and_said(
    current: np.ndarray, instead: str | None, why: str
) -> None:
    churn, panel = judged_churn(CHURNED, current)
    told = with_profit(churn, panel, pd.DataFrame(index=range(8)), ASSUMED, instead)
    assert told.campaign is None
    assert told.table[["empc", "empc_fraction"]].isna().all(axis=None)
    assert any("not available" in note and why in note for note in told.notes)
