"""What happened, as rows of the contract tables: when, how, through which channel.

Nothing here changes a customer: it is drawn beside the months, and left out of rollouts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from scipy.special import expit, logit

from facette.settings import World
from facette.tables.simulation.chance import Chance, counts, picked
from facette.tables.simulation.conduct import CAMPAIGN_CHANNELS, Bank, in_pilot
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
    People,
    age_band,
    customer_ids,
    started_mean,
)
from facette.tables.simulation.state import State

(POSTINGS, STARTED, SENDS, CAMPAIGNS, COMPLAINTS, RIGHTS, EVENTS, SURVEYS, PROFILE, ENDS) = range(
    20, 30
)  # purposes of draws
SECOND, DAY = 1_000_000, 86_400_000_000
BY_DAY = np.array([0, 0, 0, 0, 0, 0, 2, 5, 8, 11, 12, 11, 9, 8, 9, 9, 9, 10, 0, 0, 0, 0, 0, 0])
BY_NIGHT = np.array(
    [1, 0.5, 0.3, 0.2, 0.2, 0.6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 8, 7, 6, 4, 2]
)
OPENING_HOURS = np.array([0] * 9 + [7, 9, 9, 5, 4, 7, 8, 8, 6] + [0] * 6)
FACE_TO_FACE, SYNCHRONOUS = ("branch", "advisor"), ("branch", "advisor", "phone", "chat")
SELF_SERVICE = ("app", "web", "branch")
MOMENTS = ("move", "birth", "marriage", "separation", "retirement", "inheritance")
QUESTIONS = {  # what an answer tells: satisfaction, expectation, power
    "satisfaction": (1.0, 0.0, 0.0),
    "fast_answers_matter": (0.0, 0.9, 0.1),
    "one_named_contact_matters": (0.0, 0.7, -0.4),
    "i_compare_banks": (-0.1, 0.2, 0.8),
    "i_manage_alone": (0.0, -0.2, 0.9),
    "contacted_too_often": (-0.3, 0.0, 0.4),
}
SURVEY_MONTH = 5  # June
CONTACT_CHANNELS = ("mail", "phone", "email", "app", "branch", "advisor")
CATEGORIES = {
    "account": "daily_banking", "card": "daily_banking", "savings": "saving",
    "investment": "saving", "life_insurance": "saving", "consumer_loan": "credit",
    "home_loan": "credit", "home_insurance": "protection",
}  # fmt: skip

_T, _I, _F, _B = pl.String(), pl.Datetime("us"), pl.Float64(), pl.Boolean()
SCHEMAS: dict[str, dict[str, pl.DataType]] = {
    "transactions": {"customer_id": _T, "occurred_at": _I, "amount": _F, "margin": _F,
                     "product": _T, "reason": _T, "recorded_at": _I},
    "customers": {"customer_id": _T, "valid_from": _I, "acquired_at": _I, "origin": _T,
                  "first_channel": _T, "stage": _T, "age_band": _T, "income_band": _T,
                  "life_stage": _T, "occupation": _T, "home": _T, "branch": _T, "recorded_at": _I},
    "interactions": {"customer_id": _T, "occurred_at": _I, "channel": _T, "initiator": _T,
                     "purpose": _T, "answered_at": _I, "duration_min": _F, "recorded_at": _I},
    "contracts": {"customer_id": _T, "contract_id": _T, "product": _T, "started_at": _I,
                  "notice_at": _I, "ended_at": _I, "end_reason": _T},
    "contacts": {"customer_id": _T, "sent_at": _I, "campaign": _T, "channel": _T, "arm": _T,
                 "randomised": _B, "propensity": _F, "cost": _F, "opened_at": _I,
                 "clicked_at": _I, "responded_at": _I},
    "treatments": {"customer_id": _T, "from_date": _I, "to_date": _I, "relationship_model": _T,
                   "randomised": _B, "propensity": _F},
    "surveys": {"customer_id": _T, "answered_at": _I, "question": _T, "answer": _T},
    "consents": {"customer_id": _T, "channel": _T, "recorded_at": _I, "granted": _B,
                 "objected": _B},
    "events": {"customer_id": _T, "occurred_at": _I, "kind": _T, "value": _F,
               "recorded_at": _I},
}  # fmt: skip


@dataclass
class Block:
    """The rows of one block of customers under the contract's names, gathered month by month.

    Until they are in one piece, rows bear their customer's place among the block's `names`, which
    are in order; `place` (n,) is that of each customer, `contacted` when the bank last wrote.
    """

    bank: Bank
    people: People
    chance: Chance
    names: pl.Series = field(init=False)
    place: np.ndarray = field(init=False)
    contacted: np.ndarray = field(init=False)
    tables: dict[str, list[pl.DataFrame]] = field(init=False)

    def __post_init__(self) -> None:
        inorder = np.sort(self.people.customer)
        self.names = pl.Series("customer_id", customer_ids(inorder))
        self.place = np.searchsorted(inorder, self.people.customer)
        self.contacted = np.zeros(len(self.people), dtype=np.int64)
        self.tables = {name: [] for name in SCHEMAS}

    def add(self, table: str, who: np.ndarray, **columns: Any) -> None:
        """Rows of the customers at positions `who`, columns as arrays, series or one text for all.

        Instants are microseconds, missing below 0.
        """
        if len(who):
            frame = pl.DataFrame({"customer_id": self.place[who], **columns})
            kinds = SCHEMAS[table]
            self.tables[table].append(
                frame.with_columns(pl.col(name).cast(_held(kinds[name])) for name in columns)
            )

    def frames(self) -> dict[str, pl.DataFrame]:
        """Each table in one piece, by identifier and recording: late rows stand out of order."""
        return {name: self._whole(SCHEMAS[name], parts) for name, parts in self.tables.items()}

    def _whole(self, schema: dict[str, pl.DataType], parts: list[pl.DataFrame]) -> pl.DataFrame:
        if not parts:
            return pl.DataFrame(schema=schema)
        frame = pl.concat(parts, how="diagonal")
        frame = frame.sort(_order(list(schema)), maintain_order=True)
        return frame.select(_typed(n, t, frame.columns) for n, t in schema.items()).with_columns(
            customer_id=self.names.gather(frame["customer_id"])
        )


def _held(dtype: pl.DataType) -> pl.DataType:
    """How a column is held until its table is in one piece."""
    return pl.Int64() if dtype == _I else dtype


def _typed(name: str, dtype: pl.DataType, given: list[str]) -> pl.Expr:
    if name not in given:
        return pl.lit(None, dtype).alias(name)
    column = pl.col(name)
    if dtype == _I:
        return pl.when(column >= 0).then(column).cast(_I)
    return column.fill_nan(None) if dtype == _F else column


def _chosen(names: Iterable[str], which: np.ndarray) -> pl.Series:
    """The names at these positions: many times quicker than texts out of NumPy."""
    return pl.Series(list(names)).gather(which)


def _order(columns: list[str]) -> list[str]:
    by = ("recorded_at", "valid_from", "from_date", "sent_at", "answered_at", "contract_id")
    return ["customer_id", *[c for c in by if c in columns][:1]]


@dataclass(frozen=True)
class Calendar:
    """A month: where it begins (day since 1970), its length, each customer's part in it."""

    month: int
    start: int
    days: int
    begin: np.ndarray
    until: np.ndarray

    @property
    def name(self) -> str:
        """As 2023-04."""
        return str(np.datetime64(self.start, "D").astype("datetime64[M]"))

    def instants(self, who: np.ndarray, place: np.ndarray) -> np.ndarray:
        """Microseconds, at places in [0, 1) of the customers' part of the month."""
        seconds = place * (self.until[who] - self.begin[who]) * 86_400
        return self.begin[who] * DAY + seconds.astype(np.int64) * SECOND


