"""What a simulated bank's customers are truly like. Only `facette.recovery` may read it.

The past is lived again from the seed, so that a state at any month is had without being stored;
futures are rollouts from it, with common random numbers: the same chance for every treatment.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

from facette.errors import BadInput
from facette.settings.data import World
from facette.tables.simulation.bank import TRUTH, block_of, state_before
from facette.tables.simulation.chance import BLOCK, Chance
from facette.tables.simulation.conduct import CONSENT_OF, Bank, Models, piloted_in, place
from facette.tables.simulation.manifest import generator, manifest
from facette.tables.simulation.months import FIRST_DAY, LAST_DAY, lived, opened
from facette.tables.simulation.people import CONSENTS, NEVER, People, customer_ids
from facette.tables.simulation.state import State

DAY_US = 86_400_000_000
ROLLOUTS = 16
TRUE_COLUMNS = ("family", "power", "expectation", "wallet", "value", "headroom", "churn",
                "treatment")  # fmt: skip


@dataclass(frozen=True)
class Told:
    """A simulated bank opened again: what it was made of."""

    bank: Bank
    customers: int


def told(folder: Path) -> Told:
    """The bank of a simulated folder.

    Raises:
        BadInput: see `check_told`.
    """
    check_told(folder)
    made = json.loads((folder / TRUTH / "world.json").read_text(encoding="utf-8"))
    world, start = World(**made["world"]), date.fromisoformat(made["start"])
    return Told(opened(world, made["seed"], made["months"], start), made["customers"])


def check_told(folder: Path) -> None:
    """Refuse a folder whose past can't be lived again.

    Raises:
        BadInput: it holds no truth, or was written by another version of the simulator.
    """
    found = manifest(folder)
    if found is None or not (folder / TRUTH / "world.json").is_file():
        raise BadInput(f"{folder} holds no truth of a simulated bank; simulate it again")
    if found["generator"] != generator():
        raise BadInput(
            f"{folder} was written by another version of the simulator, which would live another "
            "past: its truth can't be told; simulate it again, or write evaluation.truth=false"
        )


def truth_at(
    folder: Path, t: int, horizon_days: int, gap_days: int, rollouts: int = ROLLOUTS
) -> pd.DataFrame:
    """What is true of each customer who has joined and not left at `t` (microseconds).

    Indexed by customer_id. `family`, `power`, `expectation`; `wallet`: net margin of [t, t + H) at
    full share, `value`: the one to expect, `headroom`: wallet - value, floored at 0, all in
    currency units; `churn`: probability of leaving by own will in [t + gap, t + gap + H), given
    still there at its start and not gone otherwise by its end; `treatment`: the relationship model
    in place by the old policy, missing for who is in the randomised pilot. Expectations are means
    over `rollouts` futures from the state at the start of the month of `t`.

    Raises:
        BadInput: the folder holds no truth, or one that today's simulator would not live again.
    """
    made = told(folder)
    frames = [
        _block_at(made, number, t // DAY_US, horizon_days, gap_days, rollouts)
        for number in range(-(-made.customers // BLOCK))
    ]
    return pd.concat(frames).sort_index()


def _block_at(
    made: Told, number: int, day: int, horizon_days: int, gap_days: int, rollouts: int
) -> pd.DataFrame:
    bank, ahead = made.bank, gap_days + horizon_days
    who, chance = block_of(bank, number, made.customers)
    month = int(np.searchsorted(bank.start_days, day, side="right")) - 1
    state, treated, present = _state_at(bank, who, chance, month, day)
    last = int(np.searchsorted(bank.start_days, day + ahead, side="left"))
    valued = _covered(bank, month, last, day, day + horizon_days)
    watched = _covered(bank, month, last, day + gap_days, day + ahead)
    totals = np.zeros((3, len(who)))
    for rollout in range(1, rollouts + 1):
        future, survived = state, np.ones(len(who))
        margin, whole, leaning = (np.zeros(len(who)) for _ in range(3))
        tried = Chance(bank.seed, number, rollout)
        for step, m in enumerate(range(month, last)):
            known = bank.models if m == month else None  # who is handled how is settled by then
            start = replace(future, model=treated.model) if known else future
            future, happened = lived(bank, who, start, m, tried, known)
            future = _stays(future)
            margin = margin + valued[step] * survived * happened.money.margin
            whole = whole + valued[step] * survived * happened.money.wallet
            survived = survived * np.exp(
                -valued[step] * (happened.ending.hazard + happened.ending.other)
            )
            leaning = leaning + watched[step] * happened.ending.hazard
        totals += np.array([margin, whole, 1 - np.exp(-leaning)])
    value, wallet, churn = totals / rollouts
    frame = pd.DataFrame(
        {
            "family": who.family, "power": who.power, "expectation": who.expectation,
            "wallet": wallet, "value": value, "headroom": np.maximum(wallet - value, 0),
            "churn": churn, "treatment": np.where(
                piloted_in(bank, who, month), None, np.array(bank.models.names)[treated.model]
            ),
        },
        index=_index(who),
    )  # fmt: skip
    return frame[present]


def _state_at(
    bank: Bank, who: People, chance: Chance, month: int, day: int
) -> tuple[State, State, np.ndarray]:
    """The states before and after a month, and who has joined and not left by a day in it."""
    state = state_before(bank, who, chance, month)
    after, happened = lived(bank, who, state, month, chance)
    joined = (who.joined < month) | (
        (who.joined == month) & (day >= bank.start_days[month] + FIRST_DAY - 1)
    )
    left_by_then = (after.left == month) & (happened.ending.day < day)
    return state, after, joined & (state.left >= NEVER) & ~left_by_then


def _stays(state: State) -> State:
    """Nobody leaves in a rollout: leaving is in the hazards, which all customers go on having."""
    return replace(state, left=np.where(state.left < NEVER, NEVER, state.left))


def _covered(bank: Bank, first: int, last: int, begin: int, end: int) -> np.ndarray:
    """The share of each month's days, those on which things happen, inside [begin, end)."""
    starts = bank.start_days[first:last] + FIRST_DAY - 1
    days = LAST_DAY - FIRST_DAY + 1
    inside = np.minimum(starts + days, end) - np.maximum(starts, begin)
    return np.clip(inside, 0, days) / days


