"""Runs repeat, packages answer alike elsewhere, and the whole job is quick and small."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from running import train_in

from facette.jobs.train import Trained


def test_one_seed_gives_one_set_of_metrics(
    complete_journey: Trained, tmp_path: Path, evidence: Callable[..., None]
) -> None:
    again = train_in(tmp_path)
    first, second = complete_journey.metrics, again.metrics
    same = sum(first[name] == second.get(name) for name in first if first[name] == first[name])
    known = sum(figure == figure for figure in first.values())
    scores = complete_journey.scored.equals(again.scored)
    evidence(
        "one_seed_gives_identical_metrics",
        {"metrics": known, "identical": same, "scores_identical": scores},
        "every metric and every score identical in two runs",
        same == known and first.keys() == second.keys() and scores,
        "complete_journey, two runs with seed 7",
    )


def test_cdnow_runs_through_with_potential_off(
    tmp_path: Path, evidence: Callable[..., None]
) -> None:
    trained = train_in(tmp_path, "data=cdnow")
    told = trained.story.off.get("potential", "")
    figure = {
        "customers": trained.story.customers,
        "value/normalised_gini": trained.metrics["value/normalised_gini"],
        "value/gain/normalised_gini_high": trained.metrics["value/gain/normalised_gini_high"],
        "potential_off": told,
    }
    passed = "nothing but dates and spend" in told and "potential" not in trained.scored
    evidence("cdnow_runs_with_potential_off", figure, "runs; potential off and said so", passed,
             "cdnow")  # fmt: skip


PREDICT = """
import sys, mlflow, pandas as pd
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model("models:/complete_journey_customer@champion")
assert "facette" not in sys.modules
frame = pd.read_parquet(sys.argv[2])
model.predict(frame).to_parquet(sys.argv[3])
"""


def test_the_package_answers_alike_in_a_fresh_environment(
    complete_journey: Trained, rows: pd.DataFrame, home: Path, tmp_path: Path,
    evidence: Callable[..., None],
) -> None:  # fmt: skip
    needed = next((home / "mlruns" / "artifacts").rglob("requirements.txt"))
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "-r", needed, "pyarrow"], check=True)
    rows.to_parquet(tmp_path / "rows.parquet")
    store = f"sqlite:///{home / 'mlruns' / 'mlflow.db'}"
    out = tmp_path / "scores.parquet"
    subprocess.run([python, "-c", PREDICT, store, tmp_path / "rows.parquet", out],
                   check=True, cwd=tmp_path)  # fmt: skip
    said = pd.read_parquet(out)
    wanted = complete_journey.scored.reset_index(drop=True)
    same = (said == wanted) | (said.isna() & wanted.isna())
    differing = int((~same).any(axis=1).sum())
    evidence(
        "package_answers_alike_in_a_fresh_environment",
        {"customers": len(said), "rows_that_differ": differing,
         "requirements": needed.read_text().split()},
        "every row of every column as in the training run",
        differing == 0 and list(said.columns) == list(wanted.columns),
        "complete_journey, 2017-10-01",
    )  # fmt: skip


# the peak of the process itself: ru_maxrss would count what the parent held when it started it
MAIN_JOB = """
from pathlib import Path
from facette.cli import main
code = main(["train", "progress=false"])
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
raise SystemExit(code)
"""


def test_the_main_job_is_quick_and_small(tmp_path: Path, evidence: Callable[..., None]) -> None:
    before = time.perf_counter()
    command = [sys.executable, "-c", MAIN_JOB]
    said = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - before
    peak_gb = int(said.stdout.split()[-1]) / 1024**2
    figure = {"seconds": round(seconds, 1), "peak_gb": round(peak_gb, 2)}
    passed = seconds < 300 and peak_gb < 4
    evidence("main_job_is_quick_and_small", figure, "under 300 s and 4 GB, once installed", passed,
             "complete_journey, facette train as a process of its own")  # fmt: skip
