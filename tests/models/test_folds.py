"""Judged in folds: stratified, disjoint, each customer held out once a repeat, honest intervals."""

import re
from collections import Counter
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from small_wide import admitted_wide, people

from facette.errors import BadInput
from facette.models.evaluation import churn_metrics, metrics_table
from facette.models.facets import Learned
from facette.models.folds import corrected_interval, held_out, judge_in_folds
from facette.models.judging import Judgement
from facette.settings.models import Evaluation
from facette.snapshots.panel import Panel, Snapshot
from facette.snapshots.wide import wide_panel

SETTINGS = Evaluation(resamples=10, confidence=0.95, folds=4, repeats=3)
Seen = list[tuple[Panel, Snapshot]]


def settings(**changed: object) -> Evaluation:
    return Evaluation(**(vars(SETTINGS) | changed))


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Panel:
    frame = people(200)
    frame[5, "churn"] = None
    frame[9, "spend_next"] = None
    table = admitted_wide(frame, tmp_path_factory.mktemp("people"), customer_id="id",
                          churn="churn", value="spend_next", current_value="spent")  # fmt: skip
    return wide_panel(table, None, {})


def judged(
    panel: Panel, part: str = "churn", chosen: Evaluation = SETTINGS, seed: int = 1,
    score: Callable[[Snapshot], np.ndarray] = lambda tested: np.full(len(tested), 0.4),
) -> tuple[Judgement, Seen]:  # fmt: skip
    """A judgement by a model that scores as told, and the panels it was shown."""
    seen: Seen = []

    def learn(inside: Panel) -> Learned:
        seen.append((inside, inside.test))
        return Learned({}, {})

    made = judge_in_folds(
        part, panel, learn, lambda _, tested: score(tested), 0.9, chosen, seed, lambda _: None
    )
    return made, seen


def by_shoe(tested: Snapshot) -> np.ndarray:
    return tested.features["shoe_size"].to_numpy() / 100


def test_each_customer_is_held_out_once_a_repeat(panel: Panel) -> None:
    _, seen = judged(panel)
    assert len(seen) == 12
    known = set(panel.test.features.index) - {"c0005"}
    for repeat in range(3):
        held = Counter(c for _, t in seen[4 * repeat : 4 * repeat + 4] for c in t.features.index)
        assert set(held) == known
        assert set(held.values()) == {1}


def test_nobody_is_learnt_from_and_tested_in_one_fold(panel: Panel) -> None:
    for inside, tested in judged(panel)[1]:
        learnt_from = set(inside.training[0].features.index)
        assert not learnt_from & set(tested.features.index)
        assert len(learnt_from) + len(tested) == 199
        assert len(inside.training) == 1


def test_folds_have_the_same_share_of_leavers(panel: Panel) -> None:
    rates = [t.outcomes["churned"].mean() for _, t in judged(panel)[1] if t.outcomes is not None]
    assert np.ptp(rates) <= 1 / 49


def test_folds_of_amounts_are_alike_in_their_tenths(panel: Panel) -> None:
    means = [t.outcomes["value"].mean() for _, t in judged(panel, "value")[1]
             if t.outcomes is not None]  # fmt: skip
    outcomes = panel.test.outcomes
    assert outcomes is not None
    by_chance = outcomes["value"].std() / np.sqrt(50)
    assert np.std(means) < by_chance / 2


def test_repeats_draw_other_folds_and_a_seed_draws_them_again(panel: Panel) -> None:
    def drawn(seen: Seen) -> list[frozenset[str]]:
        return [frozenset(tested.features.index) for _, tested in seen]

    first, again, other = (drawn(judged(panel, seed=seed)[1]) for seed in (1, 1, 50))
    assert first == again
    assert len(set(first)) == 12
    assert not set(first) & set(other)


def test_predictions_told_are_those_of_the_first_repeat_in_order(panel: Panel) -> None:
    made, _ = judged(panel, score=by_shoe)
    known = panel.test.features.index != "c0005"
    assert made.predictions["model"].tolist() == by_shoe(panel.test)[known].tolist()  # type: ignore[union-attr]
    assert panel.test.outcomes is not None
    assert made.actual.tolist() == panel.test.outcomes["churned"][known].tolist()


