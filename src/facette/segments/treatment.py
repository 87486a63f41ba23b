"""Are customers of one segment moved by other contacts than those of another, and what does it
cost to choose by segment rather than by customer? Told from randomised campaigns only, those of
which both arms are known. A customer's rows count together in every interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2, norm
from sklearn.model_selection import GroupKFold

FOLDS = 5
REACHED = 0.5  # of the customers, whom a choice may contact


@dataclass(frozen=True)
class Response:
    """Effect of contact by segment: purchases within 30 days more than in the control arm.

    `effects`: indexed by segment id, columns customers, effect, se, and beyond: what is more than
    the same campaigns did on the whole. `p`: of these differing as much by chance (Cochran's Q,
    1954), so that segments which were sent other campaigns aren't taken to answer differently;
    `inconsistency`: I2 (Higgins & Thompson 2002), the share of the spread that is no chance.
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
    rows = _compared(groups, sent)
    found = {
        segment: _effect(own)
        for segment, own in rows.groupby("segment")
        if (own["sent"].value_counts() > 1).sum() == 2
    }
    if len(found) < 2:
        return None
    columns = ["customers", "effect", "se", "beyond"]
    effects = pd.DataFrame.from_dict(found, orient="index", columns=columns)
    weight = 1 / effects["se"] ** 2
    mean = (weight * effects["beyond"]).sum() / weight.sum()
    q, freedom = float((weight * (effects["beyond"] - mean) ** 2).sum()), len(effects) - 1
    return Response(effects, float(chi2.sf(q, freedom)), max(0.0, 1 - freedom / q) if q else 0.0)


def _compared(groups: pd.Series, sent: pd.DataFrame) -> pd.DataFrame:
    """The rows of segments and campaigns that have both arms, with their segment.

    `weight`: inverse propensity, scaled so that either arm stands for the whole of its campaign.
    `usual`: the weighted rate of purchase of its arm of its campaign.
    """
    rows = sent.assign(segment=sent["customer_id"].map(groups)).dropna(subset="segment")
    rows = rows.astype({"sent": int, "bought": float, "propensity": float})
    both = rows.groupby("campaign")["sent"].transform("nunique") == 2
    rows = rows[both].reset_index(drop=True)
    inverse, arm = 1 / rows["propensity"], [rows["campaign"], rows["sent"]]
    share = inverse / inverse.groupby(arm).transform("sum")
    return rows.assign(
        weight=share * rows.groupby("campaign")["sent"].transform("size"),
        usual=(share * rows["bought"]).groupby(arm).transform("sum"),
    )


def _effect(own: pd.DataFrame) -> tuple[int, float, float, float]:
    """Customers; difference of weighted rates of purchase, its standard error; what is beyond."""
    y, usual, off = own["bought"].to_numpy(), own["usual"].to_numpy(), np.zeros(len(own))
    effect = beyond = variance = 0.0
    for arm, sign in ((1, 1), (0, -1)):
        at = own["sent"].to_numpy() == arm
        share = own["weight"].to_numpy()[at] / own["weight"].to_numpy()[at].sum()
        rate, effective = float(share @ y[at]), 1 / float(share @ share)
        smoothed = (rate * effective + 1) / (effective + 2)  # a rare answer may not come at all
        variance += smoothed * (1 - smoothed) / effective
        off[at] = sign * share * (y[at] - rate)
        effect, beyond = effect + sign * rate, beyond + sign * float(share @ (y[at] - usual[at]))
    se = float(np.sqrt(variance * _design(off, own["customer_id"])))
    return own["customer_id"].nunique(), effect, se, beyond


def _design(off: np.ndarray, customer: pd.Series) -> float:
    """How many times the variance grows since the rows of a customer go together (Kish 1965)."""
    alone = float(off @ off)
    if not alone:
        return 1.0
    return max(1.0, _squared_by(off, customer) / alone)


def _squared_by(off: np.ndarray, customer: pd.Series) -> float:
    """The sum over customers of the squared sum of their rows."""
    return float((pd.Series(off).groupby(customer.to_numpy()).sum() ** 2).sum())


