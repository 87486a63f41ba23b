"""Segmentations side by side: each fitted once at the latest training date, applied at both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from facette.errors import BadInput
from facette.segments.behaviour import MIN_KNOWN, BehaviourSegments, standardised
from facette.segments.quality import best_jaccard
from facette.snapshots.panel import Panel, Snapshot

BEHAVIOUR = "behaviour"


@dataclass(frozen=True)
class Applied:
    """One segmentation, its segments by customer at two dates.

    `names`: id -> name, in the segmentation's order. `training` and `test`: segment ids indexed by
    customer; of undated data two halves of the customers. `stability`: per id, the mean over
    bootstrap refits of the best Jaccard match (Hennig 2007); frozen rules have 1.
    `confidence`: how surely each customer of the test date is assigned, 0 to 1; `between`: whether
    they stand between segments.
    """

    name: str
    kind: str
    purpose: str
    names: dict[str, str]
    training: pd.Series
    test: pd.Series
    stability: dict[str, float]
    confidence: pd.Series
    between: pd.Series
    fitted: Any
    notes: list[str] = field(default_factory=list)

    @property
    def customers(self) -> pd.Series:
        """Customers of each segment at the test date, in the segmentation's order."""
        return self.test.value_counts().reindex(list(self.names), fill_value=0)

    def told(self) -> dict[str, Any]:
        """All that was fitted, as plain JSON, stored with the version."""
        segments = [{"id": i, "name": name} for i, name in self.names.items()]
        about = {"kind": self.kind, "purpose": self.purpose, "segments": segments}
        return about | {"fitted": self.fitted.plain()}


def known_at(snapshot: Snapshot) -> pd.DataFrame:
    """What rules and criteria may read of each customer: features, and the context beside them."""
    beside = snapshot.context.drop(columns=snapshot.features.columns, errors="ignore")
    return snapshot.features.join(beside)


def two_views(panel: Panel, seed: int) -> tuple[Snapshot, Snapshot]:
    """The latest training snapshot and the test; of undated data two halves of the customers."""
    if panel.dated:
        return panel.training[-1], panel.test
    first = np.random.default_rng(seed).permutation(len(panel.test)) < len(panel.test) / 2
    return panel.test.keep(first), panel.test.keep(~first)


@dataclass(frozen=True)
class Chosen:
    """One segmentation of the configuration; `optional`: off where the data lack what it reads."""

    purpose: str
    estimator: Any
    optional: bool


def fitted_of(
    chosen: Mapping[str, Chosen], panel: Panel, seed: int
) -> tuple[dict[str, Chosen], dict[str, str]]:
    """Each segmentation fitted at the latest training date, and why an optional one is off.

    Raises:
        BadInput: one that is not optional can't be fitted on these data.
    """
    frame = known_at(two_views(panel, seed)[0])
    made, off = {}, {}
    for name, one in chosen.items():
        try:
            made[name] = replace(one, estimator=clone(one.estimator).fit(frame))
        except BadInput as error:
            why = f"segmentations.{name}.{error}"
            if not one.optional:
                raise BadInput(why) from None
            off[name] = why
    return made, off


def applied(
    name: str, chosen: Chosen, frame: pd.DataFrame, later: pd.DataFrame, resamples: int, seed: int
) -> Applied:
    """A fitted segmentation on what is known of customers at both dates (see `known_at`)."""
    fitted = chosen.estimator
    names = {s["id"]: s["name"] for s in fitted.segments_}
    training = pd.Series(fitted.predict(frame), index=frame.index, name=name)
    sure = pd.DataFrame({"confidence": 1.0, "between": False}, index=later.index)
    if hasattr(fitted, "placed"):
        sure = fitted.placed(later)
    return Applied(
        name, fitted.kind, chosen.purpose, names, training,
        pd.Series(fitted.predict(later), index=later.index, name=name),
        refit_stability(fitted, frame, training, list(names), resamples, seed),
        sure["confidence"], sure["between"], fitted, list(fitted.notes_),
    )  # fmt: skip


def of_behaviour(behaviour: BehaviourSegments, panel: Panel, between: float, seed: int) -> Applied:
    """Behaviour segments as one segmentation among others."""
    ids = np.array([s["id"] for s in behaviour.segments], dtype=object)
    before, after = two_views(panel, seed)
    z, later = (standardised(s.features, behaviour.columns) for s in (before, after))
    fitted = behaviour.estimator
    known = after.features[[c["name"] for c in behaviour.columns]].notna().mean(axis=1)
    sure = pd.Series(behaviour.confidence(later), after.features.index).where(known >= MIN_KNOWN, 0)
    return Applied(
        BEHAVIOUR, "unsupervised", "relation",
        {s["id"]: s["name"] for s in behaviour.segments},
        pd.Series(ids[fitted.predict(z)], index=before.features.index, name=BEHAVIOUR),
        pd.Series(ids[fitted.predict(later)], index=after.features.index, name=BEHAVIOUR),
        behaviour.stability,
        sure, sure < between, behaviour, list(behaviour.notes),
    )  # fmt: skip


def refit_stability(
    fitted: Any, frame: pd.DataFrame, labels: pd.Series, ids: Sequence[str], resamples: int,
    seed: int,
) -> dict[str, float]:  # fmt: skip
    """Per segment, the mean over bootstrap refits of the best Jaccard match (Hennig 2007).

    A draw that the segmentation can't be fitted on brings none of them back.
    """
    generator = np.random.default_rng(seed)
    code = {segment: i for i, segment in enumerate(ids)}
    own = labels.map(code).to_numpy()
    found = np.zeros((resamples, len(ids)))
    for b in range(resamples):
        drawn = generator.integers(0, len(frame), len(frame))
        with suppress(BadInput):
            again = clone(fitted).fit(frame.iloc[drawn]).predict(frame)
            found[b] = best_jaccard(own, pd.factorize(again)[0], len(ids))
    held = np.bincount(own, minlength=len(ids)) > 0
    return {s: float(found[:, i].mean()) for s, i in code.items() if held[i]}
