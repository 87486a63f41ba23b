"""The whole job on one household in eight: what it tracks, registers, writes, and scores again."""

import json
import shutil
from contextlib import chdir
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from running import settings_of, train_in
from small_journey import QUICK

from facette.errors import BadInput
from facette.jobs.score import score
from facette.jobs.train import Trained
from facette.registry.models import load

COLUMNS = [
    "customer_id", "reference_date", "behaviour_segment", "behaviour_confidence", "value_expected",
    "value_tier", "potential", "headroom", "potential_tier", "upside", "churn_probability",
    "value_if_staying", "value_at_risk", "cell", "drivers_value", "drivers_potential",
    "drivers_churn", "model_digest",
]  # fmt: skip


@pytest.fixture(scope="module")
def trained(journey: Path, home: Path) -> Trained:
    return train_in(home, *QUICK, f"data.path={journey}")


def client_of(home: Path) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(f"sqlite:///{home / 'mlruns' / 'mlflow.db'}")


def test_a_run_tracks_its_parts_figures_and_data(trained: Trained, home: Path) -> None:
    client = client_of(home)
    run = client.get_run(trained.run_id)
    assert run.info.status == "FINISHED"
    tags = run.data.tags
    assert tags["facette.verb"] == "train"
    assert tags["facette.reference_date"] == "2017-10-01"
    assert tags["facette.parts"] == "segments,value,potential,churn,upside,value_if_staying"
    for name in ("value/normalised_gini", "value/baseline/last_window/mae", "potential/coverage",
                 "churn/ece", "churn/empc", "churn/baseline/recency/empc_fraction",
                 "value/gain/mae_low", "behaviour/stability_min", "upside/coverage",
                 "upside/baseline/spend_group/pinball", "upside/gain/pinball_low",
                 "value_if_staying/baseline/annualised/mae", "value_if_staying/at_risk",
                 "behaviour/fidelity", "behaviour/ami_value_tier"):  # fmt: skip
        assert name in run.data.metrics
    inputs = {i.dataset.name: i.dataset.digest for i in run.inputs.dataset_inputs}
    assert set(inputs) == {"complete_journey at 2017-07-02", "complete_journey at 2017-10-01"}
    assert len(set(inputs.values())) == 2
    children = client.search_runs(
        [run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{trained.run_id}'"
    )
    assert {c.info.run_name for c in children} == set(tags["facette.parts"].split(","))
    stored = {a.path for a in client.list_artifacts(trained.run_id)}
    assert {"report.html", "configuration.yaml", "environment.txt", "digests.json"} <= stored


def test_five_models_are_registered_and_become_champions(trained: Trained, home: Path) -> None:
    client = client_of(home)
    for part in ("behaviour", "value", "potential", "churn", "customer"):
        model = client.get_registered_model(f"complete_journey_{part}")
        assert model.aliases == {"champion": 1, "challenger": 1}
    names = {model.name for model in client.search_registered_models()}
    assert len(names) == 5
    with chdir(home):
        value = load(settings_of("score").tracking, "complete_journey_value", 1).bundle
    assert value.parts == ["value", "upside", "value_if_staying"]


def test_scored_customers_have_the_columns_that_others_rely_on(trained: Trained) -> None:
    assert list(trained.scored.columns) == COLUMNS
    churn = trained.scored["churn_probability"]
    assert churn.dropna().between(0, 1).all()
    assert (churn.isna() == (trained.scored["drivers_churn"] == "[]")).all()
    assert (churn.isna() == trained.scored["value_at_risk"].isna()).all()
    at_risk = trained.metrics["value_if_staying/at_risk"]
    assert at_risk == pytest.approx(trained.scored["value_at_risk"].sum())
    assert 0 < churn.isna().sum() < len(churn) / 2  # who was not active has no churn
    assert (trained.scored["headroom"] >= 0).all()
    assert trained.scored["customer_id"].is_unique
    first = json.loads(trained.scored["drivers_value"].iloc[0])
    assert {"feature", "value", "contribution"} == set(first[0])


def test_what_looks_protected_and_is_used_without_a_word_is_warned_of(trained: Trained) -> None:
    [check] = (c for c in trained.story.checks if c.code == "protected-attributes")
    assert check.severity == "warning"
    assert "without a reason: age, marital_status" in check.sentence
    assert "snapshot.protected" in check.remedy


def test_score_repeats_the_training_run_row_for_row(
    trained: Trained, home: Path, journey: Path
) -> None:
    chosen = settings_of("score", "reference_date=2017-10-01", f"data.path={journey}")
    with chdir(home):
        scored = score(chosen)
    assert (scored.frame["model_version"] == "1").all()
    pd.testing.assert_frame_equal(
        scored.frame.drop(columns="model_version").reset_index(drop=True),
        trained.scored.reset_index(drop=True),
        check_exact=True,
    )


def test_score_past_the_end_of_observation_is_refused(
    trained: Trained, home: Path, journey: Path
) -> None:
    chosen = settings_of("score", "reference_date=2018-10-01", f"data.path={journey}")
    with chdir(home), pytest.raises(BadInput, match="past the end"):
        score(chosen)


def test_score_before_enough_history_is_refused(
    trained: Trained, home: Path, journey: Path
) -> None:
    chosen = settings_of("score", "reference_date=2017-02-01", f"data.path={journey}")
    with chdir(home), pytest.raises(BadInput, match="days of history"):
        score(chosen)


def test_a_perimeter_at_scoring_narrows_the_one_of_training(
    trained: Trained, home: Path, journey: Path
) -> None:
    chosen = settings_of(
        "score", "reference_date=2017-10-01", f"data.path={journey}", "perimeter='spend_91d > 500'"
    )
    with chdir(home):
        scored = score(chosen)
    assert 0 < len(scored.frame) < len(trained.scored)


def test_a_copied_store_still_opens_and_scores(
    trained: Trained, home: Path, journey: Path, tmp_path: Path
) -> None:
    shutil.copytree(home / "mlruns", tmp_path / "mlruns")
    chosen = settings_of("score", "reference_date=2017-10-01", f"data.path={journey}")
    with chdir(tmp_path):
        assert len(score(chosen).frame) == len(trained.scored)
    moved = client_of(tmp_path).get_run(trained.run_id).info.artifact_uri
    assert moved.startswith(str(tmp_path))


def test_the_report_is_one_page_without_a_network(trained: Trained) -> None:
    page = trained.report.read_text(encoding="utf-8")
    assert len(page) < 3_000_000
    assert 'src="http' not in page
    assert 'href="http' not in page
    for segment in trained.story.segmentation.segments["name"]:
        assert segment in page


@pytest.mark.slow
def test_a_second_run_keeps_the_ids_and_names_of_segments(journey: Path, tmp_path: Path) -> None:
    quick = (*QUICK, f"data.path={journey}", "parts=[segments]", "segmentation=[]")
    named = "segments.behaviour.names=[Early birds]"
    first = train_in(tmp_path, *quick, named, "segments.behaviour.k=3", "seed=7")
    again = train_in(tmp_path, *quick, "segments.behaviour.k=3", "seed=8")
    one, other = (run.story.segmentation.segments["name"].to_dict() for run in (first, again))
    assert one["B1"] == "Early birds"
    assert other == one
    assert any("all 3 segments are kept" in line for line in again.story.said)
    both = first.scored.set_index("customer_id")["behaviour_segment"]
    now = again.scored.set_index("customer_id")["behaviour_segment"]
    assert (both == now).mean() > 0.9


def test_the_total_is_held_against_the_best_of_its_baselines(trained: Trained) -> None:
    total = next(
        h for h in trained.story.headlines if (h.part, h.metric) == ("value", "total_ratio")
    )
    rivals = {n: f for n, f in trained.metrics.items() if n.startswith("value/baseline/")}
    totals = [f for n, f in rivals.items() if n.endswith("/total_ratio") and f == f]
    assert total.baseline == min(totals, key=lambda ratio: abs(ratio - 1))
    assert total.gain == trained.metrics["value/gain/total_error"]


def test_only_the_parts_asked_for_are_trained(journey: Path, tmp_path: Path) -> None:
    trained = train_in(tmp_path, *QUICK, f"data.path={journey}", "parts=[churn]")
    assert set(trained.versions) == {"complete_journey_churn"}
    assert trained.story.off["value"].startswith("not asked for")
    assert "value/mae" not in trained.metrics


@pytest.mark.slow
def test_newcomers_are_too_early_to_tell_in_training_and_scoring_alike(
    journey: Path, tmp_path: Path
) -> None:
    own = (*QUICK, f"data.path={journey}", "snapshot.min_history_days=120", "segmentation=[]")
    trained = train_in(tmp_path, *own)
    early = trained.scored["value_expected"].isna()
    assert 0 < early.sum() < 30
    assert (trained.scored.loc[early, "potential_tier"] == "too early").all()
    told = f"newcomers: {early.sum()} of {len(early)} customers at 2017-10-01, whose tenure is"
    page = trained.report.read_text(encoding="utf-8")
    assert f"{told} below 120 days, have no forecast, it is too early to say" in page
    with chdir(tmp_path):
        again = score(settings_of("score", "reference_date=2017-10-01", f"data.path={journey}"))
    pd.testing.assert_frame_equal(
        again.frame.drop(columns="model_version").reset_index(drop=True),
        trained.scored.reset_index(drop=True),
        check_exact=True,
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("data=telco_churn", "snapshot.min_history_days=30"), "30 .*wide table bears no dates"),
        (("data=bank", "snapshot.min_history_days=30", "evaluation.truth=true"), "30 .*the truth"),
        (("snapshot.min_history_days=-1",), "-1 .*0 or more"),
    ],
)
def test_newcomers_that_can_not_be_told_apart_are_refused_before_work(
    words: tuple[str, ...], told: str, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=rf"snapshot\.min_history_days: {told}"):
        train_in(tmp_path, *words)


