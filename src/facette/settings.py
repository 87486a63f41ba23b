"""Schemas of the configuration: an unknown key or a wrong type fails before any work.

Every value stands in one YAML file under `conf/`; a field here has a type and no default, but for
what a user may leave out altogether (`None`). Registered with Hydra by `register()`.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Any

from omegaconf import MISSING

from facette.errors import BadInput


class Part(Enum):
    """What `facette train` can train."""

    segments = "segments"
    value = "value"
    potential = "potential"
    churn = "churn"


class ChurnDefinition(Enum):
    """How leaving is told. Two definitions never share a model name."""

    non_contractual = "non_contractual"


class Calibration(Enum):
    """What maps a churn score to a probability."""

    none = "none"
    sigmoid = "sigmoid"
    isotonic = "isotonic"


@dataclass
class Data:
    """Where the contract tables come from and how their money and time are to be read."""

    name: str = MISSING
    source: str = MISSING
    path: str | None = None
    currency: str = MISSING
    minor_units: int = MISSING
    timezone: str = MISSING
    observed_until: str | None = None
    leave_out_later_rows: bool = MISSING
    recording_delay_hours: int = MISSING
    margin_rate: float = MISSING
    static_attributes: list[str] = MISSING
    drop_duplicates: bool = MISSING
    licence: str = MISSING
    origin: str = MISSING


@dataclass
class Snapshot:
    """Which reference dates, how far back features look, how far ahead outcomes look."""

    reference_dates: Any = MISSING
    horizon_days: int = MISSING
    observation_days: int = MISSING
    windows_days: list[int] = MISSING
    max_reference_dates: int = MISSING
    categories: int = MISSING
    perimeter: str | None = None


@dataclass
class Tiers:
    """Pareto tiers: names from the top down and the share of customers in each."""

    names: list[str] = MISSING
    shares: list[float] = MISSING


@dataclass
class Rfm:
    """Recency, frequency, money: how many frozen bands each."""

    bands: int = MISSING


@dataclass
class Behaviour:
    """Clusters of what customers do: which features, which clusterer, how k is chosen."""

    estimator: Any = MISSING
    k: int | None = None
    k_range: list[int] = MISSING
    features: list[str] | None = None
    clip_quantile: float = MISSING
    min_stability: float = MISSING
    min_share: float = MISSING
    resamples: int = MISSING
    sample: int = MISSING
    names: list[str] = MISSING


@dataclass
class Segments:
    """The segmentations that live side by side."""

    behaviour: Behaviour = MISSING
    value_tiers: Tiers = MISSING
    potential_tiers: Tiers = MISSING
    rfm: Rfm = MISSING


@dataclass
class ValueModel:
    """Expected value: net margin of the outcome window."""

    name: str = MISSING
    estimator: Any = MISSING
    features: list[str] | None = None
    folds: int = MISSING


@dataclass
class PotentialModel:
    """Potential: the tau-quantile of value among peers, conformalised."""

    name: str = MISSING
    estimator: Any = MISSING
    features: list[str] | None = None
    folds: int = MISSING
    tau: float = MISSING


@dataclass
class ChurnModel:
    """Churn by a declared definition, calibrated."""

    name: str = MISSING
    estimator: Any = MISSING
    features: list[str] | None = None
    folds: int = MISSING
    definition: ChurnDefinition = MISSING
    active_days: int = MISSING
    gap_days: int = MISSING
    calibration: Calibration = MISSING


@dataclass
class Models:
    """One model for each facet."""

    value: ValueModel = MISSING
    potential: PotentialModel = MISSING
    churn: ChurnModel = MISSING


@dataclass
class Evaluation:
    """How figures are judged: bootstrap resamples over customers, width of the intervals."""

    resamples: int = MISSING
    confidence: float = MISSING


@dataclass
class Drivers:
    """When drivers of segments may be shown: out-of-sample fidelity of the surrogate."""

    min_fidelity: float = MISSING
    top: int = MISSING


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
    model: Models = MISSING
    tracking: Tracking = MISSING
    evaluation: Evaluation = MISSING
    drivers: Drivers = MISSING
    parts: list[Part] = MISSING
    seed: int = MISSING
    progress: bool = MISSING


@dataclass
class Score:
    """`facette score`."""

    data: Data = MISSING
    tracking: Tracking = MISSING
    reference_date: str = MISSING
    alias: str = MISSING
    out: str = MISSING
    perimeter: str | None = None


def check_ranges(train: Train) -> None:
    """Refuse figures that no run can be made with, before any data is read.

    Raises:
        BadInput: the first setting outside its range, with the range.
    """
    segments, snapshot, model = train.segments, train.snapshot, train.model
    behaviour, judged = segments.behaviour, train.evaluation
    ranges: list[tuple[str, Any, bool, str]] = [
        ("parts", train.parts, bool(train.parts), "at least one part"),
        ("seed", train.seed, train.seed >= 0, "0 or more"),
        ("data.minor_units", train.data.minor_units, 0 <= train.data.minor_units <= 6, "0 to 6"),
        ("snapshot.horizon_days", snapshot.horizon_days, snapshot.horizon_days > 0, "1 or more"),
        ("snapshot.observation_days", snapshot.observation_days, snapshot.observation_days > 1,
         "2 or more"),
        ("snapshot.windows_days", snapshot.windows_days,
         bool(snapshot.windows_days) and min(snapshot.windows_days) > 0, "days above 0"),
        ("snapshot.categories", snapshot.categories, snapshot.categories >= 0, "0 or more"),
        ("segments.behaviour.k_range", behaviour.k_range,
         len(behaviour.k_range) == 2 and 1 < behaviour.k_range[0] <= behaviour.k_range[1],
         "the least and the most, [2,8] say"),
        ("segments.behaviour.clip_quantile", behaviour.clip_quantile,
         0 <= behaviour.clip_quantile < 0.5, "0 to below 0.5"),
        ("segments.behaviour.resamples", behaviour.resamples, behaviour.resamples > 0, "1 or more"),
        ("segments.behaviour.sample", behaviour.sample, behaviour.sample > 1, "2 or more"),
        ("segments.rfm.bands", segments.rfm.bands, segments.rfm.bands > 1, "2 or more"),
        ("model.potential.tau", model.potential.tau, 0 < model.potential.tau < 1,
         "between 0 and 1"),
        ("model.churn.gap_days", model.churn.gap_days, model.churn.gap_days >= 0, "0 or more"),
        ("model.churn.active_days", model.churn.active_days, model.churn.active_days > 0,
         "1 or more"),
        ("evaluation.resamples", judged.resamples, judged.resamples > 0, "1 or more"),
        ("evaluation.confidence", judged.confidence, 0 < judged.confidence < 1, "between 0 and 1"),
        ("drivers.top", train.drivers.top, train.drivers.top > 0, "1 or more"),
        ("data.name", train.data.name, re.fullmatch(r"[\w.-]+", train.data.name) is not None,
         "letters, digits, _ . -"),
        *((f"model.{part}.folds", getattr(model, part).folds, getattr(model, part).folds > 1,
           "2 or more") for part in ("value", "potential", "churn")),
    ]  # fmt: skip
    for setting, value, fits, wanted in ranges:
        if not fits:
            raise BadInput(f"{setting}: {value} is out of range; {wanted} is wanted")


def register() -> None:
    """Put the schemas where Hydra finds them, as `<verb>_schema`."""
    from hydra.core.config_store import ConfigStore

    store = ConfigStore.instance()
    store.store(name="train_schema", node=Train)
    store.store(name="score_schema", node=Score)
