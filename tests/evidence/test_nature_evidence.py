"""Segments are called natural where there are groups, and not where there are none."""

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from cores import Figures, everywhere
from hydra.utils import instantiate
from shapes import CLOUDS, mixture
from sklearn.base import clone
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler

from facette.segments.behaviour import standardised
from facette.segments.clusters import BehaviourClusters
from facette.segments.quality import fitted_with
from facette.settings.segments import Segments
from facette.shipped import shipped

SEEDS = range(1000, 1200)  # none of them was looked at while the verdict was made
SHAPES = ("spherical", "elongated", "skewed", "zero-inflated")
FLOOR = 0.25  # of the silhouette, below which no structure is to be seen (Kaufman & Rousseeuw 1990)
CUSTOMERS, COLUMNS = 1_000_000, 20
SHIPPED: Segments = shipped(Segments, "division/usual", "segments/kmeans", seed=1)
CLUSTERER = instantiate(SHIPPED.behaviour.estimator, _convert_="all")
RESAMPLES = 20
AS_SHIPPED = (
    f"1,000 to 2,000 customers, 2 to 10 columns; k-means and settings as shipped, {RESAMPLES} "
    "resamples"
)


def judged(x: np.ndarray, seed: int) -> tuple[Any, np.ndarray]:
    """Segments found as shipped, and those of each customer."""
    settings = replace(SHIPPED.behaviour, resamples=RESAMPLES)
    found = BehaviourClusters(settings=settings, seed=seed).fit(habits(x))
    return found, found.predict(habits(x))


def habits(x: np.ndarray) -> pd.DataFrame:
    """The columns under names."""
    return pd.DataFrame(x, columns=[f"c{i}" for i in range(x.shape[1])])


def size(rng: np.random.Generator) -> tuple[int, int]:
    """Customers and columns of a trial."""
    return int(rng.integers(1000, 2001)), int(rng.integers(2, 11))


def in_as_many(found: Any, x: np.ndarray, k: int) -> np.ndarray:
    """The segments of the same columns by the same clusterer, told how many there are."""
    z = standardised(habits(x), found.behaviour_.columns)
    return np.asarray(fitted_with(CLUSTERER, k, z).predict(z))


def in_cloud(shape: str, seed: int) -> Figures:
    """What is said of a cloud without groups."""
    rng = np.random.default_rng(seed)
    found, _ = judged(CLOUDS[shape](rng, *size(rng)), seed)
    return {
        "natural": float(found.nature_ is not None and found.nature_.kind == "natural"),
        "silhouette": float(found.curve_["silhouette"].max() > FLOOR),
    }


def in_mixture(unequal: bool, seed: int) -> Figures:
    """What is said of groups apart."""
    rng = np.random.default_rng(seed)
    x, group = mixture(rng, *size(rng), unequal)
    found, segment = judged(x, seed)
    best = found.curve_.loc[found.curve_["best_silhouette"], "k"]
    return {
        "natural": float(found.nature_ is not None and found.nature_.kind == "natural"),
        "right_k": float(len(found.segments_) == group.max() + 1),
        "members": adjusted_rand_score(group, segment),
        "members_given_k": adjusted_rand_score(group, in_as_many(found, x, group.max() + 1)),
        "silhouette_right_k": float(best.iloc[0] == group.max() + 1),
    }


def test_no_groups_are_called_natural_where_there_are_none(evidence: Callable[..., bool]) -> None:
    shapes = [SHAPES[i % len(SHAPES)] for i, _ in enumerate(SEEDS)]
    found = everywhere(in_cloud, *zip(shapes, SEEDS, strict=True)).groupby(shapes).mean()
    evidence(
        "no_groups_are_natural_where_there_are_none",
        {f"natural_{shape.replace('-', '_')}": share for shape, share in found["natural"].items()}
        | {f"silhouette_{shape.replace('-', '_')}": share
           for shape, share in found["silhouette"].items()},
        "called natural in 5 % at most; beside it, how often the best silhouette alone is above "
        f"{FLOOR}",
        found["natural"].mean() <= 0.05,
        f"{len(SEEDS)} seeds, as many of each shape; {AS_SHIPPED}",
    )  # fmt: skip


def test_groups_apart_are_natural_and_found_again(evidence: Callable[..., bool]) -> None:
    unequal = [i % 2 == 1 for i, _ in enumerate(SEEDS)]
    found = everywhere(in_mixture, *zip(unequal, SEEDS, strict=True))
    both = (found["natural"] == 1) & (found["right_k"] == 1) & (found["members"] >= 0.9)
    evidence(
        "groups_apart_are_natural_and_found_again",
        {"found": both.mean(), "natural": found["natural"].mean(),
         "right_k": found["right_k"].mean(), "adjusted_rand_index": found["members"].mean(),
         "given_k": (found["members_given_k"] >= 0.9).mean(),
         "silhouette_right_k": found["silhouette_right_k"].mean()},
        "natural, in the right number, with an adjusted Rand index of .9 and more, in 95 %; beside "
        "it, how often k-means that is told the number has that index, and how often the best "
        "silhouette alone has the right number",
        both.mean() >= 0.95,
        f"{len(SEEDS)} mixtures of 3 to 5 normal groups, the nearest two 4.5 standard deviations "
        f"apart, of equal size in half of them; {AS_SHIPPED}",
    )  # fmt: skip


def test_the_choice_costs_a_few_fits(evidence: Callable[..., bool]) -> None:
    x, _ = mixture(np.random.default_rng(0), CUSTOMERS, COLUMNS, unequal=True)
    told = habits(x)
    began = perf_counter()
    found = BehaviourClusters(seed=1).fit(told)
    whole = perf_counter() - began
    z = StandardScaler().fit_transform(x)
    began = perf_counter()
    clone(found.behaviour_.estimator).fit(z)
    once = perf_counter() - began
    evidence(
        "choosing_the_number_of_segments_costs_a_few_fits",
        {"ratio": whole / once, "seconds": whole, "seconds_of_one_fit": once,
         "segments": len(found.segments_)},
        "columns prepared, 2 to 8 segments judged and the verdict: 15 x one k-means fit at most",
        whole <= 15 * once,
        f"{CUSTOMERS:,} customers x {COLUMNS} columns; k, stability and verdict on a sample of "
        f"{SHIPPED.behaviour.sample:,}, settings as shipped",
    )  # fmt: skip
