"""`facette plan`: from the model in use to a file to be carried out, and what is kept of it."""

import json
from contextlib import chdir
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from running import settings_of, train_in
from small_bank import QUICK, bank_in, quickly_opened

from facette.errors import BadInput
from facette.jobs.plan import PlanMade, plan
from facette.jobs.realised import realised
from facette.jobs.score import Scored, score
from facette.jobs.train import Trained
from facette.registry.customer_model import POLICY_COLUMNS
from facette.registry.customer_model import Policy as PolicyPart
from facette.registry.plans import EarlierPlan
from facette.registry.tracking import open_store
from facette.tables.door import read

PARTS = "parts=[segments,value,potential,churn,policy]"
FIRST, MEANWHILE, LAST = "2025-07-01", "2025-10-01", "2026-01-01"


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
def meanwhile(first: PlanMade, home: Path, bank: Path) -> PlanMade:
    return planned(home, bank, "out=meanwhile.parquet", date=MEANWHILE)


@pytest.fixture(scope="module")
def last(meanwhile: PlanMade, home: Path, bank: Path) -> PlanMade:
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


def test_who_is_held_out_stays_so_until_the_plan_that_drew_them_is_over(
    first: PlanMade, meanwhile: PlanMade, last: PlanMade
) -> None:
    held = first.decision.assigned["holdout"]
    for later in (meanwhile, last):
        now = later.decision.assigned["holdout"]
        both = held.index.intersection(now.index)
        assert (held[both] == now[both]).all()
        assert 0 < now[now.index.difference(both)].sum() < len(now) - len(both)
        assert later.decision.visible.date == "2026-06-30"
        assert "30 June 2026" in later.page.read_text(encoding="utf-8")
    assert meanwhile.metrics["policy/realised_days"] == 92


def test_only_who_could_be_held_out_is_compared_and_only_what_is_on_record_is_told(
    first: PlanMade, last: PlanMade, bank: Path
) -> None:
    chosen = settings_of("plan", "data=bank", f"data.path={bank}", f"reference_date={LAST}")
    tables, assigned = read(chosen.data), first.decision.assigned
    some = assigned.assign(eligible=assigned["holdout"] | (np.arange(len(assigned)) % 2 == 0))
    earlier = EarlierPlan("run", FIRST, 364, None, some)
    t = last.decision.planned.t
    told = realised(earlier, last.decision, tables, t, chosen)
    assert told is not None
    assert told.customers == some["eligible"].sum() < len(some)
    assert told.held_out == assigned["holdout"].sum()
    assert 0 <= told.carried_out <= 1
    frames = {name: table for name, table in tables.frames.items() if name != "treatments"}
    untold = realised(earlier, last.decision, replace(tables, frames=frames), t, chosen)
    assert untold is not None
    assert np.isnan(untold.carried_out)


def test_the_version_tells_plans_of_other_settings_apart(
    meanwhile: PlanMade, last: PlanMade
) -> None:
    versions = {made.decision.version for made in (meanwhile, last)}
    assert len(versions) == 2
    for made in (meanwhile, last):
        assert made.decision.version.startswith("bank_customer 1 policy ")
        assert (made.decision.activation["policy_version"] == made.decision.version).all()


def test_a_table_of_training_that_is_missing_is_said(
    trained: Trained, home: Path, bank: Path, tmp_path: Path
) -> None:
    for file in bank.glob("*.parquet"):
        (tmp_path / file.name).symlink_to(file)
    told = json.loads((bank / "simulation.json").read_text(encoding="utf-8"))
    told["rows"]["contacts"] = 0
    (tmp_path / "simulation.json").write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(BadInput, match="tables used at training are missing: contacts"):
        planned(home, tmp_path, "out=never.parquet")


@pytest.mark.slow
def test_planning_again_gives_the_same_bytes(last: PlanMade, home: Path, bank: Path) -> None:
    again = ("out=again.parquet", "++capacity.advisor_hours=60", "budget=60000")
    planned(home, bank, *again)
    for name in ("last.parquet", "last.left_out.parquet"):
        other = home / name.replace("last", "again")
        assert (home / name).read_bytes() == other.read_bytes()


@pytest.mark.slow
def test_a_perimeter_is_planned_for_alone(last: PlanMade, home: Path, bank: Path) -> None:
    some = planned(home, bank, "perimeter='tenure_days > 2000'", "out=some.csv")
    whole = last.decision.planned.seen
    assert set(some.decision.assigned.index) == set(whole.index[whole["tenure_days"] > 2000])
    assert "policy/realised_each" not in some.metrics


@pytest.mark.slow
def test_customers_of_an_event_are_planned_for_alone(
    last: PlanMade, home: Path, bank: Path
) -> None:
    events = pd.read_parquet(bank / "events.parquet")
    kind = events["kind"].value_counts().index[-1]
    some = planned(home, bank, f"event={kind}", "event_days=40", "out=event.csv")
    assert 0 < len(some.decision.assigned) < len(last.decision.assigned)
    known = events[(events["kind"] == kind) & (events["occurred_at"] < LAST)]
    assert set(some.decision.assigned.index) <= set(known["customer_id"])


