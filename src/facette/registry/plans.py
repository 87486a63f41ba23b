"""Plans in the tracking store: what was decided, kept so that it can be held against what came."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from facette.registry.tracking import TrackedRun

if TYPE_CHECKING:
    import pandas as pd

FOLDER, ASSIGNED = "plan", "assigned.parquet"
MOST_SEARCHED = 1000


@dataclass(frozen=True)
class EarlierPlan:
    """The latest plan before a date: its run, its reference date (ISO), who was to be handled how.

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


def earlier_plan(run: TrackedRun, data: str, before: str) -> EarlierPlan | None:
    """The latest plan of the same data that stands before this date; None where there is none."""
    import pandas as pd

    same = (
        f"tags.`facette.data` = '{data}' and tags.`facette.verb` = 'plan' "
        "and attributes.status = 'FINISHED'"
    )
    found = run.client.search_runs([run.experiment_id], same, max_results=MOST_SEARCHED)
    dated = [(r.data.tags["facette.reference_date"], r.info.start_time, r) for r in found]
    older = [entry for entry in dated if entry[0] < before]
    if not older:
        return None
    date, _, last = max(older, key=lambda entry: entry[:2])
    with TemporaryDirectory() as folder:
        path = run.client.download_artifacts(last.info.run_id, f"{FOLDER}/{ASSIGNED}", folder)
        assigned = pd.read_parquet(path).set_index("customer_id")
    figures = last.data.metrics
    return EarlierPlan(
        last.info.run_id, date, int(figures["policy/horizon_days"]),
        figures.get("policy/claimed_effect_each"), assigned,
    )  # fmt: skip
