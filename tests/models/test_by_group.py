"""Whom a model serves: what was said of each group beside what came, and who is off."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facette.models.by_group import LEAST_OF_MEANS, by_group

N = 4000


@pytest.fixture
def region() -> pd.Series:
    return pd.Series(np.where(np.arange(N) % 4 == 0, "West", "East"))


def told(part: str, actual: np.ndarray, said: np.ndarray, region: pd.Series) -> pd.DataFrame:
    return by_group(part, actual, said, {"region": region}, 0.9, 0.95).set_index("group")


@pytest.mark.parametrize("part", ["value", "potential", "churn"])
def test_only_the_group_that_is_told_wrongly_is_off(part: str, region: pd.Series) -> None:
    rng = np.random.default_rng(3)
    west = (region == "West").to_numpy()
    if part == "churn":
        actual, said = rng.binomial(1, 0.3, N).astype(float), np.where(west, 0.5, 0.3)
    else:
        actual = rng.gamma(2, 50, N)
        right = float(np.quantile(actual, 0.9)) if part == "potential" else float(actual.mean())
        said = np.where(west, right / 2, right)
    table = told(part, actual, said, region)
    assert table["off"].to_dict() == {"West": True, "East": False}
    assert table["customers"].to_dict() == {"West": N / 4, "East": 3 * N / 4}
    assert (table["low"] <= table["actual"]).all()
    assert (table["actual"] <= table["high"]).all()
    wanted = 0.9 if part == "potential" else said[west].mean()
    assert table.loc["West", "predicted"] == pytest.approx(wanted)


def test_upside_is_off_where_it_covers_too_few_or_too_many_of_a_group(region: pd.Series) -> None:
    actual = np.tile(np.arange(1, 101), N // 100).astype(float)
    for quantile, off in ((90, False), (87, False), (93, False), (86, True), (94, True)):
        table = told("upside", actual, np.full(N, float(quantile)), region.map(lambda _: "all"))
        assert table["off"].tolist() == [off], quantile
        assert table["predicted"].tolist() == [0.9]
    few = told("upside", actual, np.zeros(N), region.where(np.arange(N) >= 399, "few"))
    assert "few" not in few.index


@pytest.mark.parametrize(("nothing", "off"), [(0.95, False), (0.86, True)])
def test_where_nearly_all_come_to_nothing_upside_may_cover_more(
    nothing: float, off: bool, region: pd.Series
) -> None:
    actual = np.where(np.arange(N) % 100 < 100 * nothing, 0.0, 5.0)
    everyone = region.map(lambda _: "all")
    assert told("upside", actual, np.full(N, 5.0), everyone)["off"].tolist() == [off]
    assert told("upside", actual, np.full(N, -1.0), everyone)["off"].tolist() == [True]


def test_groups_of_few_and_customers_without_one_are_left_out(region: pd.Series) -> None:
    few = region.where(np.arange(N) >= LEAST_OF_MEANS, "few").where(np.arange(N) != 17)
    table = told("value", np.ones(N), np.ones(N), few)
    assert set(table.index) == {"East", "West"}
    alone = by_group("value", np.ones(3), np.ones(3), {"a": pd.Series(["x"] * 3)}, 0.9, 0.95)
    assert alone.empty
    assert "off" in alone


@given(st.integers(0, 2**31))
def test_the_more_groups_the_wider_the_interval(seed: int) -> None:
    rng = np.random.default_rng(seed)
    left, groups = rng.binomial(1, 0.3, 600), pd.Series(rng.integers(0, 2, 600))
    said = np.full(600, 0.3)
    one = by_group("churn", left, said, {"a": groups}, 0.9, 0.95)
    two = by_group("churn", left, said, {"a": groups, "b": groups}, 0.9, 0.95)
    width = one["high"] - one["low"]
    assert ((two["high"] - two["low"])[: len(one)] > width).all()


def test_right_models_are_seldom_off() -> None:
    rng = np.random.default_rng(5)
    off = []
    for _ in range(200):
        chance = rng.uniform(0.05, 0.6, 1000)
        groups = pd.Series(rng.integers(0, 8, 1000))
        table = by_group("churn", rng.binomial(1, chance).astype(float), chance, {"g": groups},
                         0.9, 0.95)  # fmt: skip
        off.append(table["off"].any())
    assert np.mean(off) <= 0.1


@pytest.mark.slow
def test_skewed_spend_seldom_makes_a_right_model_look_off() -> None:
    off = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        mean = rng.lognormal(3, 0.7, 2000)
        spent = mean * (rng.random(2000) < 0.35) * rng.lognormal(-0.32, 0.8, 2000)
        groups = pd.Series(np.repeat(np.arange(4), 500))
        table = by_group("value", spent, 0.35 * mean, {"g": groups}, 0.9, 0.95)
        off.append(table["off"].any())
    assert np.mean(off) <= 0.15
