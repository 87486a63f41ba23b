"""What customers hold and how they are handled, as rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from facette.tables.contract import DAY_US
from facette.tables.simulation.conduct import in_pilot
from facette.tables.simulation.months import FIRST_DAY, Month
from facette.tables.simulation.people import (
    AGE_BANDS,
    CONSENTS,
    FIRST_CHANNELS,
    HOMES,
    INCOME_BANDS,
    LIFE_STAGES,
    NEVER,
    OCCUPATIONS,
    ORIGINS,
    age_band,
)
from facette.tables.simulation.rows import Block, Calendar, chosen, recorded
from facette.tables.simulation.state import State

POSTINGS, PROFILE, ENDS = 20, 28, 29  # purposes of draws
CATEGORIES = {
    "account": "daily_banking", "card": "daily_banking", "savings": "saving",
    "investment": "saving", "life_insurance": "saving", "consumer_loan": "credit",
    "home_loan": "credit", "home_insurance": "protection",
}  # fmt: skip


def write_start(block: Block, start: int, start_days: np.ndarray) -> None:
    """What is known of customers when they come: profile, stage, consents."""
    people, rng = block.people, block.chance.of(PROFILE)
    n = len(people)
    lead, new = people.joined >= NEVER, (people.joined >= 0) & (people.joined < NEVER)
    months = len(start_days)
    asked = start_days[rng.integers(0, months, n)]  # when a lead first wrote
    came = start_days[np.clip(people.joined, 0, months - 1)] + FIRST_DAY - 1
    acquired = np.select([lead, new], [asked, came], start - people.tenure_days)
    everyone = np.arange(n)
    _profile(block, everyone[~lead], acquired[~lead] * DAY_US, acquired[~lead] * DAY_US, "customer")
    wrote = everyone[new & (rng.random(n) < 0.5)]
    _profile(block, wrote, (acquired[wrote] - rng.integers(20, 90, len(wrote))) * DAY_US,
             np.full(len(wrote), -1), "lead")  # fmt: skip
    for stage, delay, share in (("lead", 0, 1.0), ("prospect", 20, 0.5),
                                ("assured_prospect", 45, 0.15)):  # fmt: skip
        in_time = acquired + delay < block.bank.start_days[block.bank.months]
        who = everyone[lead & (rng.random(n) < share) & in_time]
        _profile(block, who, (acquired[who] + delay) * DAY_US, np.full(len(who), -1), stage)
    for column, channel in enumerate(CONSENTS):
        told = rng.random(n) < 0.95  # of a few nothing is on record
        granted = people.granted[told, column]
        block.add("consents", everyone[told], channel=channel, recorded_at=acquired[told] * DAY_US,
                  granted=granted)  # fmt: skip


def _profile(
    block: Block, who: np.ndarray, since: np.ndarray, acquired: np.ndarray, stage: str
) -> None:
    people = block.people
    income = np.array([*INCOME_BANDS, None], dtype=object)
    told = np.where(people.income_told[who], people.income_band[who], len(INCOME_BANDS))
    block.add(
        "customers", who, valid_from=since, acquired_at=acquired,
        origin=np.array(ORIGINS)[people.origin[who]],
        first_channel=np.array(FIRST_CHANNELS)[people.first_channel[who]],
        stage=np.full(len(who), stage), age_band=np.array(AGE_BANDS)[age_band(people.age[who])],
        income_band=pl.Series(income[told].tolist(), dtype=pl.String),
        life_stage=np.array(LIFE_STAGES)[people.life_stage[who]],
        occupation=np.array(OCCUPATIONS)[people.occupation[who]],
        home=np.array(HOMES)[people.home[who]],
        branch=np.char.mod("branch_%02d", people.branch[who]), recorded_at=since,
    )  # fmt: skip


def write_end(block: Block, state: State) -> None:
    """What is still open when observation ends: contracts and treatments."""
    here = state.left >= NEVER
    who, which = np.nonzero(state.held & (here & (state.model >= 0))[:, None])
    _contract_rows(block, who, which, state.since[who, which])
    _treatment_rows(block, np.flatnonzero(here & (state.model >= 0)), state, None)


def write_postings(block: Block, c: Calendar, happened: Month) -> None:
    """What each product brought in the month; a few postings are given back in part."""
    rng, world = block.chance.of(POSTINGS, c.month), block.bank.world
    who, which = np.nonzero(happened.held & happened.here[:, None])
    day = c.start + (block.people.posting_day[who] + which * 3) % 28
    there = (day >= c.begin[who]) & (day < c.until[who])
    who, which, at = who[there], which[there], day[there] * DAY_US
    amount = np.round(happened.money.revenue[who, which], 2)
    net = np.round(happened.money.net[who, which], 2)
    block.add("transactions", who, occurred_at=at, amount=amount, margin=net,
              product=chosen(world.products, which),
              recorded_at=recorded(at, world.late, rng))  # fmt: skip
    back = np.flatnonzero((rng.random(len(who)) < world.refund) & (amount > 0.05))
    given = -np.round(rng.uniform(0.2, 1.0, len(back)) * amount[back], 2)
    last = (c.until[who[back]] - 1) * DAY_US
    at = np.minimum(at[back] + rng.integers(0, 4, len(back)) * DAY_US, last)
    block.add("transactions", who[back], occurred_at=at, amount=given, margin=given,
              product=chosen(world.products, which[back]), recorded_at=at)  # fmt: skip


def write_contracts(block: Block, c: Calendar, after: State, happened: Month) -> None:
    """Products bought, given up, and all of them ended by those who leave."""
    who = np.flatnonzero((happened.purchases.bought >= 0) & (happened.ending.day < c.until))
    products = np.array(list(block.bank.world.products))
    reason = np.where(happened.purchases.offered[who], "offer", "need")
    nothing = np.zeros(len(who))
    at = happened.ending.day[who] * DAY_US
    block.add("transactions", who, occurred_at=at, amount=nothing, margin=nothing,
              product=products[happened.purchases.bought[who]], reason=reason,
              recorded_at=at)  # fmt: skip
    rng = block.chance.of(ENDS, c.month)
    who = np.flatnonzero(happened.ending.closed >= 0)
    which = happened.ending.closed[who]
    since = after.since[who, which]
    day = np.maximum(happened.ending.day[who], since + 1)
    notice = np.maximum(day - rng.integers(0, 10, len(who)), since)
    _contract_rows(block, who, which, since, day, notice, "voluntary")
    lead = rng.integers(5, 30, len(block.people))
    older = happened.ending.otherwise & (block.people.age > 68)
    for gone, why in (
        (happened.ending.leaves, "voluntary"), (older, "inevitable"),
        (happened.ending.otherwise & ~older, "involuntary"),
    ):  # fmt: skip
        who, which = np.nonzero(happened.held & gone[:, None])
        day = c.until[who]
        notice = (
            np.maximum(day - lead[who], after.since[who, which]) if why == "voluntary" else None
        )
        _contract_rows(block, who, which, after.since[who, which], day, notice, why)


def _contract_rows(
    block: Block, who: np.ndarray, which: np.ndarray, since: np.ndarray,
    ended: np.ndarray | None = None, notice: np.ndarray | None = None, why: str | None = None,
) -> None:  # fmt: skip
    products = np.array(list(block.bank.world.products))
    told: dict[str, Any] = {"started_at": since * DAY_US}
    if ended is not None:
        told |= {"ended_at": ended * DAY_US, "end_reason": np.full(len(who), why)}
    told |= {} if notice is None else {"notice_at": notice * DAY_US}
    numbers = np.char.mod("%09d", block.people.customer[who])
    ids = np.char.add(np.char.add(numbers, np.char.mod("-%d-", which)), np.char.mod("%d", since))
    block.add("contracts", who, contract_id=ids, product=products[which], **told)


def write_treatments(
    block: Block, c: Calendar, before: State, after: State, happened: Month
) -> None:  # fmt: skip
    changed = (before.model >= 0) & (after.model_since == c.month) & happened.here
    changed &= before.model_since < c.month
    _treatment_rows(block, np.flatnonzero(changed), before, np.full(len(changed), c.start))
    gone = happened.ending.gone
    _treatment_rows(block, np.flatnonzero(gone), after, c.until)


def _treatment_rows(block: Block, who: np.ndarray, state: State, until: np.ndarray | None) -> None:
    bank, since = block.bank, state.model_since[who]
    randomised = in_pilot(bank, block.people)[who] & (since == bank.pilot_from)
    first = np.where(block.people.joined[who] == since, FIRST_DAY - 1, 0)
    block.add(
        "treatments", who,
        from_date=(bank.start_days[since] + first) * DAY_US,
        to_date=np.full(len(who), -1) if until is None else until[who] * DAY_US,
        relationship_model=np.array(bank.models.names)[state.model[who]],
        randomised=randomised,
        propensity=np.where(randomised, 1 / len(bank.models.names), np.nan),
    )  # fmt: skip
