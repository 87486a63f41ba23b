"""Whether behaviour segments find the families that there are, and not the old policy."""

from __future__ import annotations

import pandas as pd
from sklearn.metrics import adjusted_rand_score

from facette.recovery.ceiling import best_classes
from facette.recovery.truth import Truth
from facette.segments.quality import shared_information
from facette.snapshots.panel import Panel


def families_found(
    panel: Panel, truth: Truth, segment: pd.Series, columns: list[str], seed: int
) -> dict[str, float]:
    """Agreement of the segments (by customer) with the true families, and with the old policy.

    The adjusted Rand index (Hubert & Arabie 1985) is 1 for the same groups under any names and 0
    for chance; its ceiling is that of a classifier taught the families by the clustering columns.
    Adjusted mutual information with the relationship models in place is to be near 0.
    """
    best = best_classes(panel, truth.states, "family", columns, seed)
    return {
        "truth/behaviour_ari": agreement(segment, truth.test["family"]),
        "truth/behaviour_ari_ceiling": agreement(best, truth.test["family"]),
        "truth/behaviour_ami_old_policy": repeats(segment, truth.test["treatment"]),
    }


def agreement(groups: pd.Series, families: pd.Series) -> float:
    """Adjusted Rand index over the customers that are in both."""
    ours, theirs = groups.align(families, join="inner")
    return float(adjusted_rand_score(theirs.astype(str), ours.astype(str)))


def repeats(groups: pd.Series, treatment: pd.Series) -> float:
    """Adjusted mutual information over the customers that are in both."""
    ours, theirs = groups.align(treatment.dropna(), join="inner")
    return shared_information(ours, theirs)
