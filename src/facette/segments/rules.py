"""Segments by rules: ordered expressions over the columns of a snapshot, the first that holds wins.

    RuleSegments({"new": "tenure_days <= 91", "large": "spend_182d > 500"}, "other", False)

Rules are looked at when they are fitted: which hold for nobody, which are never reached since
earlier ones take all of their customers, and how many customers no rule holds for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import narwhals as nw
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from facette.errors import BadInput
from facette.expressions import Expression, parse
from facette.segments.columns import as_segments, seen_at_fit, seen_later
from facette.wording import listed


class RuleSegments(BaseEstimator):
    """The first rule that holds gives the segment, `otherwise` is that of all others.

    `rules`: segment -> expression (`facette.expressions`) over snapshot columns; what can't be
    known does not hold. `skip_unknown`: a rule over a column that isn't there is left out, and
    said, instead of refused.

    Fitted: `segments_`, `notes_`, `features_`; `reach_`, one row per segment with `rule`, `matches`
    (customers for whom it holds), `taken` (those of them whom an earlier rule takes) and `share`
    (of customers in the segment); `words_`, each segment in words.
    """

    kind: ClassVar[str] = "a priori"

    def __init__(self, rules: Mapping[str, str], otherwise: str, skip_unknown: bool) -> None:
        self.rules = rules
        self.otherwise = otherwise
        self.skip_unknown = skip_unknown

    def fit(self, X: pd.DataFrame, y: Any = None) -> RuleSegments:
        """Read the rules and see whom of the (n, d) customers each of them reaches.

        Raises:
            BadInput: a rule can't be read, or reads a column that isn't there; `otherwise` is the
                name of a rule; no rule is left.
        """
        frame = seen_at_fit(self, X)
        read = self._read()
        self.rules_ = self._usable(read, frame)
        self.segments_ = as_segments([*self.rules_, self.otherwise])
        self.features_ = sorted(set().union(*(rule.columns for rule in self.rules_.values())))
        holds = _holding(self.rules_, frame)
        self.reach_ = _reach(holds, [*self.rules_, self.otherwise])
        self.words_ = self._worded()
        self.notes_ = [*_left_out(read, self.rules_, frame), *_findings(self.reach_, holds)]
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """(n,) the segment of each customer.

        Raises:
            BadInput: a column that a rule reads is missing, or of another kind.
        """
        check_is_fitted(self)
        holds = _holding(self.rules_, seen_later(self, X, self.features_))
        return np.array([*self.rules_, self.otherwise], dtype=object)[_first(holds)]

    def sql(self, table: str, dialect: str = "duckdb") -> str:
        """A query that gives `customer_id` and `segment` of each row of a table of snapshots.

        It divides as `predict` does, where what is missing is null.
        """
        check_is_fitted(self)
        from sqlglot import exp

        whens = "".join(
            f" WHEN {rule.sql(dialect)} THEN {exp.Literal.string(name).sql(dialect)}"
            for name, rule in self.rules_.items()
        )
        key, segment = (exp.column(c, quoted=True).sql(dialect) for c in ("customer_id", "segment"))
        other, source = exp.Literal.string(self.otherwise), exp.to_table(table)
        chosen = f"CASE{whens} ELSE {other.sql(dialect)} END" if whens else other.sql(dialect)
        quoted = source.sql(dialect, identify=True)
        return f"SELECT {key}, {chosen} AS {segment} FROM {quoted}"

    def plain(self) -> dict[str, Any]:
        """The rules in use, in their order, and the segment of all others."""
        check_is_fitted(self)
        rules = [{"segment": name, "rule": rule.text} for name, rule in self.rules_.items()]
        return {"kind": "rules", "rules": rules, "otherwise": self.otherwise}

    def _read(self) -> dict[str, Expression]:
        if self.otherwise in self.rules:
            raise BadInput(f"otherwise: '{self.otherwise}' is the name of a rule; give another one")
        if not isinstance(self.rules, Mapping):
            raise BadInput(f"rules: {self.rules!r} is no list of segment: expression")
        return {str(name): parse(str(text), f"rules.{name}") for name, text in self.rules.items()}

    def _usable(self, read: dict[str, Expression], frame: pd.DataFrame) -> dict[str, Expression]:
        if not self.skip_unknown:
            for rule in read.values():
                rule.check(frame.columns)
        kept = {name: rule for name, rule in read.items() if rule.columns <= set(frame.columns)}
        if read and not kept:
            absent = sorted(set().union(*(rule.columns for rule in read.values())) - {*frame})
            raise BadInput(f"rules: none is left; the snapshot has no column {listed(absent)}")
        return kept

    def _worded(self) -> dict[str, str]:
        words, before = {}, list[str]()
        for name, rule in self.rules_.items():
            words[name] = rule.text + (f", and not {' or '.join(before)}" if before else "")
            before.append(name)
        return words | {self.otherwise: f"neither {', '.join(before)}" if before else "everyone"}

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _holding(rules: Mapping[str, Expression], frame: pd.DataFrame) -> np.ndarray:
    """(n, rules): whether each rule holds for each customer."""
    if not rules:
        return np.zeros((len(frame), 0), dtype=bool)
    rows = nw.from_native(frame, eager_only=True)
    held = rows.select(**{name: rule.condition(rows.schema) for name, rule in rules.items()})
    return held.to_numpy().astype(bool)


def _first(holds: np.ndarray) -> np.ndarray:
    """(n,) the position of the first rule that holds, that of the catch-all where none does."""
    return np.column_stack([holds, np.ones(len(holds), dtype=bool)]).argmax(axis=1)


def _reach(holds: np.ndarray, names: list[str]) -> pd.DataFrame:
    """Whom each rule reaches; the catch-all matches those whom no rule takes."""
    won = np.bincount(_first(holds), minlength=len(names))
    matches = np.append(holds.sum(axis=0), won[-1])
    return pd.DataFrame(
        {"rule": names, "matches": matches, "taken": matches - won, "share": won / len(holds)}
    )


def _left_out(
    read: Mapping[str, Expression], kept: Mapping[str, Expression], frame: pd.DataFrame
) -> list[str]:
    return [
        f"rule {name} is left out: there is no column "
        f"{listed(sorted(rule.columns.difference(frame.columns)))}"
        for name, rule in read.items()
        if name not in kept
    ]


def _findings(reach: pd.DataFrame, holds: np.ndarray) -> list[str]:
    """Rules that hold for nobody, that are never reached, that overlap; who falls to no rule."""
    rules, last = reach.iloc[:-1], reach.iloc[-1]
    notes = [
        f"rule {rule} holds for none of {len(holds):,} customers"
        for rule in rules.loc[rules["matches"] == 0, "rule"]
    ]
    never = (rules["matches"] > 0) & (rules["matches"] == rules["taken"])
    for i in np.flatnonzero(never):
        takers = rules["rule"].iloc[np.unique(_first(holds)[holds[:, i]])]
        notes.append(
            f"rule {rules['rule'].iloc[i]} is never reached: all {rules['matches'].iloc[i]:,} "
            f"customers for whom it holds are taken by {listed(takers)}; place it earlier"
        )
    shared = rules[(rules["taken"] > 0) & ~never]
    if len(shared):
        told = (f"{row.rule} ({row.taken:,} of {row.matches:,})" for row in shared.itertuples())
        notes.append(f"rules overlap earlier ones, which come first: {listed(told)}")
    if last["matches"]:
        notes.append(
            f"no rule holds for {last['matches']:,} customers ({last['share']:.1%}): {last['rule']}"
        )
    return notes
