"""Registered versions: logged, loaded, checked, moved about."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from shop import ABOUT, NAMES, said_by, tracking_in, trained

from facette.errors import BadInput
from facette.registry.bundle import write_bundle
from facette.registry.customer_model import Bundle
from facette.registry.models import load
from facette.registry.tracking import open_store


@pytest.fixture
def copied(tmp_path: Path, registered: Path) -> Path:
    """A copy of the store with two versions, to do with as one likes."""
    shutil.copytree(registered, tmp_path / "copied")
    return tmp_path / "copied"


def model_folder(root: Path, version: int, name: str = "shop_customer") -> Path:
    open_store(tracking_in(root))
    return Path(mlflow.artifacts.download_artifacts(f"models:/{name}/{version}"))


def test_a_version_is_loaded_by_number_and_alias(registered, snapshot):
    first, second = (load(tracking_in(registered), "shop_customer", v) for v in (1, 2))
    champion = load(tracking_in(registered), "shop_customer", "champion")
    assert (champion.version, champion.bundle.digest) == (1, first.bundle.digest)
    assert load(tracking_in(registered), "shop_customer", "challenger").version == 2
    assert (second.name, second.version) == ("shop_customer", 2)
    for number, model in enumerate((first, second)):
        expected = Bundle.load(registered / f"bundle{number}").predict(snapshot)
        columns = [c for c in expected if c != "model_digest"]
        assert model.bundle.predict(snapshot)[columns].equals(expected[columns])


def test_the_champion_stays_while_the_challenger_moves(registered):
    client = open_store(tracking_in(registered))
    for name in NAMES:
        aliases = client.get_registered_model(name).aliases
        assert {alias: int(v) for alias, v in aliases.items()} == {"champion": 1, "challenger": 2}
        version = client.get_model_version(name, "2")
        assert version.tags["model_digest"] == load(tracking_in(registered), name, 2).bundle.digest
        assert version.description == "# Card\n\nWords."
        assert version.run_id == load(tracking_in(registered), name, 2).run_id


def test_two_versions_coexist_and_answer_to_the_bit(registered, snapshot):
    open_store(tracking_in(registered))
    models = [mlflow.pyfunc.load_model(f"models:/shop_customer/{v}") for v in (1, 2)]
    for version, model in enumerate(models, start=1):
        expected = load(tracking_in(registered), "shop_customer", version).bundle
        typed = snapshot.assign(orders_91d=snapshot["orders_91d"].astype("int32"))
        for frame in (snapshot, typed):
            said = model.predict(frame)
            pd.testing.assert_frame_equal(said, expected.predict(snapshot), check_exact=True)


def test_the_signature_and_the_example_are_stored(registered):
    folder = model_folder(registered, 1)
    model = mlflow.models.Model.load(str(folder))
    inputs = {c.name: c.type.name for c in model.signature.inputs}
    assert inputs["age"] == inputs["customer_id"] == inputs["reference_date"] == "string"
    assert inputs["spend_91d"] == inputs["margin_91d"] == "double"
    assert len(model.load_input_example(str(folder))) == 5
    assert (folder / "card.md").read_text() == "# Card\n\nWords."
    needed = (folder / "requirements.txt").read_text().split()
    assert [line.split("==")[0] for line in needed] == ["numpy", "pandas", "lightgbm", "mlflow"]


def test_nothing_is_pickled(registered):
    for name in NAMES:
        files = [p for p in model_folder(registered, 1, name).rglob("*") if p.is_file()]
        assert len(files) > 8
        assert not [p for p in files if p.suffix in {".pkl", ".pickle", ".joblib", ".dill"}]
        for path in files:
            content = path.read_bytes()
            assert not content.startswith(b"\x80")
            assert b"cloudpickle" not in content.replace(b"cloudpickle_version", b"")


def test_nothing_compiled_is_stored(tmp_path, folder, snapshot):
    trained(tracking_in(tmp_path), folder, snapshot, {"shop_churn": ["churn"]})
    assert not list((tmp_path / "mlruns").rglob("*.pyc"))


def test_no_path_of_this_machine_is_stored_with_the_model(registered):
    mlmodel = (model_folder(registered, 1) / "MLmodel").read_text()
    for place in (registered, tempfile.gettempdir(), Path(mlflow.__file__).parent, Path.home()):
        assert str(place) not in mlmodel
    assert "model_code_path: customer_model.py" in mlmodel


@pytest.mark.parametrize("move", [shutil.copytree, shutil.move])
def test_a_moved_or_copied_store_opens_from_elsewhere(
    tmp_path, registered, copied, monkeypatch, snapshot, move
):
    there = tmp_path / "an other place"
    move(copied, there)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    tracking = tracking_in(there)
    model = load(tracking, "shop_customer", "champion")
    assert str(registered) not in str(model_folder(there, 1))
    assert model_folder(there, 1).is_relative_to(there)
    said = mlflow.pyfunc.load_model("models:/shop_customer@champion").predict(snapshot)
    assert said.equals(model.bundle.predict(snapshot))
    assert trained(tracking, there / "bundle0", snapshot, {"shop_churn": ["churn"]}) == {
        "shop_churn": 3
    }
    assert model_folder(there, 3, "shop_churn").is_relative_to(there)


def test_a_relative_store_is_anchored_where_it_was_opened(tmp_path, copied, monkeypatch):
    monkeypatch.chdir(copied)
    tracking = tracking_in(Path())
    assert load(tracking, "shop_customer", 1).version == 1
    client = open_store(tracking)
    monkeypatch.chdir(tmp_path)
    assert client.get_registered_model("shop_customer")


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


@pytest.mark.parametrize(
    ("file", "before", "after", "message"),
    [
        ("artifacts/bundle/value/booster.txt", "Tree=1\n", "Tree=1 \n", "booster.txt: changed"),
        ("artifacts/bundle/manifest.json", '"EUR"', '"USD"', "manifest.json: changed"),
        ("customer_model.py", "TOP_DRIVERS = 5", "TOP_DRIVERS = 6", "customer_model.py: changed"),
    ],
)
def test_a_registered_version_that_was_tampered_with_is_refused(
    copied, file, before, after, message
):
    edit(model_folder(copied, 1) / file, before, after)
    with pytest.raises(Exception, match=message):
        mlflow.pyfunc.load_model("models:/shop_customer/1")
    if not file.endswith(".py"):  # the project runs its own copy of the code
        with pytest.raises(BadInput, match=f"shop_customer version 1 can't be loaded.*{message}"):
            load(tracking_in(copied), "shop_customer", 1)


def test_a_version_with_other_code_runs_its_own(copied, parts, snapshot, monkeypatch, tmp_path):
    from facette.registry import bundle

    code = tmp_path / "customer_model.py"
    code.write_text(bundle.CODE.read_text() + "\n# another version of the code\n")
    with monkeypatch.context() as other:
        other.setattr(bundle, "CODE", code)
        write_bundle(tmp_path / "bundle", parts, ABOUT)
        assert trained(tracking_in(copied), tmp_path / "bundle", snapshot)["shop_customer"] == 3
    model = load(tracking_in(copied), "shop_customer", 3)
    assert not isinstance(model.bundle, Bundle)
    assert model.bundle.code != load(tracking_in(copied), "shop_customer", 1).bundle.code
    expected = Bundle.load(tmp_path / "bundle").predict(snapshot)
    assert model.bundle.predict(snapshot)["cell"].equals(expected["cell"])


def test_what_there_is_not_is_told_with_what_there_is(registered):
    tracking = tracking_in(registered)
    with pytest.raises(
        BadInput,
        match="no registered model .shop_grid., which .* data.name; there are: shop_churn, s",
    ):
        load(tracking, "shop_grid", "champion")
    with pytest.raises(BadInput, match=r"no version or alias 'chmpion'; there are: .*champion \(1"):
        load(tracking, "shop_customer", "chmpion")
    with pytest.raises(BadInput, match="no version or alias '9'"):
        load(tracking, "shop_customer", 9)


@pytest.mark.slow
def test_registering_says_nothing(tmp_path, parts, snapshot):
    write_bundle(tmp_path / "bundle", parts, ABOUT)
    snapshot.to_pickle(tmp_path / "snapshot.pkl")
    code = """
