"""Figures of two runs are paired where customers and outcomes are the same, and only there."""

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from running import settings_of

from facette.jobs.pairing import figures, snapshots_told, unpaired
from facette.registry.runs import TrainedRun

CUSTOMERS = [f"c{i}" for i in range(200)]
DRAW = np.random.default_rng(3)
SPENT, LEFT = DRAW.gamma(1, 100, 200), (DRAW.random(200) < 0.3).astype(float)
PARTS = ("value", "potential", "churn")


def run(label: str = "base", noise: float = 10.0, **changed: Any) -> TrainedRun:
    """A run whose scores are the outcomes with some noise."""
    near = SPENT + np.random.default_rng(4).normal(0, noise, 200)
    index = pd.Index(CUSTOMERS, name="customer_id")
    scores = {"value_expected": near, "potential": 2 * near, "churn_probability": 0.1 + 0.5 * LEFT}
    outcomes = {"outcome_value": SPENT, "outcome_churned": np.where(SPENT > 10, LEFT, np.nan)}
    given = {
        "run_id": label, "name": "train", "began": datetime(2020, 1, 1),
        "tags": {"facette.reference_date": "2020-01-01"}, "params": {"model.potential.tau": "0.9"},
        "metrics": {"value/mae": 5.0}, "digests": {}, "bundles": {},
        "scores": pd.DataFrame(scores, index), "snapshot": pd.DataFrame(outcomes, index),
    }  # fmt: skip
    return TrainedRun(**(given | changed))


def of_other_customers() -> TrainedRun:
    whole = run("other")
    return run("other", scores=whole.scores[:150], snapshot=whole.snapshot[:150])


def with_other_churn() -> TrainedRun:
    return run("other", snapshot=run().snapshot.assign(outcome_churned=1 - LEFT))


@pytest.mark.parametrize(
    ("other", "parts", "why"),
    [
        (run("other", tags={"facette.reference_date": "2020-04-01"}), PARTS, "the test dates are"),
        (of_other_customers(), PARTS, "there are 200 and 150 customers, 150 of them in both"),
        (run("other", snapshot=None), PARTS, "other kept no test snapshot"),
        (with_other_churn(), ("churn",), "churn has another outcome"),
        (run("other", params={"model.potential.tau": "0.8"}), ("potential",), "0.9 and 0.8"),
    ],
)
def test_what_can_not_be_paired_is_told_with_its_reason(
    other: TrainedRun, parts: tuple[str, ...], why: str
) -> None:
    compare = settings_of("compare", "runs=[a,b]", "resamples=20")
    for part in PARTS:
        found = figures(part, run(), other, compare)
        assert (found.gains is None) == (part in parts)
        assert (why in found.why_not) == (part in parts)
    assert figures("value", run(), run("other"), compare).why_not == ""


def test_logged_figures_stand_in_where_nothing_is_paired() -> None:
    other = run("other", metrics={"value/mae": 7.0}, snapshot=None)
    compare = settings_of("compare", "runs=[a,b]")
    table = figures("value", run(), other, compare).table
    assert table["mae"].to_dict() == {"base": 5.0, "other": 7.0}
    assert table["normalised_gini"].isna().all()


def test_a_gain_does_not_depend_on_the_order_of_customers() -> None:
    compare = settings_of("compare", "runs=[a,b]", "resamples=50")
    better = run("other", noise=1.0)
    turned = run("other", scores=better.scores[::-1], snapshot=better.snapshot[::-1])
    one, two = (figures("value", run(), other, compare) for other in (better, turned))
    assert one.gains is not None
    pd.testing.assert_frame_equal(one.gains, two.gains)
    mae = one.gains.set_index("metric").loc["mae"]
    assert 0 < mae["low"] < mae["gain"] < mae["high"]


def test_the_snapshot_is_the_same_by_its_digest_or_by_what_is_in_it() -> None:
    digests = {"snapshot at 2020-01-01": "f" * 64}
    same = run(digests=digests), run("other", digests=digests)
    assert snapshots_told(*same, PARTS) == "the same for both, digest ffffffffffff"
    assert snapshots_told(run(), run("other"), PARTS).startswith("the same customers and outcomes")
    assert snapshots_told(run(), with_other_churn(), PARTS).startswith("not the same: churn")
    assert snapshots_told(run(), of_other_customers(), []).startswith("not the same: there are")
    assert unpaired("value", run(), with_other_churn()) == ""
