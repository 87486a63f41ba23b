"""How good a model is, beside its baselines, out of time, with intervals.

Every metric takes weights, so that one bootstrap over customers (multinomial weights) serves all.
Those that intervals are told of (`COMPARED`) take (n,) weights, or many draws of them at once,
(draws, n): a score is then sorted once for all draws, and gives (draws,) figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score

Figures = Any  # a float; of the draws of weights, an array (draws,)
Metric = Callable[[np.ndarray, np.ndarray, np.ndarray], Figures]
CELLS_AT_ONCE = 200_000  # of a block of weights: what a processor keeps at hand


def normalised_gini(actual: np.ndarray, score: np.ndarray, weight: np.ndarray) -> Figures:
    """Area of the gains curve over that of the perfect ranking, both against chance."""
    perfect, found = (np.asarray(_gains_area(actual, by, weight)) for by in (actual, score))
    missing = np.full(perfect.shape, np.nan)
    return np.divide(found, perfect, out=missing, where=perfect != 0)[()]


def _gains_area(actual: np.ndarray, score: np.ndarray, weight: np.ndarray) -> Figures:
    """Area between the gains curve and chance: money that comes before, or with, each customer."""
    people, money = _by_level(-score, actual, weight)
    return _share_before(money, people) - 0.5


def _by_level(
    score: np.ndarray, actual: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weight, and weighted outcome, of each level of score from the lowest up: (..., levels)."""
    order = np.argsort(score, kind="stable")
    people = weight[..., order]
    money = people * actual[order]
    # customers with one score come together: their order must not count
    starts = np.flatnonzero(np.r_[True, np.diff(score[order]) != 0])
    if len(starts) == len(score):
        return people, money
    return np.add.reduceat(people, starts, axis=-1), np.add.reduceat(money, starts, axis=-1)


def _share_before(first: np.ndarray, second: np.ndarray) -> Figures:
    """Share of all pairs of `first` and `second` (..., levels) in which the first comes lower.

    A pair in one level counts half.
    """
    seen = np.cumsum(first, axis=-1)
    total = seen[..., -1].copy()
    np.subtract(seen, first / 2, out=seen)
    return np.einsum("...i,...i->...", seen, second) / (total * second.sum(axis=-1))


def _gains(
    actual: np.ndarray, score: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    people, money = (np.cumsum(each) for each in _by_level(-score, actual, weight))
    return np.r_[0, people / people[-1]], np.r_[0, money / money[-1]]


def mae(actual: np.ndarray, predicted: np.ndarray, weight: np.ndarray) -> Figures:
    """Mean absolute error, in currency units."""
    return _mean(np.abs(actual - predicted), weight)


def _mean(each: np.ndarray, weight: np.ndarray) -> Figures:
    return weight @ each / weight.sum(axis=-1)


def total_ratio(actual: np.ndarray, predicted: np.ndarray, weight: np.ndarray) -> Figures:
    """Predicted total over actual total."""
    return weight @ predicted / (weight @ actual)


def total_error(actual: np.ndarray, predicted: np.ndarray, weight: np.ndarray) -> Figures:
    """How far the predicted total is from the actual one, as a share of it."""
    return abs(total_ratio(actual, predicted, weight) - 1)


def spearman(actual: np.ndarray, predicted: np.ndarray, weight: np.ndarray) -> float:
    """Rank correlation; a constant prediction has none (weights are not used)."""
    if np.ptp(predicted) == 0 or np.ptp(actual) == 0:
        return np.nan
    return float(spearmanr(actual, predicted).statistic)


def coverage(actual: np.ndarray, quantile: np.ndarray, weight: np.ndarray) -> Figures:
    """Share of customers whose value does not exceed the predicted quantile."""
    return _mean(actual <= quantile, weight)


def pinball(tau: float) -> Metric:
    """Pinball loss at `tau`, in currency units."""

    def loss(actual: np.ndarray, quantile: np.ndarray, weight: np.ndarray) -> Figures:
        short = actual - quantile
        return _mean(np.maximum(tau * short, (tau - 1) * short), weight)

    return loss


def log_loss(happened: np.ndarray, probability: np.ndarray, weight: np.ndarray) -> Figures:
    """Mean negative log-likelihood, in nats."""
    return _mean(nats(happened, probability), weight)


def nats(happened: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Negative log-likelihood (n,) of each outcome."""
    kept = np.clip(probability, 1e-12, 1 - 1e-12)
    return np.asarray(-(happened * np.log(kept) + (1 - happened) * np.log(1 - kept)))


def brier(happened: np.ndarray, probability: np.ndarray, weight: np.ndarray) -> Figures:
    """Mean squared error of the probability."""
    return _mean((happened - probability) ** 2, weight)


def roc_auc(happened: np.ndarray, score: np.ndarray, weight: np.ndarray) -> Figures:
    """Area under the ROC curve, ties counted half; missing where only one class has weight."""
    all_of, left = _by_level(score, happened, weight)
    of_left, of_all = left.sum(axis=-1), all_of.sum(axis=-1)
    both = (of_left > 0) & (of_left < of_all)
    with np.errstate(invalid="ignore"):  # 0 / 0 where a class has no weight
        return np.where(both, _share_before(all_of - left, left), np.nan)[()]


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
        name: {m: np.nan if p is None else float(f(actual, p, ones)) for m, f in metrics.items()}
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
    draws = np.concatenate(
        [sign * (figure(actual, model, w) - figure(actual, rival, w)) for w in _blocks(weights)]
    )
    low, high = np.nanquantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    gain = sign * (table.loc["model", metric] - table.loc[opponent, metric])
    return metric, opponent, float(gain), float(low), float(high)


def _blocks(weights: np.ndarray) -> Iterator[np.ndarray]:
    """The draws in turn, as many at once as are quick to work on."""
    at_once = max(CELLS_AT_ONCE // weights.shape[1], 1)
    for start in range(0, len(weights), at_once):
        yield weights[start : start + at_once].astype(float)


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
