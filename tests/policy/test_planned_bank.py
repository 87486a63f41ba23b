"""A small simulated bank from its tables to a file that keeps to the policy."""

from contextlib import chdir
from dataclasses import replace
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hydra.utils import instantiate
from running import settings_of
from small_bank import QUICK, bank_in, quickly_opened

from facette.errors import BadInput
from facette.jobs.deciding import assigned_of
from facette.jobs.planning import Planned, handled_at, on_record, planned
from facette.models.facets import learn_potential
from facette.policy.activation import activation, left_out
from facette.policy.calendar import next_days
from facette.policy.checker import violations
from facette.policy.plan import in_use
from facette.policy.power import drawn
from facette.policy.pressure import cooled_days, earliest_days
from facette.policy.reach import NONE
from facette.policy.relationship import interval_days, ways
from facette.registry.packaging import packaged
from facette.segments.behaviour import learn_behaviour
from facette.settings.policy import Exclusion, Policy
from facette.snapshots.catalogue import catalogue
from facette.snapshots.instants import as_date
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


def test_who_is_excluded_from_their_model_is_not_held_out_nor_compared(
    bank: Bank, free: Planned
) -> None:
    closed = Exclusion("tenure_days > 1500", ["quiet_mail", "phone_desk"], "long with us")
    policy = replace(bank.policy, exclusions=[closed], holdout=0.3, minimum_stay_days=0)
    assigned = assigned_of(bank.planned(policy))
    out = (free.seen["tenure_days"] > 1500) & assigned["today"].isin(closed.models)
    assert out.sum() > 30
    assert (assigned["eligible"] == ~out).all()
    assert not (assigned["holdout"] & out).any()
    lucky = drawn(assigned.index, 0.3, as_date(bank.t))
    assert (assigned["holdout"] == lucky & ~out).all()
    assert assigned_of(free)["eligible"].all()


@pytest.mark.parametrize(
    ("ago", "customers", "models", "why"),
    [
        (600, 1, ["phone_desk"], "fewer than 30"),
        (600, 60, ["phone_desk"], "all were given one model"),
        (600, 60, ["phone_desk", "quiet_mail"], "other models were drawn"),
        (1_050, 1, ["phone_desk"], "of history"),
    ],
)
def test_early_lots_change_nothing_that_the_pilot_teaches(
    bank: Bank, free: Planned, ago: int, customers: int, models: list[str], why: str
) -> None:
    """Some were drawn long ago, or before there was any history: that is said."""
    rows = bank.tables["treatments"].collect("polars").to_native()
    at = bank.t - ago * DAY_US
    early = rows.filter("randomised").unique("customer_id").sort("customer_id").head(customers)
    early = early.with_columns(
        from_date=pl.lit(at), to_date=pl.lit(at + DAY_US), recorded_at=pl.lit(at),
        relationship_model=pl.Series((models * customers)[:customers]),
    )  # fmt: skip
    tables = with_treatments(bank, pl.concat([rows, early]))
    found = planned(bank.policy, bank.bundle, tables, bank.t, None, 0, 0.95, seen=bank.seen)
    assert found.known.ground is not None
    assert free.known.ground is not None
    pilot, usual = found.known.ground.trial, free.known.ground.trial
    assert len(usual) - customers <= len(pilot) < len(usual)
    assert (pilot.began, pilot.days) == (usual.began, usual.days)
    assert any("who began from" in note and why in note for note in found.notes)


def with_treatments(bank: Bank, rows: pl.DataFrame) -> Tables:
    frames: dict[str, Any] = dict(bank.tables.frames)
    frames["treatments"] = nw.from_native(rows.lazy())
    return Tables(frames, bank.tables.first_at, bank.tables.observed_until)


def told_to_adjust(found: Planned) -> np.ndarray:
    """(d,) which of the numbers known of the trial's customers are there to adjust by."""
    assert found.known.ground is not None
    there: np.ndarray = ~np.isnan(found.known.ground.trial.before).all(axis=0)
    return there


def test_a_model_that_saw_the_outcomes_adjusts_nothing(bank: Bank, free: Planned) -> None:
    """One of its training dates looks ahead into the pilot; a model of 2023 could not."""
    seen = free.seen.select_dtypes("number").columns
    assert not told_to_adjust(free)[seen == "potential"].any()
    said = [note for note in free.notes if "potential_tier from a model" in note]
    assert len(said) == 1
    assert "(training dates: 1)" in said[0]
    about = {**bank.bundle.about, "training_dates": ["2023-06-01"]}
    early = replace(bank.bundle, about=about)
    found = planned(bank.policy, early, bank.tables, bank.t, None, 0, 0.95, seen=bank.seen)
    assert told_to_adjust(found)[seen == "potential"].all()
    assert not any("potential_tier from a model" in note for note in found.notes)


@pytest.mark.slow
def test_what_was_chosen_is_compared_where_there_is_a_window_before_it(bank: Bank) -> None:
    rows = bank.tables["treatments"].collect("polars").to_native()
    tables = with_treatments(bank, rows.with_columns(randomised=pl.lit(False)))

    def found(days: int) -> Planned:
        own = replace(
            bank.policy, effects=replace(bank.policy.effects, horizon_days=days, overlap=0.002)
        )
        return planned(own, bank.bundle, tables, bank.t, None, 0, 0.95, seen=bank.seen)

    compared = found(280).comparison
    assert compared is not None
    assert compared.customers >= compared.kept >= compared.tested > 100
    short = found(364)
    assert short.comparison is None
    assert any("days of history 364 days earlier" in note for note in short.notes)


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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_plan_for_some_keeps_what_the_others_use_out_of_its_limits(
    bank: Bank, free: Planned
) -> None:
    policy = replace(within(bank, free, 1.0), minimum_stay_days=0)
    halves = [bank.planned(policy, f"tenure_days {sign} 1500") for sign in (">", "<=")]
    for found in halves:
        use = found.plan.use
        assert (use["planned"] <= use["limit"] * (1 + 1e-9)).all()
        assert found.plan.net >= -1e-6
        assert found.known.ground is not None
        assert free.known.ground is not None
        assert len(found.known.ground.trial) > 0.9 * len(free.known.ground.trial)  # all teach


@pytest.mark.slow
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
