"""How a month changes the customers of a simulated bank.

`lived(…)` is a function from the state at the start of a month, and what the bank does, to the
state at its end and what happened. The history and every rollout of a future go through it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit

from facette.errors import BadInput
from facette.settings.data import World
from facette.tables.simulation.chance import Chance, counts, normal, picked
from facette.tables.simulation.conduct import Acts, Bank, Models, acts_in, handled, models_of
from facette.tables.simulation.people import CONSENTS, NEVER, YEAR_DAYS, People, habit, people
from facette.tables.simulation.state import State, first_state
from facette.tables.simulation.world import wish_matrix

MONTH, LOSSES = 10, 12  # purposes of draws
PROJECT_MONTHS = 3
STILL_OPEN = 0.4  # of the open complaints, after a month
FIRST_DAY, LAST_DAY = 4, 28  # of the month, for what is dated by chance; campaigns are sent before
SEASON = np.array([1.04, 0.97, 0.99, 0.98, 1.0, 1.02, 0.96, 0.94, 1.0, 1.02, 1.03, 1.05])
TRIAL_BLOCK, TRIAL_CUSTOMERS, TRIAL_MONTHS, TRIAL_BURN_IN = 2**31, 6_000, 18, 6
MONTHS_BEYOND = 36  # that a rollout may go on for


class Purchases(NamedTuple):
    """What customers answer and buy: `bought` is a product's position or -1, `offered` whether an
    answer led to it; `chance_sent` and `chance_kept` its probability with and without the campaign.
    """

    answers: np.ndarray
    campaign_answer: np.ndarray
    chance_sent: np.ndarray
    chance_kept: np.ndarray
    bought: np.ndarray
    offered: np.ndarray


class Mood(NamedTuple):
    """Satisfaction, pressure, open complaints at the end of the month, and rights made use of."""

    satisfaction: np.ndarray
    pressure: np.ndarray
    complaint: np.ndarray
    complains: np.ndarray
    open_months: np.ndarray
    unsubscribes: np.ndarray
    objects: np.ndarray


class Money(NamedTuple):
    """`revenue` and `net` (n, products) as posted; the net `margin` to expect, and the same at full
    share, `wallet`.
    """

    revenue: np.ndarray
    net: np.ndarray
    margin: np.ndarray
    wallet: np.ndarray


class Ending(NamedTuple):
    """`hazard` of leaving by own will, `other` otherwise, and who does; the position of the product
    `closed`, or -1; `day`, since 1970, on which what is dated by chance happens.
    """

    hazard: np.ndarray
    other: np.ndarray
    leaves: np.ndarray
    otherwise: np.ndarray
    closed: np.ndarray
    day: np.ndarray

    @property
    def gone(self) -> np.ndarray:
        """Who leaves, for whatever reason."""
        return self.leaves | self.otherwise


@dataclass(frozen=True)
class Month:
    """What happened in a month, and what could be expected of it. Arrays of (n,) unless said.

    `here`: who is a customer; `project`: months still to go; `held` (n, products) as it began.
    """

    here: np.ndarray
    moment: np.ndarray
    project: np.ndarray
    held: np.ndarray
    acts: Acts
    purchases: Purchases
    mood: Mood
    money: Money
    ending: Ending


def lived(
    bank: Bank, people: People, state: State, month: int, chance: Chance,
    treatment: Models | None = None,
) -> tuple[State, Month]:  # fmt: skip
    """A month. With a `treatment`, `state.model` names one of its models, whatever the policy."""
    u = chance.uniforms(MONTH, month, 24, len(people))
    here = (people.joined <= month) & (state.left >= NEVER)
    state = _joined(bank, people, state, month)
    moment, project, wallet_log = _moments(bank.world, people, state, here, u[0:3])
    if treatment is None:
        state = handled(bank, people, state, month, here, chance)
    acts = acts_in(bank, people, state, month, here, u[3:6], treatment or bank.models)
    purchases = _purchases(bank.world, people, state, here, acts, moment, project > 0, u[6:11])
    mood = _moods(bank, people, state, here, acts, u[11:16])
    money = _posted(bank, state, wallet_log, month, here, chance)
    ending = _endings(bank, people, state, month, here, mood, moment, u[16:21])
    happened = Month(here, moment, project, state.held, acts, purchases, mood, money, ending)
    return _after(state, month, happened, wallet_log), happened


def _moments(
    world: World, people: People, state: State, here: np.ndarray, u: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whose month has a life event, months to go of projects, and the log wallet after it."""
    moment = here & (u[0] < world.moment_month * np.exp(-0.02 * (people.age - 45)))
    begins = here & (state.project == 0) & ((u[1] < world.project_month) | moment)
    project = np.where(begins, PROJECT_MONTHS, np.maximum(state.project - 1, 0))
    return moment, project, state.wallet_log + moment * 0.25 * normal(u[2])


