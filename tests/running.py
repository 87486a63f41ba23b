"""Runs of the jobs from tests, composed as the command line composes them."""

from contextlib import chdir
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from facette import cli, settings
from facette.jobs.train import Trained, train


def settings_of(verb: str, *overrides: str) -> Any:
    """The typed settings of a verb with these overrides."""
    settings.register()
    with initialize_config_dir(str(cli.CONF), version_base="1.3"):
        return OmegaConf.to_object(compose(verb, overrides=list(overrides)))


def train_in(folder: Path, *overrides: str) -> Trained:
    """Train with `folder` as the working directory; the report goes into it too."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = settings_of("train", "progress=false", *overrides)
    with chdir(folder):
        return train(chosen, folder / "report", command=" ".join(["facette train", *overrides]))
