"""Segments keep their identity over refits, and what moves between them is measured right."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from moving_groups import GROUPS, TRUTH, Month, months, placed, unrest

from facette.dynamics.migration import movement

CUSTOMERS, MONTHS, REPLICATIONS, REFITS = 1200, 12, 100, 100


def error_of_moved(month: Month) -> float:
    """The share told to have moved, against that of customers who truly changed group."""
    both = month.groups.index.intersection(month.groups_after.index)
    true = (month.groups[both] != month.groups_after[both]).mean()
    return float(abs(movement(month.before, month.after, month.identity).moved - true))


def test_intervals_cover_the_known_transitions(evidence: Callable[..., bool]) -> None:
    covered, ids, off = [], set(), 0.0
    for seed in range(REPLICATIONS):
        run = months(CUSTOMERS, MONTHS, seed)
        covered.append([month.covered() for month in run])
        ids |= {i for month in run for i in month.identity.ids.values()}
        off = max([off, *map(error_of_moved, run)])
    rates = np.array(covered)
    coverage, cells = rates.mean(), rates.mean(axis=(0, 1))
    evidence(
        "transition_intervals_cover_the_truth",
        {"coverage": coverage, "se": rates.mean(axis=(1, 2, 3)).std() / REPLICATIONS**0.5,
         "least_of_a_cell": cells.min(), "most_of_a_cell": cells.max(), "intervals": rates.size,
         "ids_given": len(ids), "largest_error_of_moved": off},
        f"95 % intervals hold the true share in .93 to .97; {GROUPS} ids in all; moved exact",
        0.93 <= coverage <= 0.97 and len(ids) == GROUPS and off < 1e-12,
        f"{REPLICATIONS} panels of {CUSTOMERS:,} customers in {GROUPS} groups, {MONTHS} months, "
        f"{TRUTH.size} shares from {TRUTH.min():g} to {TRUTH.max():g}, k-means refitted monthly "
        "with another seed",
    )  # fmt: skip


def test_a_refit_with_another_seed_moves_nobody(evidence: Callable[..., bool]) -> None:
    rng, seeds = np.random.default_rng(0), range(1, REFITS + 1)
    clear = placed(pd.Series(rng.integers(0, GROUPS, CUSTOMERS)), rng)
    by_label, by_id = unrest(clear, seeds)
    _, by_id_in_cloud = unrest(rng.normal(size=(CUSTOMERS, 2)), seeds)
    evidence(
        "a_refit_with_another_seed_moves_nobody",
        {"moved": by_id, "label_changed": by_label, "moved_without_groups": by_id_in_cloud},
        "nobody moves between clear groups, whatever the labels; without groups it is shown",
        by_id == 0 and by_label > 0.5,
        f"{CUSTOMERS:,} customers in {GROUPS} groups, or in one round cloud, {REFITS} refits of "
        "k-means on the same data",
    )
