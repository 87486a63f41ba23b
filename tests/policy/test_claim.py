"""What is chosen for looking best is claimed at what it brings, and no more."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from trials import base_of, drawn_trial, simple_policy

from facette.policy.claim import Claim, claimed
from facette.policy.knowledge import knowledge, learnt
from facette.policy.plan import Plan, plan
from facette.settings.policy import Policy

CELLS, CUSTOMERS, TRIED = 8, 400, 1_600
POLICY = simple_policy([0.0, 0.0, 0.0], switching_cost=0.0)
FACETS = [np.arange(CELLS) % 2, np.arange(CELLS) // 2]


def claim_of(
    seed: int, effect: np.ndarray, policy: Policy = POLICY, **changed: Any
) -> tuple[Plan, Claim]:
    """A plan learnt from a trial in which models do `effect` (cells, m), and its claim."""
    cell = np.arange(TRIED) % CELLS
    trial = drawn_trial(seed, TRIED, effect[cell])
    ground = learnt(trial, cell, FACETS, policy.effects, seed)
    base = base_of(policy, CUSTOMERS, CELLS, **changed)
    before = np.random.default_rng(seed).normal(0, 1, (CUSTOMERS, 2))
    known = knowledge(
        base.reach.ways, policy.effects, ground, None, None, pd.DataFrame(index=base.scored.index),
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
        base.reach.ways, assumed, None, None, None, base.scored,
        np.zeros((CUSTOMERS, 1)), base.cell, CELLS,
    )  # fmt: skip
    made = plan(POLICY, base, known)
    assert (made.model == 0).all()
    assert set(made.grade) == {"assumption"}
    assert claimed(made, known, 0.0, 0.95) is None
