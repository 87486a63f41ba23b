"""What a plan is made from, read off the tables: customers, their rights, how they are handled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from inspect import signature
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from facette.errors import BadInput
from facette.policy.campaigns import PerContact, campaign_trial, drawn_for, per_contact
from facette.policy.claim import claimed
from facette.policy.decision import Before, Planned
from facette.policy.knowledge import Learnt, knowledge, learnt
from facette.policy.observational import Comparison, adjusted
from facette.policy.plan import Base, Others, plan
from facette.policy.power import Lot, drawn
from facette.policy.reach import NONE, Reach, reach
from facette.policy.relationship import Ways, ways
from facette.policy.rights import consented
from facette.policy.trial import Began, Trial, began, stacked, trial
from facette.registry.customer_model import NUMBERS, POLICY_COLUMNS, Bundle
from facette.registry.packaging import as_rows
from facette.segments.crossing import MicroSegments, micro_segments
from facette.settings.policy import Policy
from facette.snapshots.instants import as_date
from facette.snapshots.known import first_known_day, known_at
from facette.snapshots.panel import snapshot_at
from facette.snapshots.protected import for_scoring
from facette.snapshots.spec import SnapshotSpec
from facette.tables.contract import DAY_US, Tables
from facette.tables.door import microseconds

FORETOLD = NUMBERS - {"behaviour_confidence"}
LEARNT_TIERS = ("potential_tier", "grid_grade")  # value tiers are cut from past value


def planned(
    policy: Policy, bundle: Bundle, tables: Tables, t: int, perimeter: str | None, seed: int,
    confidence: float, *, among: pd.Index | None = None, lot: Lot | None = None,
    seen: dict[int, pd.DataFrame] | None = None,
) -> Planned:  # fmt: skip
    """The plan of the customers at `t` (microseconds) by a packaged model.

    `among`: these customers only; effects are learnt on all. Who is outside `among` or the
    perimeter goes on as today, within the same limits. `lot`: that of an earlier plan, which still
    holds out who it fell on; None draws one for this plan. `seen` keeps customers as the model sees
    them, by date, from one plan to the next.

    Raises:
        BadInput: nobody is there, a rule can't be read, or the plan can't be carried out.
    """
    spec, known_ways = spec_for(bundle, tables, perimeter), ways(policy)
    notes: list[str] = []
    look = plans = _Look(bundle, tables, spec, perimeter, {} if seen is None else seen)
    known_then = look.at(t)
    still = _still_customers(known_then, spec)
    here = still if among is None else still & known_then.index.isin(among)
    if not here.any():
        raise BadInput(f"reference_date: nobody at {as_date(t)} is a customer any more")
    customers = known_then[here]
    by = _crossable(policy, customers, notes)
    if "consents" not in tables:
        silence = "consent, to be cleared before use" if policy.consent.without_table else "none"
        notes.append(f"no table consents: everyone's silence counts as {silence}")
    cells = micro_segments(customers[by], policy.floor)
    lot = lot or Lot(as_date(t), as_date(t + policy.horizon_days * DAY_US))
    base, facets = _base(policy, known_ways, tables, t, customers, cells, by, lot)
    everyone = look.customers(t)
    outside = everyone[~everyone.isin(customers.index)]
    base = replace(base, others=_others(policy, known_ways, tables, t, outside))
    own = bundle.about["perimeter"]  # that of the plan may be narrower, and a trial is of all
    if own != perimeter:
        look = _Look(bundle, tables, spec_for(bundle, tables, own), own, {})
    world = _World(policy, look, t, known_ways, cells, by, base, facets)
    randomised = _learnt(world, seed, notes)
    observed, comparison = None, None
    if policy.effects.observational and not _all_tried(world, randomised):
        observed, comparison = _observed(world, seed, notes)
    campaigns = {} if _all_tried(world, randomised) else _campaigns(world, customers, seed)
    known = knowledge(
        known_ways, policy.effects, randomised, observed, customers,
        before_of(customers), base.cell, len(base.cells), campaigns,
    )  # fmt: skip
    made = plan(policy, base, known)
    claim = claimed(made, known, policy.switching_cost, confidence)
    then = t - policy.horizon_days * DAY_US
    before = None if among is not None else _those_before(plans, then, customers.index, everyone)
    return Planned(
        t, policy, known_ways, made, _about(bundle), known, claim, customers, cells,
        int((~still).sum()), lot, before, [*cells.notes, *notes], comparison,
    )  # fmt: skip


def spec_for(bundle: Bundle, tables: Tables, perimeter: str | None) -> SnapshotSpec:
    """The constants of training; what was kept out of the models need not be brought."""
    brought = tables.columns("customers") if "customers" in tables else []
    return for_scoring(SnapshotSpec.from_dict(bundle.about["snapshot"]), perimeter, brought)


def _those_before(look: _Look, then: int, own: pd.Index, everyone: pd.Index) -> Before | None:
    """The customers of an earlier date, as far as they are of the plan or have left since.

    `own`: customers of the plan; `everyone`: all who are still customers. None where history is
    short.
    """
    if _days_before(look, then) < look.spec.observation_days:
        return None
    seen = look.at(then)
    seen = seen[_still_customers(seen, look.spec)]
    seen = seen[seen.index.isin(own) | ~seen.index.isin(everyone)]
    there = look.customers(then)
    return Before(as_date(then), seen, there[there.isin(own) & ~there.isin(seen.index)])


def _about(bundle: Bundle) -> dict[str, Any]:
    """What the package says of itself, and what it calls its behaviour segments."""
    told = bundle.segmentations
    behaviour = None if told is None else told.behaviour
    return {**bundle.about, "segment_names": {} if behaviour is None else behaviour.names}


def _days_before(look: _Look, t: int) -> int:
    """Days of transactions known at `t`, 0 for none."""
    first = first_known_day(look.tables, t)
    return 0 if first is None else t // DAY_US - first


@dataclass(frozen=True)
class _Look:
    """Customers as a packaged model sees and scores them, at any date, looked up once."""

    bundle: Bundle
    tables: Tables
    spec: SnapshotSpec
    perimeter: str | None
    seen: dict[int, pd.DataFrame]

    def at(self, t: int) -> pd.DataFrame:
        """Features and scores at `t` (microseconds), indexed by customer_id."""
        if t not in self.seen:
            shot = snapshot_at(self.tables, t, self.spec, self.perimeter, with_outcomes=False)
            rows, predict = as_rows(shot), self.bundle.predict
            quick = "drivers" in signature(predict).parameters  # older packages always tell them
            told = predict(rows, drivers=False) if quick else predict(rows)
            own = [*rows, *POLICY_COLUMNS]  # what an earlier plan decided is no ground for another
            told = told[[name for name in told if name not in own]]
            self.seen[t] = pd.concat([rows, told], axis=1).set_index("customer_id")
        return self.seen[t]

    def customers(self, t: int) -> pd.Index:
        """All who are customers at `t`, whatever the perimeter."""
        if self.perimeter is None:
            seen = self.at(t)
        else:
            shot = snapshot_at(self.tables, t, self.spec, None, with_outcomes=False)
            seen = as_rows(shot).set_index("customer_id")
        return seen.index[_still_customers(seen, self.spec)]


@dataclass(frozen=True)
class _World:
    """What trials are read off by."""

    policy: Policy
    look: _Look
    t: int
    ways: Ways
    cells: MicroSegments
    by: list[str]
    base: Base
    facets: list[np.ndarray]


def _still_customers(seen: pd.DataFrame, spec: SnapshotSpec) -> np.ndarray:
    """(n,) who has not ended all contracts; everyone where there are none."""
    if not spec.contractual or "active" not in seen:
        return np.ones(len(seen), dtype=bool)
    active: np.ndarray = (seen["active"] == 1).to_numpy()
    return active


def _crossable(policy: Policy, seen: pd.DataFrame, notes: list[str]) -> list[str]:
    by = [name for name in policy.by if name in seen]
    absent = [name for name in policy.by if name not in seen]
    if absent:
        notes.append(f"not crossed, since the model does not tell it: {', '.join(absent)}")
    if not by:
        raise BadInput(
            f"policy.by: none of {', '.join(policy.by)} is told by this model; train segments or "
            "value first, or name other columns of its scores"
        )
    return by


def _base(
    policy: Policy, known_ways: Ways, tables: Tables, t: int, seen: pd.DataFrame,
    cells: MicroSegments, by: list[str], lot: Lot,
) -> tuple[Base, list[np.ndarray]]:  # fmt: skip
    """The customers of the plan, and for each facet the (c,) group of every cell."""
    own = cells.of(seen[by])
    names = sorted(set(own))
    place = {name: i for i, name in enumerate(names)}
    reached, today, since = _as_today(policy, known_ways, tables, t, seen.index)
    settled = (t - since) < policy.minimum_stay_days * DAY_US
    held = drawn(seen.index, policy.holdout, lot.date)
    base = Base(
        seen, reached, today, settled & ~held, held, own.map(place).to_numpy(dtype=int), names
    )
    return base, facets_of(names, len(by))


def _as_today(
    policy: Policy, known_ways: Ways, tables: Tables, t: int, customers: pd.Index
) -> tuple[Reach, np.ndarray, np.ndarray]:
    """Whom models reach, (n,) the model of each that does, and since when (microseconds).

    Who is in none that reaches them is on request, since long ago.
    """
    agreed = consented(tables, t, customers, known_ways, policy.consent)
    reached = reach(customers, known_ways, agreed)
    model, since = handled_at(tables, t, customers, known_ways, policy.today)
    able = reached.permitted[np.arange(len(customers)), model]
    return (
        reached, np.where(able, model, known_ways.on_request), np.where(able, since, 0)
    )  # fmt: skip


def _others(policy: Policy, known_ways: Ways, tables: Tables, t: int, outside: pd.Index) -> Others:
    """What those whom the plan is not for use of every limit, going on as today."""
    if outside.empty:
        return Others()
    reached, today, _ = _as_today(policy, known_ways, tables, t, outside)
    uses = [*map(reached.use, range(len(known_ways.capacities))), reached.cost()]
    row, m = np.arange(len(outside)), len(known_ways.names)
    return Others(
        len(outside), np.array([use[row, today].sum() for use in uses]),
        np.bincount(today, minlength=m) > 0,
    )  # fmt: skip


def facets_of(names: list[str], wanted: int) -> list[np.ndarray]:
    """For each facet the group of every cell; merged cells share what they have left."""
    parts = [name.split("/") for name in names]
    told = [[part[j] if j < len(part) else part[-1] for part in parts] for j in range(wanted)]
    return [pd.factorize(pd.Series(labels))[0] for labels in told]


def handled_at(
    tables: Tables, t: int, customers: pd.Index, known_ways: Ways, usual: str | None
) -> tuple[np.ndarray, np.ndarray]:
    """(n,) positions of the models on record at `t`, and since when (microseconds; long ago: 0).

    Who has none on record, or one that the policy does not know, is handled by `usual`, or on
    request where that is None.
    """
    default = known_ways.on_request if usual is None else known_ways.position(usual)
    model, since = np.full(len(customers), default), np.zeros(len(customers), dtype=np.int64)
    if "treatments" not in tables:
        return model, since
    told = on_record(tables, t, list(known_ways.names)).reindex(customers)
    there = told["relationship_model"].notna().to_numpy()
    positions = {name: i for i, name in enumerate(known_ways.names)}
    model[there] = told["relationship_model"][there].map(positions).to_numpy(dtype=int)
    since[there] = told["from_date"][there].to_numpy(dtype=np.int64)
    return model, since


def on_record(tables: Tables, t: int, names: list[str]) -> pd.DataFrame:
    """The relationship model that goes on at `t`, by customer_id, and from when.

    Columns `relationship_model` and `from_date` (microseconds), of the first of the rows in which
    it was given again and again without a break; who has none, or one that is not among `names`,
    has no row.
    """
    rows: pl.LazyFrame = known_at(tables, "treatments", t).to_native()
    dated = "to_date" in tables.columns("treatments")
    end = pl.col("to_date") if dated else pl.lit(None, pl.Int64)
    begins = (
        pl.col("relationship_model").ne_missing(pl.col("relationship_model").shift())
        | (pl.col("from_date") - end.shift() > DAY_US).fill_null(False)
    ).over("customer_id")
    last = (
        rows.sort("customer_id", "from_date")
        .with_columns(first=pl.when(begins).then("from_date"))
        .with_columns(from_date=pl.col("first").forward_fill().over("customer_id"))
        .filter(~(end < t).fill_null(False))
        .unique("customer_id", keep="last", maintain_order=True)
        .filter(pl.col("relationship_model").is_in(names))
        .select("customer_id", "relationship_model", "from_date")
        .collect()
    )
    return pl.DataFrame(last).to_pandas().set_index("customer_id")


def before_of(seen: pd.DataFrame) -> np.ndarray:
    """(n, d) the numbers known of customers, for the regression of outcomes on the past."""
    made: np.ndarray = seen.select_dtypes("number").to_numpy(dtype=float)
    return made


def _before(world: _World, seen: pd.DataFrame, start: int, end: int) -> pd.DataFrame:
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


def _seen_by_model(world: _World, start: int, end: int) -> int:
    """How many training dates of the model had outcomes between `start` and `end`."""
    spec = world.look.spec
    ahead = (spec.horizon_days + spec.gap_days) * DAY_US
    dates = [microseconds(date, "training_dates") for date in
             world.look.bundle.about.get("training_dates", [])]  # fmt: skip
    return sum(date < end and start < date + ahead for date in dates)


def _trial(world: _World, who: Began, notes: list[str]) -> tuple[Trial, np.ndarray] | None:
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


def _cells_of(world: _World, seen: pd.DataFrame) -> np.ndarray:
    """(n,) the cells of customers of another date, -1 of one that nobody of the plan is in."""
    place = {name: i for i, name in enumerate(world.base.cells)}
    return world.cells.of(seen[world.by]).map(place).fillna(NONE).to_numpy(dtype=int)


def _seen_then(world: _World, who: Began, notes: list[str]) -> pd.DataFrame | None:
    """The customers of a wave as they were known when it began; None where that is too little."""
    history, wanted = _days_before(world.look, who.first), world.look.spec.observation_days
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


def _all_tried(world: _World, randomised: Learnt | None) -> bool:
    tried = None if randomised is None else randomised.tried(world.policy.effects.least)
    return tried is not None and bool(tried[: world.ways.on_request].all())


def _campaigns(world: _World, customers: pd.DataFrame, seed: int) -> dict[int, PerContact]:
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


def _learnt(world: _World, seed: int, notes: list[str]) -> Learnt | None:
    """What lots teach, all waves of them together."""
    settings, tables = world.policy.effects, world.look.tables
    waves = began(tables, world.t, world.ways, settings.horizon_days, notes, randomised=True)
    found = [(who, wave) for who in waves if (wave := _trial(world, who, notes)) is not None]
    made = _of_the_same_models(found, notes)
    if sum(len(wave) for wave, _ in made) < 2 * settings.folds:
        return None
    whole, cell = stacked([wave for wave, _ in made]), np.concatenate([cell for _, cell in made])
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


def _observed(
    world: _World, seed: int, notes: list[str]
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


def _earlier(world: _World, who: Began, notes: list[str]) -> pd.DataFrame | None:
    """What was known of customers one window before `who` began; None where history is too short.

    By it the window between is compared, which nothing that began later can have moved.
    """
    then = who.first - who.days * DAY_US
    history, wanted = _days_before(world.look, then), world.look.spec.observation_days
    if history < wanted:
        notes.append(
            "treatments that were not drawn by lot are left aside: nothing tells whether who was "
            f"chosen differed before, with {history} days of history {who.days} days earlier, and "
            f"the model looks back {wanted}"
        )
        return None
    return _before(world, world.look.at(then), then, int(who.rows["began"].max()))