def _purchases(
    world: World, people: People, state: State, here: np.ndarray, acts: Acts, moment: np.ndarray,
    project: np.ndarray, u: np.ndarray,
) -> Purchases:  # fmt: skip
    """What customers answer and buy: unasked, or because of a contact."""
    suits = world.mismatch_strength * (1 - 2 * acts.mismatch)
    tilt = (
        0.5 * project + world.response_moment * moment + people.response_own
        - world.response_wear * np.log1p(state.pressure)
    )  # fmt: skip
    rate = expit(_pull(world, acts.models.channel)[acts.model] + tilt + suits)
    campaign_rate = expit(_pull(world, (acts.campaign_channel,))[0] + tilt + 0.5 * suits)
    answers = np.minimum(counts(u[0], rate * acts.contacts), acts.contacts)
    campaign_answer = acts.offered_campaign & (u[1] < campaign_rate)
    held = state.held.sum(axis=1)
    room = here & (held < state.held.shape[1])
    organic = expit(
        logit(world.organic_month) + world.organic_project * project - 0.6 * (held - 2.5)
        + 0.15 * state.satisfaction
    )  # fmt: skip
    spoiled = organic * (1 - world.backfire * world.mismatch_strength * acts.mismatch)
    programme = 1 - (1 - rate * world.conversion) ** acts.contacts
    unsent = np.where(acts.contacts > 0, spoiled, organic)
    offered = room & (u[2] < 1 - (1 - world.conversion) ** (answers + campaign_answer))
    unasked = room & (u[3] < np.where(acts.offered_campaign, spoiled, unsent))
    return Purchases(
        answers, campaign_answer,
        chance_sent=_either(spoiled, programme, campaign_rate * world.conversion) * room,
        chance_kept=_either(unsent, programme) * room,
        bought=np.where(offered | unasked, _next_product(world, state.held, u[4]), -1),
        offered=offered,
    )  # fmt: skip


def _moods(
    bank: Bank, people: People, state: State, here: np.ndarray, acts: Acts, u: np.ndarray
) -> Mood:
    """Complaints, pressure and satisfaction, and rights made use of."""
    world, suffers = bank.world, bank.world.mismatch_strength * (acts.mismatch - bank.usual)
    likely = bank.complaint * np.exp(0.25 * people.expectation + suffers)
    complains = here & (state.complaint == 0) & (u[0] < likely)
    open_months = 1 + (np.log(u[1]) / np.log(STILL_OPEN)).astype(int)
    complaint = np.where(complains, open_months, np.maximum(state.complaint - 1, 0))
    sends = acts.contacts + acts.offered_campaign
    pressure = state.pressure * np.exp(-1.0) + 0.6 * sends
    satisfaction = (
        world.satisfaction_memory * state.satisfaction - suffers
        - world.satisfaction_pressure * np.log1p(pressure)
        - world.satisfaction_complaint * (complaint > 0) + world.satisfaction_own * normal(u[2])
    )  # fmt: skip
    per_contact = expit(
        world.objection + world.objection_wear * np.log1p(pressure)
        + world.objection_mismatch * world.mismatch_strength * acts.mismatch
    )  # fmt: skip
    by_mail = (np.array(acts.models.channel) == "email")[acts.model]
    emails = acts.contacts * by_mail + acts.offered_campaign * (acts.campaign_channel == "email")
    return Mood(
        satisfaction, pressure, complaint, complains, open_months,
        unsubscribes=here & (u[4] < 1 - (1 - world.unsubscribe) ** emails),
        objects=here & ~state.objected & (u[3] < 1 - (1 - per_contact) ** sends),
    )  # fmt: skip


