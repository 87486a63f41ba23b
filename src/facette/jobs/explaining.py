"""The drivers of each model, from the packaged model's own contributions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from facette.drivers.change import farthest, moved
from facette.drivers.credit import alike
from facette.drivers.interactions import interaction_values, strongest
from facette.drivers.outcome import Outcome, leading, outcome_drivers
from facette.models.facets import Learned
from facette.models.validation import seen_by_models
from facette.registry.customer_model import Bundle, boosters_of
from facette.registry.packaging import as_rows
from facette.settings.models import Drivers
from facette.snapshots.panel import Panel

PAIRS_AMONG = 10  # features with the largest contributions, of which every two are tried
PAIRS_SAMPLE = 300  # customers on whom pairs are measured


def explained(
    bundle: Bundle, learnt: dict[str, Learned], panel: Panel, settings: Drivers, seed: int
) -> dict[str, Outcome]:
    """The drivers of each part whose model has an additive explanation, at the test date.

    On `settings.sample` customers at most, drawn at random from those its outcome is defined for.
    """
    found, rows = {}, as_rows(panel.test)
    for part, own in learnt.items():
        defined = rows[bundle.facets[part].defined(rows)]
        drawn = defined.sample(min(len(defined), settings.sample), random_state=seed).sort_index()
        try:
            whole = bundle.contributions(part, drawn)
        except ValueError:  # the estimator has no additive explanation
            continue
        found[part] = _explained(bundle, part, own, panel, drawn, whole, settings, seed)
    return found


def _explained(
    bundle: Bundle, part: str, learnt: Learned, panel: Panel, rows: pd.DataFrame,
    whole: np.ndarray, settings: Drivers, seed: int,
) -> Outcome:  # fmt: skip
    facet, customers = bundle.facets[part], rows["customer_id"]
    seen = seen_by_models(panel.test).loc[customers]
    base = float((facet.answer(whole[:1, -1]) * facet.seasonal(rows[:1]))[0])
    outcome = outcome_drivers(
        pd.DataFrame(whole[:, :-1], customers, facet.features), facet.predict(rows), base,
        alike(seen, settings.alike), _refitted(learnt, seen, settings, seed), settings,
    )  # fmt: skip
    return replace(
        outcome,
        pairs=_pairs(bundle, part, outcome, rows, settings.interactions, seed),
        movers=_movers(bundle, part, outcome, panel, settings.movers),
    )


def _refitted(
    learnt: Learned, seen: pd.DataFrame, settings: Drivers, seed: int
) -> Iterator[pd.DataFrame]:
    """Contributions for the customers `seen` of models fitted on customers drawn anew."""
    if learnt.refit is None:
        return
    generator = np.random.default_rng(seed)
    for _ in range(settings.refits):
        yield learnt.refit(generator, settings.sample).contributions(seen)


def _pairs(
    bundle: Bundle, part: str, outcome: Outcome, rows: pd.DataFrame, top: int, seed: int
) -> pd.DataFrame:
    facet = bundle.facets[part]
    boosters = boosters_of(facet.score)
    if not boosters or not top:
        return outcome.pairs
    names = list(leading(outcome.credit, PAIRS_AMONG))
    x = facet.matrix(rows.sample(min(len(rows), PAIRS_SAMPLE), random_state=seed))
    places = [facet.features.index(name) for name in names]
    values = [weight * interaction_values(booster, x, places) for weight, booster in boosters]
    return strongest(np.sum(values, axis=0), names, top)


def _movers(
    bundle: Bundle, part: str, outcome: Outcome, panel: Panel, most: int
) -> pd.DataFrame | None:
    """The customers whose answer, in a usual season, moved farthest since the date before."""
    if not panel.dated or not most:
        return None
    facet = bundle.facets[part]
    then, now = (as_rows(s).set_index("customer_id", drop=False) for s in panel.snapshots[-2:])
    said = pd.DataFrame(
        {
            when: pd.Series(facet.usual(r), r.index).where(facet.defined(r))
            for when, r in (("before", then), ("after", now))
        }
    )
    chosen = farthest(said, most)
    if not chosen:
        return None
    before, after = (
        pd.DataFrame(facet.contributions(r.loc[chosen])[:, :-1], chosen, facet.features)
        for r in (then, now)
    )
    return moved(before, after, said.loc[chosen], outcome.credit.members)
