"""How good a model is, beside its baselines, out of time, with intervals.

Every metric takes weights, so that one bootstrap over customers (multinomial weights) serves all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score

Metric = Callable[[np.ndarray, np.ndarray, np.ndarray], float]


def normalised_gini(actual: np.ndarray, score: np.ndarray, weight: np.ndarray) -> float:
    """Area of the gains curve over that of the perfect ranking, both against chance."""
    perfect = _gains_area(actual, actual, weight)
    return _gains_area(actual, score, weight) / perfect if perfect else np.nan


def _gains_area(actual: np.ndarray, score: np.ndarray, weight: np.ndarray) -> float:
    x, y = _gains(actual, score, weight)
    return float(np.trapezoid(y, x) - 0.5)


def _gains(
    actual: np.ndarray, score: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(-score, kind="stable")
    people, money = np.cumsum(weight[order]), np.cumsum((weight * actual)[order])
    # customers with one score come together: their order must not count
    last = np.flatnonzero(np.r_[np.diff(score[order]) != 0, True])
    return np.r_[0, people[last] / people[-1]], np.r_[0, money[last] / money[-1]]


def mae(actual: np.ndarray, predicted: np.ndarray, weight: np.ndarray) -> float:
    """Mean absolute error, in currency units."""
    return float(np.average(np.abs(actual - predicted), weights=weight))


def total_ratio(actual: np.ndarray, predicted: np.ndarray, weight: np.ndarray) -> float:
    """Predicted total over actual total."""
    return float(weight @ predicted / (weight @ actual))


def total_error(actual: np.ndarray, predicted: np.ndarray, weight: np.ndarray) -> float:
    """How far the predicted total is from the actual one, as a share of it."""
    return abs(total_ratio(actual, predicted, weight) - 1)


def spearman(actual: np.ndarray, predicted: np.ndarray, weight: np.ndarray) -> float:
    """Rank correlation; a constant prediction has none (weights are not used)."""
    if np.ptp(predicted) == 0 or np.ptp(actual) == 0:
        return np.nan
    return float(spearmanr(actual, predicted).statistic)


def coverage(actual: np.ndarray, quantile: np.ndarray, weight: np.ndarray) -> float:
    """Share of customers whose value does not exceed the predicted quantile."""
    return float(np.average(actual <= quantile, weights=weight))


def pinball(tau: float) -> Metric:
    """Pinball loss at `tau`, in currency units."""

    def loss(actual: np.ndarray, quantile: np.ndarray, weight: np.ndarray) -> float:
        short = actual - quantile
        return float(np.average(np.maximum(tau * short, (tau - 1) * short), weights=weight))

    return loss


def log_loss(happened: np.ndarray, probability: np.ndarray, weight: np.ndarray) -> float:
    """Mean negative log-likelihood, in nats."""
    return float(np.average(nats(happened, probability), weights=weight))


def nats(happened: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Negative log-likelihood (n,) of each outcome."""
    kept = np.clip(probability, 1e-12, 1 - 1e-12)
    return np.asarray(-(happened * np.log(kept) + (1 - happened) * np.log(1 - kept)))


def brier(happened: np.ndarray, probability: np.ndarray, weight: np.ndarray) -> float:
    """Mean squared error of the probability."""
    return float(np.average((happened - probability) ** 2, weights=weight))


def roc_auc(happened: np.ndarray, score: np.ndarray, weight: np.ndarray) -> float:
    """Area under the ROC curve, ties counted half; missing where only one class has weight."""
    left = weight * happened
    if not 0 < left.sum() < weight.sum():
        return np.nan
    level = np.unique(score, return_inverse=True)[1]
    with_it, without = np.bincount(level, left), np.bincount(level, weight - left)
    below = np.cumsum(without) - without / 2
    return float(with_it @ below / (with_it.sum() * without.sum()))


def pr_auc(happened: np.ndarray, score: np.ndarray, weight: np.ndarray) -> float:
    """Average precision."""
    return float(average_precision_score(happened, score, sample_weight=weight))


def ece(happened: np.ndarray, probability: np.ndarray, weight: np.ndarray) -> float:
    """Expected calibration error over ten bins of equal mass."""
    bins = equal_mass(probability)
    gap = np.abs(_means(probability, bins) - _means(happened, bins))
    return float(np.average(gap, weights=np.bincount(bins)))


def resolution(happened: np.ndarray, probability: np.ndarray, weight: np.ndarray) -> float:
    """Variance of the observed rate over ten bins of equal mass (Murphy 1973): 0 for a constant."""
    bins = equal_mass(probability)
    rates = _means(happened, bins)
    return float(np.average((rates - happened.mean()) ** 2, weights=np.bincount(bins)))


