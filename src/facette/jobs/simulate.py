"""`facette simulate`: a bank whose truth is known, written as contract tables."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from tqdm import tqdm

from facette.ranges import check_ranges
from facette.settings import Simulate
from facette.tables.simulation.bank import kept
from facette.tables.simulation.manifest import Asked


def main(cfg: DictConfig) -> None:
    """Simulate as configured, and say what was written."""
    settings: Simulate = OmegaConf.to_object(cfg)  # type: ignore[assignment]
    began = perf_counter()
    rows = simulate(settings)
    tqdm.write(_lines(settings, rows, perf_counter() - began))
    if rows is not None:
        tqdm.write(f"Beside what a banker would expect: {_sanity_page(settings)}")


def simulate(settings: Simulate) -> dict[str, int] | None:
    """Write the bank into `out`: rows by table, or None where this very bank is there already.

    Raises:
        BadInput: the configuration is not fit, or `out` holds something else.
    """
    check_ranges(settings)
    asked = Asked(
        settings.world, settings.customers, settings.months, settings.seed, settings.start,
        tuple(settings.dirt), settings.dirt_share,
    )  # fmt: skip
    with tqdm(
        desc="simulating", total=settings.customers, unit=" customers", leave=False,
        disable=not settings.progress,
    ) as bar:  # fmt: skip
        return kept(asked, Path(settings.out), chunk=settings.chunk, said=bar.update)


def _sanity_page(settings: Simulate) -> Path:
    from facette.recovery.wallet import wallet_share
    from facette.reports.simulated import write_sanity

    folder = Path(settings.out)
    words = [word.lstrip("+") for word in HydraConfig.get().overrides.task]
    return write_sanity(
        folder, settings.plausible, command=shlex.join(["facette", "simulate", *words]),
        currency=settings.currency, wallet=wallet_share(folder),
    )  # fmt: skip


def _lines(settings: Simulate, rows: Mapping[str, int] | None, seconds: float) -> str:
    if rows is None:
        return f"{settings.out} already holds this very bank: nothing was written"
    width, whole = max(map(len, rows)), sum(rows.values())
    return "\n".join(
        [
            *(f"{name:{width}} {count:>13,}" for name, count in rows.items()),
            f"{whole:,} rows of {settings.customers:,} customers in {seconds:.1f} s, "
            f"{whole / seconds:,.0f} rows a second: {settings.out}",
        ]
    )
