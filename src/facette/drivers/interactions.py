"""Which features work together: SHAP interaction values of a LightGBM model, categories included.

Computed leaf by leaf from the path-dependent value function of TreeSHAP (Lundberg et al. 2020): a
leaf is worth its value times, for each feature of its path, 1 or 0 where the customer meets the
feature's conditions or not and the feature is known, and the share of training rows that meets
them where it is not. Of such a product the Shapley interaction index (Grabisch & Roubens 1999) has
a closed form in symmetric polynomials. SHAP's own library gives the same where no split is of
categories; with such splits its values no longer add up, which is why they are not used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class _Leaf:
    """One leaf: its value, the features of its path, who meets their conditions, how many do."""

    value: float
    features: list[int]
    met: np.ndarray  # (features, n) of 0 and 1
    share: np.ndarray  # (features,)


def interaction_values(booster: Any, x: np.ndarray, features: Sequence[int]) -> np.ndarray:
    """Interaction values (n, k, k) of k `features` (column numbers) for (n, p) rows `x`.

    Off the diagonal half of the index for each of a pair, as SHAP has it: what the two do together
    beyond what each does alone, on the link scale. The diagonal is 0. Categories are codes.
    """
    place = {feature: i for i, feature in enumerate(features)}
    found = np.zeros((len(x), len(features), len(features)))
    for leaf in _leaves(booster, x):
        among = [i for i, feature in enumerate(leaf.features) if feature in place]
        for i, j in combinations(among, 2):
            pair = _interaction(leaf, i, j)
            one, other = place[leaf.features[i]], place[leaf.features[j]]
            found[:, one, other] += pair
            found[:, other, one] += pair
    return found


def strongest(values: np.ndarray, names: Sequence[str], top: int) -> pd.DataFrame:
    """The `top` pairs of (n, k, k) interaction values: one, other, mean_abs (of both halves)."""
    size = 2 * np.abs(values).mean(axis=0)
    pairs = [(names[i], names[j], size[i, j]) for i, j in combinations(range(len(names)), 2)]
    pairs = sorted((p for p in pairs if p[2] > 0), key=lambda p: -p[2])[:top]
    return pd.DataFrame(pairs, columns=["one", "other", "mean_abs"])


def _interaction(leaf: _Leaf, i: int, j: int) -> np.ndarray:
    others = [k for k in range(len(leaf.features)) if k not in (i, j)]
    size = len(leaf.features)
    # coefficient s of the polynomial: sum over sets of s others that are known
    known = [np.ones(leaf.met.shape[1])]
    for k in others:
        longer = [c * leaf.share[k] for c in known] + [np.zeros_like(known[0])]
        for s, c in enumerate(known):
            longer[s + 1] = longer[s + 1] + c * leaf.met[k]
        known = longer
    weighted = sum(
        factorial(s) * factorial(size - s - 2) / factorial(size - 1) * c
        for s, c in enumerate(known)
    )
    both = (leaf.met[i] - leaf.share[i]) * (leaf.met[j] - leaf.share[j])
    return np.asarray(leaf.value * both * weighted / 2)


def _leaves(booster: Any, x: np.ndarray) -> Iterator[_Leaf]:
    for tree in booster.dump_model()["tree_info"]:
        root = tree["tree_structure"]
        if "split_feature" in root:
            yield from _below(root, {}, x)


def _below(
    node: dict[str, Any], path: dict[int, tuple[np.ndarray, float]], x: np.ndarray
) -> Iterator[_Leaf]:
    """The leaves under a node; `path` holds for each feature who meets it and their share."""
    if "leaf_value" in node:
        who = np.array([met for met, _ in path.values()], dtype=float)
        shares = np.array([share for _, share in path.values()])
        yield _Leaf(node["leaf_value"], list(path), who, shares)
        return
    feature, left = node["split_feature"], _goes_left(node, x[:, node["split_feature"]])
    met, share = path.get(feature, (np.ones(len(x), dtype=bool), 1.0))
    for child, goes in ((node["left_child"], left), (node["right_child"], ~left)):
        own = (met & goes, share * _rows(child) / _rows(node))
        yield from _below(child, {**path, feature: own}, x)


def _rows(node: dict[str, Any]) -> float:
    return float(node.get("internal_count", node.get("leaf_count", 0)))


def _goes_left(node: dict[str, Any], x: np.ndarray) -> np.ndarray:
    """Who goes left at a split, as LightGBM decides."""
    missing = np.isnan(x)
    if node["decision_type"] == "==":
        codes = {int(code) for code in str(node["threshold"]).split("||")}
        return np.isin(np.where(missing, -1, x).astype(int), sorted(codes)) & ~missing
    if node["missing_type"] != "NaN":  # what is missing counts as nil
        return np.asarray(np.nan_to_num(x) <= node["threshold"])
    return np.where(missing, node["default_left"], x <= node["threshold"]).astype(bool)
