"""The scoring grid: points by criterion, subtotals explicit and behavioural, frozen grades.

    card = Scorecard(criteria, grades=["A", "B", "C"], grade_shares=[0.2, 0.3, 0.5]).fit(snapshot)
    card.predict(snapshot)              # the grade of each customer
    card.transform(snapshot)            # explicit, behavioural, points
    card.contributions(snapshot)        # points by criterion; rows sum to points
    card.sql("snapshot")                # the same in SQL

The best bands of all criteria sum to 100 and penalties go below it; no total is clipped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from facette.errors import BadInput
from facette.segments.scorecard_criteria import FULL, SIDES, Criterion, criteria_of
from facette.segments.scorecard_sql import grid_sql
from facette.segments.tiers import check_tiers, tier_cuts
from facette.wording import listed, nearest


class Scorecard(TransformerMixin, BaseEstimator):
    """A grid of criteria with points, and grades from the best down.

    `criteria`: mappings with `name`, `column`, `side` (explicit: fit; behavioural: engagement),
    `bands`, `missing` and, where the column may be absent, `optional` (see `scorecard_criteria`).
    Grades have the lowest points of each but the last, either given as `grade_cuts` or frozen at
    fit so that each grade has its `grade_shares` of the fitting customers.
    """

    kind: ClassVar[str] = "a priori"

    def __init__(
        self,
        criteria: Sequence[Mapping[str, Any]] = (),
        grades: Sequence[str] = (),
        grade_shares: Sequence[float] | None = None,
        grade_cuts: Sequence[float] | None = None,
    ) -> None:
        self.criteria = criteria
        self.grades = grades
        self.grade_shares = grade_shares
        self.grade_cuts = grade_cuts

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Check the grid against the snapshot (n customers, d columns) and freeze its grades.

        Raises:
            BadInput: a criterion that can't serve, best bands that do not sum to 100, an absent
                column, text where numbers are wanted, or grades without cuts.
        """
        frame = self._frame(X, reset=True)
        wanted = criteria_of(self.criteria)
        self.criteria_ = _present(wanted, frame)
        self.features_ = list(dict.fromkeys(c.column for c in self.criteria_))
        self.segments_ = [{"id": str(grade), "name": str(grade)} for grade in self.grades]
        points = self._contributions(frame).sum(axis=1)
        self.cuts_ = self._cuts(points)
        absent = [c for c in wanted if c not in self.criteria_]
        self.notes_ = [*_of_absent(absent), *self._of_empty_grades(points)]
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """The grade (n,) of each customer."""
        return self._graded(self.transform(X)["points"].to_numpy())

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Whole points (n, 3): explicit, behavioural, and their sum, points."""
        parts = self.contributions(X)
        sides = {
            side: parts[[c.name for c in self.criteria_ if c.side == side]].sum(axis=1)
            for side in SIDES
        }
        made = pd.DataFrame(sides, index=parts.index).astype("int64")
        return made.assign(points=made.sum(axis=1))

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Whole points (n, criteria) of each criterion; each row sums to its points exactly.

        Raises:
            BadInput: a column of the grid is absent, or holds text where numbers are wanted.
        """
        check_is_fitted(self)
        frame = self._frame(X)
        if absent := [name for name in self.features_ if name not in frame.columns]:
            raise BadInput(
                f"grid: {len(absent)} of {len(self.features_)} columns are absent: "
                f"{listed(absent)}; where they are not known (of leads, say), give them as "
                "missing: frame.reindex(columns=card.features_)"
            )
        names = [c.name for c in self.criteria_]
        return pd.DataFrame(self._contributions(frame), columns=names, index=frame.index)

    def bands(self, X: pd.DataFrame) -> pd.DataFrame:
        """The band (n, criteria) each customer is in by each criterion, in words."""
        check_is_fitted(self)
        frame = self._frame(X)
        told = {
            c.name: np.array(c.band_names(), dtype=object)[c.positions(frame)]
            for c in self.criteria_
        }
        return pd.DataFrame(told, index=frame.index)

    def plain(self) -> dict[str, Any]:
        """All that was fitted, in plain JSON."""
        check_is_fitted(self)
        return {
            "kind": "scorecard",
            "criteria": [c.plain() for c in self.criteria_],
            "grades": [s["id"] for s in self.segments_],
            "cuts": self.cuts_,
            "best": sum(c.best for c in self.criteria_),
            "notes": self.notes_,
        }

    def sql(self, table: str, dialect: str = "duckdb") -> str:
        """A SELECT of customer_id, each criterion, explicit, behavioural, points and grade.

        Raises:
            BadInput: another dialect than duckdb or ansi.
        """
        check_is_fitted(self)
        grades = [s["id"] for s in self.segments_]
        return grid_sql(self.criteria_, grades, self.cuts_, table, dialect)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _frame(self, X: Any, *, reset: bool = False) -> pd.DataFrame:
        """A table as it is; of an array (n, d), columns are named x0, x1, …"""
        if isinstance(X, pd.DataFrame):
            if reset:
                self.n_features_in_ = X.shape[1]
            return X
        values = validate_data(self, X, reset=reset, dtype=None, ensure_all_finite=False)
        return pd.DataFrame(values, columns=[f"x{i}" for i in range(values.shape[1])])

    def _contributions(self, frame: pd.DataFrame) -> np.ndarray:
        return np.column_stack([c.earned(frame) for c in self.criteria_])

    def _graded(self, points: np.ndarray) -> np.ndarray:
        below = (points[:, None] < np.array(self.cuts_)).sum(axis=1)
        return np.array([s["id"] for s in self.segments_], dtype=object)[below]

    def _cuts(self, points: np.ndarray) -> list[float]:
        names = [str(grade) for grade in self.grades]
        if len(names) < 2 or len(set(names)) < len(names):
            raise BadInput(f"grid.grades: {names}; two or more different ones are wanted")
        if (self.grade_cuts is None) == (self.grade_shares is None):
            raise BadInput("grid: give either grade_cuts or grade_shares, and null for the other")
        if self.grade_cuts is not None:
            return _given_cuts(self.grade_cuts, names)
        assert self.grade_shares is not None
        check_tiers("grid.grade_shares", names, self.grade_shares)
        return tier_cuts(points.astype(float), self.grade_shares)

    def _of_empty_grades(self, points: np.ndarray) -> list[str]:
        held = set(self._graded(points))
        empty = [s["id"] for s in self.segments_ if s["id"] not in held]
        if not empty:
            return []
        return [f"grid: no fitting customer has grade {listed(empty)}; points are tied or cuts far"]


