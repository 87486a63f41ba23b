"""What one contact by a channel brings, told from campaigns whose arms were drawn by lot.

A campaign is no relationship model: it is one offer to customers who were picked for it. Where no
trial of a model is there, it is still the best word on what a contact by its channel does, and each
contact of the model is reckoned to do as much. So its grade is *randomised, transported*.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import polars as pl

from facette.policy.effects import Effects, by_customer, cell_means, drawn_together, scored
from facette.policy.trial import SEASON_US, Began, Trial, net_between
from facette.settings.policy import Effects as EffectSettings
from facette.snapshots.campaigns import ANSWER_DAYS, CONTROL
from facette.snapshots.known import known_at
from facette.snapshots.spec import SnapshotSpec
from facette.tables.contract import DAY_US, Tables

NEEDED = {"channel", "arm", "randomised"}
HELD_BACK, SENT = 0, 1


@dataclass(frozen=True)
class PerContact:
    """What a contact by a channel does, currency units: (c, 1), and (b,) of a plan's customers."""

    effects: Effects
    of_customer: np.ndarray


def drawn_for(tables: Tables, t: int, channel: str) -> Began | None:
    """Customers drawn for campaigns by a channel in the last season whose answer is known.

    Each at the last of them; `model` is `control` or the channel. None where there are none.
    """
    if "contacts" not in tables or not set(tables.columns("contacts")) >= NEEDED:
        return None
    known: pl.LazyFrame = known_at(tables, "contacts", t).to_native()
    propensity = "propensity" in tables.columns("contacts")
    held_back = pl.col("arm").str.to_lowercase() == CONTROL
    rows = (
        known.filter(pl.col("randomised").fill_null(False) & (pl.col("channel") == channel))
        .filter(pl.col("arm").is_not_null() & (pl.col("sent_at") <= t - ANSWER_DAYS * DAY_US))
        .filter(pl.col("sent_at") > pl.col("sent_at").max() - SEASON_US)
        .sort("customer_id", "sent_at")
        .unique("customer_id", keep="last", maintain_order=True)
        .select(
            "customer_id", began="sent_at",
            model=pl.when(held_back).then(pl.lit(CONTROL)).otherwise(pl.lit(channel)),
            propensity=pl.col("propensity") if propensity else pl.lit(None, pl.Float64),
        )
    )  # fmt: skip
    found = pl.DataFrame(rows.collect()).to_pandas().set_index("customer_id")
    if found["model"].nunique() < 2:
        return None
    return Began(found, ANSWER_DAYS, True)


def campaign_trial(
    who: Began, tables: Tables, t: int, before: pd.DataFrame, spec: SnapshotSpec
) -> Trial:
    """The customers of `before` (n, d), held back or sent, and their net margin of 30 days."""
    rows = who.rows.loc[before.index]
    way = np.where(rows["model"] == CONTROL, HELD_BACK, SENT)
    share, own = float((way == SENT).mean()), rows["propensity"].to_numpy(float)
    sent = np.where(np.isnan(own), share, np.where(way == SENT, own, 1 - own))
    return Trial(
        before.index, way, np.column_stack([1 - sent, sent]),
        net_between(tables, t, rows["began"], who.days, spec), before.to_numpy(float),
        net_between(tables, t, rows["began"], -who.days, spec), True, who.days, who.first,
    )  # fmt: skip


def per_contact(
    trial: Trial, cell: np.ndarray, facets: Sequence[np.ndarray], settings: EffectSettings,
    base: np.ndarray, seed: int,
) -> PerContact:  # fmt: skip
    """What a contact does in each cell; `cell` (n,) of the trial, `base` (b, d) of the plan."""
    found = scored(trial, trial.outcome, settings.folds, seed, settings.tame)
    apart = found.tamed[:, [SENT]] - found.tamed[:, [HELD_BACK]]
    own = by_customer(trial, found, base)
    return PerContact(
        drawn_together(cell_means(apart, cell, len(facets[0])), facets),
        own[:, SENT] - own[:, HELD_BACK],
    )
