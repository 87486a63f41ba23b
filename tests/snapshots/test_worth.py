"""Figures of whether segmenting is worth it: known values, and what can't be claimed."""

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest
from worlds import admitted, shop, spec_at

from facette.errors import BadInput
from facette.settings import Worth as WorthSettings
from facette.snapshots import worth as worth_module
from facette.snapshots.panel import snapshot_at
from facette.snapshots.spec import SnapshotSpec
from facette.snapshots.worth import (
    Worth,
    check_worth,
    customer_sums,
    evenness,
    gini,
    rise,
    spread,
    told_by_customer,
    worth,
)
from facette.tables import door
from facette.tables.contract import DAY_US, Tables


def costs(**changed: object) -> WorthSettings:
    plain = {
        "tiers": [0.05, 0.15, 0.80],
        "segments": 4,
        "set_up_cost": 100.0,
        "yearly_cost": 250.0,
    }
    return WorthSettings(**(plain | changed))


@pytest.fixture(scope="module")
def tables() -> Tables:
    return admitted({k: f for k, f in shop(seed=7, late=False).items() if k != "consents"})


@pytest.fixture(scope="module")
def spec(tables: Tables) -> SnapshotSpec:
    return spec_at(tables, tables.observed_until)


@pytest.fixture(scope="module")
def customers(tables: Tables, spec: SnapshotSpec) -> pd.DataFrame:
    return customer_sums(tables, spec)


@pytest.fixture(scope="module")
def found(tables: Tables, customers: pd.DataFrame, spec: SnapshotSpec) -> Worth:
    return worth(tables, customers, spec, costs())


def bought(amounts: dict[str, float], **more: list) -> Tables:
    rows = {"customer_id": list(amounts), "amount": list(amounts.values())}
    frame = pl.DataFrame(rows | more).with_columns(occurred_at=pl.datetime(2021, 3, 1, 10))
    return admitted({"transactions": frame}, static_attributes=[], observed_until=None,
                    margin_rate=1.0)  # fmt: skip


def told(tables: Tables, **changed: object) -> Worth:
    spec = spec_at(tables, tables.observed_until, static_attributes=[])
    object.__setattr__(spec, "margin_rate", 1.0)
    return worth(tables, customer_sums(tables, spec), spec, costs(**changed))


def test_value_is_the_snapshot_s_current_value(
    tables: Tables, customers: pd.DataFrame, spec: SnapshotSpec, found: Worth
) -> None:
    snapshot = snapshot_at(tables, tables.observed_until, spec, None, with_outcomes=False)
    current = snapshot.context["value_current"]
    assert found.value.customers == len(current)
    np.testing.assert_allclose(
        customers["net"].loc[current.index] / 100 * spec.margin_rate, current, atol=1e-9
    )
    assert found.value.total == pytest.approx(current.sum())
    assert found.value.negative == (current < 0).sum()


def test_gini_of_equals_is_nought_and_of_one_holder_nearly_one() -> None:
    assert gini(np.full(10, 3.0)) == pytest.approx(0)
    assert gini(np.array([0, 0, 0, 8.0])) == pytest.approx(0.75)
    assert gini(np.array([1, 2, 3.0])) == pytest.approx(2 / 9)


def test_gini_is_half_the_relative_mean_difference() -> None:
    values = np.random.default_rng(0).gamma(1, 5, 80)
    apart = np.abs(values[:, None] - values).mean()
    assert gini(values) == pytest.approx(apart / (2 * values.mean()))


def test_without_value_there_are_no_shares() -> None:
    nothing = told(bought({"a": -5.0, "b": 2.0}))
    assert np.isnan(nothing.value.gini)
    assert nothing.value.tiers["value_share"].isna().all()
    assert np.isnan([nothing.payback.rise, nothing.payback.rise_top]).all()


def test_tiers_divide_customers_and_value(found: Worth) -> None:
    tiers = found.value.tiers
    assert tiers["customers"].sum() == found.value.customers
    assert tiers["value"].sum() == pytest.approx(found.value.total)
    assert tiers["value_share"].sum() == pytest.approx(1)


