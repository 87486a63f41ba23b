"""Behaviour segments: clusters of what customers decide, as rates and shares, not volumes.

The preparation of each column and the centres are fitted once on the latest training snapshot,
stored with the version in plain numbers, and applied later; never recomputed on the frame at hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import ClusterMixin, clone
from sklearn.metrics import euclidean_distances

from facette.errors import BadInput
from facette.segments.carrier import takes_number
from facette.segments.naming import segment_names
from facette.segments.nature import Nature, beside_groupless, nature
from facette.segments.null import without_groups
from facette.segments.quality import (
    HIGHLY_STABLE,
    fitted_with,
    k_curve,
    sampled,
    segment_stability,
    size_of,
)
from facette.settings.segments import Behaviour
from facette.snapshots.catalogue import Feature
from facette.wording import listed, nearest

MOST_COMMON_ALLOWED = 0.95
MIN_KNOWN = 0.5  # share of its columns below which a customer's behaviour is not known


@dataclass(frozen=True)
class BehaviourSegments:
    """Fitted clusters: prepared columns, the estimator, ids and names in label order.

    `highest`: the highest number of an id ever given, over the versions that were remembered.
    """

    columns: list[dict[str, Any]]
    estimator: Any
    segments: list[dict[str, str]]
    curve: pd.DataFrame
    stability: dict[str, float]
    criterion: str
    nature: Nature | None
    notes: list[str] = field(default_factory=list)
    highest: int = 0

    def plain(self) -> dict[str, Any]:
        """What `part.json` says of them."""
        kind = "gaussian" if hasattr(self.estimator, "means_") else "centroids"
        return {
            "kind": kind,
            "columns": self.columns,
            "segments": self.segments,
            "highest": max(self.highest, len(self.segments)),
            "min_known": MIN_KNOWN,
        }

    def confidence(self, z: np.ndarray) -> np.ndarray:
        """How surely each of (n, d) standardised rows is assigned, 0 to 1, as a package tells it.

        Of centres: the distance to the second nearest over that to both, .5 on the border; of
        components the posterior probability.
        """
        if hasattr(self.estimator, "means_"):
            return np.asarray(self.estimator.predict_proba(z).max(axis=1))
        centres = self.estimator.cluster_centers_
        if len(centres) == 1:
            return np.ones(len(z))
        first, second = np.partition(euclidean_distances(z, centres), 1, axis=1)[:, :2].T
        total = first + second
        return np.divide(second, total, out=np.full(len(z), 0.5), where=total > 0)

    def arrays(self) -> bytes:
        """The numbers of `arrays.npz`, without pickles."""
        e, buffer = self.estimator, BytesIO()
        if hasattr(e, "means_"):
            cholesky = e.precisions_cholesky_
            np.savez(buffer, weights=e.weights_, means=e.means_, precisions_cholesky=cholesky)
        else:
            np.savez(buffer, centroids=e.cluster_centers_)
        return buffer.getvalue()

    def files(self, **tiers: Any) -> dict[str, bytes]:
        """The plain files of the packaged part, with the frozen tiers beside the clusters."""
        part = {"behaviour": self.plain(), **tiers}
        return {"part.json": json.dumps(part, indent=1).encode(), "arrays.npz": self.arrays()}


def learn_behaviour(
    features: pd.DataFrame, catalogue: Mapping[str, Feature], settings: Behaviour,
    estimator: ClusterMixin, seed: int,
) -> BehaviourSegments:  # fmt: skip
    """Fit behaviour segments on the features of one snapshot.

    k is `settings.k`; or, where some k in `k_range` is natural, that of highly stable segments
    which explains most beyond groupless data, or a larger one that is natural with valleys of
    `deep_valley`; or the largest whose every segment has a bootstrap
    Jaccard of at least `min_stability` and a share of at least `min_share`; where there is none,
    one segment, `everyone`. Choice and verdict are made on at most `sample` customers.

    Raises:
        BadInput: an unknown or constant feature list, k above the number of customers whose
            behaviour is known, or segments without customers.
    """
    names, notes = chosen_columns(features, catalogue, settings.features)
    enough = features[names].notna().mean(axis=1) >= MIN_KNOWN
    check_k(settings, int(enough.sum()))
    columns = [
        prepared(features.loc[enough, n], settings.clip_quantile, settings.soft_limit)
        for n in names
    ]
    z = standardised(features.loc[enough], columns)
    drawn = sampled(z, settings.sample, seed)
    null = without_groups(drawn, settings.min_valley, seed)
    curve = k_curve(drawn, estimator, settings, seed)
    curve = beside_groupless(curve, null, estimator, settings, seed)
    k, criterion = _chosen_k(curve, settings)
    fitted = _by_size(_fitted(estimator, k, z, drawn), z)
    k = size_of(fitted)
    notes += _carried_how(fitted)
    stability = _stability(fitted, drawn, estimator, k, settings, seed)
    profile = pd.DataFrame(z, columns=names).groupby(fitted.predict(z)).mean()
    if len(profile) < k:
        raise BadInput(
            f"segments.behaviour.k: only {len(profile)} of {k} segments hold customers; choose "
            f"{len(profile)} or fewer"
        )
    told = segment_names(profile, catalogue, settings.names)
    return BehaviourSegments(
        columns, fitted, told, curve,
        {s["id"]: float(j) for s, j in zip(told, stability, strict=True)}, criterion,
        nature(curve, k, stability, null, estimator, settings, seed), notes,
    )  # fmt: skip


def check_k(settings: Behaviour, customers: int) -> None:
    """Refuse a number of segments that the customers can't fill.

    Raises:
        BadInput: k is below 1 or above the number of customers, or there are too many names.
    """
    wanted = settings.k if settings.k is not None else min(settings.k_range)
    most = settings.k if settings.k is not None else max(settings.k_range)
    if len(settings.names) > most:
        raise BadInput(
            f"segments.behaviour.names: {len(settings.names)} names for {most} segments at most"
        )
    if wanted < 1 or wanted > customers:
        raise BadInput(
            f"segments.behaviour.k: {wanted} segments for {customers:,} customers; choose between "
            f"1 and {customers:,}"
        )


def chosen_columns(
    features: pd.DataFrame, catalogue: Mapping[str, Feature], given: Sequence[str] | None
) -> tuple[list[str], list[str]]:
    """The clustering columns that vary, and a note on those left out.

    Raises:
        BadInput: a given column is unknown or text, or none is left.
    """
    offered = [f.name for f in catalogue.values() if not f.category]
    absent = [c for c in given or [] if c not in offered]
    if absent:
        raise BadInput(
            f"segments.behaviour.features: {listed(absent)} is not a numeric feature of the "
            f"snapshot{nearest(absent[0], offered)}"
        )
    wanted = list(given) if given else [n for n in offered if catalogue[n].behavioural]
    kept = [n for n in wanted if _varies(features[n])]
    left = [n for n in wanted if n not in kept]
    if not kept:
        raise BadInput(
            f"segments.behaviour.features: none of {listed(wanted)} varies between customers"
        )
    note = f"behaviour segments leave out {listed(left)}: nearly the same for everyone"
    return kept, [note] if left else []


def _varies(column: pd.Series) -> bool:
    known = column.dropna()
    return len(known) > 0 and known.value_counts(normalize=True).iloc[0] < MOST_COMMON_ALLOWED


def prepared(
    column: pd.Series, clip_quantile: float, soft_limit: float | None = None
) -> dict[str, Any]:
    """How one column becomes a standardised one, in plain numbers.

    `soft_limit` c, in standard deviations: values become c tanh(z / c), so that what is far from
    usual in one column doesn't outweigh all others. At c of 1.41 and above a normal column keeps
    one hill; below, the ends would pile up into two.
    """
    known = column.dropna()
    transform = "log1p" if known.min() >= 0 and known.skew() > 1.5 else "identity"
    shaped = np.log1p(known) if transform == "log1p" else known
    low, high = shaped.quantile([clip_quantile, 1 - clip_quantile])
    kept = shaped.clip(low, high)
    return {
        "name": str(column.name),
        "transform": transform,
        "fill": float(known.median()),
        "low": float(low),
        "high": float(high),
        "center": float(kept.mean()),
        "scale": float(kept.std(ddof=0)) or 1.0,
        "soft_limit": soft_limit,
    }


def standardised(features: pd.DataFrame, columns: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """(n, d): filled, transformed, clipped, centred, scaled and limited with stored numbers."""
    made = np.empty((len(features), len(columns)))
    for i, c in enumerate(columns):
        x = features[c["name"]].to_numpy(dtype=float)
        x = np.where(np.isnan(x), c["fill"], x)
        with np.errstate(divide="ignore", invalid="ignore"):
            x = np.log1p(x) if c["transform"] == "log1p" else x
        # fmax and fmin pass over NaN: the logarithm of a negative counts as the lowest
        inside = np.fmin(np.fmax(x, c["low"]), c["high"])
        z, limit = (inside - c["center"]) / c["scale"], c["soft_limit"]
        made[:, i] = z if limit is None else limit * np.tanh(z / limit)
    return made


def _chosen_k(curve: pd.DataFrame, settings: Behaviour) -> tuple[int, str]:
    if settings.k is not None:
        return settings.k, f"k = {settings.k} as configured"
    stable = (curve["stability_min"] >= settings.min_stability) & (
        curve["smallest_share"] >= settings.min_share
    )
    rule = (
        f"the largest k whose every segment has a bootstrap Jaccard of {settings.min_stability} or "
        f"more and holds {settings.min_share:.0%} of customers or more"
    )
    if not stable.any():
        return 1, f"no k fulfils {rule.removeprefix('the largest k ')}: one segment, everyone"
    if curve["natural"].any():
        return _natural_k(curve, settings)
    return int(curve.loc[stable, "k"].max()), rule


def _natural_k(curve: pd.DataFrame, settings: Behaviour) -> tuple[int, str]:
    """The k of the largest gap, or a finer one whose segments all lie deep valleys apart.

    The gap is told in shares of variance, of which near groups leave little beside far ones.
    """
    apart = curve[curve["apart"]]
    k = int(apart.loc[apart["gap"].idxmax(), "k"])
    deep = curve["natural"] & (curve["valley"] >= settings.deep_valley)
    finest = int(curve.loc[deep, "k"].max()) if deep.any() else k
    if finest > k:
        return finest, (
            "there are natural segments, and this is the largest k that is natural with valleys of "
            f"{settings.deep_valley:.0%} or deeper between any two"
        )
    natural = bool(curve.set_index("k")["natural"][k])
    return k, (
        ("there are natural segments" if natural else "a cut into fewer segments is natural")
        + ", and of the k whose every segment has a bootstrap Jaccard "
        f"of {max(settings.min_stability, HIGHLY_STABLE)} or more and holds "
        f"{settings.min_share:.0%} of customers or more this one explains most beyond data "
        "without groups"
    )


def _stability(
    fitted: Any, z: np.ndarray, estimator: ClusterMixin, k: int, settings: Behaviour, seed: int
) -> list[float]:
    if not 1 < k < len(z):
        return [1.0] * k
    return segment_stability(z, fitted.predict(z), estimator, k, settings.resamples, seed)


def _fitted(estimator: ClusterMixin, k: int, z: np.ndarray, drawn: np.ndarray) -> Any:
    """The clusterer on every customer, or on those drawn where it assigns only those it saw."""
    if k == 1:
        return _Everyone().fit(z)
    return fitted_with(estimator, k, z if hasattr(estimator, "predict") else drawn)


def _carried_how(fitted: Any) -> list[str]:
    if not hasattr(fitted, "carries_"):
        return []
    return [
        f"behaviour segments of {fitted.carries_} are carried by a Gaussian component each, which "
        f"puts {fitted.agrees_:.0%} of their members where {fitted.carries_} does"
    ]


class _Everyone:
    """One segment for all: a single centre."""

    def fit(self, z: np.ndarray) -> _Everyone:
        self.cluster_centers_ = z.mean(axis=0, keepdims=True)
        return self

    def predict(self, z: np.ndarray) -> np.ndarray:
        return np.zeros(len(z), dtype=int)


def check_clusterer(estimator: Any, k: int | None) -> None:
    """Refuse what is no clusterer, by trying it on a few numbers.

    Raises:
        BadInput: it gives neither labels nor components, or finds the number of segments itself
            and is asked for `k`.
    """
    z = np.random.default_rng(0).normal(size=(200, 2))
    with suppress(TypeError):
        fitted = clone(estimator).fit(z)
        if hasattr(fitted, "labels_") or hasattr(fitted, "means_"):
            if k is None or takes_number(estimator):
                return
            raise BadInput(
                f"segments.behaviour.k: {type(estimator).__name__} finds the number of segments "
                "itself; leave k null"
            )
    raise BadInput(
        f"segments.behaviour.estimator: {type(estimator).__name__} puts nobody in a segment; name "
        "a clusterer, sklearn.cluster.KMeans say"
    )


def _by_size(fitted: Any, z: np.ndarray) -> Any:
    """The fitted clusterer with its segments renumbered from the largest to the smallest."""
    sizes = np.bincount(fitted.predict(z), minlength=size_of(fitted))
    order = np.argsort(-sizes, kind="stable")
    for name in ("cluster_centers_", "means_", "weights_", "precisions_cholesky_", "covariances_"):
        if hasattr(fitted, name):
            setattr(fitted, name, np.ascontiguousarray(getattr(fitted, name)[order]))
    return fitted
