"""What comes in is exact or refused: one line, with table, column, count, first keys and remedy."""

import re
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import admitted, at, data, shop

from facette.errors import BadInput
from facette.settings.data import EventData
from facette.tables.contract import CONTRACTS, Kind
from facette.tables.door import microseconds, read

MOMENTS = [datetime(2021, 3, day, 10) for day in range(1, 6)]


def lines(**columns: Any) -> pl.DataFrame:
    """Five plain transaction lines, with columns replaced, added, or left out where None."""
    plain: dict[str, Any] = {
        "customer_id": ["a", "b", "c", "d", "e"],
        "occurred_at": MOMENTS,
        "amount": [1.0, 2.0, 3.0, 4.0, 5.0],
    } | columns
    return pl.DataFrame({name: values for name, values in plain.items() if values is not None})


def contacts(**columns: Any) -> pl.DataFrame:
    plain = {"customer_id": ["a", "a"], "sent_at": MOMENTS[:2], "campaign": ["x", "x"]}
    return pl.DataFrame(plain | columns)


def cents(frames: dict[str, pl.DataFrame], column: str = "amount", **changed: Any) -> list[Any]:
    frame = admitted(frames, **changed)["transactions"].select(column).collect()
    return frame[column].to_list()


def instants(values: Any, **changed: Any) -> list[int]:
    return cents({"transactions": lines(occurred_at=values)}, "occurred_at", **changed)


BAD: dict[str, tuple[dict[str, pl.DataFrame], list[str]]] = {
    "missing column": (
        {"transactions": lines(amount=None, amounts=[1.0] * 5)},
        ["transactions", "column amount is missing", "customer_id, occurred_at", "'amounts'"],
    ),
    "no transactions": ({"contacts": contacts()}, ["transactions", "required", "missing"]),
    "empty table": (
        {"transactions": lines().clear()}, ["transactions", "empty", "leave it out"],
    ),
    "empty optional table": (
        {"transactions": lines(), "contacts": contacts().clear()}, ["contacts", "empty"],
    ),
    "unparsable dates": (
        {"transactions": lines(occurred_at=["2021-03-01", "1 March", "", "3/1/21", "2021-03-05"])},
        ["transactions.occurred_at", "3 of 5 rows", "date or time", "b: '1 March'", "d: '3/1/21'"],
    ),
    "numbers for dates": (
        {"transactions": lines(occurred_at=[20210301] * 5)},
        ["transactions.occurred_at", "5 of 5 rows", "date or time", "a: 20210301"],
    ),
    "a day that does not exist": (
        {"transactions": lines(occurred_at=["2021-02-29", *["2021-03-01"] * 4])},
        ["transactions.occurred_at", "1 of 5 rows", "a: '2021-02-29'"],
    ),
    "text amounts": (
        {"transactions": lines(amount=["1.0", "two", "3", "4,50", "€5"])},
        ["transactions.amount", "3 of 5 rows", "amount of money", "b: 'two'", "d: '4,50'"],
    ),
    "infinite amounts": (
        {"transactions": lines(amount=[1.0, float("inf"), 3.0, -float("inf"), 5.0])},
        ["transactions.amount", "2 of 5 rows", "b: inf", "d: -inf"],
    ),
    "not-a-number amounts": (
        {"transactions": lines(amount=[1.0, float("nan"), 3.0, 4.0, 5.0])},
        ["transactions.amount", "1 of 5 rows", "b: nan"],
    ),
    "huge amounts": (
        {"transactions": lines(amount=[1.0, 2.0, 3.0, 4.0, -1e17])},
        ["transactions.amount", "1 of 5 rows", "too large", "e: -1e+17"],
    ),
    "missing amounts": (
        {"transactions": lines(amount=[1.0, None, 3.0, None, 5.0])},
        ["transactions.amount", "2 of 5 rows", "missing", "b: None", "d: None"],
    ),
    "missing customers": (
        {"transactions": lines(customer_id=["a", None, "c", "d", "e"])},
        ["transactions.customer_id", "1 of 5 rows", "missing"],
    ),
    "missing dates": (
        {"transactions": lines(occurred_at=[None, *MOMENTS[1:]])},
        ["transactions.occurred_at", "1 of 5 rows", "missing", "a: None"],
    ),
    "before 1970": (
        {"transactions": lines(occurred_at=[datetime(1969, 12, 31), *MOMENTS[1:]])},
        ["transactions.occurred_at", "1 of 5 rows", "before 1970", "a: "],
    ),
    "negative discount": (
        {"transactions": lines(discount=[0.0, -1.0, 0.5, 0.0, 0.0])},
        ["transactions.discount", "1 of 5 rows", "below 0", "b: -1.0"],
    ),
    "duplicate customers": (
        {"transactions": lines(), "customers": pl.DataFrame({"customer_id": ["a", "b", "a", "a"]})},
        ["customers", "3 rows", "key customer_id", "first customer_ids a", "keep one row"],
    ),
    "duplicate contacts": (
        {"transactions": lines(), "contacts": contacts(sent_at=[MOMENTS[0]] * 2)},
        ["contacts", "2 rows", "customer_id, sent_at, campaign", "first customer_ids a"],
    ),
    "after the end of observation": (
        {"transactions": lines(occurred_at=[*MOMENTS[:3], *[datetime(2031, 1, 1)] * 2])},
        ["transactions.occurred_at", "2 rows", "customer_ids d, e", "leave_out_later_rows=true"],
    ),
    "contacts after the end": (
        {"transactions": lines(), "contacts": contacts(sent_at=[MOMENTS[0], datetime(2031, 1, 1)])},
        ["contacts.sent_at", "1 rows", "observed_until"],
    ),
    "a flag that is neither": (
        {"transactions": lines(), "contacts": contacts(randomised=["yes", "perhaps"])},
        ["contacts.randomised", "1 of 2 rows", "true or false", "a: 'perhaps'"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told_in_one_line_with_where_how_many_whose_and_what_to_do(case: str) -> None:
    frames, told = BAD[case]
    with pytest.raises(BadInput) as error:
        admitted(frames)
    message = str(error.value)
    assert "\n" not in message
    assert [word for word in told if word not in message] == []


def test_a_count_is_written_out_and_only_the_first_keys_are_shown() -> None:
    many = pl.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(1500)],
            "occurred_at": [MOMENTS[0]] * 1500,
            "amount": ["?"] * 1500,
        }
    )
    with pytest.raises(BadInput, match=re.escape("1,500 of 1,500 rows")) as error:
        admitted({"transactions": many})
    assert "c2: '?'" in str(error.value)
    assert "c3" not in str(error.value)


