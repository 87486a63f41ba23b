"""The constants of a panel: fixed at the earliest training date, by what was known then."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import narwhals as nw

from facette.errors import BadInput
from facette.settings.data import EventData, Population
from facette.settings.data import Snapshot as SnapshotSettings
from facette.settings.models import ChurnDefinition, ChurnModel
from facette.snapshots.catalogue import catalogue, share_column
from facette.snapshots.instants import as_date
from facette.snapshots.known import first_known_day, history_days, known_at
from facette.snapshots.outcomes import BESIDE, OUTCOMES
from facette.snapshots.protected import kept_out
from facette.snapshots.relation_columns import ranked, with_own_columns, with_related
from facette.snapshots.spec import SnapshotSpec
from facette.tables.contract import DAY_US, Tables
from facette.wording import listed, nearest

# optional columns that features rest on, under the names they have in the constants
OPTIONAL_COLUMNS = {
    "discount": ("transactions", "discount"),
    "margin": ("transactions", "margin"),
    "product": ("transactions", "product"),
    "category": ("transactions", "category"),
    "contract_product": ("contracts", "product"),
    "contact_response": ("contacts", "responded_at"),
    "contact_open": ("contacts", "opened_at"),
    "contact_click": ("contacts", "clicked_at"),
    "contact_channel": ("contacts", "channel"),
    "contact_arm": ("contacts", "arm"),
    "interaction_purpose": ("interactions", "purpose"),
    "interaction_answer": ("interactions", "answered_at"),
    "interaction_duration": ("interactions", "duration_min"),
    "survey_answer": ("surveys", "answer"),
    "consent_channel": ("consents", "channel"),
    "consent_grant": ("consents", "granted"),
    "event_value": ("events", "value"),
}


def constants(
    tables: Tables, earliest: int, settings: SnapshotSettings, churn: ChurnModel, data: EventData,
    notes: list[str],
) -> SnapshotSpec:  # fmt: skip
    """The spec fixed at the earliest training date; what it drops is said in `notes`.

    Raises:
        BadInput: a declared static attribute that the customers table lacks, contractual churn
            without contracts, partial churn without a horizon of history, or a population of who is
            known without a dated customers table, or a protected name that is nowhere.
    """
    if churn.definition is ChurnDefinition.contractual and "contracts" not in tables:
        raise BadInput(
            "model.churn.definition: contractual churn needs the table contracts; give it "
            "(data.contracts.path), or write model.churn.definition=non_contractual"
        )
    partial = churn.definition is ChurnDefinition.partial
    if settings.population is Population.known:
        _check_dated_people(tables)
    history = history_days(tables, earliest)
    observation = min(settings.observation_days, history)
    if observation < settings.observation_days:
        notes.append(
            f"observation window cut from {settings.observation_days} to {observation} days, the "
            f"history at the earliest training date, {as_date(earliest)}"
        )
    if partial and history < settings.horizon_days:
        raise BadInput(
            f"model.churn.definition: partial compares with the last {settings.horizon_days} days, "
            f"and {as_date(earliest)}, the earliest training date, has {history} of history; "
            "choose later dates or a shorter snapshot.horizon_days"
        )
    windows = sorted(w for w in set(settings.windows_days) if w <= observation)
    dropped = sorted(set(settings.windows_days) - set(windows))
    if dropped:
        notes.append(
            f"feature windows of {listed(dropped)} days dropped: longer than the {observation} "
            "days observed at the earliest training date"
        )
    lines = known_at(tables, "transactions", earliest)
    columns = optional_columns(tables)
    categories = _top_categories(lines) if "category" in columns else []
    spec = SnapshotSpec(
        horizon_days=settings.horizon_days,
        observation_days=observation,
        windows_days=tuple(windows),
        categories=tuple(categories[: settings.categories]),
        attributes=_attributes(tables, data.static_attributes, notes),
        tables=tuple(sorted(tables.frames)),
        columns=tuple(columns),
        has_hours=_has_hours(lines, notes),
        minor_units=data.minor_units,
        margin_rate=data.margin_rate,
        active_days=churn.active_days,
        gap_days=churn.gap_days,
        contractual=churn.definition is ChurnDefinition.contractual,
        population=settings.population.value,
        half_lives_days=tuple(sorted(set(settings.half_lives_days))),
        observed_from=first_known_day(tables, earliest),
        partial_of=churn.partial_of.value if partial and churn.partial_of else None,
        partial_share=churn.partial_share if partial else None,
        min_history_days=settings.min_history_days,
    )
    _refuse_names_of_features(spec)
    spec = with_own_columns(spec, "used_categories", categories[: settings.category_usage], notes)
    spec = with_related(tables, earliest, settings, spec, notes)
    _refuse_names_of_features(spec)
    people = tables.columns("customers") if "customers" in tables else []
    return replace(spec, protected=kept_out(settings.protected, catalogue(spec), people, notes))


def _check_dated_people(tables: Tables) -> None:
    """A row without a date could be of somebody who was not known yet.

    Raises:
        BadInput: there is no customers table, or nothing in it says since when a row is known.
    """
    if "customers" not in tables or "recorded_at" not in tables.columns("customers"):
        raise BadInput(
            "snapshot.population: known needs the table customers with valid_from or recorded_at, "
            "which say since when somebody is known; give them (data.customers.columns), or write "
            "snapshot.population=customers"
        )


def optional_columns(tables: Tables) -> list[str]:
    """The optional columns there are, under the names they have in the constants."""
    return [
        name
        for name, (table, column) in OPTIONAL_COLUMNS.items()
        if table in tables and column in tables.columns(table)
    ]


def _top_categories(lines: nw.LazyFrame) -> list[str]:
    """Categories by positive amount, the largest first; no two may share a column."""
    by_column: dict[str, str] = {}
    for category in ranked(lines.filter(nw.col("amount") > 0), "category", nw.col("amount").sum()):
        by_column.setdefault(share_column(category), category)
    return list(by_column.values())


def _has_hours(lines: nw.LazyFrame, notes: list[str]) -> bool:
    hours = lines.select((nw.col("occurred_at") % DAY_US).max().alias("most")).collect("pyarrow")
    if int(hours["most"][0]) == 0:
        notes.append("occasions by hour are off: transactions carry dates without a time of day")
        return False
    return True


def _attributes(tables: Tables, static: Iterable[str], notes: list[str]) -> tuple[str, ...]:
    if "customers" not in tables:
        notes.append("profile features are off: there is no customers table")
        return ()
    present = tables.columns("customers")
    absent = [name for name in static if name not in present]
    if absent:
        raise BadInput(
            f"data.static_attributes: customers has no column {listed(absent)}"
            f"{nearest(absent[0], present)}"
        )
    structural = {"customer_id", "valid_from", "recorded_at"}
    offered = [name for name in present if name not in structural]
    if "valid_from" in present:
        return tuple(offered)
    undated = [name for name in offered if name not in set(static) | {"acquired_at"}]
    if undated:
        notes.append(
            f"attributes {listed(undated)} are refused as features: undated, and not declared in "
            "data.static_attributes"
        )
    return tuple(name for name in offered if name not in undated)


def _refuse_names_of_features(spec: SnapshotSpec) -> None:
    """An attribute under the name of a feature would take its place.

    Raises:
        BadInput: there is one.
    """
    taken = {*catalogue(replace(spec, attributes=())), *BESIDE, *OUTCOMES}
    clashing = [name for name in spec.attributes if name in taken]
    if clashing:
        raise BadInput(
            f"customers: the attribute {listed(clashing)} bears the name of a feature or outcome; "
            f"give it another one: data.customers.columns.own_{clashing[0]}={clashing[0]}"
        )
