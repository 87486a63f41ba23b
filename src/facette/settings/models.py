"""Schemas of models: facets, how they are judged, and what drives them."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from omegaconf import MISSING


class ModelPart(Enum):
    """The parts that have a model."""

    value = "value"
    potential = "potential"
    churn = "churn"


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
