"""Use by category: what is spent on it, in how many periods of four weeks, and since when.

The periods are whole ones, counted back from the date. In the observation window, a customer is
`never` (no purchase of the category), `new` (in its recent half only), `lapsed` (in its earlier
half only) or `regular` (in both).
"""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from facette.snapshots.aggregates import IS_PURCHASE, KEY, count_where, distinct, integer, sum_where
from facette.snapshots.catalogue import named
from facette.snapshots.known import known_at
from facette.snapshots.ratios import Columns, ratio
from facette.snapshots.spec import PERIOD_DAYS, SnapshotSpec
from facette.tables.contract import DAY_US, Tables


def usage_at(tables: Tables, t: int, spec: SnapshotSpec) -> list[nw.LazyFrame]:
    """Per customer, of purchases in the window: by category used, and how mixed baskets are."""
    since = nw.col("occurred_at") >= t - spec.observation_days * DAY_US
    bought = known_at(tables, "transactions", t).filter(
        since & IS_PURCHASE & ~nw.col("category").is_null()
    )
    return [_by_category(bought, t, spec), _baskets(bought)]


def _by_category(bought: nw.LazyFrame, t: int, spec: SnapshotSpec) -> nw.LazyFrame:
    half = t - spec.observation_days // 2 * DAY_US
    category, whole = nw.col("category"), nw.col("period") < spec.periods
    of_period = (
        bought.filter(category.is_in(spec.used_categories))
        .with_columns(period=(t - 1 - nw.col("occurred_at")) // (PERIOD_DAYS * DAY_US))
        .group_by(KEY, "category", "period")
        .agg(
            integer(nw.col("amount").sum(), "amount"),
            integer(nw.col("occurred_at").min(), "first"),
            integer(nw.col("occurred_at").max(), "last"),
        )
    )
    wanted: list[nw.Expr] = []
    for i, name in enumerate(spec.used_categories):
        is_it = category == name
        wanted += [
            sum_where(is_it, nw.col("amount"), f"used_amount_{i}"),
            count_where(is_it & whole, f"used_periods_{i}"),
            count_where(is_it & (nw.col("first") < half), f"used_before_{i}"),
            count_where(is_it & (nw.col("last") >= half), f"used_lately_{i}"),
        ]
    return of_period.group_by(KEY).agg(*wanted)


def _baskets(bought: nw.LazyFrame) -> nw.LazyFrame:
    baskets = bought.group_by(KEY, "transaction_id").agg(distinct("category", "categories"))
    return baskets.group_by(KEY).agg(
        integer(nw.len(), "told_baskets"),
        count_where(nw.col("categories") == 1, "single_category_baskets"),
    )


def usage(raw: Columns, spec: SnapshotSpec) -> dict[str, Any]:
    """Spend in currency units, loyalty as a share of the whole periods, status as text."""
    if not spec.used_categories:
        return {}
    made: dict[str, Any] = {
        "single_category_share": ratio(raw["single_category_baskets"], raw["told_baskets"])
    }
    for i, category in enumerate(spec.used_categories):
        made[named("spend_{c}", category)] = raw[f"used_amount_{i}"] / 10**spec.minor_units
        if spec.periods:
            made[named("loyalty_{c}", category)] = raw[f"used_periods_{i}"] / spec.periods
        made[named("status_{c}", category)] = _status(
            raw[f"used_before_{i}"] > 0, raw[f"used_lately_{i}"] > 0
        )
    return made


def _status(before: np.ndarray, lately: np.ndarray) -> Any:
    told = np.select([before & lately, lately, before], ["regular", "new", "lapsed"], "never")
    return pd.array(told.tolist(), dtype="str")
