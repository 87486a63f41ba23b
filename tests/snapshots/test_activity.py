"""Customers and purchases over time agree with a count over the calendar."""

from datetime import date, datetime, timedelta

import duckdb
import narwhals as nw
import pandas as pd
import polars as pl
import pytest
from worlds import END, admitted, shop, spec_at

from facette.snapshots import activity as activity_module
from facette.snapshots.activity import Activity, _month_of, activity
from facette.snapshots.spec import SnapshotSpec
from facette.snapshots.worth import customer_sums
from facette.tables import door
from facette.tables.contract import Tables


def told(tables: Tables) -> Activity:
    spec = spec_at(tables, tables.observed_until, static_attributes=[])
    return activity(tables, spec, customer_sums(tables, spec)["first_day"].to_numpy())


def days_of(*days: int, amount: float = 5.0, **changed: str) -> Tables:
    """One customer who buys on these days since 1 March 2021."""
    start = datetime(2021, 3, 1, 10)
    rows = [("a", start + timedelta(days=day), amount) for day in days]
    frame = pl.DataFrame(rows, schema=["customer_id", "occurred_at", "amount"], orient="row")
    settings = {"observed_until": None, "static_attributes": []} | changed
    return admitted({"transactions": frame}, **settings)


@pytest.fixture(scope="module")
def tables() -> Tables:
    return admitted(shop(seed=4))


def test_months_agree_with_the_calendar(tables: Tables) -> None:
    rows = tables["transactions"].collect("polars").to_native()
    when = pl.col("occurred_at").cast(pl.Datetime("us"))
    rows = rows.with_columns(month=when.dt.truncate("1mo").dt.date(), day=when.dt.date())
    found = told(tables).months.set_index("month")
    bought = rows.filter(pl.col("amount") >= 0)
    for month in found.index:
        here = bought.filter(pl.col("month") == month)
        row = found.loc[month]
        assert row["customers"] == here["customer_id"].n_unique()
        assert row["purchases"] == here.select("customer_id", "day", "transaction_id").n_unique()
        net = rows.filter(pl.col("month") == month)["amount"].sum()
        assert row["net"] == pytest.approx(net / 100 * 0.4)  # the shop's margin rate
    assert found["new_customers"].sum() == rows["customer_id"].n_unique()
    first = rows.group_by("customer_id").agg(pl.col("month").min())["month"].value_counts()
    for month, new in first.iter_rows():
        assert found.loc[month, "new_customers"] == new


def test_every_day_of_observation_has_a_row(tables: Tables) -> None:
    days = told(tables).days
    assert days.index[-1] == END.date() - timedelta(days=1)
    assert len(days) == (days.index[-1] - days.index[0]).days + 1


def test_months_are_counted_right_over_leap_years_and_centuries() -> None:
    days = [date(1970, 1, 1) + timedelta(days=place) for place in range(0, 60_000, 7)]
    days += [date(2000, 2, 29), date(2000, 3, 1), date(2100, 2, 28), date(2100, 3, 1)]
    frame = nw.from_native(pl.LazyFrame({"day": [(d - date(1970, 1, 1)).days for d in days]}))
    found = frame.select(month=_month_of(nw.col("day"))).collect("polars")["month"].to_list()
    assert found == [d.year * 12 + d.month - 1 for d in days]


def test_a_day_seen_in_part_makes_the_month_a_part() -> None:
    months = told(days_of(0, 5, 35)).months
    assert months["whole"].tolist() == [True, False]
    assert months["days"].tolist() == [31, 5]


def test_the_longest_silence_is_told_first() -> None:
    found = told(days_of(0, 2, 3, 10, 12))
    first = found.silences[0]
    assert (first.start, first.days) == (date(2021, 3, 5), 6)
    assert [silence.days for silence in found.silences] == [6, 1, 1]
    assert len(found.silent_days) == 8


def test_days_after_the_last_transaction_are_silent() -> None:
    found = told(days_of(0, 1, observed_until="2021-03-11"))
    assert found.silences[0].days == 8


def test_a_day_with_refunds_only_is_no_day_of_purchase_and_not_silent() -> None:
    found = told(days_of(0, 1, amount=-5.0))
    assert found.silences == []
    assert found.days["purchases"].tolist() == [0, 0]
    assert found.months["customers"].tolist() == [0]


def test_the_last_day_is_held_against_the_same_weekday() -> None:
    busy_mondays = [0] * 3 + [7] * 5 + [14] * 4 + [21] * 6
    minutes = iter(range(10_000))
    rows = [("a", datetime(2021, 3, 1, 8) + timedelta(days=d, minutes=next(minutes)), 1.0)
            for d in [*busy_mondays, 1, 8, 15, 28]]  # fmt: skip
    frame = pl.DataFrame(rows, schema=["customer_id", "occurred_at", "amount"], orient="row")
    found = told(admitted({"transactions": frame}, observed_until=None, static_attributes=[]))
    assert found.days["purchases"].iloc[-1] == 1
    assert found.usual_last_day == 4.5


def test_without_earlier_weeks_nothing_is_said_of_the_last_day() -> None:
    found = told(days_of(0, 1, 2))
    assert found.usual_last_day is None
    assert found.last_month_pace is None


def test_a_thinner_last_month_shows_in_its_pace() -> None:
    found = told(days_of(*range(61), 80, observed_until="2021-06-01"))
    assert found.last_month_pace == pytest.approx(1 / 31)
    steady = told(days_of(*range(92), observed_until="2021-06-01"))
    assert steady.last_month_pace == 1


@pytest.mark.slow  # half a minute for the engine to plan it
def test_a_database_tells_the_same(tables: Tables) -> None:
    session = duckdb.connect()
    frames = {
        name: nw.from_native(session.from_arrow(frame.collect("pyarrow").to_native()))
        for name, frame in tables.frames.items()
    }
    there = told(Tables(frames, tables.first_at, tables.observed_until))
    here = told(tables)
    pd.testing.assert_frame_equal(there.days, here.days)
    pd.testing.assert_frame_equal(there.months, here.months)


def test_shares_of_customers_add_up_to_all_of_them(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, ask = list[int](), activity_module.customer_days

    def seen(share: Tables, spec: SnapshotSpec) -> nw.LazyFrame:
        lines = share["transactions"].collect("polars")
        asked.append(lines["customer_id"].n_unique())
        return ask(share, spec)

    whole = told(tables)
    monkeypatch.setattr(door, "ROWS_A_PASS", 300)
    monkeypatch.setattr(activity_module, "customer_days", seen)
    scanned = admitted(shop(seed=4), rows_in_memory=0)
    found = told(scanned)
    pd.testing.assert_frame_equal(found.days, whole.days)
    pd.testing.assert_frame_equal(found.months, whole.months)
    assert len(asked) == scanned.passes > 3
    assert sum(asked) == 50
