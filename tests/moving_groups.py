"""Customers in well-separated groups who move by a known matrix, refitted month after month."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans

from facette.dynamics.migration import movement, transitions
from facette.segments.identity import Identity, identified

LEFT = "left"
TRUTH = np.array(  # from the groups in the rows to the groups; the last column: left
    [
        [0.86, 0.08, 0.03, 0.01, 0.02],
        [0.05, 0.82, 0.08, 0.03, 0.02],
        [0.02, 0.10, 0.80, 0.05, 0.03],
        [0.01, 0.04, 0.12, 0.78, 0.05],
    ]
)
GROUPS = len(TRUTH)
CENTRES = 12.0 * np.array([[0, 0], [1, 0], [0, 1], [1, 1]])  # in standard deviations of a group


@dataclass(frozen=True)
class Month:
    """True groups and ids before, true groups and the refit's raw labels after, who left."""

    groups: pd.Series
    before: pd.Series
    groups_after: pd.Series
    after: pd.Series
    left: pd.Index
    identity: Identity

    def transitions(self) -> pd.DataFrame:
        lost = {LEFT: self.left}
        return transitions(self.before, self.after, absorbing=lost, identity=self.identity)

    def covered(self) -> np.ndarray:
        """For each cell of the true matrix, whether its interval holds the truth."""
        ids = [self.before[self.groups == group].mode()[0] for group in range(GROUPS)]
        table = self.transitions().set_index(["from", "to"])
        cells = table.reindex(pd.MultiIndex.from_product([ids, [*ids, LEFT]]))
        low, high = (cells[end].to_numpy().reshape(TRUTH.shape) for end in ("low", "high"))
        return (low <= TRUTH) & (high >= TRUTH)


def months(customers: int, count: int, seed: int) -> list[Month]:
    """`count` months, each refitted with another seed and identified with the month before.

    As many customers come new, in any group, as left in the month.
    """
    rng = np.random.default_rng(seed)
    groups = pd.Series(rng.integers(0, GROUPS, customers))
    labels = refitted(groups, rng)
    found = again(None, labels, 0)
    ids, told = found.of(labels), []
    for _ in range(count):
        moved = drawn(groups, rng)
        left = moved.index[moved == GROUPS]
        newcomers = pd.Series(
            rng.integers(0, GROUPS, len(left)), groups.index.max() + 1 + np.arange(len(left))
        )
        present = pd.concat([moved.drop(left), newcomers])
        labels = refitted(present, rng)
        found = again(ids, labels, found.highest)
        told.append(Month(groups, ids, present, labels, left, found))
        groups, ids = present, found.of(labels)
    return told


def drawn(groups: pd.Series, rng: np.random.Generator) -> pd.Series:
    """Where each customer is next: a group, or `GROUPS` for left."""
    passed = rng.random(len(groups))[:, None] > TRUTH.cumsum(axis=1)[groups]
    return pd.Series(np.minimum(passed.sum(axis=1), GROUPS), groups.index)


def refitted(groups: pd.Series, rng: np.random.Generator) -> pd.Series:
    """Raw labels of a k-means fit on where customers of these groups stand."""
    return clustered(placed(groups, rng), int(rng.integers(2**31))).set_axis(groups.index)


def placed(groups: pd.Series, rng: np.random.Generator) -> np.ndarray:
    return CENTRES[groups] + rng.normal(size=(len(groups), 2))


def clustered(place: np.ndarray, seed: int) -> pd.Series:
    return pd.Series(KMeans(GROUPS, n_init=5, random_state=seed).fit_predict(place))


def again(before: pd.Series | None, after: pd.Series, highest: int) -> Identity:
    return identified(before, after, {}, highest, least_overlap=0.5, least_share=0.2)


def unrest(place: np.ndarray, seeds: range) -> tuple[float, float]:
    """Refits on unchanged data: mean share of customers whose label, and whose id, changed."""
    labels = clustered(place, 0)
    first = again(None, labels, 0)
    ids, shares = first.of(labels), []
    for seed in seeds:
        refit = clustered(place, seed)
        told = movement(ids, refit, again(ids, refit, first.highest))
        shares.append(((refit != labels).mean(), told.moved + told.redrawn))
    by_label, by_id = np.mean(shares, axis=0)
    return float(by_label), float(by_id)
