"""`facette compare`: what differs between training runs, and who is scored otherwise, and why."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from tqdm import tqdm

from facette.dynamics.score_changes import BASE, PartScored, score_changes
from facette.dynamics.segment_changes import SegmentChanges, changes_of_ids, changes_of_names
from facette.errors import BadInput
from facette.jobs.fitness import MODEL_PARTS
from facette.jobs.pairing import figures, scores_of, snapshots_told
from facette.jobs.places import check_out
from facette.models.judging import SCORES
from facette.ranges import check_ranges
from facette.registry.customer_model import Segmentations
from facette.registry.runs import TrainedRun, differing_settings, trained_run
from facette.reports.compared import Against, Comparison, RunTold
from facette.reports.comparison import render, text_lines
from facette.settings import Compare
from facette.snapshots.catalogue import catalogue
from facette.snapshots.instants import UNDATED
from facette.snapshots.spec import SnapshotSpec, WideSpec
from facette.wording import listed

SEGMENTS, VALUE_TIER, CELL = "behaviour_segment", "value_tier", "cell"
IDENTITY = [f"segments.behaviour.{what}" for what in ("least_overlap", "least_share")]


@dataclass(frozen=True)
class Compared:
    """What there is to tell of some runs, and its page."""

    comparison: Comparison
    page: Path


def main(cfg: DictConfig) -> None:
    """Compare as configured: the text, then the path of the page."""
    settings: Compare = OmegaConf.to_object(cfg)  # type: ignore[assignment]
    words = [word.lstrip("+") for word in HydraConfig.get().overrides.task]
    compared = compare(settings, shlex.join(["facette", "compare", *words]))
    tqdm.write("\n".join([*text_lines(compared.comparison), "", f"Page: {compared.page}"]))


def compare(settings: Compare, command: str = "facette compare") -> Compared:
    """Hold each run against the first; the page is written to `out`.

    Raises:
        BadInput: the configuration is not fit, a run is not a finished training run with scores,
            or they are not of the same data.
    """
    _check(settings)
    runs = [trained_run(settings.tracking, given) for given in settings.runs]
    _check_runs(runs)
    base, *others = runs
    differing = differing_settings({run.label: run.params for run in runs})
    comparison = Comparison(
        data_name=base.tags["facette.data"],
        currency=base.params["data.currency"],
        command=command,
        confidence=settings.confidence,
        runs=[_told(run) for run in runs],
        settings=differing.table,
        left_out=differing.left_out,
        against=[
            _against(base, other, settings)
            for other in tqdm(others, "comparing", unit=" runs", leave=False, disable=None)
        ],
        sentences=_sentences(runs),
    )
    page = Path(settings.out)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(render(comparison), encoding="utf-8")
    return Compared(comparison, page)


def _check(settings: Compare) -> None:
    if len(settings.runs) < 2:
        given = f"only {settings.runs[0]}" if settings.runs else "none"
        raise BadInput(f"runs: {given} is given; two or more are compared, runs=[a,b]")
    check_ranges(settings)
    check_out(Path(settings.out), ".html")


def _check_runs(runs: Sequence[TrainedRun]) -> None:
    ids = [run.run_id for run in runs]
    if twice := sorted({run_id for run_id in ids if ids.count(run_id) > 1}):
        raise BadInput(f"runs: {listed(twice)} is given twice; give each run once")
    data = dict.fromkeys(run.tags["facette.data"] for run in runs)
    if len(data) > 1:
        raise BadInput(f"runs: they are of different data ({listed(data)}); compare runs of one")


def _told(run: TrainedRun) -> RunTold:
    return RunTold(
        run_id=run.run_id,
        label=run.label,
        began=run.began,
        reference_date=_date(run),
        customers=len(run.scores),
        parts=run.tags["facette.parts"].split(","),
        perimeter=run.tags["facette.perimeter"],
        code_version=run.tags["facette.code_version"],
    )


def _date(run: TrainedRun) -> str | None:
    date = run.tags["facette.reference_date"]
    return None if date == UNDATED else date


def _sentences(runs: Sequence[TrainedRun]) -> dict[str, str]:
    """What features mean, of every version."""
    found = dict[str, str]()
    for run in runs:
        for bundle in run.bundles.values():
            plain = bundle.about["snapshot"]
            made = SnapshotSpec if _date(run) else WideSpec
            found |= {f.name: f.english for f in catalogue(made.from_dict(plain)).values()}
    return found


def _against(base: TrainedRun, other: TrainedRun, settings: Compare) -> Against:
    parts = [part for part in MODEL_PARTS if _has(base, part) and _has(other, part)]
    return Against(
        label=other.label,
        snapshot=snapshots_told(base, other, parts),
        figures={part: figures(part, base, other, settings) for part in parts},
        segments=_segments(base, other),
        scores={
            part: score_changes(
                _scored(part, base), _scored(part, other), settings.customers, settings.features
            )
            for part in parts
        },
        alone=_alone(base, other),
    )


def _has(run: TrainedRun, part: str) -> bool:
    return SCORES[part] in run.scores


def _alone(base: TrainedRun, other: TrainedRun) -> dict[str, list[str]]:
    """The parts that one run has and the other has not, by the run's label."""
    parts = {run.label: run.tags["facette.parts"].split(",") for run in (base, other)}
    common = set(parts[base.label]) & set(parts[other.label])
    return {label: [p for p in own if p not in common] for label, own in parts.items()}


