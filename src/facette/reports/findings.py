"""What a training run found, and the figures it logs under the names that others rely on."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from facette.drivers.credit import alike
from facette.drivers.licence import Condition, knows_something, withheld
from facette.drivers.membership import Membership, membership_drivers
from facette.drivers.outcome import Outcome
from facette.models.by_group import by_group
from facette.models.evaluation import spearman
from facette.models.facets import Learned
from facette.models.judging import Judgement, outcome_of, tau_of
from facette.models.newcomers import COLUMN
from facette.models.suspects import suspects
from facette.models.validation import seen_by_models
from facette.segments.behaviour import BehaviourSegments, standardised
from facette.segments.nature import Nature
from facette.segments.quality import shared_information
from facette.segments.scorecard_learnt import JudgedGrid
from facette.segments.side_by_side import SideBySide
from facette.settings import Train
from facette.snapshots.catalogue import Feature, catalogue
from facette.snapshots.instants import as_date
from facette.snapshots.panel import Panel
from facette.snapshots.protected import FEATURE_OF, KEPT_OUT, USED, groups_of
from facette.snapshots.spec import SnapshotSpec
from facette.tables.contract import Tables

SINCE = {"tenure_days": "customer for", "first_seen_days": "first seen"}  # by column


@dataclass(frozen=True)
class Findings:
    """Everything learnt in one run, from which the story and the tracked figures are told.

    `scored` is the test snapshot scored by the package, rows as in `panel.test`; `outcomes` maps a
    part to its drivers at the test date, where its model has an additive explanation;
    `frozen` are the tiers and bands stored with the version; `recovered` what the truth says, where
    there is one, as `truth/<what>`; `grid` the scoring grid at the test date, where asked for;
    `side` the segmentations side by side; `by_category` headroom (`models.by_category`).
    """

    settings: Train
    tables: Tables
    panel: Panel
    scored: pd.DataFrame
    learnt: dict[str, Learned]
    judgements: dict[str, Judgement]
    behaviour: BehaviourSegments | None
    frozen: dict[str, Any]
    off: dict[str, str]
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    recovered: dict[str, float] = field(default_factory=dict)
    grid: JudgedGrid | None = None
    side: SideBySide | None = None
    by_category: pd.DataFrame | None = None

    @property
    def test_date(self) -> str:
        """ISO text of the test reference date."""
        return self.panel.dates()[-1]

    @property
    def observed_until(self) -> str | None:
        """ISO text of the instant at which observation ends (exclusive); None where undated."""
        return as_date(self.tables.observed_until) if self.panel.dated else None

    @cached_property
    def catalogue(self) -> dict[str, Feature]:
        """The features there were."""
        return catalogue(self.panel.spec)

    @cached_property
    def digests(self) -> dict[str, str]:
        """SHA-256 of each snapshot by its reference date, the test last."""
        return self.panel.digests()

    @cached_property
    def seen(self) -> pd.DataFrame:
        """The test snapshot as models see it, indexed by customer."""
        return seen_by_models(self.panel.test)

    @cached_property
    def standardised(self) -> pd.DataFrame:
        """Behaviour columns of the test snapshot in standard deviations, clipped as stored."""
        assert self.behaviour is not None
        columns = [{**c, "soft_limit": None} for c in self.behaviour.columns]
        values = standardised(self.seen, columns)
        return pd.DataFrame(values, columns=[c["name"] for c in columns], index=self.seen.index)

    @cached_property
    def groups(self) -> dict[str, pd.Series]:
        """What customers are grouped by, to see whom the models serve: labels (n,), by name."""
        made = {}
        if self.behaviour is not None and len(self.behaviour.segments) > 1:
            named = {s["id"]: s["name"] for s in self.behaviour.segments}
            made["segment"] = self.scored["behaviour_segment"].map(named)
        made |= {
            tier.replace("_", " "): self.scored[tier]
            for tier in ("value_tier", "potential_tier")
            if tier in self.scored
        }
        since = next((c for c in SINCE if c in self.seen and self.seen[c].notna().any()), None)
        if since is not None and isinstance(self.panel.spec, SnapshotSpec):
            days, seen = self.panel.spec.horizon_days, self.seen[since]
            late = np.where(seen <= days, f"up to {days} days", f"over {days} days")
            made[SINCE[since]] = pd.Series(late, seen.index).where(seen.notna())
        if COLUMN in self.seen and isinstance(self.panel.spec, SnapshotSpec):
            days = self.panel.spec.min_history_days
            new = np.where(self.seen[COLUMN] == 1, f"newcomers, below {days} days", "others")
            made["tenure"] = pd.Series(new, self.seen.index)
        return made | self.protected_groups

    @cached_property
    def protected_groups(self) -> dict[str, pd.Series]:
        """Labels (n,) by each protected attribute, whether it is kept out or used with a reason."""
        test, made = self.panel.test, {}
        for name, reason in self.settings.snapshot.protected.items():
            feature = FEATURE_OF.get(name, name)
            frame = test.features if reason is not None else test.protected
            if frame is not None and feature in frame:
                how = KEPT_OUT if reason is None else USED
                made[f"{feature.replace('_', ' ')} ({how})"] = groups_of(frame[feature])
        return made

    @cached_property
    def served(self) -> dict[str, pd.DataFrame]:
        """How each model serves each group (`models.by_group`), by part."""
        told = {}
        for part, judged in self.judgements.items():
            known = ~np.isnan(outcome_of(part, self.panel.test))
            groups = {
                by: labels.reset_index(drop=True)[known].reset_index(drop=True)
                for by, labels in self.groups.items()
                # potential is blind to own spending by design, and so not right by tier
                if part != "potential" or not by.endswith("tier")
            }
            told[part] = by_group(
                part, judged.actual, np.asarray(judged.predictions["model"]), groups,
                tau_of(part, self.settings.model), self.settings.evaluation.confidence,
            )  # fmt: skip
        return told

    @cached_property
    def at_risk(self) -> dict[str, float]:
        """Value at risk of all, and current value of those who left; empty where it is off."""
        if "value_at_risk" not in self.scored or self.panel.test.outcomes is None:
            return {}
        left = self.panel.test.outcomes["churned"] == 1
        return {
            "value_if_staying/at_risk": float(self.scored["value_at_risk"].sum()),
            "value_if_staying/leavers_current_value": float(
                self.panel.test.context.loc[left, "value_current"].sum(min_count=1)
            ),
        }

    @cached_property
    def suspects(self) -> dict[str, float]:
        """Columns that alone tell churn nearly without fault, with their ROC AUC."""
        return suspects(self.panel.training[-1])

    @cached_property
    def membership(self) -> Membership | None:
        """Why customers are in their segment; None where segments are off."""
        if self.behaviour is None:
            return None
        chosen, columns = self.settings.drivers, self.standardised
        return membership_drivers(
            columns, self.scored["behaviour_segment"], alike(columns, chosen.alike), chosen,
            self.settings.seed,
        )  # fmt: skip

    @cached_property
    def licence_of_segments(self) -> list[Condition]:
        """What the drivers of the segments must fulfil to be shown; empty where there are none."""
        if self.behaviour is None or self.membership is None or not self.membership.credits:
            return []
        chosen, stability = self.settings.drivers, self.behaviour.stability
        weakest = min(self.behaviour.segments, key=lambda s: stability[s["id"]])
        return [
            Condition(
                "fidelity", self.membership.fidelity, chosen.min_fidelity,
                "the surrogate misses the segment of too many unseen customers",
                "more customers or fewer segments",
            ),
            Condition(
                "least stability", stability[weakest["id"]],
                self.settings.segments.behaviour.min_stability,
                f"“{weakest['name']}” would not come back", "fewer segments",
            ),
            _comes_back(self.membership.returning, chosen.min_returning),
        ]  # fmt: skip

    def licence_of(self, part: str) -> list[Condition]:
        """What the drivers of a model must fulfil to be shown."""
        judged = self.judgements[part]
        said = np.asarray(judged.predictions["model"])
        rank = spearman(judged.actual, said, np.ones(len(said)))
        conditions = [
            Condition(
                "rank correlation with the outcome, lower bound",
                knows_something(rank, len(said)), 0.0,
                "the model ranks customers no better than chance", "more outcomes to learn from",
            )
        ]  # fmt: skip
        if self.learnt[part].refit is not None:
            least = self.settings.drivers.min_returning
            conditions.append(_comes_back(self.outcomes[part].returning, least))
        return conditions

    @cached_property
    def withheld(self) -> str | None:
        """Why the drivers of the segments are not shown; None where they are licensed."""
        if self.behaviour is None:
            return "segments are off"
        if not self.licence_of_segments:
            return "one segment holds everyone: there is nothing to explain"
        return withheld(self.licence_of_segments)

    @cached_property
    def unlicensed(self) -> dict[str, str]:
        """The parts whose drivers are not shown, and why."""
        why = {part: withheld(self.licence_of(part)) for part in self.outcomes}
        return {part: reason for part, reason in why.items() if reason is not None}

    @cached_property
    def ami_value_tier(self) -> float | None:
        """How much the behaviour segments repeat the value tiers, 0 to 1."""
        if self.behaviour is None or "value_tier" not in self.scored:
            return None
        return shared_information(self.scored["behaviour_segment"], self.scored["value_tier"])

    @cached_property
    def ami_past_treatment(self) -> float | None:
        """How much the behaviour segments repeat what the company sent; None where not known."""
        if self.behaviour is None or "contacts_received" not in self.seen:
            return None
        sent = self.seen["contacts_received"].clip(upper=3)
        return shared_information(self.scored["behaviour_segment"], sent)

    def metrics(self) -> dict[str, float]:
        """Every figure of the run, as `<part>/<metric>`."""
        named: dict[str, float] = {}
        for judgement in self.judgements.values():
            named |= judgement.metrics()
        named |= {f"{p}/drivers_returning": o.returning for p, o in self.outcomes.items()}
        named |= self.at_risk
        named |= {} if self.by_category is None else _category_metrics(self.by_category)
        named |= self._behaviour_metrics() if self.behaviour else {}
        named |= self.grid.metrics() if self.grid else {}
        named |= self.side.metrics() if self.side else {}
        return named | self.recovered

    def _behaviour_metrics(self) -> dict[str, float]:
        assert self.behaviour is not None and self.membership is not None
        k = len(self.behaviour.segments)
        curve = self.behaviour.curve
        chosen = curve.loc[curve["k"] == k, "silhouette"]
        return {
            "behaviour/k": float(k),
            "behaviour/stability_min": min(self.behaviour.stability.values()),
            "behaviour/silhouette": float(chosen.iloc[0]) if len(chosen) else np.nan,
            "behaviour/fidelity": self.membership.fidelity,
            "behaviour/fidelity_chance": self.membership.chance,
            "behaviour/drivers_returning": self.membership.returning,
            "behaviour/ami_value_tier": _known(self.ami_value_tier),
            "behaviour/ami_past_treatment": _known(self.ami_past_treatment),
            **_nature_metrics(self.behaviour.nature),
        }


def _category_metrics(table: pd.DataFrame) -> dict[str, float]:
    """Figures of each category's headroom, under the name of its column."""
    told = table.set_index("column").drop(columns="category")
    return {
        f"potential/{column}/{what}": float(figure)
        for column, row in told.iterrows()
        for what, figure in row.items()
    }


def _comes_back(returning: float, least: float) -> Condition:
    return Condition(
        "share of leading drivers that lead again", returning, least,
        "other drivers lead when customers are drawn anew",
        "more customers, or a lower drivers.alike, so that features that say the same are one",
    )  # fmt: skip


def _nature_metrics(nature: Nature | None) -> dict[str, float]:
    if nature is None:
        return {"behaviour/natural": 0.0}
    return {
        "behaviour/natural": float(nature.kind == "natural"),
        "behaviour/natural_p": nature.p,
        "behaviour/valley": nature.valley,
        "behaviour/null_valley": nature.null_valley,
        "behaviour/explained": nature.explained,
        "behaviour/null_explained": nature.null_explained,
        "behaviour/null_stability": nature.null_jaccard,
    }


def _known(figure: float | None) -> float:
    return np.nan if figure is None else figure
