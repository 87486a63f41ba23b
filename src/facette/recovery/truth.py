"""The truth of a simulated bank, read here and nowhere else (the import linter holds us to it).

It comes in when segments and models are learnt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pandas as pd

from facette.errors import BadInput
from facette.settings.data import BankData, Data
from facette.snapshots.instants import EPOCH
from facette.snapshots.panel import Panel
from facette.snapshots.spec import SnapshotSpec

MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Truth:
    """What was true of customers at each date of a panel, and what campaigns did.

    `states`: a frame for each snapshot in order of time, the test last, indexed by customer_id.
    Columns: `family`; `wallet`, `value` and `headroom` of the outcome window in currency units
    (net margin at full share, expected net margin, what lies between them); `churn`, the
    probability of the declared outcome if it is at stake; `treatment`, the relationship model in
    place by the old policy, missing in the pilot. `campaigns`: `campaign` and `effect`, the mean
    effect of being sent, as a probability.
    """

    states: Sequence[pd.DataFrame]
    campaigns: pd.DataFrame

    @property
    def test(self) -> pd.DataFrame:
        """The state of customers at the test date."""
        return self.states[-1]


def check_truth(data: Data) -> None:
    """Refuse to hold against the truth what has none.

    Raises:
        BadInput: the data are not simulated, or their truth can't be told any more.
    """
    if not isinstance(data, BankData):
        raise BadInput(
            f"evaluation.truth: the truth is known of a simulated bank only, and data.source of "
            f"'{data.name}' is '{data.source}'; write data=bank, or evaluation.truth=false"
        )
    if data.path is not None:
        from facette.tables.simulation.truth import check_told

        check_told(Path(data.path))


def truth_of(data: Data, panel: Panel) -> Truth:
    """The truth at every date of the panel, for its horizon and gap."""
    from facette.tables.bank import folder_of
    from facette.tables.simulation.truth import campaign_effects, truth_at

    spec = panel.spec
    assert isinstance(data, BankData) and isinstance(spec, SnapshotSpec)
    folder = folder_of(data)
    dates = [s.reference_date for s in panel.snapshots]
    instants = [(date - EPOCH) // MICROSECOND for date in dates if date is not None]
    states = [truth_at(folder, t, spec.horizon_days, spec.gap_days) for t in instants]
    return Truth(states, campaign_effects(folder))
