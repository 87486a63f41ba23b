"""What came of the ways customers were handled in the past, ready to be compared.

A *trial* is customers whose relationship model began at about the same time, what their next months
brought, and how likely each of them was to be given each model. Where it was drawn by lot, the
propensity is known and the comparison is randomised; where it was not, it has to be estimated, and
the comparison is weaker. Who was given a model none of whose channels they consent to was in fact
served on request: that is how being served on request comes to be measured.

Lots are drawn again and again. Those of one season are a *wave*, with its own shares and its own
days of watching; customers are known as they were when it began. Waves are stacked afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from facette.policy.relationship import Ways
from facette.snapshots.instants import as_date
from facette.snapshots.known import known_at
from facette.snapshots.outcomes import net_column
from facette.snapshots.spec import SnapshotSpec
from facette.tables.contract import DAY_US, Tables

LEAST_DAYS = 28
SEASON_US = 91 * DAY_US


@dataclass(frozen=True)
class Began:
    """Customers with whom a relationship model began in one season, and how long they were watched.

    `rows` is indexed by customer_id: `began` (microseconds), `model`, `propensity` (NaN where not
    recorded). `days` after it all of them could be watched.
    """

    rows: pd.DataFrame
    days: int
    randomised: bool

    @property
    def first(self) -> int:
        """The instant at which the first of them began."""
        return int(self.rows["began"].min())


@dataclass(frozen=True)
class Trial:
    """n customers of whom the same figures are known before and after a treatment began.

    `way`: (n,) position of the model each was handled by; `propensity`: (n, m) of each model, 0
    where it can't reach the customer; `outcome`: (n,) net margin, currency units scaled to
    the policy's horizon; `before`: (n, d) what was known of them when it began; `placebo`: (n,) the
    net margin of the same length before, which no later treatment can have moved. They were watched
    for `days`, some for `fewest_days` only where waves of it could be watched less long.
    """

    customers: pd.Index
    way: np.ndarray
    propensity: np.ndarray
    outcome: np.ndarray
    before: np.ndarray
    placebo: np.ndarray
    randomised: bool
    days: int
    began: int
    fewest_days: int | None = None

    def __len__(self) -> int:
        return len(self.customers)

    def keep(self, rows: np.ndarray) -> Trial:
        """The trial of these customers only."""
        return replace(
            self, customers=self.customers[rows], way=self.way[rows], outcome=self.outcome[rows],
            propensity=self.propensity[rows], before=self.before[rows], placebo=self.placebo[rows],
        )  # fmt: skip


def stacked(waves: Sequence[Trial]) -> Trial:
    """Waves with different customers as one trial."""
    by_customer = ("way", "propensity", "outcome", "before", "placebo")
    rows: dict[str, Any] = {n: np.concatenate([getattr(w, n) for w in waves]) for n in by_customer}
    days = [wave.days for wave in waves]
    return replace(
        waves[0], customers=waves[0].customers.append([w.customers for w in waves[1:]]), **rows,
        days=max(days), began=min(w.began for w in waves), fewest_days=min(days),
    )  # fmt: skip


def began(
    tables: Tables, t: int, ways: Ways, horizon_days: int, notes: list[str], *, randomised: bool
) -> list[Began]:
    """Who began to be handled by one of the models before `t`, by wave.

    Each customer counts once: at the first treatment drawn by lot, or else at the last one that was
    not and could be watched to the end, of those given out in one season. A wave is watched for as
    many days, `horizon_days` at most, as makes customers x days largest; who began too late for
    that is left out, and said in `notes`.
    """
    if "treatments" not in tables:
        return []
    latest = t if randomised else t - horizon_days * DAY_US
    rows = _rows(tables, t, ways, latest, randomised)
    waves = _by_season(rows) if randomised else [rows]
    watched = [_watched(wave, t, horizon_days, randomised, notes) for wave in waves if len(wave)]
    return [wave for wave in watched if wave is not None]


def _by_season(rows: pd.DataFrame) -> list[pd.DataFrame]:
    """Treatments by wave: those within a season of its first."""
    waves = []
    while len(rows):
        inside = rows["began"] < rows["began"].min() + SEASON_US
        waves.append(rows[inside])
        rows = rows[~inside]
    return waves


def _watched(
    rows: pd.DataFrame, t: int, horizon_days: int, randomised: bool, notes: list[str]
) -> Began | None:
    """The customers of a wave who can be watched for as long; None where that is too short."""
    waited = np.minimum((t - rows["began"].to_numpy()) // DAY_US, horizon_days)
    lengths, counts = np.unique(waited, return_counts=True)
    still = counts[::-1].cumsum()[::-1]
    days = int(lengths[np.argmax(still * lengths * (lengths >= LEAST_DAYS))])
    days = max(days, LEAST_DAYS)
    kept = rows[waited >= days]
    if late := len(rows) - len(kept):
        notes.append(
            f"trial: {late:,} who began less than {days} days before {as_date(t)} are left out"
        )
    return Began(kept, days, randomised) if len(kept) else None


def _rows(tables: Tables, t: int, ways: Ways, latest: int, randomised: bool) -> pd.DataFrame:
    """One treatment of each customer: the first randomised, or the last of the others' season."""
    known: pl.LazyFrame = known_at(tables, "treatments", t).to_native()
    given = tables.columns("treatments")
    drawn = pl.col("randomised").fill_null(False) if "randomised" in given else pl.lit(False)
    likely = pl.col("propensity") if "propensity" in given else pl.lit(None)
    rows = (
        known.filter(drawn if randomised else ~drawn)
        .filter(pl.col("relationship_model").is_in(list(ways.names)), pl.col("from_date") <= latest)
        .filter(pl.lit(randomised) | (pl.col("from_date") > pl.col("from_date").max() - SEASON_US))
        .sort("customer_id", "from_date")
        .unique("customer_id", keep="first" if randomised else "last", maintain_order=True)
        .select("customer_id", began="from_date", model="relationship_model",
                propensity=likely.cast(pl.Float64))
    )  # fmt: skip
    return pl.DataFrame(rows.collect()).to_pandas().set_index("customer_id")


