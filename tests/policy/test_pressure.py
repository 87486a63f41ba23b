"""No customer waits a day longer than the caps and the cool-down ask for, nor a day less."""

import re
from dataclasses import replace
from itertools import count

import numpy as np
import pandas as pd
import pytest
from contact_world import CHANNELS, T, drawn_policy, history, shipped_policy, table, tables_of
from hypothesis import given, settings
from hypothesis import strategies as st

from facette.errors import BadInput
from facette.policy.pressure import NEVER, cooled_days, earliest_days
from facette.policy.relationship import check_policy, interval_days, ways
from facette.settings.policy import Cap, Policy, Pressure
from facette.tables.contract import DAY_US, Tables

NOON = DAY_US // 2
ANN = pd.Index(["ann"])


def plain(tables: Tables, t: int, who: str, channel: str, interval: int, rules: Pressure) -> int:
    """Day by day: the first on which every window has room, and every complaint is over."""

    def rows(name: str) -> list[dict]:
        frame = tables[name].to_native().collect().filter(customer_id=who).to_dicts()
        instant = "sent_at" if name == "contacts" else "occurred_at"
        return [r for r in frame if r[instant] < t and r.get("recorded_at", 0) < t]

    sent = [(r["sent_at"] // DAY_US - t // DAY_US, r["channel"]) for r in rows("contacts")
            if (r["arm"] or "").lower() != "control"]  # fmt: skip

    def is_roomy(day: int, cap: Cap) -> bool:
        if cap.channel not in (None, channel):
            return True
        own = sum(d % interval == 0 for d in range(cap.days))
        old = sum(day - d < cap.days for d, by in sent if cap.channel in (None, by))
        return own + old <= cap.most

    def is_calm(day: int, complaint: dict) -> bool:
        made, answered = complaint["occurred_at"], complaint["answered_at"]
        if answered is None or answered >= t:
            answered = t if made >= t - 365 * DAY_US else made
        start = max(t, (t // DAY_US + day) * DAY_US)
        return start - max(made, answered) >= rules.cool_down_days * DAY_US

    complaints = [r for r in rows("interactions") if r["purpose"] == "complaint"]
    return next(
        day for day in count()
        if all(is_roomy(day, cap) for cap in rules.caps)
        and all(is_calm(day, complaint) for complaint in complaints)
    )  # fmt: skip


@given(st.integers(0, 10**6))
@settings(max_examples=16)
def test_the_earliest_day_is_the_first_that_breaks_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    customers, tables = history(rng, 20)
    policy, t = drawn_policy(rng), T + int(rng.integers(2)) * NOON
    able = ways(policy)
    model = rng.integers(0, len(policy.models), 20)
    channel = np.array([rng.choice(np.flatnonzero(able.order[m] >= 0)) for m in model])
    interval = np.array([interval_days(able.contacts_a_month[m]) for m in model])
    found = earliest_days(tables, t, customers, channel, interval, able, policy.pressure)
    assert found.tolist() == [
        plain(tables, t, who, CHANNELS[c], int(i), policy.pressure)
        for who, c, i in zip(customers, channel, interval, strict=True)
    ]


def earliest(tables: Tables, caps: list[Cap], interval: int = 30, by: str = "mail") -> int:
    """Of Ann, who is written to every `interval` days."""
    policy: Policy = shipped_policy()
    able = ways(policy)
    place = np.array([able.channels.index(by) if interval else -1])
    rules = replace(policy.pressure, caps=caps)
    return int(earliest_days(tables, T, ANN, place, np.array([interval]), able, rules)[0])


def sent(*days_ago: int, by: str | None = "mail") -> Tables:
    rows = [("ann", T - ago * DAY_US, by) for ago in days_ago]
    return tables_of(contacts=table("contacts", rows, "customer_id", "sent_at", "channel"))


def test_older_contacts_get_what_the_plan_leaves_of_a_cap() -> None:
    assert earliest(sent(1), [Cap(1, 30, "mail")]) == 29
    assert earliest(sent(1), [Cap(2, 30, "mail")]) == 0
    assert earliest(sent(1), [Cap(2, 30, "mail")], interval=20) == 29
    assert earliest(sent(1, 5), [Cap(2, 30, "mail")]) == 25
    assert earliest(sent(29), [Cap(1, 30)]) == 1
    assert earliest(sent(30), [Cap(1, 30)]) == 0


def test_a_cap_of_a_channel_counts_its_own_contacts_only() -> None:
    caps = [Cap(1, 30, "mail")]
    assert earliest(sent(1, by="phone"), caps) == earliest(sent(1, by=None), caps) == 0
    assert earliest(sent(1, by="phone"), [Cap(1, 30)]) == 29
    assert earliest(sent(1, by=None), [Cap(1, 30)]) == 29
    assert earliest(sent(1), [Cap(1, 30, "phone")]) == 0


@pytest.mark.parametrize(
    ("changed", "what"),
    [({"caps": [Cap(1, 30, "pigeon")]}, "caps[0].channel: 'pigeon' is not among"),
     ({"caps": [Cap(-1, 30)]}, "caps[0]: -1 contacts in 30 days"),
     ({"caps": [Cap(1, 0)]}, "caps[0]: 1 contacts in 0 days"),
     ({"cool_down_days": -1}, "cool_down_days: below 0")],
)  # fmt: skip
def test_a_pressure_that_can_not_be_kept_is_refused(changed: dict, what: str) -> None:
    policy = shipped_policy()
    check_policy(policy)
    with pytest.raises(BadInput, match=re.escape(what)):
        check_policy(replace(policy, pressure=replace(policy.pressure, **changed)))


def test_who_is_served_on_request_waits_for_nothing() -> None:
    assert earliest(sent(1), [Cap(1, 30)], interval=0) == 0


def test_a_cadence_that_breaks_a_cap_has_no_day() -> None:
    assert earliest(tables_of(), [Cap(1, 30)], interval=10) == 0
    assert earliest(sent(1), [Cap(1, 30)], interval=10) == NEVER


@pytest.mark.parametrize(
    ("made_days_ago", "answered_days_ago", "first"),
    [(40, 40, 0), (40, 10, 20), (10, 5, 25), (10, None, 30), (364, None, 30), (366, None, 0)],
)
def test_a_complaint_cools_down_from_its_answer(
    made_days_ago: int, answered_days_ago: int | None, first: int
) -> None:
    answered = None if answered_days_ago is None else T - answered_days_ago * DAY_US
    row = ("ann", T - made_days_ago * DAY_US, answered, "complaint")
    tables = tables_of(interactions=table(
        "interactions", [row], "customer_id", "occurred_at", "answered_at", "purpose"
    ))  # fmt: skip
    assert cooled_days(tables, T, ANN, shipped_policy().pressure).tolist() == [first]


def test_a_table_without_answers_cools_down_from_the_complaint() -> None:
    rows = [("ann", T - 10 * DAY_US, "complaint")]
    tables = tables_of(
        interactions=table("interactions", rows, "customer_id", "occurred_at", "purpose")
    )
    assert cooled_days(tables, T, ANN, shipped_policy().pressure).tolist() == [20]
