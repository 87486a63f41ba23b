"""Real data beside the checkout, for tests that try them: nothing of it is committed."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "shared" / "data"
FILES = {
    "online_retail_ii": "online_retail_ii/online_retail_ii.parquet",
    "telco_churn": "telco_churn/telco_churn.parquet",
    "hillstrom": "hillstrom/hillstrom.parquet",
    "bank_marketing": "bank_marketing/bank_additional_full.parquet",
}


def shared_file(name: str) -> Path:
    """Where the copy of a public data set lies; the test is skipped where there is none."""
    path = FOLDER / FILES[name]
    if not path.is_file():
        pytest.skip(f"the copy of {name} is absent: {'/'.join(path.parts[-4:])}")
    return path
