"""Every command of the how-to page composes as it is written, with the files that it shows."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from facette import cli

PAGE = Path(__file__).parents[1] / "docs" / "bring-your-own-data.md"
TEXT = PAGE.read_text(encoding="utf-8")


def fenced(language: str) -> list[str]:
    """The blocks of code of a language; those of the command line have none."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    return [block for written_in, block in blocks if written_in == language]


def commands() -> list[str]:
    """The commands of the page, each on one line."""
    lines = "".join(fenced("")).replace("\\\n", " ").splitlines()
    return [" ".join(line.split()) for line in lines if line.startswith("facette ")]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the page's YAML files where their first lines say."""
    folder = tmp_path_factory.mktemp("howto")
    for block in fenced("yaml"):
        place = folder / block.partition("\n")[0].removeprefix("# ")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(block, encoding="utf-8")
    return folder


def composed(typed: str, capfd: pytest.CaptureFixture[str]) -> dict[str, object]:
    """The configuration that a command gives, without running it."""
    code = cli.main([*shlex.split(typed)[1:], "--cfg", "job", "--resolve"])
    out, err = capfd.readouterr()
    assert (code, err) == (0, "")
    return dict(yaml.safe_load(out))


def test_the_page_has_the_commands_of_its_five_steps() -> None:
    verbs = {command.split()[1] for command in commands()}
    assert verbs == {"describe", "train", "score"}
    assert len(commands()) > 10


@pytest.mark.parametrize("typed", commands())
def test_a_command_composes(
    typed: str, shown: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shown)
    data = composed(typed, capfd)["data"]
    assert isinstance(data, dict)
    assert "???" not in str(data)


@pytest.mark.parametrize("name", ["boutique", "boutique_full"])
def test_the_files_shown_keep_to_the_schema(
    name: str, shown: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shown)
    data = composed(f"facette train --config-dir my_conf data={name}", capfd)["data"]
    assert isinstance(data, dict)
    assert data["name"] == name
    assert data["transactions"]["columns"]["amount"] == "`Quantité` * `Prix unitaire`"


def test_links_of_the_page_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert links
    assert [link for link in links if not (PAGE.parent / link).exists()] == []
