"""Claims are tests: each computes its figure, puts it on record, and is then held to its bar."""

import datetime
import json
import math
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import pandas as pd

    from facette.jobs.train import Trained
    from facette.settings import Train
    from facette.snapshots.panel import Panel

HERE = Path(__file__).parent
SHORT = pytest.StashKey[list[str]]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("evidence")


@pytest.fixture(scope="session")
def claimed() -> set[str]:
    """The claims put on record so far: no name may stand for two."""
    return set()


@pytest.fixture
def evidence(request: pytest.FixtureRequest, claimed: set[str]) -> Callable[..., bool]:
    """`evidence(claim, figure, bar, passed, data)` writes `docs/evidence/<claim>.json`.

    A test may record several claims; it fails at its end if one of them fell short, with all of
    them written. `figure` is a number, or a dict of several by name.
    """
    short = request.node.stash.setdefault(SHORT, [])
    folder = request.config.rootpath / "docs" / "evidence"

    def record(
        claim: str, figure: float | dict[str, Any], bar: str, passed: bool, data: str
    ) -> bool:
        assert re.fullmatch(r"[a-z0-9_]+", claim), f"claim {claim!r}: small letters, digits and _"
        assert claim not in claimed, f"claim {claim!r} is on record already, give it another name"
        claimed.add(claim)
        told = {
            "claim": claim,
            "figure": plain(figure),
            "bar": bar,
            "passed": bool(passed),
            "data": data,
            "date": datetime.date.today().isoformat(),
            "machine": machine(),
        }
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(told, indent=2, ensure_ascii=False) + "\n"
        (folder / f"{claim}.json").write_text(text, encoding="utf-8")
        if not passed:
            short.append(f"{claim}: {told['figure']} falls short of: {bar}")
        return bool(passed)

    return record


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    result = yield
    if short := pyfuncitem.stash.get(SHORT, []):
        pytest.fail("\n".join(short), pytrace=False)
    return result


def plain(figure: Any) -> Any:
    """The figure as JSON has it: NumPy's numbers as Python's, what is not finite as null."""
    if isinstance(figure, dict):
        return {str(name): plain(value) for name, value in figure.items()}
    if isinstance(figure, list | tuple):
        return [plain(value) for value in figure]
    if hasattr(figure, "item"):
        figure = figure.item()
    return None if isinstance(figure, float) and not math.isfinite(figure) else figure


def machine() -> str:
    """The size of this machine: `2 cores, 24 GB`."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{os.cpu_count()} cores, {memory / 2**30:.0f} GB"


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder whose `mlruns` the headline run of this session is tracked in."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def complete_journey(home: Path) -> "Trained":
    """The main job as configured, on all of The Complete Journey."""
    from running import train_in

    return train_in(home)


@pytest.fixture(scope="session")
def journey_panel() -> "tuple[Train, Panel]":
    """The settings of the main job and its panel."""
    from running import settings_of

    from facette.snapshots.panel import panel
    from facette.tables.door import read

    chosen = settings_of("train")
    tables = read(chosen.data)
    return chosen, panel(tables, chosen.snapshot, chosen.model.churn, chosen.data)


@pytest.fixture(scope="session")
def rows(journey_panel: "tuple[Train, Panel]") -> "pd.DataFrame":
    """The test snapshot as the package takes it."""
    from facette.registry.packaging import as_rows

    return as_rows(journey_panel[1].test)
