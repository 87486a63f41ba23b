"""Segments that keep their identity: a refit takes over the ids of the version before.

A clusterer numbers its segments anew at each fit. What makes a segment the same one is who is in
it: segments of the refit are matched one to one to those of the version before by the customers
they share, a matched one keeps its id and name, any other gets an id that was never given before.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from facette.errors import BadInput
from facette.wording import listed

PREFIX = "B"
MOST = 0.5  # more than this share of customers is most of them
AS_GOOD = 1e-12  # sums of overlaps that differ by less are equal


@dataclass(frozen=True)
class Identity:
    """Which segment of a refit is which of the version before.

    `ids` maps each label of the refit to its kept or new id. Every id of the refit is in `kept` or
    in `born`, every id of before in `kept` or in `died`. `split` (old id -> ids of its pieces) and
    `merged` (id -> old ids in it) explain them; a piece may have kept the old id. `overlaps` has a
    row for each pair: before, after (the label), id, customers they share, jaccard, and the shares
    of_before and of_after that these are. `highest` is the highest number of an id ever given,
    `said` what a reader must know.
    """

    ids: dict[Hashable, str]
    kept: list[str]
    born: list[str]
    died: list[str]
    split: dict[str, list[str]]
    merged: dict[str, list[str]]
    overlaps: pd.DataFrame
    highest: int
    said: list[str]

    def of(self, labels: pd.Series) -> pd.Series:
        """The ids of customers with these labels of the refit; a missing label stays missing.

        Raises:
            BadInput: a label that is not in `ids`.
        """
        strange = in_order(set(labels.dropna().unique()) - set(self.ids))
        if strange:
            raise BadInput(
                f"segments: {listed(strange)} is not among the labels that were identified "
                f"({listed(self.ids)}); identify all segments of the refit"
            )
        return labels.astype(object).map(self.ids).astype(object)


def identified(
    before: pd.Series | None,
    after: pd.Series,
    named: Mapping[str, str],
    highest: int,
    least_overlap: float,
    *,
    least_share: float,
    stability: Mapping[Any, float] | None = None,
    least_stability: float | None = None,
) -> Identity:
    """Match the segments of a refit to those of the version before, on the customers in both.

    `before` (ids; None for a first version) and `after` (labels) are indexed by customer, `named`
    gives the names of all segments of before. The matching has the largest sum of Jaccard indices,
    a pair below `least_overlap` being none (Kuhn 1955; Jaccard as in Hennig 2007). Of matchings
    with the same sum the earliest old id takes the earliest label. New ids are numbered above
    `highest` in the order of labels, so that none is used twice.

    A segment of before is split where two or more of the refit take `least_share` of it each and
    it makes up most of each; one of the refit is merged where two or more of before are
    `least_share` of it each and most of each is in it.

    With the `stability` of each label (mean bootstrap Jaccard), segments below `least_stability`
    are said to have names that may not carry over.

    Raises:
        BadInput: a customer has more than one segment.
    """
    before = pd.Series(dtype=object) if before is None else before.dropna().map(str)
    after = after.dropna()
    _check_one_segment_each(before, after)
    olds = in_order({*before.unique(), *named})
    shared = _shared(before, after, olds, in_order(after.unique()))
    jaccard = _jaccard(shared)
    pairs = _matched(jaccard, least_overlap)
    highest = max([highest, *map(_number, olds)])
    ids = _ids(shared, pairs, highest)
    kept = [olds[i] for i, _ in pairs]
    found = Identity(
        ids=ids,
        kept=kept,
        born=[new for new in ids.values() if new not in kept],
        died=[old for old in olds if old not in kept],
        split=_pieces(shared, least_share, ids),
        merged=_parts(shared, least_share, ids),
        overlaps=_overlaps(shared, jaccard, ids),
        highest=max([highest, *map(_number, ids.values())]),
        said=[],
    )
    unsure = _said_unstable(ids, stability or {}, least_stability)
    return replace(found, said=[*_said(found, named), *unsure])


def in_order(segments: Iterable[Any]) -> list[Any]:
    """Ids or labels in reading order: B2 before B10."""
    return sorted(segments, key=lambda s: (len(str(s)), str(s)))


def _number(segment: Any) -> int:
    found = re.fullmatch(rf"{PREFIX}(\d+)", str(segment))
    return int(found[1]) if found else 0


def _check_one_segment_each(before: pd.Series, after: pd.Series) -> None:
    for when, labels in (("before", before), ("after", after)):
        twice = labels.index[labels.index.duplicated()].unique()
        if len(twice):
            raise BadInput(
                f"segments {when}: customers with more than one row: {len(twice):,} "
                f"({listed(twice, 3)}); keep one segment for each"
            )


def _shared(before: pd.Series, after: pd.Series, olds: list, labels: list) -> pd.DataFrame:
    """Customers in both versions, (old segments, labels)."""
    both = before.index.intersection(after.index)
    counts = pd.crosstab(before.loc[both].to_numpy(), after.loc[both].to_numpy())
    return counts.reindex(index=olds, columns=labels, fill_value=0).astype(int)


def _jaccard(shared: pd.DataFrame) -> np.ndarray:
    n = shared.to_numpy()
    union = n.sum(axis=1, keepdims=True) + n.sum(axis=0, keepdims=True) - n
    return n / np.maximum(union, 1)


def _matched(jaccard: np.ndarray, least_overlap: float) -> list[tuple[int, int]]:
    """Pairs (row, column) of the best matching; of those as good, the first in reading order."""
    allowed = np.where(jaccard >= least_overlap, jaccard, 0.0)
    best, pairs = _total(allowed), []
    for i in range(len(allowed)):
        for j in np.flatnonzero(allowed[i]):
            rest = allowed.copy()
            rest[i, :] = rest[:, j] = 0
            if allowed[i, j] + _total(rest) >= best - AS_GOOD:
                pairs.append((i, int(j)))
                break
        else:
            rest = allowed.copy()
            rest[i, :] = 0
        allowed, best = rest, _total(rest)
    return pairs


def _total(allowed: np.ndarray) -> float:
    from scipy.optimize import linear_sum_assignment

    return float(allowed[linear_sum_assignment(allowed, maximize=True)].sum())


def _ids(shared: pd.DataFrame, pairs: list[tuple[int, int]], highest: int) -> dict[Hashable, str]:
    given = {j: shared.index[i] for i, j in pairs}
    ids = {}
    for j, label in enumerate(shared.columns):
        if j not in given:
            highest += 1
        ids[label] = given.get(j, f"{PREFIX}{highest}")
    return ids


def _pieces(
    shared: pd.DataFrame, least_share: float, ids: Mapping[Hashable, str]
) -> dict[str, list[str]]:
    """Segments of before that are split, with the ids of their pieces."""
    of_before, of_after = _shares(shared)
    found = (of_before >= least_share) & (of_after > MOST)
    own = {old: in_order(map(ids.get, found.columns[row])) for old, row in found.iterrows()}
    return {old: pieces for old, pieces in own.items() if len(pieces) > 1}


def _parts(
    shared: pd.DataFrame, least_share: float, ids: Mapping[Hashable, str]
) -> dict[str, list[str]]:
    """Ids of the refit that are merged, with the segments of before in them."""
    of_before, of_after = _shares(shared)
    found = (of_after >= least_share) & (of_before > MOST)
    own = {ids[label]: list(found.index[column]) for label, column in found.items()}
    return {new: parts for new, parts in own.items() if len(parts) > 1}


def _shares(shared: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The share of each segment of before, and of each label, that a pair makes up."""
    rows, columns = shared.sum(axis=1).clip(lower=1), shared.sum(axis=0).clip(lower=1)
    return shared.div(rows, axis=0), shared.div(columns, axis=1)