def calendar(people: People, month: int, start: int, days: int, happened: Month) -> Calendar:
    """The month as each customer has it: from joining, and until leaving."""
    begin = np.where(people.joined == month, start + FIRST_DAY - 1, start)
    gone = happened.leaves | happened.otherwise
    until = np.where(gone, np.maximum(happened.day, begin + 1), start + days)
    return Calendar(month, start, days, begin, until)


def write_month(block: Block, c: Calendar, before: State, happened: Month, after: State) -> None:
    """The rows of one month."""
    _postings(block, c, happened)
    _contracts(block, c, after, happened)
    _treatments(block, c, before, after, happened)
    _started(block, c, happened)
    _complaints(block, c, happened)
    _programmes(block, c, happened)
    _campaign(block, c, happened)
    _rights(block, c, happened)
    _events(block, c, before, happened)
    if c.month % 12 == SURVEY_MONTH:
        _survey(block, c, happened)


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
    _profile(block, everyone[~lead], acquired[~lead] * DAY, acquired[~lead] * DAY, "customer")
    wrote = everyone[new & (rng.random(n) < 0.5)]
    _profile(block, wrote, (acquired[wrote] - rng.integers(20, 90, len(wrote))) * DAY,
             np.full(len(wrote), -1), "lead")  # fmt: skip
    for stage, delay, share in (("lead", 0, 1.0), ("prospect", 20, 0.5),
                                ("assured_prospect", 45, 0.15)):  # fmt: skip
        in_time = acquired + delay < block.bank.start_days[block.bank.months]
        who = everyone[lead & (rng.random(n) < share) & in_time]
        _profile(block, who, (acquired[who] + delay) * DAY, np.full(len(who), -1), stage)
    for column, channel in enumerate(CONSENTS):
        told = rng.random(n) < 0.95  # of a few nothing is on record
        granted = people.granted[told, column]
        block.add("consents", everyone[told], channel=channel, recorded_at=acquired[told] * DAY,
                  granted=granted)  # fmt: skip


