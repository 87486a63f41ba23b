"""How customers and the company deal with each other: integer aggregates per customer.

Contacts that the customer starts, reactions to campaigns, answers to surveys, consents and events,
from rows and cells known before the date. Counts, sums, instants and text as it was written, exact
in any order and on every engine; ratios come after, in `relation_ratios`.
"""

from __future__ import annotations

from math import exp

import narwhals as nw

from facette.snapshots.aggregates import (
    KEY,
    count_where,
    distinct,
    hour_of,
    integer,
    sum_where,
    weekday_of,
)
from facette.snapshots.known import known_at
from facette.snapshots.spec import SnapshotSpec
from facette.tables.contract import DAY_US, Tables
from facette.tables.exact import LARGEST_MONEY

CHANNELS = ("branch", "advisor", "phone", "email", "chat", "web", "app", "mail")
IN_PERSON = ("branch", "advisor")
SYNCHRONOUS = (*IN_PERSON, "phone", "chat")
PURPOSES = ("request", "complaint", "project", "service", "offer", "form", "download", "visit")
EVENING_HOUR = 18
OFFICE_HOURS = (9, 18)
CONTROL = "control"  # the arm of those whom a campaign leaves alone
PRESSURE_DAYS = 120  # a contact older than that weighs less than a fiftieth of a fresh one
FORGETTING_DAYS = 30
TRILLION = 10**12
GRANTED, REFUSED = 1, 2  # 0: neither is known
SECONDS = 60


def related_at(tables: Tables, t: int, spec: SnapshotSpec) -> list[nw.LazyFrame]:
    """One frame or more for each related table that features are made of, by customer."""
    made = [_reactions(tables, t, spec)] if "contacts" in spec.tables else []
    of_table = {
        "interactions": _started,
        "contacts": _pressure,
        "consents": _consents,
        "events": _events,
    }
    made += [aggregate(tables, t, spec) for name, aggregate in of_table.items()
             if name in spec.related]  # fmt: skip
    return made + (_stated(tables, t, spec) if "surveys" in spec.related else [])


def _since(instant: str, t: int, spec: SnapshotSpec) -> nw.Expr:
    """Rows of the observation window."""
    return nw.col(instant) >= t - spec.observation_days * DAY_US


def is_started() -> nw.Expr:
    """Contacts that the customer started."""
    return nw.col("initiator") == "customer"