def prices_of_boxes(
    frame: pd.DataFrame, labels: Mapping[str, pd.Series], sent: pd.DataFrame, most: int,
    confidence: float, seed: int,
) -> dict[str, Price]:  # fmt: skip
    """What a choice by each segmentation brings less than one by customer; none where untold.

    The choice by customer, one for all segmentations, contacts those with the largest predicted
    difference between arms, a classifier for each, which also sees the effect in the customer's
    segments; all are learnt in folds of customers and valued on the others, by inverse propensity.
    `frame`: numeric features (n, d) by customer, known before; `labels`: segment ids of the same
    customers by segmentation. Where there are more than `most` contacts, customers are drawn.
    """
    drawn = np.random.default_rng(seed).random(len(frame)) < most / max(len(sent), most)
    rows = _compared(pd.Series("", index=frame.index[drawn]), sent)
    bought = rows.groupby("sent")["bought"].sum().reindex([0, 1], fill_value=0)
    if min(bought.min(), rows["customer_id"].nunique()) < FOLDS:
        return {}
    x = frame.loc[rows["customer_id"]].to_numpy(float)
    by_customer, by_segment = np.zeros(len(rows)), np.zeros((len(rows), len(labels)))
    for train, test in GroupKFold(FOLDS, shuffle=True, random_state=seed).split(
        x, groups=rows["customer_id"]
    ):
        effects = [_effect_of_segment(rows, groups, train) for groups in labels.values()]
        told = np.column_stack([x, *effects])
        by_customer[test] = _best(_uplift(told, rows, train, test, seed))
        by_segment[test] = np.column_stack([_best(effect[test]) for effect in effects])
    worth = np.where(rows["sent"] == 1, 1, -1) * rows["bought"] * rows["weight"]
    brings = 100 * worth.to_numpy()
    return {
        name: _price(brings * by_customer, brings * own, rows["customer_id"], confidence)
        for name, own in zip(labels, by_segment.T, strict=True)
    }


def _effect_of_segment(rows: pd.DataFrame, groups: pd.Series, train: np.ndarray) -> np.ndarray:
    """Of each row, the effect in its segment among the rows to learn from; 0 where not known."""
    segment = rows["customer_id"].map(groups)
    effects = {
        s: _effect(own)[1]
        for s, own in rows.iloc[train].groupby(segment.iloc[train])
        if own["sent"].nunique() == 2
    }
    return np.asarray(segment.map(effects).astype(float).fillna(0.0))


def _price(
    by_customer: np.ndarray, by_segment: np.ndarray, customer: pd.Series, confidence: float
) -> Price:
    """The difference of what two choices bring (a figure for each row), and its interval."""
    difference = by_customer - by_segment
    mean = float(difference.mean())
    error = np.sqrt(_squared_by(difference - mean, customer)) / len(difference)
    half = norm.ppf(0.5 + confidence / 2) * error
    return Price(
        float(by_customer.mean()), float(by_segment.mean()), mean, mean - half, mean + half
    )


def _uplift(
    x: np.ndarray, rows: pd.DataFrame, train: np.ndarray, test: np.ndarray, seed: int
) -> np.ndarray:
    """Of each row to tell of, how much likelier a purchase is with the contact than without."""
    import lightgbm

    told = []
    for arm in (1, 0):
        own = train[rows["sent"].to_numpy()[train] == arm]
        y = rows["bought"].to_numpy()[own]
        if len(np.unique(y)) < 2:
            return np.zeros(len(test))
        model = lightgbm.LGBMClassifier(
            n_estimators=60, max_depth=3, random_state=seed, deterministic=True,
            force_row_wise=True, n_jobs=1, verbosity=-1,
        )  # fmt: skip
        model.fit(x[own], y, sample_weight=rows["weight"].to_numpy()[own])
        told.append(np.asarray(model.predict_proba(x[test]))[:, 1])
    return np.asarray(told[0] - told[1])


def _best(score: np.ndarray) -> np.ndarray:
    """How much of each row is among the best half: ties at the border share what is left."""
    wanted = REACHED * len(score)
    border = np.sort(score)[::-1][int(np.ceil(wanted)) - 1]
    above, at = score > border, score == border
    return np.asarray(np.where(above, 1.0, np.where(at, (wanted - above.sum()) / at.sum(), 0.0)))
