"""Are the segments natural, reproducible or constructed (Dolnicar & Leisch 2010)?

*Natural*: they surely come back when customers are drawn anew, and part them better than the same
clusterer parts data without groups that have the same margins and correlations: they explain more,
and deeper valleys lie between them. *Reproducible*: they come back. *Constructed*: neither; the cut
is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from sklearn.base import ClusterMixin

from facette.segments.null import Groupless
from facette.segments.quality import HIGHLY_STABLE, explained, fitted_with, segment_stability
from facette.segments.valleys import shallowest, spread_out
from facette.settings.segments import Behaviour

Kind = Literal["natural", "reproducible", "constructed"]

REPEATS = 5  # draws of the null that are resampled, for its stability


@dataclass(frozen=True)
class Nature:
    """The verdict on the chosen segments and its figures, each beside that of groupless data.

    p : share of draws of groupless data, this one counted in, that do as well.
    valley : least depth between two segments (`valleys.depth`); the null's is the deepest that the
        given share of its draws stays below, whatever the number of segments.
    explained : share of variance; the null's likewise, with the same number of segments.
    jaccard : stability of the least stable segment; the null's is a mean.
    """

    kind: Kind
    p: float
    valley: float
    null_valley: float
    explained: float
    null_explained: float
    jaccard: float
    null_jaccard: float


def beside_groupless(
    curve: pd.DataFrame, null: Groupless, estimator: ClusterMixin, settings: Behaviour, seed: int
) -> pd.DataFrame:
    """The curve over k with null_valley, null_explained, natural_p, natural, gap and apart.

    natural_p is the larger of two: that a valley as deep shows in groupless data, cut into any of
    the numbers tried; and that they are explained as well by as many segments. gap: the variance
    that is explained beyond the mean of groupless data (the gap statistic of Tibshirani, Walther &
    Hastie 2001, in shares of variance); apart: segments that come back and for which so large a gap
    is rare.
    """
    generator = np.random.default_rng(seed)
    ks = [int(k) for k in curve["k"]]
    draws = [_parted(null, ks, estimator, generator) for _ in range(settings.null_draws)]
    valleys, shares = np.swapaxes(draws, 0, 1)
    deepest = valleys.max(axis=1, initial=0)[:, None]
    p_explained = _p(curve["explained"], shares)
    p = np.maximum(_p(curve["valley"], deepest), p_explained)
    upper = 1 - settings.natural_level
    comes_back = (curve["stability_min"] >= max(settings.min_stability, HIGHLY_STABLE)) & (
        curve["smallest_share"] >= settings.min_share
    )
    return curve.assign(
        null_valley=float(np.quantile(deepest, upper)),
        null_explained=np.quantile(shares, upper, axis=0),
        natural_p=p,
        natural=comes_back
        & (p <= settings.natural_level)
        & (curve["valley"] >= settings.min_valley),
        gap=curve["explained"] - shares.mean(axis=0),
        apart=comes_back & (p_explained <= settings.natural_level),
    )


def _parted(
    null: Groupless, ks: Sequence[int], estimator: ClusterMixin, generator: np.random.Generator
) -> np.ndarray:
    """Valley and explained share of one draw for each k, (2, number of ks)."""
    z = null.draw(generator)
    spread = spread_out(z, generator)
    labels = [fitted_with(estimator, k, z).predict(z) for k in ks]
    return np.array([[shallowest(spread, n) for n in labels], [explained(z, n) for n in labels]])


def _p(found: pd.Series, null: np.ndarray) -> np.ndarray:
    return np.asarray((1 + (null >= found.to_numpy()).sum(axis=0)) / (1 + len(null)))


def nature(
    curve: pd.DataFrame, k: int, stability: Sequence[float], null: Groupless,
    estimator: ClusterMixin, settings: Behaviour, seed: int,
) -> Nature | None:  # fmt: skip
    """The verdict on the cut into k segments; None where it is none, for it has one segment."""
    if k not in set(curve["k"]):
        return None
    row = curve.set_index("k").loc[k]
    figures = {
        name: float(row[name]) for name in ("valley", "null_valley", "explained", "null_explained")
    }
    return Nature(
        _kind(bool(row["natural"]), min(stability) >= settings.min_stability),
        float(row["natural_p"]), jaccard=min(stability),
        null_jaccard=_null_jaccard(null, k, estimator, settings, seed), **figures,
    )  # fmt: skip


def _kind(apart: bool, reproducible: bool) -> Kind:
    if not reproducible:
        return "constructed"
    return "natural" if apart else "reproducible"


def _null_jaccard(
    null: Groupless, k: int, estimator: ClusterMixin, settings: Behaviour, seed: int
) -> float:
    """Mean over draws of the least stability of a segment, the resamples shared among them."""
    generator = np.random.default_rng(seed)
    resamples, least = max(settings.resamples // REPEATS, 1), []
    for _ in range(REPEATS):
        z = null.draw(generator)
        labels = fitted_with(estimator, k, z).predict(z)
        least.append(min(segment_stability(z, labels, estimator, k, resamples, seed)))
    return float(np.mean(least))
