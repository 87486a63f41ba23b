"""How a month changes the customers of a simulated bank.

`lived(…)` is a function from the state at the start of a month, and what the bank does, to the
state at its end and what happened. The history and every rollout of a future go through it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from scipy.special import expit, logit

from facette.settings import World
from facette.tables.simulation.chance import Chance, counts, normal, picked
from facette.tables.simulation.people import CONSENTS, NEVER, People, habit, people
from facette.tables.simulation.world import wish_matrix

MONTH, CHOICE, LOSSES = 10, 11, 12  # purposes of draws
PROJECT_MONTHS = 3
STILL_OPEN = 0.4  # of the open complaints, after a month
APPROACH = {"personalised": 1.0, "semi_personalised": 0.0, "mass": -1.0}
CLOSENESS = {"advisor": 0.4, "branch": 0.3, "phone": 0.1, "mail": -0.1, "email": -0.2, "app": -0.3}
USUAL_CADENCE = 0.7  # contacts a month that feel neither pushy nor distant
CONSENT_OF = {"advisor": "phone", "branch": "phone", "phone": "phone", "app": "app",
              "email": "email", "mail": "mail"}  # fmt: skip
CAMPAIGN_CHANNELS = ("mail", "email", "phone")
TRIAL_BLOCK, TRIAL_CUSTOMERS, TRIAL_MONTHS, TRIAL_BURN_IN = 2**31, 6_000, 18, 6
MONTHS_BEYOND = 36  # that a rollout may go on for
MISMATCH_SCALE = 5.0  # squared distance at which a treatment counts as wholly unsuitable
FIRST_DAY, LAST_DAY = 4, 28  # of the month, for what is dated by chance; campaigns are sent before
SEASON = np.array([1.04, 0.97, 0.99, 0.98, 1.0, 1.02, 0.96, 0.94, 1.0, 1.02, 1.03, 1.05])


@dataclass(frozen=True)
class Models:
    """Relationship models, in order: what each is, and where it stands among wishes (m, 2)."""

    names: tuple[str, ...]
    channel: tuple[str, ...]
    cadence: np.ndarray
    place: np.ndarray
    consent: np.ndarray
    value: np.ndarray
    base: np.ndarray


def models_of(world: World) -> Models:
    """The relationship models that a world's bank knows."""
    told = world.relationship_models
    approach, channel = ([m[key] for m in told.values()] for key in ("approach", "channel"))
    cadence, value, base = (
        np.array([float(m[key]) for m in told.values()]) for key in ("cadence", "value", "base")
    )
    return Models(
        tuple(told), tuple(channel), cadence, place(approach, channel, cadence),
        np.array([CONSENTS.index(CONSENT_OF[c]) for c in channel]), value, base,
    )  # fmt: skip


def place(approach: list[str], channel: list[str], cadence: np.ndarray) -> np.ndarray:
    """(m, 2) closeness and initiative of treatments."""
    closeness = [APPROACH[a] + CLOSENESS[c] for a, c in zip(approach, channel, strict=True)]
    initiative = np.clip(0.7 * np.log2(np.maximum(cadence, 0.05) / USUAL_CADENCE), -1.5, 1.5)
    return np.column_stack([closeness, initiative])


@dataclass(frozen=True)
class Bank:
    """What holds for all customers: the world, its relationship models, calibrated intercepts.

    `start_days` are the first days of the months since 1970, of more months than the `months`
    that are observed; `usual` is the mean mismatch.
    """

    world: World
    seed: int
    months: int
    start_days: np.ndarray
    models: Models
    wish: np.ndarray
    habits: np.ndarray
    churn: float
    complaint: float
    usual: float
    pilot_from: int


@dataclass(frozen=True)
class State:
    """n customers at the start of a month. Arrays of (n,) unless said.

    `complaint` and `project` are the months still to go. `left` is the month of leaving (NEVER for who is still there), `since` (n, products) the day
    since 1970 on which a product was opened, `past` the net margin a year, slowly forgotten.
    """

    held: np.ndarray
    since: np.ndarray
    wallet_log: np.ndarray
    share_logit: np.ndarray
    satisfaction: np.ndarray
    pressure: np.ndarray
    complaint: np.ndarray
    project: np.ndarray
    past: np.ndarray
    model: np.ndarray
    model_since: np.ndarray
    granted: np.ndarray
    objected: np.ndarray
    left: np.ndarray


