"""What a search found: told in lines, kept with its run, written as a configuration."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from omegaconf import OmegaConf

from facette.jobs.rehearsing import Searching
from facette.jobs.searching import CONFIGURED, LEFT, TRIED, trials_table, with_values
from facette.registry.tracking import TrackedRun
from facette.reports.words import metric_label, number
from facette.settings import Tune
from facette.snapshots.instants import iso

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class Told:
    """The command as given: the model's configuration as written, what to train with, all of it."""

    written: Mapping[str, Any]
    tune: str
    train: Sequence[str]
    configuration: str


@dataclass(frozen=True)
class Tuned:
    """The outcome of a search.

    `trials`: a row for each judged trial, `earlier` of them by an earlier command. `changed`: the
    best parameters, empty where nothing was better than what is configured. `gain` is above 0 where
    the best is better. `spread`: quantiles of the figure over trials judged in full.
    """

    searching: Searching
    default: float
    best: float
    gain: float
    best_trial: int
    changed: Mapping[str, Any]
    spread: Mapping[float, float]
    trials: pd.DataFrame
    asked: int
    earlier: int
    storage: str
    run_id: str
    command: str
    file: Path

    @property
    def part(self) -> str:
        """The part whose model was searched."""
        return self.searching.part

    @property
    def metric(self) -> str:
        """The primary metric of the part."""
        return self.searching.metric

    @property
    def left(self) -> int:
        """How many trials were left early."""
        return int((self.trials["state"] == LEFT).sum())

    def metrics(self) -> dict[str, float]:
        """Figures under the names that others rely on."""
        part, metric = self.part, self.metric
        quantiles = {f"{part}/spread/{metric}_q{100 * q:.0f}": v for q, v in self.spread.items()}
        return {
            f"{part}/best/{metric}": self.best,
            f"{part}/default/{metric}": self.default,
            f"{part}/best/gain": self.gain,
            **quantiles,
            f"{part}/trials": len(self.trials),
            f"{part}/trials_left_early": self.left,
            f"{part}/seconds_a_trial": float(self.trials["seconds"].mean()),
        }


def tuned_of(
    settings: Tune, study: Study, searching: Searching, earlier: int, run_id: str, told: Told,
    folder: Path,
) -> Tuned:  # fmt: skip
    """The outcome of a study; the best configuration is written into `folder`."""
    trials = trials_table(study, searching.metric)
    in_full = trials.loc[trials["state"] != LEFT, searching.metric]
    default, best = _default_and_best(study, searching.higher)
    assert default.value is not None and best.value is not None
    changed = {} if best is default else dict(best.user_attrs[TRIED])
    tuned = Tuned(
        searching=searching,
        default=default.value,
        best=best.value,
        gain=abs(best.value - default.value),
        best_trial=best.number,
        changed=changed,
        spread={q: float(in_full.quantile(q)) for q in QUANTILES},
        trials=trials,
        asked=settings.trials,
        earlier=earlier,
        storage=settings.storage,
        run_id=run_id,
        command=_command(told.train, searching.part, changed),
        file=folder / "best.yaml",
    )
    folder.mkdir(parents=True, exist_ok=True)
    tuned.file.write_text(_written(tuned, told.written), encoding="utf-8")
    return tuned


def _default_and_best(study: Study, higher: bool) -> tuple[FrozenTrial, FrozenTrial]:
    """The trial of what is configured, and the best one: itself where none is better."""
    sign = 1 if higher else -1
    default = next(t for t in study.trials if CONFIGURED in t.user_attrs and t.value is not None)
    best = study.best_trial
    assert default.value is not None and best.value is not None
    return default, best if sign * (best.value - default.value) > 0 else default


def _command(train: Sequence[str], part: str, changed: Mapping[str, Any]) -> str:
    overrides = {f"model.{part}.estimator.{name}": _plain(v) for name, v in changed.items()}
    kept = [word for word in train if word.partition("=")[0] not in overrides]
    return shlex.join([*kept, *(f"{key}={value}" for key, value in overrides.items())])


def _plain(value: Any) -> str:
    """A value as an override holds it."""
    return value if isinstance(value, str) else json.dumps(value)


