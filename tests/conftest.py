"""Warnings are errors; property tests run the same way every time."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Threads that wait without work give their core back: small fits on a busy machine are quick then.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# Workers have a core each: threads of one would only spin for that of the other.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_THREAD_LIMIT", "1")

HERE = Path(__file__).parent
ROOMS = {HERE / room for room in ("tables", "snapshots", "models", "segments", "drivers")}

settings.register_profile(
    "steady", derandomize=True, deadline=None, database=None, print_blob=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip
settings.load_profile("steady")

if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if ROOMS & set(item.path.parents):
            item.add_marker(pytest.mark.filterwarnings("error"), append=False)


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of one household in eight."""
    from small_journey import write_small_journey

    return write_small_journey(tmp_path_factory.mktemp("journey"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that runs of a module are kept in."""
    return tmp_path_factory.mktemp("home")
