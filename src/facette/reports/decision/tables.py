"""The tables of a decision: who moves where, how models differ, what they ask, what limits cost."""

from __future__ import annotations

import numpy as np
import pandas as pd

from facette.policy.activation import REMEDIES
from facette.policy.decision import Decision, Planned
from facette.policy.plan import BUDGET, fixed_costs
from facette.policy.reach import NONE
from facette.policy.relationship import MONTH_DAYS
from facette.policy.satisfaction import told
from facette.reports.decision.names import thing
from facette.reports.tables import Cell, Table, table
from facette.reports.words import capital, missing, number, plain, share, texts

ALL = "All"
ON_REQUEST_SAYS = "when they ask"
UNKNOWN = "not known"
MONTHLY = "a\N{NO-BREAK SPACE}month"


def flows(decision: Decision) -> pd.DataFrame:
    """Customers by how they are handled today (rows) and by the plan, models in their order."""
    plan = decision.planned.plan
    m = len(decision.planned.ways.names)
    counts = np.zeros((m, m), dtype=int)
    np.add.at(counts, (plan.base.today, plan.model), 1)
    names = pd.Index(decision.planned.ways.names)
    return pd.DataFrame(counts, names.rename("today"), names.rename("plan"))


def flows_table(counts: pd.DataFrame) -> Table:
    """Today down, the plan across; who stays in bold; models that nobody is in left out."""
    some = [name for name in counts.index if counts.loc[name].any() or counts[name].any()]
    own = counts.loc[some, some]
    whole = own.assign(**{ALL: own.sum(axis=1)})
    whole.loc[ALL] = whole.sum()
    headers = [("Today, down; plan, across", "")]
    headers += [(_model(name), "") for name in whole.columns]
    rows = [
        [
            Cell(_model(before), strong=before == ALL),
            *(
                Cell(
                    number(n) if n else "–", True, strong=before == after or ALL in (before, after)
                )
                for after, n in row.items()
            ),
        ]
        for before, row in whole.iterrows()
    ]
    return Table(
        "Customers by how they are handled today and by the plan", headers, rows,
        "In bold on the diagonal, who stays as they are.", [False] + [True] * len(whole.columns),
    )  # fmt: skip


def _model(name: object) -> str:
    return ALL if name == ALL else plain(str(name))


def differences_table(planned: Planned) -> Table:
    """What a customer would notice of each relationship model."""
    policy = planned.policy
    rows = [
        [
            Cell(plain(name)), Cell(model.approach.value.replace("_", "-")),
            Cell(", then ".join(model.channels)), Cell(model.starts.value),
            Cell(f"{model.contacts_a_month:g}", True), Cell(f"{model.reaction_hours:g}", True),
            Cell(model.owner),
        ]
        for name, model in policy.models.items()
    ]  # fmt: skip
    rows.append([
        Cell(plain(policy.on_request)), Cell("mass"), Cell("any they choose"), Cell("customer"),
        Cell("0", True), Cell("as today", True), Cell("whoever is asked"),
    ])  # fmt: skip
    headers = [("Relationship model", ""), ("Approach", ""), ("Channels", "in order of preference"),
               ("Who starts", "most contacts"), ("Company starts", "contacts a month"),
               ("Answered within", "hours"), ("Owner", "")]  # fmt: skip
    note = "Who is on request has no contact that the company starts, and is served when they ask."
    return Table("How they differ for a customer", headers, rows, note,
                 [False] * 4 + [True] * 2 + [False])  # fmt: skip


