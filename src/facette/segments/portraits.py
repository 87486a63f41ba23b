"""Portraits: who is in each segment of a segmentation, told as plain figures.

for card in portraits(cut, snapshot.features, catalogue, scored):
    print(card["name"], card["share"], card["typical"])
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from facette.segments.applied import Applied
from facette.segments.behaviour import BehaviourSegments
from facette.segments.quality import verdict
from facette.snapshots.catalogue import Feature

FEW = 3  # customers shown by their id
MOST_APART = 5  # features that set a segment apart
LEAST_EFFECT = 0.2  # what Cohen (1988) calls a small effect
ALIKE = 0.8  # correlation from which on two features say the same
KNOWN = 0.5  # of a segment's customers, for whom a feature is known
FAR = 3.0  # standard deviations beyond which a customer is simply far
TINY = 1e-9


def portraits(
    cut: Applied, frame: pd.DataFrame, catalogue: Mapping[str, Feature], scored: pd.DataFrame
) -> list[dict[str, Any]]:
    """A card for each segment at the test date, in the segmentation's order: plain JSON, NaN None.

    `frame` holds features (n, d) indexed by customer, `scored` the same customers as a package
    scored them, with `customer_id`. Money is in currency units, shares are fractions of 1.

    `apart`: the features that differ most from all other customers; `unused`: those among the
    features that the segmentation does not read. `came` and `went` are customers known at both
    dates who changed segment, `new` those not known at the first, `gone` not at the second.
    """
    labels = cut.test
    known = scored.set_index("customer_id").reindex(labels.index)
    features = frame.reindex(labels.index)
    z = _standardised(features, catalogue)
    effects, alike = effect_sizes(z, labels), _alike(z)
    read = _read_by(cut)
    cards = []
    for segment in cut.names:
        own = labels.index[labels == segment]
        told = effects.loc[segment] if segment in effects.index else pd.Series(dtype=float)
        spare = told[[name for name in told.index if name not in read]]
        borderline = _borderline(cut, own)
        cards.append(_plain({
            "segmentation": cut.name, "id": segment, "name": cut.names[segment],
            **_worth(known, own),
            "channels": _channels(features.loc[own], catalogue),
            "apart": _sentences(told, alike, catalogue, features, labels == segment),
            "unused": _sentences(spare, alike, catalogue, features, labels == segment),
            "typical": _typical(z.loc[own], cut.confidence.reindex(own), borderline),
            "borderline": borderline,
            **_movement(cut, segment),
            **_stability(cut, segment),
        }))  # fmt: skip
    return cards


def effect_sizes(z: pd.DataFrame, labels: pd.Series) -> pd.DataFrame:
    """Per segment and column, the mean less that of all others, in pooled standard deviations.

    Cohen's d (Cohen 1988, chapter 2). NaN where nobody is left to compare with, or where the column
    is known of fewer than half of the segment; infinite where a column tells them apart wholly.
    """
    n, s, q = (
        table.groupby(labels).sum() for table in (z.notna().astype(float), z.fillna(0), z**2)
    )
    others_n, others_s, others_q = (table.sum() - table for table in (n, s, q))
    gap = s / n.where(n > 0) - others_s / others_n.where(others_n > 0)
    within = (q - s**2 / n.where(n > 0)) + (others_q - others_s**2 / others_n.where(others_n > 0))
    degrees = n + others_n - 2
    pooled = np.sqrt(within.clip(lower=0) / degrees.where(degrees > 0))
    wholly = np.sign(gap) * np.inf
    found = (gap / pooled.where(pooled > TINY)).where(pooled > TINY, wholly.where(pooled.notna()))
    return found.where(n.ge(KNOWN * labels.value_counts().reindex(n.index), axis=0))


def _standardised(features: pd.DataFrame, catalogue: Mapping[str, Feature]) -> pd.DataFrame:
    """The numeric features that vary, in standard deviations of the base."""
    names = [n for n in features if n in catalogue and not catalogue[n].category]
    x = features[names].astype(float).replace([np.inf, -np.inf], np.nan)
    spread = x.std(ddof=0)
    varied = spread.index[spread > TINY * (1 + x.abs().mean())]
    return (x[varied] - x[varied].mean()) / spread[varied]


def _alike(z: pd.DataFrame) -> pd.DataFrame:
    if z.empty:
        return pd.DataFrame(index=z.columns, columns=z.columns, dtype=bool)
    correlation = np.atleast_2d(np.corrcoef(z.fillna(0).to_numpy(), rowvar=False))
    return pd.DataFrame(np.abs(correlation) >= ALIKE, z.columns, z.columns)


def _read_by(cut: Applied) -> set[str]:
    """The features that a segmentation was made of."""
    if isinstance(cut.fitted, BehaviourSegments):
        return {column["name"] for column in cut.fitted.columns}
    return set(getattr(cut.fitted, "features_", []))


def _worth(known: pd.DataFrame, own: pd.Index) -> dict[str, Any]:
    mine = known.loc[own]
    means = {
        f"{name}_mean": mine[column].mean() if column in mine else None
        for name, column in (
            ("value", "value_expected"), ("headroom", "headroom"), ("churn", "churn_probability")
        )
    }  # fmt: skip
    value = mine.get("value_expected")
    whole = 0.0 if value is None else known["value_expected"].sum()
    return {
        "customers": len(own),
        "share": len(own) / len(known),
        "value_share": value.sum() / whole if value is not None and whole else None,
        **means,
        "negative_value": None if value is None else int((value < 0).sum()),
    }


def _channels(
    features: pd.DataFrame, catalogue: Mapping[str, Feature]
) -> list[dict[str, Any]] | None:
    """Mean shares of the contacts that customers started, the largest first; None: not known."""
    names = [n for n in features if n in catalogue and _is_channel(n)]
    means = features[names].astype(float).mean().dropna().sort_values(ascending=False)
    told = [
        {"channel": _channel(n), "sentence": catalogue[n].english, "share": share}
        for n, share in means.items()
    ]
    return told or None


def _is_channel(name: str) -> bool:
    return name.startswith("started_") and name.endswith("_share")


def _channel(name: str) -> str:
    return name.removeprefix("started_").removesuffix("_share")


def _sentences(
    effects: pd.Series, alike: pd.DataFrame, catalogue: Mapping[str, Feature],
    features: pd.DataFrame, own: pd.Series,
) -> list[dict[str, Any]]:  # fmt: skip
    """The largest effects in words, one for features that say the same."""
    told = []
    for name in _distinct(effects[effects.abs() >= LEAST_EFFECT], alike):
        feature, column = catalogue[name], features[name].astype(float)
        told.append({
            "feature": name,
            "sentence": feature.english,
            "words": feature.high if effects[name] > 0 else feature.low,
            "above": bool(effects[name] > 0),
            "effect": effects[name],
            "mean": column[own].mean(),
            "others_mean": column[~own].mean(),
        })  # fmt: skip
    return told


def _distinct(effects: pd.Series, alike: pd.DataFrame) -> list[str]:
    chosen: list[str] = []
    for name in effects.abs().sort_values(ascending=False, kind="stable").index:
        if len(chosen) < MOST_APART and not alike.loc[name, chosen].any():
            chosen.append(str(name))
    return chosen


def _typical(z: pd.DataFrame, confidence: pd.Series, apart_from: Sequence[str]) -> list[str]:
    """Those nearest the segment's median, of its surer half; an unknown figure counts as 1 sd."""
    sure = confidence >= confidence.median()
    inside = z.clip(-FAR, FAR)
    centre = inside.median().dropna()
    away = ((inside[centre.index] - centre) ** 2).fillna(1.0).mean(axis=1)
    near = away[sure & ~away.index.isin(apart_from)].sort_values(kind="stable")
    return [str(customer) for customer in near.index[:FEW]]


