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
    Effects,
    Level,
    Scored,
    alike,
    by_customer,
    cell_means,
    drawn_together,
    scored,
)
from facette.policy.grades import ASSUMPTION, OBSERVATIONAL, RANDOMISED, TRANSPORTED
from facette.policy.relationship import Ways
from facette.policy.trial import Trial
from facette.settings.policy import Effects as EffectSettings

LEAST_IN_CELL = 2  # customers of a trial, below which a cell has only what others lend it


@dataclass(frozen=True)
class Learnt:
    """What one trial taught: its customers' cells and scores, and effects by cell.

    `customers`: (c, m) of the trial; `alike`: (m, m) correlations of models' errors.
    """

    trial: Trial
    cell: np.ndarray
    found: Scored
    facets: Sequence[np.ndarray]
    effects: Effects
    customers: np.ndarray
    alike: np.ndarray

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
    return Learnt(trial, cell, found, facets, together, had, alike(found.tamed))


@dataclass(frozen=True)
class Beyond:
    """What one model does beyond being served on request, where the trial does not tell of it.

    `effect`: (c,) currency units a customer over the horizon, `levels` its errors, (g, 1) each,
    none of an assumption; `of_customer`: (b,) for the customers of the plan; `grade`: (c,).
    """

    effect: np.ndarray
    levels: tuple[Level, ...]
    of_customer: np.ndarray
    grade: np.ndarray

    @property
    def se(self) -> np.ndarray:
        """(c,) standard errors, 0 of an assumption."""
        made = np.zeros(len(self.effect))
        for level in self.levels:
            made = np.hypot(made, level.se[level.group, 0])
        return made


@dataclass(frozen=True)
class Knowledge:
    """Effects (c, m), currency units a customer over the horizon, on one footing, and their ground.

    `grade`: (c, m); `known`: (m,) models of which something is; `of_customer`: (b, m) for the
    customers of the plan one by one, to tell within a cell who comes first. `ground`: what taught
    the effects of the models `taught` (m,), None where nothing did; `beyond`: of the others that
    are known. `stand`: (c,) the model that being served on request counts as, itself where it was
    taught.
    """

    effect: np.ndarray
    grade: np.ndarray
    known: np.ndarray
    of_customer: np.ndarray
    ground: Learnt | None
    taught: np.ndarray
    beyond: Mapping[int, Beyond]
    stand: np.ndarray
    notes: list[str] = field(default_factory=list)

    @property
    def above_request(self) -> tuple[np.ndarray, np.ndarray]:
        """(c, m) effects more than being served on request, and their standard errors."""
        row, se = np.arange(len(self.effect)), np.zeros_like(self.effect)
        if self.ground is not None:
            own, like = self.ground.effects.se, self.ground.alike[self.stand]
            alone = own[row, self.stand][:, None]
            variance = own**2 + alone**2 - 2 * like * own * alone
            se[:, self.taught] = np.sqrt(np.maximum(variance, 0.0))[:, self.taught]
            se[row, self.stand] = 0.0
        for model, told in self.beyond.items():
            se[:, model] = told.se
        return self.effect - self.effect[:, [-1]], se

    @property
    def measured(self) -> bool:
        """Whether an error of any effect is known."""
        return self.ground is not None or any(told.levels for told in self.beyond.values())

    def drawn(self, rng: np.random.Generator) -> np.ndarray:
        """(c, m) effects within their errors, as cells and models share them."""
        taught, beyond = np.zeros_like(self.effect), {}
        if self.ground is not None:
            value, vector = np.linalg.eigh(self.ground.alike)
            root = vector * np.sqrt(np.maximum(value, 0.0))
            taught = self.ground.effects.effect.copy()
            for level in self.ground.effects.levels:
                noise = rng.standard_normal(level.se.shape) @ root.T
                taught += (level.se * noise)[level.group]
        for model, told in self.beyond.items():
            beyond[model] = told.effect.copy()
            for level in told.levels:
                noise = level.se * rng.standard_normal(level.se.shape)
                beyond[model] += noise[level.group, 0]
        return on_one_footing(taught, self.taught, beyond, self.stand)


def stand_in(effect: np.ndarray, taught: np.ndarray) -> np.ndarray:
    """(c,) what being served on request, the last model, counts as: itself where it was taught.

    Else the worst of those that were, in each cell; where none was, itself.
    """
    last = effect.shape[1] - 1
    if taught[last] or not taught.any():
        return np.full(len(effect), last)
    worst: np.ndarray = np.where(taught, effect, np.inf).argmin(axis=1)
    return worst


def on_one_footing(
    effect: np.ndarray, taught: np.ndarray, beyond: Mapping[int, np.ndarray], stand: np.ndarray
) -> np.ndarray:
    """Effects (k, m) of all models, by those of the models that were taught.

    Being served on request brings what the model that it counts as, `stand` (k,), does, and others
    bring `beyond` (k,) more than that.
    """
    alone = effect[np.arange(len(effect)), stand]
    made = np.where(taught, effect, 0.0)
    made[:, -1] = alone
    for model, more in beyond.items():
        made[:, model] = alone + more
    return made


