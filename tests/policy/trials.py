"""Trials drawn from a seed: how customers are handled, what that does, and what hides it."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from contact_world import shipped_policy

from facette.policy.grades import RANDOMISED
from facette.policy.knowledge import Beyond, Knowledge
from facette.policy.plan import Base
from facette.policy.reach import Reach
from facette.policy.relationship import ways
from facette.policy.trial import Trial
from facette.settings.policy import Policy, PolicyChannel

NOISE = 100.0


def drawn_trial(
    seed: int, n: int, effect: np.ndarray, *, level: np.ndarray | float = 0.0,
    reach: float = 1.0, confounded: float = 0.0, open_level: float = 0.0,
    lot_of_request: bool = True,
) -> Trial:  # fmt: skip
    """n customers handled by lot in m ways; `effect` (n, m) or (m,) is what each way does.

    Two figures are known of customers; the first moves the outcome, and, by `confounded`, how they
    are handled. `level` moves the outcome unseen. A share `reach` can be reached by each model, and
    those that the first can reach have `open_level` more. The last model is on request: of those
    whose lot it is, or a model that can't reach them; without `lot_of_request` of these alone.
    """
    rng = np.random.default_rng(seed)
    m = effect.shape[-1]
    x, row = rng.normal(0, 1, (n, 2)), np.arange(n)
    able = rng.random((n, m)) < reach
    able[:, -1] = True
    likely = np.exp(confounded * x[:, [0]] * np.arange(m))
    likely[:, -1] *= lot_of_request
    likely /= likely.sum(axis=1, keepdims=True)
    given = (likely.cumsum(axis=1) < rng.random(n)[:, None]).sum(axis=1)
    way = np.where(able[row, given], given, m - 1)
    likely[:, -1] += np.where(able, 0.0, likely).sum(axis=1)
    usual = 50 * x[:, 0] + level + open_level * able[:, 0]
    own = np.broadcast_to(effect, (n, m))[row, way]
    return Trial(
        pd.Index([f"c{i}" for i in range(n)], name="customer_id"), way,
        np.where(able, likely, 0.0), usual + own + rng.normal(0, NOISE, n), x,
        usual + rng.normal(0, NOISE, n), True, 364, 0,
    )  # fmt: skip


def simple_policy(costs: Sequence[float], **changed: Any) -> Policy:
    """Models m0, m1, … once a month, each by a channel of its own that costs so much."""
    policy = shipped_policy()
    channels = {f"k{i}": PolicyChannel(cost, cost, None, {}) for i, cost in enumerate(costs)}
    models = {}
    for i in range(len(costs)):
        model = shipped_policy().models["quiet_mail"]
        model.channels, model.contacts_a_month, model.reaction_hours = [f"k{i}"], 1.0, float(i)
        model.set_up_cost = model.yearly_cost = 0.0
        models[f"m{i}"] = model
    policy.pressure.caps = []
    own = {"capacity": {}, "switching_cost": 0.0, "hours_a_person": {}, "channels": channels}
    for name, value in {**own, "models": models, **changed}.items():
        setattr(policy, name, value)
    return policy


def known_to_be(
    effect: np.ndarray, of_customer: np.ndarray, *, grade: np.ndarray | None = None,
    known: np.ndarray | None = None, beyond: Mapping[int, Beyond] = MappingProxyType({}),
) -> Knowledge:  # fmt: skip
    """Effects (c, m) and (b, m) that nobody learnt, of every model unless told otherwise."""
    c, m = effect.shape
    return Knowledge(
        effect, np.full((c, m), RANDOMISED, dtype=object) if grade is None else grade,
        np.ones(m, dtype=bool) if known is None else known, of_customer, None,
        np.zeros(m, dtype=bool), beyond, np.full(c, m - 1),
    )  # fmt: skip


def base_of(
    policy: Policy, n: int, cells: int = 1, seed: int = 0, reach: float = 1.0, **changed: Any
) -> Base:
    """n customers in cells by turns, everyone on request today unless told otherwise."""
    able, rng = ways(policy), np.random.default_rng(seed)
    people = pd.Index([f"c{i:04d}" for i in range(n)], name="customer_id")
    m = len(able.names)
    channel = np.array([row.argmax() if row.max() >= 0 else -1 for row in able.order])
    reached = np.where(rng.random((n, m)) < reach, channel, -1)
    scored = pd.DataFrame({"age": np.arange(n) % 90, "value": np.arange(n) / n}, index=people)
    nobody = np.zeros(n, dtype=bool)
    plain = {
        "scored": scored, "reach": Reach(people, able, reached), "today": np.full(n, m - 1),
        "settled": nobody, "held_out": nobody, "cell": np.arange(n) % cells,
        "cells": [f"cell{c}" for c in range(cells)],
    }  # fmt: skip
    return Base(**(plain | changed))
