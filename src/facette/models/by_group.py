"""How a model serves each group of customers: nobody is to be served badly in silence.

A model that is right on the whole may be wrong for a segment, a tier, or those who came lately.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import binomtest, norm

AMOUNTS = ("value", "value_if_staying")
LEAST, LEAST_OF_MEANS = 100, 300  # customers, below which a group is not told of
LEAST_OF = dict.fromkeys(AMOUNTS, LEAST_OF_MEANS) | {"upside": 400}
COVERED_WITHIN = 0.03  # of the share wanted, in each group
DRAWS, MANY = 2000, 5000  # of a mean; customers, above which its law is normal and none is drawn
COLUMNS = ["by", "group", "customers", "predicted", "actual", "low", "high", "off"]


def by_group(
    part: str, actual: np.ndarray, said: np.ndarray, groups: Mapping[str, pd.Series], tau: float,
    confidence: float,
) -> pd.DataFrame:  # fmt: skip
    """What was said of each group beside what came, a row each; columns as in `COLUMNS`.

    actual, said : (n,). groups : what customers are grouped by -> (n,) labels; who has none is left
    out. Amounts: means. Churn: rates. Potential and upside: `predicted` is `tau`, `actual` the
    share whose value it covered. `low` and `high` hold the truth of all groups at once with this
    confidence (Bonferroni); `off` is what lies outside. Of rates Wilson's (1927); of means the
    bootstrap-t (Efron & Tibshirani 1993, chapter 12) of what came less what was said, for spend is
    skewed; of more than `MANY` customers the normal law. Of upside, `off` is what lies outside and
    covers more than `COVERED_WITHIN` too few or too many; only too few where nearly all are worth
    nothing, whom no quantile tells apart.
    """
    told = [
        (by, label, np.flatnonzero(labels.to_numpy() == label))
        for by, labels in groups.items()
        for label in labels.dropna().unique()
    ]
    told = [row for row in told if len(row[2]) >= LEAST_OF.get(part, LEAST)]
    each = 1 - (1 - confidence) / max(len(told), 1)
    rows = [
        (by, str(label), len(inside), *_figures(part, actual[inside], said[inside], tau, each))
        for by, label, inside in told
    ]
    found = pd.DataFrame(rows, columns=COLUMNS[:-1])
    if part == "upside":
        nothing = np.array([(actual[inside] <= 0).mean() for *_, inside in told])
        surely = ~found["predicted"].between(found["low"], found["high"])
        return found.assign(off=surely & _miscovered(found["actual"].to_numpy(), nothing, tau))
    return found.assign(off=~found["predicted"].between(found["low"], found["high"]))


def _miscovered(covered: np.ndarray, nothing: np.ndarray, tau: float) -> np.ndarray:
    """Whether shares `covered` miss `tau`; `nothing`: the share that came to nothing."""
    too_many = (covered > tau + COVERED_WITHIN) & (nothing <= tau - COVERED_WITHIN)
    return (covered < tau - COVERED_WITHIN) | too_many


def _figures(
    part: str, actual: np.ndarray, said: np.ndarray, tau: float, confidence: float
) -> tuple[float, float, float, float]:
    """Predicted, actual, and the interval of the actual."""
    if part in AMOUNTS:
        low, high = _of_mean(actual - said, confidence)
        predicted = float(said.mean())
        return predicted, float(actual.mean()), predicted + low, predicted + high
    quantile = part in ("potential", "upside")
    happened = actual <= said if quantile else actual
    found = binomtest(int(happened.sum()), len(happened))
    low, high = found.proportion_ci(confidence, method="wilson")
    predicted = tau if quantile else float(said.mean())
    return predicted, float(happened.mean()), float(low), float(high)


def _of_mean(x: np.ndarray, confidence: float) -> tuple[float, float]:
    """The interval of the mean of (n,) numbers; the mean itself where they are all alike."""
    n, mean, tail = len(x), float(x.mean()), (1 - confidence) / 2
    if np.ptp(x) == 0:
        return mean, mean
    error = float(x.std(ddof=1)) / np.sqrt(n)
    least, most = norm.ppf([tail, 1 - tail]) if n > MANY else _drawn_ts(x, tail)
    return float(mean - most * error), float(mean - least * error)


def _drawn_ts(x: np.ndarray, tail: float) -> np.ndarray:
    """How far means of draws lie from the mean, in their own standard errors: both ends."""
    n, mean, generator, ts = len(x), x.mean(), np.random.default_rng(0), []
    for _ in range(DRAWS):
        drawn = x[generator.integers(0, n, n)]
        error = drawn.std(ddof=1) / np.sqrt(n)
        ts.append((drawn.mean() - mean) / error if error > 0 else np.nan)
    return np.asarray(np.nanquantile(ts, [tail, 1 - tail]))
