"""Interaction values are those of the game that TreeSHAP plays, categories and gaps among them."""

import warnings
from itertools import combinations
from math import factorial

import lightgbm
import numpy as np
import pandas as pd
import pytest

from facette.drivers.interactions import _leaves, interaction_values, strongest

TREES = {
    "n_estimators": 12, "num_leaves": 8, "min_child_samples": 10, "learning_rate": 0.3,
    "random_state": 1, "n_jobs": 1, "verbosity": -1,
}  # fmt: skip


def rows(n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    x = pd.DataFrame(rng.normal(size=(n, 4)), columns=list("abcd"))
    x.iloc[::6, 0] = np.nan
    x["kind"] = rng.integers(0, 6, n).astype(float)
    x.iloc[::11, 4] = np.nan
    return x


def fitted(x: pd.DataFrame, y: np.ndarray, categories: list[str]) -> lightgbm.Booster:
    return lightgbm.LGBMRegressor(**TREES).fit(x, y, categorical_feature=categories).booster_


@pytest.fixture(scope="module")
def mixed() -> tuple[pd.DataFrame, lightgbm.Booster]:
    x = rows()
    y = x["b"] * x["c"] + x["a"].fillna(2) + x["kind"].isin([1, 4]) * x["b"] * 8
    return x, fitted(x, y.to_numpy(), ["kind"])


def test_leaves_of_who_meets_them_add_up_to_the_score(
    mixed: tuple[pd.DataFrame, lightgbm.Booster],
) -> None:
    x, booster = mixed
    told = sum(leaf.value * leaf.met.prod(axis=0) for leaf in _leaves(booster, x.to_numpy()))
    np.testing.assert_allclose(told, booster.predict(x, raw_score=True), atol=1e-9)


def test_without_categories_they_are_those_of_the_shap_library() -> None:
    x = rows().drop(columns="kind")
    booster = fitted(x, (x["b"] * x["c"] + x["a"].fillna(2)).to_numpy(), [])
    ours = interaction_values(booster, x.to_numpy(), range(4))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own
        import shap

        theirs = np.asarray(shap.TreeExplainer(booster).shap_interaction_values(x.to_numpy()))
    for i, j in combinations(range(4), 2):
        np.testing.assert_allclose(ours[:, i, j], theirs[:, i, j], atol=1e-6)


def test_with_categories_they_are_those_of_the_definition(
    mixed: tuple[pd.DataFrame, lightgbm.Booster],
) -> None:
    x, booster = mixed
    few = x.to_numpy()[:25]
    leaves, p = list(_leaves(booster, few)), few.shape[1]

    def worth(known: frozenset[int]) -> np.ndarray:
        return sum(
            leaf.value
            * np.prod([met if f in known else np.full(len(few), share) for f, met, share in
                       zip(leaf.features, leaf.met, leaf.share, strict=True)], axis=0)
            for leaf in leaves
        )  # fmt: skip

    ours = interaction_values(booster, few, range(p))
    for i, j in combinations(range(p), 2):
        others = [k for k in range(p) if k not in (i, j)]
        index = np.zeros(len(few))
        for size in range(p - 1):
            weight = factorial(size) * factorial(p - size - 2) / factorial(p - 1)
            for chosen in combinations(others, size):
                s = frozenset(chosen)
                index += weight * (worth(s | {i, j}) - worth(s | {i}) - worth(s | {j}) + worth(s))
        np.testing.assert_allclose(2 * ours[:, i, j], index, atol=1e-9)


def test_the_strongest_pair_is_the_planted_one(
    mixed: tuple[pd.DataFrame, lightgbm.Booster],
) -> None:
    x, booster = mixed
    table = strongest(interaction_values(booster, x.to_numpy(), range(5)), list(x), top=2)
    assert table[["one", "other"]].to_numpy().tolist() == [
        ["b", "kind"],
        ["b", "c"],
    ]  # 8 b in two kinds, b c
    assert table["mean_abs"].is_monotonic_decreasing


def test_a_model_that_adds_up_has_no_interaction() -> None:
    x = rows()[["b", "c"]]
    stumps = lightgbm.LGBMRegressor(**TREES | {"num_leaves": 2}).fit(x, x["b"] + x["c"])
    values = interaction_values(stumps.booster_, x.to_numpy(), [0, 1])
    assert not values.any()
    assert strongest(values, ["b", "c"], top=3).empty
