"""Randomised campaigns and what came of them, told from the tables alone."""

from __future__ import annotations

import pandas as pd
import polars as pl

from facette.tables.contract import DAY_US, Tables

ANSWER_DAYS = 30
CONTROL = "control"
NEEDED = {"arm", "randomised"}
COLUMNS = ["customer_id", "campaign", "sent", "bought", "propensity"]


def randomised(tables: Tables, since: int | None = None) -> pd.DataFrame:
    """Customers of randomised campaigns whose 30 days are over, a row for each time.

    Columns: customer_id, campaign, sent and bought (0 or 1), propensity. Bought is a contract begun
    within 30 days of the sending, or a purchase where there are no contracts. Propensity is that of
    the arm the customer is in; where it is not known, the share of that arm in its campaign.
    `since` (microseconds) leaves out what was sent before.
    """
    given = set(tables.columns("contacts")) if "contacts" in tables else set()
    if not given >= NEEDED:
        return pd.DataFrame(columns=COLUMNS)
    contacts = _contacts(tables, "propensity" in given, since)
    key = ["customer_id", "campaign", "sent_at"]
    waited = pl.col("at") - pl.col("sent_at")
    bought = (
        contacts.join(_begun(tables), on="customer_id")
        .filter((waited >= 0) & (waited < ANSWER_DAYS * DAY_US))
        .select(*key, bought=pl.lit(1, pl.Int8))
        .unique()
    )
    told = contacts.join(bought, on=key, how="left").with_columns(pl.col("bought").fill_null(0))
    return told.select(COLUMNS).to_pandas()


def _contacts(tables: Tables, has_propensity: bool, since: int | None) -> pl.DataFrame:
    propensity = pl.col("propensity") if has_propensity else pl.lit(None, pl.Float64)
    size = pl.len().over("campaign", "sent")
    over = pl.col("sent_at") + ANSWER_DAYS * DAY_US <= tables.observed_until
    late = pl.col("sent_at") >= since if since is not None else pl.lit(True)
    return pl.DataFrame(
        tables["contacts"].to_native()
        .filter(pl.col("randomised") & pl.col("arm").is_not_null() & over & late)
        .select(
            "customer_id", "campaign", "sent_at",
            sent=(pl.col("arm").str.to_lowercase() != CONTROL).cast(pl.Int8),
            propensity=propensity,
        )
        .with_columns(pl.col("propensity").fill_null(size / pl.len().over("campaign")))
        .collect()
    )  # fmt: skip


def _begun(tables: Tables) -> pl.DataFrame:
    """When each customer began a contract, or bought something."""
    if "contracts" in tables:
        begun = tables["contracts"].to_native().select("customer_id", at="started_at")
    else:
        bought = tables["transactions"].to_native().filter(pl.col("amount") > 0)
        begun = bought.select("customer_id", at="occurred_at")
    return pl.DataFrame(begun.collect())
