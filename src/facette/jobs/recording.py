"""What a training run leaves in the tracking store: figures, tables, pictures, fitted files."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from matplotlib.figure import Figure

from facette.registry.packaging import as_rows
from facette.registry.runs import OUTCOME
from facette.registry.tracking import TrackedRun
from facette.reports.findings import Findings
from facette.reports.gallery import figures_of
from facette.reports.story import Story
from facette.reports.summary import summary_lines

MOST_LOGGED = 50_000  # rows of scores and of the test snapshot kept with a run


def record(
    run: TrackedRun, found: Findings, story: Story, metrics: dict[str, float], report: Path
) -> None:
    """Log the run and a child run for each part."""
    run.metrics(metrics)
    run.params(asdict(found.settings))
    run.describe("\n".join(f"- {line}" for line in summary_lines(story)))
    run.text(story.configuration or "", "configuration.yaml")
    run.file(report)
    run.text(json.dumps(story.digests, indent=1), "digests.json")
    for snapshot, (date, digest) in zip(found.panel.snapshots, found.digests.items(), strict=True):
        context = "testing" if snapshot is found.panel.test else "training"
        run.dataset(snapshot.features, f"{story.data_name} at {date}", digest, context)
    if len(found.scored) <= MOST_LOGGED:
        _keep_customers(run, found)
    run.table(pd.DataFrame([asdict(check) for check in story.checks]), "tables/checks.json")
    if story.truth:
        run.table(pd.Series(story.truth).rename_axis("figure").reset_index(name="value"),
                  "tables/truth.json")  # fmt: skip
    figures = figures_of(story)
    others = {"segments": found.behaviour, "grid": found.grid}
    for part in (*found.learnt, *(name for name, there in others.items() if there)):
        with run.child(part) as child:
            _track_part(child, part, found, story, metrics, figures)


def _keep_customers(run: TrackedRun, found: Findings) -> None:
    """The scored customers, and the test snapshot as the package takes it, outcomes beside it."""
    run.table(found.scored, "scores/customers.json")
    rows, outcomes = as_rows(found.panel.test), found.panel.test.outcomes
    assert outcomes is not None
    beside = {f"{OUTCOME}{name}": outcomes[name].to_numpy() for name in outcomes}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "snapshot.parquet"
        rows.assign(**beside).to_parquet(path, index=False)
        run.file(path, "scores")


def _track_part(
    child: TrackedRun, part: str, found: Findings, story: Story, metrics: dict[str, float],
    figures: dict[str, Figure],
) -> None:  # fmt: skip
    """One part's parameters, figures, tables, pictures and fitted files."""
    prefix = "behaviour" if part == "segments" else part
    learnt_from = list(found.digests.values())[: len(found.panel.training)]
    child.params({"inputs_digest": ",".join(learnt_from)})
    child.metrics({k: v for k, v in metrics.items() if k.startswith(f"{prefix}/")})
    of_segments = ("map", "profile", "k-curve", "pertinence", "matrix")
    pictured = of_segments if part == "segments" else (f"{part}-",)
    for name, figure in figures.items():
        if name.startswith(pictured):
            child.figure(figure, f"figures/{name}.png")
    tables = {
        "evaluation": story.evaluation.get(part),
        "gains": story.gains.get(part),
        "calibration": story.calibration.get(part),
        "deciles": story.deciles.get(part),
        "by_group": story.served.get(part),
        "drivers": story.drivers.get(part),
        "pairs": story.pairs.get(part),
        "movers": story.movers.get(part),
    }
    tables |= {"by_category": story.by_category} if part == "potential" else {}
    if part == "segments" and story.segmentation is not None:
        told = story.segmentation
        tables = {"segments": told.segments, "k_curve": told.k_curve, "cells": story.cells}
        tables |= {"membership_drivers": told.membership, "outcome_drivers": told.outcome}
        tables |= {"tiers": story.tiers, "matrix": story.matrix}
        tables |= {"contrasts": told.contrasts, "licences": story.licences}
        tables |= _of_segmentations(story)
        files = found.behaviour.files(**found.frozen) if found.behaviour else {}
    elif part == "grid" and found.grid is not None:
        tables, files = dict(found.grid.tables), found.grid.learnt.files()
    else:
        child.params(found.learnt[part].params)
        files = found.learnt[part].files
    for name, table in tables.items():
        if table is not None:
            child.table(table.reset_index(), f"tables/{name}.json")
    if part == "segments" and story.portraits:
        child.text(json.dumps(story.portraits, indent=1), "segment_cards.json")
    with TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
            child.file(Path(folder) / name, "part")


def _of_segmentations(story: Story) -> dict[str, pd.DataFrame | None]:
    """The tables of all segmentations side by side."""
    side = story.side_by_side
    if side is None:
        return {}
    return {
        "segmentations": story.their_segments,
        "agreement": side.agreement,
        "complexity_bill": side.bill,
        "criteria": side.criteria,
    }
