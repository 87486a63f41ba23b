"""A search on one household in eight: what it sees, keeps, takes up again, says and refuses."""

import shlex
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import optuna
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from running import settings_of, with_store

from facette import cli, settings
from facette.errors import BadInput
from facette.jobs import rehearsing
from facette.jobs import tune as job
from facette.jobs.searching import space_of
from facette.jobs.tune import check_part, train_words, tune
from facette.jobs.tuned import Told, Tuned, lines
from facette.models.trial import rehearsal
from facette.models.validation import Sample
from facette.ranges import searched
from facette.snapshots.panel import Panel, panel

LIGHTGBM = dict.fromkeys(("value", "potential", "churn"), "lightgbm")
SMALL = (
    "progress=false", "model.churn.estimator.n_estimators=40",
    "model.potential.estimator.n_estimators=40", "model.potential.estimator.num_leaves=4",
    "model.potential.folds=3", "model.churn.folds=3",
    "pruning.after_trials=1", "pruning.after_steps=1",
)  # fmt: skip


def tune_in(home: Path, journey: Path, *overrides: str) -> Tuned:
    """Search with `home` as the working directory; the best configuration goes into it too."""
    words = [*SMALL, f"data.path={journey}", *overrides]
    settings.register()
    with initialize_config_dir(str(cli.CONF), version_base="1.3"):
        cfg = compose("tune", overrides=words)
    chosen: settings.Tune = OmegaConf.to_object(cfg)
    part = chosen.part.value
    told = Told(
        written=OmegaConf.to_container(cfg.model[part], enum_to_str=True),
        tune=shlex.join(["facette", "tune", *words]),
        train=train_words(words, part, LIGHTGBM, []),
        configuration=OmegaConf.to_yaml(cfg),
    )
    with chdir(with_store(home)):
        return tune(chosen, home / "found", told)


@dataclass(frozen=True)
class Twice:
    """A search of two trials, and the same command with four."""

    first: Tuned
    then: Tuned


@pytest.fixture(scope="module")
def twice(home: Path, journey: Path) -> Twice:
    potential = ("part=potential", "pruning.after_trials=9")
    return Twice(
        tune_in(home, journey, *potential, "trials=2"),
        tune_in(home, journey, *potential, "trials=4"),
    )


def client_of(home: Path) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(f"sqlite:///{home / 'mlruns' / 'mlflow.db'}")


def test_the_same_command_goes_on_to_the_trials_in_all(twice: Twice) -> None:
    assert (len(twice.first.trials), twice.first.earlier) == (2, 0)
    assert (len(twice.then.trials), twice.then.earlier) == (4, 2)
    pd.testing.assert_frame_equal(twice.then.trials.head(2), twice.first.trials)
    assert "4 trials, 2 of them from before" in lines(twice.then)[0]


def test_a_search_taken_up_again_goes_on_as_one_never_interrupted(
    twice: Twice, home: Path, journey: Path
) -> None:
    patient = ("part=potential", "pruning.after_trials=9", "study=at_once")
    at_once = tune_in(home, journey, *patient, "trials=4")
    assert at_once.earlier == 0
    apart = ["seconds", "run"]
    pd.testing.assert_frame_equal(
        at_once.trials.drop(columns=apart), twice.then.trials.drop(columns=apart)
    )


def test_the_first_trial_is_what_is_configured(twice: Twice) -> None:
    first = twice.then.trials.iloc[0]
    assert first["state"] == "as configured"
    assert (first["num_leaves"], first["learning_rate"]) == (4, 0.03)
    assert twice.then.default == first["pinball"]
    assert twice.then.trials["num_leaves"].nunique() > 1


def test_the_best_is_the_best_trial_and_no_worse_than_what_is_configured(twice: Twice) -> None:
    then = twice.then
    assert then.best == then.trials["pinball"].min()
    assert then.gain == pytest.approx(then.default - then.best)
    assert then.spread[0.1] <= then.spread[0.5] <= then.spread[0.9]


