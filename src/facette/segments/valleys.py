"""Valleys in the density of customers: are two segments two hills, or one hill cut in two?"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.special import ndtri

GRID = 200
MOSTLY = 0.9


def depth(at: np.ndarray, start: float, stop: float) -> float:
    """How deep the density of (n,) numbers dips between two of them.

    0: it has one hill, or none ends between `start` and `stop`; .4: somewhere between, the density
    is 40 % below the lower of the hills on either side; 1: nobody stands between. The density is a
    Gaussian kernel estimate with Silverman's bandwidth (1986, equation 3.31).
    """
    low, high = float(at.min()), float(at.max())
    if high <= low:
        return 0.0
    density = np.histogram(at, GRID, (low, high))[0].astype(float)
    steps = _bandwidth(at) / (high - low) * GRID
    density = gaussian_filter1d(density, max(steps, 0.5), mode="constant")
    before, after = np.maximum.accumulate(density), np.maximum.accumulate(density[::-1])[::-1]
    hill = np.minimum(before, after)
    first, last = np.clip((np.array([start, stop]) - low) / (high - low) * GRID, 0, GRID - 1)
    between = slice(int(first), int(last) + 1)
    return float(np.max(1 - density[between] / np.maximum(hill[between], np.finfo(float).tiny)))


def shallowest(z: np.ndarray, labels: np.ndarray) -> float:
    """The least depth between two segments, on the line through their means; 0 for one segment.

    z is (n, d); only the customers of the two segments count, so that what stands behind or between
    them in another segment neither fills nor digs a valley.
    """
    groups = [z[labels == segment] for segment in np.unique(labels)]
    return min((_between(one, other) for one, other in combinations(groups, 2)), default=0.0)


def spread_out(z: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """(n, d) columns, the spiky ones turned to normal scores with ties broken by chance.

    What lies between no purchase and the first, or between one of two and two of two, is no valley
    between people. Hills that several such columns share are still there.
    """
    made = z.copy()
    for i in np.flatnonzero([spiky(column) for column in z.T]):
        order = np.lexsort((generator.random(len(z)), z[:, i]))
        made[order, i] = ndtri((np.arange(len(z)) + 0.5) / len(z))
    return made


def spiky(column: np.ndarray) -> bool:
    """Whether many customers share their value with others: zeros, shares of few events."""
    times = np.unique(column, return_counts=True)[1]
    return float((times == 1).sum()) < MOSTLY * len(column)


def _between(one: np.ndarray, other: np.ndarray) -> float:
    start, line = one.mean(axis=0), other.mean(axis=0) - one.mean(axis=0)
    length = float(line @ line)
    return depth((np.vstack([one, other]) - start) @ line / length, 0, 1) if length else 0.0


def _bandwidth(at: np.ndarray) -> float:
    spread = float(np.subtract(*np.percentile(at, [75, 25]))) / 1.34
    deviation = float(at.std())
    return 0.9 * (min(deviation, spread) or deviation) * len(at) ** -0.2
