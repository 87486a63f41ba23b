"""Schemas of the configuration: an unknown key or a wrong type fails before any work.

Every value stands in one YAML file under `conf/`; a field here has a type and no default, but for
what a user may leave out altogether (`None`). Registered with Hydra by `register()`.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from omegaconf import MISSING

from facette.settings.data import (
    BankData,
    Data,
    Dirt,
    EventData,
    FilesData,
    Plausible,
    Snapshot,
    WideData,
    World,
)
from facette.settings.models import Drivers, Evaluation, ModelPart, Models
from facette.settings.policy import Policy
from facette.settings.segments import Grid, Segmentation, Segments, ThreeTests


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


class Language(Enum):
    """What drivers are told in."""

    en = "en"
    fr = "fr"


@dataclass
class Report:
    """How a run is told: the language of the sentences on drivers."""

    language: Language = MISSING


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
