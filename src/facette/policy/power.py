"""How many customers it takes before an effect can be seen, and when a plan's own will be."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

POWER, LEVEL = 0.8, 0.05


@dataclass(frozen=True)
class Lot:
    """The lot of who is held out: the plan (ISO date) it was drawn for, and until when it holds."""

    date: str
    until: str


def customers_needed(
    effect: float, deviation: float, share: float = 0.5, *, comparisons: int = 1
) -> float:
    """Customers of two groups together, for an effect of this size to be seen in 4 of 5 trials.

    `n = (z_a + z_b)^2 s^2 (1 / h + 1 / (1 - h)) / effect^2`, two-sided at 5 %, for `share` h of
    them in one group and outcomes of standard deviation s (Cohen 1988); `comparisons` made at once
    lower the level (Bonferroni). inf for no effect.
    """
    if effect == 0:
        return float("inf")
    z = norm.isf(LEVEL / 2 / comparisons) + norm.ppf(POWER)
    return float((z * deviation / effect) ** 2 * (1 / share + 1 / (1 - share)))


def trial_needed(effect: float, deviation: float, models: int, cells: int) -> float:
    """Customers of a trial in which every pair of models is told apart in every cell.

    Each model has an equal share of every cell, and cells an equal share of customers. A single
    model is told apart from being served on request.
    """
    models = max(models, 2)
    pair = customers_needed(effect, deviation, comparisons=models * (models - 1) // 2)
    return pair / 2 * models * cells


def visible(customers: int, deviation: float, share: float) -> float:
    """The effect a customer that two groups of these customers can show in 4 of 5 trials."""
    if customers == 0 or not 0 < share < 1:
        return float("inf")
    z = norm.isf(LEVEL / 2) + norm.ppf(POWER)
    return float(z * deviation * np.sqrt((1 / share + 1 / (1 - share)) / customers))


def drawn(customers: Iterable[str], share: float, salt: str) -> np.ndarray:
    """(n,) who is held out: the same customers for the same salt, on any machine, in any order."""
    limit = int(share * 2**64)
    return np.array([
        int.from_bytes(hashlib.blake2b(f"{salt}/{c}".encode(), digest_size=8).digest(), "big")
        < limit
        for c in customers
    ], dtype=bool)  # fmt: skip
