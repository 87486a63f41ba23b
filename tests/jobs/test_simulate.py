"""`facette simulate` writes the bank asked for, says what it wrote, and refuses in one line."""

import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from running import settings_of
from small_bank import quickly_opened

from facette import cli
from facette.errors import BadInput
from facette.jobs.simulate import simulate
from facette.ranges import check_ranges
from facette.tables.simulation.manifest import manifest

SMALL = ("customers=600", "months=12", "progress=false")


@pytest.fixture(autouse=True)
def quickly() -> Iterator[None]:
    with quickly_opened():
        yield


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_writes_the_bank_and_says_what(home: Path, capsys) -> None:
    assert cli.main(["simulate", *SMALL]) == 0
    folder = home / "data" / "simulated" / "bank"
    told = manifest(folder)
    assert told["customers"] == 600
    said = capsys.readouterr().out
    for name, rows in told["rows"].items():
        assert re.search(rf"^{name} +{rows:,}$", said, re.MULTILINE)
        assert pl.scan_parquet(folder / f"{name}.parquet").select(pl.len()).collect().item() == rows
    whole = sum(told["rows"].values())
    pattern = rf"^{whole:,} rows of 600 customers in [\d.]+ s, [\d,]+ rows a second: data/simul"
    assert re.search(pattern, said, re.MULTILINE)
    assert {p.name for p in (home / "mlruns" / "hydra").iterdir()} == {"simulate"}


def test_the_very_same_bank_is_left_as_it_is(home: Path, capsys) -> None:
    assert cli.main(["simulate", *SMALL, "out=b"]) == 0
    before = {file: file.stat().st_mtime_ns for file in (home / "b").rglob("*")}
    capsys.readouterr()
    assert cli.main(["simulate", *SMALL, "out=b", "chunk=7"]) == 0
    said = capsys.readouterr().out
    assert said.strip() == "b already holds this very bank: nothing was written"
    assert {file: file.stat().st_mtime_ns for file in (home / "b").rglob("*")} == before


