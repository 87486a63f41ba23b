"""A file is told by its first bytes, found however it is named, refused in one line."""

import sqlite3
import sys
from datetime import date, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest
from own_files import cells_of, rows_of, tables_of, write_workbook

from facette.errors import BadInput
from facette.settings.data import Reading
from facette.tables.opening import Opened, opened

FRAME = pl.DataFrame({"client": ["A1", "B2"], "amount": [1.5, 2.0]})


def read(path: Path | str, table: str | None = None, **told: str) -> Opened:
    return opened(str(path), table, Reading(**told), "data.transactions")


def refused(path: Path | str, table: str | None = None) -> str:
    """The one line that refuses a file."""
    with pytest.raises(BadInput) as error:
        read(path, table).frame.collect()
    line = str(error.value)
    assert line.startswith("data.transactions")
    assert "\n" not in line
    return line


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "sales.csv"
    FRAME.write_csv(path)
    return path


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(path) as made:
        made.execute("create table sales as select 'A1' client, 1.5::double amount")
        made.execute("create table returns as select 'B2' client, 2::double amount")
        FRAME.write_parquet(tmp_path / "moved")
        made.execute(f"create view gone as from read_parquet('{tmp_path}/moved')")
    (tmp_path / "moved").unlink()
    return path


@pytest.fixture
def sqlite(tmp_path: Path) -> Path:
    path = tmp_path / "shop.sqlite"
    made = sqlite3.connect(path)
    made.execute("create table sales (client, at, amount)")
    made.executemany(
        "insert into sales values (?, ?, ?)", [("007", "31/01/2023", "1,5"), (13, "01/02/2023", 3)]
    )
    made.execute("create view bought as select client, amount from sales")
    made.execute("create table empty (client, at)")
    made.commit()
    made.close()
    return path


def test_a_file_is_told_by_its_content_not_its_name(tmp_path: Path) -> None:
    FRAME.write_parquet(tmp_path / "sales.csv")
    assert read(tmp_path / "sales.csv").frame.collect().equals(FRAME)


