"""One model of a benchmark, learnt and judged: at a test date, or in one repeat of folds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from facette.jobs.contest import Contest
from facette.jobs.cost import Costed, costed
from facette.jobs.finished import Finished
from facette.jobs.fitness import estimator_of
from facette.models.evaluation import Metric, bootstrap_weights
from facette.models.facets import Learned, learn_churn, learn_potential, learn_value
from facette.models.folds import OF_A_REPEAT, OUTCOMES, judge_in_folds
from facette.models.judging import SCORES, Judgement, judge, metrics_of
from facette.models.validation import stratified_folds
from facette.registry.packaging import scored_alone
from facette.settings import Train
from facette.snapshots.panel import Panel

MODEL = "model"
BINNED = ("ece", "resolution")  # a draw has noise of its own in each bin: its figures lie too high
LEARNERS: Mapping[str, Callable[..., Learned]] = {
    "value": learn_value,
    "potential": learn_potential,
    "churn": learn_churn,
}


@dataclass(frozen=True)
class Draws:
    """Bootstrap draws over all customers of a data set: `weights` (resamples, customers) by id.

    A customer counts as often in a draw whatever model and date is looked at, so that differences
    between models are paired, and the mean of several dates is that of the same customers.
    """

    customers: pd.Index
    weights: np.ndarray

    def digest(self) -> list[Any]:
        """What tells these draws apart from others of as many resamples and the same seed."""
        return [len(self.customers), int(pd.util.hash_pandas_object(self.customers).sum())]

    def rows(self, customers: pd.Index) -> list[np.ndarray]:
        """For each draw the rows of these customers, one as often as it is drawn."""
        places = self.customers.get_indexer(customers)
        times = self.weights[:, places].astype(int)
        return [np.repeat(np.arange(len(customers)), each) for each in times]


def draws_of(customers: pd.Index, chosen: Train) -> Draws:
    """The draws of a data set with these customers, as many as are configured."""
    resamples = chosen.evaluation.resamples
    return Draws(customers, bootstrap_weights(len(customers), resamples, chosen.seed))


def judged_at_date(
    contest: Contest, model: str, snapshots: Panel, draws: Draws, *, with_baselines: bool
) -> tuple[Finished, Finished | None]:
    """The model at the test date of these snapshots, learnt on what ended before it.

    The baselines beside it come second, where they are asked for.

    Raises:
        BadInput: the model can't be learnt as configured.
    """
    part, chosen = contest.part, contest.models[model]
    learnt = costed(lambda: learner(part, chosen)(snapshots))
    scored = pd.DataFrame({SCORES[part]: scored_alone(part, learnt.made, snapshots.test)})
    judgement = _judged_once(part, snapshots, scored, chosen)
    assert snapshots.test.outcomes is not None
    known = snapshots.test.outcomes[OUTCOMES[part]].notna().to_numpy()
    rows = draws.rows(snapshots.test.features.index[known])
    metrics = metrics_of(part, chosen.model.potential.tau)
    drawn = {name: metric for name, metric in metrics.items() if name not in BINNED}
    spread = partial(_in_each, rows, drawn)
    own = _finished(judgement, [MODEL], spread)
    own = replace(
        own, seconds=learnt.seconds, peak_mb=learnt.peak_mb, notes=learnt.made.notes,
        final_fit_seconds=final_fit_seconds(learnt.made, snapshots, chosen.seed),
    )  # fmt: skip
    if not with_baselines:
        return own, None
    return own, _finished(judgement, _baselines(judgement), spread)


def learner(part: str, chosen: Train) -> Callable[[Panel], Learned]:
    """What learns a part from a panel, as configured."""
    model = getattr(chosen.model, part)
    estimator = estimator_of(f"model.{part}", model.estimator)
    return lambda snapshots: LEARNERS[part](snapshots, model, estimator, chosen.seed)


def _judged_once(part: str, snapshots: Panel, scored: pd.DataFrame, chosen: Train) -> Judgement:
    """The judge's figures; its own intervals, which pair one model at one date, are not used."""
    quick = replace(chosen.evaluation, resamples=1)
    return judge(part, snapshots, scored, chosen.model.potential.tau, quick, chosen.seed)


def _baselines(judgement: Judgement) -> list[str]:
    return [name for name in judgement.table.index if name != MODEL]


