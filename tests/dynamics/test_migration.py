"""Moves between segments are counted once, told from relabelling, and add up."""

import numpy as np
import pandas as pd
import pytest
from moving_groups import GROUPS, months
from scipy.stats import binom

from facette.dynamics.migration import (
    markov_value,
    movement,
    pooled,
    transition_matrix,
    transitions,
)
from facette.errors import BadInput
from facette.segments.identity import identified


def segments(text: str) -> pd.Series:
    """`a1 b2`: customer a in B1, customer b in B2; `a-` has no segment."""
    pairs = [(t[0], None if t[1] == "-" else f"B{t[1]}") for t in text.split()]
    return pd.Series(dict(pairs), dtype=object)


def counts(table: pd.DataFrame) -> dict[tuple[str, str], int]:
    filled = table[table["customers"] > 0]
    return dict(zip(zip(filled["from"], filled["to"], strict=True), filled["customers"],
                    strict=True))  # fmt: skip


def test_every_customer_is_counted_once_and_shares_of_a_row_add_up() -> None:
    before = segments("a1 b1 c1 d2 e2 f2 g-")
    after = segments("a1 b2 d2 e- n1 m2")
    lost = {"objected": pd.Index(["f"]), "left": pd.Index(["c", "f", "z"])}
    table = transitions(before, after, absorbing=lost)
    assert counts(table) == {
        ("B1", "B1"): 1, ("B1", "B2"): 1, ("B1", "left"): 1, ("B2", "B2"): 1,
        ("B2", "objected"): 1, ("B2", "not seen"): 1, ("not seen", "not seen"): 1,
        ("new", "B1"): 1, ("new", "B2"): 1,
    }  # fmt: skip
    assert table.groupby("from")["share"].sum().to_numpy() == pytest.approx(1)
    assert not table.duplicated(["from", "to"]).any()
    assert list(table["from"].unique()) == ["B1", "B2", "not seen", "new"]
    assert list(table["to"].unique()) == ["B1", "B2", "objected", "left", "not seen"]


def test_leaving_goes_before_the_segment_a_customer_still_has() -> None:
    both = segments("a1 b1")
    table = transitions(both, both, absorbing={"left": pd.Index(["b"])})
    assert counts(table) == {("B1", "B1"): 1, ("B1", "left"): 1}


def test_an_order_is_kept_and_a_row_without_customers_has_no_share() -> None:
    table = transitions(segments("a1 b2"), segments("a1 b1"), order=["B3", "B2", "B1"])
    assert list(table["from"].unique()) == ["B3", "B2", "B1"]
    empty = table[table["from"] == "B3"]
    assert empty["share"].isna().all()
    assert (empty["low"] == 0).all()
    assert (empty["high"] == 1).all()


def test_a_segment_named_like_a_state_is_refused() -> None:
    with pytest.raises(BadInput, match="left is the name of a segment and of a state"):
        transitions(pd.Series(["left"]), pd.Series(["B1"]), absorbing={"left": pd.Index([])})


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9])
def test_intervals_of_a_cell_cover_its_share_about_as_often_as_they_say(share: float) -> None:
    """Exact: over all outcomes of 200 customers, weighted by their probability."""
    n = 200
    went = np.arange(n + 1)
    tables = pd.concat(
        pd.DataFrame({"from": f"B{x}", "to": ["B1", "B2"], "customers": [x, n - x]}) for x in went
    )
    cells = pooled([tables]).query("to == 'B1'").set_index("from")
    cells = cells.loc[[f"B{x}" for x in went]]
    held = (cells["low"] <= share) & (cells["high"] >= share)
    assert 0.93 <= binom.pmf(went, n, share) @ held.to_numpy() <= 0.985


def test_intervals_hold_the_share_and_reach_the_ends() -> None:
    table = transitions(segments("a1 b1 c1 d2"), segments("a1 b1 c2 d2"))
    assert ((table["low"] <= table["share"]) & (table["share"] <= table["high"])).all()
    own = table.set_index(["from", "to"])
    assert own.loc[("B2", "B1"), "low"] == 0
    assert own.loc[("B2", "B2"), "high"] == 1


def test_movement_is_measured_after_identity() -> None:
    before = pd.Series(["B1"] * 50 + ["B2"] * 50)
    labels = before.map({"B1": "B2", "B2": "B1"})
    labels.iloc[0] = "B1"
    found = identified(before, labels, {}, 2, 0.5, least_share=0.2)
    told = movement(before, labels, found)
    assert (told.stayed, told.moved, told.redrawn) == (0.99, 0.01, 0)
    assert told.relabelled == 0.99
    assert movement(before, labels).moved == 0.99
    assert counts(transitions(before, labels, identity=found)) == {
        ("B1", "B1"): 49, ("B1", "B2"): 1, ("B2", "B2"): 50
    }  # fmt: skip


