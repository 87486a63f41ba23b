"""The headline figures on The Complete Journey at 2017-10-01, 91 days, out of time."""

from collections.abc import Callable

import pytest

from facette.jobs.train import Trained

DATA = "complete_journey, 2017-10-01, 91 days"
LAST_WINDOW = "value/baseline/last_window"


@pytest.fixture(scope="module")
def metrics(complete_journey: Trained) -> dict[str, float]:
    assert complete_journey.story.reference_date == "2017-10-01"
    return complete_journey.metrics


def test_value_beats_the_last_window(
    metrics: dict[str, float], evidence: Callable[..., None]
) -> None:
    names = ["value/normalised_gini", "value/mae", "value/total_ratio"]
    names += [f"{LAST_WINDOW}/normalised_gini", f"{LAST_WINDOW}/mae"]
    names += [f"value/gain/{m}{e}" for m in ("normalised_gini", "mae") for e in ("_low", "_high")]
    passed = (
        metrics["value/normalised_gini"] > metrics[f"{LAST_WINDOW}/normalised_gini"]
        and metrics["value/mae"] < metrics[f"{LAST_WINDOW}/mae"]
        and abs(metrics["value/total_ratio"] - 1) <= 0.05
    )
    evidence(
        "value_beats_the_last_window",
        {name: metrics[name] for name in names},
        "normalised Gini above and MAE below the last window, predicted / actual total in .95-1.05",
        passed,
        DATA,
    )


def test_potential_covers_what_is_realised(
    metrics: dict[str, float], evidence: Callable[..., None]
) -> None:
    covered = metrics["potential/coverage"]
    figure = {n: metrics[n] for n in ("potential/coverage", "potential/pinball")}
    passed = abs(covered - 0.9) <= 0.02
    evidence("potential_covers_realised_value", figure, "coverage .90 +- .02", passed, DATA)


def test_churn_is_calibrated(metrics: dict[str, float], evidence: Callable[..., None]) -> None:
    names = ("churn/ece", "churn/resolution", "churn/log_loss", "churn/roc_auc")
    rival = {f"{k}": v for k, v in metrics.items() if k.startswith("churn/gain/log_loss")}
    figure = {n: metrics[n] for n in names} | rival
    bar = "ECE <= .02 in ten bins of equal mass, resolution above 0"
    passed = metrics["churn/ece"] <= 0.02 and metrics["churn/resolution"] > 0
    evidence("churn_is_calibrated", figure, bar, passed, DATA)


def test_behaviour_segments_are_stable(
    metrics: dict[str, float], evidence: Callable[..., None]
) -> None:
    names = ("behaviour/k", "behaviour/stability_min", "behaviour/silhouette", "behaviour/fidelity")
    bar = "four or more segments, each with a bootstrap Jaccard above .75"
    passed = metrics["behaviour/k"] >= 4 and metrics["behaviour/stability_min"] > 0.75
    evidence("behaviour_segments_are_stable", {n: metrics[n] for n in names}, bar, passed, DATA)
