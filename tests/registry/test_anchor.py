"""Moved and copied stores find their artifacts again."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from facette.registry.anchor import reanchor


def store(root: Path, *locations: Path | str) -> Path:
    """The tables of a store that hold paths, with one run for each experiment."""
    root.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(root / "mlflow.db")) as db, db:
        db.execute("create table experiments (artifact_location text)")
        db.execute("create table runs (artifact_uri text)")
        db.execute("create table logged_models (artifact_location text)")
        db.execute("create table model_versions (source text, storage_location text)")
        for location in locations:
            db.execute("insert into experiments values (?)", (str(location),))
            db.execute("insert into runs values (?)", (f"{location}/r1/artifacts",))
            db.execute("insert into model_versions values ('models:/m-1', ?)", (f"{location}/m",))
    return root / "mlflow.db"


def column(database: Path, query: str) -> list[str]:
    with closing(sqlite3.connect(database)) as db:
        return [value for (value,) in db.execute(query)]


def test_a_moved_store_is_rewritten_once(tmp_path):
    here, gone = tmp_path / "it's 100%" / "artifacts", Path("/gone/mlruns/artifacts")
    database = store(tmp_path, gone / "shop", gone / "shop_2")
    assert reanchor(database, here) == 2
    assert column(database, "select artifact_location from experiments") == [
        str(here / "shop"),
        str(here / "shop_2"),
    ]
    assert column(database, "select artifact_uri from runs")[1] == f"{here}/shop_2/r1/artifacts"
    assert column(database, "select storage_location from model_versions")[0] == f"{here}/shop/m"
    assert set(column(database, "select source from model_versions")) == {"models:/m-1"}
    before = database.stat().st_mtime_ns
    assert reanchor(database, here) == 0
    assert database.stat().st_mtime_ns == before


def test_what_lies_only_where_the_store_says_stays(tmp_path):
    there = tmp_path / "big_disk" / "artifacts" / "shop"
    there.mkdir(parents=True)
    database = store(tmp_path, there, Path("/gone/elsewhere/shop"), "s3://bucket/artifacts/x")
    assert reanchor(database, tmp_path / "artifacts") == 0


def test_a_copy_uses_its_own_artifacts(tmp_path):
    for root in ("original", "copy"):
        (tmp_path / root / "artifacts" / "shop").mkdir(parents=True)
    database = store(tmp_path / "copy", tmp_path / "original" / "artifacts" / "shop")
    assert reanchor(database, tmp_path / "copy" / "artifacts") == 1


def test_no_store_yet_is_no_mistake(tmp_path):
    assert reanchor(tmp_path / "mlflow.db", tmp_path) == 0
    assert not (tmp_path / "mlflow.db").exists()


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "mlflow.db").write_bytes(b"junk" * 1000)
    with pytest.raises(sqlite3.DatabaseError):
        reanchor(tmp_path / "mlflow.db", tmp_path)