def models_frame(decision: Decision) -> pd.DataFrame:
    """By model: customers today and in the plan, of whom held or not yet free, people, costs."""
    planned, plan = decision.planned, decision.planned.plan
    base, ways = plan.base, planned.ways
    m, row = len(ways.names), np.arange(len(base))
    cost = base.reach.cost()
    frame = pd.DataFrame({
        "today": np.bincount(base.today, minlength=m), "plan": np.bincount(plan.model, minlength=m),
        "held_out": np.bincount(plan.model[base.held_out], minlength=m),
        "settled": np.bincount(plan.model[base.settled & ~base.held_out], minlength=m),
        "cost_today": np.bincount(base.today, cost[row, base.today], minlength=m),
        "cost_plan": np.bincount(plan.model, cost[row, plan.model], minlength=m),
    }, index=pd.Index(ways.names, name="relationship_model"))  # fmt: skip
    frame["own"] = fixed_costs(base, plan.model)
    people = decision.portfolios["plan"]
    return frame.join(people[["people", "portfolio"]])


def models_table(decision: Decision, currency: str) -> Table:
    """Whom each relationship model takes, with how many people, at what cost; and all of them."""
    frame = models_frame(decision)
    frame.loc[ALL] = frame.sum()
    frame.loc[ALL, "portfolio"] = np.nan
    kinds = {"today": "count", "plan": "count", "held_out": "count", "settled": "count",
             "people": "tenth", "portfolio": "count", "cost_today": "money", "cost_plan": "money",
             "own": "money"}  # fmt: skip
    labels = {"today": ("Today", "customers"), "plan": ("Plan", "customers"),
              "held_out": ("Of them held out", "customers"),
              "settled": ("Too new to move", "customers"), "people": ("People", "full-time"),
              "portfolio": ("Portfolio", "customers a person"),
              "cost_today": ("Contacts today", currency), "cost_plan": ("Contacts, plan", currency),
              "own": ("Own cost", currency)}  # fmt: skip
    columns = [_written(frame[name], kind) for name, kind in kinds.items()]
    rows = [
        [Cell(_model(name), strong=name == ALL), *(Cell(text, True, name == ALL) for text in row)]
        for name, *row in zip(frame.index, *columns, strict=True)
    ]
    days = decision.planned.policy.horizon_days
    note = (
        f"Money over {days} days. Contacts: those that the company starts, at the configuration's "
        "prices. Own cost: of the model by itself, set up where it is new, as long as anybody is "
        f"in it{_with_others(decision)}. People and portfolios are for contacts of both kinds, "
        "customers' own included; only capacities that are people's hours are counted."
    )
    return Table("Whom they take, and at what cost", [("Relationship model", ""), *labels.values()],
                 rows, note, [False] + [True] * len(labels))  # fmt: skip


def _written(values: pd.Series, kind: str) -> list[str]:
    if kind == "tenth":
        return [number(value, 1) for value in values]
    made = texts(values, kind)
    return ["–" if missing(value) else text for value, text in zip(values, made, strict=True)]


def contacts_frame(decision: Decision) -> pd.DataFrame:
    """Contacts a month by channel: at cadence today and in the plan, held out, peak, inbound.

    `today`, `plan`: that the company starts, customers x cadence; `held_out`: of the plan's, of who
    stays as they are; `peak` of the activation file's own, and its `month`; `inbound`: that
    customers start, expected as in the last period; of a plan for everyone, by whom no plan is made
    included.
    """
    plan, ways = decision.planned.plan, decision.planned.ways
    base, row = plan.base, np.arange(len(plan.base))
    k = len(ways.channels)

    def sent(model: np.ndarray, kept: np.ndarray) -> np.ndarray:
        channel = base.reach.channel[row, model]
        kept = kept & (channel != NONE)
        return np.bincount(channel[kept], ways.contacts_a_month[model[kept]], minlength=k)

    everyone = np.ones(len(base), dtype=bool)
    frame = pd.DataFrame({
        "today": sent(base.today, everyone), "plan": sent(plan.model, everyone),
        "held_out": sent(plan.model, base.held_out),
    }, index=pd.Index(ways.channels, name="channel"))  # fmt: skip
    filed = decision.outbound.reindex(columns=ways.channels, fill_value=0)
    frame["peak"] = filed.max()
    frame["month"] = filed.idxmax() if len(filed) else None
    monthly = decision.inbound.mean() if len(decision.inbound) else pd.Series(dtype=float)
    frame["inbound"] = monthly.reindex(frame.index)
    return frame[(frame[["today", "plan", "peak"]].sum(axis=1) > 0) | frame["inbound"].gt(0)]


