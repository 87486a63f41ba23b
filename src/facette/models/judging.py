"""A part judged at the test date: the packaged model's own scores beside every baseline."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from facette.models import baselines
from facette.models.evaluation import (
    Metric,
    churn_metrics,
    judged,
    potential_metrics,
    value_metrics,
)
from facette.settings import Evaluation
from facette.snapshots.panel import Panel

SCORES = {"value": "value_expected", "potential": "potential", "churn": "churn_probability"}


@dataclass(frozen=True)
class Judgement:
    """One part at the test date.

    `table`: metrics of the model (first row) and its baselines. `gains`: metric, opponent, gain,
    low, high. `actual` and `predictions` are of the customers judged, (n,) each.
    """

    part: str
    table: pd.DataFrame
    gains: pd.DataFrame
    actual: np.ndarray
    predictions: dict[str, np.ndarray | None]
    notes: list[str] = field(default_factory=list)

    def metrics(self) -> dict[str, float]:
        """Figures under the names that others rely on."""
        named: dict[str, float] = {}
        for forecaster, row in self.table.iterrows():
            where = self.part if forecaster == "model" else f"{self.part}/baseline/{forecaster}"
            named |= {f"{where}/{metric}": float(figure) for metric, figure in row.items()}
        for _, gain in self.gains.iterrows():
            name = f"{self.part}/gain/{gain['metric']}"
            named |= {name: gain["gain"], f"{name}_low": gain["low"], f"{name}_high": gain["high"]}
        return named


def judge(
    part: str, panel: Panel, scored: pd.DataFrame, tau: float, settings: Evaluation, seed: int
) -> Judgement:
    """Judge the scored test snapshot (rows as in `panel.test`) on one part."""
    assert panel.test.outcomes is not None
    outcome = "churned" if part == "churn" else "value"
    actual = panel.test.outcomes[outcome].to_numpy()
    known = ~np.isnan(actual)
    rivals, notes = _rivals(part, panel, tau, known)
    predictions = {"model": scored[SCORES[part]].to_numpy()[known], **rivals}
    result = judged(
        part, actual[known], predictions, metrics_of(part, tau),
        settings.resamples, settings.confidence, seed,
    )  # fmt: skip
    return Judgement(part, result.table, result.gains, actual[known], predictions, notes)


def _rivals(
    part: str, panel: Panel, tau: float, known: np.ndarray
) -> tuple[baselines.Forecasts, list[str]]:
    if part == "value":
        return baselines.value_forecasts(panel)
    if part == "potential":
        return baselines.potential_forecasts(panel, tau), []
    return baselines.churn_forecasts(panel, known), []


def metrics_of(part: str, tau: float) -> dict[str, Metric]:
    """The figures of a part, the primary one first."""
    return {
        "value": value_metrics,
        "potential": lambda: potential_metrics(tau),
        "churn": churn_metrics,
    }[part]()
