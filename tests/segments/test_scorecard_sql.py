"""The grid in SQL gives every row what Python gives."""

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_scorecard import AGE, COMPLAINTS, CRITERIA, GRADES, REGION, SHARES, card, customers

from facette.errors import BadInput
from facette.segments.scorecard import Scorecard

CUTS = st.floats(-1e20, 1e20, allow_nan=False, allow_infinity=False)


def in_duckdb(grid: Scorecard, frame: pd.DataFrame) -> pd.DataFrame:
    """What DuckDB makes of the grid; nulls as nulls, NaN as NaN."""
    with duckdb.connect(config={"threads": 1}) as base:
        base.register("given_rows", frame.reset_index())
        base.execute('CREATE TABLE "the ""rows""" AS SELECT * FROM given_rows')
        return base.sql(grid.sql('the "rows"')).df().set_index("customer_id").loc[frame.index]


def check_equal(grid: Scorecard, frame: pd.DataFrame) -> None:
    told = in_duckdb(grid, frame)
    parts, sums = grid.contributions(frame), grid.transform(frame)
    assert list(told) == [*parts, *sums, "grade"]
    for name, column in parts.items():
        np.testing.assert_array_equal(told[name].to_numpy(), column.to_numpy())
    for name in sums:
        np.testing.assert_array_equal(told[name].to_numpy(), sums[name].to_numpy())
    assert (told["grade"].to_numpy(dtype=object) == grid.predict(frame)).all()


def test_sql_equals_python_on_rows_of_every_sort() -> None:
    frame = customers(20_000, 4)
    frame["nullable"] = frame["age"].where(frame["age"] > 30).astype("Float64")
    nullable: dict[str, Any] = {**COMPLAINTS, "name": "Null able", "column": "nullable"}
    grid = card(criteria=[*CRITERIA, nullable]).fit(customers(1000).assign(nullable=1.0))
    check_equal(grid, frame)
    assert frame["age"].isna().any()
    assert np.isinf(frame["age"]).any()
    assert (frame["age"] == 25).any()


@pytest.mark.slow
def test_sql_equals_python_on_a_million_rows() -> None:
    check_equal(card().fit(customers(10_000)), customers(1_000_000, 8))


@pytest.mark.slow
@given(st.lists(CUTS, min_size=1, max_size=6, unique=True))
def test_a_cut_is_the_same_number_in_sql(cuts: list[float]) -> None:
    bands = [{"below": cut, "points": -i} for i, cut in enumerate(sorted(cuts))]
    odd = {**AGE, "column": "x", "bands": [*bands, {"points": -9}], "missing": -99}
    best = {**REGION, "column": "text", "bands": [{"in": ["a"], "points": 100}, {"points": 0}]}
    near = [f(cut) for cut in cuts for f in (float, lambda c: np.nextafter(c, -np.inf),
                                             lambda c: np.nextafter(c, np.inf))]  # fmt: skip
    frame = pd.DataFrame({"x": near, "text": "a"})
    frame.index = pd.Index([f"c{i}" for i in range(len(near))], name="customer_id", dtype="str")
    grid = Scorecard([odd, best], GRADES, grade_shares=SHARES).fit(frame)
    check_equal(grid, frame)


def test_names_with_quotes_stay_names() -> None:
    odd = {**REGION, "name": "o'\"clock", "column": 'a "b"; --'}
    frame = customers(300).rename(columns={"region": 'a "b"; --'})
    check_equal(card(criteria=[CRITERIA[0], odd, *CRITERIA[2:]]).fit(frame), frame)


def test_ansi_knows_no_nan_and_other_dialects_are_refused() -> None:
    grid = card().fit(customers())
    assert "isnan" not in grid.sql("schema.base", "ansi")
    assert 'FROM "schema"."base"' in grid.sql("schema.base", "ansi")
    with pytest.raises(BadInput, match="there are: duckdb, ansi"):
        grid.sql("base", "oracle")
