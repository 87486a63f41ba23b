"""What there is to tell of compared runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pandas as pd

from facette.dynamics.score_changes import ScoreChanges
from facette.dynamics.segment_changes import SegmentChanges


@dataclass(frozen=True)
class RunTold:
    """One of the runs; `label` is the start of its id, `reference_date` None where undated."""

    run_id: str
    label: str
    began: datetime
    reference_date: str | None
    customers: int
    parts: list[str]
    perimeter: str
    code_version: str


@dataclass(frozen=True)
class Figures:
    """Metrics of one part: a row per run by its label, the base first, a column per metric.

    `gains`: metric, gain, low, high, paired on customers, above 0 where the run is better than the
    base; None with the reason in `why_not`.
    """

    table: pd.DataFrame
    gains: pd.DataFrame | None
    why_not: str = ""


@dataclass(frozen=True)
class Against:
    """A run, by its label, against the base.

    `snapshot` says whether both were tested on the same. `figures` and `scores` are by part,
    `segments` by the column of scored customers. `alone`: parts that only one run has, by label.
    """

    label: str
    snapshot: str
    figures: Mapping[str, Figures]
    segments: Mapping[str, SegmentChanges]
    scores: Mapping[str, ScoreChanges]
    alone: Mapping[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """Some runs of one data set; the first of `runs` is the base, each of `against` another.

    `settings`: those that differ, a row each by name, a column per run by label; `left_out`: names
    of settings that differ and don't matter, with the reason. `sentences`: what features mean.
    """

    data_name: str
    currency: str
    command: str
    confidence: float
    runs: list[RunTold]
    settings: pd.DataFrame
    left_out: Mapping[str, str]
    against: list[Against]
    sentences: Mapping[str, str]

    @property
    def base(self) -> RunTold:
        """The run that others are held against."""
        return self.runs[0]
