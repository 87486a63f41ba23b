"""Headroom by product category in a training run: learnt where asked for, judged as packaged."""

from __future__ import annotations

from typing import Any

import pandas as pd

from facette.jobs.fitness import BY_CATEGORY
from facette.models.by_category import (
    Categories,
    judge_by_category,
    learn_by_category,
    panels_by_category,
)
from facette.models.newcomers import settled
from facette.registry.customer_model import Bundle
from facette.settings import Train
from facette.snapshots.panel import Panel
from facette.tables.contract import Tables


def categories_of(
    settings: Train, tables: Tables, snapshots: Panel, estimators: dict[str, Any],
    off: dict[str, str],
) -> Categories | None:  # fmt: skip
    """Headroom learnt by product category; None where it is not asked for, or off."""
    most = settings.model.potential.by_category
    if not most or BY_CATEGORY in off:
        return None
    panels = panels_by_category(tables, settled(snapshots), most)
    potential, value = estimators["potential"], estimators["value"]
    return learn_by_category(panels, settings.model, potential, value, settings.seed)


def judged_categories(
    settings: Train, categories: Categories | None, bundle: Bundle, rows: pd.DataFrame,
    scored: pd.DataFrame,
) -> pd.DataFrame | None:  # fmt: skip
    """Headroom by category at the test date."""
    if categories is None or bundle.categories is None:
        return None
    potential, tau = bundle.categories.potential(rows), settings.model.potential.tau
    return judge_by_category(categories, potential, scored, tau, settings.evaluation, settings.seed)
