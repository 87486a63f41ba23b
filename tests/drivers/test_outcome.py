"""Contributions in people's units sum to the answer, and those of a change to the change."""

import lightgbm
import numpy as np
import pandas as pd
import pytest

from facette.drivers.change import farthest, moved
from facette.drivers.outcome import leading, moves_told, outcome_drivers
from facette.drivers.scale import in_units
from facette.settings.models import Drivers

SETTINGS = Drivers(
    min_fidelity=0.8, min_returning=0.6, leading=2, refits=3, top=2, alike=0.8, interactions=3,
    movers=5, sample=20_000,
)  # fmt: skip
COLUMNS = list("abcde")


@pytest.fixture(scope="module")
def model() -> lightgbm.LGBMClassifier:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 5))
    y = rng.random(600) < 1 / (1 + np.exp(-2 * x[:, 0] + x[:, 1]))
    return lightgbm.LGBMClassifier(
        n_estimators=30, num_leaves=7, verbosity=-1, n_jobs=1, random_state=0
    ).fit(x, y)


def told(model: lightgbm.LGBMClassifier, x: np.ndarray) -> tuple[pd.DataFrame, np.ndarray, float]:
    """Contributions, probabilities, and the probability at the base."""
    parts = np.asarray(model.predict(x, pred_contrib=True))
    frame = pd.DataFrame(parts[:, :-1], [f"c{i}" for i in range(len(x))], COLUMNS)
    return frame, model.predict_proba(x)[:, 1], float(1 / (1 + np.exp(-parts[0, -1])))


def test_points_of_probability_sum_to_the_distance_from_the_base(
    model: lightgbm.LGBMClassifier,
) -> None:
    frame, answers, base = told(model, np.random.default_rng(1).normal(size=(200, 5)))
    found = outcome_drivers(frame, answers, base, [["a"], ["b", "c"], ["d"], ["e"]], [], SETTINGS)
    np.testing.assert_allclose(found.units.frame.sum(axis=1), answers - base, atol=1e-12)
    np.testing.assert_allclose(found.credit.frame.sum(axis=1), frame.sum(axis=1), atol=1e-12)
    same_side = np.sign(found.units.frame) == np.sign(found.credit.frame)
    assert same_side.to_numpy().mean() > 0.99
    assert list(leading(found.credit, 2)) == ["a", "b"]
    assert np.isnan(found.returning)


def test_contributions_that_cancel_out_give_no_parts() -> None:
    parts = in_units(np.array([[1.0, -1.0], [1.0, 1.0]]), np.array([0.3, 0.9]), 0.3)
    np.testing.assert_allclose(parts, [[0, 0], [0.3, 0.3]])


def test_drivers_lead_again_in_models_fitted_anew_and_at_random_they_do_not(
    model: lightgbm.LGBMClassifier,
) -> None:
    frame, answers, base = told(model, np.random.default_rng(1).normal(size=(200, 5)))
    alone = [[c] for c in COLUMNS]
    steady = outcome_drivers(frame, answers, base, alone, [frame, frame], SETTINGS)
    mixed = frame.set_axis(list("cdeab"), axis="columns")[COLUMNS]
    assert steady.returning == 1
    assert outcome_drivers(frame, answers, base, alone, [mixed], SETTINGS).returning == 0


def test_the_parts_of_a_change_sum_to_it(model: lightgbm.LGBMClassifier) -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(50, 5))
    later = x.copy()
    later[:, 0] += rng.normal(size=50)
    (before, was, _), (after, now, _) = told(model, x), told(model, later)
    answers = pd.DataFrame({"before": was, "after": now}, before.index)
    chosen = farthest(answers, 4)
    change = (answers["after"] - answers["before"]).abs()
    assert chosen == change.sort_values(ascending=False).index[:4].tolist()
    found = moved(
        before.loc[chosen], after.loc[chosen], answers.loc[chosen], {"a": ["a"], "b": list("bcde")}
    )
    np.testing.assert_allclose(
        found[["a", "b"]].sum(axis=1), found["after"] - found["before"], atol=1e-12
    )
    credit = outcome_drivers(before, was, 0.5, [["a"], list("bcde")], [], SETTINGS).credit
    table = moves_told(found, credit, {}, top=1)
    assert table["customer_id"].tolist() == chosen
    assert set(table["feature"]) == {"a"}


def test_who_has_no_answer_at_one_date_did_not_move() -> None:
    answers = pd.DataFrame({"before": [0.1, np.nan], "after": [0.2, 0.9]}, ["here", "new"])
    assert farthest(answers, 5) == ["here"]
