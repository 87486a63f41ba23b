"""The figures of a plan by the names they are tracked under, and the plan in a few lines."""

from __future__ import annotations

import numpy as np

from facette.policy.claim import Interval
from facette.policy.decision import Decision
from facette.policy.plan import BUDGET
from facette.reports.decision.money import LEFT_OUT, parts_sentence
from facette.reports.decision.names import facets, thing
from facette.reports.decision.tables import flows, others_told
from facette.reports.decision.words import (
    does_sentence,
    idle_rules,
    interval_of,
    nobody_free,
    only_drawn,
)
from facette.reports.story import PolicyTold
from facette.reports.words import capital, money, number


def decision_metrics(decision: Decision) -> dict[str, float]:
    """Every figure of a plan, as `policy/<metric>`; money in currency units over the horizon."""
    planned, plan = decision.planned, decision.planned.plan
    n, claim = len(plan.base), decision.planned.claim
    told = {
        "customers": n, "changed": float(plan.changed.mean()), "net": plan.net,
        "net_each": plan.net / n, "models": _models(decision),
        "cells": len(plan.base.cells), "held_out": int(plan.base.held_out.sum()),
        "objectors": decision.objectors, "left_out": len(decision.left_out),
        "violations": len(decision.violations), "losing_customers": len(decision.losing.customers),
        "horizon_days": planned.policy.horizon_days,
    }  # fmt: skip
    told |= {f"effect_{g.replace(', ', '_')}": m for g, m in plan.by_grade().items()}
    if claim is not None:
        told |= {"claimed": claim.net, "claimed_low": claim.low, "claimed_high": claim.high}
        told |= {"claimed_effect": claim.effect}
        told |= {"claimed_effect_each": claim.effect / max(n - told["held_out"], 1)}
        told |= {
            f"{name}_each": told[name] / n for name in ("claimed", "claimed_low", "claimed_high")
        }
        for what, found in added(decision).items():
            told |= {
                f"adds/{what}": found.mean,
                f"adds/{what}_low": found.low,
                f"adds/{what}_high": found.high,
            }
    for row in plan.use.itertuples():
        told |= {f"use/{row.resource}": row.planned, f"use/{row.resource}_today": row.today}
        if row.price:
            told[f"price/{row.resource}"] = row.price
    return {f"policy/{name}": float(figure) for name, figure in told.items()
            if np.isfinite(figure)}  # fmt: skip


def added(decision: Decision) -> dict[str, Interval]:
    """What crossing in each segmentation adds, and what SEVERAL models do, by name."""
    claim, names = decision.planned.claim, facets(decision.planned)
    if claim is None:
        return {}
    return {what if isinstance(what, str) else names[what]: told
            for what, told in claim.adds.items()}  # fmt: skip


def policy_told(decision: Decision, page: str) -> PolicyTold:
    """A plan in short for a training report that `page`, the decision page, lies beside."""
    return PolicyTold(headline(decision), flows(decision), page)


def _models(decision: Decision) -> int:
    """How many relationship models the plan draws on, beside being served on request."""
    plan = decision.planned.plan
    return len({*plan.used} - {plan.base.reach.ways.on_request})


def headline(decision: Decision) -> list[str]:
    """The plan in a few lines."""
    planned, plan = decision.planned, decision.planned.plan
    n = len(plan.base)
    lines = [
        f"{'Draft' if decision.draft else 'Plan'}"
        f"{f' for customers {decision.whom}' if decision.whom else ''}: {does_sentence(decision)}",
        f"Handled otherwise than today: {number(plan.changed.sum())} of {number(n)} customers; "
        f"{'would be ' if only_drawn(decision) else ''}held out: "
        f"{number(plan.base.held_out.sum())}",
        _gain(decision),
    ]
    if plan.changed.any():
        lines.append(capital(parts_sentence(decision)))
    lines.append(_uses(decision))
    lines += map(capital, idle_rules(decision))
    lines += filter(None, [nobody_free(decision)])
    if not planned.known.known[:-1].any() and not plan.changed.any():
        lines.append(
            "Nothing is known of what a relationship model does here: no treatment on record tells "
            "of it, and policy.effects.assumed assumes nothing, so that everyone stays as they are"
        )
    broken = "none" if decision.violations.empty else number(len(decision.violations))
    lines.append(
        f"Rules broken, by the independent checker: {broken}; {number(len(decision.left_out))} "
        f"customers left out, {number(decision.objectors)} who object"
        f"{', of all customers,' if decision.whom else ''} not even looked at"
    )
    return lines


def _uses(decision: Decision) -> str:
    """What contacts and models cost, and what is used of every capacity that is limited."""
    use, currency = decision.planned.plan.use, decision.planned.about["currency"]
    told: list[str] = []
    for row in use.itertuples():
        limited = np.isfinite(row.limit)
        if row.resource == BUDGET:
            most = f" of {money(row.limit, currency)}" if limited else ""
            told.insert(0, f"Contacts and models cost {money(row.planned, currency)}{most} "
                           f"({money(row.today, currency)} today)")  # fmt: skip
        elif limited:
            told.append(f"{thing(row.resource)} {number(row.planned)} of {number(row.limit)}")
    days, others = decision.planned.policy.horizon_days, others_told(decision)
    whose = f", with the {others} who are not in this plan" if others else ""
    return f"{'; '.join(told)}, over {days} days{whose}"


def _gain(decision: Decision) -> str:
    """The net gain as it is claimed, beside the plan's own figures."""
    planned, currency = decision.planned, decision.planned.about["currency"]
    own, claim = money(planned.plan.net, currency), planned.claim
    told = f"Net gain over {planned.policy.horizon_days} days against today: "
    if claim is None:
        return f"{told}{own}, by the plan's own figures"
    return (
        f"{told}{money(claim.net, currency)} ({interval_of(decision)} "
        f"{money(claim.low, currency)} to {money(claim.high, currency)}), {LEFT_OUT}; {own} by "
        "the plan's own figures"
    )