def _endings(
    bank: Bank, people: People, state: State, month: int, here: np.ndarray, mood: Mood,
    moment: np.ndarray, u: np.ndarray,
) -> Ending:  # fmt: skip
    """Who leaves, by own will or not, and who gives up one product of several; on which day."""
    world, start_day = bank.world, int(bank.start_days[month])
    shock = np.random.default_rng(np.random.SeedSequence([bank.seed, 4, month])).normal()
    tie = _leaning(world, people, state, mood, moment, start_day)
    hazard = np.exp(bank.churn + tie + world.churn_shock * shock) * here
    other = world.leaving_otherwise_year / 12 * np.exp(0.03 * (people.age - 55)) * here
    leaves = here & (u[0] < 1 - np.exp(-hazard))
    otherwise = here & ~leaves & (u[1] < 1 - np.exp(-other))
    closed = _closed(world, state.held, here & ~leaves & ~otherwise, u[2], u[3])
    day = start_day + FIRST_DAY - 1 + (u[4] * (LAST_DAY - FIRST_DAY + 1)).astype(int)
    return Ending(hazard, other, leaves, otherwise, closed, day)


def _after(state: State, month: int, happened: Month, wallet_log: np.ndarray) -> State:
    """The state at the end of the month."""
    bought, closed, mood = happened.purchases.bought, happened.ending.closed, happened.mood
    held, since = _held_after(state, bought, closed, happened.ending.day)
    earned = happened.money.net.sum(axis=1) * 12
    known = np.where(np.isnan(state.past), earned, state.past + (earned - state.past) / 12)
    changed = 0.2 * (bought >= 0) - 0.2 * (closed >= 0)
    return replace(
        state, held=held, since=since, wallet_log=wallet_log,
        share_logit=state.share_logit + 0.02 * mood.satisfaction + changed,
        satisfaction=mood.satisfaction, pressure=mood.pressure, complaint=mood.complaint,
        project=happened.project, past=np.where(happened.here, known, state.past),
        granted=_granted_after(state.granted, mood.unsubscribes),
        objected=state.objected | mood.objects,
        left=np.where(happened.ending.gone, month, state.left),
    )  # fmt: skip


def _joined(bank: Bank, people: People, state: State, month: int) -> State:
    """Newcomers open their products in their first month."""
    first_day = int(bank.start_days[month]) + FIRST_DAY - 1
    return replace(state, since=np.where((people.joined == month)[:, None], first_day, state.since))


def _pull(world: World, channels: tuple[str, ...]) -> np.ndarray:
    return logit(np.array([float(world.response[c]) for c in channels]))


def _either(*chances: np.ndarray) -> np.ndarray:
    """The probability that at least one of them comes true."""
    none = np.ones(len(chances[0]))
    for chance in chances:
        none = none * (1 - chance)
    return 1 - none


def _next_product(world: World, held: np.ndarray, u: np.ndarray) -> np.ndarray:
    weights = np.log([p["weight"] for p in world.products.values()])
    return picked(u, np.where(held, -1e9, weights))


def _posted(
    bank: Bank, state: State, wallet_log: np.ndarray, month: int, here: np.ndarray, chance: Chance
) -> Money:
    """Revenue and net margin by product as posted, the margin expected, and that at full share."""
    told = list(bank.world.products.values())
    weight, cost, loss, size = (
        np.array([float(p[key]) for p in told])
        for key in ("weight", "cost_year", "loss_year", "loss_months")
    )
    rng = chance.of(LOSSES, month)
    noise = rng.standard_gamma(6.0, state.held.shape) / 6.0
    lost = rng.random(state.held.shape) < loss / 12
    whole = np.exp(wallet_log) / 12 * SEASON[month % 12] * here
    mix = state.held * weight
    mix = mix / mix.sum(axis=1, keepdims=True)
    expected = (whole * expit(state.share_logit))[:, None] * mix
    revenue = expected * noise
    costs = cost / 12 * state.held * here[:, None]
    net = revenue - costs - lost * size * expected
    risk = 1 - loss / 12 * size
    margin = (expected * risk - costs).sum(axis=1)
    everything = whole * (mix * risk).sum(axis=1) - costs.sum(axis=1)
    return Money(revenue, net, margin, everything)


