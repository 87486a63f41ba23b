"""Segmentations applied at two dates: fitted once, frozen, off with a reason."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from worlds import admitted, churn_settings, data, panel_settings, shop

from facette.errors import BadInput
from facette.segments.applied import (
    Applied,
    Chosen,
    applied,
    fitted_of,
    known_at,
    refit_stability,
    two_views,
)
from facette.segments.pareto import TierSegments
from facette.snapshots.panel import Panel, Snapshot, panel
from facette.snapshots.spec import WideSpec

TIERS = TierSegments("value_current", ["top", "rest"], [0.2, 0.8])


class Halves(BaseEstimator):
    """Below and above the median; refuses data whose least value is not drawn."""

    kind = "unsupervised"

    def __init__(self, least: float = -np.inf) -> None:
        self.least = least

    def fit(self, X: pd.DataFrame, y: object = None) -> "Halves":
        if X["value_current"].min() > self.least > -np.inf:
            raise BadInput("least: not among these customers")
        self.cut_ = X["value_current"].median()
        self.segments_ = [{"id": "H1", "name": "low"}, {"id": "H2", "name": "high"}]
        self.notes_: list[str] = []
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return np.where(X["value_current"] > self.cut_, "H2", "H1").astype(object)

    def plain(self) -> dict[str, Any]:
        return {"cut": float(self.cut_)}


def snapshot(seed: int, day: int = 1, customers: int = 200) -> Snapshot:
    rng = np.random.default_rng(seed)
    index = pd.Index([f"c{i}" for i in range(customers)], name="customer_id")
    value = pd.DataFrame({"value_current": rng.gamma(1, 50, customers)}, index=index)
    features = pd.DataFrame({"visits": rng.poisson(3, customers)}, index=index)
    outcomes = pd.DataFrame({"value": value["value_current"], "churned": 0.0}, index=index)
    return Snapshot(datetime(2024, 1, day), features, value, outcomes)


@pytest.fixture(scope="module")
def shop_panel() -> Panel:
    return panel(admitted(shop(3, customers=60)), panel_settings(), churn_settings(), data())


def made(
    estimator: Any, before: Snapshot, after: Snapshot, spec: Any, resamples: int = 4
) -> Applied:
    dated = Panel([before], after, spec)
    fitted, off = fitted_of({"own": Chosen("need", estimator, optional=False)}, dated, 0)
    assert not off
    return applied("own", fitted["own"], known_at(before), known_at(after), resamples, 0)


@pytest.mark.parametrize("estimator", [TIERS, Halves()])
def test_nothing_is_refitted_at_the_second_date(estimator: Any, shop_panel: Panel) -> None:
    before, after = snapshot(1), snapshot(2, day=9)
    whole = made(estimator, before, after, shop_panel.spec)
    some = np.random.default_rng(0).random(200) < 0.3
    richer = after.context.where(some[:, None], after.context + 1e6)
    changed = Snapshot(after.reference_date, after.features, richer, after.outcomes)
    fewer = made(estimator, before, after.keep(some), shop_panel.spec)
    other = made(estimator, before, changed, shop_panel.spec)
    assert fewer.test.equals(whole.test[some])
    assert other.test[some].equals(whole.test[some])
    assert other.training.equals(whole.training)
    assert whole.told()["purpose"] == "need"


def test_what_the_data_lack_is_off_where_that_is_allowed_and_a_mistake_else(
    shop_panel: Panel,
) -> None:
    absent = TierSegments("wealth", ["a", "b"], [0.5, 0.5])
    dated = Panel([snapshot(1)], snapshot(2), shop_panel.spec)
    own = Chosen("need", TIERS, optional=False)
    wrong = Chosen("need", absent, optional=True)
    fitted, off = fitted_of({"wrong": wrong, "own": own}, dated, 0)
    assert list(fitted) == ["own"]
    assert list(off) == ["wrong"]
    assert off["wrong"].startswith("segmentations.wrong.column: ")
    assert "wealth" in off["wrong"]
    with pytest.raises(BadInput, match=r"^segmentations\.wrong\.column: .*wealth"):
        fitted_of({"wrong": replace(wrong, optional=False)}, dated, 0)


def test_frozen_rules_come_back_wholly(shop_panel: Panel) -> None:
    found = made(Fixed(), snapshot(1), snapshot(2), shop_panel.spec)
    assert found.stability == {"often": 1.0, "seldom": 1.0}
    assert found.customers.sum() == 200
    assert (found.confidence == 1).all()
    assert not found.between.any()


class Fixed(Halves):
    """Rules that nothing is fitted of, one of whose segments is empty."""

    kind = "a priori"

    def fit(self, X: pd.DataFrame, y: object = None) -> "Fixed":
        self.segments_ = [{"id": n, "name": n} for n in ("often", "seldom", "never")]
        self.notes_ = []
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return np.where(X["visits"] > 2, "often", "seldom").astype(object)

    def plain(self) -> dict[str, Any]:
        return {}


class Placed(Fixed):
    """Rules that know how sure they are."""

    def placed(self, X: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"confidence": 0.6, "between": X["visits"] == 3}, index=X.index)


def test_a_segmentation_says_itself_who_stands_between(shop_panel: Panel) -> None:
    later = snapshot(2)
    found = made(Placed(), snapshot(1), later, shop_panel.spec)
    assert found.between.equals(later.features["visits"] == 3)
    assert (found.confidence == 0.6).all()


def test_a_draw_that_cannot_be_fitted_brings_no_segment_back() -> None:
    frame = known_at(snapshot(1))
    fitted = Halves(least=frame["value_current"].min()).fit(frame)
    labels = pd.Series(fitted.predict(frame), index=frame.index)
    found = refit_stability(fitted, frame, labels, ["H1", "H2"], 20, 0)
    steady = refit_stability(Halves().fit(frame), frame, labels, ["H1", "H2"], 20, 0)
    assert all(0 < found[s] < 0.9 < steady[s] for s in ("H1", "H2"))


def test_undated_customers_are_halved(shop_panel: Panel) -> None:
    undated = Snapshot(None, *(getattr(snapshot(1, customers=201), n) for n in
                               ("features", "context", "outcomes")))  # fmt: skip
    before, after = two_views(Panel([undated], undated, object.__new__(WideSpec)), 5)
    assert (len(before), len(after)) == (101, 100)
    assert not set(before.features.index) & set(after.features.index)
    dated = Panel([snapshot(1), snapshot(2, day=5)], snapshot(3, day=9), shop_panel.spec)
    assert two_views(dated, 5) == (dated.training[-1], dated.test)
