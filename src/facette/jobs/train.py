"""`facette train`: from customers to a tracked, explained, registered segmentation."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

import pandas as pd
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from hydra.utils import instantiate
from matplotlib.figure import Figure
from omegaconf import DictConfig, OmegaConf
from tqdm import tqdm

from facette.errors import BadInput
from facette.models.facets import (
    Learned,
    check_features,
    check_outcomes,
    learn_churn,
    learn_potential,
    learn_value,
    peer_columns,
)
from facette.models.judging import judge
from facette.models.validation import seen_by_models
from facette.registry.bundle import write_bundle
from facette.registry.customer_model import Bundle
from facette.registry.models import register
from facette.registry.tracking import TrackedRun, code_version, looks_at, tracked
from facette.reports.findings import Findings
from facette.reports.gallery import figures_of
from facette.reports.page import render, summary_lines
from facette.reports.story import Story
from facette.reports.telling import cards, tell
from facette.segments.behaviour import (
    BehaviourSegments,
    check_clusterer,
    check_k,
    chosen_columns,
    learn_behaviour,
)
from facette.segments.tiers import check_tiers, frozen_bands, frozen_tiers
from facette.settings import Part, Train, check_ranges
from facette.snapshots.catalogue import catalogue
from facette.snapshots.panel import Panel, panel
from facette.tables.contract import Tables
from facette.tables.door import read

STAGES = 8
MOST_LOGGED = 50_000  # rows of scores kept with a run
BAR = "{desc:<34} {bar:20} {n_fmt}/{total_fmt} [{elapsed}]"
MODEL_PARTS = ("value", "potential", "churn")
PARTS = ("segments", *MODEL_PARTS)


@dataclass(frozen=True)
class Trained:
    """What a training run leaves: where it is tracked, its figures, its page, its scores."""

    run_id: str
    metrics: dict[str, float]
    story: Story
    report: Path
    scored: pd.DataFrame
    versions: dict[str, int]


def main(cfg: DictConfig) -> None:
    """Train as configured, then print the headline figures beside their baselines."""
    hydra = HydraConfig.get()
    settings: Train = OmegaConf.to_object(cfg)  # type: ignore[assignment]
    configuration = OmegaConf.to_yaml(cfg, resolve=True)
    command = " ".join(["facette train", *hydra.overrides.task])
    sweep = {"facette.sweep": hydra.sweep.dir} if hydra.mode is RunMode.MULTIRUN else {}
    trained = train(settings, Path(hydra.runtime.output_dir), configuration, command, sweep)
    registered = ", ".join(f"{name} {version}" for name, version in trained.versions.items())
    lines = [*summary_lines(trained.story), f"Registered: {registered}"]
    lines += [f"Report: {trained.report}", f"Tracked as run {trained.run_id}; to open it: make ui"]
    tqdm.write("\n".join(lines))


def train(
    settings: Train, folder: Path, configuration: str = "", command: str = "facette train",
    tags: Mapping[str, str] = MappingProxyType({}),
) -> Trained:  # fmt: skip
    """Run the main job; the report is written into `folder`, everything else is tracked.

    Raises:
        BadInput: the configuration or the data are not fit; nothing is tracked then.
    """
    with _progress(settings) as stage:
        stage("checking the configuration")
        check_ranges(settings)
        estimators = _estimators(settings)
        stage("reading and checking tables")
        tables = read(settings.data)
        stage("building snapshots")
        snapshots = panel(tables, settings.snapshot, settings.model.churn, settings.data)
        off = _switched_off(settings, snapshots)
        _check_fit(settings, snapshots, off, estimators["segments"])

        with (
            tracked(
                settings.tracking,
                experiment=settings.data.name,
                name=f"train {snapshots.dates()[-1]}",
                tags={**_tags(settings, snapshots, off), **tags},
            ) as run,
            TemporaryDirectory() as workshop,
        ):
            stage("training the models")
            learnt = _learn_models(settings, snapshots, estimators, off)
            stage("finding behaviour segments")
            behaviour = None if "segments" in off else _segments(settings, snapshots, estimators)
            stage("packaging and scoring the test date")
            bundle, frozen = _package(settings, snapshots, learnt, behaviour, Path(workshop))
            rows = as_rows(seen_by_models(snapshots.test), snapshots.dates()[-1])
            found = _findings(
                settings, tables, snapshots, learnt, behaviour, bundle, frozen, rows, off
            )
            stage("explaining and reporting")
            story = tell(
                found, configuration=configuration, command=command, run_name=run.run_id,
                code_version=code_version(), looks=looks_at(run, settings.data.name),
            )  # fmt: skip
            metrics, report = found.metrics(), folder / "report.html"
            folder.mkdir(parents=True, exist_ok=True)
            report.write_text(render(story), encoding="utf-8")
            stage("tracking and registering")
            _track(run, found, story, metrics, report)
            names = _registered_names(found, bundle.parts)
            versions = register(run, workshop, names, rows, cards(story, names))
        return Trained(run.run_id, metrics, story, report, found.scored, versions)


def as_rows(frame: pd.DataFrame, reference_date: str) -> pd.DataFrame:
    """A snapshot's columns as the package takes them: keys first, one row per customer."""
    rows = frame.reset_index()
    rows.insert(1, "reference_date", reference_date)
    return rows