def test_later_rows_are_left_out_and_counted_where_configured() -> None:
    frames = {"transactions": lines()}
    tables = admitted(frames, observed_until="2021-03-04", leave_out_later_rows=True)
    assert tables["transactions"].collect()["customer_id"].to_list() == ["a", "b", "c"]
    assert tables.rows["transactions"] == 3
    assert [note for note in tables.notes if "2 rows at or after 2021-03-04" in note]


def test_the_end_of_observation_is_exclusive() -> None:
    midnight = {"transactions": lines(occurred_at=[datetime(2021, 3, 4)] * 5)}
    assert admitted(midnight, observed_until="2021-03-05").rows["transactions"] == 5
    with pytest.raises(BadInput, match="5 rows"):
        admitted(midnight, observed_until="2021-03-04")


def test_observation_ends_at_the_midnight_after_the_last_event_by_default() -> None:
    assert admitted({"transactions": lines()}, observed_until=None).observed_until == at(
        "2021-03-06"
    )
    midnight = {"transactions": lines(occurred_at=[datetime(2021, 3, 6)] * 5)}
    assert admitted(midnight, observed_until=None).observed_until == at("2021-03-07")


def test_no_transaction_before_the_end_of_observation_is_refused() -> None:
    with pytest.raises(BadInput, match=r"transactions: .*2020-01-01"):
        admitted({"transactions": lines()}, observed_until="2020-01-01", leave_out_later_rows=True)


@pytest.mark.parametrize("text", ["soon", "2021-13-01", "01/03/2021", ""])
def test_an_end_of_observation_that_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="data.observed_until: .* is not a date; write it as"):
        admitted({"transactions": lines()}, observed_until=text)


@pytest.mark.parametrize("source", ["nowhere", "door", "contract", "installed", "", "os"])
def test_a_source_that_does_not_exist_is_refused_with_those_that_do(source: str) -> None:
    with pytest.raises(BadInput, match=r"^data\.source: .*complete_journey") as error:
        read(data(source=source))
    assert "\n" not in str(error.value)


def test_an_unknown_time_zone_is_refused_under_its_own_name() -> None:
    moments = [moment.replace(tzinfo=UTC) for moment in MOMENTS]
    with pytest.raises(BadInput, match=r"data\.timezone: .*Mars/Olympus"):
        admitted({"transactions": lines(occurred_at=moments)}, timezone="Mars/Olympus")


