"""Awkward files by the real command line: read to their rows, or refused in one line."""

import re
from pathlib import Path

import polars as pl
import pytest
from awkward import READ, REFUSED, Awkward
from own_files import rows_of, tables_of
from worlds import at

from facette import cli
from facette.settings.data import Reading
from facette.tables.door import microseconds


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, beside the files."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def written(case: Awkward, folder: Path) -> Path:
    path = folder / f"sales{case.suffix}"
    path.write_bytes(case.content)
    return path


def overrides(case: Awkward, path: Path) -> list[str]:
    """What one types to have this file read."""
    table = "data.transactions"
    columns = [f"{table}.columns.{name}={text}" for name, text in case.columns.items()]
    told = [f"{table}.read.{key}={value}" for key, value in case.read.items()]
    return ["data=files", "data.name=shop", f"{table}.path={path}", *columns, *told]


@pytest.mark.parametrize("name", READ)
def test_a_file_that_can_be_read_gives_its_rows(name: str, folder: Path) -> None:
    case = READ[name]
    tables = tables_of(written(case, folder), columns=case.columns, read=Reading(**case.read))
    rows = rows_of(tables).select("customer_id", "occurred_at", "amount").rows()
    assert rows == [(c, microseconds(d, "date"), round(100 * a)) for c, d, a in case.rows]


@pytest.mark.parametrize("name", READ)
def test_a_file_that_can_be_read_is_described(
    name: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    case = READ[name]
    code = cli.main(["describe", *overrides(case, written(case, folder))])
    out, err = capfd.readouterr()
    assert (code, err) == (0, "")
    count = f"{len(case.rows)} "
    assert re.search(rf"^  transactions +{count}", out, re.MULTILINE)
    page = Path(out.splitlines()[-1].removeprefix("Page: "))
    assert "<script>alert" not in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("verb", "name"),
    [*(("describe", name) for name in REFUSED), *(("train", name) for name in list(REFUSED)[::9])],
)
def test_a_file_that_cannot_be_read_is_refused_in_one_line(
    verb: str, name: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    case = REFUSED[name]
    quiet = ["progress=false"] if verb == "train" else []
    code = cli.main([verb, *overrides(case, written(case, folder)), *quiet])
    out, err = capfd.readouterr()
    assert (code, out) == (2, "")
    assert err.startswith("facette: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert case.refused is not None
    assert re.search(case.refused, err)
    assert list(Path.cwd().iterdir()) == []
    assert sorted(path.name for path in folder.iterdir()) == ["here", f"sales{case.suffix}"]


def test_what_was_recognised_is_said(folder: Path) -> None:
    case = READ["French, cp1252"]
    tables = tables_of(written(case, folder), columns=case.columns)
    assert tables.notes == [
        "sales.csv is read as cp1252 with delimiter ';'",
        "data.transactions: day-first dates (Date d'achat); decimal comma (Montant (€)); "
        "thousands separators (Montant (€))",
    ]


def test_observation_ends_after_the_last_row(folder: Path) -> None:
    case = READ["US"]
    tables = tables_of(written(case, folder), columns=case.columns)
    assert tables.observed_until == at("2023-03-02")
    assert rows_of(tables)["occurred_at"].dtype == pl.Int64
