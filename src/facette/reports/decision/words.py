"""What a decision says in sentences: in one glance, what is not known yet, what it respects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from facette.policy.checker import KINDS
from facette.policy.decision import Decision
from facette.policy.grades import ASSUMPTION
from facette.policy.plan import BUDGET
from facette.policy.relationship import SERVE
from facette.reports.decision.accounts import cents
from facette.reports.decision.money import worth
from facette.reports.decision.names import facets, one_of, thing
from facette.reports.decision.tables import others_told
from facette.reports.words import capital, day, missing, money, number, plain, share
from facette.snapshots.instants import as_date
from facette.wording import listed

Lines = list[tuple[str, str]]
NAMED = 3  # relationship models by name, the rest as a number
OTHER_RULES = {"cap": "contact caps", "capacity": "capacities", "budget": "budget"}


def currency_of(decision: Decision) -> str:
    """The currency that all of it is told in."""
    return str(decision.planned.about["currency"])


def interval_of(decision: Decision) -> str:
    """`95% interval`."""
    return f"{share(decision.confidence, 0)} interval"


def horizon_of(decision: Decision) -> str:
    """`364 days from 1 January 2026`."""
    planned = decision.planned
    return f"{planned.policy.horizon_days} days from {day(as_date(planned.t))}"


def assumed(decision: Decision) -> bool:
    """Whether what the plan says of effects is an assumption in the main, or nothing is known."""
    grade = worth(decision).grade
    return grade == ASSUMPTION or (grade is None and decision.planned.known.ground is None)


def trial_sentence(decision: Decision) -> str:
    """What would turn an assumption into knowledge, and how large it has to be."""
    visible, currency = decision.visible, currency_of(decision)
    models = max(len(decision.planned.ways.names) - 1, 2)
    how = "draw by lot which relationship model customers are given, and write down that it was"
    if visible.trial is None or missing(visible.trial):
        return f"{capital(how)}: how many customers that takes is not known"
    n = f"{number(np.ceil(visible.trial))} customers"
    have = (
        "" if visible.trial <= visible.customers
        else f"; there are {number(visible.customers)}, so that only larger differences can be "
        "told, or fewer models and segments tried at once"
    )  # fmt: skip
    basis = "" if visible.adjusted else (
        ". That is by the spread of last period's net value; with what is known of customers "
        "taken into account it will take fewer"
    )  # fmt: skip
    return (
        f"{capital(how)}. To tell {money(visible.worth_telling, currency)} a customer over the "
        f"horizon between any two of {models} models in every segment, in 4 of 5 cases, takes {n}"
        f"{have}{basis}"
    )


def does_sentence(decision: Decision) -> str:
    """What the plan does: who is taken off what, and who is newly given what."""
    plan, names = decision.planned.plan, decision.planned.ways.names
    last = plan.base.reach.ways.on_request
    if not plan.changed.any():
        return "nobody is handled otherwise than today"
    off = plan.changed & (plan.model == last)
    given = plan.changed & (plan.model != last)
    parts = []
    if off.any():
        taken = f"{_customers(off.sum())} taken off {_named(names, plan.base.today[off])}"
        parts.append(f"{taken} and served on request")
    parts.append(
        f"{_customers(given.sum())} newly given {_named(names, plan.model[given])}"
        if given.any() else "nobody new is given a model"
    )  # fmt: skip
    return "; ".join(parts)


def _customers(count: float) -> str:
    return "1 customer is" if count == 1 else f"{number(count)} customers are"


def _named(names: Sequence[str], models: np.ndarray) -> str:
    """`E-mail programme (1,200), App companion (543)`: those of most first, three by name."""
    counts = pd.Series(models).value_counts()
    if len(counts) == 1:
        return plain(names[counts.index[0]])
    told = [f"{plain(names[m])} ({number(count)})" for m, count in counts.head(NAMED).items()]
    more = len(counts) - len(told)
    return ", ".join(told) + (f" and {more} more" if more > 0 else "")


def differ_sentence(decision: Decision) -> str:
    """In what the models that the plan gives differ for customers."""
    planned = decision.planned
    given = [planned.ways.names[m] for m in np.unique(planned.plan.model)]
    models = [planned.policy.models[name] for name in given if name in planned.policy.models]
    if not models:
        return "Everyone is served on request: no treatment differs from another"
    if len(models) == 1:
        return f"One treatment beside being served on request: {plain(given[0])}"
    free = set(planned.plan.used)
    kept = [plain(n) for n in given if n in planned.policy.models
            and planned.ways.position(n) not in free]  # fmt: skip
    rates = sorted(model.contacts_a_month for model in models)
    hours = sorted(model.reaction_hours for model in models)
    told = (
        f"The {len(models)} models that customers are in have "
        f"{_ways(len({m.approach for m in models}), 'approach', 'approaches')}, "
        f"{_ways(len({tuple(m.channels) for m in models}), 'choice', 'choices')} of channels, "
        f"{rates[0]:g} to {rates[-1]:g} contacts a month and answers within {hours[0]:g} to "
        f"{hours[-1]:g} hours; no two are the same in all of these"
    )
    if kept:
        told += (
            f". Given to nobody new, and kept only for who is held out or may not be moved yet: "
            f"{listed(kept)}"
        )
    return told


def idle_rules(decision: Decision) -> list[str]:
    """Rules and chosen profiles that fit nobody, or nobody whom their model may be given to."""
    told = []
    for hand in decision.planned.plan.by_hand:
        fits, name = int(hand.fits.sum()), f"{hand.kind} {hand.where!r}"
        if not fits:
            told.append(f"{name} fits no customer")
        elif not hand.able.any():
            told.append(
                f"{name} fits {number(fits)} customer{'' if fits == 1 else 's'}, to none of whom "
                f"{plain(hand.model)} may be given"
            )
    return told


def only_drawn(decision: Decision) -> bool:
    """Whether those held out are held out by nothing but the lot of a draft."""
    return decision.draft and decision.planned.lot.date == as_date(decision.planned.t)


def nobody_free(decision: Decision) -> str:
    """That the plan can move nobody; nothing where it can."""
    if (decision.planned.plan.member >= 0).any():
        return ""
    return "Nobody is free to be moved: everyone is held out, or too new in their model"


def _ways(count: int, one: str, more: str) -> str:
    return f"one {one}" if count == 1 else f"{count} {more}"


def limit_lines(decision: Decision) -> list[str]:
    """What each limit that binds costs."""
    use, currency = decision.planned.plan.use, currency_of(decision)
    limited = use[np.isfinite(use["limit"])]
    days = decision.planned.policy.horizon_days
    if limited.empty:
        return ["There is no limit: neither a budget nor a capacity is given."]
    told = [
        f"One more {currency} of budget over the {days} days is worth {money(row.price, currency)}."
        if row.resource == BUDGET else
        f"One more {one_of(row.resource)} over the {days} days is worth "
        f"{money(row.price, currency)}."
        for row in limited.itertuples() if row.price > 0
    ]  # fmt: skip
    slack = [thing(row.resource) for row in limited.itertuples() if not row.price > 0]
    if slack:
        told.append(f"More of {' or '.join(slack)} would bring nothing: no such limit binds.")
    if not decision.what_if.empty and decision.what_if["difference"].abs().max() < 0.5:
        span = decision.what_if["factor"]
        told.append(
            f"Other limits, from {span.min():g} to {span.max():g} times what they are (or what the "
            "plan uses, where there is none), would not change the net gain."
        )
    return told


def losing_lines(decision: Decision) -> Lines:
    """How many customers cost more than they brought, why, and what follows."""
    losing, accounts = decision.losing, decision.accounts
    currency, n = currency_of(decision), len(accounts.customers)
    count = len(losing.customers)
    if not count:
        return [("losing money", "no customer cost more than they brought")]
    other = count - losing.newcomers - losing.served
    serving = (
        "bring a margin below 0, told after cost to serve"
        if SERVE in decision.planned.policy.margin_after else
        "bring less than serving them costs"
    )  # fmt: skip
    return [
        ("losing money", f"{number(count)} of {number(n)} customers ({share(count / n)}) cost more "
         f"than they brought, {currency} {cents(losing.net, accounts)} together"),
        ("why", f"{number(losing.newcomers)} only by the cost of acquiring them, which comes once; "
         f"{number(losing.served)} {serving}, whatever contacts cost; "
         f"{number(other)} by what contacts with them cost"),
        ("what follows", "they are served at less cost where a cheaper model may reach them; "
         "nobody is sent away"),
    ]  # fmt: skip


def rights_lines(decision: Decision) -> Lines:
    """Objections, consent, who is left out, pressure, and that demand is served."""
    planned, policy = decision.planned, decision.planned.policy
    none = (planned.plan.base.reach.channel < 0).all(axis=1)
    unreached, held = int(none.sum()), int((none & planned.plan.base.held_out).sum())
    counted = f" ({number(held)} of them held out, and left out as such below)" if held else ""
    lines = [
        ("served", "customers' demand is always served, whatever model they are in and whatever "
         "limit binds: a plan only says what the company starts"),
        ("objections", f"{number(decision.objectors)} customers"
         f"{', of all there are,' if decision.whom else ''} object to direct marketing; they are "
         "counted, not looked at, and stand in no list"),
        ("consent", f"{number(unreached)} of {number(len(planned.plan.base))} customers consent to "
         f"no channel of any model{counted}; they are served on request. "
         f"Silence is {'' if policy.consent.without_record else 'no '}consent"),
        ("files", f"{number(len(decision.activation))} customers in the activation file, "
         f"{number(len(decision.left_out))} left out of it with a reason"),
        ("after a complaint", f"no contact for {policy.pressure.cool_down_days} days after it was "
         "made and after it was settled" if policy.pressure.cool_down_days else "no cool-down"),
    ]  # fmt: skip
    quiet = [f"{day(p.first)} to {day(p.last)}" for p in policy.pressure.quiet]
    lines.append(("quiet periods", listed(quiet) if quiet else "none"))
    if policy.exclusions:
        why = [f"where {e.where}: no {listed(plain(m) for m in e.models)} ({e.reason})"
               for e in policy.exclusions]  # fmt: skip
        lines.append(("exclusions", "; ".join(why)))
    if planned.left_long_ago:
        lines.append(("left", f"{number(planned.left_long_ago)} customers known here have ended "
                      "their relationship and are in no plan"))  # fmt: skip
    return [*lines, ("the checker", _checker(decision))]


def _checker(decision: Decision) -> str:
    names = [OTHER_RULES.get(rule, rule) for rule in KINDS]
    broken = len(decision.violations)
    return (
        f"{number(broken)} violation{'' if broken == 1 else 's'} of {len(KINDS)} kinds of rules, "
        f"found without the planner's code: {', '.join(names)}. Not looked at: exclusions and "
        "rules by scored columns"
    )


def facts(decision: Decision, data: Mapping[str, str], run: str) -> Lines:
    """What this page is of."""
    planned = decision.planned
    return [
        ("Data", f"{data['name']}. {data['origin']}"),
        ("Licence", data["licence"]),
        ("Reference date", day(as_date(planned.t))),
        ("Horizon", f"{planned.policy.horizon_days} days"),
        ("Customers", f"{number(len(planned.plan.base))}"
         + (f", {decision.whom}" if decision.whom else "")
         + (f"; {others} not in this plan go on as today, within the same limits"
            if (others := others_told(decision)) else "")),
        ("Crossed", f"{', '.join(thing(name) for name in facets(planned))}; "
         f"{_cells(len(planned.plan.base.cells))}; below {number(planned.policy.floor)} customers "
         "they lose the last distinction first"),
        ("Currency", currency_of(decision)),
        ("Policy version", decision.version),
        ("Intervals", f"hold {share(decision.confidence, 0)} of the time"),
        ("Seed", str(decision.seed)),
        ("Run", run),
    ]  # fmt: skip


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{number(count)} cells"


def comparison_sentence(decision: Decision) -> str | None:
    """How sound the comparison of those handled by choice is; None where none was made."""
    found = decision.planned.comparison
    if found is None:
        return None
    against = "" if found.sound else ", so that it is left aside"
    return (
        f"of {number(found.customers)} customers handled by choice, {number(found.kept)} could "
        "have been handled otherwise and are compared; the same comparison of the time before, by "
        "what was known earlier still, finds differences as large by chance with p = "
        f"{found.p:.2g} ({number(found.tested)} customers){against}"
    )


def off_lines(decision: Decision) -> list[str]:
    """What was off or left aside, and why."""
    planned = decision.planned
    told = [*planned.notes, *planned.known.notes, *decision.accounts.notes]
    told += idle_rules(decision)
    told += filter(None, [nobody_free(decision)])
    blank = np.flatnonzero(~planned.known.known)
    unknown = [plain(planned.ways.names[m]) for m in blank]
    if unknown:
        told.append("nothing is known of what these models do: nobody new is given them, and who "
                    f"is in them stays: {listed(unknown)}")  # fmt: skip
    if decision.satisfaction is None:
        told.append("satisfaction is not measured: policy.satisfaction_question is not set, or no "
                    "survey asks it")  # fmt: skip
    if decision.need is None:
        told.append("next period's need is not told: history is too short, segments changed, or "
                    "the plan is for the customers of one event")  # fmt: skip
    if decision.standing is None:
        told.append("segments are not ranked: there is one only")
    return told
