"""Whose score another version changes most, and why: contributions after less those before.

Contributions add up to the raw score on a model's link scale, so that their differences, feature by
feature, add up to the change of the raw score. A feature that only one of the versions has counts
with 0 in the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

BASE = "the base level"  # what a model says before it looks at a customer


@dataclass(frozen=True)
class PartScored:
    """One part by one version, indexed by customer.

    `scores` (n,) in currency units or as a probability, NaN where undefined; `contributions`
    (n, features and BASE) on the scale named by `link`, None with the reason in `why_not`.
    """

    scores: pd.Series
    contributions: pd.DataFrame | None = None
    link: str = ""
    why_not: str = ""


@dataclass(frozen=True)
class ScoreChanges:
    """One part by two versions, on the `customers` of whom both have a score.

    `mean` and `mean_abs`: change of the score, signed and by size, in currency units or as a
    probability. `largest`, of customers whose score changed at all: customer_id, before, after,
    change, and where there are reasons raw_change, on the scale named by `link`. `reasons`:
    customer_id, feature, change, the largest of each of those customers; `features`: feature,
    mean_abs, the largest of all customers; both None with the reason in `why_not`.
    """

    customers: int
    mean: float
    mean_abs: float
    largest: pd.DataFrame
    reasons: pd.DataFrame | None
    features: pd.DataFrame | None
    link: str = ""
    why_not: str = ""


def contribution_changes(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """After less before on the customers of both, (n, features of either); rows add up exactly."""
    both = before.index.intersection(after.index)
    names = before.columns.union(after.columns, sort=False)
    earlier, later = (f.loc[both].reindex(columns=names, fill_value=0.0) for f in (before, after))
    return later - earlier


def score_changes(
    before: PartScored, after: PartScored, customers: int, features: int
) -> ScoreChanges:
    """The `customers` whose score changed most by size, each with the `features` that did it."""
    both = pd.DataFrame({"before": before.scores, "after": after.scores}).dropna()
    both["change"] = both["after"] - both["before"]
    order = _by_size(both["change"], customers).index
    largest = both.loc[order].rename_axis("customer_id").reset_index()
    size = len(both), float(both["change"].mean()), float(both["change"].abs().mean())
    if why_not := _why_not(before, after):
        return ScoreChanges(*size, largest, None, None, why_not=why_not)
    assert before.contributions is not None
    assert after.contributions is not None
    changes = contribution_changes(before.contributions, after.contributions).loc[both.index]
    largest["raw_change"] = changes.loc[order].sum(axis=1).to_numpy()
    of_all = _by_size(changes.abs().mean(), features).rename("mean_abs").rename_axis("feature")
    reasons = _reasons(changes.loc[order], features)
    return ScoreChanges(*size, largest, reasons, of_all.reset_index(), before.link)


def _why_not(before: PartScored, after: PartScored) -> str:
    if lacking := before.why_not or after.why_not:
        return lacking
    if before.link != after.link:
        return f"one model adds up on the scale {before.link}, the other on {after.link}"
    return ""


def _by_size(values: pd.Series, most: int) -> pd.Series:
    """The largest values other than 0, by size."""
    order = values.abs().sort_values(ascending=False, kind="stable").index[:most]
    return values[order][values[order] != 0]


def _reasons(changes: pd.DataFrame, most: int) -> pd.DataFrame:
    rows = [
        (customer, feature, change)
        for customer, row in changes.iterrows()
        for feature, change in _by_size(row, most).items()
    ]
    return pd.DataFrame(rows, columns=["customer_id", "feature", "change"])
