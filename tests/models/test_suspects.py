"""Columns too good to be true are named; honest ones, and chance, are not."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from facette.models.suspects import TOO_GOOD, suspects
from facette.snapshots.panel import Snapshot

N = 400
LEFT = np.random.default_rng(3).random(N) < 0.3


def snapshot(churned: np.ndarray, **columns: object) -> Snapshot:
    features = pd.DataFrame(columns, index=pd.RangeIndex(len(churned)).astype("str"))
    context = pd.DataFrame({"active": 1.0, "value_current": np.nan}, index=features.index)
    outcomes = pd.DataFrame({"value": np.nan, "churned": churned}, index=features.index)
    return Snapshot(None, features, context, outcomes)


def found(**columns: object) -> dict[str, float]:
    return suspects(snapshot(LEFT.astype(float), **columns))


def nearly(share_wrong: float) -> np.ndarray:
    """The outcome, but for a share of the customers."""
    wrong = np.random.default_rng(4).random(N) < share_wrong
    return np.where(wrong, ~LEFT, LEFT)


@pytest.mark.parametrize("told", [
    LEFT.astype(float), -3.0 * LEFT, np.where(LEFT, "gone", "here"), nearly(0.005).astype(float),
    np.where(LEFT, np.random.default_rng(1).choice(["price", "service"], N), None),
    np.where(LEFT, 12.5, np.nan),
])  # fmt: skip
def test_a_copy_a_near_copy_and_what_was_filled_in_afterwards_are_named(told: np.ndarray) -> None:
    named = found(told=told, noise=np.arange(N) % 7)
    assert list(named) == ["told"]
    assert named["told"] >= TOO_GOOD


def test_honest_columns_are_not_named() -> None:
    draw = np.random.default_rng(5)
    assert found(
        noise=draw.normal(size=N), strong=LEFT + draw.normal(0, 0.7, N), tends=nearly(0.1),
        words=draw.choice(["a", "b", "c"], N), same=np.ones(N), gaps=np.full(N, np.nan),
    ) == {}  # fmt: skip


def test_the_figure_is_the_area_under_the_curve_of_the_column_alone() -> None:
    draw = np.random.default_rng(6)
    score = np.round(LEFT + draw.normal(0, 0.25, N), 1)  # with ties
    assert found(score=score)["score"] == pytest.approx(roc_auc_score(LEFT, score), abs=1e-12)
    assert found(turned=-score)["turned"] == pytest.approx(roc_auc_score(LEFT, score), abs=1e-12)


def test_customers_without_an_outcome_are_left_aside() -> None:
    churned = np.where(np.arange(N) % 2 == 0, LEFT, np.nan)
    half_right = np.where(np.arange(N) % 2 == 0, LEFT, ~LEFT).astype(float)
    assert list(suspects(snapshot(churned, half_right=half_right))) == ["half_right"]


@pytest.mark.parametrize("churned", [np.zeros(N), np.ones(N), np.full(N, np.nan)])
def test_without_two_outcomes_there_is_nothing_to_suspect(churned: np.ndarray) -> None:
    assert suspects(snapshot(churned, told=LEFT.astype(float))) == {}


@pytest.mark.parametrize("categories", [1, 2, 20, 100, 250, 5000])
def test_categories_drawn_by_chance_are_not_named_however_many(categories: int) -> None:
    for seed in range(20):
        drawn = np.random.default_rng(seed).integers(0, categories, N)
        assert found(noise=np.char.add("c", drawn.astype(str))) == {}


def test_a_near_copy_in_words_is_named_at_the_area_under_its_curve() -> None:
    nearly_told = np.where(nearly(0.005), "gone", "here")
    expected = roc_auc_score(LEFT, nearly(0.005))
    assert found(told=nearly_told)["told"] == pytest.approx(expected, abs=1e-12)
