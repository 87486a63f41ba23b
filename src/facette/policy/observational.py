"""Who was handled how without a lot being drawn: compared all the same, and weaker for it.

Propensities are estimated from what was known when the treatment began, and from which models could
reach the customer at all (multinomial logistic regression), and customers who could hardly have
been handled otherwise are left out (Crump et al. 2009: overlap). A placebo tells what is left of
the old policy's choice: the net value *before* the treatment, which no treatment can have moved,
compared in the same way by what was known one window earlier still. What is known at the treatment
holds that very net value, and a comparison adjusted for it could not fail. Where it differs between
models by more than chance, so may the effects, and they are not used. A choice by what nobody
wrote down shows where it moved net value then already. A choice by the last window's own net value
shows too, though adjusting for it would do: the placebo errs towards leaving a comparison aside.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import chi2
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from facette.policy.effects import scored
from facette.policy.trial import Trial

FINEST = 1e-6  # of the largest variance: below it there is none
DOUBT = 0.05  # p-value of the placebo below which the comparison is not believed


@dataclass(frozen=True)
class Comparison:
    """How sound an observational comparison is.

    `kept` of `customers` had a chance of being handled otherwise, and `tested` of these were there
    one window earlier; `placebo`: (m,) its effect on the past of those, currency units, `p` the
    probability of such by chance (Wald's chi-squared over models).
    """

    customers: int
    kept: int
    tested: int
    placebo: np.ndarray
    p: float

    @property
    def sound(self) -> bool:
        """Whether the past shows no effect of what came after it."""
        return self.p >= DOUBT


def adjusted(
    trial: Trial, earlier: pd.DataFrame, overlap: float, folds: int, seed: int
) -> tuple[Trial, Comparison] | None:
    """The trial with estimated propensities, of those who overlap; None where too few models are.

    `earlier`: (k, d) what was known of customers one window before they were handled so, of those
    who were there. `overlap`: the least propensity, of every model that can reach the customer and
    was given at all, at which a customer is kept.
    """
    kept = _overlapping(trial, overlap, folds)
    if kept is None:
        return None
    there = kept.keep(kept.customers.isin(earlier.index))
    then = earlier.loc[there.customers].to_numpy(float)
    tested = _overlapping(replace(there, before=then), overlap, folds)
    if tested is None:
        return None
    return kept, _placebo(tested, len(trial), len(kept), folds, seed)


def _overlapping(trial: Trial, overlap: float, folds: int) -> Trial | None:
    """Who could have been handled otherwise, with propensities estimated from `before`."""
    had = np.unique(trial.way)
    if len(had) < 2 or np.bincount(trial.way)[had].min() < folds:
        return None
    likely = np.zeros(trial.propensity.shape)
    guess = make_pipeline(
        SimpleImputer(keep_empty_features=True), StandardScaler(), LogisticRegression(max_iter=500)
    )
    able = trial.propensity > 0
    known = np.column_stack([trial.before, able])  # whom a model can't reach has others more often
    likely[:, had] = cross_val_predict(guess, known, trial.way, cv=folds, method="predict_proba")
    likely = np.where(able, likely, 0.0)
    total = likely.sum(axis=1, keepdims=True)
    likely = np.divide(likely, total, out=np.zeros_like(likely), where=total > 0)
    inside = np.where(able, likely, 1.0)[:, had].min(axis=1) >= overlap
    kept = replace(trial, propensity=likely).keep(inside)
    return kept if len(kept) >= folds and len(np.unique(kept.way)) > 1 else None


def _placebo(trial: Trial, customers: int, kept: int, folds: int, seed: int) -> Comparison:
    score = scored(trial, trial.placebo, folds, seed).score
    known = ~np.isnan(score)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, score, 0.0).sum(axis=0) / count
    parts = np.where(known, score - mean, 0.0) / count
    spread = parts.T @ parts
    had = np.bincount(trial.way, minlength=score.shape[1]) > 0
    free, inverse = _inverse(spread[np.ix_(had, had)])
    p = float(chi2.sf(mean[had] @ inverse @ mean[had], free))
    return Comparison(customers, kept, len(trial), mean, p)


def _inverse(spread: np.ndarray) -> tuple[int, np.ndarray]:
    """The rank and the inverse of a covariance, of which the models' shares tell one direction."""
    value, vector = np.linalg.eigh(spread)
    kept = value > FINEST * value.max()
    inverse: np.ndarray = (vector[:, kept] / value[kept]) @ vector[:, kept].T
    return max(int(kept.sum()), 1), inverse