def write_end(block: Block, state: State) -> None:
    """What is still open when observation ends: contracts and treatments."""
    here = state.left >= NEVER
    who, which = np.nonzero(state.held & (here & (state.model >= 0))[:, None])
    _contract_rows(block, who, which, state.since[who, which])
    _treatment_rows(block, np.flatnonzero(here & (state.model >= 0)), state, None)


def _recorded(at: np.ndarray, late: float, rng: np.random.Generator) -> np.ndarray:
    """When rows became known: at once, or days after for a share of them."""
    delay = np.where(rng.random(len(at)) < late, rng.integers(1, 10, len(at)), 0)
    return at + delay * DAY


def _postings(block: Block, c: Calendar, happened: Month) -> None:
    """What each product brought in the month; a few postings are given back in part."""
    rng, world = block.chance.of(POSTINGS, c.month), block.bank.world
    who, which = np.nonzero(happened.held & happened.here[:, None])
    day = c.start + (block.people.customer[who] + which * 3) % 28
    there = (day >= c.begin[who]) & (day < c.until[who])
    who, which, at = who[there], which[there], day[there] * DAY
    amount = np.round(happened.revenue[who, which], 2)
    net = np.round(happened.net[who, which], 2)
    block.add("transactions", who, occurred_at=at, amount=amount, margin=net,
              product=_chosen(world.products, which),
              recorded_at=_recorded(at, world.late, rng))  # fmt: skip
    back = np.flatnonzero((rng.random(len(who)) < world.refund) & (amount > 0.05))
    given = -np.round(rng.uniform(0.2, 1.0, len(back)) * amount[back], 2)
    at = np.minimum(at[back] + rng.integers(0, 4, len(back)) * DAY, (c.until[who[back]] - 1) * DAY)
    block.add("transactions", who[back], occurred_at=at, amount=given, margin=given,
              product=_chosen(world.products, which[back]), recorded_at=at)  # fmt: skip


