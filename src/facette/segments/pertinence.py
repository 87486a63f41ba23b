"""Pertinence: does knowing the segment tell what will happen, beyond what the value tier tells?

Means are learnt at the training date and judged at the test date. Within each tier, the mean of a
segment is drawn towards the tier's as its customers are few (credibility: Bühlmann & Straub 1970),
so that a segmentation of many small cells gains nothing by chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm


@dataclass(frozen=True)
class Outcome:
    """One outcome at both dates, indexed by customer, unknown ones left out.

    `loss` is "log" for what happens or not, "squared" for an amount.
    """

    name: str
    training: pd.Series
    test: pd.Series
    loss: str


@dataclass(frozen=True)
class Pertinence:
    """The share of the tiers' loss at the test date that the segments take away, with its interval.

    `alone`: the share of the loss of one mean for all that segments without tiers take away.
    `p`: one-sided, of a gain by chance.
    """

    gain: float
    low: float
    high: float
    p: float
    alone: float


def outcomes_of(before: pd.DataFrame, after: pd.DataFrame) -> list[Outcome]:
    """Value, as asinh(value / its median size), and churn, of the outcomes of two snapshots.

    The inverse hyperbolic sine (Burbidge, Magee & Robb 1988) keeps a few large customers from
    being all that counts, and takes losses.
    """
    made = []
    value, later = before["value"].dropna(), after["value"].dropna()
    if len(value) and len(later):
        size = float(value[value != 0].abs().median()) if (value != 0).any() else 1.0
        made.append(Outcome("value", np.arcsinh(value / size), np.arcsinh(later / size), "squared"))
    churned, then = before["churned"].dropna(), after["churned"].dropna()
    if churned.nunique() > 1 and then.nunique() > 1:
        made.append(Outcome("churn", churned, then, "log"))
    return made


def pertinence(
    outcome: Outcome, tiers: tuple[pd.Series, pd.Series] | None,
    groups: tuple[pd.Series, pd.Series], confidence: float,
) -> Pertinence:  # fmt: skip
    """How far groups explain an outcome out of time; each pair is (training, test) by customer.

    Without tiers the groups are held against one mean for all.
    """
    base = tiers if tiers is not None else (_one(groups[0]), _one(groups[1]))
    plain, drawn = _predicted(outcome, base, groups)
    before, after = (_loss(outcome, predicted) for predicted in (plain, drawn))
    gain, error = _share(before - after, before)
    half = norm.ppf(0.5 + confidence / 2) * error
    none = (_one(groups[0]), _one(groups[1]))
    everyone, single = (_loss(outcome, p) for p in _predicted(outcome, none, groups))
    return Pertinence(
        gain, gain - half, gain + half, float(norm.sf(gain / error)) if error else 1.0,
        _share(everyone - single, everyone)[0],
    )  # fmt: skip


def _one(groups: pd.Series) -> pd.Series:
    return pd.Series("", index=groups.index)


def _predicted(
    outcome: Outcome, base: tuple[pd.Series, pd.Series], groups: tuple[pd.Series, pd.Series]
) -> tuple[np.ndarray, np.ndarray]:
    """Of the customers at the test date: the mean of their tier, and that of their cell."""
    y = outcome.training.to_numpy(float)
    tier, later = _numbered(base, outcome)
    own, own_later = _numbered(groups, outcome)
    plain, moved = np.full(len(later), y.mean()), np.zeros(len(later))
    k = 1 + int(max(own.max(initial=0), own_later.max(initial=0)))
    for t in np.unique(tier[tier >= 0]):
        rows, there = tier == t, later == t
        plain[there] = y[rows].mean()
        rows, there = rows & (own >= 0), there & (own_later >= 0)
        moved[there] = credible_means(y[rows], own[rows], k)[own_later[there]]
    return plain, plain + moved


def _numbered(pair: tuple[pd.Series, pd.Series], outcome: Outcome) -> tuple[np.ndarray, np.ndarray]:
    """Groups at both dates as numbers, of the customers whose outcome is known; -1 for no group."""
    before, after = pair[0].reindex(outcome.training.index), pair[1].reindex(outcome.test.index)
    numbers, _ = pd.factorize(pd.concat([before.astype(object), after.astype(object)]))
    return numbers[: len(before)], numbers[len(before) :]


def credible_means(y: np.ndarray, group: np.ndarray, k: int) -> np.ndarray:
    """How far each group's mean stands from that of all: n / (n + within / between) of it.

    Outcomes (n,) and the number of each one's group (n,), below k, give (k,), 0 where nobody is.
    The homogeneous estimator of Bühlmann & Straub (1970): weighted by customers, the means drawn
    together keep the mean of all, so that a level that moves between two dates is no gain.
    """
    drawn = np.zeros(k)
    there, group, n = np.unique(group, return_inverse=True, return_counts=True)
    total, number = len(y), len(n)
    if total <= number or number < 2:
        return drawn
    mean = np.bincount(group, y) / n
    apart = mean - y.mean()
    within = float(((y - mean[group]) ** 2).sum() / (total - number))
    spread = float((n * apart**2).sum() - within * (number - 1))
    between = spread / float(total - (n**2).sum() / total)
    if between <= 0:
        return drawn
    credible = n / (n + within / between)
    common = (credible * apart).sum() / credible.sum()
    drawn[there] = credible * apart + (1 - credible) * common
    return drawn


def _loss(outcome: Outcome, predicted: np.ndarray) -> np.ndarray:
    actual = outcome.test.to_numpy(float)
    if outcome.loss == "squared":
        return (actual - predicted) ** 2
    least = 1 / (len(outcome.training) + 2)  # what never happened may (Laplace's succession)
    kept = np.clip(predicted, least, 1 - least)
    return -(actual * np.log(kept) + (1 - actual) * np.log(1 - kept))


def _share(saved: np.ndarray, of: np.ndarray) -> tuple[float, float]:
    """A ratio of two means over the same customers, and its standard error by the delta method."""
    whole = of.mean() if len(of) > 1 else 0.0
    if not whole:
        return 0.0, 0.0
    ratio = saved.mean() / whole
    spread = (saved - ratio * of).std(ddof=1) / np.sqrt(len(of)) / whole
    return float(ratio), float(spread)