@dataclass(frozen=True)
class Month:
    """What happened in a month, and what could be expected of it. Arrays of (n,) unless said.

    `hazard` of leaving by own will and `other` for another reason; `margin` expected net margin;
    `wallet` the same at full share; `revenue`, `net` (n, products) as posted; `bought` the product
    or -1; `chance_sent`, `chance_kept` of a purchase with and without the campaign.
    """

    here: np.ndarray
    moment: np.ndarray
    project: np.ndarray
    mood: np.ndarray
    mismatch: np.ndarray
    channel: np.ndarray
    contacts: np.ndarray
    answers: np.ndarray
    campaign: np.ndarray
    control: np.ndarray
    campaign_answer: np.ndarray
    chance_sent: np.ndarray
    chance_kept: np.ndarray
    bought: np.ndarray
    offered: np.ndarray
    closed: np.ndarray
    complains: np.ndarray
    open_months: np.ndarray
    unsubscribes: np.ndarray
    objects: np.ndarray
    held: np.ndarray
    revenue: np.ndarray
    net: np.ndarray
    margin: np.ndarray
    wallet: np.ndarray
    hazard: np.ndarray
    other: np.ndarray
    leaves: np.ndarray
    otherwise: np.ndarray
    day: np.ndarray
    piloted: np.ndarray


def first_state(people: People, start_day: int) -> State:
    """The state at the start of the first month; `start_day` since 1970."""
    n, products = people.held.shape
    zeros, none = np.zeros(n), np.zeros(n, dtype=int)
    spread = np.linspace(1.0, 0.15, products)  # the first products are the oldest
    since = start_day - (people.tenure_days[:, None] * spread).astype(int)
    return State(
        held=people.held, since=since, wallet_log=people.wallet_log,
        share_logit=people.share_logit, satisfaction=zeros, pressure=zeros, complaint=none,
        project=none, past=np.full(n, np.nan), model=none - 1, model_since=none,
        granted=people.granted, objected=none.astype(bool), left=np.full(n, NEVER),
    )  # fmt: skip


