"""Segments towards given groups, by a small tree that can be read, checked and run as SQL.

    TreeSegments(max_segments=6, min_share=0.05, folds=5, seed=0).fit(X, families)

Each leaf is a rule: conditions in words, and as an expression of `facette.expressions`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import StratifiedKFold
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import Tags, check_array
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from facette.errors import BadInput
from facette.segments.columns import as_segments, seen_at_fit, seen_later
from facette.snapshots.catalogue import Feature

Column = dict[str, Any]  # `name`, `gaps`, and `fill` of a number or `values` of a category
Step = tuple[int, bool, float]
UNKNOWN = object()  # asks whether a column is not known


class TreeSegments(ClassifierMixin, BaseEstimator):
    """A tree of at most `max_segments` leaves, each of at least `min_share` of the customers.

    `folds` of customers for the error out of sample. `catalogue` lends its sentences to the rules.
    A category is asked about one value at a time; what is not known is asked about as such.

    Fitted: `classes_`, the given groups, which are the `segments_`; `rules_`, one row a leaf from
    the largest: `leaf` (`T1`, `T2`, …), `rule` (an expression), `words`, `share` of customers,
    `group` it stands for, `error` (the share of its customers that are of another one); `error_`
    out of sample beside `error_of_largest_`, that of naming the largest group; `notes_`,
    `features_`. `predict` gives the group, `leaf` the leaf.
    """

    kind: ClassVar[str] = "supervised"

    def __init__(
        self, max_segments: int, min_share: float, folds: int, seed: int,
        catalogue: Mapping[str, Feature] | None = None,
    ) -> None:  # fmt: skip
        self.max_segments = max_segments
        self.min_share = min_share
        self.folds = folds
        self.seed = seed
        self.catalogue = catalogue

    def fit(self, X: pd.DataFrame, y: Any) -> TreeSegments:
        """Learn the tree from (n, d) snapshot rows and (n,) groups.

        Raises:
            BadInput: fewer than two segments, a share that is none, fewer than two groups.
        """
        frame = seen_at_fit(self, X)
        groups = given_groups(y, len(frame))
        self._check(groups)
        self.classes_, codes = np.unique(groups, return_inverse=True)
        self.columns_ = [_asked(frame[c], self.min_share) for c in frame if frame[c].notna().any()]
        if not self.columns_:
            raise BadInput("X: no column is known of any customer; a tree has nothing to ask about")
        self.names_, matrix = _matrix(frame, self.columns_)
        self.tree_ = self._tree().fit(matrix, codes)
        leaves = _leaves(self.tree_.tree_, matrix)
        found, sizes = np.unique(leaves, return_counts=True)
        order = found[np.argsort(-sizes, kind="stable")]
        self.ids_ = {int(leaf): f"T{i}" for i, leaf in enumerate(order, start=1)}
        self.rules_ = self._ruled(leaves, codes)
        asked = {self.names_[i][0] for i in self.tree_.tree_.feature if i >= 0}
        self.features_ = [c["name"] for c in self.columns_ if c["name"] in asked]
        self.segments_ = as_segments(str(group) for group in self.classes_)
        self.error_of_largest_ = float(1 - np.bincount(codes).max() / len(codes))
        self.error_ = self._error(matrix, codes)
        self.notes_ = self._notes(codes)
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """(n,) the given group that each customer's leaf stands for.

        Raises:
            BadInput: a column that was there at fit is missing.
        """
        check_is_fitted(self)
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """(n, groups): the shares of the groups in each customer's leaf, at fit."""
        check_is_fitted(self)
        return self.tree_.tree_.value[self._later(X), 0]

    def leaf(self, X: pd.DataFrame) -> np.ndarray:
        """(n,) the id of each customer's leaf."""
        check_is_fitted(self)
        return np.array([self.ids_[leaf] for leaf in self._later(X)], dtype=object)

    def expressions(self) -> dict[str, str]:
        """Each group that a leaf stands for, and the expression that holds for its customers."""
        check_is_fitted(self)
        made = self.rules_.groupby("group", sort=False)["rule"]
        return {str(g): " or ".join(f"({rule})" for rule in rules) for g, rules in made}

    def plain(self) -> dict[str, Any]:
        """The rules with their figures, and the errors."""
        check_is_fitted(self)
        groups = [str(group) for group in self.classes_]
        return {"kind": "tree", "groups": groups, "rules": self.rules_.to_dict("records"),
                "error": self.error_, "error_of_largest": self.error_of_largest_}  # fmt: skip

    def _check(self, groups: np.ndarray) -> None:
        if self.max_segments < 2 or not 0 < self.min_share < 0.5:
            raise BadInput(
                f"max_segments {self.max_segments} must be 2 or more, min_share {self.min_share} "
                "above 0 and below one half"
            )
        if len(np.unique(groups)) < 2:
            raise BadInput("y: one class only; a tree needs two groups or more to tell apart")

    def _tree(self) -> DecisionTreeClassifier:
        return DecisionTreeClassifier(
            max_leaf_nodes=self.max_segments, min_samples_leaf=self.min_share,
            random_state=self.seed,
        )  # fmt: skip

    def _ruled(self, leaves: np.ndarray, codes: np.ndarray) -> pd.DataFrame:
        paths, rows = _paths(self.tree_.tree_), []
        for node, leaf in self.ids_.items():
            inside = codes[leaves == node]
            stands_for = int(self.tree_.tree_.value[node][0].argmax())
            steps = _tightest(paths[node])
            rule = " and ".join(self._condition(*step) for step in steps)
            words = ", ".join(self._worded(*step) for step in steps)
            rows.append((
                leaf, rule or "true", words or "everyone", len(inside) / len(codes),
                str(self.classes_[stands_for]), float((inside != stands_for).mean()),
            ))  # fmt: skip
        return pd.DataFrame(rows, columns=["leaf", "rule", "words", "share", "group", "error"])

    def _condition(self, column: int, above: bool, cut: float) -> str:
        """One step of a path as an expression; what is not known goes where its filling went."""
        name, asks = self.names_[column]
        quoted = name if re.fullmatch(r"[A-Za-z]\w*", str(name)) else f"`{name}`"
        unknown = f"{quoted} is null"
        if asks is UNKNOWN:
            return unknown if above else f"{quoted} is not null"
        if asks is not None:
            equal = f"{quoted} == {_literal(asks)}"
            return equal if above else f"(not {equal} or {unknown})"
        told = f"{quoted} {'>' if above else '<='} {cut!r}"
        fill = next(float(c["fill"]) for c in self.columns_ if c["name"] == name)
        return f"({told} or {unknown})" if (fill > cut) == above else told

    def _worded(self, column: int, above: bool, cut: float) -> str:
        name, asks = self.names_[column]
        feature = (self.catalogue or {}).get(name)
        told = feature.english if feature else str(name).replace("_", " ")
        if asks is UNKNOWN:
            return f"{told} {'not known' if above else 'known'}"
        if asks is not None:
            return f"{told} {'is' if above else 'is not'} {asks}"
        return f"{told} {'above' if above else 'at most'} {cut:.4g}"

    def _error(self, matrix: np.ndarray, codes: np.ndarray) -> float:
        folds = min(self.folds, int(np.bincount(codes).min()))
        if folds < 2:
            return np.nan
        wrong = np.empty(len(codes), dtype=bool)
        splitter = StratifiedKFold(folds, shuffle=True, random_state=self.seed)
        for fitted, held in splitter.split(matrix, codes):
            tree = self._tree().fit(matrix[fitted], codes[fitted])
            wrong[held] = tree.predict(matrix[held]) != codes[held]
        return float(wrong.mean())

    def _notes(self, codes: np.ndarray) -> list[str]:
        if np.isnan(self.error_):
            return ["the error out of sample is not known: a group has one customer only"]
        notes = [
            f"{self.error_:.1%} of customers are in a segment of another group, out of sample; "
            f"{self.error_of_largest_:.1%} would be if all were told to be of the largest"
        ]
        found = set(self.rules_["group"])
        lost = [str(group) for group in self.classes_ if str(group) not in found]
        return notes + [f"no segment stands for {', '.join(lost)}"] * bool(lost)

    def _later(self, X: pd.DataFrame) -> np.ndarray:
        """(n,) the node of the tree where each customer ends."""
        frame = seen_later(self, X, self.features_)
        missing = [c["name"] for c in self.columns_ if c["name"] not in frame]
        return _leaves(
            self.tree_.tree_, _matrix(frame.assign(**dict.fromkeys(missing)), self.columns_)[1]
        )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def given_groups(y: Any, n: int) -> np.ndarray:
    """(n,) the group of each customer.

    Raises:
        ValueError: what scikit-learn refuses: none, another length, numbers without an end.
    """
    if y is None:
        raise ValueError("fit requires y to be passed, but the target y is None")
    groups = column_or_1d(check_array(y, ensure_2d=False, dtype=None), warn=True)
    check_consistent_length(groups, np.empty(n))
    check_classification_targets(groups)
    return groups


