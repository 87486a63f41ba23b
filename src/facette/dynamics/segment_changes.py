"""Who is in another segment by another version: movement only where ids name the same segments.

Two versions may call different segments by one id, when the later was not identified with the
earlier. Each id is then checked by the customers in it, and where one fails how much the two
labellings have in common is told instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from facette.dynamics.migration import Movement, movement
from facette.segments.identity import identified, in_order
from facette.segments.quality import shared_information


@dataclass(frozen=True)
class SegmentChanges:
    """One division of the customers who have a segment by both versions.

    `counts`: customers, rows the segments before, columns those after. `common`: adjusted mutual
    information. `moved`: shares that stayed, moved, and were redrawn; None where ids don't name
    the same segments. `names` are the segments' names, after over before, where they have any.
    """

    counts: pd.DataFrame
    common: float
    moved: Movement | None
    names: Mapping[str, str]

    def moves(self, most: int) -> pd.DataFrame:
        """The `most` frequent changes: before, after, customers, share of all customers."""
        long = self.counts.stack().rename("customers").reset_index()
        long.columns = pd.Index(["before", "after", "customers"])
        changed = long[(long["before"] != long["after"]) & (long["customers"] > 0)]
        top = changed.sort_values("customers", ascending=False, kind="stable").head(most)
        whole = self.counts.to_numpy().sum()
        return top.assign(share=top["customers"] / whole).reset_index(drop=True)


def changes_of_ids(
    before: pd.Series, after: pd.Series, named: Mapping[str, str], least: Sequence[float]
) -> SegmentChanges:
    """Segments with ids, by customer.

    `least` are the overlap and the share that `identified` asks for; without them ids can't be
    checked, and nobody is said to have moved.
    """
    before, after = _of_both(before, after)
    order = in_order({*before, *after})
    counts, common = _counts(before, after, order), shared_information(before, after)
    return SegmentChanges(counts, common, _moved(before, after, *least) if least else None, named)


def _moved(
    before: pd.Series, after: pd.Series, least_overlap: float, least_share: float
) -> Movement | None:
    """The movement, where every id that both versions have is found to be the same segment."""
    found = identified(before, after, {}, 0, least_overlap, least_share=least_share)
    olds = {*before}
    agree = all(i == label if label in olds else i not in olds for label, i in found.ids.items())
    return movement(before, after, found) if agree else None


def changes_of_names(
    before: pd.Series, after: pd.Series, order: Sequence[str] = ()
) -> SegmentChanges:
    """Tiers or cells, by customer, whose names mean the same in both versions."""
    before, after = _of_both(before, after)
    counts = _counts(before, after, list(dict.fromkeys(order)))
    return SegmentChanges(counts, shared_information(before, after), movement(before, after), {})


def _of_both(before: pd.Series, after: pd.Series) -> tuple[pd.Series, pd.Series]:
    both = pd.DataFrame({"before": before, "after": after}, dtype=object).dropna()
    return both["before"], both["after"]


def _counts(before: pd.Series, after: pd.Series, order: Sequence[str]) -> pd.DataFrame:
    counts = pd.crosstab(before.to_numpy(), after.to_numpy())
    rows, columns = ([*(s for s in order if s in a), *(s for s in a if s not in order)]
                     for a in (counts.index, counts.columns))  # fmt: skip
    return counts.reindex(index=rows, columns=columns)
