"""Value and days of purchase faded with age: what is one half-life old counts half.

The whole known past counts, so that no window has to fit into the history at the earliest date, and
snapshots with little and with much history behind them mean the same.
"""

from __future__ import annotations

from functools import reduce
from itertools import pairwise

import numpy as np

from facette.snapshots.ratios import Columns, ratio
from facette.snapshots.spec import PERIOD_DAYS, SnapshotSpec
from facette.tables.contract import DAY_US

# Ages in days between which a day's weight is that of their mean: finer where it falls fast.
AGES = (7, 14, 28, 56, 91, 182, 364, 728, 1456)
SOURCES = {"value": "net", "active_days": "bought"}


def summed(t: int, spec: SnapshotSpec) -> list[tuple[str, str, int]]:
    """The integer sums that fading rests on: name, column of a day, from which day on.

    Columns are `net`, and `bought` which is 1 on days with a purchase.
    """
    if not spec.half_lives_days:
        return []
    return [
        (f"faded_{column}_{age}", column, t // DAY_US - age)
        for column in SOURCES.values()
        for age in _ages(t, spec)
    ]


def faded(raw: Columns, t: int, spec: SnapshotSpec) -> Columns:
    """Faded net value in currency units and faded days of purchase, both per four weeks, and how
    the quicker ones stand to the slowest: (quick - slow) / (quick + slow), from -1 to 1.

    Value is seasonally adjusted where the season is known.

    The mean over the days observed, weighed by 0.5 ^ (age / half-life) and brought to four weeks
    (exponential smoothing: Brown 1959). Whoever does the same every day has that whatever the
    half-life and however long observation lasted.
    """
    made: Columns = {}
    if not spec.half_lives_days:
        return made
    *quicker, slowest = spec.half_lives_days
    ages = _ages(t, spec)
    units = {"value": 10**spec.minor_units, "active_days": 1}
    rates = {"value": 1.0 if "margin" in spec.columns else spec.margin_rate, "active_days": 1.0}
    for name, column in SOURCES.items():
        nested = np.column_stack([raw[f"faded_{column}_{age}"] for age in ages])
        by_age = np.diff(nested, axis=1, prepend=0) / units[name] * rates[name] * PERIOD_DAYS
        before = t // DAY_US - 1 - np.arange(ages[-1])
        season = spec.season_on(before) if name == "value" else np.ones(ages[-1])
        for h in spec.half_lives_days:
            weights = _weights(ages, h, season)
            made[f"{name}_faded_{h}d"] = reduce(
                np.add, (w * part for w, part in zip(weights, by_age.T, strict=True))
            )
        slow = np.maximum(made[f"{name}_faded_{slowest}d"], 0)
        for h in quicker:
            quick = np.maximum(made[f"{name}_faded_{h}d"], 0)
            made[f"{name}_course_{h}d"] = ratio(quick - slow, quick + slow)
    return made


def _ages(t: int, spec: SnapshotSpec) -> list[int]:
    """The ages up to which sums are wanted at `t`, the last one that of the first day observed."""
    assert spec.observed_from is not None
    history = max(t // DAY_US - spec.observed_from, 1)
    return [*(age for age in AGES if age < history), history]


def _weights(ages: list[int], half_life: float, season: np.ndarray) -> np.ndarray:
    """The weight of a day of each age band; over all days of a usual season they add up to 1."""
    days = np.arange(ages[-1])
    each = 0.5 ** (days / half_life)
    bands = [each[young:old].mean() for young, old in pairwise([0, *ages])]
    return np.array(bands) / (each * season).sum()
