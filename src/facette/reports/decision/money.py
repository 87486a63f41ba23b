"""What a plan is worth, taken apart: effects by how far they can be trusted, costs, and the total.

Printed parts add up to the printed total: each stands for the rounded sum up to it less the one
before, so that no part is off by more than one unit of its last digit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from facette.policy.claim import Claim
from facette.policy.decision import Decision
from facette.policy.grades import ASSUMPTION, GRADES, grade_of_total
from facette.policy.plan import RULE, excluded, gains
from facette.reports.tables import Cell, Table, table
from facette.reports.words import capital, money, money_digits, number

CONTACTS, SWITCHING, FIXED = (
    "contacts that the company starts", "changing relationship models", "relationship models' own"
)  # fmt: skip
LEFT_OUT = "told on trial customers who were left out when it was chosen"
MEANING = {
    "randomised": "a lot decided who was handled how, in these cells themselves",
    "randomised, transported": "a lot decided, but in other cells, which lend what they showed",
    "observational": "nobody drew a lot: compared after adjusting for what was known of customers; "
    "what nobody wrote down may explain it",
    "assumption": "nobody measured it: the configuration says so, or nothing is known of it",
}


@dataclass(frozen=True)
class Worth:
    """Money of a plan over the horizon against today, currency units; above 0 is a gain.

    `effects` by grade, `costs` by what they are for; both together are `net`. `grade`: of the
    total; None where the plan does not rest on any effect.
    """

    effects: pd.Series
    costs: pd.Series
    net: float
    grade: str | None

    @property
    def effect(self) -> float:
        """Of all grades together."""
        return float(self.effects.sum())

    @property
    def saved(self) -> float:
        """Costs less than today's."""
        return float(self.costs.sum())


def worth(decision: Decision) -> Worth:
    """The parts of a plan's net gain."""
    plan, policy = decision.planned.plan, decision.planned.policy
    cost, row = plan.base.reach.cost(), np.arange(len(plan.base))
    costs = {
        CONTACTS: float((cost[row, plan.base.today] - cost[row, plan.model]).sum()),
        SWITCHING: -policy.switching_cost * int(plan.changed.sum()),
        FIXED: plan.net - float(plan.gain.sum()),
    }
    effects = plan.by_grade()
    grade = grade_of_total(plan.of_effect, plan.grade) if plan.of_effect.any() else None
    return Worth(effects, pd.Series(costs, dtype=float), plan.net, grade)


def added_up(parts: Iterable[float], digits: int) -> list[float]:
    """The parts rounded so that they add up to their rounded sum."""
    upto = np.round(np.cumsum([0.0, *parts]), digits)
    return [round(float(part), digits) for part in np.diff(upto)]


def worth_table(decision: Decision, currency: str) -> Table:
    """Money by evidence grade with what each grade means, costs apart, and the total."""
    found = worth(decision)
    moved = pd.Series(decision.planned.plan.grade[decision.planned.plan.changed]).value_counts()
    parts = [*found.effects, *found.costs]
    digits = money_digits([*parts, found.net])
    rounded, many = added_up(parts, digits), len(GRADES)
    *written, total, effects, costs = (
        number(part, digits, signed=True)
        for part in (
            *rounded, round(sum(parts), digits), sum(rounded[:many]), sum(rounded[many:])
        )
    )  # fmt: skip
    rows = [
        [Cell(f"Effects: {grade}"), Cell(amount, True), Cell(number(moved.get(grade, 0)), True),
         Cell(MEANING[grade])]
        for grade, amount in zip(GRADES, written, strict=False)
    ]  # fmt: skip
    rows += [
        [Cell(f"Costs: {what}"), Cell(amount, True), Cell("", True),
         Cell("by the configuration's prices: as right as they are")]
        for what, amount in zip(found.costs.index, written[many:], strict=True)
    ]  # fmt: skip
    assumed = found.grade is None and decision.planned.known.ground is None
    nothing = not decision.planned.plan.changed.any()
    told = "nothing changes" if nothing else f"effects {effects} and costs {costs} together"
    if assumed and not nothing:
        told = f"costs alone: {evidence(decision)}"
    changed = number(decision.planned.plan.changed.sum())
    rows.append([Cell("Net gain against today", strong=True), Cell(total, True, True),
                 Cell(changed, True, True), Cell(told, strong=True)])  # fmt: skip
    whole = "" if found.grade is None else (
        f"Evidence of the effects as a whole: {found.grade}, the weakest grade that makes up more "
        "than a tenth of them, gains and losses alike. "
    )  # fmt: skip
    days = decision.planned.policy.horizon_days
    headers = [("What it is made of", ""), ("Money", f"{currency} over {days} days"),
               ("Customers changed", "by their grade"), ("What that means", "")]  # fmt: skip
    return Table(
        "Money by evidence grade, by the plan's own figures", headers, rows,
        f"Above 0 is a gain. {whole}Costs have no grade.",
        [False, True, True, False],
    )  # fmt: skip


def evidence(decision: Decision) -> str:
    """The grade of the effects, costs apart, or that there are none."""
    grade = worth(decision).grade
    if grade is None and decision.planned.known.ground is None:
        return f"{ASSUMPTION}, that nothing is lost by spending less"
    return grade or "none in the plan's own figures"


