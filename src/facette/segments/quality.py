"""How good a clustering is: stability of each segment under resampling, separation, sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import ClusterMixin, clone
from sklearn.metrics import adjusted_mutual_info_score, silhouette_score

from facette.segments.carrier import carried, takes_number
from facette.segments.valleys import shallowest, spread_out
from facette.settings.segments import Behaviour

SILHOUETTE_SAMPLE = 2000
HIGHLY_STABLE = 0.85
VERDICTS = (
    (HIGHLY_STABLE, "highly stable"),
    (0.75, "stable"),
    (0.60, "doubtful"),
    (-1.0, "unstable"),
)


def k_curve(z: np.ndarray, estimator: ClusterMixin, settings: Behaviour, seed: int) -> pd.DataFrame:
    """For each k: how stable, how large and how far apart the segments of (n, d) columns are.

    Columns: k, stability_min and stability_mean over segments, silhouette and whether it would be
    the choice by silhouette alone, smallest_share, valley and explained (see `nature`).
    """
    low, high = settings.k_range if settings.k is None else (settings.k, settings.k)
    tried = list(range(max(low, 2), min(high, len(z) - 1) + 1))
    if takes_number(estimator) is None:
        found = size_of(fitted_with(estimator, 0, z))
        tried = [found] if found > 1 else []
    columns = ["k", "stability_min", "stability_mean", "silhouette", "smallest_share", "valley",
               "explained"]  # fmt: skip
    spread = spread_out(z, np.random.default_rng(seed))
    rows = [_of_cut(z, spread, estimator, k, settings.resamples, seed) for k in tried]
    curve = pd.DataFrame(rows, columns=columns)
    return curve.assign(best_silhouette=curve["silhouette"].eq(curve["silhouette"].max()))


def _of_cut(
    z: np.ndarray, spread: np.ndarray, estimator: ClusterMixin, k: int, resamples: int, seed: int
) -> tuple[float, ...]:
    labels = fitted_with(estimator, k, z).predict(z)
    stability = segment_stability(z, labels, estimator, k, resamples, seed)
    shares = np.bincount(labels, minlength=k) / len(labels)
    return (
        k, min(stability), float(np.mean(stability)), _silhouette(z, labels, seed),
        float(shares.min()), shallowest(spread, labels), explained(z, labels),
    )  # fmt: skip


def explained(z: np.ndarray, labels: np.ndarray) -> float:
    """The share of the variance of (n, d) columns that lies between segments."""
    between = [
        (labels == n).mean() * (z[labels == n].mean(axis=0) - z.mean(axis=0)) ** 2
        for n in np.unique(labels)
    ]
    return float(np.sum(between) / max(z.var(axis=0).sum(), np.finfo(float).tiny))


def sampled(z: np.ndarray, most: int, seed: int) -> np.ndarray:
    """At most so many rows, drawn without replacement."""
    if len(z) <= most:
        return z
    return z[np.random.default_rng(seed).choice(len(z), most, replace=False)]


def fitted_with(
    estimator: ClusterMixin, k: int, z: np.ndarray, random_state: int | None = None
) -> Any:
    """A clone of the clusterer with k segments, fitted on (n, d) standardised columns.

    One that finds the number of its segments itself has as many as it finds.
    """
    params: dict[str, Any] = {name: k} if (name := takes_number(estimator)) else {}
    if random_state is not None and "random_state" in estimator.get_params():
        params["random_state"] = random_state
    return carried(clone(estimator).set_params(**params).fit(z), z)


def size_of(fitted: Any) -> int:
    """How many segments a fitted clusterer has."""
    return len(fitted.means_ if hasattr(fitted, "means_") else fitted.cluster_centers_)


def segment_stability(
    z: np.ndarray, labels: np.ndarray, estimator: ClusterMixin, k: int, resamples: int, seed: int
) -> list[float]:
    """Per segment, the mean over bootstrap resamples of the best Jaccard match (Hennig 2007).

    A clusterer that finds their number itself may have found more than k.
    """
    generator = np.random.default_rng(seed)
    size = max(k, int(labels.max()) + 1)
    found = np.zeros((resamples, size))
    for b in range(resamples):
        drawn = generator.integers(0, len(z), len(z))
        again = fitted_with(estimator, k, z[drawn], random_state=b)
        seen = np.unique(drawn)
        found[b] = best_jaccard(labels[seen], again.predict(z[seen]), size)
    return [float(j) for j in found.mean(axis=0)]


def best_jaccard(before: np.ndarray, after: np.ndarray, k: int) -> np.ndarray:
    """For each of the k segments of `before`, the largest Jaccard index with one of `after`."""
    both = np.zeros((k, max(int(after.max()) + 1, k)))
    np.add.at(both, (before, after), 1)
    union = both.sum(axis=1, keepdims=True) + both.sum(axis=0, keepdims=True) - both
    return np.max(both / np.maximum(union, 1), axis=1)


def _silhouette(z: np.ndarray, labels: np.ndarray, seed: int) -> float:
    if len(np.unique(labels)) < 2:
        return np.nan
    return float(
        silhouette_score(z, labels, sample_size=min(SILHOUETTE_SAMPLE, len(z)), random_state=seed)
    )


def verdict(stability: float) -> str:
    """Hennig's words for a mean Jaccard."""
    return next(word for least, word in VERDICTS if stability >= least)


def shared_information(one: pd.Series, other: pd.Series) -> float:
    """Adjusted mutual information of two labellings: 0 for unrelated, 1 for the same."""
    return float(adjusted_mutual_info_score(one.astype(str), other.astype(str)))
