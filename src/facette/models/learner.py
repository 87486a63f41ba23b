"""Any scikit-learn estimator behind one door: its design matrix, its raw score, its plain files.

A LightGBM model is told as booster text and scored on its link scale. A naive forecast is told as a
linear form, a blend as its members and their weights. Anything else with scikit-learn's interface
goes in by skops, its types listed.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.utils._param_validation import InvalidParameterError

from facette.errors import BadInput
from facette.wording import listed, nearest

LOG_LINK = {"tweedie", "poisson", "gamma"}


@dataclass(frozen=True)
class Mix:
    """How many trees the members of a blend grow, and how much each counts."""

    trees: int
    weights: tuple[float, ...]


class Losses(dict[Mix, float]):
    """The loss of each mix on rows it was not fitted on."""


@dataclass(frozen=True)
class Design:
    """Which columns a model sees, and the categories of those that are text, in code order."""

    columns: tuple[str, ...]
    categories: Mapping[str, tuple[str, ...]]

    def matrix(self, frame: pd.DataFrame, *, codes: bool = False) -> pd.DataFrame:
        """The model's columns of `frame`; text as pandas categories, or as codes (NaN unknown)."""
        numbers = [c for c in self.columns if c not in self.categories]
        made = frame[numbers].astype(float)
        if not self.categories:
            return made
        texts = {c: self._text(frame[c], codes) for c in self.columns if c in self.categories}
        return pd.concat([made, pd.DataFrame(texts)], axis="columns")[list(self.columns)]

    def _text(self, column: pd.Series, codes: bool) -> pd.Series:
        categories = list(self.categories[str(column.name)])
        found = pd.Index(categories, dtype=object).get_indexer(column.astype(object))
        if codes:
            return pd.Series(np.where(found < 0, np.nan, found), column.index)
        dtype = pd.CategoricalDtype(categories)
        return pd.Series(pd.Categorical.from_codes(found, dtype=dtype), column.index)


def design(frame: pd.DataFrame, columns: Sequence[str], outcomes: Sequence[str]) -> Design:
    """The design of these columns, with the categories that training shows.

    Raises:
        BadInput: a column that is an outcome, or that the snapshot does not have.
    """
    leaking = [c for c in columns if c in outcomes]
    if leaking:
        raise BadInput(
            f"features: {listed(leaking)} is an outcome, known only after the reference date; "
            "take it out of the list of features"
        )
    absent = [c for c in columns if c not in frame.columns]
    if absent:
        raise BadInput(
            f"features: the snapshot has no column {listed(absent)}"
            f"{nearest(absent[0], list(frame.columns))}"
        )
    texts = [c for c in columns if not pd.api.types.is_numeric_dtype(frame[c])]
    categories = {c: tuple(sorted(frame[c].dropna().astype(str).unique())) for c in texts}
    return Design(tuple(columns), categories)


def is_lightgbm(estimator: BaseEstimator) -> bool:
    """Whether it is one of LightGBM's scikit-learn estimators."""
    return type(estimator).__module__.startswith("lightgbm")


def is_blend(estimator: BaseEstimator) -> bool:
    """Whether it scores, explains and tells itself as a sum of members on its link scale."""
    return hasattr(estimator, "as_blend")


def grows_trees(estimator: BaseEstimator) -> bool:
    """Whether there is a number of trees to choose, and an additive explanation to refit."""
    return is_lightgbm(estimator) or is_blend(estimator)


def with_safe_names(matrix: pd.DataFrame) -> pd.DataFrame:
    """The matrix under names that LightGBM takes: it refuses signs of JSON, and joins by spaces.

    Customers' attributes may bear any name; the package goes by position.
    """
    if all(re.fullmatch(r"[\w.-]+", str(name)) for name in matrix.columns):
        return matrix
    return matrix.set_axis([f"column_{i}" for i in range(matrix.shape[1])], axis="columns")


def has_log_link(estimator: BaseEstimator) -> bool:
    """Whether its raw score is the logarithm of its prediction, so that it knows no negatives."""
    if is_blend(estimator):
        return bool(estimator.link == "log")
    return is_lightgbm(estimator) and estimator.objective in LOG_LINK


def matrix_for(estimator: BaseEstimator, design_: Design, frame: pd.DataFrame) -> pd.DataFrame:
    """The model's columns of `frame` as the estimator takes them."""
    if is_lightgbm(estimator):
        return with_safe_names(design_.matrix(frame))
    return design_.matrix(frame, codes=not is_blend(estimator))