PARTIAL = ("model.churn.definition=partial", "model.churn.partial_of=spend",
           "model.churn.partial_share=0.5")  # fmt: skip


@pytest.mark.slow
def test_two_definitions_of_churn_never_share_a_model_name(
    trained: Trained, journey: Path, home: Path
) -> None:
    wanted = (*QUICK, f"data.path={journey}", *PARTIAL)
    told = r"complete_journey_customer version 1, .*as non_contractual and .*as partial_spend"
    with pytest.raises(BadInput, match=told):
        train_in(home, *wanted)
    alone = train_in(home, *wanted, "parts=[churn]")
    assert alone.versions == {"complete_journey_churn_partial_spend": 1}
    page = alone.report.read_text(encoding="utf-8")
    assert "Churn (partial): net spend in the 91 days from 0 days after the date below 50%" in page
    card = client_of(home).get_model_version("complete_journey_churn_partial_spend", "1")
    assert "Churn (partial): net spend" in card.description
    assert any("spending less is no leaving" in line for line in alone.story.said)
    assert alone.metrics["churn/log_loss"] < alone.metrics["churn/baseline/base_rate/log_loss"]


def test_partial_churn_without_a_share_is_refused_before_work(journey: Path, home: Path) -> None:
    with pytest.raises(BadInput, match=r"model\.churn\.partial_of: None .*spend or days"):
        train_in(home, *QUICK, f"data.path={journey}", PARTIAL[0])
    with pytest.raises(BadInput, match=r"model\.churn\.partial_share: 1\.5 .*between 0 and 1"):
        train_in(home, *QUICK, *PARTIAL[:2], "model.churn.partial_share=1.5")


