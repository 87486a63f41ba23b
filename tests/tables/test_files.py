"""Whatever kind of file the rows are in, the admitted tables are the same."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from own_files import cells_of, files_data, rows_of, tables_of, write_workbook
from polars.testing import assert_frame_equal
from worlds import admitted, churn_settings, data, panel_settings, shop

from facette.errors import BadInput
from facette.settings.data import FilesData, Reading, TableFile
from facette.snapshots.panel import panel
from facette.tables import door
from facette.tables.contract import Tables
from facette.tables.door import read

COLUMNS = {"customer_id": "client", "occurred_at": "at", "amount": "paid", "product": "what"}
FRENCH = {
    "client": "N° client", "at": "Date d'achat", "paid": "Montant (€)", "what": "Désignation",
}  # fmt: skip
FIRST = [
    ("007", datetime(2022, 1, 31, 9, 5), -1234.56, "thé"),
    ("é;1", datetime(2022, 2, 1), 2, None),
]

texts = st.text("aAé019 ;,.\"'-_|#", min_size=1, max_size=6).map(str.strip).filter(bool)
rows = st.lists(
    st.tuples(
        texts,
        st.integers(0, 300 * 86_400).map(lambda s: datetime(2022, 1, 1) + timedelta(seconds=s)),
        st.integers(-10**7, 10**7).map(lambda cents: cents / 100),
        st.none() | texts,
    ),
    max_size=8,
)  # fmt: skip


def frame_of(drawn: list[tuple[Any, ...]]) -> pl.DataFrame:
    schema = {"client": pl.String, "at": pl.Datetime("us"), "paid": pl.Float64, "what": pl.String}
    return pl.DataFrame([*FIRST, *drawn], schema=schema, orient="row")


Writer = Callable[[pl.DataFrame, Path], TableFile]


def _plain_csv(frame: pl.DataFrame, folder: Path) -> TableFile:
    frame.write_csv(folder / "plain.csv")
    return TableFile(path=str(folder / "plain.csv"), columns=dict(COLUMNS))


def _french_csv(frame: pl.DataFrame, folder: Path) -> TableFile:
    told = frame.with_columns(
        pl.col("at").dt.strftime("%d/%m/%Y %H:%M:%S"),
        pl.col("paid").map_elements(lambda n: f"{n:.2f}".replace(".", ","), pl.String),
    ).rename(FRENCH)
    (folder / "french.csv").write_bytes(told.write_csv(separator=";").encode("cp1252"))
    columns = {name: FRENCH[heading].upper() for name, heading in COLUMNS.items()}
    return TableFile(path=str(folder / "french.csv"), columns=columns)


def _tabs_in_utf16(frame: pl.DataFrame, folder: Path) -> TableFile:
    text = frame.write_csv(separator="\t", datetime_format="%Y-%m-%dT%H:%M:%S")
    (folder / "tabs.txt").write_bytes(text.replace("\n", "\r\n").encode("utf-16"))
    return TableFile(path=str(folder / "tabs.txt"), columns=dict(COLUMNS))


def _parquet(frame: pl.DataFrame, folder: Path) -> TableFile:
    frame.write_parquet(folder / "one.parquet")
    return TableFile(path=str(folder / "one.parquet"), columns=dict(COLUMNS))


def _folder_of_parquet(frame: pl.DataFrame, folder: Path) -> TableFile:
    parts = folder / "ventes été"
    parts.mkdir()
    for at in range(0, len(frame), 3):
        frame[at : at + 3].write_parquet(parts / f"{at:04}.parquet")
    (parts / "_SUCCESS").touch()
    return TableFile(path=str(parts), columns=dict(COLUMNS))


def _pattern_of_csv(frame: pl.DataFrame, folder: Path) -> TableFile:
    for at in range(0, len(frame), 2):
        frame[at : at + 2].write_csv(folder / f"part_{at:04}.csv")
    (folder / "part_none.txt").write_text("no part")
    return TableFile(path=str(folder / "part_*.csv"), columns=dict(COLUMNS))


def _duckdb(frame: pl.DataFrame, folder: Path, name: str = "sales") -> TableFile:
    with duckdb.connect(folder / f"{name}.duckdb") as database:
        database.register("rows", frame.to_arrow())
        database.execute("create table sales as from rows")
        database.execute("create view bought as select * exclude (what), what from sales")
    return TableFile(path=str(folder / f"{name}.duckdb"), table=name, columns=dict(COLUMNS))


def _duckdb_view(frame: pl.DataFrame, folder: Path) -> TableFile:
    return _duckdb(frame, folder, "bought")


def _sqlite(frame: pl.DataFrame, folder: Path) -> TableFile:
    database = sqlite3.connect(folder / "shop.db")
    database.execute("create table sales (client text, at text, paid real, what text)")
    told = frame.with_columns(pl.col("at").dt.strftime("%Y-%m-%d %H:%M:%S"))
    database.executemany("insert into sales values (?, ?, ?, ?)", told.rows())
    database.commit()
    database.close()
    return TableFile(path=str(folder / "shop.db"), columns=dict(COLUMNS))


def _workbook(frame: pl.DataFrame, folder: Path) -> TableFile:
    write_workbook(folder / "one.xlsx", {"Ventes": cells_of(frame), "Empty": []})
    return TableFile(path=str(folder / "one.xlsx"), columns=dict(COLUMNS))


def _workbook_of_texts(frame: pl.DataFrame, folder: Path) -> TableFile:
    told = frame.with_columns(pl.col("at").dt.strftime("%d/%m/%Y %H:%M:%S"))
    notes = [["nothing", "to see"], ["here", 1]]
    write_workbook(folder / "texts.xlsx", {"notes": notes, "sales": cells_of(told)})
    return TableFile(path=str(folder / "texts.xlsx"), table="sales", columns=dict(COLUMNS))


def _workbook_of_sheets(frame: pl.DataFrame, folder: Path) -> TableFile:
    sheets = {"January": cells_of(frame[:2]), "later": cells_of(frame[2:])}
    write_workbook(folder / "sheets.xlsx", sheets)
    return TableFile(path=str(folder / "sheets.xlsx"), columns=dict(COLUMNS))


WRITERS: list[Writer] = [
    _plain_csv, _french_csv, _tabs_in_utf16, _parquet, _folder_of_parquet, _pattern_of_csv,
    _duckdb, _duckdb_view, _sqlite, _workbook, _workbook_of_texts, _workbook_of_sheets,
]  # fmt: skip


@pytest.mark.slow
@settings(max_examples=6)
@given(drawn=rows)
def test_every_kind_of_file_gives_the_same_table(drawn: list[tuple[Any, ...]]) -> None:
    frame = frame_of(drawn)
    named = frame.rename({own: name for name, own in COLUMNS.items()})
    expected = admitted({"transactions": named}, observed_until=None)
    with TemporaryDirectory() as place:
        for write in WRITERS:
            table = write(frame, Path(place))
            for rows_in_memory in (0, 1_000):
                tables = read(files_data(transactions=table, rows_in_memory=rows_in_memory))
                assert_frame_equal(rows_of(tables), rows_of(expected), check_column_order=False)
                assert counted_ids(tables) == counted_ids(expected)
                assert tables.observed_until == expected.observed_until


def counted_ids(tables: Tables) -> list[str]:
    return [note for note in tables.notes if "values written as 1.0" in note]


def write_world(frames: dict[str, pl.DataFrame], folder: Path, kind: str) -> dict[str, TableFile]:
    """Each table of a world in a file of this kind, or in one DuckDB file."""
    folder.mkdir(exist_ok=True)
    if kind == "duckdb":
        with duckdb.connect(folder / "world.duckdb") as database:
            for name, frame in frames.items():
                database.register("rows", frame.to_arrow())
                database.execute(f"create table {name} as from rows")
        path = str(folder / "world.duckdb")
        return {name: TableFile(path=path, table=name) for name in frames}
    for name, frame in frames.items():
        path = folder / f"{name}.{kind}"
        frame.write_parquet(path) if kind == "parquet" else frame.write_csv(path)
    return {name: TableFile(path=str(folder / f"{name}.{kind}")) for name in frames}


def world_data(tables: dict[str, TableFile], **changed: Any) -> FilesData:
    told = data(**changed)
    plain = {key: value for key, value in vars(told).items() if key not in {"source", "name"}}
    return files_data(**plain, **tables)


def digests_of(tables: Tables, told: FilesData) -> tuple[dict[str, str], list[str]]:
    made = panel(tables, panel_settings(), churn_settings(), told)
    return made.digests(), made.notes


@pytest.fixture(scope="module")
def world() -> dict[str, pl.DataFrame]:
    return shop(seed=5, customers=40)


@pytest.mark.parametrize("kind", ["csv", "parquet", "duckdb"])
def test_all_tables_of_a_shop_come_in_as_the_frames_do(
    world: dict[str, pl.DataFrame], kind: str, tmp_path: Path
) -> None:
    told = world_data(write_world(world, tmp_path, kind))
    people = world["customers"].select("customer_id", "acquired_at", "region", "mood")
    tables, expected = read(told), admitted(world | {"customers": people})
    assert tables.rows == expected.rows
    assert digests_of(tables, told) == digests_of(expected, told)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["parquet", "duckdb"])
def test_scanned_tables_give_the_snapshots_of_held_ones(
    world: dict[str, pl.DataFrame], kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = write_world(world, tmp_path, kind)
    held = read(world_data(files))
    monkeypatch.setattr(door, "ROWS_A_PASS", 700)
    scanned = read(world_data(files, rows_in_memory=0))
    assert (held.passes, scanned.passes > 3) == (1, True)
    assert scanned.notes == held.notes
    assert scanned.cleaning == held.cleaning
    told = world_data(files)
    assert digests_of(scanned, told) == digests_of(held, told)


def test_where_and_mapping_are_the_same_scanned_and_held(
    world: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    files = write_world(world, tmp_path, "parquet")
    lines = files["transactions"]
    lines.where, lines.columns = "amount > 3 and quantity < 3", {"amount": "amount * quantity"}
    held, scanned = (read(world_data(files, rows_in_memory=n)) for n in (10**7, 0))
    assert held.cleaning == scanned.cleaning
    assert_frame_equal(rows_of(held), rows_of(scanned))
    assert digests_of(held, world_data(files)) == digests_of(scanned, world_data(files))


@pytest.mark.parametrize(
    ("yes", "no"), [("yes", "no"), ("Oui", "NON"), ("vrai", "faux"), ("1.0", "0.0"), ("Y", "n")]
)
def test_flags_are_read_in_words(
    world: dict[str, pl.DataFrame], yes: str, no: str, tmp_path: Path
) -> None:
    worded = pl.when("objected").then(pl.lit(yes)).otherwise(pl.lit(no)).alias("objected")
    files = write_world(
        world | {"consents": world["consents"].with_columns(worded)}, tmp_path, "csv"
    )
    consents = rows_of(read(world_data(files)), "consents")
    assert consents["objected"].to_list() == world["consents"]["objected"].to_list()


def test_other_columns_of_customers_become_attributes(
    world: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    files = write_world(world, tmp_path, "csv")
    spec_and_notes = []
    for static in (["region"], []):
        told = world_data(files, static_attributes=static)
        made = panel(read(told), panel_settings(), churn_settings(), told)
        spec_and_notes.append((made.spec.attributes, " ".join(made.notes)))
    (declared, notes), (none, all_notes) = spec_and_notes
    assert "region" in declared
    assert "mood are refused as features: undated" in notes
    assert "region" not in none
    assert "region, mood are refused" in all_notes


def test_a_static_attribute_that_is_not_there_is_refused(
    world: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    told = world_data(write_world(world, tmp_path, "csv"), static_attributes=["regoin"])
    with pytest.raises(BadInput, match=r"static_attributes.*regoin.*did you mean 'region'"):
        panel(read(told), panel_settings(), churn_settings(), told)


def test_ids_are_text_as_written(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("client,at,paid\n007,2023-01-01,1\n7,2023-01-02,2\n1e3,2023-01-03,3\n")
    told = rows_of(tables_of(path, columns=COLUMNS | {"product": ""}))
    assert told["customer_id"].to_list() == ["007", "7", "1e3"]


@pytest.mark.parametrize("kind", ["csv", "parquet", "xlsx"])
def test_whole_numbers_with_a_point_are_the_customers_without(kind: str, tmp_path: Path) -> None:
    at = [datetime(2023, 1, day) for day in (1, 2, 3)]
    path = tmp_path / f"s.{kind}"
    frame = pl.DataFrame({"client": [13085.0, 1.0, 1.0], "at": at, "paid": [1.0, 2.0, 3.0]})
    if kind == "csv":
        path.write_text("client,at,paid\n13085.0,2023-01-01,1\n1.0,2023-01-02,2\n1,2023-01-03,3\n")
    else:
        frame.write_parquet(path) if kind == "parquet" else write_workbook(
            path, {"s": cells_of(frame)}
        )
    tables = tables_of(path, columns=COLUMNS | {"product": ""})
    assert rows_of(tables)["customer_id"].to_list() == ["13085", "1", "1"]
    counted = "transactions.customer_id: 2 values written as 1.0 are read as 1"
    assert (counted in tables.notes) == (kind == "csv")


@pytest.mark.parametrize("missing", [float("nan"), None])
def test_a_number_that_is_missing_is_no_customer(missing: float | None, tmp_path: Path) -> None:
    at = [datetime(2023, 1, 1), datetime(2023, 1, 2)]
    frame = pl.DataFrame({"client": [1.0, missing], "at": at, "paid": [1.0, 2.0]})
    frame.write_parquet(tmp_path / "s.parquet")
    with pytest.raises(BadInput, match=r"transactions\.customer_id: 1 of 2 rows"):
        tables_of(tmp_path / "s.parquet", columns=COLUMNS | {"product": ""})


@pytest.mark.parametrize("kind", ["csv", "parquet", "duckdb", "xlsx"])
def test_blanks_are_missing_in_any_kind_of_file(kind: str, tmp_path: Path) -> None:
    frame = frame_of([("  ", datetime(2022, 3, 1), 1.0, "x")])
    write = {"csv": _plain_csv, "parquet": _parquet, "duckdb": _duckdb, "xlsx": _workbook}[kind]
    with pytest.raises(BadInput, match=r"transactions\.customer_id: 1 of 3 rows .* missing"):
        read(files_data(transactions=write(frame, tmp_path)))


def test_only_transactions_are_required(tmp_path: Path) -> None:
    table = _plain_csv(frame_of([]), tmp_path)
    assert list(read(files_data(transactions=table)).frames) == ["transactions"]
    with pytest.raises(BadInput, match=r"data\.transactions\.path: no file is named"):
        read(files_data(customers=table))


def test_digests_tell_files_of_one_name_apart(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    lines, people = tmp_path / "a" / "data.csv", tmp_path / "b" / "data.csv"
    lines.write_text("customer_id,occurred_at,amount\n1,2023-01-01,1\n")
    people.write_text("customer_id,region\n1,West\n")
    tables = read(files_data(
        transactions=TableFile(path=str(lines)), customers=TableFile(path=str(people))
    ))  # fmt: skip
    assert sorted(tables.digests) == [lines.as_posix(), people.as_posix()]
    assert len(set(tables.digests.values())) == 2


def test_one_database_of_many_tables_is_digested_once(
    world: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    tables = read(world_data(write_world(world, tmp_path, "duckdb")))
    assert list(tables.digests) == ["world.duckdb"]


def test_an_unknown_source_is_refused() -> None:
    with pytest.raises(BadInput, match=r"data\.source.*'fiels'"):
        read(files_data(source="fiels"))


MANY = 10_000_000
CHILD = """if True:
    import sys
    from pathlib import Path
    sys.path[:0] = sys.argv[3:]
    from own_files import tables_of
    tables = tables_of(Path(sys.argv[1]), rows_in_memory=int(sys.argv[2]))
    assert tables.rows == {"transactions": 10_000_000}, tables.rows
    with open("/proc/self/status") as told:
        print(next(line.split()[1] for line in told if line.startswith("VmHWM")))