def test_trials_are_child_runs_in_order_and_the_parent_shows_the_best(
    twice: Twice, home: Path
) -> None:
    client = client_of(home)
    run = client.get_run(twice.then.run_id)
    assert run.info.run_name == "tune potential"
    assert run.data.tags["facette.verb"] == "tune"
    assert run.data.metrics["potential/best/pinball"] == pytest.approx(twice.then.best)
    assert run.data.metrics["potential/default/pinball"] == pytest.approx(twice.then.default)
    assert "potential/spread/pinball_q50" in run.data.metrics
    assert twice.then.command in run.data.tags["mlflow.note.content"]
    children = client.search_runs(
        [run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run.info.run_id}'",
        order_by=["start_time ASC"],
    )  # fmt: skip
    assert [child.info.run_name for child in children] == ["trial 002", "trial 003"]
    for child, (_, row) in zip(children, twice.then.trials.tail(2).iterrows(), strict=True):
        assert child.data.metrics["potential/pinball"] == pytest.approx(row["pinball"])
        assert int(child.data.params["num_leaves"]) == row["num_leaves"]
        assert child.data.tags["facette.trial"] == row["state"]
    history = client.get_metric_history(run.info.run_id, "potential/trial/pinball")
    assert [point.step for point in history] == [0, 1, 2, 3]


def test_nothing_is_registered_and_no_look_at_a_test_date_is_counted(
    twice: Twice, home: Path
) -> None:
    client = client_of(home)
    assert list(client.search_registered_models()) == []
    run = client.get_run(twice.then.run_id)
    looks = client.search_runs([run.info.experiment_id], "tags.`facette.reference_date` LIKE '%'")
    assert looks == []
    assert "2017-10-01 was not looked at" in run.data.tags["mlflow.note.content"]


def test_the_best_configuration_composes_and_is_what_the_command_trains_with(
    twice: Twice, home: Path, journey: Path, tmp_path: Path
) -> None:
    own = tmp_path / "model" / "potential"
    own.mkdir(parents=True)
    (own / "mine.yaml").write_text(twice.then.file.read_text())
    search_path = f"hydra.searchpath=[file://{tmp_path}]"
    command = shlex.split(twice.then.command)
    assert command[:4] == ["facette", "train", "model/potential=lightgbm", "model/churn=lightgbm"]
    composed = [settings_of("train", search_path, "model/potential=mine").model.potential]
    composed.append(settings_of("train", *command[2:]).model.potential)
    assert composed[0].name == "lightgbm_tuned"
    assert composed[0].estimator == composed[1].estimator
    assert (
        composed[0].estimator["num_leaves"]
        == twice.then.trials.set_index("trial").loc[twice.then.best_trial, "num_leaves"]
    )
    assert composed[0] == replace(composed[1], name="lightgbm_tuned")


def scrambled(whole: Panel) -> Panel:
    outcomes = whole.test.outcomes
    assert outcomes is not None
    other = outcomes.assign(value=outcomes["value"].to_numpy()[::-1] * 7, churned=1.0)
    return replace(whole, test=replace(whole.test, outcomes=other))