def net_between(
    tables: Tables, t: int, start: pd.Series, days: int, spec: SnapshotSpec
) -> np.ndarray:
    """(n,) net margin, currency units, of `days` from each customer's own `start` (microseconds).

    Only what was recorded before `t` counts; a negative number of days looks back.
    """
    column, rate = net_column(spec)
    whose = pl.LazyFrame({"customer_id": start.index.to_list(), "start": start.to_numpy()})
    since = (pl.col("occurred_at") - pl.col("start")) / DAY_US
    inside = (since >= min(days, 0)) & (since < max(days, 0))
    rows: pl.LazyFrame = known_at(tables, "transactions", t).to_native()
    sums = (
        rows.select("customer_id", "occurred_at", column)
        .join(whose, on="customer_id")
        .filter(inside)
        .group_by("customer_id")
        .agg(pl.col(column).sum().alias("net"))
        .collect()
    )
    net = pl.DataFrame(sums).to_pandas().set_index("customer_id")["net"]
    made: np.ndarray = net.reindex(start.index).fillna(0).to_numpy(float)
    return made * rate / 10**spec.minor_units


def trial(
    who: Began, tables: Tables, t: int, before: pd.DataFrame, channel: np.ndarray, ways: Ways,
    spec: SnapshotSpec, horizon_days: int,
) -> Trial:  # fmt: skip
    """The customers of `before` (n, d), known as the first of them began, and what came of them.

    `channel`: (n, m) that of `Reach` at that date. Outcomes are scaled to `horizon_days`.
    """
    rows = who.rows.loc[before.index]
    assigned = np.array([ways.position(name) for name in rows["model"]])
    open_to = channel >= 0
    open_to[:, ways.on_request] = True
    reached = open_to[np.arange(len(rows)), assigned]
    shares = np.bincount(assigned, minlength=len(ways.names)) / len(rows)
    likely = np.where(open_to, shares, 0.0)
    own = rows["propensity"].to_numpy(float)
    known = np.flatnonzero(reached & ~np.isnan(own))
    likely[known, assigned[known]] = own[known]
    likely[:, ways.on_request] += np.where(open_to, 0.0, shares).sum(axis=1)
    scale = horizon_days / who.days
    return Trial(
        before.index, np.where(reached, assigned, ways.on_request), likely,
        net_between(tables, t, rows["began"], who.days, spec) * scale,
        before.to_numpy(float),
        net_between(tables, t, rows["began"], -who.days, spec) * scale,
        who.randomised, who.days, who.first,
    )  # fmt: skip
