"""The features of a snapshot computed again, one customer at a time, slowly and plainly."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from facette.snapshots.catalogue import share_column
from facette.snapshots.spec import SnapshotSpec
from facette.tables.contract import DAY_US, Tables

CHANNELS = ("branch", "advisor", "phone", "email", "chat", "web", "app", "mail")
PURPOSES = ("request", "complaint", "project", "service", "offer", "form", "download", "visit")
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
    said = consents[(consents.recorded_at < t) & consents.channel.isna()].dropna(subset="objected")
    for customer, own in said.groupby("customer_id"):
        if own.sort_values("recorded_at").objected.iloc[-1]:
            yield str(customer)


def _row(
    own: pd.DataFrame, frames: dict[str, pd.DataFrame], customer: str, t: int, spec: SnapshotSpec
) -> dict[str, Any]:
    lines = own[own.occurred_at >= t - spec.observation_days * DAY_US]
    row = _purchase(own, lines, t, spec) | _basket(lines) | _occasion(lines, spec)
    row |= _discount(lines) | _mix(lines, spec) | _usage(lines, t, spec)
    row |= _reaction(frames["contacts"], customer, t, spec)
    profile = _profile(frames["customers"], customer, t, spec)
    related = frames.keys() & {"interactions", "surveys", "consents", "events"}
    known = {
        name: frames[name][(frames[name].customer_id == customer) & (frames[name].recorded_at < t)]
        for name in related
    }
    if "interactions" in known:
        first = t - profile["tenure_days"] * DAY_US
        row |= _relation(known["interactions"], np.fmin(own.occurred_at.min(), first), t, spec)
    if "surveys" in known:
        row |= _stated(known["surveys"], t, spec)
    if "granted" in known.get("consents", []):
        row |= _consent(known["consents"], t, spec)
    if "events" in known:
        row |= _event(known["events"], t, spec)
    return row | profile


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
    row |= _faded(own, t, spec)
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


def _faded(own: pd.DataFrame, t: int, spec: SnapshotSpec) -> dict[str, float]:
    """Day by day: a day of an age band weighs the mean of 0.5 ^ (age / half-life) over the band."""
    assert spec.observed_from is not None
    history = t // DAY_US - spec.observed_from
    ages = t // DAY_US - own.occurred_at // DAY_US
    money = own["margin"] if "margin" in spec.columns else own.amount * spec.margin_rate
    bought = {age for age, amount in zip(ages, own.amount, strict=True) if amount >= 0}
    edges = [e for e in (7, 14, 28, 56, 91, 182, 364, 728, 1456) if e < history] + [history]
    row = {}
    for h in spec.half_lives_days:
        weights, young = {}, 0
        for old in edges:
            band = [0.5 ** (day / h) for day in range(young, old)]
            weights |= dict.fromkeys(range(young + 1, old + 1), sum(band) / len(band))
            young = old
        whole = sum(weights.values()) / 28
        row[f"value_faded_{h}d"] = (
            sum(weights[age] * m / 100 for age, m in zip(ages, money, strict=True)) / whole
        )
        row[f"active_days_faded_{h}d"] = sum(weights[age] for age in bought) / whole
    slowest = spec.half_lives_days[-1]
    for h in spec.half_lives_days[:-1]:
        for kind in ("value", "active_days"):
            quick, slow = (max(row[f"{kind}_faded_{days}d"], 0) for days in (h, slowest))
            row[f"{kind}_course_{h}d"] = _part(quick - slow, quick + slow)
    return row


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


def _usage(lines: pd.DataFrame, t: int, spec: SnapshotSpec) -> dict[str, Any]:
    bought = lines[lines.amount >= 0].dropna(subset="category")
    kinds = bought.groupby("transaction_id").category.nunique()
    row: dict[str, Any] = {"single_category_share": _part((kinds == 1).sum(), len(kinds))}
    half = t - spec.observation_days // 2 * DAY_US
    for category in spec.used_categories:
        of_it = bought[bought.category == category]
        slug = share_column(category).removeprefix("share_")
        whole = range(spec.observation_days // 28)
        starts = [t - (k + 1) * 28 * DAY_US for k in whole]
        used = [of_it.occurred_at.between(s, s + 28 * DAY_US - 1).any() for s in starts]
        before, lately = (of_it.occurred_at < half).any(), (of_it.occurred_at >= half).any()
        row[f"spend_{slug}"] = of_it.amount.sum() / 100
        row[f"loyalty_{slug}"] = np.mean(used)
        row[f"status_{slug}"] = {(True, True): "regular", (True, False): "lapsed",
                                 (False, True): "new"}.get((before, lately), "never")  # fmt: skip
    return row


def _relation(
    own: pd.DataFrame, first_known: float, t: int, spec: SnapshotSpec
) -> dict[str, float]:
    since = t - spec.observation_days * DAY_US
    own = own[(own.initiator == "customer") & own.occurred_at.between(since, t - 1)]
    n, at = len(own), pd.to_datetime(own.occurred_at, unit="us")
    first = np.fmin(first_known, own.occurred_at.min() if n else np.nan)
    exposure = min(spec.observation_days, max(t // DAY_US - first // DAY_US, 1))
    share = {c: _part((own.channel == c).sum(), n) for c in CHANNELS}
    rest = 1 - sum(share.values())
    parts = np.array([p for p in [*share.values(), rest] if p > 1e-12])
    weekday, hour = at.dt.day_of_week < 5, at.dt.hour
    answered = own[own.answered_at < t]
    days = (answered.answered_at - answered.occurred_at) / DAY_US
    is_complaint = answered.purpose == "complaint"
    complaints = (own.purpose == "complaint").sum()
    recent = (own.occurred_at >= t - spec.observation_days // 2 * DAY_US).sum()
    return {
        "started_contact_rate": n / exposure * 30,
        "started_contact_trend": _part(recent, n),
        "days_since_started_contact": (t - own.occurred_at.max()) / DAY_US if n else np.nan,
        **{f"started_{c}_share": share[c] for c in CHANNELS},
        "channel_entropy": -(parts * np.log(parts)).sum() if n else np.nan,
        "remote_share": _part((~own.channel.isin(["branch", "advisor"])).sum(), n),
        "synchronous_share": _part(
            own.channel.isin(["branch", "advisor", "phone", "chat"]).sum(), n
        ),
        **{f"{p}_share": _part((own.purpose == p).sum(), n) for p in PURPOSES},
        "complaints": complaints,
        "open_complaints": complaints - is_complaint.sum(),
        "complaint_resolution_days": days[is_complaint].mean(),
        "answer_delay_days": days[answered.purpose == "request"].mean(),
        "contact_evening_share": _part((hour >= 18).sum(), n),
        "contact_weekend_share": _part((~weekday).sum(), n),
        "contact_office_hours_share": _part((weekday & hour.between(9, 17)).sum(), n),
        "contact_duration_min": (np.floor(answered.duration_min * 60 + 0.5) / 60).mean(),
    }


def _slug(text: str) -> str:
    return share_column(text).removeprefix("share_")


def _stated(own: pd.DataFrame, t: int, spec: SnapshotSpec) -> dict[str, Any]:
    own = own.dropna(subset="answer").sort_values("answered_at")
    recent = own[own.answered_at >= t - spec.observation_days * DAY_US]
    row: dict[str, Any] = {
        "days_since_survey": (t - own.answered_at.max()) / DAY_US if len(own) else np.nan,
        "surveys_answered": recent.answered_at.nunique(),
    }
    for question in spec.questions:
        latest = own[own.question == question].answer.tail(1)
        said = latest.iloc[0] if len(latest) else None
        is_number = question in spec.numeric_questions
        row[f"answer_{_slug(question)}"] = float(said or "nan") if is_number else said
    return row


def _consent(own: pd.DataFrame, t: int, spec: SnapshotSpec) -> dict[str, float]:
    own = own.sort_values("recorded_at")
    refused = (own.granted == False) | (own.objected == True)  # noqa: E712
    said = np.where(refused, 0.0, np.where(own.granted == True, 1.0, np.nan))  # noqa: E712
    own, said = own[~np.isnan(said)], said[~np.isnan(said)]
    row = {}
    for channel in spec.consent_channels:
        words = said[(own.channel.isna() | (own.channel == channel)).to_numpy()]
        row[f"consent_{_slug(channel)}"] = words[-1] if len(words) else np.nan
    withdrawn, since = 0, t - spec.observation_days * DAY_US
    for channel in (None, *own.channel.dropna().unique()):
        rows = (own.channel.isna() if channel is None else own.channel == channel).to_numpy()
        words, moments = said[rows], own.recorded_at.to_numpy()[rows]
        for before, now, moment in zip(words, words[1:], moments[1:], strict=False):
            withdrawn += before == 1 and now == 0 and moment >= since
    return row | {"consents_withdrawn": withdrawn}


def _event(own: pd.DataFrame, t: int, spec: SnapshotSpec) -> dict[str, float]:
    row = {}
    own = own[own.occurred_at >= t - spec.observation_days * DAY_US]
    for kind in spec.event_kinds:
        of_it, slug = own[own.kind == kind], _slug(kind)
        row[f"{slug}_events"] = len(of_it)
        row[f"days_since_{slug}"] = (t - of_it.occurred_at.max()) / DAY_US if len(of_it) else np.nan
        value = of_it.value.dropna()
        row[f"{slug}_value"] = value.round(2).sum() if len(value) else np.nan
    return row


def _reaction(
    contacts: pd.DataFrame, customer: str, t: int, spec: SnapshotSpec
) -> dict[str, float]:
    since = t - spec.observation_days * DAY_US
    own = contacts[(contacts.customer_id == customer) & (contacts.recorded_at < t)]
    if "arm" in own:
        own = own[own.arm.str.lower() != "control"]
    age = (t - own.sent_at) // DAY_US
    pressure = np.exp(-age[age < 120] / 30).sum()
    own = own[own.sent_at.between(since, t - 1)]
    answered = own[own.responded_at < t]
    by_channel = {
        f"{c}_response_rate": _part((answered.channel == c).sum(), (own.channel == c).sum())
        for c in spec.contact_channels
    }
    if "opened_at" in own:
        opened = own[own.opened_at < t]
        by_channel |= {
            "open_rate": _part(len(opened), len(own)),
            "open_delay_hours": (opened.opened_at - opened.sent_at).mean() / DAY_US * 24,
            "click_rate": _part((own.clicked_at < t).sum(), len(own)),
        }
    delays = (answered.responded_at // DAY_US - answered.sent_at // DAY_US).sum()
    return {
        **by_channel,
        "pressure_received": pressure,
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
