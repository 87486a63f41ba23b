"""The best ground for each model counts, and none is not a ground."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from trials import base_of, drawn_trial, simple_policy

from facette.errors import BadInput
from facette.policy.grades import ASSUMPTION, OBSERVATIONAL, RANDOMISED, TRANSPORTED
from facette.policy.knowledge import Knowledge, Learnt, knowledge, learnt
from facette.policy.trial import Trial

POLICY = simple_policy([0.0, 0.0, 0.0])  # and on request, the fourth
WAYS = base_of(POLICY, 1).reach.ways
SETTINGS = replace(POLICY.effects, tame=1.0, assumed={"m2": "7 * age"})
CELLS, N = 4, 4_000
FACETS = [np.arange(CELLS) % 2]


def only(trial: Trial, *ways: int) -> Trial:
    """Of the trial, who was handled in these ways; the others had no chance."""
    shut = ~np.isin(np.arange(4), ways)
    kept = trial.keep(np.isin(trial.way, ways))
    likely = np.where(shut, 0.0, kept.propensity)
    return replace(kept, propensity=likely / likely.sum(axis=1, keepdims=True))


def ground(seed: int, effect: list[float], *ways: int, cells: int = CELLS) -> Learnt:
    trial = only(drawn_trial(seed, N, np.array(effect)), *ways)
    return learnt(trial, np.arange(len(trial)) % cells, FACETS, SETTINGS, seed)


def known(randomised: Learnt | None, observed: Learnt | None) -> Knowledge:
    base = base_of(POLICY, 8, CELLS)
    before = np.zeros((8, 2))
    return knowledge(WAYS, SETTINGS, randomised, observed, base.scored, before, base.cell,
                     CELLS)  # fmt: skip


def test_randomised_counts_before_observed_and_observed_before_assumed() -> None:
    drawn, seen = ground(1, [90, 0, 0, 0], 0, 3), ground(2, [0, 90, 30, 0], 0, 1, 2, 3)
    found = known(drawn, seen)
    grades = [RANDOMISED, OBSERVATIONAL, OBSERVATIONAL, RANDOMISED]
    assert found.grade.tolist() == [grades] * CELLS
    np.testing.assert_array_equal(found.effect[:, [0, 3]], drawn.effects.effect[:, [0, 3]])
    apart = np.diff(found.effect[:, [1, 2]]) - np.diff(seen.effects.effect[:, [1, 2]])
    np.testing.assert_allclose(apart, 0, atol=1e-9)
    assert found.known.all()
    assert found.ground is drawn
    assert known(None, seen).ground is seen


def test_who_was_observed_stands_on_the_footing_of_the_trial() -> None:
    """Nearly all of the observed are in one of two models that bring as much."""
    drawn = ground(1, [100, 0, 0, 0], 0, 3)
    trial = drawn_trial(2, N, np.array([100.0, 100.0, 0.0, 0.0]), confounded=0.0)
    rng = np.random.default_rng(0)
    way = rng.choice([0, 1, 3], N, p=[0.05, 0.9, 0.05])
    likely = np.tile([0.05, 0.9, 0.0, 0.05], (N, 1))
    outcome = trial.outcome - np.array([100.0, 100.0, 0.0, 0.0])[trial.way] + np.array(
        [100.0, 100.0, 0.0, 0.0])[way]  # fmt: skip
    moved = replace(trial, way=way, propensity=likely, outcome=outcome)
    found = known(drawn, learnt(moved, np.arange(N) % CELLS, FACETS, SETTINGS, 2))
    above, se = found.above_request
    np.testing.assert_allclose(above[:, 1], above[:, 0], atol=25)
    assert (se[:, 1] > 0).all()


def test_without_a_model_that_both_tell_of_who_was_observed_is_left_aside() -> None:
    found = known(ground(1, [90, 0, 0, 0], 0, 3), ground(2, [0, 90, 30, 0], 1, 2))
    assert found.known.tolist() == [True, False, True, True]
    assert set(found.grade[:, 2]) == {ASSUMPTION}
    assert "left aside" in found.notes[0]


def test_a_model_is_randomised_only_in_cells_where_it_was_given() -> None:
    drawn = ground(7, [90, 0, 0, 0], 0, 3)
    had = drawn.customers.copy()
    had[2:, 0] = 0
    grade = known(replace(drawn, customers=had), None).grade
    assert grade[:, 0].tolist() == [RANDOMISED, RANDOMISED, TRANSPORTED, TRANSPORTED]
    assert set(grade[:, 3]) == {RANDOMISED}


def test_an_assumption_stands_on_being_served_on_request() -> None:
    drawn = ground(1, [90, 0, 0, 0], 0, 3)
    found = known(drawn, None)
    assert found.known.tolist() == [True, False, True, True]
    assert set(found.grade[:, 2]) == {ASSUMPTION}
    assert (found.above_request[1][:, 2] == 0).all()
    ages = np.arange(8)
    mean = np.array([7 * ages[ages % CELLS == c].mean() for c in range(CELLS)])
    np.testing.assert_allclose(found.effect[:, 2] - found.effect[:, 3], mean)
    np.testing.assert_allclose(found.of_customer[:, 2] - found.of_customer[:, 3], 7 * ages)


def test_on_request_counts_as_the_worst_where_nobody_was() -> None:
    found = known(ground(3, [90, 40, 0, 0], 0, 1), None)
    np.testing.assert_array_equal(found.effect[:, 3], found.effect[:, [0, 1]].min(axis=1))
    np.testing.assert_array_equal(found.of_customer[:, 3], found.of_customer[:, [0, 1]].min(axis=1))
    assert set(found.grade[:, 3]) == {ASSUMPTION}
    nothing = known(None, None)
    assert nothing.known.tolist() == [False, False, True, True]
    assert not nothing.effect[:, [0, 1, 3]].any()


def test_a_cell_without_customers_of_a_trial_has_what_the_others_lend_it() -> None:
    found = known(ground(4, [90, 0, 0, 0], 0, 3, cells=3), None)
    assert found.grade[:, 0].tolist() == [RANDOMISED] * 3 + [TRANSPORTED]
    assert found.effect[3, 0] - found.effect[3, 3] > 60


def test_a_model_that_too_few_had_was_not_tried() -> None:
    drawn = ground(5, [90, 0, 0, 0], 0, 1, 3)
    few = replace(drawn, customers=np.where(np.arange(4) == 1, 7, drawn.customers))
    assert few.tried(30).tolist() == [True, False, False, True]
    assert not known(few, None).known[1]


def test_customers_of_a_trial_in_no_cell_teach_nothing() -> None:
    trial = drawn_trial(6, 400, np.zeros(4))
    made = learnt(trial, np.where(np.arange(400) < 100, -1, 1), FACETS, SETTINGS, 0)
    assert len(made.trial) == 300
    assert made.customers.sum() == 300
    assert made.customers[[0, 2, 3]].sum() == 0


def test_an_assumption_that_cannot_be_read_is_refused() -> None:
    base = base_of(POLICY, 8, CELLS)
    wrong = replace(SETTINGS, assumed={"m2": "0.02 * wealth"})
    with pytest.raises(BadInput, match="wealth"):
        knowledge(WAYS, wrong, None, None, pd.DataFrame(base.scored), np.zeros((8, 2)),
                  base.cell, CELLS)  # fmt: skip


def test_an_assumption_may_be_a_plain_number() -> None:
    base = base_of(POLICY, 8, CELLS)
    plain = replace(SETTINGS, assumed={"m2": "2000"})
    found = knowledge(WAYS, plain, None, None, base.scored, np.zeros((8, 2)), base.cell, CELLS)
    assert (found.effect[:, 2] == 2000).all()
