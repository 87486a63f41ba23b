"""The work of a benchmark: each model of each task at each date, learnt anew or from before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace

import narwhals as nw
import pandas as pd
from tqdm import tqdm

from facette.errors import BadInput
from facette.jobs.contest import Contest, Sources, check_learnable, check_model
from facette.jobs.finished import Finished, Kept, digest_of
from facette.jobs.judged import Draws, draws_of, judged_at_date, judged_in_repeat, rests_on
from facette.jobs.progress import Progress
from facette.jobs.standings import BASELINES_OF_ALL, Found, standing_of
from facette.registry.tracking import TrackedRun, looks_at, tracked
from facette.reports.benchmark_figure import benchmark_figure
from facette.reports.benchmarked import Standing
from facette.settings import Benchmark
from facette.settings.data import EventData
from facette.snapshots.panel import Panel
from facette.tables.contract import Tables

REPEAT = "repeat "  # before the number of a repeat of the folds, from 1 up


@dataclass(frozen=True)
class At:
    """A model of a task at one test date, or in one repeat of the folds (no `draws` then)."""

    contest: Contest
    model: str
    where: str
    snapshots: Panel
    draws: Draws | None


@dataclass
class Work:
    """The benchmark while it runs: what it reads, where it keeps, tracks and tells."""

    settings: Benchmark
    sources: Sources
    kept: Kept
    run: TrackedRun
    progress: Progress
    by_name: bool
    made: int = 0
    reused: int = 0
    _digests: dict[str, dict[str, str]] = field(default_factory=dict)

    def standings(self, contests: list[Contest]) -> tuple[list[Standing], dict[str, str]]:
        """The standing of each task that could be run; of the others the reason."""
        standings, not_run = list[Standing](), dict[str, str]()
        try:
            for contest in contests:
                told = contest.why_not or self._standing(contest)
                if isinstance(told, Standing):
                    standings.append(told)
                else:
                    not_run[contest.name] = told
        except KeyboardInterrupt:
            tqdm.write(
                f"Interrupted: {self.made} of the models learnt are kept; the same command goes on"
            )
            raise
        return standings, not_run

    def _standing(self, contest: Contest) -> Standing | str:
        try:
            panels = {where: self._panel(contest, where) for where in _looked(contest)}
            for snapshots in panels.values():
                check_learnable(contest, snapshots)
        except BadInput as error:
            if self.by_name:
                raise BadInput(f"tasks.{contest.name}: {error}") from None
            return str(error)
        found, self._digests = Found(contest, list(panels)), {}
        with self.run.child(contest.name) as child:
            self._fill(found, panels, child)
            if not found.records:
                return "; ".join(f"{name}: {why}" for name, why in found.why_not.items())
            standing = standing_of(found)
            child.metrics(tracked_figures(standing))
            child.figure(benchmark_figure(standing), f"figures/{standing.task}.png")
        return standing

    def _panel(self, contest: Contest, where: str) -> Panel:
        self.progress.detail(f"{contest.name}: snapshots {where}")
        return self.sources.panel(contest, where if contest.dated else None)

    def _fill(self, found: Found, panels: dict[str, Panel], child: TrackedRun) -> None:
        """Every model at every date, or in every repeat: from before, or learnt and judged."""
        contest = found.contest
        draws = draws_of(self._everyone(contest), contest.settings) if contest.dated else None
        for where, snapshots in panels.items():
            for model in contest.models:
                self.progress.stage(f"{contest.name}: {model} {where}")
                at = At(contest, model, where, snapshots, draws)
                try:
                    record, baselines = self._finished(at, child)
                except BadInput as error:
                    found.why_not.setdefault(model, f"not run: {error}")
                    continue
                found.add(model, where, record)
                found.add(BASELINES_OF_ALL, where, baselines)

    def _finished(self, at: At, child: TrackedRun) -> tuple[Finished, Finished]:
        """The records of a model and of the baselines beside it.

        Raises:
            BadInput: the model can't be learnt from these snapshots.
        """
        own, beside = self._digest(at, at.model), self._digest(at, BASELINES_OF_ALL)
        record, baselines = self.kept.get(own), self.kept.get(beside)
        if record is not None and baselines is not None:
            self.reused += 1
            return record, baselines
        check_model(at.contest, at.model, at.snapshots)
        record, rivals = self._judged(at, child, with_baselines=baselines is None)
        if rivals is not None:
            self.kept.put(beside, rivals)
        self.kept.put(own, record)
        self.made += 1
        beside_it = baselines or rivals
        assert beside_it is not None
        return record, beside_it

    def _judged(
        self, at: At, child: TrackedRun, *, with_baselines: bool
    ) -> tuple[Finished, Finished | None]:
        """One model learnt and judged anew; at a test date that is a look, tracked as a run."""
        contest, model, snapshots = at.contest, at.model, at.snapshots
        if at.draws is None:
            said = _said(self.progress, f"{contest.name}: {model} {at.where}")
            repeat = int(at.where.removeprefix(REPEAT)) - 1
            return judged_in_repeat(
                contest, model, snapshots, repeat, said, with_baselines=with_baselines
            )
        data = contest.settings.data.name
        with tracked(
            self.settings.tracking, experiment=data, tags=_tags(at), parent_run_id=child.run_id,
            name=f"benchmark {contest.part} {model} {at.where}",
        ) as look:  # fmt: skip
            record, baselines = judged_at_date(
                contest, model, snapshots, at.draws, with_baselines=with_baselines
            )
            record = replace(record, looks=looks_at(look, data))
            _track(look, at, record)
        return record, baselines

    def _digest(self, at: At, of: str) -> str:
        """What a record is kept under; the digests of a panel are made once for all models."""
        if at.where not in self._digests:
            self._digests[at.where] = at.snapshots.digests()
        made = self._digests[at.where]
        drawn = None if at.draws is None else at.draws.digest()
        return digest_of(rests_on(at.contest, of, BASELINES_OF_ALL), at.where, made, drawn)

    def _everyone(self, contest: Contest) -> pd.Index:
        """Every customer whom the tables of a data set know, in order."""
        tables = self.sources.tables(contest.settings)
        assert isinstance(tables, Tables)
        return customers_of(tables)


def _looked(contest: Contest) -> list[str]:
    """The test dates, or the repeats of folds where there are none."""
    repeats = range(1, contest.settings.evaluation.repeats + 1)
    return list(contest.dates) or [f"{REPEAT}{i}" for i in repeats]


def _said(progress: Progress, where: str) -> Callable[[str], None]:
    """What a fold says, with the task and model it is of."""
    return lambda told: progress.detail(f"{where}: {told.partition(', ')[2]}")


def customers_of(tables: Tables) -> pd.Index:
    """Customers with a transaction or a row of their own, as sorted text."""
    known = [
        tables[name].select(nw.col("customer_id")).unique().collect("pandas").to_native()
        for name in ("transactions", "customers")
        if name in tables
    ]
    return pd.Index(pd.concat(known)["customer_id"].astype("str").unique()).sort_values()


def _tags(at: At) -> dict[str, str]:
    contest, chosen = at.contest, at.contest.settings
    assert isinstance(chosen.data, EventData)
    return {
        "facette.verb": "benchmark",
        "facette.task": contest.name,
        "facette.data": chosen.data.name,
        "facette.reference_date": at.where,
        "facette.parts": contest.part,
        "facette.perimeter": chosen.snapshot.perimeter or "everyone",
        f"facette.model.{contest.part}": at.model,
    }


def _track(look: TrackedRun, at: At, record: Finished) -> None:
    """The figures of a look, what it cost, and the configuration of the model."""
    figures = next(iter(record.figures.values()))
    costs = {"seconds": record.seconds, "final_fit_seconds": record.final_fit_seconds,
             "peak_mb": record.peak_mb}  # fmt: skip
    told = {**figures, **{name: cost for name, cost in costs.items() if cost is not None}}
    look.metrics({f"{at.contest.part}/{name}": figure for name, figure in told.items()})
    look.params(asdict(getattr(at.contest.models[at.model].model, at.contest.part)))


def tracked_figures(standing: Standing) -> dict[str, float]:
    """The figures of all dates together, under the names that others rely on."""
    return {
        f"benchmark/{standing.task}/{one.name}/{metric}": result.value
        for one in standing.entrants
        for metric, result in standing.figures(one.name).items()
        if result.value is not None
    }
