"""A part judged at the test date: the packaged model's own scores beside every baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
import pandas as pd

from facette.models import baselines
from facette.models.evaluation import (
    Metric,
    churn_metrics,
    judged,
    metrics_table,
    potential_metrics,
    value_metrics,
)
from facette.models.facets import stayed
from facette.models.profit import Campaign
from facette.settings.models import Evaluation, Models, Retention
from facette.snapshots.panel import Panel, Snapshot

SCORES = {
    "value": "value_expected",
    "potential": "potential",
    "churn": "churn_probability",
    "upside": "upside",
    "value_if_staying": "value_if_staying",
}


@dataclass(frozen=True)
class Judgement:
    """One part at the test date.

    `table`: metrics of the model (first row) and its baselines. `gains`: metric, opponent, gain,
    low, high. `actual` and `predictions` are of the customers judged, (n,) each. `campaign`: what
    churn's profit rests on; None where no value is known, and of other parts.
    """

    part: str
    table: pd.DataFrame
    gains: pd.DataFrame
    actual: np.ndarray
    predictions: dict[str, np.ndarray | None]
    notes: list[str] = field(default_factory=list)
    campaign: Campaign | None = None

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
    part: str, panel: Panel, scored: pd.DataFrame, tau: float, settings: Evaluation, seed: int,
    beside: Mapping[str, np.ndarray] = MappingProxyType({}),
) -> Judgement:  # fmt: skip
    """Judge the scored test snapshot (rows as in `panel.test`) on one part.

    `beside`: other answers of the model, which stand in the table and are no opponents.
    """
    actual = outcome_of(part, panel.test)
    known = ~np.isnan(actual)
    rivals, notes = _rivals(part, panel, tau, known)
    predictions = {"model": scored[SCORES[part]].to_numpy()[known], **rivals}
    result = judged(
        part, actual[known], predictions, metrics_of(part, tau),
        settings.resamples, settings.confidence, seed,
    )  # fmt: skip
    others = {name: said[known] for name, said in beside.items()}
    rows = metrics_table(actual[known], others, metrics_of(part, tau))
    table = pd.concat([result.table, rows]) if others else result.table
    return Judgement(part, table, result.gains, actual[known], {**predictions, **others}, notes)


def outcome_of(part: str, snapshot: Snapshot) -> np.ndarray:
    """What came (n,) of what a part predicts, NaN where that is not defined or not known."""
    assert snapshot.outcomes is not None
    if part == "value_if_staying":
        return snapshot.outcomes["value"].where(stayed(snapshot)).to_numpy()
    return snapshot.outcomes["churned" if part == "churn" else "value"].to_numpy()


def _rivals(
    part: str, panel: Panel, tau: float, known: np.ndarray
) -> tuple[baselines.Forecasts, list[str]]:
    if part == "churn":
        return baselines.churn_forecasts(panel, known), []
    if part == "potential":
        made, notes = baselines.potential_forecasts(panel, tau), list[str]()
    elif part == "upside":
        made, notes = baselines.upside_forecasts(panel, tau), []
    elif part == "value_if_staying":
        made, notes = baselines.past_value(panel.test), []
    else:
        made, notes = baselines.value_forecasts(panel)
    return {name: None if x is None else x[known] for name, x in made.items()}, notes


def with_profit(
    churn: Judgement, panel: Panel, scored: pd.DataFrame, settings: Retention, instead: str | None
) -> Judgement:
    """The judgement of churn with the expected maximum profit of each forecaster in its table.

    A customer's own value is that of the last window, so that runs compare whatever else they
    learnt; where it is known of nobody, the expected one; below 0 or unknown, it counts as 0.
    `instead`: what is predicted where it is no leaving, from which nobody is to be kept.
    """
    value, value_is = _own_value(panel, scored)
    if value is None or instead:
        why = f"{instead} is no leaving" if instead else "no value of any customer is known"
        table = churn.table.assign(empc=np.nan, empc_fraction=np.nan)
        said = f"expected maximum profit is not available: {why}"
        return replace(churn, table=table, notes=[*churn.notes, said])
    assert panel.test.outcomes is not None
    judged = value[panel.test.outcomes["churned"].notna().to_numpy()]
    campaign = _campaign(judged, value_is, settings)
    notes = [*churn.notes, *_counted_as_nothing(judged)]
    return replace(churn, table=_profitable(churn, campaign), notes=notes, campaign=campaign)


def _own_value(panel: Panel, scored: pd.DataFrame) -> tuple[np.ndarray | None, str]:
    current = panel.test.context["value_current"].to_numpy(dtype=float)
    if not np.isnan(current).all():
        return current, "current value"
    if "value_expected" in scored:
        return scored["value_expected"].to_numpy(dtype=float), "expected value"
    return None, ""


def _campaign(value: np.ndarray, value_is: str, settings: Retention) -> Campaign:
    own = np.nan_to_num(np.maximum(value, 0))
    return Campaign(
        own, value_is, settings.incentive_share * own, settings.contact_cost, settings.alpha,
        settings.beta,
    )  # fmt: skip


def _counted_as_nothing(value: np.ndarray) -> list[str]:
    nothing = int((~(value >= 0)).sum())
    if not nothing:
        return []
    return [
        f"expected maximum profit: {nothing:,} of {len(value):,} customers, of unknown value or "
        "one below 0, count as worth nothing"
    ]


def _profitable(churn: Judgement, campaign: Campaign) -> pd.DataFrame:
    best = {
        name: (np.nan, np.nan) if score is None else campaign.best(churn.actual, score)
        for name, score in churn.predictions.items()
    }
    columns = ["empc", "empc_fraction"]
    return churn.table.join(pd.DataFrame.from_dict(best, orient="index", columns=columns))


def tau_of(part: str, models: Models) -> float:
    """The quantile that a part is judged at; of parts that are none, potential's."""
    return models.upside.tau if part == "upside" else models.potential.tau


def metrics_of(part: str, tau: float) -> dict[str, Metric]:
    """The figures of a part, the primary one first."""
    return {
        "value": value_metrics,
        "potential": lambda: potential_metrics(tau),
        "churn": churn_metrics,
        "upside": lambda: potential_metrics(tau),
        "value_if_staying": value_metrics,
    }[part]()
