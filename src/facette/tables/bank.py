"""The simulated bank as a source of data: simulated first where this very one is absent.

Its truth lies in the same folder and is never opened here.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from tqdm import tqdm

from facette.errors import BadInput
from facette.settings.data import BankData
from facette.tables.door import Raw
from facette.tables.simulation.bank import end_of, kept
from facette.tables.simulation.manifest import MANIFEST, Asked, manifest

FOLDER = Path("data/simulated")  # in the working directory
BAR_AFTER_S = 2.0


def read(data: BankData) -> Raw:
    """The tables of the bank asked for, as they lie in its folder.

    Raises:
        BadInput: `data.path` is no simulated folder, or the bank can't be written.
    """
    folder = folder_of(data)
    if data.path is None:
        _simulated(data, folder)
    told = manifest(folder)
    if told is None:
        raise BadInput(
            f"data.path: {folder} holds no simulated bank (no {MANIFEST}); write one with "
            f"facette simulate out={folder}, or leave data.path out"
        )
    files = {name: folder / f"{name}.parquet" for name, rows in told["rows"].items() if rows}
    return Raw(
        frames={name: pl.scan_parquet(file) for name, file in files.items()},
        files=tuple(files.values()),
        notes=(_told(told),),
        observed_until=end_of(date.fromisoformat(told["start"]), told["months"]).isoformat(),
    )


def folder_of(data: BankData) -> Path:
    """Where the bank asked for lies, or will."""
    if data.path is not None:
        return Path(data.path)
    asked = _asked(data)
    name = f"bank-{data.customers}x{data.months}-seed{data.seed}-{asked.digest()}"
    return FOLDER / name


def _asked(data: BankData) -> Asked:
    return Asked(data.world, data.customers, data.months, data.seed, data.start)


def _simulated(data: BankData, folder: Path) -> None:
    with tqdm(
        desc="simulating the bank", total=data.customers, unit=" customers", delay=BAR_AFTER_S,
        disable=None, leave=False,
    ) as bar:  # fmt: skip
        kept(_asked(data), folder, chunk=data.chunk, said=bar.update)


def _told(manifest: dict[str, Any]) -> str:
    """Which bank it is, in a line."""
    dirt = ", ".join(manifest["dirt"])
    dirty = f"; made dirty on purpose: {dirt}, {manifest['dirt_share']:.1%} each" if dirt else ""
    return (
        f"a simulated bank: {manifest['customers']:,} customers, {manifest['months']} months from "
        f"{manifest['start']}, seed {manifest['seed']}, world {manifest['world']}{dirty}"
    )
