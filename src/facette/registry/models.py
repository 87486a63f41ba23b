"""Registered versions: log fitted parts as models of their own, and load one by name.

Each registered name is the same packaged model over the parts it needs. A new version is the
`challenger`; it is `champion` only where there is none yet.
"""

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facette.errors import BadInput
from facette.registry.tracking import TrackedRun, check_store, open_store
from facette.settings import Tracking
from facette.wording import listed

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.models import Model, ModelSignature

    from facette.registry.customer_model import Bundle

CHAMPION, CHALLENGER = "champion", "challenger"
PACKAGES = ("numpy", "pandas", "lightgbm", "mlflow")
EXAMPLE_ROWS = 5
DESCRIPTION_LENGTH = 5000


@dataclass(frozen=True)
class LoadedModel:
    """A registered version, its bundle checked against the digest the registry knows.

    `folder`: where the bundle's files are, to build another version on them.
    """

    bundle: "Bundle"
    version: int
    name: str
    run_id: str
    folder: Path


def register(
    run: TrackedRun,
    bundle_folder: str | Path,
    names_and_parts: Mapping[str, Sequence[str]],
    example: "pd.DataFrame",
    card: Mapping[str, str],
    *,
    aliased: bool = True,
) -> dict[str, int]:
    """Log and register one model for each name; returns the new versions.

    `example` is some rows of the snapshot, `card` a model card in Markdown for each name. What is
    not `aliased` is found by its number alone, it is no challenger. Raises
    ValueError when a stored model does not repeat its bundle's answer on the stored example.
    """
    from facette.registry.bundle import subset

    versions = {}
    for name, parts in names_and_parts.items():
        with tempfile.TemporaryDirectory() as folder:
            digest = subset(bundle_folder, parts, Path(folder) / "bundle")
            model_id = _logged(run, name, Path(folder), digest, example, card[name])
        run.text(card[name], f"cards/{name}.md")
        versions[name] = _registered(run, name, model_id, digest, card[name], aliased)
    return versions


def _logged(
    run: TrackedRun, name: str, folder: Path, digest: str, example: "pd.DataFrame", card: str
) -> str:
    """Log one model under the run.

    By hand rather than by `log_model`, which copies each metric's history to each model and
    writes this machine's paths into the MLmodel file.
    """
    from mlflow.entities import LoggedModelOutput

    client, tags = run.client, {"model_digest": digest}
    logged = client.create_logged_model(
        run.experiment_id, name=name, source_run_id=run.run_id, tags=tags
    )
    _save(folder, digest, example, run.run_id, logged.model_id)
    (folder / "model" / "card.md").write_text(card, encoding="utf-8")
    client.log_model_artifacts(logged.model_id, str(folder / "model"))
    client.finalize_logged_model(logged.model_id, "READY")
    client.log_outputs(run.run_id, [LoggedModelOutput(logged.model_id, step=0)])
    return str(logged.model_id)


def _save(folder: Path, digest: str, example: "pd.DataFrame", run_id: str, model_id: str) -> None:
    """Write `folder/model` around `folder/bundle`, and see that its example predicts."""
    import mlflow.pyfunc
    from mlflow.models import Model

    from facette.registry.bundle import CODE
    from facette.registry.customer_model import Bundle

    bundle = Bundle.load(folder / "bundle", digest)
    rows = example_rows(bundle, example)
    model = Model(run_id=run_id, model_uuid=model_id, model_id=model_id)
    mlflow.pyfunc.save_model(
        path=str(folder / "model"),
        python_model=str(CODE),
        artifacts={"bundle": str(folder / "bundle")},
        model_config={"manifest_sha256": digest},
        pip_requirements=requirements(bundle),
        signature=_signature(bundle, rows),
        input_example=rows,
        mlflow_model=model,
    )
    _forget_this_machine(model, folder / "model")
    _check_example(folder / "model", bundle.predict(rows))


def _forget_this_machine(model: "Model", folder: Path) -> None:
    """MLflow reads these by their last part; whole, they would tell where training ran."""
    told = model.flavors["python_function"]
    told["model_code_path"] = Path(told["model_code_path"]).name
    told["artifacts"]["bundle"]["uri"] = "bundle"
    model.save(str(folder / "MLmodel"))


def _check_example(model: Path, expected: "pd.DataFrame") -> None:
    import mlflow.pyfunc
    from mlflow.models import Model

    example = Model.load(str(model)).load_input_example(str(model))
    said = mlflow.pyfunc.load_model(str(model)).predict(example)
    shutil.rmtree(model / "__pycache__", ignore_errors=True)
    if not said.equals(expected.reset_index(drop=True)):
        raise ValueError(f"{model}: the stored model answers its example otherwise than its bundle")


def example_rows(bundle: "Bundle", snapshot: "pd.DataFrame") -> "pd.DataFrame":
    """A few rows with the columns the bundle reads: numbers as floats, the rest as text."""
    columns = {"customer_id": "str", "reference_date": "str"}
    columns |= {n: "float64" if k == "number" else "str" for n, k in bundle.inputs.items()}
    return snapshot.head(EXAMPLE_ROWS)[list(columns)].astype(columns).reset_index(drop=True)


