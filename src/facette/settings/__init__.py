"""Schemas of the configuration: an unknown key or a wrong type fails before any work.

Every value stands in one YAML file under `conf/`; a field here has a type and no default, but for
what a user may leave out altogether (`None`). Registered with Hydra by `register()`.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from omegaconf import MISSING

from facette.settings.policy import Policy


class Part(Enum):
    """What `facette train` can train."""

    segments = "segments"
    value = "value"
    potential = "potential"
    churn = "churn"
    upside = "upside"
    value_if_staying = "value_if_staying"
    grid = "grid"
    policy = "policy"


class ModelPart(Enum):
    """The parts that have a model."""

    value = "value"
    potential = "potential"
    churn = "churn"


class Purpose(Enum):
    """What a segmentation is for."""

    need = "need"
    profitability = "profitability"
    channel = "channel"
    relation = "relation"


class Population(Enum):
    """Who has a row in a snapshot: who has bought, or whoever is known, leads included."""

    customers = "customers"
    known = "known"


class ChurnDefinition(Enum):
    """How leaving is told. Two definitions never share a model name."""

    non_contractual = "non_contractual"
    contractual = "contractual"
    partial = "partial"


class Newcomers(Enum):
    """What is foretold of customers without `snapshot.min_history_days` of tenure.

    `none`: nothing, it is too early to say; `attributes`: by a model of who they are.
    """

    none = "none"
    attributes = "attributes"


class PartialOf(Enum):
    """What falls where a customer leaves in part: net spend, or days of purchase."""

    spend = "spend"
    days = "days"


class Calibration(Enum):
    """What maps a churn score to a probability; `chosen`: what serves unseen customers best."""

    chosen = "chosen"
    none = "none"
    sigmoid = "sigmoid"
    isotonic = "isotonic"


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


@dataclass
class Tiers:
    """Pareto tiers: names from the top down and the share of customers in each."""

    names: list[str] = MISSING
    shares: list[float] = MISSING


@dataclass
class Behaviour:
    """Clusters of what customers do: which features, which clusterer, how k is chosen."""

    estimator: Any = MISSING
    k: int | None = None
    k_range: list[int] = MISSING
    features: list[str] | None = None
    clip_quantile: float = MISSING
    soft_limit: float | None = None
    min_stability: float = MISSING
    min_share: float = MISSING
    resamples: int = MISSING
    null_draws: int = MISSING
    natural_level: float = MISSING
    min_valley: float = MISSING
    deep_valley: float = MISSING
    sample: int = MISSING
    between: float = MISSING
    least_overlap: float = MISSING
    least_share: float = MISSING
    names: list[str] = MISSING


@dataclass
class Segmentation:
    """One more way to divide customers: what it is for, and the estimator that fits it.

    `optional`: off, and said, where the data lack what it reads; else that is a mistake.
    """

    purpose: Purpose = MISSING
    estimator: Any = MISSING
    optional: bool = False


@dataclass
class Grid:
    """The scoring grid, and what it is judged by.

    `outcome` is an expression over value and churned, `outcome_means` its words; `top` are the
    grades that count as the top in swap sets; `penalty` weighs squared coefficients where new
    points are proposed.
    """

    estimator: Any = MISSING
    outcome: str = MISSING
    outcome_means: str = MISSING
    top: list[str] = MISSING
    penalty: float = MISSING


@dataclass
class Segments:
    """Behaviour segments, and the tiers that are packaged with them."""

    behaviour: Behaviour = MISSING
    value_tiers: Tiers = MISSING
    potential_tiers: Tiers = MISSING


@dataclass
class ValueModel:
    """Expected value: net margin of the outcome window."""

    name: str = MISSING
    estimator: Any = MISSING
    features: list[str] | None = None
    folds: int = MISSING


@dataclass
class PotentialModel:
    """Potential: the tau-quantile of value among peers, conformalised.

    `by_category`: of how many of the largest product categories headroom is told apart.
    """

    name: str = MISSING
    estimator: Any = MISSING
    features: list[str] | None = None
    families: list[str] | None = None
    folds: int = MISSING
    tau: float = MISSING
    by_category: int = MISSING


@dataclass
class UpsideModel:
    """Upside: the tau-quantile of value given everything, conformalised in `bands` of it."""

    name: str = MISSING
    estimator: Any = MISSING
    features: list[str] | None = None
    folds: int = MISSING
    tau: float = MISSING
    bands: int = MISSING


@dataclass
class ChurnModel:
    """Churn by a declared definition, calibrated.

    `partial_of` and `partial_share`: what falls, and by more than which share of what it was in the
    last horizon, where the definition is `partial`.
    """

    name: str = MISSING
    estimator: Any = MISSING
    features: list[str] | None = None
    folds: int = MISSING
    definition: ChurnDefinition = MISSING
    active_days: int = MISSING
    gap_days: int = MISSING
    calibration: Calibration = MISSING
    partial_of: PartialOf | None = None
    partial_share: float | None = None


@dataclass
class Models:
    """One model for each facet; `newcomers`: what is foretold of them, in training."""

    value: ValueModel = MISSING
    potential: PotentialModel = MISSING
    churn: ChurnModel = MISSING
    newcomers: Newcomers | None = None
    upside: UpsideModel = MISSING


@dataclass
class Retention:
    """What keeping a customer is assumed to cost, and how many can be kept.

    `incentive_share`: of the customer's own value, given up for each who accepts. `contact_cost`:
    currency units for each contacted. `alpha`, `beta`: of the Beta distribution of the share of
    leavers who accept.
    """

    incentive_share: float = MISSING
    contact_cost: float = MISSING
    alpha: float = MISSING
    beta: float = MISSING


@dataclass
class Evaluation:
    """How figures are judged: bootstrap resamples over customers, width of the intervals.

    Data without dates are judged in `repeats` x `folds` stratified folds instead. `truth`: what was
    learnt is held against what is known to be true, of a simulated bank. `retention`: the campaign
    that the profit of a churn model is told of.
    """

    resamples: int = MISSING
    confidence: float = MISSING
    folds: int = MISSING
    repeats: int = MISSING
    truth: bool = MISSING
    retention: Retention = MISSING


@dataclass
class Drivers:
    """What drivers are made of and when they may be shown.

    `min_fidelity`: share of unseen customers that the surrogate puts into their own segment.
    `min_returning`: of what the `leading` drivers carry, the share of those that lead again in
    `refits` on customers drawn anew. `alike`: rank correlation from which features are one driver.
    """

    min_fidelity: float = MISSING
    min_returning: float = MISSING
    leading: int = MISSING
    refits: int = MISSING
    top: int = MISSING
    alike: float = MISSING
    interactions: int = MISSING
    movers: int = MISSING
    sample: int = MISSING


class Language(Enum):
    """What drivers are told in."""

    en = "en"
    fr = "fr"


@dataclass
class Report:
    """How a run is told: the language of the sentences on drivers."""

    language: Language = MISSING


@dataclass
class ThreeTests:
    """What segmentations and criteria are held to, and what keeping one is assumed to cost.

    `least_stable`: bootstrap Jaccard of its least stable segment, over `resamples` refits.
    `unsure`: share of customers between segments at most. `steady`: rank correlation of a criterion
    between two dates, and share of customers of whom it is known. `smallest`: share of customers.
    `most`: segments that can be handled apart. `redundant`: adjusted mutual information from which
    two repeat each other. `floor`: customers in a crossed cell. `contacts`: randomised ones that
    the price of the box is learnt from. Costs are in currency units for
    each treatment.
    """

    resamples: int = MISSING
    least_stable: float = MISSING
    unsure: float = MISSING
    steady: float = MISSING
    smallest: float = MISSING
    most: int = MISSING
    redundant: float = MISSING
    floor: int = MISSING
    contacts: int = MISSING
    set_up_cost: float = MISSING
    yearly_cost: float = MISSING


@dataclass
class Tracking:
    """Where runs, artifacts and registered models are kept."""

    uri: str = MISSING
    artifacts: str | None = None
    registry_prefix: str = MISSING


@dataclass
class Train:
    """`facette train`."""

    data: Data = MISSING
    snapshot: Snapshot = MISSING
    segments: Segments = MISSING
    segmentations: dict[str, Segmentation] = MISSING
    three_tests: ThreeTests = MISSING
    grid: Grid = MISSING
    model: Models = MISSING
    tracking: Tracking = MISSING
    evaluation: Evaluation = MISSING
    drivers: Drivers = MISSING
    report: Report = MISSING
    policy: Policy = MISSING
    parts: list[Part] = MISSING
    seed: int = MISSING
    progress: bool = MISSING


@dataclass
class Search:
    """Where the parameters of each part's estimator are searched.

    A parameter is `{low, high}`, with `log: true` on a log scale, with `int: true` in whole
    numbers, or `{choices: [...]}`; it stands where it does in the estimator's configuration, and
    null takes it out.
    """

    value: dict[str, Any] = field(default_factory=dict)
    potential: dict[str, Any] = field(default_factory=dict)
    churn: dict[str, Any] = field(default_factory=dict)


@dataclass
class Pruning:
    """When a trial that falls behind the median of the others is left.

    `after_trials` judged in full, and `after_steps` (dates or folds) of its own.
    """

    after_trials: int = MISSING
    after_steps: int = MISSING


@dataclass
class Tune:
    """`facette tune`: `trials` of parameters of one part's model, in all.

    `timeout` is in seconds. `validation_dates`: training dates judged in a trial at most. `study`
    and `storage` are Optuna's.
    """

    data: Data = MISSING
    snapshot: Snapshot = MISSING
    model: Models = MISSING
    search: Search = MISSING
    tracking: Tracking = MISSING
    part: ModelPart = MISSING
    trials: int = MISSING
    timeout: float | None = None
    validation_dates: int = MISSING
    pruning: Pruning = MISSING
    study: str | None = None
    storage: str = MISSING
    seed: int = MISSING
    progress: bool = MISSING


@dataclass
class Score:
    """`facette score` by the registered model `<data>_<name>`."""

    data: Data = MISSING
    tracking: Tracking = MISSING
    reference_date: str | None = None
    name: str = MISSING
    alias: str = MISSING
    out: str = MISSING
    perimeter: str | None = None


@dataclass
class Plan:
    """`facette plan`: the policy of the champion's customers at a date.

    `perimeter` narrows it to some of them, and `event` to those of whom `events` tell that kind in
    the last `event_days`: the operational way; null for the whole base. A `draft` is tracked and
    written, but neither registered nor held against what comes, and holds nobody out later.
    """

    data: Data = MISSING
    tracking: Tracking = MISSING
    policy: Policy = MISSING
    draft: bool = MISSING
    reference_date: str = MISSING
    alias: str = MISSING
    perimeter: str | None = None
    event: str | None = None
    event_days: int = MISSING
    budget: float | None = None
    capacity: dict[str, float | None] = field(default_factory=dict)
    out: str = MISSING
    confidence: float = MISSING
    seed: int = MISSING
    progress: bool = MISSING


@dataclass
class Compare:
    """`facette compare`: the first of `runs` is the base, each other is held against it.

    `customers` whose score changed most are told of each part, each with so many `features`.
    `resamples`, `confidence` and `seed` are those of the bootstrap over customers.
    """

    runs: list[str] = MISSING
    tracking: Tracking = MISSING
    out: str = MISSING
    customers: int = MISSING
    features: int = MISSING
    resamples: int = MISSING
    confidence: float = MISSING
    seed: int = MISSING


@dataclass
class Worth:
    """What a segmentation is assumed to cost, and the Pareto tiers that are looked at.

    Costs are in currency units for each of `segments`; `tiers` are shares of customers, top first.
    """

    tiers: list[float] = MISSING
    segments: int = MISSING
    set_up_cost: float = MISSING
    yearly_cost: float = MISSING


@dataclass
class Describe:
    """`facette describe`."""

    data: Data = MISSING
    snapshot: Snapshot = MISSING
    active_days: int = MISSING
    gap_days: int = MISSING
    worth: Worth = MISSING


@dataclass
class Simulate:
    """`facette simulate`. `dirt_share` of the rows have each kind of `dirt`."""

    world: World = MISSING
    plausible: Plausible = MISSING
    customers: int = MISSING
    months: int = MISSING
    start: str = MISSING
    seed: int = MISSING
    out: str = MISSING
    chunk: int = MISSING
    currency: str = MISSING
    dirt: list[Dirt] = MISSING
    dirt_share: float = MISSING
    progress: bool = MISSING


@dataclass
class Task:
    """One thing to be good at: a part of one data set, judged at each of its test dates.

    `data` is an option of conf/data, `train` what else of `facette train` is set. `test_dates` are
    ISO dates; null: data without dates, or the latest date whose outcomes are known.
    """

    part: ModelPart = MISSING
    data: str = MISSING
    test_dates: list[str] | None = None
    train: list[str] = MISSING


@dataclass
class Entrants:
    """The options of conf/model/<part> that are held against the baselines, for each part."""

    value: list[str] = MISSING
    potential: list[str] = MISSING
    churn: list[str] = MISSING


@dataclass
class Benchmark:
    """`facette benchmark`: every task with every model of its part, side by side.

    `train`: settings of `facette train` for all tasks. `paths`: copies at hand, by the option of
    conf/data. Finished figures are kept in the folder `kept`, and not made again unless `fresh`.
    """

    tasks: dict[str, Task] = MISSING
    models: Entrants = MISSING
    train: list[str] = MISSING
    paths: dict[str, str | None] = MISSING
    tracking: Tracking = MISSING
    out: str = MISSING
    kept: str = MISSING
    fresh: bool = MISSING
    seed: int = MISSING
    progress: bool = MISSING


def register() -> None:
    """Put the schemas where Hydra finds them, as `<verb>_schema`."""
    from hydra.core.config_store import ConfigStore

    store = ConfigStore.instance()
    store.store(name="train_schema", node=Train)
    store.store(name="tune_schema", node=Tune)
    store.store(name="score_schema", node=Score)
    store.store(name="compare_schema", node=Compare)
    store.store(name="plan_schema", node=Plan)
    store.store(name="describe_schema", node=Describe)
    store.store(name="simulate_schema", node=Simulate)
    store.store(name="benchmark_schema", node=Benchmark)
    for kind, node in (
        ("events", EventData), ("files", FilesData), ("wide", WideData), ("bank", BankData),
    ):  # fmt: skip
        store.store(group="data", name=f"{kind}_schema", node=node)
