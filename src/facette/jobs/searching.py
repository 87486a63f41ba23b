"""A guided search with Optuna: its space, its study that can be taken up again, its trials."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from omegaconf import OmegaConf

from facette.errors import BadInput
from facette.registry.tracking import SQLITE
from facette.settings import Pruning
from facette.wording import nearest

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

CONFIGURED, TRIED, DIGEST, RUN = "as_configured", "parameters", "depends_on", "run"
LEFT, IN_FULL = "left early", "judged in full"
DIGITS = 4  # significant ones of a parameter, so that a command can be read and repeats the trial
ABSENT = object()


@dataclass(frozen=True)
class Space:
    """The parameters of an estimator that are searched, as checked, and its configuration."""

    parameters: Mapping[str, Mapping[str, Any]]
    node: Mapping[str, Any]

    @property
    def configured(self) -> dict[str, Any]:
        """The parameters as they are configured."""
        return {name: OmegaConf.select(_tree(self.node), name) for name in self.parameters}

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether these values are inside the space."""
        return all(_inside(values[name], told) for name, told in self.parameters.items())

    def suggested(self, trial: Trial) -> dict[str, Any]:
        """Parameters for a trial, rounded."""
        return {name: _suggested(trial, name, told) for name, told in self.parameters.items()}

    def node_with(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration of the estimator with these parameters."""
        return with_values(self.node, values)


def with_values(node: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of some configuration with these values under their dotted names."""
    tree = _tree(node)
    for name, value in values.items():
        OmegaConf.update(tree, name, value)
    return OmegaConf.to_container(tree, resolve=False)  # type: ignore[return-value]


def _tree(node: Mapping[str, Any]) -> Any:
    return OmegaConf.create(deepcopy(dict(node)))


def space_of(part: str, parameters: Mapping[str, Any], node: Any) -> Space:
    """The search space of a part's estimator.

    Raises:
        BadInput: a parameter is not in the estimator's configuration.
    """
    for name in parameters:
        if OmegaConf.select(_tree(node), name, default=ABSENT) is ABSENT:
            known = [key for key in node if not key.startswith("_")]
            raise BadInput(
                f"search.{part}.{name}: {node['_target_']} is configured without {name}"
                f"{nearest(name, known)}; leave it out with search.{part}.{name}=null, choose "
                f"another space with search=…, or configure it under model.{part}.estimator"
            )
    return Space(parameters, node)


def _inside(value: Any, told: Mapping[str, Any]) -> bool:
    if "choices" in told:
        return value in told["choices"]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    whole = not told.get("int") or value == int(value)
    return bool(whole and told["low"] <= value <= told["high"])


def _suggested(trial: Trial, name: str, told: Mapping[str, Any]) -> Any:
    if "choices" in told:
        return trial.suggest_categorical(name, told["choices"])
    low, high, log = told["low"], told["high"], bool(told.get("log"))
    if told.get("int"):
        return trial.suggest_int(name, low, high, log=log)
    rounded = float(f"{trial.suggest_float(name, low, high, log=log):.{DIGITS}g}")
    return min(max(rounded, low), high)


def opened_study(
    storage: str, name: str, digest: str, higher_is_better: bool, pruning: Pruning
) -> Study:
    """The study of that name, made where there is none; `digest` is of all its figures depend on.

    Raises:
        BadInput: the storage can't be opened, or the study was made of something else.
    """
    import optuna

    # at warnings it prints the traceback of whatever ends a trial, a user's Ctrl-C included
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if storage.startswith(SQLITE):
        Path(storage.removeprefix(SQLITE)).absolute().parent.mkdir(parents=True, exist_ok=True)
    # an index below: Optuna counts the steps of a trial from 0
    pruner = optuna.pruners.MedianPruner(pruning.after_trials, pruning.after_steps - 1)
    directions = optuna.study.StudyDirection
    try:
        study = optuna.create_study(
            storage=storage, study_name=name, pruner=pruner, load_if_exists=True,
            direction=directions.MAXIMIZE if higher_is_better else directions.MINIMIZE,
        )  # fmt: skip
    except Exception as error:
        why = str(error).strip().partition("\n")[0]
        raise BadInput(f"storage {storage} can't be opened: {why}") from error
    made_of = study.user_attrs.get(DIGEST)
    if made_of is None:
        study.set_user_attr(DIGEST, digest)
    elif made_of != digest:
        raise BadInput(
            f"study: '{name}' was made of other data, settings or ranges, so that its trials do "
            "not compare; give another name, or null for one of its own"
        )
    return study


def judged_trials(study: Study) -> list[FrozenTrial]:
    """Trials that were judged, in full or until they were left; not those interrupted."""
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


def search(
    study: Study, space: Space, objective: Callable[[Trial], float], trials: int,
    timeout: float | None, seed: int,
) -> Iterator[None]:  # fmt: skip
    """Judge trials until there are so many, or for `timeout` seconds; yields before each.

    The first is the estimator as configured, judged whatever the time. Each draws by a seed of its
    own, so that a search taken up again goes on as one that was never interrupted.
    """
    from optuna.samplers import TPESampler

    ends = None if timeout is None else time.monotonic() + timeout
    while (done := len(judged_trials(study))) < trials:
        if done and ends is not None and time.monotonic() >= ends:
            return
        yield
        _enqueue_configured(study, space)
        study.sampler = TPESampler(seed=seed + done)
        study.optimize(objective, n_trials=1)


def _enqueue_configured(study: Study, space: Space) -> None:
    """Put the estimator as configured next, unless it was judged or waits already."""
    from optuna.trial import TrialState

    there = (TrialState.COMPLETE, TrialState.WAITING)
    if any(CONFIGURED in t.user_attrs for t in study.get_trials(deepcopy=False, states=there)):
        return
    values = space.configured
    study.enqueue_trial(values if space.holds(values) else {}, user_attrs={CONFIGURED: True})


def parameters_of(trial: Trial, space: Space) -> dict[str, Any]:
    """What a trial tries, kept with it: drawn from the space, or the estimator as configured."""
    if CONFIGURED in trial.user_attrs:
        values = space.configured
        if space.holds(values):  # drawn all the same: later trials learn from where it stands
            space.suggested(trial)
    else:
        values = space.suggested(trial)
    trial.set_user_attr(TRIED, values)
    return values


def mean_of_steps(trial: Trial, figures: Iterator[float], steps: int) -> Iterator[float]:
    """The mean of the figures so far, after each of so many steps.

    Raises:
        TrialPruned: the trial falls behind before its last step.
        BadInput: a figure is not defined, as for a fold whose outcomes sum to 0.
    """
    from optuna import TrialPruned

    total = 0.0
    for step, figure in enumerate(figures):
        if not math.isfinite(figure):
            raise BadInput(
                f"trial {trial.number} has no figure on date or fold {step + 1} of {steps}: its "
                "outcomes are too few or all alike; bring more customers, or fewer folds"
            )
        total += figure
        mean = total / (step + 1)
        trial.report(mean, step)
        yield mean
        # the estimator as configured is what all is held against: it is judged in full
        behind = step + 1 < steps and CONFIGURED not in trial.user_attrs and trial.should_prune()
        if behind:
            raise TrialPruned


def trials_table(study: Study, metric: str) -> pd.DataFrame:
    """A row for each judged trial: its number, state, figure, seconds, run and parameters."""
    rows = []
    for trial in judged_trials(study):
        told = trial.user_attrs
        rows.append({
            "trial": trial.number,
            "state": "as configured" if CONFIGURED in told else _state(trial),
            metric: trial.value,
            "steps": len(trial.intermediate_values),
            "seconds": round(trial.duration.total_seconds(), 2) if trial.duration else None,
            "run": told.get(RUN),
            **told[TRIED],
        })  # fmt: skip
    return pd.DataFrame(rows)


def _state(trial: FrozenTrial) -> str:
    return LEFT if trial.state.name == "PRUNED" else IN_FULL
