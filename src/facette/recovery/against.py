"""All that the truth says of what a run learnt, in one dictionary of figures."""

from __future__ import annotations

import pandas as pd

from facette.models.facets import potential_columns
from facette.recovery.axes import axes_found
from facette.recovery.effects import effects_found
from facette.recovery.efficiency import churn_efficiency, value_efficiency
from facette.recovery.families import families_found
from facette.recovery.headroom import headroom_found
from facette.recovery.truth import Truth
from facette.segments.axes import RelationAxes
from facette.segments.axis_families import AxisFamilies
from facette.segments.behaviour import BehaviourSegments
from facette.segments.side_by_side import SideBySide
from facette.settings import Train
from facette.snapshots.catalogue import catalogue
from facette.snapshots.panel import Panel
from facette.tables.contract import Tables


def recovered(
    settings: Train, tables: Tables, panel: Panel, scored: pd.DataFrame,
    behaviour: BehaviourSegments | None, truth: Truth, side: SideBySide | None = None,
) -> dict[str, float]:  # fmt: skip
    """Figures as `truth/<what>`, of the parts that ran; each ceiling as `<name>_ceiling`.

    `scored` is the test snapshot scored by the package.
    """
    own, seed = scored.set_index("customer_id"), settings.seed
    made = effects_found(tables, truth.campaigns)
    if behaviour is not None:
        columns = [str(column["name"]) for column in behaviour.columns]
        made |= families_found(panel, truth, own["behaviour_segment"], columns, seed)
    for axes in _axes(side):
        scores = axes.transform(panel.test.features)
        made |= axes_found(panel, truth, scores, [c["name"] for c in axes.prepared_], seed)
    # what is true of the bank is who leaves altogether
    if "churn_probability" in own and not panel.spec.churn_definition.startswith("partial"):
        seen = _seen(settings.model.churn.features, panel)
        made |= churn_efficiency(panel, truth, own["churn_probability"], seen, seed)
    if "value_expected" in own:
        seen = _seen(settings.model.value.features, panel)
        made |= value_efficiency(panel, truth, own["value_expected"], seen, seed)
    if "headroom" in own:
        peers = potential_columns(panel, settings.model.potential)
        made |= headroom_found(panel, truth, own, peers, settings.evaluation, seed)
    return made


def _axes(side: SideBySide | None) -> list[RelationAxes]:
    """The relational axes of the segmentations that cross them."""
    cuts = [] if side is None else side.cuts
    return [cut.fitted.axes_ for cut in cuts if isinstance(cut.fitted, AxisFamilies)]


def _seen(features: list[str] | None, panel: Panel) -> list[str]:
    """The columns that a model of the run sees."""
    return features or list(catalogue(panel.spec))
