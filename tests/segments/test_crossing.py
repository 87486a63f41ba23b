"""Facets crossed: every customer stands in one cell, and cells add up to the base."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facette.errors import BadInput
from facette.segments.crossing import crossed, micro_segments


def scored(n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "behaviour_segment": rng.choice(["B1", "B2", "B3"], n, p=[0.6, 0.3, 0.1]),
            "value_tier": rng.choice(["top", "standard", "small"], n, p=[0.05, 0.15, 0.8]),
            "potential_tier": rng.choice(["high", "low"], n),
            "value_expected": rng.gamma(1, 100, n),
            "headroom": rng.gamma(1, 50, n),
            "churn_probability": rng.random(n),
        }
    )
    frame.loc[::17, "behaviour_segment"] = None
    return frame


@pytest.mark.parametrize(
    "by",
    [["value_tier", "potential_tier"], ["behaviour_segment"], ["behaviour_segment", "value_tier"]],
)  # fmt: skip
def test_every_customer_is_in_exactly_one_row(by: list[str]) -> None:
    frame = scored()
    table = crossed(frame, by)
    assert table["customers"].sum() == len(frame)
    assert not table[by].duplicated().any()
    assert table["customers"].is_monotonic_decreasing
    for figure, column in (("value", "value_expected"), ("headroom", "headroom"),
                           ("churn", "churn_probability")):  # fmt: skip
        total = (table[figure] * table["customers"]).sum()
        assert total == pytest.approx(frame[column].sum())


def test_figures_of_a_cell_are_those_of_its_customers() -> None:
    frame = scored()
    table = crossed(frame, ["value_tier", "potential_tier"]).set_index(
        ["value_tier", "potential_tier"]
    )
    own = frame[(frame.value_tier == "top") & (frame.potential_tier == "high")]
    assert table.loc[("top", "high"), "customers"] == len(own)
    assert table.loc[("top", "high"), "churn"] == pytest.approx(own["churn_probability"].mean())


def test_a_part_that_is_off_has_no_figure() -> None:
    table = crossed(scored().drop(columns=["headroom"]), ["value_tier"])
    assert list(table.columns) == ["value_tier", "customers", "value", "churn"]


def combinations_of(**customers: int) -> pd.DataFrame:
    """So many customers in each cell, written `B1_top_high`."""
    rows = [cell.split("_") for cell, count in customers.items() for _ in range(count)]
    return pd.DataFrame(rows, columns=["behaviour", "value", "potential"])


def test_cells_at_the_floor_stand_and_smaller_ones_lose_the_last_distinction_first() -> None:
    labels = combinations_of(
        B1_top_high=10, B1_top_mid=6, B1_top_low=4, B1_small_high=9, B2_top_high=10, B2_small_low=3
    )
    found = micro_segments(labels, floor=10)
    assert found.of(labels).value_counts().to_dict() == {
        "B1/top/high": 10, "B1/top/other": 10, "B2/top/high": 10, "rest": 12
    }  # fmt: skip
    assert found.merged.set_index("cell")["into"].to_dict() == {
        "B1/top/mid": "B1/top/other", "B1/top/low": "B1/top/other",
        "B1/small/high": "rest", "B2/small/low": "rest",
    }  # fmt: skip
    assert found.notes == ["4 cells below 10 customers are merged, 22 customers in all"]


def test_the_distinction_before_the_last_goes_next() -> None:
    labels = combinations_of(B1_top_high=6, B1_small_high=5, B2_top_low=30, B3_top_low=2)
    found = micro_segments(labels, floor=10)
    assert found.of(labels).value_counts().to_dict() == {
        "B2/top/low": 30, "B1/other": 11, "rest": 2
    }  # fmt: skip
    assert found.notes[1] == "'rest' holds 2 customers, below the floor of 10"


@settings(max_examples=40)
@given(st.integers(0, 1000), st.integers(1, 60), st.integers(1, 4))
def test_every_customer_is_in_one_cell_and_only_the_rest_is_small(
    seed: int, floor: int, width: int
) -> None:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({f"s{i}": rng.choice(list("abc"), 200, p=[0.6, 0.3, 0.1])
                          for i in range(width)})  # fmt: skip
    found = micro_segments(frame, floor)
    cells = found.of(frame)
    assert cells.index.equals(frame.index)
    assert cells.notna().all()
    assert (cells.value_counts().drop("rest", errors="ignore") >= floor).all()
    for cell, customers in frame.groupby(cells):
        if cell != "rest":
            first = cell.removesuffix("/other").split("/")
            assert (customers.iloc[:, : len(first)] == first).all(axis=None)


def test_merges_found_once_hold_for_other_customers() -> None:
    found = micro_segments(combinations_of(B1_top_high=10, B1_top_mid=6, B1_top_low=4), floor=10)
    others = combinations_of(B1_top_high=1, B1_top_never=1, B1_small_high=1)
    assert found.of(others).tolist() == ["B1/top/high", "B1/top/other", "rest"]
    assert (
        found.of(others[["potential", "value", "behaviour"]]).tolist() == found.of(others).tolist()
    )


def test_a_missing_label_is_a_cell_of_its_own() -> None:
    labels = pd.DataFrame({"behaviour": ["B1"] * 5 + [None] * 5})
    assert micro_segments(labels, 2).of(labels).tolist() == ["B1"] * 5 + ["unknown"] * 5


def test_labels_that_make_two_cells_one_are_refused() -> None:
    labels = pd.DataFrame({"a": ["x"] * 9, "b": ["other"] * 5 + ["p"] * 2 + ["q"] * 2})
    with pytest.raises(BadInput, match="two cells would both be named x/other"):
        micro_segments(labels, 4)
    with pytest.raises(BadInput, match="0 segmentations"):
        micro_segments(pd.DataFrame(index=[1, 2]), 4)
