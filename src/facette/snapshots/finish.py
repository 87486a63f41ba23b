"""The finishing step: integer aggregates become features, in NumPy, the same for every engine.

Ratios, logarithms and entropy are computed here, in `usage`, `fading` and `relation_ratios`, and
nowhere else, row by row, so that a feature depends on its customer's own integers and on the
constants of the spec only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from facette.snapshots.aggregates import DAY_PARTS, KEY
from facette.snapshots.catalogue import catalogue, share_column
from facette.snapshots.fading import faded
from facette.snapshots.ratios import Columns, entropy, ratio
from facette.snapshots.relation_ratios import consent, events, reaction, relation, stated
from facette.snapshots.spec import SnapshotSpec
from facette.snapshots.usage import usage
from facette.tables.contract import DAY_US

# Absent sums and counts are 0; these are absent extremes, and stay missing, as do instants (`_at`).
_EXTREMES = {
    "gap_max", "largest_transaction", "category_largest", "history_first_day", "history_last_day",
    "contract_longest", "contract_newest", "contract_renewal",
}  # fmt: skip


def finished(aggregates: pl.DataFrame, t: int, spec: SnapshotSpec) -> pd.DataFrame:
    """Features by name, Float64 with NaN for missing, text for categories; indexed by customer_id.

    Money is in currency units. Rows are sorted by customer_id.
    """
    ordered = aggregates.sort(KEY)
    raw = {c: _numbers(ordered[c]) for c in ordered.columns if ordered[c].dtype.is_integer()}
    made: dict[str, Any] = _purchase(raw, t, spec) | _basket(raw, spec) | _occasion(raw, spec)
    made |= _discount(raw) | _mix(raw, spec) | usage(raw, spec)
    made |= relation(raw, t, spec) | reaction(raw, t, spec) | stated(ordered, raw, t, spec)
    made |= consent(raw, spec) | events(raw, t, spec) | faded(raw, t, spec)
    made |= _contracts(raw) | _profile(ordered, raw, t, spec)
    frame = pd.DataFrame(
        {name: made[name] for name in catalogue(spec)},
        index=pd.Index(ordered[KEY].to_list(), name=KEY, dtype=object).astype("str"),
    )
    return frame


def _numbers(column: pl.Series) -> np.ndarray:
    absent = None if column.name in _EXTREMES or column.name.endswith("_at") else 0
    numbers = column if absent is None else column.fill_null(absent)
    return numbers.cast(pl.Float64).to_numpy().copy()


def _money(raw: Columns, name: str, spec: SnapshotSpec) -> np.ndarray:
    return raw[name] / 10**spec.minor_units


def _purchase(raw: Columns, t: int, spec: SnapshotSpec) -> Columns:
    made = {}
    for w in spec.windows_days:
        made[f"spend_{w}d"] = _money(raw, f"amount_{w}", spec)
        made[f"transactions_{w}d"] = raw[f"transactions_{w}"]
        made[f"active_days_{w}d"] = raw[f"days_{w}"]
    recency = (t - raw["last_at"]) / DAY_US
    gaps = np.maximum(raw["days"] - 1, 0)
    gap_mean = ratio(raw["gap_sum"], gaps)
    gap_variance = np.maximum(ratio(raw["gap_square_sum"], gaps) - gap_mean**2, 0)
    return made | {
        "recency_days": recency,
        "first_seen_days": (t - raw["first_at"]) / DAY_US,
        "gap_mean_days": gap_mean,
        "gap_max_days": raw["gap_max"],
        "gap_variation": ratio(np.sqrt(gap_variance), gap_mean),
        "overdue": ratio(recency, gap_mean),
        "spend_trend": ratio(raw["amount_recent_half"], raw["amount"]),
        "transactions_trend": ratio(raw["transactions_recent_half"], raw["transactions"]),
    }


def _basket(raw: Columns, spec: SnapshotSpec) -> Columns:
    visits = raw["transactions"]
    return {
        "spend_per_transaction": ratio(_money(raw, "amount", spec), visits),
        "lines_per_transaction": ratio(raw["bought_lines"], visits),
        "largest_transaction": _money(raw, "largest_transaction", spec),
        "largest_transaction_share": ratio(raw["largest_transaction"], raw["positive_amount"]),
        "small_basket_share": ratio(raw["small_baskets"], visits),
    }


def _occasion(raw: Columns, spec: SnapshotSpec) -> Columns:
    visits = raw["transactions"]
    shares = {"weekend_share": ratio(raw["weekend_transactions"], visits)}
    if spec.has_hours:
        shares |= {f"{p}_share": ratio(raw[f"{p}_transactions"], visits) for p in DAY_PARTS}
    return shares


def _discount(raw: Columns) -> Columns:
    made = {"refund_line_share": ratio(raw["refund_lines"], raw["lines"])}
    if "discount" in raw:
        full_price = raw["positive_amount"] + raw["discount"]
        made["discount_rate"] = ratio(raw["discount"], full_price)
        made["discounted_line_share"] = ratio(raw["discounted_lines"], raw["lines"])
    return made


def _mix(raw: Columns, spec: SnapshotSpec) -> Columns:
    made: Columns = {}
    if "products" in raw:
        made["products"] = raw["products"]
        made["repeat_product_share"] = ratio(raw["products_again"], raw["products"])
        made["repeat_line_share"] = ratio(raw["lines_again"], raw["lines_with_product"])
    if "categories" in raw:
        whole = raw["category_amount"]
        shares = [ratio(raw[f"category_{i}"], whole) for i in range(len(spec.categories))]
        made["categories"] = raw["categories"]
        made["category_entropy"] = entropy(shares, whole)
        made["top_category_share"] = ratio(raw["category_largest"], whole)
        made |= {share_column(c): s for c, s in zip(spec.categories, shares, strict=True)}
    return made


def _contracts(raw: Columns) -> Columns:
    if "contracts_open" not in raw:
        return {}
    products = {k: raw[k] for k in ("contract_products",) if k in raw}
    return products | {
        "contracts_open": raw["contracts_open"],
        "contracts_on_notice": raw["contracts_open"] - raw["contracts_quiet"],
        "contract_tenure_days": raw["contract_longest"],
        "newest_contract_days": raw["contract_newest"],
        "renewal_in_days": raw["contract_renewal"],
    }


def _profile(ordered: pl.DataFrame, raw: Columns, t: int, spec: SnapshotSpec) -> dict[str, Any]:
    made: dict[str, Any] = {
        a: pd.array(ordered[f"attribute_{a}"].cast(pl.String).to_list(), dtype="str")
        for a in spec.attributes
        if a != "acquired_at"
    }
    if "acquired_at" in raw:
        made["tenure_days"] = (t - raw["acquired_at"]) / DAY_US
    return made
