"""Whether the axes of the relation order customers as their true attitudes do."""

from __future__ import annotations

import pandas as pd
from scipy.stats import spearmanr

from facette.recovery.ceiling import best_amounts
from facette.recovery.truth import Truth
from facette.snapshots.panel import Panel

AXES = {"power": "balance_of_power", "expectation": "expectation"}  # the truth's name, and ours


def axes_found(
    panel: Panel, truth: Truth, scores: pd.DataFrame, columns: list[str], seed: int
) -> dict[str, float]:
    """Rank correlation of the scores with the true axes, over the customers of whom it is known.

    `scores`: `balance_of_power` and `expectation` of the test customers, indexed by customer_id; an
    axis that is not there is left out. The ceiling is that of a learner taught the true axes of
    other customers by `columns`, the behaviour that the scores are predicted from.
    """
    made = {}
    for true, name in AXES.items():
        if name in scores:
            best = best_amounts(panel, truth.states, true, columns, seed)
            figure = f"truth/axis_{true}_spearman"
            made[figure] = rank_agreement(scores[name], truth.test[true])
            made[f"{figure}_ceiling"] = rank_agreement(best, truth.test[true])
    return made


def rank_agreement(told: pd.Series, true: pd.Series) -> float:
    """Spearman's rank correlation over the customers that are in both."""
    ours, theirs = told.dropna().align(true.dropna(), join="inner")
    return float(spearmanr(ours, theirs).statistic)
