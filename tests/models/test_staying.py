"""What a customer brings who stays: learnt of stayers, judged on stayers, at risk by churn."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
from packaged import Bundle, write_bundle
from worlds import admitted, churn_settings, data, panel_settings, shop

from facette.models.baselines import LogisticBaseline
from facette.models.facets import Learned, learn_churn, learn_value_if_staying, stayed
from facette.models.judging import judge
from facette.models.learner import design
from facette.models.validation import out_of_fold, sample
from facette.registry.packaging import as_rows
from facette.settings.models import Evaluation, ValueModel
from facette.snapshots.catalogue import catalogue
from facette.snapshots.panel import Panel, Snapshot, panel

VALUE = lightgbm.LGBMRegressor(
    objective="tweedie", n_estimators=40, num_leaves=5, min_child_samples=10, learning_rate=0.1,
    random_state=7, deterministic=True, force_row_wise=True, n_jobs=1, verbosity=-1,
)  # fmt: skip
SETTINGS = ValueModel("value", None, None, folds=3)


@pytest.fixture(scope="module")
def world() -> Panel:
    return panel(admitted(shop(4, customers=150)), panel_settings(), churn_settings(), data())


@pytest.fixture(scope="module")
def learned(world: Panel) -> Learned:
    return learn_value_if_staying(world, SETTINGS, VALUE, 7)


@pytest.fixture(scope="module")
def scored(world: Panel, learned: Learned, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("staying") / "bundle"
    chosen = churn_settings(features=["recency_days", "gap_mean_days"])
    churn = learn_churn(world, chosen, LogisticBaseline(), 7)
    write_bundle(folder, {"churn": churn.files, "value_if_staying": learned.files}, {})
    return Bundle.load(folder).predict(as_rows(world.test))


def but_for_stayers(snapshot: Snapshot, value: float) -> Snapshot:
    """The snapshot with another value of those who left or could not leave."""
    assert snapshot.outcomes is not None
    kept = snapshot.outcomes["value"].where(stayed(snapshot), value)
    return replace(snapshot, outcomes=snapshot.outcomes.assign(value=kept))


def test_what_leavers_brought_teaches_nothing(world: Panel, learned: Learned) -> None:
    assert any((~stayed(s)).any() for s in world.training)
    other = replace(world, training=[but_for_stayers(s, 1e6) for s in world.training])
    assert learn_value_if_staying(other, SETTINGS, VALUE, 7).files == learned.files


def test_it_adds_up_over_the_stayers_of_the_latest_training_snapshot(
    world: Panel, learned: Learned
) -> None:
    s = sample([x.keep(stayed(x)) for x in world.training], "value")
    made = design(s.frame, list(catalogue(world.spec)), [])
    unseen = np.exp(out_of_fold(VALUE, made, s, 3, 7, learned.params["trees"]))
    told = unseen[s.latest].sum() * learned.params["scale"]
    assert told == pytest.approx(s.outcome[s.latest].sum())


def test_value_at_risk_is_the_chance_of_leaving_times_what_staying_brings(
    world: Panel, scored: pd.DataFrame
) -> None:
    np.testing.assert_array_equal(
        scored["value_at_risk"], scored["churn_probability"] * scored["value_if_staying"]
    )
    inactive = (world.test.context["active"] == 0).to_numpy()
    assert 0 < inactive.sum() < len(inactive)
    for column in ("value_if_staying", "value_at_risk"):
        assert (scored[column].isna().to_numpy() == inactive).all()


def test_without_churn_nothing_is_at_risk(world: Panel, learned: Learned, tmp_path: Path) -> None:
    write_bundle(tmp_path / "alone", {"value_if_staying": learned.files}, {})
    alone = Bundle.load(tmp_path / "alone").predict(as_rows(world.test))
    assert "value_if_staying" in alone
    assert "value_at_risk" not in alone


def test_it_is_judged_on_those_who_stayed(world: Panel, scored: pd.DataFrame) -> None:
    evaluation = Evaluation(50, 0.95, 2, 1)
    found = judge("value_if_staying", world, scored, 0.9, evaluation, 1)
    here = stayed(world.test)
    assert len(found.actual) == here.sum() < len(here)
    np.testing.assert_array_equal(found.actual, world.test.outcomes["value"][here])
    last = found.predictions["last_window"]
    np.testing.assert_array_equal(last, world.test.context["value_current"][here])
    assert {"last_window", "annualised"} <= set(found.table.index)
    other = replace(world, test=but_for_stayers(world.test, 1e6))
    again = judge("value_if_staying", other, scored, 0.9, evaluation, 1)
    pd.testing.assert_frame_equal(again.table, found.table)
