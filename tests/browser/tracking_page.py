"""The tracking page of a folder of runs, served as `make ui` serves it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

QUIET = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PYTHONWARNINGS": "ignore",
}
LONGEST_S = 90


@contextmanager
def tracking_page(runs: Path) -> Iterator[str]:
    """The page's address while it is served; the server ends with the block.

    Raises RuntimeError where the server ends or says nothing for a minute and a half.
    """
    address = f"127.0.0.1:{_free_port()}"
    command = [
        sys.executable, "-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1",
        "--port", address.rpartition(":")[2],
        "--backend-store-uri", f"sqlite:///{(runs / 'mlflow.db').resolve()}",
    ]  # fmt: skip
    with subprocess.Popen(
        command, env=os.environ | QUIET, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as server:  # fmt: skip
        try:
            _wait(server, f"http://{address}/health")
            yield f"http://{address}/"
        finally:
            os.killpg(server.pid, signal.SIGTERM)  # its worker too


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait(server: subprocess.Popen[bytes], health: str) -> None:
    until = time.monotonic() + LONGEST_S
    while time.monotonic() < until and server.poll() is None:
        try:
            with urlopen(health):
                return
        except (URLError, ConnectionError):
            time.sleep(0.2)
    raise RuntimeError(f"the tracking page does not answer at {health}")


@dataclass(frozen=True)
class CustomerRun:
    """A tracked training run, its report on this disk and its registered customer model.

    description, card : what the run and the version say of themselves, line by line, bare of marks.
    """

    run_id: str
    experiment_id: str
    report: Path
    metrics: dict[str, float]
    description: list[str]
    model: str
    version: int
    card: list[str]


def latest_run(runs: Path) -> CustomerRun:
    """The latest training run of a folder. Raises IndexError where there is none."""
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{(runs / 'mlflow.db').resolve()}")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    run = client.search_runs(
        experiments, "tags.`facette.verb` = 'train'", order_by=["start_time DESC"], max_results=1
    )[0]
    versions = client.search_model_versions(f"run_id = '{run.info.run_id}'")
    model = next(version for version in versions if version.name.endswith("_customer"))
    return CustomerRun(
        run.info.run_id, run.info.experiment_id, Path(run.info.artifact_uri) / "report.html",
        run.data.metrics, _bare(run.data.tags["mlflow.note.content"]),
        model.name, int(model.version), _bare(model.description),
    )  # fmt: skip


def _bare(markdown: str) -> list[str]:
    lines = [line.lstrip("#-* ").replace("`", "").strip() for line in markdown.splitlines()]
    return [line for line in lines if line]


def run_page(run: CustomerRun) -> str:
    """Where the run stands on the tracking page."""
    return f"#/experiments/{run.experiment_id}/runs/{run.run_id}?workflowType=machine_learning"


def model_page(run: CustomerRun) -> str:
    """Where the registered version stands on the tracking page."""
    return f"#/models/{run.model}/versions/{run.version}?workflowType=machine_learning"
