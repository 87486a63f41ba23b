"""A policy is registered over the parts it reads, and loads by name as every part does."""

import json
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from packaged import Bundle, write_bundle
from shop import ABOUT, said_by, tracking_in, trained

from facette.registry.bundle import extended
from facette.registry.customer_model import POLICY_COLUMNS, TODAY
from facette.registry.models import load
from facette.registry.tracking import open_store

MODELS: list[dict[str, Any]] = [
    {"name": "advisor", "approach": "personalised", "contacts": 12.0, "channels": [0, 1]},
    {"name": "email", "approach": "mass", "contacts": 24.0, "channels": [1]},
    {"name": "on_request", "approach": "mass", "contacts": 0.0, "channels": []},
]
SPEC: dict[str, Any] = {
    "kind": "priced", "inputs": {"weekend_share": "number"},
    "models": [model | {"known": True, "used": True} for model in MODELS],
    "channels": [
        {"name": "phone", "cost": 5.0, "uses": {"calls": 1.0}, "consent": True},
        {"name": "email", "cost": 0.1, "uses": {}, "consent": "weekend_share"},
    ],
    "prices": {"calls": 1.0}, "switching_cost": 10.0,
    "usual": "on_request", "silence_consents": True, "active": None,
    "not_reached": "no consent to any channel", "ended": "no contract any more",
    "not_moved": "stays", "profiles": {},
    "rules": [], "exclusions": [], "by": ["value_tier", "potential_tier"], "rest": "rest",
    "kept": [[["top", "high"], "top/high"], [["top"], "top/other"], [["mid"], "mid/other"]],
    "cells": [
        {"name": "top/high", "effect": [100.0, 20.0, 0.0], "grade": [0, 0, 0]},
        {"name": "top/other", "effect": [75.0, 20.0, 0.0], "grade": [0, 1, 0]},
        {"name": "mid/other", "effect": [71.0, 0.0, 0.0], "grade": [0, 0, 1]},
        {"name": "rest", "effect": [0.0, 0.0, 0.0], "grade": [1, 1, 1]},
    ],
    "grades": [{"name": "randomised", "rank": 0}, {"name": "assumption", "rank": 2}],
    "about": {"valid_until": "2018-10-01"},
}  # fmt: skip
PARTS = ["segments", "potential", "policy"]


@pytest.fixture(scope="module")
def root(
    tmp_path_factory: pytest.TempPathFactory, parts: dict[str, dict[str, bytes]],
    snapshot: pd.DataFrame,
) -> Path:  # fmt: skip
    """A store whose first version has no policy and whose second one has."""
    made = tmp_path_factory.mktemp("policy")
    write_bundle(made / "old", parts, ABOUT)
    trained(tracking_in(made), made / "old", snapshot)
    own = {"part.json": json.dumps(SPEC).encode()}
    extended(made / "old", "policy", own, made / "new")
    names = {"shop_customer": [*parts, "policy"], "shop_policy": PARTS}
    trained(tracking_in(made), made / "new", snapshot, names)
    return made


def test_a_registered_policy_decides_as_its_bundle(root: Path, snapshot: pd.DataFrame) -> None:
    expected = Bundle.load(root / "new").predict(snapshot)
    assert list(expected)[-5:] == list(POLICY_COLUMNS)
    assert expected["relationship_model"].nunique() == 3
    assert {"randomised", "assumption"} == set(expected["evidence"])
    for name, version in (("shop_customer", 2), ("shop_policy", 1)):
        open_store(tracking_in(root))
        said = mlflow.pyfunc.load_model(f"models:/{name}/{version}").predict(snapshot)
        assert said[list(POLICY_COLUMNS)].equals(expected[list(POLICY_COLUMNS)])
    assert load(tracking_in(root), "shop_policy", "champion").bundle.parts == PARTS


def test_today_may_be_given_by_name_and_left_out(root: Path, snapshot: pd.DataFrame) -> None:
    open_store(tracking_in(root))
    model = mlflow.pyfunc.load_model("models:/shop_policy/1")
    alone = model.predict(snapshot)
    stays = model.predict(snapshot.assign(**{TODAY: "on_request"}))
    assert (stays["relationship_model"] == "on_request").sum() > (
        alone["relationship_model"] == "on_request"
    ).sum()
    # 71 - 12 calls at 5 and at a price of 1 is less than nothing; 75 is worth it, but for a switch
    moved = alone["relationship_model"] != stays["relationship_model"]
    assert set(alone.loc[moved, "reason"]) == {"pays most for top/other"}
    kept = stays["relationship_model"] == "on_request"
    assert set(stays.loc[kept, "reason"]) == {"stays"}
    assert stays.loc[~kept, "reason"].str.startswith("pays most for ").all()
    unheard = model.predict(snapshot.assign(**{TODAY: None}).astype({TODAY: "str"}))
    assert unheard.equals(stays)


def test_an_old_bundle_without_a_policy_loads(root: Path, snapshot: pd.DataFrame) -> None:
    old = load(tracking_in(root), "shop_customer", 1)
    assert old.bundle.policy is None
    assert old.bundle.optional == []
    assert "policy" not in old.bundle.parts
    assert not {*POLICY_COLUMNS} & {*old.bundle.predict(snapshot)}
    new = load(tracking_in(root), "shop_customer", 2).bundle.predict(snapshot, drivers=False)
    same = [name for name in new if name not in {*POLICY_COLUMNS, "model_digest"}]
    pd.testing.assert_frame_equal(new[same], old.bundle.predict(snapshot)[same])


def test_another_policy_takes_the_place_of_the_first(root: Path, tmp_path: Path) -> None:
    own = {"part.json": json.dumps(SPEC | {"about": {"valid_until": "2019-10-01"}}).encode()}
    extended(load(tracking_in(root), "shop_policy", 1).folder, "policy", own, tmp_path / "next")
    bundle = Bundle.load(tmp_path / "next")
    assert bundle.parts == PARTS
    assert bundle.policy is not None
    assert bundle.policy.about == {"valid_until": "2019-10-01"}


def test_a_policy_loads_by_name_without_the_project(root: Path) -> None:
    tracking = tracking_in(root)
    code = f"""
import sys
sys.modules["facette"] = None
import mlflow
mlflow.set_tracking_uri({tracking.uri!r})
model = mlflow.pyfunc.load_model("models:/shop_policy@champion")
print(",".join(model.predict(model.input_example)["relationship_model"]))
"""
    exit_code, said, error = said_by(code, root)
    assert exit_code == 0, error
    assert set(said.strip().split(",")) <= {model["name"] for model in MODELS}
