"""One expression gives one answer on every engine, and nothing but an expression gets through."""

from datetime import date, datetime
from typing import Any

import duckdb
import narwhals as nw
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facette.errors import BadInput
from facette.expressions import keep, parse

TABLE = pl.DataFrame(
    {
        "row": list(range(8)),
        "amount": [10, -5, 0, None, 300, 7, None, 1],
        "units": pl.Series([3, 200, 0, 4, None, 2, None, 255], dtype=pl.UInt8),
        "rate": [0.1, None, 0.3, 2.5, 0.0, 1.0, None, -1.5],
        "ratio": pl.Series([0.1, 0.2, None, 2.5, 0.0, 1.0, None, -1.5], dtype=pl.Float32),
        "region": ["West", "west", None, "L'Est", "", "West End", None, "Ünder"],
        "kind": pl.Series(["b", "a", None, "a", "c", "b", None, "a"], dtype=pl.Categorical),
        "vip": [True, False, None, True, None, False, None, True],
        "day": [date(2017, 3, day) if day else None for day in (1, 2, 0, 3, 31, 1, 0, 2)],
        "seen": [
            datetime(2017, 3, day, hour) if day else None
            for day, hour in ((1, 0), (1, 12), (0, 0), (2, 1), (31, 23), (1, 13), (0, 0), (2, 0))
        ],
        "spend 90d": [1.0, 2.0, 3.0, None, 5.0, 6.0, None, 8.0],
        "group": ["x", "y", "x", None, "y", "x", None, "y"],
    }
)

CONDITIONS = [
    "amount > 5",
    "amount == 10",
    "amount = 10 or amount != 10",
    "amount <> 10",
    "not amount > 5",
    "not (amount > 5 and vip)",
    "amount > 5 or region = 'West'",
    "amount <= 5 and not vip",
    "amount is null",
    "amount is not null and vip is null",
    "(amount > 5) is null",
    "not amount is null or amount = 7 and vip",
    "amount in (10, -5, 7)",
    "amount in [10, 7.0, 0.5]",
    "amount not in (10, -5)",
    "rate in (0.1, 1)",
    "region in ('West', \"L'Est\", '')",
    "region not in ['West']",
    "region = 'L''Est'",
    "region < 'a'",
    "starts_with(region, 'West')",
    "not starts_with(region, 'We')",
    "kind > 'a'",
    "starts_with(kind, 'b')",
    "vip",
    "not vip",
    "vip == false",
    "vip = (amount > 5)",
    "vip != amount is null",
    "vip = amount < 8",
    "vip in (true)",
    "day >= '2017-03-02'",
    "day in ('2017-03-01', '2017-03-31')",
    "'2017-03-02' > day",
    "seen > '2017-03-01 12:00'",
    "seen < '2017-03-02'",
    "seen not in ('2017-03-01T12:00:00', '2017-03-02')",
    "day = seen",
    "seen > day",
    "`spend 90d` / amount > 0.2",
    "amount / units > 0.5",
    "amount / 0 is null",
    "1 / amount < 1",
    "not amount = amount / (amount / amount)",
    "-units < -100",
    "units - amount < 0",
    "units * units > 60000",
    "units > 256",
    "-(amount + 2) * 3 < -20",
    "rate + 0.2 = 0.3",
    "rate + 0.2 = 0.30000000000000004",
    "ratio = 0.1",
    "amount - units - 1 > 3",
    "`group` = 'x' and group != \"y\"",
    "amount > 5 or amount <= 5 or vip",
    "2 > 1",
    "false",
    "true or vip",
]

VALUES = [
    "amount * 2 - units",
    "amount / units",
    "-rate / 3",
    "amount > 5",
    "vip and amount > 5",
    "vip is null",
    "region",
    "`spend 90d` + 1e2",
]


def rows(frame: Any) -> list[int]:
    """The numbers of the rows of any frame."""
    lazy = nw.from_native(frame).lazy().select("row").collect("polars")
    return sorted(lazy["row"].to_list())


def pandas_arrow() -> pd.DataFrame:
    return TABLE.to_pandas(use_pyarrow_extension_array=True)


def pandas_nullable() -> pd.DataFrame:
    frame = TABLE.with_columns(pl.col("kind").cast(pl.String)).to_pandas().convert_dtypes()
    days = pandas_arrow()["day"]  # pandas has no dates of its own, only Arrow's
    return frame.astype({"kind": "category", "units": "UInt8"}).assign(day=days)


def pandas_plain() -> pd.DataFrame:
    return pandas_nullable().astype({"amount": "float64", "rate": "float64", "region": "object"})


def duckdb_relation() -> duckdb.DuckDBPyRelation:
    return duckdb.from_arrow(TABLE.with_columns(pl.col("kind").cast(pl.String)).to_arrow())


def as_sql_reads_it() -> duckdb.DuckDBPyRelation:
    """Integers as the contract tables hold them: SQL text can't widen them, knowing no types."""
    return duckdb_relation().project("* replace (units::bigint as units)")