def test_money_is_whole_minor_units_and_sums_are_exact() -> None:
    tenths = cents({"transactions": lines(amount=[0.1, 0.2, 0.30000000000000004, 1.1, 2.2])})
    assert tenths == [10, 20, 30, 110, 220]
    assert all(isinstance(amount, int) for amount in tenths)


@given(st.lists(st.integers(-(10**12), 10**12), min_size=5, max_size=5), st.integers(0, 3))
def test_every_amount_of_whole_minor_units_comes_in_unchanged(
    units: list[int], places: int
) -> None:
    given_ = [float(Fraction(unit, 10**places)) for unit in units]
    tables = admitted({"transactions": lines(amount=given_)}, minor_units=places)
    assert tables["transactions"].collect()["amount"].to_list() == units
    assert tables.notes == []


def test_amounts_written_as_text_are_read_to_the_cent() -> None:
    assert cents({"transactions": lines(amount=["0.10", "-2.05", "3", "19.99", "0"])}) == [
        10, -205, 300, 1999, 0,
    ]  # fmt: skip


def test_rounding_is_counted() -> None:
    tables = admitted({"transactions": lines(amount=[1.005, 2.0, 3.123, 4.0, 5.25])})
    assert tables.notes == ["transactions.amount: 2 amounts were rounded to 2 decimals"]
    assert tables["transactions"].collect()["amount"].to_list()[2] == 312


def test_instants_are_the_shops_own_clock_across_a_change_of_hour() -> None:
    utc = [
        datetime(2017, 3, 12, 6, 59, 59, 123456, tzinfo=UTC),
        datetime(2017, 3, 12, 7, 0, tzinfo=UTC),
        datetime(2017, 11, 5, 5, 30, tzinfo=UTC),
        datetime(2017, 11, 5, 6, 30, tzinfo=UTC),
        datetime(2017, 7, 4, 3, 59, tzinfo=UTC),
    ]
    assert instants(utc, timezone="America/New_York") == [
        at("2017-03-12T01:59:59") + 123456,
        at("2017-03-12T03:00"),
        at("2017-11-05T01:30"),
        at("2017-11-05T01:30"),
        at("2017-07-03T23:59"),
    ]


def test_instants_without_a_zone_are_taken_as_they_stand() -> None:
    for zone in ("America/New_York", "Asia/Tokyo"):
        assert instants(MOMENTS, timezone=zone) == [at(m.isoformat()) for m in MOMENTS]


def test_dates_and_times_are_read_from_text_in_iso_forms() -> None:
    forms = ["2021-03-01", "2021-03-01 10:15", "2021-03-01 10:15:30", "2021-03-01T10:15:30.5",
             "2021-03-01T10:15:30"]  # fmt: skip
    day, minute = at("2021-03-01"), (10 * 60 + 15) * 60_000_000
    assert instants(forms) == [
        day, day + minute, day + minute + 30_000_000, day + minute + 30_500_000,
        day + minute + 30_000_000,
    ]  # fmt: skip


def test_a_date_is_its_midnight_and_finer_clocks_are_cut_to_microseconds() -> None:
    dates = pl.Series([date(2021, 3, 1)] * 5)
    assert set(instants(dates)) == {at("2021-03-01")}
    assert set(instants(pl.Series([MOMENTS[0]] * 5).cast(pl.Datetime("ns")))) == {
        at("2021-03-01T10:00")
    }
    assert set(instants(pl.Series([MOMENTS[0]] * 5).cast(pl.Datetime("ms")))) == {
        at("2021-03-01T10:00")
    }


def test_a_setting_is_read_to_the_microsecond() -> None:
    assert microseconds("1970-01-01T00:00:01.000002", "s") == 1_000_002


@pytest.mark.parametrize("dropped", [True, False])
def test_exact_duplicates_are_counted_and_dropped_only_where_configured(dropped: bool) -> None:
    one = lines()
    tables = admitted({"transactions": pl.concat([one, one.head(2)])}, drop_duplicates=dropped)
    assert tables.rows["transactions"] == (5 if dropped else 7)
    assert [note for note in tables.notes if "2 rows repeat another row exactly" in note]


def test_lines_that_differ_in_any_column_are_no_duplicates() -> None:
    one = lines()
    other = one.with_columns(amount=pl.col("amount") + 0.01)
    tables = admitted({"transactions": pl.concat([one, other])}, drop_duplicates=True)
    assert tables.rows["transactions"] == 10
    assert tables.notes == []