def _asked(column: pd.Series, least: float) -> Column:
    """How a column is asked about: by cuts with a filling, or by its frequent enough values."""
    told: Column = {"name": column.name, "gaps": bool(column.isna().any())}
    if is_numeric_dtype(column) and not is_bool_dtype(column):
        return told | {"fill": float(column.median())}
    if is_bool_dtype(column):
        return told | {"values": [True]}
    shares = column.astype(str)[column.notna()].value_counts() / len(column)
    return told | {"values": sorted(shares.index[shares >= least])}


def _matrix(frame: pd.DataFrame, columns: list[Column]) -> tuple[list[tuple[str, Any]], np.ndarray]:
    """What each column of the matrix asks, as (name, value, UNKNOWN, or None for a cut); (n, p)."""
    names, made = list[tuple[str, Any]](), []
    for c in columns:
        name, column = c["name"], frame[c["name"]]
        if "fill" in c:
            names.append((name, None))
            made.append(column.astype(float).fillna(c["fill"]).to_numpy())
        for value in c.get("values", []):
            names.append((name, value))
            same = column == value if value is True else column.astype(str) == value
            made.append((same.fillna(False).astype(bool) & column.notna()).to_numpy(dtype=float))
        if c["gaps"]:
            names.append((name, UNKNOWN))
            made.append(column.isna().to_numpy(dtype=float))
    return names, np.column_stack(made)


