"""Nothing that is not yet known at the reference date changes anything that is said of it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest
from dealings import whole_shop
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import (
    END,
    START,
    Frames,
    admitted,
    at,
    churn_settings,
    data,
    panel_settings,
    shop,
    spec_at,
)

from facette.snapshots import aggregates, outcomes, relations, usage
from facette.snapshots.constants import constants
from facette.snapshots.panel import Snapshot, snapshot_at
from facette.snapshots.spec import SnapshotSpec
from facette.tables.contract import CONTRACTS, Tables

DATES = st.integers(130, 240).map(lambda days: START + timedelta(days=days))
Draws = np.random.Generator
Leak = Callable[[Tables, str, int], nw.LazyFrame]


def scrambled(frames: Frames, t: datetime, rng: Draws) -> Frames:
    """The same world as known at `t`, and another one from then on."""
    return {name: _table(name, frame, t, rng) for name, frame in frames.items()}


def _table(name: str, frame: pl.DataFrame, t: datetime, rng: Draws) -> pl.DataFrame:
    if name == "products":
        return frame
    known = _known(name, frame, t)
    kept, unknown = frame.filter(known), frame.filter(~known)
    added = _added(name, frame, t, rng)
    survivors = unknown.filter(pl.Series(rng.random(len(unknown)) < 0.6, dtype=pl.Boolean))
    other = pl.concat([_shuffled(survivors, rng), added], how="diagonal_relaxed")
    key = list(CONTRACTS[name].key)
    whole = pl.concat([_refilled(name, kept, t, rng), other], how="diagonal_relaxed")
    keyed = [column for column in key if column in whole.columns]
    return whole.unique(keyed, keep="first", maintain_order=True) if keyed else whole


def _known(name: str, frame: pl.DataFrame, t: datetime) -> pl.Series:
    dates = (CONTRACTS[name].instant, "recorded_at")
    instants = [pl.col(date) < t for date in dates if date in frame.columns]
    everything = pl.repeat(True, pl.len())
    return frame.select(pl.all_horizontal(everything, *instants).fill_null(True)).to_series()


def _shuffled(unknown: pl.DataFrame, rng: Draws) -> pl.DataFrame:
    """Rows that are not known yet, their contents dealt out anew."""
    dealt = [
        name for name in unknown.columns
        if name in ("amount", "product", "region", "discount", "objected", "granted", "channel",
                    "purpose", "initiator", "kind", "value", "answer")
    ]  # fmt: skip
    return unknown.with_columns(
        unknown[name].gather(rng.permutation(len(unknown)).tolist()) for name in dealt
    )


def _added(name: str, frame: pl.DataFrame, t: datetime, rng: Draws) -> pl.DataFrame:
    """Copies of known rows said of other customers or later, none of them recorded before `t`."""
    copies = frame.sample(min(len(frame), 12), seed=int(rng.integers(1 << 31)))
    later = pl.lit(t) + pl.duration(hours=int(rng.integers(0, 800)))
    if name in ("transactions", "contacts", "interactions", "events", "surveys"):
        early = [str(CONTRACTS[name].instant)]
        before_all = pl.lit(START - timedelta(days=int(rng.integers(1, 300))))
        moved = [before_all.alias(column) for column in early if rng.random() < 0.5]
        changes = [pl.lit("stranger").alias("customer_id")] if rng.random() < 0.5 else []
        return copies.with_columns(*moved, *changes, recorded_at=later)
    if name == "customers" and "valid_from" in frame.columns:
        return copies.with_columns(valid_from=later, recorded_at=later, region=pl.lit("East"))
    if name == "consents":
        told = {"channel": pl.lit(None, pl.String), "objected": pl.lit(True)}
        if rng.random() < 0.5:
            told = {"granted": ~pl.col("granted"), "objected": pl.lit(None, pl.Boolean)}
        return copies.with_columns(recorded_at=later, **told)
    return frame.clear()


def _refilled(name: str, kept: pl.DataFrame, t: datetime, rng: Draws) -> pl.DataFrame:
    """Cells that get filled later: emptied, or filled at some other later moment."""
    late = {column.name: column.filled_at for column in CONTRACTS[name].columns if column.filled_at}
    for column in dict.fromkeys(late.values()):
        if column in kept.columns:
            other = t + timedelta(hours=int(rng.integers(0, 900)))
            later = pl.when(pl.Series(rng.random(len(kept)) < 0.5)).then(pl.lit(other))
            unknown = pl.col(column).is_null() | (pl.col(column) >= t)
            kept = kept.with_columns(pl.when(~unknown).then(pl.col(column)).otherwise(later))
    for value in ("revenue", "duration_min"):
        if value in kept.columns:
            known = pl.col(late[value]) < t
            kept = kept.with_columns(pl.when(known).then(pl.col(value)).otherwise(999.0))
    return kept


def open_ended(frames: Frames) -> Tables:
    return admitted(frames, observed_until=(END + timedelta(days=400)).date().isoformat())


def said(tables: Tables, t: datetime, spec: SnapshotSpec) -> Snapshot:
    return snapshot_at(tables, at(t.isoformat()), spec, None, with_outcomes=False)


def assert_same(one: Snapshot, other: Snapshot) -> None:
    """The population, the features and the context, to the bit."""
    for before, after in ((one.features, other.features), (one.context, other.context)):
        pd.testing.assert_frame_equal(before, after, check_exact=True)


@cache
def both_worlds(seed: int, t: datetime, dated: bool) -> tuple[Tables, Tables]:
    """A world, and another one from `t` on."""
    frames = whole_shop(seed, customers=14, dated=dated)
    return open_ended(frames), open_ended(scrambled(frames, t, np.random.default_rng(seed)))


def invariance(seed: int, t: datetime, dated: bool) -> None:
    tables, other = both_worlds(seed, t, dated)
    spec = spec_at(tables, at(t.isoformat()))
    assert spec == spec_at(other, at(t.isoformat()))
    assert_same(said(tables, t, spec), said(other, t, spec))


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), t=DATES, dated=st.booleans())
def test_features_ignore_what_is_not_yet_known(seed: int, t: datetime, dated: bool) -> None:
    invariance(seed, t, dated)


def everything(tables: Tables, name: str, t: int) -> nw.LazyFrame:
    return tables[name]


def by_instant(tables: Tables, name: str, t: int) -> nw.LazyFrame:
    """Rows that occurred before `t`, whenever they were recorded."""
    instant = CONTRACTS[name].instant
    return _before(tables, name, instant, t)


def by_row(tables: Tables, name: str, t: int) -> nw.LazyFrame:
    """Rows recorded before `t`, with what their cells were filled with later."""
    return _before(tables, name, "recorded_at", t)


def _before(tables: Tables, name: str, instant: str | None, t: int) -> nw.LazyFrame:
    frame = tables[name]
    return frame.filter(nw.col(instant) < t) if instant in tables.columns(name) else frame


@pytest.mark.parametrize("leak", [everything, by_instant, by_row])
def test_a_planted_leak_is_caught(leak: Leak, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (aggregates, outcomes, relations, usage):
        monkeypatch.setattr(module, "known_at", leak)
    caught = 0
    for seed in range(6):
        try:
            invariance(seed, START + timedelta(days=170), dated=bool(seed % 2))
        except AssertionError:
            caught += 1
    assert caught >= 4


def test_the_order_of_rows_changes_nothing() -> None:
    frames = whole_shop(5, customers=20, dated=True)
    t = START + timedelta(days=170)
    tables = admitted(frames)
    turned = {
        name: frame.sample(fraction=1, shuffle=True, seed=1) for name, frame in frames.items()
    }
    other = admitted(turned)
    spec = spec_at(tables, at(t.isoformat()))
    assert spec == spec_at(other, at(t.isoformat()))
    one, two = (
        snapshot_at(x, at(t.isoformat()), spec, None, with_outcomes=True) for x in (tables, other)
    )
    assert_same(one, two)
    pd.testing.assert_frame_equal(one.outcomes, two.outcomes, check_exact=True)


def test_a_snapshot_of_one_customer_alone_is_that_customers_row() -> None:
    frames = whole_shop(8, customers=40)
    t = START + timedelta(days=170)
    tables = admitted(frames)
    spec = spec_at(tables, at(t.isoformat()), categories=12)
    whole = snapshot_at(tables, at(t.isoformat()), spec, None, with_outcomes=True)
    opener = frames["transactions"].sort("occurred_at").head(1)
    for customer in whole.features.index[::3]:
        own = {
            name: f.filter(pl.col("customer_id") == customer) if "customer_id" in f.columns else f
            for name, f in frames.items()
        }
        own["transactions"] = pl.concat([own["transactions"], opener]).unique()
        own = {name: frame for name, frame in own.items() if len(frame)}
        alone = snapshot_at(_as_wide_as(tables, own), at(t.isoformat()), spec, None,
                            with_outcomes=True)  # fmt: skip
        for part in ("features", "context", "outcomes"):
            full = getattr(whole, part).loc[[customer]]
            pd.testing.assert_frame_equal(
                getattr(alone, part).loc[[customer]], full, check_exact=True
            )


def _as_wide_as(tables: Tables, frames: Frames) -> Tables:
    """Admitted frames, those that are empty for this customer standing as empty tables."""
    made = admitted(frames)
    empty = {name: frame.head(0) for name, frame in tables.frames.items() if name not in frames}
    return Tables(made.frames | empty, made.first_at, made.observed_until)


def test_what_the_spec_drops_is_told_once() -> None:
    notes: list[str] = []
    tables = admitted(shop(1, customers=10))
    constants(tables, at("2021-03-01"), panel_settings(), churn_settings(), data(), notes)
    assert len(notes) == len(set(notes)) == 5
