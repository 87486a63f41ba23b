from dataclasses import replace

import numpy as np
import pytest
from made_truth import SPEC, bank

from facette.recovery.peers import coarse, mean_of_peers, top_decile_of_peers
from facette.snapshots.panel import Panel


@pytest.fixture(scope="module")
def panel() -> Panel:
    return bank(7)[0]


def test_a_tenth_of_peers_brought_more_than_their_top_decile_in_training(panel: Panel):
    top = top_decile_of_peers(panel)
    assert np.mean(panel.test.outcomes["value"] > top) == pytest.approx(0.1, abs=0.03)
    richest = panel.test.features["income"] > 1
    assert top[richest].mean() > 2 * top[~richest].mean()


def test_where_no_attribute_is_known_there_are_no_peers(panel: Panel):
    unknown = replace(panel, spec=replace(SPEC, attributes=()))
    assert top_decile_of_peers(unknown) is None


def test_the_mean_of_peers_is_right_in_the_large(panel: Panel):
    mean = mean_of_peers(panel, ["income", "region"], seed=1)
    assert mean.sum() == pytest.approx(panel.test.outcomes["value"].sum(), rel=0.05)


def test_numbers_are_banded_by_training_and_what_is_missing_is_a_group(panel: Panel):
    income = panel.test.features["income"].where(np.arange(len(panel.test)) > 10)
    groups = coarse(income, panel.training[0].features["income"])
    assert set(groups) == {"missing", "0", "1", "2", "3", "4"}
    assert set(groups[:11]) == {"missing"}
