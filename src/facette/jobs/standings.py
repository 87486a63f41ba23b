"""From what is finished of a task to its standing: figures with intervals, ranks, the champion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from facette.jobs.contest import Contest
from facette.jobs.finished import Finished
from facette.jobs.judged import MODEL
from facette.models.evaluation import HIGHER_IS_BETTER
from facette.models.folds import corrected_interval
from facette.models.judging import metrics_of
from facette.reports.benchmarked import Entrant, Gain, Result, Standing
from facette.settings.data import WideData
from facette.settings.models import ChurnDefinition, ChurnModel, PartialOf

BASELINES_OF_ALL = "baselines"  # what the records of baselines are filed under
# beside its primary metric, what a champion must not surely lose to the best baseline on
NOR_LOSE = {"value": ("total_error",), "potential": (), "churn": ()}


@dataclass
class Found:
    """What is finished of a contest so far.

    `records`: model, or `BASELINES_OF_ALL`, -> test date or repeat -> record; `why_not`: model ->
    the first reason why it has no record somewhere.
    """

    contest: Contest
    looked: Sequence[str]
    records: dict[str, dict[str, Finished]] = field(default_factory=dict)
    why_not: dict[str, str] = field(default_factory=dict)

    def add(self, model: str, where: str, record: Finished) -> None:
        """File a record."""
        self.records.setdefault(model, {})[where] = record


@dataclass(frozen=True)
class _Series:
    """A forecaster over the test dates, or the repeats: its records, and its name in them."""

    name: str
    key: str
    records: Mapping[str, Finished]

    def value(self, where: str, metric: str) -> float:
        """NaN where not available."""
        record = self.records.get(where)
        return np.nan if record is None else float(record.figures[self.key].get(metric, np.nan))

    def spread(self, where: str, metric: str) -> np.ndarray:
        """What the interval is made of; empty where there is none."""
        record = self.records.get(where)
        return np.array([] if record is None else record.spread[self.key].get(metric, []))


def standing_of(found: Found) -> Standing:
    """The standing of a task in which something is finished."""
    contest, looked = found.contest, list(found.looked)
    chosen, part = contest.settings, contest.part
    metrics = list(metrics_of(part, chosen.model.potential.tau))
    series, baselines = _series(found), list(_baselines(found))
    judge = _Judge(contest, looked)
    results = [r for one in series for r in judge.results(one, metrics)]
    ranked = _ranked(series, judge, metrics[0])
    gains = {
        name: judge.gains(series, name, baselines, [metrics[0], *NOR_LOSE[part]])
        for name in contest.models
    }
    best = next((name for name in ranked if name in baselines), None)
    # what all models share is said once by the records of the baselines
    notes = [note for r in found.records.get(BASELINES_OF_ALL, {}).values() for note in r.notes]
    return Standing(
        task=contest.name,
        part=part,
        data=chosen.data.name,
        currency=chosen.data.currency,
        outcome=_outcome(contest),
        primary=metrics[0],
        test_snapshot=judge.together,
        dates=looked if contest.dated else [],
        customers=_customers(found),
        looks=_looks(found),
        confidence=chosen.evaluation.confidence,
        results=results,
        entrants=[_entrant(name, found, judge, series, metrics[0]) for name in
                  [*ranked, *(s.name for s in series if s.name not in ranked)]],
        gains={name: told for name, told in gains.items() if told},
        champion=_champion(ranked, gains, best),
        notes=list(dict.fromkeys(notes)),
    )  # fmt: skip


def _series(found: Found) -> list[_Series]:
    models = [_Series(m, MODEL, found.records.get(m, {})) for m in found.contest.models]
    beside = found.records.get(BASELINES_OF_ALL, {})
    return models + [_Series(name, name, beside) for name in _baselines(found)]


def _baselines(found: Found) -> dict[str, None]:
    beside = found.records.get(BASELINES_OF_ALL, {})
    return dict.fromkeys(name for record in beside.values() for name in record.figures)


class _Judge:
    """Figures and differences over the test dates of a task, or over its repeats."""

    def __init__(self, contest: Contest, looked: Sequence[str]) -> None:
        self._contest, self._looked = contest, list(looked)
        judged = contest.settings.evaluation
        self._confidence, self._folds = judged.confidence, judged.folds
        several = f"mean of {len(looked)} dates" if len(looked) > 1 else "".join(looked[:1])
        self.together = several if contest.dated else f"{len(looked)} x {judged.folds} folds"

    def results(self, one: _Series, metrics: Sequence[str]) -> list[Result]:
        """A row for each date and metric, and one for the mean of several; of folds, the mean."""
        if not one.records:
            return []
        alone = self._looked if self._contest.dated and len(self._looked) > 1 else []
        return [
            self._result(one, metric, [where], where) for where in alone for metric in metrics
        ] + [self._result(one, metric, self._looked, self.together) for metric in metrics]

    def _result(self, one: _Series, metric: str, places: list[str], told: str) -> Result:
        value, (low, high) = self.value(one, metric, places), self.interval(one, metric, places)
        records = [one.records[where] for where in places if where in one.records]
        seconds = [r.seconds for r in records if r.seconds is not None]
        peaks = [r.peak_mb for r in records if r.peak_mb is not None]
        return Result(
            self._contest.name, one.name, metric, _known(value), _known(low), _known(high), told,
            float(np.mean(seconds)) if seconds else None, max(peaks, default=None),
        )  # fmt: skip

    def value(self, one: _Series, metric: str, places: Sequence[str] | None = None) -> float:
        """The mean over dates or repeats; NaN where it is not available in one of them."""
        wanted = self._looked if places is None else places
        return float(np.mean([one.value(where, metric) for where in wanted]))

    def interval(self, one: _Series, metric: str, places: Sequence[str]) -> tuple[float, float]:
        """Of the figure: over bootstrap draws, or by Nadeau & Bengio over the folds."""
        return self._around(self.value(one, metric, places), self._spread(one, metric, places))

    def _spread(self, one: _Series, metric: str, places: Sequence[str]) -> np.ndarray:
        """Draws of the mean of the dates, or the figure in each fold of every repeat."""
        spreads = [one.spread(where, metric) for where in places]
        if not all(len(spread) for spread in spreads):
            return np.array([])
        return np.mean(spreads, axis=0) if self._contest.dated else np.concatenate(spreads)

    def _around(self, value: float, spread: np.ndarray) -> tuple[float, float]:
        if not len(spread) or np.isnan(value) or np.isnan(spread).all():
            return np.nan, np.nan
        if self._contest.dated:
            tail = (1 - self._confidence) / 2
            low, high = np.nanquantile(spread, [tail, 1 - tail])
            return float(low), float(high)
        _, half = corrected_interval(spread, self._folds, self._confidence)
        return value - half, value + half

    def gains(
        self, series: Sequence[_Series], name: str, baselines: Sequence[str], metrics: Sequence[str]
    ) -> list[Gain]:
        """The differences of a model to the best baseline on each metric, paired."""
        by_name = {one.name: one for one in series}
        model, told = by_name[name], list[Gain]()
        for metric in metrics:
            sign = 1 if metric in HIGHER_IS_BETTER else -1
            rivals = {b: sign * self.value(by_name[b], metric) for b in baselines}
            known = {b: value for b, value in rivals.items() if not np.isnan(value)}
            own = sign * self.value(model, metric)
            if not known or np.isnan(own):
                return []
            opponent = max(known, key=lambda b: known[b])
            spreads = [
                self._spread(one, metric, self._looked) for one in (model, by_name[opponent])
            ]
            gain = own - known[opponent]
            paired = all(len(s) for s in spreads)
            differences = sign * (spreads[0] - spreads[1]) if paired else np.array([])
            told.append(Gain(metric, opponent, gain, *self._around(gain, differences)))
        return told


def _ranked(series: Sequence[_Series], judge: _Judge, primary: str) -> list[str]:
    """Names of those that have a figure, the best first; of equal ones, a baseline."""
    sign = 1 if primary in HIGHER_IS_BETTER else -1
    value = {one.name: judge.value(one, primary) for one in series}
    kept = [one for one in series if not np.isnan(value[one.name])]
    kept.sort(key=lambda one: (-sign * value[one.name], one.key == MODEL))
    return [one.name for one in kept]


def _champion(
    ranked: Sequence[str], gains: Mapping[str, Sequence[Gain]], best_baseline: str | None
) -> str | None:
    """The first model that surely beats the best baseline and loses to none; else that baseline."""
    for name in ranked:
        told = gains.get(name, [])
        if told and told[0].sure and not any(gain.lost for gain in told[1:]):
            return name
    return best_baseline


def _entrant(
    name: str, found: Found, judge: _Judge, series: Sequence[_Series], primary: str
) -> Entrant:
    one = next(s for s in series if s.name == name)
    fits = [r.final_fit_seconds for r in one.records.values() if r.final_fit_seconds is not None]
    without = [w for w in found.looked if np.isnan(one.value(w, primary))]
    why_not = found.why_not.get(name, "")
    if not why_not and without:
        where = f" at {', '.join(without)}" if found.contest.dated else ""
        why_not = f"not available{where}"
    baseline = name not in found.contest.models
    return Entrant(name, baseline, float(np.mean(fits)) if fits and not baseline else None, why_not)


def _customers(found: Found) -> list[int]:
    beside = found.records.get(BASELINES_OF_ALL, {})
    told = [beside[where].customers for where in found.looked if where in beside]
    return told if found.contest.dated else told[:1]


def _looks(found: Found) -> dict[str, int]:
    """How often each date had been looked at when the latest of these models was judged at it."""
    made = [(where, r.looks) for of in found.records.values() for where, r in of.items()]
    dates = found.looked if found.contest.dated else []
    return {d: max((n for where, n in made if where == d and n), default=0) for d in dates}


def _outcome(contest: Contest) -> str:
    """What is foretold, in words."""
    chosen, days = contest.settings, contest.settings.snapshot.horizon_days
    if not contest.dated:
        data = chosen.data
        instead = data.outcomes.churn_means if isinstance(data, WideData) else None
        return instead or "the outcome that the table gives"
    if contest.part == "churn":
        return _leaving(chosen.model.churn, days)
    worth = f"value of the next {days} days"
    tau = chosen.model.potential.tau
    return worth if contest.part == "value" else f"quantile {tau:g} of the {worth} among peers"


def _leaving(churn: ChurnModel, days: int) -> str:
    after = f" after a gap of {churn.gap_days}" if churn.gap_days else ""
    if churn.definition is ChurnDefinition.contractual:
        return f"all contracts ended, by own will, in the next {days} days{after}"
    if churn.definition is ChurnDefinition.partial and churn.partial_of is not None:
        what = "days of purchase" if churn.partial_of is PartialOf.days else "spend"
        return (
            f"{what} of the next {days} days{after} down by more than {churn.partial_share:.0%} on "
            f"the last {days}, given a purchase in the {churn.active_days} before"
        )
    return (
        f"no purchase in the next {days} days{after}, given one in the {churn.active_days} before"
    )


def _known(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