def contacts_table(decision: Decision, currency: str) -> Table | None:
    """Contacts by channel and month; None where there are none."""
    frame = contacts_frame(decision).reset_index()
    if frame.empty:
        return None
    frame["month"] = [
        month_name(month) if peak else None
        for month, peak in zip(frame["month"], frame["peak"], strict=True)
    ]
    frame["channel"] = [plain(name) for name in frame["channel"]]
    columns = {"channel": ("Channel", "text"), "today": ("Company starts, today", "count"),
               "plan": ("Company starts, plan", "count"),
               "held_out": ("of which held out", "count"),
               "month": ("Activation file: peak month", "text"),
               "peak": ("Contacts in that month", "count"),
               "inbound": ("Customers start", "count")}  # fmt: skip
    made = table(
        frame,
        columns,
        "Contacts a month by channel",
        currency,
        "Today and plan: customers times the cadence of their model, which costs are reckoned by. "
        "The activation file holds no contacts of who is held out: they go on as today; it spaces "
        "contacts in whole days, rounded up (2 a month: every 16), and so holds fewer. What "
        "customers start is expected at last period's rate, whatever the plan, and always served."
        f"{' All of it is of the customers of this plan.' if others_told(decision) else ''}",
    )
    for line in made.rows:
        for cell in line:
            cell.text = "–" if cell.text == "not available" else cell.text
    return made


def peaks_table(decision: Decision) -> Table:
    """The month that asks most of each capacity, today and by the plan, against the limit.

    Where no contact that customers start is on record, what they ask is not known, not nothing.
    """
    held, asked, people = held_use(decision), asked_known(decision), peak_people(decision)
    rows = []
    for name, plan in decision.peaks["plan"].iterrows():
        today = decision.peaks["today"].loc[name]
        started = plan["outbound"] + held[name]
        rows.append([
            Cell(capital(thing(str(name)))),
            Cell(month_name(plan["month"]) if plan["load"] else "–"),
            Cell(number(plan["outbound"], 1), True), Cell(number(held[name], 1), True),
            _against_limit(started, plan["limit"]),
            Cell(number(plan["inbound"], 1) if asked else UNKNOWN, True),
            Cell(number(plan["load"] + held[name], 1) if asked else UNKNOWN, True),
            Cell(number(today["load"], 1) if asked else UNKNOWN, True),
            Cell("–" if missing(people[name]) else number(people[name], 1), True),
        ])  # fmt: skip
    apart = " or not in this plan" if others_told(decision) else ""
    headers = [("Capacity", ""), ("Peak month", ""), ("Activation file", MONTHLY),
               (f"Held out{apart}, as today", MONTHLY),
               ("Limit for these", MONTHLY),
               ("Customers start", MONTHLY), ("All together", MONTHLY), ("Today's peak", MONTHLY),
               ("People", "full-time")]  # fmt: skip
    note = (
        "Limits are for what the company starts. What customers start comes on top and is served, "
        "that of customers in no plan too, so that people may be more than the models' own; "
        "today's peak is of the last period, and counts every contact on record: campaigns beside "
        "relationship models too, and customers who object or have left. All else is of all "
        f"customers{_with_others(decision)}."
    )
    return Table("The month that asks most", headers, rows, note,
                 [False, False] + [True] * 7)  # fmt: skip


def peak_people(decision: Decision) -> pd.Series:
    """Full-time people in the peak month, who goes on as today included; NaN: nobody's hours."""
    peaks, hours = decision.peaks["plan"], decision.planned.policy.hours_a_person
    each = pd.Series([hours.get(name, np.nan) for name in peaks.index], peaks.index, dtype=float)
    return (peaks["load"] + held_use(decision)) / each


def asked_known(decision: Decision) -> bool:
    """Whether any contact that customers start is on record."""
    return bool(decision.inbound.shape[1]) and bool(decision.inbound.to_numpy().any())


