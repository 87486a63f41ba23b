"""What a search goes by: rows and columns of training snapshots, a metric, a space.

The test snapshot is left out here, before anything is learnt or judged.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from facette.errors import BadInput
from facette.jobs.fitness import estimator_of
from facette.jobs.progress import Progress
from facette.jobs.searching import Space, space_of
from facette.models.evaluation import HIGHER_IS_BETTER, Metric
from facette.models.facets import potential_columns
from facette.models.folds import OUTCOMES as OUTCOME_OF
from facette.models.judging import metrics_of
from facette.models.learner import Design, design
from facette.models.trial import Rehearsal, rehearsal
from facette.models.validation import sample
from facette.ranges import searched
from facette.settings import Tune
from facette.settings.data import EventData, WideData
from facette.snapshots.catalogue import catalogue
from facette.snapshots.instants import iso
from facette.snapshots.outcomes import OUTCOMES
from facette.snapshots.panel import Panel, panel
from facette.snapshots.spec import SnapshotSpec
from facette.snapshots.wide import wide_panel
from facette.tables.door import read
from facette.tables.wide import read_wide


@dataclass(frozen=True)
class Searching:
    """What is searched and on what: a space, an estimator's rows and columns, a metric."""

    part: str
    metric: str
    figure: Metric
    space: Space
    rehearsed: Rehearsal
    design: Design
    folds: int
    seed: int
    study: str
    digest: str
    training: Panel
    test_date: str | None

    @property
    def higher(self) -> bool:
        """Whether more of the metric is better."""
        return self.metric in HIGHER_IS_BETTER


def searching_of(settings: Tune, progress: Progress) -> Searching:
    """What to search, made of the configuration and the training snapshots.

    Raises:
        BadInput: the estimator, its space, the part or the data are not fit.
    """
    part = settings.part.value
    chosen = getattr(settings.model, part)
    estimator_of(f"model.{part}", chosen.estimator)
    space = space_of(part, searched(getattr(settings.search, part)), chosen.estimator)
    progress.stage("building training snapshots")
    training, test_date = _training(settings)
    columns = _columns(part, training, chosen)
    s = sample(training.training, OUTCOME_OF[part])
    s = s if part == "churn" else s.adjusted()
    _check_outcome(part, s.outcome)
    reach = training.reach_days if part == "churn" else _horizon(training)
    dates = [iso(snapshot.reference_date) for snapshot in training.training]
    rehearsed = rehearsal(s, reach, dates, settings.validation_dates, chosen.folds, settings.seed)
    metric, figure = next(iter(metrics_of(part, settings.model.potential.tau).items()))
    digest = _digest(settings, training, space, chosen)
    study = settings.study or f"{settings.data.name} {part} {chosen.name} {digest[:12]}"
    return Searching(
        part, metric, figure, space, rehearsed, design(s.frame, columns, OUTCOMES), chosen.folds,
        settings.seed, study, digest, training, test_date,
    )  # fmt: skip


def _training(settings: Tune) -> tuple[Panel, str | None]:
    """A panel without the test snapshot, the latest training one in its place; the test's date."""
    data = settings.data
    if isinstance(data, WideData):
        table, chosen = read_wide(data, with_outcomes=True), settings.snapshot
        return wide_panel(table, chosen.perimeter, chosen.protected), None
    assert isinstance(data, EventData)
    whole = panel(read(data), settings.snapshot, settings.model.churn, data)
    without_test = Panel(whole.training, whole.training[-1], whole.spec, whole.notes)
    return without_test, whole.dates()[-1]


def _columns(part: str, training: Panel, chosen: Any) -> list[str]:
    """The features that the part's model is learnt from.

    Raises:
        BadInput: nothing tells peers, of whom potential is learnt.
    """
    if part != "potential":
        return chosen.features or list(catalogue(training.spec))
    if not training.dated and chosen.features is None:
        raise BadInput(
            "part: which columns of a wide table tell a customer's own level of spending is not "
            "known; name the others in model.potential.features"
        )
    columns = potential_columns(training, chosen)
    if not columns:
        raise BadInput("part: potential is off here, nothing but dates and spend is known")
    return columns


def _check_outcome(part: str, outcome: np.ndarray) -> None:
    if not len(outcome):
        raise BadInput(f"part: no outcome is known to learn {part} from (data.outcomes)")
    if len(np.unique(outcome)) < 2:
        raise BadInput(
            f"part: {part} is the same for all {len(outcome):,} training rows, {outcome[0]:g}; "
            "widen the perimeter, or change snapshot.horizon_days"
        )


def _horizon(training: Panel) -> int | None:
    spec = training.spec
    return spec.horizon_days if isinstance(spec, SnapshotSpec) else None


def _digest(settings: Tune, training: Panel, space: Space, chosen: Any) -> str:
    """SHA-256 of all that the figures of trials depend on."""
    snapshots = [snapshot.digest() for snapshot in training.training]
    tau = settings.model.potential.tau
    dates, seed = settings.validation_dates, settings.seed
    made = [snapshots, asdict(chosen), dict(space.parameters), tau, dates, seed]
    return hashlib.sha256(json.dumps(made, default=str, sort_keys=True).encode()).hexdigest()
