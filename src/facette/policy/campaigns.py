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

    Each at the last of them; `model` is `control` or the channel, `propensity` that of being sent
    anything. Campaigns that held back nobody, or everybody, teach nothing. None where none is left.
    """
    if "contacts" not in tables or not set(tables.columns("contacts")) >= NEEDED:
        return None
    known: pl.LazyFrame = known_at(tables, "contacts", t).to_native()
    recorded = pl.col("propensity") if "propensity" in tables.columns("contacts") else pl.lit(None)
    rows = (
        known.filter(pl.col("randomised").fill_null(False) & (pl.col("channel") == channel))
        .filter(pl.col("arm").is_not_null() & (pl.col("sent_at") <= t - ANSWER_DAYS * DAY_US))
        .filter(pl.col("sent_at") > pl.col("sent_at").max() - SEASON_US)
        .with_columns(
            arm=pl.col("arm").str.to_lowercase(),
            propensity=recorded.cast(pl.Float64).fill_nan(None),
        )
        .with_columns(sent=pl.col("arm") != CONTROL)
        .filter(pl.col("sent").n_unique().over("campaign") == 2)
        .sort("customer_id", "sent_at", "campaign")
        .select(
            "customer_id", began="sent_at",
            model=pl.when("sent").then(pl.lit(channel)).otherwise(pl.lit(CONTROL)),
            propensity=_being_sent(),
        )
        .unique("customer_id", keep="last", maintain_order=True)
    )  # fmt: skip
    found = pl.DataFrame(rows.collect()).to_pandas().set_index("customer_id")
    return Began(found, ANSWER_DAYS, True) if found["model"].nunique() == 2 else None


def _being_sent() -> pl.Expr:
    """The probability of being sent any arm of a campaign, from propensities of the own arm.

    With several arms only those who were held back tell it. The campaign's share where nobody does.
    """
    sent, own = pl.col("sent"), pl.col("propensity")
    one_arm = pl.col("arm").n_unique().over("campaign") == 2
    told = pl.when(~sent).then(1 - own).when(one_arm).then(own)
    return pl.coalesce(told, told.mean().over("campaign"), sent.mean().over("campaign"))


def campaign_trial(
    who: Began, tables: Tables, t: int, before: pd.DataFrame, spec: SnapshotSpec
) -> Trial:
    """The customers of `before` (n, d), held back or sent, and their net margin of 30 days."""
    rows = who.rows.loc[before.index]
    way = np.where(rows["model"] == CONTROL, HELD_BACK, SENT)
    sent = rows["propensity"].to_numpy(float)
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