@pytest.mark.slow
def test_upside_needs_value_and_staying_needs_churn_too(journey: Path, tmp_path: Path) -> None:
    few = ["parts=[churn,upside]", "parts=[value,value_if_staying,upside]"]
    for chosen, off in zip(few, ["upside", "value_if_staying"], strict=True):
        trained = train_in(tmp_path / off, *QUICK, f"data.path={journey}", chosen)
        assert set(trained.story.off) >= {off}
        assert off not in trained.scored
        assert not [name for name in trained.metrics if name.startswith(f"{off}/")]
    assert "upside" in trained.scored
    assert set(trained.versions) == {"complete_journey_value"}


@pytest.mark.slow
def test_headroom_is_told_by_category_where_asked(journey: Path, tmp_path: Path) -> None:
    chosen = (*QUICK, f"data.path={journey}", "parts=[potential]", "model.potential.by_category=2")
    trained = train_in(tmp_path, *chosen)
    told = trained.story.by_category
    assert list(told["category"]) == ["Grocery", "Drug Gm"]
    columns = ["headroom_grocery", "headroom_drug_gm"]
    assert [c for c in trained.scored if c.startswith("headroom")] == columns
    assert (trained.scored[columns] >= 0).all(axis=None)
    assert (trained.scored[columns] > 0).any().all()
    assert set(trained.versions) == {"complete_journey_potential"}
    assert 0.8 < trained.metrics["potential/headroom_grocery/coverage"] < 1
    page = trained.report.read_text(encoding="utf-8")
    assert "Headroom by category" in page
    with chdir(tmp_path):
        bundle = load(settings_of("score").tracking, "complete_journey_potential", 1).bundle
    assert bundle.parts == ["potential", "categories"]


def test_headroom_by_category_is_off_without_categories_and_says_so(
    journey: Path, tmp_path: Path
) -> None:
    trained = train_in(
        tmp_path, *QUICK, f"data.path={journey}", "parts=[potential]", "snapshot.categories=0",
        "model.potential.by_category=2",
    )  # fmt: skip
    assert trained.story.by_category is None
    assert trained.story.off["headroom by category"].startswith("transactions have no category")
    assert any("headroom by category is off" in line for line in trained.story.said)


@pytest.mark.slow
def test_any_estimator_comes_in_by_its_target(journey: Path, tmp_path: Path) -> None:
    trained = train_in(
        tmp_path, *(q for q in QUICK if "model.value" not in q), f"data.path={journey}",
        "model/value=hist_gradient_boosting", "parts=[value]",
    )  # fmt: skip
    assert trained.scored["value_expected"].notna().all()
    assert (trained.scored["drivers_value"] == "[]").all()
    assert "value/normalised_gini" in trained.metrics


def test_the_baseline_as_a_model_gives_the_baselines_figures(journey: Path, tmp_path: Path) -> None:
    trained = train_in(
        tmp_path, *(q for q in QUICK if "model.value" not in q), f"data.path={journey}",
        "model/value=baseline", "parts=[value]",
    )  # fmt: skip
    for metric in ("mae", "normalised_gini", "total_ratio"):
        baseline = trained.metrics[f"value/baseline/last_window/{metric}"]
        assert trained.metrics[f"value/{metric}"] == pytest.approx(baseline, rel=1e-12)
