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
TINY = 1e-12
SEASON_US = 91 * DAY_US


@dataclass(frozen=True)
class Began:
    """Customers with whom a relationship model began in one season, and how long they were watched.

    `rows` is indexed by customer_id: `began` (microseconds), `model`, `propensity` (NaN where not
    recorded) among the models that are compared. `days` after it all of them could be watched.
    """

    rows: pd.DataFrame
    days: int
    randomised: bool

    @property
    def first(self) -> int:
        """The instant at which the first of them began."""
        return int(self.rows["began"].min())

    @property
    def last(self) -> int:
        """The instant until which the last of them was watched."""
        return int(self.rows["began"].max()) + self.days * DAY_US


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
    given = _given(tables, t, randomised)
    known = given["model"].isin(ways.names)
    if randomised:
        waves = _by_season(given[known].drop_duplicates("customer_id"), given[~known], notes)
    else:
        waves = [_of_last_season(given[known & (given["began"] <= t - horizon_days * DAY_US)])]
    watched = [_watched(wave, t, horizon_days, randomised, notes) for wave in waves if len(wave)]
    return [wave for wave in watched if wave is not None]


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


def _given(tables: Tables, t: int, randomised: bool) -> pd.DataFrame:
    """Treatments begun before `t`, by customer and time."""
    known: pl.LazyFrame = known_at(tables, "treatments", t).to_native()
    given = tables.columns("treatments")
    drawn = pl.col("randomised").fill_null(False) if "randomised" in given else pl.lit(False)
    likely = pl.col("propensity") if "propensity" in given else pl.lit(None)
    rows = (
        known.filter(drawn if randomised else ~drawn, pl.col("from_date") <= t)
        .sort("customer_id", "from_date")
        .select("customer_id", began="from_date", model="relationship_model",
                propensity=likely.cast(pl.Float64))
    )  # fmt: skip
    return pl.DataFrame(rows.collect()).to_pandas()


def _of_last_season(rows: pd.DataFrame) -> pd.DataFrame:
    """The last treatment of each customer, of those within a season of the last of all."""
    inside = rows["began"] > rows["began"].max() - SEASON_US
    return rows[inside].drop_duplicates("customer_id", keep="last").set_index("customer_id")


def _by_season(lots: pd.DataFrame, others: pd.DataFrame, notes: list[str]) -> list[pd.DataFrame]:
    """Customers' first lots by wave: those within a season of its first.

    `others` are lots that fell on models the policy does not have: who has no better is left out,
    and the propensities of who was drawn with them are made those among the models that it has.
    """
    starts, opened = np.unique(np.r_[lots["began"], others["began"]]), []
    while len(starts):
        opened.append(starts[0])
        starts = starts[starts >= starts[0] + SEASON_US]
    wave, wave_of_others = (np.searchsorted(opened, r["began"], "right") for r in (lots, others))
    first = pd.Series(wave, lots["customer_id"], float).reindex(others["customer_id"])
    others = others.assign(wave=wave_of_others)[first.fillna(np.inf).to_numpy() > wave_of_others]
    strangers = others.drop_duplicates(["customer_id", "wave"])["wave"].value_counts()
    if gone := others["customer_id"].nunique():
        notes.append(f"trial: {gone:,} drawn to models that the policy does not have are left out")
    return [
        of.assign(propensity=(of["propensity"] * (1 + strangers.get(w, 0) / len(of))).clip(upper=1))
        for w, of in lots.set_index("customer_id").groupby(wave)
    ]


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


def _drawn(shares: np.ndarray, assigned: np.ndarray, own: np.ndarray) -> np.ndarray:
    """(n, m) the probability of each model: as recorded of the own, the rest by their shares."""
    row = np.arange(len(assigned))
    others = np.tile(shares, (len(assigned), 1))
    others[row, assigned] = 0.0
    own = np.where(np.isnan(own), shares[assigned], own)
    drawn: np.ndarray = others * ((1 - own) / np.maximum(others.sum(axis=1), TINY))[:, None]
    drawn[row, assigned] = own
    return drawn


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
    drawn = _drawn(shares, assigned, rows["propensity"].to_numpy(float))
    likely = np.where(open_to, drawn, 0.0)
    likely[:, ways.on_request] += np.where(open_to, 0.0, drawn).sum(axis=1)
    scale = horizon_days / who.days
    return Trial(
        before.index, np.where(reached, assigned, ways.on_request), likely,
        net_between(tables, t, rows["began"], who.days, spec) * scale,
        before.to_numpy(float),
        net_between(tables, t, rows["began"], -who.days, spec) * scale,
        who.randomised, who.days, who.first,
    )  # fmt: skip
