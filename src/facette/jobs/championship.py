"""A run beside the version in use: how settings, data, figures differ, and what may not differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from facette.errors import BadInput
from facette.jobs.fitness import PARTS, WITH_VALUE
from facette.registry.models import in_use
from facette.registry.runs import ChampionRun, champion_run, differing_settings
from facette.registry.tracking import TrackedRun, as_params
from facette.reports.findings import Findings
from facette.reports.story import Champion
from facette.settings import Train
from facette.snapshots.panel import Panel

COMPOSITE = "customer"
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


def check_definition(settings: Train, snapshots: Panel, off: Mapping[str, str]) -> None:
    """Refuse to register churn under a name whose version in use tells another churn.

    Raises:
        BadInput: the champion of such a name has another definition.
    """
    if "churn" in off:
        return
    ours, prefix = snapshots.spec.churn_definition, settings.tracking.registry_prefix
    with_value = [] if "value_if_staying" in off else ["value"]
    for model in (snapshots.spec.churn_model, *with_value, COMPOSITE):
        name = f"{prefix}{settings.data.name}_{model}"
        champion = in_use(settings.tracking, name) if _registers(settings, model) else None
        if champion is None or not {"churn", "value_if_staying"} & {*champion.bundle.parts}:
            continue
        theirs = champion.bundle.about["churn_definition"]
        if theirs != ours:
            raise BadInput(
                f"model.churn.definition: {name} version {champion.version}, the one in use, tells "
                f"churn as {theirs} and this run as {ours}, which never share a name; register "
                f"apart (tracking.registry_prefix={prefix}{ours}_) or keep to {theirs}"
            )


def _registers(settings: Train, model: str) -> bool:
    """Whether a run registers such a model: the composite only when all parts were asked for."""
    return model != COMPOSITE or set(PARTS) <= {part.value for part in settings.parts}


def registered_names(
    settings: Train, snapshots: Panel, parts: Sequence[str], for_policy: Sequence[str] = ()
) -> dict[str, list[str]]:
    """Registered name -> its parts, of a bundle with these parts; a policy's come with it."""
    called = {"segments": "behaviour", "churn": snapshots.spec.churn_model}
    prefix = settings.tracking.registry_prefix + settings.data.name
    beside: dict[str, Sequence[str]] = {"value": WITH_VALUE, "potential": ("categories",)}
    within = {part for others in beside.values() for part in others}
    beside["policy"] = for_policy
    names = {
        f"{prefix}_{called.get(part, part)}": [
            part,
            *(other for other in parts if other in beside.get(part, ())),
        ]
        for part in parts
        if part not in within
    }
    if _registers(settings, COMPOSITE):
        names[f"{prefix}_{COMPOSITE}"] = list(parts)
    return names


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
