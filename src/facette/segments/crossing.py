"""Facets crossed: the value x potential matrix, and cells fine enough to act on.

A micro-segment is a cell of several segmentations at once. Cells too small to be handled apart lose
the distinction of the last segmentation first, so the order of the columns is one of importance.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

from facette.errors import BadInput
from facette.wording import listed

FIGURES = ("value", "headroom", "churn")
OTHER, REST, UNKNOWN = "other", "rest", "unknown"

Cell = tuple[str, ...]


def crossed(scored: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Customers, and mean expected value, headroom and churn probability, for each combination.

    `scored` has the packaged model's columns, one row per customer; a figure whose part is off is
    missing. Every customer is in exactly one row.
    """
    named = {"value_expected": "value", "headroom": "headroom", "churn_probability": "churn"}
    figures = scored.rename(columns=named)
    present = [f for f in FIGURES if f in figures]
    groups = figures.groupby(by, sort=False, observed=True, dropna=False)
    table = groups[present].mean()
    table.insert(0, "customers", groups.size())
    return table.reset_index().sort_values("customers", ascending=False, ignore_index=True)


@dataclass(frozen=True)
class MicroSegments:
    """Cells found once, to be applied to any customer later.

    `kept` holds the cells that stand: a whole combination, or its first labels where the smaller
    cells beside it were merged. `merged` has a row for each combination that does not stand alone:
    cell, customers, into. `notes` says what is left below the floor.
    """

    segmentations: list[str]
    kept: frozenset[Cell]
    merged: pd.DataFrame
    notes: list[str]

    def of(self, labels: pd.DataFrame) -> pd.Series:
        """The cell of each customer, by the merges that were found: one row in, one row out.

        A combination that was never seen goes where a small one would have gone.
        """
        code, cells = _combinations(labels[self.segmentations])
        names = np.array([self._named(cell) for cell in cells], dtype=object)
        return pd.Series(names[code], labels.index, object, "cell")

    def _named(self, cell: Cell) -> str:
        whole = len(self.segmentations)
        for length in range(whole, 0, -1):
            if cell[:length] in self.kept:
                return "/".join(cell[:length] if length == whole else (*cell[:length], OTHER))
        return REST


def micro_segments(labels: pd.DataFrame, floor: int) -> MicroSegments:
    """Cross the columns of `labels` (n, segmentations, the most important first) into cells.

    A combination of at least `floor` customers is a cell, `B1/top/high`. Those below are put
    together without the last distinction, `B1/top/other`, then, where that is still too small,
    without the one before, `B1/other`, at last into `rest`, which alone may be below the floor. A
    missing label counts as `unknown`.

    Raises:
        BadInput: no columns, a floor below 1, or labels that give two cells the same name.
    """
    if labels.shape[1] == 0 or floor < 1:
        raise BadInput(
            f"micro-segments: {labels.shape[1]} segmentations and a floor of {floor}; give at "
            "least one of each"
        )
    code, found = _combinations(labels)
    customers: Counter[Cell] = Counter()
    for cell, count in zip(found, np.bincount(code, minlength=len(found)).tolist(), strict=True):
        customers[cell] += count
    kept = _standing(customers, labels.shape[1], floor)
    cells = MicroSegments(list(labels.columns), kept, pd.DataFrame(), [])
    into = {cell: cells._named(cell) for cell in customers}
    _check_names(into, kept, labels.shape[1])
    rows = [(c, customers[c], into[c]) for c in sorted(customers) if c not in kept]
    merged = pd.DataFrame(
        [("/".join(cell), count, name) for cell, count, name in rows],
        columns=["cell", "customers", "into"],
    )
    return MicroSegments(list(labels.columns), kept, merged, _notes(merged, floor))


def _combinations(labels: pd.DataFrame) -> tuple[np.ndarray, list[Cell]]:
    """(n,) whole numbers, and the combination of labels that each of them stands for."""
    code: np.ndarray = np.zeros(len(labels), dtype=np.int64)
    cells: list[Cell] = [()] if len(labels) else []
    for name in labels:
        own, kinds = pd.factorize(labels[name].astype(object), use_na_sentinel=False)
        texts = [UNKNOWN if missing else str(kind)
                 for kind, missing in zip(kinds, pd.isna(kinds), strict=True)]  # fmt: skip
        code, pairs = pd.factorize(code * len(texts) + own)
        cells = [(*cells[pair // len(texts)], texts[pair % len(texts)]) for pair in pairs]
    return code, cells


def _standing(customers: Counter[Cell], whole: int, floor: int) -> frozenset[Cell]:
    """Cells of at least `floor`, the longest first; each counts what no longer one has taken."""
    kept: set[Cell] = set()
    left = customers
    for length in range(whole, 0, -1):
        sizes: Counter[Cell] = Counter()
        for cell, count in left.items():
            sizes[cell[:length]] += count
        kept |= {cell for cell, count in sizes.items() if count >= floor}
        left = Counter({cell: n for cell, n in left.items() if cell[:length] not in kept})
    return frozenset(kept)


def _check_names(into: dict[Cell, str], kept: frozenset[Cell], whole: int) -> None:
    """Refuse labels such as 'other' or 'a/b' where they make two cells one by name."""
    standing: dict[str, set[Cell]] = {}
    for cell, name in into.items():
        lengths = (n for n in range(whole, 0, -1) if cell[:n] in kept)
        standing.setdefault(name, set()).add(cell[: next(lengths, 0)])
    twice = sorted(name for name, cells in standing.items() if len(cells) > 1)
    if twice:
        raise BadInput(
            f"micro-segments: two cells would both be named {listed(twice)}; rename labels that "
            f"are '{OTHER}' or '{REST}' or hold '/'"
        )


def _notes(merged: pd.DataFrame, floor: int) -> list[str]:
    if merged.empty:
        return []
    told = (
        f"{len(merged)} cells below {floor:,} customers are merged, {merged['customers'].sum():,} "
        "customers in all"
    )
    rest = int(merged.loc[merged["into"] == REST, "customers"].sum())
    small = f"'{REST}' holds {rest:,} customers, below the floor of {floor:,}"
    return [told, small] if 0 < rest < floor else [told]
