"""The contract: which tables come in, what their columns mean, and what is refused at the door.

Inside, money is integer minor units, time is integer microseconds of the local wall clock, and
identifiers are text, so that sums are exact on any engine and in any order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

import narwhals as nw
import polars as pl

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000


class Kind(Enum):
    """What a column holds, in the words of an error message."""

    text = "text"
    instant = "date or time"
    money = "amount of money"
    number = "number"
    flag = "true or false"


@dataclass(frozen=True)
class Column:
    """One column: `filled_at` names the column holding the instant its cells became known.

    `values`, where there are any, are all that it may hold, whatever their case.
    """

    name: str
    kind: Kind
    required: bool = False
    minimum: float | None = None
    filled_at: str | None = None
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Contract:
    """One table: its columns, its key where it has one, and the instant a row belongs to."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    instant: str | None = None
    open_to_attributes: bool = False

    def column(self, name: str) -> Column | None:
        """The column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)


def _columns(*specs: tuple[Any, ...], **late: str) -> tuple[Column, ...]:
    return tuple(replace(Column(*spec), filled_at=late.get(spec[0])) for spec in specs)


_T, _I, _M, _N, _F = Kind.text, Kind.instant, Kind.money, Kind.number, Kind.flag

INITIATORS = ("customer", "company")
END_REASONS = ("voluntary", "involuntary", "inevitable")
WHOLE_ROW = "whole row"  # a digest of all columns of a file, those left out included
IDENTIFIERS = ("customer_id", "transaction_id", "product", "contract_id")

# fmt: off
CONTRACTS: dict[str, Contract] = {
    c.name: c
    for c in (
        Contract(
            "transactions",
            _columns(
                ("customer_id", _T, True), ("occurred_at", _I, True), ("transaction_id", _T),
                ("amount", _M, True), ("discount", _M, False, 0), ("margin", _M),
                ("quantity", _N), ("product", _T), ("category", _T), ("channel", _T),
                ("reason", _T), ("recorded_at", _I),
            ),
            instant="occurred_at",
        ),
        Contract(
            "customers",
            _columns(
                ("customer_id", _T, True), ("valid_from", _I), ("acquired_at", _I),
                ("origin", _T), ("first_channel", _T), ("stage", _T), ("recorded_at", _I),
                acquired_at="acquired_at",
            ),
            key=("customer_id", "valid_from"),
            instant="valid_from",
            open_to_attributes=True,
        ),
        Contract(
            "interactions",
            _columns(
                ("customer_id", _T, True), ("occurred_at", _I, True), ("channel", _T, True),
                ("initiator", _T, True, None, None, INITIATORS), ("purpose", _T),
                ("answered_at", _I), ("duration_min", _N, False, 0), ("recorded_at", _I),
                answered_at="answered_at", duration_min="answered_at",
            ),
            instant="occurred_at",
        ),
        Contract(
            "contracts",
            _columns(
                ("customer_id", _T, True), ("contract_id", _T, True), ("product", _T),
                ("started_at", _I, True), ("notice_at", _I), ("ended_at", _I),
                ("end_reason", _T, False, None, None, END_REASONS), ("recorded_at", _I),
                notice_at="notice_at", ended_at="ended_at", end_reason="ended_at",
            ),
            key=("customer_id", "contract_id"),
            instant="started_at",
        ),
        Contract(
            "contacts",
            _columns(
                ("customer_id", _T, True), ("sent_at", _I, True), ("campaign", _T, True),
                ("channel", _T), ("arm", _T), ("randomised", _F), ("propensity", _N),
                ("cost", _M, False, 0), ("opened_at", _I), ("clicked_at", _I),
                ("responded_at", _I), ("revenue", _M), ("recorded_at", _I),
                opened_at="opened_at", clicked_at="clicked_at", responded_at="responded_at",
                revenue="responded_at",
            ),
            key=("customer_id", "sent_at", "campaign"),
            instant="sent_at",
        ),
        Contract(
            "treatments",
            _columns(
                ("customer_id", _T, True), ("from_date", _I, True), ("to_date", _I),
                ("relationship_model", _T, True), ("randomised", _F), ("propensity", _N),
                ("recorded_at", _I),
                to_date="to_date",
            ),
            key=("customer_id", "from_date"),
            instant="from_date",
        ),
        Contract(
            "surveys",
            _columns(
                ("customer_id", _T, True), ("answered_at", _I, True), ("question", _T, True),
                ("answer", _T), ("recorded_at", _I),
            ),
            key=("customer_id", "answered_at", "question"),
            instant="answered_at",
        ),
        Contract(
            "consents",
            _columns(
                ("customer_id", _T, True), ("channel", _T), ("recorded_at", _I, True),
                ("granted", _F), ("objected", _F),
            ),
            key=("customer_id", "channel", "recorded_at"),
            instant="recorded_at",
        ),
        Contract(
            "products",
            _columns(
                ("product", _T, True), ("category", _T), ("margin_rate", _N),
                ("repurchase_days", _N, False, 0), ("needs_follow_up", _F),
            ),
            key=("product",),
        ),
        Contract(
            "events",
            _columns(
                ("customer_id", _T, True), ("occurred_at", _I, True), ("kind", _T, True),
                ("value", _N), ("source", _T), ("recorded_at", _I),
            ),
            instant="occurred_at",
        ),
    )
}
# fmt: on


@dataclass(frozen=True)
class Cleaned:
    """Rows of one table: how many came, were kept, and were dropped by which failing condition."""

    table: str
    rows_in: int
    kept: int
    dropped: dict[str, int]


@dataclass(frozen=True)
class Tables:
    """The admitted contract tables, lazily, with what was counted while admitting them.

    `frames` maps a table's name to its rows: identifiers text, money Int64 minor units, instants
    Int64 microseconds. `first_at` is the first transaction, `observed_until` (exclusive) where
    observation ends. `notes` says what was repaired or left out, `cleaning` which rows of a file
    were kept, both with counts. `passes`: in how many shares of customers to work on them.
    """

    frames: dict[str, nw.LazyFrame]
    first_at: int
    observed_until: int
    rows: dict[str, int] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    cleaning: list[Cleaned] = field(default_factory=list)
    passes: int = 1

    def shares(self) -> Iterator[Tables]:
        """The tables of a share of the customers at a time, all of them in `passes` turns.

        A customer's features and outcomes rest on their own rows alone, so that work on tables that
        are scanned can be done share by share, in bounded memory.
        """
        if self.passes == 1:
            yield self
            return
        turn = pl.col("customer_id").hash(seed=0) % self.passes
        for i in range(self.passes):
            own = {
                name: nw.from_native(frame.to_native().filter(turn == i))
                if "customer_id" in self.columns(name) else frame
                for name, frame in self.frames.items()
            }  # fmt: skip
            yield replace(self, frames=own, passes=1)

    def __contains__(self, name: str) -> bool:
        return name in self.frames

    def __getitem__(self, name: str) -> nw.LazyFrame:
        return self.frames[name]

    def columns(self, name: str) -> list[str]:
        """Names of the columns of one table."""
        return self.frames[name].collect_schema().names()
