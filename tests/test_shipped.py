"""Shipped settings without a job are those that a job reads."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf
from omegaconf.errors import ConfigKeyError
from running import settings_of

from facette import shipped as place
from facette.settings.segments import Segments, ThreeTests
from facette.shipped import CONF, shipped

KMEANS = ("division/usual", "segments/kmeans")


def test_a_file_alone_gives_what_a_run_is_given() -> None:
    alone = shipped(Segments, *KMEANS, seed=7)
    assert alone == settings_of("train", "seed=7").segments


def test_what_is_given_reaches_the_file() -> None:
    assert shipped(Segments, *KMEANS, seed=3).behaviour.estimator["random_state"] == 3


def test_the_configuration_lies_where_it_is_looked_for() -> None:
    assert (CONF / "train.yaml").is_file()


def test_a_key_that_the_schema_does_not_know_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    OmegaConf.save({"resample": 3}, tmp_path / "wrong.yaml")
    monkeypatch.setattr(place, "CONF", tmp_path)
    with pytest.raises(ConfigKeyError, match="resample"):
        shipped(ThreeTests, "wrong")
