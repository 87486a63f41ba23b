"""A plan as a rule that decides for one customer without the others, told as plain JSON.

A plan weighs all customers against each other: who takes an adviser's hour leaves none for somebody
else. The shadow price of an hour says what that costs, so that a customer can be decided on alone:
the model of largest effect, less its contacts, less what they use up at these prices (Dantzig &
Wolfe 1960 split programmes in the same way). Where a resource runs out inside a class of customers
who are alike to the plan, its price makes their models equal, and the rule may differ from the plan
for these. What needs time (how long somebody has been in a model), chance (who is held out) or
dates (contact pressure) is not in it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from facette.expressions import parse
from facette.policy.decision import Planned
from facette.policy.grades import ASSUMPTION, GRADES, RANK, grade_of_total
from facette.policy.plan import BUDGET, NOT_KNOWN, NOT_MOVED
from facette.policy.relationship import Ways
from facette.segments.crossing import OTHER, REST
from facette.settings.policy import Policy
from facette.snapshots.catalogue import named
from facette.snapshots.instants import as_date
from facette.tables.contract import DAY_US

NOT_APPLIED = (
    "the minimum stay in a relationship model", "who is held out to be compared with",
    "contact pressure, cool-downs and quiet days, which are dates",
)  # fmt: skip
NOT_REACHED, ENDED = "no consent to any channel", "no contract any more"
ACTIVE = "active"
TOLD_BY: dict[str, tuple[str, ...]] = {
    "behaviour_segment": ("segments",), "behaviour_confidence": ("segments",),
    "value_tier": ("segments",), "potential_tier": ("segments", "potential"),
    "cell": ("segments", "potential"), "value_expected": ("value",), "potential": ("potential",),
    "headroom": ("potential", "value"), "upside": ("upside",), "churn_probability": ("churn",),
    "value_if_staying": ("value_if_staying",), "value_at_risk": ("churn", "value_if_staying"),
}  # fmt: skip


@dataclass(frozen=True)
class PolicyPart:
    """The plain rule of a plan, and the columns of scores that it reads beside the snapshot's."""

    spec: dict[str, Any]
    scores: tuple[str, ...]

    def files(self) -> dict[str, bytes]:
        """The part as it is packaged."""
        return {"part.json": json.dumps(self.spec, indent=1, allow_nan=False).encode()}


def policy_part(
    planned: Planned, snapshot: list[str], consents: bool, perimeter: str | None
) -> PolicyPart:
    """The rule of a plan.

    `snapshot`: the columns of the plan's customers that the packaged model is given, the others are
    its scores. `consents`: whether there is a table of consents; a channel whose consent the
    snapshot does not tell then counts as refused. `perimeter`: whom the plan is for, in words.
    """
    policy, seen = planned.policy, planned.seen.reset_index()
    conditions, read = _conditions(policy, seen)
    consent = _consent(planned.ways, snapshot, consents, policy.consent.without_table)
    active = _active(planned, snapshot)
    read = [*planned.cells.segmentations, *read, *map(str, consent), str(active)]
    inputs = [name for name in dict.fromkeys(read) if name in snapshot]
    spec = {
        "kind": "priced",
        "inputs": {n: "number" if is_numeric_dtype(seen[n]) else "category" for n in inputs},
        "models": _models(planned), "channels": _channels(planned.ways, consent),
        "prices": planned.plan.allocation.price, "switching_cost": policy.switching_cost,
        "usual": policy.on_request if policy.today is None else policy.today,
        "silence_consents": policy.consent.without_record, "active": active,
        "not_reached": NOT_REACHED, "ended": ENDED, "stays": NOT_KNOWN, "not_moved": NOT_MOVED,
        "profiles": dict(policy.chosen_profiles), **conditions, **_cells(planned),
        "about": _about(planned, perimeter),
    }  # fmt: skip
    scores = [n for n in dict.fromkeys(read) if n in seen and n not in snapshot]
    return PolicyPart(spec, tuple(scores))


def _conditions(policy: Policy, seen: pd.DataFrame) -> tuple[dict[str, Any], list[str]]:
    """Rules and exclusions with their conditions as trees, and the columns that these read."""
    texts = [str(name) for name in seen if not is_numeric_dtype(seen[name])]
    rules = [parse(r.where, f"policy.rules[{i}]") for i, r in enumerate(policy.rules)]
    closed = [parse(e.where, f"policy.exclusions[{i}]") for i, e in enumerate(policy.exclusions)]
    told = {
        "rules": [
            {"where": where.plain(texts), "model": rule.model, "reason": rule.reason}
            for where, rule in zip(rules, policy.rules, strict=True)
        ],
        "exclusions": [
            {"where": where.plain(texts), "models": list(exclusion.models)}
            for where, exclusion in zip(closed, policy.exclusions, strict=True)
        ],
    }
    return told, sorted({name for where in (*rules, *closed) for name in where.columns})


