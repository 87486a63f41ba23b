"""What a plan hangs on, under effects within their errors."""

import numpy as np
from trials import base_of, simple_policy

from facette.policy.grades import RANDOMISED
from facette.policy.knowledge import Knowledge
from facette.policy.plan import plan
from facette.policy.sensitivity import sensitivity

N = 40


def known(effect: list[float], se: float) -> Knowledge:
    own = np.array([effect])
    grade = np.full(own.shape, RANDOMISED, dtype=object)
    each = np.repeat(own, N, axis=0)
    return Knowledge(own, np.full(own.shape, se), grade, np.ones(2, dtype=bool), each, None)


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


def test_without_an_error_there_is_nothing_to_tell() -> None:
    policy = simple_policy([0.0])
    told = known([5.0, 0.0], 0.0)
    assert sensitivity(plan(policy, base_of(policy, N), told), told, 0.0, 0.95, 7) is None
