"""Finished training runs, read back from the tracking store."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pandas as pd

from facette.errors import BadInput
from facette.registry.models import champion_of, load
from facette.registry.tracking import TrackedRun, check_store, open_store
from facette.settings import Tracking
from facette.wording import listed, nearest

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

    from facette.registry.customer_model import Bundle

OUTCOME = "outcome_"  # before the name of an outcome, in the snapshot that a run keeps
TRAINING = "tags.`facette.verb` = 'train'"
SHORT = 8  # characters that a run is called by
LATEST = 5  # runs named where one was not found
# settings that change nothing that is learnt: how their names begin, or end after the last dot
BESIDE = {
    "tracking.": "where runs are kept",
    "progress": "what is shown meanwhile",
    "path": "where the data lie; the digests tell whether they are the same",
}


@dataclass(frozen=True)
class TrainedRun:
    """A finished run of `facette train`.

    `params`: settings by dotted name, as text. `digests`: SHA-256 by what it is of. `scores`: the
    scored test snapshot; `snapshot`: that snapshot as the package takes it, outcomes beside it as
    `outcome_…`, None where the run kept none; both indexed by customer. `bundles`: the bundle of
    each part that is registered.
    """

    run_id: str
    name: str
    began: datetime
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    digests: Mapping[str, str]
    scores: pd.DataFrame = field(repr=False)
    snapshot: pd.DataFrame | None = field(repr=False)
    bundles: Mapping[str, Bundle] = field(repr=False)

    @property
    def label(self) -> str:
        """The start of its id, by which people call it."""
        return self.run_id[:SHORT]


def trained_run(tracking: Tracking, given: str) -> TrainedRun:
    """The finished training run with this id, or the only one whose id starts so.

    Raises:
        BadInput: there is no store, no such run, it is no training run, it did not finish, or it
            kept no scores.
    """
    check_store(tracking)
    client = open_store(tracking)
    run = _run(client, given)
    _check_finished(run)
    with TemporaryDirectory() as folder:
        digests, scores, snapshot = _kept(client, run.info.run_id, Path(folder))
    if scores is None:
        raise BadInput(
            f"runs: {run.info.run_id} kept no scored customers, there were too many; train on "
            "fewer, with snapshot.perimeter=…"
        )
    return TrainedRun(
        run_id=run.info.run_id,
        name=run.info.run_name,
        began=datetime.fromtimestamp(run.info.start_time / 1000),
        tags=run.data.tags,
        params=run.data.params,
        metrics=run.data.metrics,
        digests=digests,
        scores=scores,
        snapshot=snapshot,
        bundles=_bundles(client, tracking, run),
    )


def _run(client: MlflowClient, given: str) -> Run:
    """The training run that is meant; an id that is not whole is looked for among all of them."""
    if exact := _exact(client, given):
        _check_training(exact)
        return exact
    known = _training_runs(client)
    fitting = [run for run in known if given and run.info.run_id.startswith(given)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise BadInput(f"runs: {given!r} fits {len(fitting)} runs, {_told(fitting)}; give more")
    if not known:
        raise BadInput(f"runs: no run {given!r}; nothing is trained in this store yet")
    near = nearest(given, [run.info.run_id for run in known])
    raise BadInput(f"runs: no run {given!r}{near} (the latest: {_told(known[:LATEST])})")


def _exact(client: MlflowClient, given: str) -> Run | None:
    from mlflow.exceptions import MlflowException

    try:
        return client.get_run(given)
    except MlflowException:
        return None


def _training_runs(client: MlflowClient) -> list[Run]:
    """Every run of training, the latest first."""
    homes = [home.experiment_id for home in client.search_experiments()]
    return list(client.search_runs(homes, TRAINING, order_by=["attributes.start_time DESC"]))


def _told(runs: list[Run]) -> str:
    return listed(f"{run.info.run_id} ({run.data.tags['facette.data']})" for run in runs)


def _check_training(run: Run) -> None:
    tags, run_id = run.data.tags, run.info.run_id
    if run.info.lifecycle_stage == "deleted":
        raise BadInput(f"runs: {run_id} was deleted; restore it, or give another")
    if part := tags.get("facette.part"):
        whole = tags.get("mlflow.parentRunId")
        raise BadInput(f"runs: {run_id} is the part {part!r} of run {whole}; give that one")
    if (verb := tags.get("facette.verb")) != "train":
        made = f"of facette {verb}" if verb else "not made by facette"
        raise BadInput(f"runs: {run_id} is {made}; give runs of facette train")


def _check_finished(run: Run) -> None:
    if run.info.status != "FINISHED":
        state = "has not finished" if run.info.status in {"RUNNING", "SCHEDULED"} else "failed"
        raise BadInput(f"runs: {run.info.run_id} {state}; give runs that finished")


def _kept(
    client: MlflowClient, run_id: str, folder: Path
) -> tuple[dict[str, str], pd.DataFrame | None, pd.DataFrame | None]:
    """Digests, scored customers and test snapshot, those of them that the run kept."""
    scores = _fetched(client, run_id, "scores/customers.json", folder)
    snapshot = _fetched(client, run_id, "scores/snapshot.parquet", folder)
    return (
        _digests(client, run_id, folder),
        _scores(json.loads(scores.read_text(encoding="utf-8"))) if scores else None,
        pd.read_parquet(snapshot).set_index("customer_id", drop=False) if snapshot else None,
    )


def _digests(client: MlflowClient, run_id: str, folder: Path) -> dict[str, str]:
    digests = _fetched(client, run_id, "digests.json", folder)
    told: dict[str, str] = json.loads(digests.read_text(encoding="utf-8")) if digests else {}
    return told


def _fetched(client: MlflowClient, run_id: str, path: str, folder: Path) -> Path | None:
    """A file that a run kept, copied into a folder; None where it kept none."""
    home = path.rpartition("/")[0] or None
    if path not in {a.path for a in client.list_artifacts(run_id, home)}:
        return None
    return Path(client.download_artifacts(run_id, path, str(folder)))


def _scores(told: dict[str, Any]) -> pd.DataFrame:
    """Scored customers from their JSON, ids as text whatever they look like."""
    return pd.DataFrame(told["data"], columns=told["columns"]).set_index("customer_id", drop=False)


def _bundles(client: MlflowClient, tracking: Tracking, run: Run) -> dict[str, Bundle]:
    """The bundle of each part; that of all parts serves for all where it was registered."""
    versions = client.search_model_versions(f"run_id = '{run.info.run_id}'")
    wanted, found = set(run.data.tags["facette.parts"].split(",")), dict[str, "Bundle"]()
    for version in sorted(versions, key=lambda v: (not v.name.endswith("_customer"), v.name)):
        if not wanted <= set(found):
            bundle = load(tracking, version.name, version.version).bundle
            found |= {part: bundle for part in bundle.parts if part not in found}
    return found


@dataclass(frozen=True)
class ChampionRun:
    """The run that the champion of a registered name came from; as in `TrainedRun`."""

    name: str
    version: int
    label: str
    began: datetime
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    digests: Mapping[str, str]


def champion_run(run: TrackedRun, names: Sequence[str]) -> ChampionRun | None:
    """The run behind the champion of the first of these names that has one; None where none has.

    A champion whose run is no longer in the store counts as none.
    """
    client = run.client
    version = next(filter(None, (champion_of(client, name) for name in names)), None)
    source = _exact(client, str(version.run_id)) if version else None
    if version is None or source is None or source.info.lifecycle_stage == "deleted":
        return None
    with TemporaryDirectory() as folder:
        digests = _digests(client, source.info.run_id, Path(folder))
    return ChampionRun(
        name=version.name,
        version=int(version.version),
        label=source.info.run_id[:SHORT],
        began=datetime.fromtimestamp(source.info.start_time / 1000),
        tags=source.data.tags,
        params=source.data.params,
        metrics=source.data.metrics,
        digests=digests,
    )


@dataclass(frozen=True)
class Differing:
    """Settings that are not the same in all runs.

    `table`: a row for each by its dotted name, a column for each run by its label, "not set" where
    a run has none. `left_out`: names of others, with the reason why they don't matter.
    """

    table: pd.DataFrame
    left_out: dict[str, str]


def differing_settings(params: Mapping[str, Mapping[str, str]]) -> Differing:
    """The settings in which runs differ, from the parameters of each by its label."""
    names = sorted({n for own in params.values() for n in own}, key=lambda n: (n.count("."), n))
    rows = {name: [_set(name, own.get(name)) for own in params.values()] for name in names}
    rows = {name: row for name, row in rows.items() if len(set(row)) > 1}
    left_out = {name: why for name, row in rows.items() if (why := _why_left_out(name, row, rows))}
    told = {name: row for name, row in rows.items() if name not in left_out}
    table = pd.DataFrame.from_dict(told, orient="index", columns=list(params))
    return Differing(table, left_out)


def _set(name: str, value: str | None) -> str:
    if value is None:
        return "not set"
    if name == "parts":  # older runs kept each part as its class and its name
        return value.replace('"Part.', '"')
    return "null" if value == "None" else value


def _why_left_out(name: str, row: list[str], rows: Mapping[str, list[str]]) -> str:
    last = name.rpartition(".")[2]
    if last == "random_state" and row == rows.get("seed"):
        return "follows the seed"
    return next((why for like, why in BESIDE.items() if name.startswith(like) or last == like), "")