def test_figures_are_means_over_folds_and_binned_ones_over_repeats(panel: Panel) -> None:
    made, seen = judged(panel, score=by_shoe, chosen=settings(repeats=1))
    metrics = churn_metrics()
    each = [
        metrics_table(t.outcomes["churned"].to_numpy(), {"model": by_shoe(t)}, metrics)
        for _, t in seen if t.outcomes is not None
    ]  # fmt: skip
    mean = pd.concat(each).mean()
    whole = metrics_table(made.actual, {"model": made.predictions["model"]}, metrics).loc["model"]
    for metric in metrics:
        expected = whole if metric in {"ece", "resolution"} else mean
        assert made.table.loc["model", metric] == pytest.approx(expected[metric], abs=1e-12)
    assert whole["ece"] < mean["ece"]  # few customers in a bin look miscalibrated by chance


def test_the_corrected_interval_is_that_of_nadeau_and_bengio() -> None:
    differences = np.array([0.01, 0.03, -0.01, 0.02, 0.00, 0.04])
    mean, half = corrected_interval(differences, folds=3, confidence=0.9)
    # by hand: squares of distances from 0.015 add up to 0.00175, n = 6, test / train = 1/2
    variance = 0.00175 / 5
    assert mean == pytest.approx(0.015)
    assert half == pytest.approx(2.015048 * np.sqrt((1 / 6 + 1 / 2) * variance), rel=1e-6)


def test_the_corrected_interval_is_wider_than_that_of_independent_folds() -> None:
    differences = np.random.default_rng(1).normal(0.01, 0.02, 25)
    _, half = corrected_interval(differences, folds=5, confidence=0.95)
    naive = stats.t.ppf(0.975, 24) * differences.std(ddof=1) / 5
    assert half / naive == pytest.approx(np.sqrt(1 + 25 / 4))


def test_gains_are_paired_with_the_best_baseline(panel: Panel) -> None:
    made, seen = judged(panel, score=lambda t: t.outcomes["churned"].clip(0.01, 0.99).to_numpy())  # type: ignore[index]
    gain = made.gains.set_index("metric").loc["log_loss"]
    assert gain["opponent"] == made.table["log_loss"].drop("model").idxmin() == "logistic"
    best = made.table.loc["logistic", "log_loss"] - made.table.loc["model", "log_loss"]
    assert gain["gain"] == pytest.approx(best)
    assert 0 < gain["low"] < gain["gain"] < gain["high"]


def test_baselines_find_planted_effects_and_no_model_beats_them_by_chance(panel: Panel) -> None:
    made, _ = judged(panel, score=by_shoe)
    assert made.table.loc["logistic", "roc_auc"] > 0.7
    assert made.table.loc["base_rate", "roc_auc"] == pytest.approx(0.5)
    assert made.gains.set_index("metric").loc["roc_auc", "low"] < 0


def test_the_current_value_is_a_baseline_where_it_is_known(panel: Panel) -> None:
    table = judged(panel, "value")[0].table
    assert list(table.index) == ["model", "last_window", "mean_of_all", "ridge"]
    assert table.loc["last_window", "spearman"] > 0.15
    unknown = panel.test.context.assign(value_current=np.nan)
    test = Snapshot(None, panel.test.features, unknown, panel.test.outcomes)
    without = judged(Panel([test], test, panel.spec), "value")[0].table
    assert "last_window" not in without.index


def test_a_current_value_with_gaps_still_gives_figures(panel: Panel) -> None:
    gaps = panel.test.context["value_current"].where(np.arange(len(panel.test)) % 3 > 0)
    test = Snapshot(None, panel.test.features, panel.test.context.assign(value_current=gaps),
                    panel.test.outcomes)  # fmt: skip
    table = judged(Panel([test], test, panel.spec), "value")[0].table
    assert table.notna().all(axis=None) or table.drop(columns="spearman").notna().all(axis=None)


def test_potential_is_judged_beside_one_quantile_for_all(panel: Panel) -> None:
    made, _ = judged(panel, "potential", score=lambda t: np.full(len(t), 150.0))
    assert list(made.table.index) == ["model", "same_for_all"]
    assert made.table.loc["same_for_all", "coverage"] == pytest.approx(0.9, abs=0.05)


def test_the_protocol_is_said_and_never_called_out_of_time(panel: Panel) -> None:
    (said,) = judged(panel)[0].notes
    assert "3 x 4 stratified folds of customers, not out of time" in said


@pytest.mark.parametrize(("left", "folds"), [(3, 4), (1, 2)])
def test_fewer_leavers_than_folds_are_refused_in_one_line(
    left: int, folds: int, panel: Panel
) -> None:
    assert panel.test.outcomes is not None
    churned = (np.arange(len(panel.test)) < left).astype(float)
    outcomes = panel.test.outcomes.assign(churned=churned)
    test = Snapshot(None, panel.test.features, panel.test.context, outcomes)
    with pytest.raises(BadInput) as error:
        judged(Panel([test], test, panel.spec), chosen=settings(folds=folds))
    said = f"evaluation.folds: {folds} folds for {left} customers of one outcome"
    assert re.match(re.escape(said), str(error.value))


