"""The simulated bank written: contract tables as Parquet, and beside them its truth.

Customers are drawn block by block. How many blocks are in hand at a time changes memory and speed,
never a byte of what is written: each block is a row group, in order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from facette.errors import BadInput
from facette.settings.data import Dirt, World
from facette.tables.simulation.chance import BLOCK, Chance
from facette.tables.simulation.conduct import Bank
from facette.tables.simulation.dealings import (
    write_campaign,
    write_complaints,
    write_programmes,
    write_rights,
    write_started,
)
from facette.tables.simulation.dirt import dirtied, schemas
from facette.tables.simulation.holdings import (
    CATEGORIES,
    write_contracts,
    write_end,
    write_postings,
    write_start,
    write_treatments,
)
from facette.tables.simulation.known import SURVEY_MONTH, write_events, write_survey
from facette.tables.simulation.manifest import (
    Asked,
    differences,
    manifest,
    write_manifest,
)
from facette.tables.simulation.months import Month, lived, opened
from facette.tables.simulation.people import People, people
from facette.tables.simulation.rows import SCHEMAS, Block, Calendar, calendar
from facette.tables.simulation.state import State, first_state
from facette.tables.simulation.world import drawn

TRUTH = "truth"
WORKERS = 2
_F32 = pl.Float32()
TRUTH_SCHEMAS: dict[str, dict[str, pl.DataType]] = {
    "people": {"customer_id": pl.String(), "family": pl.Int32(), "power": _F32,
               "expectation": _F32, "wish_closeness": _F32, "wish_initiative": _F32},
    "months": {"customer_id": pl.String(), "month": pl.Int32(), "wallet": _F32, "share": _F32,
               "margin": _F32, "satisfaction": _F32, "hazard": _F32, "mismatch": _F32,
               "project": pl.Boolean(), "moment": pl.Boolean()},
    "campaigns": {"month": pl.Int32(), "treated": pl.Int64(), "control": pl.Int64(),
                  "effect_sum": pl.Float64()},
}  # fmt: skip


def kept(
    asked: Asked, folder: Path, *, chunk: int, said: Callable[[int], object] = lambda n: None
) -> dict[str, int] | None:
    """The bank asked for in `folder`: rows by table, or None where it lies there already.

    It is made ready in a folder of its own beside, and moved there whole: nothing half-written ever
    stands under the final name, and two runs at once don't disturb each other.

    Raises:
        BadInput: `folder` holds something else, or can't be written.
    """
    if _holds(folder, asked):
        return None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(".part", f"{folder.name}.", folder.parent) as workshop:
            made = Path(workshop) / folder.name
            rows = simulate(
                asked.world, asked.customers, asked.months, asked.seed,
                date.fromisoformat(asked.start), made, chunk=chunk, said=said, dirt=asked.dirt,
                dirt_share=asked.dirt_share,
            )  # fmt: skip
            write_manifest(made, asked, rows)
            made.replace(folder)
    except OSError as error:
        if _holds(folder, asked):  # another run was quicker
            return None
        raise BadInput(
            f"{folder} cannot be written: {error.strerror or error}; make room for it, or choose "
            "another folder"
        ) from None
    return rows


def _holds(folder: Path, asked: Asked) -> bool:
    """Whether the folder holds the very bank asked for; it is free where it holds nothing.

    Raises:
        BadInput: it holds something else.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    found = manifest(folder)
    differing = ["no simulated bank"] if found is None else differences(found, asked)
    if differing:
        raise BadInput(
            f"{folder} already holds something else ({'; '.join(differing)}); choose another "
            "folder, or remove this one"
        )
    return True