@pytest.mark.parametrize("name", ["a file", "été/ventes (1) [2023].csv", "plain.csv", "it's.csv"])
def test_a_path_may_hold_spaces_accents_and_signs(name: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    FRAME.write_csv(tmp_path / name)
    assert read(tmp_path / name).headings == ["client", "amount"]


def test_a_home_folder_is_found(csv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(csv.parent))
    assert read("~/sales.csv").files == (csv,)
    assert "there is no file ~nobody-here/sales.csv" in refused("~nobody-here/sales.csv")


def test_links_are_followed(csv: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(csv)
    (tmp_path / "broken").symlink_to(tmp_path / "nothing")
    (tmp_path / "ring").symlink_to(tmp_path / "ring")
    assert read(tmp_path / "link").headings == ["client", "amount"]
    for name in ("broken", "ring"):
        assert "there is no file" in refused(tmp_path / name)


def test_a_folder_is_its_files_but_those_a_system_keeps(tmp_path: Path) -> None:
    folder = tmp_path / "sales"
    (folder / "older").mkdir(parents=True)
    for name in ("b.csv", "a.csv", "._a.csv", ".DS_Store", "_SUCCESS"):
        FRAME.write_csv(folder / name)
    assert [file.name for file in read(folder).files] == ["a.csv", "b.csv"]
    assert [file.name for file in read(folder / "*").files] == ["a.csv", "b.csv"]


def test_a_pattern_goes_through_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for year in ("2022", "2023"):
        (tmp_path / year / "deep").mkdir(parents=True)
        FRAME.write_parquet(tmp_path / year / "deep" / "part.parquet")
    monkeypatch.chdir(tmp_path)
    for pattern in ("**/*.parquet", "202?/deep/part.parquet", f"{tmp_path}/202[23]/*/*.parquet"):
        assert read(pattern).frame.collect().height == 4


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "no file is named; write data.transactions.path=FILE"),
        ("nowhere.csv", "there is no file nowhere.csv .seen from here/"),
        ("no_*.csv", "there is no file no_"),
        ("empty", "there is no file in the folder empty"),
        ("a**b/x.csv", "no pattern"),
    ],
)
def test_what_is_not_there_is_told(
    path: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here" / "empty" / "within").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(BadInput, match=f"^data.transactions.path: .*{message}"):
        read(path)


def test_files_of_several_kinds_or_headings_are_refused(csv: Path, tmp_path: Path) -> None:
    FRAME.write_parquet(tmp_path / "sales.parquet")
    assert "several kinds, Parquet, text" in refused(tmp_path)
    (tmp_path / "sales.parquet").unlink()
    FRAME.rename({"amount": "paid"}).write_csv(tmp_path / "tales.csv")
    line = refused(tmp_path)
    assert "tales.csv has other headings than sales.csv: not in both are 'amount', 'paid'" in line


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_headings_may_come_in_another_order_and_type(kind: str, tmp_path: Path) -> None:
    turned = pl.DataFrame({"amount": [3], "client": ["C3"]})
    for name, frame in (("a", FRAME), ("b", turned)):
        path = tmp_path / f"{name}.{kind}"
        frame.write_csv(path) if kind == "csv" else frame.write_parquet(path)
    told = read(tmp_path).frame.select("client", "amount").collect()
    assert told.rows() == [("A1", 1.5), ("B2", 2.0), ("C3", 3.0)]


def test_parquet_with_other_columns_is_refused_by_name(tmp_path: Path) -> None:
    FRAME.write_parquet(tmp_path / "a.parquet")
    FRAME.drop("amount").write_parquet(tmp_path / "b.parquet")
    assert "b.parquet has other headings than a.parquet" in refused(tmp_path)
    pl.DataFrame().write_parquet(tmp_path / "none")
    assert "has no columns" in refused(tmp_path / "none")


def test_a_table_is_named_where_there_are_several(database: Path, sqlite: Path) -> None:
    for path, names in ((database, "gone, returns, sales"), (sqlite, "bought, empty, sales")):
        assert f"table: no table is named, {path.name} has {names}" in refused(path)
        line = refused(path, "sale")
        assert f"there is no 'sale', {path.name} has {names}; did you mean 'sales'?" in line
    assert read(database, "returns").frame.collect().rows() == [("B2", 2.0)]
    assert read(sqlite, "bought").headings == ["client", "amount"]


def test_a_table_of_a_text_file_and_several_databases_are_refused(
    csv: Path, database: Path, tmp_path: Path
) -> None:
    assert "table: 'sales' is for databases and workbooks" in refused(csv, "sales")
    csv.unlink()
    (tmp_path / "again.duckdb").write_bytes(database.read_bytes())
    assert "is 2 files; give one DuckDB" in refused(tmp_path, "sales")


def test_a_view_over_a_file_that_is_gone_is_told(database: Path) -> None:
    assert "can't be read as DuckDB: " in refused(database, "gone")


def test_types_of_duckdb_that_no_column_needs_do_no_harm(tmp_path: Path) -> None:
    with duckdb.connect(tmp_path / "x.duckdb") as made:
        made.execute(
            "create table t as select 'A1'::varchar client, 1.25::decimal(9, 2) amount, [1] l, "
            "timestamptz '2023-01-31 23:30+00' at_, interval 1 day waited, 5::hugeint quantity"
        )
    tables = tables_of(
        tmp_path / "x.duckdb", columns={"customer_id": "client", "occurred_at": "at_"}
    )
    told = rows_of(tables).row(0, named=True)
    assert (told["amount"], told["quantity"]) == (125, 5.0)
    assert (
        told["occurred_at"]
        == (datetime(2023, 2, 1, 0, 30) - datetime(1970, 1, 1)).total_seconds() * 1e6
    )


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_a_scanned_database_answers_as_its_table_would(tmp_path: Path, engine: str) -> None:
    with duckdb.connect(tmp_path / "x.duckdb") as made:
        made.execute("create table t as select range i, 'c' || range % 3 client from range(1000)")
    scan = read(tmp_path / "x.duckdb").frame
    held = pl.DataFrame({"i": range(1000), "client": [f"c{i % 3}" for i in range(1000)]}).lazy()
    for asked in (
        lambda f: f.filter(pl.col("i") > 700).select("client").head(3),
        lambda f: f.head(900).filter(pl.col("i") > 700).select(pl.len()),
        lambda f: f.filter(pl.col("client") == "c1").select(pl.col("i").sum()),
        lambda f: f.select(pl.len()),
    ):
        assert asked(scan).collect(engine=engine).equals(asked(held).collect(engine=engine))


def test_texts_of_sqlite_are_recognised_and_kept_as_written(sqlite: Path) -> None:
    told = read(sqlite, "sales")
    frame = told.frame.select("client", "at", "amount", told.written("amount").alias("w")).collect()
    assert frame.rows() == [
        ("007", date(2023, 1, 31), 1.5, "1,5"), ("13", date(2023, 2, 1), 3.0, "3"),
    ]  # fmt: skip
    assert "day-first dates (at)" in told.said[0]


def test_texts_of_a_workbook_are_recognised_and_kept_as_written(tmp_path: Path) -> None:
    rows = [
        ["client", "at", "amount", "n"],
        ["007", "31/01/2023", "1,5", 1],
        ["8", "01/02/2023", "3", 2],
    ]
    told = read(write_workbook(tmp_path / "x.xlsx", {"s": rows}))
    frame = told.frame.select("client", "at", "amount", "n").collect()
    assert frame.rows() == [("007", date(2023, 1, 31), 1.5, 1), ("8", date(2023, 2, 1), 3.0, 2)]
    assert told.frame.select(told.written("client")).collect().to_series().to_list() == ["007", "8"]


def test_sheets_of_the_same_headings_stand_one_below_the_other(tmp_path: Path) -> None:
    cells = cells_of(FRAME)
    path = write_workbook(tmp_path / "x.xlsx", {"2022": cells, "2023": cells, "empty": []})
    told = read(path)
    assert told.frame.collect()["sheet"].to_list() == ["2022", "2022", "2023", "2023"]
    assert told.said == ("x.xlsx: 2 sheets, one below the other",)
    assert read(path, "2023").frame.collect().height == 2


def test_a_heading_called_sheet_is_kept(tmp_path: Path) -> None:
    cells = [["client", "sheet"], ["A1", "linen"]]
    told = read(write_workbook(tmp_path / "x.xlsx", {"a": cells, "b": cells}))
    assert told.frame.collect()["sheet"].to_list() == ["linen", "linen"]


@pytest.mark.parametrize(
    ("sheets", "message"),
    [
        ({"a": []}, "x.xlsx is an empty workbook"),
        ({"a": [["x"], [1]], "b": [["y"], [1]]}, "different headings; choose one of a, b"),
        (
            {"a": [["Sales of 2023"], ["client", "amount"], ["A1", 1]]},
            "values in 1 columns without a heading .first column 2.; the first row",
        ),
    ],
)
def test_a_workbook_that_is_no_table_is_told(
    sheets: dict[str, list[list[object]]], message: str, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=message):
        read(write_workbook(tmp_path / "x.xlsx", sheets))


def test_columns_of_a_sheet_without_heading_and_value_are_left_out(tmp_path: Path) -> None:
    rows = [["client", None, "amount"], ["A1", None, 1], ["B2", None, 2]]
    assert read(write_workbook(tmp_path / "x.xlsx", {"s": rows})).headings == ["client", "amount"]


@pytest.mark.parametrize("kind", ["DuckDB", "SQLite", "Parquet", "workbook"])
def test_broken_files_are_refused_in_one_line(
    kind: str, database: Path, sqlite: Path, tmp_path: Path
) -> None:
    path = {"DuckDB": database, "SQLite": sqlite}.get(kind, tmp_path / "x.xlsx")
    if kind == "Parquet":
        FRAME.write_parquet(path)
    if kind == "workbook":
        write_workbook(path, {"s": cells_of(FRAME)})
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:60], whole[:100] + bytes(len(whole) - 100)):
        path.write_bytes(content)
        table = "sales" if kind in {"DuckDB", "SQLite"} else None
        with pytest.raises(BadInput, match=f"can't be read as {kind}: |file cannot be read") as no:
            tables_of(path, table=table, columns={"customer_id": "client", "occurred_at": "'x'"})
        assert "\n" not in str(no.value)


