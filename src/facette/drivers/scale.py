"""Contributions in the units that people read: points of probability, money."""

from __future__ import annotations

import numpy as np


def in_units(contributions: np.ndarray, answers: np.ndarray, base: float) -> np.ndarray:
    """Contributions (n, p) on the link scale, as parts of how far each answer is from the base's.

    `answers` (n,) are what the model finally says of each customer, `base` what it says where no
    feature contributes; rows sum to `answers - base`. Each part is the Aumann-Shapley share along
    the straight line from base to customer: the link has one slope on average there, so that parts
    keep their proportions. Where contributions cancel out, so do the parts.
    """
    total = contributions.sum(axis=1)
    slope = np.divide(answers - base, total, out=np.zeros(len(total)), where=total != 0)
    return contributions * slope[:, None]
