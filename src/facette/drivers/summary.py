"""What drives a prediction, from SHAP contributions: overall, and segment by segment.

Contributions are exact and additive on the link scale of each model (TreeSHAP, path-dependent, as
LightGBM computes it; Lundberg et al. 2020). They tell association, never cause.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from facette.snapshots.catalogue import Feature


def overall(
    contributions: np.ndarray, features: pd.DataFrame, catalogue: Mapping[str, Feature], top: int
) -> pd.DataFrame:
    """The features that move a model most.

    `contributions` is (n, p) without the base column, in the order of `features`' columns. Returns
    feature, sentence, mean_abs (link scale) and direction: the rank correlation of a feature with
    its own contribution, missing for categories.
    """
    importance = np.abs(contributions).mean(axis=0)
    chosen = np.argsort(-importance, kind="stable")[:top]
    rows = [
        (
            features.columns[i],
            sentence(str(features.columns[i]), catalogue),
            float(importance[i]),
            _direction(features.iloc[:, i], contributions[:, i]),
        )
        for i in chosen
        if importance[i] > 0
    ]
    return pd.DataFrame(rows, columns=["feature", "sentence", "mean_abs", "direction"])


def by_segment(
    contributions: np.ndarray, columns: Sequence[str], segments: pd.Series,
    catalogue: Mapping[str, Feature], top: int,
) -> pd.DataFrame:  # fmt: skip
    """Per segment, what moves the outcome inside it against the base.

    Returns segment, feature, sentence, contribution: the segment's mean contribution minus the
    mean of all customers, signed, on the link scale; the `top` largest of each segment.
    """
    frame = pd.DataFrame(contributions, columns=list(columns))
    against = frame.groupby(segments.to_numpy()).mean() - frame.mean()
    return largest(against, catalogue, top)


def largest(table: pd.DataFrame, catalogue: Mapping[str, Feature], top: int) -> pd.DataFrame:
    """The `top` largest entries by size of each row: segment, feature, sentence, contribution."""
    rows = []
    for segment, row in table.iterrows():
        for name in row.abs().sort_values(ascending=False).index[:top]:
            rows.append((segment, name, sentence(str(name), catalogue), float(row[name])))
    return pd.DataFrame(rows, columns=["segment", "feature", "sentence", "contribution"])


def _direction(feature: pd.Series, contribution: np.ndarray) -> float:
    if not pd.api.types.is_numeric_dtype(feature):
        return np.nan
    known = feature.notna().to_numpy()
    x, y = feature[known], pd.Series(contribution[known], index=feature.index[known])
    if x.nunique() < 2 or y.nunique() < 2:
        return np.nan
    return float(x.corr(y, method="spearman"))


def sentence(name: str, catalogue: Mapping[str, Feature]) -> str:
    """The catalogue's sentence for a feature, or its name where it has none."""
    return catalogue[name].english if name in catalogue else name.replace("_", " ")
