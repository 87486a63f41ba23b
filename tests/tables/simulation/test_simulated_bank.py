"""A seed is a bank, to the byte; its folder holds it whole or not at all; order tells nothing."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score
from small_bank import asked, bank_in, departures, dirty, quickly_opened, sha256_of, tables_of

from facette.errors import BadInput
from facette.tables.simulation import bank
from facette.tables.simulation.bank import end_of, kept
from facette.tables.simulation.manifest import MANIFEST, differences, manifest

KINDS = ("duplicates", "gaps", "outliers", "time_zones")


@pytest.fixture(autouse=True)
def quickly() -> Iterator[None]:
    with quickly_opened():
        yield


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bank, "BLOCK", 400)


@pytest.mark.slow
@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("kinds", [(), KINDS], ids=["clean", "dirty"])
def test_a_seed_gives_the_same_bytes_whatever_the_chunk(tmp_path: Path, kinds) -> None:
    first, *others = (
        sha256_of(bank_in(tmp_path / str(chunk), chunk=chunk, dirt=dirty(*kinds)))
        for chunk in (1, 900, 100_000)
    )
    assert {"transactions.parquet", MANIFEST, "truth/people.parquet"} <= set(first)
    assert all(other == first for other in others)


def test_another_seed_gives_another_bank(tmp_path: Path) -> None:
    one, two = (sha256_of(bank_in(tmp_path / str(seed), seed=seed)) for seed in (5, 6))
    assert one.keys() == two.keys()
    assert {name for name in one if one[name] == two[name]} == {"products.parquet"}


@pytest.mark.usefixtures("small_blocks")
def test_every_customer_is_in_one_block_and_tables_are_in_blocks(tmp_path: Path) -> None:
    folder = bank_in(tmp_path / "bank", customers=1000)
    people = pl.read_parquet(folder / "truth" / "people.parquet")["customer_id"]
    assert len(people) == 1000
    assert people.is_unique().all()
    assert set(tables_of(folder)["customers"]["customer_id"]) <= set(people)


def test_identifiers_and_the_order_of_rows_tell_nothing(
    three_years: Path, tables: dict[str, pl.DataFrame]
) -> None:
    people = pl.read_parquet(three_years / "truth" / "people.parquet")
    wallet = pl.read_parquet(three_years / "truth" / "months.parquet").group_by("customer_id").agg(
        pl.col("wallet").mean()
    )  # fmt: skip
    left = departures(tables)["customer_id"]
    order = tables["transactions"].select(pl.col("customer_id").unique(maintain_order=True))
    known = order.with_row_index("position").join(people, on="customer_id").join(
        wallet, on="customer_id"
    ).with_columns(
        number=pl.col("customer_id").str.slice(1).cast(pl.Int64),
        left=pl.col("customer_id").is_in(left.implode()),
    )  # fmt: skip
    least = 4 / np.sqrt(len(known))  # four standard errors of a correlation
    for place in ("position", "number"):
        assert abs(spearmanr(known[place], known["wallet"])[0]) < least
        assert abs(roc_auc_score(known["left"], known[place]) - 0.5) < 4 * np.sqrt(
            1 / 12 / known["left"].sum()
        )
        for family in range(4):
            assert abs(spearmanr(known[place], known["family"] == family)[0]) < least


def test_order_would_be_seen_to_tell_something(three_years: Path) -> None:
    people = pl.read_parquet(three_years / "truth" / "people.parquet")
    by_family = people.sort("family")
    assert abs(spearmanr(np.arange(len(people)), by_family["family"] == 0)[0]) > 0.5


def test_the_manifest_says_what_was_asked_for_and_nothing_of_the_truth(tmp_path: Path) -> None:
    wanted = asked(separation={"one_of": [0.0, 2.0]})
    rows = kept(wanted, tmp_path / "bank", chunk=10_000)
    told = json.loads((tmp_path / "bank" / MANIFEST).read_text())
    assert told == {**wanted.told(), "rows": rows}
    assert not differences(told, wanted)
    assert set(told) == {"customers", "months", "start", "seed", "world", "world_digest", "dirt",
                         "dirt_share", "generator", "rows"}  # fmt: skip
    assert {n: len(f) for n, f in tables_of(tmp_path / "bank").items()} == rows


def test_the_digest_is_of_all_that_makes_the_bank() -> None:
    digests = {
        asked().digest(),
        asked(customers=1501).digest(),
        asked(months=15).digest(),
        asked(seed=6).digest(),
        asked(start="2024-01-01").digest(),
        asked(separation=2.0).digest(),
        asked(dirt=dirty("gaps")).digest(),
        asked(dirt=dirty("gaps"), dirt_share=0.1).digest(),
    }
    assert len(digests) == 8
    assert asked(dirt_share=0.1).digest() == asked().digest()  # without dirt it means nothing


def test_this_very_bank_is_not_written_again(tmp_path: Path) -> None:
    folder = bank_in(tmp_path / "bank")
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*")}
    assert kept(asked(), folder, chunk=10_000) is None
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*")} == before


def test_another_bank_or_something_else_is_never_written_over(tmp_path: Path) -> None:
    folder = bank_in(tmp_path / "bank")
    before = sha256_of(folder)
    with pytest.raises(BadInput, match=r"something else \(seed 5 there, 6 asked for\); choose"):
        kept(asked(seed=6), folder, chunk=10_000)
    assert sha256_of(folder) == before
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "letter.txt").write_text("dear")
    (tmp_path / "file").write_text("dear")
    for other in ("notes", "file", "notes/letter.txt/bank"):
        with pytest.raises(BadInput, match=r"no simulated bank|cannot be written"):
            kept(asked(), tmp_path / other, chunk=10_000)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bank", "file", "notes"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "bank").mkdir()
    assert manifest(bank_in(tmp_path / "bank")) is not None


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, OSError("no space left")])
def test_an_interrupted_run_leaves_nothing(tmp_path: Path, error) -> None:
    def told(customers: int) -> None:
        raise error

    with pytest.raises((KeyboardInterrupt, MemoryError, BadInput)):
        kept(asked(), tmp_path / "deep" / "bank", chunk=400, said=told)
    assert list((tmp_path / "deep").iterdir()) == []


def test_whoever_comes_second_takes_the_bank_of_the_first(tmp_path: Path) -> None:
    begun = []

    def told(customers: int) -> None:
        if not begun:
            begun.append(bank_in(tmp_path / "bank"))

    assert kept(asked(), tmp_path / "bank", chunk=10_000, said=told) is None
    assert [p.name for p in tmp_path.iterdir()] == ["bank"]


def test_progress_adds_up_to_all_customers(tmp_path: Path, small_blocks: None) -> None:
    done: list[int] = []
    kept(asked(customers=1000), tmp_path / "bank", chunk=10_000, said=done.append)
    assert done == [400, 400, 200]


PEAK = """
import sys
from pathlib import Path
from small_bank import bank_in
bank_in(Path(sys.argv[1]), customers=int(sys.argv[2]), months=24)
print([line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")][0])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's own")
def test_memory_does_not_grow_with_customers(tmp_path: Path) -> None:
    peaks = [
        int(
            subprocess.run(
                [sys.executable, "-c", PEAK, tmp_path / str(n), str(n)], check=True, text=True,
                capture_output=True, cwd=Path(__file__).parents[2],
            ).stdout
        )
        for n in (20_000, 60_000)
    ]  # fmt: skip
    assert peaks[1] < 1.2 * peaks[0]
    assert peaks[1] < 6_000_000  # kilobytes


def test_months_end_with_the_last_of_them() -> None:
    assert end_of(date(2023, 1, 1), 36) == date(2026, 1, 1)
    assert end_of(date(2023, 4, 1), 12) == date(2024, 4, 1)
    assert end_of(date(2023, 12, 1), 13) == date(2025, 1, 1)
