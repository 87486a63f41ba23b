"""The packaged grid gives every customer what the fitted one gives, and a run brings it there."""

import json
from contextlib import chdir
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from hydra.utils import instantiate
from packaged import Bundle, write_bundle
from running import settings_of, train_in
from worlds import shop

from facette.errors import BadInput
from facette.jobs.train import Trained
from facette.registry.models import load
from facette.segments.scorecard import Scorecard
from facette.segments.scorecard_learnt import UNDATED, LearntGrid, judge_grid, learn_grid

COLUMNS = ["grid_points", "grid_explicit", "grid_behavioural", "grid_grade"]
GRADES = ["A", "B", "C"]
CRITERIA: list[dict[str, Any]] = [
    {"name": "age", "column": "age", "side": "explicit", "missing": 5,
     "bands": [{"below": 25, "points": 10}, {"below": 65, "points": 60}, {"points": 0}]},
    {"name": "region", "column": "region", "side": "behavioural", "missing": -7,
     "bands": [{"in": ["West", "l'Est"], "points": 40}, {"in": ["East"], "points": 12},
               {"points": 3}]},
]  # fmt: skip
GRID = (
    "evaluation.resamples=20",
    "parts=[value,grid]",
    "model/value=lightgbm",
    "model.value.estimator.n_estimators=20",
)


def rows(n: int = 3000, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    ages = np.array([np.nan, np.inf, -np.inf, 25.0, np.nextafter(25, 0), 65.0, -1.0, 40.0])
    regions = np.array(["West", "l'Est", "East", "west", "", None], dtype=object)
    return pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "reference_date": "2024-01-01",
            "age": rng.choice(ages, n),
            "region": pd.array(rng.choice(regions, n), dtype="str"),
        }
    )


def fitted() -> Scorecard:
    return Scorecard(CRITERIA, GRADES, grade_shares=[0.2, 0.3, 0.5]).fit(rows())


def bundle_of(card: Scorecard, folder: Path) -> Bundle:
    write_bundle(folder, {"grid": LearntGrid(card, None).files()}, {})
    return Bundle.load(folder)


def test_the_package_gives_what_the_grid_gives(tmp_path: Path) -> None:
    card, frame = fitted(), rows(seed=1)
    bundle = bundle_of(card, tmp_path / "bundle")
    told, expected = bundle.predict(frame), card.transform(frame)
    for name in expected:
        np.testing.assert_array_equal(told[f"grid_{name}"], expected[name])
    assert (told["grid_grade"].to_numpy(dtype=object) == card.predict(frame)).all()
    assert bundle.grid is not None
    np.testing.assert_array_equal(bundle.grid.contributions(frame), card.contributions(frame))
    assert bundle.parts == ["grid"]
    assert bundle.inputs == {"age": "number", "region": "category"}
    assert [c for c in told if c.startswith("grid_")] == COLUMNS


def test_a_customer_is_scored_alike_whoever_stands_beside(tmp_path: Path) -> None:
    bundle, frame = bundle_of(fitted(), tmp_path / "bundle"), rows(50, 2)
    whole = bundle.predict(frame)
    for i in range(0, 50, 9):
        pd.testing.assert_frame_equal(bundle.predict(frame[i : i + 1]), whole[i : i + 1])
    nobody = bundle.predict(frame[:0])
    assert list(nobody) == list(whole)


def test_what_a_grid_needs_is_asked_for(tmp_path: Path) -> None:
    bundle = bundle_of(fitted(), tmp_path / "bundle")
    with pytest.raises(ValueError, match="1 missing column.*region"):
        bundle.predict(rows(5).drop(columns="region"))
    with pytest.raises(ValueError, match="column age: numbers expected"):
        bundle.predict(rows(5).assign(age="old"))
    assert json.loads(LearntGrid(fitted(), None).files()["part.json"])["kind"] == "scorecard"


@pytest.mark.parametrize("grid", ["starter", "bank"])
def test_every_grid_that_ships_sums_to_100(grid: str) -> None:
    chosen = settings_of("train", f"grid={grid}").grid
    card = instantiate(chosen.estimator, _convert_="all")
    read = pd.DataFrame({c["column"]: [np.nan, np.nan] for c in card.criteria})
    made = card.fit(read)
    assert sum(c.best for c in made.criteria_) == 100
    assert {c.side for c in made.criteria_} == {"explicit", "behavioural"}
    assert set(chosen.top) < set(card.grades)


def test_a_grid_whose_points_cannot_be_proposed_is_judged_all_the_same() -> None:
    chosen = settings_of("train")
    chosen.grid.outcome, chosen.grid.top = "churned == 0", ["A"]
    frame = rows(60)
    same = pd.DataFrame({"value": 1.0, "churned": np.zeros(60)})
    learnt = learn_grid(fitted(), chosen.grid, frame, same)
    assert learnt.proposal is None
    mixed = same.assign(churned=np.arange(60) % 2.0)
    rivals = {"staying": np.arange(60.0)}
    told = judge_grid(learnt, chosen.grid, frame, mixed, rivals, chosen.evaluation, 7, dated=False)
    assert "the same for all 60 customers" in told.notes[-1]
    assert UNDATED in told.notes
    assert {"grid/auc", "grid/rate_A", "grid/swap/staying/gain"} <= set(told.metrics())
    assert set(told.tables) == {"grades", "bands", "swaps"}
    chosen.grid.top = ["Z"]
    with pytest.raises(BadInput, match="grid.top: Z is no grade"):
        learn_grid(fitted(), chosen.grid, frame, mixed)


@pytest.fixture(scope="module")
def source(home: Path) -> list[str]:
    path = home / "lines.csv"
    shop(seed=4, customers=300, days=500, late=False)["transactions"].write_csv(path)
    return ["data=files", "data.name=shop", f"data.transactions.path={path}"]


@pytest.fixture(scope="module")
def trained(home: Path, source: list[str]) -> Trained:
    return train_in(home, *GRID, *source)


def test_a_run_judges_packages_and_registers_the_grid(trained: Trained, home: Path) -> None:
    assert trained.versions == {"shop_value": 1, "shop_grid": 1}
    assert set(COLUMNS) <= set(trained.scored)
    client = mlflow.MlflowClient(f"sqlite:///{home / 'mlruns' / 'mlflow.db'}")
    run = client.get_run(trained.run_id)
    assert run.data.tags["facette.parts"] == "value,grid"
    wanted = {"grid/auc", "grid/monotone", *(f"grid/rate_{g}" for g in "ABCDE")}
    assert wanted <= set(run.data.metrics)
    parent = f"tags.`mlflow.parentRunId` = '{trained.run_id}'"
    children = client.search_runs([run.info.experiment_id], parent)
    child = next(c for c in children if c.info.run_name == "grid")
    stored = {f.path for f in client.list_artifacts(child.info.run_id, "tables")}
    assert {"tables/grades.json", "tables/bands.json", "tables/swaps.json"} <= stored


def test_the_registered_grid_scores_as_the_run_did(
    trained: Trained, home: Path, source: list[str]
) -> None:
    tracking = settings_of("score", *source).tracking
    with chdir(home):
        bundle = load(tracking, "shop_grid", "champion").bundle
    assert bundle.parts == ["grid"]
    assert bundle.grid is not None
    points = trained.scored["grid_points"]
    assert points.max() <= 100
    best = trained.scored.loc[points >= bundle.grid.cuts[0], "grid_grade"]
    assert set(best) == {"A"}