def _overlaps(
    shared: pd.DataFrame, jaccard: np.ndarray, ids: Mapping[Hashable, str]
) -> pd.DataFrame:
    of_before, of_after = _shares(shared)
    pairs = pd.MultiIndex.from_product([shared.index, shared.columns], names=["before", "after"])
    table = pd.DataFrame(index=pairs).reset_index()
    table["id"] = table["after"].map(ids)
    table["customers"] = shared.to_numpy().ravel()
    table["jaccard"] = jaccard.ravel()
    table["of_before"] = of_before.to_numpy().ravel()
    return table.assign(of_after=of_after.to_numpy().ravel())


def _said(found: Identity, named: Mapping[str, str]) -> list[str]:
    """What became of each segment, once: a birth or death only where nothing else explains it."""
    if not found.kept + found.died:
        return [f"first version: {listed(found.born)} are new"]
    if not found.overlaps["customers"].any():
        return ["no customer is in a segment of both versions: identity can't be told, all are new"]
    pieces = {*chain(*found.split.values()), *found.merged}
    parts = {*chain(*found.merged.values()), *found.split}
    by_new, by_old = found.overlaps.groupby("id"), found.overlaps.groupby("before")
    return [
        _said_kept(found, named),
        *(_said_split(old, ids, by_old.get_group(old), named) for old, ids in found.split.items()),
        *(_said_merged(new, olds, named) for new, olds in found.merged.items()),
        *(_said_born(i, by_new.get_group(i), named) for i in found.born if i not in pieces),
        *(_said_died(i, by_old.get_group(i), named) for i in found.died if i not in parts),
    ]


