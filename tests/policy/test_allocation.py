"""Allocations keep within what there is, and bring next to as much as whole numbers can."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from compiled_rules import by_rules
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from integer_optimum import gap, net, over, planned, small_classes

from facette.errors import BadInput
from facette.policy.allocation import (
    MOST_MODELS,
    Classes,
    best,
    curve,
    given,
    rounded,
    with_models,
)

SEEDS = st.integers(0, 10**6)


@drawn(SEEDS)
@settings(max_examples=16, deadline=None)
def test_next_to_as_much_as_whole_numbers_can_bring(seed: int) -> None:
    assert gap(small_classes(seed)) < 0.01


@drawn(SEEDS)
@settings(max_examples=24, deadline=None)
def test_everyone_is_in_one_model_they_may_have_and_no_limit_is_passed(seed: int) -> None:
    classes = small_classes(seed)
    for whole in (planned(classes)[0], by_rules(classes), by_rules(classes, (0,))):
        assert (whole.sum(axis=1) == classes.customers).all()
        assert (whole >= 0).all()
        assert not whole[~np.isfinite(classes.gain)].any()
        assert over(classes, whole) < 1e-6


@drawn(SEEDS)
@settings(max_examples=12, deadline=None)
def test_the_best_is_the_best_of_the_curve_and_no_worse_than_rules(seed: int) -> None:
    classes = small_classes(seed)
    table, allocation = curve(classes)
    assert best(classes).net == pytest.approx(allocation.net)
    assert table["net"].max() == pytest.approx(allocation.net)
    assert table["best"].sum() == 1
    assert allocation.net >= net(classes, by_rules(classes)) - 1e-6


@drawn(SEEDS)
@settings(max_examples=12, deadline=None)
def test_the_curve_is_that_of_every_set_of_models_solved_by_itself(seed: int) -> None:
    classes = small_classes(seed)
    last, told = len(classes.fixed) - 1, curve(classes)[0].set_index("models")["net"]
    able = [m for m in range(last) if np.isfinite(classes.gain[:, m]).any()]
    for size in range(len(able) + 1):
        plans = [with_models(classes, (*models, last)) for models in combinations(able, size)]
        nets = [plan.net for plan in plans if plan is not None]
        assert told.get(size, -np.inf) == pytest.approx(max(nets, default=-np.inf))


@drawn(SEEDS)
@settings(max_examples=10, deadline=None)
def test_the_same_question_has_the_same_answer(seed: int) -> None:
    first, again = (planned(small_classes(seed))[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)


def plain(most: float = np.inf, money: float = np.inf) -> Classes:
    """Two classes of a hundred; the dear model gains 10 or 6, the cheap one 4 or 3."""
    use = np.zeros((2, 2, 3))
    use[0, :, 0], use[1] = 1.0, [5.0, 1.0, 0.0]
    return Classes(
        np.array([100, 100]), np.array([[10.0, 4.0, 0.0], [6.0, 3.0, 0.0]]), use,
        np.array([most, money]), ("hours", "budget"), np.zeros(3),
    )  # fmt: skip


def test_hours_go_to_who_gains_most_and_their_price_is_what_one_more_brings() -> None:
    classes = plain(most=40)
    allocation = best(classes)
    np.testing.assert_allclose(allocation.share, [[40, 60, 0], [0, 100, 0]])
    more = best(replace(classes, most=np.array([41, np.inf])))
    assert allocation.price == {"hours": pytest.approx(more.net - allocation.net)}
    assert allocation.price["hours"] == pytest.approx(6)


@drawn(SEEDS)
@settings(max_examples=12, deadline=None)
def test_a_shadow_price_is_the_finite_difference(seed: int) -> None:
    classes = small_classes(seed)
    models = tuple(range(len(classes.fixed)))
    found = with_models(classes, models)
    if found is None:
        return
    for r, name in enumerate(classes.resources):
        most, step = classes.most.copy(), 1e-4
        sides = []
        for side in (-step, step):
            most[r] = classes.most[r] + side
            moved = with_models(replace(classes, most=most.copy()), models)
            assert moved is not None
            sides.append((moved.net - found.net) / side)
        low, high = sorted(sides)
        assert low - 1e-4 <= found.price.get(name, 0.0) <= high + 1e-4


def test_a_model_that_does_not_pay_for_itself_is_not_used() -> None:
    classes = plain()
    assert best(classes).used == (0,)
    for fixed, used in ((899.0, {0}), (901.0, {1})):
        assert set(best(replace(classes, fixed=np.array([fixed, 0.0, 0.0]))).used) == used
    nothing = best(replace(classes, fixed=np.array([2e3, 1e3, 0.0])))
    assert nothing.used == (2,)
    assert nothing.net == 0


def test_fixed_costs_are_paid_out_of_the_budget() -> None:
    classes = replace(plain(money=300.0), fixed=np.array([50.0, 250.0, 0.0]))
    whole, allocation = planned(classes)
    assert allocation.used == (0, 2)
    assert whole[0].tolist() == [50, 0, 50]
    rules = by_rules(classes)
    assert rules.tolist() == [[50, 0, 50], [0, 0, 100]]


def test_a_fixed_cost_above_the_budget_shuts_a_model() -> None:
    classes = replace(plain(money=200.0), fixed=np.array([201.0, 0.0, 0.0]))
    assert by_rules(classes)[:, 0].sum() == 0
    assert planned(classes)[0][:, 0].sum() == 0


def test_rules_serve_a_class_that_has_no_choice_without_a_warning() -> None:
    classes = plain()
    gain = classes.gain.copy()
    gain[1, 1:] = -np.inf
    whole = by_rules(replace(classes, gain=gain), (1,))
    assert whole.sum() == 200


def test_nothing_that_can_be_carried_out_is_said() -> None:
    classes = plain(most=10)
    gain = classes.gain.copy()
    gain[0, 1:] = -np.inf
    with pytest.raises(ValueError, match="no allocation keeps within the limits"):
        best(replace(classes, gain=gain))


def test_more_models_than_can_be_tried_are_refused() -> None:
    m = MOST_MODELS + 2
    classes = Classes(np.array([5]), np.ones((1, m)), np.zeros((1, 1, m)), np.array([np.inf]),
                      ("budget",), np.zeros(m))  # fmt: skip
    with pytest.raises(BadInput, match="leave some out"):
        curve(classes)


@drawn(SEEDS)
@settings(max_examples=16, deadline=None)
def test_customers_are_dealt_out_by_the_counts_of_their_class(seed: int) -> None:
    rng = np.random.default_rng(seed)
    c, m = int(rng.integers(1, 6)), int(rng.integers(2, 5))
    whole = rng.integers(0, 6, (c, m))
    whole[:, 0] += 1
    member = rng.permutation(np.repeat(np.arange(c), whole.sum(axis=1)))
    model = given(whole, member, rng.normal(0, 1, (len(member), m)))
    counted = np.zeros_like(whole)
    np.add.at(counted, (member, model), 1)
    np.testing.assert_array_equal(counted, whole)


def test_in_a_split_class_who_gains_most_comes_first() -> None:
    rng = np.random.default_rng(0)
    member = np.repeat([0, 1], 50)
    score = rng.normal(0, 1, (100, 2))
    model = given(np.array([[10, 40], [0, 50]]), member, score)
    ahead = (score[:, 0] - score[:, 1])[:50]
    assert set(np.flatnonzero(model[:50] == 0)) == set(np.argsort(-ahead)[:10])
    assert (model[50:] == 1).all()


def test_shares_that_are_whole_already_stay() -> None:
    classes = plain(most=40)
    share = best(classes).share
    np.testing.assert_array_equal(rounded(classes, share), share)
