"""A small simulated bank from its tables to a file that keeps to the policy."""

from contextlib import chdir
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hydra.utils import instantiate
from running import settings_of
from small_bank import QUICK, bank_in, quickly_opened

from facette.errors import BadInput
from facette.jobs.planning import Planned, handled_at, on_record, planned
from facette.models.facets import learn_potential
from facette.policy.activation import activation, left_out
from facette.policy.calendar import next_days
from facette.policy.checker import violations
from facette.policy.plan import in_use
from facette.policy.pressure import cooled_days, earliest_days
from facette.policy.reach import NONE
from facette.policy.relationship import interval_days, ways
from facette.registry.packaging import packaged
from facette.segments.behaviour import learn_behaviour
from facette.settings.policy import Policy
from facette.snapshots.catalogue import catalogue
from facette.snapshots.panel import panel
from facette.tables.contract import DAY_US, Tables
from facette.tables.door import read

FLOOR = "policy.floor=60"


class Bank:
    """Tables of a bank with a pilot, a package learnt on it and the policy as it ships."""

    def __init__(self, folder: Path) -> None:
        with quickly_opened():
            bank_in(folder, customers=1500, months=36, pilot_share=0.4)
        chosen = settings_of(
            "train", "experiment=bank_truth", f"data.path={folder}", *QUICK, FLOOR,
            "snapshot.max_reference_dates=2", "segments.behaviour.k=2", "progress=false",
        )  # fmt: skip
        self.tables: Tables = read(chosen.data)
        self.t, self.policy = self.tables.observed_until, chosen.policy
        shots = panel(self.tables, chosen.snapshot, chosen.model.churn, chosen.data)
        behaviour = learn_behaviour(
            shots.training[-1].features, catalogue(shots.spec), chosen.segments.behaviour,
            instantiate(chosen.segments.behaviour.estimator, _convert_="all"), chosen.seed,
        )  # fmt: skip
        model = chosen.model.potential
        estimator = instantiate(model.estimator, _convert_="all")
        potential = learn_potential(shots, model, estimator, chosen.seed)
        with chdir(folder):
            self.bundle, _ = packaged(
                chosen, shots, {"potential": potential}, behaviour, Path("bundle")
            )
        self.seen: dict[int, pd.DataFrame] = {}

    def planned(self, policy: Policy | None = None, perimeter: str | None = None,
                among: pd.Index | None = None) -> Planned:  # fmt: skip
        """The plan at the end of observation."""
        own = policy or self.policy
        seen = self.seen if perimeter is None else {}
        return planned(own, self.bundle, self.tables, self.t, perimeter, 0, 0.95, among=among,
                       seen=seen)  # fmt: skip


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return Bank(tmp_path_factory.mktemp("bank"))


@pytest.fixture(scope="module")
def free(bank: Bank) -> Planned:
    return bank.planned()


def within(bank: Bank, found: Planned, share: float) -> Policy:
    """The policy with a share of what today takes of every capacity and of the budget."""
    today = found.plan.use.set_index("resource")["today"]
    months = bank.policy.horizon_days / (365.25 / 12)
    return replace(
        bank.policy, budget=share * float(today["budget"]),
        capacity={name: share * float(today[name]) / months for name in bank.policy.capacity},
    )  # fmt: skip


