"""Are customers of one segment moved by other contacts than those of another, and what does it
cost to choose by segment rather than by customer? Told from randomised campaigns only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2, norm
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GroupKFold

FOLDS = 5
REACHED = 0.5  # of the customers, whom a choice may contact


@dataclass(frozen=True)
class Response:
    """Effect of contact by segment: purchases within 30 days more than in the control arm.

    `effects`: indexed by segment id, columns customers, effect, se. `p`: of effects that differ as
    much by chance (Cochran's Q, 1954); `inconsistency`: I2 (Higgins & Thompson 2002), the share of
    the spread of effects that is no chance.
    """

    effects: pd.DataFrame
    p: float
    inconsistency: float


@dataclass(frozen=True)
class Price:
    """The price of the box: purchases per 100 customers by contacting the best half of them.

    `by_customer` and `by_segment` are what either choice brings over no contact, valued on
    customers it was not learnt from; `price` is the difference, with its interval.
    """

    by_customer: float
    by_segment: float
    price: float
    low: float
    high: float


def response(groups: pd.Series, sent: pd.DataFrame) -> Response | None:
    """How segments (ids by customer, known before) answer; None where under two have both arms.

    `sent` has the columns of `snapshots.campaigns.randomised`.
    """
    rows = sent.assign(segment=sent["customer_id"].map(groups)).dropna(subset="segment")
    found = {
        segment: _effect(own)
        for segment, own in rows.groupby("segment")
        if (own["sent"].value_counts() > 1).sum() == 2
    }
    if len(found) < 2:
        return None
    effects = pd.DataFrame.from_dict(found, orient="index", columns=["customers", "effect", "se"])
    known = effects[effects["se"] > 0]
    weight = 1 / known["se"] ** 2
    mean = (weight * known["effect"]).sum() / weight.sum()
    q, freedom = float((weight * (known["effect"] - mean) ** 2).sum()), len(known) - 1
    if freedom < 1:
        return None
    return Response(effects, float(chi2.sf(q, freedom)), max(0.0, 1 - freedom / q) if q else 0.0)


def _effect(own: pd.DataFrame) -> tuple[int, float, float]:
    """Customers, difference of weighted rates of purchase, its standard error."""
    rates, variance = [], 0.0
    for arm in (1, 0):
        y = own.loc[own["sent"] == arm, "bought"].to_numpy(float)
        weight = 1 / own.loc[own["sent"] == arm, "propensity"].to_numpy(float)
        rate = float(np.average(y, weights=weight))
        effective = weight.sum() ** 2 / (weight**2).sum()
        smoothed = (rate * effective + 1) / (effective + 2)  # a rare answer may not come at all
        rates.append(rate)
        variance += smoothed * (1 - smoothed) / effective
    return own["customer_id"].nunique(), rates[0] - rates[1], float(np.sqrt(variance))


def price_of_box(
    frame: pd.DataFrame, groups: pd.Series, sent: pd.DataFrame, confidence: float, seed: int
) -> Price | None:
    """What a choice by segment brings less than one by customer; None where it can't be told.

    The choice by customer contacts those with the largest predicted difference between arms, a
    classifier for each; both are learnt in folds of customers and valued on the others, by inverse
    propensity. `frame`: numeric features (n, d) by customer, known before.
    """
    rows = sent.assign(segment=sent["customer_id"].map(groups)).dropna(subset="segment")
    rows = rows[rows["customer_id"].isin(frame.index)].reset_index(drop=True)
    if rows.groupby("sent")["bought"].sum().reindex([0, 1], fill_value=0).min() < FOLDS:
        return None
    x = frame.loc[rows["customer_id"]].to_numpy(float)
    chosen = np.zeros((len(rows), 2))
    for train, test in GroupKFold(FOLDS, shuffle=True, random_state=seed).split(
        x, groups=rows["customer_id"]
    ):
        chosen[test, 0] = _best(_uplift(x, rows, train, test, seed))
        effects = {s: _effect(own)[1] for s, own in rows.iloc[train].groupby("segment")
                   if own["sent"].nunique() == 2}  # fmt: skip
        chosen[test, 1] = _best(rows.loc[test, "segment"].map(effects).fillna(0).to_numpy(float))
    worth = np.where(rows["sent"] == 1, 1, -1) * rows["bought"] / rows["propensity"]
    by_each = 100 * chosen * worth.to_numpy()[:, None]
    difference = by_each[:, 0] - by_each[:, 1]
    half = norm.ppf(0.5 + confidence / 2) * difference.std(ddof=1) / np.sqrt(len(rows))
    mean = float(difference.mean())
    one, other = (float(v) for v in by_each.mean(axis=0))
    return Price(one, other, mean, mean - half, mean + half)


def _uplift(
    x: np.ndarray, rows: pd.DataFrame, train: np.ndarray, test: np.ndarray, seed: int
) -> np.ndarray:
    told = []
    for arm in (1, 0):
        own = train[rows["sent"].to_numpy()[train] == arm]
        y = rows["bought"].to_numpy()[own]
        if len(np.unique(y)) < 2:
            return np.zeros(len(test))
        model = HistGradientBoostingClassifier(max_depth=3, max_iter=60, random_state=seed)
        model.fit(x[own], y, sample_weight=1 / rows["propensity"].to_numpy()[own])
        told.append(model.predict_proba(x[test])[:, 1])
    return np.asarray(told[0] - told[1])


def _best(score: np.ndarray) -> np.ndarray:
    """How much of each row is among the best half: ties at the border share what is left."""
    wanted = REACHED * len(score)
    border = np.sort(score)[::-1][int(np.ceil(wanted)) - 1]
    above, at = score > border, score == border
    return np.asarray(np.where(above, 1.0, np.where(at, (wanted - above.sum()) / at.sum(), 0.0)))
