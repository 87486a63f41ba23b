"""Logistic regression with a ridge penalty on skewed columns, told as a linear form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

GAPS: dict[str, Any] = {"dtype": float, "ensure_all_finite": "allow-nan"}


def linear_terms(told: dict[str, Any], matrix: np.ndarray) -> np.ndarray:
    """Each column's term (n, p) of a linear form as estimators tell it; a null adds nothing."""
    terms = np.array(told["coefficients"]) * (moved(matrix, told["transforms"]) - told["center"])
    terms[~np.isfinite(terms)] = 0.0
    return terms


def moved(matrix: np.ndarray, transforms: list[str]) -> np.ndarray:
    """The matrix (n, p) with log(1 + x) of the columns so transformed."""
    out = matrix.astype(float)
    logs = [i for i, transform in enumerate(transforms) if transform == "log1p"]
    with np.errstate(divide="ignore", invalid="ignore"):
        out[:, logs] = np.log1p(out[:, logs])
    return out


def two_classes(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two classes, and for each of (n,) outcomes 1 where it is the second.

    Raises:
        ValueError: there are more, or only one.
    """
    check_classification_targets(y)
    kind = type_of_target(y, input_name="y")
    if kind != "binary":
        raise ValueError(
            f"Only binary classification is supported. The type of the target is {kind}."
        )
    classes, code = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise ValueError("one class only, and two are needed")
    return classes, code


class RidgeLogistic(ClassifierMixin, BaseEstimator):
    """Logistic regression of standardised columns, shrunk; `C` is the inverse of the penalty.

    It reads the columns whose whole name one of the regular expressions `columns` matches, all
    where it is null or none does. A column never below 0 whose largest value is more than `skew`
    times its mean goes in by its logarithm. A missing value counts as the column's mean; a constant
    column counts for nothing.
    """

    def __init__(self, C: float, columns: Sequence[str] | None, skew: float) -> None:
        self.C = C
        self.columns = columns
        self.skew = skew

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> RidgeLogistic:
        """Fit on (n, p) numbers and (n,) outcomes of two classes."""
        matrix, outcome = validate_data(self, X, y, **GAPS)
        self.classes_, code = two_classes(outcome)
        self.transforms_ = [self._transform(column) for column in matrix.T]
        z = moved(matrix, self.transforms_)
        known = np.isfinite(z)
        n = np.maximum(known.sum(axis=0), 1)
        self.center_ = np.where(known, z, 0.0).sum(axis=0) / n
        away = np.where(known, z - self.center_, 0.0)
        spread = np.sqrt((away**2).sum(axis=0) / n)
        varies = spread > 1e-9 * np.maximum(np.abs(self.center_), 1e-9)
        used = varies & self._chosen()
        line = LogisticRegression(C=self.C, solver="newton-cholesky")
        line.fit(away[:, used] / spread[used], code)
        self.coefficients_ = np.zeros(matrix.shape[1])
        self.coefficients_[used] = line.coef_[0] / spread[used]
        self.intercept_ = float(line.intercept_[0])
        return self

    def _chosen(self) -> np.ndarray:
        names = getattr(self, "feature_names_in_", ())
        found = [any(re.fullmatch(p, name) for p in self.columns or ()) for name in names]
        return np.array(found) if any(found) else np.ones(self.n_features_in_, dtype=bool)

    def _transform(self, column: np.ndarray) -> str:
        known = column[np.isfinite(column)]
        skewed = len(known) and known.min() >= 0 and known.max() > self.skew * known.mean()
        return "log1p" if skewed else "identity"

    def decision_function(self, X: pd.DataFrame) -> np.ndarray:
        """(n,) log-odds of the second class."""
        check_is_fitted(self)
        matrix = validate_data(self, X, reset=False, **GAPS)
        return self.intercept_ + linear_terms(self.as_linear(), matrix).sum(axis=1)

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """(n, 2) probabilities."""
        p = 1 / (1 + np.exp(-np.clip(self.decision_function(X), -500, 500)))
        return np.column_stack([1 - p, p])

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """(n,) the likelier class."""
        likelier = (self.decision_function(X) > 0).astype(int)
        return self.classes_[likelier]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.classifier_tags.multi_class = False
        return tags

    def as_linear(self) -> dict[str, Any]:
        """The line as intercept, transforms, centres and coefficients."""
        return {
            "transforms": self.transforms_,
            "center": self.center_.tolist(),
            "coefficients": self.coefficients_.tolist(),
            "intercept": self.intercept_,
        }
