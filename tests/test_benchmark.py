"""A benchmark on one household in eight: rows, page, champion, what is taken up again, refusals."""

import json
import re
from contextlib import chdir
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from running import settings_of, train_in, with_store
from shared import shared_file
from small_wide import people, written

from facette import cli
from facette.errors import BadInput
from facette.jobs import benchmarking
from facette.jobs.benchmark import _without_places, benchmark, lines
from facette.jobs.contest import Contest, training_dates
from facette.jobs.cost import costed
from facette.jobs.finished import Finished
from facette.jobs.judged import Draws
from facette.jobs.standings import BASELINES_OF_ALL, Found, standing_of
from facette.reports.benchmark_page import page, verdict
from facette.reports.benchmarked import Benchmarked, Standing
from facette.settings import Benchmark, Task, Train
from facette.settings.models import ModelPart
from facette.tables.contract import DAY_US, Tables
from facette.tables.door import microseconds

KEYS = ["task", "model", "metric", "value", "low", "high", "test_snapshot", "seconds", "peak_mb"]
QUICK = ["model.value.estimator.n_estimators=40", "model.value.folds=3", "evaluation.resamples=40"]
TASK, TWO = "complete_journey_value", "models.value=[lightgbm,lightgbm_margin]"
UNAVAILABLE = ["bg_nbd_gamma_gamma", "year_ago"]  # too few buy again; the year allows none
BASELINES = {"last_window", "year_ago", "annualised", "ridge_rfm", "bg_nbd_gamma_gamma"}


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where benchmarks run whose store nobody looks into: it takes long to make one."""
    return tmp_path_factory.mktemp("elsewhere")


def settings_for(*overrides: str, quick: list[str] = QUICK) -> Benchmark:
    words = ",".join(f"'{word}'" for word in quick)
    return settings_of("benchmark", "progress=false", f"train=[{words}]", *overrides)


def benchmark_in(home: Path, settings: Benchmark, **how: Any) -> Benchmarked:
    """Run with `home` as the working directory."""
    with chdir(with_store(home)):
        return benchmark(settings, composed_in_tests, **how)


def composed_in_tests(words: list[str]) -> Train:
    made: Train = settings_of("train", *words)
    return made


def journey_settings(journey: Path, *overrides: str) -> Benchmark:
    return settings_for(f"tasks=[{TASK}]", TWO, f"paths.complete_journey={journey}", *overrides)


@pytest.fixture(scope="module")
def told(journey: Path, home: Path) -> Benchmarked:
    return benchmark_in(home, journey_settings(journey, "out=bench"), command="facette benchmark x")


@pytest.fixture(scope="module")
def rows(told: Benchmarked, home: Path) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = json.loads((home / "bench" / "results.json").read_text())
    return made


def client_of(home: Path) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(f"sqlite:///{home / 'mlruns' / 'mlflow.db'}")


def test_every_model_and_every_baseline_has_a_row_for_each_metric(
    rows: list[dict[str, Any]],
) -> None:
    assert {row["model"] for row in rows} == {"lightgbm", "lightgbm_margin"} | BASELINES
    for model in {row["model"] for row in rows}:
        own = [row["metric"] for row in rows if row["model"] == model]
        assert own == ["normalised_gini", "mae", "spearman", "total_ratio", "total_error"]


def test_rows_hold_what_others_rely_on(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        assert list(row) == KEYS
        assert (row["task"], row["test_snapshot"]) == (TASK, "2017-10-01")
        learnt = row["model"] not in BASELINES
        assert (row["seconds"] is not None) is learnt
        if row["value"] is None:
            assert row["low"] is None
            assert row["model"] in UNAVAILABLE
        elif row["metric"] != "total_error":  # of which a draw is at least 0, and so lies higher
            assert row["low"] <= row["value"] <= row["high"]
    assert all(row["seconds"] > 0 for row in rows if row["model"] == "lightgbm")


@pytest.mark.slow
def test_the_figures_are_those_of_a_training_run(
    rows: list[dict[str, Any]], journey: Path, elsewhere: Path
) -> None:
    trained = train_in(
        elsewhere, *QUICK, "model/value=lightgbm", "parts=[value]", f"data.path={journey}"
    )
    figures = {(row["model"], row["metric"]): row["value"] for row in rows}
    for metric in ("normalised_gini", "mae", "total_ratio"):
        assert figures["lightgbm", metric] == trained.metrics[f"value/{metric}"]
        baseline = trained.metrics[f"value/baseline/ridge_rfm/{metric}"]
        assert figures["ridge_rfm", metric] == baseline


def table_of(text: str, task: str) -> list[list[str]]:
    """The cells of a task's table on the page, its head first."""
    section = text.partition(f"\n## {task}\n")[2].partition("\n## ")[0]
    marked = [line for line in section.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in marked]
    return [cells[0], *cells[2:]]


