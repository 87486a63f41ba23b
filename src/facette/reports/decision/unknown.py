"""What is not known when a plan is made, and when it will be."""

from __future__ import annotations

from collections.abc import Sequence

from facette.policy.claim import SEVERAL, Interval
from facette.policy.decision import Decision
from facette.policy.otherwise import for_good
from facette.policy.realised import Realised
from facette.policy.sensitivity import DRAWS
from facette.reports.decision.money import LEFT_OUT
from facette.reports.decision.names import thing
from facette.reports.decision.told import added
from facette.reports.decision.words import (
    Lines,
    currency_of,
    interval_of,
    only_drawn,
    trial_sentence,
)
from facette.reports.words import capital, day, missing, money, number, plain, share
from facette.wording import listed

REFUSED = "Do not segment this way"
ALIKE = f"{REFUSED}: one treatment for all is worth as much"


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
    if only_drawn(decision):
        return (
            f"this is a draft, by which nobody is held out. Of a plan that counts, "
            f"{number(visible.held_out)} of {number(visible.customers)} customers would stay as "
            f"they are until {day(visible.date)}, and what planning brought would be held against "
            "them"
        )
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
        f"with effects drawn {DRAWS} times within their standard errors, this plan would "
        f"bring {money(found.low, currency)} to {money(found.high, currency)} "
        f"({interval_of(decision)}; {money(decision.planned.plan.net, currency)} by the effects as "
        f"they are). Were the effects known, {share(found.moved, 0)} of the customers free to "
        f"move would be handled otherwise than here, and the plan would bring "
        f"{money(found.missed, currency)} more (the mean of {found.again} draws)"
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
    """How many different treatments pay, whether that is more than noise, and holds for good."""
    many, (good, alike) = _many(decision), _for_good(decision)
    verdict = ALIKE if alike and not many.startswith(REFUSED) else ""
    return ". ".join(filter(None, [many, good, verdict]))


def _for_good(decision: Decision) -> tuple[str, bool]:
    """Which models only go on for who stays, and whether one treatment is left without them."""
    names, currency = decision.planned.ways.names, currency_of(decision)
    found = for_good(decision.planned.plan)
    if found is None:
        return "", False
    dropped, kept = ([plain(names[m]) for m in some] for some in (found.dropped, found.models))
    told = (
        f"Only because some customers stay as they are, {listed(dropped)} run on and cost nothing "
        f"more here. Over the horizon they cost {money(found.cost, currency)}, and bring those "
        f"free to move {money(found.brings, currency)}: for good, "
        f"{listed(kept) if kept else 'being served on request'} would do"
    )
    table = decision.planned.plan.curve
    return told, len(kept) < 2 <= int(table.loc[table["best"], "models"].iloc[0])


def _many(decision: Decision) -> str:
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
    names, plan = decision.planned.ways.names, decision.planned.plan
    used = [m for m in best["used"] if m != decision.planned.ways.on_request]
    only = [m for m in used if not (plan.changed & (plan.model == m)).any()]
    if count == 1:
        whom = "who is in it already" if only else "whom it pays"
        return f"{ALIKE} as several: {plain(names[used[0]])} for {whom}, who is left is served " \
               "on request"  # fmt: skip
    lower = table[table["models"] <= 1]
    if lower.empty:
        return f"{count} relationship models bring the most; with fewer than two it can't be done"
    more = float(best["net"]) - float(lower["net"].max())
    told = (
        f"{count} relationship models beside being served on request bring the most, "
        f"{money(more, currency)} more than the best one alone by the plan's own figures"
    )
    if only:
        told += f" ({_kept(only, len(used), names)})"
    adds = added(decision)
    several = adds.get(SEVERAL)
    if several is not None:
        told += f"; {LEFT_OUT}, {_between(several, decision)}"
        if several.low <= 0:
            facets = [found for what, found in adds.items() if what != SEVERAL]
            if any(found.low > 0 for found in facets):
                return f"{told}: that several pay more than one is not shown"
            any_adds = ", or any segmentation adds anything," if facets else ""
            verdict = f"that several treatments pay more than one{any_adds} is not shown"
            return f"{REFUSED}: {verdict}. {told}"
    elif decision.sensitivity is not None and more < decision.sensitivity.missed:
        noise = money(decision.sensitivity.missed, currency)
        told += f". That is less than what not knowing the effects costs ({noise})"
    return told


def _kept(only: list[int], count: int, names: Sequence[str]) -> str:
    """Which of so many models go on for who is in them already, and are given to nobody new."""
    told = listed(plain(names[m]) for m in only)
    if len(only) == count:
        return f"{told}, all kept for who is in them already: nobody new is given one"
    them = ("is", "it") if len(only) == 1 else ("are", "them")
    return f"of them {told} {them[0]} only kept for who is in {them[1]} already"


def worth_lines(decision: Decision) -> Lines:
    """What each segmentation that is crossed adds to planning by the others."""
    lines = []
    for name, found in added(decision).items():
        if name == SEVERAL:
            continue
        verdict = (
            "it is worth crossing" if found.low > 0 else
            "crossing it in costs more than it brings: leave it out" if found.high < 0 else
            "that it adds anything is not shown: the plan may do without it"
        )  # fmt: skip
        lines.append((thing(name), f"{_between(found, decision)}. {capital(verdict)}"))
    return lines


def _between(found: Interval, decision: Decision) -> str:
    currency = currency_of(decision)
    return (
        f"{money(found.mean, currency)} ({money(found.low, currency)} to "
        f"{money(found.high, currency)})"
    )
