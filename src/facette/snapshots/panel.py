"""The panel: one snapshot per reference date, the last one the test, with the same constants."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import reduce

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl

from facette.errors import BadInput
from facette.expressions import parse
from facette.settings.data import EventData, Population
from facette.settings.data import Snapshot as SnapshotSettings
from facette.settings.models import ChurnModel
from facette.snapshots.aggregates import KEY, aggregates_at
from facette.snapshots.constants import constants
from facette.snapshots.contracts import ended_after, held_at
from facette.snapshots.finish import finished
from facette.snapshots.instants import EPOCH, as_date, iso
from facette.snapshots.known import history_days
from facette.snapshots.outcomes import YEAR_DAYS, net_column, outcomes_after, past_windows
from facette.snapshots.relations import related_at
from facette.snapshots.season import season_ahead, season_at
from facette.snapshots.spec import SnapshotSpec, WideSpec
from facette.snapshots.usage import usage_at
from facette.tables.contract import DAY_US, Tables
from facette.tables.door import microseconds
from facette.wording import listed

PERIMETER = "snapshot.perimeter"  # where it is set in training


@dataclass(frozen=True)
class Snapshot:
    """One row per customer at a reference date (None: undated), indexed by customer_id.

    `features`: what models may see. `context`: columns for baselines, tiers and perimeters
    (`value_current`, `value_year_ago`, `history_…`, `active`), in currency units and days, NaN
    where there is no such window, or no purchase to count days from; `season_ahead` is how much the
    outcome window brings, against the mean of the year; `newcomer` (0 or 1), where newcomers are
    told apart. `outcomes`: `value` (currency units) and `churned` (0 or 1, NaN for who was not
    active), None where the future is not known. `protected`: columns kept out of the features, to
    tell of outcomes by group, which nothing learns from; None where there are none.
    """

    reference_date: datetime | None
    features: pd.DataFrame
    context: pd.DataFrame
    outcomes: pd.DataFrame | None
    protected: pd.DataFrame | None = None

    def __len__(self) -> int:
        return len(self.features)

    def digest(self) -> str:
        """SHA-256 of customers and all their columns: equal for equal snapshots."""
        made = hashlib.sha256()
        for frame in (self.features, self.context, self.outcomes, self.protected):
            if frame is not None:
                made.update(",".join(frame.columns).encode())
                made.update(pd.util.hash_pandas_object(frame).to_numpy().tobytes())
        return made.hexdigest()

    def keep(self, rows: np.ndarray) -> Snapshot:
        """The snapshot of these rows only."""
        outcomes, protected = (
            None if frame is None else frame[rows] for frame in (self.outcomes, self.protected)
        )
        return Snapshot(
            self.reference_date, self.features[rows], self.context[rows], outcomes, protected
        )


@dataclass(frozen=True)
class Panel:
    """Training snapshots in order of time, the test snapshot, their constants, what was said.

    Of a wide table there is one snapshot without a date, both for training and for test: it is
    judged in folds of customers.
    """

    training: list[Snapshot]
    test: Snapshot
    spec: SnapshotSpec | WideSpec
    notes: list[str] = field(default_factory=list)

    @property
    def dated(self) -> bool:
        """Whether outcomes come after a reference date, so that a test is out of time."""
        return isinstance(self.spec, SnapshotSpec)

    @property
    def reach_days(self) -> int | None:
        """How many days the outcomes of a date look ahead at most; None where undated."""
        spec = self.spec
        return spec.horizon_days + spec.gap_days if isinstance(spec, SnapshotSpec) else None

    @property
    def snapshots(self) -> list[Snapshot]:
        """Every snapshot once, in order of time, the test last."""
        return [*self.training, self.test] if self.dated else [self.test]

    def digests(self) -> dict[str, str]:
        """SHA-256 of each snapshot by its reference date, the test last."""
        return {iso(s.reference_date): s.digest() for s in self.snapshots}

    def dates(self) -> list[str]:
        """Reference dates as ISO text, the last one the test."""
        return [iso(s.reference_date) for s in [*self.training, self.test]]


def panel(tables: Tables, settings: SnapshotSettings, churn: ChurnModel, data: EventData) -> Panel:
    """Every snapshot of the panel.

    Raises:
        BadInput: dates outside what was observed, too little history, an empty perimeter,
            customers who all bought once.
    """
    notes: list[str] = []
    reach = settings.horizon_days + churn.gap_days
    dates = reference_dates(tables, settings, reach)
    spec = constants(tables, dates[0], settings, churn, data, notes)
    if settings.seasonal:
        spec = _seasonal(tables, dates[-1], spec, notes)
    made = [snapshot_at(tables, t, spec, settings.perimeter, with_outcomes=True) for t in dates]
    if all((s.context["history_days"] <= 1).all() for s in made):
        raise BadInput(
            f"transactions: all {len(made[-1]):,} customers have a single day of purchase before "
            f"{iso(made[-1].reference_date)}; nothing can be learnt about rhythm or return: give "
            "a longer history, or check that customer_id is not an order number"
        )
    if spec.population == Population.known.value:
        notes.append(_without_purchase(made[-1]))
    return Panel(made[:-1], made[-1], spec, notes)


def _seasonal(tables: Tables, t: int, spec: SnapshotSpec, notes: list[str]) -> SnapshotSpec:
    """The spec with the season known at the test date; whether there is one is said in `notes`."""
    season, why = season_at(tables, t, spec)
    made = replace(spec, season=season)
    notes.append(
        f"value is not seasonally adjusted: {why}"
        if why
        else "value is seasonally adjusted (snapshot.seasonal): learnt and forecast against the "
        f"weeks of the year before {as_date(t)}; the outcome window brings "
        f"{season_ahead(t, made):.2f} times what a usual one does"
    )
    return made


def _without_purchase(snapshot: Snapshot) -> str:
    leads = int((snapshot.context["history_days"] == 0).sum())
    return (
        f"snapshots hold whoever is known (snapshot.population): {leads:,} of {len(snapshot):,} at "
        f"{iso(snapshot.reference_date)} have not bought yet"
    )


def snapshot_at(
    tables: Tables, t: int, spec: SnapshotSpec, perimeter: str | None, *, with_outcomes: bool,
    where: str = PERIMETER,
) -> Snapshot:  # fmt: skip
    """The snapshot at `t` (microseconds) with stored constants; `where` the perimeter is set.

    Raises:
        BadInput: nobody has a transaction before `t`, or the perimeter selects nobody.
    """
    shares = [_aggregated(share, t, spec, with_outcomes) for share in tables.shares()]
    rows = pl.concat(shares).sort(KEY)
    date = EPOCH + timedelta(microseconds=t)
    if not len(rows):
        raise BadInput(
            f"snapshot.reference_dates: no customer has a transaction before {iso(date)}"
        )
    features, protected = _parted(finished(rows, t, replace(spec, protected=())), spec)
    context = _context(rows, t, history_days(tables, t), spec)
    if spec.min_history_days:
        context["newcomer"] = _newcomers(features, context, spec)
    made = Snapshot(
        date, features, context, _outcomes(rows, spec) if with_outcomes else None,
        protected,
    )  # fmt: skip
    return made if perimeter is None else within(made, perimeter, where)


def _parted(whole: pd.DataFrame, spec: SnapshotSpec) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """The features, and what is kept out of them; None where nothing is."""
    if not spec.protected:
        return whole, None
    out = list(spec.protected)
    return whole.drop(columns=out), whole[out]


def _aggregated(tables: Tables, t: int, spec: SnapshotSpec, with_outcomes: bool) -> pl.DataFrame:
    after = outcomes_after(tables, t, spec) if with_outcomes else []
    frames = [aggregates_at(tables, t, spec), *past_windows(tables, t, spec), *after]
    frames += related_at(tables, t, spec)
    frames += usage_at(tables, t, spec) if spec.used_categories else []
    if "contracts" in spec.tables:
        frames.append(held_at(tables, t))
        frames += [ended_after(tables, t, spec)] if with_outcomes else []
    joined = reduce(lambda left, right: left.join(right, on=KEY, how="left"), frames)
    return pl.DataFrame(joined.collect("pyarrow").to_native())


def reference_dates(tables: Tables, settings: SnapshotSettings, reach: int) -> list[int]:
    """Reference dates in microseconds, ascending, the last one the test.

    `reach` is how many days the outcomes of a date look ahead. `auto` takes the latest date whose
    outcomes are known as the test, and `training_dates` before it.

    Raises:
        BadInput: a date is malformed, before the first purchase, or its outcome window runs past
            the end of the data or past the test date; or fewer than two dates are left.
    """
    start, end = tables.first_at // DAY_US * DAY_US, tables.observed_until
    if settings.reference_dates == "auto":
        test = end - reach * DAY_US
        earliest = start + settings.observation_days * DAY_US
        dates = [
            *training_dates(test, start, settings, reach),
            *([test] if test >= earliest else []),
        ]
    else:
        given = settings.reference_dates
        if isinstance(given, str) or not isinstance(given, Iterable):
            raise BadInput(
                f"snapshot.reference_dates: '{given}' is neither 'auto' nor a list such as "
                "[2017-04-02,2017-07-02,2017-10-01]"
            )
        dates = sorted({microseconds(d, "snapshot.reference_dates") for d in given})
        _check_dates(dates, start, end, reach)
    if len(dates) < 2:
        days = (end - start) // DAY_US
        raise BadInput(
            f"snapshot: {days:,} days of data leave {len(dates)} reference date(s) with "
            f"{settings.observation_days} days behind and {reach} ahead, and two are needed (one "
            "to train, one to test); lower snapshot.horizon_days or snapshot.observation_days"
        )
    return dates


def training_dates(test: int, start: int, settings: SnapshotSettings, reach: int) -> list[int]:
    """Dates to learn from, ascending: the latest whose outcomes end by `test`, and back from there.

    In steps of `training_step_days`, or else of `reach`, while `observation_days` of history since
    `start` remain, `max_reference_dates` at most with the test.
    """
    step = settings.training_step_days or reach
    earliest = start + settings.observation_days * DAY_US
    back = range(settings.max_reference_dates - 1)
    dates = [test - (reach + i * step) * DAY_US for i in back]
    return sorted(t for t in dates if t >= earliest)


def _check_dates(dates: list[int], start: int, end: int, reach: int) -> None:
    early = [as_date(t) for t in dates if t <= start]
    if early:
        raise BadInput(
            f"snapshot.reference_dates: {listed(early)} is not after the first purchase, "
            f"{as_date(start)}; choose later dates"
        )
    late = [as_date(t) for t in dates if t + reach * DAY_US > end]
    if late:
        raise BadInput(
            f"snapshot.reference_dates: outcomes of {listed(late)} need {reach} days, and data end "
            f"at {as_date(end)}; choose a date up to {as_date(end - reach * DAY_US)} or a shorter "
            "snapshot.horizon_days"
        )
    overlapping = [as_date(t) for t in dates[:-1] if t + reach * DAY_US > dates[-1]]
    if overlapping:
        raise BadInput(
            f"snapshot.reference_dates: outcomes of {listed(overlapping)} run {reach} days, past "
            f"the test date {as_date(dates[-1])}; train on dates at least that far before it"
        )


def _context(rows: pl.DataFrame, t: int, history: int, spec: SnapshotSpec) -> pd.DataFrame:
    number = {c: rows[c].cast(pl.Float64).to_numpy() for c in rows.columns if c in _CONTEXT}
    money, (_, rate) = 10**spec.minor_units, net_column(spec)
    zeroed = {c: np.nan_to_num(number[c]) / money for c in ("current_amount", "year_ago_amount")}
    known = {"current": history >= spec.horizon_days, "year_ago": history >= YEAR_DAYS}
    value = {f"value_{k}": zeroed[f"{k}_amount"] * rate if known[k] else np.nan for k in known}
    day = t // DAY_US
    return pd.DataFrame(
        value
        | {
            "value_annualised": np.nan_to_num(number["history_net_amount"]) / money * rate
            * spec.horizon_days / history,
            "season_ahead": np.full(len(rows), season_ahead(t, spec)),
            "tenure_days": day - number["history_first_day"],
            "history_days": np.nan_to_num(number["history_days"]),
            "history_recency_days": np.nan_to_num(
                number["history_last_day"] - number["history_first_day"]
            ),
            "history_repeat_value": np.nan_to_num(number["history_repeat_amount"]) / money * rate,
            "active": _active(number, spec).astype(float),
        },
        index=_index(rows),
    )  # fmt: skip


def _newcomers(features: pd.DataFrame, context: pd.DataFrame, spec: SnapshotSpec) -> pd.Series:
    """1 for who has been a customer for too short a time, or without any date to count from.

    Tenure counts from acquisition where it is known, else from the first purchase.
    """
    tenure = context["tenure_days"]
    if "tenure_days" in features:
        tenure = features["tenure_days"].fillna(tenure)
    return (~(tenure >= spec.min_history_days)).astype(float)


_CONTEXT = {
    "current_amount", "year_ago_amount", "active_lines", "history_first_day", "history_last_day",
    "history_days", "history_net_amount", "history_repeat_amount", "contracts_quiet",
    "activity_before",
}  # fmt: skip


def _active(number: dict[str, np.ndarray], spec: SnapshotSpec) -> np.ndarray:
    """Who can leave: by contracts without notice, or purchases; in part, by what can fall."""
    said = ["contracts_quiet"] if spec.contractual else ["active_lines"]
    said += ["activity_before"] if spec.partial_of else []
    return np.all([np.nan_to_num(number[name]) > 0 for name in said], axis=0)


def _outcomes(rows: pl.DataFrame, spec: SnapshotSpec) -> pd.DataFrame:
    count = {
        c: rows[c].cast(pl.Float64).fill_null(0).to_numpy() for c in rows.columns if c in _COUNTS
    }
    value = count["value_amount"] / 10**spec.minor_units * net_column(spec)[1]
    churned = _contracts_left(count) if spec.contractual else _silent(count)
    if spec.partial_share is not None:
        churned = np.where(_active(count, spec), _fallen(count, spec.partial_share), np.nan)
    return pd.DataFrame({"value": value, "churned": churned}, index=_index(rows))


def _silent(count: dict[str, np.ndarray]) -> np.ndarray:
    """1 for the active who bought nothing, 0 for those who did, missing for the others."""
    churned = (count["returned"] == 0).astype(float)
    return np.where(count["active_lines"] > 0, churned, np.nan)


def _fallen(count: dict[str, np.ndarray], share: float) -> np.ndarray:
    """1 where activity is below (1 - share) of that before; exactly at it, nothing has fallen."""
    bound = np.round((1 - share) * count["activity_before"], 6)  # 1 - share is not exact in binary
    return (count["activity_after"] < bound).astype(float)


def _contracts_left(count: dict[str, np.ndarray]) -> np.ndarray:
    """1 where all contracts at stake ended, some by own will, and none is held in their place."""
    at_stake, left = count["contracts_at_stake"], count["contracts_left"]
    all_ended = (count["contracts_ended"] == at_stake) & (count["contracts_kept"] == 0)
    known = (at_stake > 0) & ~(all_ended & (left == 0))
    return np.where(known, (all_ended & (left > 0)).astype(float), np.nan)


_COUNTS = {
    "value_amount", "returned", "active_lines", "contracts_at_stake", "contracts_ended",
    "contracts_left", "contracts_kept", "activity_before", "activity_after",
}  # fmt: skip


def _index(rows: pl.DataFrame) -> pd.Index:
    return pd.Index(rows[KEY].to_list(), name=KEY, dtype=object).astype("str")


def within(snapshot: Snapshot, perimeter: str, where: str = PERIMETER) -> Snapshot:
    """The customers of a snapshot for whom the expression holds; `where` it is set.

    Raises:
        BadInput: it can't be read, or selects nobody.
    """
    context = snapshot.context.drop(columns=snapshot.features.columns, errors="ignore")
    seen = pd.concat([snapshot.protected, context, snapshot.features], axis=1)
    expression = parse(perimeter, where=where)
    expression.check(list(seen.columns))
    frame = nw.from_native(seen, eager_only=True)
    rows = frame.select(keep=expression.condition(frame.schema))["keep"].to_numpy()
    if not rows.any():
        raise BadInput(
            f"{where}: '{perimeter}' selects none of the {len(snapshot):,} customers"
            f"{f' at {iso(date)}' if (date := snapshot.reference_date) else ''}; widen it"
        )
    return snapshot.keep(rows)
