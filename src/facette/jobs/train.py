"""`facette train`: from customers to a tracked, explained, registered segmentation."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from tqdm import tqdm

from facette.jobs.categories import categories_of, judged_categories
from facette.jobs.championship import beside_champion, check_definition, registered_names
from facette.jobs.deciding import decided
from facette.jobs.explaining import explained
from facette.jobs.fitness import (
    MODEL_PARTS,
    ON_DEMAND,
    PARTS,
    WITH_VALUE,
    check_fit,
    estimators_of,
    switched_off,
)
from facette.jobs.planning import planned
from facette.jobs.policy_package import EVERYONE, PackagedPolicy, policy_packaged
from facette.jobs.progress import Progress
from facette.jobs.progress import progress as progress_bar
from facette.jobs.recording import record
from facette.jobs.segmenting import (
    chosen_segmentations,
    remembered_segments,
    segmentations,
)
from facette.models.facets import (
    Learned,
    learn_churn,
    learn_potential,
    learn_upside,
    learn_value,
    learn_value_if_staying,
)
from facette.models.folds import held_out, judge_in_folds
from facette.models.judging import Judgement, judge, tau_of, with_profit
from facette.models.newcomers import counted, learnt_apart, settled, told_apart
from facette.models.validation import seen_by_models
from facette.policy.decision import Decision
from facette.policy.relationship import policy_version
from facette.ranges import check_ranges
from facette.recovery.against import recovered
from facette.recovery.truth import check_truth, truth_of
from facette.registry.customer_model import POLICY_COLUMNS, Bundle
from facette.registry.models import register
from facette.registry.packaging import as_rows, packaged, scored_alone, unconformalised
from facette.registry.plans import plan_tags, record_plan, running_lot
from facette.registry.tracking import TrackedRun, code_version, looks_at, tracked
from facette.reports.decision.card import policy_lines
from facette.reports.decision.page import PAGE, decision_page
from facette.reports.decision.told import decision_metrics, headline, policy_told
from facette.reports.findings import Findings
from facette.reports.page import render
from facette.reports.story import Story
from facette.reports.summary import summary_lines
from facette.reports.telling import cards, tell
from facette.segments.behaviour import (
    BehaviourSegments,
    learn_behaviour,
)
from facette.segments.scorecard_learnt import JudgedGrid, LearntGrid, judge_grid, learn_grid
from facette.segments.side_by_side import SideBySide
from facette.settings import Part, Train
from facette.settings.data import EventData, WideData
from facette.settings.models import Newcomers
from facette.snapshots.catalogue import catalogue
from facette.snapshots.instants import as_date
from facette.snapshots.panel import Panel, panel
from facette.snapshots.wide import wide_panel
from facette.tables.contract import Tables
from facette.tables.door import read
from facette.tables.wide import read_wide

STAGES = 8
FALLS = {"partial_spend": "spending less", "partial_days": "buying on fewer days"}


@dataclass(frozen=True)
class Trained:
    """What a training run leaves: where it is tracked, its figures, its page, its scores."""

    run_id: str
    metrics: dict[str, float]
    story: Story
    report: Path
    scored: pd.DataFrame
    versions: dict[str, int]
    plan: list[str]


def main(cfg: DictConfig) -> None:
    """Train as configured, then print the headline figures beside their baselines."""
    hydra = HydraConfig.get()
    settings: Train = OmegaConf.to_object(cfg)  # type: ignore[assignment]
    configuration = OmegaConf.to_yaml(cfg, resolve=True)
    words = [word.lstrip("+") for word in hydra.overrides.task]
    command = shlex.join(["facette", "train", *words])
    sweep = {"facette.sweep": hydra.sweep.dir} if hydra.mode is RunMode.MULTIRUN else {}
    trained = train(settings, Path(hydra.runtime.output_dir), configuration, command, sweep)
    registered = ", ".join(f"{name} {version}" for name, version in trained.versions.items())
    later = max(trained.versions.values(), default=1) > 1
    note = "; the champion stays, to score with this one: alias=challenger" if later else ""
    lines = [*summary_lines(trained.story), *trained.plan, f"Registered: {registered}{note}"]
    lines += [
        f"Report: {trained.report}",
        f"Tracked as run {trained.run_id}; to open it: {_page()}",
    ]
    tqdm.write("\n".join(lines))


def _page() -> str:
    """The command that opens the tracking page of the runs in this folder."""
    own = Path("Makefile").is_file() and Path("conf/train.yaml").is_file()
    return "make ui" if own else f"in the checkout, make ui RUNS={Path('mlruns').resolve()}"


def train(
    settings: Train, folder: Path, configuration: str = "", command: str = "facette train",
    tags: Mapping[str, str] = MappingProxyType({}),
) -> Trained:  # fmt: skip
    """Run the main job; the report is written into `folder`, everything else is tracked.

    Raises:
        BadInput: the configuration or the data are not fit; nothing is tracked then.
    """
    with progress_bar(STAGES, settings.progress) as progress:
        progress.stage("checking the configuration")
        check_ranges(settings)
        if settings.evaluation.truth:
            check_truth(settings.data)
        estimators = estimators_of(settings)
        tables, snapshots = _snapshots(settings, progress)
        off = switched_off(settings, settled(snapshots))
        check_fit(settings, settled(snapshots), off, estimators["segments"])
        told = _told_of(settings, snapshots)
        grid = _grid(settings, snapshots, estimators)
        fitted, without = chosen_segmentations(settings, snapshots, estimators)
        check_definition(settings, snapshots, off)

        with (
            tracked(
                settings.tracking,
                experiment=settings.data.name,
                name=f"train {snapshots.dates()[-1]}",
                tags={**_tags(settings, snapshots, off), **tags},
            ) as run,
            TemporaryDirectory() as workshop,
        ):
            progress.stage("training the models")
            parts = [part for part in (*MODEL_PARTS, *WITH_VALUE) if part not in off]
            learnt = {part: _learner(part, settings, estimators)(snapshots) for part in parts}
            categories = categories_of(settings, tables, snapshots, estimators, off)
            progress.stage("finding behaviour segments")
            behaviour, side = None, None
            if "segments" not in off:
                behaviour = _segments(settings, snapshots, estimators)
                behaviour = remembered_segments(settings, snapshots, behaviour)
                side = segmentations(settings, tables, snapshots, behaviour, fitted, without)
            progress.stage("packaging and judging")
            shop = Path(workshop) / "learnt"
            bundle, frozen = packaged(
                settings, snapshots, learnt, behaviour, shop, grid, side, categories
            )
            decision, policy = _decided(settings, bundle, shop, tables, run, progress)
            if policy is not None:
                bundle, shop = policy.bundle, policy.folder
            rows = as_rows(snapshots.test)
            beside = unconformalised(bundle, rows)
            scored, judgements = _judged(
                settings, told, estimators, _scored(bundle, rows), learnt, frozen, progress, beside
            )
            found = Findings(
                settings, tables, told, scored, learnt, judgements, behaviour, frozen, off,
                explained(bundle, _explainable(learnt), snapshots, settings.drivers, settings.seed),
                _recovered(settings, tables, snapshots, scored, behaviour, side, progress),
                _judged_grid(settings, told, grid, scored), side,
                judged_categories(settings, categories, bundle, rows, scored),
            )  # fmt: skip
            progress.stage("explaining and reporting")
            names = registered_names(
                settings, snapshots, bundle.parts, policy.parts if policy else ()
            )
            looks = looks_at(run, settings.data.name) if snapshots.dated else None
            story = tell(
                found, configuration=configuration, command=command, run_name=run.run_id,
                code_version=code_version(), looks=looks,
                champion=beside_champion(run, found, list(reversed(names))),
            )  # fmt: skip
            if decision is not None:
                story.policy = policy_told(decision, PAGE)
            metrics, report = found.metrics(), folder / "report.html"
            folder.mkdir(parents=True, exist_ok=True)
            report.write_text(render(story), encoding="utf-8")
            progress.stage("tracking and registering")
            record(run, found, story, metrics, report)
            if decision is not None:
                metrics |= _record_plan(run, decision, policy, settings, folder)
            told_of = _cards(story, names, policy)
            versions = register(run, shop, names, rows, told_of)
        lines = [*headline(decision), f"Decision page: {folder / PAGE}"] if decision else []
        return Trained(run.run_id, metrics, story, report, found.scored, versions, lines)


def _snapshots(settings: Train, progress: Progress) -> tuple[Tables, Panel]:
    """The tables, read and checked, and the panel of snapshots made of them."""
    progress.stage("reading and checking tables")
    if isinstance(settings.data, WideData):
        table = read_wide(settings.data, with_outcomes=True)
        progress.stage("building snapshots")
        return table.tables, wide_panel(
            table, settings.snapshot.perimeter, settings.snapshot.protected
        )
    assert isinstance(settings.data, EventData)
    tables = read(settings.data)
    progress.stage("building snapshots")
    return tables, panel(tables, settings.snapshot, settings.model.churn, settings.data)


def _told_of(settings: Train, snapshots: Panel) -> Panel:
    """The panel to judge by and tell of: newcomers are counted, and left out if not foretold."""
    if not told_apart(snapshots):
        return snapshots
    way = settings.model.newcomers
    shown = snapshots if way is Newcomers.attributes else settled(snapshots)
    return replace(shown, notes=[*shown.notes, counted(snapshots, way)])


def _tags(settings: Train, snapshots: Panel, off: dict[str, str]) -> dict[str, str]:
    return {
        "facette.verb": "train",
        "facette.data": settings.data.name,
        "facette.reference_date": snapshots.dates()[-1],
        "facette.parts": ",".join(_running(settings, off)),
        "facette.perimeter": settings.snapshot.perimeter or "everyone",
        **{
            f"facette.model.{part}": getattr(settings.model, part).name
            for part in (*MODEL_PARTS, "upside")
            if part not in off
        },
    }


def _running(settings: Train, off: dict[str, str]) -> list[str]:
    """The parts that run, in their order."""
    wanted = {part.value for part in settings.parts}
    asked = [part for part in ON_DEMAND if part in wanted]
    return [*(part for part in (*PARTS, *WITH_VALUE) if part not in off), *asked]


def _explainable(learnt: dict[str, Learned]) -> dict[str, Learned]:
    """The parts whose drivers are told."""
    return {part: learned for part, learned in learnt.items() if part in MODEL_PARTS}


def _learner(part: str, settings: Train, estimators: dict[str, Any]) -> Callable[[Panel], Learned]:
    """What learns a part from a panel, as configured."""
    learners: dict[str, Callable[..., Learned]] = {
        "value": learn_value,
        "potential": learn_potential,
        "churn": learn_churn,
        "upside": learn_upside,
        "value_if_staying": learn_value_if_staying,
    }
    model = "value" if part == "value_if_staying" else part
    chosen, estimator = getattr(settings.model, model), estimators[model]

    def learn(snapshots: Panel, features: list[str] | None) -> Learned:
        own = replace(chosen, features=features) if features else chosen
        return learners[part](snapshots, own, estimator, settings.seed)

    return lambda snapshots: learnt_apart(part, snapshots, settings.model.newcomers, learn)


def _segments(settings: Train, snapshots: Panel, estimators: dict[str, Any]) -> BehaviourSegments:
    features = snapshots.training[-1].features
    return learn_behaviour(
        features, catalogue(snapshots.spec), settings.segments.behaviour, estimators["segments"],
        settings.seed,
    )  # fmt: skip


def _grid(settings: Train, snapshots: Panel, estimators: dict[str, Any]) -> LearntGrid | None:
    """The scoring grid, frozen at the latest training date; None where it is not asked for."""
    if "grid" not in estimators:
        return None
    latest = snapshots.training[-1]
    assert latest.outcomes is not None
    seen = seen_by_models(latest)
    return learn_grid(estimators["grid"], settings.grid, seen, latest.outcomes)


def _judged_grid(
    settings: Train, snapshots: Panel, grid: LearntGrid | None, scored: pd.DataFrame
) -> JudgedGrid | None:
    """The grid at the test date, beside what the models would put in its top."""
    if grid is None:
        return None
    test = snapshots.test
    assert test.outcomes is not None
    rivals = {
        name: sign * scored[column].to_numpy(dtype=float)
        for name, sign, column in (
            ("expected value", 1, "value_expected"), ("staying", -1, "churn_probability")
        )
        if column in scored
    }  # fmt: skip
    return judge_grid(
        grid, settings.grid, seen_by_models(test), test.outcomes, rivals, settings.evaluation,
        settings.seed, dated=snapshots.dated,
    )  # fmt: skip


def _judged(
    settings: Train, snapshots: Panel, estimators: dict[str, Any], scored: pd.DataFrame,
    learnt: dict[str, Learned], frozen: dict[str, Any], progress: Progress,
    beside: dict[str, dict[str, np.ndarray]],
) -> tuple[pd.DataFrame, dict[str, Judgement]]:  # fmt: skip
    """The scored customers, and each part judged: at the test date, or in folds where undated."""
    judged, tau = settings.evaluation, settings.model.potential.tau
    if snapshots.dated:
        judgements = {
            part: judge(
                part, snapshots, scored, tau_of(part, settings.model), judged, settings.seed,
                beside.get(part, {}),
            )
            for part in learnt
        }  # fmt: skip
        return scored, _with_profit(settings, snapshots, scored, judgements)
    judgements = {
        part: judge_in_folds(
            part, snapshots, _learner(part, settings, estimators), partial(scored_alone, part),
            tau, judged, settings.seed, progress.detail,
        )
        for part in learnt
    }  # fmt: skip
    unseen = held_out(scored, snapshots, judgements, frozen)
    return unseen, _with_profit(settings, snapshots, unseen, judgements)


def _with_profit(
    settings: Train, snapshots: Panel, scored: pd.DataFrame, judgements: dict[str, Judgement]
) -> dict[str, Judgement]:
    """The judgements, that of churn with what a retention campaign would earn by it."""
    if "churn" not in judgements:
        return judgements
    data, retention = settings.data, settings.evaluation.retention
    partly = FALLS.get(snapshots.spec.churn_definition)
    instead = data.outcomes.churn_means if isinstance(data, WideData) else partly
    churn = with_profit(judgements["churn"], snapshots, scored, retention, instead)
    return judgements | {"churn": churn}


def _scored(bundle: Bundle, rows: pd.DataFrame) -> pd.DataFrame:
    """The customers of the test date, without what a plan of a later date would do with them."""
    said = bundle.predict(rows)
    return said.drop(columns=[name for name in POLICY_COLUMNS if name in said])


def _decided(
    settings: Train, bundle: Bundle, folder: Path, tables: Tables, run: TrackedRun,
    progress: Progress,
) -> tuple[Decision | None, PackagedPolicy | None]:  # fmt: skip
    """The plan at the end of observation and its package, where it is asked for."""
    if Part.policy not in settings.parts:
        return None, None
    progress.detail("planning")
    t, whom = tables.observed_until, _for_whom(settings)
    made = planned(
        settings.policy, bundle, tables, t, settings.snapshot.perimeter, settings.seed,
        settings.evaluation.confidence,
        lot=running_lot(run.client, settings.data.name, whom or EVERYONE, as_date(t)),
    )  # fmt: skip
    confidence, made_by = settings.evaluation.confidence, f"model {bundle.digest[:16]}"
    version = policy_version(
        made_by, settings.policy, whom or EVERYONE, made.lot.date, str(settings.seed)
    )
    policy = policy_packaged(
        made, bundle, folder, folder.with_name("decided"), consents="consents" in tables,
        perimeter=settings.snapshot.perimeter,
    )  # fmt: skip
    return decided(made, tables, version, confidence, settings.seed, whom), policy


def _for_whom(settings: Train) -> str | None:
    """Whom the plan is for, as `facette plan` calls them; None for everyone."""
    perimeter = settings.snapshot.perimeter
    return f"({perimeter})" if perimeter else None


def _cards(
    story: Story, names: dict[str, list[str]], policy: PackagedPolicy | None
) -> dict[str, str]:
    """A model card for each registered name; of those that hold a policy, with what it is."""
    told = cards(story, names)
    if policy is None:
        return told
    lines = policy_lines(policy.about, story.currency, policy.figures)
    return {n: f"{card}\n{lines}\n" if "policy" in names[n] else card for n, card in told.items()}


def _record_plan(
    run: TrackedRun, decision: Decision, policy: PackagedPolicy | None, settings: Train,
    folder: Path,
) -> dict[str, float]:  # fmt: skip
    """The plan's figures, page and files, under a child run of its own."""
    told, page = decision_metrics(decision), folder / PAGE
    told |= policy.figures if policy else {}
    page.write_text(decision_page(decision, None, settings.data, run.run_id), encoding="utf-8")
    run.metrics(told)
    lot, date = decision.planned.lot, as_date(decision.planned.t)
    with run.child("policy") as child:
        child.tags(plan_tags(settings.data.name, date, decision.whom or EVERYONE, lot))
        record_plan(child, decision.assigned, decision.activation, decision.left_out, told, page)
    return told


def _recovered(
    settings: Train, tables: Tables, snapshots: Panel, scored: pd.DataFrame,
    behaviour: BehaviourSegments | None, side: SideBySide | None, progress: Progress,
) -> dict[str, float]:  # fmt: skip
    """What the truth says of what was learnt; nothing where it is not asked for."""
    if not settings.evaluation.truth:
        return {}
    progress.detail("holding it against the truth")
    truth = truth_of(settings.data, snapshots)
    return recovered(settings, tables, snapshots, scored, behaviour, truth, side)
