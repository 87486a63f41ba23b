"""The tracking store and runs in it: parameters, figures, tables, words, nested runs for parts.

with tracked(tracking, experiment="complete_journey", name="train", tags=tags) as run:
    run.params(configuration)
    run.metrics({"value/normalised_gini": 0.87})
    with run.child("churn") as churn:
        churn.figure(calibration_plot, "figures/calibration.png")
"""

import getpass
import json
import logging
import math
import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facette.errors import BadInput
from facette.registry.anchor import reanchor
from facette.settings import Tracking

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from mlflow import MlflowClient

PARENT_RUN = "FACETTE_PARENT_RUN"
SQLITE = "sqlite:///"
# what MLflow accepts at most: characters of a key, of a parameter, of a dataset's digest, of a note
KEY_LENGTH, VALUE_LENGTH, DIGEST_LENGTH, NOTE_LENGTH = 250, 6000, 36, 8000


def open_store(tracking: Tracking) -> "MlflowClient":
    """The client of the tracking store, which MLflow's own functions then use too.

    A SQLite store is created where there is none, read against the working directory of this
    moment, and re-anchored when `mlruns` was moved or copied. Raises BadInput in one line for a
    store that can't be opened.
    """
    import mlflow

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        uri = _ready(tracking)
        mlflow.set_tracking_uri(uri)
        client = mlflow.MlflowClient(uri)
        with _impatient():
            client.search_experiments(max_results=1)
    except Exception as error:
        why = str(error).strip().partition("\n")[0]
        raise BadInput(f"tracking store {tracking.uri} can't be opened: {why}") from error
    return client


def check_store(tracking: Tracking) -> None:
    """Refuse a local store that isn't there, rather than make an empty one to read from.

    Raises:
        BadInput: the SQLite file does not exist.
    """
    if tracking.uri.startswith(SQLITE) and not Path(tracking.uri.removeprefix(SQLITE)).is_file():
        raise BadInput(f"tracking store {tracking.uri} does not exist here; train a model first")


def _ready(tracking: Tracking) -> str:
    """The store's address, absolute and with its folders made where it is a local file."""
    if not tracking.uri.startswith(SQLITE):
        return tracking.uri
    database = Path(tracking.uri.removeprefix(SQLITE)).resolve()
    database.parent.mkdir(parents=True, exist_ok=True)
    if artifacts := _local_artifacts(tracking):
        artifacts.mkdir(parents=True, exist_ok=True)
        reanchor(database, artifacts)
    return SQLITE + database.as_posix()


def _local_artifacts(tracking: Tracking) -> Path | None:
    remote = tracking.uri.startswith("http") or "://" in (tracking.artifacts or "://")
    return None if remote else Path(str(tracking.artifacts)).resolve()


@contextmanager
def _impatient() -> Iterator[None]:
    """A server that doesn't answer at once is said to be down; later calls are patient again."""
    hasty = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
    before = {name: os.environ.get(name) for name in hasty}
    os.environ.update(hasty)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _experiment(client: "MlflowClient", tracking: Tracking, name: str) -> str:
    """The experiment of that name, created with its own folder of artifacts where there is none."""
    from mlflow.exceptions import MlflowException

    if not (found := client.get_experiment_by_name(name)):
        try:
            return str(client.create_experiment(name, artifact_location=_folder(tracking, name)))
        except MlflowException:  # another job of the same sweep may have been faster
            if not (found := client.get_experiment_by_name(name)):
                raise
    if found.lifecycle_stage == "deleted":
        raise BadInput(f"experiment {name!r} was deleted: restore it, or give another name")
    return str(found.experiment_id)


def _folder(tracking: Tracking, name: str) -> str | None:
    slug = re.sub(r"[^\w.-]", "_", name)
    if artifacts := _local_artifacts(tracking):
        # made at once, so that a copy of mlruns has it and is known to be the experiment's home
        (artifacts / slug).mkdir(parents=True, exist_ok=True)
        return str(artifacts / slug)
    remote = not tracking.uri.startswith("http") and tracking.artifacts
    return f"{tracking.artifacts}/{slug}" if remote else None


