"""Numeric columns whose groups are known: clouds without any, and mixtures of groups apart."""

from collections.abc import Callable

import numpy as np

Rng = np.random.Generator


def cloud(rng: Rng, n: int, d: int) -> np.ndarray:
    """A long normal cloud in some direction, each column of variance 1."""
    x = rng.normal(size=(n, d)) @ rng.normal(size=(d, d))
    return np.asarray(x / x.std(axis=0))


CLOUDS: dict[str, Callable[[Rng, int, int], np.ndarray]] = {
    "spherical": lambda rng, n, d: rng.normal(size=(n, d)),
    "elongated": cloud,
    "skewed": lambda rng, n, d: np.exp(cloud(rng, n, d)),
    "gamma": lambda rng, n, d: rng.gamma(rng.uniform(0.5, 2), size=(n, d)),
    "zero-inflated": lambda rng, n, d: (
        rng.lognormal(2, 0.5, (n, d)) * (rng.random((n, d)) < rng.uniform(0.3, 0.8, d))
    ),
    "correlated zeros": lambda rng, n, d: np.exp(np.maximum(cloud(rng, n, d), 0.2)),
    "counts": lambda rng, n, d: rng.poisson(np.exp(cloud(rng, n, d) * 0.7)).astype(float),
}


def mixture(rng: Rng, n: int, d: int, unequal: bool) -> tuple[np.ndarray, np.ndarray]:
    """3 to 5 spherical groups, the nearest two 4.5 standard deviations apart; and the groups."""
    k = int(rng.integers(3, 6))
    nearest, farthest = 0.0, 1.0
    while nearest < farthest / 3:
        centres = rng.normal(size=(k, d))
        between = np.linalg.norm(centres[:, None] - centres, axis=2)[np.triu_indices(k, 1)]
        nearest, farthest = between.min(), between.max()
    weights = np.maximum(rng.dirichlet(np.full(k, 3.0)), 0.08) if unequal else np.ones(k)
    group = rng.choice(k, n, p=weights / weights.sum())
    return centres[group] * 4.5 / nearest + rng.normal(size=(n, d)), group
