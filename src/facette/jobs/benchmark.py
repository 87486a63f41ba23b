"""`facette benchmark`: every task with every model of its part, side by side, in one run."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from tqdm import tqdm

from facette.errors import BadInput
from facette.jobs.benchmarking import Work, tracked_figures
from facette.jobs.contest import (
    Composed,
    Contest,
    Sources,
    composed_training,
    contest_of,
    dates_of,
)
from facette.jobs.finished import Kept
from facette.jobs.progress import progress as progress_bar
from facette.ranges import check_ranges
from facette.registry.tracking import TrackedRun, code_version, tracked
from facette.reports.benchmark_figure import benchmark_figure
from facette.reports.benchmark_page import page, verdict
from facette.reports.benchmarked import Benchmarked
from facette.settings import Benchmark

STAGES = 3  # beside the models at their dates
EXPERIMENT = "benchmark"
DPI = 144


def main(cfg: DictConfig) -> None:
    """Run the benchmark as configured, then print the champion of each task."""
    hydra = HydraConfig.get()
    settings: Benchmark = OmegaConf.to_object(cfg)  # type: ignore[assignment]
    words = [word.lstrip("+") for word in hydra.overrides.task]
    named = any(word.partition("=")[0] == "tasks" for word in words)
    command = shlex.join(["facette", "benchmark", *_without_places(words)])
    tqdm.write("\n".join(lines(benchmark(settings, by_name=named, command=command), settings)))


def _without_places(words: Sequence[str]) -> list[str]:
    """The words of the command without where files lie here: the page goes to others."""
    kept = [word for word in words if word.partition("=")[0] not in ("out", "kept", "progress")]
    return [re.sub(r"^(paths\.\w+)=.*", r"\1=COPY", word) for word in kept]


def benchmark(
    settings: Benchmark, composed: Composed = composed_training, *, by_name: bool = False,
    command: str = "facette benchmark",
) -> Benchmarked:  # fmt: skip
    """Learn and judge what is not finished yet; write page, figures and rows, and track them.

    `by_name`: the tasks were asked for by name, so that one which can't be run is a mistake.

    Raises:
        BadInput: the configuration is not fit, or a task asked for by name can't be run; what was
            finished before that is kept.
    """
    check_ranges(settings)
    contests = [contest_of(name, task, settings, composed) for name, task in settings.tasks.items()]
    sources, kept = Sources(), Kept(Path(settings.kept), fresh=settings.fresh)
    with progress_bar(STAGES + _most(contests, settings), settings.progress) as progress:
        progress.stage("reading and checking tables")
        contests = [_with_dates(c, settings, sources, by_name) for c in contests]
        for setting in ("out", "kept"):
            _make_folder(setting, Path(getattr(settings, setting)))
        with tracked(
            settings.tracking, experiment=EXPERIMENT, name="benchmark",
            tags={"facette.verb": "benchmark"},
        ) as run:  # fmt: skip
            work = Work(settings, sources, kept, run, progress, by_name)
            told = Benchmarked(*work.standings(contests), command, code_version(), run.run_id,
                               work.reused, work.made)  # fmt: skip
            progress.stage("writing and tracking")
            _record(run, told, settings)
    return told


def _make_folder(setting: str, folder: Path) -> None:
    """Before hours of work rather than after them.

    Raises:
        BadInput: it can't be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{setting}: {folder} can't be made: {error.strerror}") from None


def _most(contests: list[Contest], settings: Benchmark) -> int:
    """How many models at dates, or in repeats, there are at most."""
    looked = {name: len(task.test_dates or []) for name, task in settings.tasks.items()}
    return sum(len(c.models) * (looked[c.name] or c.settings.evaluation.repeats) for c in contests)


def _with_dates(contest: Contest, settings: Benchmark, sources: Sources, by_name: bool) -> Contest:
    """The contest with its test dates, or with the reason why its data are not there.

    Raises:
        BadInput: a test date that the data don't allow; absent data, where asked for by name.
    """
    try:
        tables = sources.tables(contest.settings)
    except BadInput as absent:
        if by_name:
            raise BadInput(f"tasks.{contest.name}: {absent}") from None
        return replace(contest, why_not=str(absent))
    return replace(contest, dates=dates_of(contest, settings.tasks[contest.name], tables))


def _record(run: TrackedRun, told: Benchmarked, settings: Benchmark) -> None:
    """Write rows, page and figures into the folder, and track them."""
    folder = Path(settings.out)
    rows: list[dict[str, Any]] = [asdict(result) for result in told.results]
    texts = {
        "results.json": json.dumps(rows, indent=1, allow_nan=False) + "\n",
        "README.md": page(told),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
        run.file(folder / name)
    for standing in told.standings:
        path = folder / f"{standing.task}.png"
        benchmark_figure(standing).savefig(path, dpi=DPI, metadata={"Software": None})
    run.params(asdict(settings))
    run.metrics({name: value for s in told.standings for name, value in tracked_figures(s).items()})
    run.describe("\n".join(f"- {s.task}: {verdict(s)}" for s in told.standings))


def lines(told: Benchmarked, settings: Benchmark) -> list[str]:
    """What the command line says in the end."""
    said = [f"{standing.task}: {verdict(standing)}" for standing in told.standings]
    said += [f"{name}: not run, {why}" for name, why in told.not_run.items()]
    looks = {
        f"{standing.data} {date}: {n}" for standing in told.standings
        for date, n in standing.looks.items()
    }  # fmt: skip
    if looks:
        said.append(f"Looks at test dates until now: {', '.join(sorted(looks))}")
    said.append(f"Models learnt: {told.made}; taken from before: {told.reused}")
    return [*said, f"Page: {Path(settings.out) / 'README.md'}", f"Tracked as run {told.run_id}"]