def _started(tables: Tables, t: int, spec: SnapshotSpec) -> nw.LazyFrame:
    rows = known_at(tables, "interactions", t).filter(is_started() & _since("occurred_at", t, spec))
    at, channel = nw.col("occurred_at"), nw.col("channel")
    return rows.group_by(KEY).agg(
        integer(nw.len(), "started"),
        count_where(at >= t - spec.observation_days // 2 * DAY_US, "started_recent_half"),
        integer(at.min(), "started_first_at"),
        integer(at.max(), "started_last_at"),
        count_where(~channel.is_in(IN_PERSON), "started_remote"),
        count_where(channel.is_in(SYNCHRONOUS), "started_synchronous"),
        count_where(weekday_of(at) >= 5, "started_weekend"),
        *(count_where(channel == c, f"started_{c}") for c in spec.started_channels),
        *_by_hour(at, spec),
        *_by_purpose(spec),
        *_durations(spec),
    )


def _by_hour(at: nw.Expr, spec: SnapshotSpec) -> list[nw.Expr]:
    if not spec.has_contact_hours:
        return []
    opening, closing = OFFICE_HOURS
    hour, is_weekday = hour_of(at), weekday_of(at) < 5
    return [
        count_where(hour >= EVENING_HOUR, "started_evening"),
        count_where(is_weekday & (hour >= opening) & (hour < closing), "started_office_hours"),
    ]


def _by_purpose(spec: SnapshotSpec) -> list[nw.Expr]:
    """How many contacts of each purpose, and how long answers to complaints and requests took."""
    of = {purpose: nw.col("purpose") == purpose for purpose in spec.purposes}
    counts = [count_where(is_it, f"purpose_{purpose}") for purpose, is_it in of.items()]
    if "interaction_answer" not in spec.columns:
        return counts
    answered, delay = (
        ~nw.col("answered_at").is_null(),
        nw.col("answered_at") - nw.col("occurred_at"),
    )
    for purpose in [p for p in ("complaint", "request") if p in of]:
        counts += [
            count_where(of[purpose] & answered, f"{purpose}_answers"),
            sum_where(of[purpose] & answered, delay, f"{purpose}_answer_us"),
        ]
    return counts


def _durations(spec: SnapshotSpec) -> list[nw.Expr]:
    """Durations in whole seconds: minutes are floats, whose sum would depend on the order."""
    if "interaction_duration" not in spec.columns:
        return []
    seconds = _whole(nw.col("duration_min"), SECONDS)
    return [
        count_where(~seconds.is_null(), "timed_contacts"),
        integer(seconds.sum(), "contact_seconds"),
    ]


def _whole(number: nw.Expr, times: int) -> nw.Expr:
    """A float as the nearest whole number of parts, null where it is too large for that."""
    parts = number * times
    small = nw.when((parts <= LARGEST_MONEY) & (parts >= -LARGEST_MONEY)).then(parts)
    return (small + 0.5).floor().cast(nw.Int64)


def received(tables: Tables, t: int, spec: SnapshotSpec) -> nw.LazyFrame:
    """Contacts known at `t` that reached somebody: a control arm is no contact."""
    known = known_at(tables, "contacts", t)
    if "contact_arm" not in spec.columns:
        return known
    arm = nw.col("arm")
    return known.filter(arm.is_null() | (arm.str.to_lowercase() != CONTROL))


def _reactions(tables: Tables, t: int, spec: SnapshotSpec) -> nw.LazyFrame:
    contacts = received(tables, t, spec).filter(_since("sent_at", t, spec))
    wanted = [integer(nw.len(), "contacts"), integer(nw.col("sent_at").max(), "contacted_at")]
    if "contact_response" in spec.columns:
        answered, channel = nw.col("responded_at"), nw.col("channel")
        delay = answered // DAY_US - nw.col("sent_at") // DAY_US
        wanted += [
            count_where(~answered.is_null(), "responses"),
            integer(delay.sum(), "response_delay_days"),
        ]
        for i, name in enumerate(spec.contact_channels):
            on_it = channel == name
            wanted += [
                count_where(on_it, f"contacts_{i}"),
                count_where(on_it & ~answered.is_null(), f"responses_{i}"),
            ]
    if "contact_open" in spec.columns:
        opened = nw.col("opened_at")
        wanted += [
            count_where(~opened.is_null(), "opens"),
            integer((opened - nw.col("sent_at")).sum(), "open_delay_us"),
        ]
    if "contact_click" in spec.columns:
        wanted.append(count_where(~nw.col("clicked_at").is_null(), "clicks"))
    return contacts.group_by(KEY).agg(*wanted)


def _pressure(tables: Tables, t: int, spec: SnapshotSpec) -> nw.LazyFrame:
    """The sum of `exp(-days / 30)` over contacts received, in trillionths.

    Each of the last 120 whole days of age has its weight as a whole number of trillionths, so that
    the sum is exact in any order.
    """
    age = (t - nw.col("sent_at")) // DAY_US
    none = nw.lit(0, nw.Int64)
    weights = [round(exp(-day / FORGETTING_DAYS) * TRILLION) for day in range(PRESSURE_DAYS)]
    weight = nw.sum_horizontal(
        *(nw.when(nw.col("age") == day).then(nw.lit(weight, nw.Int64)).otherwise(none)
          for day, weight in enumerate(weights))
    )  # fmt: skip
    recent = received(tables, t, spec).with_columns(age=age).filter(nw.col("age") < PRESSURE_DAYS)
    return (
        recent.with_columns(weight=weight)
        .group_by(KEY)
        .agg(integer(nw.col("weight").sum(), "pressure"))
    )


def _stated(tables: Tables, t: int, spec: SnapshotSpec) -> list[nw.LazyFrame]:
    """Occasions on which surveys were answered, and the latest answer to each question, as text."""
    said, at = known_at(tables, "surveys", t), nw.col("answered_at")
    if "survey_answer" in spec.columns:
        said = said.filter(~nw.col("answer").is_null())
    recent = said.with_columns(recent_at=nw.when(_since("answered_at", t, spec)).then(at))
    occasions = recent.group_by(KEY).agg(
        integer(at.max(), "survey_at"), distinct("recent_at", "surveys")
    )
    if not spec.questions:
        return [occasions]
    latest = said.filter(at == at.max().over(KEY, "question"))
    answers = latest.group_by(KEY).agg(
        *(
            nw.when(nw.col("question") == question)
            .then(nw.col("answer"))
            .max()
            .alias(f"answer_{i}")
            for i, question in enumerate(spec.questions)
        )
    )
    return [occasions, answers]


def word(columns: list[str]) -> nw.Expr:
    """What a row of consents says: granted, refused (an objection is that too), or neither."""
    granted = nw.col("granted")
    said = nw.when(granted).then(nw.lit(GRANTED, nw.Int64)).otherwise(
        nw.when(~granted).then(nw.lit(REFUSED, nw.Int64)).otherwise(nw.lit(0, nw.Int64))
    )  # fmt: skip
    if "objected" not in columns:
        return said
    return nw.when(nw.col("objected")).then(nw.lit(REFUSED, nw.Int64)).otherwise(said)


def _consents(tables: Tables, t: int, spec: SnapshotSpec) -> nw.LazyFrame:
    """The latest word by channel, and how often a yes was taken back.

    A word without a channel is said of all of them; a row without a word says nothing, and leaves
    the words before it as they are. The word stands in the last digit behind its
    instant, so that the maximum is the latest word, and of two at once the refusal.
    """
    known = known_at(tables, "consents", t)
    said = known.with_columns(word=word(tables.columns("consents"))).filter(nw.col("word") > 0)
    at, channel, now = nw.col("recorded_at"), nw.col("channel"), nw.col("word")
    before = now.shift(1).over(KEY, "channel", order_by="recorded_at")
    taken_back = (now == REFUSED) & (nw.col("before") == GRANTED)
    return (
        said.with_columns(before=before, dated_word=at * 10 + now)
        .group_by(KEY)
        .agg(
            count_where(taken_back & _since("recorded_at", t, spec), "withdrawn"),
            *(
                integer(
                    nw.when(channel.is_null() | (channel == name)).then(nw.col("dated_word")).max()
                    % 10,
                    f"consent_{i}",
                )
                for i, name in enumerate(spec.consent_channels)
            ),
        )
    )


def _events(tables: Tables, t: int, spec: SnapshotSpec) -> nw.LazyFrame:
    """By kind: how many, the latest, and the sum of values, in minor units as money is."""
    rows = known_at(tables, "events", t).filter(_since("occurred_at", t, spec))
    wanted: list[nw.Expr] = []
    for i, kind in enumerate(spec.event_kinds):
        is_it = nw.col("kind") == kind
        wanted += [
            count_where(is_it, f"events_{i}"),
            integer(nw.when(is_it).then(nw.col("occurred_at")).max(), f"event_{i}_at"),
        ]
        if kind in spec.valued_kinds:
            value = _whole(nw.col("value"), 10**spec.minor_units)
            wanted += [
                count_where(is_it & ~value.is_null(), f"valued_events_{i}"),
                sum_where(is_it, value, f"event_value_{i}"),
            ]
    return rows.group_by(KEY).agg(*wanted)
