"""A small Complete Journey on disk: one household in eight of the real data, as its files are."""

from pathlib import Path

import polars as pl

from facette.tables.complete_journey import PACKAGE
from facette.tables.installed import installed_file

FILES = (
    "transactions", "products", "campaigns", "campaign_descriptions", "coupon_redemptions",
    "demographics",
)  # fmt: skip

# what makes a run quick without changing what it does
QUICK = (
    "progress=false", "segments.behaviour.k_range=[2,4]", "segments.behaviour.resamples=5",
    "evaluation.resamples=50", "drivers.refits=1", "model/value=lightgbm",
    "model/churn=lightgbm", "model.value.estimator.n_estimators=60",
    "model.potential.estimator.n_estimators=60", "model.churn.estimator.n_estimators=60",
    "model.upside.estimator.n_estimators=60", "model.value.folds=3", "model.potential.folds=3",
    "model.churn.folds=3", "model.upside.folds=3", "three_tests.resamples=4",
)  # fmt: skip


def write_small_journey(folder: Path) -> Path:
    """Write the six files into `folder` and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        frame = pl.read_parquet(installed_file(PACKAGE, f"{name}.parquet"))
        if "household_id" in frame.columns:
            frame = frame.filter(pl.col("household_id") % 8 == 0)
        frame.write_parquet(folder / f"{name}.parquet")
    return folder


def rewritten(folder: Path, name: str, *columns: pl.Expr, rows: int | None = None) -> None:
    """Replace columns, or keep only the first `rows`, of one of the files."""
    path = folder / f"{name}.parquet"
    frame = pl.read_parquet(path).with_columns(*columns)
    (frame if rows is None else frame.head(rows)).write_parquet(path)
