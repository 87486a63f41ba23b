"""The decision in one glance: figures, what they rest on, a stamp where that is little."""

from __future__ import annotations

from facette.policy.checker import KINDS
from facette.policy.decision import Decision
from facette.policy.grades import ASSUMPTION, OBSERVATIONAL, TRANSPORTED
from facette.reports.decision.money import (
    LEFT_OUT,
    beyond_trial,
    claim_sentence,
    effect_told,
    parts_sentence,
    worth,
)
from facette.reports.decision.names import thing
from facette.reports.decision.tables import (
    asked_known,
    contacts_frame,
    held_use,
    month_name,
    others_told,
    peak_people,
)
from facette.reports.decision.words import (
    Lines,
    assumed,
    comparison_sentence,
    currency_of,
    interval_of,
    trial_sentence,
)
from facette.reports.words import capital, day, money, number, share
from facette.snapshots.instants import as_date


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
    return _figure("Treated differently",
                   f"customers, of {number(n)}, from {day(as_date(decision.planned.t))}",
                   number(changed), beside, words)  # fmt: skip


def _people(decision: Decision) -> dict[str, object]:
    today, plan = (float(decision.portfolios[k]["people"].sum()) for k in ("today", "plan"))
    if not decision.planned.policy.hours_a_person:
        return _figure("People needed", "full-time", "not told", [
            "policy.hours_a_person names no capacity that is people's hours"])  # fmt: skip
    frame = contacts_frame(decision)
    sent = f"{number(frame['plan'].sum())} contacts a month that the company starts, "
    kinds = (
        "customers' own contacts included"
        if asked_known(decision)
        else ("for what the company starts; what customers start is not known")
    )
    beside = [f"{number(today, 1)} today", f"{sent}{number(frame['today'].sum())} today"]
    if others_told(decision):
        beside.append("of this plan's customers alone")
    return _figure("People needed", f"full-time, {kinds}", number(plan, 1), beside)


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
    most = peak_people(decision).fillna(0.0)
    name = str(most.idxmax())
    if not most[name]:
        return _figure("Peak month", "", "none", ["no limit is given"])
    whom = "; of all customers" if others_told(decision) else "; who is held out included"
    return _figure("Peak month", f"full-time people for {thing(name)}", number(most[name], 1),
                   [f"in {month_name(peaks.loc[name, 'month'])}{whom}",
                    "no limit is given"])  # fmt: skip


def _gain(decision: Decision) -> dict[str, object]:
    claim, currency, plan = decision.planned.claim, currency_of(decision), decision.planned.plan
    words, tone = effect_told(decision)
    days = f"against today, over {decision.planned.policy.horizon_days} days"
    parts = [parts_sentence(decision, at_length=False)] if plan.changed.any() else []
    if claim is None:
        what = "Net gain, by the plan's own figures"
        return _figure(what, days, money(plan.net, currency), parts, words, tone)
    between = f"{money(claim.low, currency)} to {money(claim.high, currency)}"
    if claim.low <= 0 <= claim.high:
        between += ", 0 within: that the plan pays is not shown"
    return _figure(
        "Net gain", f"{days}; {LEFT_OUT}", money(claim.net, currency),
        [f"{interval_of(decision)} {between}", *parts,
         f"the plan's own figures say {money(plan.net, currency)}"], words, tone,
    )  # fmt: skip


def _evidence(decision: Decision) -> dict[str, object]:
    grade = worth(decision).grade
    if assumed(decision):
        measured = _something_measured(decision)
        return _figure("Evidence", "of what the models do", ASSUMPTION.upper(),
                       ["for the most part" if measured else "nothing of it was measured here"],
                       "to be tried before it is believed",
                       "warning")  # fmt: skip
    if grade is None:
        return _figure("Evidence", "of what the models do", "no effect", ["the gain is of costs"])
    return _figure("Evidence", "of the effects alone, costs apart",
                   capital(grade), ["the weakest that makes up more than a tenth of them",
                                    *_claimed(decision)],
                   tone="same" if grade in (OBSERVATIONAL, TRANSPORTED) else "info")  # fmt: skip


