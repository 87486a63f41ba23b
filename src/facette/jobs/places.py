"""Where a command writes: refused before work starts, and then written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from facette.errors import BadInput


def check_out(out: Path, *endings: str) -> None:
    """Refuse a file with another ending, or in a folder that can't be made or written to.

    Raises:
        BadInput: `out` names the file.
    """
    if out.suffix not in endings or out.is_dir():
        raise BadInput(f"out: '{out}' must be a file that ends in {' or '.join(endings)}")
    there = next(folder for folder in out.absolute().parents if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise BadInput(f"out: '{there}' is no folder that can be written to; choose another")


def write(frame: pd.DataFrame, out: Path) -> None:
    """Write a table as Parquet or CSV, whole or not at all; the same table gives the same bytes."""
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = out.with_name(f".{out.name}.part")
    try:
        if out.suffix == ".parquet":
            frame.to_parquet(draft, index=False)
        else:
            frame.to_csv(draft, index=False)
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)
