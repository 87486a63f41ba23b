"""Small simulated banks, for tests that ask what is in one."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from running import settings_of

from facette.settings.data import Dirt, World
from facette.tables.simulation import months
from facette.tables.simulation.bank import kept
from facette.tables.simulation.manifest import Asked

START = date(2023, 1, 1)
DAY = 86_400_000_000

# what makes a run on a small bank quick
QUICK = (
    "segments.behaviour.k_range=[2,3]", "segments.behaviour.resamples=3",
    "segments.behaviour.null_draws=2", "segments.behaviour.natural_level=0.4",
    "evaluation.resamples=20", "drivers.refits=1",
    "model/value=lightgbm", "model/churn=lightgbm",
    "model.value.estimator.n_estimators=20", "model.potential.estimator.n_estimators=20",
    "model.churn.estimator.n_estimators=20",
)  # fmt: skip


def world(**changed: Any) -> World:
    """The default world, whole but for what is changed."""
    found: World = settings_of("simulate").world
    return replace(found, **changed)


def asked(customers: int = 1500, months: int = 14, seed: int = 5, **changed: Any) -> Asked:
    """A small bank of the default world, but for what is changed of it or of its world."""
    own = {k: changed.pop(k) for k in ("start", "dirt", "dirt_share") if k in changed}
    plain = {"start": START.isoformat(), "dirt": (), "dirt_share": 0.05}
    return Asked(world(**changed), customers, months, seed, **(plain | own))


def bank_in(folder: Path, *, chunk: int = 10_000, **changed: Any) -> Path:
    """Write a small bank into `folder`."""
    assert kept(asked(**changed), folder, chunk=chunk) is not None
    return folder


@contextmanager
def quickly_opened() -> Iterator[None]:
    """The bank's intercepts rest on a few customers: rates are rough, and the start is quick."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(months, "TRIAL_CUSTOMERS", 300)
        yield


def tables_of(folder: Path) -> dict[str, pl.DataFrame]:
    """Its tables, by name."""
    return {file.stem: pl.read_parquet(file) for file in sorted(folder.glob("*.parquet"))}


def sha256_of(folder: Path) -> dict[str, str]:
    """The digest of every file below a folder."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
    }


def departures(tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Who has left: no contract goes on. `left_at` and the `reason` of the last end."""
    return (
        tables["contracts"].group_by("customer_id")
        .agg(
            open=pl.col("ended_at").is_null().any(), left_at=pl.col("ended_at").max(),
            reason=pl.col("end_reason").sort_by("ended_at").last(),
        )
        .filter(~pl.col("open")).drop("open")
    )  # fmt: skip


def dirty(*kinds: str) -> tuple[Dirt, ...]:
    """Kinds of dirt by name."""
    return tuple(Dirt(kind) for kind in kinds)