def lived(
    bank: Bank, people: People, state: State, month: int, chance: Chance,
    treatment: Models | None = None,
) -> tuple[State, Month]:  # fmt: skip
    """A month. `treatment`, one for all customers or one each, stands in for the bank's policy."""
    world, n, start_day = bank.world, len(people), int(bank.start_days[month])
    u = chance.uniforms(MONTH, month, 24, n)
    here = (people.joined <= month) & (state.left >= NEVER)
    state = _newly_joined(state, people, here & (people.joined == month), start_day)

    moment = here & (u[0] < world.moment_month * np.exp(-0.02 * (people.age - 45)))
    begins = here & (state.project == 0) & ((u[1] < world.project_month) | moment)
    project = np.where(begins, PROJECT_MONTHS, np.maximum(state.project - 1, 0))
    wallet_log = state.wallet_log + moment * 0.25 * normal(u[2])

    # what the bank does
    piloted = _piloted(bank, people, month)
    state = _handled(bank, people, state, month, here, piloted, chance)
    models = treatment or bank.models
    which = np.minimum(state.model, len(models.names) - 1) if treatment else state.model
    mismatch = np.minimum(
        ((models.place[which] - people.wish) ** 2).sum(axis=1) / MISMATCH_SCALE, 1.0
    )
    channel, reached = _channel(models, which, state, here)
    contacts = np.where(reached, counts(u[3], models.cadence[which]), 0)
    campaign, control = _campaign(bank, state, month, here, u[4], u[5])

    # what customers answer and buy
    eta, on = world.mismatch_strength, project > 0
    tilt = (
        0.5 * on + world.response_moment * moment + people.response_own
        - world.response_wear * np.log1p(state.pressure)
    )  # fmt: skip
    suits = eta * (1 - 2 * mismatch)
    rate = expit(_pull(world, models.channel)[channel] + tilt + suits)
    answers = np.minimum(counts(u[6], rate * contacts), contacts)
    campaign_channel = CAMPAIGN_CHANNELS[month % len(CAMPAIGN_CHANNELS)]
    campaign_rate = expit(_pull(world, (campaign_channel,))[0] + tilt + 0.5 * suits)
    campaign_answer = campaign & ~control & (u[7] < campaign_rate)
    room = here & (state.held.sum(axis=1) < state.held.shape[1])
    organic = expit(
        logit(world.organic_month) + world.organic_project * on
        - 0.25 * (state.held.sum(axis=1) - 2.5) + 0.15 * state.satisfaction
    )  # fmt: skip
    spoiled = 1 - world.backfire * eta * mismatch
    programme = 1 - (1 - rate * world.conversion) ** contacts
    kept = _either(organic * np.where(contacts > 0, spoiled, 1.0), programme) * room
    sent = _either(organic * spoiled, programme, campaign_rate * world.conversion) * room
    offered = room & _offered(answers, campaign_answer, world.conversion, u[8])
    plain = room & (u[9] < organic * np.where((contacts > 0) | (campaign & ~control), spoiled, 1))
    bought = np.where(offered | plain, _next_product(world, state.held, u[10]), -1)

    # complaints, satisfaction, rights
    complains = here & (state.complaint == 0) & (
        u[11] < bank.complaint * np.exp(0.25 * people.expectation + eta * (mismatch - bank.usual))
    )
    open_months = 1 + (np.log(u[12]) / np.log(STILL_OPEN)).astype(int)
    complaint = np.where(complains, open_months, np.maximum(state.complaint - 1, 0))
    sends = contacts + (campaign & ~control)
    pressure = state.pressure * np.exp(-1.0) + 0.6 * sends
    satisfaction = (
        world.satisfaction_memory * state.satisfaction - eta * (mismatch - bank.usual)
        - world.satisfaction_pressure * np.log1p(pressure)
        - world.satisfaction_complaint * (complaint > 0) + world.satisfaction_own * normal(u[13])
    )  # fmt: skip
    per_contact = expit(
        world.objection + world.objection_wear * np.log1p(pressure)
        + world.objection_mismatch * eta * mismatch
    )  # fmt: skip
    objects = here & ~state.objected & (u[14] < 1 - (1 - per_contact) ** sends)
    emails = np.where(np.array(models.channel)[channel] == "email", contacts, 0) + (
        (campaign & ~control) if campaign_channel == "email" else 0
    )
    unsubscribes = here & (u[15] < 1 - (1 - world.unsubscribe) ** emails)

    # money
    revenue, net, margin, wallet = _posted(bank, state, wallet_log, month, here, chance)

    # leaving
    tie = _leaning(world, people, state, complaint, satisfaction, moment, month, start_day)
    shock = world.churn_shock * float(
        np.random.default_rng(np.random.SeedSequence([bank.seed, 4, month])).normal()
    )
    hazard = np.exp(bank.churn + tie + shock) * here
    other = world.leaving_otherwise_year / 12 * np.exp(0.03 * (people.age - 55)) * here
    leaves = here & (u[16] < 1 - np.exp(-hazard))
    otherwise = here & ~leaves & (u[17] < 1 - np.exp(-other))
    gone = leaves | otherwise
    closed = _closed(world, state.held, here & ~gone, u[18], u[19])
    day = start_day + FIRST_DAY - 1 + (u[20] * (LAST_DAY - FIRST_DAY + 1)).astype(int)

    held, since = _held_after(state, bought, closed, day)
    happened = Month(
        here, moment, project, satisfaction, mismatch, channel, contacts, answers, campaign,
        control, campaign_answer, sent, kept, bought, offered, closed, complains, open_months,
        unsubscribes, objects, state.held, revenue, net, margin, wallet, hazard, other, leaves,
        otherwise, day, piloted & here,
    )  # fmt: skip
    earned = net.sum(axis=1) * 12
    following = replace(
        state, held=held, since=since, wallet_log=wallet_log,
        share_logit=state.share_logit + 0.02 * satisfaction + 0.2 * (bought >= 0)
        - 0.2 * (closed >= 0),
        satisfaction=satisfaction, pressure=pressure, complaint=complaint, project=project,
        past=np.where(here, np.where(np.isnan(state.past), earned,
                                     state.past + (earned - state.past) / 12), state.past),
        granted=_granted_after(state.granted, unsubscribes), objected=state.objected | objects,
        left=np.where(gone, month, state.left),
    )  # fmt: skip
    return following, happened


def _newly_joined(state: State, people: People, new: np.ndarray, start_day: int) -> State:
    if not new.any():
        return state
    since = np.where(new[:, None], start_day + FIRST_DAY - 1, state.since)
    return replace(state, since=since, left=np.where(people.joined >= NEVER, NEVER, state.left))


def _piloted(bank: Bank, people: People, month: int) -> np.ndarray:
    """Who is handled by the randomised pilot this month."""
    running = bank.pilot_from <= month < bank.pilot_from + bank.world.pilot_months
    return in_pilot(bank, people) if running else np.zeros(len(people), dtype=bool)


def in_pilot(bank: Bank, people: People) -> np.ndarray:
    """Who takes part in the randomised pilot, drawn once for all."""
    drawn = (people.customer * 2_654_435_761 + bank.seed) % 2**32 / 2**32
    return (drawn < bank.world.pilot_share) & (people.joined <= bank.pilot_from)


