"""Models explain themselves exactly, cost what their library costs, and serve every segment."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import chdir
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hydra.utils import instantiate
from running import settings_of
from shared import shared_file
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from facette.jobs.contest import Contest, Sources, contest_of, dates_of
from facette.jobs.judged import LEARNERS, learner
from facette.jobs.train import Trained
from facette.models.by_group import COVERED_WITHIN, LEAST_OF, by_group
from facette.models.facets import Learned
from facette.models.judging import SCORES, Judgement, judge, tau_of
from facette.models.learner import Design, Mix, design, is_blend, is_lightgbm, learnable, matrix_for
from facette.models.ridge_logistic import moved
from facette.models.validation import Sample, fitted_on_all, sample
from facette.registry.packaging import as_rows, packaged, scored_alone
from facette.settings import Benchmark, Train
from facette.snapshots.panel import Panel

SHARED = ("online_retail_ii", "telco_churn", "bank_marketing")
BANK = ("data.customers=4000",)  # what adds up for these adds up for more
EXACT = 1e-6
FINAL_FIT, WHOLE_PART = 2.5, 1.3  # times the library's own fits
GOES = 3
PATIENCE = 50  # trees that an early-stopped fit grows beyond its best
ONE_THREAD = [
    f"model.{estimator}.n_jobs=1"
    for estimator in (
        "value.estimator.members.tweedie", "value.estimator.members.huber",
        "potential.estimator", "churn.estimator.members.boosting",
    )
]  # fmt: skip


def contests() -> Iterator[Contest]:
    """Every task of the benchmark, each with the default model of `facette train` alone."""
    settings: Benchmark = settings_of("benchmark")
    settings.paths |= {name: str(shared_file(name)) for name in SHARED}
    default = settings_of("train").model
    for part in LEARNERS:
        setattr(settings.models, part, [getattr(default, part).name])
    for name, task in settings.tasks.items():
        settings.train = list(BANK) if task.data == "bank" else []
        yield contest_of(name, task, settings, lambda words: settings_of("train", *words))


def off_by(contest: Contest, snapshots: Panel, folder: Path) -> float:
    """How far contributions of the packaged model are from adding up to its raw score, at most."""
    [(_, settings)], part = contest.models.items(), contest.part
    learnt = {part: learner(part, settings)(snapshots)}
    bundle, _ = packaged(settings, snapshots, learnt, None, folder)
    rows = as_rows(snapshots.test)
    parts = bundle.contributions(part, rows)
    assert parts.shape == (len(rows), len(bundle.features(part)) + 1)
    return float(np.abs(parts.sum(axis=1) - bundle.raw(part, rows)).max())


def test_explanations_add_up_on_every_task(tmp_path: Path, evidence: Callable[..., bool]) -> None:
    sources, off, told = Sources(), dict[str, float](), []
    tasks = settings_of("benchmark").tasks
    with chdir(tmp_path):
        for contest in contests():
            dates = dates_of(contest, tasks[contest.name], sources.tables(contest.settings))
            snapshots = sources.panel(contest, dates[-1] if dates else None)
            off[contest.name] = off_by(contest, snapshots, tmp_path / contest.name)
            told.append(f"{contest.name} {len(snapshots.test.features):,}")
    evidence(
        "explanations_add_up_on_every_task",
        off,
        f"contributions and base sum to the packaged model's raw score, on its link scale, within "
        f"{EXACT:g} for every customer of the test date",
        len(off) == len(tasks) and max(off.values()) <= EXACT,
        "tasks of the benchmark at their latest test date, default models, customers: "
        + ", ".join(told),
    )


def grown(learnt: Learned) -> Mix | int:
    """What validation chose."""
    trees = learnt.params["trees"]
    return Mix(trees, tuple(learnt.params["weights"])) if "weights" in learnt.params else trees


def at_most(estimator: BaseEstimator, chosen: Mix | int) -> Mix | int:
    """What a fit grows that validation chooses by: all trees of all members; or till it stops."""
    if not isinstance(chosen, Mix):
        return chosen + PATIENCE
    trees = [m.n_estimators for m in estimator.members.values() if is_lightgbm(m)]
    return Mix(max(trees), (1.0,) * len(estimator.members))


def bare_fits(
    estimator: BaseEstimator, made: Design, s: Sample, chosen: Mix | int
) -> list[Callable[[], Any]]:
    """The library's own fit of each member, rows and columns ready for it."""
    if not is_blend(estimator):
        return [bare_boosting(estimator, made, s, chosen)]
    assert isinstance(chosen, Mix)
    members = zip(estimator.members.values(), chosen.weights, strict=True)
    return [
        bare_boosting(member, made, s, chosen.trees)
        if is_lightgbm(member)
        else bare_logistic(member, made, s)
        for member, weight in members
        if weight
    ]


def bare_boosting(
    estimator: BaseEstimator, made: Design, s: Sample, trees: Mix | int
) -> Callable[[], Any]:
    """LightGBM with these trees, of logarithms where amounts would drown it."""
    bare = clone(estimator).set_params(n_estimators=trees)
    outcome = learnable(bare, s.outcome)
    outcome = np.log1p(np.maximum(outcome, 0)) if bare.objective == "huber" else outcome
    return partial(bare.fit, matrix_for(bare, made, s.frame), outcome)


def bare_logistic(estimator: BaseEstimator, made: Design, s: Sample) -> Callable[[], Any]:
    """scikit-learn's logistic regression of the same columns, standardised beforehand."""
    seen = made.matrix(s.frame, codes=True)
    ridge = clone(estimator).fit(seen, s.outcome)
    z = moved(seen.to_numpy(), ridge.transforms_)[:, ridge.coefficients_ != 0]
    z = StandardScaler().fit_transform(np.nan_to_num(z))
    bare = LogisticRegression(C=estimator.C, solver="newton-cholesky")
    return partial(bare.fit, z, s.outcome)


