"""What the past teaches of relationship models: lots, campaigns, who was handled so by choice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from facette.jobs.looking import Look, days_before
from facette.policy.campaigns import PerContact, campaign_trial, drawn_for, per_contact
from facette.policy.knowledge import Learnt, learnt
from facette.policy.observational import Comparison, adjusted
from facette.policy.plan import Base
from facette.policy.reach import NONE, reach
from facette.policy.relationship import Ways
from facette.policy.rights import consented
from facette.policy.trial import Began, Trial, began, stacked, trial
from facette.registry.customer_model import NUMBERS
from facette.segments.crossing import MicroSegments
from facette.settings.policy import Policy
from facette.snapshots.instants import as_date
from facette.tables.contract import DAY_US

FORETOLD = NUMBERS - {"behaviour_confidence"}
SHORT = 0.9  # of the horizon, below which a trial is said to be shorter
LEARNT_TIERS = ("potential_tier", "grid_grade")  # value tiers are cut from past value


@dataclass(frozen=True)
class World:
    """What trials are read off by."""

    policy: Policy
    look: Look
    t: int
    ways: Ways
    cells: MicroSegments
    by: list[str]
    base: Base
    facets: list[np.ndarray]


def before_of(seen: pd.DataFrame) -> np.ndarray:
    """(n, d) the numbers known of customers, for the regression of outcomes on the past."""
    made: np.ndarray = seen.select_dtypes("number").to_numpy(dtype=float)
    return made


def _before(world: World, seen: pd.DataFrame, start: int, end: int) -> pd.DataFrame:
    """The numbers known of customers, to adjust outcomes between `start` and `end` by.

    What was foretold by a model that had learnt from outcomes of that time is missing (NaN): it
    may know the very outcomes.
    """
    made = pd.DataFrame(before_of(seen), seen.index, seen.select_dtypes("number").columns)
    if _seen_by_model(world, start, end):
        made[[name for name in made if _foretold(str(name))]] = np.nan
    return made


def _foretold(name: str) -> bool:
    return name in FORETOLD or name.startswith("headroom_")  # by category


def _seen_by_model(world: World, start: int, end: int) -> int:
    """How many training dates of the model had outcomes between `start` and `end`."""
    return sum(first < end and start < last for first, last in world.look.learnt_from)


def _trial(world: World, who: Began, notes: list[str]) -> tuple[Trial, np.ndarray] | None:
    """The trial and the cells of its customers, as they were known when it began."""
    seen = _seen_then(world, who, notes)
    if seen is None:
        return None
    granted = consented(world.look.tables, who.first, seen.index, world.ways, world.policy.consent)
    channel = reach(seen.index, world.ways, granted).channel
    before = _before(world, seen, who.first, who.last)
    learnt_tiers = [name for name in world.by if name in LEARNT_TIERS]
    if learnt_tiers and (dates := _seen_by_model(world, who.first, who.last)):
        notes.append(
            f"trial: {len(seen):,} who began from {as_date(who.first)} on have their "
            f"{', '.join(learnt_tiers)} from a model that had learnt from outcomes of that time "
            f"(training dates: {dates}), so that effects by it are less sure than their errors say"
        )
    made = trial(
        who, world.look.tables, world.t, before, channel, world.ways, world.look.spec,
        world.policy.horizon_days,
    )  # fmt: skip
    return made, _cells_of(world, seen)


def _cells_of(world: World, seen: pd.DataFrame) -> np.ndarray:
    """(n,) the cells of customers of another date, -1 of one that nobody of the plan is in."""
    place = {name: i for i, name in enumerate(world.base.cells)}
    return world.cells.of(seen[world.by]).map(place).fillna(NONE).to_numpy(dtype=int)


def _seen_then(world: World, who: Began, notes: list[str]) -> pd.DataFrame | None:
    """The customers of a wave as they were known when it began; None where that is too little."""
    history, wanted = days_before(world.look, who.first), world.look.spec.observation_days
    least = world.policy.effects.least
    few = f"fewer than {least} in one season (policy.effects.least)"

    def nothing(customers: int, why: str) -> None:
        notes.append(
            f"trial: {customers:,} who began from {as_date(who.first)} on are left out: {why}"
        )

    if history < wanted:
        nothing(len(who.rows), f"{history} days of history before them, and the model looks back "
                f"{wanted}")  # fmt: skip
        return None
    if len(who.rows) < least:
        nothing(len(who.rows), few)
        return None
    if who.rows["model"].nunique() < 2:
        nothing(len(who.rows), "all were given one model, with nothing to compare it by")
        return None
    seen = world.look.at(who.first)
    seen = seen[seen.index.isin(who.rows.index)]
    if absent := len(who.rows) - len(seen):
        nothing(absent, "not in the snapshot of that date")
    if len(seen) >= least:
        return seen
    if len(seen):
        nothing(len(seen), few)
    return None


def all_tried(world: World, randomised: Learnt | None) -> bool:
    tried = None if randomised is None else randomised.tried(world.policy.effects.least)
    return tried is not None and bool(tried[: world.ways.on_request].all())


def from_campaigns(world: World, customers: pd.DataFrame, seed: int) -> dict[int, PerContact]:
    """By channel, what a contact does, where campaigns by it were drawn by lot."""
    settings, found = world.policy.effects, {}
    for position, channel in enumerate(world.ways.channels):
        who = drawn_for(world.look.tables, world.t, channel)
        seen = None if who is None else _seen_then(world, who, [])
        if who is None or seen is None:
            continue
        before = _before(world, seen, who.first, who.last)
        made = campaign_trial(who, world.look.tables, world.t, before, world.look.spec)
        cell = _cells_of(world, seen)
        inside = cell >= 0
        kept = made.keep(inside)
        if np.bincount(kept.way, minlength=2).min() >= settings.least:
            found[position] = per_contact(
                kept, cell[inside], world.facets, settings, before_of(customers), seed
            )
    return found


def from_lots(world: World, seed: int, notes: list[str]) -> Learnt | None:
    """What lots teach, all waves of them together."""
    settings, tables = world.policy.effects, world.look.tables
    waves = began(tables, world.t, world.ways, settings.horizon_days, notes, randomised=True)
    found = [(who, wave) for who in waves if (wave := _trial(world, who, notes)) is not None]
    made = _of_the_same_models(found, notes)
    if sum(len(wave) for wave, _ in made) < 2 * settings.folds:
        return None
    whole, cell = stacked([wave for wave, _ in made]), np.concatenate([cell for _, cell in made])
    fewest = whole.days if whole.fewest_days is None else whole.fewest_days
    if fewest < SHORT * world.policy.horizon_days:
        notes.append(
            f"trial: watched for {fewest} days, and told as of "
            f"{world.policy.horizon_days}: effects are taken to go on as they began"
        )
    return learnt(whole, cell, world.facets, settings, seed)


def _of_the_same_models(
    found: list[tuple[Began, tuple[Trial, np.ndarray]]], notes: list[str]
) -> list[tuple[Trial, np.ndarray]]:
    """Waves in which the same models were drawn as in the largest.

    Effects are against how customers of the wave were handled: where others were drawn that is
    another average, and the effects of both would be mixed.
    """
    drawn = [set(who.rows["model"]) for who, _ in found]
    usual = drawn[int(np.argmax([len(wave[0]) for _, wave in found]))] if found else set()
    for (who, wave), models in zip(found, drawn, strict=True):
        if models != usual:
            notes.append(
                f"trial: {len(wave[0]):,} who began from {as_date(who.first)} on are left out: "
                "other models were drawn than in the largest wave"
            )
    return [wave for (_, wave), models in zip(found, drawn, strict=True) if models == usual]


def from_choices(
    world: World, seed: int, notes: list[str]
) -> tuple[Learnt | None, Comparison | None]:
    """What can be told from those who were handled by choice, if the comparison is sound."""
    settings, tables = world.policy.effects, world.look.tables
    chosen = began(tables, world.t, world.ways, settings.horizon_days, notes, randomised=False)
    earlier = _earlier(world, chosen[0], notes) if chosen else None
    made = None if earlier is None else _trial(world, chosen[0], notes)
    if earlier is None or made is None:
        return None, None
    compared = adjusted(made[0], earlier, settings.overlap, settings.folds, seed)
    if compared is None:
        notes.append(
            "treatments that were not drawn by lot are left aside: too few customers could have "
            "been handled otherwise (policy.effects.overlap), or were there a window earlier"
        )
        return None, None
    kept, comparison = compared
    if not comparison.sound:
        notes.append(
            "treatments that were not drawn by lot are left aside: by the same comparison they "
            f"would have moved the {chosen[0].days} days before them (p = {comparison.p:.2g})"
        )
        return None, comparison
    cell = pd.Series(made[1], made[0].customers).loc[kept.customers].to_numpy()
    return learnt(kept, cell, world.facets, settings, seed), comparison


def _earlier(world: World, who: Began, notes: list[str]) -> pd.DataFrame | None:
    """What was known of customers one window before `who` began; None where history is too short.

    By it the window between is compared, which nothing that began later can have moved.
    """
    then = who.first - who.days * DAY_US
    history, wanted = days_before(world.look, then), world.look.spec.observation_days
    if history < wanted:
        notes.append(
            "treatments that were not drawn by lot are left aside: nothing tells whether who was "
            f"chosen differed before, with {history} days of history {who.days} days earlier, and "
            f"the model looks back {wanted}"
        )
        return None
    return _before(world, world.look.at(then), then, int(who.rows["began"].max()))
