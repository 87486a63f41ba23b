"""Facets crossed: every customer stands in one cell, and cells add up to the base."""

import numpy as np
import pandas as pd
import pytest

from facette.segments.crossing import crossed


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
