"""What a plan hangs on, under effects within their errors."""

import numpy as np
from trials import base_of, drawn_trial, known_to_be, simple_policy

from facette.policy.claim import claimed
from facette.policy.effects import Level
from facette.policy.grades import TRANSPORTED
from facette.policy.knowledge import Beyond, Knowledge, knowledge, learnt
from facette.policy.plan import plan
from facette.policy.sensitivity import sensitivity

N = 40


def known(effect: list[float], se: float) -> Knowledge:
    """Of one model, told beyond being served on request."""
    own = np.array([effect])
    levels = (Level(np.zeros(1, dtype=int), np.array([[se]])),) if se else ()
    grade = np.full(1, TRANSPORTED, dtype=object)
    more = Beyond(own[:, 0], levels, np.repeat(own[:, 0], N), grade)
    return known_to_be(own, np.repeat(own, N, axis=0), beyond={0: more})


def test_a_plan_that_may_be_wrong_misses_what_serving_on_request_would_bring() -> None:
    policy = simple_policy([0.0])
    base, told = base_of(policy, N), known([5.0, 0.0], 20.0)
    found = plan(policy, base, told)
    assert (found.model == 0).all()
    said = sensitivity(found, told, policy.switching_cost, 0.95, 7)
    assert said is not None
    assert said.missed > 0
    assert 0 < said.moved < 1
    assert said.low < found.net < said.high


def test_what_cells_share_is_drawn_once_for_all_of_them() -> None:
    """Drawn cell by cell, errors would cancel, and the interval be a fifth of what it is."""
    cells, n, true = 24, 4_800, np.zeros(3)
    policy, cell = simple_policy([0.0, 0.0]), np.arange(n) % cells
    trial = drawn_trial(2, n, true)
    ground = learnt(trial, cell, [np.arange(cells) % 3], policy.effects, 2)
    base = base_of(policy, N * cells, cells)
    told = knowledge(base.reach.ways, policy.effects, ground, None, base.scored,
                     np.zeros((len(base), 2)), base.cell, cells)  # fmt: skip
    found = plan(policy, base, told)
    said = sensitivity(found, told, 0.0, 0.95, 7)
    claim = claimed(found, told, 0.0, 0.95)
    assert said is not None
    assert claim is not None
    assert said.high - said.low > 0.4 * (claim.high - claim.low)


def test_without_an_error_there_is_nothing_to_tell() -> None:
    policy = simple_policy([0.0])
    told = known([5.0, 0.0], 0.0)
    assert sensitivity(plan(policy, base_of(policy, N), told), told, 0.0, 0.95, 7) is None
