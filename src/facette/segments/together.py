"""Several segmentations at once: what they repeat of one another, and what keeping them costs."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from math import prod

import numpy as np
import pandas as pd

from facette.errors import BadInput
from facette.segments.identity import in_order
from facette.segments.quality import shared_information
from facette.wording import listed

CROSSED = "crossed"
AGREEMENT_SAMPLE = 100_000  # customers; chance agreement takes time with their number, not accuracy


def agreement(labels: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Adjusted mutual information of every two labellings (Vinh, Epps & Bailey 2010).

    `labels` holds any number of them by name, each indexed by customer: segmentations, and beside
    them what they should not repeat, such as value tier and past treatment. 0 is what chance gives,
    1 the same division. Each pair is judged on the customers labelled in both, AGREEMENT_SAMPLE of
    them at most; NaN where none is.
    """
    names = list(labels)
    table = pd.DataFrame(np.eye(len(names)), names, names)
    for one, other in combinations(names, 2):
        both = _both(labels[one], labels[other])
        both = both.sample(min(len(both), AGREEMENT_SAMPLE), random_state=0)
        known = shared_information(both["one"], both["other"]) if len(both) else np.nan
        table.loc[one, other] = table.loc[other, one] = known
    return table


def redundant(agreed: pd.DataFrame, threshold: float) -> list[str]:
    """A sentence for each pair that agrees by `threshold` or more, the closest first.

    `agreed` as from `agreement`; a pair that could not be judged is passed over.
    """
    pairs = [(agreed.loc[a, b], a, b) for a, b in combinations(agreed.index, 2)]
    close = sorted((p for p in pairs if p[0] >= threshold), key=lambda p: -p[0])
    return [
        f"{one} and {other} divide customers nearly alike: adjusted mutual information {found:.2f},"
        f" {threshold:.2f} or more counts as redundant"
        for found, one, other in close
    ]


def crosstab(one: pd.Series, other: pd.Series) -> pd.DataFrame:
    """Customers in each pair of labels, and their share of the row: one, other, customers, share.

    On the customers labelled in both; pairs without customers have their row too, so that the
    shares of a label of `one` add up to 1.
    """
    both = _both(one, other)
    counts = pd.crosstab(both["one"], both["other"])
    counts = counts.reindex(index=in_order(counts.index), columns=in_order(counts.columns))
    table = counts.stack().rename("customers").reset_index()
    return table.assign(
        share=table["customers"] / table.groupby("one")["customers"].transform("sum")
    )


def bill(
    labels: Mapping[str, pd.Series],
    rules: Mapping[str, int],
    treatments: Mapping[str, int],
    set_up_cost: float,
    yearly_cost: float,
    floor: int,
) -> pd.DataFrame:
    """The complexity bill: a row for each segmentation, and one for all of them `crossed`.

    Columns: segmentation, cells that could be filled, those that are, of these those below `floor`
    customers, rules to maintain, treatments, and what the treatments cost to set up once and to
    keep a year (currency units; `set_up_cost` and `yearly_cost` are those of one). A categorical
    column counts its categories as cells, any other its distinct labels; crossed, every
    combination could be filled, by customers labelled in all.

    `rules` and `treatments` are given for each segmentation. Under `crossed` they may be given: its
    rules are else those of all segmentations together, its treatments one for each filled cell.

    Raises:
        BadInput: a segmentation without its number of rules or treatments.
    """
    for what, given in (("rules", rules), ("treatments", treatments)):
        missing = [name for name in labels if name not in given]
        if missing:
            raise BadInput(f"bill: no number of {what} for {listed(missing)}; give 0 for none")
    rows = [
        (name, _possible(own), *_filled(own, floor), rules[name], treatments[name])
        for name, own in labels.items()
    ]
    told = {name: own.dropna().astype(str) for name, own in labels.items()}
    filled, below = _filled(pd.concat(told, axis=1, join="inner"), floor)
    all_rules = rules.get(CROSSED, sum(rules[name] for name in labels))
    cells = prod(_possible(own) for own in labels.values())
    rows.append((CROSSED, cells, filled, below, all_rules, treatments.get(CROSSED, filled)))
    columns = ["segmentation", "cells", "filled", "below_floor", "rules", "treatments"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(
        set_up_cost=table["treatments"] * float(set_up_cost),
        yearly_cost=table["treatments"] * float(yearly_cost),
    )


def _both(one: pd.Series, other: pd.Series) -> pd.DataFrame:
    """The customers labelled in both: columns one and other."""
    return pd.concat({"one": one, "other": other}, axis=1, join="inner").dropna().astype(object)


def _possible(labels: pd.Series) -> int:
    known = isinstance(labels.dtype, pd.CategoricalDtype)
    return len(labels.cat.categories) if known else int(labels.nunique())


def _filled(labels: pd.Series | pd.DataFrame, floor: int) -> tuple[int, int]:
    """Cells with customers, and how many of them have fewer than `floor`."""
    sizes = labels.value_counts()
    sizes = sizes[sizes > 0]
    return len(sizes), int((sizes < floor).sum())
