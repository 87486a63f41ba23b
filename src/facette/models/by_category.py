"""Headroom by product category: what peers spend on it beyond what the customer is expected to.

For each category the potential, a conformalised quantile among peers, and the expected value are
learnt anew, of the value of the outcome window in that category alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone

from facette.models.facets import learn_potential, learn_value
from facette.models.judging import Judgement, judge
from facette.models.learner import is_lightgbm
from facette.models.newcomers import COLUMN, told_apart
from facette.settings.models import Evaluation, Models
from facette.snapshots.catalogue import named
from facette.snapshots.instants import EPOCH, MICROSECOND
from facette.snapshots.outcomes import SEASON, net_column, value_by_category
from facette.snapshots.panel import Panel, Snapshot
from facette.snapshots.spec import SnapshotSpec
from facette.tables.contract import Tables

PREFIX = "headroom_"
SIDES = ("potential", "expected")
COLUMNS = [
    "category", "column", "coverage", "pinball", "peer_group", "gain", "low", "high", "headroom",
    "customers",
]  # fmt: skip


@dataclass(frozen=True)
class Categories:
    """The panels with each category's value for value, and the plain files of all their models."""

    panels: Mapping[str, Panel]
    files: Mapping[str, bytes]


def column_of(category: str) -> str:
    """The column of scored customers that a category's headroom stands in."""
    return named(PREFIX + "{c}", category)


def panels_by_category(tables: Tables, panel: Panel, most: int) -> dict[str, Panel]:
    """For each of the largest categories the panel whose value is that of the category alone."""
    assert isinstance(panel.spec, SnapshotSpec)
    categories, spec = panel.spec.categories[:most], panel.spec
    worth = [_values(tables, snapshot, spec, categories) for snapshot in panel.snapshots]
    return {
        category: _of_category(panel, [table[category] for table in worth])
        for category in categories
    }


def _values(
    tables: Tables, snapshot: Snapshot, spec: SnapshotSpec, categories: Sequence[str]
) -> pd.DataFrame:
    """Value (customers, categories) of the outcome window, in currency units."""
    assert snapshot.reference_date is not None
    t = (snapshot.reference_date - EPOCH) // MICROSECOND
    parts = [
        value_by_category(share, t, spec, categories).collect("pandas").to_native()
        for share in tables.shares()
    ]
    amounts = pd.concat(parts).set_index("customer_id").reindex(snapshot.features.index)
    rate = net_column(spec)[1] / 10**spec.minor_units
    return (amounts.fillna(0).astype(float) * rate).set_axis(list(categories), axis="columns")


def _of_category(panel: Panel, values: Sequence[pd.Series]) -> Panel:
    """The panel of one category, which has no season of its own."""
    assert isinstance(panel.spec, SnapshotSpec)
    *training, test = (
        replace(
            s,
            context=s.context.assign(**{SEASON: 1.0}),
            outcomes=s.outcomes.assign(value=value.where(s.outcomes["value"].notna())),
        )
        for s, value in zip(panel.snapshots, values, strict=True)
        if s.outcomes is not None
    )
    return replace(panel, training=training, test=test, spec=replace(panel.spec, season=()))


def learn_by_category(
    panels: Mapping[str, Panel], models: Models, potential: BaseEstimator, value: BaseEstimator,
    seed: int,
) -> Categories:  # fmt: skip
    """Potential and expected value of each category.

    `potential` and `value` are the estimators of the whole; where that of value is no LightGBM,
    potential's takes its place with the Tweedie objective, on every feature.

    Raises:
        BadInput: a configured feature is an outcome or unknown.
    """
    expecting, chosen = value, models.value
    if not is_lightgbm(value):
        expecting = clone(potential).set_params(objective="tweedie")
        chosen = replace(models.value, features=None)
    learnt = {
        category: {
            "potential": learn_potential(panel, models.potential, potential, seed),
            "expected": learn_value(panel, chosen, expecting, seed),
        }
        for category, panel in panels.items()
    }
    told, files = [], dict[str, bytes]()
    for i, (category, sides) in enumerate(learnt.items()):
        spec: dict[str, Any] = {"column": column_of(category)}
        for side in SIDES:
            name, own = f"{side}_{i}.txt", sides[side].files
            files[name] = own["booster.txt"]
            early = {"newcomers": COLUMN} if told_apart(panels[category]) else {}
            spec[side] = json.loads(own["part.json"]) | {"file": name} | early
        told.append(spec)
    files["part.json"] = json.dumps({"categories": told}, indent=1).encode()
    return Categories(panels, files)


def judge_by_category(
    made: Categories, potential: Mapping[str, np.ndarray], scored: pd.DataFrame, tau: float,
    settings: Evaluation, seed: int,
) -> pd.DataFrame:  # fmt: skip
    """Each category at the test date, a row each; columns as in `COLUMNS`.

    `potential`: by column the packaged potential (n,); `scored`: the scored test snapshot. Pinball
    loss stands beside that of the peer-group rule, `gain` being the difference to the best
    baseline with its interval; `headroom` in all, and the `customers` who have any.
    """
    rows = []
    for category, panel in made.panels.items():
        column = column_of(category)
        said = pd.DataFrame({"potential": potential[column]})
        found = judge("potential", panel, said, tau, settings, seed)
        rows.append((category, column, *_figures(found), *_held(scored[column])))
    return pd.DataFrame(rows, columns=COLUMNS)


def _figures(found: Judgement) -> tuple[float, ...]:
    model, gain = found.table.loc["model"], found.gains.iloc[0]
    rule = found.table.loc["peer_group", "pinball"]
    return (model["coverage"], model["pinball"], rule, gain["gain"], gain["low"], gain["high"])


def _held(headroom: pd.Series) -> tuple[float, int]:
    return float(headroom.sum()), int((headroom > 0).sum())
