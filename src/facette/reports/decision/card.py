"""What a model card says of a packaged policy: what it was planned for, and what it can't know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from facette.reports.words import money, number, share
from facette.wording import listed


def policy_card(
    name: str, parts: Sequence[str], about: Mapping[str, Any], model: Mapping[str, Any],
    built_on: str, figures: Mapping[str, float],
) -> str:  # fmt: skip
    """The card of a policy planned from the model `built_on`; `model`: what its bundle says."""
    lines = [
        f"# {name}",
        f"Parts: {', '.join(parts)}. Planned on {model['data']} from {built_on}, whose parts it "
        f"holds. Money in {model['currency']}.",
        "Input: one row per customer with the snapshot features of the signature, known strictly "
        "before `reference_date`. Output: see the signature.",
        policy_lines(about, model["currency"], figures),
    ]
    return "\n\n".join(lines) + "\n"


def policy_lines(about: Mapping[str, Any], currency: str, figures: Mapping[str, float]) -> str:
    """The section of a card on the policy; `figures`: how far its rule agrees with its plan."""
    lines = [
        "## Policy",
        f"- Planned at {about['planned_at']} for {number(about['customers'])} customers "
        f"({about['perimeter']}), over {about['horizon_days']} days. **Valid until "
        f"{about['valid_until']}.**",
        f"- Within {_limits(about, currency)}.",
        f"- Evidence of its effects, costs apart: {about['evidence']}.",
        f"- Relationship models it draws on: {', '.join(about['models'])}.",
        "- It decides one customer at a time and knows capacities and budget through their shadow "
        "prices alone: for other customers than the plan's it may ask for more than there is.",
        _agreement(figures),
        "- Not applied, since a row doesn't tell it: " + "; ".join(about["not_applied"]) + ".",
        "- `relationship_model_today` may be given, the model each customer is handled by today: a "
        "switch then costs what the policy says. Empty, or a name that is not one of the policy's, "
        "stands for what it says of those who have nothing on record. Left out, nothing is known "
        "of today.",
    ]
    return "\n".join(lines)


def _limits(about: Mapping[str, Any], currency: str) -> str:
    money_most, capacity = about["budget"], about["capacity"]
    most = [f"{number(v, 1)} {name} a month" for name, v in capacity.items() if v is not None]
    budget = [] if money_most is None else [f"a budget of {money(money_most, currency)}"]
    return listed([*budget, *most]) if budget or most else "no limit of budget or capacity"


def _agreement(figures: Mapping[str, float]) -> str:
    everyone = share(figures["policy/package_agrees_all"])
    free = figures.get("policy/package_agrees")
    if free is None:
        return f"- It places {everyone} of the plan's customers as the plan does; none was free."
    return (
        f"- It places as the plan does {share(free)} of the customers whom the plan was free to "
        f"place and {everyone} of all: some stay or are held out, and where a resource runs out "
        "among customers who are alike the plan parts them and the rule does not."
    )
