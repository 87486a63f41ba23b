"""Models and segments whose drivers are known: planted, working together, or none at all."""

import lightgbm
import numpy as np
import pandas as pd
from cores import Figures
from running import settings_of

from facette.drivers.credit import alike
from facette.drivers.licence import knows_something
from facette.drivers.membership import membership_drivers
from facette.drivers.outcome import leading, outcome_drivers
from facette.models.evaluation import spearman
from facette.settings.models import Drivers

CUSTOMERS, COLUMNS = 1000, 12
SHIPPED: Drivers = settings_of("train").drivers
TREES = {"n_estimators": 100, "num_leaves": 7, "learning_rate": 0.1, "min_child_samples": 20,
         "n_jobs": 1, "verbosity": -1, "random_state": 0}  # fmt: skip


def columns(rng: np.random.Generator) -> pd.DataFrame:
    """Twelve columns of customers, the last four in two pairs that say nearly the same."""
    x = rng.normal(size=(CUSTOMERS, COLUMNS))
    x[:, -1] = x[:, -2] + rng.normal(0, 0.2, CUSTOMERS)
    x[:, -3] = x[:, -4] + rng.normal(0, 0.2, CUSTOMERS)
    return pd.DataFrame(x, columns=[f"c{i}" for i in range(COLUMNS)])


def of_a_model(seed: int, planted: bool) -> Figures:
    """Three drivers of an amount are planted, or none; what is told of them, and whether at all."""
    rng = np.random.default_rng(seed)
    train, test = columns(rng), columns(rng)
    chosen = list(rng.choice(COLUMNS, 3, replace=False)) if planted else []
    effect = {f"c{c}": rng.choice([-1, 1]) * rng.uniform(0.5, 1) for c in chosen}

    def outcome(x: pd.DataFrame) -> np.ndarray:
        return sum((w * x[c] for c, w in effect.items()), rng.normal(0, 1, CUSTOMERS))

    y, actual = outcome(train), outcome(test)
    model = lightgbm.LGBMRegressor(**TREES).fit(train, y)
    parts = contributions(model, test)
    refitted = []
    for _ in range(SHIPPED.refits):
        rows = rng.integers(0, CUSTOMERS, CUSTOMERS)
        again = lightgbm.LGBMRegressor(**TREES).fit(train.iloc[rows], y[rows])
        refitted.append(contributions(again, test))
    said, groups = model.predict(test), alike(train, SHIPPED.alike)
    base = float(model.predict(test, pred_contrib=True)[0, -1])
    found = outcome_drivers(parts, said, base, groups, refitted, SHIPPED)
    rank = spearman(actual, said, np.ones(CUSTOMERS))
    told = {c for name in leading(found.credit, 3) for c in found.credit.members[name]}
    licensed = knows_something(rank, CUSTOMERS) >= 0 and found.returning >= SHIPPED.min_returning
    return {
        "found": float(set(effect) <= told), "licensed": float(licensed),
        "error": float(np.abs(found.credit.frame.sum(axis=1) + base - said).max()),
        "error_in_units": float(np.abs(found.units.frame.sum(axis=1) + base - said).max()),
    }  # fmt: skip


def of_segments(seed: int, planted: bool) -> Figures:
    """Segments by two planted columns, or none at all (drawn at random); what is told of them."""
    rng = np.random.default_rng(seed)
    x = columns(rng)
    first, second = (f"c{c}" for c in rng.choice(8, 2, replace=False))
    label = np.where(x[first] > 0.3, "A", np.where(x[second] > 0, "B", "C"))
    if not planted:
        label = rng.permutation(label)
    segment = pd.Series(label, x.index)
    found = membership_drivers(x, segment, alike(x, SHIPPED.alike), SHIPPED, seed)
    licensed = found.fidelity >= SHIPPED.min_fidelity and found.returning >= SHIPPED.min_returning
    lead = {one: next(iter(own)) for one, own in found.leading(1).items()}
    named = lead["A"] == f"+{first}" and {lead["B"][1:], lead["C"][1:]} <= {first, second}
    return {"found": float(named), "licensed": float(licensed)}


def of_an_interaction(seed: int) -> Figures:
    """y = a b: does the sign that a contribution has agree with what really moves the outcome?

    The truth of a customer: a b, split evenly between a and b (they are symmetric), against which
    stand the contributions and the cheap approximation, importance x (x - mean).
    """
    rng = np.random.default_rng(seed)
    x = pd.DataFrame(rng.normal(size=(CUSTOMERS, 4)), columns=list("abcd"))
    y = x["a"] * x["b"]
    model = lightgbm.LGBMRegressor(**TREES | {"num_leaves": 15}).fit(x, y)
    parts = contributions(model, x)
    importance = parts.abs().mean()
    cheap = importance * (x - x.mean()) / x.std()
    truth = y / 2
    return {
        "contributions": float(np.corrcoef(parts["a"], truth)[0, 1]),
        "cheap": float(np.corrcoef(cheap["a"], truth)[0, 1]),
    }


def contributions(model: lightgbm.LGBMRegressor, x: pd.DataFrame) -> pd.DataFrame:
    """(n, p) without the base."""
    return pd.DataFrame(model.predict(x, pred_contrib=True)[:, :-1], x.index, x.columns)