def test_the_top_tier_holds_the_highest_values() -> None:
    amounts = {f"c{i:02d}": float(i) for i in range(1, 21)}
    tiers = told(bought(amounts), tiers=[0.05, 0.15, 0.8]).value.tiers
    assert tiers["customers"].tolist() == [1, 3, 16]
    assert tiers["value"].tolist() == [20, 19 + 18 + 17, 136]


def test_customers_below_nought_are_counted_with_what_they_cost() -> None:
    value = told(bought({"a": 10.0, "b": -4.0, "c": -1.5})).value
    assert (value.negative, value.negative_total, value.total) == (2, -5.5, 4.5)


def test_the_curve_ends_where_all_is_held_and_meets_the_tiers(found: Worth) -> None:
    x, y = found.value.curve
    assert (x[0], y[0], x[-1]) == (0, 0, 1)
    assert y[-1] == pytest.approx(1)
    assert (np.diff(x) > 0).all()


def test_spread_of_equals_is_none() -> None:
    same = spread("purchases", "count", np.full(5, 4), count=True)
    assert (same.quartile_ratio, same.variation, same.dispersion) == (1, 0, 0)


def test_counts_by_chance_alone_have_a_dispersion_of_one() -> None:
    draws = np.random.default_rng(1).poisson(4, 20_000)
    assert spread("purchases", "count", draws, count=True).dispersion == pytest.approx(1, abs=0.05)


def test_a_habit_nobody_has_is_not_available() -> None:
    nobody = spread("days between purchases", "days", np.array([]))
    assert nobody.customers == 0
    assert np.isnan(nobody.median)


def test_habits_agree_with_the_snapshot_s_features(
    tables: Tables, spec: SnapshotSpec, found: Worth
) -> None:
    features = snapshot_at(tables, tables.observed_until, spec, None, with_outcomes=False).features
    gaps = features["gap_mean_days"].dropna()
    gap = next(habit for habit in found.habits if habit.unit == "days")
    assert gap.customers == pytest.approx(len(gaps), abs=3)  # days of refunds only are no purchase
    assert gap.median == pytest.approx(gaps.median(), rel=0.1)


def test_evenness_is_one_for_equal_parts_and_nought_for_one_part_alone() -> None:
    assert evenness(np.array([5, 5, 5])) == pytest.approx(1)
    assert evenness(np.array([10**9, 1])) < 1e-6
    assert np.isnan(evenness(np.array([7, 0])))


def weighed(table: np.ndarray) -> float:
    """`told_by_customer` of a table of customers x kinds."""

    def n_log_n(counts: np.ndarray) -> float:
        held = counts[counts > 0]
        return float((held * np.log(held)).sum())

    return told_by_customer(
        n=table.sum(), customers=len(table), kinds=table.sum(axis=0),
        cells=int((table > 0).sum()), own=n_log_n(table.sum(axis=1)), within=n_log_n(table),
    )  # fmt: skip


def test_customers_of_one_mix_tell_nothing_of_a_line() -> None:
    assert weighed(np.outer([200, 100], [30, 50, 20])) == pytest.approx(0)


def test_customers_of_one_kind_each_tell_everything() -> None:
    assert weighed(np.diag([1000, 1000, 1000])) == pytest.approx(1, abs=0.001)


def test_chance_differences_are_taken_off() -> None:
    drawn = np.random.default_rng(2).multinomial(60, [0.5, 0.3, 0.2], size=500)
    plain = weighed(drawn * 1_000)  # as if these differences were not of chance
    assert weighed(drawn) < 0.2 * plain


def test_the_mix_is_that_of_the_lines(tables: Tables, spec: SnapshotSpec, found: Worth) -> None:
    rows = tables["transactions"].collect("polars").to_native()
    since = tables.observed_until - spec.observation_days * DAY_US
    rows = rows.filter(
        (pl.col("occurred_at") >= since) & (pl.col("amount") > 0) & pl.col("category").is_not_null()
    )
    counts = rows.pivot("category", index="customer_id", values="amount", aggregate_function="len")
    table = counts.drop("customer_id").fill_null(0).to_numpy().astype(float)
    assert found.mix.lines == table.sum()
    assert found.mix.kinds == rows["category"].n_unique()
    assert found.mix.told_by_customer == pytest.approx(weighed(table))
    spent = rows.group_by("category").agg(pl.col("amount").sum())["amount"].to_numpy()
    assert found.mix.evenness == pytest.approx(evenness(spent))