def test_held_out_scores_take_the_place_of_those_of_the_same_customers(panel: Panel) -> None:
    churn, _ = judged(panel, score=by_shoe)
    value, _ = judged(panel, "value", score=lambda t: np.full(len(t), 30.0))
    potential, _ = judged(panel, "potential", score=lambda t: np.full(len(t), 70.0))
    scored = pd.DataFrame(
        {"churn_probability": 0.99, "value_expected": 1.0, "potential": 2.0, "headroom": 1.0},
        index=panel.test.features.index,
    )
    told = held_out(scored, panel, {"churn": churn, "value": value, "potential": potential}, {})
    known = told.index != "c0005"
    assert told["churn_probability"][known].tolist() == by_shoe(panel.test)[known].tolist()
    assert told.loc["c0005", "churn_probability"] == 0.99
    assert told.loc["c0009", ["value_expected", "potential", "headroom"]].tolist() == [1, 2, 1]
    assert (told.drop("c0009")["headroom"] == 40).all()
    assert (scored["churn_probability"] == 0.99).all()  # what was given is left as it was


def with_buyers(panel: Panel, values: np.ndarray) -> Panel:
    """The panel with these outcomes of value."""
    assert panel.test.outcomes is not None
    outcomes = panel.test.outcomes.assign(value=values)
    test = Snapshot(None, panel.test.features, panel.test.context, outcomes)
    return Panel([test], test, panel.spec)


FEW = np.where(np.arange(200) % 33 == 0, np.arange(200) + 5.0, 0.0)  # 7 of 200 bought


def test_few_buyers_among_many_stand_in_every_fold_and_give_figures(panel: Panel) -> None:
    for seed in range(5):
        made, seen = judged(with_buyers(panel, FEW), "value", settings(folds=5), seed, by_shoe)
        for _, tested in seen:
            assert tested.outcomes is not None
            assert (tested.outcomes["value"] > 0).any()
        assert np.isfinite(made.table.drop(columns="spearman")).all(axis=None)
        assert np.isfinite(made.gains[["gain", "low", "high"]]).all(axis=None)


def test_totals_are_compared_over_all_customers_of_a_repeat(panel: Panel) -> None:
    chosen = settings(folds=5, repeats=1)
    made, _ = judged(with_buyers(panel, FEW), "value", chosen, score=by_shoe)
    predicted = made.predictions["model"]
    assert predicted is not None
    ratio = predicted.sum() / FEW.sum()
    assert made.table.loc["model", "total_ratio"] == pytest.approx(ratio)
    assert made.table.loc["model", "total_error"] == pytest.approx(abs(ratio - 1))
    gain = made.gains.set_index("metric").loc["total_error"]
    rival = made.table.loc[gain["opponent"], "total_error"]
    assert gain["gain"] == pytest.approx(rival - abs(ratio - 1))


@pytest.mark.parametrize("part", ["value", "potential"])
def test_fewer_buyers_than_folds_are_refused_in_one_line(part: str, panel: Panel) -> None:
    values = np.where(np.arange(200) < 3, np.arange(200) + 5.0, 0.0)
    with pytest.raises(BadInput) as error:
        judged(with_buyers(panel, values), part)
    said = "evaluation.folds: 4 folds for 3 customers with a value above 0; bring more customers"
    assert str(error.value).startswith(said)
    assert str(error.value).endswith(f"leave {part} out of parts")


def test_the_potential_tier_and_the_cell_follow_the_held_out_potential(panel: Panel) -> None:
    made, _ = judged(panel, "potential", score=lambda t: t.features["shoe_size"].to_numpy(float))
    scored = pd.DataFrame(
        {"potential": 99.0, "value_tier": "gold", "potential_tier": "high",
         "behaviour_segment": "B1", "cell": "gold/high/B1"},
        index=panel.test.features.index,
    )  # fmt: skip
    frozen = {"potential_tier": {"column": "potential", "cuts": [44.0, 40.0],
                                 "names": ["high", "middle", "low"]}}  # fmt: skip
    told = held_out(scored, panel, {"potential": made}, frozen)
    shoe = panel.test.features["shoe_size"].where(told.index != "c0009", 99)
    expected = np.select([shoe >= 44, shoe >= 40], ["high", "middle"], "low")
    assert told["potential_tier"].tolist() == expected.tolist()
    assert told["cell"].tolist() == [f"gold/{tier}/B1" for tier in expected]
    assert told["cell"].dtype == scored["cell"].dtype
    assert (scored["potential_tier"] == "high").all()
