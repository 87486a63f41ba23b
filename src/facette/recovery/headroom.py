"""Whether headroom points at the customers who have any: ranks, and money in the top tenth.

Each figure stands beside those of three rankings that need no model of potential: `value`, expected
value itself; `peer_rule`, the top decile of peers less expected value; `mean_model`, what peers
bring on average less expected value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import pandas as pd

from facette.recovery.peers import mean_of_peers, top_decile_of_peers
from facette.recovery.truth import Truth
from facette.settings.models import Evaluation
from facette.snapshots.panel import Panel

TOP = 0.1
Figure = Callable[[np.ndarray], float]  # of weights (n,), how often each customer is drawn


def headroom_found(
    panel: Panel, truth: Truth, scored: pd.DataFrame, peer_columns: list[str],
    settings: Evaluation, seed: int,
) -> dict[str, float]:  # fmt: skip
    """Figures of the scored headroom (by customer), its rivals, and gains over the best of them."""
    rankings = rankings_of(panel, scored, peer_columns, seed)
    true = truth.test["headroom"].reindex(scored.index)
    known = true.notna() & rankings.notna().all(axis="columns")
    chosen = {name: rankings.loc[known, name].to_numpy(float) for name in rankings}
    made = log_bias(scored["potential"], truth.test["wallet"].reindex(scored.index))
    for name, figure in (("spearman", rank_correlation), ("top_decile", captured)):
        made |= {
            f"truth/headroom_{name}{which}": value
            for which, value in compared(
                figure, true[known].to_numpy(float), chosen, settings, seed
            ).items()
        }
    return made


def rankings_of(
    panel: Panel, scored: pd.DataFrame, peer_columns: list[str], seed: int
) -> pd.DataFrame:
    """What each way to rank says of each test customer: `model`, then its rivals."""
    value = scored["value_expected"]
    made = {"model": scored["headroom"], "value": value}
    top = top_decile_of_peers(panel)
    if top is not None:
        made["peer_rule"] = (top - value).clip(lower=0)
    made["mean_model"] = (mean_of_peers(panel, peer_columns, seed) - value).clip(lower=0)
    return pd.DataFrame(made)


def compared(
    figure: Callable[[np.ndarray, np.ndarray], Figure], true: np.ndarray,
    rankings: Mapping[str, np.ndarray], settings: Evaluation, seed: int,
) -> dict[str, float]:  # fmt: skip
    """The figure of the model (""), of each rival ("/name"), and the gain over the best rival.

    The interval of the gain is a paired bootstrap over customers; the best rival is that of all
    customers.
    """
    figures = {name: figure(true, scores) for name, scores in rankings.items()}
    ones = np.ones(len(true))
    found = {name: of(ones) for name, of in figures.items()}
    made = {"" if name == "model" else f"/{name}": value for name, value in found.items()}
    rivals = {name: v for name, v in found.items() if name != "model" and not np.isnan(v)}
    if not rivals:
        return made
    best, drawn = max(rivals, key=lambda name: rivals[name]), np.random.default_rng(seed)
    even = ones / len(ones)
    draws = [
        figures["model"](weight) - figures[best](weight)
        for weight in (drawn.multinomial(len(ones), even) for _ in range(settings.resamples))
    ]
    ends = [(1 - settings.confidence) / 2, (1 + settings.confidence) / 2]
    low, high = np.nanquantile(draws, ends)
    gain = found["model"] - found[best]
    return made | {"_gain": gain, "_gain_low": float(low), "_gain_high": float(high)}


def rank_correlation(true: np.ndarray, scores: np.ndarray) -> Figure:
    """Spearman's rank correlation as a function of weights; NaN where either is constant."""
    ties = [np.unique(values, return_inverse=True)[1] for values in (true, scores)]
    return partial(_rank_correlation, *ties)


def _rank_correlation(one: np.ndarray, other: np.ndarray, weight: np.ndarray) -> float:
    x, y = _centred_ranks(one, weight), _centred_ranks(other, weight)
    scale = float(weight @ x**2) * float(weight @ y**2)
    return float(weight @ (x * y)) / float(np.sqrt(scale)) if scale > 0 else np.nan


def _centred_ranks(tie: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Middle ranks of customers drawn `weight` times, less their mean."""
    drawn = np.bincount(tie, weights=weight)
    ranks = (np.cumsum(drawn) - drawn / 2)[tie]
    return ranks - float(weight @ ranks) / float(weight.sum())


def captured(true: np.ndarray, scores: np.ndarray) -> Figure:
    """Share of the true amount in the tenth ranked highest, ties shared out, by weights."""
    tie = np.unique(-scores, return_inverse=True)[1]
    return partial(_captured, true, tie)


def _captured(true: np.ndarray, tie: np.ndarray, weight: np.ndarray) -> float:
    people = np.cumsum(np.bincount(tie, weights=weight))
    money = np.cumsum(np.bincount(tie, weights=weight * true))
    if money[-1] <= 0:
        return np.nan
    return float(np.interp(TOP, np.r_[0, people / people[-1]], np.r_[0, money / money[-1]]))


def log_bias(potential: pd.Series, wallet: pd.Series) -> dict[str, float]:
    """Mean of log(potential / wallet) where both are above 0, and of how many customers."""
    both = (potential > 0) & (wallet > 0)
    bias = float(np.log(potential[both] / wallet[both]).mean()) if both.any() else np.nan
    return {
        "truth/potential_log_bias": bias,
        "truth/potential_log_bias_customers": float(both.sum()),
    }