def month_name(month: object) -> str:
    """`2026-02` as February 2026, which no line breaks."""
    return f"{pd.Timestamp(str(month)):%b\N{NO-BREAK SPACE}%Y}"


def others_told(decision: Decision) -> str:
    """`1,219`: how many customers the plan is not for; nothing where it is for everyone."""
    others = decision.planned.plan.base.others.customers
    return number(others) if others else ""


def _with_others(decision: Decision) -> str:
    others = others_told(decision)
    return f", with the {others} who are not in this plan" if others else ""


def held_use(decision: Decision) -> pd.Series:
    """What contacts with who goes on as today, held out or not in the plan, use of each capacity.

    A month, at today's cadence.
    """
    base, policy = decision.planned.plan.base, decision.planned.policy
    kept, months = np.flatnonzero(base.held_out), policy.horizon_days / MONTH_DAYS
    used = [
        base.reach.use(r)[kept, base.today[kept]].sum() / months
        for r in range(len(decision.planned.ways.capacities))
    ]
    apart = base.others.use[:-1] / months if base.others.customers else 0.0
    return pd.Series(used, decision.planned.ways.capacities, dtype=float) + apart


def _against_limit(used: float, limit: float) -> Cell:
    if missing(limit):
        return Cell("none", True)
    return Cell(number(limit, 1), True, tone="" if used <= limit * (1 + 1e-9) else "error")


def limits_table(decision: Decision, currency: str) -> Table:
    """Use of each resource today and by the plan, its limit, and its shadow price."""
    use = decision.planned.plan.use
    rows = []
    for row in use.itertuples():
        limited = np.isfinite(row.limit)
        digits = 0 if max(row.today, row.planned) >= 100 else 1
        rows.append([
            Cell(f"Budget, {currency}" if row.resource == BUDGET else capital(thing(row.resource))),
            Cell(number(row.today, digits), True), Cell(number(row.planned, digits), True),
            Cell(number(row.limit, digits) if limited else "none", True),
            Cell(share(row.planned / row.limit, 0) if limited and row.limit else "–", True),
            Cell(number(row.price, 2) if limited else "–", True, strong=row.price > 0),
        ])  # fmt: skip
    days = decision.planned.policy.horizon_days
    headers = [("What is limited", ""), ("Today", f"{days} days"),
               ("Plan", f"{days} days"), ("Limit", f"{days} days"), ("Used", "of the limit"),
               ("One more is worth", currency)]  # fmt: skip
    note = (
        "Of the whole horizon, a month's limit times its months; contacts that the company starts, "
        f"who is held out included{_with_others(decision)}. The budget also pays for what models "
        "cost by themselves. A price of 0: the limit does not bind. Plans keep a little room, as "
        "whole contacts fall on whole days."
    )
    return Table("Budget and capacities", headers, rows, note, [False] + [True] * 5)


def what_if_table(decision: Decision, currency: str) -> Table | None:
    """Net gain with other limits; None where nothing was asked."""
    if decision.what_if.empty:
        return None
    frame = decision.what_if.assign(
        resource=[capital(thing(name)) for name in decision.what_if["resource"]],
        factor=[f"× {factor:g}" for factor in decision.what_if["factor"]],
    )
    columns = {
        "resource": ("Limit of", "text"), "factor": ("Times", "text"),
        "limit": ("Which is", "count"), "difference": ("Net gain, difference", "money"),
    }  # fmt: skip
    return table(frame, columns, "What if limits were others", currency,
                 "Where there is no limit, times what the plan uses.")  # fmt: skip


