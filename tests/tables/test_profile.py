"""What a table holds, told from aggregates, agrees with a count over its rows."""

from datetime import datetime

import duckdb
import narwhals as nw
import polars as pl
import pytest
from worlds import admitted, shop

from facette.tables import door, profile
from facette.tables.contract import Kind, Tables
from facette.tables.profile import TableProfile, profiles


def lines(**changed: list) -> pl.DataFrame:
    plain = {
        "customer_id": ["a", "a", "b", "c"],
        "occurred_at": [datetime(2021, 1, day, 12) for day in (5, 6, 6, 9)],
        "amount": [10.0, -2.5, 4.25, 0.0],
        "category": ["Bread", None, "Bread", "Wine"],
    }
    return pl.DataFrame(plain | changed)


@pytest.fixture(scope="module")
def tables() -> Tables:
    return admitted(shop(seed=3))


@pytest.fixture(scope="module")
def found(tables: Tables) -> dict[str, TableProfile]:
    return profiles(tables, 2)


def test_every_table_and_column_is_told(tables: Tables, found: dict[str, TableProfile]) -> None:
    assert list(found) == list(tables.frames)
    for name, table in found.items():
        assert [column.name for column in table.columns] == tables.columns(name)


def test_counts_agree_with_the_rows(tables: Tables, found: dict[str, TableProfile]) -> None:
    for name, table in found.items():
        rows = tables[name].collect("polars").to_native()
        assert table.rows == len(rows)
        for column in table.columns:
            values = rows[column.name]
            assert column.missing == values.null_count()
            assert column.distinct == values.drop_nulls().n_unique()
            if column.frequent is not None:
                assert column.frequent_rows == int(
                    values.drop_nulls().value_counts()["count"].max()
                )


def test_money_is_told_in_currency_units_and_instants_as_dates() -> None:
    table = profiles(admitted({"transactions": lines()}), 2)["transactions"]
    amount, moment = table.column("amount"), table.column("occurred_at")
    assert (amount.kind, amount.least, amount.most) == (Kind.money, -2.5, 10.0)
    assert moment.most == datetime(2021, 1, 9, 12)
    assert (table.first, table.last) == (datetime(2021, 1, 5, 12), datetime(2021, 1, 9, 12))


def test_an_empty_cell_is_no_value() -> None:
    category = profiles(admitted({"transactions": lines()}), 2)["transactions"].column("category")
    assert (category.missing, category.distinct) == (1, 2)
    assert (category.frequent, category.frequent_rows) == ("Bread", 2)


def test_of_equally_frequent_values_the_first_is_told() -> None:
    frame = lines(category=["Wine", "Wine", "Bread", "Bread"])
    table = profiles(admitted({"transactions": frame}), 2)["transactions"]
    assert table.column("category").frequent == "Bread"


def test_attributes_are_of_the_kind_their_type_says() -> None:
    people = pl.DataFrame(
        {"customer_id": ["a", "z"], "region": ["North", "West"], "age": [31, None],
         "member": [True, False], "rows": ["x", "x"]}
    )  # fmt: skip
    tables = admitted({"transactions": lines(), "customers": people}, static_attributes=[])
    table = profiles(tables, 2)["customers"]
    kinds = [table.column(name).kind for name in ("region", "age", "member")]
    assert kinds == [Kind.text, Kind.number, Kind.flag]
    assert (table.column("age").least, table.share_missing(table.column("age"))) == (31, 0.5)
    assert (table.column("rows").frequent, table.column("rows").frequent_rows) == ("x", 2)


def test_customers_without_a_transaction_are_told_apart() -> None:
    people = pl.DataFrame({"customer_id": ["a", "b", "y", "z"], "region": ["N", "S", "W", "W"]})
    table = profiles(admitted({"transactions": lines(), "customers": people}), 2)["customers"]
    assert (table.customers, table.of_buyers) == (4, 2)


def test_a_database_tells_the_same(tables: Tables, found: dict[str, TableProfile]) -> None:
    session = duckdb.connect()
    frames = {
        name: nw.from_native(session.from_arrow(frame.collect("pyarrow").to_native()))
        for name, frame in tables.frames.items()
    }
    assert profiles(Tables(frames, tables.first_at, tables.observed_until), 2) == found


def test_a_scanned_table_is_told_exactly_a_share_of_its_values_at_a_time(
    found: dict[str, TableProfile], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes, ask = list[int](), profile._counted

    def seen(part: nw.LazyFrame, kind: Kind) -> dict[str, object]:
        sizes.append(len(part.collect("polars")))
        return ask(part, kind)

    monkeypatch.setattr(door, "ROWS_A_PASS", 200)
    monkeypatch.setattr(profile, "_counted", seen)
    scanned = admitted(shop(seed=3), rows_in_memory=0)
    assert profiles(scanned, 2) == found
    columns, cells = (
        sum(len(table.columns) * (table.rows if of_rows else 1) for table in found.values())
        for of_rows in (False, True)
    )
    assert len(sizes) == columns * scanned.passes > columns * 3
    assert sum(sizes) == cells
