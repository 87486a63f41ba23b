"""What drives a prediction, from SHAP contributions: overall and by segment.

Contributions are exact and additive on the link scale of each model (TreeSHAP, path-dependent, as
LightGBM computes it; Lundberg et al. 2020). They tell association, never cause.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from facette.drivers.credit import Credit
from facette.snapshots.catalogue import Feature


def overall(
    credit: Credit, features: pd.DataFrame, catalogue: Mapping[str, Feature], top: int
) -> pd.DataFrame:
    """The features that move a model most: feature, sentence, mean_abs (link scale), direction.

    The direction is the rank correlation of a feature with its own contribution, missing for
    categories. `features` has the customers of `credit` and may have more.
    """
    size = credit.frame.abs().mean().sort_values(ascending=False, kind="stable")
    features = features.loc[credit.frame.index]
    rows = [
        (
            name,
            credit.sentence(name, catalogue),
            float(size[name]),
            _direction(features[name], credit.frame[name].to_numpy()),
        )
        for name in size.index[:top]
        if size[name] > 0
    ]
    return pd.DataFrame(rows, columns=["feature", "sentence", "mean_abs", "direction"])


def by_segment(
    credit: Credit, segments: pd.Series, catalogue: Mapping[str, Feature], top: int
) -> pd.DataFrame:
    """Per segment, what moves the outcome inside it against the base.

    Returns segment, feature, sentence, contribution: the segment's mean contribution minus the
    mean of all customers, signed, on the scale of `credit`; the `top` largest of each segment. Over
    all features they add up to how far the segment's mean score is from the mean of all.
    `segments` is indexed by customer, those of `credit` among them.
    """
    own = segments.loc[credit.frame.index].to_numpy()
    against = credit.frame.groupby(own).mean() - credit.frame.mean()
    return largest(against, credit, catalogue, top)


def largest(
    table: pd.DataFrame, credit: Credit, catalogue: Mapping[str, Feature], top: int
) -> pd.DataFrame:
    """The `top` largest entries by size of each row: segment, feature, sentence, contribution."""
    rows = []
    for segment, row in table.iterrows():
        for name in row.abs().sort_values(ascending=False, kind="stable").index[:top]:
            rows.append((segment, name, credit.sentence(str(name), catalogue), float(row[name])))
    return pd.DataFrame(rows, columns=["segment", "feature", "sentence", "contribution"])


def _direction(feature: pd.Series, contribution: np.ndarray) -> float:
    if not pd.api.types.is_numeric_dtype(feature):
        return np.nan
    known = feature.notna().to_numpy()
    x, y = feature[known], pd.Series(contribution[known], index=feature.index[known])
    if x.nunique() < 2 or y.nunique() < 2:
        return np.nan
    return float(x.corr(y, method="spearman"))