def _written(tuned: Tuned, written: Mapping[str, Any]) -> str:
    """The model's configuration with what was found, to be put into conf/model/<part>/."""
    name = f"{written['name']}_tuned"
    values = {f"estimator.{key}": value for key, value in tuned.changed.items()}
    node = with_values(written, {"name": name, **values})
    return (
        f"# Found by {tuned.searching.study}, trial {tuned.best_trial}: {_label(tuned)} "
        f"{_figure(tuned.best)} beside {_figure(tuned.default)}, {tuned.searching.rehearsed.how}.\n"
        f"# As conf/model/{tuned.part}/{name}.yaml: facette train model/{tuned.part}={name}\n"
        f"{OmegaConf.to_yaml(OmegaConf.create(node))}"
    )


def _label(tuned: Tuned) -> str:
    return metric_label(tuned.metric).lower().replace("gini", "Gini")


def _figure(value: float) -> str:
    return number(value, 4 if abs(value) < 10 else 2)


def lines(tuned: Tuned) -> list[str]:
    """The outcome in plain lines, and what to do with it."""
    before = f", {tuned.earlier} of them from before" if tuned.earlier else ""
    short = f"; stopped by timeout before {tuned.asked}" if len(tuned.trials) < tuned.asked else ""
    return [
        f"Searched: {tuned.part}, {len(tuned.trials)} trials{before}, {tuned.left} left early, "
        f"{tuned.trials['seconds'].mean():.1f} s each{short}",
        f"Validated: {tuned.searching.rehearsed.how}",
        f"Best: {_best(tuned)}",
        f"Spread: {_spread(tuned)}",
        f"Test date: {_test(tuned)}",
        f"To train with it: {tuned.command}",
        f"As a file: {tuned.file}",
        f"Kept: run {tuned.run_id}; study '{tuned.searching.study}' in {tuned.storage}; "
        "nothing is registered",
    ]


def _best(tuned: Tuned) -> str:
    if not tuned.changed:
        return (
            f"nothing beats what is configured, {_label(tuned)} {_figure(tuned.default)}; keep it"
        )
    values = ", ".join(f"{name} {_plain(value)}" for name, value in tuned.changed.items())
    gain = number(tuned.gain, 4 if abs(tuned.best) < 10 else 2, signed=True)
    return (
        f"{_label(tuned)} {_figure(tuned.best)} beside {_figure(tuned.default)} as configured, "
        f"gain {gain} (trial {tuned.best_trial}: {values})"
    )


def _spread(tuned: Tuned) -> str:
    told = ", ".join(f"{100 * q:.0f}% below {_figure(v)}" for q, v in tuned.spread.items())
    in_full = len(tuned.trials) - tuned.left
    return (
        f"{_label(tuned)} of the {in_full} trials judged in full: {told}; the best of many is "
        "flattered by having been chosen"
    )


def _test(tuned: Tuned) -> str:
    if tuned.searching.test_date is None:
        return (
            "none, no dates: `facette train` judges on these same customers, so that its figures "
            "flatter what was chosen here"
        )
    return f"{tuned.searching.test_date} was not looked at, and no look at it is counted"


def keep(run: TrackedRun, tuned: Tuned, settings: Tune, told: Told) -> None:
    """Log the parent run: settings, figures, trials, the best configuration, all in words."""
    run.params(asdict(settings))
    run.metrics(tuned.metrics())
    for trial, figure in zip(tuned.trials["trial"], tuned.trials[tuned.metric], strict=True):
        run.metrics({f"{tuned.part}/trial/{tuned.metric}": figure}, int(trial))
    run.table(tuned.trials, "tables/trials.json")
    run.text(told.configuration, "configuration.yaml")
    run.file(tuned.file)
    for s in tuned.searching.training.training:
        name = f"{settings.data.name} at {iso(s.reference_date)}"
        run.dataset(s.features, name, s.digest(), "training")
    said = [*lines(tuned), *tuned.searching.training.notes, f"Command: `{told.tune}`"]
    run.describe("\n".join(f"- {line}" for line in said))
