from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from made_truth import bank

from facette.models.evaluation import log_loss
from facette.recovery.efficiency import churn_efficiency, efficiency, value_efficiency
from facette.recovery.truth import Truth
from facette.snapshots.panel import Panel

SEEN = ["mood_seen", "spend_seen", "share_seen", "income", "region"]


@pytest.fixture(scope="module")
def world() -> tuple[Panel, Truth]:
    return bank(4)


def of_churn(world: tuple[Panel, Truth], probability: pd.Series) -> dict[str, float]:
    return churn_efficiency(*world, probability, SEEN, seed=1)


def base_rate(panel: Panel) -> float:
    return float(np.mean([s.outcomes["churned"] for s in panel.training]))


def test_the_truth_is_wholly_efficient_and_the_base_rate_of_training_is_not(
    world: tuple[Panel, Truth],
):
    panel, truth = world
    perfect = of_churn(world, truth.test["churn"])
    assert perfect["truth/churn_efficiency"] == pytest.approx(1)
    assert perfect["truth/churn_efficiency_realised"] == pytest.approx(1)
    constant = of_churn(world, pd.Series(base_rate(panel), index=truth.test.index))
    assert constant["truth/churn_efficiency"] == pytest.approx(0, abs=1e-9)
    assert constant["truth/churn_efficiency_realised"] == pytest.approx(0, abs=1e-9)


def test_a_level_that_is_wrong_costs(world: tuple[Panel, Truth]):
    twice = (world[1].test["churn"] * 2).clip(upper=0.99)
    assert of_churn(world, twice)["truth/churn_efficiency"] < 0.8


def test_the_best_from_the_tables_lies_between_a_constant_and_the_truth(
    world: tuple[Panel, Truth],
):
    ceiling = of_churn(world, world[1].test["churn"])["truth/churn_efficiency_ceiling"]
    assert 0.6 < ceiling < 0.95
    value = value_efficiency(*world, world[1].test["value"], SEEN, seed=1)
    assert value["truth/value_efficiency"] == pytest.approx(1)
    assert 0.8 < value["truth/value_efficiency_ceiling"] < 1


def test_customers_whose_outcome_is_not_known_are_left_out(world: tuple[Panel, Truth]):
    panel, truth = world
    unknown = panel.test.outcomes.assign(churned=panel.test.outcomes["churned"].where(
        np.arange(len(panel.test)) % 3 > 0))  # fmt: skip
    partly = replace(panel, test=replace(panel.test, outcomes=unknown))
    found = churn_efficiency(partly, truth, truth.test["churn"], SEEN, seed=1)
    assert found["truth/churn_efficiency_customers"] == unknown["churned"].notna().sum()


def test_the_expected_loss_tells_what_realised_losses_tell_without_their_noise():
    rng = np.random.default_rng(8)
    true = rng.beta(1, 30, 4000)  # some 3 % leave
    model = np.clip(true * np.exp(rng.normal(0, 0.4, 4000)), 1e-4, 0.9)
    constant = float(true.mean())
    draws = [
        efficiency((rng.random(4000) < true).astype(float), model, true, constant, log_loss)
        for _ in range(300)
    ]
    expected = efficiency(true, model, true, constant, log_loss)
    assert np.median(draws) == pytest.approx(expected, abs=0.03)
    assert np.std(draws) > 0.05  # of one draw; the expected one has none


def test_nothing_to_know_is_not_available():
    even = np.full(10, 0.1)
    assert np.isnan(efficiency(even, even, even, 0.1, log_loss))
