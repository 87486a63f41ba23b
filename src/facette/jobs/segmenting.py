"""The segmentations of a training run, fitted side by side and put through the three tests."""

from __future__ import annotations

from typing import Any

from facette.segments.applied import apply, of_behaviour
from facette.segments.behaviour import BehaviourSegments
from facette.segments.pareto import TierSegments
from facette.segments.side_by_side import VALUE_TIERS, SideBySide, side_by_side
from facette.settings import Purpose, Train
from facette.snapshots.catalogue import catalogue
from facette.snapshots.panel import Panel
from facette.tables.contract import Tables


def segmentations(
    settings: Train, tables: Tables, panel: Panel, behaviour: BehaviourSegments,
    estimators: dict[str, Any],
) -> SideBySide:  # fmt: skip
    """Value tiers, behaviour and the configured ones, whose estimators are not fitted yet."""
    known, tests = catalogue(panel.spec), settings.three_tests
    tiers = settings.segments.value_tiers
    chosen = {
        VALUE_TIERS: (
            Purpose.profitability.value,
            TierSegments("value_current", tiers.names, tiers.shares),
        )
    }
    for name, segmentation in settings.segmentations.items():
        estimator = estimators[f"segmentations.{name}"]
        if "catalogue" in estimator.get_params():
            estimator.set_params(catalogue=known)
        chosen[name] = (segmentation.purpose.value, estimator)
    cuts, off = apply(chosen, panel, tests.resamples, settings.seed)
    cuts.insert(
        1 if VALUE_TIERS not in off else 0,
        of_behaviour(behaviour, panel, settings.segments.behaviour.between, settings.seed),
    )
    return side_by_side(
        cuts, off, tables, panel, known, tests, settings.evaluation.confidence, settings.seed
    )
