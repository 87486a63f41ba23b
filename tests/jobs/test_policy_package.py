"""A plan leaves a registered policy; scores by it have its columns, and say when it is over."""

from contextlib import chdir
from pathlib import Path
from typing import Any

import mlflow
import pytest
from running import settings_of, train_in
from small_bank import QUICK, bank_in, quickly_opened

from facette.jobs.plan import PlanMade, plan
from facette.jobs.score import Scored, score
from facette.jobs.train import Trained
from facette.registry.customer_model import POLICY_COLUMNS

MODELS = ("portfolio_advisor", "branch_team", "phone_desk", "app_companion", "email_programme",
          "quiet_mail")  # fmt: skip
POLICY = (
    "policy=bank", "policy.floor=50",
    *(f"policy.models.{m}.{cost}=0" for m in MODELS for cost in ("set_up_cost", "yearly_cost")),
)  # fmt: skip
END = "2026-01-01"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("policy")
    with quickly_opened():
        bank_in(folder / "bank", customers=1200, months=36, churn_year=0.15, pilot_share=0.5)
    return folder


@pytest.fixture(scope="module")
def trained(home: Path) -> Trained:
    return train_in(
        home, "experiment=bank_truth", f"data.path={home / 'bank'}", "evaluation.truth=false",
        *POLICY, *QUICK, "segmentation=[]", "snapshot.max_reference_dates=2",
        "parts=[segments,value,potential,churn,policy]",
    )  # fmt: skip


@pytest.fixture(scope="module")
def planned(trained: Trained, home: Path) -> PlanMade:
    chosen = settings_of(
        "plan", "data=bank", f"data.path={home / 'bank'}", f"reference_date={END}",
        "progress=false", "budget=5000", "+capacity.letters=20", *POLICY,
    )  # fmt: skip
    with chdir(home):
        return plan(chosen, home / "plan")


def scored(home: Path, *overrides: str) -> Scored:
    own = ("data=bank", f"data.path={home / 'bank'}", f"reference_date={END}", *overrides)
    with chdir(home):
        return score(settings_of("score", *own))


def card_of(home: Path, version: int) -> str:
    client = mlflow.MlflowClient(f"sqlite:///{home / 'mlruns' / 'mlflow.db'}")
    run = client.get_run(client.get_model_version("bank_policy", str(version)).run_id)
    with chdir(home):
        path = client.download_artifacts(run.info.run_id, "cards/bank_policy.md")
    return Path(path).read_text()


def test_training_registers_the_policy_alone_and_in_the_customer_model(
    trained: Trained, home: Path
) -> None:
    assert trained.versions["bank_policy"] == trained.versions["bank_customer"] == 1
    assert trained.metrics["policy/package_agrees"] == 1.0
    assert not {*POLICY_COLUMNS} & {*trained.scored}
    said = scored(home)
    assert {*POLICY_COLUMNS} <= {*said.frame}
    assert said.notes == []
    assert set(said.frame["model_digest"]) == set(trained.scored["model_digest"])
    assert "**Valid until 2026-12-31.**" in card_of(home, 1)


def test_scores_by_the_policy_are_those_of_the_plan(planned: PlanMade, home: Path) -> None:
    assert planned.versions == {"bank_policy": 2}
    said = scored(home, "name=policy", "alias=challenger").frame.set_index("customer_id")
    decision = planned.decision
    free = decision.planned.plan.member >= 0
    own: Any = decision.assigned[free]
    same = said.loc[own.index, "relationship_model"] == own["relationship_model"]
    assert same.mean() == planned.metrics["policy/package_agrees"] > 0.9
    assert same.mean() < 1 or not decision.planned.plan.allocation.price
    gone = said.index.difference(decision.assigned.index)
    assert set(said.loc[gone, "reason"]) == {"no contract any more"}
    told = card_of(home, 2)
    assert "a budget of EUR 5,000, 20.0 letters a month" in told
    assert "evidence" in told.lower()


def test_a_policy_whose_time_is_over_is_told_of(
    planned: PlanMade, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from facette.registry.customer_model import Policy

    about = {"valid_until": "2025-12-31"}
    monkeypatch.setattr(Policy, "about", about)
    notes = scored(home, "name=policy").notes
    assert len(notes) == 1
    assert "valid until 2025-12-31" in notes[0]
    assert f"not to be used at {END}" in notes[0]