class TrackedRun:
    """One run of the tracking store, open until its `with` block ends."""

    def __init__(self, client: "MlflowClient", experiment_id: str, run_id: str) -> None:
        self.client = client
        self.experiment_id = experiment_id
        self.run_id = run_id

    def params(self, mapping: Mapping[str, Any]) -> None:
        """Log parameters; nested mappings become `a.b.c`, what is too long is cut."""
        from mlflow.entities import Param

        told = [Param(key, value) for key, value in as_params(mapping).items()]
        for some in _chunks(told, 100):
            self.client.log_batch(self.run_id, params=some)

    def metrics(self, mapping: Mapping[str, float], step: int = 0) -> None:
        """Log metrics in one go; what is not a finite number is left out."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        finite = {k: float(v) for k, v in mapping.items() if v is not None and math.isfinite(v)}
        told = [Metric(_key(k), v, now, step) for k, v in finite.items()]
        for some in _chunks(told, 1000):
            self.client.log_batch(self.run_id, metrics=some)

    def tags(self, mapping: Mapping[str, Any]) -> None:
        """Set tags."""
        for key, value in mapping.items():
            self.client.set_tag(self.run_id, key, str(value))

    def table(self, frame: "pd.DataFrame", path: str) -> None:
        """Store a table as `.json`, which MLflow's page shows as a table, or as `.csv`."""
        if path.endswith(".json"):
            self.client.log_table(self.run_id, frame, path)
        elif path.endswith(".csv"):
            self.text(frame.to_csv(index=False), path)
        else:
            raise ValueError(f"table {path}: .json or .csv expected")

    def figure(self, figure: "Figure", path: str) -> None:
        """Store a matplotlib figure, `figures/name.png`."""
        self.client.log_figure(self.run_id, figure, path)

    def text(self, text: str, path: str) -> None:
        """Store some text as a file."""
        self.client.log_text(self.run_id, text, path)

    def file(self, path: str | Path, folder: str | None = None) -> None:
        """Store a local file or a whole folder, under `folder` of the run's artifacts."""
        self.client.log_artifact(self.run_id, str(path), folder)

    def dataset(self, frame: "pd.DataFrame", name: str, digest: str, context: str) -> None:
        """Name the data the run used: columns, size and our own digest, never the rows."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        columns = [{"name": str(c), "type": _column_type(d)} for c, d in frame.dtypes.items()]
        data = Dataset(
            name=name,
            digest=digest[:DIGEST_LENGTH],
            source_type="code",
            source=json.dumps({"tags": {"facette.data": name}}),
            schema=json.dumps({"mlflow_colspec": columns}),
            profile=json.dumps({"num_rows": len(frame), "num_elements": frame.size}),
        )
        used = DatasetInput(data, [InputTag("mlflow.data.context", context)])
        self.client.log_inputs(self.run_id, datasets=[used])

    def describe(self, markdown: str) -> None:
        """The words a reviewer reads first on the run's page."""
        self.client.set_tag(self.run_id, "mlflow.note.content", _cut(markdown, NOTE_LENGTH))

    @contextmanager
    def child(self, part: str) -> Iterator["TrackedRun"]:
        """A run of a part of the work, nested under this one and named for the part."""
        tags = {"facette.part": part}
        with _opened(self.client, self.experiment_id, part, tags, self.run_id) as run:
            yield run


@contextmanager
def tracked(
    tracking: Tracking,
    *,
    experiment: str,
    name: str,
    tags: Mapping[str, Any],
    parent_run_id: str | None = None,
) -> Iterator[TrackedRun]:
    """A run that ends with its `with` block: FINISHED, FAILED when an exception leaves it, or
    KILLED when somebody interrupts it.

    Nested under `parent_run_id`, else under the run that FACETTE_PARENT_RUN names, if any. It
    carries the code's version as a tag and the installed packages as `environment.txt`. Raises
    BadInput when the store can't be opened.
    """
    client = open_store(tracking)
    home = _experiment(client, tracking, experiment)
    parent = parent_run_id or os.environ.get(PARENT_RUN)
    tags = {**tags, "facette.code_version": code_version()}
    with _opened(client, home, name, tags, parent) as run:
        run.text("\n".join(package_versions()) + "\n", "environment.txt")
        yield run


@contextmanager
def _opened(
    client: "MlflowClient", home: str, name: str, tags: Mapping[str, Any], parent: str | None
) -> Iterator[TrackedRun]:
    told = {"mlflow.source.name": "facette", "mlflow.user": _user(), **tags}
    if parent:
        told["mlflow.parentRunId"] = parent
    tags_as_text = {key: str(value) for key, value in told.items()}
    run_id = client.create_run(home, tags=tags_as_text, run_name=name).info.run_id
    status = "FAILED"
    try:
        yield TrackedRun(client, home, run_id)
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        client.set_terminated(run_id, status)


def looks_at(run: TrackedRun, data: str) -> int:
    """How often the test date of `run` has been looked at on this data, this run included."""
    date = run.client.get_run(run.run_id).data.tags.get("facette.reference_date", "")
    same = f"tags.`facette.reference_date` = '{date}' and tags.`facette.data` = '{data}'"
    same += " and tags.`facette.verb` != 'plan'"  # which looks at no outcome after its date
    seen = run.client.search_runs([run.experiment_id], same, max_results=10_000)
    return len(seen)


@cache
def code_version() -> str:
    """The commit this code is checked out at, `-dirty` when files differ; else its version."""
    here = Path(__file__)
    try:
        _git("ls-files", "--error-unmatch", here.name, folder=here.parent)
        return _git(
            "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*", folder=here.parent
        )
    except (OSError, subprocess.CalledProcessError):
        return _package_version("facette")


def _git(*words: str, folder: Path) -> str:
    said = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True)
    return said.stdout.strip()


def _package_version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "unknown"


@cache
def package_versions() -> tuple[str, ...]:
    """What is installed, as sorted `name==version` lines."""
    return tuple(
        sorted({f"{d.name}=={d.version}" for d in metadata.distributions()}, key=str.lower)
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"


def as_params(mapping: Mapping[str, Any]) -> dict[str, str]:
    """Parameters as the store keeps them: nested mappings as `a.b.c`, what is too long cut."""
    return {_key(name): _value(value) for name, value in _flat(mapping).items()}


def _flat(mapping: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in mapping.items():
        if isinstance(value, Mapping) and value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _key(name: str) -> str:
    return re.sub(r"[^\w\-./: ]", "_", name)[:KEY_LENGTH]


def _value(value: Any) -> str:
    if isinstance(value, Enum):
        value = value.value
    plain = isinstance(value, Mapping | list | tuple)
    return _cut(json.dumps(value, default=_plain) if plain else str(value), VALUE_LENGTH)


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else str(value)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 2] + " …"


def _chunks(told: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (told[start : start + size] for start in range(0, len(told), size))


def _column_type(dtype: Any) -> str:
    return {"f": "double", "i": "long", "u": "long", "b": "boolean", "M": "datetime"}.get(
        getattr(dtype, "kind", "O"), "string"
    )