def test_the_table_of_the_page_agrees_with_the_rows(
    told: Benchmarked, rows: list[dict[str, Any]], home: Path
) -> None:
    text = (home / "bench" / "README.md").read_text()
    head, *body = table_of(text, TASK)
    at = head.index("Normalised Gini (higher is better)")
    shown = {re.search(r"`(\w+)`", cells[1])[1]: cells for cells in body}  # type: ignore[index]
    gini = {row["model"]: row for row in rows if row["metric"] == "normalised_gini"}
    assert set(shown) == set(gini)
    for model, row in gini.items():
        if row["value"] is None:
            assert (shown[model][0], shown[model][at]) == ("–", "not available")
        else:
            figures = [float(x) for x in re.findall(r"\d\.\d+", shown[model][at])]
            expected = [row["value"], row["low"], row["high"]]
            assert figures == pytest.approx(expected, abs=6e-4)
    ranked = sorted((m for m in gini if gini[m]["value"]), key=lambda m: -gini[m]["value"])
    assert [re.search(r"`(\w+)`", c[1])[1] for c in body][: len(ranked)] == ranked  # type: ignore[index]
    assert [cells[0] for cells in body] == [*map(str, range(1, len(ranked) + 1)), "–", "–"]
    assert sorted(set(gini) - set(ranked)) == UNAVAILABLE
    assert "Generated by `facette benchmark x`; don't edit" in text
    assert f"![{TASK}]({TASK}.png)" in text
    assert (home / "bench" / f"{TASK}.png").stat().st_size > 10_000


def test_each_learning_is_a_counted_look_at_the_test_date(told: Benchmarked, home: Path) -> None:
    client = client_of(home)
    experiment = client.get_experiment_by_name("complete_journey")
    same = "tags.`facette.reference_date` = '2017-10-01'"
    looks = client.search_runs([experiment.experiment_id], same)
    assert {run.data.tags["facette.model.value"] for run in looks} == {
        "lightgbm", "lightgbm_margin",
    }  # fmt: skip
    assert told.standings[0].looks == {"2017-10-01": 2}
    assert "complete_journey 2017-10-01: 2" in "\n".join(lines(told, settings_for()))


