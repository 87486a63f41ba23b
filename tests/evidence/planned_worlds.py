"""Simulated banks planned for, policy by policy, and held against what each would truly bring.

Every policy sees the same tables: the pilot, consents, budget, capacities. What it brings is told
by the truth afterwards: margins of the next year if customers were handled so, less the contacts as
planned, switching and fixed costs.
"""

import hashlib
import json
import os
from contextlib import chdir
from copy import copy
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from cores import Figures

ETAS, KAPPAS, SEEDS = (0.0, 0.25, 0.5, 1.0), (1.0, 0.0, -1.0), (301, 302, 303, 304, 305)
CLAIM_SEEDS = (*SEEDS, *range(311, 341))  # a world each: those of one seed share their chances
CUSTOMERS, PILOT, ROLLOUTS = 30_000, 0.3, 4
BUDGETS = {"ample": 0.1, "tight": 0.01}  # of what contacts cost today
CLUSTERS = 60  # of customers alike in what is foretold, or true, of them
ALL = ("behaviour_segment", "value_tier", "potential_tier")
POLICIES = {"value_potential": ALL[1:], "behaviour": ALL[:1], "crossed": ALL}


def planned_world(seed: int, eta: float, kappa: float) -> dict[str, list[Figures]]:
    """`rows`, one for each budget, policy and assigner: what it brings a customer over today.

    Kept in the folder that FACETTE_KEPT names, if any, so that a long run can be taken up again.
    """
    kept = os.environ.get("FACETTE_KEPT")
    file = Path(kept or "", f"{seed}-{eta:g}-{kappa:g}-{_code()}.json")
    if kept and file.is_file():
        return {"rows": json.loads(file.read_text())}
    with TemporaryDirectory() as folder, chdir(folder):
        own = {"seed": seed, "eta": eta, "kappa": kappa}
        world = World(seed, eta, kappa)
        rows = [
            {**own, "budget": name, **row}
            for name, share in BUDGETS.items()
            for row in (
                world.within(share).rows() if name == "ample" else world.within(share).crossings()
            )
        ]
    if kept:
        file.write_text(json.dumps(rows))
    return {"rows": rows}


def _code() -> str:
    """A digest of what plans and of this file: rows of other code are not taken up again."""
    import facette.policy

    files = [*sorted(Path(facette.policy.__path__[0]).glob("*.py")), Path(__file__)]
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()[:12]


def claimed_world(seed: int) -> Figures:
    """What a plan claims and brings in a world of its own, eta and kappa taken in turn."""
    kept = os.environ.get("FACETTE_KEPT")
    file = Path(kept or "", f"claim-{seed}-{_code()}.json")
    if kept and file.is_file():
        told: Figures = json.loads(file.read_text())
        return told
    eta, kappa = ETAS[seed % len(ETAS)], KAPPAS[seed % len(KAPPAS)]
    with TemporaryDirectory() as folder, chdir(folder):
        world = World(seed, eta, kappa).within(BUDGETS["ample"])
        row = {"seed": seed, "eta": eta, "kappa": kappa, **world.claimed()}
    if kept:
        file.write_text(json.dumps(row))
    return row