def test_a_row_is_recorded_when_it_occurs_plus_the_configured_delay() -> None:
    known = [None, datetime(2021, 3, 9), None, None, None]
    frames = {"transactions": lines(recorded_at=known)}
    tables = admitted(frames, recording_delay_hours=36)
    recorded = tables["transactions"].collect()["recorded_at"].to_list()
    assert recorded[0] == at("2021-03-02T22:00")
    assert recorded[1] == at("2021-03-09")


def test_a_line_without_a_basket_is_in_that_of_its_instant() -> None:
    same = [MOMENTS[0], MOMENTS[0], *MOMENTS[2:]]
    frames = {"transactions": lines(occurred_at=same, transaction_id=[None, None, "t", "t", "u"])}
    baskets = cents(frames, "transaction_id")
    assert baskets[0] == baskets[1]
    assert baskets[2:] == ["t", "t", "u"]


def test_categories_come_from_the_products_and_those_without_are_counted() -> None:
    products = pl.DataFrame({"product": ["p", "q"], "category": ["Wine", None]})
    frames = {"transactions": lines(product=["p", "q", "r", None, "p"]), "products": products}
    tables = admitted(frames)
    categories = tables["transactions"].collect()["category"].to_list()
    assert categories == ["Wine", None, None, None, "Wine"]
    assert tables.notes == ["transactions: 3 lines are of products without a category"]


def test_products_need_no_category() -> None:
    products = pl.DataFrame({"product": ["p"], "margin_rate": [0.2]})
    tables = admitted({"transactions": lines(product=["p"] * 5), "products": products})
    assert "category" not in tables.columns("transactions")


def test_identifiers_are_text_whatever_they_came_as() -> None:
    tables = admitted({"transactions": lines(customer_id=[1, 2, 3, 4, 5])})
    assert tables["transactions"].collect()["customer_id"].to_list() == ["1", "2", "3", "4", "5"]


def test_admitted_columns_have_the_types_of_the_contract() -> None:
    tables = admitted(shop(3))
    whole = {Kind.money: "Int64", Kind.instant: "Int64", Kind.text: "String", Kind.flag: "Boolean"}
    for name in tables.frames:
        schema = tables[name].collect_schema()
        for column in CONTRACTS[name].columns:
            if column.name in schema:
                assert str(schema[column.name]) == whole.get(column.kind, "Float64")


def test_a_column_that_a_file_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(_: EventData) -> None:
        lines().select("price")

    from facette.tables import cdnow

    monkeypatch.setattr(cdnow, "read", lacking)
    with pytest.raises(BadInput, match="data shop: a file cannot be read: .*price"):
        read(data(source="cdnow"))


def test_the_rows_of_every_table_are_counted_with_the_conditions_that_dropped_some() -> None:
    repeated = pl.concat([lines(), lines().head(1)])
    tables = admitted(
        {"transactions": repeated, "contacts": contacts()},
        observed_until="2021-03-04", leave_out_later_rows=True, drop_duplicates=True,
    )  # fmt: skip
    told = {cleaned.table: cleaned for cleaned in tables.cleaning}
    assert told["transactions"].rows_in == 6
    assert told["transactions"].kept == tables.rows["transactions"] == 3
    assert told["transactions"].dropped == {
        "differs from every earlier row": 1, "before 2021-03-04, the end of observation": 2,
    }  # fmt: skip
    assert (told["contacts"].rows_in, told["contacts"].kept, told["contacts"].dropped) == (2, 2, {})


def test_rows_dated_decades_from_all_others_are_refused() -> None:
    stray = lines(occurred_at=[*MOMENTS[:4], datetime(2100, 1, 1)])
    with pytest.raises(BadInput, match="1 of 5 rows are dated long after all others.*2100-01-01"):
        admitted({"transactions": stray}, observed_until=None)
    early = lines(occurred_at=[datetime(1971, 1, 1), *MOMENTS[:4]])
    with pytest.raises(BadInput, match="1 of 5 rows are dated long before all others"):
        admitted({"transactions": early}, observed_until=None)


def test_a_long_silence_between_many_rows_is_no_stray_date() -> None:
    half = [datetime(2001, 1, day) for day in range(1, 4)] + MOMENTS
    frame = pl.DataFrame(
        {"customer_id": list("abcdefgh"), "occurred_at": half, "amount": [1.0] * 8}
    )
    assert admitted({"transactions": frame}, observed_until=None).rows == {"transactions": 8}