def test_a_split_moves_nobody_but_redraws() -> None:
    before = pd.Series(["B1"] * 100 + ["B2"] * 50)
    labels = pd.Series(["x"] * 60 + ["y"] * 40 + ["z"] * 50)
    told = movement(before, labels, identified(before, labels, {}, 2, 0.5, least_share=0.2))
    assert told.moved == 0
    assert told.redrawn == pytest.approx(40 / 150)
    assert told.stayed + told.moved + told.redrawn == pytest.approx(1)


def test_known_transitions_are_found_over_monthly_refits() -> None:
    panels = [months(800, 6, seed) for seed in range(4)]
    every = [month for panel in panels for month in panel]
    assert {i for m in every for i in m.identity.ids.values()} == {
        f"B{i + 1}" for i in range(GROUPS)
    }
    assert 0.92 <= np.mean([month.covered() for month in every]) <= 0.98
    for month in every:
        both = month.groups.index.intersection(month.groups_after.index)
        true = (month.groups[both] != month.groups_after[both]).mean()
        assert movement(month.before, month.after, month.identity).moved == pytest.approx(true)


def test_periods_pool_to_one_table() -> None:
    one = transitions(segments("a1 b1 c2"), segments("a1 b2 c2"))
    two = transitions(segments("a1 b2 c2"), segments("a1 b3 d1"), absorbing={"left": ["c"]})
    table = pooled([one, two], ["left"])
    assert counts(table) == {
        ("B1", "B1"): 2, ("B1", "B2"): 1, ("B2", "B2"): 1, ("B2", "B3"): 1, ("B2", "left"): 1,
        ("new", "B1"): 1,
    }  # fmt: skip
    assert table.groupby("from")["share"].sum().to_numpy() == pytest.approx(1)


def test_a_matrix_is_square_and_absorbing_states_keep_all() -> None:
    table = transitions(segments("a1 b1 c2 d2"), segments("a1 b2 c2 n1"),
                        absorbing={"left": pd.Index(["d"])})  # fmt: skip
    matrix = transition_matrix(table, ["left"])
    assert matrix.to_numpy().tolist() == [[0.5, 0.5, 0], [0, 0.5, 0.5], [0, 0, 1]]
    assert list(matrix.index) == list(matrix.columns) == ["B1", "B2", "left"]


def test_a_state_nobody_came_from_is_refused() -> None:
    table = transitions(segments("a1 b1"), segments("a1 b2"))
    with pytest.raises(BadInput, match="nobody was in B2 before"):
        transition_matrix(table)


def chain(stay: float) -> pd.DataFrame:
    states = ["B1", "left"]
    return pd.DataFrame([[stay, 1 - stay], [0.0, 1.0]], states, states)


def test_the_value_of_staying_is_the_geometric_sum() -> None:
    value = markov_value(chain(0.8), {"B1": 100, "left": 0}, 0.1, 2)
    kept = 0.8 / 1.1
    assert value.loc["B1", "finite"] == pytest.approx(100 * (1 + kept + kept**2))
    assert value.loc["B1", "infinite"] == pytest.approx(100 / (1 - kept))
    assert value.loc["left"].tolist() == [0, 0]


def test_a_long_horizon_reaches_the_value_without_end() -> None:
    rng = np.random.default_rng(2)
    states = list("abcd")
    matrix = pd.DataFrame(rng.dirichlet(np.ones(4), 4), states, states)
    value = markov_value(matrix, dict(zip(states, [10, -5, 0, 40], strict=True)), 0.05, 600)
    assert value["finite"].to_numpy() == pytest.approx(value["infinite"].to_numpy())
    assert markov_value(matrix, dict.fromkeys(states, 7), 0.05, 0)["finite"].tolist() == [7] * 4


def test_nothing_discounted_has_no_value_without_end() -> None:
    value = markov_value(chain(0.8), {"B1": 100, "left": 0}, 0.0, 3)
    assert value["infinite"].isna().all()
    assert value.loc["B1", "finite"] == pytest.approx(100 * (1 + 0.8 + 0.64 + 0.512))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"matrix": chain(0.8) * 0.9}, "do not sum to 1"),
        ({"matrix": chain(1.2)}, "B1 has shares below 0"),
        ({"matrix": chain(0.8)[["left", "B1"]]}, "same states"),
        ({"rewards": {"B1": 1.0}}, "none for left"),
        ({"rewards": {"B1": 1.0, "left": np.nan}}, "none for left"),
        ({"discount": -0.1}, "discount: -0.1"),
        ({"horizon": -1}, "horizon: -1"),
        ({"horizon": 1.5}, "horizon: 1.5"),
    ],
)
def test_what_makes_no_value_is_refused(changed: dict, told: str) -> None:
    usual = {"matrix": chain(0.8), "rewards": {"B1": 1.0, "left": 0.0}, "discount": 0.1,
             "horizon": 3}  # fmt: skip
    with pytest.raises(BadInput, match=told):
        markov_value(**(usual | changed))
