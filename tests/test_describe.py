"""The verb `describe`: from the command line to the page, on real data, without heavy imports."""

import subprocess
import sys
from pathlib import Path

import pytest
from running import settings_of
from small_journey import write_small_journey

from facette import cli
from facette.errors import BadInput
from facette.jobs.describe import Described, describe
from facette.settings import WideData

HEAVY = {"sklearn", "lightgbm", "mlflow", "shap", "lifetimes"}


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_journey(tmp_path_factory.mktemp("journey"))


@pytest.fixture(scope="module")
def described(journey: Path, tmp_path_factory: pytest.TempPathFactory) -> Described:
    folder = tmp_path_factory.mktemp("out") / "here"
    return describe(settings_of("describe", f"data.path={journey}"), folder)


def test_a_journey_is_told_with_the_dates_that_training_takes(described: Described) -> None:
    allowed = described.description.allowed
    assert [counts.date for counts in allowed.dates] == ["2017-07-02", "2017-10-01"]
    assert all(part.allowed for part in allowed.parts)
    assert "train at 2017-07-02; test at 2017-10-01" in "\n".join(described.lines())


def test_the_page_is_written_into_the_folder(described: Described) -> None:
    assert described.page.name == "description.html"
    assert described.page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_spend_alone_leaves_potential_off(tmp_path: Path) -> None:
    found = describe(settings_of("describe", "data=cdnow"), tmp_path)
    parts = {part.part: part for part in found.description.allowed.parts}
    assert [name for name, part in parts.items() if part.allowed] == ["segments", "value", "churn"]
    assert "nothing but dates and spend" in parts["potential"].why


def test_the_command_line_prints_the_text_and_the_page(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["describe", "data=cdnow"]) == 0
    out, _ = capfd.readouterr()
    page = Path(out.splitlines()[-1].removeprefix("Page: "))
    assert page.is_file()
    assert tmp_path / "mlruns" / "hydra" / "describe" in page.parents
    assert "23,570 with 67,591 purchases" in out
    assert "facette describe data=cdnow" in page.read_text(encoding="utf-8")


def test_a_mistake_is_one_line(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.main(["describe", "data=cdnow", "worth.segments=0"]) == 2
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "worth.segments: 0 is out of range" in err


def test_churn_is_told_as_training_defines_it() -> None:
    chosen, churn = settings_of("describe"), settings_of("train").model.churn
    assert (chosen.active_days, chosen.gap_days) == (churn.active_days, churn.gap_days)


def test_a_source_without_dates_is_refused_in_words(tmp_path: Path) -> None:
    chosen = settings_of("describe")
    chosen.data = WideData(name="people", source="wide")
    with pytest.raises(BadInput, match="describe tells of dated transactions"):
        describe(chosen, tmp_path)


def test_describing_imports_no_models_and_no_registry() -> None:
    tell = "import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    work = "import facette.jobs.describe, facette.reports.description_figures"
    command = [sys.executable, "-c", f"{work}\n{tell}"]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not HEAVY & set(said.stdout.split())
