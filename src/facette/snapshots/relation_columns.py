"""What of the related tables has columns of its own, by what was known at the earliest date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import narwhals as nw
import polars as pl

from facette.settings.data import Snapshot as SnapshotSettings
from facette.snapshots.catalogue import has_names_twice
from facette.snapshots.instants import as_date
from facette.snapshots.known import known_at
from facette.snapshots.relation_ratios import as_numbers
from facette.snapshots.relations import CHANNELS, PURPOSES, is_started, received, word
from facette.snapshots.spec import SnapshotSpec
from facette.tables.contract import DAY_US, Tables
from facette.wording import listed

# the related tables, and the features that each switches on
RELATED = {
    "interactions": "relation features",
    "contacts": "reactions",
    "surveys": "stated answers",
    "consents": "consents by channel",
    "events": "events",
}


def with_related(
    tables: Tables, earliest: int, settings: SnapshotSettings, spec: SnapshotSpec, notes: list[str]
) -> SnapshotSpec:
    """The spec with the columns of related tables; what is off is said in `notes`."""
    absent = [name for name in RELATED if name not in tables]
    if absent:
        off = listed([RELATED[name] for name in absent])
        notes.append(f"{off} are off: there is no table {listed(absent)}")
    if "interactions" in tables:
        spec = _of_interactions(tables, earliest, spec, notes)
    if "contacts" in tables:
        spec = _of_contacts(tables, earliest, settings.channels, spec, notes)
    if "surveys" in tables:
        spec = _of_surveys(tables, earliest, settings.questions, spec, notes)
    if "consents" in tables:
        spec = _of_consents(tables, earliest, settings.channels, spec, notes)
    if "events" in tables:
        spec = _of_events(tables, earliest, settings.event_kinds, spec, notes)
    return spec


def ranked(rows: nw.LazyFrame, column: str, weight: nw.Expr) -> list[str]:
    """The values of a text column, those of the greatest weight first, nulls left aside."""
    weights = (
        rows.filter(~nw.col(column).is_null())
        .group_by(column)
        .agg(weight.cast(nw.Int64).alias("weight"))
        .collect("pyarrow")
        .to_native()
        .to_pandas()
        .sort_values(["weight", column], ascending=[False, True])
    )
    return list(map(str, weights[column]))


def with_own_columns(
    spec: SnapshotSpec, field: str, texts: Sequence[str], notes: list[str]
) -> SnapshotSpec:
    """The spec with these texts in a field, left out those whose columns bear a taken name."""
    clashing = []
    for text in texts:
        widened: dict[str, Any] = {field: (*getattr(spec, field), text)}
        wider = replace(spec, **widened)
        if has_names_twice(wider):
            clashing.append(text)
        else:
            spec = wider
    if clashing:
        notes.append(
            f"{field.replace('_', ' ')} {listed(clashing)} have no features of their own: another "
            "feature bears the name; give them other names in the source"
        )
    return spec


def _with_table(spec: SnapshotSpec, name: str) -> SnapshotSpec:
    return replace(spec, related=(*spec.related, name))


def _nothing_known(name: str, earliest: int) -> str:
    return f"{RELATED[name]} are off: none of {name} is known before {as_date(earliest)}"


def _most(rows: nw.LazyFrame, column: str) -> list[str]:
    """The values of a text column, the most frequent first."""
    return ranked(rows, column, nw.len())


def _of_interactions(
    tables: Tables, earliest: int, spec: SnapshotSpec, notes: list[str]
) -> SnapshotSpec:
    started = known_at(tables, "interactions", earliest).filter(is_started())
    channels = _most(started, "channel")
    if not channels:
        notes.append(
            f"{RELATED['interactions']} are off: no contact that a customer started is known "
            f"before {as_date(earliest)}"
        )
        return spec
    purposes = _most(started, "purpose") if "interaction_purpose" in spec.columns else []
    for what, seen, told in (("channels", channels, CHANNELS), ("purposes", purposes, PURPOSES)):
        others = sorted(set(seen) - set(told))
        if others:
            notes.append(
                f"interactions: {what} {listed(others)} have no share of their own: they are none "
                f"of {listed(told, len(told))}"
            )
    if not (has_hours := _has_hours(started)):
        notes.append("contacts by hour are off: interactions carry dates without a time of day")
    return replace(
        _with_table(spec, "interactions"),
        started_channels=tuple(c for c in CHANNELS if c in channels),
        purposes=tuple(p for p in PURPOSES if p in purposes),
        has_contact_hours=has_hours,
    )


def _has_hours(rows: nw.LazyFrame) -> bool:
    most = rows.select((nw.col("occurred_at") % DAY_US).max().alias("most")).collect("pyarrow")
    return bool(most["most"][0])


def _of_contacts(
    tables: Tables, earliest: int, most: int, spec: SnapshotSpec, notes: list[str]
) -> SnapshotSpec:
    spec = _with_table(spec, "contacts")
    if not {"contact_response", "contact_channel"} <= set(spec.columns):
        return spec
    channels = _most(received(tables, earliest, spec), "channel")[:most]
    several = channels if len(channels) > 1 else []  # the rate on the only one is that of all
    return with_own_columns(spec, "contact_channels", several, notes)


def _of_surveys(
    tables: Tables, earliest: int, most: int, spec: SnapshotSpec, notes: list[str]
) -> SnapshotSpec:
    said = known_at(tables, "surveys", earliest)
    if "survey_answer" in spec.columns:
        said = said.filter(~nw.col("answer").is_null())
    asked = _most(said, "question")[:most]
    if not asked:
        notes.append(_nothing_known("surveys", earliest))
        return spec
    spec = _with_table(spec, "surveys")
    if "survey_answer" not in spec.columns:
        notes.append("answers are off: surveys has no column answer")
        return spec
    numbers = tuple(question for question in asked if _in_numbers(said, question))
    return with_own_columns(replace(spec, numeric_questions=numbers), "questions", asked, notes)


def _in_numbers(said: nw.LazyFrame, question: str) -> bool:
    answers = said.filter(nw.col("question") == question).select("answer").unique()
    told = pl.DataFrame(answers.collect("pyarrow").to_native())["answer"]
    return not as_numbers(told).is_nan().any()


def _of_consents(
    tables: Tables, earliest: int, most: int, spec: SnapshotSpec, notes: list[str]
) -> SnapshotSpec:
    absent = [c for c, name in (("channel", "consent_channel"), ("granted", "consent_grant"))
              if name not in spec.columns]  # fmt: skip
    if absent:
        notes.append(f"{RELATED['consents']} are off: consents has no column {listed(absent)}")
        return spec
    said = known_at(tables, "consents", earliest).filter(word(tables.columns("consents")) > 0)
    channels = _most(said, "channel")[:most]
    if not channels:
        notes.append(_nothing_known("consents", earliest))
        return spec
    return with_own_columns(_with_table(spec, "consents"), "consent_channels", channels, notes)


def _of_events(
    tables: Tables, earliest: int, most: int, spec: SnapshotSpec, notes: list[str]
) -> SnapshotSpec:
    known = known_at(tables, "events", earliest)
    kinds = _most(known, "kind")[:most]
    if not kinds:
        notes.append(_nothing_known("events", earliest))
        return spec
    if "event_value" in spec.columns:
        valued = _most(known.filter(~nw.col("value").is_null()), "kind")
        spec = replace(spec, valued_kinds=tuple(kind for kind in kinds if kind in valued))
    return with_own_columns(_with_table(spec, "events"), "event_kinds", kinds, notes)