@dataclass(frozen=True)
class Fitted:
    """A fitted estimator with its design; `raw` is its score on the link scale."""

    estimator: Any
    design: Design

    @property
    def link(self) -> str:
        """`log`, `logit` or `identity`: what leads from the raw score to a prediction."""
        if is_classifier(self.estimator):
            return "logit"
        return "log" if has_log_link(self.estimator) else "identity"

    def raw(self, frame: pd.DataFrame) -> np.ndarray:
        """Scores of shape (n,) on the link scale."""
        matrix = matrix_for(self.estimator, self.design, frame)
        if is_lightgbm(self.estimator):
            return np.asarray(self.estimator.predict(matrix, raw_score=True))
        if is_blend(self.estimator):
            return np.asarray(self.estimator.raw(matrix))
        if not is_classifier(self.estimator):
            return np.asarray(self.estimator.predict(matrix), dtype=float)
        return log_odds(self.estimator.predict_proba(matrix)[:, 1])

    def contributions(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Contributions (n, features) of LightGBM or a blend, link scale, without the base."""
        matrix = matrix_for(self.estimator, self.design, frame)
        if is_blend(self.estimator):
            parts = self.estimator.contributions(matrix)
        else:
            parts = np.asarray(self.estimator.predict(matrix, pred_contrib=True))
        return pd.DataFrame(parts[:, :-1], frame.index, list(self.design.columns))

    def files(self, **settings: Any) -> dict[str, bytes]:
        """The plain files of the packaged part: `part.json` and what it names."""
        part = {
            "features": list(self.design.columns),
            "categories": {k: list(v) for k, v in self.design.categories.items()},
            "link": self.link,
            "calibration": {"kind": "none"},
            "shift": 0.0,
            "scale": 1.0,
            "lower": None,
        } | settings
        told, files = self._told()
        return {"part.json": json.dumps(part | told, indent=1).encode(), **files}

    def _told(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        if is_lightgbm(self.estimator):
            text = self.estimator.booster_.model_to_string(num_iteration=-1)
            return {"kind": "booster"}, {"booster.txt": text.encode()}
        if is_blend(self.estimator):
            told, files = self.estimator.as_blend()
            return told, files
        if hasattr(self.estimator, "as_linear"):
            return {"kind": "linear", **self.estimator.as_linear()}, {}
        import skops.io

        blob = skops.io.dumps(self.estimator)
        method = "predict_proba" if is_classifier(self.estimator) else "predict"
        needs = [f"{p}=={version(p)}" for p in ("scikit-learn", "skops")]
        trusted = skops.io.get_untrusted_types(data=blob)
        told = {"kind": "skops", "method": method, "trusted": trusted, "requirement": needs}
        return told, {"estimator.skops": blob}


def fit(
    estimator: BaseEstimator, design_: Design, frame: pd.DataFrame, outcome: np.ndarray,
    *, trees: int | Mix | None = None,
) -> Fitted:  # fmt: skip
    """A clone of `estimator` fitted on (n, p) features and (n,) outcomes, grown as chosen.

    With a log link a negative outcome (more refunded than bought) is learnt as 0.
    """
    fresh = clone(estimator)
    outcome = learnable(fresh, outcome)
    if isinstance(trees, Mix):
        fresh.grow(trees)
    elif is_lightgbm(fresh) and trees is not None:
        fresh.set_params(n_estimators=trees)
    with _as_configured(fresh):
        fresh.fit(matrix_for(fresh, design_, frame), outcome)
    return Fitted(fresh, design_)


@contextmanager
def _as_configured(estimator: BaseEstimator) -> Iterator[None]:
    """An estimator that refuses its own parameters is a user's mistake, told in one line."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, InvalidParameterError) and "LightGBM" not in type(error).__name__:
            raise
        reason = str(error).strip().splitlines()[0]
        raise BadInput(f"{type(estimator).__name__} can't be fitted as set: {reason}") from None


def best_trees(
    estimator: BaseEstimator, design_: Design,
    early: tuple[pd.DataFrame, np.ndarray], late: tuple[pd.DataFrame, np.ndarray],
) -> int | None:  # fmt: skip
    """How many trees serve a later snapshot best; None where there is nothing to stop."""
    if not is_lightgbm(estimator):
        return None
    import lightgbm

    fresh = clone(estimator)
    with _as_configured(fresh):
        fresh.fit(
            with_safe_names(design_.matrix(early[0])), learnable(fresh, early[1]),
            eval_X=with_safe_names(design_.matrix(late[0])), eval_y=learnable(fresh, late[1]),
            callbacks=[lightgbm.early_stopping(50, verbose=False)],
        )  # fmt: skip
    return max(int(fresh.best_iteration_), 10)


def best_mix(
    blend: BaseEstimator, design_: Design,
    pairs: Iterable[tuple[tuple[pd.DataFrame, np.ndarray], tuple[pd.DataFrame, np.ndarray]]],
) -> Mix:  # fmt: skip
    """The mix with the least mean loss over pairs of rows to learn from and rows to judge."""
    total: Counter[Mix] = Counter()
    with _as_configured(blend):
        for sides in pairs:
            early, late = (
                (matrix_for(blend, design_, frame), learnable(blend, outcome))
                for frame, outcome in sides
            )
            total.update(blend.losses(early, late))
    return min(total, key=total.__getitem__)


def learnable(estimator: BaseEstimator, outcome: np.ndarray) -> np.ndarray:
    """The outcomes as the estimator can take them."""
    return np.maximum(outcome, 0) if has_log_link(estimator) else outcome


def log_odds(probability: np.ndarray) -> np.ndarray:
    """log(p / (1 - p)), with p kept off 0 and 1."""
    kept = np.clip(probability, 1e-12, 1 - 1e-12)
    return np.log(kept / (1 - kept))
