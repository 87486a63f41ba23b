"""Who answers a survey, how much each respondent counts, and how sure what they say makes us."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold


def customer_folds(
    customers: pd.Index, folds: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Folds of rows in which no customer stands on both sides."""
    splitter = GroupKFold(folds, shuffle=True, random_state=seed)
    return splitter.split(np.zeros(len(customers)), groups=customers)


def response_weights(
    z: pd.DataFrame, responded: np.ndarray, folds: int, seed: int, trim: float
) -> np.ndarray:
    """(n,): 1 / the probability of answering by a model that did not see the customer.

    z is (n, d) standardised behaviour, indexed by customer. Mean 1 over respondents, cut at their
    quantile `trim`; 0 for who did not answer.
    """
    likely = np.ones(len(z))
    if not responded.all():
        for fitted, held in customer_folds(z.index, folds, seed):
            model = LogisticRegression(max_iter=1000).fit(z.iloc[fitted], responded[fitted])
            likely[held] = model.predict_proba(z.iloc[held])[:, 1]
    made = np.where(responded, 1 / likely, 0)
    made = np.minimum(made, np.quantile(made[responded], trim))
    return made / made[responded].mean()


def effective_sample(weights: np.ndarray, customers: pd.Index) -> tuple[int, float]:
    """How many respondents there are, and how many drawn at random would tell as much (Kish 1965).

    Rows of weight 0 did not respond; a customer in several rows is one.
    """
    responded = weights > 0
    each = pd.Series(weights[responded]).groupby(np.asarray(customers[responded])).mean()
    return len(each), float(each.sum() ** 2 / (each**2).sum())


def own_share(missed: np.ndarray, told: np.ndarray, alpha: float, weight: np.ndarray) -> float:
    """How much own answers count against the prediction: (v - e) / v.

    v: the mean square of what the prediction `missed`; e: what an answer would miss of itself if
    given again, (1 - alpha) of the variance of scores as `told`. Asked again, a score then lies
    around the blend of the two with sqrt(1 - share^2) of the spread around the prediction. 0 where
    the reliability is not known.
    """
    if np.isnan(alpha):
        return 0.0
    v = float(np.average(missed**2, weights=weight))
    error = (1 - alpha) * float(np.var(told))
    return float(np.clip((v - error) / v, 0, 1)) if v > 0 else 0.0


def covering(missed: np.ndarray, weight: np.ndarray, coverage: float) -> float:
    """The half width that covers this share of (n,) absolute misses by weight.

    One miss more, of the mean weight, is counted as infinite (Tibshirani et al. 2019).
    """
    order = np.argsort(missed)
    reached = np.cumsum(weight[order]) / (weight.sum() + weight.mean())
    return float(missed[order][min(int(np.searchsorted(reached, coverage)), len(missed) - 1)])
