"""A plan packaged: the rule that it comes down to joins the bundle it was planned from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facette.policy.decision import Planned
from facette.policy.packaged import agreeing, needed_parts, policy_part
from facette.registry.bundle import extended
from facette.registry.customer_model import KEYS, TODAY, Bundle

POLICY = "policy"
EVERYONE = "everyone"


@dataclass(frozen=True)
class PackagedPolicy:
    """A bundle with the policy in it: its folder, what the policy reads of its other parts.

    `parts`: of `<data>_policy`; `about`: when and within what it was planned; `figures`: how far
    the rule agrees with the plan.
    """

    bundle: Bundle
    folder: Path
    parts: list[str]
    about: dict[str, Any]
    figures: dict[str, float]


def policy_packaged(
    planned: Planned, bundle: Bundle, folder: Path, out: Path, *, consents: bool,
    perimeter: str | None,
) -> PackagedPolicy:  # fmt: skip
    """Write into `out` the bundle of `folder`, which `bundle` was read from, with the policy.

    `consents`: whether the data of the plan have a table of consents; `perimeter`: whom the plan
    was for.
    """
    rows = planned.seen.reset_index()
    told = bundle.predict(rows.head(1))
    snapshot = [name for name in rows if name in KEYS or name not in told]
    part = policy_part(planned, snapshot, consents, perimeter or EVERYONE)
    extended(folder, POLICY, part.files(), out)
    made = Bundle.load(out)
    needed = needed_parts(part.scores, bundle.parts)
    parts = [*(name for name in needed if name != POLICY), POLICY]
    assert made.policy is not None
    return PackagedPolicy(made, out, parts, made.policy.about, _agreement(planned, made))


def _agreement(planned: Planned, bundle: Bundle) -> dict[str, float]:
    """The rule's models beside the plan's, where the rule is told how each is handled today."""
    names, rows = planned.ways.names, planned.seen.reset_index()
    rows[TODAY] = [names[m] for m in planned.plan.base.today]
    assert bundle.policy is not None
    told = bundle.policy.assigned(rows, {name: rows[name] for name in rows})
    return agreeing(planned, told["relationship_model"])
