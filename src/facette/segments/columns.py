"""What a segmentation sees: the columns of a snapshot, found by name, in any order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype
from sklearn.utils.validation import validate_data

from facette.errors import BadInput
from facette.wording import listed, nearest


def seen_at_fit(estimator: Any, X: Any) -> pd.DataFrame:
    """The rows to fit on, (n, d) with n > 0; `n_features_in_` and the names are kept.

    The columns of an array are called x0, x1, …

    Raises:
        BadInput: a frame without customers.
        ValueError: an array that scikit-learn refuses.
    """
    if not isinstance(X, pd.DataFrame):
        return _of_array(estimator, X, reset=True)
    if not len(X):
        raise BadInput("there is no customer to fit a segmentation on; widen snapshot.perimeter")
    estimator.n_features_in_ = X.shape[1]
    estimator.feature_names_in_ = np.asarray(X.columns, dtype=object)
    return X


def seen_later(estimator: Any, X: Any, columns: Iterable[str]) -> pd.DataFrame:
    """The columns (n, len(columns)) that a fitted segmentation reads, of the rows at hand.

    Raises:
        BadInput: one of the columns is missing.
        ValueError: an array that scikit-learn refuses.
    """
    frame = X if isinstance(X, pd.DataFrame) else _of_array(estimator, X, reset=False)
    wanted = list(columns)
    check_present(frame, wanted, "the segmentation reads")
    return frame[wanted]


def _of_array(estimator: Any, X: Any, *, reset: bool) -> pd.DataFrame:
    matrix = validate_data(estimator, X, reset=reset, dtype="numeric", ensure_all_finite=False)
    plain = [f"x{i}" for i in range(matrix.shape[1])]
    return pd.DataFrame(matrix, columns=getattr(estimator, "feature_names_in_", plain))


def check_present(frame: pd.DataFrame, columns: Iterable[str], setting: str) -> None:
    """Refuse columns that the snapshot does not have.

    Raises:
        BadInput: the setting, the columns, and the nearest right name.
    """
    absent = [name for name in columns if name not in frame.columns]
    if absent:
        near = nearest(absent[0], [str(c) for c in frame.columns])
        raise BadInput(f"{setting}: the snapshot has no column {listed(absent)}{near}")


def check_numeric(frame: pd.DataFrame, columns: Iterable[str], setting: str) -> None:
    """Refuse columns that are absent or hold no numbers.

    Raises:
        BadInput: the setting and the columns.
    """
    names = list(columns)
    check_present(frame, names, setting)
    text = [name for name in names if not is_numeric_dtype(frame[name])]
    if text:
        raise BadInput(f"{setting}: {listed(text)} holds no numbers; choose a numeric column")


def check_known(frame: pd.DataFrame, columns: Iterable[str], setting: str) -> None:
    """Refuse columns that are absent, hold no numbers, or are known of nobody.

    Raises:
        BadInput: the setting and the columns.
    """
    names = list(columns)
    check_numeric(frame, names, setting)
    unknown = [name for name in names if frame[name].isna().all()]
    if unknown:
        raise BadInput(f"{setting}: {listed(unknown)} is known of none of {len(frame):,} customers")


def as_segments(names: Iterable[str]) -> list[dict[str, str]]:
    """A priori segments in their order: the id is the name itself."""
    return [{"id": name, "name": name} for name in names]
