"""One bank of three years that several modules look at."""

from pathlib import Path

import polars as pl
import pytest
from small_bank import bank_in, tables_of


@pytest.fixture(scope="session")
def three_years(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bank_in(tmp_path_factory.mktemp("bank") / "three_years", customers=5000, months=36)


@pytest.fixture(scope="session")
def tables(three_years: Path) -> dict[str, pl.DataFrame]:
    return tables_of(three_years)
