"""Nothing that was not yet known changes a feature, on the real data, on two engines."""

from collections.abc import Callable

import narwhals as nw
import numpy as np
import polars as pl
import pytest

from facette.settings import Train
from facette.snapshots import aggregates, outcomes
from facette.snapshots.panel import Panel, Snapshot, snapshot_at
from facette.tables.contract import DAY_US, Tables
from facette.tables.door import microseconds, read

DATE = "2017-07-02"


@pytest.fixture(scope="module")
def tables(journey_panel: tuple[Train, Panel]) -> Tables:
    return read(journey_panel[0].data)


def with_another_future(tables: Tables, t: int) -> Tables:
    """Everything not known at `t` scrambled, a third of it deleted, new rows added."""
    generator = np.random.default_rng(3)
    frames = dict(tables.frames)
    for name in ("transactions", "contacts"):
        rows = tables[name].collect("polars").to_native()
        known, later = (
            rows.filter(pl.col("recorded_at") < t),
            rows.filter(pl.col("recorded_at") >= t),
        )
        kept = later.sample(fraction=2 / 3, seed=1)
        order = generator.permutation(kept.height)
        swapped = kept.with_columns(kept[order.tolist()]["customer_id"])
        if name == "transactions":
            swapped = swapped.with_columns(amount=pl.col("amount") * 7 + 1)
        else:
            known = known.with_columns(
                responded_at=pl.when(pl.col("responded_at") < t).then("responded_at")
                .otherwise(pl.lit(t + 5 * DAY_US))
            )  # fmt: skip
        frames[name] = nw.from_native(pl.concat([swapped, known, swapped.head(5_000)]).lazy())
    return Tables(frames, tables.first_at, tables.observed_until)


def differing(one: Snapshot, other: Snapshot) -> int:
    """Cells of features and context that differ in any bit."""
    if list(one.features.index) != list(other.features.index):
        return len(one) * one.features.shape[1]
    pairs = ((one.features, other.features), (one.context, other.context))
    return sum(int((~((a == b) | (a.isna() & b.isna()))).to_numpy().sum()) for a, b in pairs)


def test_the_future_changes_nothing(
    journey_panel: tuple[Train, Panel], tables: Tables, evidence: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    spec, t = journey_panel[1].spec, microseconds(DATE, "date")
    other = with_another_future(tables, t)
    one = snapshot_at(tables, t, spec, None, with_outcomes=False)
    changed = differing(one, snapshot_at(other, t, spec, None, with_outcomes=False))
    for module in (aggregates, outcomes):
        monkeypatch.setattr(module, "known_at", lambda tables, name, t: tables[name])
    leaking = [snapshot_at(x, t, spec, None, with_outcomes=False) for x in (tables, other)]
    caught = differing(*leaking)
    figure = {"cells": one.features.size + one.context.size, "cells_changed": changed,
              "cells_changed_with_a_planted_leak": caught}  # fmt: skip
    evidence(
        "the_future_changes_no_feature", figure,
        "0 cells change when everything unknown is scrambled, deleted, added; a planted leak is "
        "caught",
        changed == 0 and caught > 0, f"complete_journey, {DATE}",
    )  # fmt: skip


def test_two_engines_give_the_same_integers(
    journey_panel: tuple[Train, Panel], tables: Tables, evidence: Callable[..., None]
) -> None:
    import duckdb

    spec, t = journey_panel[1].spec, microseconds(DATE, "date")
    connection = duckdb.connect()
    frames = {}
    for name in tables.frames:
        rows = tables[name].collect("pyarrow").to_native()
        connection.register(f"{name}_rows", rows)
        connection.execute(f"create table {name} as select * from {name}_rows")
        frames[name] = nw.from_native(connection.table(name))
    other = Tables(frames, tables.first_at, tables.observed_until)
    cells, unequal = 0, 0
    for make in (
        lambda x: [aggregates.aggregates_at(x, t, spec)],
        lambda x: outcomes.past_windows(x, t, spec),
        lambda x: outcomes.outcomes_after(x, t, spec),
    ):
        for left, right in zip(make(tables), make(other), strict=True):
            a, b = (pl.from_arrow(f.collect("pyarrow").to_native()).sort("customer_id")
                    for f in (left, right))  # fmt: skip
            cells += a.height * a.width  # type: ignore[union-attr]
            unequal += 0 if a.equals(b.select(a.columns)) else 1  # type: ignore[union-attr]
    evidence(
        "two_engines_give_the_same_integers", {"cells": cells, "tables_unequal": unequal},
        "every aggregate equal on Polars and DuckDB", unequal == 0, f"complete_journey, {DATE}",
    )  # fmt: skip