"""


def peak_mb(path: Path, rows_in_memory: int) -> float:
    """The most memory that a process of its own held while it read this file."""
    here = Path(__file__).parent
    command = [
        sys.executable,
        "-c",
        CHILD,
        str(path),
        str(rows_in_memory),
        str(here),
        str(here.parent),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout) / 1024


@pytest.mark.slow
def test_a_scanned_table_is_never_held(tmp_path: Path) -> None:
    path, row = tmp_path / "many.parquet", pl.col("row")
    pl.select(row=pl.int_range(MANY)).lazy().select(
        customer_id=pl.format("customer-{}", row * 2_654_435_761 % 200_000),
        occurred_at=pl.datetime(2021, 1, 1) + pl.duration(seconds=row * 7_919 % 63_000_000),
        amount=row * 37 % 10_000 / 100,
        product=pl.format("product-{}", row * 31 % 5_000),
        channel=pl.lit("web"),
    ).sink_parquet(path, row_group_size=250_000)
    assert peak_mb(path, 0) < 0.7 * peak_mb(path, 2 * MANY)


def test_rows_that_differ_in_a_column_nothing_uses_are_no_repeats(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    lines = ["a,2023-01-15,1.5,x", "a,2023-01-15,1.5,y", "a,2023-01-15,1.5,y"]
    path.write_text("\n".join(["client,date,amount,item", *lines]))
    columns = {"customer_id": "client", "occurred_at": "date"}
    kept = tables_of(path, columns=columns)
    assert [note for note in kept.notes if "1 rows repeat another row exactly" in note]
    assert "whole row" not in kept.columns("transactions")
    dropped = tables_of(path, columns=columns, drop_duplicates=True)
    assert dropped.rows == {"transactions": 2}
    assert dropped.cleaning[0].dropped == {"differs from every earlier row": 1}


def test_a_form_that_was_set_is_named_where_it_reads_no_date(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_text("client,date,amount\na,15/02/2023,1.5\nb,01/03/2023,2\nc,02/03/2023,2\n")
    columns = {"customer_id": "client", "occurred_at": "date"}
    with pytest.raises(BadInput, match="as data.transactions.read.date_format=%m/%d/%Y reads them"):
        tables_of(path, columns=columns, read=Reading(date_format="%m/%d/%Y"))
