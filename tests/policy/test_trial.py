"""A trial is who began what and when, what came of them, and nothing that was not known."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from books import exactly, spec
from trials import simple_policy

from facette.policy.relationship import ways
from facette.policy.trial import LEAST_DAYS, Began, began, net_between, stacked, trial
from facette.tables.contract import DAY_US, Tables

WAYS = ways(simple_policy([1.0, 1.0]))  # m0, m1, on_request
T = 18_800 * DAY_US
HORIZON = 100
Row = tuple[str, int, str, bool | None, float | None]


def treated(*rows: Row, **frames: pl.DataFrame) -> Tables:
    """Treatments told by days before T: customer, days ago, model, randomised, propensity."""
    columns = ["customer_id", "from_date", "relationship_model", "randomised", "propensity"]
    kinds: dict[str, Any] = dict(
        zip(columns, (pl.String, pl.Int64, pl.String, pl.Boolean, pl.Float64), strict=True)
    )
    dated = [(who, T - ago * DAY_US, *rest) for who, ago, *rest in rows]
    return exactly({"treatments": pl.DataFrame(dated, schema=kinds, orient="row"), **frames})


def sold(*rows: tuple[str, float, float]) -> pl.DataFrame:
    """Margins in cents: customer, days ago, cents."""
    return pl.DataFrame(
        [(who, T - int(ago * DAY_US), int(cents), int(cents)) for who, ago, cents in rows],
        schema={"customer_id": pl.String, "occurred_at": pl.Int64, "margin": pl.Int64,
                "amount": pl.Int64}, orient="row",
    )  # fmt: skip


def waves(tables: Tables, *, randomised: bool = True) -> tuple[list[Began], list[str]]:
    notes: list[str] = []
    return began(tables, T, WAYS, HORIZON, notes, randomised=randomised), notes


def found(tables: Tables, *, randomised: bool = True) -> Began:
    (made,), _ = waves(tables, randomised=randomised)
    return made


def test_each_customer_counts_once_at_the_first_lot() -> None:
    tables = treated(
        ("ann", 90, "m0", True, 0.5), ("ann", 40, "m1", True, 0.5), ("bob", 90, "m1", True, None),
        ("bob", 95, "m0", False, None), ("cat", 90, "butler", True, 0.5),
        ("dan", 90, "m0", None, None),
    )  # fmt: skip
    rows = found(tables).rows
    assert rows["model"].to_dict() == {"ann": "m0", "bob": "m1"}
    assert rows.loc["ann", "propensity"] == 0.75  # cat is left out, a third of those drawn
    assert np.isnan(rows.loc["bob", "propensity"])


def test_who_began_too_late_to_be_watched_is_left_out_and_said() -> None:
    early = [(f"e{i}", 90, "m0", True, None) for i in range(10)]
    late: list[Row] = [("late", 30, "m1", True, None), ("later", 5, "m1", True, None)]
    (made,), notes = waves(treated(*early, *late))
    assert made.days == 90
    assert not made.rows.index.isin(["late", "later"]).any()
    assert notes == ["trial: 2 who began less than 90 days before 2021-06-22 are left out"]
    assert made.first == T - 90 * DAY_US
    many = found(treated(*early, *[(f"l{i}", 60, "m1", True, None) for i in range(30)]))
    assert many.days == 60
    assert len(many.rows) == 40
    longer = found(treated(*[(f"e{i}", 150, "m0", True, None) for i in range(3)]))
    assert longer.days == HORIZON


def test_treatments_of_the_last_days_and_of_the_future_are_no_trial() -> None:
    recent = treated(("ann", LEAST_DAYS - 1, "m0", True, None))
    made, notes = waves(recent)
    assert not made
    assert notes == ["trial: 1 who began less than 28 days before 2021-06-22 are left out"]
    assert waves(treated(("ann", -1, "m0", True, None))) == ([], [])
    assert waves(exactly({})) == ([], [])


def test_a_crowd_that_began_just_now_does_not_hide_who_was_watched_before() -> None:
    now = [(f"n{i}", 10, "m0", True, None) for i in range(100)]
    made = found(treated(("ann", 60, "m0", True, None), ("bob", 60, "m1", True, None), *now))
    assert made.days == 60
    assert list(made.rows.index) == ["ann", "bob"]


def test_lots_of_one_season_are_a_wave_of_their_own() -> None:
    """One lot long ago neither ages nor shortens what is drawn later; a second lot is none."""
    tables = treated(
        ("ann", 600, "m0", True, None), ("ann", 90, "m1", True, None),
        ("bob", 90, "m0", True, None), ("cat", 60, "m1", True, None),
        ("dan", 180, "m1", True, None), ("eve", 182, "m0", True, None),
    )  # fmt: skip
    made, _ = waves(tables)
    assert [list(wave.rows.index) for wave in made] == [["ann"], ["dan", "eve"], ["bob", "cat"]]
    assert [wave.first for wave in made] == [T - ago * DAY_US for ago in (600, 182, 90)]
    assert [wave.days for wave in made] == [HORIZON, HORIZON, 60]


def test_propensities_are_among_the_models_that_the_policy_has() -> None:
    """Five models drawn evenly, three of them given up since; the next wave has none of those."""
    old = [(f"o{i:02d}", 300, name, True, 0.2) for i, name in enumerate(["m0", "m1", *"xyz"] * 4)]
    again: list[Row] = [("o00", 290, "x", True, 0.2), ("o02", 50, "m0", True, 0.5)]
    made, notes = waves(treated(*old, *again, ("new", 50, "m1", True, 0.5)))
    assert [len(wave.rows) for wave in made] == [8, 2]
    np.testing.assert_allclose(made[0].rows["propensity"], 0.5)
    np.testing.assert_allclose(made[1].rows["propensity"], 0.5)
    assert notes == ["trial: 12 drawn to models that the policy does not have are left out"]


def test_waves_are_stacked_each_with_its_own_shares_and_days() -> None:
    early = [(f"e{i}", 300, f"m{int(i < 3)}", True, None) for i in range(4)]
    late = [(f"l{i}", 50, "m0", True, None) for i in range(2)]
    tables = treated(*early, *late, transactions=sold(("e0", 290, 800), ("l1", 40, 800)))
    each = [
        trial(wave, tables, T, pd.DataFrame({"x": 1.0}, wave.rows.index),
              np.zeros((len(wave.rows), 3), dtype=int), WAYS, spec(tables), HORIZON)
        for wave in waves(tables)[0]
    ]  # fmt: skip
    made = stacked(each)
    assert made.customers.tolist() == ["e0", "e1", "e2", "e3", "l0", "l1"]
    assert made.propensity.tolist() == [[0.25, 0.75, 0]] * 4 + [[1, 0, 0]] * 2
    assert made.outcome.tolist() == [8, 0, 0, 0, 0, 16]
    assert (made.days, made.fewest_days, made.began) == (HORIZON, 50, T - 300 * DAY_US)


def test_what_was_not_drawn_counts_at_its_last_that_could_be_watched_in_one_season() -> None:
    tables = treated(
        ("ann", 180, "m0", False, None), ("ann", 120, "m1", False, None),
        ("ann", 50, "m0", False, None), ("bob", 150, "m0", None, None),
        ("cat", 300, "m0", False, None), ("dan", 10, "butler", False, None),
        ("eve", 101, "butler", False, None), ("fay", 130, "m1", True, None),
    )  # fmt: skip
    made = found(tables, randomised=False)
    assert made.rows["model"].to_dict() == {"ann": "m1", "bob": "m0"}
    assert made.days == HORIZON


def test_net_margins_are_summed_by_hand_from_each_own_start() -> None:
    tables = exactly({"transactions": sold(
        ("ann", 50, 1000), ("ann", 41, 200), ("ann", 40, 7), ("ann", 50.5, 90), ("ann", 60, 40),
        ("ann", 60.1, 3), ("bob", 20, -500), ("cat", 50, 999),
    )})  # fmt: skip
    start = pd.Series([T - 50 * DAY_US, T - 25 * DAY_US, T - 5 * DAY_US], ["ann", "bob", "eve"])
    own = spec(tables)
    assert net_between(tables, T, start, 10, own).tolist() == [12.0, -5.0, 0.0]
    assert net_between(tables, T, start, -10, own).tolist() == [1.3, 0.0, 0.0]
    assert net_between(tables, T - 41 * DAY_US, start, 10, own)[0] == 10.0
    amounts = spec(tables, columns=(), margin_rate=0.25)
    assert net_between(tables, T, start, 10, amounts).tolist() == [3.0, -1.25, 0.0]


def drawn_by_lot() -> tuple[Tables, pd.DataFrame]:
    """ann and bob keep to their lot, cat changes model, dan's model reaches him by no channel."""
    tables = treated(
        ("ann", 50, "m0", True, 0.25), ("bob", 50, "m1", True, None), ("cat", 50, "m0", True, 0.25),
        ("cat", 45, "m1", False, None), ("dan", 50, "m1", True, 0.25),
        transactions=sold(("ann", 45, 800), ("cat", 10, 600), ("dan", 70, 400), ("eve", 45, 1)),
    )  # fmt: skip
    return tables, pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0]}, ["ann", "bob", "cat", "dan"])