def end_of(start: date, months: int) -> date:
    """The day after the last of the months that begin with `start`."""
    past = start.month - 1 + months
    return date(start.year + past // 12, past % 12 + 1, 1)


def simulate(
    world: World, customers: int, months: int, seed: int, start: date, folder: Path,
    *, chunk: int, said: Callable[[int], object] = lambda n: None, dirt: Collection[Dirt] = (),
    dirt_share: float = 0.0,
) -> dict[str, int]:  # fmt: skip
    """Write the bank into `folder`, and its truth into `folder/truth`; rows by table.

    `chunk` is how many customers are in hand at a time; `said` is told of customers done. Each kind
    of `dirt` takes `dirt_share` of the rows; the truth knows nothing of it.
    """
    made = drawn(world, seed)
    bank = opened(made, seed, months, start)
    (folder / TRUTH).mkdir(parents=True)
    rows = dict.fromkeys(SCHEMAS, 0)
    with Files(folder, schemas(dirt)) as tables, Files(folder / TRUTH, TRUTH_SCHEMAS) as truths:
        for block, (frames, truth) in _blocks(bank, customers, max(chunk // BLOCK, 1)):
            frames = dirtied(frames, dirt, dirt_share, Chance(seed, block))
            tables.append(frames)
            truths.append(truth)
            rows = {name: n + len(frames[name]) for name, n in rows.items()}
            said(min(BLOCK, customers - block * BLOCK))
    products = pl.DataFrame({"product": list(made.products)}).with_columns(
        category=pl.col("product").replace_strict(CATEGORIES, default="other")
    )
    products.write_parquet(folder / "products.parquet")
    told = {"world": asdict(made), "customers": customers, "months": months, "seed": seed,
            "start": start.isoformat(), "block": BLOCK}  # fmt: skip
    (folder / TRUTH / "world.json").write_text(json.dumps(told, indent=1), encoding="utf-8")
    return rows | {"products": len(products)}


def block_of(bank: Bank, number: int, customers: int) -> tuple[People, Chance]:
    """The customers of a block, and their chance."""
    first = number * BLOCK
    chance = Chance(bank.seed, number)
    size = min(BLOCK, customers - first)
    return people(bank.world, bank.wish, chance, first, size, bank.months), chance


def state_before(bank: Bank, who: People, chance: Chance, month: int) -> State:
    """The state at the start of a month, as it came about."""
    state = first_state(who, int(bank.start_days[0]))
    for earlier in range(month):
        state, _ = lived(bank, who, state, earlier, chance)
    return state


def _blocks(
    bank: Bank, customers: int, at_a_time: int
) -> Iterator[tuple[int, tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]]]:
    numbers = range(-(-customers // BLOCK))
    if at_a_time == 1:
        yield from ((n, _written(bank, n, customers)) for n in numbers)
        return
    with ThreadPoolExecutor(max_workers=min(at_a_time, WORKERS)) as pool:
        for first in range(0, len(numbers), at_a_time):
            some = numbers[first : first + at_a_time]
            yield from zip(some, pool.map(lambda n: _written(bank, n, customers), some),
                           strict=True)  # fmt: skip


def _written(
    bank: Bank, number: int, customers: int
) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]:
    """The rows of a block, and its truth."""
    who, chance = block_of(bank, number, customers)
    block = Block(bank, who, chance)
    write_start(block, int(bank.start_days[0]), bank.start_days[: bank.months])
    lived_through, tried = [], []
    state = first_state(who, int(bank.start_days[0]))
    for month in range(bank.months):
        before = state
        state, happened = lived(bank, who, before, month, chance)
        start, end = bank.start_days[month : month + 2]
        c = calendar(who, month, int(start), int(end - start), happened)
        _write_month(block, c, before, happened, state)
        lived_through.append(_month_truth(block.place, month, before, happened))
        tried.append(_campaign_truth(month, happened))
    write_end(block, state)
    known = {"customer_id": block.names.gather(block.place), "family": who.family,
             "power": who.power, "expectation": who.expectation, "wish_closeness": who.wish[:, 0],
             "wish_initiative": who.wish[:, 1]}  # fmt: skip
    truth = {
        "people": pl.DataFrame(known),
        "months": _named(block, pl.concat(lived_through).sort("customer_id", "month")),
        "campaigns": pl.DataFrame(tried),
    }
    return block.frames(), truth


def _write_month(block: Block, c: Calendar, before: State, happened: Month, after: State) -> None:
    """The rows of one month."""
    write_postings(block, c, happened)
    write_contracts(block, c, after, happened)
    write_treatments(block, c, before, after, happened)
    write_started(block, c, happened)
    write_complaints(block, c, happened)
    write_programmes(block, c, happened)
    write_campaign(block, c, happened)
    write_rights(block, c, happened)
    write_events(block, c, before, happened)
    if c.month % 12 == SURVEY_MONTH:
        write_survey(block, c, happened)


def _named(block: Block, frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(customer_id=block.names.gather(frame["customer_id"]))


def _month_truth(place: np.ndarray, month: int, before: State, happened: Month) -> pl.DataFrame:
    here = happened.here
    share = 1 / (1 + np.exp(-before.share_logit))
    return pl.DataFrame(
        {
            "customer_id": place[here], "month": np.full(here.sum(), month),
            "wallet": happened.money.wallet[here], "share": share[here],
            "margin": happened.money.margin[here],
            "satisfaction": happened.mood.satisfaction[here],
            "hazard": happened.ending.hazard[here],
            "mismatch": happened.acts.mismatch[here], "project": happened.project[here] > 0,
            "moment": happened.moment[here],
        }
    )  # fmt: skip


def _campaign_truth(month: int, happened: Month) -> dict[str, Any]:
    acts, buys = happened.acts, happened.purchases
    return {
        "month": month, "treated": int(acts.offered_campaign.sum()),
        "control": int(acts.control.sum()),
        "effect_sum": float((buys.chance_sent - buys.chance_kept)[acts.campaign].sum()),
    }  # fmt: skip


class Files:
    """Parquet files of one folder, a row group for each block."""

    def __init__(self, folder: Path, schemas: dict[str, dict[str, pl.DataType]]) -> None:
        self._folder, self._schemas = folder, schemas
        self._writers: dict[str, pq.ParquetWriter] = {}

    def __enter__(self) -> Files:
        return self

    def append(self, frames: dict[str, pl.DataFrame]) -> None:
        """A block's rows of every table."""
        for name, schema in self._schemas.items():
            table = frames[name].select(pl.col(c).cast(t) for c, t in schema.items()).to_arrow(
                compat_level=pl.CompatLevel.oldest()
            )  # fmt: skip
            if name not in self._writers:
                path = self._folder / f"{name}.parquet"
                self._writers[name] = pq.ParquetWriter(path, table.schema, compression="zstd")
            self._writers[name].write_table(table)

    def __exit__(self, *_: object) -> None:
        for writer in self._writers.values():
            writer.close()
