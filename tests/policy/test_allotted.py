"""Who is placed by what, what is never done, and what a plan says of itself."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trials import base_of, known_to_be, simple_policy

from facette.errors import BadInput
from facette.policy.calendar import next_days
from facette.policy.grades import ASSUMPTION, RANDOMISED
from facette.policy.knowledge import Knowledge
from facette.policy.otherwise import for_good, what_if
from facette.policy.plan import (
    HELD_OUT,
    NOT_KNOWN,
    NOT_REACHED,
    PROFILE,
    PROGRAMME,
    RULE,
    STAYS,
    Base,
    Others,
    Plan,
    plan,
)
from facette.policy.relationship import check_policy, interval_days
from facette.settings.policy import Exclusion, Policy, RelationshipModel, Rule

N = 120


def told(base: Base, effect: np.ndarray, **changed: Any) -> Knowledge:
    """What is known: effects by cell (c, m), of every model unless told otherwise."""
    effect = np.atleast_2d(effect).astype(float)
    return known_to_be(effect, **({"of_customer": effect[base.cell]} | changed))


def some(*rows: int) -> np.ndarray:
    chosen = np.zeros(N, dtype=bool)
    chosen[list(rows)] = True
    return chosen


def test_who_stays_comes_before_rules_rules_before_profiles_and_those_before_the_programme() -> (
    None
):
    policy = simple_policy(
        [0.1, 0.1], chosen_profiles={"cell0": "m1"},
        rules=[Rule("age < 40", "m1", "young"), Rule("age < 80", "m0", "not so young")],
    )  # fmt: skip
    base = base_of(policy, N, 2, today=np.full(N, 2), settled=some(1), held_out=some(2))
    found = plan(policy, base, told(base, [[90, 0, 0], [90, 0, 0]]))
    age = base.scored["age"].to_numpy()
    bound = some(1, 2)
    assert (found.kind[1], found.kind[2]) == (STAYS, HELD_OUT)
    assert (found.model[bound] == 2).all()
    young, mature = (age < 40) & ~bound, (age >= 40) & (age < 80)
    assert (found.model[young] == 1).all()
    assert (found.reason[young] == "young").all()
    assert (found.model[mature] == 0).all()
    assert (found.kind[young | mature] == RULE).all()
    old = (age >= 80) & ~bound
    profile = old & (base.cell == 0)
    assert (found.kind[profile] == PROFILE).all()
    assert (found.model[profile] == 1).all()
    assert (found.kind[old & ~profile] == PROGRAMME).all()
    assert (found.model[old & ~profile] == 0).all()


def test_an_exclusion_by_what_is_known_of_a_customer_holds_for_all() -> None:
    policy = simple_policy(
        [0.1, 0.1], exclusions=[Exclusion("age < 30", ["m0"], "too young")],
        rules=[Rule("age < 10", "m0", "first")],
    )  # fmt: skip
    base = base_of(policy, N, today=np.zeros(N, dtype=int), settled=some(1, 35), held_out=some(2))
    found = plan(policy, base, told(base, [[90, 5, 0]]))
    young = base.scored["age"].to_numpy() < 30
    assert (found.model[young] == 1).all()
    assert (found.model[~young] == 0).all()
    assert found.kind[35] == STAYS
    assert not found.base.held_out[2]


@pytest.mark.parametrize("column", ["behaviour_segment", "value_tier", "cell", "churn_grade"])
def test_an_exclusion_by_segment_is_refused(column: str) -> None:
    policy = simple_policy([0.1], exclusions=[Exclusion(f"{column} == 'B1'", ["m0"], "no")])
    base = base_of(policy, N)
    base = replace(base, scored=base.scored.assign(**{column: "B1"}))
    with pytest.raises(BadInput, match="a segment never closes a door"):
        plan(policy, base, told(base, [[1, 0]]))


def test_a_profile_of_a_cell_that_is_not_there_is_refused() -> None:
    policy = simple_policy([0.1], chosen_profiles={"cell9": "m0"})
    base = base_of(policy, N)
    with pytest.raises(BadInput, match="no cell 'cell9'"):
        plan(policy, base, told(base, [[1, 0]]))


def test_whom_no_model_reaches_is_served_on_request_and_it_is_said() -> None:
    policy = simple_policy([0.1])
    base = base_of(policy, N, reach=0.5, seed=3)
    found = plan(policy, base, told(base, [[9, 0]]))
    unreached = (base.reach.channel == -1).all(axis=1)
    assert 20 < unreached.sum() < 100
    assert (found.kind == np.where(unreached, NOT_REACHED, PROGRAMME)).all()
    assert (found.model == unreached).all()


def test_a_model_of_which_nothing_is_known_is_offered_to_nobody_new() -> None:
    policy = simple_policy([0.1, 0.1])
    base = base_of(policy, N, today=np.where(some(5), 1, 2))
    known = told(base, [[3, 90, 0]], known=np.array([True, False, True]))
    found = plan(policy, base, known)
    assert set(np.flatnonzero(found.model == 1)) <= {5}
    assert (found.model[~some(5)] == 0).all()


@given(st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_every_plan_keeps_to_permissions_limits_and_sums(seed: int) -> None:
    rng = np.random.default_rng(seed)
    policy = simple_policy(
        rng.uniform(0, 3, 3).tolist(), switching_cost=float(rng.uniform(0, 3)),
        exclusions=[Exclusion("age < 20", ["m0"], "young")], rules=[Rule("age > 85", "m1", "old")],
    )  # fmt: skip
    for model in policy.models.values():
        model.set_up_cost, model.yearly_cost = rng.uniform(0, 40, 2).tolist()
    free = base_of(policy, N, 4, seed, reach=0.7)
    able = free.reach.permitted
    today = np.where(able & (rng.random(able.shape) < 0.5), np.arange(4), 3).min(axis=1)
    today = np.where(able[np.arange(N), today], today, 3)
    held = rng.random(N) < 0.1
    base = replace(free, today=today, held_out=held, settled=~held & (rng.random(N) < 0.1))
    known = told(base, rng.normal(10, 20, (4, 4)))
    loose = plan(policy, base, known)
    need = float(loose.use["planned"].iloc[-1])
    least = plan(replace(policy, budget=1e9), base, told(base, np.zeros((4, 4))))
    policy = replace(policy, budget=max(0.6 * need, float(least.use["planned"].iloc[-1]) + 30.0))
    found = plan(policy, base, known)
    row = np.arange(N)
    allowed = able & ~((base.scored["age"].to_numpy() < 20)[:, None] & (np.arange(4) == 0))
    assert allowed[row, found.model].all()
    stays = found.base.settled | found.base.held_out
    assert (found.model[stays] == today[stays]).all()
    assert found.use["planned"].iloc[-1] <= policy.budget + 1e-6
    if not (held.any() or base.settled.any()):  # models kept for who stays are asked for their cost
        assert found.net <= loose.net + 2e-3 * abs(loose.net) + 1e-6
    _sums_hold(policy, found, known)
    again = plan(policy, base, known)
    np.testing.assert_array_equal(found.model, again.model)


def _sums_hold(policy: Policy, found: Plan, known: Knowledge) -> None:
    """Gains and costs, told customer by customer in another way."""
    base, row = found.base, np.arange(N)
    cost = base.reach.cost()
    spent = cost[row, found.model] - cost[row, base.today]
    spent = spent + policy.switching_cost * (found.model != base.today)
    own = known.effect[base.cell]
    effect = own[row, found.model] - own[row, base.today]
    np.testing.assert_allclose(found.gain, effect - spent, atol=1e-9)
    np.testing.assert_allclose(found.of_effect, effect)
    ways, years = base.reach.ways, policy.horizon_days / 365.25
    paid = 0.0
    for m, model in enumerate(policy.models.values()):
        now, before = (found.model == m).any(), (base.today == m).any()
        paid += model.yearly_cost * years * (int(now) - int(before))
        paid += model.set_up_cost if now and not before else 0.0
    assert found.net == pytest.approx(found.gain.sum() - paid)
    money = spent.sum() - policy.switching_cost * (found.model != base.today).sum() + paid
    told = found.use.set_index("resource").loc["budget"]
    assert told["planned"] - told["today"] == pytest.approx(money)
    assert ways.on_request == 3


def test_models_of_those_who_stay_are_paid_for_beforehand() -> None:
    policy = simple_policy([0.0, 0.0])
    policy.models["m0"].yearly_cost = policy.models["m1"].yearly_cost = 100.0
    base = base_of(policy, N, today=np.where(some(4), 0, 2), held_out=some(4))
    known = told(base, [[5.0, 5.5, 0.0]])
    found = plan(policy, base, known)
    assert (found.model == 0).all()  # m1 gains 60 more, and costs 100 that m0 does not
    short = plan(replace(policy, budget=150.0), base, told(base, [[0.0, 90.0, 0.0]]))
    assert (short.model == np.where(some(4), 0, 2)).all()  # both together cost 200


def test_what_cannot_be_carried_out_is_said_in_one_line() -> None:
    policy = simple_policy([1.0], budget=100.0, rules=[Rule("age < 90", "m0", "all")])
    base = base_of(policy, N)
    with pytest.raises(BadInput, match=r"budget \([\d,]+ of 100\)") as said:
        plan(policy, base, told(base, [[1, 0]]))
    assert "\n" not in str(said.value)
    held = replace(base, today=np.zeros(N, dtype=int), held_out=np.ones(N, dtype=bool))
    with pytest.raises(BadInput, match=r"budget \(1,4\d\d of 100\)"):
        plan(replace(policy, rules=[]), held, told(base, [[1, 0]]))


def test_the_grade_of_a_change_is_the_weaker_of_both_sides() -> None:
    policy = simple_policy([0.1])
    base = base_of(policy, N)
    grade = np.array([[RANDOMISED, ASSUMPTION]], dtype=object)
    found = plan(policy, base, told(base, [[9, 0]], grade=grade))
    assert set(found.grade) == {ASSUMPTION}
    assert found.by_grade()[ASSUMPTION] == pytest.approx(9 * N)


def test_what_if_starts_from_the_limit_and_moves_by_the_shadow_price() -> None:
    policy = simple_policy([1.0, 0.2], budget=900.0)
    base = base_of(policy, N, 3, held_out=some(*range(10)), today=np.where(some(*range(10)), 0, 2))
    found = plan(policy, base, told(base, [[40, 8, 0], [35, 9, 0], [30, 10, 0]]))
    table = what_if(found, {"budget": (0.99, 1.0, 1.01)}).set_index("factor")
    assert table.loc[1.0, "difference"] == pytest.approx(0, abs=1e-6)
    assert table.loc[1.0, "limit"] == 900.0
    price = float(found.use["price"].iloc[-1])
    assert price > 0
    assert table.loc[0.99, "difference"] == pytest.approx(-9 * price, rel=0.02)
    assert table.loc[1.01, "difference"] == pytest.approx(9 * price, rel=0.02)
    free = plan(replace(policy, budget=None), base, told(base, [[40, 8, 0]] * 3))
    assert what_if(free, {"budget": (1.0,)})["difference"].iloc[0] == pytest.approx(0, abs=1e-6)


def test_a_month_holds_the_contacts_of_as_many_as_are_planned() -> None:
    """0.6 contacts a month of 16 customers are 9.6, and yet some months have 10 of them."""
    policy = simple_policy([0.0], capacity={"visits": 9.6})
    policy.models["m0"].contacts_a_month = 0.6
    policy.channels["k0"].uses = {"visits": 1.0}
    base = base_of(policy, N)
    found = plan(policy, base, told(base, [[9, 0]]))
    interval = np.full(N, interval_days(0.6))
    of, nowhere = np.where(found.model == 0, 0, -1), np.zeros(N, dtype=int)
    days = next_days(base.scored.index, of, nowhere, interval, nowhere, 0, [], 300)
    first = days[days >= 0]
    assert len(first) > 10
    all_days = (first[:, None] + np.arange(6) * interval[0]).ravel()
    assert np.bincount(all_days // 30).max() <= 9.6


def test_the_policies_of_these_tests_can_be_carried_out() -> None:
    check_policy(simple_policy([1.0, 2.0]))
    assert isinstance(simple_policy([1.0]).models["m0"], RelationshipModel)


def test_a_plan_never_pays_for_giving_up_what_goes_on_anyway() -> None:
    """One held-out customer keeps the model running: giving it up saves contacts alone."""
    policy = simple_policy([0.0])
    policy.models["m0"].yearly_cost = 500.0
    base = base_of(policy, N, today=np.zeros(N, dtype=int), held_out=some(4))
    found = plan(policy, base, told(base, [[2.0, 0.0]]))
    assert not found.changed.any()
    assert found.net == 0
    assert found.curve.loc[found.curve["best"], "net"].tolist() == pytest.approx([0.0])
    assert found.curve["net"].iloc[0] == pytest.approx(-2.0 * (N - 1))
    later = for_good(found)
    assert later is not None
    assert (later.models, later.dropped) == ((), (0,))
    assert later.brings == pytest.approx(2.0 * (N - 1))
    assert later.cost == pytest.approx(500.0 * policy.horizon_days / 365.25)
    assert for_good(plan(policy, base, told(base, [[9.0, 0.0]]))) is None  # worth its cost
    free = replace(base, held_out=some())
    assert plan(policy, free, told(free, [[2.0, 0.0]])).changed.all()


@given(st.integers(0, 10**6))
@settings(max_examples=8, deadline=None)
def test_a_plan_is_no_worse_than_doing_nothing_whoever_stays(seed: int) -> None:
    rng = np.random.default_rng(seed)
    policy = simple_policy(rng.uniform(0, 3, 2).tolist())
    for model in policy.models.values():
        model.yearly_cost = float(rng.uniform(0, 900))
    held = rng.random(N) < 0.1
    free = base_of(policy, N, 3, today=rng.integers(0, 3, N), held_out=held)
    others = Others(7, np.array([40.0]), np.array([rng.random() < 0.5, False, True]))
    base = replace(free, settled=~held & (rng.random(N) < 0.1), others=others)
    found = plan(policy, base, told(base, rng.normal(0, 9, (3, 3))))
    assert found.net >= -1e-6
    best = float(found.curve.loc[found.curve["best"], "net"].iloc[0])
    assert found.net == pytest.approx(best, rel=2e-3, abs=1e-6)


@pytest.mark.parametrize("who", ["settled", "held_out"])
def test_where_nobody_is_free_today_goes_on(who: str) -> None:
    policy = simple_policy([1.0])
    policy.models["m0"].yearly_cost = 50.0
    everyone = {who: np.ones(N, dtype=bool), "today": np.arange(N) % 2}
    base = base_of(policy, N, **everyone)
    found = plan(policy, base, told(base, [[90, 0]]))
    assert not found.changed.any()
    assert (found.net, found.used, len(found.curve)) == (0.0, (), 1)
    assert what_if(found, {"budget": (1.0,)})["difference"].tolist() == [0.0]


def test_what_others_use_is_not_the_plans_to_give() -> None:
    """Whom the plan is not for keep their part of a capacity, and the money of their models."""
    policy = simple_policy([0.0], capacity={"visits": 100.0}, budget=900.0)
    policy.channels["k0"].uses = {"visits": 1.0}
    policy.models["m0"].yearly_cost, policy.models["m0"].set_up_cost = 300.0, 5000.0
    months = policy.horizon_days / (365.25 / 12)
    base = base_of(policy, N)
    others = Others(50, np.array([50.0 * months, 200.0]), np.array([True, False]))
    found = plan(policy, replace(base, others=others), told(base, [[9, 0]]))
    assert (found.model == 0).sum() == 49  # one visit is kept free for the calendar
    assert found.net == pytest.approx(9 * 49)  # m0 is set up and paid for by the others
    use = found.use.set_index("resource")
    assert use.loc["visits", "planned"] / months == pytest.approx(99)
    assert use.loc["visits", "today"] / months == pytest.approx(50)
    fixed = 300.0 * policy.horizon_days / 365.25
    assert use.loc["budget", ["today", "planned"]].tolist() == pytest.approx([200 + fixed] * 2)


def test_who_is_in_a_model_that_nothing_is_known_of_stays_in_it_but_by_rule() -> None:
    policy = simple_policy([5.0, 1.0], rules=[Rule("age < 10", "m1", "young")])
    base = base_of(policy, N, today=np.arange(N) % 3)
    dark = told(base, [[0, 30, 0]], known=np.array([False, True, True]))
    found = plan(policy, base, dark)
    young = base.scored["age"].to_numpy() < 10
    stays = (base.today == 0) & ~young
    assert (found.model == np.where(stays, 0, 1)).all()
    assert set(found.reason[stays]) == {NOT_KNOWN}
    assert set(found.kind[stays]) == {STAYS}
    nothing = told(base, [[0, 0, 0]], known=np.array([False, False, True]))
    assert not plan(replace(policy, rules=[]), base, nothing).changed.any()


@pytest.mark.parametrize("column", ["cancelled_365d", "upgrades", "tiered_price", "excellent"])
def test_an_exclusion_by_a_column_that_only_sounds_like_a_segment_holds(column: str) -> None:
    policy = simple_policy([0.1], exclusions=[Exclusion(f"{column} > 0", ["m0"], "no")])
    base = base_of(policy, N)
    base = replace(base, scored=base.scored.assign(**{column: 1}))
    assert (plan(policy, base, told(base, [[9, 0]])).model == 1).all()


@pytest.mark.parametrize(
    ("where", "change"),
    [
        ("policy.budget", {"budget": np.nan}),
        ("policy.capacity.visits", {"capacity": {"visits": np.nan}}),
        ("policy.hours_a_person.visits", {"capacity": {"visits": 1.0},
                                          "hours_a_person": {"visits": np.nan}}),
        ("policy.channels.k0.cost", {"costs": [np.nan]}),
        ("policy.models.m0.yearly_cost", {"yearly": np.nan}),
    ],
)  # fmt: skip
def test_a_figure_that_is_none_is_refused(where: str, change: dict[str, Any]) -> None:
    policy = simple_policy(change.pop("costs", [1.0]))
    policy.models["m0"].yearly_cost = change.pop("yearly", 0.0)
    with pytest.raises(BadInput, match=f"^{where}: nan"):
        check_policy(replace(policy, **change))
