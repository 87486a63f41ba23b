"""How a model serves each group of customers: nobody is to be served badly in silence.

A model that is right on the whole may be wrong for a segment, a tier, or those who came lately.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import binomtest, norm

LEAST = 30  # customers, below which a group is not told of
COLUMNS = ["by", "group", "customers", "predicted", "actual", "low", "high", "off"]


def by_group(
    part: str, actual: np.ndarray, said: np.ndarray, groups: Mapping[str, pd.Series], tau: float,
    confidence: float,
) -> pd.DataFrame:  # fmt: skip
    """What was said of each group beside what came, a row each; columns as in `COLUMNS`.

    actual, said : (n,). groups : what customers are grouped by -> (n,) labels; who has none is left
    out. Value: means. Churn: rates. Potential: `predicted` is `tau`, `actual` the share whose value
    it covered. `low` and `high` hold the truth of all groups at once with this confidence
    (Bonferroni; of rates Wilson 1927, of means by the normal law); `off` is what lies outside.
    """
    told = [
        (by, label, np.flatnonzero(labels.to_numpy() == label))
        for by, labels in groups.items()
        for label in labels.dropna().unique()
    ]
    told = [row for row in told if len(row[2]) >= LEAST]
    each = 1 - (1 - confidence) / max(len(told), 1)
    rows = [
        (by, str(label), len(inside), *_figures(part, actual[inside], said[inside], tau, each))
        for by, label, inside in told
    ]
    found = pd.DataFrame(rows, columns=COLUMNS[:-1])
    return found.assign(off=~found["predicted"].between(found["low"], found["high"]))


def _figures(
    part: str, actual: np.ndarray, said: np.ndarray, tau: float, confidence: float
) -> tuple[float, float, float, float]:
    """Predicted, actual, and the interval of the actual."""
    if part == "value":
        mean, error = float(actual.mean()), float(actual.std(ddof=1) / np.sqrt(len(actual)))
        half = float(norm.ppf((1 + confidence) / 2)) * error
        return float(said.mean()), mean, mean - half, mean + half
    happened = actual <= said if part == "potential" else actual
    found = binomtest(int(happened.sum()), len(happened))
    low, high = found.proportion_ci(confidence, method="wilson")
    predicted = tau if part == "potential" else float(said.mean())
    return predicted, float(happened.mean()), float(low), float(high)
