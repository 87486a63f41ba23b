"""What is learnt becomes one bundle: models, segments, and the cuts that stay frozen with them."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from facette.models.by_category import Categories
from facette.models.facets import Learned
from facette.models.validation import seen_by_models
from facette.registry.bundle import write_bundle
from facette.registry.customer_model import Bundle
from facette.segments.behaviour import BehaviourSegments
from facette.segments.scorecard_learnt import LearntGrid
from facette.segments.side_by_side import SideBySide
from facette.segments.tiers import frozen_tiers
from facette.settings import Train
from facette.snapshots.instants import iso
from facette.snapshots.panel import Panel, Snapshot


def packaged(
    settings: Train, snapshots: Panel, learnt: dict[str, Learned],
    behaviour: BehaviourSegments | None, folder: Path, grid: LearntGrid | None = None,
    side: SideBySide | None = None, categories: Categories | None = None,
) -> tuple[Bundle, dict[str, Any]]:  # fmt: skip
    """Write the bundle and load it again; also the tiers frozen at the latest training date."""
    parts = {part: learned.files for part, learned in learnt.items()}
    about = _about(settings, snapshots)
    frozen: dict[str, Any] = {}
    if behaviour is not None:
        frozen = _frozen(settings, snapshots, parts, about)
        frozen |= {"segmentations": side.told()} if side else {}
        parts["segments"] = behaviour.files(**frozen)
    if grid is not None:
        parts["grid"] = grid.files()
    if categories is not None:
        parts["categories"] = dict(categories.files)
    write_bundle(folder, parts, about)
    return Bundle.load(folder), frozen


def _about(settings: Train, snapshots: Panel) -> dict[str, Any]:
    return {
        "data": settings.data.name,
        "currency": settings.data.currency,
        "training_dates": snapshots.dates()[:-1],
        "test_date": snapshots.dates()[-1],
        "snapshot": snapshots.spec.as_dict(),
        "perimeter": settings.snapshot.perimeter,
        "churn_definition": snapshots.spec.churn_definition,
    }


def _frozen(
    settings: Train, snapshots: Panel, parts: dict[str, dict[str, bytes]], about: dict[str, Any]
) -> dict[str, Any]:
    """Value and potential tiers, from the latest training snapshot, where known."""
    latest = as_rows(snapshots.training[-1])
    made: dict[str, Any] = {}
    if latest["value_current"].notna().any():
        tiers = settings.segments.value_tiers
        current = latest["value_current"].to_numpy()
        made["value_tier"] = frozen_tiers("value_current", current, tiers.names, tiers.shares)
    if "potential" in parts:
        tiers = settings.segments.potential_tiers
        with TemporaryDirectory() as folder:
            write_bundle(folder, {"potential": parts["potential"]}, about)
            scored = Bundle.load(folder).facets["potential"].usual(latest)
        made["potential_tier"] = frozen_tiers("potential", scored, tiers.names, tiers.shares)
    return made


def unconformalised(bundle: Bundle, rows: pd.DataFrame) -> dict[str, dict[str, np.ndarray]]:
    """By part, the quantile (n,) before it is brought to its coverage, none below 0."""
    if "upside" not in bundle.parts:
        return {}
    facet = bundle.facets["upside"]
    raw = np.maximum(facet.raw(rows), 0) * facet.seasonal(rows)
    if facet.newcomers is not None:
        raw = np.where(facet.early(rows), facet.newcomers.predict(rows), raw)
    return {"upside": {"unconformalised": raw}}


def scored_alone(part: str, learned: Learned, snapshot: Snapshot) -> np.ndarray:
    """The packaged predictions (n,) of one learnt part on a snapshot."""
    with TemporaryDirectory() as folder:
        write_bundle(folder, {part: learned.files}, {})
        return Bundle.load(folder).facets[part].predict(seen_by_models(snapshot))


def as_rows(snapshot: Snapshot) -> pd.DataFrame:
    """A snapshot as the package takes it: keys first, one row per customer."""
    rows = seen_by_models(snapshot).reset_index()
    rows.insert(1, "reference_date", iso(snapshot.reference_date))
    return rows
