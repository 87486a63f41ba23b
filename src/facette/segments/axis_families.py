"""Families of the relation: two axes crossed at frozen cuts, four named quadrants.

Customers whose attitudes may well lie on the other side of a cut are between families: it is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.base import BaseEstimator, clone
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from facette.errors import BadInput
from facette.segments.axes import RelationAxes
from facette.segments.columns import as_segments, seen_at_fit
from facette.wording import listed

SIDES = ("low", "high")
QUADRANTS = tuple("_".join(sides) for sides in product(SIDES, SIDES))


class AxisFamilies(BaseEstimator):
    """The quadrant of two axes gives the family.

    `axes`: the unfitted scores, of two axes. `cuts`: axis -> number, None for the median at fit;
    who stands on a cut is high. `names`: `low_low`, `low_high`, `high_low`, `high_high`, the first
    axis first, -> a family's name.

    Fitted: `axes_`, `cuts_`, `segments_`, `notes_`, `features_`.
    """

    kind: ClassVar[str] = "a priori"

    def __init__(
        self, axes: RelationAxes, cuts: Mapping[str, float] | None, names: Mapping[str, str]
    ) -> None:
        self.axes = axes
        self.cuts = cuts
        self.names = names

    def fit(self, X: pd.DataFrame, y: Any = None) -> AxisFamilies:
        """Learn the axes from (n, d) snapshot rows and freeze the cuts.

        Raises:
            BadInput: there are not two axes, a quadrant has no name of its own, a cut is of no
                axis; what `RelationAxes.fit` refuses.
        """
        frame = seen_at_fit(self, X)
        self._check_names()
        self.axes_ = clone(self.axes).fit(frame)
        if len(self.axes_.names_) != 2:
            raise BadInput(f"axes: {len(self.axes_.names_)} are named; families cross two")
        unknown = [axis for axis in self.cuts or {} if axis not in self.axes_.names_]
        if unknown:
            raise BadInput(f"cuts: {listed(unknown)} is none of {listed(self.axes_.names_)}")
        scores = self.axes_.transform(frame)
        given = self.cuts or {}
        self.cuts_ = {a: float(given.get(a, scores[a].median())) for a in self.axes_.names_}
        self.segments_ = as_segments(self.names[quadrant] for quadrant in QUADRANTS)
        self.features_ = self.axes_.features_
        told = (f"{axis} at {cut:.2f}" for axis, cut in self.cuts_.items())
        self.notes_ = [*self.axes_.notes_, f"families are cut on {listed(told)}"]
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """(n,) the family of each customer.

        Raises:
            BadInput: a column that was read at fit is missing.
        """
        return self.placed(X)["family"].to_numpy(dtype=object)

    def placed(self, X: pd.DataFrame) -> pd.DataFrame:
        """Scores and intervals of both axes, and each customer's `family`, `confidence`, `between`.

        `confidence`: the probability that the family is the one of the customer's attitudes, were
        these spread normally around the scores (`RelationAxes.doubt`), axis by axis. `between`: an
        axis whose attitude may lie on either side of the cut, within the coverage of the intervals;
        also where an axis has none, of which the confidence is NaN.
        """
        check_is_fitted(self)
        scores, doubt = self.axes_.transform(X), self.axes_.doubt(X)
        cuts = np.array(list(self.cuts_.values()))
        above = scores[list(self.cuts_)].to_numpy() - cuts
        spread = np.maximum(doubt[list(self.cuts_)].to_numpy(), np.finfo(float).tiny)
        sure = norm.cdf(np.abs(above) / spread)
        families = np.array([s["name"] for s in self.segments_], dtype=object)
        return scores.assign(
            family=families[(above >= 0) @ [2, 1]],
            confidence=sure.prod(axis=1),
            between=~(sure >= (1 + self.axes.coverage) / 2).all(axis=1),
        )

    def plain(self) -> dict[str, Any]:
        """Axes, cuts and names."""
        check_is_fitted(self)
        names = [s["name"] for s in self.segments_]
        return {"kind": "axis families", "cuts": self.cuts_, "names": names,
                "axes": self.axes_.plain()}  # fmt: skip

    def _check_names(self) -> None:
        absent = [q for q in QUADRANTS if not self.names.get(q)]
        if absent or len({self.names[q] for q in QUADRANTS}) < len(QUADRANTS):
            raise BadInput(
                f"names: give each of {listed(QUADRANTS)} a name of its own"
                f"{f'; {listed(absent)} has none' if absent else ''}"
            )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
