"""What a decision says in sentences: in one glance, what is not known yet, what it respects."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from facette.policy.checker import RULES
from facette.policy.decision import Decision
from facette.policy.grades import ASSUMPTION
from facette.policy.plan import BUDGET
from facette.policy.realised import Realised
from facette.reports.decision_accounts import cents
from facette.reports.decision_money import claim_sentence, effect_told, worth
from facette.reports.decision_names import facets, one_of, thing
from facette.reports.decision_tables import (
    asked_known,
    contacts_frame,
    held_use,
    month_name,
)
from facette.reports.words import capital, day, missing, money, number, plain, share
from facette.snapshots.instants import as_date
from facette.wording import listed

Lines = list[tuple[str, str]]
CHECKED = (*RULES, "cap", "capacity", "budget")
OTHER_RULES = {"cap": "contact caps", "capacity": "capacities", "budget": "budget"}
ALIKE = "Do not segment this way: one treatment for all is worth as much"


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


def strip(decision: Decision) -> list[dict[str, object]]:
    """The large figures: part, metric, big, beside (lines), verdict, tone."""
    return [_changed(decision), _gain(decision), _evidence(decision), _people(decision),
            _peak(decision), _broken(decision)]  # fmt: skip


def _figure(
    part: str, metric: str, big: str, beside: list[str], verdict: str = "", tone: str = "info"
) -> dict[str, object]:
    return {"part": part, "metric": metric, "big": big, "beside": beside, "verdict": verdict,
            "tone": tone}  # fmt: skip


def _changed(decision: Decision) -> dict[str, object]:
    plan = decision.planned.plan
    changed, n = int(plan.changed.sum()), len(plan.base)
    beside = [f"{share(changed / n)}; {number(plan.base.held_out.sum())} held out, to compare with"]
    words = "" if changed else "nobody is treated otherwise than today"
    return _figure("Treated differently", f"customers, of {number(n)} in the plan",
                   number(changed), beside, words)  # fmt: skip


def _people(decision: Decision) -> dict[str, object]:
    today, plan = (float(decision.portfolios[k]["people"].sum()) for k in ("today", "plan"))
    if not decision.planned.policy.hours_a_person:
        return _figure("People needed", "full-time", "not told", [
            "policy.hours_a_person names no capacity that is people's hours"])  # fmt: skip
    frame = contacts_frame(decision)
    sent = f"{number(frame['plan'].sum())} contacts a month that the company starts, "
    kinds = "customers' own contacts included" if asked_known(decision) else (
        "for what the company starts; what customers start is not known"
    )
    return _figure("People needed", f"full-time, {kinds}", number(plan, 1),
                   [f"{number(today, 1)} today", f"{sent}{number(frame['today'].sum())} today"])  # fmt: skip


def _peak(decision: Decision) -> dict[str, object]:
    """The capacity whose limit is nearest in its worst month; without limits, the most people."""
    peaks = decision.peaks["plan"]
    if peaks.empty:
        return _figure("Peak month", "", "not told", ["the policy has no capacity"])
    started = peaks["outbound"] + held_use(decision)
    part = started / peaks["limit"]
    if part.notna().any():
        name = str(part.idxmax())
        row, over = peaks.loc[name], part[name] > 1 + 1e-9
        beside = [f"of {number(row['limit'])} {thing(name)} a month, in {month_name(row['month'])}"]
        if asked_known(decision):
            beside.append(f"what customers start comes on top: {number(row['inbound'])}")
        return _figure("Peak month", "of the limit for what the company starts",
                       share(part[name], 0), beside, "above the limit" if over else "",
                       "error" if over else "info")  # fmt: skip
    most = peaks["people"].fillna(0.0)
    name = str(most.idxmax())
    if not most[name]:
        return _figure("Peak month", "", "none", ["no limit is given"])
    return _figure("Peak month", f"full-time people for {thing(name)}", number(most[name], 1),
                   [f"in {month_name(peaks.loc[name, 'month'])}", "no limit is given"])  # fmt: skip


def _gain(decision: Decision) -> dict[str, object]:
    claim, currency, plan = decision.planned.claim, currency_of(decision), decision.planned.plan
    words, tone = effect_told(decision)
    days = f"against today, over {decision.planned.policy.horizon_days} days"
    if claim is None:
        return _figure("Net gain, by the plan's own figures", days, money(plan.net, currency),
                       ["not told on other customers than it was chosen by"], words, tone)  # fmt: skip
    return _figure(
        "Net gain, on customers it was not chosen by", days, money(claim.net, currency),
        [f"{interval_of(decision)} {money(claim.low, currency)} to {money(claim.high, currency)}",
         f"the plan's own figures say {money(plan.net, currency)}"], words, tone,
    )  # fmt: skip


def _evidence(decision: Decision) -> dict[str, object]:
    grade = worth(decision).grade
    if assumed(decision):
        return _figure("Evidence", "of what the models do", ASSUMPTION.upper(),
                       ["nothing of it was measured here"], "to be tried before it is believed",
                       "warning")  # fmt: skip
    if grade is None:
        return _figure("Evidence", "of what the models do", "no effect", ["the gain is of costs"])
    return _figure("Evidence", "the weakest that makes up more than a tenth of the effects",
                   capital(grade), ["costs apart", *_claimed(decision)])  # fmt: skip


def _claimed(decision: Decision) -> list[str]:
    """The effect claimed and its error, of all customers together."""
    claim, currency = decision.planned.claim, currency_of(decision)
    if claim is None:
        return []
    return [f"effects claimed: {money(claim.effect, currency)}, standard error "
            f"{money(claim.se, currency)}"]  # fmt: skip


def _broken(decision: Decision) -> dict[str, object]:
    broken = len(decision.violations)
    words, tone = ("not to be carried out as it is", "error") if broken else ("", "info")
    return _figure("Rules broken", f"of {len(CHECKED)} kinds, by the independent checker",
                   number(broken), [f"{number(len(decision.activation))} customers in the file"],
                   words, tone)  # fmt: skip


def trial_sentence(decision: Decision) -> str:
    """What would turn an assumption into knowledge, and how large it has to be."""
    visible, currency = decision.visible, currency_of(decision)
    models = max(len(decision.planned.ways.names) - 1, 2)
    how = "draw by lot which relationship model customers are given, and write down that it was"
    if missing(visible.trial):
        return f"{capital(how)}: how many customers that takes is not known"
    n = f"{number(np.ceil(visible.trial))} customers"
    have = (
        "" if visible.trial <= visible.customers
        else f"; there are {number(visible.customers)}, so that only larger differences can be "
        "told, or fewer models and segments tried at once"
    )  # fmt: skip
    basis = "" if visible.adjusted else (
        ". That is by the spread of last period's net value; with what is known of customers taken "
        "into account it will take fewer"
    )
    return (
        f"{capital(how)}. To tell {money(visible.worth_telling, currency)} a customer over the "
        f"horizon between any two of {models} models in every segment, in 4 of 5 cases, takes {n}"
        f"{have}{basis}"
    )


def glance_lines(decision: Decision) -> Lines:
    """Who, people, money, evidence, in sentences."""
    lines = [("who", _who(decision)), ("money", claim_sentence(decision))]
    if decision.planned.known.ground is not None:
        lines.append(("evidence", _ground(decision)))
    else:
        lines.append(("evidence", "assumption: no treatment on record tells what a model does"))
    return lines


def _who(decision: Decision) -> str:
    plan, n = decision.planned.plan, len(decision.planned.plan.base)
    changed = int(plan.changed.sum())
    settled = int((plan.base.settled & ~plan.base.held_out).sum())
    stay = n - changed - int(plan.base.held_out.sum()) - settled
    parts = [f"{number(stay)} stay as they are", f"{number(plan.base.held_out.sum())} are held out"]
    if settled:
        parts.append(f"{number(settled)} are too new in their model to be moved")
    if not changed:
        return f"nobody is treated otherwise than today: of {number(n)}, {', '.join(parts)}"
    filed = decision.assigned.index[plan.changed].isin(decision.activation["customer_id"]).sum()
    late = "" if filed == changed else (
        f" ({number(changed - filed)} of them in no activation file, see Rights)"
    )
    return (
        f"{number(changed)} of {number(n)} customers are treated otherwise from "
        f"{day(as_date(decision.planned.t))} on{late}; {', '.join(parts)}"
    )


def _ground(decision: Decision) -> str:
    ground = decision.planned.known.ground
    assert ground is not None
    trial = ground.trial
    how = "by lot" if trial.randomised else "by choice, and compared after adjustment"
    return (
        f"what models do is told by {number(len(trial))} customers to whom they were given {how} "
        f"from {day(as_date(trial.began))} on, watched for {trial.days} days each"
    )


def unknown_lines(decision: Decision, after: Realised | None) -> Lines:
    """What will be known when, what hangs on what is not, and what an earlier plan brought."""
    lines = [("the holdout", _holdout(decision)), ("what it can show", _power(decision)),
             ("if effects are others", _sensitive(decision))]  # fmt: skip
    if assumed(decision):
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
        f"({share(visible.held_out / visible.customers)}), drawn by lot, stay as they are until "
        f"{day(visible.date)}; then the plan is held against them"
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
    if count <= 1:
        return ALIKE
    lower = table[table["models"] <= 1]
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
        f"{hours[-1]:g} hours: no two are alike, a policy of such is refused"
    )
    if kept:
        told += (
            f". Given to nobody new, and kept only for who is held out or may not be moved yet: "
            f"{listed(kept)}"
        )
    return told


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
            f"What if: no limit from {span.min():g} to {span.max():g} times what is left for "
            "customers free to move would change the net gain."
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
    return [
        ("losing money", f"{number(count)} of {number(n)} customers ({share(count / n)}) cost more "
         f"than they brought, {currency} {cents(losing.net, accounts)} together"),
        ("why", f"{number(losing.newcomers)} only by the cost of acquiring them, which comes once; "
         f"{number(losing.served)} bring less than serving them costs, whatever contacts cost; "
         f"{number(other)} by what contacts with them cost"),
        ("what follows", "they are served at less cost where a cheaper model may reach them; nobody "
         "is sent away"),
    ]  # fmt: skip


def rights_lines(decision: Decision) -> Lines:
    """Objections, consent, who is left out, pressure, and that demand is served."""
    planned, policy = decision.planned, decision.planned.policy
    unreached = int((planned.plan.base.reach.channel < 0).all(axis=1).sum())
    lines = [
        ("served", "customers' demand is always served, whatever model they are in and whatever "
         "limit binds: a plan only says what the company starts"),
        ("objections", f"{number(decision.objectors)} customers object to direct marketing; they "
         "are counted, not looked at, and stand in no list"),
        ("consent", f"{number(unreached)} of {number(len(planned.plan.base))} customers consent to "
         "no channel of any model; they are served on request, and as today where held out. "
         f"Silence is {'' if policy.consent.without_record else 'no '}consent"),
        ("files", f"{number(len(decision.activation))} customers in the activation file, "
         f"{number(len(decision.left_out))} left out of it with a reason"),
        ("after a complaint", f"no contact for {policy.pressure.cool_down_days} days after it was "
         "made and after it was settled" if policy.pressure.cool_down_days else "no cool-down"),
    ]  # fmt: skip
    quiet = [f"{day(p.first)} to {day(p.last)}" for p in policy.pressure.quiet]
    lines.append(("quiet periods", listed(quiet) if quiet else "none"))
    if policy.exclusions:
        why = [f"{e.where} from {listed(plain(m) for m in e.models)} ({e.reason})"
               for e in policy.exclusions]  # fmt: skip
        lines.append(("exclusions", "; ".join(why)))
    if planned.left_long_ago:
        lines.append(("left", f"{number(planned.left_long_ago)} customers known here have ended "
                      "their relationship and are in no plan"))  # fmt: skip
    return [*lines, ("the checker", _checker(decision))]


def _checker(decision: Decision) -> str:
    names = [OTHER_RULES.get(rule, rule) for rule in CHECKED]
    broken = len(decision.violations)
    return (
        f"{number(broken)} violation{'' if broken == 1 else 's'} of {len(CHECKED)} kinds of rules, "
        f"found without the planner's code: {', '.join(names)}. Not looked at: exclusions and "
        "rules by scored columns"
    )


def facts(decision: Decision, data: Mapping[str, str], run: str) -> Lines:
    """What this page is of."""
    planned, about = decision.planned, decision.planned.about
    return [
        ("Data", f"{data['name']}. {data['origin']}"),
        ("Licence", data["licence"]),
        ("Reference date", day(as_date(planned.t))),
        ("Horizon", f"{planned.policy.horizon_days} days"),
        ("Customers", f"{number(len(planned.plan.base))}"
         + (f", of the perimeter {about['perimeter']}" if about.get("perimeter") else "")),
        ("Crossed", f"{', '.join(thing(name) for name in facets(planned))}; "
         f"{number(len(planned.plan.base.cells))} cells of {number(planned.policy.floor)} "
         "customers or more"),
        ("Currency", currency_of(decision)),
        ("Policy version", decision.version),
        ("Intervals", f"hold {share(decision.confidence, 0)} of the time"),
        ("Seed", str(decision.seed)),
        ("Run", run),
    ]  # fmt: skip


def off_lines(decision: Decision) -> list[str]:
    """What was off or left aside, and why."""
    planned = decision.planned
    told = [*planned.notes, *planned.known.notes, *decision.accounts.notes]
    unknown = [plain(name) for name, is_known in
               zip(planned.ways.names, planned.known.known, strict=True) if not is_known]  # fmt: skip
    if unknown:
        told.append(f"nothing is known of what these models do, and nobody new is given them: "
                    f"{listed(unknown)}")  # fmt: skip
    if decision.satisfaction is None:
        told.append("satisfaction is not measured: policy.satisfaction_question is not set, or no "
                    "survey asks it")  # fmt: skip
    if decision.need is None:
        told.append("next period's need is not told: history is too short, or segments changed")
    if decision.standing is None:
        told.append("segments are not ranked: there is one only")
    return told