def test_a_date_years_off_is_refused_however_long_the_history() -> None:
    moments = [datetime(2018, 1, 1) + timedelta(days=day) for day in range(1_800)]
    frame = pl.DataFrame(
        {
            "customer_id": ["a"] * 1_801,
            "occurred_at": [*moments, datetime(2027, 6, 1)],
            "amount": 1.0,
        }
    )
    with pytest.raises(BadInput, match="1 of 1,801 rows are dated long after .* 2027-06-01"):
        admitted({"transactions": frame}, observed_until=None)


def test_a_stray_date_of_another_table_moves_no_end() -> None:
    frame = pl.DataFrame(
        {"customer_id": list("abcd"), "occurred_at": [*MOMENTS[:3], datetime(2031, 1, 1)],
         "channel": "phone", "initiator": "customer"}
    )  # fmt: skip
    with pytest.raises(
        BadInput, match=r"interactions\.occurred_at: 1 of 4 rows are dated long after"
    ):
        admitted({"transactions": lines(), "interactions": frame}, observed_until=None)


def test_an_early_stray_is_refused_though_the_end_is_set() -> None:
    early = lines(occurred_at=[datetime(1970, 1, 2), *MOMENTS[:4]])
    with pytest.raises(BadInput, match="long before all others") as error:
        admitted({"transactions": early}, observed_until="2021-10-01")
    assert "observed_until" not in str(error.value)


def test_identifiers_are_told_alike_in_every_table_value_by_value() -> None:
    consents = pl.DataFrame(
        {"customer_id": ["1.0", "web-7"], "recorded_at": MOMENTS[0], "objected": True}
    )
    bought = lines(customer_id=["1", "2.0", "3.0", "web-7", "5.00"])
    frames = {"transactions": bought, "consents": consents}
    tables = admitted(frames)
    told = [tables[name].collect("polars").to_native()["customer_id"].to_list() for name in frames]
    assert told == [["1", "2", "3", "web-7", "5"], ["1", "web-7"]]
    assert "consents.customer_id: 1 values written as 1.0 are read as 1" in tables.notes


def test_a_table_whose_customers_nobody_knows_is_refused() -> None:
    consents = pl.DataFrame(
        {"customer_id": ["0001", "0002"], "recorded_at": MOMENTS[0], "objected": True}
    )
    with pytest.raises(
        BadInput, match="consents.customer_id: none of the 2 customers .*0001, 0002"
    ):
        admitted({"transactions": lines(), "consents": consents})


def test_customers_without_a_transaction_are_counted() -> None:
    people = pl.DataFrame({"customer_id": ["a", "b", "z"], "acquired_at": MOMENTS[0]})
    tables = admitted({"transactions": lines(), "customers": people}, static_attributes=[])
    assert "customers: 1 of 3 customers have no transaction" in tables.notes


def test_a_reason_outside_the_contract_is_refused_and_case_does_not_matter() -> None:
    def contracts(*reasons: str | None) -> pl.DataFrame:
        return pl.DataFrame(
            {"customer_id": list("abc"), "contract_id": list("xyz"), "started_at": MOMENTS[0],
             "ended_at": MOMENTS[1], "end_reason": reasons}
        )  # fmt: skip

    tables = admitted(
        {"transactions": lines(), "contracts": contracts("Voluntary", None, "INEVITABLE")}
    )
    told = tables["contracts"].collect("polars").to_native()["end_reason"].to_list()
    assert told == ["voluntary", None, "inevitable"]
    with pytest.raises(BadInput, match="end_reason: 1 of 3 .* none of voluntary, .*'non-payment'"):
        admitted(
            {"transactions": lines(), "contracts": contracts("voluntary", None, "non-payment")}
        )


@pytest.mark.parametrize("values", [[date(2021, 3, 1)] * 5, [True] * 5, [timedelta(1)] * 5])
def test_dates_and_flags_are_no_money(values: list[Any]) -> None:
    with pytest.raises(BadInput, match=r"transactions\.amount: 5 of 5 rows .* no amount of money"):
        admitted({"transactions": lines(amount=values)})


def test_a_number_is_a_flag_only_as_0_or_1() -> None:
    consents = pl.DataFrame(
        {"customer_id": ["a", "b"], "recorded_at": MOMENTS[0], "objected": [1, 2]}
    )
    with pytest.raises(BadInput, match=r"consents\.objected: 1 of 2 rows .*true or false.*b: 2"):
        admitted({"transactions": lines(), "consents": consents})
