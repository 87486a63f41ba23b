"""What is chosen for looking best is claimed at what it brings, and no more."""

from dataclasses import replace

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


def claim_of(seed: int, effect: np.ndarray, policy: Policy = POLICY) -> tuple[Plan, Claim]:
    """A plan learnt from a trial in which models do `effect` (cells, m), and its claim."""
    cell = np.arange(TRIED) % CELLS
    trial = drawn_trial(seed, TRIED, effect[cell])
    ground = learnt(trial, cell, FACETS, policy.effects, seed)
    base = base_of(policy, CUSTOMERS, CELLS)
    before = np.random.default_rng(seed).normal(0, 1, (CUSTOMERS, 2))
    known = knowledge(
        base.reach.ways, policy.effects, ground, None, None, pd.DataFrame(index=base.scored.index),
        before, base.cell, CELLS,
    )  # fmt: skip
    made = plan(policy, base, known)
    told = claimed(made, known, policy.switching_cost, 0.95)
    assert told is not None
    return made, told


def test_where_no_model_does_anything_none_is_claimed_to() -> None:
    """Unshrunk, the best of four noisy means in eight cells would promise a good deal."""
    rough = replace(POLICY, effects=replace(POLICY.effects, tame=1.0))
    told = [claim_of(seed, np.zeros((CELLS, 4)), rough) for seed in range(80)]
    effect = np.array([claim.effect for _, claim in told])
    se = np.array([claim.se for _, claim in told])
    moved = se > 0
    assert moved.sum() > 60
    assert (np.abs(effect) <= 1.96 * se + 1e-9).mean() >= 0.88
    assert abs(effect[moved].mean()) < 3 * effect[moved].std() / np.sqrt(moved.sum())
    expected = np.array([made.of_effect.sum() for made, _ in told])
    assert expected.mean() > effect.mean()
    assert expected.mean() > 3 * expected.std() / np.sqrt(len(expected))


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
