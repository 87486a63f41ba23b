"""What a retention campaign would earn if it contacted the customers ranked highest.

A contact costs `contact_cost`. Whoever would leave accepts the incentive with probability gamma,
stays, and brings their value less the incentive; whoever would stay anyway takes the incentive and
brings nothing more. With the `k` customers ranked highest contacted, profit is a line in gamma:

    gamma * (sum of value - incentive, over leavers) - contact_cost * k - incentive * stayers

Since gamma is not known, `gamma ~ Beta(alpha, beta)`, and the expected maximum profit is the mean
over gamma of the best of these lines (Verbraken, Verbeke & Baesens 2013, IEEE Transactions on
Knowledge and Data Engineering 25(5), where all values are equal and the best lines are the convex
hull of the ROC curve). The best of lines is their upper envelope, whatever the values, and its
integral over a Beta density is a sum of incomplete beta functions: nothing is approximated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import betainc

from facette.errors import BadInput


class ExpectedProfit(NamedTuple):
    """Profit in currency units a customer, and the share of customers to contact for it."""

    profit: float
    fraction: float


class Cuts(NamedTuple):
    """Where the ranking may be cut, customers with one score together, (m,) each; first, nobody.

    `customers` above the cut, what they bring if every leaver accepts (`kept`) and what contacting
    them costs (`spent`), in currency units: profit is `gamma * kept - spent`.
    """

    customers: np.ndarray
    kept: np.ndarray
    spent: np.ndarray


@dataclass(frozen=True)
class Campaign:
    """A retention campaign as it is assumed; money in currency units.

    `value`: (n,) what each customer brings who is kept, in words `value_is`. `incentive`: (n,) what
    each costs who accepts. `contact_cost`: of each contacted. Acceptance is Beta(`alpha`, `beta`).
    """

    value: np.ndarray
    value_is: str
    incentive: np.ndarray
    contact_cost: float
    alpha: float
    beta: float

    def best(self, churned: np.ndarray, score: np.ndarray) -> ExpectedProfit:
        """The expected maximum profit when customers are contacted by (n,) score."""
        return expected_maximum_profit(
            churned, score, self.value, self.incentive, self.contact_cost, self.alpha, self.beta
        )

    def curve(self, churned: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Shares of customers contacted by (n,) score, and the profit a customer of each."""
        return profit_curve(
            churned, score, self.value, self.incentive, self.contact_cost, self.alpha, self.beta
        )


def expected_maximum_profit(
    churned: np.ndarray, score: np.ndarray, value: float | np.ndarray,
    incentive: float | np.ndarray, contact_cost: float, alpha: float = 6.0, beta: float = 14.0,
) -> ExpectedProfit:  # fmt: skip
    """The mean, over acceptance, of the profit of the cut that is best for it.

    churned : (n,) 0 or 1. score : (n,), the highest contacted first; customers with one score are
    contacted together. value, incentive : one for all, or (n,) one for each, in currency units as
    contact_cost. alpha, beta : of acceptance among leavers. The fraction is the mean share that
    these cuts contact. Takes O(n log n).

    Raises:
        BadInput: lengths differ, a figure is missing, a cost is below 0, alpha or beta not above.
    """
    cuts = _cuts(churned, score, value, incentive, contact_cost)
    _check_acceptance(alpha, beta)
    best, edges = _envelope(cuts.kept, cuts.spent)
    likely = np.diff(betainc(alpha, beta, edges))
    accepted = alpha / (alpha + beta) * np.diff(betainc(alpha + 1, beta, edges))
    n = cuts.customers[-1]
    profit = accepted @ cuts.kept[best] - likely @ cuts.spent[best]
    return ExpectedProfit(float(profit / n), float(likely @ cuts.customers[best] / n))


def profit_curve(
    churned: np.ndarray, score: np.ndarray, value: float | np.ndarray,
    incentive: float | np.ndarray, contact_cost: float, alpha: float = 6.0, beta: float = 14.0,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Shares of customers contacted, from 0 to 1, and the expected profit a customer of each.

    Acceptance counts with its mean; arguments and errors are those of `expected_maximum_profit`.
    """
    cuts = _cuts(churned, score, value, incentive, contact_cost)
    _check_acceptance(alpha, beta)
    n = cuts.customers[-1]
    return cuts.customers / n, (alpha / (alpha + beta) * cuts.kept - cuts.spent) / n


def _cuts(
    churned: np.ndarray, score: np.ndarray, value: float | np.ndarray,
    incentive: float | np.ndarray, contact_cost: float,
) -> Cuts:  # fmt: skip
    left = _outcomes(churned)
    rank = _each("score", score, left, one_for_all=False)
    worth, gift, contact = (
        _each(name, given, left)
        for name, given in (
            ("value", value),
            ("incentive", incentive),
            ("contact_cost", contact_cost),
        )
    )
    for name, cost in (("incentive", gift), ("contact_cost", contact)):
        if (cost < 0).any():
            raise BadInput(f"{name}: {cost.min():g} is out of range; 0 or more is wanted")
    order = np.argsort(-rank, kind="stable")
    last = np.flatnonzero(np.r_[np.diff(rank[order]) != 0, True])
    kept = np.cumsum((left * (worth - gift))[order])[last]
    spent = np.cumsum((contact + (1 - left) * gift)[order])[last]
    return Cuts(np.r_[0, last + 1], np.r_[0, kept], np.r_[0, spent])


def _outcomes(churned: np.ndarray) -> np.ndarray:
    left = np.asarray(churned, dtype=float)
    if left.ndim != 1 or not len(left):
        raise BadInput(f"churned: one figure for each customer is wanted, not {left.shape}")
    if not np.isin(left, (0, 1)).all():
        raise BadInput("churned: other figures than 0 and 1; leave out customers not known")
    return left


def _each(
    name: str, given: float | np.ndarray, left: np.ndarray, *, one_for_all: bool = True
) -> np.ndarray:
    """The figure of each customer, (n,)."""
    figures = np.asarray(given, dtype=float)
    if figures.shape != left.shape and not (one_for_all and figures.ndim == 0):
        raise BadInput(f"{name}: {figures.shape} for {len(left):,} customers; one each is wanted")
    if bad := int((~np.isfinite(figures)).sum()):
        raise BadInput(f"{name}: {bad:,} of {figures.size:,} are missing or infinite")
    return np.broadcast_to(figures, left.shape)


def _check_acceptance(alpha: float, beta: float) -> None:
    for name, figure in (("alpha", alpha), ("beta", beta)):
        if not 0 < figure < np.inf:
            raise BadInput(f"{name}: {figure} is out of range; more than 0 is wanted")


def _envelope(kept: np.ndarray, spent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cuts that are best for some gamma from 0 to 1, in its order, and the edges between them.

    Costs never fall along the ranking, so that a cut is worth a look only where more is kept than
    by any before it. Of those the best are the lower convex hull of (kept, spent), found as by
    Andrew's monotone chain; its slopes are the gammas at which one cut takes over from another.
    """
    before = np.maximum.accumulate(np.r_[-np.inf, kept[:-1]])
    hull, slopes = list[int](), list[float]()
    for cut in np.flatnonzero(kept > before).tolist():
        while hull:
            slope = (spent[cut] - spent[hull[-1]]) / (kept[cut] - kept[hull[-1]])
            if slopes[-1] < slope:
                break
            hull.pop()
            slopes.pop()
        slopes.append(slope if hull else -np.inf)
        hull.append(cut)
    return np.array(hull), np.r_[np.clip(slopes, 0, 1), 1]