def test_the_run_holds_the_figures_a_child_for_each_task_and_the_files(
    told: Benchmarked, rows: list[dict[str, Any]], home: Path
) -> None:
    client = client_of(home)
    run = client.get_run(told.run_id)
    assert (run.info.run_name, run.info.status) == ("benchmark", "FINISHED")
    for row in rows:
        name = f"benchmark/{TASK}/{row['model']}/{row['metric']}"
        assert run.data.metrics.get(name) == row["value"]
    assert {a.path for a in client.list_artifacts(told.run_id)} >= {"results.json", "README.md"}
    children = client.search_runs(
        [run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{told.run_id}'"
    )
    assert [child.info.run_name for child in children] == [TASK]
    assert list(client.search_registered_models()) == []


def test_the_same_command_takes_everything_from_before_and_looks_at_nothing(
    told: Benchmarked, journey: Path, home: Path
) -> None:
    again = benchmark_in(home, journey_settings(journey, "out=again"))
    assert (told.made, told.reused, again.made, again.reused) == (2, 0, 0, 2)
    assert again.results == told.results
    assert again.standings[0].looks == told.standings[0].looks
    more = benchmark_in(home, journey_settings(journey, "out=again", "models.value=[lightgbm]"))
    assert (more.made, more.reused) == (0, 1)


@pytest.mark.slow
def test_other_settings_are_no_longer_the_same_figures(journey: Path, elsewhere: Path) -> None:
    one = journey_settings(journey, "models.value=[lightgbm]", "kept=others")
    benchmark_in(elsewhere, one)
    assert benchmark_in(elsewhere, replace(one, seed=8)).made == 1
    fewer = replace(one, train=[*one.train, "model.value.estimator.num_leaves=4"])
    assert benchmark_in(elsewhere, fewer).made == 1
    assert benchmark_in(elsewhere, replace(one, fresh=True)).made == 1
    assert benchmark_in(elsewhere, one).made == 0


@pytest.mark.slow
def test_an_interrupted_benchmark_goes_on_where_it_stopped(
    told: Benchmarked, journey: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    judged, calls = benchmarking.judged_at_date, []

    def interrupted(*args: Any, **how: Any) -> Any:
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return judged(*args, **how)

    interrupted_one = journey_settings(journey, "kept=interrupted", "out=interrupted")
    monkeypatch.setattr(benchmarking, "judged_at_date", interrupted)
    with pytest.raises(KeyboardInterrupt):
        benchmark_in(elsewhere, interrupted_one)
    assert "1 of the models learnt are kept" in capsys.readouterr().out
    assert not (elsewhere / "interrupted" / "README.md").exists()
    after = benchmark_in(elsewhere, interrupted_one)
    assert (after.made, after.reused) == (1, 1)
    figures = [(r.model, r.metric, r.value, r.low, r.high) for r in after.results]
    assert figures == [(r.model, r.metric, r.value, r.low, r.high) for r in told.results]


def test_the_page_tells_the_command_without_where_files_lie() -> None:
    words = ["tasks=[telco_churn]", "paths.telco_churn=/home/me/telco.csv", "out=x", "kept=/y"]
    assert _without_places(words) == ["tasks=[telco_churn]", "paths.telco_churn=COPY"]


@pytest.mark.slow
def test_absent_data_are_told_and_the_rest_is_run(journey: Path, elsewhere: Path) -> None:
    both = journey_settings(
        journey,
        f"tasks=[telco_churn,{TASK}]",
        "paths.telco_churn=nowhere/telco.csv",
        "out=absent",
        "kept=absent",
        "models.value=[lightgbm]",
    )
    found = benchmark_in(elsewhere, both)
    assert [standing.task for standing in found.standings] == [TASK]
    assert list(found.not_run) == ["telco_churn"]
    assert "nowhere/telco.csv" in found.not_run["telco_churn"]
    text = (elsewhere / "absent" / "README.md").read_text()
    assert "| `telco_churn` |" in text.partition("## Not run")[2]
    assert "telco_churn: not run, " in "\n".join(lines(found, both))


def test_a_model_that_does_not_fit_the_data_is_told_and_the_others_run(
    journey: Path, elsewhere: Path
) -> None:
    own = journey_settings(journey, "out=unfit", "kept=unfit")

    def composed(words: list[str]) -> Train:
        chosen: Train = settings_of("train", *words)
        if "model/value=lightgbm_margin" in words:
            chosen.model.value.features = ["recency_days", "shoe_size"]
        return chosen

    with chdir(elsewhere):
        found = benchmark(own, composed)
    entrants = {one.name: one for one in found.standings[0].entrants}
    assert "no column shoe_size" in entrants["lightgbm_margin"].why_not
    assert entrants["lightgbm"].why_not == ""
    assert "not run: features: the snapshot has no column shoe_size" in page(found)
    assert not [r for r in found.results if r.model == "lightgbm_margin"]


def test_a_part_that_can_not_be_judged_is_told(journey: Path, elsewhere: Path) -> None:
    task = Task(part=ModelPart.potential, data="cdnow", test_dates=["1997-10-01"], train=[])
    own = replace(settings_for("out=off", "kept=off"), tasks={"cdnow_potential": task})
    found = benchmark_in(elsewhere, own)
    assert "nothing but dates and spend is known" in found.not_run["cdnow_potential"]
    with pytest.raises(BadInput, match="tasks.cdnow_potential: potential: nothing but"):
        benchmark_in(elsewhere, own, by_name=True)


# ---- who is champion: from records made by hand


def record(draws: dict[str, dict[str, Any]], customers: int = 100) -> Finished:
    """Figures are the means of the draws, NaN where there are none."""
    absent = {"normalised_gini": np.nan, "total_error": np.nan}
    return Finished(
        figures={
            n: {m: float(np.mean(d)) for m, d in of.items()} or absent for n, of in draws.items()
        },
        spread={n: {m: list(d) for m, d in of.items()} for n, of in draws.items()},
        customers=customers,
        looks=1,
    )


def value_standing(*dates: tuple[dict[str, Any], dict[str, dict[str, Any]]]) -> Standing:
    """The standing of a model `mine` at dates, each with its draws and those of baselines."""
    places = [f"2020-0{i}-01" for i in range(1, len(dates) + 1)]
    contest = Contest("shop_value", "value", {"mine": settings_of("train")}, places)
    found = Found(contest, places)
    for where, (mine, baselines) in zip(places, dates, strict=True):
        found.add("mine", where, record({"model": mine}))
        found.add(BASELINES_OF_ALL, where, record(baselines))
    return standing_of(found)


def drawn(gini: float, total_error: float, wobble: float = 0.02) -> dict[str, np.ndarray]:
    shared = np.linspace(-1, 1, 41) * wobble
    return {"normalised_gini": gini + shared, "total_error": total_error + shared / 10}


def test_a_model_that_surely_beats_the_best_baseline_is_champion() -> None:
    made = value_standing((drawn(0.70, 0.05), {"naive": drawn(0.69, 0.05), "low": drawn(0.2, 0.5)}))
    assert made.champion == "mine"
    gain = made.gains["mine"][0]
    assert (gain.opponent, gain.gain) == ("naive", pytest.approx(0.01))
    assert gain.low == pytest.approx(0.01)  # the draws are paired: what both share falls away
    assert "Champion: mine." in verdict(made)


def test_a_model_that_loses_is_not_called_champion() -> None:
    made = value_standing((drawn(0.68, 0.05), {"naive": drawn(0.69, 0.05)}))
    assert made.champion == "naive"
    assert [one.name for one in made.entrants] == ["naive", "mine"]
    assert "Champion: naive, a baseline" in verdict(made)
    assert "The best model, mine, loses to it" in verdict(made)
    told = page(Benchmarked([made], {}, "facette benchmark", "1", "run", 0, 1))
    assert "no model beats it" in told
    assert "**mine**" not in told


def test_a_model_that_is_ahead_by_chance_is_not_champion() -> None:
    unsure = drawn(0.70, 0.05)
    unsure["normalised_gini"] = unsure["normalised_gini"][::-1]
    made = value_standing((unsure, {"naive": drawn(0.69, 0.05)}))
    assert [one.name for one in made.entrants] == ["mine", "naive"]
    assert made.champion == "naive"
    assert "is ahead, not surely" in verdict(made)


def test_a_value_model_that_ranks_better_and_loses_the_total_is_not_champion() -> None:
    made = value_standing((drawn(0.70, 0.30), {"naive": drawn(0.69, 0.05)}))
    assert made.champion == "naive"
    assert "its total is farther off" in verdict(made)


def test_the_mean_of_several_dates_ranks_and_every_date_has_its_row() -> None:
    naive = {"naive": drawn(0.6, 0.05)}
    made = value_standing((drawn(0.5, 0.05), naive), (drawn(0.8, 0.05), naive))
    gini = {r.test_snapshot: r for r in made.results if r.metric == "normalised_gini"
            and r.model == "mine"}  # fmt: skip
    assert list(gini) == ["2020-01-01", "2020-02-01", "mean of 2 dates"]
    assert gini["mean of 2 dates"].value == pytest.approx(0.65)
    assert made.champion == "mine"
    assert made.looks == {"2020-01-01": 1, "2020-02-01": 1}


def test_a_baseline_without_its_window_at_one_date_has_no_mean_and_is_no_opponent() -> None:
    gone: dict[str, Any] = {}
    there = {"naive": drawn(0.6, 0.05), "year_ago": drawn(0.9, 0.01)}
    made = value_standing(
        (drawn(0.7, 0.05), there), (drawn(0.7, 0.05), {**there, "year_ago": gone})
    )
    assert made.figures("year_ago")["normalised_gini"].value is None
    assert made.gains["mine"][0].opponent == "naive"
    absent = {one.name: one.why_not for one in made.entrants}
    assert absent["year_ago"] == "not available at 2020-02-01"


def test_a_customer_counts_as_often_in_a_draw_whatever_is_looked_at() -> None:
    everyone = pd.Index(["a", "b", "c", "d"])
    draws = Draws(everyone, np.array([[2.0, 0.0, 1.0, 1.0]]))
    assert draws.rows(pd.Index(["c", "a"]))[0].tolist() == [0, 1, 1]
    assert draws.rows(pd.Index(["d", "b", "a"]))[0].tolist() == [0, 2, 2]


# ---- dates, folds, costs


def test_training_outcomes_end_before_the_test_date() -> None:
    start, end = (microseconds(day, "") for day in ("2009-12-01", "2011-12-10"))
    tables, snapshot = Tables({}, start + 5, end), settings_of("train").snapshot
    dates = training_dates("shop", tables, snapshot, 91, "2011-03-09")
    instants = [microseconds(day, "") for day in [*dates, "2011-03-09"]]
    assert {later - one for one, later in zip(instants, instants[1:], strict=False)} == {
        91 * DAY_US
    }
    assert instants[0] >= start + snapshot.observation_days * DAY_US
    assert len(dates) == 3
    with pytest.raises(BadInput, match="choose a date from 2010-08-31 on"):
        training_dates("shop", tables, snapshot, 91, "2010-08-30")


@pytest.mark.slow
def test_without_dates_folds_judge_as_in_a_training_run(tmp_path: Path, elsewhere: Path) -> None:
    words = ["data.name=people", f"data.path={written(people(), tmp_path)}",
             "data.customer_id=id", "data.outcomes.churn=churn", "data.drop=[spend_next]",
             "evaluation.folds=3", "evaluation.repeats=2",
             "model.churn.estimator.n_estimators=30", "model.churn.folds=3"]  # fmt: skip
    task = Task(part=ModelPart.churn, data="wide", test_dates=None, train=words)
    own = replace(
        settings_for("models.churn=[lightgbm]", "out=folds", "kept=folds", quick=[]),
        tasks={"people": task},
    )
    found = benchmark_in(elsewhere, own)
    standing = found.standings[0]
    assert (standing.test_snapshot, standing.looks, found.made) == ("2 x 3 folds", {}, 2)
    assert {r.test_snapshot for r in standing.results} == {"2 x 3 folds"}
    trained = train_in(elsewhere, "data=wide", "model/churn=lightgbm", *words, "parts=[churn]")
    for metric in ("log_loss", "roc_auc", "ece"):
        mine, rival = (standing.figures(name)[metric] for name in ("lightgbm", "logistic"))
        assert mine.value == pytest.approx(trained.metrics[f"churn/{metric}"])
        assert rival.value == pytest.approx(trained.metrics[f"churn/baseline/logistic/{metric}"])
    gain = standing.gains["lightgbm"][0]
    assert [gain.gain, gain.low, gain.high] == pytest.approx(
        [trained.metrics[f"churn/gain/log_loss{end}"] for end in ("", "_low", "_high")]
    )
    assert standing.figures("lightgbm")["ece"].low is None
    assert "No dates, so that 2 x 3 folds of 600 customers judge" in page(found)
    assert "1 x 3" not in page(found)
    assert benchmark_in(elsewhere, own).made == 0


def test_a_copy_of_a_public_table_at_hand_is_taken(elsewhere: Path) -> None:
    path = shared_file("telco_churn")
    quick = ["model.churn.estimator.n_estimators=20", "model.churn.folds=2", "evaluation.folds=2",
             "evaluation.repeats=1"]  # fmt: skip
    own = settings_for("tasks=[telco_churn]", "models.churn=[lightgbm]",
                       f"paths.telco_churn={path}", "out=telco", quick=quick)  # fmt: skip
    found = benchmark_in(elsewhere, own, by_name=True)
    assert list(found.standings[0].customers) == [7043]
    auc = found.standings[0].figures("logistic")["roc_auc"].value
    assert auc == pytest.approx(0.845, abs=0.01)


def test_growth_of_the_process_is_seen_also_after_more_was_freed() -> None:
    def held(megabytes: int) -> float:
        return float(np.ones(megabytes * 125_000).sum())

    large, small = costed(lambda: held(200)), costed(lambda: held(50))
    if large.peak_mb is None or small.peak_mb is None:
        pytest.skip("this system does not tell the peak of a process")
    assert large.peak_mb == pytest.approx(200, abs=25)
    assert small.peak_mb == pytest.approx(50, abs=25)
    assert small.seconds > 0


# ---- refusals


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line that `facette benchmark` says, after checking that nothing was written."""
    code = cli.main(["benchmark", "progress=false", *words])
    said = capsys.readouterr()
    assert (code, said.out, said.err.count("\n")) == (2, "", 1)
    assert list(Path.cwd().iterdir()) == []
    return said.err


ONE = ["tasks=[cdnow_value]", "models.value=[lightgbm]"]


def test_a_folder_that_can_not_be_made_is_told_before_the_work(
    journey: Path, elsewhere: Path
) -> None:
    (elsewhere / "taken").write_text("a file")
    with pytest.raises(BadInput, match="out: taken/bench can't be made: Not a directory"):
        benchmark_in(elsewhere, journey_settings(journey, "out=taken/bench"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["tasks=[cdnow_vale]"], "no tasks 'cdnow_vale'; did you mean 'cdnow_value'?"),
        (["tasks=[cdnow_value]", "models.value=[lightgmb]"],
         "tasks.cdnow_value: no model/value 'lightgmb'; did you mean 'lightgbm'?"),
        (["tasks=[cdnow_value]", "models.value=[last_window]"],
         "models.value: last_window to learn; name an option of conf/model/value"),
        (["tasks=[cdnow_value]", "models.value=[]"], "models.value: nothing to learn"),
        ([*ONE, "tasks.cdnow_value.test_dates=[1998-06-01]"],
         "outcomes of 1998-06-01 need 91 days, and data end at 1998-07-01; choose a date up to "
         "1998-04-01"),
        ([*ONE, "tasks.cdnow_value.test_dates=[1997-03-01]"],
         "nothing to learn from before 1997-03-01, as data begin at 1997-01-01; choose a date "
         "from 1997-10-01 on"),
        ([*ONE, "tasks.cdnow_value.test_dates=[yesterday]"], "tasks.cdnow_value.test_dates"),
        ([*ONE, "tasks.cdnow_value.test_dates=[]"], "at least one date, or null is wanted"),
        ([*ONE, "tasks.cdnow_value.train=['snapshot.horizn_days=3']"],
         "tasks.cdnow_value: Could not override 'snapshot.horizn_days'"),
        ([*ONE, "tasks.cdnow_value.train=['snapshot.horizon_days=0']"],
         "tasks.cdnow_value: snapshot.horizon_days: 0 is out of range"),
        ([*ONE, "tasks.cdnow_value.data=cdnw"], "tasks.cdnow_value: no data 'cdnw'; did you mean"),
        ([*ONE, "paths.cdnow=nowhere"], "tasks.cdnow_value: data.path: nowhere"),
        ([*ONE, "paths.cdnw=x"], "did you mean 'paths.cdnow'?"),
        ([*ONE, "fresh=perhaps"], "fresh: 'perhaps' is neither true nor false"),
        (["tasks=[]"], "benchmark needs tasks=…"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_in_one_line(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert said in refused(capsys, *words)


@pytest.mark.slow
def test_the_command_line_runs_names_a_baseline_and_prints_the_looks(
    journey: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    quick = ",".join(f"'{word}'" for word in QUICK)
    words = [f"tasks=[{TASK}]", "models.value=[lightgbm,last_window]", f"train=[{quick}]",
             f"paths.complete_journey={journey}", "out=bench", "progress=false"]  # fmt: skip
    assert cli.main(["benchmark", *words]) == 0
    said = capsys.readouterr().out
    assert f"{TASK}: Champion: " in said
    assert "Looks at test dates until now: complete_journey 2017-10-01: 1" in said
    assert "Page: bench/README.md" in said