def _contracts(block: Block, c: Calendar, after: State, happened: Month) -> None:
    """Products bought, given up, and all of them ended by those who leave."""
    who = np.flatnonzero((happened.bought >= 0) & (happened.day < c.until))
    products = np.array(list(block.bank.world.products))
    reason = np.where(happened.offered[who], "offer", "need")
    nothing = np.zeros(len(who))
    at = happened.day[who] * DAY
    block.add("transactions", who, occurred_at=at, amount=nothing, margin=nothing,
              product=products[happened.bought[who]], reason=reason, recorded_at=at)  # fmt: skip
    rng = block.chance.of(ENDS, c.month)
    who = np.flatnonzero(happened.closed >= 0)
    which = happened.closed[who]
    since = after.since[who, which]
    day = np.maximum(happened.day[who], since + 1)
    notice = np.maximum(day - rng.integers(0, 10, len(who)), since)
    _contract_rows(block, who, which, since, day, notice, "voluntary")
    lead = rng.integers(5, 30, len(block.people))
    older = happened.otherwise & (block.people.age > 68)
    for gone, why in (
        (happened.leaves, "voluntary"), (older, "inevitable"),
        (happened.otherwise & ~older, "involuntary"),
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
    told: dict[str, Any] = {"started_at": since * DAY}
    told |= {} if ended is None else {"ended_at": ended * DAY, "end_reason": np.full(len(who), why)}
    told |= {} if notice is None else {"notice_at": notice * DAY}
    numbers = np.char.mod("%09d", block.people.customer[who])
    ids = np.char.add(np.char.add(numbers, np.char.mod("-%d-", which)), np.char.mod("%d", since))
    block.add("contracts", who, contract_id=ids, product=products[which], **told)


def _treatments(
    block: Block, c: Calendar, before: State, after: State, happened: Month
) -> None:  # fmt: skip
    changed = (before.model >= 0) & (after.model_since == c.month) & happened.here
    changed &= before.model_since < c.month
    _treatment_rows(block, np.flatnonzero(changed), before, np.full(len(changed), c.start))
    gone = happened.leaves | happened.otherwise
    _treatment_rows(block, np.flatnonzero(gone), after, c.until)


def _treatment_rows(block: Block, who: np.ndarray, state: State, until: np.ndarray | None) -> None:
    bank, since = block.bank, state.model_since[who]
    randomised = in_pilot(bank, block.people)[who] & (since == bank.pilot_from)
    first = np.where(block.people.joined[who] == since, FIRST_DAY - 1, 0)
    block.add(
        "treatments", who,
        from_date=(bank.start_days[since] + first) * DAY,
        to_date=np.full(len(who), -1) if until is None else until[who] * DAY,
        relationship_model=np.array(bank.models.names)[state.model[who]],
        randomised=randomised,
        propensity=np.where(randomised, 1 / len(bank.models.names), np.nan),
    )  # fmt: skip


def _started(block: Block, c: Calendar, happened: Month) -> None:
    """Contacts that customers start: through which channel, why, at what hour."""
    world, people, rng = block.bank.world, block.people, block.chance.of(STARTED, c.month)
    mean = started_mean(people, world, happened.project > 0, happened.mood) * happened.here
    number = counts(rng.random(len(people)), mean)
    who, place = _slots(number, rng)
    channel = picked(rng.random(len(who)), channel_pull(people, world)[who])
    names = np.array(list(world.channels))
    pull = purpose_pull(people, world)[who] + _fitting(names[channel], list(world.purposes))
    pull[:, list(world.purposes).index("project")] += 1.5 * (happened.project[who] > 0)
    reason = picked(rng.random(len(who)), pull)
    purpose = np.array(list(world.purposes))[reason]
    at = _at_hours(c.instants(who, place), names[channel], people.power[who], c, who, rng)
    answered, minutes = _answers(at, names[channel], purpose, people.expectation[who], rng)
    block.add(
        "interactions", who, occurred_at=at, channel=_chosen(names, channel), initiator="customer",
        purpose=_chosen(world.purposes, reason), answered_at=answered, duration_min=minutes,
        recorded_at=_recorded(at, world.late, rng),
    )  # fmt: skip


def _slots(number: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Who each of `number` rows belongs to, and a place of its own in the month for each."""
    who = np.repeat(np.arange(len(number)), number)
    nth = np.arange(len(who)) - np.repeat(np.cumsum(number) - number, number)
    return who, (nth + 0.98 * rng.random(len(who))) / number[who]


def channel_pull(people: People, world: World) -> np.ndarray:
    """(n, channels) utilities of the channels by which a customer turns to the bank."""
    told = np.array([[c[k] for k in ("base", "power", "expectation", "digital", "distance")]
                     for c in world.channels.values()])  # fmt: skip
    strength = world.channel_axes
    return (
        told[:, 0] + strength * np.outer(people.power, told[:, 1])
        + strength * np.outer(people.expectation, told[:, 2])
        + world.channel_digital * np.outer(people.digital, told[:, 3])
        + world.channel_distance * np.outer(people.distance - 1, told[:, 4])
    )  # fmt: skip


def purpose_pull(people: People, world: World) -> np.ndarray:
    """(n, purposes) utilities of the reasons for which a customer turns to the bank."""
    told = np.array([[p[k] for k in ("base", "power", "expectation")]
                     for p in world.purposes.values()])  # fmt: skip
    axes = np.outer(people.power, told[:, 1]) + np.outer(people.expectation, told[:, 2])
    return told[:, 0] + world.channel_axes * axes


def _fitting(channel: np.ndarray, purposes: list[str]) -> np.ndarray:
    """(n, purposes): nobody downloads at a counter, or just looks in by phone."""
    unfit = np.zeros((len(channel), len(purposes)))
    unfit[~np.isin(channel, SELF_SERVICE), purposes.index("visit")] = -4
    unfit[np.isin(channel, SYNCHRONOUS), purposes.index("download")] = -4
    return unfit


def _at_hours(
    at: np.ndarray, channel: np.ndarray, power: np.ndarray, c: Calendar, who: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    """The same days, at hours that customers keep; counters are open on weekdays only.

    Who would come at a weekend comes on the Friday before, or on the Monday after where Friday is
    no part of the customer's month.
    """
    day, u = at // DAY, rng.random(len(at))
    facing = np.isin(channel, FACE_TO_FACE)
    weekend = np.maximum((day + 3) % 7 - 4, 0)
    friday, monday = day - weekend, day - weekend + 3
    moved = facing & (weekend > 0)
    day = np.select([moved & (friday >= c.begin[who]), moved & (monday < c.until[who])],
                    [friday, monday], day)  # fmt: skip
    night = ~facing & (rng.random(len(at)) < expit(-1.2 + 0.5 * power))
    hour = np.select([facing, night], [_hour(OPENING_HOURS, u), _hour(BY_NIGHT, u)],
                     _hour(BY_DAY, u))  # fmt: skip
    return day * DAY + hour * 3_600 * SECOND + at % (3_600 * SECOND) // SECOND * SECOND


def _hour(weights: np.ndarray, u: np.ndarray) -> np.ndarray:
    return np.searchsorted(np.cumsum(weights) / weights.sum(), u, side="right")


def _answers(
    at: np.ndarray, channel: np.ndarray, purpose: np.ndarray, expectation: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """When it was dealt with, -1 where there was nothing to answer, and how long it took."""
    talked = np.isin(channel, SYNCHRONOUS)
    minutes = np.round(rng.gamma(2.0, np.exp(1.6 + 0.15 * expectation)), 1)
    hours = np.exp(3.0 + 0.8 * rng.standard_normal(len(at)))
    later = np.isin(purpose, ["request", "service", "project"])
    answered = np.select(
        [talked, later], [at + (minutes * 60).astype(np.int64) * SECOND,
                          at + (hours * 3_600).astype(np.int64) * SECOND], -1,
    )  # fmt: skip
    return answered, np.where(talked, minutes, np.nan)


def _complaints(block: Block, c: Calendar, happened: Month) -> None:
    """Complaints, with the instant at which they are settled, if observation lasts so long."""
    bank, rng = block.bank, block.chance.of(COMPLAINTS, c.month)
    who = np.flatnonzero(happened.complains)
    at = c.instants(who, rng.random(len(who)))
    pull = channel_pull(block.people, bank.world)[who]
    channel = np.array(list(bank.world.channels))[picked(rng.random(len(who)), pull)]
    at = _at_hours(at, channel, block.people.power[who], c, who, rng)
    days = 30 * (happened.open_months[who] - rng.uniform(0.05, 0.95, len(who)))
    settled = at + (days * 86_400).astype(np.int64) * SECOND
    end = bank.start_days[bank.months] * DAY
    block.add(
        "interactions", who, occurred_at=at, channel=channel,
        initiator="customer", purpose="complaint",
        answered_at=np.where(settled < end, settled, -1), recorded_at=at,
    )  # fmt: skip


def _programmes(block: Block, c: Calendar, happened: Month) -> None:
    """Contacts by which the relationship model reaches customers."""
    models, rng = block.bank.models, block.chance.of(SENDS, c.month)
    who, place = _slots(happened.contacts, rng)
    nth = np.arange(len(who)) - np.searchsorted(who, who)
    model = happened.model[who]
    at = c.instants(who, place)
    at = at // DAY * DAY + (8 * 3_600 + at // SECOND % (10 * 3_600)) * SECOND
    answers = nth < happened.answers[who]
    channel = np.array([CONTACT_CHANNELS.index(name) for name in models.channel])[model]
    campaign = _chosen((f"{name}-{c.name}" for name in models.names), model)
    sent = np.ones(len(who), dtype=bool)
    _sent(block, who, at, campaign, channel, "programme", sent, answers, None, rng)


def _campaign(block: Block, c: Calendar, happened: Month) -> None:
    """The month's campaign, with those kept out of it at random."""
    rng = block.chance.of(CAMPAIGNS, c.month)
    who = np.flatnonzero(happened.campaign & (c.until > c.start + FIRST_DAY))
    who = who[c.begin[who] == c.start]
    channel = CONTACT_CHANNELS.index(CAMPAIGN_CHANNELS[c.month % len(CAMPAIGN_CHANNELS)])
    at = (c.start + rng.integers(0, FIRST_DAY - 1, len(who))) * DAY + 9 * 3_600 * SECOND
    control = happened.control[who]
    share = float(block.bank.world.campaign_control)
    _sent(
        block, who, at, f"offer-{c.name}", np.full(len(who), channel), "offer", ~control,
        happened.campaign_answer[who],
        np.where(control, share, 1 - share), rng,
    )  # fmt: skip


def _sent(
    block: Block, who: np.ndarray, at: np.ndarray, campaign: pl.Series | str, channel: np.ndarray,
    arm: str, sent: np.ndarray, answers: np.ndarray, propensity: np.ndarray | None,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Contacts with what customers did of them: opened, clicked, answered, hours or days after.

    `channel` are positions in CONTACT_CHANNELS; who is not `sent` is the control arm.
    """
    world, people = block.bank.world, block.people
    np.maximum.at(block.contacted, who, at)
    cost = np.array([float(world.contact_cost[c]) for c in CONTACT_CHANNELS])[channel]
    read = np.isin(channel, [CONTACT_CHANNELS.index(c) for c in ("email", "app")]) & sent
    opens = read & (answers | (rng.random(len(who)) < expit(-1.1 + 0.3 * people.expectation[who])))
    clicks = opens & (answers | (rng.random(len(who)) < 0.12))
    opened = at + (rng.exponential(14 - 2 * people.power[who].clip(-2, 2)) * 3_600).astype(
        np.int64) * SECOND  # fmt: skip
    clicked = opened + (rng.exponential(240, len(who)).astype(np.int64) + 1) * SECOND
    by_mail = channel == CONTACT_CHANNELS.index("mail")
    days = np.where(by_mail, 9.0, np.where(read, 1.5, 0.02))
    answered = np.maximum(at + (rng.exponential(days) * 86_400 + 60).astype(np.int64) * SECOND,
                          np.where(clicks, clicked, 0))  # fmt: skip
    end = block.bank.start_days[block.bank.months] * DAY

    def when(did: np.ndarray, instant: np.ndarray) -> np.ndarray:
        return np.where(did & (instant < end), instant, -1)

    block.add(
        "contacts", who, sent_at=at, campaign=campaign, channel=_chosen(CONTACT_CHANNELS, channel),
        arm=_chosen(("control", arm), sent.astype(int)), randomised=propensity is not None,
        propensity=np.full(len(who), np.nan) if propensity is None else propensity,
        cost=np.where(sent, cost, 0.0), opened_at=when(opens, opened),
        clicked_at=when(clicks, clicked), responded_at=when(answers & sent, answered),
    )  # fmt: skip


def _rights(block: Block, c: Calendar, happened: Month) -> None:
    """Consents withdrawn and objections, on the day after the contact that was one too many."""
    rng = block.chance.of(RIGHTS, c.month)
    for did, columns in (
        (happened.unsubscribes, {"channel": "email", "granted": False}),
        (happened.objects, {"objected": True}),
    ):
        who = np.flatnonzero(did)
        seconds = (rng.random(len(who)) * 86_400).astype(np.int64)
        last = np.maximum(block.contacted[who] // DAY, c.begin[who])
        at = (last + 1) * DAY + seconds * SECOND
        at = np.minimum(at, c.until[who] * DAY - SECOND)  # the next month's contacts know of it
        block.add("consents", who, recorded_at=at, **columns)


def _events(block: Block, c: Calendar, before: State, happened: Month) -> None:
    """Life events as far as they come to be known, weeks after; searches; balances by quarter."""
    world, people, rng = block.bank.world, block.people, block.chance.of(EVENTS, c.month)
    known = rng.random(len(people)) < world.event_known
    who = np.flatnonzero(happened.moment & known)
    at = c.instants(who, rng.random(len(who)))
    old = people.age[who] > 58
    kind = np.where(old, rng.integers(4, 6, len(who)), rng.integers(0, 4, len(who)))
    block.add("events", who, occurred_at=at, kind=np.array(MOMENTS)[kind],
              recorded_at=at + rng.integers(2, 50, len(who)) * DAY)  # fmt: skip
    begins = (happened.project > before.project) & (rng.random(len(people)) < 0.4)
    who = np.flatnonzero(begins)
    at = c.instants(who, rng.random(len(who)))
    block.add("events", who, occurred_at=at, kind=np.full(len(who), "product_search"),
              recorded_at=at)  # fmt: skip
    if c.month % 3 == 2:
        who = np.flatnonzero(happened.here & (c.until == c.start + c.days))
        at = np.full(len(who), (c.start + c.days - 1) * DAY)
        held = happened.revenue[who].sum(axis=1) * 12 * np.exp(0.4 * rng.standard_normal(len(who)))
        block.add("events", who, occurred_at=at, kind=np.full(len(who), "balance"),
                  value=np.round(held * 20, 2), recorded_at=at)  # fmt: skip


def _survey(block: Block, c: Calendar, happened: Month) -> None:
    """The yearly survey: few answer, rather the demanding and those with something to say."""
    world, people, rng = block.bank.world, block.people, block.chance.of(SURVEYS, c.month)
    mood = happened.mood
    tie = 0.3 * people.expectation + 0.4 * np.abs(mood)
    willing = expit(logit(world.survey_rate) + tie - tie.mean())
    who = np.flatnonzero(happened.here & (rng.random(len(people)) < willing))
    at = c.instants(who, rng.random(len(who)))
    for question, (satisfied, expecting, strong) in QUESTIONS.items():
        told = (
            satisfied * mood[who] + expecting * people.expectation[who] + strong * people.power[who]
            + world.halo * mood[who] + people.acquiescence[who]
            + 0.7 * rng.standard_normal(len(who))
        )  # fmt: skip
        top, middle, step = (10, 6.5, 1.8) if question == "satisfaction" else (5, 3.0, 0.8)
        least = 0 if question == "satisfaction" else 1
        answer = np.clip(np.round(middle + step * told), least, top).astype(int)
        given = rng.random(len(who)) > 0.06
        block.add("surveys", who[given], answered_at=at[given],
                  question=np.full(given.sum(), question),
                  answer=answer[given].astype(str))  # fmt: skip


def _profile(
    block: Block, who: np.ndarray, since: np.ndarray, acquired: np.ndarray, stage: str
) -> None:
    people = block.people
    income = np.array([*INCOME_BANDS, None], dtype=object)
    told = np.where(people.customer[who] % 100 < 8, len(INCOME_BANDS), people.income_band[who])
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
