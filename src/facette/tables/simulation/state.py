"""What of a simulated bank's customers changes from month to month."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facette.tables.simulation.people import NEVER, People


@dataclass(frozen=True)
class State:
    """n customers at the start of a month. Arrays of (n,) unless said.

    `complaint` and `project` are the months still to go, `past` the net margin a year, slowly
    forgotten. `since` (n, products) is the day since 1970 on which a product was opened, `left` the
    month of leaving, NEVER for who is still there.
    """

    held: np.ndarray
    since: np.ndarray
    wallet_log: np.ndarray
    share_logit: np.ndarray
    satisfaction: np.ndarray
    pressure: np.ndarray
    complaint: np.ndarray
    project: np.ndarray
    past: np.ndarray
    model: np.ndarray
    model_since: np.ndarray
    granted: np.ndarray
    objected: np.ndarray
    left: np.ndarray


def first_state(people: People, start_day: int) -> State:
    """The state at the start of the first month; `start_day` since 1970."""
    n, products = people.held.shape
    zeros, none = np.zeros(n), np.zeros(n, dtype=int)
    spread = np.linspace(1.0, 0.15, products)  # the first products are the oldest
    since = start_day - (people.tenure_days[:, None] * spread).astype(int)
    return State(
        held=people.held, since=since, wallet_log=people.wallet_log,
        share_logit=people.share_logit, satisfaction=zeros, pressure=zeros, complaint=none,
        project=none, past=np.full(n, np.nan), model=none - 1, model_since=none,
        granted=people.granted, objected=none.astype(bool), left=np.full(n, NEVER),
    )  # fmt: skip
