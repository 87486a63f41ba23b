"""Whether a grid tells what happens next: its backtest, a customer's course, and swap sets.

An outcome is (n,) of 1 (what the grid is for: kept, say), 0, and NaN where it is not known; those
customers are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import hypot
from types import MappingProxyType

import narwhals as nw
import numpy as np
import pandas as pd
from scipy.stats import binomtest, norm, rankdata

from facette.errors import BadInput
from facette.expressions import parse
from facette.segments.scorecard import Scorecard
from facette.wording import listed

GROUPS = ("stays in the top", "enters", "leaves", "stays below")


@dataclass(frozen=True)
class Course:
    """How customers moved between two snapshots, those in both.

    `customers`: points_before, points_after, change, grade_before, grade_after. `waterfall`: the
    change of each criterion; a row sums to its change exactly. `came` and `gone` are in one of the
    snapshots only.
    """

    customers: pd.DataFrame
    waterfall: pd.DataFrame
    came: pd.Index
    gone: pd.Index


@dataclass(frozen=True)
class Backtest:
    """What happened by grade, from the best down.

    `table`: customers, share, happened, rate with its Wilson interval `low` and `high`,
    `mean_value`. `auc` is the chance that one it happened to has more points than one it did not.
    """

    table: pd.DataFrame
    auc: float
    auc_low: float
    auc_high: float
    monotone: bool
    warnings: list[str]

    def metrics(self) -> dict[str, float]:
        """The figures a run logs, as `grid/<metric>`."""
        rates = {f"grid/rate_{grade}": float(rate) for grade, rate in self.table["rate"].items()}
        auc = {"grid/auc": self.auc, "grid/auc_low": self.auc_low, "grid/auc_high": self.auc_high}
        return auc | rates | {"grid/monotone": float(self.monotone)}


@dataclass(frozen=True)
class SwapSet:
    """Who enters and who leaves the top at equal volume, and what then happened to them.

    `table`: customers, rate with its Wilson interval, mean_value, by group. `gain` is the rate of
    those who enter less that of those who leave, with its interval (Newcombe 1998, method 10).
    """

    table: pd.DataFrame
    gain: float
    gain_low: float
    gain_high: float


def happened(outcomes: pd.DataFrame, outcome: str) -> np.ndarray:
    """1.0 where the expression over outcome columns holds, 0.0 where not, NaN where not known.

    Raises:
        BadInput: it can't be read, or names no outcome.
    """
    expression = parse(outcome, where="grid.outcome")
    expression.check(list(outcomes.columns))
    frame = nw.from_native(outcomes, eager_only=True)
    holds = frame.select(holds=expression.condition(frame.schema))["holds"].to_numpy()
    known = outcomes[sorted(expression.columns)].notna().all(axis=1).to_numpy()
    return np.where(known, holds.astype(float), np.nan)


def course(card: Scorecard, before: pd.DataFrame, after: pd.DataFrame) -> Course:
    """How the points of customers changed, criterion by criterion, between two snapshots.

    Raises:
        BadInput: a customer has two rows, or no customer is in both snapshots.
    """
    for when, frame in (("before", before), ("after", after)):
        if twice := int(frame.index.duplicated().sum()):
            raise BadInput(f"grid: {twice:,} customers have more than one row {when}")
    both = before.index[before.index.isin(after.index)]
    if not len(both):
        raise BadInput(
            f"grid: none of the {len(before):,} customers before is among the {len(after):,} after"
        )
    earlier, later = before.loc[both], after.loc[both]
    waterfall = card.contributions(later) - card.contributions(earlier)
    had, has = (card.transform(frame)["points"] for frame in (earlier, later))
    told = {"points_before": had, "points_after": has, "change": has - had}
    grades = {"grade_before": card.predict(earlier), "grade_after": card.predict(later)}
    return Course(
        pd.DataFrame(told).assign(**grades), waterfall,
        after.index.difference(both), before.index.difference(both),
    )  # fmt: skip


def backtest(
    card: Scorecard, frame: pd.DataFrame, outcome: np.ndarray, value: np.ndarray, confidence: float
) -> Backtest:
    """The outcome by grade of customers (n, d) scored before it; `value` (n,) in currency units.

    Raises:
        BadInput: the outcome is known of nobody.
    """
    known = _known(outcome)
    points = card.transform(frame)["points"].to_numpy()[known]
    grades = card.predict(frame)[known]
    order = [segment["id"] for segment in card.segments_]
    table = _rates(grades, order, outcome[known], value[known], confidence).rename_axis("grade")
    warnings = _not_monotone(table)
    auc = auc_with_interval(outcome[known], points, confidence)
    return Backtest(table, *auc, not warnings, warnings)


def auc_with_interval(
    outcome: np.ndarray, score: np.ndarray, confidence: float
) -> tuple[float, float, float]:
    """The area under the ROC curve with its interval, ties counting half.

    The variance is that of DeLong, DeLong & Clarke-Pearson (1988), by mid-ranks as in Sun & Xu
    (2014). NaN where fewer than two customers have either outcome.
    """
    yes, no = score[outcome == 1], score[outcome == 0]
    if min(len(yes), len(no)) < 2:
        return np.nan, np.nan, np.nan
    ranks = rankdata(np.r_[yes, no])
    above = (ranks[: len(yes)] - rankdata(yes)) / len(no)
    below = 1 - (ranks[len(yes) :] - rankdata(no)) / len(yes)
    auc = float(above.mean())
    error = float(np.sqrt(above.var(ddof=1) / len(yes) + below.var(ddof=1) / len(no)))
    reach = float(norm.ppf((1 + confidence) / 2)) * error
    return auc, max(auc - reach, 0.0), min(auc + reach, 1.0)


def swap_set(
    in_top: np.ndarray, score: np.ndarray, outcome: np.ndarray, value: np.ndarray,
    confidence: float, seed: int,
) -> SwapSet:  # fmt: skip
    """The top by the grid (n,) against as many customers with the highest other score (n,).

    Customers with one score at the edge of the top are drawn at random with `seed`.

    Raises:
        BadInput: the outcome is known of nobody.
    """
    known = _known(outcome)
    top, y, money = in_top[known].astype(bool), outcome[known], value[known]
    would = _highest(score[known], int(top.sum()), seed)
    group = np.select([top & would, ~top & would, top & ~would], GROUPS[:3], GROUPS[3])
    table = _rates(group, GROUPS, y, money, confidence).rename_axis("group")
    return SwapSet(table, *_difference(table.loc["enters"], table.loc["leaves"]))


def grid_table(
    card: Scorecard, frame: pd.DataFrame, outcome: np.ndarray, value: np.ndarray, confidence: float,
    swaps: Mapping[str, SwapSet] = MappingProxyType({}),
) -> dict[str, pd.DataFrame]:  # fmt: skip
    """The tables of a report: `grades`, `bands` (criterion by criterion) and `swaps`, if any.

    Raises:
        BadInput: the outcome is known of nobody.
    """
    known = _known(outcome)
    said, y, money = card.bands(frame)[known], outcome[known], value[known]
    of = {
        c.name: _rates(said[c.name].to_numpy(), c.band_names(), y, money, confidence).assign(
            points=c.points, side=c.side
        )
        for c in card.criteria_
    }
    tables = {
        "grades": backtest(card, frame, outcome, value, confidence).table,
        "bands": pd.concat(of, names=["criterion", "band"]),
    }
    if swaps:
        tables["swaps"] = pd.concat({k: s.table for k, s in swaps.items()}, names=["against"])
    return tables


def _known(outcome: np.ndarray) -> np.ndarray:
    known = ~np.isnan(outcome)
    if not known.any():
        raise BadInput(
            f"grid.outcome: it is known of none of the {len(outcome):,} customers; choose another"
        )
    return np.asarray(known)


def _rates(
    group: np.ndarray, order: Sequence[str], outcome: np.ndarray, value: np.ndarray,
    confidence: float,
) -> pd.DataFrame:  # fmt: skip
    """One row a group in this order: customers, share, happened, rate, low, high, mean_value."""
    told = pd.DataFrame({"happened": outcome, "mean_value": value}).groupby(group)
    made = told["happened"].agg(customers="size", happened="sum").reindex(order, fill_value=0)
    made = made.astype("int64")
    intervals = [
        wilson(int(k), int(n), confidence)
        for k, n in zip(made["happened"], made["customers"], strict=True)
    ]
    made.insert(1, "share", made["customers"] / len(group))
    made["rate"] = made["happened"] / made["customers"].where(made["customers"] > 0)
    made[["low", "high"]] = intervals
    return made.assign(mean_value=told["mean_value"].mean().reindex(order))


def wilson(happened: int, customers: int, confidence: float) -> tuple[float, float]:
    """The interval of a rate (Wilson 1927); NaN where there is nobody."""
    if not customers:
        return np.nan, np.nan
    low, high = binomtest(happened, customers).proportion_ci(confidence, method="wilson")
    return float(low), float(high)


def _not_monotone(table: pd.DataFrame) -> list[str]:
    """In words, the grades whose rate is above that of the next better one with customers."""
    held = table[table["customers"] > 0]
    said = []
    for (better, upper), (worse, lower) in zip(
        held.iloc[:-1].iterrows(), held.iloc[1:].iterrows(), strict=True
    ):
        if lower["rate"] > upper["rate"]:
            chance = "the intervals overlap" if lower["low"] <= upper["high"] else "beyond chance"
            said.append(
                f"grid: grade {worse} has a rate of {lower['rate']:.1%} "
                f"({lower['customers']:,.0f} customers), above the {upper['rate']:.1%} of grade "
                f"{better} ({upper['customers']:,.0f}); {chance}"
            )
    return said


def _highest(score: np.ndarray, wanted: int, seed: int) -> np.ndarray:
    """True for so many rows with the highest score, ties drawn at random; NaN is lowest."""
    draw = np.random.default_rng(seed).random(len(score))
    order = np.lexsort((draw, -np.where(np.isnan(score), -np.inf, score)))
    found = np.zeros(len(score), dtype=bool)
    found[order[:wanted]] = True
    return found


def _difference(enter: pd.Series, leave: pd.Series) -> tuple[float, float, float]:
    """Rate less rate, with the square-and-add interval of the two Wilson ones (Newcombe 1998)."""
    gain = float(enter["rate"] - leave["rate"])
    down = hypot(enter["rate"] - enter["low"], leave["high"] - leave["rate"])
    up = hypot(enter["high"] - enter["rate"], leave["rate"] - leave["low"])
    return gain, gain - down, gain + up


def top_grades(card: Scorecard, grades: np.ndarray, top: Sequence[str]) -> np.ndarray:
    """True for customers (n,) in one of the grades that count as the top.

    Raises:
        BadInput: one of them is no grade of the grid.
    """
    known = [segment["id"] for segment in card.segments_]
    if unknown := [grade for grade in top if grade not in known]:
        raise BadInput(f"grid.top: {listed(unknown)} is no grade; there are: {listed(known)}")
    return np.isin(grades.astype(str), list(top))
