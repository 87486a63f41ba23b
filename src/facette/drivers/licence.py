"""When drivers may be shown: each condition has a figure, what is asked for, what would help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

SURE = 1.645  # normal quantile: one-sided, 95 %


@dataclass(frozen=True)
class Condition:
    """One condition of the licence: `figure` must be `least` or more. NaN: not judged, so not held.

    `what` names the figure; `fault` says what it means where it falls short, `help` what to do.
    """

    what: str
    figure: float
    least: float
    fault: str
    help: str

    @property
    def holds(self) -> bool:
        """Whether it is met."""
        return bool(self.figure >= self.least)


def withheld(conditions: Sequence[Condition]) -> str | None:
    """Why drivers are withheld, in words; None where every condition holds."""
    failed = [c for c in conditions if not c.holds]
    if not failed:
        return None
    return "; ".join(
        f"{c.fault} ({c.what} {_figure(c.figure)}, {c.least:.2f} asked for): {c.help}"
        for c in failed
    )


def _figure(figure: float) -> str:
    return "not known" if np.isnan(figure) else f"{figure:.2f}"


def knows_something(correlation: float, customers: int) -> float:
    """The lower bound of a rank correlation, by Fisher's z with one-sided confidence of 95 %."""
    if customers < 4 or np.isnan(correlation):
        return np.nan
    kept = np.clip(correlation, -1 + 1e-12, 1 - 1e-12)
    return float(np.tanh(np.arctanh(kept) - SURE / np.sqrt(customers - 3)))


def returning(
    shown: Mapping[str, Mapping[str, float]], again: Sequence[Mapping[str, Mapping[str, float]]]
) -> float:
    """How much of what leading drivers carry is carried by drivers that lead again in refits.

    `shown` has the leading drivers of each subject (a model, a segment) with the size of what they
    carry, `again` the same for every model fitted on customers drawn anew. 0 to 1: the least of
    subjects, each a mean over refits; NaN without any.
    """
    shares = [
        np.mean([_carried(sizes, refit.get(subject, {})) for refit in again])
        for subject, sizes in shown.items()
        if sizes and again
    ]
    return float(min(shares)) if shares else np.nan


def _carried(sizes: Mapping[str, float], again: Mapping[str, float]) -> float:
    return sum(size for name, size in sizes.items() if name in again) / sum(sizes.values())
