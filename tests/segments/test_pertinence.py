"""Pertinence, held to groups and outcomes whose truth is known."""

import numpy as np
import pandas as pd
import pytest

from facette.segments.pertinence import Outcome, credible_means, outcomes_of, pertinence

RISK = np.array([0.1, 0.2, 0.3])
WORTH = np.array([3.0, 2.0, 0.0])
DRAWS = 200
Pair = tuple[pd.Series, pd.Series]


class World:
    """Customers of three tiers and k groups; every other group stands `apart` from the next."""

    def __init__(self, seed: int, groups: int, apart: float = 0.0, drift: float = 0.0) -> None:
        self.rng, self.groups = np.random.default_rng(seed), groups
        self.apart, self.drift = apart, drift

    def people(self, n: int) -> tuple[pd.Series, pd.Series]:
        tier = self.rng.choice(3, n, p=[0.05, 0.15, 0.8])
        return pd.Series(tier), pd.Series(self.rng.integers(0, self.groups, n))

    def happens(self, tier: pd.Series, group: pd.Series, loss: str, drift: float) -> pd.Series:
        own = self.apart * np.where(group % 2, 1, -1) + drift
        if loss == "log":
            return pd.Series(self.rng.random(len(tier)) < RISK[tier] + own).astype(float)
        return pd.Series(self.rng.normal(WORTH[tier] + own, np.array([1.0, 1.0, 2.0])[tier]))

    def outcome(self, loss: str, n: int, later: int) -> tuple[Outcome, Pair, Pair]:
        one, other = self.people(n), self.people(later)
        y = self.happens(*one, loss, 0.0), self.happens(*other, loss, self.drift)
        return Outcome("churn", *y, loss), (one[0], other[0]), (one[1], other[1])


@pytest.mark.parametrize(("loss", "groups"), [("log", 4), ("log", 60), ("squared", 60)])
def test_groups_that_tell_nothing_are_hardly_ever_found_pertinent(loss: str, groups: int) -> None:
    world = World(1, groups, drift=0.1)
    found = [pertinence(*world.outcome(loss, 700, 700), 0.95) for _ in range(DRAWS)]
    assert np.mean([f.low > 0 for f in found]) <= 0.04
    assert np.mean([f.p < 0.05 for f in found]) <= 0.075


def test_groups_of_unequal_size_gain_nothing_of_a_level_that_moves() -> None:
    rng = np.random.default_rng(2)
    group = rng.choice(30, 2000, p=1 / np.arange(1, 31) / (1 / np.arange(1, 31)).sum())
    y = rng.normal(np.where(group < 3, 0.3, 0.0))
    drawn = credible_means(y, group, 30)[group]
    assert np.abs(drawn).max() > 0
    assert drawn.mean() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("loss", ["log", "squared"])
def test_groups_that_only_repeat_the_tiers_gain_nothing(loss: str) -> None:
    outcome, tiers, _ = World(3, 4).outcome(loss, 1000, 1000)
    found = pertinence(outcome, tiers, tiers, 0.95)
    assert (found.gain, found.low, found.high, found.p) == (0, 0, 0, 1)
    assert found.alone > 0


@pytest.mark.parametrize(("loss", "apart"), [("log", 0.08), ("squared", 0.5)])
def test_a_pertinent_segmentation_is_found(loss: str, apart: float) -> None:
    found = pertinence(*World(4, 4, apart).outcome(loss, 3000, 3000), 0.95)
    assert 0 < found.low < found.gain < found.high
    assert found.p < 0.01


@pytest.mark.parametrize(("loss", "apart"), [("log", 0.08), ("squared", 0.5)])
def test_the_interval_covers_the_gain_in_a_huge_base_at_its_rate(loss: str, apart: float) -> None:
    world = World(5, 4, apart)
    outcome, tiers, groups = world.outcome(loss, 1500, 60_000)
    true = pertinence(outcome, tiers, groups, 0.95).gain
    covered = 0
    for _ in range(DRAWS):
        later = world.people(800)
        some = Outcome("churn", outcome.training, world.happens(*later, loss, 0.0), loss)
        found = pertinence(some, (tiers[0], later[0]), (groups[0], later[1]), 0.95)
        covered += found.low <= true <= found.high
    assert 0.90 <= covered / DRAWS <= 0.985


def test_what_never_happened_to_some_can_still_happen_to_them() -> None:
    group = pd.Series(["a"] * 200 + ["b"] * 200)
    before = pd.Series([0.0] * 200 + [1.0] * 200)
    after = before.copy()
    after.iloc[0] = 1.0
    found = pertinence(Outcome("churn", before, after, "log"), None, (group, group), 0.95)
    assert np.isfinite([found.gain, found.low, found.high]).all()
    assert found.gain > 0.9


def test_the_few_are_drawn_to_the_mean_of_all_and_the_many_are_not() -> None:
    rng = np.random.default_rng(6)
    many, also, few = 0, 1, 2
    group = np.repeat([many, also, few], [2000, 2000, 3])
    y = rng.normal(np.repeat([1.0, -1.0, 1.0], [2000, 2000, 3]))
    mean = np.array([y[group == g].mean() for g in (many, also, few)])
    kept = credible_means(y, group, 3) / (mean - y.mean())
    assert kept[many] == pytest.approx(1, abs=0.01)
    assert 0 < kept[few] < 0.9


def test_customers_and_tiers_that_are_new_or_not_known_are_judged_by_the_mean_of_all() -> None:
    outcome, tiers, groups = World(7, 4, 0.1).outcome("log", 500, 500)
    later = tiers[1].astype(object).mask(tiers[1].index < 50, "new")
    grouped = groups[1].astype(object).mask(groups[1].index < 100)
    found = pertinence(outcome, (tiers[0].astype(object), later), (groups[0], grouped), 0.95)
    assert np.isfinite(found.gain)


def test_an_outcome_that_is_the_same_for_all_is_left_out() -> None:
    index = pd.Index(["c1", "c2", "c3"])
    known = pd.DataFrame({"value": [1.0, -2.0, np.nan], "churned": [0.0, 1.0, np.nan]}, index=index)
    assert [o.name for o in outcomes_of(known, known)] == ["value", "churn"]
    assert [o.name for o in outcomes_of(known, known.assign(churned=0.0))] == ["value"]
    assert outcomes_of(known, known.assign(churned=np.nan, value=np.nan)) == []
    assert list(outcomes_of(known, known)[0].training.index) == ["c1", "c2"]
