"""Customers as a packaged model sees them, at any date."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import signature

import numpy as np
import pandas as pd

from facette.registry.customer_model import POLICY_COLUMNS, Bundle
from facette.registry.packaging import as_rows
from facette.snapshots.known import first_known_day
from facette.snapshots.panel import snapshot_at
from facette.snapshots.spec import SnapshotSpec
from facette.tables.contract import DAY_US, Tables
from facette.tables.door import microseconds


@dataclass(frozen=True)
class Look:
    """Customers as a packaged model sees and scores them, at any date, looked up once."""

    bundle: Bundle
    tables: Tables
    spec: SnapshotSpec
    perimeter: str | None
    seen: dict[int, pd.DataFrame]

    def at(self, t: int) -> pd.DataFrame:
        """Features and scores at `t` (microseconds), indexed by customer_id."""
        if t not in self.seen:
            shot = snapshot_at(
                self.tables, t, self.spec, self.perimeter, with_outcomes=False, where="perimeter"
            )
            rows, predict = as_rows(shot), self.bundle.predict
            quick = "drivers" in signature(predict).parameters  # older packages always tell them
            told = predict(rows, drivers=False) if quick else predict(rows)
            own = [*rows, *POLICY_COLUMNS]  # what an earlier plan decided is no ground for another
            told = told[[name for name in told if name not in own]]
            self.seen[t] = pd.concat([rows, told], axis=1).set_index("customer_id")
        return self.seen[t]

    @property
    def learnt_from(self) -> list[tuple[int, int]]:
        """The training dates of the model, each with the end of its outcomes (microseconds)."""
        ahead = (self.spec.horizon_days + self.spec.gap_days) * DAY_US
        dates = self.bundle.about.get("training_dates", [])
        return [(t, t + ahead) for t in (microseconds(date, "training_dates") for date in dates)]

    def customers(self, t: int) -> pd.Index:
        """All who are customers at `t`, whatever the perimeter."""
        if self.perimeter is None:
            seen = self.at(t)
        else:
            shot = snapshot_at(self.tables, t, self.spec, None, with_outcomes=False)
            seen = as_rows(shot).set_index("customer_id")
        return seen.index[still_customers(seen, self.spec)]


def still_customers(seen: pd.DataFrame, spec: SnapshotSpec) -> np.ndarray:
    """(n,) who has not ended all contracts; everyone where there are none."""
    if not spec.contractual or "active" not in seen:
        return np.ones(len(seen), dtype=bool)
    active: np.ndarray = (seen["active"] == 1).to_numpy()
    return active


def days_before(look: Look, t: int) -> int:
    """Days of transactions known at `t`, 0 for none."""
    first = first_known_day(look.tables, t)
    return 0 if first is None else t // DAY_US - first