def test_customers_are_compared_by_what_they_were_meant_to_have() -> None:
    tables, before = drawn_by_lot()
    channel = np.array([[0, 1, -1], [0, 1, -1], [0, 1, -1], [0, -1, -1]])
    made = trial(found(tables), tables, T, before, channel, WAYS, spec(tables), HORIZON)
    assert made.days == 50
    assert made.way.tolist() == [0, 1, 0, 2]  # cat by the lot, dan as he was really served
    assert made.outcome.tolist() == [16.0, 0.0, 12.0, 0.0]  # of 50 days, scaled to 100
    assert made.placebo.tolist() == [0.0, 0.0, 0.0, 8.0]
    np.testing.assert_allclose(made.propensity, [
        [0.25, 0.75, 0.0], [0.5, 0.5, 0.0], [0.25, 0.75, 0.0], [0.75, 0.0, 0.25],
    ])  # fmt: skip
    assert made.keep(made.way == 0).customers.tolist() == ["ann", "cat"]
    assert len(made.keep(made.way == 0).before) == 2


def test_whom_no_model_reaches_is_on_request_for_sure() -> None:
    tables, before = drawn_by_lot()
    channel = np.full((4, 3), -1)
    made = trial(found(tables), tables, T, before, channel, WAYS, spec(tables), HORIZON)
    assert (made.way == WAYS.on_request).all()
    np.testing.assert_allclose(made.propensity[:, WAYS.on_request], 1)
    assert not made.propensity[:, :2].any()


@pytest.mark.parametrize("randomised", [True, False])
def test_the_order_of_rows_changes_nothing(randomised: bool) -> None:
    rows = [(f"c{i % 20}", 100 + i, "m0" if i % 3 else "m1", randomised, None) for i in range(60)]
    first = found(treated(*rows), randomised=randomised).rows
    again = found(treated(*rows[::-1]), randomised=randomised).rows
    pd.testing.assert_frame_equal(first, again)
