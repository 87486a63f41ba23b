"""Newcomers: nothing is foretold of them, or by who they are; no other model learns of them."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
from packaged import Bundle, write_bundle
from worlds import START, admitted, churn_settings, data, panel_settings, shop

from facette.errors import BadInput
from facette.models import newcomers
from facette.models.facets import Learned, learn_churn, learn_potential, learn_value
from facette.models.judging import judge
from facette.models.newcomers import FILE, attributes, counted, learnt_apart, settled, told_apart
from facette.models.validation import seen_by_models
from facette.settings.models import Evaluation, Newcomers, PotentialModel, ValueModel
from facette.snapshots.panel import Panel, panel

DAYS = 60
TREES: dict[str, Any] = {
    "n_estimators": 30, "num_leaves": 5, "min_child_samples": 10, "random_state": 7, "n_jobs": 1,
    "deterministic": True, "force_row_wise": True, "verbosity": -1,
}  # fmt: skip
PLAIN: dict[str, Any] = {"name": "plain", "estimator": None, "features": None, "folds": 3}
PARTS: dict[str, tuple[Any, Any, Any]] = {
    "value": (learn_value, ValueModel(**PLAIN),
              lightgbm.LGBMRegressor(objective="tweedie", **TREES)),
    "potential": (learn_potential, PotentialModel(tau=0.9, **PLAIN),
                  lightgbm.LGBMRegressor(objective="quantile", alpha=0.9, **TREES)),
    "churn": (learn_churn, churn_settings(), lightgbm.LGBMClassifier(**TREES)),
}  # fmt: skip
SAID = {"value": "value_expected", "potential": "potential", "churn": "churn_probability"}


def made(days: int = DAYS, frames: Any = None) -> Panel:
    """A panel whose test date has customers since less than `days`."""
    dates = [(START + timedelta(days=day)).date().isoformat() for day in (70, 90, 150)]
    chosen = panel_settings(reference_dates=dates, min_history_days=days)
    tables = admitted(shop(4, customers=240) if frames is None else frames)
    return panel(tables, chosen, churn_settings(), data())


@pytest.fixture(scope="module")
def world() -> Panel:
    return made()


def learnt(part: str, world: Panel, way: Newcomers | None) -> Learned:
    learn, chosen, estimator = PARTS[part]
    return learnt_apart(
        part, world, way,
        lambda p, features: learn(p, replace(chosen, features=features), estimator, 7),
    )  # fmt: skip


def rows(world: Panel) -> pd.DataFrame:
    return seen_by_models(world.test).reset_index().assign(reference_date=world.dates()[-1])


def packaged(world: Panel, way: Newcomers, folder: Path) -> Bundle:
    write_bundle(folder, {part: learnt(part, world, way).files for part in PARTS}, {})
    return Bundle.load(folder)


@pytest.fixture(scope="module")
def silent(world: Panel, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return packaged(world, Newcomers.none, tmp_path_factory.mktemp("none") / "bundle")


@pytest.fixture(scope="module")
def telling(world: Panel, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return packaged(world, Newcomers.attributes, tmp_path_factory.mktemp("own") / "bundle")


def new(world: Panel) -> np.ndarray:
    return world.test.context["newcomer"].to_numpy() == 1


def test_a_newcomer_is_who_has_been_a_customer_for_fewer_days(world: Panel) -> None:
    for snapshot in world.snapshots:
        tenure = snapshot.features["tenure_days"].fillna(snapshot.context["tenure_days"])
        np.testing.assert_array_equal(snapshot.context["newcomer"] == 1, ~(tenure >= DAYS))
    assert 10 < new(world).sum() < len(world.test) / 2
    since = world.test.features["tenure_days"].max()
    assert made(int(since)).test.context["newcomer"].min() == 0  # exactly so long is long enough


def test_tenure_counts_from_the_first_purchase_where_no_acquisition_is_known() -> None:
    frames = {"transactions": shop(4, customers=120)["transactions"]}
    dates = [(START + timedelta(days=day)).date().isoformat() for day in (70, 150)]
    chosen = panel_settings(reference_dates=dates, min_history_days=DAYS)
    plain = data(static_attributes=[])
    tables = admitted(frames, static_attributes=[])
    context = panel(tables, chosen, churn_settings(), plain).test.context
    np.testing.assert_array_equal(context["newcomer"] == 1, context["tenure_days"] < DAYS)
    assert 0 < context["newcomer"].sum() < len(context)


def test_nobody_is_a_newcomer_unless_asked_for() -> None:
    off = made(0)
    assert not told_apart(off)
    assert settled(off) is off
    assert "newcomer" not in seen_by_models(off.test)
    learned = learnt("value", off, Newcomers.none)
    assert "newcomers" not in json.loads(learned.files["part.json"])


def test_of_newcomers_it_is_too_early_to_say_anything(world: Panel, silent: Bundle) -> None:
    said, early = silent.predict(rows(world)), new(world)
    for part in ("value", "potential"):
        np.testing.assert_array_equal(said[SAID[part]].isna(), early)
    active = world.test.context["active"].to_numpy() == 1
    np.testing.assert_array_equal(said["churn_probability"].isna(), early | ~active)
    np.testing.assert_array_equal(said["headroom"].isna(), early)
    drivers = said[["drivers_value", "drivers_potential", "drivers_churn"]]
    assert (drivers[early] == "[]").all(axis=None)
    assert (drivers["drivers_value"][~early] != "[]").all()


@pytest.mark.parametrize("part", PARTS)
def test_no_model_learns_from_newcomers(part: str, world: Panel) -> None:
    changed = []
    for snapshot in world.training:
        early = snapshot.context["newcomer"] == 1
        odd = snapshot.outcomes.assign(value=999.0, churned=1.0)
        changed.append(replace(snapshot, outcomes=snapshot.outcomes.where(~early, odd, axis=0)))
    other = replace(world, training=changed)
    ours = learnt(part, world, Newcomers.none).files
    assert learnt(part, other, Newcomers.none).files == ours
    assert learnt(part, made(0), Newcomers.none).files["booster.txt"] != ours["booster.txt"]


def test_what_is_foretold_of_newcomers_rests_on_who_they_are(world: Panel, telling: Bundle) -> None:
    early, seen = new(world), rows(world)
    said = telling.predict(seen)
    assert said.loc[early, ["value_expected", "potential", "headroom"]].notna().all(axis=None)
    own = set(attributes(world, "value"))
    assert {"region", "tenure_days"} <= own
    other = seen.copy()
    purchases = [c for c in world.test.features if c not in own]
    other.loc[early, purchases] = seen.loc[~early, purchases].iloc[: early.sum()].to_numpy()
    moved = telling.predict(other)
    for column in SAID.values():
        np.testing.assert_array_equal(said.loc[early, column], moved.loc[early, column])
    told = {d["feature"] for d in json.loads(said.loc[early, "drivers_value"].iloc[0])}
    assert told <= own


def test_all_others_are_told_of_alike_whatever_is_done_with_newcomers(
    world: Panel, silent: Bundle, telling: Bundle
) -> None:
    columns = [*SAID.values(), "drivers_value", "drivers_potential", "drivers_churn"]
    one, two = (bundle.predict(rows(world))[~new(world)][columns] for bundle in (silent, telling))
    pd.testing.assert_frame_equal(one, two, check_exact=True)


@pytest.mark.parametrize("part", PARTS)
def test_a_model_that_says_nothing_of_newcomers_is_judged_without_them(
    part: str, world: Panel, silent: Bundle
) -> None:
    scored, judged = silent.predict(rows(world)), Evaluation(50, 0.95, 2, 1)
    found = judge(part, settled(world), scored, 0.9, judged, 1)
    assert found.table.loc["model"].notna().all()
    lengths = {len(p) for p in found.predictions.values() if p is not None}
    assert lengths == {len(found.actual)}
    rest = world.test.keep(~new(world))
    alone = replace(settled(world), test=rest)
    kept = judge(part, alone, scored[~new(world)], 0.9, judged, 1)
    pd.testing.assert_frame_equal(found.table, kept.table)


def test_a_tenure_that_nobody_has_is_refused() -> None:
    with pytest.raises(BadInput, match=r"min_history_days: at 2021-03-15, 2021-04-04 everybody is"):
        settled(made(10_000))


def test_too_few_newcomers_learn_from_everybody_and_it_is_said(world: Panel) -> None:
    notes = learnt("value", world, Newcomers.attributes).notes
    assert "learnt from everybody, as there are" in notes[-1]
    assert f"newcomers: {new(world).sum()} of {len(world.test)} customers" in counted(world, None)
    assert "too early to say" in counted(world, Newcomers.none)


@pytest.mark.parametrize("part", PARTS)
def test_enough_newcomers_have_a_model_learnt_from_them_alone(
    part: str, world: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def theirs(panel: Panel) -> dict[str, bytes]:
        learned = learnt(part, panel, Newcomers.attributes)
        own = {name: text for name, text in learned.files.items() if name.startswith(FILE)}
        return own | {"note": learned.notes[-1].encode()}

    changed = []
    for snapshot in world.training:
        odd = snapshot.outcomes.assign(value=9.0, churned=1 - snapshot.outcomes["churned"])
        early = snapshot.context["newcomer"] == 1
        changed.append(replace(snapshot, outcomes=snapshot.outcomes.where(early, odd, axis=0)))
    other = replace(world, training=changed)
    everybody = theirs(world)
    monkeypatch.setattr(newcomers, "LEAST", 20)
    monkeypatch.setattr(newcomers, "LEAST_OF_A_CLASS", 3)
    assert theirs(world) == theirs(other)
    assert theirs(world)["note"].endswith(b"learnt from newcomers")
    assert theirs(world)[f"{FILE}booster.txt"] != everybody[f"{FILE}booster.txt"]
    monkeypatch.setattr(newcomers, "LEAST_OF_A_CLASS", 10_000)
    assert (b"everybody" in theirs(world)["note"]) == (part == "churn")


def test_attributes_that_nobody_has_are_refused() -> None:
    frames = {"transactions": shop(4, customers=60)["transactions"]}
    dates = [(START + timedelta(days=day)).date().isoformat() for day in (70, 150)]
    bare = panel(
        admitted(frames, static_attributes=[]),
        panel_settings(reference_dates=dates, min_history_days=20), churn_settings(),
        data(static_attributes=[]),
    )  # fmt: skip
    with pytest.raises(BadInput, match=r"model\.newcomers: attributes needs .*newcomers=none"):
        attributes(bare, "value")


def test_files_of_newcomers_stand_beside_those_of_all(world: Panel) -> None:
    files = learnt("churn", world, Newcomers.attributes).files
    assert {f"{FILE}part.json", f"{FILE}booster.txt", "part.json", "booster.txt"} == set(files)