def _leaves(tree: Any, matrix: np.ndarray) -> np.ndarray:
    """(n,) the node where each row ends; in double precision, as the expressions are."""
    node, rows = np.zeros(len(matrix), dtype=int), np.arange(len(matrix))
    for _ in range(tree.max_depth):
        goes_left = matrix[rows, np.maximum(tree.feature[node], 0)] <= tree.threshold[node]
        below = np.where(goes_left, tree.children_left[node], tree.children_right[node])
        node = np.where(tree.feature[node] >= 0, below, node)
    return node


def _paths(tree: Any) -> dict[int, list[Step]]:
    """The steps from the root to each leaf: column, whether above the cut, cut."""
    paths, open_ = dict[int, list[Step]](), [(0, list[Step]())]
    while open_:
        node, steps = open_.pop()
        if tree.feature[node] < 0:
            paths[node] = steps
            continue
        column, cut = int(tree.feature[node]), float(tree.threshold[node])
        open_.append((int(tree.children_left[node]), [*steps, (column, False, cut)]))
        open_.append((int(tree.children_right[node]), [*steps, (column, True, cut)]))
    return paths


def _tightest(steps: list[Step]) -> list[Step]:
    """The steps without those that a later one on the same side of the same column implies."""
    last = {(column, above): cut for column, above, cut in steps}
    return [(column, above, cut) for (column, above), cut in last.items()]


def _literal(value: Any) -> str:
    return "true" if value is True else "'" + str(value).replace("'", "''") + "'"
