"""`facette plan`: from the model in use to a file to be carried out, and what is kept of it."""

from contextlib import chdir
from pathlib import Path

import pandas as pd
import pytest
from running import settings_of, train_in
from small_bank import QUICK, bank_in, quickly_opened

from facette.errors import BadInput
from facette.jobs.plan import PlanMade, plan
from facette.jobs.train import Trained
from facette.registry.tracking import open_store

PARTS = "parts=[segments,value,potential,churn,policy]"
FIRST, LAST = "2025-07-01", "2026-01-01"


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with quickly_opened():
        return bank_in(tmp_path_factory.mktemp("bank"), customers=1500, months=36, pilot_share=0.5)


@pytest.fixture(scope="module")
def trained(bank: Path, home: Path) -> Trained:
    return train_in(
        home, "experiment=bank_truth", f"data.path={bank}", "evaluation.truth=false",
        "segmentation=[]", "policy.floor=40", "three_tests.resamples=2", *QUICK, PARTS,
    )  # fmt: skip


def planned(home: Path, bank: Path, *overrides: str, date: str = LAST) -> PlanMade:
    chosen = settings_of(
        "plan", "data=bank", f"data.path={bank}", "policy=bank", f"reference_date={date}",
        "policy.floor=40", "progress=false", *overrides,
    )  # fmt: skip
    with chdir(home):
        return plan(chosen, home / "planned" / date)


@pytest.fixture(scope="module")
def first(trained: Trained, home: Path, bank: Path) -> PlanMade:
    return planned(home, bank, "out=first.parquet", date=FIRST)


@pytest.fixture(scope="module")
def last(first: PlanMade, home: Path, bank: Path) -> PlanMade:
    return planned(home, bank, "out=last.parquet", "++capacity.advisor_hours=60", "budget=60000")


def test_everyone_stands_in_one_of_the_two_files(last: PlanMade, home: Path) -> None:
    active = pd.read_parquet(home / "last.parquet")
    aside = pd.read_parquet(home / "last.left_out.parquet")
    both = [*active["customer_id"], *aside["customer_id"]]
    assert sorted(both) == sorted(last.decision.assigned.index)
    assert (
        active["relationship_model"]
        .isin([*last.decision.planned.policy.models, "on_request"])
        .all()
    )


def test_nothing_is_broken_by_the_independent_checker(last: PlanMade) -> None:
    assert last.decision.violations.empty, last.decision.violations.to_string()


def test_the_plan_keeps_within_what_there_is(last: PlanMade) -> None:
    use = last.decision.planned.plan.use.set_index("resource")
    assert (use["planned"] <= use["limit"] + 1e-6).all()
    assert use.loc["budget", "limit"] == 60_000
    assert use.loc["advisor_hours", "limit"] == pytest.approx(60 * 364 / (365.25 / 12))


def test_the_pilot_is_what_effects_are_learnt_from(last: PlanMade) -> None:
    known = last.decision.planned.known
    assert known.ground is not None
    assert known.ground.trial.randomised
    assert 350 <= known.ground.trial.days <= 364
    assert set(known.grade[:, :6].ravel()) <= {"randomised", "randomised, transported"}


def test_a_claim_is_made_with_an_interval(last: PlanMade) -> None:
    claim, metrics = last.decision.planned.claim, last.metrics
    assert claim is not None
    assert claim.low < claim.net < claim.high
    assert metrics["policy/claimed_each"] == pytest.approx(claim.net / len(last.decision.assigned))


def test_the_run_holds_figures_page_and_files(last: PlanMade, home: Path) -> None:
    with chdir(home):
        client = open_store(settings_of("plan", "reference_date=x").tracking)
        run = client.get_run(last.run_id)
        kept = {a.path for a in client.list_artifacts(last.run_id, "plan")}
    assert run.data.tags["facette.verb"] == "plan"
    assert run.data.tags["facette.reference_date"] == LAST
    assert run.data.metrics["policy/violations"] == 0
    assert kept == {f"plan/{n}.parquet" for n in ("assigned", "activation", "left_out")}
    assert last.page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_an_earlier_plan_is_held_against_what_came(last: PlanMade) -> None:
    told = last.metrics
    assert told["policy/realised_days"] == 184
    assert told["policy/realised_each_low"] < told["policy/realised_each"]
    assert 0 <= told["policy/carried_out"] <= 1


def test_planning_again_gives_the_same_bytes(last: PlanMade, home: Path, bank: Path) -> None:
    again = ("out=again.parquet", "++capacity.advisor_hours=60", "budget=60000")
    planned(home, bank, *again)
    for name in ("last.parquet", "last.left_out.parquet"):
        other = home / name.replace("last", "again")
        assert (home / name).read_bytes() == other.read_bytes()


def test_a_perimeter_is_planned_for_alone(last: PlanMade, home: Path, bank: Path) -> None:
    some = planned(home, bank, "perimeter='tenure_days > 2000'", "out=some.csv")
    whole = last.decision.planned.seen
    assert set(some.decision.assigned.index) == set(whole.index[whole["tenure_days"] > 2000])


def test_customers_of_an_event_are_planned_for_alone(
    last: PlanMade, home: Path, bank: Path
) -> None:
    events = pd.read_parquet(bank / "events.parquet")
    kind = events["kind"].value_counts().index[-1]
    some = planned(home, bank, f"event={kind}", "event_days=40", "out=event.csv")
    assert 0 < len(some.decision.assigned) < len(last.decision.assigned)
    known = events[(events["kind"] == kind) & (events["occurred_at"] < LAST)]
    assert set(some.decision.assigned.index) <= set(known["customer_id"])


def test_training_leaves_a_plan_of_its_own(trained: Trained, home: Path) -> None:
    assert trained.metrics["policy/violations"] == 0
    assert any(line.startswith("Plan: ") for line in trained.plan)
    assert (home / "report" / "decision.html").is_file()


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("budget=-1", "budget: -1"),
        ("++capacity.pigeons=3", "capacity.pigeons: the policy has none"),
        ("reference_date=2030-01-01", "past the end of observation"),
        ("event=eclipse", "event: no 'eclipse'"),
        ("out=plan.txt", "plan.txt"),
        ("policy.today=nobody", "no relationship model 'nobody'"),
        ("policy.holdout=0.99 budget=10", "more budget .* than there is"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(
    trained: Trained, home: Path, bank: Path, override: str, told: str
) -> None:
    before = set(home.rglob("*"))
    with pytest.raises(BadInput, match=told) as refused:
        planned(home, bank, "out=never.parquet", *override.split())
    assert "\n" not in str(refused.value)
    assert set(home.rglob("*")) == before
