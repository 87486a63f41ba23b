"""What a simulated bank does: relationship models, the old policy, the pilot, campaigns.

The old policy is what confounds all that the tables tell of treatments: past value and the habits
of the branch decide. Only the pilot and the control arms of campaigns are drawn at random.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit, logit

from facette.settings.data import World
from facette.tables.simulation.chance import Chance, counts, picked
from facette.tables.simulation.people import CONSENTS, People
from facette.tables.simulation.state import State

CHOICE = 11  # the purpose of its draws
APPROACH = {"personalised": 1.0, "semi_personalised": 0.0, "mass": -1.0}
CLOSENESS = {"advisor": 0.4, "branch": 0.3, "phone": 0.1, "mail": -0.1, "email": -0.2, "app": -0.3}
USUAL_CADENCE = 0.7  # contacts a month that feel neither pushy nor distant
CONSENT_OF = {"advisor": "phone", "branch": "phone", "phone": "phone", "app": "app",
              "email": "email", "mail": "mail"}  # fmt: skip
CAMPAIGN_CHANNELS = ("mail", "email", "phone")
MISMATCH_SCALE = 5.0  # squared distance at which a treatment counts as wholly unsuitable


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


def piloted_in(bank: Bank, people: People, month: int) -> np.ndarray:
    """Who is handled by the randomised pilot this month."""
    running = bank.pilot_from <= month < bank.pilot_from + bank.world.pilot_months
    return in_pilot(bank, people) if running else np.zeros(len(people), dtype=bool)


def in_pilot(bank: Bank, people: People) -> np.ndarray:
    """Who takes part in the randomised pilot, drawn once for all."""
    return (people.pilot < bank.world.pilot_share) & (people.joined <= bank.pilot_from)


def handled(
    bank: Bank, people: People, state: State, month: int, here: np.ndarray, chance: Chance
) -> State:
    """The relationship model of each customer: by the old policy every January, or by the pilot."""
    piloted = piloted_in(bank, people, month)
    begins, ends = month == bank.pilot_from, month == bank.pilot_from + bank.world.pilot_months
    due = (state.model < 0) | (month % 12 == 0) | (ends & in_pilot(bank, people))
    due = here & np.where(piloted, begins, due)
    if not due.any():
        return state
    u = chance.uniforms(CHOICE, month, 2, len(people))
    names = len(bank.models.names)
    past = _past_value(state)
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


@dataclass(frozen=True)
class Acts:
    """What the bank does with n customers in a month. Arrays of (n,).

    `model` is the position of each customer's relationship model among `models`, `mismatch` how far
    it is from the wish, 0 to 1; `contacts` the number made by it; `campaign` who was chosen for the
    month's campaign on `campaign_channel`, and `control` who of them is kept out of it.
    """

    models: Models
    model: np.ndarray
    mismatch: np.ndarray
    contacts: np.ndarray
    campaign: np.ndarray
    control: np.ndarray
    campaign_channel: str

    @property
    def offered_campaign(self) -> np.ndarray:
        """Who is sent the campaign."""
        return self.campaign & ~self.control


def acts_in(
    bank: Bank, people: People, state: State, month: int, here: np.ndarray, u: np.ndarray,
    models: Models,
) -> Acts:  # fmt: skip
    """What the bank does in a month; `u` are (3, n) uniforms, `models` what `state.model` names."""
    squared = ((models.place[state.model] - people.wish) ** 2).sum(axis=1)
    consent = np.take_along_axis(state.granted, models.consent[state.model][:, None], axis=1)[:, 0]
    reached = here & consent & ~state.objected
    settled = here & (people.joined < month)
    campaign, control = _campaign(bank, state, month, settled, u[1], u[2])
    return Acts(
        models, state.model, np.minimum(squared / MISMATCH_SCALE, 1.0),
        np.where(reached, counts(u[0], models.cadence[state.model]), 0), campaign, control,
        _campaign_channel(month),
    )  # fmt: skip


def _past_value(state: State) -> np.ndarray:
    """What a customer brought, as the old policy looks at it: about 0 for a usual one."""
    return np.clip((np.nan_to_num(state.past) - 100) / 300, -1.5, 3)


def _campaign_channel(month: int) -> str:
    return CAMPAIGN_CHANNELS[month % len(CAMPAIGN_CHANNELS)]


def _campaign(
    bank: Bank, state: State, month: int, settled: np.ndarray, u: np.ndarray, v: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Who is chosen for the month's campaign (the more past value the likelier), who is control."""
    channel = _campaign_channel(month)
    past = _past_value(state)
    reach = expit(logit(bank.world.campaign_reach) + 0.5 * bank.world.policy_strength * past)
    granted = state.granted[:, CONSENTS.index(CONSENT_OF[channel])]
    chosen = settled & granted & ~state.objected & (u < reach)
    return chosen, chosen & (v < bank.world.campaign_control)
