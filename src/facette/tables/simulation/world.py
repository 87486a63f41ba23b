"""A world: the parameters of one simulated bank, drawn once from what configuration allows."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from facette.settings.data import World

FAMILIES = np.array([(-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0)])  # power, expectation


def drawn(world: World, seed: int) -> World:
    """The world with a number for every parameter; ranges are drawn by the seed.

    Its form has been checked, by `facette.ranges`.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, 0]))
    made = {f.name: _drawn(getattr(world, f.name), rng) for f in fields(world) if f.name != "name"}
    return replace(world, **made)


def _drawn(value: Any, rng: np.random.Generator) -> Any:
    if isinstance(value, list):
        return float(rng.uniform(*value))
    if not isinstance(value, dict):
        return value
    if set(value) == {"one_of"}:
        return value["one_of"][int(rng.integers(len(value["one_of"])))]
    return {key: _drawn(inner, rng) for key, inner in value.items()}


def family_shares(world: World) -> np.ndarray:
    """(4,) shares of the families, the first the largest."""
    weights = np.exp(-world.family_unevenness * np.arange(len(FAMILIES)) / (len(FAMILIES) - 1))
    return weights / weights.sum()


def wish_matrix(world: World, seed: int) -> np.ndarray:
    """(2, 2): what the axes (power, expectation) say of the wish (closeness, initiative).

    A = kappa A0 + sqrt(1 - kappa^2) A_random. A0 is what the field says: who expects much wants
    to be close, who feels strong wants to be left alone.
    """
    known = np.array([(-0.35, 0.55), (-0.55, 0.20)])
    rng = np.random.default_rng(np.random.SeedSequence([seed, 1]))
    other = rng.normal(size=(2, 2))
    other *= np.linalg.norm(known) / np.linalg.norm(other)
    kappa = world.wish_known
    return kappa * known + np.sqrt(max(1 - kappa**2, 0)) * other
