"""Runs of the jobs from tests, composed as the command line composes them."""

from contextlib import chdir
from copy import deepcopy
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from facette import cli, settings
from facette.jobs.train import Trained, train
from facette.registry.tracking import open_store


def settings_of(verb: str, *overrides: str) -> Any:
    """The typed settings of a verb with these overrides, a test's own."""
    return deepcopy(_composed(verb, overrides))


@cache
def _composed(verb: str, overrides: tuple[str, ...]) -> Any:
    settings.register()
    with initialize_config_dir(str(cli.CONF), version_base="1.3"):
        return OmegaConf.to_object(compose(verb, overrides=list(overrides)))


@cache
def _empty_store() -> bytes:
    """A store that nothing is in yet: MLflow takes a second to make one, and a copy is as good."""
    with TemporaryDirectory() as folder, chdir(folder):
        open_store(settings_of("score").tracking)
        return Path("mlruns", "mlflow.db").read_bytes()


def with_store(folder: Path) -> Path:
    """The folder, made where it is missing, with an empty store where it has none."""
    own = folder / "mlruns" / "mlflow.db"
    if not own.exists():
        own.parent.mkdir(parents=True, exist_ok=True)
        own.write_bytes(_empty_store())
    return folder


def train_in(folder: Path, *overrides: str) -> Trained:
    """Train with `folder` as the working directory; the report goes into it too."""
    with_store(folder)
    chosen = settings_of("train", "progress=false", *overrides)
    with chdir(folder):
        return train(chosen, folder / "report", command=" ".join(["facette train", *overrides]))
