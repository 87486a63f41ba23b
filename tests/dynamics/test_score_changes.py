"""Changes of contributions add up to the change of the score, whatever features there are."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facette.dynamics.score_changes import (
    BASE,
    PartScored,
    contribution_changes,
    score_changes,
)

NAMES = ["recency", "spend", "visits", "age"]


def contributions(seed: int, names: list[str], customers: list[str]) -> pd.DataFrame:
    draws = np.random.default_rng(seed).normal(size=(len(customers), len(names) + 1))
    return pd.DataFrame(draws, customers, [*names, BASE])


def part(told: pd.DataFrame, link: str = "log") -> PartScored:
    return PartScored(np.exp(told.sum(axis=1)), told, link)


@given(
    st.integers(0, 1000), st.lists(st.sampled_from(NAMES), unique=True, max_size=4),
    st.lists(st.sampled_from(NAMES), unique=True, max_size=4),
)  # fmt: skip
def test_changes_add_up_over_the_features_of_either(
    seed: int, mine: list[str], theirs: list[str]
) -> None:
    before = contributions(seed, mine, ["a", "b", "c"])
    after = contributions(seed + 1, theirs, ["c", "b", "d"])
    changes = contribution_changes(before, after)
    assert set(changes.columns) == {*mine, *theirs, BASE}
    assert list(changes.index) == ["b", "c"]
    raw = after.sum(axis=1)[["b", "c"]] - before.sum(axis=1)[["b", "c"]]
    assert np.allclose(changes.sum(axis=1), raw, atol=1e-12)


def test_a_feature_of_one_model_counts_with_nothing_in_the_other() -> None:
    before = pd.DataFrame({"old": [0.5], BASE: [1.0]}, ["a"])
    after = pd.DataFrame({"new": [0.25], BASE: [1.5]}, ["a"])
    changes = contribution_changes(before, after).loc["a"]
    assert changes.to_dict() == {"old": -0.5, BASE: 0.5, "new": 0.25}


def test_the_largest_changes_come_first_with_their_reasons() -> None:
    customers = [f"c{i}" for i in range(40)]
    before, after = (part(contributions(seed, NAMES, customers)) for seed in (1, 2))
    found = score_changes(before, after, 5, 2)
    sizes = (after.scores - before.scores).abs().sort_values(ascending=False)
    assert list(found.largest["customer_id"]) == list(sizes.index[:5])
    assert found.largest["change"].abs().tolist() == sizes[:5].tolist()
    logs = np.log(found.largest["after"] / found.largest["before"])
    assert np.allclose(found.largest["raw_change"], logs)
    assert found.reasons is not None
    assert found.reasons.groupby("customer_id").size().tolist() == [2] * 5
    own = found.reasons[found.reasons["customer_id"] == sizes.index[0]]
    whole = contribution_changes(before.contributions, after.contributions).loc[sizes.index[0]]
    assert own["change"].abs().tolist() == sorted(whole.abs(), reverse=True)[:2]


def test_who_is_scored_alike_is_not_among_those_who_changed() -> None:
    told = contributions(1, NAMES, ["a", "b"])
    found = score_changes(part(told), part(told), 5, 2)
    assert found.largest.empty
    assert found.features is not None
    assert found.features.empty
    assert (found.customers, found.mean_abs) == (2, 0)


def test_only_customers_with_a_score_by_both_are_told_of() -> None:
    told = contributions(1, NAMES, ["a", "b", "c"])
    before = PartScored(pd.Series([1.0, np.nan, 3.0], told.index), told, "log")
    after = PartScored(pd.Series([2.0, 2.0, np.nan], told.index), told, "log")
    found = score_changes(before, after, 5, 2)
    assert (found.customers, found.mean) == (1, 1.0)
    assert list(found.largest["customer_id"]) == ["a"]


@pytest.mark.parametrize(
    ("after", "why"),
    [
        (PartScored(pd.Series([2.0], ["a"]), why_not="nothing is kept"), "nothing is kept"),
        (part(contributions(2, NAMES, ["a"]), "identity"), "log, the other on identity"),
    ],
)
def test_why_is_withheld_with_its_reason_and_the_change_still_told(
    after: PartScored, why: str
) -> None:
    found = score_changes(part(contributions(1, NAMES, ["a"])), after, 5, 2)
    assert found.reasons is None
    assert found.features is None
    assert why in found.why_not
    assert len(found.largest) == 1
