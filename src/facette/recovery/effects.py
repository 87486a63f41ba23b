"""What randomised campaigns did, told from the tables alone, against what they truly did.

The outcome is a contract begun in the 30 days from the sending. The effect of being sent is the
difference of its rate between those sent and those held back, each customer weighted by the inverse
of the propensity of the arm they are in.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from facette.snapshots.campaigns import randomised
from facette.tables.contract import Tables

Z_95 = 1.959964


def effects_found(tables: Tables, campaigns: pd.DataFrame) -> dict[str, float]:
    """Error of the pooled effect in probability, its standard error, and coverage by campaign.

    Campaigns are pooled by the information in their sizes, the true effects with the same weights.
    Empty where no randomised campaign is over.
    """
    found = campaign_effects(randomised(tables))
    both = found.join(campaigns.set_index("campaign")["effect"].rename("true"), how="inner")
    if both.empty:
        return {}
    weight = both["weight"] / both["weight"].sum()
    true = both["true"]
    return {
        "truth/effect_error": float(weight @ (both["effect"] - true)),
        "truth/effect_error_se": float(np.sqrt(weight**2 @ both["se"] ** 2)),
        "truth/effect_coverage": float(((both["low"] <= true) & (true <= both["high"])).mean()),
        "truth/effect_campaigns": float(len(both)),
    }


def campaign_effects(customers: pd.DataFrame) -> pd.DataFrame:
    """Per campaign with both arms: effect, se, low and high of its 95 % interval, weight.

    The interval is that of Agresti & Caffo (2000), a success and a failure added to each arm, since
    a rare answer may not come at all in a small one; n is Kish's effective size, the weights being
    unequal.
    """
    rows = {
        campaign: _effect(own)
        for campaign, own in customers.groupby("campaign")
        if own["sent"].nunique() == 2
    }
    columns = ["effect", "se", "low", "high", "weight"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def _effect(own: pd.DataFrame) -> tuple[float, float, float, float, float]:
    (rate1, n1), (rate0, n0) = (_arm(own[own["sent"] == sent]) for sent in (1, 0))
    one, none = (rate1 * n1 + 1) / (n1 + 2), (rate0 * n0 + 1) / (n0 + 2)
    middle, half = one - none, Z_95 * _standard_error(one, n1 + 2, none, n0 + 2)
    se = _standard_error(rate1, n1, rate0, n0)
    return rate1 - rate0, se, middle - half, middle + half, n1 * n0 / (n1 + n0)


def _standard_error(one: float, n1: float, none: float, n0: float) -> float:
    """Of the difference of two rates."""
    return float(np.sqrt(one * (1 - one) / n1 + none * (1 - none) / n0))


def _arm(own: pd.DataFrame) -> tuple[float, float]:
    """Weighted rate of purchase, and the effective number of customers."""
    weight = 1 / own["propensity"].to_numpy(float)
    rate = float(np.average(own["bought"], weights=weight))
    return rate, float(weight.sum() ** 2 / (weight**2).sum())