def campaign_effects(folder: Path) -> pd.DataFrame:
    """Each randomised campaign: `campaign`, `n_treated`, `n_control`, and the true mean `effect`
    of being sent it on the probability of a purchase in the month, over all who were drawn for it.
    """
    made = told(folder)
    tried = pl.read_parquet(folder / TRUTH / "campaigns.parquet").group_by("month").sum()
    tried = tried.sort("month").to_pandas()
    drawn = tried["treated"] + tried["control"]
    starts = made.bank.start_days[tried["month"]].astype("datetime64[D]").astype("datetime64[M]")
    return pd.DataFrame(
        {
            "campaign": [f"offer-{month}" for month in starts],
            "n_treated": tried["treated"], "n_control": tried["control"],
            "effect": tried["effect_sum"] / drawn,
        }
    )  # fmt: skip


def expected_outcome(
    folder: Path, customers: Sequence[str] | None, approach: Sequence[str] | str,
    channel: Sequence[str] | str, cadence: Sequence[float] | float, *, month: int | None = None,
    months: int = 12, rollouts: int = ROLLOUTS, contacted: bool = True,
) -> pd.DataFrame:  # fmt: skip
    """What a year of being handled in one way would bring each customer, in expectation.

    `approach` (personalised, semi_personalised, mass), `channel` and `cadence` (contacts a month)
    are one for all or, where `customers` are given, one for each; with None it is all who are
    there. From the state at the start of `month`, by default the end of observation, over `months`:
    `margin` (currency units, without the cost of contacts), `satisfaction` at the end, `churn`, the
    probability of leaving by own will, and `contacts`, their mean number. Indexed by customer_id.
    All treatments meet the same chance (common random numbers), so that differences are steadier
    than levels. With `contacted` false the treatment is there in name alone, as for who does not
    consent to its channel: no contact is made.

    Raises:
        KeyError: one of `customers` is not there at that month.
    """
    made, told_of = told(folder), {"approach": approach, "channel": channel, "cadence": cadence}
    month = made.bank.months if month is None else month
    frames = []
    for number in range(-(-made.customers // BLOCK)):
        who, chance = block_of(made.bank, number, made.customers)
        index = _index(who)
        given = pd.DataFrame(told_of, index=index if customers is None else pd.Index(customers))
        own = given.reindex(index)
        asked = own["approach"].notna().to_numpy()
        if asked.any():
            own = own.fillna(own[asked].iloc[0])
            handled = _handled_so(made.bank, who, chance, own, month, months, rollouts, contacted)
            frames.append(handled[asked])
    whole = pd.concat(frames).dropna()
    return whole.sort_index() if customers is None else whole.loc[list(customers)]


def _handled_so(
    bank: Bank, who: People, chance: Chance, own: pd.DataFrame, month: int, months: int,
    rollouts: int, contacted: bool,
) -> pd.DataFrame:  # fmt: skip
    """Outcomes of a block, a treatment for each; missing for who is not there at `month`."""
    kinds, which = _kinds(own)
    kinds = kinds if contacted else replace(kinds, cadence=np.zeros(len(kinds.names)))
    state = state_before(bank, who, chance, month)
    margin, satisfaction, churn, contacts = (np.zeros(len(who)) for _ in range(4))
    for rollout in range(1, rollouts + 1):
        future, survived = replace(state, model=which), np.ones(len(who))
        tried = Chance(bank.seed, chance.block, rollout)
        for m in range(month, month + months):
            future, happened = lived(bank, who, future, m, tried, kinds)
            future = _stays(future)
            margin += survived * happened.money.margin
            churn += survived * (1 - np.exp(-happened.ending.hazard))
            contacts += survived * happened.acts.contacts
            survived = survived * np.exp(-happened.ending.hazard - happened.ending.other)
        satisfaction += future.satisfaction
    told_of = {"margin": margin, "satisfaction": satisfaction, "churn": churn, "contacts": contacts}
    here = (who.joined < month) & (state.left >= NEVER)
    frame = pd.DataFrame(told_of, index=_index(who)) / rollouts
    return frame.where(pd.Series(here, frame.index), axis=0)


def _index(who: People) -> pd.Index:
    return pd.Index(customer_ids(who.customer), name="customer_id", dtype="str")


def _kinds(given: pd.DataFrame) -> tuple[Models, np.ndarray]:
    """The different treatments as models, and which of them each customer has."""
    which, kinds = pd.factorize(pd.MultiIndex.from_frame(given))
    approach, channel, cadence = (list(values) for values in zip(*kinds, strict=True))
    contacts = np.array(cadence, dtype=float)
    n = len(approach)
    models = Models(
        tuple(f"{a} {c}" for a, c in zip(approach, channel, strict=True)), tuple(channel), contacts,
        place(approach, channel, contacts),
        np.array([CONSENTS.index(CONSENT_OF[c]) for c in channel]), np.zeros(n), np.zeros(n),
    )  # fmt: skip
    return models, which
