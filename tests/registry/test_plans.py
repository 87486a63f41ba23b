"""A plan is found by whom it was for, and its lot of who is held out runs for its horizon."""

from pathlib import Path

import pandas as pd
import pytest
from running import with_store
from shop import tracking_in

from facette.policy.power import Lot
from facette.registry.plans import earlier_plan, plan_tags, record_plan, running_lot
from facette.registry.tracking import open_store, tracked
from facette.settings import Tracking

DAYS = 364


@pytest.fixture
def store(tmp_path: Path) -> Tracking:
    return tracking_in(with_store(tmp_path))


def made(
    store: Tracking, date: str, whom: str = "everyone", lot: str | None = None, held: int = 5,
    *, inside: bool = False,
) -> str:  # fmt: skip
    """A plan on record; `inside`: by a training run."""
    page = Path(str(store.artifacts)).with_name("decision.html")
    page.write_text("<p>")
    tags = plan_tags("shop", date, whom, Lot(lot or date, ""))
    files = (pd.DataFrame({"today": ["quiet"]}, pd.Index(["ann"], name="customer_id")),
             pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1]}))  # fmt: skip
    figures = {"policy/horizon_days": DAYS, "policy/held_out": held}
    with tracked(store, experiment="shop", name="run", tags={} if inside else tags) as run:
        if not inside:
            record_plan(run, *files, figures, page)
            return run.run_id
        with run.child("policy") as child:
            child.tags(tags)
            record_plan(child, *files, figures, page)
            return child.run_id


def found(store: Tracking, date: str, whom: str = "everyone") -> str | None:
    earlier = earlier_plan(open_store(store), "shop", whom, date)
    return None if earlier is None else earlier.run_id


def lot(store: Tracking, date: str, whom: str = "everyone") -> Lot | None:
    return running_lot(open_store(store), "shop", whom, date)


def test_where_nothing_was_planned_there_is_no_lot_and_no_plan(store):
    assert lot(store, "2025-01-01") is None
    assert found(store, "2025-01-01") is None


def test_a_lot_runs_for_the_horizon_of_its_plan_and_for_the_same_customers(store):
    made(store, "2025-01-01")
    running = Lot("2025-01-01", "2025-12-31")
    for date, there in [("2025-01-01", None), ("2025-01-02", running), ("2025-12-30", running),
                        ("2025-12-31", None), ("2024-06-01", None)]:  # fmt: skip
        assert lot(store, date) == there
    assert lot(store, "2025-02-01", "(age > 30)") is None


def test_a_plan_under_an_earlier_lot_or_of_others_hides_none(store):
    first = made(store, "2025-01-01")
    made(store, "2025-02-01", lot="2025-01-01")
    made(store, "2025-02-01", "(age > 30)")
    made(store, "2025-02-01", held=0)
    assert found(store, "2025-01-28") is None
    assert found(store, "2025-01-29") == found(store, "2025-06-01") == first
    assert lot(store, "2025-06-01") == Lot("2025-01-01", "2025-12-31")


def test_the_latest_date_counts_and_of_one_date_the_last_run(store):
    made(store, "2025-01-01")
    again = made(store, "2025-01-01", inside=True)
    assert found(store, "2026-01-20") == again
    later = made(store, "2026-01-01")
    assert found(store, "2026-01-20") == again
    assert found(store, "2026-02-20") == later
    assert lot(store, "2026-01-20") == Lot("2026-01-01", "2026-12-31")
