"""Chance that depends on who and when alone: the same for any chunk, order or machine.

Every block of customers has its own generator for each month and purpose, so that what one draws
never shifts another; a rollout, the future tried again, differs by its number only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

BLOCK = 5_000  # customers drawn together; part of what a seed means


@dataclass(frozen=True)
class Chance:
    """The generators of one block. `rollout` 0 is what happened, others are what could have."""

    seed: int
    block: int
    rollout: int = 0

    def of(self, purpose: int, month: int = 0) -> np.random.Generator:
        """The generator of a purpose in a month."""
        entropy = [self.seed, self.block, purpose, month, self.rollout]
        return np.random.Generator(np.random.SFC64(np.random.SeedSequence(entropy)))

    def uniforms(self, purpose: int, month: int, rows: int, n: int) -> np.ndarray:
        """(rows, n) numbers in (0, 1)."""
        return np.clip(self.of(purpose, month).random((rows, n)), 1e-12, 1 - 1e-12)


def normal(uniform: np.ndarray) -> np.ndarray:
    """Standard normals from uniforms."""
    return ndtri(uniform)


def counts(uniform: np.ndarray, mean: np.ndarray, most: int = 40) -> np.ndarray:
    """Poisson counts from uniforms: the smallest k whose distribution function reaches them."""
    term = np.exp(-mean)
    below, found = term.copy(), np.zeros(len(mean), dtype=np.int64)
    for k in range(1, most + 1):
        more = uniform > below
        if not more.any():
            break
        found += more
        term = term * mean / k
        below += term
    return found


def picked(uniform: np.ndarray, utilities: np.ndarray) -> np.ndarray:
    """One option for each row of (n, options) utilities, with softmax probabilities."""
    weights = np.exp(utilities - utilities.max(axis=1, keepdims=True))
    reached = np.cumsum(weights, axis=1)
    return (uniform[:, None] * reached[:, -1:] > reached).sum(axis=1)
