"""How good a clustering is: stability of each segment under resampling, silhouette, sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import ClusterMixin, clone
from sklearn.metrics import adjusted_mutual_info_score, silhouette_score

from facette.settings import Behaviour

SILHOUETTE_SAMPLE = 2000
VERDICTS = ((0.85, "highly stable"), (0.75, "stable"), (0.60, "doubtful"), (-1.0, "unstable"))


def k_curve(
    z: np.ndarray, estimator: ClusterMixin, settings: Behaviour, seed: int
) -> tuple[pd.DataFrame, dict[int, list[float]]]:
    """For each k: the least stability of a segment, silhouette, smallest share.

    Returns the curve and, per k, the stability of each segment in the order of its labels.
    """
    generator = np.random.default_rng(seed)
    drawn = z
    if len(z) > settings.sample:
        drawn = z[generator.choice(len(z), settings.sample, replace=False)]
    low, high = settings.k_range if settings.k is None else (settings.k, settings.k)
    rows, stabilities = [], {}
    for k in range(max(low, 2), min(high, len(z) - 1) + 1):
        labels = fitted_with(estimator, k, z).predict(drawn)
        stability = segment_stability(drawn, labels, estimator, k, settings.resamples, seed)
        stabilities[k] = stability
        shares = np.bincount(labels, minlength=k) / len(labels)
        rows.append((k, min(stability), float(np.mean(stability)), _silhouette(drawn, labels, seed),
                     float(shares.min())))  # fmt: skip
    columns = ["k", "stability_min", "stability_mean", "silhouette", "smallest_share"]
    return pd.DataFrame(rows, columns=columns), stabilities


def fitted_with(
    estimator: ClusterMixin, k: int, z: np.ndarray, random_state: int | None = None
) -> Any:
    """A clone of the clusterer with k segments, fitted on (n, d) standardised columns."""
    known = estimator.get_params()
    params = {"n_clusters" if "n_clusters" in known else "n_components": k}
    if random_state is not None and "random_state" in known:
        params["random_state"] = random_state
    return clone(estimator).set_params(**params).fit(z)


def segment_stability(
    z: np.ndarray, labels: np.ndarray, estimator: ClusterMixin, k: int, resamples: int, seed: int
) -> list[float]:
    """Per segment, the mean over bootstrap resamples of the best Jaccard match (Hennig 2007)."""
    generator = np.random.default_rng(seed)
    found = np.zeros((resamples, k))
    for b in range(resamples):
        drawn = generator.integers(0, len(z), len(z))
        again = fitted_with(estimator, k, z[drawn], random_state=b)
        seen = np.unique(drawn)
        found[b] = best_jaccard(labels[seen], again.predict(z[seen]), k)
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
