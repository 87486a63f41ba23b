"""Small wide customer tables with planted effects: data for tests, no test itself."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from facette.settings.data import Outcomes, WideData
from facette.tables.wide import WideTable, read_wide

# what makes a run of a wide table quick without changing what it does
QUICK_WIDE = (
    "data=wide", "data.name=people", "segments.behaviour.k_range=[2,3]",
    "segments.behaviour.resamples=5", "drivers.refits=1",
    "evaluation.repeats=1", "evaluation.folds=3", "model/value=lightgbm", "model/churn=lightgbm",
    *(f"model.{part}.{setting}" for part in ("value", "potential", "churn")
      for setting in ("estimator.n_estimators=40", "folds=3")),
)  # fmt: skip


def people(rows: int = 600, seed: int = 1) -> pl.DataFrame:
    """Customers whose leaving hangs on tenure and contract, and whose spend on income.

    `colour` and `shoe_size` are noise; a twentieth of incomes is missing.
    """
    draw = np.random.default_rng(seed)
    tenure = draw.integers(1, 73, rows)
    contract = draw.choice(["monthly", "yearly", "two years"], rows, p=[0.5, 0.3, 0.2])
    income = np.round(draw.lognormal(10, 0.5, rows), 2)
    log_odds = 1.2 - 0.06 * tenure + 1.2 * (contract == "monthly")
    left = draw.random(rows) < 1 / (1 + np.exp(-log_odds))
    spend = np.round(income / 100 * draw.gamma(4, 0.25, rows) * (draw.random(rows) < 0.8), 2)
    return pl.DataFrame(
        {
            "id": [f"c{i:04d}" for i in range(rows)],
            "tenure": tenure,
            "contract": contract,
            "income": np.where(draw.random(rows) < 0.05, np.nan, income),
            "paperless": draw.choice(["Yes", "No"], rows),
            "colour": draw.choice(["red", "green", "blue"], rows),
            "shoe_size": draw.integers(35, 47, rows),
            "spent": np.round(income / 90 * draw.gamma(4, 0.25, rows), 2),
            "churn": np.where(left, "Yes", "No"),
            "spend_next": spend,
        }
    ).with_columns(pl.col("income").fill_nan(None))


def wide_data(path: Path, **changed: Any) -> WideData:
    """The settings of a wide table at `path`; outcomes by `churn`, `value` and so on."""
    told = {name: changed.pop(name) for name in
            ("churn", "churn_positive", "churn_means", "value") if name in changed}  # fmt: skip
    plain: dict[str, Any] = {
        "name": "people", "source": "wide", "path": str(path), "currency": "EUR",
        "licence": "own data", "origin": "own file", "drop": [],
    }  # fmt: skip
    return WideData(**(plain | {"outcomes": Outcomes(**told)} | changed))


def admitted_wide(
    frame: pl.DataFrame | str, folder: Path, *, with_outcomes: bool = True, **changed: Any
) -> WideTable:
    """What the door makes of a frame (as Parquet) or of text (as CSV)."""
    return read_wide(wide_data(written(frame, folder), **changed), with_outcomes=with_outcomes)


def written(frame: pl.DataFrame | str, folder: Path) -> Path:
    """The frame as Parquet, or the text as CSV, in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(frame, str):
        path = folder / "people.csv"
        path.write_text(frame, encoding="utf-8")
        return path
    path = folder / "people.parquet"
    frame.write_parquet(path)
    return path
