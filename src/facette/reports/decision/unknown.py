"""What is not known when a plan is made, and when it will be."""

from __future__ import annotations

from facette.policy.decision import Decision
from facette.policy.realised import Realised
from facette.reports.decision.words import (
    Lines,
    currency_of,
    interval_of,
    trial_sentence,
)
from facette.reports.words import day, missing, money, number, plain, share

ALIKE = "Do not segment this way: one treatment for all is worth as much"


def unknown_lines(decision: Decision, after: Realised | None) -> Lines:
    """What will be known when, what hangs on what is not, and what an earlier plan brought."""
    lines = [("the holdout", _holdout(decision)), ("what it can show", _power(decision)),
             ("if effects are others", _sensitive(decision))]  # fmt: skip
    if decision.planned.claim is None:
        lines.append(("a trial", trial_sentence(decision)))
    lines.append(("an earlier plan", "none is on record that can be held against what came"
                  if after is None else _after(after, decision)))  # fmt: skip
    return lines


def _holdout(decision: Decision) -> str:
    visible = decision.visible
    if not visible.held_out:
        return "nobody is held out: what this plan brings will never be known"
    return (
        f"{number(visible.held_out)} of {number(visible.customers)} customers "
        f"({share(visible.held_out / visible.customers)}), drawn by lot at "
        f"{day(decision.planned.lot.date)}, stay as they are until {day(visible.date)}; then what "
        "planning brought is held against them"
    )


def _power(decision: Decision) -> str:
    visible, currency = decision.visible, currency_of(decision)
    if not visible.held_out or missing(visible.least):
        return "not known: nothing to compare with, or customers' spread is not known"
    basis = "what a trial leaves unexplained" if visible.adjusted else "last period's net value"
    shows = (
        f"an effect of {money(visible.least, currency)} a customer or more, costs aside, shows in "
        f"4 of 5 cases (by the spread of {basis})"
    )
    if missing(visible.claimed):
        return shows + ". No effect is claimed that it could be held against"
    told = f"The effect claimed is {money(visible.claimed, currency)}"
    if abs(visible.claimed or 0.0) >= (visible.least or 0.0):
        return f"{shows}. {told}: the holdout can show it"
    return (
        f"{shows}. {told}: the holdout is too small to see it. It can tell whether the effect is "
        "much larger, either way, not whether this claim is right"
    )


def _sensitive(decision: Decision) -> str:
    found, currency = decision.sensitivity, currency_of(decision)
    if found is None:
        return "not told: no standard error of any effect is known"
    return (
        f"with effects drawn {found.draws} times within their standard errors, this plan would "
        f"bring {money(found.low, currency)} to {money(found.high, currency)} "
        f"({interval_of(decision)}; {money(decision.planned.plan.allocation.net, currency)} by "
        "the effects as they are, every model paying its own cost). The best plan for each draw "
        f"would handle {share(found.moved, 0)} of the customers free to move otherwise, and bring "
        f"{money(found.missed, currency)} more"
    )


def _after(after: Realised, decision: Decision) -> str:
    currency = currency_of(decision)
    each = f"{money(after.gain, currency)} a customer ({money(after.low, currency)} to " \
           f"{money(after.high, currency)})"  # fmt: skip
    told = (
        f"the plan of {day(after.reference_date)} (run {after.run_id[:8]}) brought {each} in "
        f"{after.days} days, {number(after.customers)} customers against {number(after.held_out)} "
        "held out, costs aside"
    )
    if after.predicted is None:
        told += ". It had claimed no effect"
    else:
        inside = after.low <= after.predicted <= after.high
        told += (
            f". Its claim for as many days was {money(after.predicted, currency)}, "
            f"{'within' if inside else 'outside'} that interval"
        )
    if missing(after.carried_out):
        return told + ". Whether it was carried out is not on record"
    return f"{told}. It was carried out for {share(after.carried_out, 0)} of who was to be moved"


def curve_sentence(decision: Decision) -> str:
    """How many different treatments pay, and whether that is more than noise."""
    table, currency = decision.planned.plan.curve, currency_of(decision)
    best = table[table["best"]].iloc[0]
    count = int(best["models"])
    if len(table) == 1:
        return (
            "Nothing is known that could make different treatments pay: one treatment for all is "
            "all that can be told from here"
        )
    if count == 0:
        return ALIKE
    if count == 1:
        own = next(m for m in best["used"] if m != decision.planned.ways.on_request)
        name = plain(decision.planned.ways.names[own])
        return f"{ALIKE} as several: {name} for whom it pays, who is left is served on request"
    lower = table[table["models"] <= 1]
    if lower.empty:
        return f"{count} relationship models bring the most; with fewer than two it can't be done"
    alone = float(lower["net"].max())
    more = float(best["net"]) - alone
    told = (
        f"{count} relationship models beside being served on request bring the most, "
        f"{money(more, currency)} more than the best one alone"
    )
    claim, found = decision.planned.claim, decision.sensitivity
    noise = claim.se if claim is not None else None if found is None else found.missed
    if noise is not None and more < noise:
        told += (
            f". That is less than the standard error of the effect claimed "
            f"({money(noise, currency)}): it is not told from noise"
            if claim is not None else
            f". That is less than what not knowing the effects costs ({money(noise, currency)})"
        )  # fmt: skip
    return told
