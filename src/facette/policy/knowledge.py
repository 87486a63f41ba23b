"""What is known of each relationship model's effect in each cell, and on what ground.

The best ground there is counts: a randomised trial of the model; else a comparison of who was
handled by it with who was not, adjusted for what was known of them; else an assumption that the
configuration makes. A model of which nothing is known is offered to nobody new.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import narwhals as nw
import numpy as np
import pandas as pd

from facette.expressions import parse
from facette.policy.campaigns import PerContact
from facette.policy.effects import (
    Scored,
    by_customer,
    cell_means,
    drawn_together,
    scored,
)
from facette.policy.grades import ASSUMPTION, OBSERVATIONAL, RANDOMISED, TRANSPORTED
from facette.policy.observational import Comparison
from facette.policy.relationship import Ways
from facette.policy.trial import Trial
from facette.settings.policy import Effects as EffectSettings

LEAST_IN_CELL = 2  # customers of a trial, below which a cell has only what others lend it


@dataclass(frozen=True)
class Learnt:
    """What one trial taught: its customers' cells and scores, and effects (c, m) by cell."""

    trial: Trial
    cell: np.ndarray
    found: Scored
    facets: Sequence[np.ndarray]
    effect: np.ndarray
    se: np.ndarray
    customers: np.ndarray

    def tried(self, least: int) -> np.ndarray:
        """(m,) the models that enough customers had."""
        return self.customers.sum(axis=0) >= least


def learnt(
    trial: Trial, cell: np.ndarray, facets: Sequence[np.ndarray], settings: EffectSettings,
    seed: int,
) -> Learnt:  # fmt: skip
    """Effects by cell of a trial whose customers are in `cell` (n,), -1 for in none of them.

    `facets`: for each, the (c,) group of every cell.
    """
    inside = cell >= 0
    trial, cell = trial.keep(inside), cell[inside]
    found = scored(trial, trial.outcome, settings.folds, seed, settings.tame)
    cells = len(facets[0])
    together = drawn_together(cell_means(found.tamed, cell, cells), facets)
    had = np.zeros((cells, trial.propensity.shape[1]), dtype=int)
    np.add.at(had, (cell, trial.way), 1)
    return Learnt(trial, cell, found, facets, together.effect, together.se, had)


@dataclass(frozen=True)
class Knowledge:
    """Effects (c, m), currency units a customer over the horizon, on one footing, and their ground.

    `se`: standard errors, 0 for an assumption; `grade`: (c, m); `known`: (m,) models of which
    something is; `of_customer`: (b, m) for the customers of the plan one by one, to tell within a
    cell who comes first. `ground`: what taught the effects, None where nothing did.
    """

    effect: np.ndarray
    se: np.ndarray
    grade: np.ndarray
    known: np.ndarray
    of_customer: np.ndarray
    ground: Learnt | None
    comparison: Comparison | None = None
    notes: list[str] = field(default_factory=list)


def knowledge(
    ways: Ways, settings: EffectSettings, randomised: Learnt | None,
    observed: Learnt | None, comparison: Comparison | None, scored_base: pd.DataFrame,
    before: np.ndarray, cell: np.ndarray, cells: int,
    campaigns: Mapping[int, PerContact] = MappingProxyType({}),
) -> Knowledge:  # fmt: skip
    """The best ground for each model; `before` (b, d) and `cell` (b,) are of the plan's customers.

    `campaigns`: by channel, what a contact by it does; a model of which nothing else is known is
    reckoned to do as much with each contact by its first channel. An assumption tells what a model
    brings more than being served on request, so that it stands on what is known of that. Being
    served on request counts as the worst that is known in a cell where nobody was. Effects of who
    was observed stand on their own trial's average.
    """
    m = len(ways.names)
    effect, se = np.zeros((cells, m)), np.zeros((cells, m))
    grade = np.full((cells, m), ASSUMPTION, dtype=object)
    known, of_customer = np.zeros(m, dtype=bool), np.zeros((len(cell), m))
    grounds = [(randomised, RANDOMISED), (observed, OBSERVATIONAL)]
    for ground, name in grounds:
        if ground is None:
            continue
        new = ground.tried(settings.least) & ~known
        effect[:, new], se[:, new] = ground.effect[:, new], ground.se[:, new]
        seen = ground.customers.sum(axis=1) >= LEAST_IN_CELL
        lent = TRANSPORTED if name == RANDOMISED else OBSERVATIONAL
        grade[:, new] = np.where(seen, name, lent)[:, None]
        of_customer[:, new] = by_customer(ground.trial, ground.found, before)[:, new]
        known |= new
    assumed = _assumed(ways, settings, scored_base)
    if not known[ways.on_request]:
        if known.any():
            effect[:, ways.on_request] = effect[:, known].min(axis=1)
            of_customer[:, ways.on_request] = of_customer[:, known].min(axis=1)
        known[ways.on_request] = True
    alone = effect[:, ways.on_request].copy()
    for model in map(int, np.flatnonzero(~known)):
        told = campaigns.get(_first(ways, model))
        if told is None:
            continue
        contacts = ways.contacts[model]
        effect[:, model], se[:, model] = alone + contacts * told.effect, contacts * told.se
        of_customer[:, model] = of_customer[:, ways.on_request] + contacts * told.of_customer
        grade[:, model], known[model] = TRANSPORTED, True
    for model, figures in assumed.items():
        if known[model]:
            continue
        size = np.maximum(np.bincount(cell, minlength=cells), 1)
        own = figures + of_customer[:, ways.on_request]
        of_customer[:, model] = own
        effect[:, model] = (
            np.bincount(cell, figures, minlength=cells) / size + effect[:, ways.on_request]
        )
        known[model] = True
    taught = randomised if randomised is not None else observed
    return Knowledge(effect, se, grade, known, of_customer, taught, comparison)


def _first(ways: Ways, model: int) -> int:
    """The channel that a model prefers."""
    order = ways.order[model]
    return int(np.where(order < 0, len(order), order).argmin())


def _assumed(
    ways: Ways, settings: EffectSettings, scored_base: pd.DataFrame
) -> dict[int, np.ndarray]:
    """By position of a model, what is assumed that it brings each customer of the plan."""
    frame = nw.from_native(scored_base.reset_index(), eager_only=True)
    told = {}
    for name, text in settings.assumed.items():
        expression = parse(text, where=f"policy.effects.assumed.{name}")
        expression.check(frame.columns)
        told_of = frame.with_columns(
            _assumed=expression.to_narwhals(frame.schema)
        )  # a constant too
        figures = told_of["_assumed"].to_numpy()
        told[ways.position(name)] = np.nan_to_num(figures.astype(float))
    return told
