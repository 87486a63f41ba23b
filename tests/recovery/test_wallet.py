"""Share of wallet is that of customers, and of those whose wallets are the largest."""

from pathlib import Path

import polars as pl
import pytest

from facette.recovery.wallet import wallet_share


def lived(folder: Path, frame: pl.DataFrame) -> Path:
    (folder / "truth").mkdir()
    frame.write_parquet(folder / "truth" / "months.parquet")
    return folder


def test_share_of_wallet_is_the_mean_over_customers_of_the_last_year(tmp_path: Path) -> None:
    months = pl.DataFrame(
        {
            "customer_id": ["gone", *"aabcde"],
            "month": [0, 12, 13, 13, 13, 13, 13],
            "share": [1.0, 0.2, 0.4, 0.5, 0.4, 0.2, 0.1],
            "wallet": [9.0, 1.0, 3.0, 1.0, 1.0, 1.0, 5.0],
        }
    )
    told = wallet_share(lived(tmp_path, months))
    assert told is not None
    assert told.customers == 5
    assert told.mean == pytest.approx((0.3 + 0.5 + 0.4 + 0.2 + 0.1) / 5)
    assert told.top_mean == pytest.approx(0.1)


def test_nobody_has_no_share(tmp_path: Path) -> None:
    schema = {"customer_id": pl.String, "month": pl.Int32, "share": pl.Float32,
              "wallet": pl.Float32}  # fmt: skip
    assert wallet_share(lived(tmp_path, pl.DataFrame(schema=schema))) is None