def requirements(bundle: "Bundle") -> list[str]:
    """What the packaged model needs, pinned to the versions it was made with."""
    needed = [f"{name}=={metadata.version(name)}" for name in PACKAGES]
    own = [need for facet in bundle.facets.values() for need in facet.spec.get("requirement", [])]
    return needed + sorted(set(own))


def _signature(bundle: "Bundle", rows: "pd.DataFrame") -> "ModelSignature":
    from mlflow.models import ModelSignature

    inputs = _schema(rows, bundle.optional)
    return ModelSignature(inputs=inputs, outputs=_schema(bundle.predict(rows)))


def _schema(frame: "pd.DataFrame", optional: Sequence[str] = ()) -> Any:
    """The columns of a frame, then those of text that may be left out."""
    from mlflow.types import ColSpec, Schema

    kinds = {
        name: "double" if dtype.kind == "f" else "string" for name, dtype in frame.dtypes.items()
    }
    also = [ColSpec("string", name, required=False) for name in optional]
    return Schema([*(ColSpec(kind, str(name)) for name, kind in kinds.items()), *also])


def _registered(
    run: TrackedRun, name: str, model_id: str, digest: str, card: str, aliased: bool
) -> int:
    client = run.client
    if not _known(client, name):
        client.create_registered_model(name)
    version = client.create_model_version(
        name,
        source=f"models:/{model_id}",
        run_id=run.run_id,
        tags={"model_digest": digest},
        description=card[:DESCRIPTION_LENGTH],
        model_id=model_id,
    ).version
    if aliased:
        client.set_registered_model_alias(name, CHALLENGER, version)
    if aliased and CHAMPION not in client.get_registered_model(name).aliases:
        client.set_registered_model_alias(name, CHAMPION, version)
    return int(version)


def _known(client: "MlflowClient", name: str) -> bool:
    from mlflow.exceptions import MlflowException

    try:
        client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return False
    return True


def load(tracking: Tracking, name: str, version_or_alias: str | int) -> LoadedModel:
    """Load a registered version by its number or by an alias.

    A version packaged with other code than this project's runs its own. Raises BadInput for a
    name, version, alias or store there isn't, listing those there are, and for a bundle that is not
    what was registered.
    """
    check_store(tracking)
    client = open_store(tracking)
    version = _version(client, name, str(version_or_alias))
    try:
        uri = f"models:/{name}/{version.version}"
        bundle, folder = _bundle(uri, version.tags.get("model_digest"))
    except Exception as error:
        why = str(error).strip().partition("\n")[0]
        raise BadInput(f"{name} version {version.version} can't be loaded: {why}") from error
    return LoadedModel(bundle, int(version.version), name, str(version.run_id), folder)


def in_use(tracking: Tracking, name: str) -> LoadedModel | None:
    """The champion of a name; None where nothing is registered under it yet."""
    champion = champion_of(open_store(tracking), name)
    return load(tracking, name, champion.version) if champion else None


def champion_of(client: "MlflowClient", name: str) -> "ModelVersion | None":
    """The version in use under a name; None where there is none."""
    if not _known(client, name) or CHAMPION not in client.get_registered_model(name).aliases:
        return None
    return client.get_model_version_by_alias(name, CHAMPION)


def _version(client: "MlflowClient", name: str, wanted: str) -> "ModelVersion":
    if not _known(client, name):
        names = [m.name for m in client.search_registered_models()]
        there = f"there are: {listed(names)}" if names else "none is, train first: facette train"
        raise BadInput(f"no registered model {name!r}, which is named after data.name; {there}")
    aliases = {a: str(v) for a, v in client.get_registered_model(name).aliases.items()}
    numbers = sorted(int(v.version) for v in client.search_model_versions(f"name = '{name}'"))
    number = aliases.get(wanted, wanted)
    if number not in map(str, numbers):
        known = [*(f"{a} ({v})" for a, v in aliases.items()), *map(str, reversed(numbers))]
        raise BadInput(f"{name} has no version or alias {wanted!r}; there are: {listed(known)}")
    return client.get_model_version(name, number)


def _bundle(uri: str, digest: str | None) -> tuple["Bundle", Path]:
    import mlflow.artifacts
    import mlflow.pyfunc

    from facette.registry.bundle import CODE
    from facette.registry.customer_model import MANIFEST, Bundle, sha256

    folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri))
    stored = folder / "artifacts" / "bundle"
    if digest is None or not (stored / MANIFEST).is_file():
        raise ValueError("not a packaged customer model")
    if json.loads((stored / MANIFEST).read_bytes())["code"] == sha256(CODE.read_bytes()):
        return Bundle.load(stored, digest), stored
    model = mlflow.pyfunc.load_model(str(folder), model_config={"manifest_sha256": digest})
    bundle: Bundle = model.unwrap_python_model().bundle
    return bundle, stored