def _handled(
    bank: Bank, people: People, state: State, month: int, here: np.ndarray, piloted: np.ndarray,
    chance: Chance,
) -> State:  # fmt: skip
    """The relationship model of each customer: by the old policy every January, or by the pilot."""
    begins, ends = month == bank.pilot_from, month == bank.pilot_from + bank.world.pilot_months
    due = (state.model < 0) | (month % 12 == 0) | (ends & in_pilot(bank, people))
    due = here & np.where(piloted, begins, due)
    if not due.any():
        return state
    u = chance.uniforms(CHOICE, month, 2, len(people))
    names = len(bank.models.names)
    past = np.clip((np.nan_to_num(state.past) - 100) / 300, -1.5, 3)
    utilities = (
        bank.models.base + bank.world.policy_strength * past[:, None] * bank.models.value
        + bank.world.policy_branch * bank.habits[people.branch]
    )  # fmt: skip
    chosen = np.where(piloted, (u[0] * names).astype(int), picked(u[1], utilities))
    changes = due & ((chosen != state.model) | piloted | ends)
    return replace(
        state,
        model=np.where(due, chosen, state.model),
        model_since=np.where(changes, month, state.model_since),
    )


def _channel(
    models: Models, which: np.ndarray, state: State, here: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The model whose channel is used, as a position among models, and who can be reached."""
    allowed = np.take_along_axis(state.granted, models.consent[which][:, None], axis=1)[:, 0]
    return which, here & allowed & ~state.objected


def _campaign(
    bank: Bank, state: State, month: int, here: np.ndarray, u: np.ndarray, v: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Who is chosen for the month's campaign (the more past value the likelier), who is control."""
    channel = CAMPAIGN_CHANNELS[month % len(CAMPAIGN_CHANNELS)]
    past = np.clip((np.nan_to_num(state.past) - 100) / 300, -1.5, 3)
    reach = expit(logit(bank.world.campaign_reach) + 0.5 * bank.world.policy_strength * past)
    granted = state.granted[:, CONSENTS.index(CONSENT_OF[channel])]
    chosen = here & granted & ~state.objected & (u < reach)
    return chosen, chosen & (v < bank.world.campaign_control)


def _pull(world: World, channels: tuple[str, ...]) -> np.ndarray:
    return logit(np.array([float(world.response[c]) for c in channels]))


def _either(*chances: np.ndarray) -> np.ndarray:
    """The probability that at least one of them comes true."""
    none = np.ones(len(chances[0]))
    for chance in chances:
        none = none * (1 - chance)
    return 1 - none


def _offered(
    answers: np.ndarray, campaign_answer: np.ndarray, conversion: float, u: np.ndarray
) -> np.ndarray:
    return u < 1 - (1 - conversion) ** (answers + campaign_answer)


def _next_product(world: World, held: np.ndarray, u: np.ndarray) -> np.ndarray:
    weights = np.log([p["weight"] for p in world.products.values()])
    return picked(u, np.where(held, -1e9, weights))


def _posted(
    bank: Bank, state: State, wallet_log: np.ndarray, month: int, here: np.ndarray, chance: Chance
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
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
    return revenue, net, margin, everything


def _leaning(
    world: World, people: People, state: State, complaint: np.ndarray, satisfaction: np.ndarray,
    moment: np.ndarray, month: int, start_day: int,
) -> np.ndarray:  # fmt: skip
    """The log hazard of leaving but for what all customers share."""
    years = np.maximum(start_day - state.since.min(axis=1, where=state.held, initial=start_day), 0)
    return (
        -world.churn_age * (people.age - 45) + world.churn_wallet * people.wallet_z
        - world.churn_tenure * np.log1p(years / 365.25)
        - world.churn_products * (state.held.sum(axis=1) - 1)
        + world.churn_complaint * (complaint > 0) - world.churn_satisfaction * satisfaction
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
    """The bank of a drawn world: intercepts are calibrated on a trial of customers of their own."""
    models, wish = models_of(world), wish_matrix(world, seed)
    draft = Bank(
        world, seed, months, _first_days(start, months + MONTHS_BEYOND), models, wish,
        habit(seed, len(models.names)), np.log(world.churn_year / 12), world.complaint_year / 12, 0.3, NEVER,
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
            leaving += float(happened.hazard.sum())
            complaining += int(happened.complains.sum())
            unsuitable += float(happened.mismatch[happened.here].sum())
    target = bank.world.churn_year / 12
    return replace(
        bank,
        churn=bank.churn + float(np.log(target * seen / leaving)),
        complaint=bank.complaint * bank.world.complaint_year / 12 * seen / max(complaining, 1),
        usual=unsuitable / seen,
    )