def test_something_else_is_not_written_over(home: Path, capsys) -> None:
    assert cli.main(["simulate", *SMALL, "out=b"]) == 0
    assert cli.main(["simulate", *SMALL, "out=b", "seed=8"]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("facette: b already holds something else (seed 7 there, 8 asked for)")


def test_another_world_is_chosen_by_its_name(home: Path) -> None:
    simulate(settings_of("simulate", *SMALL, "world=sampled", "out=b"))
    assert manifest(home / "b")["world"] == "sampled"


def test_a_start_moves_all_instants(home: Path) -> None:
    simulate(settings_of("simulate", *SMALL, "start=2019-05-01", "out=b"))
    at = pl.read_parquet(home / "b" / "transactions.parquet")["occurred_at"]
    assert (at.min().year, at.min().month) == (2019, 5)
    assert (at.max().year, at.max().month) == (2020, 4)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ("customers=0", "customers: 0 is out of range; 1 to"),
        ("months=11", "months: 11 is out of range; 12 to"),
        ("seed=-1", "seed: -1 is out of range; 0 to"),
        ("start=2023-01-15", "start: 2023-01-15 is out of range; the first day of a month"),
        ("start=soon", "start: soon is out of range; the first day of a month"),
        ("start=1999-01-01", "start: 1999-01-01 is out of range; the first day of a month from"),
        ("chunk=0", "chunk: 0 is out of range; 1 or more"),
        ("out=''", "out: is out of range; a folder"),
        ("dirt_share=1.5", "dirt_share: 1.5 is out of range; 0 to 1"),
        ("dirt=[mud]", "dirt[0]: 'mud' is not one of: duplicates, gaps, outliers, time_zones"),
        ("world.pilot_share=2", "world.pilot_share: 2 is out of range; 0 to 1"),
        ("world.churn_year=[0.1,-1]", "world.churn_year: -1 is out of range; more than 0"),
        ("world.wish_known={one_of: [0, 3]}", "world.wish_known: 3 is out of range; -1 to 1"),
        ("world.separation=far", "world.separation: far is out of range"),
        ("world.response.mail=0", "world.response.mail: 0 is out of range; between 0 and 1"),
        ("world.products.card.weight=heavy", "world.products.card.weight: heavy is out of range"),
        ("world.relationship_models.phone_desk.channel=fax", "channel: fax is out of range; one"),
        ("world.leads=1", "world.leads: 1 is out of range; 0 to 0.9"),
        ("world.wallet_log_year=800", "world.wallet_log_year: 800 is out of range; 0 to 20"),
        ("world.channels.app=3", "app: 3 is out of range; a mapping with base, power, expectation"),
        ("world.purposes.visit=3", "visit: 3 is out of range; a mapping with base, power, expe"),
        ("world.products.card=3", "world.products.card: 3 is out of range; a mapping with weight"),
        ("world.relationship_models.phone_desk=x", "phone_desk: x is out of range; a mapping with"),
        ("world.products.card.weight=0", "card.weight: 0 is out of range; more than 0"),
        ("world.products.card.cost_year=-1", "card.cost_year: -1 is out of range; 0 or more"),
        ("world.products.card.loss_year=[0,2]", "card.loss_year: 2 is out of range; 0 to 1"),
        ("world.products.card.loss_months=-1", "card.loss_months: -1 is out of range; 0 or more"),
        ("world.relationship_models.phone_desk.cadence=-1", "cadence: -1 is out of range; 0 or"),
        (
            "world.pilot_share=[0.5,0.2]",
            "pilot_share: [0.5, 0.2] is out of range; a range [low, "
            "high], low not above high, is wanted",
        ),
        ("world.pilot_share=[0.1,0.2,0.3]", "[0.1, 0.2, 0.3] is out of range; a number, a range"),
        ("world.pilot_share=[]", "world.pilot_share: [] is out of range; a number, a range"),
        ("world.pilot_share={one_of: []}", "is out of range; a number, a range [low, high], or"),
        ("world.pilot_share={one_of: [[0.1, 0.2]]}", "[0.1, 0.2] is out of range; 0 to 1"),
        ("world.response.mail={a: 0.1}", "mail: {'a': 0.1} is out of range; a number, a range"),
        ("world.separation=inf", "world.separation: inf is out of range"),
        ("world=flat", "no world 'flat'"),
    ],
)
def test_what_cannot_be_simulated_is_refused_in_one_line_before_work(
    home: Path, capsys, changed: str, said: str
) -> None:
    assert cli.main(["simulate", *SMALL, changed]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert said in lines[0]
    assert not (home / "data").exists()


@pytest.mark.parametrize("changed", ["data.customers=0", "data.months=3", "data.world.leads=2"])
def test_the_bank_as_a_source_keeps_to_the_same_ranges(changed: str) -> None:
    key = changed.partition("=")[0]
    with pytest.raises(BadInput, match=f"^{re.escape(key)}: .* is out of range"):
        check_ranges(settings_of("train", "data=bank", changed))


@pytest.mark.parametrize("change", ["~{}.weight", "+{}.colour=1"])
def test_a_row_of_a_world_has_all_of_its_parameters_and_no_other(change: str) -> None:
    other = settings_of("train", "data=bank", change.format("data.world.products.card"))
    with pytest.raises(
        BadInput, match=r"^data\.world\.products\.card: .*; a mapping with weight, "
    ):
        check_ranges(other)


@pytest.mark.parametrize("world", ["default", "sampled"])
def test_every_world_that_ships_keeps_to_the_ranges(world: str) -> None:
    check_ranges(settings_of("simulate", f"world={world}"))


def test_a_level_that_too_few_draws_can_never_meet_is_refused() -> None:
    level = "segments.behaviour.natural_level"
    least = settings_of("train", "segments.behaviour.null_draws=9", f"{level}=0.1")
    check_ranges(least)
    least.segments.behaviour.null_draws = 8
    with pytest.raises(BadInput, match=rf"^{re.escape(level)}: 0\.1 is .* 0\.111 here, the least"):
        check_ranges(least)


@pytest.mark.parametrize("verb", ["train", "score", "describe"])
@pytest.mark.parametrize(
    "given", [["data=bank", "world=sampled"], ["data=bank", "data.world=sampled"]]
)
def test_a_world_given_at_the_wrong_place_is_told_the_right_one(
    home: Path, capsys, verb: str, given: list[str]
) -> None:
    assert cli.main([verb, *given]) == 2
    assert "write world@data.world=" in capsys.readouterr().err


def test_help_tells_the_worlds(capsys) -> None:
    assert cli.main(["simulate", "--help"]) == 0
    assert "world: default, sampled" in capsys.readouterr().out
