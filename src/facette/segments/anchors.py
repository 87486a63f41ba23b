"""What survey answers say of an axis, freed of the habit of saying yes to everything.

Each axis is anchored by signed answers: `{answer_i_manage_alone: 1, answer_i_compare_banks: 1}`. A
person's answers are told by their axes, and by what runs through all that they answer: being
pleased (halo) and agreeing (acquiescence). The latter is seen in the answers that anchor no axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

PENALTY = 0.5  # of a ridge, in variances of an answer: an axis told by few answers is drawn to 0

Key = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Anchors:
    """Frozen arithmetic from answers to one score per axis, in deviations among respondents.

    `key` is (items, axes); `slopes` how much of the common factor is in each item; `center` and
    `scale` standardise items, then common answers; `spread` the scores.
    """

    axes: tuple[str, ...]
    items: tuple[str, ...]
    common: tuple[str, ...]
    key: np.ndarray
    center: np.ndarray
    scale: np.ndarray
    slopes: np.ndarray
    spread: np.ndarray

    def scores(self, frame: pd.DataFrame) -> np.ndarray:
        """(n, axes): the score of each respondent on each axis; NaN where nothing was answered.

        The answers that a person gave, without the common factor, are regressed on the key, by
        ridge; so a gap costs precision, not the person, and an answer that tells of two axes is
        shared between them.
        """
        items = self.freed(frame)
        known = ~np.isnan(items)
        made = np.full((len(items), len(self.axes)), np.nan)
        for pattern in np.unique(known, axis=0):
            rows, key = (known == pattern).all(axis=1), self.key[pattern]
            told = np.abs(key).sum(axis=0) > 0
            solved = np.linalg.solve(key.T @ key + PENALTY * np.eye(key.shape[1]), key.T)
            made[np.ix_(rows, told)] = (items[np.ix_(rows, pattern)] @ solved.T)[:, told]
        return made / self.spread

    def freed(self, frame: pd.DataFrame) -> np.ndarray:
        """(n, items): standardised answers without the common factor."""
        answers = frame[[*self.items, *self.common]].to_numpy(dtype=float)
        z = (answers - self.center) / self.scale
        items, common = z[:, : len(self.items)], z[:, len(self.items) :]
        return items - np.outer(_mean_known(common), self.slopes)

    def reliability(self, frame: pd.DataFrame) -> np.ndarray:
        """(axes,): Cronbach's alpha (1951) of the keyed answers; NaN of a single answer.

        What answers of different axes still share, the rest of the common factor, is no
        reliability, and is taken off first.
        """
        covariance = pd.DataFrame(self.freed(frame)).cov().to_numpy()
        apart = (np.abs(self.key) @ np.abs(self.key).T) == 0
        rest = max(float(np.nanmean(covariance[apart])), 0.0) if apart.any() else 0.0
        return np.array([_alpha(covariance, rest, weights) for weights in self.key.T])


def anchors(frame: pd.DataFrame, key: Key, common: Sequence[str]) -> Anchors:
    """Freeze means, deviations and the common factor of the answers in (n, d) snapshots."""
    items = tuple(dict.fromkeys(item for signed in key.values() for item in signed))
    answers = frame[[*items, *common]].astype(float)
    signs = np.array([[float(key[a].get(i, 0)) for a in key] for i in items])
    deviation = answers.std(ddof=0).fillna(0).to_numpy()
    center = answers.mean().fillna(0).to_numpy()
    bare = Anchors(
        tuple(key), items, tuple(common), signs, center, np.where(deviation > 0, deviation, 1),
        np.zeros(len(items)), np.ones(len(key)),
    )  # fmt: skip
    z = (answers.to_numpy() - bare.center) / bare.scale
    shared = _mean_known(z[:, len(items) :])
    slopes = np.array([_slope(z[:, i], shared) for i in range(len(items))])
    freed = Anchors(**{**vars(bare), "slopes": slopes})
    spread = pd.DataFrame(freed.scores(frame)).std(ddof=0).fillna(0).to_numpy()
    return Anchors(**{**vars(freed), "spread": np.where(spread > 0, spread, 1)})


def _mean_known(answers: np.ndarray) -> np.ndarray:
    """(n,): the mean of the known of each row; 0, which is the mean of all, where none is."""
    known = ~np.isnan(answers)
    return np.nan_to_num(answers).sum(axis=1) / np.maximum(known.sum(axis=1), 1)


def _slope(item: np.ndarray, shared: np.ndarray) -> float:
    known = ~np.isnan(item)
    if known.sum() < 2 or shared[known].std() == 0:
        return 0.0
    return float(np.cov(item[known], shared[known])[0, 1] / shared[known].var(ddof=1))


def _alpha(covariance: np.ndarray, rest: float, weights: np.ndarray) -> float:
    used = weights != 0
    k = int(used.sum())
    if k < 2:
        return np.nan
    outer, own = np.outer(weights, weights)[np.ix_(used, used)], covariance[np.ix_(used, used)]
    total = np.nansum(outer * own)
    shared = np.nansum((outer * (own - rest))[~np.eye(k, dtype=bool)])
    return float(np.clip(k / (k - 1) * shared / total, 0, 1)) if total > 0 else 0.0