@contextmanager
def _progress(settings: Train) -> Iterator[Callable[[str], None]]:
    """A bar that names the stage being worked on."""
    with tqdm(total=STAGES, disable=not settings.progress, bar_format=BAR, leave=False) as bar:
        begun: list[str] = []

        def stage(name: str) -> None:
            bar.update(1 if begun else 0)
            begun.append(name)
            bar.set_description_str(name)

        yield stage


def _estimators(settings: Train) -> dict[str, Any]:
    """An unfitted estimator for each part, made before any data is read."""

    nodes = {"segments": ("segments.behaviour", settings.segments.behaviour.estimator)}
    nodes |= {p: (f"model.{p}", getattr(settings.model, p).estimator) for p in MODEL_PARTS}
    made = {}
    for part, (where, node) in nodes.items():
        try:
            made[part] = instantiate(node, _convert_="all")
        except HydraException as error:
            reason = str(error.__cause__ or error).strip().splitlines()[0]
            raise BadInput(f"{where}.estimator can't be made: {reason}") from None
        if not hasattr(made[part], "fit"):
            raise BadInput(f"{where}.estimator: {node} is no estimator with scikit-learn's fit")
    return made


def _switched_off(settings: Train, snapshots: Panel) -> dict[str, str]:
    """The parts that do not run, and why."""

    wanted = {part.value for part in settings.parts}
    off = {part: "not asked for (parts)" for part in PARTS if part not in wanted}
    if "potential" in wanted and not peer_columns(snapshots):
        off["potential"] = (
            "nothing but dates and spend is known: there is no column that tells who customers "
            "are or what they buy, so that peers can't be found"
        )
    return off


def _check_fit(settings: Train, snapshots: Panel, off: dict[str, str], estimator: Any) -> None:
    """What can be refused before a run is opened.

    Raises:
        BadInput: one outcome class only, more segments than customers, a bad list of features.
    """

    for part in MODEL_PARTS:
        if part not in off:
            check_features(snapshots, getattr(settings.model, part).features)
            check_outcomes(snapshots, part)
    if "segments" not in off:
        features, behaviour = snapshots.training[-1].features, settings.segments.behaviour
        if snapshots.training[-1].context["value_current"].isna().all():
            raise BadInput(
                f"snapshot: {snapshots.dates()[-2]} has less than {settings.snapshot.horizon_days} "
                "days of history, so that customers can't be put in tiers of current value; choose "
                "later dates or leave segments out of parts"
            )
        for name in ("value_tiers", "potential_tiers"):
            tiers = getattr(settings.segments, name)
            check_tiers(f"segments.{name}", tiers.names, tiers.shares)
        check_k(behaviour, len(features))
        check_clusterer(estimator)
        check_features(snapshots, behaviour.features)
        chosen_columns(features, catalogue(snapshots.spec), behaviour.features)


