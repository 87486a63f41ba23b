"""Fitted parts as one folder of plain files."""

import json

import pytest
from shop import ABOUT

from facette.registry.bundle import subset, write_bundle
from facette.registry.customer_model import Bundle


def test_the_same_training_gives_the_same_digest(tmp_path, parts):
    backwards = {name: dict(reversed(files.items())) for name, files in reversed(parts.items())}
    digest = write_bundle(tmp_path / "one", parts, ABOUT)
    assert write_bundle(tmp_path / "two", backwards, dict(reversed(ABOUT.items()))) == digest
    assert write_bundle(tmp_path / "other", parts, ABOUT | {"currency": "USD"}) != digest
    assert Bundle.load(tmp_path / "one", digest).digest == digest


def test_the_manifest_tells_parts_files_and_code(tmp_path, parts):
    write_bundle(tmp_path, parts, ABOUT)
    manifest = json.loads((tmp_path / "manifest.json").read_bytes())
    assert manifest["parts"] == ["churn", "potential", "segments", "value"]
    assert manifest["about"] == ABOUT
    assert {"value/part.json", "value/booster.txt", "segments/arrays.npz"} < set(manifest["files"])
    assert len(manifest["code"]) == 64


def test_a_subset_answers_as_the_whole_does(tmp_path, folder, snapshot):
    digest = subset(folder, ["churn"], tmp_path / "churn")
    alone = Bundle.load(tmp_path / "churn", digest)
    assert alone.parts == ["churn"]
    shared = ["churn_probability", "drivers_churn"]
    whole = Bundle.load(folder).predict(snapshot)
    assert alone.predict(snapshot)[shared].equals(whole[shared])
    with pytest.raises(ValueError, match="no part"):
        subset(folder, ["grid"], tmp_path / "grid")


@pytest.mark.parametrize(
    ("told", "about", "message"),
    [
        ({"value": {"booster.txt": b""}}, {}, "no part.json"),
        ({"value": {"part.json": b"{}", "../up.txt": b""}}, {}, "not a plain file name"),
        ({"value": {"part.json": b"{}"}}, {"rate": float("nan")}, "not JSON compliant"),
    ],
)
def test_what_is_no_bundle_is_not_written(tmp_path, told, about, message):
    with pytest.raises(ValueError, match=message):
        write_bundle(tmp_path / "bundle", told, about)
    assert not (tmp_path / "bundle").exists()


def test_a_folder_in_use_is_left_alone(folder, parts):
    with pytest.raises(ValueError, match="not empty"):
        write_bundle(folder, parts, ABOUT)
