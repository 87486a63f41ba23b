"""What a plan is made from, read off the tables: customers, their rights, how they are handled."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from facette.errors import BadInput
from facette.jobs.looking import Look, days_before, still_customers
from facette.jobs.teaching import (
    World,
    all_tried,
    before_of,
    from_campaigns,
    from_choices,
    from_lots,
)
from facette.policy.claim import claimed
from facette.policy.decision import Before, Planned
from facette.policy.knowledge import knowledge
from facette.policy.plan import Base, Others, plan
from facette.policy.power import Lot, drawn
from facette.policy.reach import Reach, reach
from facette.policy.relationship import Ways, ways
from facette.policy.rights import consented
from facette.registry.customer_model import Bundle
from facette.segments.crossing import MicroSegments, micro_segments
from facette.settings.policy import Policy
from facette.snapshots.instants import as_date
from facette.snapshots.known import known_at
from facette.snapshots.protected import for_scoring
from facette.snapshots.spec import SnapshotSpec
from facette.tables.contract import DAY_US, Tables


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
    look = plans = Look(bundle, tables, spec, perimeter, {} if seen is None else seen)
    known_then = look.at(t)
    still = still_customers(known_then, spec)
    here = still if among is None else still & known_then.index.isin(among)
    if not here.any():
        raise BadInput(f"reference_date: nobody at {as_date(t)} is a customer any more")
    customers = known_then[here]
    by = _crossable(policy, customers, notes)
    if "consents" not in tables:
        silence = "consent, to be cleared before use" if policy.consent.without_table else "none"
        notes.append(f"no table consents: everyone's silence counts as {silence}")
    if (until := max((end for _, end in look.learnt_from), default=t)) > t:
        notes.append(
            f"the model learnt from outcomes up to {as_date(until)}: what it foretells at "
            f"{as_date(t)} knows of what came, and an honest plan of that date would not"
        )
    cells = micro_segments(customers[by], policy.floor)
    lot = lot or Lot(as_date(t), as_date(t + policy.horizon_days * DAY_US))
    base, facets = _base(policy, known_ways, tables, t, customers, cells, by, lot)
    everyone = look.customers(t)
    outside = everyone[~everyone.isin(customers.index)]
    base = replace(base, others=_others(policy, known_ways, tables, t, outside))
    own = bundle.about["perimeter"]  # that of the plan may be narrower, and a trial is of all
    if own != perimeter:
        look = Look(bundle, tables, spec_for(bundle, tables, own), own, {})
    world = World(policy, look, t, known_ways, cells, by, base, facets)
    randomised = from_lots(world, seed, notes)
    observed, comparison = None, None
    if policy.effects.observational and not all_tried(world, randomised):
        observed, comparison = from_choices(world, seed, notes)
    campaigns = {} if all_tried(world, randomised) else from_campaigns(world, customers, seed)
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


def _those_before(look: Look, then: int, own: pd.Index, everyone: pd.Index) -> Before | None:
    """The customers of an earlier date, as far as they are of the plan or have left since.

    `own`: customers of the plan; `everyone`: all who are still customers. None where history is
    short.
    """
    if days_before(look, then) < look.spec.observation_days:
        return None
    seen = look.at(then)
    seen = seen[still_customers(seen, look.spec)]
    seen = seen[seen.index.isin(own) | ~seen.index.isin(everyone)]
    there = look.customers(then)
    return Before(as_date(then), seen, there[there.isin(own) & ~there.isin(seen.index)])


def _about(bundle: Bundle) -> dict[str, Any]:
    """What the package says of itself, and what it calls its behaviour segments."""
    told = bundle.segmentations
    behaviour = None if told is None else told.behaviour
    return {**bundle.about, "segment_names": {} if behaviour is None else behaviour.names}


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