def _tags(settings: Train, snapshots: Panel, off: dict[str, str]) -> dict[str, str]:
    return {
        "facette.verb": "train",
        "facette.data": settings.data.name,
        "facette.reference_date": snapshots.dates()[-1],
        "facette.parts": ",".join(part for part in PARTS if part not in off),
        "facette.perimeter": settings.snapshot.perimeter or "everyone",
        **{
            f"facette.model.{part}": getattr(settings.model, part).name
            for part in MODEL_PARTS
            if part not in off
        },
    }


def _learn_models(
    settings: Train, snapshots: Panel, estimators: dict[str, Any], off: dict[str, str]
) -> dict[str, Learned]:

    learners: dict[str, Callable[..., Learned]] = {
        "value": learn_value,
        "potential": learn_potential,
        "churn": learn_churn,
    }
    return {
        part: learn(snapshots, getattr(settings.model, part), estimators[part], settings.seed)
        for part, learn in learners.items()
        if part not in off
    }


def _segments(settings: Train, snapshots: Panel, estimators: dict[str, Any]) -> BehaviourSegments:

    features = snapshots.training[-1].features
    return learn_behaviour(
        features, catalogue(snapshots.spec), settings.segments.behaviour, estimators["segments"],
        settings.seed,
    )  # fmt: skip


def _package(
    settings: Train, snapshots: Panel, learnt: dict[str, Learned],
    behaviour: BehaviourSegments | None, folder: Path,
) -> tuple[Bundle, dict[str, Any]]:  # fmt: skip
    """Write the bundle and load it again; also the tiers frozen at the latest training date."""

    parts = {part: learned.files for part, learned in learnt.items()}
    about = _about(settings, snapshots)
    frozen: dict[str, Any] = {}
    if behaviour is not None:
        frozen = _frozen(settings, snapshots, parts, about)
        parts["segments"] = behaviour.files(**frozen)
    write_bundle(folder, parts, about)
    return Bundle.load(folder), frozen


def _about(settings: Train, snapshots: Panel) -> dict[str, Any]:
    return {
        "data": settings.data.name,
        "currency": settings.data.currency,
        "training_dates": snapshots.dates()[:-1],
        "test_date": snapshots.dates()[-1],
        "snapshot": snapshots.spec.as_dict(),
        "perimeter": settings.snapshot.perimeter,
        "churn_definition": settings.model.churn.definition.value,
    }


def _frozen(
    settings: Train, snapshots: Panel, parts: dict[str, dict[str, bytes]], about: dict[str, Any]
) -> dict[str, Any]:
    """Value and potential tiers and RFM bands, from the latest training snapshot."""

    latest = as_rows(seen_by_models(snapshots.training[-1]), snapshots.dates()[-2])
    chosen, longest = settings.segments, max(snapshots.spec.windows_days)
    value, potential = chosen.value_tiers, chosen.potential_tiers
    rfm = ("recency_days", f"active_days_{longest}d", "value_current")
    made: dict[str, Any] = {
        "value_tier": frozen_tiers(
            "value_current", latest["value_current"].to_numpy(), value.names, value.shares
        ),
        "rfm": frozen_bands(latest, rfm, chosen.rfm.bands),
    }
    if "potential" in parts:
        with TemporaryDirectory() as folder:
            write_bundle(folder, {"potential": parts["potential"]}, about)
            scored = Bundle.load(folder).predict(latest)["potential"].to_numpy()
        made["potential_tier"] = frozen_tiers(
            "potential", scored, potential.names, potential.shares
        )
    return made


