"""Numbers and dates are read as they were meant, or left as text with the reason told."""

import re
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest
from awkward import AWKWARD, READ, REFUSED, Awkward
from hypothesis import given
from hypothesis import strategies as st

from facette.errors import BadInput
from facette.settings.data import Reading
from facette.tables.recognition import Recognised, recognised
from facette.tables.spreadsheet import read_text

WHERE = "data.transactions"


def seen(set_to: dict[str, str] | None = None, **columns: list[str | None]) -> Recognised:
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
    found = recognised(frame, Reading(**(set_to or {})), WHERE)
    assert found.frame.columns == frame.columns
    assert found.frame.height == frame.height
    return found


def read(*cells: str | None, **set_to: str) -> list[Any]:
    """What becomes of one column that leaves no doubt."""
    found = seen(set_to, column=list(cells))
    assert not found.doubts
    return found.frame["column"].to_list()


def doubt(*cells: str, **set_to: str) -> str:
    """Why one column is left as it was."""
    found = seen(set_to, column=list(cells))
    assert found.frame["column"].to_list() == list(cells)
    assert "\n" not in found.doubts["column"]
    return found.doubts["column"]


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["12,5", "3"], [12.5, 3.0]),
        (["12.50", "3"], [12.5, 3.0]),
        (["1.234,56", "1.234"], [1234.56, 1234.0]),
        (["1,234.56", "1,234"], [1234.56, 1234.0]),
        (["1.234.567", "1,25"], [1234567.0, 1.25]),
        (["0,125", "1,125"], [0.125, 1.125]),
        (["1234,125"], [1234.125]),
        (["1 234,56", "1\u00a0234,56", "1\u202f234,56"], [1234.56] * 3),
        (["1'234.50", "1’234.50"], [1234.5] * 2),
        (["1 234", "12"], [1234, 12]),
        (["-5,5", "5,5-", "−5,5", "(5,5)", "- 5,5", "+5,5"], [-5.5] * 5 + [5.5]),
        (["1,5e3", "15E-1"], [1500.0, 1.5]),
        ([".5", "0.25"], [0.5, 0.25]),
        (["5 €", "€5", "EUR 5", "5EUR", "-€5", "€ -5", "(5 €)"], [5, 5, 5, 5, -5, -5, -5]),
        (["CHF 1'234.50", "Fr. 5.20"], [1234.5, 5.2]),
        (["12,50 kr", "kr 1.000,00"], [12.5, 1000.0]),
        (["1", None, "9007199254740993"], [1, None, 9007199254740993]),
        (["1.0", "1"], [1.0, 1.0]),
    ],
)  # fmt: skip
def test_numbers_are_read_as_they_are_written(
    cells: list[str | None], numbers: list[float | None]
) -> None:
    found = read(*cells)
    assert found == numbers
    assert [type(number) for number in found] == [type(number) for number in numbers]


@pytest.mark.parametrize(
    "cells",
    [
        ["007", "1"],
        ["5%", "6%"],
        ["NaN", "inf", "-inf", "Infinity"],
        ["1e999"],
        ["1,23.456", "1,2,3", "1.23.4", "12 34", "--5", "-5-", "(5", "5.-", "$5€"],
        ["Nord", "Süd"],
        ["12:30", "14:15"],
        ["1.2.3", "2.10.4"],
        ["99 2023 13", "32.01.2023"],
        [None, None],
    ],
)
def test_what_is_no_number_and_no_date_stays_text(cells: list[str | None]) -> None:
    assert read(*cells) == cells
    assert seen(column=cells).said == ()


WRITTEN = {
    "French": ("\u202f", ","), "German": (".", ","), "Swiss": ("'", "."), "US": (",", "."),
    "plain": ("", "."), "Italian, plain": ("", ","),
}  # fmt: skip


@pytest.mark.parametrize("country", WRITTEN)
@given(cents=st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=20))
def test_numbers_written_in_a_country_are_read_back(country: str, cents: list[int]) -> None:
    group, mark = WRITTEN[country]
    cells = [
        f"{value / 100:,.2f}".replace(",", "_").replace(".", mark).replace("_", group)
        for value in cents
    ]
    assert read(*cells) == [value / 100 for value in cents]


