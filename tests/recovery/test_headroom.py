import numpy as np
import pandas as pd
import pytest
from made_truth import bank
from scipy.stats import spearmanr

from facette.models.evaluation import gains_curve
from facette.recovery.headroom import captured, compared, headroom_found, log_bias, rank_correlation
from facette.recovery.truth import Truth
from facette.settings.models import Evaluation
from facette.snapshots.panel import Panel

JUDGED = Evaluation(resamples=200, confidence=0.95, folds=2, repeats=1, truth=True)
PEERS = ["income", "region"]


@pytest.fixture(scope="module")
def world() -> tuple[Panel, Truth]:
    return bank(5)


def scored(truth: Truth, potential: pd.Series) -> pd.DataFrame:
    value = truth.test["value"]
    headroom = (potential - value).clip(lower=0)
    return pd.DataFrame({"value_expected": value, "potential": potential, "headroom": headroom})


def test_rank_correlation_is_spearmans_and_weights_are_repetitions():
    rng = np.random.default_rng(1)
    true, scores = rng.integers(0, 20, 300), rng.integers(0, 10, 300)
    figure = rank_correlation(true, scores)
    assert figure(np.ones(300)) == pytest.approx(spearmanr(true, scores).statistic)
    often = rng.integers(0, 4, 300)
    repeated = spearmanr(np.repeat(true, often), np.repeat(scores, often)).statistic
    assert figure(often) == pytest.approx(repeated)
    assert np.isnan(rank_correlation(true, np.zeros(300))(np.ones(300)))


def test_the_top_tenth_is_that_of_the_gains_curve_and_ties_are_shared_out():
    rng = np.random.default_rng(2)
    true, scores = rng.gamma(1, 1, 500), rng.integers(0, 8, 500).astype(float)
    _, gains = gains_curve(true, scores)
    assert captured(true, scores)(np.ones(500)) == pytest.approx(gains[10])
    assert captured(true, np.zeros(500))(np.ones(500)) == pytest.approx(0.1)
    often = rng.integers(0, 4, 500)
    _, repeated = gains_curve(np.repeat(true, often), np.repeat(scores, often))
    assert captured(true, scores)(often) == pytest.approx(repeated[10])


def test_the_true_headroom_beats_every_rival_surely(world: tuple[Panel, Truth]):
    panel, truth = world
    found = headroom_found(panel, truth, scored(truth, truth.test["wallet"]), PEERS, JUDGED, seed=1)
    for figure in ("spearman", "top_decile"):
        name = f"truth/headroom_{figure}"
        rivals = [found[f"{name}/{rival}"] for rival in ("value", "peer_rule", "mean_model")]
        assert found[f"{name}_gain"] == pytest.approx(found[name] - max(rivals))
        assert found[f"{name}_gain_low"] > 0
    assert found["truth/headroom_spearman"] == pytest.approx(1)


def test_a_model_that_is_a_rival_gains_nothing(world: tuple[Panel, Truth]):
    true, scores = np.arange(200.0), np.random.default_rng(1).random(200)
    found = compared(rank_correlation, true, {"model": scores, "value": scores}, JUDGED, seed=1)
    assert found["_gain"] == found["_gain_low"] == found["_gain_high"] == 0


def test_the_interval_of_the_gain_holds_zero_for_two_rankings_equally_blind():
    rng = np.random.default_rng(6)
    held = 0
    for _ in range(60):
        true, one, other = rng.random((3, 150))
        found = compared(rank_correlation, true, {"model": one, "value": other}, JUDGED, seed=1)
        held += found["_gain_low"] <= 0 <= found["_gain_high"]
    assert held >= 50


def test_log_bias_is_of_customers_with_both_above_nothing():
    wallet = pd.Series([100.0, 200.0, 0.0, 50.0])
    found = log_bias(pd.Series([50.0, 100.0, 10.0, -5.0]), wallet)
    assert found["truth/potential_log_bias"] == pytest.approx(np.log(0.5))
    assert found["truth/potential_log_bias_customers"] == 2