def test_a_workbook_with_a_password_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.xlsx").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    assert "protected by a password; save it without one" in refused(tmp_path / "x.xlsx")


def test_a_missing_duckdb_is_told_with_the_way_to_get_it(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(BadInput, match=r"pip install 'facette\[duckdb\]'"):
        read(database, "sales")


def test_a_database_that_someone_writes_is_told(database: Path) -> None:
    with duckdb.connect(database), pytest.raises(BadInput, match="can't be read as DuckDB"):
        read(database, "sales")


def test_a_heading_is_looked_up_once_for_many(tmp_path: Path) -> None:
    found = read(FRAME.write_parquet(tmp_path / "x.parquet") or tmp_path / "x.parquet")
    assert found.headings is found.headings


@pytest.mark.parametrize(
    ("name", "told"),
    [("sales.parquet", {"decimal": "comma"}), ("shop.sqlite", {"delimiter": "semicolon"})],
)
def test_a_reading_that_a_file_has_no_use_for_is_refused(
    name: str, told: dict[str, str], tmp_path: Path, sqlite: Path
) -> None:
    FRAME.write_parquet(tmp_path / "sales.parquet")
    with pytest.raises(BadInput, match=rf"read\.{next(iter(told))}: .*{name} is .*needs none"):
        read(tmp_path / name, **told)


def test_a_name_that_looks_like_a_pattern_is_the_file_of_that_name(tmp_path: Path) -> None:
    FRAME.write_parquet(tmp_path / "a[1].parquet")
    FRAME.head(1).write_parquet(tmp_path / "a1.parquet")
    assert read(tmp_path / "a[1].parquet").frame.collect().height == 2


def test_columns_of_types_unknown_here_are_left_out_and_said(tmp_path: Path) -> None:
    path = tmp_path / "odd.duckdb"
    with duckdb.connect(path) as made:
        made.execute("create table t as select 'A1' client, union_value(k := 1) odd, [1] list")
    found = read(path)
    assert found.headings == ["client"]
    assert "left out, of types unknown here: odd, list" in found.said[0]
