"""The starters of each sector run on a world of their kind, by their own definition of leaving."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from running import train_in
from small_journey import QUICK
from worlds import START, shop

DAYS = {"retailer": 400, "bank": 800, "insurer": 1600, "telco": 430}
SMALL = ("model/churn=lightgbm", "model.churn.folds=2", "model.churn.estimator.min_child_samples=5")


def world(folder: Path, days: int) -> tuple[str, ...]:
    """Transactions and contracts of 150 customers on disk, and the overrides that read them."""
    rng = np.random.default_rng(11)
    lines = shop(11, customers=150, days=days)["transactions"]
    lines.select("customer_id", "occurred_at", "amount").write_parquet(folder / "lines.parquet")
    rows = []
    for i in range(150):
        ends = START + timedelta(days=int(rng.integers(days // 3, 2 * days)))
        over = ends < START + timedelta(days=days)
        reason = "involuntary" if rng.random() < 0.1 else "voluntary"
        began = START - timedelta(days=int(rng.integers(900)))
        told = (ends, reason) if over else (None, None)
        rows.append((f"c{i:04d}", f"k{i}", "account", began, *told))
    names = ["customer_id", "contract_id", "product", "started_at", "ended_at", "end_reason"]
    contracts = pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None)
    contracts.write_csv(folder / "contracts.csv", datetime_format="%d/%m/%Y", separator=";")
    return (
        "data=files", "data.name=own", f"data.transactions.path={folder}/lines.parquet",
        f"data.contracts.path={folder}/contracts.csv",
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("sector", DAYS)
def test_a_starter_trains_churn_by_its_own_definition(sector: str, tmp_path: Path) -> None:
    data = world(tmp_path, DAYS[sector])
    trained = train_in(
        tmp_path, f"experiment={sector}", *data, *QUICK, *SMALL, "parts=[churn]"
    )  # fmt: skip
    definition = "non-contractual" if sector == "retailer" else "contractual"
    assert [note for note in trained.story.said if note.startswith(f"churn ({definition})")]
    assert 0 < trained.metrics["churn/baseline/base_rate/brier"] < 0.25
    assert "contracts_open" in set(trained.story.catalogue["name"])
