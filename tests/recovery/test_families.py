import numpy as np
import pandas as pd
import pytest
from made_truth import bank

from facette.recovery.families import agreement, families_found, repeats
from facette.recovery.truth import Truth
from facette.snapshots.panel import Panel

SEEN = ["power_seen", "expectation_seen"]


@pytest.fixture(scope="module")
def world() -> tuple[Panel, Truth]:
    return bank(1)


def test_the_families_themselves_under_other_names_agree_wholly(world: tuple[Panel, Truth]):
    families = world[1].test["family"]
    assert agreement(families.map({0: "d", 1: "c", 2: "b", 3: "a"}), families) == 1


def test_shuffled_families_agree_by_chance(world: tuple[Panel, Truth]):
    families = world[1].test["family"]
    shuffled = pd.Series(families.sample(frac=1, random_state=3).to_numpy(), families.index)
    assert abs(agreement(shuffled, families)) < 0.01


def test_customers_in_one_of_the_two_only_do_not_count(world: tuple[Panel, Truth]):
    families = world[1].test["family"]
    others = pd.Series(9, index=[f"x{i}" for i in range(50)])
    assert agreement(pd.concat([families.iloc[100:], others]), families) == 1


def test_segments_of_the_old_policy_give_themselves_away(world: tuple[Panel, Truth]):
    treatment = world[1].test["treatment"]
    assert repeats(treatment.map({"mass": "B1", "personal": "B2"}), treatment) > 0.99
    assert abs(repeats(world[1].test["family"], treatment)) < 0.01


def test_the_ceiling_is_high_where_columns_tell_and_nil_where_they_do_not(
    world: tuple[Panel, Truth],
):
    panel, truth = world
    segment = truth.test["family"].astype(str)
    told = families_found(panel, truth, segment, SEEN, seed=1)
    blind = families_found(panel, truth, segment, ["income", "mood_seen"], seed=1)
    assert told["truth/behaviour_ari"] == 1
    assert 0.9 < told["truth/behaviour_ari_ceiling"] < 1
    assert abs(blind["truth/behaviour_ari_ceiling"]) < 0.02


def test_the_ceiling_is_of_customers_not_taught():
    panel, truth = bank(2, customers=600)
    noise = np.random.default_rng(0).permutation(4 * np.arange(600) // 600)
    states = [state.assign(family=noise) for state in truth.states]
    drawn = Truth(states, truth.campaigns)  # the same at all dates: can be learnt by heart
    found = families_found(panel, drawn, states[-1]["family"], ["income", *SEEN], seed=1)
    assert abs(found["truth/behaviour_ari_ceiling"]) < 0.02
