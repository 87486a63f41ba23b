"""Through which channel a relationship model reaches each customer, if through any."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import polars as pl

from facette.policy.relationship import Ways

NONE = -1


@dataclass(frozen=True)
class Reach:
    """Of n customers and m relationship models: which channel, and what that costs and uses.

    `channel`: (n, m) positions among `ways.channels`, -1 where no channel of the model is consented
    to, and for being served on request.
    """

    customers: pd.Index
    ways: Ways
    channel: np.ndarray

    @property
    def permitted(self) -> np.ndarray:
        """(n, m) who may be given which model; being served on request is open to all."""
        allowed = self.channel != NONE
        allowed[:, self.ways.on_request] = True
        return allowed

    def among(self, rows: np.ndarray) -> Reach:
        """Of the customers at these positions."""
        return Reach(self.customers[rows], self.ways, self.channel[rows])

    def cost(self) -> np.ndarray:
        """(n, m) currency units of the contacts of the horizon; 0 where there are none."""
        return self._of_channel(self.ways.cost) * self.ways.contacts

    def use(self, capacity: int) -> np.ndarray:
        """(n, m) of one capacity that the contacts of the horizon use up."""
        return self._of_channel(self.ways.uses[:, capacity]) * self.ways.contacts

    def _of_channel(self, figure: np.ndarray) -> np.ndarray:
        return np.where(self.channel == NONE, 0.0, figure[self.channel])


def reach(customers: pd.Index, ways: Ways, consented: np.ndarray) -> Reach:
    """The first channel of each model that a customer consents to; `consented` is (n, channels)."""
    channel = np.full((len(customers), len(ways.names)), NONE)
    for m, order in enumerate(ways.order):
        for k in sorted(np.flatnonzero(order >= 0), key=lambda k: order[k], reverse=True):
            channel[consented[:, k], m] = k
    return Reach(customers, ways, channel)


def numbered(customers: pd.Index) -> pl.DataFrame:
    """The customers as a table to join with: customer_id, and row, the place of each from 0."""
    return pl.DataFrame(
        {"customer_id": pl.Series(customers.to_list(), dtype=pl.String)}
    ).with_row_index("row")
