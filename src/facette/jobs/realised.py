"""After the fact: what an earlier plan brought, against those it was held back from.

Who was held out was drawn by lot, so that the difference of net value since then, adjusted for what
was known before, is the effect of having planned at all; who was to stay as they were is in both
groups and weakens it evenly. Who was excluded from the model they were in could not be held out,
and is in neither. Whether the plan was carried out is told beside it.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.stats import norm

from facette.policy.decision import Decision
from facette.policy.effects import scored
from facette.policy.realised import Realised
from facette.policy.trial import Trial, net_between
from facette.registry.plans import EarlierPlan
from facette.settings import Plan
from facette.snapshots.known import known_at
from facette.snapshots.spec import SnapshotSpec
from facette.tables.contract import DAY_US, Tables
from facette.tables.door import microseconds

LEAST_HELD_OUT = 30


def realised(
    earlier: EarlierPlan, decision: Decision, tables: Tables, t: int, settings: Plan
) -> Realised | None:
    """The effect of an earlier plan up to `t`; None where too few were held out."""
    start = microseconds(earlier.reference_date, "reference_date")
    days = int(min((t - start) // DAY_US, earlier.horizon_days))
    assigned = earlier.assigned[earlier.assigned["eligible"]]
    held = assigned["holdout"].to_numpy(dtype=bool)
    if min(held.sum(), (~held).sum()) < LEAST_HELD_OUT:
        return None
    spec = SnapshotSpec.from_dict(decision.planned.about["snapshot"])
    since = assigned.assign(start=start)["start"]
    share = float(held.mean())
    likely = np.tile([share, 1 - share], (len(held), 1))
    before = net_between(tables, t, since, -days, spec)
    trial = Trial(
        assigned.index, (~held).astype(int), likely, net_between(tables, t, since, days, spec),
        before[:, None], before, True, days, start,
    )  # fmt: skip
    folds = decision.planned.policy.effects.folds
    score = scored(trial, trial.outcome, folds, settings.seed).score
    each = score[:, 1] - score[:, 0]
    mean, se = float(each.mean()), float(each.std(ddof=1) / np.sqrt(len(each)))
    half = float(norm.ppf(0.5 + settings.confidence / 2)) * se
    claim = earlier.claimed
    return Realised(
        earlier.reference_date, earlier.run_id, days, len(held), int(held.sum()),
        mean, mean - half, mean + half,
        None if claim is None else claim * days / earlier.horizon_days,
        _carried_out(earlier, decision, tables, t),
    )  # fmt: skip


def _carried_out(earlier: EarlierPlan, decision: Decision, tables: Tables, t: int) -> float:
    """Of who was to be handled otherwise and is on record, still there, who is handled so today."""
    if "treatments" not in tables:
        return float("nan")
    rows: pl.LazyFrame = known_at(tables, "treatments", t).to_native()
    told = pl.DataFrame(rows.select("customer_id").unique().collect())["customer_id"].to_list()
    then = earlier.assigned[~earlier.assigned["holdout"]]
    moved = then[then["relationship_model"] != then["today"]]
    now = decision.assigned["today"].reindex(moved.index[moved.index.isin(told)]).dropna()
    if now.empty:
        return float("nan")
    return float((now == moved["relationship_model"].loc[now.index]).mean())