FRAMES = {
    "polars": lambda: TABLE,
    "polars lazy": TABLE.lazy,
    "pandas plain": pandas_plain,
    "pandas nullable": pandas_nullable,
    "pandas arrow": pandas_arrow,
    "arrow": TABLE.to_arrow,
    "duckdb": duckdb_relation,
}


@pytest.mark.parametrize("engine", FRAMES)
@pytest.mark.parametrize("text", CONDITIONS)
def test_every_engine_keeps_the_rows_sql_keeps(text: str, engine: str) -> None:
    frame = FRAMES[engine]()
    kept = keep(frame, text, "where")
    assert type(kept) is type(frame)
    expected = as_sql_reads_it().filter(parse(text, "where").sql())
    assert rows(kept) == rows(expected)


@pytest.mark.parametrize("engine", FRAMES)
@pytest.mark.parametrize("text", [*VALUES, *CONDITIONS])
def test_every_engine_gives_the_value_sql_gives(text: str, engine: str) -> None:
    frame = nw.from_native(FRAMES[engine]())
    expression = parse(text, "where")
    value = expression.to_narwhals(frame.collect_schema()).alias("value")
    found = frame.with_columns(value).lazy().collect("polars").sort("row")["value"].to_list()
    told = as_sql_reads_it().project(f"row, {expression.sql()} as value").order("row").fetchall()
    assert found == [value for _, value in told]


numbers = st.sampled_from(["amount", "units", "rate", "`spend 90d`", "0", "1", "-3", "0.5", "1e2"])
texts = st.sampled_from(["region", "`group`", "kind", "'West'", '"x"', "''", "'L''Est'"])
instants = st.sampled_from(["day", "seen"])


def both(sides: st.SearchStrategy[str], signs: list[str]) -> st.SearchStrategy[str]:
    """`left sign right`, each side in parentheses or not."""
    side = st.one_of(sides, sides.map("({})".format))
    return st.tuples(side, st.sampled_from(signs), side).map(" ".join)


signs = ["=", "==", "!=", "<>", "<", "<=", ">", ">="]
sums = st.recursive(numbers, lambda part: both(part, ["+", "-", "*", "/"]), max_leaves=4)
questions = st.one_of(
    both(sums, signs),
    both(texts, signs),
    both(instants, signs),
    instants.map("{} >= '2017-03-02'".format),
    sums.map("{} in (1, 10, 0.5)".format),
    texts.map("{} not in ['West', 'x']".format),
    numbers.map("{} is null".format),
    st.just("starts_with(region, 'We')"),
    st.just("vip"),
)
answers = st.recursive(
    questions,
    lambda part: st.one_of(
        both(part, ["and", "or"]),
        part.map("not {}".format),
        part.map("not ({})".format),
        part.map("({}) is not null".format),
        part.map("({}) = vip".format),
    ),
    max_leaves=5,
)


@pytest.mark.slow
@settings(deadline=None, max_examples=50)
@given(text=answers)
def test_any_expression_keeps_the_rows_sql_keeps(text: str) -> None:
    expected = rows(as_sql_reads_it().filter(parse(text, "where").sql()))
    assert rows(keep(TABLE, text, "where")) == expected
    assert rows(keep(pandas_plain(), text, "where")) == expected


@given(text=st.text())
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    said = ""
    try:
        parse(text, "where")
    except BadInput as error:
        said = str(error)
    assert said == "" or (said.startswith("where: ") and said.isprintable())