def _present(wanted: list[Criterion], frame: pd.DataFrame) -> list[Criterion]:
    """The criteria whose column is there.

    Raises:
        BadInput: a column is absent and its criterion not optional, or none is left.
    """
    there = [str(name) for name in frame.columns]
    for c in wanted:
        if c.column not in there and not c.optional:
            raise BadInput(
                f"grid.criteria: {c.name} reads {c.column}, which is no column of the snapshot"
                f"{nearest(c.column, there)}; write optional: true to do without it"
            )
    present = [c for c in wanted if c.column in there]
    if not present:
        raise BadInput(f"grid.criteria: none of their {len(wanted)} columns is in the snapshot")
    return present


def _of_absent(absent: list[Criterion]) -> list[str]:
    if not absent:
        return []
    least = FULL - sum(c.best for c in absent)
    told = listed(f"{c.name} ({c.column}, {c.best} points)" for c in absent)
    return [f"grid: without {told}, as there is no such column: {least} is the most to be had"]


def _given_cuts(cuts: Sequence[float], grades: list[str]) -> list[float]:
    if len(cuts) != len(grades) - 1:
        raise BadInput(
            f"grid.grade_cuts: {len(cuts)} for {len(grades)} grades; give the least points of each "
            "grade but the last"
        )
    given = [float(cut) for cut in cuts]
    if not np.isfinite(given).all() or (np.diff(given) >= 0).any():
        raise BadInput(f"grid.grade_cuts: {list(cuts)} must fall from the best grade down")
    return given