def top_decile_lift(happened: np.ndarray, score: np.ndarray, weight: np.ndarray) -> float:
    """Rate among the tenth with the highest scores over the rate of all; ties are shared out."""
    wanted = max(len(score) // 10, 1)
    least = np.sort(score)[-wanted]
    surely, tied = score > least, score == least
    share = (wanted - surely.sum()) / tied.sum()
    return float((happened[surely].sum() + share * happened[tied].sum()) / wanted / happened.mean())


def equal_mass(score: np.ndarray, bins: int = 10) -> np.ndarray:
    """The bin, from 0 up, of each score; as near equal mass as ties allow, ties kept together."""
    cuts = np.unique(np.quantile(score, np.linspace(0, 1, bins + 1)[1:-1]))
    found = np.searchsorted(cuts, score, side="left")
    return np.unique(found, return_inverse=True)[1]


def _means(values: np.ndarray, bins: np.ndarray) -> np.ndarray:
    return np.bincount(bins, weights=values) / np.bincount(bins)


def value_metrics() -> dict[str, Metric]:
    """The figures of an expected value, the primary one first."""
    return {
        "normalised_gini": normalised_gini,
        "mae": mae,
        "spearman": spearman,
        "total_ratio": total_ratio,
        "total_error": total_error,
    }


def potential_metrics(tau: float) -> dict[str, Metric]:
    """The figures of a potential, the primary one first."""
    return {"pinball": pinball(tau), "coverage": coverage}


def churn_metrics() -> dict[str, Metric]:
    """The figures of a churn probability, the primary one first."""
    return {
        "log_loss": log_loss,
        "roc_auc": roc_auc,
        "pr_auc": pr_auc,
        "brier": brier,
        "ece": ece,
        "resolution": resolution,
        "top_decile_lift": top_decile_lift,
    }


HIGHER_IS_BETTER = {
    "normalised_gini", "spearman", "roc_auc", "pr_auc", "resolution", "top_decile_lift",
    "empc",
}  # fmt: skip
COMPARED = {
    "value": ("normalised_gini", "mae", "total_error"),
    "potential": ("pinball",),
    "churn": ("log_loss", "roc_auc", "brier"),
    "upside": ("pinball",),
    "value_if_staying": ("normalised_gini", "mae", "total_error"),
}


@dataclass(frozen=True)
class Judged:
    """One part at one test date.

    `table`: a row per forecaster (the model first, as `model`), a column per metric, NaN where
    not available. `gains`: metric, opponent, gain, low, high; `gain > 0` means that the model is
    better whatever the metric; the opponent is the best baseline on that metric at this date.
    """

    table: pd.DataFrame
    gains: pd.DataFrame


def judged(
    part: str, actual: np.ndarray, predictions: Mapping[str, np.ndarray | None],
    metrics: Mapping[str, Metric], resamples: int, confidence: float, seed: int,
) -> Judged:  # fmt: skip
    """Judge `predictions` (the model under `model`, None where not available) against `actual`."""
    table = metrics_table(actual, predictions, metrics)
    weights = bootstrap_weights(len(actual), resamples, seed)
    gains = [
        _gain(metric, metrics[metric], actual, predictions, table, weights, confidence)
        for metric in COMPARED[part]
    ]
    columns = ["metric", "opponent", "gain", "low", "high"]
    return Judged(table, pd.DataFrame([g for g in gains if g], columns=columns))


def metrics_table(
    actual: np.ndarray, predictions: Mapping[str, np.ndarray | None], metrics: Mapping[str, Metric]
) -> pd.DataFrame:
    """A row per forecaster, a column per metric; NaN where a forecast is not available."""
    ones = np.ones(len(actual))
    rows = {
        name: {m: np.nan if p is None else f(actual, p, ones) for m, f in metrics.items()}
        for name, p in predictions.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def bootstrap_weights(n: int, resamples: int, seed: int) -> np.ndarray:
    """How often each of n customers is drawn, (resamples, n)."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(n, np.full(n, 1 / n), size=resamples).astype(np.float32)


def _gain(
    metric: str, figure: Metric, actual: np.ndarray, predictions: Mapping[str, np.ndarray | None],
    table: pd.DataFrame, weights: np.ndarray, confidence: float,
) -> tuple[str, str, float, float, float] | None:  # fmt: skip
    sign = 1 if metric in HIGHER_IS_BETTER else -1
    rivals = (sign * table[metric].drop("model")).dropna()
    if rivals.empty:
        return None
    opponent = str(rivals.idxmax())
    model, rival = predictions["model"], predictions[opponent]
    assert model is not None and rival is not None
    draws = [sign * (figure(actual, model, w) - figure(actual, rival, w)) for w in weights]
    low, high = np.nanquantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    gain = sign * (table.loc["model", metric] - table.loc[opponent, metric])
    return metric, opponent, float(gain), float(low), float(high)


def gains_curve(actual: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of customers, ranked by score, and the share of the total they bring (101 points)."""
    x, y = _gains(actual, score, np.ones(len(actual)))
    grid = np.linspace(0, 1, 101)
    return grid, np.interp(grid, x, y)


def calibration_bins(happened: np.ndarray, probability: np.ndarray) -> pd.DataFrame:
    """Ten bins of equal mass: predicted, observed, Wilson 95 % interval (low, high), n."""
    bins = equal_mass(probability)
    n, rate = np.bincount(bins), _means(happened, bins)
    z2 = 1.96**2
    centre = (rate + z2 / (2 * n)) / (1 + z2 / n)
    half = 1.96 * np.sqrt(rate * (1 - rate) / n + z2 / (4 * n**2)) / (1 + z2 / n)
    return pd.DataFrame(
        {
            "predicted": _means(probability, bins),
            "observed": rate,
            "low": np.clip(centre - half, 0, 1),
            "high": np.clip(centre + half, 0, 1),
            "n": n,
        }
    )


def decile_calibration(actual: np.ndarray, predicted: np.ndarray) -> pd.DataFrame:
    """Ten bins of equal mass of the prediction: predicted and actual mean, n."""
    bins = equal_mass(predicted)
    return pd.DataFrame(
        {
            "predicted": _means(predicted, bins),
            "actual": _means(actual, bins),
            "n": np.bincount(bins),
        }
    )
