"""Customers' satisfaction by how they are handled: an outcome to watch, never one to optimise.

It is measured where a survey asks for it, of those who answered: no figure for a relationship model
is better than its number of answers, and who answers may differ from who does not.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl

from facette.snapshots.aggregates import KEY
from facette.snapshots.known import known_at
from facette.tables.contract import DAY_US, Tables

NOT_MEASURED = "not measured"


def satisfaction(
    tables: Tables, t: int, days: int, question: str | None, models: pd.Series
) -> pd.DataFrame | None:
    """Mean answer by relationship model on record at `t`: n, mean, se; None where not measured.

    Of the latest answer in numbers of each customer in the `days` before `t`. `models` by
    customer_id; a row for each of them, NaN where nobody answered (`se`: where fewer than two did).
    `se` is that of a simple random sample.
    """
    if question is None or "surveys" not in tables or "answer" not in tables.columns("surveys"):
        return None
    known: pl.LazyFrame = known_at(tables, "surveys", t).to_native()
    number = pl.col("answer").cast(pl.Float64, strict=False)
    latest = (
        known.filter((pl.col("question") == question) & (pl.col("answered_at") < t)
                     & (pl.col("answered_at") >= t - days * DAY_US))
        .with_columns(number=number).filter(pl.col("number").is_finite())
        .group_by(KEY).agg(pl.col("number").sort_by("answered_at").last())
    )  # fmt: skip
    found = pl.DataFrame(latest.collect())
    answers = pd.Series(found["number"].to_numpy(), index=found[KEY].to_list())
    own = models.reindex(answers.index).dropna()
    if own.empty:
        return None
    by = answers[own.index].groupby(own.to_numpy(dtype=object)).agg(n="size", mean="mean", sd="std")
    by = by.reindex(sorted(models.dropna().unique()))
    by["n"] = by["n"].fillna(0).astype(int)
    by["se"] = by["sd"] / np.sqrt(by["n"])
    return by[["n", "mean", "se"]].rename_axis("relationship_model")


def told(measured: pd.DataFrame | None, model: str) -> str:
    """`7.1 ± 0.2 (85 answers)`: mean and standard error, or `not measured`."""
    if measured is None or model not in measured.index or not measured.loc[model, "n"]:
        return NOT_MEASURED
    row = measured.loc[model]
    error = "" if np.isnan(row["se"]) else f" ± {row['se']:.1f}"
    return f"{row['mean']:.1f}{error} ({int(row['n']):,} answer{'s' if row['n'] > 1 else ''})"
