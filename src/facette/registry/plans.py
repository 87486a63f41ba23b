"""Plans in the tracking store: what was decided, kept so that it can be held against what came.

Who is held out stays so for a horizon: a plan made meanwhile for the same customers goes by the lot
that is running, and draws only for who is new. So what came is held against the plan that drew it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from facette.policy.power import Lot
from facette.registry.tracking import TrackedRun
from facette.snapshots.instants import iso

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.entities import Run

FOLDER, ASSIGNED = "plan", "assigned.parquet"
DRAWN, HORIZON, HELD_OUT = "facette.holdout_drawn", "policy/horizon_days", "policy/held_out"
LEAST_DAYS = 28  # after which a plan is held against what came
MOST_SEARCHED = 1000


@dataclass(frozen=True)
class EarlierPlan:
    """A plan before a date: its run, its reference date (ISO), who was to be handled how.

    `claimed`: the effect in currency units a customer, of those not held out, that it claimed over
    `horizon_days`, costs aside; None where it could not. `assigned` has a row for each customer by
    customer_id.
    """

    run_id: str
    reference_date: str
    horizon_days: int
    claimed: float | None
    assigned: pd.DataFrame


def record_plan(
    run: TrackedRun, assigned: pd.DataFrame, activation: pd.DataFrame, left_out: pd.DataFrame,
    metrics: dict[str, float], page: Path,
) -> None:  # fmt: skip
    """Log figures, page and files of a plan."""
    run.metrics(metrics)
    run.file(page)
    files = {ASSIGNED: assigned.reset_index(), "activation.parquet": activation,
             "left_out.parquet": left_out}  # fmt: skip
    with TemporaryDirectory() as folder:
        for name, frame in files.items():
            frame.to_parquet(Path(folder) / name, index=False)
            run.file(Path(folder) / name, FOLDER)


def plan_tags(
    data: str, date: str, perimeter: str, lot: Lot, *, draft: bool = False
) -> dict[str, str]:
    """What a plan is found by: its data, reference date (ISO), for whom it is, and its lot.

    Nobody goes by the lot of a draft later.
    """
    return {
        "facette.verb": "plan", "facette.data": data, "facette.reference_date": date,
        "facette.perimeter": perimeter, DRAWN: "" if draft else lot.date,
    }  # fmt: skip


def running_lot(client: MlflowClient, data: str, perimeter: str, date: str) -> Lot | None:
    """The latest lot drawn for the same customers before a date (ISO) that still holds then."""
    lots = [_lot(run) for run in _drawn_for(client, data, perimeter)]
    return next((lot for lot in reversed(lots) if lot.date < date < lot.until), None)


def earlier_plan(client: MlflowClient, data: str, perimeter: str, date: str) -> EarlierPlan | None:
    """The latest plan for the same customers that drew a lot, `LEAST_DAYS` before a date or more.

    Later plans under its lot are part of what it brought. Of several of one date the last run
    counts; None where there is none.
    """
    import pandas as pd

    least = _later(date, -LEAST_DAYS)
    older = [run for run in _drawn_for(client, data, perimeter) if _lot(run).date <= least]
    if not older:
        return None
    last, figures = older[-1], older[-1].data.metrics
    with TemporaryDirectory() as folder:
        path = client.download_artifacts(last.info.run_id, f"{FOLDER}/{ASSIGNED}", folder)
        assigned = pd.read_parquet(path).set_index("customer_id")
    return EarlierPlan(
        last.info.run_id, _lot(last).date, int(figures[HORIZON]),
        figures.get("policy/claimed_effect_each"), assigned,
    )  # fmt: skip


def _drawn_for(client: MlflowClient, data: str, perimeter: str) -> list[Run]:
    """The runs of finished plans that drew a lot of their own, by date and then as they ran."""
    home = client.get_experiment_by_name(data)
    if home is None:
        return []
    plans = "tags.`facette.verb` = 'plan' and attributes.status = 'FINISHED'"
    found = client.search_runs([home.experiment_id], plans, max_results=MOST_SEARCHED)
    own = [
        run for run in found
        if run.data.tags["facette.perimeter"] == perimeter
        and run.data.tags.get(DRAWN) == run.data.tags["facette.reference_date"]
        and run.data.metrics.get(HELD_OUT, 0) > 0
    ]  # fmt: skip
    return sorted(own, key=lambda run: (run.data.tags[DRAWN], run.info.start_time))


def _lot(run: Run) -> Lot:
    date = run.data.tags[DRAWN]
    return Lot(date, _later(date, int(run.data.metrics[HORIZON])))


def _later(date: str, days: int) -> str:
    return iso(datetime.fromisoformat(date) + timedelta(days=days))
