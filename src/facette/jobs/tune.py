"""`facette tune`: the parameters of one model, searched on training snapshots alone."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from tqdm import tqdm

from facette.errors import BadInput
from facette.jobs.fitness import MODEL_PARTS, estimator_of
from facette.jobs.progress import progress as progress_bar
from facette.jobs.rehearsing import Searching, searching_of
from facette.jobs.searching import (
    CONFIGURED,
    IN_FULL,
    LEFT,
    RUN,
    judged_trials,
    mean_of_steps,
    opened_study,
    parameters_of,
    search,
)
from facette.jobs.tuned import Told, Tuned, keep, lines, tuned_of
from facette.models.trial import judged_in_steps
from facette.ranges import check_ranges
from facette.registry.tracking import TrackedRun, tracked
from facette.settings import Tune

if TYPE_CHECKING:
    from optuna import Trial

STAGES = 3  # beside the trials
OF_TRAINING = {"data", "snapshot", "model", "tracking", "seed"}  # what `facette train` takes too


def main(cfg: DictConfig) -> None:
    """Search as configured, then print the best beside what is configured."""
    hydra = HydraConfig.get()
    settings: Tune = OmegaConf.to_object(cfg)  # type: ignore[assignment]
    part = settings.part.value
    words = [word.lstrip("+") for word in hydra.overrides.task]
    check_part(part, words)
    chosen = {other: hydra.runtime.choices[f"model/{other}"] for other in MODEL_PARTS}
    sources = [s.path for s in hydra.runtime.config_sources if s.provider == "command-line"]
    told = Told(
        written=OmegaConf.to_container(cfg.model[part], enum_to_str=True),  # type: ignore[arg-type]
        tune=shlex.join(["facette", "tune", *words]),
        train=train_words(words, part, chosen, sources),
        configuration=OmegaConf.to_yaml(cfg, resolve=True),
    )
    tuned = tune(settings, Path(hydra.runtime.output_dir), told)
    tqdm.write("\n".join(lines(tuned)))


def check_part(part: str, words: Sequence[str]) -> None:
    """Refuse a command that names the model of one part and would search that of another.

    Raises:
        BadInput: with the pair to add.
    """
    named = {found[1] for word in words if (found := re.match(r"(?:model|search)[/.](\w+)", word))}
    if named and part not in named and not any(word.startswith("part=") for word in words):
        other = min(named)
        raise BadInput(f"part: {part} would be searched, {other} is named; add part={other}")


def train_words(
    words: Sequence[str], part: str, chosen: Mapping[str, str], folders: Sequence[str]
) -> list[str]:
    """The words of a `facette tune` that `facette train` takes.

    `chosen` are the options of the models by part; that of `part` is named, and of any other part
    that a word is about, for what `facette train` takes by default may be another model.
    """
    kept = [word for word in words if re.split(r"[./@=]", word)[0] in OF_TRAINING]
    about = [p for p in chosen if p == part or any(w.startswith(f"model.{p}.") for w in kept)]
    groups = [f"model/{p}={chosen[p]}" for p in sorted(about, key=lambda p: p != part)]
    others = [word for word in kept if word.partition("=")[0] not in {f"model/{p}" for p in about}]
    flags = [word for folder in folders for word in ("--config-dir", folder)]
    return ["facette", "train", *flags, *groups, *others]


def tune(settings: Tune, folder: Path, told: Told) -> Tuned:
    """Search, track the trials, and write the best configuration into `folder`.

    Raises:
        BadInput: the configuration or the data are not fit; nothing is tracked then.
    """
    with progress_bar(STAGES + settings.trials, settings.progress) as progress:
        progress.stage("checking the configuration")
        check_ranges(settings)
        searching = searching_of(settings, progress)
        study = opened_study(
            settings.storage, searching.study, searching.digest, searching.higher, settings.pruning
        )
        earlier = len(judged_trials(study))
        with tracked(
            settings.tracking, experiment=settings.data.name, name=f"tune {searching.part}",
            tags=_tags(settings, searching),
        ) as run:  # fmt: skip
            objective = _objective(searching, run)
            try:
                for _ in search(study, searching.space, objective, settings.trials,
                                settings.timeout, settings.seed):  # fmt: skip
                    progress.stage(f"trial {len(judged_trials(study)) + 1} of {settings.trials}")
            except KeyboardInterrupt:
                kept = len(judged_trials(study))
                tqdm.write(f"Interrupted: {kept} trials are kept; the same command goes on")
                raise
            progress.stage("tracking")
            tuned = tuned_of(settings, study, searching, earlier, run.run_id, told, folder)
            keep(run, tuned, settings, told)
        return tuned


def _tags(settings: Tune, searching: Searching) -> dict[str, str]:
    """Without a reference date: a search is no look at a test date, and is not counted as one."""
    part = searching.part
    return {
        "facette.verb": "tune",
        "facette.data": settings.data.name,
        "facette.parts": part,
        "facette.perimeter": settings.snapshot.perimeter or "everyone",
        f"facette.model.{part}": getattr(settings.model, part).name,
        "facette.study": searching.study,
    }


def _objective(searching: Searching, run: TrackedRun) -> Callable[[Trial], float]:
    """The figure of a trial, tracked as a child run."""

    def figure_of(trial: Trial) -> float:
        from optuna import TrialPruned

        trial.set_user_attr(RUN, run.run_id)
        values = parameters_of(trial, searching.space)
        left, mean = False, float("nan")
        also = " as configured" if CONFIGURED in trial.user_attrs else ""
        with run.child(f"trial {trial.number:03}{also}") as child:
            child.params(values)
            try:
                for step, mean in enumerate(_means(trial, searching, values)):
                    child.metrics({f"{searching.part}/{searching.metric}": mean}, step)
            except TrialPruned:
                left = True
            told = {"facette.part": searching.part, "facette.trial": LEFT if left else IN_FULL}
            child.tags(told)
        if left:
            raise TrialPruned
        return mean

    return figure_of


def _means(trial: Trial, searching: Searching, values: Mapping[str, Any]) -> Iterator[float]:
    estimator = estimator_of(f"model.{searching.part}", searching.space.node_with(values))
    figures = judged_in_steps(
        estimator, searching.design, searching.rehearsed, searching.figure, searching.folds,
        searching.seed,
    )  # fmt: skip
    return mean_of_steps(trial, figures, len(searching.rehearsed.pairs))
