"""How a run differs from the run of the version in use: its settings, its data, its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from facette.registry.runs import ChampionRun, champion_run, differing_settings
from facette.registry.tracking import TrackedRun, as_params
from facette.reports.findings import Findings
from facette.reports.story import Champion

SNAPSHOT = "snapshot at "  # before the date, in the digests of a run
TERMS = ("model.potential.tau", "evaluation.folds", "evaluation.repeats")


def beside_champion(run: TrackedRun, found: Findings, names: Sequence[str]) -> Champion | None:
    """What sets this run apart from the champion's of the first of these names that has one."""
    champion = champion_run(run, names)
    if champion is None:
        return None
    here = {"champion": champion.params, "this run": as_params(asdict(found.settings))}
    return Champion(
        name=champion.name,
        version=champion.version,
        run=champion.label,
        began=champion.began,
        settings=differing_settings(here).table,
        other_data=_other_data(champion.digests, found.tables.digests),
        tested_alike=_tested_alike(champion, found, here["this run"]),
        metrics=champion.metrics,
    )


def _other_data(theirs: Mapping[str, str], ours: Mapping[str, str]) -> list[str]:
    """Tables that only one run read, or that were not the same."""
    tables = {name for name in {*theirs, *ours} if not name.startswith(SNAPSHOT)}
    return sorted(name for name in tables if theirs.get(name) != ours.get(name))


def _tested_alike(champion: ChampionRun, found: Findings, ours: Mapping[str, str]) -> bool:
    """Whether both were judged on the same customers, outcomes and terms."""
    test = champion.digests.get(f"{SNAPSHOT}{found.test_date}")
    return test == found.digests[found.test_date] and all(
        champion.params.get(name) == ours.get(name) for name in TERMS
    )