class World:
    """One bank, its customers at the end of observation, and what is true of them."""

    def __init__(self, seed: int, eta: float, kappa: float) -> None:
        from running import settings_of

        from facette.jobs.planning import planned
        from facette.snapshots.panel import panel
        from facette.tables.bank import folder_of
        from facette.tables.door import read

        self.settings = settings_of(
            "train", "experiment=bank_truth", f"data.seed={seed}",
            f"data.customers={CUSTOMERS}", f"data.world.mismatch_strength={eta}",
            f"data.world.wish_known={kappa}", f"data.world.pilot_share={PILOT}",
            "snapshot.max_reference_dates=2", "segments.behaviour.k=4",
            "segments.behaviour.resamples=2", "segments.behaviour.null_draws=2",
            "model.potential.estimator.n_jobs=1", "policy.holdout=0", "policy.minimum_stay_days=0",
            "progress=false",
        )  # fmt: skip
        self.tables = read(self.settings.data)
        self.folder = folder_of(self.settings.data)
        self.panel = panel(
            self.tables, self.settings.snapshot, self.settings.model.churn, self.settings.data
        )
        self.policy = self.settings.policy
        self.bundle = self._learnt()
        # what this free plan claims, and who was there a year ago, is not asked for
        with patch.multiple(
            "facette.jobs.planning", claimed=lambda *_: None, _those_before=lambda *_: None
        ):
            free = planned(
                self.policy, self.bundle, self.tables, self.tables.observed_until, None,
                self.settings.seed, 0.95,
            )  # fmt: skip
        self.base, self.known, self.learnt = free.plan.base, free.known, free.known.ground
        self.ways, self.seen = free.ways, free.seen
        self.today = free.plan.use.set_index("resource")["today"]
        self._true()

    def within(self, budget: float) -> "World":
        """The world where contacts may cost this share of today's, and capacities are today's."""
        world = copy(self)
        world.policy = replace(
            self.policy, budget=budget * self.today["budget"],
            capacity={name: float(self.today[name]) / 12 for name in self.ways.capacities},
        )  # fmt: skip
        return world

    def _learnt(self) -> Any:
        """Segments and potential, learnt before the pilot's year is over, as one package."""
        from hydra.utils import instantiate

        from facette.models.facets import learn_potential
        from facette.registry.packaging import packaged
        from facette.segments.behaviour import learn_behaviour
        from facette.snapshots.catalogue import catalogue

        chosen = self.settings.segments.behaviour
        behaviour = learn_behaviour(
            self.panel.training[-1].features, catalogue(self.panel.spec), chosen,
            instantiate(chosen.estimator, _convert_="all"), self.settings.seed,
        )  # fmt: skip
        model = self.settings.model.potential
        estimator = instantiate(model.estimator, _convert_="all")
        potential = learn_potential(self.panel, model, estimator, self.settings.seed)
        bundle, _ = packaged(
            self.settings, self.panel, {"potential": potential}, behaviour, Path("bundle")
        )
        return bundle

    def _true(self) -> None:
        """(n, m) margins and satisfaction of a year in each model; the last column is today's."""
        from facette.jobs.planning import handled_at
        from facette.tables.simulation.truth import expected_outcome

        models = list(self.policy.models.values())
        _live_once()
        told = [
            expected_outcome(
                self.folder, None, m.approach.value, m.channels[0], m.contacts_a_month,
                rollouts=ROLLOUTS,
            ).reindex(self.seen.index)
            for m in models
        ]  # fmt: skip
        on_record, _ = handled_at(
            self.tables, self.tables.observed_until, self.seen.index, self.ways, None
        )
        self.there = told[0]["margin"].notna().to_numpy()
        # on request: the model on record in name, no contact being made
        named = [models[min(k, len(models) - 1)] for k in on_record[self.there]]
        alone = expected_outcome(
            self.folder, list(self.seen.index[self.there]), [m.approach.value for m in named],
            [m.channels[0] for m in named], [m.contacts_a_month for m in named],
            rollouts=ROLLOUTS, contacted=False,
        )  # fmt: skip
        told.append(alone.reindex(self.seen.index))
        self.margin = np.column_stack([t["margin"] for t in told])
        self.satisfaction = np.column_stack([t["satisfaction"] for t in told])
        self.cost = self.base.reach.cost()

    def crossings(self) -> list[Figures]:
        """What crossing brings, and what the product claims, alone."""
        rows = [
            self._by_cells(name, assigner, POLICIES[name])
            for assigner in ("rules", "programme")
            for name in ("value_potential", "crossed")
        ]
        return [*rows, self.claimed()]

    def rows(self) -> list[Figures]:
        rows = [self._row("today", "none", self.base.today)]
        rows.append(self._row("random", "none", self._random()))
        for assigner in ("rules", "programme"):
            rows += [
                self._by_cells("one_for_all", assigner, (), most=1),
                *(self._by_cells(name, assigner, by) for name, by in POLICIES.items()),
                self._by_figures("uplift", assigner, self.known.of_customer),
                self._by_cells("tables_oracle", assigner, ALL, true=True),
                self._by_figures("oracle", assigner, np.nan_to_num(self.margin)),
            ]
        rows.append(self._row("hand_rules", "rules", self._by_hand()))
        return [*rows, self.claimed()]

    def claimed(self) -> Figures:
        """What the product plans within these limits, and what it claims that this brings."""
        from facette.policy.claim import claimed
        from facette.policy.plan import plan
        from facette.policy.relationship import ways

        base = replace(self.base, reach=replace(self.base.reach, ways=ways(self.policy)))
        made = plan(self.policy, base, self.known)
        told = claimed(made, self.known, self.policy.switching_cost, 0.95)
        n = len(self.seen)
        return {
            **self._row("claimed", "programme", made.model), "claim": told.net / n,
            "claim_low": told.low / n, "claim_high": told.high / n,
            "binding": len(made.allocation.price),
        }  # fmt: skip

    def _row(self, policy: str, assigner: str, model: np.ndarray) -> Figures:
        from facette.policy.plan import in_use

        row, here = np.arange(len(model)), self.there
        today = self.base.today
        gain = self.margin[row, model] - self.margin[row, today]
        costs = self.cost[row, model] - self.cost[row, today]
        costs = costs + self.policy.switching_cost * (model != today)
        used, before = np.bincount(model, minlength=7) > 0, in_use(self.base)
        fixed = self.ways.yearly + np.where(before, 0.0, self.ways.set_up)
        fixed = float(fixed[used].sum() - self.ways.yearly[before].sum())
        happier = self.satisfaction[row, model] - self.satisfaction[row, today]
        n = int(here.sum())
        return {
            "policy": policy, "assigner": assigner, "customers": n,
            "effect": float(gain[here].mean()),
            "net": float((gain - costs)[here].sum() - fixed) / n,
            "satisfaction": float(happier[here].mean()),
            "models": int(used[:6].sum()), "changed": float((model != today)[here].mean()),
            "over": float(max(self._use(model) - self._limits())),
        }  # fmt: skip

    def _use(self, model: np.ndarray) -> np.ndarray:
        return np.array([use[np.arange(len(model)), model].sum() for use in self._uses()])

    def _limits(self) -> np.ndarray:
        from facette.policy.relationship import ways

        return np.append(ways(self.policy).most, self.policy.budget)

    def _classes(self, effect: np.ndarray, cell: np.ndarray) -> tuple[np.ndarray, Any]:
        """Classes of customers of like effects (cells, m), offered what they consent to."""
        from facette.policy.plan import classes_of, gains
        from facette.policy.relationship import ways

        base = replace(self.base, cell=cell, cells=[str(c) for c in range(len(effect))])
        offered = base.reach.permitted
        wanted = gains(base, effect, self.policy.switching_cost)
        limited = replace(base, reach=replace(base.reach, ways=ways(self.policy)))
        return classes_of(self.policy, limited, offered, wanted, np.stack(self._uses()))

    def _assigned(
        self, assigner: str, effect: np.ndarray, cell: np.ndarray, score: np.ndarray, most: int
    ) -> np.ndarray:
        from itertools import combinations

        from compiled_rules import by_rules

        from facette.policy.allocation import best, given, rounded

        member, classes = self._classes(effect, cell)
        sets = [s for k in range(most + 1) for s in combinations(range(6), k)]
        if assigner == "programme":
            plans = [best(classes, s) for s in (sets if most < 6 else [None])]
            whole = rounded(classes, max(plans, key=lambda plan: plan.net).share)
        else:
            whole = max((by_rules(classes, s) for s in sets), key=lambda w: _net(classes, w))
        permitted = self.base.reach.permitted
        return given(whole, member, np.where(permitted, score - self.cost, -np.inf))

    def _by_cells(
        self, name: str, assigner: str, by: tuple[str, ...], most: int = 6, true: bool = False
    ) -> Figures:
        cell, effect = self._crossed(by)
        if true:
            effect = self._true_means(cell, len(effect))
        score = self.known.of_customer
        return self._row(name, assigner, self._assigned(assigner, effect, cell, score, most))

    def _crossed(self, by: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
        """The cell of each customer by these facets, and effects as the product learns them."""
        from facette.jobs.planning import facets_of
        from facette.policy.effects import cell_means, crossed_by, drawn_together

        # cells of the whole crossing, told apart by some of its facets alone
        groups = [facets_of(self.base.cells, len(ALL))[ALL.index(name)] for name in by]
        code, facets = crossed_by(groups, len(self.base.cells))
        means = cell_means(self.learnt.found.tamed, code[self.learnt.cell], int(code.max()) + 1)
        return code[self.base.cell], drawn_together(means, facets).effect

    def _true_means(self, cell: np.ndarray, cells: int) -> np.ndarray:
        """The mean true margin of each cell in each model, among those it reaches."""
        able = self.base.reach.permitted & self.there[:, None]
        told = np.where(able, np.nan_to_num(self.margin), 0.0)
        level = np.nan_to_num(self.margin).mean(axis=1, keepdims=True)
        told = np.where(able, told - level, 0.0)
        return np.column_stack([
            np.bincount(cell, told[:, m], minlength=cells)
            / np.maximum(np.bincount(cell, able[:, m], minlength=cells), 1)
            for m in range(told.shape[1])
        ])  # fmt: skip

    def _by_figures(self, name: str, assigner: str, figures: np.ndarray) -> Figures:
        """By what is foretold, or true, of each customer: those alike are one class."""
        from sklearn.cluster import MiniBatchKMeans

        apart = figures - figures.mean(axis=1, keepdims=True)
        bound = np.quantile(np.abs(apart), 0.99)
        cell = MiniBatchKMeans(CLUSTERS, random_state=7, n_init=1).fit_predict(
            np.clip(apart, -bound, bound)
        )
        size = np.maximum(np.bincount(cell, minlength=CLUSTERS), 1)
        effect = np.column_stack(
            [np.bincount(cell, column, minlength=CLUSTERS) / size for column in apart.T]
        )
        model = self._assigned(assigner, effect, cell, apart, 6)
        return self._row(name, assigner, model)

    def _random(self) -> np.ndarray:
        """Any model a customer consents to, as long as everything lasts."""
        rng = np.random.default_rng(7)
        permitted, limits = self.base.reach.permitted, self._limits()
        wish = np.where(permitted[:, :6], rng.random((len(permitted), 6)), -1)
        model = np.where(permitted[:, :6].any(axis=1), wish.argmax(axis=1), 6)
        order = rng.permutation(len(model))
        for use, limit in zip(self._uses(), limits, strict=True):
            own = use[order, model[order]]
            late = order[(own.cumsum() > limit) & (own > 0)]
            model[late] = 6
        return model

    def _by_hand(self) -> np.ndarray:
        """What the field says suits whom: who manages alone is left alone, who asks is answered."""
        seen, permitted = self.seen, self.base.reach.permitted
        alone = (seen["remote_share"] > seen["remote_share"].median()).to_numpy()
        asks = (seen["request_share"] > seen["request_share"].median()).to_numpy()
        names = np.where(
            alone & ~asks, "quiet_mail", np.where(alone, "phone_desk", "app_companion")
        )
        wanted = np.array([self.ways.position(name) for name in names])
        row, order = np.arange(len(wanted)), np.argsort(-seen["value_current"].to_numpy())
        wanted = np.where(permitted[row, wanted], wanted, self._cheapest(permitted))
        for use, limit in zip(self._uses(), self._limits(), strict=True):
            own = use[order, wanted[order]]
            wanted[order[(own.cumsum() > limit) & (own > 0)]] = self.ways.on_request
        return wanted

    def _cheapest(self, permitted: np.ndarray) -> np.ndarray:
        """Who can't be handled as wished gets an e-mail, else the app, else is left alone."""
        email, app = self.ways.position("email_programme"), self.ways.position("app_companion")
        return np.where(permitted[:, email], email, np.where(permitted[:, app], app, 6))

    def _uses(self) -> list[np.ndarray]:
        reach = self.base.reach
        return [*(reach.use(r) for r in range(len(self.ways.capacities))), self.cost]


def _live_once() -> None:
    """Past months are lived once for all futures that are asked for, not for each."""
    from facette.tables.simulation import bank, truth

    kept: dict[tuple[int, int], Any] = {}

    def state_before(made: Any, who: Any, chance: Any, month: int) -> Any:
        key = (chance.block, month)
        if key not in kept:
            kept[key] = bank.state_before(made, who, chance, month)
        return kept[key]

    truth.state_before = state_before


def _net(classes: Any, whole: np.ndarray) -> float:
    gain = np.where(np.isfinite(classes.gain), classes.gain, 0.0)
    used = whole.sum(axis=0) > 0
    return float((gain * whole).sum() - classes.fixed[used].sum())


def gains_over(
    rows: pd.DataFrame, first: str, second: str, assigner: str, budget: str
) -> pd.Series:
    """By world, what one policy brings more than another under the same assigner."""
    own = rows[(rows["assigner"] == assigner) & (rows["budget"] == budget)]
    net = own.pivot_table(index=["eta", "kappa", "seed"], columns="policy", values="net")
    return net[first] - net[second]
