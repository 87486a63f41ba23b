"""The segmentations of a training run, fitted side by side and put through the three tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from facette.registry.models import in_use
from facette.registry.packaging import as_rows
from facette.segments.applied import (
    Chosen,
    applied,
    fitted_of,
    known_at,
    of_behaviour,
    two_views,
)
from facette.segments.behaviour import BehaviourSegments, standardised
from facette.segments.identity import identified
from facette.segments.pareto import TierSegments
from facette.segments.remembered import remembered
from facette.segments.side_by_side import VALUE_TIERS, SideBySide, side_by_side
from facette.settings import Train
from facette.settings.segments import Purpose
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


def chosen_segmentations(
    settings: Train, panel: Panel, estimators: dict[str, Any]
) -> tuple[dict[str, Chosen], dict[str, str]]:
    """Value tiers and the configured segmentations, fitted, and those that are off, and why.

    Raises:
        BadInput: one that is not optional can't be fitted on these data.
    """
    tiers, known = settings.segments.value_tiers, catalogue(panel.spec)
    value_tiers = TierSegments("value_current", tiers.names, tiers.shares)
    chosen = {VALUE_TIERS: Chosen(Purpose.profitability.value, value_tiers, optional=True)}
    for name, one in settings.segmentations.items():
        estimator = estimators[f"segmentations.{name}"]
        if "catalogue" in estimator.get_params():
            estimator.set_params(catalogue=known)
        chosen[name] = Chosen(one.purpose.value, estimator, one.optional)
    return fitted_of(chosen, panel, settings.seed)


def segmentations(
    settings: Train, tables: Tables, panel: Panel, behaviour: BehaviourSegments,
    fitted: dict[str, Chosen], off: dict[str, str],
) -> SideBySide:  # fmt: skip
    """Behaviour and the fitted segmentations, side by side."""
    tests, seed = settings.three_tests, settings.seed
    between = settings.segments.behaviour.between
    frame, later = (known_at(view) for view in two_views(panel, seed))
    cuts = [applied(name, one, frame, later, tests.resamples, seed) for name, one in fitted.items()]
    cuts.insert(int(VALUE_TIERS in fitted), of_behaviour(behaviour, panel, between, seed))
    return side_by_side(
        cuts, off, tables, panel, catalogue(panel.spec), tests, settings.evaluation.confidence, seed
    )