HOSTILE = [
    "__import__('os').system('x')",
    "(lambda: 1)()",
    "a; drop table x",
    "a;",
    "select 1",
    "(select 1) > 0",
    "a in (select b from c)",
    "open('x')",
    "exec('x')",
    "a.b.c",
    "a.*",
    "*",
    "__class__",
    "`__class__` = 1",
    "a[0]",
    "{{ a }}",
    "a -> b",
    "a := 1",
    "a = null",
    "a in (1, null)",
    "a in ()",
    "a in (b)",
    "a is true",
    "starts_with(a, b)",
    "starts_with('a', 'b')",
    "case when a then b end",
    "count(*) > 1",
    "cast(a as int)",
    "a between 1 and 2",
    "a as b",
    "a, b",
    "a > 1 -- and b",
    "a > 1 /* and b */",
    "a = 1e999",
    "a = 'x",
    "a = 'x' 'y'",
    "(a",
    "a)",
    "a and",
    "",
    " \n ",
    "(" * 10_000 + "a" + ")" * 10_000,
    "not " * 10_000 + "a",
    "-" * 10_000 + "a",
    "a" + " + a" * 10_000,
    "9" * 10_000,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_no_expression_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(BadInput) as refusal:
        parse(text, "snapshot.perimeter")
    assert str(refusal.value).startswith("snapshot.perimeter: ")
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 400


def test_a_refusal_shows_the_offending_part_and_what_there_is() -> None:
    with pytest.raises(BadInput, match=r"^where: open\('x'\) is not .* which has and, or, not"):
        parse("amount > 3 and open('x')", "where")


def test_the_deepest_expression_that_is_read_is_worked_out() -> None:
    assert rows(keep(TABLE, "amount" + " + 1" * 95 + " > 100", "where")) == [0, 4, 5]


def test_a_long_chain_and_a_long_list_are_read() -> None:
    chain = " or ".join(f"amount = {number}" for number in range(2_000))
    assert rows(keep(TABLE, chain, "where")) == [0, 2, 4, 5, 7]
    listed = f"amount in ({', '.join(map(str, range(20_000)))})"
    assert rows(keep(TABLE, listed, "where")) == [0, 2, 4, 5, 7]


MIXED = {
    "amount > 'abc'": "amount is a number, 'abc' is text",
    "'abc' = amount": "'abc' is text, amount is a number",
    "region = 3": "region is text, 3 is a number",
    "region in (3)": "region is text, 3 is a number",
    "1 < amount < 3": "1 < amount is true or false, 3 is a number",
    "vip > false": "true and false have no order",
    "vip + 1 > 2": "vip is true or false, where a number is needed",
    "seen - day > 3": "seen is a date and time, where a number is needed",
    "amount": "amount is a number, where true or false is needed",
    "not amount": "amount is a number, where true or false is needed",
    "amount and vip": "amount is a number, where true or false is needed",
    "starts_with(amount, '3')": "amount is a number, where text is needed",
    "day > region": "day is a date, region is text",
    "day > '2017-03-01 12:00'": "'2017-03-01 12:00' is compared with a date; write it as",
    "day > '2017-02-30'": "'2017-02-30' is compared with a date",
    "seen > '01/03/2017'": "'01/03/2017' is compared with a date and time; write it as",
    "seen > '20170301'": "'20170301' is compared with a date and time",
    "tags = 'x'": "tags is List(String), 'x' is text",
    "reigon = 'West'": "no column 'reigon' (did you mean 'region'?)",
    "REGION = 'West'": "no column 'REGION' (did you mean 'region'?)",
    "zzz = 1": "no column 'zzz' (there are row, amount,",
}


@pytest.mark.parametrize("text", MIXED)
def test_kinds_that_do_not_mix_are_told(text: str) -> None:
    frame = TABLE.with_columns(tags=pl.lit(["x"]))
    with pytest.raises(BadInput) as refusal:
        keep(frame, text, "where")
    assert str(refusal.value).startswith(f"where: {MIXED[text]}")


def test_any_column_can_be_asked_for_nulls() -> None:
    frame = TABLE.with_columns(tags=pl.lit(["x"]))
    assert keep(frame, "tags is null", "where").is_empty()


def test_columns_are_those_it_reads() -> None:
    expression = parse("`spend 90d` > 1 and starts_with(region, 'amount') or end = date", "where")
    assert expression.columns == {"spend 90d", "region", "end", "date"}
    expression.check(["spend 90d", "region", "end", "date", "other"])


def test_a_narwhals_frame_comes_back_as_one() -> None:
    frame = nw.from_native(TABLE)
    assert isinstance(keep(frame, "vip", "where"), nw.DataFrame)
    assert isinstance(keep(frame.lazy(), "vip", "where"), nw.LazyFrame)


@pytest.mark.parametrize("engine", [pl.DataFrame.lazy, pl.DataFrame.to_pandas])
def test_an_instant_with_a_zone_is_read_on_its_own_wall_clock(engine: Any) -> None:
    here = TABLE.with_columns(pl.col("seen").dt.replace_time_zone("Asia/Tokyo"))
    assert rows(keep(engine(here), "seen = '2017-03-01 12:00'", "where")) == [1]
    assert rows(keep(engine(here), "seen in ('2017-03-01 12:00')", "where")) == [1]


@pytest.mark.parametrize("count", [1, 2, 1000])
def test_a_quotient_is_exact_to_the_bit(count: int) -> None:
    cents = pl.DataFrame({"cents": range(1, count + 1)})
    euros = parse("cents / 100", "where").to_narwhals(nw.from_native(cents).schema)
    found = nw.from_native(cents).select(euros.alias("euros"))["euros"].to_list()
    assert found == [cents / 100 for cents in range(1, count + 1)]


@pytest.mark.parametrize("dialect", ["duckdb", "bigquery", "spark", "postgres", "snowflake"])
def test_sql_quotes_names_and_texts(dialect: str) -> None:
    sqlglot = pytest.importorskip("sqlglot")
    text = parse("`a``b\"c` = 'it''s \\ \"x\"'", "where").sql(dialect)
    tree = sqlglot.parse_one(text, dialect=dialect)
    assert tree.this.name == 'a`b"c'
    assert tree.expression.name == 'it\'s \\ "x"'
