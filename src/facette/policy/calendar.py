"""When each customer is contacted: an even spread that no capacity of a month is broken by.

The customers of a relationship model and channel, in the order of a digest of their ids, stand
evenly over its interval: the j-th of n has the phase floor(j I / n), and is contacted on days that
leave it over when divided by I, counted from 1970: a plan made again before the interval is over
goes on where the last one was, and nobody's turn is lost or comes twice. Phases go round, so that
any w days in a row hold ceil(w n / I) contacts at the most, wherever they begin. What pressure
delays and quiet periods leave out is only taken away from that, so that the bound holds whatever
happened to whom. As customers come and go, phases shift by a few days.

Days are whole and otherwise counted from the day of the reference date, day 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import numpy as np
import pandas as pd

from facette.policy.relationship import Ways
from facette.settings.policy import QuietPeriod
from facette.tables.contract import DAY_US

NO_DAY = -1
EPOCH = date(1970, 1, 1)


def next_days(
    customers: pd.Index, model: np.ndarray, channel: np.ndarray, interval: np.ndarray,
    earliest: np.ndarray, t: int, quiet: Iterable[QuietPeriod], horizon_days: int,
) -> np.ndarray:  # fmt: skip
    """The day of each customer's first contact, (n,); -1 where none falls before the horizon ends.

    `model` and `channel` (n,): positions in `Ways`; -1 for who is not to be contacted, on request
    or in the holdout, and does not count among the others. `interval` (n,): days from one contact
    of the model to the next, 0 for none; `earliest` (n,): no contact before that day.
    """
    contacted = (model >= 0) & (channel >= 0) & (interval > 0)
    group = np.where(contacted, model * (channel.max(initial=0) + 1) + channel, -1)
    silent = quiet_days(t, quiet, horizon_days)
    step = np.maximum(interval, 1).astype(np.int64)
    day = earliest + (_phases(customers, group, step) - earliest - t // DAY_US) % step
    hushed = _falls(day, silent)
    while hushed.any():
        day = np.where(hushed, day + step, day)
        hushed = _falls(day, silent)
    return np.where(contacted & (day < horizon_days), day, NO_DAY)


def _falls(day: np.ndarray, silent: np.ndarray) -> np.ndarray:
    """Which of the days are silent ones; none is that lies past the horizon."""
    ahead = day < len(silent)
    return np.asarray(ahead & silent[np.where(ahead, day, 0)])


def quiet_days(t: int, quiet: Iterable[QuietPeriod], horizon_days: int) -> np.ndarray:
    """Which of the days from that of `t` (microseconds) are quiet, (horizon_days,) booleans."""
    silent = np.zeros(horizon_days, dtype=bool)
    for period in quiet:
        first, last = (
            (date.fromisoformat(str(day)) - EPOCH).days - t // DAY_US
            for day in (period.first, period.last)
        )
        silent[max(0, first) : max(0, last + 1)] = True
    return silent


def _phases(customers: pd.Index, group: np.ndarray, step: np.ndarray) -> np.ndarray:
    """The phase of each customer among those of the same model and channel, (n,)."""
    digest = pd.util.hash_array(np.asarray(customers, dtype=object), categorize=False)
    order = np.lexsort((digest, group))
    _, first, size = np.unique(group[order], return_index=True, return_counts=True)
    place = np.arange(len(order)) - np.repeat(first, size)
    phase = np.empty(len(order), dtype=np.int64)
    phase[order] = place * step[order] // np.repeat(size, size)
    return phase


def capacity_slack(ways: Ways) -> np.ndarray:
    """What to keep free of each capacity of a month, (r,), for the rounding of phases.

    n customers c times a month have fewer than n c + 1 contacts in any 30 days, as their interval
    is a month divided by c or longer: so one contact of each channel of each relationship model.
    """
    return np.asarray(_pairs(ways) @ ways.uses)


def budget_slack(ways: Ways) -> float:
    """What to keep free of the budget of a horizon, in currency units, by the same reckoning."""
    return float(_pairs(ways) @ ways.cost)


def _pairs(ways: Ways) -> np.ndarray:
    """How many relationship models start contacts by each channel, (k,)."""
    return np.asarray((ways.order[ways.contacts_a_month > 0] >= 0).sum(axis=0), dtype=float)
