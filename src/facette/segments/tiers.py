"""A priori segmentations with frozen cuts: Pareto tiers, and bands of recency, frequency, money."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from facette.errors import BadInput

TIES_ALLOWED = 0.25  # how much larger than wanted ties may make a tier


def check_tiers(setting: str, names: Sequence[str], shares: Sequence[float]) -> None:
    """Refuse tiers that do not divide the base.

    Raises:
        BadInput: the shares do not sum to 1, or there are more or fewer names than shares.
    """
    if len(names) != len(shares):
        raise BadInput(f"{setting}: {len(names)} names for {len(shares)} shares; give one for each")
    if not shares or abs(sum(shares) - 1) > 1e-6 or min(shares) <= 0:
        raise BadInput(f"{setting}: shares {list(shares)} must be above 0 and sum to 1")


def tier_cuts(values: np.ndarray, shares: Sequence[float]) -> list[float]:
    """Lowest value of each tier but the last, from the top: 5/15/80 % gives two cuts.

    Where many customers hold the very value of a cut (nothing spent, say), they stay below it.
    """
    ranked = np.sort(values[~np.isnan(values)])[::-1]
    last = np.maximum(np.round(np.cumsum(shares)[:-1] * len(ranked)).astype(int), 1)
    return [_cut(ranked, int(i)) for i in last]


def _cut(ranked: np.ndarray, wanted: int) -> float:
    cut = ranked[wanted - 1]
    above = ranked[ranked > cut]
    tied_over = np.count_nonzero(ranked >= cut) - wanted
    return float(above[-1] if len(above) and tied_over > TIES_ALLOWED * wanted else cut)


def frozen_tiers(
    column: str, values: np.ndarray, names: Sequence[str], shares: Sequence[float]
) -> dict[str, Any]:
    """What a package needs to put a customer in a tier: column, cuts, names from the top.

    Raises:
        BadInput: no customer has a value.
    """
    if np.isnan(values).all():
        raise BadInput(
            f"segments: no customer has a {column} to make tiers of; its window is longer than the "
            "history at the latest training date, so lower snapshot.horizon_days"
        )
    return {"column": column, "cuts": tier_cuts(values, shares), "names": list(names)}


def frozen_bands(features: pd.DataFrame, rfm: Sequence[str], bands: int) -> dict[str, Any]:
    """Quantile cuts of the columns of recency, frequency and money, fitted once."""
    steps = np.linspace(0, 1, bands + 1)[1:-1]
    cuts = {c: np.nanquantile(features[c], steps).tolist() for c in rfm}
    return {"bands": bands, "cuts": cuts}


def rfm_scores(features: pd.DataFrame, frozen: dict[str, Any]) -> pd.DataFrame:
    """Scores from 1 (least) up for recency, frequency, money; a recent customer scores high.

    A score is one more than the cuts that are passed; what is not known scores least.
    """
    recency, frequency, money = frozen["cuts"]
    made = {
        name: np.searchsorted(frozen["cuts"][column], features[column].fillna(-np.inf)) + 1
        for name, column in (("frequency", frequency), ("money", money))
    }
    late = np.searchsorted(frozen["cuts"][recency], features[recency].fillna(np.inf))
    made["recency"] = len(frozen["cuts"][recency]) + 1 - late
    return pd.DataFrame(made, index=features.index)[["recency", "frequency", "money"]]


def rfm_classes(scores: pd.DataFrame, bands: int) -> pd.Series:
    """Named classes from the scores: who is recent, and who is frequent and spends."""
    recent = scores["recency"] > bands * 0.6
    lapsed = scores["recency"] <= bands * 0.4
    strong = (scores["frequency"] + scores["money"]) / 2 > bands * 0.6
    weak = (scores["frequency"] + scores["money"]) / 2 <= bands * 0.4
    classes = np.select(
        [recent & strong, recent & weak, lapsed & strong, lapsed & weak, recent, lapsed],
        ["champions", "promising", "at risk", "asleep", "faithful", "fading"],
        "steady",
    )
    return pd.Series(classes, index=scores.index, name="rfm_class")