import logging
logging.basicConfig(level=logging.INFO)
from pathlib import Path
import pandas as pd
from shop import tracking_in, trained
from facette.registry.models import load
for _ in range(2):
    trained(tracking_in(Path()), Path("bundle"), pd.read_pickle("snapshot.pkl"))
load(tracking_in(Path()), "shop_customer", "champion")
"""
    assert said_by(code, tmp_path) == (0, "", "")


@pytest.mark.slow
def test_the_models_own_requirements_are_enough(tmp_path, registered, snapshot):
    folder = model_folder(registered, 1)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    needed = ["-m", "pip", "install", "--quiet", "-r", str(folder / "requirements.txt")]
    subprocess.run([python, *needed], check=True)
    snapshot.to_json(tmp_path / "in.json", orient="split", double_precision=15)
    code = f"""
import json, mlflow.pyfunc, pandas as pd
told = json.load(open("in.json"))
frame = pd.DataFrame(told["data"], columns=told["columns"])
scored = mlflow.pyfunc.load_model({str(folder)!r}).predict(frame)
scored.to_json("out.json", orient="split", double_precision=15)
"""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    subprocess.run([python, "-c", code], cwd=tmp_path, env=environment, check=True)
    said = pd.read_json(tmp_path / "out.json", orient="split")
    expected = load(tracking_in(registered), "shop_customer", 1).bundle.predict(snapshot)
    assert said["cell"].tolist() == expected["cell"].tolist()
    for name in ("value_expected", "potential", "churn_probability"):
        pd.testing.assert_series_equal(said[name], expected[name], rtol=1e-9)
