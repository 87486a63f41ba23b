"""How much of its customers' wallets a simulated bank has: what its own tables can't tell."""

from pathlib import Path

import polars as pl

from facette.tables.simulation.bank import TRUTH
from facette.tables.simulation.sanity import TOP_SHARE, WalletShare

YEAR_MONTHS = 12


def wallet_share(folder: Path) -> WalletShare | None:
    """The mean share over customers and the last twelve months, and that of the largest wallets.

    `folder` is that of a simulated bank. A wallet is the net margin of a month at full share. None
    where nobody was left.
    """
    known = pl.scan_parquet(folder / TRUTH / "months.parquet")
    last = known.filter(pl.col("month") > pl.col("month").max() - YEAR_MONTHS)
    means = last.group_by("customer_id").agg(pl.col("share", "wallet").mean()).collect()
    if means.is_empty():
        return None
    top = means.top_k(max(round(TOP_SHARE * len(means)), 1), by="wallet")
    mean, top_mean = (float(part["share"].to_numpy().mean()) for part in (means, top))
    return WalletShare(len(means), mean, top_mean)
