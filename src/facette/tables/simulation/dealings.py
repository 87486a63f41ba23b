"""How customers and the bank deal with each other, as rows: who turns to whom, when and how."""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.special import expit

from facette.settings.data import World
from facette.tables.contract import DAY_US
from facette.tables.simulation.chance import counts, picked
from facette.tables.simulation.conduct import CAMPAIGN_CHANNELS
from facette.tables.simulation.months import FIRST_DAY, Month
from facette.tables.simulation.people import People, started_mean
from facette.tables.simulation.rows import SECOND, Block, Calendar, chosen, recorded

STARTED, SENDS, CAMPAIGNS, COMPLAINTS, RIGHTS = 21, 22, 23, 24, 25  # purposes of draws
BY_DAY = np.array([0, 0, 0, 0, 0, 0, 2, 5, 8, 11, 12, 11, 9, 8, 9, 9, 9, 10, 0, 0, 0, 0, 0, 0])
BY_NIGHT = np.array(
    [1, 0.5, 0.3, 0.2, 0.2, 0.6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 8, 7, 6, 4, 2]
)
OPENING_HOURS = np.array([0] * 9 + [7, 9, 9, 5, 4, 7, 8, 8, 6] + [0] * 6)
FACE_TO_FACE, SYNCHRONOUS = ("branch", "advisor"), ("branch", "advisor", "phone", "chat")
SELF_SERVICE = ("app", "web", "branch")
CONTACT_CHANNELS = ("mail", "phone", "email", "app", "branch", "advisor")


def write_started(block: Block, c: Calendar, happened: Month) -> None:
    """Contacts that customers start: through which channel, why, at what hour."""
    world, people, rng = block.bank.world, block.people, block.chance.of(STARTED, c.month)
    mean = (
        started_mean(people, world, happened.project > 0, happened.mood.satisfaction)
        * happened.here
    )
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
        "interactions", who, occurred_at=at, channel=chosen(names, channel), initiator="customer",
        purpose=chosen(world.purposes, reason), answered_at=answered, duration_min=minutes,
        recorded_at=recorded(at, world.late, rng),
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
    day, u = at // DAY_US, rng.random(len(at))
    facing = np.isin(channel, FACE_TO_FACE)
    weekend = np.maximum((day + 3) % 7 - 4, 0)
    friday, monday = day - weekend, day - weekend + 3
    moved = facing & (weekend > 0)
    day = np.select([moved & (friday >= c.begin[who]), moved & (monday < c.until[who])],
                    [friday, monday], day)  # fmt: skip
    night = ~facing & (rng.random(len(at)) < expit(-1.2 + 0.5 * power))
    hour = np.select([facing, night], [_hour(OPENING_HOURS, u), _hour(BY_NIGHT, u)],
                     _hour(BY_DAY, u))  # fmt: skip
    return day * DAY_US + hour * 3_600 * SECOND + at % (3_600 * SECOND) // SECOND * SECOND


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


def write_complaints(block: Block, c: Calendar, happened: Month) -> None:
    """Complaints, with the instant at which they are settled, if observation lasts so long."""
    bank, rng = block.bank, block.chance.of(COMPLAINTS, c.month)
    who = np.flatnonzero(happened.mood.complains)
    at = c.instants(who, rng.random(len(who)))
    pull = channel_pull(block.people, bank.world)[who]
    channel = np.array(list(bank.world.channels))[picked(rng.random(len(who)), pull)]
    at = _at_hours(at, channel, block.people.power[who], c, who, rng)
    days = 30 * (happened.mood.open_months[who] - rng.uniform(0.05, 0.95, len(who)))
    settled = at + (days * 86_400).astype(np.int64) * SECOND
    end = bank.start_days[bank.months] * DAY_US
    block.add(
        "interactions", who, occurred_at=at, channel=channel,
        initiator="customer", purpose="complaint",
        answered_at=np.where(settled < end, settled, -1), recorded_at=at,
    )  # fmt: skip


def write_programmes(block: Block, c: Calendar, happened: Month) -> None:
    """Contacts by which the relationship model reaches customers."""
    models, rng = block.bank.models, block.chance.of(SENDS, c.month)
    who, place = _slots(happened.acts.contacts, rng)
    nth = np.arange(len(who)) - np.searchsorted(who, who)
    model = happened.acts.model[who]
    at = c.instants(who, place)
    at = at // DAY_US * DAY_US + (8 * 3_600 + at // SECOND % (10 * 3_600)) * SECOND
    answers = nth < happened.purchases.answers[who]
    channel = np.array([CONTACT_CHANNELS.index(name) for name in models.channel])[model]
    campaign = chosen((f"{name}-{c.name}" for name in models.names), model)
    sent = np.ones(len(who), dtype=bool)
    _sent(block, who, at, campaign, channel, "programme", sent, answers, None, rng)


def write_campaign(block: Block, c: Calendar, happened: Month) -> None:
    """The month's campaign, with those kept out of it at random."""
    rng = block.chance.of(CAMPAIGNS, c.month)
    who = np.flatnonzero(happened.acts.campaign & (c.until > c.start + FIRST_DAY))
    who = who[c.begin[who] == c.start]
    channel = CONTACT_CHANNELS.index(CAMPAIGN_CHANNELS[c.month % len(CAMPAIGN_CHANNELS)])
    at = (c.start + rng.integers(0, FIRST_DAY - 1, len(who))) * DAY_US + 9 * 3_600 * SECOND
    control = happened.acts.control[who]
    share = float(block.bank.world.campaign_control)
    _sent(
        block, who, at, f"offer-{c.name}", np.full(len(who), channel), "offer", ~control,
        happened.purchases.campaign_answer[who],
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
    end = block.bank.start_days[block.bank.months] * DAY_US

    def when(did: np.ndarray, instant: np.ndarray) -> np.ndarray:
        return np.where(did & (instant < end), instant, -1)

    block.add(
        "contacts", who, sent_at=at, campaign=campaign, channel=chosen(CONTACT_CHANNELS, channel),
        arm=chosen(("control", arm), sent.astype(int)), randomised=propensity is not None,
        propensity=np.full(len(who), np.nan) if propensity is None else propensity,
        cost=np.where(sent, cost, 0.0), opened_at=when(opens, opened),
        clicked_at=when(clicks, clicked), responded_at=when(answers & sent, answered),
    )  # fmt: skip


def write_rights(block: Block, c: Calendar, happened: Month) -> None:
    """Consents withdrawn and objections, on the day after the contact that was one too many."""
    rng = block.chance.of(RIGHTS, c.month)
    for did, columns in (
        (happened.mood.unsubscribes, {"channel": "email", "granted": False}),
        (happened.mood.objects, {"objected": True}),
    ):
        who = np.flatnonzero(did)
        seconds = (rng.random(len(who)) * 86_400).astype(np.int64)
        last = np.maximum(block.contacted[who] // DAY_US, c.begin[who])
        at = (last + 1) * DAY_US + seconds * SECOND
        at = np.minimum(at, c.until[who] * DAY_US - SECOND)  # the next month's contacts know of it
        block.add("consents", who, recorded_at=at, **columns)
