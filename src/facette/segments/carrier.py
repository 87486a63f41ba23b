"""Any clusterer's segments, carried by numbers that a package can assign new customers with.

K-means and full-covariance mixtures carry their own. The segments of any other clusterer are
carried by one Gaussian component each, with the mean and covariance of its members; what the
clusterer left out as noise belongs to the likeliest of them. Where none has two members, everyone
is one segment.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import solve_triangular
from sklearn.base import ClusterMixin
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.metrics import pairwise_distances_argmin
from sklearn.mixture import GaussianMixture

RIDGE = 1e-3  # added to each variance, which are near 1
NOISE = -1


def carried(fitted: Any, z: np.ndarray) -> Any:
    """The fitted clusterer where it can be packaged as it is, else its components."""
    if _carries_itself(fitted, z):
        return fitted
    labels = np.asarray(fitted.labels_ if hasattr(fitted, "labels_") else fitted.predict(z))
    kept = [k for k in np.unique(labels[labels != NOISE]) if (labels == k).sum() > 1]
    if not kept:
        labels, kept = np.zeros(len(z), dtype=int), [0]
    members = [z[labels == k] for k in kept]
    covariances = np.array([_covariance(m) for m in members])
    mixture = GaussianMixture(len(kept))
    mixture.weights_ = np.array([len(m) for m in members]) / sum(map(len, members))
    mixture.means_ = np.array([m.mean(axis=0) for m in members])
    mixture.covariances_ = covariances
    mixture.precisions_cholesky_ = np.array([_precision(c) for c in covariances])
    mixture.carries_ = type(fitted).__name__
    mixture.agrees_ = _agreement(mixture, labels, kept, z)
    return mixture


def takes_number(estimator: ClusterMixin) -> str | None:
    """The parameter that sets the number of segments; None where the clusterer finds its own."""
    known = estimator.get_params()
    return next((n for n in ("n_clusters", "n_components") if known.get(n) is not None), None)


def _carries_itself(fitted: Any, z: np.ndarray) -> bool:
    if type(fitted) is GaussianMixture:
        return bool(fitted.covariance_type == "full")
    centres = getattr(fitted, "cluster_centers_", None)
    if type(fitted) in (KMeans, MiniBatchKMeans):
        return True
    if not isinstance(centres, np.ndarray) or not len(centres) or not hasattr(fitted, "predict"):
        return False
    return np.array_equal(fitted.predict(z), pairwise_distances_argmin(z, centres))


def _covariance(members: np.ndarray) -> np.ndarray:
    return np.atleast_2d(np.cov(members.T)) + RIDGE * np.eye(members.shape[1])


def _precision(covariance: np.ndarray) -> np.ndarray:
    """Cholesky factor of the precision, as scikit-learn's mixtures keep it."""
    lower = np.linalg.cholesky(covariance)
    return np.asarray(solve_triangular(lower, np.eye(len(lower)), lower=True).T)


def _agreement(mixture: Any, labels: np.ndarray, kept: list[Any], z: np.ndarray) -> float:
    """Share of the members who are assigned to their own segment."""
    own = np.isin(labels, kept)
    return float((np.asarray(kept)[mixture.predict(z[own])] == labels[own]).mean())