def scored(home: Path, bank: Path, *overrides: str) -> Scored:
    own = ("data=bank", f"data.path={bank}", f"reference_date={LAST}", *overrides)
    with chdir(home):
        return score(settings_of("score", *own))


def card_of(home: Path, version: int) -> str:
    client = mlflow.MlflowClient(f"sqlite:///{home / 'mlruns' / 'mlflow.db'}")
    run = client.get_run(client.get_model_version("bank_policy", str(version)).run_id)
    with chdir(home):
        path = client.download_artifacts(run.info.run_id, "cards/bank_policy.md")
    return Path(path).read_text()


def test_training_registers_the_policy_alone_and_in_the_customer_model(
    trained: Trained, home: Path, bank: Path
) -> None:
    assert trained.versions["bank_policy"] == trained.versions["bank_customer"] == 1
    assert trained.metrics["policy/package_agrees"] > 0.9
    assert not {*POLICY_COLUMNS} & {*trained.scored}
    said = scored(home, bank)
    assert {*POLICY_COLUMNS} <= {*said.frame}
    assert said.notes == []
    assert set(said.frame["model_digest"]) == set(trained.scored["model_digest"])
    assert "**Valid until 2026-12-31.**" in card_of(home, 1)


@pytest.mark.slow
def test_scores_by_the_policy_are_those_of_the_plan(
    trained: Trained, home: Path, bank: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = planned(home, bank, "budget=60000", "+capacity.letters=20", "out=priced.parquet")
    said = scored(home, bank, "name=policy", "alias=challenger").frame.set_index("customer_id")
    free = made.decision.planned.plan.member >= 0
    own: Any = made.decision.assigned[free]
    same = said.loc[own.index, "relationship_model"] == own["relationship_model"]
    assert same.mean() == made.metrics["policy/package_agrees"] > 0.9
    assert same.mean() < 1 or not made.decision.planned.plan.allocation.price
    gone = said.index.difference(made.decision.assigned.index)
    assert set(said.loc[gone, "reason"]) == {"no contract any more"}
    told = card_of(home, made.versions["bank_policy"])
    assert "a budget of EUR 60,000, 20.0 letters a month" in told
    assert "evidence" in told.lower()
    monkeypatch.setattr(PolicyPart, "about", {"valid_until": "2025-12-31"})
    (note,) = scored(home, bank, "name=policy", "alias=challenger").notes
    assert "valid until 2025-12-31" in note
    assert f"not to be used at {LAST}" in note


@pytest.mark.slow
def test_a_draft_is_kept_and_neither_registered_nor_gone_by(
    last: PlanMade, home: Path, bank: Path
) -> None:
    """Tried a month before the last plan for some customers, who then draw their own lot."""
    some, early = "perimeter='tenure_days > 1900'", "2025-04-01"
    tried = planned(home, bank, "draft=true", some, "out=tried.csv", date=early)
    real = planned(home, bank, some, "out=real.csv")
    late = "the model learnt from outcomes up to"
    assert any(late in note for note in tried.decision.planned.notes)
    assert not any(late in note for note in real.decision.planned.notes)
    assert tried.versions == {}
    assert real.decision.planned.lot.date == LAST
    with chdir(home):
        client = open_store(settings_of("plan", "reference_date=x").tracking)
    run, other = (client.get_run(made.run_id) for made in (tried, real))
    assert run.info.run_name.startswith(f"draft {early}, ")
    assert run.data.params["draft"] == "True"
    assert other.data.params["policy.switching_cost"] == "2.0"
    aliases = client.get_registered_model("bank_policy").aliases
    assert str(real.versions["bank_policy"]) not in {str(v) for v in aliases.values()}


def test_training_leaves_a_plan_of_its_own(trained: Trained, home: Path) -> None:
    assert trained.metrics["policy/violations"] == 0
    assert any(line.startswith("Plan: ") for line in trained.plan)
    assert (home / "report" / "decision.html").is_file()
    with chdir(home):
        client = open_store(settings_of("plan", "reference_date=x").tracking)
        whole = client.get_run(trained.run_id)
        inside = f"tags.`mlflow.parentRunId` = '{trained.run_id}' and tags.`facette.verb` = 'plan'"
        (own,) = client.search_runs([whole.info.experiment_id], inside)
    assert own.data.tags["facette.perimeter"] == "everyone"
    assert own.data.tags["facette.holdout_drawn"] == own.data.tags["facette.reference_date"]


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("budget=-1", "budget: -1"),
        ("++capacity.pigeons=3", "capacity.pigeons: the policy has none"),
        ("reference_date=2030-01-01", "past the end of observation"),
        ("reference_date=2023-08-01", "days of history, the model looks back"),
        ("event=eclipse", "event: no 'eclipse' .*there are: .*balance"),
        ("perimeter='value_tier>1'", "^perimeter: no column 'value_tier'"),
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
