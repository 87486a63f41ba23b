"""What there is to tell of a benchmark: a standing for each task, result rows for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Result:
    """One figure of one model; as a row of `results.json` it has these keys in this order.

    `test_snapshot` is a date, `mean of N dates`, or `R x F folds`. `low` and `high` are None where
    a figure has no interval, `value` where it is not available. `seconds` of the whole learning and
    `peak_mb` of the process beside it are None for baselines; of several dates or folds the mean
    and the most.
    """

    task: str
    model: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    test_snapshot: str
    seconds: float | None
    peak_mb: float | None


@dataclass(frozen=True)
class Entrant:
    """A model or a baseline; `why_not` says why it has no figure, or lacks one at some date."""

    name: str
    baseline: bool
    final_fit_seconds: float | None = None
    why_not: str = ""


@dataclass(frozen=True)
class Gain:
    """How far a model is ahead of the best baseline on a metric, paired; above 0 is better."""

    metric: str
    opponent: str
    gain: float
    low: float
    high: float

    @property
    def sure(self) -> bool:
        """Whether the interval leaves no doubt that the model is ahead."""
        return self.low > 0

    @property
    def lost(self) -> bool:
        """Whether the interval leaves no doubt that the model is behind."""
        return self.high < 0


@dataclass(frozen=True)
class Standing:
    """One task: its figures, and who is champion.

    `entrants` are ranked on the primary metric, those without a figure last. `test_snapshot` is
    that of the figures which rank them. `gains`: model -> its gains over the best baseline, on the
    primary metric first. `champion` is None where nothing has a figure. `looks` at each test date
    until now, by any run, are none where there are no dates. `customers` judged at each date.
    """

    task: str
    part: str
    data: str
    currency: str
    outcome: str
    primary: str
    test_snapshot: str
    dates: Sequence[str]
    customers: Sequence[int]
    looks: Mapping[str, int]
    confidence: float
    results: Sequence[Result]
    entrants: Sequence[Entrant]
    gains: Mapping[str, Sequence[Gain]]
    champion: str | None
    notes: Sequence[str] = field(default_factory=list)

    def figures(self, model: str) -> dict[str, Result]:
        """The figures of a model that count, those of all dates together, by metric."""
        return {
            r.metric: r
            for r in self.results
            if r.model == model and r.test_snapshot == self.test_snapshot
        }

    def is_baseline(self, name: str) -> bool:
        """Whether this one is a baseline."""
        return any(one.baseline for one in self.entrants if one.name == name)


@dataclass(frozen=True)
class Benchmarked:
    """All tasks of a benchmark; `not_run`: task -> why."""

    standings: Sequence[Standing]
    not_run: Mapping[str, str]
    command: str
    code_version: str
    run_id: str
    reused: int
    made: int

    @property
    def results(self) -> list[Result]:
        """The rows of `results.json`."""
        return [result for standing in self.standings for result in standing.results]
