"""Reference dates, perimeters and populations: what is refused, and what is said."""

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from worlds import (
    END,
    START,
    Frames,
    admitted,
    at,
    churn_settings,
    data,
    panel_settings,
    shop,
    spec_at,
)

from facette.errors import BadInput
from facette.snapshots.constants import constants
from facette.snapshots.panel import Panel, panel, reference_dates, snapshot_at
from facette.tables.contract import DAY_US, Tables


@pytest.fixture(scope="module")
def frames() -> Frames:
    return shop(2, customers=30)


@pytest.fixture(scope="module")
def tables(frames: Frames) -> Tables:
    return admitted(frames)


def day(number: int) -> str:
    """The ISO date of a day of the shop."""
    return (START + timedelta(days=number)).date().isoformat()


def dates(tables: Tables, reach: int = 56, **changed: Any) -> list[int]:
    found = reference_dates(tables, panel_settings(**changed), reach)
    return [t // DAY_US - at(day(0)) // DAY_US for t in found]


def made(tables: Tables, churn: dict[str, Any] | None = None, **changed: Any) -> Panel:
    return panel(tables, panel_settings(**changed), churn_settings(**(churn or {})), data())


def test_automatic_dates_count_back_from_the_end_in_steps_of_the_horizon(tables: Tables) -> None:
    assert dates(tables) == [112, 168, 224]
    assert dates(tables, max_reference_dates=2) == [168, 224]
    assert dates(tables, observation_days=113) == [168, 224]


def test_a_gap_before_the_outcome_widens_the_steps(tables: Tables) -> None:
    assert dates(tables, reach=70) == [140, 210]


def test_a_list_of_dates_is_taken_in_order_of_time_without_repeats(tables: Tables) -> None:
    given = [day(220), day(120), day(150), day(120)]
    assert dates(tables, reference_dates=given) == [120, 150, 220]


REFUSED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a horizon past the end": (
        {"reference_dates": [day(100), day(230)]},
        [day(230), "56 days", END.date().isoformat(), f"up to {day(224)}", "horizon_days"],
    ),
    "a horizon longer than the data": (
        {"horizon_days": 400, "reference_dates": [day(100), day(200)]},
        ["400 days", "horizon_days"],
    ),
    "before the first purchase": (
        {"reference_dates": ["2020-06-01", day(200)]},
        ["2020-06-01 is not after the first purchase", day(0), "later"],
    ),
    "within the day of the first purchase": (
        {"reference_dates": [f"{day(0)}T23:00", day(200)]}, ["no customer", "whole day of history"],
    ),
    "an outcome that runs past the test date": (
        {"reference_dates": [day(150), day(190)]}, [day(150), "56 days", f"test date {day(190)}"],
    ),
    "a malformed date": (
        {"reference_dates": [day(100), "next spring"]},
        ["'next spring' is not a date", "2017-10-01"],
    ),
    "one date as text": ({"reference_dates": day(200)}, [day(200), "'auto' nor a list"]),
    "a number": ({"reference_dates": 3}, ["'3'", "'auto' nor a list"]),
    "no date at all": ({"reference_dates": []}, ["leave 0 reference date(s)", "two are needed"]),
    "a single date": ({"reference_dates": [day(200)]}, ["leave 1 reference date(s)", "to test"]),
    "too little history": (
        {"observation_days": 200}, ["280 days of data", "200 days behind", "56 ahead", "lower"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_dates_that_cannot_be_are_refused_in_one_line(case: str, tables: Tables) -> None:
    changed, told = REFUSED[case]
    with pytest.raises(BadInput) as error:
        made(tables, **changed)
    message = str(error.value)
    assert message.startswith("snapshot")
    assert "\n" not in message
    assert [word for word in told if word not in message] == []


def test_a_snapshot_before_the_first_purchase_is_refused(tables: Tables) -> None:
    spec = spec_at(tables, at(day(150)))
    for date in ("2020-06-01", day(0), f"{day(0)}T23:00"):
        with pytest.raises(BadInput, match="no customer has a transaction before"):
            snapshot_at(tables, at(date), spec, None, with_outcomes=False)


def test_dates_at_which_nothing_had_been_recorded_yet_are_refused(frames: Frames) -> None:
    late = frames["transactions"].with_columns(recorded_at=pl.lit(END - timedelta(days=60)))
    with pytest.raises(BadInput, match="no customer has a transaction before"):
        made(admitted(frames | {"transactions": late}))


def test_a_panel_trains_on_the_earlier_dates_and_tests_on_the_last(tables: Tables) -> None:
    whole = made(tables)
    assert whole.dates() == [day(112), day(168), day(224)]
    assert len(whole.training) == 2
    assert whole.spec == spec_at(tables, at(day(112)))
    columns = {tuple(s.features.columns) for s in [*whole.training, whole.test]}
    assert len(columns) == 1
    assert whole.notes == [
        "attributes mood are refused as features: undated, and not declared in "
        "data.static_attributes",
        "relation features, stated answers, events are off: there is no table interactions, "
        "surveys, events",
        "consents by channel are off: consents has no column granted",
        "value is not seasonally adjusted: less than 371 days are known at 2021-08-16",
    ]


def test_windows_longer_than_the_history_are_dropped_and_said(tables: Tables) -> None:
    whole = made(tables, reference_dates=[day(60), day(200)], windows_days=[14, 56, 112])
    assert whole.spec.windows_days == (14, 56)
    assert whole.spec.observation_days == 60
    assert "spend_112d" not in whole.test.features
    said = " ".join(whole.notes)
    assert f"cut from 112 to 60 days, the history at the earliest training date, {day(60)}" in said
    assert "feature windows of 112 days dropped" in said


def test_what_a_baseline_has_no_window_for_is_missing_and_never_zero(tables: Tables) -> None:
    context = made(tables).test.context
    assert context["value_year_ago"].isna().all()
    assert context["value_current"].notna().all()
    early = made(tables, reference_dates=[day(40), day(200)]).training[0].context
    assert early["value_current"].isna().all()


def test_attributes_that_are_neither_dated_nor_static_are_refused_and_said(tables: Tables) -> None:
    notes: list[str] = []
    spec = constants(tables, at(day(150)), panel_settings(), churn_settings(), data(), notes)
    assert spec.attributes == ("region", "acquired_at")
    assert any("mood" in note and "static_attributes" in note for note in notes)


def test_dated_attributes_need_no_declaration() -> None:
    dated = admitted(shop(2, customers=10, dated=True))
    assert spec_at(dated, at(day(150)), static_attributes=[]).attributes == (
        "region", "mood", "acquired_at",
    )  # fmt: skip


def test_a_static_attribute_that_is_not_there_is_refused_with_the_nearest(tables: Tables) -> None:
    with pytest.raises(BadInput, match=r"data\.static_attributes: .*regoin.*'region'"):
        spec_at(tables, at(day(150)), static_attributes=["regoin"])


def test_a_customer_has_one_row_however_many_rows_of_attributes(frames: Frames) -> None:
    once = frames["customers"].with_columns(
        valid_from=pl.lit(START), recorded_at=pl.lit(START), region=pl.lit("old")
    )
    undated = once.with_columns(valid_from=pl.lit(None, pl.Datetime("us")), region=pl.lit("none"))
    newer = once.head(9).with_columns(
        valid_from=pl.lit(START + timedelta(days=9)), region=pl.lit("new")
    )
    tables = admitted(frames | {"customers": pl.concat([once, undated, newer])})
    spec = spec_at(tables, at(day(150)))
    features = snapshot_at(tables, at(day(150)), spec, None, with_outcomes=False).features
    assert features.index.is_unique
    assert features["region"].value_counts().to_dict() == {
        "new": features.index.isin(newer["customer_id"].to_list()).sum(),
        "old": (~features.index.isin(newer["customer_id"].to_list())).sum(),
    }


def within(tables: Tables, perimeter: str) -> pd.Index:
    spec = spec_at(tables, at(day(150)))
    return snapshot_at(tables, at(day(150)), spec, perimeter, with_outcomes=True).features.index


def test_a_perimeter_keeps_the_customers_it_describes_and_no_other(tables: Tables) -> None:
    spec = spec_at(tables, at(day(150)))
    whole = snapshot_at(tables, at(day(150)), spec, None, with_outcomes=True)
    seen, context = whole.features, whole.context
    chosen = {
        "region == 'West' and transactions_56d > 2": (seen.region == "West")
        & (seen.transactions_56d > 2),
        "region is null": seen.region.isna(),
        "not (gap_mean_days > 10)": seen.gap_mean_days <= 10,
        "history_days >= 5": context.history_days >= 5,
        "active = 1 and value_current > 20": (context.active == 1)
        & (context.value_current > 20),
    }  # fmt: skip
    for perimeter, rows in chosen.items():
        kept = snapshot_at(tables, at(day(150)), spec, perimeter, with_outcomes=True)
        assert 0 < rows.sum() < len(seen)
        for part in ("features", "context", "outcomes"):
            pd.testing.assert_frame_equal(getattr(kept, part), getattr(whole, part)[rows])


def test_tenure_can_be_a_perimeter_without_any_customers_table(frames: Frames) -> None:
    bare = admitted({"transactions": frames["transactions"]})
    spec = spec_at(bare, at(day(150)))
    whole = snapshot_at(bare, at(day(150)), spec, None, with_outcomes=False)
    kept = snapshot_at(bare, at(day(150)), spec, "tenure_days > 90", with_outcomes=False)
    assert 0 < len(kept) < len(whole)
    assert (kept.context["tenure_days"] > 90).all()


@pytest.mark.parametrize(
    ("perimeter", "told"),
    [
        ("spend_56d > 1e9", ["selects none of the", "customers at", "widen it"]),
        ("__import__('os').system('true')", ["snapshot.perimeter", "not in the language"]),
        ("features.drop(1)", ["snapshot.perimeter"]),
        ("lambda: 1", ["snapshot.perimeter"]),
        ("recency_day < 3", ["snapshot.perimeter", "recency_day", "'recency_days'"]),
        ("value > 3", ["snapshot.perimeter", "no column", "value"]),
        ("recency_days", ["snapshot.perimeter", "true or false"]),
        ("recency_days > 'long'", ["snapshot.perimeter"]),
        ("recency_days > 3; true", ["snapshot.perimeter"]),
        ("", ["snapshot.perimeter", "empty"]),
    ],
)
def test_a_perimeter_of_nobody_or_of_code_is_refused(
    perimeter: str, told: list[str], tables: Tables
) -> None:
    with pytest.raises(BadInput) as error:
        within(tables, perimeter)
    assert "\n" not in str(error.value)
    assert [word for word in told if word not in str(error.value)] == []


def objections(*rows: tuple[str, str | None, int, bool | None]) -> pl.DataFrame:
    told = [(c, channel, START + timedelta(days=d), objected) for c, channel, d, objected in rows]
    schema = {"customer_id": pl.String, "channel": pl.String, "recorded_at": pl.Datetime("us"),
              "objected": pl.Boolean}  # fmt: skip
    return pl.DataFrame(told, schema=schema, orient="row")


def test_who_objects_leaves_from_the_moment_it_is_known_until_it_is_taken_back(
    frames: Frames,
) -> None:
    consents = objections(
        ("c0001", None, 100, True), ("c0002", None, 160, True), ("c0003", "mail", 100, True),
        ("c0004", None, 100, True), ("c0004", None, 120, False), ("c0005", None, 100, None),
        ("c0006", None, 100, False), ("c0006", None, 120, True),
    )  # fmt: skip
    tables = admitted(frames | {"consents": consents})
    everyone = set(within(admitted({n: f for n, f in frames.items() if n != "consents"}), "true"))
    assert everyone - set(within(tables, "true")) == {"c0001", "c0006"}


def test_a_table_of_consents_without_objections_leaves_nobody_out(frames: Frames) -> None:
    granted = (
        objections(("c0001", None, 100, True)).drop("objected").with_columns(granted=pl.lit(True))
    )
    tables = admitted(frames | {"consents": granted})
    assert "c0001" in within(tables, "true")


def test_customers_who_all_bought_once_are_refused(frames: Frames) -> None:
    once = frames["transactions"].unique("customer_id", maintain_order=True)
    with pytest.raises(BadInput, match="all .* customers have a single day of purchase") as error:
        made(admitted(frames | {"transactions": once}))
    assert "\n" not in str(error.value)
    assert "customer_id is not an order number" in str(error.value)


def with_margin(frames: Frames, rate: float) -> Frames:
    margin = (pl.col("amount") * 100 * rate).round(0) / 100
    return frames | {"transactions": frames["transactions"].with_columns(margin=margin)}


def test_a_given_margin_is_net_value_and_no_rate_comes_on_top(frames: Frames) -> None:
    bare = {"transactions": frames["transactions"]}
    one = admitted(with_margin(bare, 1.0))
    spec = spec_at(one, at(day(150)))
    plain = admitted(bare)
    given, rated = (
        snapshot_at(tables, at(day(150)), made, None, with_outcomes=True)
        for tables, made in ((one, spec), (plain, spec_at(plain, at(day(150)))))
    )
    for column in ("value_current", "value_annualised"):
        np.testing.assert_allclose(given.context[column] * 0.4, rated.context[column])
    np.testing.assert_allclose(given.outcomes["value"] * 0.4, rated.outcomes["value"])
    worth = [name for name in given.features if name.startswith("value_faded_")]
    assert worth
    of_margin = given.features.assign(**{name: given.features[name] * 0.4 for name in worth})
    pd.testing.assert_frame_equal(of_margin, rated.features)


def test_outcomes_lie_in_the_window_after_the_gap() -> None:
    def bought(*days: int) -> pl.DataFrame:
        rows = [("x", START + timedelta(days=d), 10.0) for d in days]
        rows += [("y", START + timedelta(days=d), 1.0) for d in range(0, 200, 7)]
        return pl.DataFrame(rows, schema=["customer_id", "occurred_at", "amount"], orient="row")

    def outcome(gap_days: int, *days: int) -> dict[str, float]:
        tables = admitted({"transactions": bought(*days)})
        churn = churn_settings(gap_days=gap_days)
        spec = constants(tables, at(day(100)), panel_settings(), churn, data(), [])
        made = snapshot_at(tables, at(day(100)), spec, None, with_outcomes=True)
        return dict(made.outcomes.loc["x"])

    assert outcome(0, 90, 100) == {"value": 4.0, "churned": 0.0}
    assert outcome(0, 90, 155) == {"value": 4.0, "churned": 0.0}
    assert outcome(0, 90, 156) == {"value": 0.0, "churned": 1.0}
    assert outcome(30, 90, 110) == {"value": 4.0, "churned": 1.0}
    assert outcome(30, 90, 180) == {"value": 0.0, "churned": 0.0}
    assert np.isnan(outcome(0, 43, 110)["churned"])
    assert outcome(0, 44, 110)["churned"] == 0.0


def test_an_attribute_under_the_name_of_a_feature_is_refused() -> None:
    world = shop(2)
    people = world["customers"].with_columns(products=pl.lit("many"))
    tables = admitted({**world, "customers": people}, static_attributes=["products"])
    with pytest.raises(BadInput, match="attribute products bears the name of a feature"):
        spec_at(tables, at("2021-07-05"), static_attributes=["products"])


def test_contacts_without_answers_are_counted_alone() -> None:
    world = shop(2)
    contacts = world["contacts"].drop("responded_at", "revenue")
    tables = admitted({**world, "contacts": contacts})
    spec = spec_at(tables, at("2021-07-05"))
    features = snapshot_at(tables, at("2021-07-05"), spec, None, with_outcomes=False).features
    assert "contacts_received" in features
    assert "responses" not in features
    assert "response_rate" not in features
