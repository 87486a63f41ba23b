"""The constants of a snapshot, stored with the version and applied to every later customer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

WEEK_DAYS = 7
PERIOD_DAYS = 28  # four weeks, so that weekdays fall alike


@dataclass(frozen=True)
class SnapshotSpec:
    """What must stay the same for features to mean the same at every reference date.

    `windows_days` are the look-back windows kept, `categories` the product categories that have a
    share of their own, `attributes` the customer attributes used, `tables` the optional tables
    and `columns` the optional columns that were there at training. `contractual` says that churn is
    of contracts, else of silence.

    `related` are the tables that features of relation are made of. What was seen at training has
    columns of its own: `used_categories`, `started_channels` and `purposes` of customer-started
    contacts, `contact_channels` of campaigns, `questions` of surveys (`numeric_questions` those
    answered in numbers), `consent_channels`, `event_kinds` (`valued_kinds` those with values). A
    version stored before there were such features has none of them.

    `partial_of` (spend or days) and `partial_share` say that churn is a fall by more than this
    share; None where it is leaving altogether.

    `protected` are the names of features kept out of models and segments.

    `min_history_days`: whose tenure is below it is a newcomer; 0 where nobody is.

    `population` says who has a row: `customers`, or `known`, who has not bought yet included.

    `half_lives_days` are those of value faded with age, from the first day known at the earliest
    training date on, `observed_from` (days since 1970). `season` is the index of each week of the
    year by which value is adjusted, empty where there is none.
    """

    horizon_days: int
    observation_days: int
    windows_days: tuple[int, ...]
    categories: tuple[str, ...]
    attributes: tuple[str, ...]
    tables: tuple[str, ...]
    columns: tuple[str, ...]
    has_hours: bool
    minor_units: int
    margin_rate: float
    active_days: int
    gap_days: int
    contractual: bool = False
    related: tuple[str, ...] = ()
    used_categories: tuple[str, ...] = ()
    started_channels: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    has_contact_hours: bool = False
    contact_channels: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    numeric_questions: tuple[str, ...] = ()
    consent_channels: tuple[str, ...] = ()
    event_kinds: tuple[str, ...] = ()
    valued_kinds: tuple[str, ...] = ()
    population: str = "customers"
    half_lives_days: tuple[int, ...] = ()
    observed_from: int | None = None
    season: tuple[float, ...] = ()
    partial_of: str | None = None
    partial_share: float | None = None
    min_history_days: int = 0
    protected: tuple[str, ...] = ()

    @property
    def churn_definition(self) -> str:
        """How leaving is told: non_contractual, contractual, partial_spend or partial_days."""
        if self.partial_of is not None:
            return f"partial_{self.partial_of}"
        return "contractual" if self.contractual else "non_contractual"

    @property
    def churn_model(self) -> str:
        """What a model of churn is called: by its definition where such data usually have another.

        Usual is churn of contracts where there are any, of silence where there are none.
        """
        usual = "contractual" if "contracts" in self.tables else "non_contractual"
        return "churn" if self.churn_definition == usual else f"churn_{self.churn_definition}"

    @property
    def periods(self) -> int:
        """How many whole periods of four weeks the observation window holds."""
        return self.observation_days // PERIOD_DAYS

    def season_on(self, days: np.ndarray) -> np.ndarray:
        """The seasonal index (n,) of days since 1970; 1 where no season is known."""
        if not self.season:
            return np.ones(len(days))
        return np.array(self.season)[days // WEEK_DAYS % len(self.season)]

    def as_dict(self) -> dict[str, Any]:
        """Plain lists and numbers, for JSON."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> SnapshotSpec:
        """The inverse of `as_dict`."""
        made: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in plain.items()}
        return cls(**made)


@dataclass(frozen=True)
class WideSpec:
    """The columns of a wide table that were there at training; nothing in it has a date.

    `columns` in their order, `categories` those that are text, `yes_no` those that were yes or no.
    `protected` are columns kept out of them.
    """

    columns: tuple[str, ...]
    categories: tuple[str, ...]
    yes_no: tuple[str, ...]
    protected: tuple[str, ...] = ()
    churn_definition: ClassVar[str] = "given"
    churn_model: ClassVar[str] = "churn"

    def as_dict(self) -> dict[str, Any]:
        """Plain lists, for JSON."""
        return {k: list(v) for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> WideSpec:
        """The inverse of `as_dict`."""
        return cls(**{k: tuple(v) for k, v in plain.items()})
