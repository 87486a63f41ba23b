"""Contributions with the credit of features that say the same gathered in one place.

Features that rise and fall together share their credit by chance: which of them a tree splits on is
a toss. They are told as one driver, under the name of the one that carries most; sums are kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from facette.snapshots.catalogue import Feature

SAMPLE = 5000  # customers on whom correlations are measured where there are more


@dataclass(frozen=True)
class Credit:
    """Contributions (n, groups) on a model's link scale, and the features behind each column.

    A column bears the name of the feature of its group with the largest mean contribution by size;
    `members` has all of its features, that one first.
    """

    frame: pd.DataFrame
    members: dict[str, list[str]]

    def sentence(self, name: str, catalogue: Mapping[str, Feature]) -> str:
        """The leading feature in words, and how many say the same."""
        others = len(self.members[name]) - 1
        return sentence(name, catalogue) + (f" (and {others} like it)" if others else "")


def alike(features: pd.DataFrame, least: float) -> list[list[str]]:
    """Groups of the columns of (n, p) `features` with rank correlations of `least` or more by size.

    Complete linkage: every two of a group are that close. Text and constants stand alone, and so
    does everything at a `least` of 1.
    """
    drawn = features.sample(min(len(features), SAMPLE), random_state=0)
    numbers = [c for c in features if pd.api.types.is_numeric_dtype(features[c])]
    numbers = [c for c in numbers if drawn[c].nunique() > 1]
    if len(numbers) < 2 or least >= 1:
        return [[str(c)] for c in features]
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    apart = 1 - drawn[numbers].corr(method="spearman").abs().fillna(0).to_numpy()
    apart = np.clip((apart + apart.T) / 2, 0, 1)
    np.fill_diagonal(apart, 0)
    labels = fcluster(linkage(squareform(apart), "complete"), 1 - least, "distance")
    groups: dict[object, list[str]] = {}
    group_of = dict(zip(numbers, labels, strict=True))
    for column in features:
        groups.setdefault(group_of.get(column, column), []).append(str(column))
    return list(groups.values())


def led(groups: Sequence[Sequence[str]], size: pd.Series) -> dict[str, list[str]]:
    """The members of each group under the name of the largest by `size`, that one first.

    Features without a size are left out.
    """
    made: dict[str, list[str]] = {}
    for group in groups:
        own = sorted((c for c in group if c in size), key=lambda c: -size[c])
        made |= {own[0]: own} if own else {}
    return made


def credited(contributions: pd.DataFrame, members: Mapping[str, list[str]]) -> Credit:
    """Contributions (n, p) summed within groups: rows add up to what they did."""
    sums = {name: contributions[own].sum(axis=1) for name, own in members.items()}
    return Credit(pd.DataFrame(sums, index=contributions.index), dict(members))


def sentence(name: str, catalogue: Mapping[str, Feature]) -> str:
    """The catalogue's sentence for a feature, or its name where it has none."""
    return catalogue[name].english if name in catalogue else name.replace("_", " ")
