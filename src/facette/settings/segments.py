"""Schemas of segments: behaviour, tiers, further segmentations, the grid and the three tests."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from omegaconf import MISSING


class Purpose(Enum):
    """What a segmentation is for."""

    need = "need"
    profitability = "profitability"
    channel = "channel"
    relation = "relation"


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
class Segments:
    """Behaviour segments, and the tiers that are packaged with them."""

    behaviour: Behaviour = MISSING
    value_tiers: Tiers = MISSING
    potential_tiers: Tiers = MISSING


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
