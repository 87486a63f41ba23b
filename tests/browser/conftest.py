"""One small trained run, its report and its tracking page, for tests in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from chromium import CHROMIUM, chromium
from tracking_page import CustomerRun, latest_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from facette.jobs.train import Trained

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    absent = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("browser")
            item.add_marker(absent)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder whose `mlruns` the run is tracked in."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def trained(home: Path) -> Trained:
    """The main job on one household in eight."""
    from running import train_in
    from small_journey import QUICK, write_small_journey

    journey = write_small_journey(home / "journey")
    return train_in(home, *QUICK, "segments.behaviour.k=3", f"data.path={journey}")


@pytest.fixture(scope="session")
def decision(home: Path) -> Path:
    """A decision page of made-up customers, with every section."""
    from decisions import decision as made
    from running import settings_of

    from facette.reports.decision.page import decision_page

    page = home / "decision.html"
    data = settings_of("train", "data=bank").data
    page.write_text(decision_page(made(), None, data, "0123456789abcdef"), encoding="utf-8")
    return page


@pytest.fixture(params=["report", "decision"])
def paper(request: pytest.FixtureRequest, run: CustomerRun) -> Path:
    """The report of the run, and a decision page."""
    made: Path = run.report if request.param == "report" else request.getfixturevalue("decision")
    return made


@pytest.fixture(scope="session")
def run(trained: Trained, home: Path) -> CustomerRun:
    """The run as the tracking store has it."""
    return latest_run(home / "mlruns")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # not for the whole session: while it is open no other test of this process may run a loop
    with chromium() as open_browser:
        yield open_browser