def _findings(
    settings: Train, tables: Tables, snapshots: Panel, learnt: dict[str, Learned],
    behaviour: BehaviourSegments | None, bundle: Bundle, frozen: dict[str, Any],
    rows: pd.DataFrame, off: dict[str, str],
) -> Findings:  # fmt: skip
    """Everything there is to say of the test date: scores, judgements, contributions."""

    scored = bundle.predict(rows)
    tau = settings.model.potential.tau
    judgements = {
        part: judge(part, snapshots, scored, tau, settings.evaluation, settings.seed)
        for part in learnt
    }
    explained = {part: _contributions(bundle, part, rows) for part in learnt}
    return Findings(
        settings, tables, snapshots, scored, learnt, judgements, behaviour, frozen, off,
        {part: c for part, c in explained.items() if c is not None},
    )  # fmt: skip


def _contributions(bundle: Bundle, part: str, rows: pd.DataFrame) -> pd.DataFrame | None:
    """Contributions (n, features) at the test date; None where the estimator has none."""

    try:
        values = bundle.contributions(part, rows)
    except ValueError:
        return None
    return pd.DataFrame(values[:, :-1], columns=bundle.features(part), index=rows["customer_id"])


def _track(
    run: TrackedRun, found: Findings, story: Story, metrics: dict[str, float], report: Path
) -> None:
    """Log the run and a child run for each part."""

    run.metrics(metrics)
    run.params(asdict(found.settings))
    run.describe("\n".join(f"- {line}" for line in summary_lines(story)))
    run.text(story.configuration or "", "configuration.yaml")
    run.file(report)
    run.text(json.dumps(story.digests, indent=1), "digests.json")
    snapshots = [*found.panel.training, found.panel.test]
    for snapshot, (date, digest) in zip(snapshots, found.digests.items(), strict=True):
        context = "testing" if snapshot is found.panel.test else "training"
        run.dataset(snapshot.features, f"{story.data_name} at {date}", digest, context)
    run.table(found.scored, "scores/test_date.json") if len(found.scored) <= MOST_LOGGED else None
    figures = figures_of(story)
    for part in (*found.learnt, *(["segments"] if found.behaviour else [])):
        with run.child(part) as child:
            _track_part(child, part, found, story, metrics, figures)


def _track_part(
    child: TrackedRun, part: str, found: Findings, story: Story, metrics: dict[str, float],
    figures: dict[str, Figure],
) -> None:  # fmt: skip
    """One part's parameters, figures, tables, pictures and fitted files."""
    prefix = "behaviour" if part == "segments" else part
    child.params({"inputs_digest": ",".join(list(found.digests.values())[:-1])})
    child.metrics({k: v for k, v in metrics.items() if k.startswith(f"{prefix}/")})
    pictured = {"segments": ("map", "profile", "k-curve", "matrix")}.get(part, (f"{part}-",))
    for name, figure in figures.items():
        if name.startswith(pictured):
            child.figure(figure, f"figures/{name}.png")
    tables = {
        "evaluation": story.evaluation.get(part),
        "gains": story.gains.get(part),
        "calibration": story.calibration.get(part),
        "deciles": story.deciles.get(part),
        "drivers": story.drivers.get(part),
    }
    if part == "segments" and story.segmentation is not None:
        told = story.segmentation
        tables = {"segments": told.segments, "k_curve": told.k_curve, "cells": story.cells}
        tables |= {"membership_drivers": told.membership, "outcome_drivers": told.outcome}
        tables |= {"tiers": story.tiers, "rfm": story.rfm, "matrix": story.matrix}
        files = found.behaviour.files(**found.frozen) if found.behaviour else {}
    else:
        child.params(found.learnt[part].params)
        files = found.learnt[part].files
    for name, table in tables.items():
        if table is not None:
            child.table(table.reset_index(), f"tables/{name}.json")
    with TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
            child.file(Path(folder) / name, "part")


def _registered_names(found: Findings, parts: list[str]) -> dict[str, list[str]]:
    """Registered name -> its parts; the composite only when all parts were asked for."""
    prefix = found.settings.tracking.registry_prefix + found.settings.data.name
    names = {f"{prefix}_{'behaviour' if p == 'segments' else p}": [p] for p in parts}
    if set(found.settings.parts) == set(Part):
        names[f"{prefix}_customer"] = list(parts)
    return names