def test_what_happens_at_the_test_date_changes_nothing(
    twice: Twice, home: Path, journey: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def other_future(*args: Any) -> Panel:
        asked.append(scrambled(panel(*args)))
        return asked[0]

    monkeypatch.setattr(rehearsing, "panel", other_future)
    patient = ("part=potential", "pruning.after_trials=9", "study=other_future")
    again = tune_in(home, journey, *patient, "trials=2")
    assert (len(asked), again.earlier) == (1, 0)
    assert again.searching.digest == twice.first.searching.digest
    assert again.searching.training.test is asked[0].training[-1]
    assert all(s is not asked[0].test for s in again.searching.training.snapshots)
    assert again.trials["pinball"].tolist() == twice.first.trials["pinball"].tolist()


def test_a_trial_that_falls_behind_is_left_early(journey: Path, home: Path) -> None:
    hopeless = ["learning_rate", "min_child_samples", "subsample", "colsample_bytree",
                "reg_lambda"]  # fmt: skip
    only = [f"search.potential.{name}=null" for name in hopeless[1:]]
    rates = ["search.potential.learning_rate.low=0.000001",
             "search.potential.learning_rate.high=0.000002"]  # fmt: skip
    found = tune_in(
        home, journey, "part=potential", "trials=4", *only, *rates,
        "search.potential.num_leaves=null",
    )  # fmt: skip
    assert found.trials["state"].tolist()[0] == "as configured"  # outside the space, judged anyway
    assert set(found.trials["state"].tolist()[1:]) == {"left early"}
    assert found.trials["steps"].tolist() == [3, 1, 1, 1]
    assert found.changed == {}
    assert found.best == found.default
    assert "nothing beats what is configured" in "\n".join(lines(found))
    assert "learning_rate" not in found.command


@pytest.mark.slow
def test_an_interrupted_search_keeps_its_trials_and_goes_on(
    journey: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    judged = job.judged_in_steps
    calls = []

    def interrupted(*args: Any) -> Iterator[float]:
        calls.append(args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return judged(*args)

    monkeypatch.setattr(job, "judged_in_steps", interrupted)
    again = ("part=potential", "study=interrupted")
    with pytest.raises(KeyboardInterrupt):
        tune_in(home, journey, *again, "trials=4")
    said = capsys.readouterr()
    assert "2 trials are kept" in said.out
    assert optuna.logging.get_verbosity() == optuna.logging.ERROR  # else it prints a traceback
    client = client_of(home)
    runs = client.search_runs(["1"], "tags.`facette.study` = 'interrupted'")
    assert [run.info.status for run in runs] == ["KILLED"]
    found = tune_in(home, journey, *again, "trials=3")
    assert (len(found.trials), found.earlier) == (3, 2)


def test_time_ends_a_search_after_what_is_configured(journey: Path, home: Path) -> None:
    found = tune_in(home, journey, "part=churn", "trials=3", "timeout=0.001")
    assert found.trials["state"].tolist() == ["as configured"]
    assert "stopped by timeout before 3" in lines(found)[0]


@pytest.mark.slow
def test_other_ranges_are_another_study(journey: Path, home: Path) -> None:
    one = tune_in(home, journey, "trials=1", "study=mine")
    with pytest.raises(BadInput, match="'mine' was made of other data, settings or ranges"):
        tune_in(home, journey, "trials=1", "study=mine", "search.churn.num_leaves.high=9")
    two = tune_in(home, journey, "trials=1", "search.churn.num_leaves.high=9")
    assert two.earlier == 0
    assert two.searching.digest != one.searching.digest
    assert two.searching.study.endswith(two.searching.digest[:12])
    stored = optuna.get_all_study_names(f"sqlite:///{home / 'mlruns' / 'optuna.db'}")
    assert {"mine", two.searching.study} <= set(stored)


def rows(days: list[int], each: int = 4) -> Sample:
    n = len(days) * each
    snapshot = np.repeat(np.arange(len(days)), each)
    outcome = np.tile([0.0, 1.0, 2.0, 3.0], len(days))
    customers = np.tile([f"c{i}" for i in range(each)], len(days))
    frame = pd.DataFrame({"x": np.arange(n, dtype=float)}, index=customers)
    return Sample(frame, outcome, customers, snapshot, np.array(days)[snapshot])


START = datetime(2020, 1, 1).toordinal()


def test_trials_are_judged_in_time_where_outcomes_had_ended() -> None:
    s = rows([START, START + 91, START + 182])
    found = rehearsal(s, 91, ["one", "two", "three"], 3, 2, 7)
    assert "in time, judged at three, two" in found.how
    assert [set(s.snapshot[early]) for early, _ in found.pairs] == [{0, 1}, {0}]
    assert [set(s.snapshot[late]) for _, late in found.pairs] == [{2}, {1}]
    assert len(rehearsal(s, 91, ["one", "two", "three"], 1, 2, 7).pairs) == 1


def test_trials_are_judged_by_customers_where_history_is_short() -> None:
    s = rows([START, START + 30])
    found = rehearsal(s, 91, ["one", "two"], 3, 2, 7)
    assert "2 folds of customers inside the training snapshots one to two" in found.how
    for early, late in found.pairs:
        assert not set(s.customers[early]) & set(s.customers[late])
    assert np.sum([late for _, late in found.pairs], axis=0).tolist() == [1] * len(s.outcome)


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line that `facette tune` says, after checking that nothing was written."""
    code = cli.main(["tune", "progress=false", *words])
    said = capsys.readouterr()
    assert (code, said.out, said.err.count("\n")) == (2, "", 1)
    assert "Traceback" not in said.err
    assert list(Path.cwd().iterdir()) == []
    return said.err


LOGISTIC = "model/churn=baseline"
NONE = [f"search.churn.{name}=null" for name in (
    "learning_rate", "num_leaves", "min_child_samples", "subsample", "colsample_bytree",
    "reg_lambda",
)]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["part=worth"], "part: 'worth' is not one of: value, potential, churn"),
        (["part=segments"], "is not one of: value, potential, churn"),
        (["model/value=baseline"], "add part=value"),
        ([LOGISTIC], "search.churn.learning_rate: facette.models.baselines.LogisticBaseline is "
                     "configured without learning_rate"),
        (NONE, "search.churn: {} is out of range; at least one parameter (search=…) is wanted"),
        (["search.churn.num_leaves.low=40"], "low not above high is wanted"),
        (["search.churn.reg_lambda.low=0"], "search.churn.reg_lambda.low: 0"),
        (["search.churn.num_leaves.high=9.5"], "whole numbers (int: true) is wanted"),
        (["search.churn.subsample.low=half"], "{low, high}, perhaps with log and int"),
        (["search.churn.reg_lambda.log=often"], "true or false for log and int is wanted"),
        (["search.churn.subsample=0.5"], "search.churn.subsample: 0.5 is out of range"),
        (["search=forest"], "no search 'forest' (there are: lightgbm)"),
        (["trials=0"], "trials: 0 is out of range; 1 or more is wanted"),
        (["timeout=0"], "timeout: 0.0 is out of range"),
        (["trails=9"], "no key 'trails'; did you mean 'trials'?"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_in_one_line(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert said in refused(capsys, *words)


def test_a_part_that_can_not_be_learnt_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    line = refused(capsys, "part=potential", "data=cdnow")
    assert "potential is off here, nothing but dates and spend is known" in line


def test_a_space_may_be_nested_and_leaves_out_what_is_null() -> None:
    two = {"low": 1, "high": 2}
    space = {"steps": {"inner": {"alpha": two}}, "kind": {"choices": ["a", None]}, "gone": None}
    assert searched(space) == {"steps.inner.alpha": two, "kind": {"choices": ["a", None]}}
    node = {"_target_": "some.Model", "steps": {"inner": {"alpha": 1.5}}, "kind": None}
    made = space_of("churn", searched(space), node)
    assert made.configured == {"steps.inner.alpha": 1.5, "kind": None}
    assert made.holds(made.configured)
    assert not made.holds({"steps.inner.alpha": 3, "kind": "a"})
    assert made.node_with({"steps.inner.alpha": 2.0})["steps"] == {"inner": {"alpha": 2.0}}


def test_the_part_may_be_named_apart_from_the_models() -> None:
    check_part("churn", ["model/churn=lightgbm", "model/value=baseline"])
    check_part("value", ["part=value", "model.churn.gap_days=30"])
    with pytest.raises(BadInput, match="add part=value"):
        check_part("churn", ["model.value.estimator.num_leaves=3"])


def test_the_command_to_train_keeps_what_training_takes() -> None:
    words = ["part=value", "trials=9", "data=cdnow", "search=mine", "snapshot.horizon_days=30",
             "model/value=lightgbm_margin", "seed=3", "storage=sqlite:///x.db"]  # fmt: skip
    assert train_words(words, "value", LIGHTGBM | {"value": "lightgbm_margin"}, ["own"]) == [
        "facette", "train", "--config-dir", "own", "model/value=lightgbm_margin", "data=cdnow",
        "snapshot.horizon_days=30", "seed=3",
    ]  # fmt: skip


@pytest.mark.slow
def test_another_estimator_is_searched_by_a_space_of_its_own(
    journey: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "own" / "search").mkdir(parents=True)
    (tmp_path / "own" / "search" / "histogram.yaml").write_text(
        "value:\n  max_leaf_nodes: {choices: [4, 8]}\n  estimator_free: null\n"
        "  learning_rate: {low: 0.05, high: 0.2, log: true}\n"
    )
    monkeypatch.chdir(tmp_path)
    words = ["part=value", "model/value=hist_gradient_boosting", "search=histogram", "trials=2",
             "model.value.folds=2", "model.value.estimator.max_iter=20", "progress=false",
             f"data.path={journey}"]  # fmt: skip
    assert cli.main(["tune", "--config-dir", str(tmp_path / "own"), *words]) == 0
    said = capsys.readouterr().out
    assert "Searched: value, 2 trials" in said
    assert "normalised Gini" in said
    assert "facette train --config-dir" in said


@pytest.mark.slow
def test_data_without_dates_are_judged_by_customers_and_the_flattery_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = np.random.default_rng(5)
    calls = drawn.poisson(3, 240)
    left = drawn.random(240) < 1 / (1 + np.exp(2 - calls / 2))
    people = [f"p{i:03}" for i in range(240)]
    wide = pd.DataFrame({"client": people, "calls": calls, "age": drawn.integers(18, 90, 240)})
    wide.assign(left=np.where(left, "yes", "no")).to_csv(tmp_path / "clients.csv", index=False)
    monkeypatch.chdir(tmp_path)
    own = ["data=wide", "data.name=club", "data.path=clients.csv", "data.customer_id=client",
           "data.outcomes.churn=left"]  # fmt: skip
    assert cli.main(["tune", *SMALL, *own, "trials=2"]) == 0
    said = capsys.readouterr().out
    assert "Validated: no dates: 3 folds of customers inside the training snapshot\n" in said
    assert "Test date: none, no dates: `facette train` judges on these same customers" in said
