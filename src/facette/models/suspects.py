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

    A number ranks by itself, a category by its rate of leavers, and either by being missing.
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
        ranking = column.fillna(column.median()).to_numpy(dtype=float)
    else:
        by_category = column.fillna("missing").to_numpy()
        ranking = pd.Series(happened).groupby(by_category).transform("mean").to_numpy()
    return max(_separation(ranking, happened), _separation(column.isna().to_numpy(), happened))


def _separation(ranking: np.ndarray, happened: np.ndarray) -> float:
    """ROC AUC of a ranking (Mann & Whitney 1947), whichever way round it goes."""
    ranks, positives = rankdata(ranking), happened.sum()
    above = ranks[happened == 1].sum() - positives * (positives + 1) / 2
    auc = above / (positives * (len(happened) - positives))
    return float(max(auc, 1 - auc))
