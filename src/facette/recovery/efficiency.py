"""How much of what could be known of churn and value a model knows.

    efficiency = (loss of a constant - loss of the model) / (loss of a constant - loss of the truth)

0 knows no more than a constant, 1 all that can be known at the date, below 0 is worse than nothing.
The constant is the mean outcome of the training snapshots: what anyone would have said without a
model. The mean at the test date would be a peep at the future, and would spare a model that is
wrong in the large.

The loss is that expected under the truth: of churn p predicted as q, -(p log q + (1 - p) log(1-q));
of value v predicted as f, (v - f)^2 (the variance of the outcome is in all three and falls out).
That estimates what realised outcomes estimate, without their noise: leaving is rare, and over
repeated draws of the outcomes the efficiency of a model scatters (see tests/recovery). The figure
by realised outcomes stands beside it, as `…_realised`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from facette.models.evaluation import log_loss
from facette.models.validation import sample
from facette.recovery.ceiling import best_amounts, best_probabilities, squared_error
from facette.recovery.truth import Truth
from facette.snapshots.panel import Panel

Loss = Callable[[np.ndarray, np.ndarray, np.ndarray], float]


def churn_efficiency(
    panel: Panel, truth: Truth, probability: pd.Series, columns: list[str], seed: int
) -> dict[str, float]:
    """Efficiency of churn probabilities (by customer) where the outcome is known."""
    best = best_probabilities(panel, truth.states, "churn", columns, seed)
    told = _together(panel, "churned", truth.test["churn"], probability, best)
    constant = float(sample(panel.training, "churned").outcome.mean())
    return _figures("churn", told, constant, log_loss)


def value_efficiency(
    panel: Panel, truth: Truth, value: pd.Series, columns: list[str], seed: int
) -> dict[str, float]:
    """Efficiency of expected values (by customer, in currency units), in squared error."""
    best = best_amounts(panel, truth.states, "value", columns, seed)
    told = _together(panel, "value", truth.test["value"], value, best)
    constant = float(sample(panel.training, "value").outcome.mean())
    return _figures("value", told, constant, squared_error)


def efficiency(
    outcome: np.ndarray, predicted: np.ndarray, truth: np.ndarray, constant: float, loss: Loss
) -> float:
    """The share of the way from a constant to the truth, by (n,) outcomes, or by the truth."""
    ones = np.ones(len(outcome))
    least = loss(outcome, truth, ones)
    most = loss(outcome, np.full(len(outcome), constant), ones)
    return (most - loss(outcome, predicted, ones)) / (most - least) if most > least else np.nan


def _together(
    panel: Panel, outcome: str, true: pd.Series, predicted: pd.Series, best: pd.Series
) -> pd.DataFrame:
    """The test customers of whom all four are known."""
    assert panel.test.outcomes is not None
    columns = {"outcome": panel.test.outcomes[outcome], "true": true, "model": predicted,
               "best": best}  # fmt: skip
    return pd.concat(columns, axis="columns", join="inner").dropna()


def _figures(part: str, told: pd.DataFrame, constant: float, loss: Loss) -> dict[str, float]:
    outcome, true, model, best = (told[c].to_numpy(float) for c in told)
    return {
        f"truth/{part}_efficiency": efficiency(true, model, true, constant, loss),
        f"truth/{part}_efficiency_ceiling": efficiency(true, best, true, constant, loss),
        f"truth/{part}_efficiency_realised": efficiency(outcome, model, true, constant, loss),
        f"truth/{part}_efficiency_customers": float(len(told)),
    }
