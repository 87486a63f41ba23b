"""Figures of two runs, paired on each customer where both were tested on the same outcomes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from facette.models.evaluation import judged
from facette.models.folds import OUTCOMES
from facette.models.judging import SCORES, metrics_of
from facette.registry.runs import OUTCOME, TrainedRun
from facette.reports.compared import Figures
from facette.settings import Compare
from facette.wording import listed

TAU = "model.potential.tau"


def snapshots_told(base: TrainedRun, other: TrainedRun, parts: Sequence[str]) -> str:
    """Whether both were tested on the same snapshot, and what is different where not."""
    digests = [
        run.digests.get(f"snapshot at {run.tags['facette.reference_date']}", run.run_id)
        for run in (base, other)
    ]
    if digests[0] == digests[1]:
        return f"the same for both, digest {digests[0][:12]}"
    reasons = [_other_customers(base, other), *(_other_outcome(p, base, other) for p in parts)]
    if why := next(filter(None, reasons), ""):
        return f"not the same: {why}"
    return "the same customers and outcomes for both, told by other features"


def unpaired(part: str, base: TrainedRun, other: TrainedRun) -> str:
    """Why figures of a part can't be paired on customers; nothing where they can."""
    if part == "potential" and base.params[TAU] != other.params[TAU]:
        return f"the quantiles are {base.params[TAU]} and {other.params[TAU]}"
    return _other_customers(base, other) or _other_outcome(part, base, other)


def _other_customers(base: TrainedRun, other: TrainedRun) -> str:
    dates = [run.tags["facette.reference_date"] for run in (base, other)]
    if dates[0] != dates[1]:
        return f"the test dates are {dates[0]} and {dates[1]}"
    one, two = base.scores.index, other.scores.index
    if len(one.symmetric_difference(two)):
        both = len(one.intersection(two))
        return f"there are {len(one):,} and {len(two):,} customers, {both:,} of them in both"
    return ""


def _other_outcome(part: str, base: TrainedRun, other: TrainedRun) -> str:
    if lacking := [run.label for run in (base, other) if run.snapshot is None]:
        return f"{listed(lacking)} kept no test snapshot, so that outcomes are not at hand"
    one, two = (_outcomes(part, run) for run in (base, other))
    return "" if one.equals(two.reindex(one.index)) else f"{part} has another outcome"


def _outcomes(part: str, run: TrainedRun) -> pd.Series:
    """What happened, by customer; empty where the run kept no test snapshot."""
    if run.snapshot is None:
        return pd.Series(dtype=float)
    return run.snapshot[f"{OUTCOME}{OUTCOMES[part]}"]


def figures(part: str, base: TrainedRun, other: TrainedRun, settings: Compare) -> Figures:
    """Metrics side by side; paired on each customer where the outcomes are the same."""
    metrics, runs = metrics_of(part, float(base.params[TAU])), (base, other)
    if why := unpaired(part, base, other):
        logged = [[run.metrics.get(f"{part}/{m}", np.nan) for m in metrics] for run in runs]
        labels = [run.label for run in runs]
        return Figures(pd.DataFrame(logged, labels, list(metrics)), None, why)
    actual = _outcomes(part, base).dropna()
    scores = [scores_of(part, run).loc[actual.index].to_numpy() for run in runs]
    found = judged(
        part, actual.to_numpy(), {base.label: scores[0], "model": scores[1]}, metrics,
        settings.resamples, settings.confidence, settings.seed,
    )  # fmt: skip
    return Figures(found.table.rename(index={"model": other.label}), found.gains, "")


def scores_of(part: str, run: TrainedRun) -> pd.Series:
    """The scores of a part (n,) that a run kept, by customer; NaN where undefined."""
    return run.scores[SCORES[part]].astype(float)
