"""How what happened is gathered as rows of the contract tables, a block of customers at a time.

Nothing here changes a customer: rows are drawn beside the months, and left out of rollouts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from facette.tables.contract import DAY_US
from facette.tables.simulation.chance import Chance
from facette.tables.simulation.conduct import Bank
from facette.tables.simulation.months import FIRST_DAY, Month
from facette.tables.simulation.people import People, customer_ids

SECOND = 1_000_000

_T, _I, _F, _B = pl.String(), pl.Datetime("us"), pl.Float64(), pl.Boolean()
SCHEMAS: dict[str, dict[str, pl.DataType]] = {
    "transactions": {"customer_id": _T, "occurred_at": _I, "amount": _F, "margin": _F,
                     "product": _T, "reason": _T, "recorded_at": _I},
    "customers": {"customer_id": _T, "valid_from": _I, "acquired_at": _I, "origin": _T,
                  "first_channel": _T, "stage": _T, "age_band": _T, "income_band": _T,
                  "life_stage": _T, "occupation": _T, "home": _T, "branch": _T, "recorded_at": _I},
    "interactions": {"customer_id": _T, "occurred_at": _I, "channel": _T, "initiator": _T,
                     "purpose": _T, "answered_at": _I, "duration_min": _F, "recorded_at": _I},
    "contracts": {"customer_id": _T, "contract_id": _T, "product": _T, "started_at": _I,
                  "notice_at": _I, "ended_at": _I, "end_reason": _T},
    "contacts": {"customer_id": _T, "sent_at": _I, "campaign": _T, "channel": _T, "arm": _T,
                 "randomised": _B, "propensity": _F, "cost": _F, "opened_at": _I,
                 "clicked_at": _I, "responded_at": _I},
    "treatments": {"customer_id": _T, "from_date": _I, "to_date": _I, "relationship_model": _T,
                   "randomised": _B, "propensity": _F},
    "surveys": {"customer_id": _T, "answered_at": _I, "question": _T, "answer": _T},
    "consents": {"customer_id": _T, "channel": _T, "recorded_at": _I, "granted": _B,
                 "objected": _B},
    "events": {"customer_id": _T, "occurred_at": _I, "kind": _T, "value": _F,
               "recorded_at": _I},
}  # fmt: skip


@dataclass
class Block:
    """The rows of one block of customers under the contract's names, gathered month by month.

    Until they are in one piece, rows bear their customer's place among the block's `names`, which
    are in order; `place` (n,) is that of each customer, `contacted` when the bank last wrote.
    """

    bank: Bank
    people: People
    chance: Chance
    names: pl.Series = field(init=False)
    place: np.ndarray = field(init=False)
    contacted: np.ndarray = field(init=False)
    tables: dict[str, list[pl.DataFrame]] = field(init=False)

    def __post_init__(self) -> None:
        inorder = np.sort(self.people.customer)
        self.names = pl.Series("customer_id", customer_ids(inorder))
        self.place = np.searchsorted(inorder, self.people.customer)
        self.contacted = np.zeros(len(self.people), dtype=np.int64)
        self.tables = {name: [] for name in SCHEMAS}

    def add(self, table: str, who: np.ndarray, **columns: Any) -> None:
        """Rows of the customers at positions `who`, columns as arrays, series or one text for all.

        Instants are microseconds, missing below 0.
        """
        if len(who):
            frame = pl.DataFrame({"customer_id": self.place[who], **columns})
            kinds = SCHEMAS[table]
            self.tables[table].append(
                frame.with_columns(pl.col(name).cast(_held(kinds[name])) for name in columns)
            )

    def frames(self) -> dict[str, pl.DataFrame]:
        """Each table in one piece, by identifier and recording: late rows stand out of order."""
        return {name: self._whole(SCHEMAS[name], parts) for name, parts in self.tables.items()}

    def _whole(self, schema: dict[str, pl.DataType], parts: list[pl.DataFrame]) -> pl.DataFrame:
        if not parts:
            return pl.DataFrame(schema=schema)
        frame = pl.concat(parts, how="diagonal")
        frame = frame.sort(_order(list(schema)), maintain_order=True)
        return frame.select(_typed(n, t, frame.columns) for n, t in schema.items()).with_columns(
            customer_id=self.names.gather(frame["customer_id"])
        )


def _held(dtype: pl.DataType) -> pl.DataType:
    """How a column is held until its table is in one piece."""
    return pl.Int64() if dtype == _I else dtype


def _typed(name: str, dtype: pl.DataType, given: list[str]) -> pl.Expr:
    if name not in given:
        return pl.lit(None, dtype).alias(name)
    column = pl.col(name)
    if dtype == _I:
        return pl.when(column >= 0).then(column).cast(_I)
    return column.fill_nan(None) if dtype == _F else column


def chosen(names: Iterable[str], which: np.ndarray) -> pl.Series:
    """The names at these positions: many times quicker than texts out of NumPy."""
    return pl.Series(list(names)).gather(which)


def _order(columns: list[str]) -> list[str]:
    by = ("recorded_at", "valid_from", "from_date", "sent_at", "answered_at", "contract_id")
    return ["customer_id", *[c for c in by if c in columns][:1]]


@dataclass(frozen=True)
class Calendar:
    """A month: where it begins (day since 1970), its length, each customer's part in it."""

    month: int
    start: int
    days: int
    begin: np.ndarray
    until: np.ndarray

    @property
    def name(self) -> str:
        """As 2023-04."""
        return str(np.datetime64(self.start, "D").astype("datetime64[M]"))

    def instants(self, who: np.ndarray, place: np.ndarray) -> np.ndarray:
        """Microseconds, at places in [0, 1) of the customers' part of the month."""
        seconds = place * (self.until[who] - self.begin[who]) * 86_400
        return self.begin[who] * DAY_US + seconds.astype(np.int64) * SECOND


def calendar(people: People, month: int, start: int, days: int, happened: Month) -> Calendar:
    """The month as each customer has it: from joining, and until leaving."""
    begin = np.where(people.joined == month, start + FIRST_DAY - 1, start)
    gone = happened.ending.gone
    until = np.where(gone, np.maximum(happened.ending.day, begin + 1), start + days)
    return Calendar(month, start, days, begin, until)


def recorded(at: np.ndarray, late: float, rng: np.random.Generator) -> np.ndarray:
    """When rows became known: at once, or days after for a share of them."""
    delay = np.where(rng.random(len(at)) < late, rng.integers(1, 10, len(at)), 0)
    return at + delay * DAY_US