def _borderline(cut: Applied, own: pd.Index) -> list[str]:
    """The least sure customers; none where all are assigned alike."""
    if cut.confidence.nunique() < 2:
        return []
    least = cut.confidence.reindex(own).sort_values(kind="stable")
    return [str(customer) for customer in least.index[:FEW]]


def _movement(cut: Applied, segment: str) -> dict[str, Any]:
    """How the segment grew between the two dates; unknown where they have no customer in common."""
    before, now = cut.training == segment, cut.test == segment
    both = before.index.intersection(now.index)
    if both.empty:
        return dict.fromkeys(("share_before", "trend", "came", "went", "new", "gone"))
    was, still = before.reindex(both), now.reindex(both)
    return {
        "share_before": before.mean(),
        "trend": now.mean() - before.mean(),
        "came": int((still & ~was).sum()),
        "went": int((was & ~still).sum()),
        "new": int(now.sum() - still.sum()),
        "gone": int(before.sum() - was.sum()),
    }


def _stability(cut: Applied, segment: str) -> dict[str, Any]:
    stability = cut.stability.get(segment)
    known = stability is not None and not math.isnan(stability)
    return {"stability": stability, "verdict": verdict(stability) if known else None}  # type: ignore[arg-type]


def _plain(value: Any) -> Any:
    """Plain JSON: what is not finite is None."""
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value