@given(numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_that_a_program_writes_are_read_back_exactly(numbers: list[float]) -> None:
    cells = [*map(repr, numbers), "0.5"]
    assert read(*cells) == [*numbers, 0.5]


def test_a_mark_proven_in_one_column_serves_the_others() -> None:
    found = seen(price=["12,5", "3"], weight=["1,234", "0"], people=["1.234", "7"])
    assert found.frame["weight"].to_list() == [1.234, 0.0]
    assert found.frame["people"].to_list() == [1234, 7]
    assert not found.doubts
    assert "decimal comma (price)" in found.said[0]
    assert "decimal comma, as elsewhere in the file (weight, people)" in found.said[0]
    assert "thousands separators (people)" in found.said[0]


def test_a_mark_that_nothing_proves_is_in_doubt() -> None:
    told = doubt("1,234", "12")
    assert "'1,234'" in told
    assert f"set {WHERE}.read.decimal=comma or {WHERE}.read.decimal=point" in told
    assert read("1,234", "12", decimal="comma") == [1.234, 12.0]
    assert read("1,234", "12", decimal=",") == [1.234, 12.0]
    assert read("1,234", "12", decimal="point") == [1234, 12]


def test_columns_that_prove_both_marks_leave_a_third_in_doubt() -> None:
    found = seen(a=["1,5"], b=["1.5"], c=["1.234"])
    assert found.frame.row(0) == (1.5, 1.5, "1.234")
    assert set(found.doubts) == {"c"}


def test_a_column_that_mixes_marks_is_in_doubt_with_counts() -> None:
    told = doubt("12,5", "13.5", "14.5", "14.5")
    assert "decimal commas (1, such as '12,5') and decimal points (3, such as '13.5')" in told
    assert f"{WHERE}.read.decimal" in told


def test_a_set_mark_does_not_let_the_other_pass() -> None:
    told = doubt("12,5", "13.5", "14,5", decimal="comma")
    assert "decimal comma does not read: 1 (first '13.5')" in told


def test_several_currencies_are_in_doubt() -> None:
    assert "EUR (2, such as '5 €') and USD (1, such as '$6')" in doubt("5 €", "EUR 7", "$6")
    assert "currency signs (column)" in seen(column=["5 €", "6"]).said[0]


def test_half_a_column_of_numbers_is_rewritten_for_the_door() -> None:
    assert read("1.234,56", "12", "N/A") == ["1234.56", "12.0", "N/A"]
    assert read("1.234,56", "x", "y") == ["1.234,56", "x", "y"]


DAYS = [date(2023, 2, 1), date(1999, 12, 31)]


@pytest.mark.parametrize(
    ("cells", "days"),
    [
        (["2023-02-01", "1999-12-31"], DAYS),
        (["2023/2/1", "1999.12.31"], DAYS),
        (["01/02/2023", "31/12/1999"], DAYS),
        (["02/01/2023", "12/31/1999"], DAYS),
        (["1.2.23", "31.12.99"], DAYS),
        (["1. 2. 2023", "31. 12. 1999"], DAYS),
        (["01 02 2023", "31 12 1999"], DAYS),
        (["1 févr. 2023", "31 décembre 1999"], DAYS),
        (["1er fevrier 2023", "31 DEC 1999"], DAYS),
        (["01-Feb-2023", "31-Dec-99"], DAYS),
        (["February 1st, 2023", "Dec 31 1999"], DAYS),
        (["01feb2023", "2023-Feb-01"], [DAYS[0]] * 2),
        (["20230201", "19991231"], DAYS),
        (["1900-01-01", "31/12/2100"], [date(1900, 1, 1), date(2100, 12, 31)]),
        (["2023-02-01", None, "01/02/2023", "13/02/2023"],
         [DAYS[0], None, DAYS[0], date(2023, 2, 13)]),
        (["02/02/2023", "03/03/2023"], [date(2023, 2, 2), date(2023, 3, 3)]),
    ],
)  # fmt: skip
def test_days_are_read_as_they_are_written(cells: list[str | None], days: list[date]) -> None:
    assert read(*cells) == days


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        ("2023-02-01T12:30:15", datetime(2023, 2, 1, 12, 30, 15)),
        ("2023-02-01 12:30:15.25", datetime(2023, 2, 1, 12, 30, 15, 250_000)),
        ("2023-02-01 12:30:15,123456789", datetime(2023, 2, 1, 12, 30, 15, 123_456)),
        ("13/02/2023 9:05", datetime(2023, 2, 13, 9, 5)),
        ("13/02/2023 12h30", datetime(2023, 2, 13, 12, 30)),
        ("02/13/2023 12:05 AM", datetime(2023, 2, 13, 0, 5)),
        ("02/13/2023 12:05 p.m.", datetime(2023, 2, 13, 12, 5)),
        ("02/13/2023, 1:05 pm", datetime(2023, 2, 13, 13, 5)),
        ("1 août 2023 08:00", datetime(2023, 8, 1, 8)),
    ],
)
def test_times_are_read_as_they_are_written(cell: str, moment: datetime) -> None:
    assert read(cell) == [moment]


