"""Dealings of customers and company: computed by hand, switched off and said, kept to date."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from math import exp, log
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from dealings import whole_shop
from worlds import START, Frames, admitted, at, churn_settings, data, panel_settings, spec_at

from facette.snapshots import catalogue as catalogued
from facette.snapshots.catalogue import (
    FAMILIES,
    PEER_FAMILIES,
    Feature,
    catalogue,
    of_families,
)
from facette.snapshots.constants import constants
from facette.snapshots.panel import snapshot_at
from facette.snapshots.spec import SnapshotSpec

T = START + timedelta(days=168)  # a Monday, as START is
SINCE = T - timedelta(days=112)


def before(days: float) -> datetime:
    """An instant so many days before the reference date."""
    return T - timedelta(days=days)


def bought(*lines: tuple[Any, ...]) -> pl.DataFrame:
    """Lines of x and y, and those given: customer, days before, basket, amount, category."""
    rows = [("x", START, "b0", 4.0, "Bread"), ("y", before(10), "b1", 6.0, "Bread")]
    rows += [(who, before(days), basket, amount, category)
             for who, days, basket, amount, category in lines]  # fmt: skip
    columns = ["customer_id", "occurred_at", "transaction_id", "amount", "category"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def frame(rows: list[tuple[Any, ...]], *columns: str) -> pl.DataFrame:
    return pl.DataFrame(
        rows, schema=["customer_id", *columns], orient="row", infer_schema_length=None
    )


def seen(frames: Frames, **changed: Any) -> pd.DataFrame:
    """Features at T, with what was known at T as constants."""
    tables = admitted({"transactions": bought(), **frames}, static_attributes=[])
    spec = spec_at(tables, at(T.isoformat()), static_attributes=[], **changed)
    return snapshot_at(tables, at(T.isoformat()), spec, None, with_outcomes=False).features


def notes_of(frames: Frames) -> list[str]:
    notes: list[str] = []
    tables = admitted({"transactions": bought(), **frames}, static_attributes=[])
    source = data(static_attributes=[])
    constants(tables, at(T.isoformat()), panel_settings(), churn_settings(), source, notes)
    return notes


def row(features: pd.DataFrame, customer: str, names: list[str]) -> dict[str, Any]:
    return {name: features.loc[customer, name] for name in names}


def assert_are(features: pd.DataFrame, customer: str, wanted: dict[str, Any]) -> None:
    assert row(features, customer, list(wanted)) == pytest.approx(wanted, nan_ok=True, abs=1e-9)


def interactions() -> pl.DataFrame:
    evening = timedelta(hours=19)
    rows = [
        # Monday the 7th day before, at 10 h: office hours
        ("x", before(7) + timedelta(hours=10), "phone", "customer", "complaint", before(4), 3.0),
        # Saturday evening
        (
            "x",
            before(9) + evening,
            "web",
            "customer",
            "request",
            before(9) + timedelta(days=2),
            5.5,
        ),
        ("x", before(98), "phone", "customer", "complaint", None, None),
        ("x", before(5), "advisor", "customer", "project", T + timedelta(days=1), 90.0),
        ("x", before(5), "branch", "company", "offer", before(4), 60.0),  # not the customer's doing
        ("x", before(113), "mail", "customer", "visit", before(100), 1.0),  # before the window
        ("y", before(2), "kiosk", "customer", "small talk", before(1), 2.0),
    ]
    columns = ("occurred_at", "channel", "initiator", "purpose", "answered_at", "duration_min")
    return frame(rows, *columns)


def test_customer_started_contacts_by_hand() -> None:
    features = seen({"interactions": interactions()})
    assert_are(features, "x", {
        "started_contact_rate": 4 / 112 * 30,
        "started_contact_trend": 3 / 4,
        "days_since_started_contact": 5.0,
        "started_phone_share": 0.5,
        "started_web_share": 0.25,
        "started_advisor_share": 0.25,
        "channel_entropy": 0.5 * log(2) + 0.5 * log(4),
        "remote_share": 0.75,
        "synchronous_share": 0.75,
        "complaint_share": 0.5,
        "request_share": 0.25,
        "project_share": 0.25,
        "visit_share": 0.0,
        "complaints": 2.0,
        "open_complaints": 1.0,
        "complaint_resolution_days": 3 - 10 / 24,
        "answer_delay_days": 2 - 19 / 24,
        "contact_evening_share": 0.25,
        "contact_weekend_share": 0.25,
        "contact_office_hours_share": 0.25,
        "contact_duration_min": 4.25,
    })  # fmt: skip
    # y is known since 10 days; a channel and a purpose off the lists count in the whole
    assert_are(features, "y", {
        "started_contact_rate": 3.0, "started_phone_share": 0.0, "remote_share": 1.0,
        "synchronous_share": 0.0, "channel_entropy": 0.0, "complaints": 0.0,
        "complaint_resolution_days": np.nan,
    })  # fmt: skip
    assert "started_branch_share" not in features
    assert "offer_share" not in features


def test_a_customer_without_contacts_has_a_rate_of_0_and_no_shares() -> None:
    alone = interactions().filter(pl.col("customer_id") == "x")
    assert_are(seen({"interactions": alone}), "y", {
        "started_contact_rate": 0.0, "started_phone_share": np.nan, "channel_entropy": np.nan,
        "days_since_started_contact": np.nan, "open_complaints": 0.0,
    })  # fmt: skip


def test_exposure_begins_with_acquisition_where_that_is_known() -> None:
    acquired = frame([("y", before(60))], "acquired_at")
    features = seen({"interactions": interactions(), "customers": acquired})
    assert_are(features, "y", {"started_contact_rate": 30 / 60})
    assert_are(features, "x", {"started_contact_rate": 4 / 112 * 30})


def contacts() -> pl.DataFrame:
    rows = [
        ("x", before(5.5), "a", "mail", "treated", before(5), before(4), before(2)),
        ("x", before(20), "b", "email", None, before(19), None, None),
        ("x", before(90), "c", "email", "treated", None, None, T),
        ("x", before(118), "d", "email", "treated", before(110), None, before(109)),
        ("x", before(3), "e", "email", "control", before(2), before(2), before(2)),
        ("x", before(121), "f", "mail", "treated", None, None, None),
        ("y", before(1), "a", "mail", "Control", None, None, before(0.5)),
    ]
    return frame(
        rows, "sent_at", "campaign", "channel", "arm", "opened_at", "clicked_at", "responded_at"
    )


def test_reactions_by_hand_and_a_control_arm_is_no_contact() -> None:
    features = seen({"contacts": contacts()})
    assert_are(features, "x", {
        "contacts_received": 3.0,
        "responses": 1.0,
        "response_rate": 1 / 3,
        "response_delay_days": 4.0,
        "days_since_contact": 5.5,
        "mail_response_rate": 1.0,
        "email_response_rate": 0.0,
        "open_rate": 2 / 3,
        "open_delay_hours": (12 + 24) / 2,
        "click_rate": 1 / 3,
        "pressure_received": exp(-5 / 30) + exp(-20 / 30) + exp(-90 / 30) + exp(-118 / 30),
    })  # fmt: skip
    assert_are(features, "y", {
        "contacts_received": 0.0, "response_rate": np.nan, "pressure_received": 0.0,
        "mail_response_rate": np.nan, "days_since_contact": np.nan,
    })  # fmt: skip


def test_the_rate_on_an_only_channel_would_repeat_that_of_all() -> None:
    by_mail = contacts().with_columns(channel=pl.lit("mail"))
    features = seen({"contacts": by_mail})
    assert "response_rate" in features
    assert "mail_response_rate" not in features


def test_a_version_stored_before_arms_were_read_counts_as_it_did() -> None:
    tables = admitted({"transactions": bought(), "contacts": contacts()}, static_attributes=[])
    spec = spec_at(tables, at(T.isoformat()), static_attributes=[])
    added = {
        "related", "used_categories", "started_channels", "purposes", "has_contact_hours",
        "contact_channels", "questions", "numeric_questions", "consent_channels", "event_kinds",
        "valued_kinds",
    }  # fmt: skip
    stored = {k: v for k, v in spec.as_dict().items() if k not in added}
    stored["columns"] = ["category", "contact_response"]
    old = SnapshotSpec.from_dict(json.loads(json.dumps(stored)))
    features = snapshot_at(tables, at(T.isoformat()), old, None, with_outcomes=False).features
    assert features.loc["x", "contacts_received"] == 4
    assert list(features.columns) == list(catalogue(old))
    families = {f.family for f in catalogue(old).values()}
    assert families == {"purchase", "basket", "occasion", "mix", "reaction"}
    assert not {"pressure_received", "open_rate", "status_bread"} & set(features.columns)


def surveys() -> pl.DataFrame:
    rows = [
        ("x", before(130), "Mark", "3", None),
        ("x", before(30), "Mark", "7.5", None),
        ("x", before(30), "Reason", "price", None),
        ("x", before(20), "Reason", None, None),
        ("x", before(2), "Mark", "9", T),  # recorded too late
        ("y", before(140), "Mark", "4", None),
    ]
    return frame(rows, "answered_at", "question", "answer", "recorded_at")


def test_the_latest_answers_known_by_hand() -> None:
    features = seen({"surveys": surveys()})
    assert_are(features, "x", {
        "answer_mark": 7.5, "days_since_survey": 30.0, "surveys_answered": 1.0,
    })  # fmt: skip
    assert_are(features, "y", {
        "answer_mark": 4.0, "days_since_survey": 140.0, "surveys_answered": 0.0,
    })  # fmt: skip
    assert features["answer_reason"].dropna().to_dict() == {"x": "price"}
    assert list(seen({"surveys": surveys()}, questions=1).filter(like="answer_")) == ["answer_mark"]


def test_an_answer_that_is_no_number_any_more_is_missing() -> None:
    tables = admitted({"transactions": bought(), "surveys": surveys()}, static_attributes=[])
    spec = spec_at(tables, at(T.isoformat()), static_attributes=[])
    words = surveys().with_columns(answer=pl.col("answer").replace({"7.5": "inf", "4": "four"}))
    other = admitted({"transactions": bought(), "surveys": words}, static_attributes=[])
    made = snapshot_at(other, at(T.isoformat()), spec, None, with_outcomes=False).features
    assert made["answer_mark"].isna().all()


def consents() -> pl.DataFrame:
    rows = [
        ("x", "mail", before(150), True, None),
        ("x", "mail", before(10), False, None),
        ("x", "email", before(150), True, None),
        ("x", "phone", before(5), True, True),  # an objection weighs more
        ("x", "email", T, False, None),  # not known yet
        ("y", None, before(8), True, None),  # said of every channel
        ("y", "mail", before(8), False, None),  # at the same instant: the refusal counts
        ("y", "phone", before(9), False, None),
    ]
    return frame(rows, "channel", "recorded_at", "granted", "objected")


def test_the_latest_word_on_each_channel_by_hand() -> None:
    features = seen({"consents": consents()})
    assert_are(features, "x", {
        "consent_mail": 0.0, "consent_email": 1.0, "consent_phone": 0.0,
        "consents_withdrawn": 1.0,
    })  # fmt: skip
    assert_are(features, "y", {
        "consent_mail": 0.0, "consent_email": 1.0, "consent_phone": 1.0,
        "consents_withdrawn": 0.0,
    })  # fmt: skip
    unknown = seen({"consents": consents().filter(pl.col("customer_id") == "x")})
    assert unknown.loc["y", ["consent_mail", "consent_email"]].isna().all()


@pytest.mark.parametrize("channel", [None, "mail"])
def test_a_row_of_consents_without_a_word_hides_no_word_before_it(channel: str | None) -> None:
    rows = [
        ("x", "mail", before(50), True, False),
        ("x", channel, before(40), None, False),
        ("y", "mail", before(50), True, False),
        ("y", channel, before(40), None, None),
        ("y", "mail", before(30), False, False),
    ]
    features = seen({"consents": frame(rows, "channel", "recorded_at", "granted", "objected")})
    assert_are(features, "x", {"consent_mail": 1.0, "consents_withdrawn": 0.0})
    assert_are(features, "y", {"consent_mail": 0.0, "consents_withdrawn": 1.0})


def test_who_never_said_a_word_has_consented_to_nothing_and_withdrawn_nothing() -> None:
    silent = frame([("y", "mail", before(40), None)], "channel", "recorded_at", "granted")
    said = frame([("x", "mail", before(40), True)], "channel", "recorded_at", "granted")
    features = seen({"consents": pl.concat([said, silent.cast(dict(said.schema))])})
    assert_are(features, "y", {"consent_mail": np.nan, "consents_withdrawn": 0.0})


def events() -> pl.DataFrame:
    rows = [
        ("x", before(3.5), "move", None),
        ("x", before(10), "balance", 10.006),
        ("x", before(20), "balance", -2.5),
        ("x", before(21), "balance", 1e300),  # too large to be kept exactly
        ("x", before(120), "move", None),
        ("y", before(30), "balance", None),
    ]
    return frame(rows, "occurred_at", "kind", "value")


def test_events_by_hand() -> None:
    features = seen({"events": events()})
    assert_are(features, "x", {
        "move_events": 1.0, "days_since_move": 3.5, "balance_events": 3.0,
        "days_since_balance": 10.0, "balance_value": 7.51,
    })  # fmt: skip
    assert_are(features, "y", {
        "move_events": 0.0, "days_since_move": np.nan, "balance_events": 1.0,
        "balance_value": np.nan,
    })  # fmt: skip
    assert "move_value" not in features
    assert list(seen({"events": events()}, event_kinds=1).filter(like="_events")) == [
        "balance_events"
    ]


def test_use_by_category_by_hand() -> None:
    lines = bought(
        ("x", 1, "b2", 30.0, "Bread"), ("x", 1, "b2", 5.0, "Wine"), ("x", 30, "b3", 40.0, "Bread"),
        ("x", 112, "b4", 2.0, "Bread"), ("x", 3, "b5", -9.0, "Bread"), ("y", 60, "b6", 9.0, "Wine"),
        ("y", 140, "b7", 9.0, "Wine"), ("x", 2, "b8", 1.0, None),
    )  # fmt: skip
    features = seen({"transactions": lines})
    assert_are(features, "x", {
        "spend_bread": 72.0, "loyalty_bread": 3 / 4, "spend_wine": 5.0, "loyalty_wine": 1 / 4,
        "single_category_share": 2 / 3,
    })  # fmt: skip
    assert features["status_bread"].to_dict() == {"x": "regular", "y": "new"}
    assert features["status_wine"].to_dict() == {"x": "new", "y": "lapsed"}
    assert_are(features, "y", {"loyalty_wine": 1 / 4, "single_category_share": 1.0})
    off = seen({"transactions": lines}, category_usage=0)
    assert not {"spend_bread", "single_category_share"} & set(off.columns)
    one = seen({"transactions": lines}, category_usage=1)
    assert [name for name in one if name.startswith("status_")] == ["status_bread"]


def test_who_bought_nothing_in_the_window_never_used_a_category() -> None:
    features = seen({})
    assert_are(features, "x", {"spend_bread": 0.0, "loyalty_bread": 0.0,
                               "single_category_share": np.nan})  # fmt: skip
    assert features.loc["x", "status_bread"] == "never"


def test_what_is_off_is_said() -> None:
    assert notes_of({})[-1] == (
        "relation features, reactions, stated answers, consents by channel, events are off: there "
        "is no table interactions, contacts, surveys, consents, events"
    )
    late = {
        "interactions": interactions().with_columns(initiator=pl.lit("company")),
        "contacts": contacts(),
        "surveys": surveys().with_columns(recorded_at=T),
        "consents": consents().drop("granted"),
        "events": events().with_columns(recorded_at=T),
    }
    said = " | ".join(notes_of(late))
    for part in (
        "relation features are off: no contact that a customer started is known before 2021-06-21",
        "stated answers are off: none of surveys is known before 2021-06-21",
        "consents by channel are off: consents has no column granted",
        "events are off: none of events is known before 2021-06-21",
    ):
        assert part in said
    tables = admitted({"transactions": bought(), **late}, static_attributes=[])
    spec = spec_at(tables, at(T.isoformat()), static_attributes=[])
    listed = catalogue(spec)
    assert not of_families(listed, ["relation", "stated", "consent", "event"])
    made = snapshot_at(tables, at(T.isoformat()), spec, None, with_outcomes=False).features
    assert list(made.columns) == list(listed)


def test_channels_off_the_list_and_dates_without_hours_are_said() -> None:
    days = interactions().with_columns(pl.col("occurred_at").dt.truncate("1d"))
    said = " | ".join(notes_of({"interactions": days}))
    assert "interactions: channels kiosk have no share of their own: they are none of" in said
    assert "interactions: purposes small talk have no share of their own" in said
    assert "contacts by hour are off: interactions carry dates without a time of day" in said
    features = seen({"interactions": days})
    assert "contact_weekend_share" in features
    assert "contact_evening_share" not in features


@pytest.mark.parametrize("gone", ["purpose", "answered_at", "duration_min"])
def test_an_optional_column_of_interactions_switches_its_features_off(gone: str) -> None:
    off = {
        "purpose": ["complaints", "complaint_share", "answer_delay_days", "open_complaints"],
        "answered_at": ["open_complaints", "answer_delay_days", "complaint_resolution_days"],
        "duration_min": ["contact_duration_min"],
    }[gone]
    whole = seen({"interactions": interactions()})
    without = seen({"interactions": interactions().drop(gone)})
    assert set(off) <= set(whole.columns)
    assert not set(off) & set(without.columns)


def test_a_kind_of_event_never_takes_the_name_of_another_feature() -> None:
    kinds = events().with_columns(kind=pl.col("kind").replace({"move": "contact"}))
    notes = notes_of({"contacts": contacts(), "events": kinds})
    assert any(
        note.startswith("event kinds contact have no features of their own") for note in notes
    )
    features = seen({"contacts": contacts(), "events": kinds})
    assert features.columns.is_unique
    assert features.loc["x", "days_since_contact"] == 5.5


def test_what_the_company_decides_is_no_behaviour() -> None:
    listed = catalogue(spec_at(admitted(whole_shop(3, customers=20)), at(T.isoformat())))
    behavioural = {f.name for f in listed.values() if f.behavioural}
    assert not behavioural & {"offer_share", "pressure_received", "contacts_received"}
    assert {f.family for f in listed.values() if f.behavioural} <= {
        "purchase", "basket", "occasion", "discount", "mix", "reaction", "relation",
    }  # fmt: skip
    related = of_families(listed, ["relation", "stated", "consent", "event"])
    assert all(feature.personal for feature in related.values())
    levels = [f for f in listed.values() if f.name.startswith(("pressure_", "spend_", "single_"))]
    assert {f.level for f in levels if f.name != "spend_trend"} == {True}
    assert {f.family for f in related.values()} - set(PEER_FAMILIES) == {"consent"}


def test_the_families_named_are_those_of_the_features() -> None:
    told: set[str] = set()
    for value in vars(catalogued).values():
        group = tuple(value.values()) if isinstance(value, dict) else value
        group = group if isinstance(group, tuple) else (group,)
        told |= {feature.family for feature in group if isinstance(feature, Feature)}
    assert {"given"} | told == FAMILIES


def test_dated_attributes_of_the_contract_stand_as_they_were_known() -> None:
    rows = [
        ("x", before(100), "lead", "friend", "web", before(150), before(100)),
        ("x", before(50), "customer", "friend", "branch", before(150), before(50)),
        ("x", before(10), "prospect", "press", "app", before(150), T),  # recorded too late
        ("y", T + timedelta(days=1), "customer", "press", "web", before(5), T + timedelta(days=1)),
    ]
    people = frame(
        rows, "valid_from", "stage", "origin", "first_channel", "acquired_at", "recorded_at"
    )
    features = seen({"customers": people})
    told = features.loc["x", ["stage", "origin", "first_channel", "tenure_days"]]
    assert told.to_list() == ["customer", "friend", "branch", 150.0]
    assert features.loc["y", ["stage", "origin", "first_channel", "tenure_days"]].isna().all()


def test_a_later_snapshot_keeps_the_columns_of_training() -> None:
    tables = admitted(whole_shop(3, customers=20))
    spec = spec_at(tables, at(T.isoformat()))
    later = at((T + timedelta(days=60)).isoformat())
    fewer = replace(spec, started_channels=("phone", "web"), event_kinds=("move",))
    features = snapshot_at(tables, later, fewer, None, with_outcomes=False).features
    assert list(features.columns) == list(catalogue(fewer))
    assert "started_mail_share" not in features