def _said_kept(found: Identity, named: Mapping[str, str]) -> str:
    if not found.born + found.died:
        return f"all {len(found.kept)} segments are kept"
    told = listed(_spoken(i, named) for i in found.kept)
    whole = f"{len(found.kept)} of {len(found.kept) + len(found.died)} segments are kept"
    return whole + (f": {told}" if found.kept else "")


def _said_split(old: str, pieces: list[str], own: pd.DataFrame, named: Mapping[str, str]) -> str:
    shares = own.set_index("id")["of_before"]
    told = _and(f"{i} ({shares[i]:.0%} of it)" for i in pieces)
    return f"{_spoken(old, named)} split into {told}"


def _said_merged(new: str, parts: list[str], named: Mapping[str, str]) -> str:
    return f"{_and(_spoken(i, named) for i in parts)} merged into {new}"


def _said_born(new: str, own: pd.DataFrame, named: Mapping[str, str]) -> str:
    closest = own.loc[own["customers"].idxmax()]
    if not closest["customers"]:
        return f"{new} is new: none of its customers was in a segment before"
    return (
        f"{new} is new: the largest part of its customers, {closest['of_after']:.0%}, "
        f"was in {_spoken(closest['before'], named)}"
    )


def _said_died(old: str, own: pd.DataFrame, named: Mapping[str, str]) -> str:
    closest = own.loc[own["customers"].idxmax()]
    if not closest["customers"]:
        return f"{_spoken(old, named)} is no more: none of its customers is in a segment now"
    return (
        f"{_spoken(old, named)} is no more: the largest part of its customers, "
        f"{closest['of_before']:.0%}, is in {closest['id']}"
    )


def _said_unstable(
    ids: Mapping[Hashable, str], stability: Mapping[Any, float], least: float | None
) -> list[str]:
    if least is None:
        return []
    weak = [f"{i} ({stability[s]:.2f})" for s, i in ids.items() if stability.get(s, least) < least]
    if not weak:
        return []
    return [f"stability below {least:.2f} in {_and(weak)}: names may not carry over to a refit"]


def _spoken(segment: str, named: Mapping[str, str]) -> str:
    return f"{segment} '{named[segment]}'" if named.get(segment) else segment


def _and(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