def _leaning(
    world: World, people: People, state: State, mood: Mood, moment: np.ndarray, start_day: int
) -> np.ndarray:
    """The log hazard of leaving but for what all customers share."""
    oldest = state.since.min(axis=1, where=state.held, initial=start_day)
    return (
        -world.churn_age * (people.age - 45) + world.churn_wallet * people.wallet_z
        - world.churn_tenure * np.log1p((start_day - oldest) / YEAR_DAYS)
        - world.churn_products * (state.held.sum(axis=1) - 1)
        + world.churn_complaint * (mood.complaint > 0)
        - world.churn_satisfaction * mood.satisfaction
        + world.churn_moment * moment + people.churn_own
    )  # fmt: skip


def _closed(
    world: World, held: np.ndarray, here: np.ndarray, u: np.ndarray, v: np.ndarray
) -> np.ndarray:
    """The product that a customer of several gives up, or -1; never the account."""
    several = held.sum(axis=1) > 1
    drops = here & several & (u < world.closing_month * held.sum(axis=1))
    which = picked(v, np.where(held, 0.0, -1e9) + np.where(np.arange(held.shape[1]) == 0, -1e9, 0))
    return np.where(drops, which, -1)


def _held_after(
    state: State, bought: np.ndarray, closed: np.ndarray, day: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    held, since = state.held.copy(), state.since.copy()
    rows = np.flatnonzero(bought >= 0)
    held[rows, bought[rows]], since[rows, bought[rows]] = True, day[rows]
    rows = np.flatnonzero(closed >= 0)
    held[rows, closed[rows]] = False
    return held, since


def _granted_after(granted: np.ndarray, unsubscribes: np.ndarray) -> np.ndarray:
    if not unsubscribes.any():
        return granted
    after = granted.copy()
    after[unsubscribes, CONSENTS.index("email")] = False
    return after


def opened(world: World, seed: int, months: int, start: date) -> Bank:
    """The bank of a drawn world: intercepts are calibrated on a trial of customers of their own.

    Raises:
        BadInput: in the trial there is nobody who could leave.
    """
    models, wish = models_of(world), wish_matrix(world, seed)
    draft = Bank(
        world, seed, months, _first_days(start, months + MONTHS_BEYOND), models, wish,
        habit(seed, len(models.names)), np.log(world.churn_year / 12),
        world.complaint_year / 12, 0.3, NEVER,
    )  # fmt: skip
    chance = Chance(seed, TRIAL_BLOCK)
    trial = people(world, wish, chance, 0, TRIAL_CUSTOMERS, TRIAL_MONTHS)
    for _ in range(2):  # the second time with the first one's intercepts
        draft = _calibrated(draft, trial, chance)
    return replace(draft, pilot_from=max(months - world.pilot_months, 0))


def _first_days(start: date, months: int) -> np.ndarray:
    """Days since 1970 on which months begin."""
    first = np.datetime64(start, "M")
    return (first + np.arange(months)).astype("datetime64[D]").astype(np.int64)


def _calibrated(bank: Bank, trial: People, chance: Chance) -> Bank:
    state = first_state(trial, int(bank.start_days[0]))
    seen, leaving, complaining, unsuitable = 0, 0.0, 0, 0.0
    for month in range(TRIAL_MONTHS):
        state, happened = lived(bank, trial, state, month, chance)
        if month >= TRIAL_BURN_IN:
            seen += int(happened.here.sum())
            leaving += float(happened.ending.hazard.sum())
            complaining += int(happened.mood.complains.sum())
            unsuitable += float(happened.acts.mismatch[happened.here].sum())
    if leaving == 0:
        raise BadInput(
            f"world: of {len(trial):,} customers on trial none is there to leave; write "
            "world.leads below 1 and world.churn_year above 0"
        )
    target = bank.world.churn_year / 12
    return replace(
        bank,
        churn=bank.churn + float(np.log(target * seen / leaving)),
        complaint=bank.complaint * bank.world.complaint_year / 12 * seen / max(complaining, 1),
        usual=unsuitable / seen,
    )
