"""A run with protected attributes: nothing learnt rests on them, and the page tells of them."""

import shutil
from contextlib import chdir
from pathlib import Path

import mlflow
import pandas as pd
import polars as pl
import pytest
from running import settings_of, train_in
from small_journey import QUICK

from facette.errors import BadInput
from facette.jobs.score import score
from facette.jobs.train import Trained
from facette.registry.models import load

REASON = "peers are told apart by income, as agreed with the works council"
PROTECTED = (f'++snapshot.protected={{age:null,marital_status:null,income:"{REASON}"}}',)
OUT = {"age", "marital_status"}
PARTS = "parts=[segments,value,potential,churn]"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(journey: Path, home: Path) -> Trained:
    return train_in(home, *QUICK, f"data.path={journey}", PARTS, *PROTECTED)


def test_no_part_of_the_package_reads_what_is_kept_out(trained: Trained, home: Path) -> None:
    with chdir(home):
        bundle = load(settings_of("score").tracking, "complete_journey_customer", 1).bundle
    for part in ("value", "potential", "churn"):
        assert not OUT & set(bundle.features(part))
    assert "income" in bundle.features("potential")
    told = bundle.segmentations
    assert told is not None
    assert told.behaviour is not None
    assert not OUT & {column["name"] for column in told.behaviour.columns}
    assert not OUT & set(pd.read_parquet(snapshot_of(trained, home)))


def snapshot_of(trained: Trained, home: Path) -> Path:
    """The test snapshot that the run keeps."""
    [path] = (home / "mlruns").rglob(f"{trained.run_id}/artifacts/scores/snapshot.parquet")
    return path


def test_the_page_tells_what_is_kept_out_and_why_another_is_used(trained: Trained) -> None:
    [check] = (c for c in trained.story.checks if c.code == "protected-attributes")
    assert check.severity == "info"
    assert "kept out of all models and segments: age, marital_status" in check.sentence
    assert f"income is used: {REASON}" in check.sentence
    page = trained.report.read_text(encoding="utf-8")
    assert REASON in page
    assert "and by protected attribute" in page


def test_reasons_are_tracked(trained: Trained, home: Path) -> None:
    run = mlflow.MlflowClient(f"sqlite:///{home / 'mlruns' / 'mlflow.db'}").get_run(trained.run_id)
    assert run.data.params["snapshot.protected.income"] == REASON
    assert run.data.params["snapshot.protected.age"] == "None"


def test_what_was_said_and_what_came_is_told_by_each_protected_attribute(
    trained: Trained, journey: Path
) -> None:
    table = trained.story.served["churn"]
    by = {label: rows for label, rows in table.groupby("by") if "protected" in str(label)}
    assert set(by) == {
        "age (protected, kept out)", "marital status (protected, kept out)",
        "income (protected, used)",
    }  # fmt: skip
    row = by["age (protected, kept out)"].set_index("group").loc["not known"]
    demographics = pl.read_parquet(journey / "demographics.parquet")
    told = set(demographics["household_id"].cast(pl.String))
    theirs = trained.scored.dropna(subset="churn_probability")
    theirs = theirs[~theirs["customer_id"].isin(told)]
    assert row["customers"] == len(theirs)
    assert row["predicted"] == pytest.approx(theirs["churn_probability"].mean())


def test_a_version_scores_without_the_columns_that_were_kept_out(
    trained: Trained, home: Path, journey: Path, tmp_path: Path
) -> None:
    without = shutil.copytree(journey, tmp_path / "journey")
    path = without / "demographics.parquet"
    pl.read_parquet(path).drop(*OUT).write_parquet(path)
    frames = []
    for source in (journey, without):
        chosen = settings_of("score", "reference_date=2017-10-01", f"data.path={source}")
        with chdir(home):
            frames.append(score(chosen).frame)
    pd.testing.assert_frame_equal(*frames)


def test_a_model_that_is_given_a_protected_feature_by_name_is_refused(
    journey: Path, tmp_path: Path
) -> None:
    chosen = (*QUICK, f"data.path={journey}", "parts=[value]", "model.value.features=[age]")
    with pytest.raises(BadInput, match="no column age"):
        train_in(tmp_path, *chosen, *PROTECTED)
