"""The scan finds an id whatever it is written in, and nothing but the whole id."""

import gzip
import json
import sqlite3
import zipfile
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scanning import objectors_before, traces_of

WHO = "Ünal-7 & Söhne"


def as_parquet(path: Path) -> None:
    frame = pl.DataFrame({"x": [1, 2], "who": ["other", WHO]}).with_columns(
        pl.struct("x", "who").alias("nested")
    )
    frame.select("x", "nested").write_parquet(path)


def as_database(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("create table t (n integer, content blob)")
        database.execute("insert into t values (?, ?)", (1, f"<{WHO}>".encode()))
    database.close()


def as_archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner/x.json", json.dumps({"a": [{WHO: 1}]}))


WAYS = {
    "x.parquet": as_parquet,
    "mlflow.db": as_database,
    "x.skops": as_archive,
    "x.json": lambda path: path.write_text(json.dumps({"a": {"b": [f"{WHO}: 1"]}})),
    "x.html": lambda path: path.write_text(
        "<td>&Uuml;nal-<b>7</b> &amp; S&#246;hne</td>", encoding="utf-8"
    ),
    "x.csv": lambda path: path.write_text(f'a,"{WHO}"\n', encoding="utf-8"),
    "x.npz": lambda path: np.savez_compressed(path, ids=np.array(["a", WHO])),
    "x.log.gz": lambda path: path.write_bytes(gzip.compress(f"… {WHO} …".encode())),
    "x.bin": lambda path: path.write_bytes(b"\x00\xff" + WHO.encode() + b"\x00"),
    "wide.bin": lambda path: path.write_bytes(WHO.encode("utf-16-le")),
}


@pytest.mark.parametrize("name", WAYS)
def test_an_id_is_found_in(name: str, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    WAYS[name](tmp_path / "deep" / name)
    assert traces_of({WHO, "nobody"}, tmp_path) == {f"deep/{name}": {WHO}}


def test_an_id_is_found_in_the_name_of_a_file_and_in_what_was_said(tmp_path: Path) -> None:
    (tmp_path / "card-c12.txt").write_text("nothing")
    found = traces_of({"c12"}, tmp_path, said={"printed": "first: c12, c13"})
    assert found == {"card-c12.txt": {"c12"}, "printed": {"c12"}}


@pytest.mark.parametrize("text", ["c123", "xc12", "ac12b", "C12"])
def test_a_part_of_another_word_is_no_trace(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(text)
    assert traces_of({"c12"}, tmp_path) == {}


@pytest.mark.parametrize("text", ["c12", "(c12)", '"c12"', "c12_1", "a-c12.", "c12\x00"])
def test_what_stands_around_an_id_hides_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(text)
    assert traces_of({"c12"}, tmp_path) == {"a.txt": {"c12"}}


def test_what_is_left_aside_is_not_searched(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.txt").write_text("c12")
    (tmp_path / "b.txt").write_text("c12")
    assert set(traces_of({"c12"}, tmp_path, aside=[tmp_path / "raw"])) == {"b.txt"}


def test_the_latest_word_on_all_marketing_before_the_date_counts(tmp_path: Path) -> None:
    day = [datetime(2024, month, 1) for month in range(1, 7)]
    rows = [
        ("objects", None, day[0], True),
        ("takes it back", None, day[0], True), ("takes it back", None, day[1], False),
        ("again", None, day[0], True), ("again", None, day[1], False),
        ("again", None, day[2], True),
        ("mail only", "mail", day[0], True),
        ("later", None, day[4], True),
        ("on the day", None, day[3], True),
        ("silent since", None, day[0], True), ("silent since", None, day[1], None),
        ("both at once", None, day[0], True), ("both at once", None, day[0], False),
    ]  # fmt: skip
    columns = {"customer_id": pl.String, "channel": pl.String, "recorded_at": pl.Datetime("us"),
               "objected": pl.Boolean}  # fmt: skip
    pl.DataFrame(rows, schema=columns, orient="row").write_parquet(tmp_path / "consents.parquet")
    found = objectors_before(tmp_path, "2024-04-01")
    assert found == {"objects", "again", "silent since", "both at once"}
