"""What a source allows: reference dates, which parts can be trained, what other columns would add.

Nothing is trained. A part is allowed where `facette train` would not refuse it with these settings:
at least two reference dates, customers who differ in its outcome, and for potential something
known beyond dates and spend.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import narwhals as nw

from facette.errors import BadInput
from facette.settings.data import EventData
from facette.settings.data import Snapshot as SnapshotSettings
from facette.settings.models import ChurnDefinition, ChurnModel
from facette.snapshots.aggregates import KEY
from facette.snapshots.catalogue import PEER_FAMILIES, Feature, catalogue, of_families
from facette.snapshots.constants import OPTIONAL_COLUMNS, constants
from facette.snapshots.instants import as_date
from facette.snapshots.known import history_days
from facette.snapshots.panel import reference_dates
from facette.snapshots.relation_columns import RELATED
from facette.snapshots.spec import SnapshotSpec
from facette.tables.contract import DAY_US, Tables
from facette.tables.profile import TableProfile
from facette.wording import listed

Profiles = Mapping[str, TableProfile]

PARTS = ("segments", "value", "potential", "churn")
COUNTS = ("customers", "repeaters", "active", "returned", "buyers")  # fields of `DateCounts`
NOT_USED_YET = ("treatments",)
# what an optional table or column switches on, beside the features which the catalogue has of it
GIVES = {
    "transactions.margin": "value as margin, instead of amount x data.margin_rate",
    "transactions.discount": "discounts, and peers for potential",
    "transactions.product": "what is bought again",
    "transactions.category": "the mix of purchases, and peers for potential",
    "customers": "who customers are, and peers for potential",
    "contracts": "what is held and until when, churn of contracts, and peers for potential",
    "contacts": "reactions to campaigns",
    "interactions": "how customers deal with the company, and peers for potential",
    "surveys": "what customers say of themselves, and peers for potential",
    "consents": "who objected to marketing is left out; consent by channel",
    "events": "what else happens to customers, and peers for potential",
}


@dataclass(frozen=True)
class PartAllowed:
    """Whether a part can be trained, and why or why not."""

    part: str
    allowed: bool
    why: str


@dataclass(frozen=True)
class DateCounts:
    """Customers at a reference date, by what is known then and what happens after it.

    `customers` have a transaction before it, `repeaters` on more than one day; `active` bought
    lately; `returned` are the active who buy in churn's window; `buyers` the customers with a
    transaction in the horizon.
    """

    date: str
    customers: int
    repeaters: int
    active: int
    returned: int
    buyers: int


@dataclass(frozen=True)
class Switch:
    """An optional table or column, whether it is there, and what it switches on."""

    where: str
    there: bool
    gives: str


@dataclass(frozen=True)
class Allowed:
    """Parts with their reasons, the reference dates, optional columns, and the constants."""

    parts: list[PartAllowed]
    dates: list[DateCounts]
    switches: list[Switch]
    spec: SnapshotSpec
    notes: list[str]


def allowed(
    tables: Tables, profiles: Profiles, settings: SnapshotSettings, data: EventData,
    active_days: int, gap_days: int,
) -> Allowed:  # fmt: skip
    """What `facette train` could do with a source; `active_days` and `gap_days` are churn's.

    Raises:
        BadInput: a given reference date is malformed, or a declared attribute is not there.
    """
    churn, notes = _silence(active_days, gap_days), list[str]()
    dates, short = _dates(tables, settings, settings.horizon_days + gap_days)
    earliest = dates[0] if dates else tables.observed_until
    spec = constants(tables, earliest, settings, churn, data, notes)
    switches = _switches(tables, spec)
    if settings.perimeter:
        notes.append("snapshot.perimeter is left aside: the whole source is described")
    if short:
        parts = [PartAllowed(part, False, short) for part in PARTS]
        return Allowed(parts, [], switches, spec, notes)
    counts = _counts_at(tables, dates, spec)
    obstacle = "" if any(c.repeaters for c in counts) else (
        "all customers have a single day of purchase: nothing can be learnt about rhythm or return"
    )  # fmt: skip
    judged = {
        "segments": _segments(tables, dates[-2], counts[-2], spec),
        "value": _value(counts),
        "potential": _potential(profiles, spec),
        "churn": _churn(counts),
    }
    judged["potential"] = judged["potential"] if judged["value"][0] else judged["value"]
    parts = [PartAllowed(p, yes and not obstacle, obstacle or why)
             for p, (yes, why) in judged.items()]  # fmt: skip
    return Allowed(parts, counts, switches, spec, notes)


def _silence(active_days: int, gap_days: int) -> ChurnModel:
    definition = ChurnDefinition.non_contractual
    return ChurnModel(definition=definition, active_days=active_days, gap_days=gap_days)


def _dates(tables: Tables, settings: SnapshotSettings, reach: int) -> tuple[list[int], str]:
    """The reference dates, or none of them and the reason."""
    try:
        return reference_dates(tables, settings, reach), ""
    except BadInput as reason:
        if settings.reference_dates != "auto":
            raise
        return [], str(reason).removeprefix("snapshot: ")


def _counts_at(tables: Tables, dates: list[int], spec: SnapshotSpec) -> list[DateCounts]:
    """The counts of every date, in one pass over a share of the customers."""
    shares = [_counts_of(share, dates, spec) for share in tables.shares()]
    found = {name: sum(share[name] for share in shares) for name in shares[0]}
    return [
        DateCounts(as_date(t), **{name: found[f"{name} {place}"] for name in COUNTS})
        for place, t in enumerate(dates)
    ]


def _counts_of(tables: Tables, dates: list[int], spec: SnapshotSpec) -> dict[str, int]:
    lines = tables["transactions"].with_columns(day=nw.col("occurred_at") // DAY_US)
    customers = lines.group_by(KEY).agg(
        *(seen for place, t in enumerate(dates) for seen in _seen_at(t, spec, place))
    )
    counted = customers.select(
        *(count for place in range(len(dates)) for count in _counted(place))
    ).collect("pyarrow")
    return {name: int(count or 0) for name, count in counted.rows(named=True)[0].items()}


def _seen_at(t: int, spec: SnapshotSpec, place: int) -> list[nw.Expr]:
    """Of a customer: first and last day known at `t`, and 1 for who is active, returns, buys."""
    instant, bought = nw.col("occurred_at"), nw.col("amount") >= 0
    known = (instant < t) & (nw.col("recorded_at") < t)
    back, ahead = t + spec.gap_days * DAY_US, spec.horizon_days * DAY_US
    return [
        nw.when(known).then(nw.col("day")).min().alias(f"first {place}"),
        nw.when(known).then(nw.col("day")).max().alias(f"last {place}"),
        *(
            _flag(condition).max().alias(f"{name} {place}")
            for name, condition in (
                ("active", known & bought & (instant >= t - spec.active_days * DAY_US)),
                ("returned", bought & (instant >= back) & (instant < back + ahead)),
                ("buyers", (instant >= t) & (instant < t + ahead)),
            )
        ),
    ]


def _counted(place: int) -> list[nw.Expr]:
    """How many of the customers known at a date do what; in the order of `COUNTS`."""
    first, last, active, returned, buys = (
        nw.col(f"{name} {place}") for name in ("first", "last", "active", "returned", "buyers")
    )
    known = ~first.is_null()
    conditions = (
        known,
        known & (last > first),
        known & (active > 0),
        known & (active > 0) & (returned > 0),
        known & (buys > 0),
    )
    return [
        _flag(condition).sum().alias(f"{name} {place}")
        for name, condition in zip(COUNTS, conditions, strict=True)
    ]


def _flag(condition: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(nw.lit(1, nw.Int64)).otherwise(nw.lit(0, nw.Int64))


def _segments(
    tables: Tables, latest: int, counts: DateCounts, spec: SnapshotSpec
) -> tuple[bool, str]:
    if history_days(tables, latest) < spec.horizon_days:
        return False, (
            f"{counts.date} has less than {spec.horizon_days} days of history, so that customers "
            "can't be put in tiers of current value"
        )
    return True, f"{counts.customers:,} customers at {counts.date}, the latest training date"


def _value(counts: list[DateCounts]) -> tuple[bool, str]:
    training, test = counts[:-1], counts[-1]
    if not sum(c.buyers for c in training) or not test.buyers:
        return False, "no customer has a transaction in the horizon, in training or at the test"
    to_train_at = f"{len(training)} date{'s' if len(training) > 1 else ''} to train at"
    return True, (
        f"{to_train_at}; {test.buyers:,} of {test.customers:,} customers go on buying after "
        f"{test.date}"
    )


def _churn(counts: list[DateCounts]) -> tuple[bool, str]:
    for where, dates in (("training", counts[:-1]), ("the test", counts[-1:])):
        active, returned = (sum(getattr(c, n) for c in dates) for n in ("active", "returned"))
        if not 0 < returned < active:
            return False, f"{returned:,} of {active:,} active customers return in {where}"
    test = counts[-1]
    return True, (
        f"{test.active - test.returned:,} of {test.active:,} active customers at {test.date} don't "
        "return"
    )


def _potential(profiles: Profiles, spec: SnapshotSpec) -> tuple[bool, str]:
    sources = peer_sources(profiles, spec)
    if sources:
        return True, f"peers are told by {listed(sources, 3)}"
    return False, (
        "nothing but dates and spend tells customers apart: no category, discount, attribute, "
        "contract, interaction, answer or event is known, so that peers can't be found"
    )


def peer_sources(profiles: Profiles, spec: SnapshotSpec) -> list[str]:
    """Columns that tell peers apart: neither dates and spend nor own level of spending.

    The rule of `models.facets.peer_columns`, on columns instead of features.
    """
    peers = [f for f in of_families(catalogue(spec), PEER_FAMILIES).values() if not f.level]
    return list(dict.fromkeys(f.source for f in peers if _tells(f, profiles)))


def _tells(feature: Feature, profiles: Profiles) -> bool:
    table, _, name = feature.source.partition(".")
    column = profiles[table].column(name) if table in profiles else None
    if column is None or column.distinct < 2:
        return False
    return name != "amount" or float(column.least) < 0  # type: ignore[arg-type] # by its refunds


def _switches(tables: Tables, spec: SnapshotSpec) -> list[Switch]:
    lines = tables.columns("transactions")
    there = {where: _there(where, tables, lines) for where in GIVES}
    made = [Switch(where, is_there, _gives(where, spec, is_there))
            for where, is_there in there.items()]  # fmt: skip
    made.append(Switch("time of day", spec.has_hours, _with_features("occasions", 4)))
    idle = [name for name in NOT_USED_YET if name in tables]
    return [*made, *(Switch(name, True, "checked at the door; not used yet") for name in idle)]


def _there(where: str, tables: Tables, lines: list[str]) -> bool:
    table, _, column = where.partition(".")
    return column in lines if column else table in tables


def _gives(where: str, spec: SnapshotSpec, is_there: bool) -> str:
    """What it switches on: the features it has, or would at least have if it were there."""
    table, _, column = where.partition(".")
    full = replace(
        spec, columns=tuple(OPTIONAL_COLUMNS), tables=(*spec.tables, "contacts", "contracts"),
        related=tuple(RELATED),
    )  # fmt: skip
    wanted = [f for f in catalogue(spec if is_there else full).values()
              if f.source == where or (not column and f.source.startswith(table))]  # fmt: skip
    return _with_features(GIVES[where], len(wanted))


def _with_features(what: str, features: int) -> str:
    counted = f"{features} feature{'s' if features > 1 else ''}"
    return f"{what} ({counted})" if features else what
