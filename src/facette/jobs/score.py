"""`facette score`: score customers at a reference date with a registered model."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig, OmegaConf
from tqdm import tqdm

from facette.errors import BadInput
from facette.jobs.places import check_out, write
from facette.jobs.planning import on_record
from facette.ranges import check_ranges
from facette.registry.customer_model import BLOCK, TODAY, Bundle
from facette.registry.models import LoadedModel, load
from facette.registry.packaging import as_rows
from facette.settings import Score
from facette.settings.data import EventData, WideData
from facette.snapshots.constants import optional_columns
from facette.snapshots.instants import as_date
from facette.snapshots.known import history_days
from facette.snapshots.panel import Snapshot, snapshot_at
from facette.snapshots.protected import for_scoring
from facette.snapshots.spec import SnapshotSpec, WideSpec
from facette.snapshots.wide import wide_snapshot
from facette.tables.contract import Tables
from facette.tables.door import microseconds, read
from facette.tables.wide import read_wide
from facette.wording import listed


@dataclass(frozen=True)
class Scored:
    """The scored customers, one row each, the version that scored them, and what is to be known.

    `notes`: lines on what the scores can't be taken for.
    """

    frame: pd.DataFrame
    name: str
    version: int
    notes: list[str] = field(default_factory=list)


def main(cfg: DictConfig) -> None:
    """Score, write the file, say what was written."""
    settings: Score = OmegaConf.to_object(cfg)  # type: ignore[assignment]
    scored = score(settings)
    write(scored.frame, Path(settings.out))
    known = f" known before {settings.reference_date}" if settings.reference_date else ""
    tqdm.write(
        f"{len(scored.frame):,} customers{known} scored by {scored.name} version "
        f"{scored.version}: {settings.out}"
    )
    for note in scored.notes:
        tqdm.write(note)


def score(settings: Score) -> Scored:
    """Score the customers of a source at `reference_date` with what was stored at training.

    Where the version holds a policy, it is told how customers are handled today, if tables tell.

    Raises:
        BadInput: there is no such model, the date is outside the data, the perimeter is empty, or
            `out` is neither Parquet nor CSV.
    """
    check_ranges(settings)
    check_out(Path(settings.out), ".parquet", ".csv")
    name = f"{settings.tracking.registry_prefix}{settings.data.name}_{settings.name}"
    model = load(settings.tracking, name, settings.alias)
    both = [p for p in (settings.perimeter, model.bundle.about["perimeter"]) if p]
    perimeter = " and ".join(f"({p})" for p in both) or None
    snapshot, tables = _snapshot(settings, model.bundle.about["snapshot"], perimeter)
    frame = _predicted(
        model.bundle, _handled_today(model.bundle, as_rows(snapshot), tables, settings)
    )
    told = frame.assign(model_version=str(model.version))
    return Scored(told, model.name, model.version, _notes(model, settings))


def _handled_today(
    bundle: Bundle, rows: pd.DataFrame, tables: Tables | None, settings: Score
) -> pd.DataFrame:
    """The rows with the relationship model on record, where it is read and `treatments` tell."""
    policy = getattr(bundle, "policy", None)  # packages of older code have none
    if policy is None or tables is None or "treatments" not in tables:
        return rows
    assert settings.reference_date is not None
    t = microseconds(settings.reference_date, "reference_date")
    told = on_record(tables, t, policy.names)["relationship_model"]
    return rows.assign(**{TODAY: rows["customer_id"].map(told)})


def _notes(model: LoadedModel, settings: Score) -> list[str]:
    """What is to be known of a policy whose time is over."""
    policy = getattr(model.bundle, "policy", None)
    until = policy.about["valid_until"] if policy is not None else None
    date = settings.reference_date
    if until is None or date is None or date < until:
        return []
    return [
        f"The policy of {model.name} version {model.version} was valid until {until}: its "
        f"relationship models are not to be used at {date}; plan anew with facette plan"
    ]


def _predicted(bundle: Bundle, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows scored by the package, as many at a time as it takes, progress shown."""
    starts = range(0, max(len(rows), 1), BLOCK)
    shown = tqdm(starts, "scoring", unit=f" x {BLOCK:,} customers", leave=False, disable=None)
    return pd.concat([bundle.predict(rows.iloc[i : i + BLOCK]) for i in shown])


def _snapshot(
    settings: Score, constants: dict[str, Any], perimeter: str | None
) -> tuple[Snapshot, Tables | None]:
    """The customers to score, with the constants of training, and the tables they come from.

    Raises:
        BadInput: there is no date, or one outside the data, or a column of training is missing.
    """
    data = settings.data
    if isinstance(data, WideData):
        if settings.reference_date is not None:
            raise BadInput("reference_date: a wide table bears no date; leave it out")
        table = read_wide(data, with_outcomes=False)
        wide = for_scoring(WideSpec.from_dict(constants), perimeter)
        return wide_snapshot(table, wide, perimeter), None
    assert isinstance(data, EventData)
    if settings.reference_date is None:
        raise BadInput("score needs reference_date=…")
    date = microseconds(settings.reference_date, "reference_date")
    spec, tables = for_scoring(SnapshotSpec.from_dict(constants), perimeter), read(data)
    check_known(tables, date, spec, settings.reference_date)
    return snapshot_at(tables, date, spec, perimeter, with_outcomes=False), tables


def check_known(tables: Tables, date: int, spec: SnapshotSpec, given: str) -> None:
    """Refuse a date, as `given`, and tables that training's constants can't be computed on.

    Raises:
        BadInput: the date is past the end of observation, a table, column or attribute used at
            training is missing, or history is short.
    """
    if date > tables.observed_until:
        raise BadInput(
            f"reference_date: {given} is past the end of observation, "
            f"{as_date(tables.observed_until)}; what happened until then is not known"
        )
    present = {"tables": list(tables.frames), "columns": optional_columns(tables)}
    present["attributes"] = tables.columns("customers") if "customers" in tables else []
    for kind, names in present.items():
        absent = [name for name in getattr(spec, kind) if name not in names]
        if absent:
            raise BadInput(f"data: {kind} used at training are missing: {listed(absent)}")
    days = history_days(tables, date, "reference_date")
    wanted = max(spec.observation_days, spec.horizon_days)
    if days < wanted:
        raise BadInput(
            f"reference_date: {given} has {days} days of history, the model looks back {wanted}; "
            "choose a later date"
        )
