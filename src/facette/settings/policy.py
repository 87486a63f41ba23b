"""Schemas of the policy: how customers can be handled, within what, and what is known of it."""

from dataclasses import dataclass, field
from enum import Enum

from omegaconf import MISSING


class Approach(Enum):
    """How much of a relationship model is made for the one customer."""

    personalised = "personalised"
    semi_personalised = "semi_personalised"
    mass = "mass"


class Starts(Enum):
    """Who starts most of the contacts of a relationship model."""

    company = "company"
    customer = "customer"


@dataclass
class RelationshipModel:
    """One way to handle customers.

    `channels` in order: a customer is reached through the first one they consent to.
    `contacts_a_month` that the company starts; 0: on request alone. `reaction_hours`: within which
    the customer is answered. `set_up_cost` once, `yearly_cost` a year, where it is used at all.
    """

    approach: Approach = MISSING
    channels: list[str] = MISSING
    starts: Starts = MISSING
    contacts_a_month: float = MISSING
    reaction_hours: float = MISSING
    owner: str = MISSING
    set_up_cost: float = MISSING
    yearly_cost: float = MISSING


@dataclass
class PolicyChannel:
    """What a contact by one channel costs, needs and uses up.

    `cost` of one that the company starts, `serve_cost` of one that the customer starts, in currency
    units. `consent`: the channel whose consent it needs, null for its own. `uses`: of each
    capacity, so much a contact.
    """

    cost: float = MISSING
    serve_cost: float = MISSING
    consent: str | None = None
    uses: dict[str, float] = field(default_factory=dict)


@dataclass
class Cap:
    """At most so many contacts in any window of days; by one channel, or by all where null."""

    most: int = MISSING
    days: int = MISSING
    channel: str | None = None


@dataclass
class QuietPeriod:
    """Days, the first and the last (ISO dates), on which nobody is contacted."""

    first: str = MISSING
    last: str = MISSING


@dataclass
class Pressure:
    """How much contact a customer may be put under.

    `cool_down_days`: after a complaint was made, and after it was settled.
    """

    caps: list[Cap] = MISSING
    cool_down_days: int = MISSING
    quiet: list[QuietPeriod] = MISSING


@dataclass
class Consent:
    """Whether silence is consent: of a customer without a record, and where there is no table."""

    without_record: bool = MISSING
    without_table: bool = MISSING


@dataclass
class Rule:
    """Customers whom one relationship model is given to ahead of the programme, and why."""

    where: str = MISSING
    model: str = MISSING
    reason: str = MISSING


@dataclass
class Exclusion:
    """Customers to whom some models are never given, and why. No segment may be named in it."""

    where: str = MISSING
    models: list[str] = MISSING
    reason: str = MISSING


@dataclass
class Effects:
    """How the effect of handling is learnt, and what is assumed where it was never randomised.

    `least`: randomised customers of a relationship model, below which it counts as not tried.
    `tame`: quantile of the size of residuals at which they are cut for choosing, never for claims.
    `overlap`: the least estimated propensity of an observational comparison. `assumed`: by model,
    an expression over the scored columns for the currency units that it brings over the horizon of
    the policy, more than being served on request; columns of value, as `value_expected`, are over
    the horizon of the model that told them (`snapshot.horizon_days`), and are not converted.
    """

    horizon_days: int = MISSING
    least: int = MISSING
    folds: int = MISSING
    tame: float = MISSING
    overlap: float = MISSING
    observational: bool = MISSING
    assumed: dict[str, str] = field(default_factory=dict)


@dataclass
class Policy:
    """What a plan is made of.

    `by`: columns of scored customers that are crossed, the most important first, into cells of
    `floor` customers or more. `capacity` is a month's, null without a limit; `budget` is the
    horizon's, in currency units, for contacts and for setting up. `chosen_profiles`: cell ->
    relationship model, against what the programme would choose, its cost shown. `holdout`: share of
    customers who stay as they are, drawn at random, to learn from. `today`: the model of who has
    none on record. `on_request`: the name of being served on request alone. `hours_a_person`:
    capacity -> how much of it a full-time person has a month, for those that are people's hours.
    `margin_after`: the costs (serve, risk) that the margins of transactions are already told after.
    `worth_telling`: currency units a customer and horizon that a difference between models should
    be seen from, which the size of a trial is told for. `satisfaction_question`: of surveys,
    answered in numbers; null where it is not measured.
    """

    horizon_days: int = MISSING
    by: list[str] = MISSING
    floor: int = MISSING
    models: dict[str, RelationshipModel] = MISSING
    channels: dict[str, PolicyChannel] = MISSING
    capacity: dict[str, float | None] = MISSING
    budget: float | None = None
    rules: list[Rule] = MISSING
    exclusions: list[Exclusion] = MISSING
    chosen_profiles: dict[str, str] = field(default_factory=dict)
    minimum_stay_days: int = MISSING
    switching_cost: float = MISSING
    pressure: Pressure = MISSING
    consent: Consent = MISSING
    effects: Effects = MISSING
    holdout: float = MISSING
    today: str | None = None
    on_request: str = MISSING
    acquisition_cost: dict[str, float] = field(default_factory=dict)
    hours_a_person: dict[str, float] = field(default_factory=dict)
    margin_after: list[str] = MISSING
    worth_telling: float = MISSING
    satisfaction_question: str | None = None
