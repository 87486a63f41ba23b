"""How a run differs from the run of the version in use: its settings, its data, its figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from facette.registry.runs import champion_run, differing_settings
from facette.registry.tracking import TrackedRun, as_params
from facette.reports.findings import Findings
from facette.reports.story import Champion


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
        reference_date=champion.tags["facette.reference_date"],
        settings=differing_settings(here).table,
        other_data=sorted(
            name
            for name, digest in found.tables.digests.items()
            if champion.digests.get(name) != digest
        ),
        metrics=champion.metrics,
    )
