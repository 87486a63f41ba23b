"""What a decision rests on and what it says: plain figures and tables, filled by the jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from facette.policy.accounts import Accounts, Losing
from facette.policy.claim import Claim
from facette.policy.knowledge import Knowledge
from facette.policy.observational import Comparison
from facette.policy.plan import Plan
from facette.policy.power import Lot
from facette.policy.relationship import Ways
from facette.policy.sensitivity import Sensitivity
from facette.policy.standing import Standing
from facette.segments.crossing import MicroSegments
from facette.settings.policy import Policy


@dataclass(frozen=True)
class Before:
    """Customers as they were a horizon before a plan, to tell how they moved since.

    `seen`: who is in the plan or has left since; `outside`: who is in the plan, and was a customer
    outside its perimeter then.
    """

    date: str
    seen: pd.DataFrame
    outside: pd.Index


@dataclass(frozen=True)
class Planned:
    """The plan of one date, what it rests on, and what was left aside in words.

    `left_long_ago`: customers of the snapshot whose relationship has ended; they are in no plan.
    `about`: what the packaged model says of itself, and the `segment_names` by id. `cells`: what
    put customers into cells. `lot`: by which they are held out. `before`: None where history is
    short, or the plan is for one event. `comparison`: of who was handled so by choice.
    """

    t: int
    policy: Policy
    ways: Ways
    plan: Plan
    about: Mapping[str, Any]
    known: Knowledge
    claim: Claim | None
    seen: pd.DataFrame
    cells: MicroSegments
    left_long_ago: int
    lot: Lot
    before: Before | None = None
    notes: list[str] = field(default_factory=list)
    comparison: Comparison | None = None


@dataclass(frozen=True)
class Visible:
    """When the plan's own effect can be seen, and how large it has to be.

    `held_out` of `customers` are compared until `date` (ISO); an effect of `least` currency units a
    customer over the horizon shows in 4 of 5 cases, and `claimed` is the effect expected of who is
    not held out: costs are no matter of comparison, they are known.
    `trial`: customers of a trial that would tell `worth_telling` apart between all models in every
    segment. `adjusted`: whether customers' spread, which both are told by, is that of a trial's
    residuals; else it is that of last period's net value, which is no smaller. None where there is
    neither.
    """

    customers: int
    held_out: int
    date: str
    least: float | None
    claimed: float | None
    worth_telling: float
    trial: float | None
    adjusted: bool


@dataclass(frozen=True)
class Need:
    """What the next period asks of each capacity: now, next, newcomers, and its range."""

    table: pd.DataFrame
    note: str


@dataclass(frozen=True)
class Decision:
    """Everything that a decision page, an activation file and the tracked figures tell.

    `version`: of the policy, as in the activation file; `confidence`: of its intervals. `whom`: the
    plan is for, in words, None for everyone. `draft`: it is tried, and not carried out.
    """

    planned: Planned
    assigned: pd.DataFrame
    activation: pd.DataFrame
    left_out: pd.DataFrame
    objectors: int
    violations: pd.DataFrame
    accounts: Accounts
    losing: Losing
    remedies: pd.DataFrame
    standing: Standing | None
    portfolios: Mapping[str, pd.DataFrame]
    outbound: pd.DataFrame
    inbound: pd.DataFrame
    peaks: Mapping[str, pd.DataFrame]
    need: Need | None
    satisfaction: pd.DataFrame | None
    what_if: pd.DataFrame
    sensitivity: Sensitivity | None
    visible: Visible
    version: str
    confidence: float
    seed: int
    whom: str | None = None
    draft: bool = False