def test_few_lines_say_nothing_of_how_customers_differ() -> None:
    tables = bought({"a": 1.0, "b": 2.0, "c": 3.0}, category=["x", "y", "x"])
    assert told(tables).mix.told_by_customer is None


def test_without_product_or_category_there_is_no_mix() -> None:
    assert told(bought({"a": 1.0, "b": 2.0})).mix is None


def test_a_rise_of_yearly_value_pays_the_cost(found: Worth) -> None:
    payback = found.payback
    assert (payback.set_up, payback.yearly) == (400, 1000)
    assert payback.rise * payback.yearly_value == pytest.approx(1000)
    assert payback.rise_first_year * payback.yearly_value == pytest.approx(1400)
    top = payback.yearly_value * found.value.tiers["value_share"].iloc[0]
    assert payback.rise_top * top == pytest.approx(1000)


def test_the_last_days_are_brought_to_a_year() -> None:
    payback = told(bought({"a": 10.0, "b": 30.0})).payback
    assert (payback.days, payback.yearly_value) == (1, 40 * 365)


def test_nothing_pays_where_there_is_no_value() -> None:
    assert np.isnan(rise(100, 0))
    assert np.isnan(rise(100, -5))


def test_a_single_purchase_counts_baskets_and_not_lines() -> None:
    frame = pl.DataFrame(
        {"customer_id": ["a", "a", "b", "b"], "transaction_id": ["1", "1", "2", "3"],
         "amount": [1.0, 2.0, 3.0, 4.0]}
    ).with_columns(occurred_at=pl.datetime(2021, 3, 1, 10))  # fmt: skip
    tables = admitted({"transactions": frame}, static_attributes=[], observed_until=None)
    assert told(tables).once == 0.5


def test_a_database_gives_the_same_integers(
    tables: Tables, customers: pd.DataFrame, spec: SnapshotSpec, found: Worth
) -> None:
    session = duckdb.connect()
    frames = {
        name: nw.from_native(session.from_arrow(frame.collect("pyarrow").to_native()))
        for name, frame in tables.frames.items()
    }
    there = Tables(frames, tables.first_at, tables.observed_until)
    again = customer_sums(there, spec)
    pd.testing.assert_frame_equal(again, customers, check_dtype=False)
    mix, here = worth(there, again, spec, costs()).mix, found.mix
    assert (mix.kinds, mix.lines) == (here.kinds, here.lines)
    assert mix.evenness == pytest.approx(here.evenness)
    assert mix.told_by_customer == pytest.approx(here.told_by_customer)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("tiers", [0.5, 0.4]), ("tiers", [1.0]), ("segments", 0), ("yearly_cost", -1.0)],
)
def test_costs_and_tiers_that_say_nothing_are_refused(setting: str, value: object) -> None:
    with pytest.raises(BadInput, match=f"worth.{setting}"):
        check_worth(costs(**{setting: value}))


def test_scanned_tables_are_summed_up_a_share_of_the_customers_at_a_time(
    customers: pd.DataFrame, spec: SnapshotSpec, found: Worth, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, ask = list[Tables](), worth_module.customer_days

    def seen(share: Tables, spec: SnapshotSpec) -> nw.LazyFrame:
        asked.append(share)
        return ask(share, spec)

    monkeypatch.setattr(door, "ROWS_A_PASS", 300)
    monkeypatch.setattr(worth_module, "customer_days", seen)
    frames = {k: f for k, f in shop(seed=7, late=False).items() if k != "consents"}
    scanned = admitted(frames, rows_in_memory=0)
    again = customer_sums(scanned, spec)
    pd.testing.assert_frame_equal(again, customers)
    assert len(asked) == scanned.passes > 3
    mix, here = worth(scanned, again, spec, costs()).mix, found.mix
    assert (mix.kinds, mix.lines) == (here.kinds, here.lines)
    assert mix.evenness == pytest.approx(here.evenness)
    assert mix.told_by_customer == pytest.approx(here.told_by_customer)
