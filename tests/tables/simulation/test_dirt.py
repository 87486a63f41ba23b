"""Each kind of dirt is met by the door as it promises, and never reaches the truth."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from running import settings_of
from small_bank import bank_in, dirty, quickly_opened, sha256_of, tables_of

from facette.tables.contract import CONTRACTS, Tables
from facette.tables.door import read

KINDS = ("duplicates", "gaps", "outliers", "time_zones")
KEYLESS = ("transactions", "interactions", "events")
SHARE = 0.05


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same bank, clean and with each kind of dirt."""
    within = tmp_path_factory.mktemp("dirt")
    with quickly_opened():
        return {
            kind: bank_in(within / kind, dirt=dirty(*([] if kind == "clean" else [kind])))
            for kind in ("clean", *KINDS)
        }


@pytest.fixture(scope="module")
def clean(folders: dict[str, Path]) -> dict[str, pl.DataFrame]:
    return tables_of(folders["clean"])


def admitted(folder: Path, **changed: object) -> Tables:
    overrides = [f"data.{key}={value}" for key, value in changed.items()]
    return read(settings_of("train", "data=bank", f"data.path={folder}", *overrides).data)


def frame_of(tables: Tables, name: str) -> pl.DataFrame:
    return tables[name].collect("polars").to_native()


@pytest.mark.parametrize("kind", KINDS)
def test_the_truth_is_that_of_the_clean_bank(folders: dict[str, Path], kind: str) -> None:
    assert sha256_of(folders[kind] / "truth") == sha256_of(folders["clean"] / "truth")
    assert sha256_of(folders[kind]) != sha256_of(folders["clean"])


@pytest.mark.parametrize("kind", KINDS)
def test_what_reads_the_bank_says_which_dirt_it_has(folders: dict[str, Path], kind: str) -> None:
    note = admitted(folders[kind]).notes[0]
    assert f"made dirty on purpose: {kind}, 5.0% each" in note
    assert "dirty" not in admitted(folders["clean"]).notes[0]


def test_exact_repeats_are_counted_and_dropped_on_demand(
    folders: dict[str, Path], clean: dict[str, pl.DataFrame]
) -> None:
    found = tables_of(folders["duplicates"])
    kept, dropped = (admitted(folders["duplicates"], drop_duplicates=d) for d in ("false", "true"))
    for name, frame in clean.items():
        more = len(found[name]) - len(frame)
        assert (more > 0) == (name in KEYLESS)
        if name not in KEYLESS:
            continue
        assert more == pytest.approx(SHARE * len(frame), rel=0.3)
        assert f"{name}: {more:,} rows repeat another row exactly, kept" in " ".join(kept.notes)
        assert kept.rows[name] == len(frame) + more
        assert dropped.rows[name] == len(frame)
        assert_frame_equal(found[name].unique(maintain_order=True), frame)


def test_cells_go_missing_in_optional_columns_only(
    folders: dict[str, Path], clean: dict[str, pl.DataFrame]
) -> None:
    found, tables = tables_of(folders["gaps"]), admitted(folders["gaps"])
    for name, frame in clean.items():
        if name == "products":
            continue
        assert tables.rows[name] == len(frame)
        contract = CONTRACTS[name]
        needed = {*contract.key, *(c.name for c in contract.columns if c.required)}
        for column in frame.columns:
            before, after = frame[column], found[name][column]
            lost = (before.is_not_null() & after.is_null()).sum() / before.count()
            sure = 4 * np.sqrt(SHARE / before.count())
            assert lost == pytest.approx(0.0 if column in needed else SHARE, abs=sure)
            assert (before == after).drop_nulls().all()


def test_a_few_amounts_are_a_thousandfold_and_pass_as_they_stand(
    folders: dict[str, Path], clean: dict[str, pl.DataFrame]
) -> None:
    before = clean["transactions"]
    after = frame_of(admitted(folders["outliers"]), "transactions")
    for column in ("amount", "margin"):
        cents = (before[column] * 100).round(0).cast(pl.Int64)
        larger = (after[column] != cents) & (cents != 0)
        assert larger.sum() / (cents != 0).sum() == pytest.approx(SHARE, rel=0.2)
        assert (after[column].filter(larger) == 1000 * cents.filter(larger)).all()
        assert (after[column].filter(~larger) == cents.filter(~larger)).all()


def test_instants_with_a_zone_come_back_to_the_banks_clock(
    folders: dict[str, Path], clean: dict[str, pl.DataFrame]
) -> None:
    written = tables_of(folders["time_zones"])["interactions"]
    assert written.schema["occurred_at"] == pl.Datetime("us", "UTC")
    local = clean["interactions"].with_columns(pl.col(pl.Datetime("us")).dt.timestamp("us"))
    came = frame_of(admitted(folders["time_zones"]), "interactions")
    instants = [c for c, kind in clean["interactions"].schema.items() if kind.is_temporal()]
    assert "answered_at" in instants
    for column in instants:
        moved = (came[column] - local[column]).drop_nulls()
        assert set(moved) <= {0, 3_600_000_000}  # an hour that no clock shows is an hour later
        assert (moved == 0).mean() > 0.999
        assert came[column].null_count() == local[column].null_count()
    utc = written["occurred_at"].dt.replace_time_zone(None).dt.timestamp("us")
    assert set(local["occurred_at"] - utc) == {3_600_000_000, 7_200_000_000}


def test_other_tables_are_as_they_were_where_zones_are_told(
    folders: dict[str, Path], clean: dict[str, pl.DataFrame]
) -> None:
    found = tables_of(folders["time_zones"])
    for name in set(clean) - {"interactions"}:
        assert_frame_equal(found[name], clean[name])