def need_table(decision: Decision) -> Table | None:
    """What the next period asks of each capacity; None where it can't be told."""
    if decision.need is None:
        return None
    frame = decision.need.table
    rows = [
        [
            Cell(capital(thing(str(name)))),
            *(Cell(number(row[c]), True) for c in ("now", "next", "newcomers")),
            Cell(f"{number(row['low'])} to {number(row['high'])}", True),
        ]
        for name, row in frame.iterrows()
    ]
    interval = f"{share(decision.confidence, 0)} range"
    days = decision.planned.policy.horizon_days
    headers = [("Capacity", ""), ("This period", f"{days} days"), ("Next period", f"{days} days"),
               ("of which newcomers", ""), (interval, f"{days} days")]  # fmt: skip
    note = (
        f"{capital(decision.need.note)}: as if they moved so again; that they will is assumed, and "
        "not in the range. Contacts that the company starts with customers of this plan, at its "
        "models."
    )
    return Table("What the next period would ask", headers, rows, note, [False] + [True] * 4)


def reached_table(decision: Decision, currency: str) -> Table:
    """How many customers consent to a channel of each model."""
    planned = decision.planned
    permitted = planned.plan.base.reach.permitted.sum(axis=0)
    frame = pd.DataFrame({
        "model": [plain(name) for name in planned.ways.names],
        "channels": [
            ", ".join(planned.policy.models[name].channels)
            if name in planned.policy.models else ON_REQUEST_SAYS for name in planned.ways.names
        ],
        "reached": permitted, "share": permitted / len(planned.plan.base),
    })  # fmt: skip
    columns = {
        "model": ("Relationship model", "text"), "channels": ("By", "text"),
        "reached": ("Customers it may reach", "count"), "share": ("Of all", "share"),
    }  # fmt: skip
    return table(frame, columns, "Whom consent lets each model reach", currency)


def left_out_table(decision: Decision, currency: str) -> Table | None:
    """Who stands in no activation file: counts by reason, and what would help."""
    counts = decision.left_out["why"].value_counts()
    if counts.empty:
        return None
    frame = pd.DataFrame({
        "why": [capital(str(why)) for why in counts.index], "customers": counts.to_numpy(),
        "remedy": [REMEDIES.get(str(why)) or "none is needed" for why in counts.index],
    })  # fmt: skip
    columns = {"why": ("Why", "text"), "customers": ("Customers", "count"),
               "remedy": ("What would help", "text")}  # fmt: skip
    return table(frame, columns, "In the plan, but in no activation file", currency)


def caps_table(decision: Decision, currency: str) -> Table | None:
    """How often a customer may be contacted; None where there is no cap."""
    caps = decision.planned.policy.pressure.caps
    if not caps:
        return None
    frame = pd.DataFrame({
        "channel": ["All together" if c.channel is None else plain(c.channel) for c in caps],
        "most": [cap.most for cap in caps], "days": [cap.days for cap in caps],
    })  # fmt: skip
    columns = {"channel": ("Channel", "text"), "most": ("Contacts at most", "count"),
               "days": ("In any window of days", "count")}  # fmt: skip
    return table(frame, columns, "Contact pressure: the caps", currency)


def violations_table(decision: Decision) -> Table | None:
    """What the checker found; None where that is nothing."""
    if decision.violations.empty:
        return None
    rows = [
        [Cell(str(row.rule), strong=True), Cell(number(row.how_many), True), Cell(str(row.told)),
         Cell(str(row.who) or "counted, not named")]
        for row in decision.violations.itertuples()
    ]  # fmt: skip
    headers = [("Rule", ""), ("How many", ""), ("What", ""), ("Of whom, the first", "")]
    return Table("Rules broken", headers, rows, "", [False, True, False, False])


def satisfaction_table(decision: Decision) -> Table:
    """Satisfaction by relationship model on record, or that it is not measured."""
    policy, measured = decision.planned.policy, decision.satisfaction
    names = decision.planned.ways.names
    rows = [[Cell(plain(name)), Cell(told(measured, name), True)] for name in names]
    question = policy.satisfaction_question
    headers = [("Relationship model today", ""),
               ("Mean answer ± standard error", f"“{question}”" if question else "")]  # fmt: skip
    return Table(
        "Satisfaction by relationship model", headers, rows,
        "Of those who answered. Models take different customers: a difference is no effect.",
        [False, True],
    )  # fmt: skip