def knowledge(
    ways: Ways, settings: EffectSettings, randomised: Learnt | None,
    observed: Learnt | None, scored_base: pd.DataFrame,
    before: np.ndarray, cell: np.ndarray, cells: int,
    campaigns: Mapping[int, PerContact] = MappingProxyType({}),
) -> Knowledge:  # fmt: skip
    """The best ground for each model; `before` (b, d) and `cell` (b,) are of the plan's customers.

    `campaigns`: by channel, what a contact by it does; a model of which nothing else is known is
    reckoned to do as much with each contact by its first channel. An assumption tells what a model
    brings more than being served on request, so that it stands on what is known of that. Being
    served on request counts as the worst that is known in a cell where nobody was. Who was observed
    stands beside a trial by the models that both tell of; where there are none, it is left aside.
    """
    m, notes = len(ways.names), []
    grade = np.full((cells, m), ASSUMPTION, dtype=object)
    taught = np.zeros(m, dtype=bool)
    effect, of_customer = np.zeros((cells, m)), np.zeros((len(cell), m))
    ground, name = (observed, OBSERVATIONAL) if randomised is None else (randomised, RANDOMISED)
    if ground is not None:
        taught = ground.tried(settings.least)
        effect = ground.effects.effect
        of_customer = by_customer(ground.trial, ground.found, before)
        own = TRANSPORTED if name == RANDOMISED else OBSERVATIONAL
        seen = ground.customers >= LEAST_IN_CELL
        grade[:, taught] = np.where(seen, name, own)[:, taught]
    beyond: dict[int, Beyond] = {}
    if randomised is not None and observed is not None:
        beyond, told = _beside(randomised, observed, settings.least, before)
        notes += told
    stand, stand_of = stand_in(effect, taught), stand_in(of_customer, taught)
    for model, contact in _by_contacts(ways, campaigns, taught, beyond).items():
        beyond[model] = contact
    for model, figures in _assumed(ways, settings, scored_base).items():
        if not taught[model] and model not in beyond:
            size = np.maximum(np.bincount(cell, minlength=cells), 1)
            mean = np.bincount(cell, figures, minlength=cells) / size
            beyond[model] = Beyond(mean, (), figures, grade[:, model])
    known = taught.copy()
    known[[*beyond, ways.on_request]] = True
    for model, own_ground in beyond.items():
        grade[:, model] = own_ground.grade
    return Knowledge(
        on_one_footing(effect, taught, {m: b.effect for m, b in beyond.items()}, stand),
        grade, known,
        on_one_footing(of_customer, taught, {m: b.of_customer for m, b in beyond.items()},
                       stand_of),
        ground, taught, beyond, stand, notes,
    )  # fmt: skip


def _beside(
    randomised: Learnt, observed: Learnt, least: int, before: np.ndarray
) -> tuple[dict[int, Beyond], list[str]]:
    """Models that only those observed tell of, on the footing of the trial.

    What they do is told against their own average: what both tell of, by its precision, says how
    far that is from the trial's.
    """
    both = randomised.tried(least) & observed.tried(least)
    new = np.flatnonzero(observed.tried(least) & ~randomised.tried(least))
    if not len(new):
        return {}, []
    if not both.any():
        return {}, ["treatments that were not drawn by lot are left aside: no model among them was "
                    "tried by lot too, to compare them by"]  # fmt: skip
    drawn, seen = randomised.effects, observed.effects
    weight = 1 / (drawn.se[:, both] ** 2 + seen.se[:, both] ** 2)
    apart = seen.effect[:, both] - drawn.effect[:, both]
    shift = float((weight * apart).sum() / weight.sum())
    taught = randomised.tried(least)
    row = np.arange(len(drawn.effect))
    alone = drawn.effect[row, stand_in(drawn.effect, taught)]
    of_drawn = by_customer(randomised.trial, randomised.found, before)
    alone_of = of_drawn[np.arange(len(before)), stand_in(of_drawn, taught)]
    of_seen = by_customer(observed.trial, observed.found, before)
    shared = Level(np.zeros(len(row), dtype=int), np.array([[1 / np.sqrt(weight.sum())]]))
    return {
        int(model): Beyond(
            seen.effect[:, model] - shift - alone,
            (*(Level(one.group, one.se[:, [model]]) for one in seen.levels), shared),
            of_seen[:, model] - shift - alone_of,
            np.full(len(row), OBSERVATIONAL, dtype=object),
        )
        for model in new
    }, []  # fmt: skip


def _by_contacts(
    ways: Ways, campaigns: Mapping[int, PerContact], taught: np.ndarray,
    beyond: Mapping[int, Beyond],
) -> dict[int, Beyond]:  # fmt: skip
    """Models of which nothing else is known, by what a contact by their first channel does."""
    made = {}
    for model in range(ways.on_request):
        told = campaigns.get(_first(ways, model))
        if told is None or taught[model] or model in beyond:
            continue
        times = float(ways.contacts[model])
        made[model] = Beyond(
            times * told.effects.effect[:, 0],
            tuple(Level(one.group, times * one.se) for one in told.effects.levels),
            times * told.of_customer,
            np.full(len(told.effects.effect), TRANSPORTED, dtype=object),
        )
    return made


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
