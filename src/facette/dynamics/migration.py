"""Migration: how customers move between segments from one date to the next, and what it is worth.

Movement is measured between ids, after a refit was identified with the version before. What is left
is told apart: who *moved* between segments that both versions have, who was *redrawn* because a
segment was born or died, and whose label changed for nothing, who was only *relabelled*.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from facette.errors import BadInput
from facette.segments.identity import Identity, in_order
from facette.wording import listed

NEW, NOT_SEEN = "new", "not seen"
LEVEL = 0.95
ROUNDING = 1e-9


@dataclass(frozen=True)
class Movement:
    """Shares of the `customers` with a segment at both dates.

    They add up to 1: `stayed` in the same segment, `moved` to another that was there before,
    `redrawn` from one that died or to one that was born. `relabelled`, a part of `stayed`, has
    another label though the segment is the same. NaN where there are no customers.
    """

    customers: int
    stayed: float
    moved: float
    redrawn: float
    relabelled: float


def movement(before: pd.Series, after: pd.Series, identity: Identity | None = None) -> Movement:
    """How much of a change of labels is movement; `before` and `after` as in `transitions`."""
    both = pd.DataFrame({"before": before, "label": after}, dtype=object).dropna()
    ids = both["label"] if identity is None else identity.of(both["label"])
    stayed = both["before"] == ids
    redrawn = ~stayed & False
    if identity is not None:
        redrawn = ~stayed & (ids.isin(identity.born) | both["before"].isin(identity.died))
    relabelled = stayed & (both["label"] != both["before"])
    shares = [stayed.mean(), (~stayed & ~redrawn).mean(), redrawn.mean(), relabelled.mean()]
    return Movement(len(both), *map(float, shares))


def transitions(
    before: pd.Series,
    after: pd.Series,
    order: Sequence[Hashable] | None = None,
    absorbing: Mapping[str, pd.Index] | None = None,
    identity: Identity | None = None,
) -> pd.DataFrame:
    """From which segment to which: from, to, customers, share of `from`, low, high.

    `before` holds segment ids by customer, `after` ids too, or the labels of a refit with its
    `identity`. `absorbing` gives the customers of each state nobody comes back from (left,
    objected); it goes before a segment, the first state before the next. Who had no row before
    comes from `new`; who has a row but no segment, or is in no state afterwards, is `not seen`.
    Every pair of an origin and a target has a row, so that shares of an origin add up to 1; it is
    NaN for an origin of `order` without customers.

    `low` and `high` are per cell, not joint for a row: the equal-tailed 95 % Jeffreys interval of
    each share (Brown, Cai & DasGupta 2001), 0 where nobody went and 1 where all did.

    Raises:
        BadInput: a segment bears the name of a state, or a label of `after` is not identified.
    """
    lost = absorbing or {}
    after = after if identity is None else identity.of(after)
    _check_names([*before.dropna().unique(), *after.dropna().unique()], lost)
    everyone = before.index.union(after.index, sort=False)
    origin = before.astype(object).reindex(everyone).fillna(NOT_SEEN)
    origin = origin.where(everyone.isin(before.index), NEW)
    target = after.astype(object).reindex(everyone)
    for state, customers in reversed(list(lost.items())):
        target = target.mask(everyone.isin(customers), state)
    counts = pd.crosstab(origin.to_numpy(), target.fillna(NOT_SEEN).to_numpy())
    return _tidy(counts, list(order or []), list(lost))


def pooled(tables: Sequence[pd.DataFrame], absorbing: Sequence[str] = ()) -> pd.DataFrame:
    """One table of transitions from those of several periods, as if all were alike.

    A customer counts once in every period: shares and intervals hold where the next state depends
    on the present one only.
    """
    together = pd.concat(tables)
    counts = together.pivot_table(index="from", columns="to", values="customers", aggfunc="sum")
    return _tidy(counts.fillna(0).astype(int), [], list(absorbing))


def transition_matrix(table: pd.DataFrame, absorbing: Sequence[str] = ()) -> pd.DataFrame:
    """The square matrix of shares between states, without newcomers; absorbing states keep all.

    Raises:
        BadInput: nobody was in a state before, so that it isn't known where its customers go.
    """
    shares = table.pivot(index="from", columns="to", values="share").drop(NEW, errors="ignore")
    states = [s for s in table["to"].unique() if s not in absorbing]
    blank = [s for s in states if s not in shares.index or shares.loc[s].isna().any()]
    if blank:
        raise BadInput(
            f"transitions: nobody was in {listed(blank)} before, so where its customers go is not "
            "known; pool it with another period, or name it as absorbing"
        )
    every = [*states, *absorbing]
    matrix = shares.reindex(index=every, columns=every).fillna(0.0)
    matrix.loc[list(absorbing)] = 0.0
    matrix.loc[list(absorbing), list(absorbing)] = np.eye(len(absorbing))
    return matrix


def _check_names(segments: Sequence[Hashable], lost: Mapping[str, pd.Index]) -> None:
    taken = in_order({*segments} & {NEW, NOT_SEEN, *lost})
    if taken:
        raise BadInput(
            f"transitions: {listed(taken)} is the name of a segment and of a state; rename the "
            "segment or the state"
        )


def _tidy(counts: pd.DataFrame, order: list[Hashable], lost: list[str]) -> pd.DataFrame:
    """Rows of pairs from counts (origins, targets): segments first, then the states."""
    states = {NEW, NOT_SEEN, *lost}
    found = in_order({*counts.index, *counts.columns} - states - {*order})
    apart = [s for s in (NOT_SEEN,) if s in counts.columns]
    targets = [*order, *found, *lost, *apart]
    wanted = [*order, *(s for s in [*found, NOT_SEEN, NEW] if s in counts.index)]
    full = counts.reindex(index=wanted, columns=targets, fill_value=0)
    table = full.rename_axis("from").melt(ignore_index=False, var_name="to", value_name="customers")
    table = table.reset_index()
    places = table["from"].map(wanted.index), table["to"].map(targets.index)
    table = table.iloc[np.lexsort(places[::-1])].reset_index(drop=True)
    return _with_intervals(table)


def _with_intervals(table: pd.DataFrame) -> pd.DataFrame:
    from scipy.stats import beta

    x = table["customers"].to_numpy()
    n = table.groupby("from")["customers"].transform("sum").to_numpy()
    tails = (1 - LEVEL) / 2, (1 + LEVEL) / 2
    low, high = (beta.ppf(tail, x + 0.5, n - x + 0.5) for tail in tails)
    return table.assign(
        share=np.divide(x, n, out=np.full(len(x), np.nan), where=n > 0),
        low=np.where(x == 0, 0.0, low),
        high=np.where(x == n, 1.0, high),
    )


def markov_value(
    matrix: pd.DataFrame, rewards: Mapping[Hashable, float], discount: float, horizon: int
) -> pd.DataFrame:
    """What a customer is worth by the state they are in now: columns finite and infinite.

    With the transition matrix P (shares from row to column), `rewards` R in currency units a period
    and state, and `discount` d a period: the rewards now and in the `horizon` periods after,
    sum over t = 0 … T of (P / (1 + d))^t R, and without end, (I - P / (1 + d))^-1 R (Pfeifer &
    Carraway 2000). Without end the value has no bound where nothing is discounted: NaN then.

    Raises:
        BadInput: rows that are no probabilities, a state without a reward, a discount below 0, or a
            horizon that is no whole number of periods.
    """
    _check_matrix(matrix)
    _check_terms(matrix, rewards, discount, horizon)
    earned = np.array([float(rewards[state]) for state in matrix.index])
    kept = matrix.to_numpy(dtype=float) / (1 + discount)
    finite = earned
    for _ in range(horizon):
        finite = earned + kept @ finite
    return pd.DataFrame({"finite": finite, "infinite": _without_end(kept, earned)}, matrix.index)


def _without_end(kept: np.ndarray, earned: np.ndarray) -> np.ndarray:
    left = np.eye(len(kept)) - kept
    if np.linalg.cond(left) > 1 / ROUNDING:
        return np.full(len(kept), np.nan)
    return np.linalg.solve(left, earned)


def _check_matrix(matrix: pd.DataFrame) -> None:
    if list(matrix.index) != list(matrix.columns):
        raise BadInput("transition matrix: its rows and columns must be the same states in order")
    shares = matrix.to_numpy(dtype=float)
    wrong = (np.abs(shares.sum(axis=1) - 1) > ROUNDING) | ~(shares >= 0).all(axis=1)
    if wrong.any():
        raise BadInput(
            f"transition matrix: {listed(matrix.index[wrong])} has shares below 0 or that do not "
            "sum to 1"
        )


def _check_terms(
    matrix: pd.DataFrame, rewards: Mapping[Hashable, float], discount: float, horizon: int
) -> None:
    missing = [s for s in matrix.index if s not in rewards or not np.isfinite(rewards[s])]
    if missing:
        raise BadInput(f"rewards: none for {listed(missing)}; give 0 where nothing is earned")
    if not 0 <= discount < np.inf:
        raise BadInput(f"discount: {discount:g} a period; give a rate of 0 or more")
    if horizon < 0 or horizon != int(horizon):
        raise BadInput(f"horizon: {horizon:g} periods; give a whole number, 0 or more")
