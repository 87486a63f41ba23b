"""Pareto tiers: the few at the top who bring most of a figure, and the many who bring the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from facette.errors import BadInput
from facette.segments.columns import as_segments, check_known, seen_at_fit, seen_later
from facette.segments.tiers import check_tiers, frozen_tiers

OFF_BY = (
    0.02  # of all customers; by more than that, a tier that ties made larger or smaller is told
)


class TierSegments(BaseEstimator):
    """Tiers of one column, from the top down, each with its share of customers.

    Cuts are frozen when fitted. Who has no value is in the last tier, as in the packaged model.

    Fitted: `segments_`, `notes_`, `features_`, `cuts_` (the lowest value of each tier but the
    last); `brings_`, tier -> its share of the column's total, NaN where the total is not above 0.
    """

    kind: ClassVar[str] = "a priori"

    def __init__(self, column: str, names: Sequence[str], shares: Sequence[float]) -> None:
        self.column = column
        self.names = names
        self.shares = shares

    def fit(self, X: pd.DataFrame, y: Any = None) -> TierSegments:
        """Freeze the cuts of the (n, d) customers.

        Raises:
            BadInput: the column is absent, no number, known of nobody or the same for everyone; the
                shares don't sum to 1, or there is not one name for each, all different.
        """
        frame = seen_at_fit(self, X)
        check_tiers("shares", self.names, self.shares)
        if len(set(self.names)) < len(self.names):
            raise BadInput(f"names: {list(self.names)} has a name twice; give each tier its own")
        check_known(frame, [self.column], "column")
        values = frame[self.column].to_numpy(dtype=float)
        self.cuts_ = self._cuts(values)
        self.segments_ = as_segments(self.names)
        self.features_ = [self.column]
        tiers = self._tiers(values)
        self.brings_ = self._brought(values, tiers)
        self.notes_ = self._said(values, tiers)
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """(n,) the tier of each customer.

        Raises:
            BadInput: the column is missing.
        """
        check_is_fitted(self)
        values = seen_later(self, X, self.features_)[self.column].to_numpy(dtype=float)
        return np.array(self.names, dtype=object)[self._tiers(values)]

    def plain(self) -> dict[str, Any]:
        """Column, cuts, names from the top, and what each tier brought."""
        check_is_fitted(self)
        brings = {name: None if np.isnan(b) else b for name, b in self.brings_.items()}
        frozen = {"column": self.column, "cuts": self.cuts_, "names": list(self.names)}
        return {"kind": "tiers", **frozen, "brings": brings}

    def _cuts(self, values: np.ndarray) -> list[float]:
        if np.nanmin(values) == np.nanmax(values):
            raise BadInput(
                f"column: {self.column} is {np.nanmin(values):g} for all customers of whom it is "
                "known; tiers need one that differs"
            )
        return frozen_tiers(self.column, values, self.names, self.shares)["cuts"]

    def _tiers(self, values: np.ndarray) -> np.ndarray:
        """(n,) positions: how many cuts a value falls short of; all of them where not known."""
        return np.sum(~(values[:, None] >= np.array(self.cuts_)), axis=1)

    def _brought(self, values: np.ndarray, tiers: np.ndarray) -> dict[str, float]:
        brought = np.bincount(tiers, np.nan_to_num(values), minlength=len(self.names))
        whole = brought.sum()
        shares = brought / whole if whole > 0 else np.full(len(brought), np.nan)
        return dict(zip(self.names, shares.tolist(), strict=True))

    def _said(self, values: np.ndarray, tiers: np.ndarray) -> list[str]:
        unknown = np.isnan(values)
        notes = []
        if unknown.any():
            notes.append(
                f"{self.column} is not known of {unknown.sum():,} customers: {self.names[-1]}"
            )
        held = np.bincount(tiers[~unknown], minlength=len(self.names)) / np.sum(~unknown)
        notes += [
            f"tier {name} holds {share:.1%} of customers rather than {wanted:.1%}: many have the "
            f"same {self.column}"
            for name, share, wanted in zip(self.names, held, self.shares, strict=True)
            if abs(share - wanted) > max(OFF_BY, 1 / np.sum(~unknown))
        ]
        return notes

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