@given(days=st.lists(st.dates(date(1970, 1, 1), date(2068, 12, 31)), min_size=1, max_size=20))
@pytest.mark.parametrize("proof", ["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%m-%d-%Y", "%Y/%m/%d"])
def test_dates_written_in_an_order_are_read_back(proof: str, days: list[date]) -> None:
    days = [*days, date(2023, 5, 31)]
    assert read(*(day.strftime(proof) for day in days)) == days


@given(moments=st.lists(st.datetimes(datetime(1970, 1, 1), datetime(2068, 1, 1)), min_size=1))
def test_instants_that_a_program_writes_are_read_back(moments: list[datetime]) -> None:
    assert read(*(moment.isoformat(" ", "microseconds") for moment in moments)) == moments


def test_instants_with_an_offset_are_utc() -> None:
    moment = datetime(2023, 2, 1, 10, tzinfo=UTC)
    assert read("2023-02-01T10:00:00Z", "2023-02-01 12:00+02:00", "2023-02-01T04:30-0530") == (
        [moment] * 3
    )
    assert "1 cells without (first '2023-02-01')" in doubt("2023-02-01T10:00:00Z", "2023-02-01")


def test_an_order_that_nothing_proves_is_in_doubt() -> None:
    told = doubt("01/02/2023", "03/04/2023 10:00")
    assert "'01/02/2023'" in told
    for form in ("%d/%m/%Y", "%m/%d/%Y"):
        assert f"{WHERE}.read.date_format={form}" in told
    assert "%d.%m.%y" in doubt("01.02.23", "03.02.23")


def test_an_order_proven_in_one_column_serves_those_with_the_same_separator() -> None:
    found = seen(sold=["15/02/2023"], sent=["01/02/2023"], born=["01.02.2023"])
    assert found.frame["sent"].to_list() == [date(2023, 2, 1)]
    assert set(found.doubts) == {"born"}
    assert found.said == (
        f"{WHERE}: day-first dates (sold); day-first dates, as elsewhere in the file (sent)",
    )


def test_a_column_that_mixes_orders_is_in_doubt_with_counts() -> None:
    told = doubt("15/02/2023", "16/02/2023", "02/15/2023")
    assert "day-first (2, such as '15/02/2023') and month-first (1, such as '02/15/2023')" in told


def test_short_years_that_may_come_first_are_in_doubt() -> None:
    assert "%y-%m-%d" in doubt("23-02-01", "23-02-15", "23-03-28")
    assert read("01/02/23", "28/02/23") == [date(2023, 2, 1), date(2023, 2, 28)]


def test_a_set_format_reads_the_columns_that_it_fits() -> None:
    found = seen(
        {"date_format": "%m/%d/%Y"},
        sold=["01/02/2023", "03/04/2023 10:00"],
        sent=["2023-01-31", "2023-02-01"],
        kept=["15.02.2023", "01.02.2023"],
        n=["1", "2"],
    )
    assert found.frame["sold"].to_list() == [datetime(2023, 1, 2), datetime(2023, 3, 4, 10)]
    assert found.frame["sent"][0] == date(2023, 1, 31)
    assert found.frame["kept"][0] == date(2023, 2, 15)
    assert found.frame["n"].to_list() == [1, 2]
    assert not found.doubts


