"""The finishing step of relations: whole numbers become rates, shares and delays, in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from facette.snapshots.catalogue import named
from facette.snapshots.ratios import Columns, entropy, ratio
from facette.snapshots.relations import GRANTED, REFUSED, SECONDS, TRILLION
from facette.snapshots.spec import SnapshotSpec
from facette.tables.contract import DAY_US, HOUR_US

RATE_DAYS = 30  # customer-started contacts are told for so many days


def relation(raw: Columns, t: int, spec: SnapshotSpec) -> Columns:
    """Customer-started contacts: how often, through what, what for, when, and how answered."""
    if "interactions" not in spec.related:
        return {}
    started = raw["started"]
    shares = {c: ratio(raw[f"started_{c}"], started) for c in spec.started_channels}
    timed = ("evening", "weekend", "office_hours")
    return {
        "started_contact_rate": started * RATE_DAYS / _exposure_days(raw, t, spec),
        "started_contact_trend": ratio(raw["started_recent_half"], started),
        "days_since_started_contact": (t - raw["started_last_at"]) / DAY_US,
        **{f"started_{c}_share": share for c, share in shares.items()},
        "channel_entropy": entropy(list(shares.values()), started),
        "remote_share": ratio(raw["started_remote"], started),
        "synchronous_share": ratio(raw["started_synchronous"], started),
        **{f"{p}_share": ratio(raw[f"purpose_{p}"], started) for p in spec.purposes},
        **{f"contact_{part}_share": ratio(raw[f"started_{part}"], started)
           for part in timed if f"started_{part}" in raw},
        **_answered(raw),
    }  # fmt: skip


def _exposure_days(raw: Columns, t: int, spec: SnapshotSpec) -> np.ndarray:
    """Days of the window on which the customer was known: bought, acquired or in touch before."""
    first = raw["history_first_day"]
    for instant in ("acquired_at", "started_first_at"):
        if instant in raw:
            first = np.fmin(first, raw[instant] // DAY_US)
    return np.clip(t // DAY_US - first, 1, spec.observation_days)


def _answered(raw: Columns) -> Columns:
    made = {}
    if "purpose_complaint" in raw:
        made["complaints"] = raw["purpose_complaint"]
    if "complaint_answers" in raw:
        answers = raw["complaint_answers"]
        made["open_complaints"] = raw["purpose_complaint"] - answers
        made["complaint_resolution_days"] = ratio(raw["complaint_answer_us"] / DAY_US, answers)
    if "request_answers" in raw:
        delay_days = raw["request_answer_us"] / DAY_US
        made["answer_delay_days"] = ratio(delay_days, raw["request_answers"])
    if "timed_contacts" in raw:
        minutes = raw["contact_seconds"] / SECONDS
        made["contact_duration_min"] = ratio(minutes, raw["timed_contacts"])
    return made


def reaction(raw: Columns, t: int, spec: SnapshotSpec) -> Columns:
    """Campaigns received, and what the customer did with them."""
    if "contacts" not in raw:
        return {}
    received = raw["contacts"]
    made = {"contacts_received": received, "days_since_contact": (t - raw["contacted_at"]) / DAY_US}
    if "pressure" in raw:
        made["pressure_received"] = raw["pressure"] / TRILLION
    if "responses" in raw:
        made["responses"] = raw["responses"]
        made["response_rate"] = ratio(raw["responses"], received)
        made["response_delay_days"] = ratio(raw["response_delay_days"], raw["responses"])
    for i, channel in enumerate(spec.contact_channels):
        rate = ratio(raw[f"responses_{i}"], raw[f"contacts_{i}"])
        made[named("{c}_response_rate", channel)] = rate
    if "opens" in raw:
        made["open_rate"] = ratio(raw["opens"], received)
        made["open_delay_hours"] = ratio(raw["open_delay_us"] / HOUR_US, raw["opens"])
    if "clicks" in raw:
        made["click_rate"] = ratio(raw["clicks"], received)
    return made


def stated(ordered: pl.DataFrame, raw: Columns, t: int, spec: SnapshotSpec) -> dict[str, Any]:
    """Latest answers, as numbers where they were numbers at training, as text otherwise."""
    if "surveys" not in spec.related:
        return {}
    made: dict[str, Any] = {
        "days_since_survey": (t - raw["survey_at"]) / DAY_US,
        "surveys_answered": raw["surveys"],
    }
    for i, question in enumerate(spec.questions):
        answers = ordered[f"answer_{i}"]
        is_number = question in spec.numeric_questions
        made[named("answer_{c}", question)] = (
            as_numbers(answers).to_numpy() if is_number
            else pd.array(answers.cast(pl.String).to_list(), dtype="str")
        )  # fmt: skip
    return made


def as_numbers(answers: pl.Series) -> pl.Series:
    """Text read as finite numbers, NaN where it is none."""
    number = answers.cast(pl.String).cast(pl.Float64, strict=False).fill_null(float("nan"))
    return number.replace([float("inf"), float("-inf")], float("nan"))


def consent(raw: Columns, spec: SnapshotSpec) -> Columns:
    """1 granted, 0 refused or withdrawn, missing where no word is known."""
    if "consents" not in spec.related:
        return {}
    made = {"consents_withdrawn": raw["withdrawn"]}
    for i, channel in enumerate(spec.consent_channels):
        said = raw[f"consent_{i}"]
        refused_or_unknown = np.where(said == REFUSED, 0.0, np.nan)
        made[named("consent_{c}", channel)] = np.where(said == GRANTED, 1.0, refused_or_unknown)
    return made


def events(raw: Columns, t: int, spec: SnapshotSpec) -> Columns:
    """By kind: how many, days since the latest, and the sum of values where any is known."""
    made = {}
    for i, kind in enumerate(spec.event_kinds):
        made[named("{c}_events", kind)] = raw[f"events_{i}"]
        made[named("days_since_{c}", kind)] = (t - raw[f"event_{i}_at"]) / DAY_US
        if kind in spec.valued_kinds:
            value, count = raw[f"event_value_{i}"] / 10**spec.minor_units, raw[f"valued_events_{i}"]
            made[named("{c}_value", kind)] = np.where(count > 0, value, np.nan)
    return made
