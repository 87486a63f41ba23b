"""What randomised campaigns did, told from the tables alone, against what they truly did.

The outcome is a contract begun in the 30 days from the sending. The effect of being sent is the
difference of its rate between those sent and those held back, each customer weighted by the inverse
of the propensity of the arm they are in.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl

from facette.tables.contract import DAY_US, Tables

ANSWER_DAYS = 30  # in which the truth counts purchases
CONTROL = "control"
Z_95 = 1.959964
NEEDED = {"arm", "randomised"}


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


def randomised(tables: Tables) -> pd.DataFrame:
    """Customers of randomised campaigns whose 30 days are over: campaign, sent, bought, propensity.

    `sent` and `bought` are 0 or 1; a propensity that is not known counts as 1, so that all of an
    arm weigh the same.
    """
    columns = ["campaign", "sent", "bought", "propensity"]
    given = set(tables.columns("contacts")) if "contacts" in tables else set()
    if not given >= NEEDED or "contracts" not in tables:
        return pd.DataFrame(columns=columns)
    propensity = pl.col("propensity") if "propensity" in given else pl.lit(1.0)
    over = pl.col("sent_at") + ANSWER_DAYS * DAY_US <= tables.observed_until
    contacts = (
        tables["contacts"].to_native()
        .filter(pl.col("randomised") & pl.col("arm").is_not_null() & over)
        .select(
            "customer_id", "campaign", "sent_at",
            sent=(pl.col("arm").str.to_lowercase() != CONTROL).cast(pl.Int8),
            propensity=propensity.fill_null(1.0),
        )
        .collect()
    )  # fmt: skip
    key = ["customer_id", "campaign", "sent_at"]
    begun = tables["contracts"].to_native().select("customer_id", "started_at").collect()
    waited = pl.col("started_at") - pl.col("sent_at")
    bought = (
        contacts.join(begun, on="customer_id")
        .filter((waited >= 0) & (waited < ANSWER_DAYS * DAY_US))
        .select(*key, bought=pl.lit(1, pl.Int8))
        .unique()
    )
    told = contacts.join(bought, on=key, how="left").with_columns(pl.col("bought").fill_null(0))
    return told.select(columns).to_pandas()


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