def _segments(base: TrainedRun, other: TrainedRun) -> dict[str, SegmentChanges]:
    """Behaviour segments, value tiers and cells, those that both runs have."""
    found: dict[str, SegmentChanges] = {}
    both = {*base.scores} & {*other.scores}
    if SEGMENTS in both:
        found[SEGMENTS] = changes_of_ids(
            base.scores[SEGMENTS], other.scores[SEGMENTS], _names(base) | _names(other),
            [float(other.params[name]) for name in IDENTITY if name in other.params],
        )  # fmt: skip
    if VALUE_TIER in both:
        order = [*_tiers(base), *_tiers(other)]
        found[VALUE_TIER] = changes_of_names(
            base.scores[VALUE_TIER], other.scores[VALUE_TIER], order
        )
    if CELL in both and (SEGMENTS not in found or found[SEGMENTS].moved):
        found[CELL] = changes_of_names(base.scores[CELL], other.scores[CELL])
    return found


def _cuts(run: TrainedRun) -> Segmentations | None:
    return run.bundles["segments"].segmentations if "segments" in run.bundles else None


def _names(run: TrainedRun) -> dict[str, str]:
    """Names of behaviour segments by id; a version packaged by earlier code knew none."""
    cuts = _cuts(run)
    return dict(getattr(cuts.behaviour, "names", {})) if cuts else {}


def _tiers(run: TrainedRun) -> list[str]:
    """Names of the value tiers, from the top."""
    cuts = _cuts(run)
    return list(cuts.value_tier["names"]) if cuts and cuts.value_tier else []


def _scored(part: str, run: TrainedRun) -> PartScored:
    """The scores of a part, and what they add up from: by the packaged model itself."""
    if part not in run.bundles:
        return PartScored(scores_of(part, run), why_not=f"the model of {run.label} is gone")
    if run.snapshot is None:
        return PartScored(scores_of(part, run), why_not=f"{run.label} kept no test snapshot")
    facet, rows = run.bundles[part].facets[part], run.snapshot
    scores = pd.Series(facet.usual(rows), rows.index)
    try:
        values = facet.contributions(rows)
    except ValueError as error:
        return PartScored(scores, why_not=f"{run.label}: {error}")
    contributions = pd.DataFrame(values, rows.index, [*facet.features, BASE])
    return PartScored(scores, contributions, facet.spec["link"])