def _finished(
    judgement: Judgement, names: list[str], spread: Callable[..., dict[str, list[float]]]
) -> Finished:
    table, predictions = judgement.table.loc[names], judgement.predictions
    return Finished(
        figures={str(n): {str(m): float(x) for m, x in row.items()} for n, row in table.iterrows()},
        spread={name: spread(judgement.actual, predictions[name]) for name in names},
        customers=len(judgement.actual),
        notes=judgement.notes,
    )


def _in_each(
    rows: list[np.ndarray], metrics: Mapping[str, Metric], actual: np.ndarray,
    predicted: np.ndarray | None,
) -> dict[str, list[float]]:  # fmt: skip
    """Each metric in each draw, or fold, of rows; empty where nothing is predicted."""
    if predicted is None:
        return {}
    made: dict[str, list[float]] = {name: [] for name in metrics}
    one_thread = threadpool_limits(1)  # thousands of short sums: threads would only wait in turn
    with one_thread, np.errstate(all="ignore"):  # a draw may hold nobody who left, or no money
        for chosen in rows:
            y, p, ones = actual[chosen], predicted[chosen], np.ones(len(chosen))
            for name, metric in metrics.items():
                made[name].append(float(metric(y, p, ones)))
    return made


def final_fit_seconds(learnt: Learned, snapshots: Panel, seed: int) -> float | None:
    """How long the final fit alone takes, made again on as many customers drawn anew.

    None where the model can't be made again without the rest of its learning.
    """
    if learnt.refit is None:
        return None
    customers = pd.Index(np.concatenate([s.features.index for s in snapshots.training])).nunique()
    refit, generator = learnt.refit, np.random.default_rng(seed)
    return costed(lambda: refit(generator, customers)).seconds


def judged_in_repeat(
    contest: Contest, model: str, snapshots: Panel, repeat: int, said: Callable[[str], None], *,
    with_baselines: bool,
) -> tuple[Finished, Finished | None]:  # fmt: skip
    """The model in one repeat of stratified folds, learnt anew in each; the baselines beside it.

    Repeat i of several has the folds of `judge_in_folds` with a seed i higher, so that the mean
    over the repeats is what `facette train` says.

    Raises:
        BadInput: the model can't be learnt as configured.
    """
    part, chosen = contest.part, contest.models[model]
    learn, costs, fits = learner(part, chosen), list[Costed[Learned]](), list[float | None]()

    def watched(inside: Panel) -> Learned:
        costs.append(costed(lambda: learn(inside)))
        if not fits:
            fits.append(final_fit_seconds(costs[-1].made, inside, chosen.seed))
        return costs[-1].made

    once, seed = replace(chosen.evaluation, repeats=1), chosen.seed + repeat
    judgement = judge_in_folds(
        part, snapshots, watched, partial(scored_alone, part), chosen.model.potential.tau, once,
        seed, said,
    )  # fmt: skip
    judgement = replace(judgement, notes=[])  # they tell of this repeat as if it were all
    folds = [held for _, held in stratified_folds(judgement.actual, once.folds, seed)]
    metrics = metrics_of(part, chosen.model.potential.tau)
    by_fold = {name: metric for name, metric in metrics.items() if name not in OF_A_REPEAT}
    spread = partial(_in_each, folds, by_fold)
    peaks = [cost.peak_mb for cost in costs if cost.peak_mb is not None]
    own = replace(
        _finished(judgement, [MODEL], spread), final_fit_seconds=fits[0],
        seconds=float(np.mean([cost.seconds for cost in costs])), peak_mb=max(peaks, default=None),
    )  # fmt: skip
    if not with_baselines:
        return own, None
    return own, _finished(judgement, _baselines(judgement), spread)


def rests_on(contest: Contest, model: str, of_all: str) -> list[Any]:
    """What the figures of a model rest on beside snapshots and code, `of_all` for baselines."""
    chosen = contest.settings if model == of_all else contest.models[model]
    own = None if model == of_all else asdict(getattr(chosen.model, contest.part))
    judged = chosen.evaluation
    return [
        contest.part, model, own, chosen.model.potential.tau, chosen.seed, judged.resamples,
        judged.folds,
    ]  # fmt: skip
