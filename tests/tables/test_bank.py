"""The simulated bank as a source: made when absent, admitted without complaint, truth untouched."""

import shutil
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
from running import settings_of
from small_bank import bank_in, quickly_opened
from worlds import at

from facette.errors import BadInput
from facette.settings.data import BankData
from facette.snapshots.panel import panel
from facette.tables import door
from facette.tables.bank import folder_of
from facette.tables.simulation.manifest import MANIFEST

SMALL = ("data.customers=1500", "data.months=36")


@pytest.fixture(autouse=True)
def quickly() -> Iterator[None]:
    with quickly_opened():
        yield


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory in which the small bank has been read once."""
    folder = tmp_path_factory.mktemp("home")
    with chdir(folder), quickly_opened():
        door.read(data(*SMALL))
    return folder


def data(*overrides: str) -> BankData:
    found = settings_of("train", "data=bank", *overrides).data
    assert isinstance(found, BankData)
    return found


def test_the_bank_is_simulated_into_its_own_folder_when_absent(home: Path) -> None:
    (folder,) = (home / "data" / "simulated").iterdir()
    assert folder.name == folder_of(data(*SMALL)).name
    assert folder.name.startswith("bank-1500x36-seed7-")
    assert {MANIFEST, "transactions.parquet", "truth"} <= {p.name for p in folder.iterdir()}


def test_a_bank_that_is_there_is_not_simulated_again(home: Path, monkeypatch: Any) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("simulated again")

    monkeypatch.setattr("facette.tables.simulation.bank.simulate", never)
    with chdir(home):
        assert door.read(data(*SMALL)).rows["customers"] > 1000


@pytest.mark.parametrize(
    "changed",
    ["data.seed=8", "data.customers=1501", "data.months=35", "data.world.separation=2.0",
     "data.start=2022-01-01", "world@data.world=sampled"],
)  # fmt: skip
def test_another_bank_has_another_folder(changed: str) -> None:
    assert folder_of(data(*SMALL, changed)) != folder_of(data(*SMALL))


@pytest.mark.parametrize("same", ["data.chunk=5", "data.rows_in_memory=0", "data.name=other"])
def test_how_it_is_read_does_not_make_another_bank(same: str) -> None:
    assert folder_of(data(*SMALL, same)) == folder_of(data(*SMALL))


def test_the_door_admits_it_without_complaint(home: Path) -> None:
    with chdir(home):
        tables = door.read(data(*SMALL))
    assert tables.notes[0] == (
        "a simulated bank: 1,500 customers, 36 months from 2023-01-01, seed 7, world default"
    )
    assert all("have no transaction" in note for note in tables.notes[1:])
    assert set(tables.frames) == {
        "transactions", "customers", "interactions", "contracts", "contacts", "treatments",
        "surveys", "consents", "products", "events",
    }  # fmt: skip
    assert not [c.dropped for c in tables.cleaning if c.dropped]
    assert "category" in tables.columns("transactions")
    assert set(tables.digests) == {f"{name}.parquet" for name in tables.frames}


def test_observation_ends_with_the_last_month(home: Path) -> None:
    with chdir(home):
        assert door.read(data(*SMALL)).observed_until == at("2026-01-01")
        sooner = data(*SMALL, "data.observed_until=2025-07-01", "data.leave_out_later_rows=true")
        assert door.read(sooner).observed_until == at("2025-07-01")


def test_the_panel_of_the_bank_experiment_is_built_from_it(home: Path) -> None:
    chosen = settings_of("train", "experiment=bank_truth", *SMALL)
    with chdir(home):
        built = panel(door.read(chosen.data), chosen.snapshot, chosen.model.churn, chosen.data)
    assert len(built.dates()) >= 3
    assert len(built.test.features) > 1000


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_sampled_worlds_are_admitted_too(tmp_path: Path, seed: int) -> None:
    with chdir(tmp_path):
        tables = door.read(
            data("world@data.world=sampled", f"data.seed={seed}", "data.customers=800")
        )
    assert tables.notes[0].endswith(f"seed {seed}, world sampled")
    assert all("have no transaction" in note for note in tables.notes[1:])


def test_a_simulated_folder_is_read_from_where_it_lies(tmp_path: Path) -> None:
    folder = bank_in(tmp_path / "mine", customers=600, months=14)
    with chdir(tmp_path):
        tables = door.read(data(f"data.path={folder}"))
    assert "600 customers, 14 months" in tables.notes[0]
    assert folder_of(data(f"data.path={folder}")) == folder
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]


def test_a_folder_that_holds_no_simulated_bank_is_refused(tmp_path: Path) -> None:
    for content in (None, "{", "[]", "{}"):
        if content is not None:
            (tmp_path / MANIFEST).write_text(content)
        with pytest.raises(BadInput, match=r"data\.path: .* holds no simulated bank .*facette sim"):
            door.read(data(f"data.path={tmp_path}"))


def test_a_table_that_went_missing_is_told_in_one_line(tmp_path: Path) -> None:
    folder = bank_in(tmp_path / "mine", customers=600)
    (folder / "surveys.parquet").unlink()
    with pytest.raises(BadInput, match=r"data bank: a file cannot be read: .*surveys"):
        door.read(data(f"data.path={folder}"))


def test_a_bank_so_small_that_tables_are_empty_is_read_without_them(tmp_path: Path) -> None:
    folder = bank_in(tmp_path / "mine", customers=4, survey_rate=1e-6)
    tables = door.read(data(f"data.path={folder}"))
    assert "surveys" not in tables.frames
    assert tables.rows["transactions"] > 0


def test_it_is_read_the_same_when_scanned_from_disk(home: Path) -> None:
    with chdir(home):
        held, scanned = door.read(data(*SMALL)), door.read(data(*SMALL, "data.rows_in_memory=0"))
    assert held.rows == scanned.rows
    assert held.notes == scanned.notes


def test_without_its_truth_the_bank_is_read_as_before(home: Path, tmp_path: Path) -> None:
    with chdir(home):
        folder = folder_of(data(*SMALL)).resolve()
        before = door.read(data(*SMALL))
    shutil.copytree(folder, tmp_path / "bank", ignore=shutil.ignore_patterns("truth"))
    after = door.read(data(f"data.path={tmp_path / 'bank'}"))
    assert after.rows == before.rows
    assert after.digests == before.digests
