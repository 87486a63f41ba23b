"""Ratios and entropies of whole numbers, row by row: missing where there is nothing to divide by.

Computed in one order for one customer and for a million, so that they are equal to the bit.
"""

from __future__ import annotations

from functools import reduce

import numpy as np

Columns = dict[str, np.ndarray]


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, missing where whole is 0 or missing."""
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole != 0)


def entropy(shares: list[np.ndarray], whole: np.ndarray) -> np.ndarray:
    """Shannon entropy in nats of the listed shares and the rest; missing where the whole is 0."""
    none = np.zeros(len(whole))
    rest = np.clip(1 - reduce(np.add, shares, none), 0, 1)
    # added one by one: a sum over an axis would round otherwise for one customer than for many
    negative = reduce(np.add, (_plogp(share) for share in [*shares, rest]), none)
    return np.where(whole != 0, 0.0 - negative, np.nan)


def _plogp(share: np.ndarray) -> np.ndarray:
    return share * np.log(share, out=np.zeros_like(share), where=share > 0)