def _claimed(decision: Decision) -> list[str]:
    """The effect claimed and its error, of all customers together."""
    claim, currency = decision.planned.claim, currency_of(decision)
    if claim is None:
        return []
    return [f"effects claimed: {money(claim.effect, currency)}, standard error "
            f"{money(claim.se, currency)}{beyond_trial(decision)}"]  # fmt: skip


def _broken(decision: Decision) -> dict[str, object]:
    broken = len(decision.violations)
    words, tone = ("not to be carried out as it is", "error") if broken else ("", "info")
    return _figure("Rules broken", f"of {len(KINDS)} kinds, by the independent checker",
                   number(broken), [f"{number(len(decision.activation))} customers in the file"],
                   words, tone)  # fmt: skip


def stamp(decision: Decision) -> str | None:
    """What stands under the word assumption; None where effects are measured in the main."""
    if not assumed(decision):
        return None
    why = (
        "No trial on record tells what these relationship models do for these customers. Nothing "
        "on this page shows that the plan pays."
        if not _something_measured(decision) else
        "Part of this plan rests on effects that nobody measured, and by too much for it to be "
        "called measured."
    )  # fmt: skip
    how = trial_sentence(decision)
    return f"{why} What would change that: {how[:1].lower()}{how[1:]}."


def glance_lines(decision: Decision) -> Lines:
    """Who, people, money, evidence, in sentences."""
    lines = [("who", _who(decision)), ("money", claim_sentence(decision))]
    if decision.planned.known.ground is not None:
        lines.append(("evidence", _ground(decision)))
    else:
        lines.append(("evidence", _without_trial(decision)))
    if (compared := comparison_sentence(decision)) is not None:
        lines.append(("comparison", compared))
    return lines


def _who(decision: Decision) -> str:
    plan, n = decision.planned.plan, len(decision.planned.plan.base)
    changed = int(plan.changed.sum())
    settled = int((plan.base.settled & ~plan.base.held_out).sum())
    stay = n - changed - int(plan.base.held_out.sum()) - settled
    held = int(plan.base.held_out.sum())
    parts = [f"{number(stay)} {'stays as before' if stay == 1 else 'stay as they are'}",
             f"{_so_many(held)} held out"]  # fmt: skip
    if settled:
        parts.append(f"{_so_many(settled)} too new in their model to be moved")
    if not changed:
        return f"nobody is treated otherwise than today: of {number(n)}, {', '.join(parts)}"
    filed = decision.assigned.index[plan.changed].isin(decision.activation["customer_id"]).sum()
    late = (
        ""
        if filed == changed
        else (f" ({number(changed - filed)} of them in no activation file, see Rights)")
    )
    return (
        f"{number(changed)} of {number(n)} customers {'is' if changed == 1 else 'are'} treated "
        "otherwise from "
        f"{day(as_date(decision.planned.t))} on{late}; {', '.join(parts)}"
    )


def _so_many(count: int) -> str:
    return f"{number(count)} {'is' if count == 1 else 'are'}"


def _something_measured(decision: Decision) -> bool:
    """Whether any effect stands on more than an assumption, by a trial or by campaigns."""
    known = decision.planned.known
    return bool((known.grade[:, known.known] != ASSUMPTION).any())


def _without_trial(decision: Decision) -> str:
    """What effects stand on where no treatment tells of them: campaigns, or nothing."""
    known = decision.planned.known
    if not (known.grade[:, known.known] == TRANSPORTED).any():
        return "assumption: no treatment on record tells what a model does"
    return (
        "no treatment on record tells what a model does; what one contact does is told by "
        "campaigns that were drawn by lot, and each contact of a model is reckoned to do as much"
    )


def _ground(decision: Decision) -> str:
    ground = decision.planned.known.ground
    assert ground is not None
    trial = ground.trial
    how = "by lot" if trial.randomised else "by choice, and compared after adjustment"
    fewest = "" if trial.fewest_days in (None, trial.days) else f"{trial.fewest_days} to "
    return (
        f"what models do is told by {number(len(trial))} customers to whom they were given {how} "
        f"from {day(as_date(trial.began))} on, watched for {fewest}{trial.days} days each"
    )
