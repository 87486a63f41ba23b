"""RFM: who came lately, comes often and brings much, in frozen quantile bands with a class each."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from facette.errors import BadInput
from facette.segments.columns import (
    as_segments,
    check_known,
    check_present,
    seen_at_fit,
    seen_later,
)
from facette.segments.tiers import frozen_bands, rfm_classes, rfm_scores

CLASSES = ("champions", "faithful", "promising", "steady", "at risk", "fading", "asleep")
NEVER = "never bought"
_WINDOWED = re.compile(r"active_days_(\d+)d")


class RfmSegments(TransformerMixin, BaseEstimator):
    """Classes of recency, frequency and money (Hughes 1994), each scored 1 to `bands`.

    A high score is good: a recent customer scores high on recency. `frequency` None stands for the
    days with a purchase in the longest window there is. Cuts are quantiles of the customers who
    ever bought, frozen when fitted; who never bought is a class of its own.

    Fitted: `segments_`, `notes_`, `features_`; `columns_` and `cuts_`, the column and the cuts of
    each of `recency`, `frequency` and `money`.
    """

    kind: ClassVar[str] = "a priori"

    def __init__(self, recency: str, frequency: str | None, money: str, bands: int) -> None:
        self.recency = recency
        self.frequency = frequency
        self.money = money
        self.bands = bands

    def fit(self, X: pd.DataFrame, y: Any = None) -> RfmSegments:
        """Freeze the bands of the (n, d) customers.

        Raises:
            BadInput: a column is absent, no number, or known of nobody; fewer than two bands; no
                window to tell frequency by.
        """
        frame = seen_at_fit(self, X)
        if self.bands < 2:
            raise BadInput(f"bands: {self.bands} is out of range; 2 or more is wanted")
        self.columns_ = self._columns(frame)
        for setting, column in self.columns_.items():
            check_known(frame, [column], setting)
        self.features_ = list(dict.fromkeys(self.columns_.values()))
        figures = self._figures(frame)
        bought = figures[figures["recency"].notna()]
        self.cuts_ = frozen_bands(bought, list(bought), self.bands)["cuts"]
        self.segments_ = as_segments([*CLASSES, NEVER])
        self.notes_ = _same_scores(self._scores(bought), self.columns_, self.bands)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """(n, 3) the scores `recency`, `frequency` and `money`; what is not known scores 1.

        Raises:
            BadInput: a column is missing.
        """
        check_is_fitted(self)
        return self._scores(self._figures(seen_later(self, X, self.features_)))

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """(n,) the class of each customer.

        Raises:
            BadInput: a column is missing.
        """
        check_is_fitted(self)
        figures = self._figures(seen_later(self, X, self.features_))
        classes = rfm_classes(self._scores(figures), self.bands).to_numpy(dtype=object)
        return np.where(figures["recency"].isna(), NEVER, classes)

    def plain(self) -> dict[str, Any]:
        """The bands, the column and the cuts of each score, and the names of the classes."""
        check_is_fitted(self)
        names = [segment["name"] for segment in self.segments_]
        frozen = {"bands": self.bands, "columns": self.columns_, "cuts": self.cuts_}
        return {"kind": "rfm", **frozen, "names": names}

    def _columns(self, frame: pd.DataFrame) -> dict[str, str]:
        check_present(frame, [self.recency], "recency")  # without it there is no history at all
        often = _longest(frame) if self.frequency is None else self.frequency
        return {"recency": self.recency, "frequency": often, "money": self.money}

    def _figures(self, rows: pd.DataFrame) -> pd.DataFrame:
        """(n, 3) recency, frequency and money under these names."""
        return pd.DataFrame({score: rows[c] for score, c in self.columns_.items()})

    def _scores(self, figures: pd.DataFrame) -> pd.DataFrame:
        return rfm_scores(figures, {"bands": self.bands, "cuts": self.cuts_})

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _longest(frame: pd.DataFrame) -> str:
    """The days with a purchase in the longest window.

    Raises:
        BadInput: there is no such column.
    """
    found = [told for name in frame if (told := _WINDOWED.fullmatch(str(name)))]
    if not found:
        raise BadInput(
            "frequency: the snapshot has no column active_days_<window>d; name the column that "
            "tells how often customers come"
        )
    return max(found, key=lambda told: int(told[1]))[0]


def _same_scores(scores: pd.DataFrame, columns: dict[str, str], bands: int) -> list[str]:
    """Of each column with fewer bands than asked for: why."""
    return [
        f"{name} has {found} of {bands} bands: many customers have the same {columns[name]}"
        for name in scores
        if (found := scores[name].nunique()) < bands
    ]