def parts_sentence(decision: Decision, at_length: bool = True) -> str:
    """Effects and costs apart, the gain is of both; `at_length`: with interval and grade."""
    claim, currency = decision.planned.claim, decision.planned.about["currency"]
    found, between = worth(decision), ""
    effect = found.effect if claim is None else claim.effect
    saved = found.saved if claim is None else claim.net - claim.effect
    if claim is not None:
        error = claim.high - claim.net
        unsure = ": can't be told from none" if untold(claim) else ""
        between = (
            f"{money(effect - error, currency)} to {money(effect + error, currency)}{unsure}; "
        )
    more = f" ({between}evidence: {evidence(decision)})" if at_length else ""
    word = "saved" if saved >= 0 else "more than today"
    return (
        f"of it effects {money(effect, currency)}{more}, costs {word} {money(abs(saved), currency)}"
    )


def untold(claim: Claim) -> bool:
    """Whether the effect claimed can't be told from none."""
    return abs(claim.effect) <= claim.high - claim.net


def claim_sentence(decision: Decision) -> str:
    """What is claimed, and how much of it is effect and how much are costs."""
    claim, currency = decision.planned.claim, decision.planned.about["currency"]
    found = worth(decision)
    own = (
        f"the plan's own figures say {money(found.net, currency)}: effects of "
        f"{money(found.effect, currency)}, and costs {_less(found.saved, currency)}"
    )
    if not decision.planned.plan.changed.any():
        return "nothing changes: neither effects nor costs"
    if claim is None:
        return capital(own) + ", known from the configuration. No trial of these models tells of it"
    beyond = beyond_trial(decision)
    return (
        f"{money(claim.net, currency)} ({money(claim.low, currency)} to "
        f"{money(claim.high, currency)}) for all customers of the plan together, {LEFT_OUT}: "
        f"effects of {money(claim.effect, currency)} (standard error "
        f"{money(claim.se, currency)}{beyond}), "
        f"and costs {_less(claim.net - claim.effect, currency)}. Beside it, {own}"
    )


def beyond_trial(decision: Decision) -> str:
    """`; EUR 100 of it by what no trial tells`, where a claim rests on such too."""
    claim, currency = decision.planned.claim, decision.planned.about["currency"]
    if claim is None or not round(claim.beyond, 2):
        return ""
    return f"; {money(claim.beyond, currency)} of it by what the trial does not tell"


def _less(saved: float, currency: str) -> str:
    if not round(saved, 2):
        return "as today"
    word = "less" if saved >= 0 else "more"
    return f"of {money(abs(saved), currency)} {word} than today"


def by_hand_table(decision: Decision, currency: str) -> Table | None:
    """Who is given a model by rule or by a chosen profile, and what that costs; None without."""
    planned, plan = decision.planned, decision.planned.plan
    if not plan.by_hand:
        return None
    base, known = plan.base, planned.known
    own = gains(base, known.effect, planned.policy.switching_cost)
    able = base.reach.permitted & ~excluded(planned.policy, base) & known.known
    best = np.maximum(np.where(able, own, -np.inf).max(axis=1), plan.gain)
    frame = pd.DataFrame({
        "reason": [
            capital(f"{hand.kind}: {hand.reason}")
            + (f" (where {hand.where})" if hand.kind == RULE else "") for hand in plan.by_hand
        ],
        "fits": [hand.fits.sum() for hand in plan.by_hand],
        "customers": [hand.placed.sum() for hand in plan.by_hand],
        "gain": [plan.gain[hand.placed].sum() for hand in plan.by_hand],
        "missed": [(best - plan.gain)[hand.placed].sum() for hand in plan.by_hand],
    })  # fmt: skip
    columns = {
        "reason": ("Set by hand", "text"), "fits": ("It fits", "count"),
        "customers": ("Placed by it", "count"),
        "gain": ("Their net gain", "money"), "missed": ("More, were they free", "money"),
    }  # fmt: skip
    return table(
        frame, columns, "Customers placed by rule or by a chosen profile", currency,
        "Fewer are placed than it fits where no channel of the model may reach them, where an "
        "exclusion or a rule before it stands against it, or where they are held out or too new in "
        "their model. By the plan's own figures. More, were they free: what the model that pays "
        "most for each would bring, where no limit stood in its way; no more than that is given "
        "up.",
    )  # fmt: skip


def effect_told(decision: Decision) -> tuple[str, str]:
    """What the evidence says of the effect, costs aside, and its tone; never good without a lot."""
    claim, grade = decision.planned.claim, worth(decision).grade
    if not decision.planned.plan.changed.any():
        return "nothing changes", "info"
    if claim is None:
        return "no trial of these models tells of it", "warning"
    gained, saved = claim.net > 0, claim.net > claim.effect
    if untold(claim):
        rest = ": the gain is costs saved" if gained and saved else ""
        return f"effects can't be told from none{rest}", "same"
    if claim.effect < 0:
        rest = ", which costs saved make up for" if gained else ", and so is the whole"
        return f"the effect is a loss{rest}", "worse"
    if not gained:
        return "the effect is above none, but costs more than it brings", "worse"
    sure = claim.low > 0 and grade in (None, *GRADES[:2])
    return "the effect is above none", "better" if sure else "same"
