"""Columns too good to be true: alone they tell the outcome nearly without fault.

Such a column is mostly the outcome under another name, or was filled in after it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from facette.snapshots.panel import Snapshot

TOO_GOOD = 0.98


def suspects(snapshot: Snapshot) -> dict[str, float]:
    """Feature -> its ROC AUC alone on `churned`, of those at `TOO_GOOD` or more.

    A number ranks by itself, a category by its rate of leavers among its other customers, and
    either by being missing.
    """
    assert snapshot.outcomes is not None
    churned = snapshot.outcomes["churned"].to_numpy()
    known = ~np.isnan(churned)
    happened = churned[known]
    if not 0 < happened.sum() < len(happened):
        return {}
    found = {n: _alone(snapshot.features.loc[known, n], happened) for n in snapshot.features}
    return {name: auc for name, auc in found.items() if auc >= TOO_GOOD}


def _alone(column: pd.Series, happened: np.ndarray) -> float:
    if pd.api.types.is_numeric_dtype(column):
        told = _separation(column.fillna(column.median()).to_numpy(dtype=float), happened)
    else:
        told = _of_category(column.fillna("missing").to_numpy(), happened)
    return max(told, _separation(column.isna().to_numpy(), happened))


def _of_category(category: np.ndarray, happened: np.ndarray) -> float:
    """ROC AUC of the rate of the others in one's category; who stands alone has that of all.

    One's own outcome lowers the rate of the others: two of one category count as tied.
    """
    grouped = pd.Series(happened).groupby(category)
    n, left = (grouped.transform(how).to_numpy(float) for how in ("size", "sum"))
    rate = np.where(n > 1, (left - happened) / np.maximum(n - 1, 1), happened.mean())
    same = float((n - left)[(happened == 1) & (n > 1)].sum())  # pairs of one category
    return _area(rate, happened) + same / 2 / (happened.sum() * (1 - happened).sum())


def _separation(ranking: np.ndarray, happened: np.ndarray) -> float:
    """ROC AUC of a ranking, whichever way round it goes."""
    auc = _area(ranking, happened)
    return max(auc, 1 - auc)


def _area(ranking: np.ndarray, happened: np.ndarray) -> float:
    """ROC AUC of a ranking (Mann & Whitney 1947)."""
    ranks, positives = rankdata(ranking), happened.sum()
    above = ranks[happened == 1].sum() - positives * (positives + 1) / 2
    return float(above / (positives * (len(happened) - positives)))
