"""The page of the simulated bank tells every parameter once, with the values that ship."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from facette import cli
from facette.settings.data import Plausible, World
from facette.tables.contract import CONTRACTS
from facette.tables.simulation.rows import SCHEMAS

PAGE = Path(__file__).parents[3] / "docs" / "simulated-bank.md"
TEXT = PAGE.read_text(encoding="utf-8")


def conf(name: str) -> dict[str, Any]:
    return yaml.safe_load((cli.CONF / name).read_text(encoding="utf-8"))


DEFAULT, SAMPLED, RANGES = (
    conf(f"{name}.yaml") for name in ("world/default", "world/sampled", "plausible/bank")
)


def rows_headed(heading: str) -> list[list[str]]:
    """The rows of all tables whose first heading is this word."""
    found: list[list[str]] = []
    inside = False
    for line in TEXT.splitlines():
        inside = line.startswith(f"| {heading} |") or (inside and line.startswith("|"))
        if inside and line.startswith("| `"):
            found.append([cell.strip() for cell in line.split("|")[1:-1]])
    return found


def told(value: Any) -> str:
    """A parameter of a world as the page writes it."""
    if isinstance(value, dict) and "one_of" in value:
        return "one of " + ", ".join(f"{option:g}" for option in value["one_of"])
    if isinstance(value, dict):
        return ", ".join(f"{key} {told(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return " to ".join(f"{end:g}" for end in value)
    return value if isinstance(value, str) else f"{value:g}"


def test_every_parameter_of_a_world_stands_in_one_row() -> None:
    named = [row[0].strip("`") for row in rows_headed("parameter")]
    assert sorted(named) == sorted(DEFAULT) == sorted(field.name for field in fields(World))


@pytest.mark.parametrize("row", rows_headed("parameter"), ids=lambda row: row[0])
def test_a_parameter_stands_with_the_values_that_ship(row: list[str]) -> None:
    name = row[0].strip("`")
    default = "see the file" if isinstance(DEFAULT[name], dict) else told(DEFAULT[name])
    assert row[1] == default
    assert row[2] == (told(SAMPLED[name]) if name in SAMPLED else "")


@pytest.mark.parametrize(
    "group", [name for name, value in DEFAULT.items() if isinstance(value, dict)]
)
def test_what_a_group_of_parameters_holds_is_named(group: str) -> None:
    inner = next(iter(DEFAULT[group].values()))
    row = next(row for row in rows_headed("parameter") if row[0] == f"`{group}`")
    for key in inner if isinstance(inner, dict) else ():
        assert f"`{key}`" in row[3], f"{group}: {key} is not told"


def test_every_plausible_range_stands_with_the_values_that_ship() -> None:
    ranges = {row[0].strip("`"): row[1:3] for row in rows_headed("range")}
    assert list(ranges) == [field.name for field in fields(Plausible)] == list(RANGES)
    for name, ends in ranges.items():
        numbers = [float(e.rstrip("%")) / (100 if e.endswith("%") else 1) for e in ends]
        assert numbers == pytest.approx(RANGES[name]), name


def test_every_table_that_is_written_is_told_of() -> None:
    named = {row[0].strip("`") for row in rows_headed("table")}
    assert named == {*SCHEMAS, "products"}
    assert named <= set(CONTRACTS)


@pytest.mark.parametrize("table", SCHEMAS)
def test_every_column_that_is_written_is_named(table: str) -> None:
    shared = TEXT.split("## What each table holds")[1].split("| table |")[0]
    row = next(row for row in rows_headed("table") if row[0] == f"`{table}`")
    assert {*SCHEMAS[table]} - {*re.findall(r"`(\w+)`", shared + row[1])} == set()


@pytest.mark.slow
def test_every_command_of_the_page_composes(capfd: pytest.CaptureFixture[str]) -> None:
    import shlex

    typed = [line.replace("out=…", "out=own") for line in re.findall(r"`?(facette [^`\n]+)", TEXT)]
    commands = [t for t in typed if t.startswith(("facette simulate ", "facette train "))]
    assert len(commands) > 8
    for command in commands:
        assert cli.main([*shlex.split(command)[1:], "--cfg", "job"]) == 0, command
    capfd.readouterr()
