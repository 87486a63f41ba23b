"""Runs: what is logged can be read again, and nothing is said on the way."""

from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure
from shop import said_by, tracking_in

from facette.errors import BadInput
from facette.registry.tracking import code_version, open_store, package_versions, tracked
from facette.settings import Tracking
from facette.settings.models import ChurnDefinition


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Tracking:
    return tracking_in(tmp_path_factory.mktemp("store"))


def opened(store: Tracking, name: str = "train", parent: str | None = None):
    return tracked(store, experiment="shop", name=name, tags={}, parent_run_id=parent)


def artifacts(store: Tracking, run_id: str) -> Path:
    return Path(open_store(store).get_run(run_id).info.artifact_uri)


def test_parameters_are_flat_and_cut(store):
    with opened(store) as run:
        told = {"model": {"churn": {"folds": 5}}, "list": [1, 2], "long": "x" * 9000}
        told |= {"definition": ChurnDefinition.non_contractual, "odd €": None, "empty": {}}
        run.params(told | {f"p{i}": i for i in range(250)})
    params = run.client.get_run(run.run_id).data.params
    assert params["model.churn.folds"] == "5"
    assert params["list"] == "[1, 2]"
    assert params["definition"] == "non_contractual"
    assert params["odd _"] == "None"
    assert len(params["long"]) == 6000
    assert len(params) == 256


def test_metrics_leave_out_what_is_no_number(store):
    with opened(store) as run:
        run.metrics({"value/mae": 1.5, "value/gain/mae_low": float("nan"), "x": float("inf")})
        run.metrics({"loss": 2.0}, step=1)
    data = run.client.get_run(run.run_id).data
    assert data.metrics == {"value/mae": 1.5, "loss": 2.0}


def test_tables_figures_words_and_files_are_artifacts(store, tmp_path):
    frame = pd.DataFrame({"metric": ["mae"], "value": [1.5]})
    (tmp_path / "page.html").write_text("<p>")
    with opened(store) as run:
        run.table(frame, "tables/metrics.csv")
        run.table(frame, "tables/metrics.json")
        run.figure(Figure(), "figures/empty.png")
        run.text("words", "report.md")
        run.file(tmp_path / "page.html", "report")
        run.describe("# What was done")
        with pytest.raises(ValueError, match="json or"):
            run.table(frame, "tables/metrics.xlsx")
    root = artifacts(store, run.run_id)
    names = {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()}
    assert names == {
        "environment.txt",
        "tables/metrics.csv",
        "tables/metrics.json",
        "figures/empty.png",
        "report.md",
        "report/page.html",
    }
    pd.testing.assert_frame_equal(pd.read_csv(root / "tables/metrics.csv"), frame)
    assert f"pandas=={pd.__version__}" in (root / "environment.txt").read_text().splitlines()
    assert run.client.get_run(run.run_id).data.tags["mlflow.note.content"] == "# What was done"


def test_a_dataset_bears_our_own_digest(store, snapshot):
    with opened(store) as run:
        run.dataset(snapshot, "shop", "f" * 64, "training")
    used = run.client.get_run(run.run_id).inputs.dataset_inputs[0]
    assert (used.dataset.name, used.dataset.digest) == ("shop", "f" * 36)
    assert [(tag.key, tag.value) for tag in used.tags] == [("mlflow.data.context", "training")]


def test_a_part_is_a_nested_run(store):
    with opened(store) as run, run.child("churn") as churn:
        churn.metrics({"roc_auc": 0.8})
    told = run.client.get_run(churn.run_id)
    assert told.info.run_name == "churn"
    assert told.info.status == "FINISHED"
    assert told.data.tags["mlflow.parentRunId"] == run.run_id


def test_a_sweep_hands_down_its_parent(store, monkeypatch):
    with opened(store, "sweep") as sweep:
        monkeypatch.setenv("FACETTE_PARENT_RUN", sweep.run_id)
        with opened(store, "job") as job:
            pass
    tags = job.client.get_run(job.run_id).data.tags
    assert tags["mlflow.parentRunId"] == sweep.run_id


def test_an_exception_leaves_the_run_failed(store):
    with pytest.raises(ZeroDivisionError), opened(store) as run, run.child("value") as child:
        raise ZeroDivisionError
    for run_id in (run.run_id, child.run_id):
        assert run.client.get_run(run_id).info.status == "FAILED"


def test_an_interruption_leaves_the_run_killed(store):
    with pytest.raises(KeyboardInterrupt), opened(store) as run, run.child("value") as child:
        raise KeyboardInterrupt
    for run_id in (run.run_id, child.run_id):
        assert run.client.get_run(run_id).info.status == "KILLED"


def test_a_run_tells_its_code(store):
    with opened(store) as run:
        pass
    tags = run.client.get_run(run.run_id).data.tags
    assert tags["facette.code_version"] == code_version()
    assert package_versions() == tuple(sorted(package_versions(), key=str.lower))


def test_a_deleted_experiment_is_told(store):
    with tracked(store, experiment="old", name="x", tags={}) as run:
        pass
    run.client.delete_experiment(run.experiment_id)
    again = tracked(store, experiment="old", name="x", tags={})
    with pytest.raises(BadInput, match="experiment 'old' was deleted"), again:
        pass


@pytest.mark.parametrize(
    "uri", ["sqlite:///junk.db", "http://127.0.0.1:9", "sqlite:////proc/none/x.db", "huh://x"]
)
def test_a_store_that_cannot_be_opened_is_told_in_one_line(tmp_path, monkeypatch, uri):
    monkeypatch.chdir(tmp_path)
    Path("junk.db").write_bytes(b"junk" * 1000)
    with pytest.raises(BadInput, match="can't be opened") as refused:
        open_store(Tracking(uri=uri, artifacts="artifacts", registry_prefix=""))
    assert uri in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.slow
def test_nothing_is_said_on_a_first_run(tmp_path):
    code = """
import logging, warnings
logging.basicConfig(level=logging.INFO)
from facette.registry.tracking import tracked
from facette.settings import Tracking
local = Tracking(uri="sqlite:///mlruns/mlflow.db", artifacts="mlruns/artifacts")
with tracked(local, experiment="shop", name="train", tags={}) as run:
    run.metrics({"a": 1.0})
"""
    assert said_by(code, tmp_path) == (0, "", "")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mlruns"]
    assert sorted(p.name for p in (tmp_path / "mlruns").iterdir()) == ["artifacts", "mlflow.db"]
