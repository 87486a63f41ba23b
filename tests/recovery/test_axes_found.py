import numpy as np
import pandas as pd
import pytest
from made_truth import bank

from facette.recovery.axes import axes_found, rank_agreement
from facette.recovery.truth import Truth
from facette.snapshots.panel import Panel

SEEN = ["power_seen", "expectation_seen"]


@pytest.fixture(scope="module")
def world() -> tuple[Panel, Truth]:
    return bank(1, customers=600)


@pytest.fixture(scope="module")
def found(world: tuple[Panel, Truth]) -> dict[str, float]:
    true = world[1].test
    scores = pd.DataFrame(
        {"balance_of_power": np.exp(true["power"]), "expectation": -true["power"]}
    )
    return axes_found(*world, scores, SEEN, seed=1)


def test_scores_in_the_order_of_the_truth_are_found_wholly(found: dict[str, float]):
    assert found["truth/axis_power_spearman"] == pytest.approx(1)


def test_scores_of_another_axis_are_not(found: dict[str, float]):
    assert abs(found["truth/axis_expectation_spearman"]) < 0.15


def test_the_ceiling_is_high_where_columns_tell(found: dict[str, float]):
    for axis in ("power", "expectation"):
        assert 0.9 < found[f"truth/axis_{axis}_spearman_ceiling"] < 1


def test_the_ceiling_is_nil_where_columns_do_not_tell_and_an_axis_may_be_absent(
    world: tuple[Panel, Truth],
):
    scores = pd.DataFrame({"expectation": world[1].test["expectation"]})
    told = axes_found(*world, scores, ["income", "mood_seen"], seed=1)
    assert set(told) == {"truth/axis_expectation_spearman",
                         "truth/axis_expectation_spearman_ceiling"}  # fmt: skip
    assert abs(told["truth/axis_expectation_spearman_ceiling"]) < 0.12


def test_customers_in_one_of_the_two_or_without_a_score_do_not_count():
    true = pd.Series([1.0, 2, 3, 4], list("abcd"))
    told = pd.Series([1.0, 2, 3, np.nan, 0], list("abcdx"))
    assert rank_agreement(told, true) == pytest.approx(1)
