"""The segmentations of a training run, fitted side by side and put through the three tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from facette.registry.models import in_use
from facette.registry.packaging import as_rows
from facette.segments.applied import apply, of_behaviour
from facette.segments.behaviour import BehaviourSegments, standardised
from facette.segments.identity import identified
from facette.segments.pareto import TierSegments
from facette.segments.remembered import remembered
from facette.segments.side_by_side import VALUE_TIERS, SideBySide, side_by_side
from facette.settings import Purpose, Train
from facette.snapshots.catalogue import catalogue
from facette.snapshots.panel import Panel
from facette.tables.contract import Tables
from facette.wording import listed


def remembered_segments(
    settings: Train, panel: Panel, behaviour: BehaviourSegments
) -> BehaviourSegments:
    """Behaviour segments under the ids and names of the champion, matched by its customers."""
    chosen = settings.segments.behaviour
    name = f"{settings.tracking.registry_prefix}{settings.data.name}_behaviour"
    champion = in_use(settings.tracking, name)
    old = None if champion is None else champion.bundle.segmentations
    if champion is None or old is None or old.behaviour is None:
        return behaviour
    latest = as_rows(panel.training[-1])
    absent = [c["name"] for c in old.behaviour.columns if c["name"] not in latest]
    if absent:
        why = f"{listed(absent)} of version {champion.version} is not in this snapshot"
        return replace(behaviour, notes=[*behaviour.notes, f"segments are numbered anew: {why}"])
    ids = [s["id"] for s in behaviour.segments]
    z = standardised(latest, behaviour.columns)
    labels = [ids[i] for i in behaviour.estimator.predict(z)]
    # a version packaged by earlier code runs that code, which knew neither
    named: dict[str, str] = getattr(old.behaviour, "names", {})
    highest: int = getattr(old.behaviour, "highest", 0)
    before, sure = old.behaviour.assigned(latest)
    found = identified(
        pd.Series(before, latest["customer_id"]).where(sure > 0),
        pd.Series(labels, latest["customer_id"]),
        named, highest, chosen.least_overlap,
        least_share=chosen.least_share, stability=behaviour.stability,
        least_stability=chosen.min_stability,
    )  # fmt: skip
    return remembered(behaviour, found, named, chosen.names)


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
