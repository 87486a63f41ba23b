"""Dirt on purpose: what real extracts suffer from, put into the tables of a simulated bank.

Each kind takes `share` of the rows, or cells, at random, by the seed and the block alone. It comes
after everything else is drawn: the truth, and all other rows, stay as they are. What the door does
about it:

- duplicates: exact repeats, in tables without a key. Counted; dropped with `data.drop_duplicates`.
- gaps: cells of optional columns, but for keys, are missing. Taken as unknown.
- outliers: all amounts of a row a thousandfold. Within its type: nothing is refused.
- time_zones: instants of all interactions are UTC, and say so. Brought back to the bank's clock.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
import polars as pl

from facette.settings.data import Dirt
from facette.tables.contract import CONTRACTS, Kind
from facette.tables.simulation.chance import Chance
from facette.tables.simulation.rows import SCHEMAS

DIRT = 40  # purposes of draws: this one and the next few
CLOCK = "Europe/Paris"  # the bank's; conf/data/bank.yaml reads by the same
THOUSANDFOLD = 1_000

Frames = dict[str, pl.DataFrame]
Schemas = dict[str, dict[str, pl.DataType]]


def dirtied(frames: Frames, kinds: Collection[Dirt], share: float, chance: Chance) -> Frames:
    """The tables of a block with these kinds of dirt."""
    for number, (kind, soil) in enumerate(_KINDS.items()):
        if kind in kinds:
            frames = {
                name: soil(name, frame, share, chance.of(DIRT + number, table))
                for table, (name, frame) in enumerate(frames.items())
            }
    return frames


def schemas(kinds: Collection[Dirt]) -> Schemas:
    """The columns of each table with these kinds of dirt."""
    made = {name: dict(columns) for name, columns in SCHEMAS.items()}
    if Dirt.time_zones in kinds:
        zoned = {column: pl.Datetime("us", "UTC") for column in _instants("interactions")}
        made["interactions"] |= zoned
    return made


def _with_gaps(
    name: str, frame: pl.DataFrame, share: float, rng: np.random.Generator
) -> pl.DataFrame:
    contract = CONTRACTS[name]
    needed = {*contract.key, *(c.name for c in contract.columns if c.required)}
    return frame.with_columns(
        pl.when(pl.Series(rng.random(len(frame)) >= share)).then(pl.col(column)).alias(column)
        for column in frame.columns
        if column not in needed
    )


def _with_outliers(
    name: str, frame: pl.DataFrame, share: float, rng: np.random.Generator
) -> pl.DataFrame:
    factor = pl.Series(np.where(rng.random(len(frame)) < share, THOUSANDFOLD, 1))
    money = [c.name for c in CONTRACTS[name].columns if c.kind is Kind.money]
    return frame.with_columns(pl.col(c) * factor for c in money if c in frame.columns)


def _with_zones(
    name: str, frame: pl.DataFrame, share: float, rng: np.random.Generator
) -> pl.DataFrame:
    if name != "interactions":
        return frame
    return frame.with_columns(_as_utc(pl.col(column)) for column in _instants(name))


def _as_utc(local: pl.Expr) -> pl.Expr:
    """Instants of the bank's clock as UTC; those in the hour skipped in spring, an hour later."""

    def placed(given: pl.Expr) -> pl.Expr:
        return given.dt.replace_time_zone(CLOCK, ambiguous="earliest", non_existent="null")

    return pl.coalesce(placed(local), placed(local.dt.offset_by("1h"))).dt.convert_time_zone("UTC")


def _with_duplicates(
    name: str, frame: pl.DataFrame, share: float, rng: np.random.Generator
) -> pl.DataFrame:
    if CONTRACTS[name].key:
        return frame
    times = 1 + (rng.random(len(frame)) < share)
    return frame[np.repeat(np.arange(len(frame)), times)]


def _instants(name: str) -> list[str]:
    return [column for column, kind in SCHEMAS[name].items() if kind.is_temporal()]


_KINDS: dict[Dirt, Callable[[str, pl.DataFrame, float, np.random.Generator], pl.DataFrame]] = {
    Dirt.gaps: _with_gaps,
    Dirt.outliers: _with_outliers,
    Dirt.time_zones: _with_zones,
    Dirt.duplicates: _with_duplicates,  # last, so that repeats are exact
}
