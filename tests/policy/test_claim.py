"""What is chosen for looking best is claimed at what it brings, and no more."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from trials import base_of, drawn_trial, simple_policy

from facette.policy.claim import SEVERAL, Claim, claimed
from facette.policy.knowledge import knowledge, learnt
from facette.policy.plan import Plan, plan
from facette.settings.policy import Policy

CELLS, CUSTOMERS, TRIED = 8, 400, 1_600
POLICY = simple_policy([0.0, 0.0, 0.0], switching_cost=0.0)
FACETS = [np.arange(CELLS) % 2, np.arange(CELLS) // 2]


def claim_of(
    seed: int, effect: np.ndarray, policy: Policy = POLICY,
    trial: Mapping[str, Any] = MappingProxyType({}), **changed: Any,
) -> tuple[Plan, Claim]:  # fmt: skip
    """A plan learnt from a trial in which models do `effect` (cells, m), and its claim."""
    cell = np.arange(TRIED) % CELLS
    tried = drawn_trial(seed, TRIED, effect[cell], **trial)
    ground = learnt(tried, cell, FACETS, policy.effects, seed)
    base = base_of(policy, CUSTOMERS, CELLS, **changed)
    before = np.random.default_rng(seed).normal(0, 1, (CUSTOMERS, 2))
    known = knowledge(
        base.reach.ways, policy.effects, ground, None, pd.DataFrame(index=base.scored.index),
        before, base.cell, CELLS,
    )  # fmt: skip
    made = plan(policy, base, known)
    told = claimed(made, known, policy.switching_cost, 0.95)
    assert told is not None
    return made, told


@pytest.mark.slow
@pytest.mark.parametrize("cost", [0.0, 1.0])
def test_where_no_model_does_anything_none_is_claimed_to(cost: float) -> None:
    """What was chosen for looking best would promise a good deal."""
    policy = simple_policy([cost, 0.2 * cost, 0.5 * cost], switching_cost=2 * cost)
    policy.effects.tame = 1.0
    today = np.arange(CUSTOMERS) // 100
    told = [claim_of(s, np.zeros((CELLS, 4)), policy, today=today) for s in range(60)]
    effect, se = np.array([(claim.effect, claim.se) for _, claim in told]).T
    assert (np.abs(effect) <= 1.96 * se + 1e-9).mean() >= (0.88 if cost else 0.8)
    spread = effect.std() / np.sqrt(len(effect))
    assert abs(effect.mean()) < 2.5 * spread
    hoped = np.array([made.of_effect.sum() for made, _ in told])
    assert hoped.mean() > effect.mean() + 2.5 * spread


@pytest.mark.slow
def test_what_models_do_is_claimed_with_an_interval_that_holds_it() -> None:
    true = np.random.default_rng(0).normal(0, 60, (CELLS, 4))
    covered, gained = [], []
    for seed in range(30):
        made, claim = claim_of(seed, true)
        brought = true[made.base.cell]
        row = np.arange(CUSTOMERS)
        net = float((brought[row, made.model] - brought[row, made.base.today]).sum())
        covered.append(claim.low <= net <= claim.high)
        gained.append((claim.effect, net))
    assert np.mean(covered) >= 0.85
    told, brought = np.mean(gained, axis=0)
    assert told == pytest.approx(brought, rel=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("trial", [{}, {"reach": 0.6, "lot_of_request": False}])
def test_a_claim_varies_as_much_as_its_error_says_whomever_models_reach(trial: Any) -> None:
    """All are taken off what they are in, as contacts are dear, so that the plan is no chance."""
    policy = simple_policy([99.0, 99.0, 99.0])
    today = np.arange(CUSTOMERS) % 3
    told = []
    for seed in range(100):
        made, claim = claim_of(seed, np.zeros((CELLS, 4)), policy, trial, today=today)
        assert (made.model == 3).all()
        told.append((claim.effect, claim.se))
    effect, se = np.array(told).T
    assert effect.std() == pytest.approx(se.mean(), rel=0.15)
    assert (np.abs(effect) <= 1.96 * se).mean() >= 0.9


def test_what_no_trial_tells_is_told_apart_in_the_claim() -> None:
    """The second model was given to eight, too few to count, and is assumed to bring 100."""
    policy = simple_policy([0.0, 0.0])
    policy.effects.assumed = {"m1": "100"}
    true = np.tile([0.0, 0.0, 0.0], (CELLS, 1))
    cell = np.arange(TRIED) % CELLS
    trial = drawn_trial(3, TRIED, true[cell])
    few = np.flatnonzero(trial.way == 1)[8:]
    trial = trial.keep(~np.isin(np.arange(TRIED), few))
    cell = np.delete(cell, few)
    ground = learnt(trial, cell, FACETS, policy.effects, 3)
    base = base_of(policy, CUSTOMERS, CELLS)
    known = knowledge(base.reach.ways, policy.effects, ground, None, base.scored,
                      np.zeros((CUSTOMERS, 2)), base.cell, CELLS)  # fmt: skip
    made = plan(policy, base, known)
    told = claimed(made, known, 0.0, 0.95)
    assert told is not None
    assert (made.model == 1).all()
    assert told.beyond == pytest.approx(100 * CUSTOMERS)
    assert abs(told.effect - told.beyond) < 1e-6  # all of them were on request, and that is told
    assert told.se == pytest.approx(0)


def test_being_served_on_request_untried_is_not_claimed_to_do_anything() -> None:
    """It counts as the worst of what was tried, which is picked and valued on different folds."""
    told = []
    for seed in range(8):
        policy = simple_policy([0.0, 0.0])
        trial = drawn_trial(seed, TRIED, np.zeros(3))
        likely = trial.propensity[:, :2] / trial.propensity[:, :2].sum(axis=1, keepdims=True)
        trial = replace(trial, propensity=np.column_stack([likely, np.zeros(TRIED)])).keep(
            trial.way < 2
        )
        cell = np.arange(len(trial)) % CELLS
        ground = learnt(trial, cell, FACETS, policy.effects, seed)
        base = base_of(policy, CUSTOMERS, CELLS)
        known = knowledge(base.reach.ways, policy.effects, ground, None, base.scored,
                          np.zeros((CUSTOMERS, 2)), base.cell, CELLS)  # fmt: skip
        claim = claimed(plan(policy, base, known), known, 0.0, 0.95)
        assert claim is not None
        told.append(claim.effect)
    assert np.mean(told) < 2.5 * np.std(told) / np.sqrt(len(told))


def test_each_facet_and_several_models_are_told_by_what_they_add() -> None:
    """What suits whom hangs on the first facet alone, and a good deal."""
    policy = simple_policy([0.0, 0.0], switching_cost=0.0)
    first = np.arange(CELLS) % 2
    true = np.column_stack([np.where(first == 0, 120, -120), np.where(first == 0, -120, 120),
                            np.zeros(CELLS)]).astype(float)  # fmt: skip
    made, claim = claim_of(5, true, policy)
    assert len(made.used) > 1
    assert claim.adds[0].low > 60 * CUSTOMERS
    assert claim.adds[1].low <= 0 <= claim.adds[1].high + 1e-6
    assert claim.adds[SEVERAL].low > 30 * CUSTOMERS
    alone = claim_of(5, np.tile([80.0, 0.0, 0.0], (CELLS, 1)), policy)[1]
    assert SEVERAL not in alone.adds


def test_models_that_others_keep_running_cost_the_plan_nothing() -> None:
    dear = simple_policy([0.0, 0.0])
    for model in dear.models.values():
        model.yearly_cost = 5_000.0
    held = np.arange(CUSTOMERS) < 20
    true = np.tile([0.0, 90.0, 0.0], (CELLS, 1))
    made, claim = claim_of(1, true, dear, today=np.zeros(CUSTOMERS, dtype=int), held_out=held)
    assert (made.model[~held] == 1).all()
    assert claim.effect - claim.net == pytest.approx(5_000 * dear.horizon_days / 365.25)


def test_costs_are_taken_off_the_claim() -> None:
    true = np.tile([100.0, 0.0, 0.0, 0.0], (CELLS, 1))
    dear = replace(simple_policy([1.0, 1.0, 1.0], switching_cost=3.0))
    dear.models["m0"].yearly_cost = 500.0
    made, claim = claim_of(1, true, dear)
    assert (made.model == 0).all()
    years = dear.horizon_days / 365.25
    cost = CUSTOMERS * (3.0 + 1.0 * dear.horizon_days / (365.25 / 12)) + 500 * years
    assert claim.effect - claim.net == pytest.approx(cost)
    assert claim.low == pytest.approx(claim.net - 1.96 * claim.se, rel=1e-3)


def test_without_a_trial_nothing_is_claimed() -> None:
    base = base_of(POLICY, CUSTOMERS, CELLS)
    assumed = replace(POLICY.effects, assumed={"m0": "5 + 0 * age"})
    known = knowledge(
        base.reach.ways, assumed, None, None, base.scored,
        np.zeros((CUSTOMERS, 1)), base.cell, CELLS,
    )  # fmt: skip
    made = plan(POLICY, base, known)
    assert (made.model == 0).all()
    assert set(made.grade) == {"assumption"}
    assert claimed(made, known, 0.0, 0.95) is None
