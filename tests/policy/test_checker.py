"""No plan breaks a rule that the checker knows, and one that forgets a rule is caught by it."""

from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from contact_world import (
    T,
    drawn_policy,
    history,
    million,
    planned,
    shipped_policy,
    table,
    tables_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from facette.policy.checker import violations
from facette.policy.relationship import check_policy
from facette.settings.policy import Cap, Consent, Policy, QuietPeriod
from facette.tables.contract import DAY_US, Tables

SEEDS = st.integers(0, 10**6)
NOON = DAY_US // 2


@given(SEEDS)
@settings(max_examples=24)
def test_no_plan_breaks_a_rule(seed: int) -> None:
    rng = np.random.default_rng(seed)
    customers, tables = history(rng, int(rng.integers(1, 60)))
    policy, t = drawn_policy(rng), T + int(rng.integers(2)) * NOON
    check_policy(policy)
    plan = planned(customers, tables, policy, rng, t=t)
    found = violations(plan.file, tables, t, plan.policy, plan.left)
    assert found.empty, found.to_string()


@pytest.mark.parametrize(
    ("forgotten", "caught"),
    [(["consent"], {"consent"}), (["caps"], {"cap"}), (["complaints"], {"cool-down"}),
     (["objectors"], {"objection"}), (["objectors", "consent"], {"objection", "consent"}),
     (["quiet"], {"quiet"})],
)  # fmt: skip
def test_a_planner_that_forgets_a_rule_is_caught(forgotten: list[str], caught: set[str]) -> None:
    rng = np.random.default_rng(7)
    customers, tables = history(rng, 400)
    quiet = QuietPeriod("2024-10-06", "2024-10-20")
    policy = shipped_policy(horizon_days=90)
    pressure = replace(policy.pressure, quiet=[quiet], cool_down_days=5)
    policy = replace(policy, pressure=pressure)
    plan = planned(customers, tables, policy, rng, without=forgotten, filled=False)
    assert set(violations(plan.file, tables, T, policy, plan.left)["rule"]) == caught
    whole = planned(customers, tables, policy, rng, filled=False)
    assert violations(whole.file, tables, T, policy, whole.left).empty


def test_an_objector_in_the_file_is_counted_and_not_named() -> None:
    tables = tables_of(consents=table(
        "consents", [("ann", None, T - 1, None, True), ("bob", None, T - 1, True, None)],
        "customer_id", "channel", "recorded_at", "granted", "objected",
    ))  # fmt: skip
    found = violations(file("ann", "bob"), tables, T, shipped_policy())
    assert set(found["rule"]) == {"objection", "consent"}
    assert found["how_many"].tolist() == [1, 1]
    assert not found["who"].str.contains("ann").any()


def file(*customers: str, **changed: Any) -> pd.DataFrame:
    """Each customer has an e-mail every 16 days."""
    plain = {"relationship_model": "email_programme", "channel": "email", "interval_days": 16,
             "next_date": "2024-10-04", "valid_until": "2024-12-01"}  # fmt: skip
    return pd.DataFrame({"customer_id": list(customers), **plain, **changed})


def rules(
    frame: pd.DataFrame, policy: Policy | None = None, tables: Tables | None = None
) -> set[str]:
    return set(violations(frame, tables or tables_of(), T, policy or shipped_policy())["rule"])


def with_caps(*caps: Cap) -> Policy:
    policy = shipped_policy()
    return replace(policy, pressure=replace(policy.pressure, caps=list(caps)))


@pytest.mark.parametrize(
    ("changed", "rule"),
    [({"relationship_model": "butler"}, "model"), ({"channel": "phone"}, "channel"),
     ({"channel": None}, "channel"), ({"relationship_model": "on_request"}, "channel"),
     ({"next_date": "2024-10-03"}, "date"), ({"next_date": "2024-12-01"}, "date"),
     ({"next_date": None}, "date"), ({"next_date": "soon"}, "date"),
     ({"valid_until": "2026-01-01"}, "date"), ({"interval_days": 15}, "cadence"),
     ({"interval_days": 0}, "cadence")],
)  # fmt: skip
def test_what_the_policy_does_not_know_is_found(changed: dict[str, Any], rule: str) -> None:
    assert rules(file("ann")) == set()
    assert rule in rules(file("ann", **changed))


def test_a_customer_in_two_rows_is_found_and_their_contacts_add_up() -> None:
    assert rules(file("ann", "ann")) == {"duplicate", "cap"}


def test_a_window_holds_the_contacts_of_its_days_and_no_older_one() -> None:
    def sent(days_ago: int) -> Tables:
        row = [("ann", T - days_ago * DAY_US, "email")]
        return tables_of(contacts=table("contacts", row, "customer_id", "sent_at", "channel"))

    for by in (None, "email"):
        policy = with_caps(Cap(1, 16, by))
        assert rules(file("ann"), policy) == set()
        assert rules(file("ann"), policy, sent(15)) == {"cap"}
        assert rules(file("ann"), policy, sent(16)) == set()
        assert rules(file("ann"), with_caps(Cap(1, 17, by))) == {"cap"}
    assert rules(file("ann"), with_caps(Cap(1, 16, "phone")), sent(15)) == set()


def test_a_month_and_the_budget_hold_what_they_hold() -> None:
    frame = file("ann", "bob", relationship_model="quiet_mail", channel="mail", interval_days=122)
    policy = shipped_policy()
    assert rules(frame, replace(policy, capacity={"letters": 2.0})) == set()
    assert rules(frame, replace(policy, capacity={"letters": 1.9})) == {"capacity"}
    cost = 2 * 0.9 + 1_000 + 1_000 * 364 / 365.25
    assert rules(frame, replace(policy, budget=cost)) == set()
    assert rules(frame, replace(policy, budget=cost - 0.01)) == {"budget"}


def test_a_model_that_somebody_is_handled_by_is_set_up_already() -> None:
    frame = file("ann", relationship_model="quiet_mail", channel="mail", interval_days=122)
    policy = shipped_policy(budget=3 * 0.9 + 1_000 * 364 / 365.25)
    columns = ("customer_id", "from_date", "to_date", "relationship_model")

    def handled(*row: Any) -> Tables:
        return tables_of(treatments=table("treatments", [("bob", *row)], *columns))

    assert rules(frame, policy, handled(T - 1, None, "quiet_mail")) == set()
    assert rules(frame, policy, handled(T + 1, None, "quiet_mail")) == {"budget"}
    assert rules(frame, policy, handled(T - 9, T - 1, "quiet_mail")) == {"budget"}
    assert rules(frame, policy, handled(T - 1, None, "phone_desk")) == {"budget"}
    assert rules(frame, replace(policy, today="quiet_mail")) == set()


def test_silence_is_consent_where_the_policy_says_so_only() -> None:
    none = tables_of(consents=table("consents", [], "customer_id", "recorded_at", "granted"))
    for said in (False, True):
        policy = shipped_policy(consent=Consent(without_record=said, without_table=not said))
        assert rules(file("ann"), policy, none) == (set() if said else {"consent"})
        assert rules(file("ann"), policy) == ({"consent"} if said else set())


def test_the_latest_words_count_and_of_two_at_once_the_refusal() -> None:
    def said(*rows: tuple[Any, ...]) -> Tables:
        told = [("ann", on, T - ago, yes, no) for on, ago, yes, no in rows]
        columns = ("customer_id", "channel", "recorded_at", "granted", "objected")
        return tables_of(consents=table("consents", told, *columns))

    yes = ("email", 2, True, None)
    for rows, broken in [
        ([yes], False), ([yes, ("email", 2, None, True)], True),
        ([yes, (None, 2, False, None)], True),
        ([yes, ("email", 1, False, None)], True), ([yes, ("phone", 1, False, None)], False),
        ([yes, ("email", 1, None, None)], False), ([yes, ("email", 0, False, None)], False),
        ([("email", 0, True, None)], True), ([(None, 3, False, None), yes], False),
    ]:  # fmt: skip
        assert rules(file("ann"), tables=said(*rows)) == ({"consent"} if broken else set()), rows


def test_contacts_that_a_quiet_period_leaves_out_cost_nothing() -> None:
    policy = shipped_policy()
    budget = 2_000 + 2_000 * 364 / 365.25 + 3 * 0.02
    assert rules(file("ann"), replace(policy, budget=budget)) == {"budget"}
    quiet = [QuietPeriod("2024-10-20", "2024-10-20")]
    policy = replace(policy, budget=budget, pressure=replace(policy.pressure, quiet=quiet))
    assert rules(file("ann"), policy) == set()
    assert rules(file("ann", next_date="2024-10-20"), policy) == {"quiet"}


@pytest.mark.slow
def test_a_million_customers_without_a_violation() -> None:
    customers, tables = million(1_000_000)
    silence = Consent(without_record=True, without_table=True)
    began = perf_counter()
    plan = planned(customers, tables, shipped_policy(consent=silence), np.random.default_rng(1))
    between = perf_counter()
    found = violations(plan.file, tables, T, plan.policy)
    over = perf_counter()
    print(f"planned in {between - began:.1f} s, checked in {over - between:.1f} s")
    assert found.empty, found.to_string()
    assert len(plan.file) > 700_000
    assert over - between < 60