def test_a_set_format_leaves_what_it_does_not_read_for_the_door() -> None:
    cells = ("15/02/2023", "01/02/2023", "01/02/23")
    assert read(*cells, date_format="%m/%d/%Y") == list(cells)
    assert read(*cells[1:], date_format="%m/%d/%Y") == ["2023-01-02", "01/02/23"]
    assert read("01.02.2023 10:00", date_format="%d.%m.%Y %H:%M") == [datetime(2023, 2, 1, 10)]


@pytest.mark.parametrize(
    ("key", "value"),
    [("date_format", "dd/mm/yyyy"), ("date_format", "%d/%m"), ("date_format", "%Q"),
     ("decimal", ";"), ("decimal", "dot")],
)  # fmt: skip
def test_a_setting_that_means_nothing_is_refused(key: str, value: str) -> None:
    with pytest.raises(BadInput, match=f"{WHERE}.read.{key}: '{value}'"):
        seen({key: value}, a=["1"])


def test_numbers_of_eight_digits_are_dates_only_where_all_are() -> None:
    assert read("20230201", "20231301") == [20230201, 20231301]
    assert read("20230201", "18991231") == [20230201, 18991231]
    assert read("20230201", "99") == [20230201, 99]


def test_half_a_column_of_dates_is_rewritten_for_the_door() -> None:
    assert read("13/02/2023", "31/02/2023") == ["2023-02-13", "31/02/2023"]
    assert read("13/02/2023 10:00", "14/02/2023 25:00") == [
        "2023-02-13 10:00:00", "14/02/2023 25:00",
    ]  # fmt: skip
    assert read("13/02/2023", "x", "y") == ["13/02/2023", "x", "y"]


def _brought(case: Awkward, path: Any) -> Recognised:
    file = path / f"sales{case.suffix}"
    file.write_bytes(case.content)
    frame, _ = read_text(file, Reading(**case.read), WHERE)
    return recognised(frame, Reading(**case.read), WHERE)


@pytest.mark.parametrize("name", READ)
def test_an_awkward_file_is_read(name: str, tmp_path: Any) -> None:
    case = AWKWARD[name]
    found = _brought(case, tmp_path)
    columns = [found.frame[case.columns[key]] for key in ("occurred_at", "amount")]
    assert not set(found.doubts) & set(case.columns.values())
    shown = columns[0].cast(pl.Datetime("us")).dt.to_string("%Y-%m-%d %H:%M:%S")
    assert list(zip(shown.str.strip_suffix(" 00:00:00"), columns[1], strict=True)) == [
        row[1:] for row in case.rows
    ]


READABLE = {"dates in 1900", "dates in 2100", "huge amounts", "a total at the bottom"}


def _refusal(case: Awkward, path: Any) -> str | None:
    """Why a file is refused here; None where it is left to the door, as text."""
    try:
        found = _brought(case, path)
    except BadInput as error:
        return str(error)
    used = [case.columns[key] for key in ("occurred_at", "amount")]
    doubts = [found.doubts[heading] for heading in used if heading in found.doubts]
    assert doubts or pl.String in {found.frame.schema[heading] for heading in used}
    return doubts[0] if doubts else None


@pytest.mark.parametrize("name", sorted(set(REFUSED) - READABLE))
def test_an_awkward_file_is_refused_or_left_to_the_door(name: str, tmp_path: Any) -> None:
    case = AWKWARD[name]
    line = _refusal(case, tmp_path)
    if line is not None:
        assert "\n" not in line
        assert re.search(case.refused or "", line)


def test_leading_zeros_beside_an_undecided_number_are_a_doubt() -> None:
    assert "leading zeros, and '1.234'" in doubt("007", "1.234", "2.500")
    assert read("007", "12", "340") == ["007", "12", "340"]
