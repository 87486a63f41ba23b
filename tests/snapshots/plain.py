"""The features of a snapshot computed again, one customer at a time, slowly and plainly."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from facette.snapshots.catalogue import share_column
from facette.snapshots.spec import SnapshotSpec
from facette.tables.contract import DAY_US, Tables

DAY_PARTS = {"night": range(6), "morning": range(6, 12), "afternoon": range(12, 18),
             "evening": range(18, 24)}  # fmt: skip


def features(tables: Tables, t: int, spec: SnapshotSpec) -> pd.DataFrame:
    """Every feature of every customer known at `t`, objectors left out."""
    frames = {name: tables[name].collect("pandas").to_native() for name in tables.frames}
    lines = frames["transactions"]
    lines = lines[(lines.recorded_at < t) & (lines.occurred_at < t)]
    gone = set(_objectors(frames["consents"], t)) if "consents" in frames else set()
    rows = {
        customer: _row(own, frames, str(customer), t, spec)
        for customer, own in lines.groupby("customer_id")
        if customer not in gone
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def _objectors(consents: pd.DataFrame, t: int) -> Iterator[str]:
    said = consents[(consents.recorded_at < t) & consents.channel.isna()]
    for customer, own in said.groupby("customer_id"):
        if own.sort_values("recorded_at").objected.iloc[-1]:
            yield str(customer)


def _row(
    own: pd.DataFrame, frames: dict[str, pd.DataFrame], customer: str, t: int, spec: SnapshotSpec
) -> dict[str, Any]:
    lines = own[own.occurred_at >= t - spec.observation_days * DAY_US]
    row = _purchase(own, lines, t, spec) | _basket(lines) | _occasion(lines, spec)
    row |= _discount(lines) | _mix(lines, spec)
    row |= _reaction(frames["contacts"], customer, t, spec)
    return row | _profile(frames["customers"], customer, t, spec)


def _purchase(
    own: pd.DataFrame, lines: pd.DataFrame, t: int, spec: SnapshotSpec
) -> dict[str, float]:
    row: dict[str, float] = {}
    bought = lines[lines.amount >= 0]
    starts = bought.groupby("transaction_id").occurred_at.min()
    for w in spec.windows_days:
        recent = lines[lines.occurred_at >= t - w * DAY_US]
        row[f"spend_{w}d"] = recent.amount.sum() / 100
        row[f"transactions_{w}d"] = (starts >= t - w * DAY_US).sum()
        row[f"active_days_{w}d"] = (recent[recent.amount >= 0].occurred_at // DAY_US).nunique()
    days = sorted((bought.occurred_at // DAY_US).unique())
    gaps = np.diff(days)
    half = t - spec.observation_days // 2 * DAY_US
    spend, recency = lines.amount.sum(), (t - own[own.amount >= 0].occurred_at.max()) / DAY_US
    mean = gaps.mean() if len(gaps) else np.nan
    return row | {
        "recency_days": recency,
        "first_seen_days": (t - lines.occurred_at.min()) / DAY_US,
        "gap_mean_days": mean,
        "gap_max_days": gaps.max() if len(gaps) else np.nan,
        "gap_variation": gaps.std() / mean if len(gaps) else np.nan,
        "overdue": recency / mean,
        "spend_trend": _part(lines[lines.occurred_at >= half].amount.sum(), spend),
        "transactions_trend": _part((starts >= half).sum(), len(starts)),
    }


def _basket(lines: pd.DataFrame) -> dict[str, float]:
    bought = lines[lines.amount >= 0]
    baskets = bought.groupby("transaction_id")
    largest = baskets.amount.sum().max() if len(bought) else np.nan
    return {
        "spend_per_transaction": _part(lines.amount.sum() / 100, baskets.ngroups),
        "lines_per_transaction": _part(len(bought), baskets.ngroups),
        "largest_transaction": largest / 100,
        "largest_transaction_share": _part(largest, bought.amount.sum()),
        "small_basket_share": _part((baskets.size() <= 5).sum(), baskets.ngroups),
    }


def _occasion(lines: pd.DataFrame, spec: SnapshotSpec) -> dict[str, float]:
    bought = lines[lines.amount >= 0]
    starts = pd.to_datetime(bought.groupby("transaction_id").occurred_at.min(), unit="us")
    row = {"weekend_share": _part((starts.dt.day_of_week >= 5).sum(), len(starts))}
    for name, hours in DAY_PARTS.items() if spec.has_hours else ():
        row[f"{name}_share"] = _part(starts.dt.hour.isin(hours).sum(), len(starts))
    return row


def _discount(lines: pd.DataFrame) -> dict[str, float]:
    price = lines.amount[lines.amount > 0].sum() + lines.discount.sum()
    return {
        "refund_line_share": _part((lines.amount < 0).sum(), len(lines)),
        "discount_rate": _part(lines.discount.sum(), price),
        "discounted_line_share": _part((lines.discount > 0).sum(), len(lines)),
    }


def _mix(lines: pd.DataFrame, spec: SnapshotSpec) -> dict[str, float]:
    of_product = lines[lines.amount >= 0].dropna(subset="product").groupby("product")
    again = of_product.transaction_id.nunique() >= 2
    spent = lines[lines.amount > 0].groupby("category").amount.sum()
    shares = {c: _part(spent.get(c, 0), spent.sum()) for c in spec.categories}
    rest = [spent.drop(list(spec.categories), errors="ignore").sum() / max(spent.sum(), 1)]
    parts = np.array([p for p in [*shares.values(), *rest] if p > 0])
    return {
        "products": of_product.ngroups,
        "repeat_product_share": _part(again.sum(), of_product.ngroups),
        "repeat_line_share": _part(of_product.size()[again].sum(), of_product.size().sum()),
        "categories": len(spent),
        "category_entropy": -(parts * np.log(parts)).sum() if len(spent) else np.nan,
        "top_category_share": _part(spent.max(), spent.sum()),
        **{share_column(c): share for c, share in shares.items()},
    }


def _reaction(
    contacts: pd.DataFrame, customer: str, t: int, spec: SnapshotSpec
) -> dict[str, float]:
    since = t - spec.observation_days * DAY_US
    own = contacts[(contacts.customer_id == customer) & contacts.sent_at.between(since, t - 1)]
    answered = own[own.responded_at < t]
    delays = (answered.responded_at // DAY_US - answered.sent_at // DAY_US).sum()
    return {
        "contacts_received": len(own),
        "responses": len(answered),
        "response_rate": _part(len(answered), len(own)),
        "response_delay_days": _part(delays, len(answered)),
        "days_since_contact": (t - own.sent_at.max()) / DAY_US if len(own) else np.nan,
    }


def _profile(people: pd.DataFrame, customer: str, t: int, spec: SnapshotSpec) -> dict[str, Any]:
    own = people[people.customer_id == customer]
    if "valid_from" in own:
        own = own[(own.valid_from < t) & (own.recorded_at < t)].sort_values("valid_from")
    last = own.iloc[-1] if len(own) else pd.Series(dtype=object)
    row: dict[str, Any] = {a: last.get(a) for a in spec.attributes if a != "acquired_at"}
    acquired = last.get("acquired_at")
    known = acquired is not None and acquired < t
    return row | {"tenure_days": (t - acquired) / DAY_US if known else np.nan}


def _part(part: float, whole: float) -> float:
    return part / whole if whole else np.nan


def outcomes(tables: Tables, t: int, spec: SnapshotSpec, customers: pd.Index) -> pd.DataFrame:
    """Value and churn of each customer, from the lines themselves."""
    lines = tables["transactions"].collect("pandas").to_native()
    rows = {}
    for customer in customers:
        own = lines[lines.customer_id == customer]
        end = t + spec.horizon_days * DAY_US
        value = own[own.occurred_at.between(t, end - 1)].amount.sum() / 100 * spec.margin_rate
        start = t + spec.gap_days * DAY_US
        bought = own[own.amount >= 0]
        back = bought.occurred_at.between(start, start + spec.horizon_days * DAY_US - 1).any()
        known = bought[bought.recorded_at < t]
        active = known.occurred_at.between(t - spec.active_days * DAY_US, t - 1).any()
        rows[customer] = {"value": value, "churned": float(not back) if active else np.nan}
    return pd.DataFrame.from_dict(rows, orient="index")
