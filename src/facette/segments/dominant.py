"""Segments by what is strongest: customers by the one column, of several, in which they stand out.

Shares of product categories give needs, shares of customer-started contacts by channel give the
preferred channel.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype
from sklearn.base import BaseEstimator
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from facette.errors import BadInput
from facette.segments.columns import as_segments, check_numeric, seen_at_fit, seen_later
from facette.snapshots.catalogue import Feature

MEASURES = ("level", "distance")
LEAST_COLUMNS = 2


class DominantSegments(BaseEstimator):
    """The column in which a customer is strongest gives the segment.

    `columns`: a pattern such as `share_*`, or a list. `measure`: by `level`, the number itself, or
    by `distance`, how many standard deviations it stands above the mean of the customers at fit,
    where one column is large for everyone (groceries at a grocer's). Who reaches `least` in none of
    them is `mixed`, of whom nothing is known, or all is 0, is `none`. `catalogue` (column ->
    Feature) lends its words to the names.

    Fitted: `segments_`, `notes_`, `features_`, `center_` and `scale_` (one number a column).
    """

    kind: ClassVar[str] = "a priori"

    def __init__(
        self, columns: str | Sequence[str], measure: str, least: float, mixed: str, none: str,
        catalogue: Mapping[str, Feature] | None = None,
    ) -> None:  # fmt: skip
        self.columns = columns
        self.measure = measure
        self.least = least
        self.mixed = mixed
        self.none = none
        self.catalogue = catalogue

    def fit(self, X: pd.DataFrame, y: Any = None) -> DominantSegments:
        """Find the columns, and what is usual among the (n, d) customers.

        Raises:
            BadInput: fewer than two columns that can be compared, one without numbers, an unknown
                measure, or a name that two segments would bear.
        """
        frame = seen_at_fit(self, X)
        if self.measure not in MEASURES:
            raise BadInput(f"measure: '{self.measure}' is neither {' nor '.join(MEASURES)}")
        found = self._found(frame)
        alike = [c for c in found if self.measure == "distance" and frame[c].nunique() < 2]
        self.features_ = [c for c in found if c not in alike]
        if len(self.features_) < LEAST_COLUMNS:
            raise BadInput(
                f"columns: of '{self.columns}' the snapshot has {len(self.features_)} numeric "
                f"columns to compare, and {LEAST_COLUMNS} or more are needed"
            )
        self.center_, self.scale_ = self._usual(frame[self.features_].astype(float))
        names = self._named()
        self.segments_ = as_segments([*names, self.mixed, self.none])
        self._check_names()
        sizes = pd.Series(self.predict(frame)).value_counts()
        self.notes_ = [f"{c} is left out: the same for all customers" for c in alike]
        self.notes_ += [f"nobody is strongest in {name}" for name in names if name not in sizes]
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """(n,) the segment of each customer; of two columns alike, the first.

        Raises:
            BadInput: a column is missing.
        """
        check_is_fitted(self)
        rows = seen_later(self, X, self.features_).to_numpy(dtype=float)
        strength = (rows - np.array(self.center_)) / np.array(self.scale_)
        strength = np.where(np.isnan(strength), -np.inf, strength)
        clear, idle = strength.max(axis=1) >= self.least, (np.nan_to_num(rows) == 0).all(axis=1)
        mixed = len(self.features_)
        chosen = np.where(clear, strength.argmax(axis=1), mixed)
        ids = np.array([segment["id"] for segment in self.segments_], dtype=object)
        return ids[np.where(idle, mixed + 1, chosen)]

    def plain(self) -> dict[str, Any]:
        """Columns with the name, centre and scale of each, the least strength, the other names."""
        check_is_fitted(self)
        columns = [
            {"column": column, "name": segment["name"], "center": center, "scale": scale}
            for column, segment, center, scale in zip(
                self.features_, self.segments_, self.center_, self.scale_, strict=False
            )
        ]
        other = {"mixed": self.mixed, "none": self.none}
        return {"kind": "dominant", "columns": columns, "least": self.least, **other}

    def _found(self, frame: pd.DataFrame) -> list[str]:
        if isinstance(self.columns, str):
            fitting = [c for c in frame if fnmatchcase(str(c), self.columns)]
            return [c for c in fitting if is_numeric_dtype(frame[c])]
        check_numeric(frame, self.columns, "columns")
        return list(self.columns)

    def _usual(self, known: pd.DataFrame) -> tuple[list[float], list[float]]:
        """Mean and standard deviation of each column; 0 and 1 where the level itself counts."""
        if self.measure == "level":
            return [0.0] * known.shape[1], [1.0] * known.shape[1]
        return known.mean().tolist(), known.std(ddof=0).tolist()

    def _named(self) -> list[str]:
        words = {c: f.high for c, f in (self.catalogue or {}).items() if f.high}
        names = [words.get(c, self._cleaned(c)) for c in self.features_]
        return [n if names.count(n) == 1 else c for n, c in zip(names, self.features_, strict=True)]

    def _cleaned(self, column: str) -> str:
        """What a pattern's `*` stands for in the column, with spaces."""
        pattern = self.columns if isinstance(self.columns, str) else "*"
        stars = re.escape(pattern).replace(r"\*", "(.*)")
        found = re.fullmatch(stars, column)
        kept = " ".join(found.groups()) if found else column
        return " ".join(kept.replace("_", " ").split()) or column

    def _check_names(self) -> None:
        ids = [segment["id"] for segment in self.segments_]
        twice = sorted({name for name in ids if ids.count(name) > 1})
        if twice:
            raise BadInput(
                f"mixed, none: '{twice[0]}' would be the name of two segments; give another one"
            )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