def carried_out(bank: Bank, found: Planned) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The activation file of a plan, and who is left out of it."""
    plan, policy, able = found.plan, found.policy, found.ways
    row, customers = np.arange(len(plan.base)), plan.base.scored.index
    channel = plan.base.reach.channel[row, plan.model]
    interval = np.array([interval_days(c) for c in able.contacts_a_month])[plan.model]
    args = (bank.tables, found.t, customers)
    earliest = earliest_days(*args, channel, interval, able, policy.pressure)
    held = plan.base.held_out
    of = np.where(held, NONE, plan.model)
    quiet = policy.pressure.quiet
    days = next_days(customers, of, channel, interval, earliest, found.t, quiet,
                     policy.horizon_days)  # fmt: skip
    names = np.array([*able.channels, None], dtype=object)
    assigned = pd.DataFrame(
        {"relationship_model": np.array(able.names, dtype=object)[plan.model],
         "channel": names[channel], "reason": plan.reason, "evidence": plan.grade,
         "holdout": held}, index=customers,
    )  # fmt: skip
    cooled = cooled_days(*args, policy.pressure)
    return (activation(assigned, plan.base.reach, days, policy, found.t, "1"),
            left_out(assigned, plan.base.reach, days, earliest, cooled, policy))  # fmt: skip


@pytest.mark.parametrize("share", [None, 0.7, 0.3])
def test_a_plan_is_carried_out_without_a_violation(
    bank: Bank, free: Planned, share: float | None
) -> None:
    policy = bank.policy if share is None else within(bank, free, share)
    policy = replace(policy, holdout=0.0 if share == 0.3 else policy.holdout,
                     minimum_stay_days=0)  # fmt: skip
    found = bank.planned(policy)
    file, left = carried_out(bank, found)
    broken = violations(file, bank.tables, bank.t, policy, left)
    assert broken.empty, broken.to_string()
    people = sorted([*file["customer_id"], *left["customer_id"]])
    assert people == sorted(found.plan.base.scored.index)
    assert len(file) > 300
    limit = found.plan.use["limit"]
    assert (found.plan.use["planned"] <= limit * (1 + 1e-9)).all()


def test_the_pilot_teaches_every_model(free: Planned) -> None:
    assert free.known.known.all()
    assert set(np.unique(free.known.grade[:, :6])) <= {"randomised", "randomised, transported"}
    assert free.claim is not None
    assert free.claim.low < free.claim.net < free.claim.high
    ground = free.known.ground
    assert ground is not None
    assert len(ground.trial) > 200
    assert free.plan.net >= -1e-6


def test_the_same_plan_comes_out_again(bank: Bank, free: Planned) -> None:
    again = bank.planned()
    np.testing.assert_array_equal(again.plan.model, free.plan.model)
    assert again.claim == free.claim


def test_who_objected_or_left_is_in_no_plan(bank: Bank, free: Planned) -> None:
    from facette.policy.rights import objectors

    objecting = objectors(bank.tables, bank.t)
    assert len(objecting) > 0
    assert not free.plan.base.scored.index.isin(objecting).any()
    assert (free.seen["active"] == 1).all()


def test_a_column_that_the_model_does_not_tell_is_said(bank: Bank) -> None:
    found = bank.planned(replace(bank.policy, by=["behaviour_segment", "mood"]))
    assert any("mood" in note for note in found.notes)
    with pytest.raises(BadInput, match="none of mood"):
        bank.planned(replace(bank.policy, by=["mood"]))


def test_the_last_word_on_how_a_customer_is_handled_counts(bank: Bank) -> None:
    from contact_world import T, tables_of
    from contact_world import table as rows_of

    def rows(*told: Any) -> Tables:
        columns = ("customer_id", "from_date", "relationship_model")
        return tables_of(treatments=rows_of("treatments", list(told), *columns))

    able = ways(bank.policy)
    tables = rows(
        ("ann", T - 9, "phone_desk"), ("ann", T - 5, "quiet_mail"), ("bob", T - 9, "phone_desk"),
        ("bob", T - 5, "butler"), ("cat", T + 1, "phone_desk"),
    )  # fmt: skip
    people = pd.Index(["ann", "bob", "cat"])
    model, since = handled_at(tables, T, people, able, None)
    assert [able.names[m] for m in model] == ["quiet_mail", "on_request", "on_request"]
    assert since.tolist() == [T - 5, 0, 0]
    usual = handled_at(tables, T, people, able, "email_programme")[0]
    assert [able.names[m] for m in usual] == ["quiet_mail", "email_programme", "email_programme"]


def test_a_model_given_again_and_again_is_held_since_the_first_time(bank: Bank) -> None:
    from contact_world import T, table, tables_of

    columns = ("customer_id", "from_date", "to_date", "relationship_model")
    months = [T - (12 - i) * 30 * DAY_US for i in range(12)]
    rows = [("ann", month, month + 30 * DAY_US, "quiet_mail") for month in months]
    rows += [("bob", months[0], None, "phone_desk"), ("bob", months[1], None, "quiet_mail"),
             ("bob", months[8], None, "phone_desk"), ("bob", months[9], None, "phone_desk"),
             ("cat", months[0], months[1], "quiet_mail"), ("cat", months[3], None, "quiet_mail"),
             ("dan", months[0], months[2], "quiet_mail")]  # fmt: skip
    told = tables_of(treatments=table("treatments", rows, *columns))
    since = on_record(told, T, list(bank.policy.models))["from_date"]
    assert since.to_dict() == {"ann": months[0], "bob": months[8], "cat": months[3]}


def test_whom_a_plan_is_not_for_goes_on_as_today_within_the_same_limits(
    bank: Bank, free: Planned
) -> None:
    whole = free.plan.base
    some = whole.scored.index[whole.scored["tenure_days"] > 1500]
    one = bank.planned(among=some)
    assert one.left_long_ago == free.left_long_ago
    for found in (one, bank.planned(perimeter="tenure_days > 1500")):
        base, own = found.plan.base, free.plan.use.set_index("resource")["today"]
        assert 100 < len(base) < len(whole) - 100
        assert base.others.customers == len(whole) - len(base)
        today = found.plan.use.set_index("resource")["today"]
        pd.testing.assert_series_equal(today, own)
        assert (in_use(base) == in_use(whole)).all()


def test_a_plan_for_some_keeps_what_the_others_use_out_of_its_limits(
    bank: Bank, free: Planned
) -> None:
    policy = replace(within(bank, free, 1.0), minimum_stay_days=0)
    halves = [bank.planned(policy, f"tenure_days {sign} 1500") for sign in (">", "<=")]
    for found in halves:
        use = found.plan.use
        assert (use["planned"] <= use["limit"] * (1 + 1e-9)).all()
        assert found.plan.net >= -1e-6


def test_who_is_in_no_plan_for_some_has_not_left(bank: Bank, free: Planned) -> None:
    found = bank.planned(perimeter="tenure_days > 1500")
    assert found.before is not None
    assert free.before is not None
    gone = free.before.seen.index.difference(free.plan.base.scored.index)
    own = found.before.seen.index.difference(found.plan.base.scored.index)
    assert own.isin(gone).all()
    assert free.before.outside.empty
    known_then = [*found.before.seen.index, *found.before.outside]
    assert found.plan.base.scored.index.isin(known_then).all()
    assert bank.planned(among=free.plan.base.scored.index[:50]).before is None
