"""The last period's profit and loss as tables whose printed sums are the same to the cent."""

from __future__ import annotations

import pandas as pd

from facette.policy.accounts import LINES, NOT_IN_PLAN, NOT_TOLD, Accounts
from facette.policy.decision import Decision
from facette.policy.relationship import SERVE
from facette.reports.decision.names import facets, segment_name, thing
from facette.reports.tables import Cell, Table, table
from facette.reports.words import day, number, plain
from facette.snapshots.instants import as_date
from facette.tables.contract import DAY_US

COLUMNS = (*LINES, "net")
LABELS = {"margin": "Margin", "acquisition": "Acquisition", "serve": "Cost to serve",
          "contacts": "Contacts", "net": "Net"}  # fmt: skip


def cents(minor: float, accounts: Accounts) -> str:
    """Minor units as currency units, none of them rounded away."""
    return number(int(minor) / 10**accounts.minor_units, accounts.minor_units)


def account_tables(decision: Decision, currency: str) -> list[Table]:
    """The three views, each with its total."""
    accounts, planned = decision.accounts, decision.planned
    facet = thing(facets(planned)[0])
    segments = {i: segment_name(planned, i) for i in accounts.by_segment.index}
    models = {name: plain(str(name)) for name in accounts.by_model.index}
    channels = {name: plain(str(name)) for name in accounts.by_channel.index}
    segments |= {name: plain(name) for name in (NOT_IN_PLAN, NOT_TOLD) if name in segments}
    return [
        _view(accounts, accounts.by_segment.rename(segments), f"By {facet}", currency),
        _view(accounts, accounts.by_channel.rename(channels), "By channel", currency),
        _view(accounts, accounts.by_model.rename(models), "By relationship model today", currency),
    ]


def accounts_note(decision: Decision) -> str:
    """Of when the books are, and what stands in none of their tables."""
    accounts = decision.accounts
    first, last = (day(as_date(t)) for t in (accounts.start, accounts.end - DAY_US))
    inside = SERVE in decision.planned.policy.margin_after
    zero = [LABELS[line].lower() for line in LINES
            if not accounts.total[line] and not (inside and line == "serve")]  # fmt: skip
    told = (
        f"The books of {first} to {last}, every customer. One ledger, read three ways: each comes "
        "to the same total, to the cent. Net is margin less the costs."
    )
    if inside:
        told += " Margin is told after cost to serve, which has no column of its own."
    elif accounts.total["serve"]:
        told += (
            " Cost to serve is taken off margins, which are held to be told before it "
            "(policy.margin_after)."
        )
    if zero:
        told += f" Nothing stands under {' and '.join(zero)}."
    if NOT_TOLD in accounts.by_channel.index:
        told += " Not told: entries without a channel."
    if NOT_IN_PLAN in accounts.by_segment.index:
        told += (
            " Not in this plan: everyone else with an entry in these books, who objects or has "
            "left among them; who has no entry is not counted."
        )
    return told


def _view(accounts: Accounts, view: pd.DataFrame, caption: str, currency: str) -> Table:
    lines = [name for name in COLUMNS if name == "net" or view[name].any()]
    rows = [
        [Cell(str(name)), Cell(number(row["customers"]), True),
         *(Cell(cents(row[line], accounts), True) for line in lines)]
        for name, row in view.iterrows()
    ]  # fmt: skip
    total = [Cell(cents(accounts.total[line], accounts), True, True) for line in lines]
    rows.append([Cell("Total", strong=True), Cell("", True), *total])
    headers = [(caption.removeprefix("By ").capitalize(), ""), ("Customers", ""),
               *((LABELS[line], currency) for line in lines)]  # fmt: skip
    return Table(caption, headers, rows, "", [False] + [True] * (len(lines) + 1))


def fixed_table(decision: Decision, currency: str) -> Table | None:
    """What models cost by themselves; None where nothing."""
    accounts = decision.accounts
    if not accounts.fixed.any():
        return None
    rows = [[Cell(plain(str(name))), Cell(cents(cost, accounts), True)]
            for name, cost in accounts.fixed.items()]  # fmt: skip
    rows.append([Cell("Net total less these", strong=True),
                 Cell(cents(accounts.net_after_fixed, accounts), True, True)])  # fmt: skip
    headers = [("Relationship model", ""), ("Cost", currency)]
    caption = "What relationship models cost by themselves, in nobody's account"
    return Table(caption, headers, rows, "", [False, True])


def remedies_table(decision: Decision, currency: str) -> Table | None:
    """Customers who lost money, by their model, and the cheaper one; None where nobody did."""
    if decision.remedies.empty:
        return None
    accounts = decision.accounts
    rows = [
        [Cell(plain(str(row.relationship_model))),
         Cell("none is cheaper" if row.remedy is None else plain(row.remedy)),
         Cell(number(row.customers), True), Cell(cents(row.net, accounts), True),
         Cell(cents(row.saved, accounts), True), Cell(number(row.covers), True)]
        for row in decision.remedies.itertuples()
    ]  # fmt: skip
    total = decision.remedies[["customers", "net", "saved", "covers"]].sum()
    rows.append([
        Cell("All", strong=True), Cell(""), Cell(number(total["customers"]), True, True),
        Cell(cents(total["net"], accounts), True, True),
        Cell(cents(total["saved"], accounts), True, True),
        Cell(number(total["covers"]), True, True),
    ])  # fmt: skip
    headers = [("Handled today", ""), ("Next cheaper model", ""), ("Customers", ""),
               ("Their net", currency), ("Contacts saved by it", currency),
               ("Losses it covers", "customers")]  # fmt: skip
    return Table("Customers who cost more than they brought, and the remedy", headers, rows,
                 "The remedy is a cheaper relationship model, never to be sent away: who is served "
                 "on request is served.", [False, False] + [True] * 4)  # fmt: skip


def standing_table(decision: Decision, currency: str) -> Table | None:
    """Segments by strategic value, with the ranks they may have; None with fewer than two."""
    found = decision.standing
    if found is None:
        return None
    frame = found.table.assign(
        segment=[segment_name(decision.planned, s) for s in found.table.index],
        **{f"{what}_told": [_ranks(row, what) for _, row in found.table.iterrows()]
           for what in ("past", "future", "strategic") if what in found.table},
    )  # fmt: skip
    columns = {"segment": ("Segment", "text"), "customers": ("Customers", "count"),
               "past": ("Brought, last period", "money"), "past_told": ("Rank", "text"),
               "value_expected": ("Expected", "money"), "to_win": ("To win", "money"),
               "future_told": ("Rank of the future", "text"),
               "strategic": ("Strategic value", "money"),
               "strategic_told": ("Rank of both", "text")}  # fmt: skip
    books = decision.accounts
    first, last = (day(as_date(t)) for t in (books.start, books.end - DAY_US))
    note = (
        f"Ranks that {number(found.resamples)} resamples of customers allow, "
        f"{number(100 * found.confidence)}% of the time. Strategic value is what they brought, are "
        "expected to bring, and could be won (the larger of headroom and value at risk): the past "
        f"to reward, the future to win. The past is of {first} to {last}, brought to the "
        f"{number(decision.planned.about['snapshot']['horizon_days'])} days that value is expected "
        "for."
    )
    if found.not_scored:
        note += f" Not scored: {', '.join(thing(name) for name in found.not_scored)}."
    return table(frame, columns, "Segments by strategic value", currency, note)


def _ranks(row: pd.Series, what: str) -> str:
    first, last = int(row[f"{what}_first"]), int(row[f"{what}_last"])
    return str(first) if first == last else f"{first} to {last}"
