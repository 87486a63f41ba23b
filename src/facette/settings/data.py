"""Schemas of data and snapshots: where tables come from, how they are read, which dates."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from omegaconf import MISSING


class Population(Enum):
    """Who has a row in a snapshot: who has bought, or whoever is known, leads included."""

    customers = "customers"
    known = "known"


class Dirt(Enum):
    """What real extracts suffer from, put into a simulated bank on purpose."""

    duplicates = "duplicates"
    gaps = "gaps"
    outliers = "outliers"
    time_zones = "time_zones"


@dataclass
class Data:
    """What every source of data says of itself."""

    name: str = MISSING
    source: str = MISSING
    path: str | None = None
    currency: str = MISSING
    licence: str = MISSING
    origin: str = MISSING


@dataclass
class EventData(Data):
    """Sources of dated events: how money and time of the contract tables are to be read."""

    minor_units: int = MISSING
    timezone: str = MISSING
    observed_until: str | None = None
    leave_out_later_rows: bool = MISSING
    recording_delay_hours: int = MISSING
    margin_rate: float = MISSING
    static_attributes: list[str] = MISSING
    drop_duplicates: bool = MISSING
    rows_in_memory: int = MISSING


@dataclass
class Reading:
    """How the text of a file is read; what is null is recognised, and said."""

    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    date_format: str | None = None


@dataclass
class Published:
    """A file that its publisher offers: where it is had, and the figures it is known by.

    `member` is its path inside an archive, archives in archives parted by `!`; `rows` the fewest
    and the most it may have, `sums` those of numeric columns. `also_called`: for a heading, those
    that other editions of the same file use.
    """

    url: str = MISSING
    file: str = MISSING
    member: str | None = None
    rows: list[int] = MISSING
    distinct: dict[str, int] = field(default_factory=dict)
    sums: dict[str, float] = field(default_factory=dict)
    tolerance: float = MISSING
    also_called: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class TableFile:
    """One table in a file of one's own.

    `table` names a table in a database file or a sheet of a workbook. `columns`: contract column ->
    a column of the file, or an expression over its columns. `where` keeps rows.
    """

    path: str | None = None
    table: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    where: str | None = None
    read: Reading = field(default_factory=Reading)


@dataclass
class FilesData(EventData):
    """Contract tables in files: each one that has a path is read."""

    published: Published | None = None
    transactions: TableFile = field(default_factory=TableFile)
    customers: TableFile = field(default_factory=TableFile)
    interactions: TableFile = field(default_factory=TableFile)
    contracts: TableFile = field(default_factory=TableFile)
    contacts: TableFile = field(default_factory=TableFile)
    treatments: TableFile = field(default_factory=TableFile)
    surveys: TableFile = field(default_factory=TableFile)
    consents: TableFile = field(default_factory=TableFile)
    products: TableFile = field(default_factory=TableFile)
    events: TableFile = field(default_factory=TableFile)


@dataclass
class Outcomes:
    """Columns of a wide table that tell what happened after its date.

    `churn_positive` is the value of the churn column that means leaving; null where it is plain
    (yes, true, 1). `churn_means`: what the two-valued outcome is, where it is no leaving.
    """

    churn: str | None = None
    churn_positive: str | None = None
    churn_means: str | None = None
    value: str | None = None


@dataclass
class WideData(Data):
    """A wide table: one row per customer at one date, outcomes among its columns."""

    published: Published | None = None
    table: str | None = None
    where: str | None = None
    read: Reading = field(default_factory=Reading)
    customer_id: str | None = None
    outcomes: Outcomes = field(default_factory=Outcomes)
    current_value: str | None = None
    drop: list[str] = MISSING


@dataclass
class World:
    """The parameters of a simulated bank: a number, a range [low, high], or {one_of: [...]} each.

    What each means, its unit and the formula it stands in: docs/simulated-bank.md.
    """

    name: str = MISSING
    separation: Any = MISSING
    family_spread: Any = MISSING
    family_unevenness: Any = MISSING
    axes_wallet_correlation: Any = MISSING
    wallet_log_year: Any = MISSING
    wallet_income: Any = MISSING
    wallet_own: Any = MISSING
    main_bank_share: Any = MISSING
    share_falls_with_wallet: Any = MISSING
    products_more: Any = MISSING
    joining_year: Any = MISSING
    leads: Any = MISSING
    policy_strength: Any = MISSING
    policy_branch: Any = MISSING
    pilot_share: Any = MISSING
    pilot_months: int = MISSING
    campaign_reach: Any = MISSING
    campaign_control: Any = MISSING
    started_month: Any = MISSING
    started_expectation: Any = MISSING
    started_project: Any = MISSING
    started_own: Any = MISSING
    channel_axes: Any = MISSING
    channel_digital: Any = MISSING
    channel_distance: Any = MISSING
    project_month: Any = MISSING
    moment_month: Any = MISSING
    wish_known: Any = MISSING
    wish_own: Any = MISSING
    mismatch_strength: Any = MISSING
    response: dict[str, Any] = MISSING
    contact_cost: dict[str, Any] = MISSING
    response_moment: Any = MISSING
    response_wear: Any = MISSING
    response_own: Any = MISSING
    organic_month: Any = MISSING
    organic_project: Any = MISSING
    conversion: Any = MISSING
    backfire: Any = MISSING
    unsubscribe: Any = MISSING
    objection: Any = MISSING
    objection_wear: Any = MISSING
    objection_mismatch: Any = MISSING
    satisfaction_memory: Any = MISSING
    satisfaction_pressure: Any = MISSING
    satisfaction_complaint: Any = MISSING
    satisfaction_own: Any = MISSING
    complaint_year: Any = MISSING
    churn_year: Any = MISSING
    churn_products: Any = MISSING
    churn_complaint: Any = MISSING
    churn_satisfaction: Any = MISSING
    churn_moment: Any = MISSING
    churn_shock: Any = MISSING
    churn_own: Any = MISSING
    churn_age: Any = MISSING
    churn_wallet: Any = MISSING
    churn_tenure: Any = MISSING
    leaving_otherwise_year: Any = MISSING
    closing_month: Any = MISSING
    survey_rate: Any = MISSING
    halo: Any = MISSING
    acquiescence: Any = MISSING
    late: Any = MISSING
    event_known: Any = MISSING
    refund: Any = MISSING
    channels: dict[str, Any] = MISSING
    purposes: dict[str, Any] = MISSING
    products: dict[str, Any] = MISSING
    relationship_models: dict[str, Any] = MISSING


@dataclass
class Plausible:
    """Ranges [low, high] in which the figures of a simulated bank are plausible, one each.

    What each figure is: `facette.tables.simulation.sanity`.
    """

    attrition: list[float] = MISSING
    attrition_18_34: list[float] = MISSING
    attrition_well_off: list[float] = MISSING
    attrition_65_more: list[float] = MISSING
    leaving_otherwise: list[float] = MISSING
    newcomers: list[float] = MISSING
    tenure_1_product: list[float] = MISSING
    tenure_2_products: list[float] = MISSING
    tenure_3_products: list[float] = MISSING
    products: list[float] = MISSING
    top_fifth: list[float] = MISSING
    losing: list[float] = MISSING
    wallet: list[float] = MISSING
    wallet_at_the_top: list[float] = MISSING
    response_mail: list[float] = MISSING
    response_phone: list[float] = MISSING
    response_email: list[float] = MISSING
    unsubscribe: list[float] = MISSING
    objected: list[float] = MISSING
    complaints: list[float] = MISSING
    started: list[float] = MISSING
    survey: list[float] = MISSING
    pilot: list[float] = MISSING
    control: list[float] = MISSING


@dataclass
class BankData(EventData):
    """A simulated bank: the one that `path` holds, or that these figures and this world make.

    `start` is the ISO date of the first day; `chunk` is how many customers are in hand at a time.
    """

    customers: int = MISSING
    months: int = MISSING
    start: str = MISSING
    seed: int = MISSING
    chunk: int = MISSING
    world: World = MISSING


@dataclass
class Snapshot:
    """Which reference dates, how far back features look, how far ahead outcomes look.

    `protected`: attributes or features -> the reason for using one; null keeps it out of all models
    and segments.
    """

    reference_dates: Any = MISSING
    horizon_days: int = MISSING
    observation_days: int = MISSING
    windows_days: list[int] = MISSING
    half_lives_days: list[int] = MISSING
    max_reference_dates: int = MISSING
    training_step_days: int | None = None
    seasonal: bool = MISSING
    categories: int = MISSING
    category_usage: int = MISSING
    channels: int = MISSING
    questions: int = MISSING
    event_kinds: int = MISSING
    population: Population = MISSING
    min_history_days: int = MISSING
    protected: dict[str, str | None] = MISSING
    perimeter: str | None = None