def cost(work: list[Callable[[], Any]]) -> float:
    """Seconds of processor time: what else the machine does is not counted."""
    begun = time.process_time()
    for piece in work:
        piece()
    return time.process_time() - begun


def judged(part: str, learnt: Learned, panel: Panel, settings: Train) -> Judgement:
    """The part held against its baselines, with intervals."""
    scored = pd.DataFrame({SCORES[part]: scored_alone(part, learnt, panel.test)})
    tau = tau_of(part, settings.model)
    return judge(part, panel, scored, tau, settings.evaluation, settings.seed)


@pytest.fixture(scope="module")
def costs(journey_panel: tuple[Train, Panel]) -> dict[str, dict[str, float]]:
    """By part, the least seconds of several goes of each piece of work, done in turn."""
    panel, settings, found = journey_panel[1], settings_of("train", *ONE_THREAD), {}
    assert len(panel.training) == 1
    for part, learn in LEARNERS.items():
        model = getattr(settings.model, part)
        estimator = instantiate(model.estimator, _convert_="all")
        whole = partial(learn, panel, model, estimator, settings.seed)
        learnt = whole()
        s = sample(panel.training, "churned" if part == "churn" else "value")
        columns, chosen = json.loads(learnt.files["part.json"])["features"], grown(learnt)
        made = design(s.frame, columns, ())
        works = {
            "bare": bare_fits(estimator, made, s, chosen),
            "final": [partial(fitted_on_all, estimator, made, s, chosen)],
            "bare_validation": bare_fits(estimator, made, s, at_most(estimator, chosen)),
            "learning": [whole],
            "judging": [partial(judged, part, learnt, panel, settings)],
        }
        with threadpool_limits(1):
            goes = [{name: cost(work) for name, work in works.items()} for _ in range(GOES)]
        found[part] = {name: min(go[name] for go in goes) for name in works}
        found[part]["folds"] = model.folds
    return found


def test_a_final_fit_costs_little_more_than_the_library_call(
    costs: dict[str, dict[str, float]], evidence: Callable[..., bool]
) -> None:
    ratio = {part: took["final"] / took["bare"] for part, took in costs.items()}
    evidence(
        "a_final_fit_costs_little_more_than_the_library",
        {part: round(figure, 2) for part, figure in ratio.items()}
        | {f"{part}_bare_seconds": round(took["bare"], 3) for part, took in costs.items()},
        f"seconds of the final fit <= {FINAL_FIT} x bare fits of its members: LightGBM, and for "
        "churn scikit-learn's logistic regression, of the same rows, columns and trees",
        max(ratio.values()) <= FINAL_FIT,
        f"complete_journey, 2017-07-02, one thread, processor time, least of {GOES} in turn",
    )


def test_a_part_costs_little_more_than_its_fits(
    costs: dict[str, dict[str, float]], evidence: Callable[..., bool]
) -> None:
    figure, ratio = dict[str, Any](), dict[str, float]()
    for part, took in costs.items():
        fits = took["folds"] * took["bare_validation"] + (took["folds"] + 1) * took["bare"]
        ratio[part] = (took["learning"] + took["judging"]) / fits
        figure |= {f"{part}_ratio": round(ratio[part], 2), f"{part}_fits": 2 * took["folds"] + 1,
                   f"{part}_learning_seconds": round(took["learning"], 2),
                   f"{part}_judging_seconds": round(took["judging"], 2)}  # fmt: skip
    evidence(
        "fitting_costs_little_more_than_the_library",
        figure,
        f"seconds of a part, learnt and judged beside its baselines, <= {WHOLE_PART} x those of as "
        "many bare fits on all its rows",
        max(ratio.values()) <= WHOLE_PART,
        "complete_journey, learnt at 2017-07-02: a fit for each fold to choose trees and weights "
        f"by (of a blend with all trees of all members, else stopped {PATIENCE} after its best), "
        "one for each fold for scale, shift or calibration, the final one; one thread, processor "
        f"time, least of {GOES} in turn",
    )


def test_quantiles_cover_in_every_segment(
    complete_journey: Trained, journey_panel: tuple[Train, Panel], evidence: Callable[..., bool]
) -> None:
    settings, panel = journey_panel
    assert panel.test.outcomes is not None
    value = panel.test.outcomes["value"].dropna()
    scored = complete_journey.scored.set_index("customer_id").loc[value.index.astype(str)]
    segments, figure, off = {"segment": scored["behaviour_segment"]}, dict[str, Any](), False
    for part in ("potential", "upside"):
        # the rule of upside, which both are held to here
        told = by_group("upside", value.to_numpy(), scored[part].to_numpy(), segments,
                        tau_of(part, settings.model), settings.evaluation.confidence)  # fmt: skip
        for row in told.sort_values("group").itertuples():
            figure[f"{part}/{row.group}"] = {
                "n": row.customers, "share": round(row.actual, 4),
                "verdict": "off" if row.off else "covers",
            }  # fmt: skip
        off |= bool(told["off"].any())
    evidence(
        "quantiles_cover_in_every_segment",
        figure,
        f"in each segment of {LEAST_OF['upside']} customers and more, +- {COVERED_WITHIN} of the "
        "share wanted, .9; no less where nearly all are worth nothing, whom no quantile tells "
        "apart",
        bool(figure) and not off,
        "complete_journey, 2017-10-01, 91 days, behaviour segments",
    )
