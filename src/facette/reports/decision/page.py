"""The decision page, whole in one file: no network, no script, every text from data escaped."""

from __future__ import annotations

from typing import Any

from facette.policy.decision import Decision
from facette.policy.realised import Realised
from facette.reports.decision import glance, unknown, words
from facette.reports.decision.accounts import (
    account_tables,
    accounts_note,
    fixed_table,
    remedies_table,
    standing_table,
)
from facette.reports.decision.effects import heat, heat_sentence, measured_on_request
from facette.reports.decision.figures import pictures
from facette.reports.decision.money import by_hand_table, worth_table
from facette.reports.decision.tables import (
    caps_table,
    contacts_table,
    differences_table,
    flows,
    flows_table,
    left_out_table,
    limits_table,
    models_table,
    need_table,
    peaks_table,
    reached_table,
    satisfaction_table,
    violations_table,
    what_if_table,
)
from facette.reports.description import drawn
from facette.reports.tables import Table
from facette.reports.templates import filled
from facette.reports.words import number
from facette.settings.data import Data

PAGE = "decision.html"  # what its file is called beside a report


def decision_page(decision: Decision, after: Realised | None, data: Data, run_name: str) -> str:
    """The page as HTML text; `after`: what an earlier plan brought, None where none is known."""
    currency = words.currency_of(decision)
    found = heat(decision)
    scope = (
        f"{data.name}, {words.horizon_of(decision)}, "
        f"n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{number(len(decision.assigned))} customers."
    )
    about = {"name": data.name, "origin": data.origin, "licence": data.licence}
    return filled(
        "decision.html.jinja",
        data=about, draft=decision.draft, whom=decision.whom,
        horizon=words.horizon_of(decision), scope=scope, run_name=run_name,
        does=words.does_sentence(decision), strip=glance.strip(decision),
        glance=glance.glance_lines(decision),
        stamp=glance.stamp(decision),
        unknown=unknown.unknown_lines(decision, after), curve=unknown.curve_sentence(decision),
        facets=unknown.worth_lines(decision), interval=words.interval_of(decision),
        differ=words.differ_sentence(decision), heat=found,
        heat_told="" if found is None else heat_sentence(found, decision.confidence),
        on_request_measured=measured_on_request(decision),
        limits=words.limit_lines(decision), losing=words.losing_lines(decision),
        rights=words.rights_lines(decision), off=words.off_lines(decision),
        facts=words.facts(decision, about, run_name),
        books=accounts_note(decision),
        tables=_tables(decision, currency), accounts=account_tables(decision, currency),
        pictures=drawn(pictures(decision, scope)), currency=currency,
    )  # fmt: skip


def _tables(decision: Decision, currency: str) -> dict[str, Table]:
    """Printed tables by name; absent where there is nothing to print."""
    made: dict[str, Any] = {
        "flows": flows_table(flows(decision)), "contacts": contacts_table(decision, currency),
        "peaks": peaks_table(decision), "worth": worth_table(decision, currency),
        "by_hand": by_hand_table(decision, currency),
        "differences": differences_table(decision.planned),
        "models": models_table(decision, currency), "limits": limits_table(decision, currency),
        "what_if": what_if_table(decision, currency), "need": need_table(decision),
        "fixed": fixed_table(decision, currency), "remedies": remedies_table(decision, currency),
        "standing": standing_table(decision, currency),
        "reached": reached_table(decision, currency),
        "left_out": left_out_table(decision, currency), "caps": caps_table(decision, currency),
        "violations": violations_table(decision), "satisfaction": satisfaction_table(decision),
    }  # fmt: skip
    return {name: printed for name, printed in made.items() if printed is not None}
