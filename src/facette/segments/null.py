"""Data without groups: as many customers, with the same margins and correlations, in one cloud.

A Gaussian copula with empirical margins: whoever draws from it gets what spread, skew, spikes and
correlation alone would show, so that only what goes beyond it can be called a group.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facette.segments.valleys import depth, spiky

ROUNDS = 4  # of matching correlations, which ties would otherwise attenuate
STRONGEST = 0.999
BODY = (0.05, 0.95)  # of a column: what lies between stray customers further out is no valley
NARROWEST, WIDER, WIDEST = 0.1, 1.25, 10  # noise that smooths a column, in its own deviations


@dataclass(frozen=True)
class Groupless:
    """Each column's values in ascending order, (n, d), and the Cholesky factor of their copula."""

    margins: np.ndarray
    factor: np.ndarray

    def draw(self, generator: np.random.Generator) -> np.ndarray:
        """(n, d): the values of each column, shared out anew."""
        return _arranged(self.margins, generator.normal(size=self.margins.shape) @ self.factor.T)


def without_groups(z: np.ndarray, min_valley: float, seed: int) -> Groupless:
    """The structure-free counterpart of (n, d) standardised columns.

    Correlations are matched as they come out of a draw, ties included (as in NORTA: Cario & Nelson
    1997). A column that falls into hills of its own, with a valley of `min_valley` or more between
    them, is smoothed until it has one: its hills are what is asked about.
    """
    generator = np.random.default_rng(seed)
    margins = np.column_stack([_one_hill(column, min_valley, generator) for column in z.T])
    wanted, normal = _correlation(z), generator.normal(size=z.shape)
    latent = _definite(wanted)
    for _ in range(ROUNDS):
        got = _correlation(_arranged(margins, normal @ np.linalg.cholesky(latent).T))
        latent = _definite(np.clip(latent + wanted - got, -STRONGEST, STRONGEST))
    return Groupless(margins, np.linalg.cholesky(latent))


def _arranged(margins: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The margins in the order of the scores, column by column."""
    made = np.empty_like(margins)
    np.put_along_axis(made, scores.argsort(axis=0), margins, axis=0)
    return made


def _correlation(z: np.ndarray) -> np.ndarray:
    centred = z - z.mean(axis=0)
    deviation = centred.std(axis=0)
    scaled = centred / np.where(deviation > 0, deviation, 1)
    return scaled.T @ scaled / len(z)


def _definite(correlation: np.ndarray) -> np.ndarray:
    """The correlation matrix near this one that has a Cholesky factor."""
    values, vectors = np.linalg.eigh(correlation - np.diag(np.diag(correlation) - 1))
    raised = (vectors * np.maximum(values, 1 - STRONGEST)) @ vectors.T
    scale = np.sqrt(np.diag(raised))
    return np.asarray(raised / np.outer(scale, scale))


def _one_hill(column: np.ndarray, min_valley: float, generator: np.random.Generator) -> np.ndarray:
    """The column in ascending order, with as much noise added as takes its valleys away.

    Mean and spread stay; so does a spiky column, for spikes are of the measure, not of groups.
    """
    if spiky(column):
        return np.sort(column)
    mean, deviation = column.mean(), column.std()
    noise = generator.normal(size=len(column))
    made, share = column, NARROWEST
    while depth(made, *np.quantile(made, BODY)) >= min_valley and share < WIDEST:
        made = mean + (column - mean + share * deviation * noise) / np.hypot(1, share)
        share *= WIDER
    return np.sort(made)