def _active(planned: Planned, snapshot: list[str]) -> str | None:
    """The column that tells who is a customer still; None where all who ever were count."""
    contractual = planned.about["snapshot"].get("contractual", False)
    return ACTIVE if contractual and ACTIVE in snapshot else None


def _consent(
    ways: Ways, snapshot: list[str], consents: bool, without_table: bool
) -> list[str | bool]:
    """For each channel the column that tells its consent, or what counts where none does."""
    if not consents:
        return [without_table] * len(ways.channels)
    columns = [named("consent_{c}", channel) for channel in ways.consent]
    return [column if column in snapshot else False for column in columns]


def _models(planned: Planned) -> list[dict[str, Any]]:
    ways, used = planned.ways, planned.plan.open
    return [
        {
            "name": name, "approach": ways.approach[m], "contacts": float(ways.contacts[m]),
            "channels": [int(k) for k in np.argsort(ways.order[m]) if ways.order[m, k] >= 0],
            "known": bool(planned.known.known[m]), "used": m in used,
        }
        for m, name in enumerate(ways.names)
    ]  # fmt: skip


def _channels(ways: Ways, consent: list[str | bool]) -> list[dict[str, Any]]:
    """Cost and use of a contact by each channel; the contacts themselves are the budget's."""
    return [
        {
            "name": name, "cost": float(ways.cost[k]), "consent": consent[k],
            "uses": {BUDGET: float(ways.cost[k])}
            | dict(zip(ways.capacities, ways.uses[k].tolist(), strict=True)),
        }
        for k, name in enumerate(ways.channels)
    ]  # fmt: skip


def _cells(planned: Planned) -> dict[str, Any]:
    """Merges, effects and grades; who is in a cell that nobody was in has the average effect."""
    base, known, cells = planned.plan.base, planned.known, planned.cells
    whole = len(cells.segmentations)
    kept = [
        (list(own), "/".join(own if len(own) == whole else (*own, OTHER)))
        for own in sorted(cells.kept)
    ]
    told = [
        {"name": name, "effect": effect.tolist(), "grade": [GRADES.index(g) for g in grade]}
        for name, effect, grade in zip(base.cells, known.effect, known.grade, strict=True)
    ]
    if REST not in base.cells:
        share = np.bincount(base.cell, minlength=len(base.cells)) / len(base)
        grade = [GRADES.index(ASSUMPTION)] * known.effect.shape[1]
        told.append({"name": REST, "effect": (share @ known.effect).tolist(), "grade": grade})
    grades = [{"name": grade, "rank": RANK[grade]} for grade in GRADES]
    return {"by": list(cells.segmentations), "kept": kept, "rest": REST, "cells": told,
            "grades": grades}  # fmt: skip


def _about(planned: Planned, perimeter: str | None) -> dict[str, Any]:
    policy, plan = planned.policy, planned.plan
    until = planned.t + policy.horizon_days * DAY_US
    return {
        "planned_at": as_date(planned.t), "valid_until": as_date(until),
        "horizon_days": policy.horizon_days, "customers": len(plan.base), "perimeter": perimeter,
        "budget": policy.budget, "capacity": dict(policy.capacity),
        "models": [planned.ways.names[m] for m in plan.used],
        "evidence": grade_of_total(plan.of_effect, plan.grade), "not_applied": list(NOT_APPLIED),
    }  # fmt: skip


def agreeing(planned: Planned, said: Sequence[str]) -> dict[str, float]:
    """How many customers the rule places as the plan does; `said`: (n,) its models by name.

    `package_agrees` of those the plan was free to place, `package_agrees_all` of everyone.
    """
    names = np.array(planned.ways.names, dtype=object)
    same = names[planned.plan.model] == np.array(said, dtype=object)
    free = planned.plan.member >= 0
    told = {"policy/package_agrees_all": float(same.mean())}
    return told | ({"policy/package_agrees": float(same[free].mean())} if free.any() else {})


def needed_parts(scores: tuple[str, ...], parts: list[str]) -> list[str]:
    """Those of a bundle's `parts` that tell these columns of its scores, in their order."""
    needed = {part for name in scores for part in TOLD_BY.get(name, ())}
    if any(name.startswith("headroom_") for name in scores):
        needed.add("categories")
    if any(name.startswith("grid_") for name in scores):
        needed.add("grid")
    return [part for part in parts if part in needed]
