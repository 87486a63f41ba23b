"""Hillstrom's e-mail trial (2008) as the policy sees a trial: men's, women's, no e-mail."""

from pathlib import Path

import numpy as np
import pandas as pd
from cores import Figures

ARMS = ("Mens E-Mail", "Womens E-Mail", "No E-Mail")
FACETS = ("history_segment", "newbie", "channel", "zip_code", "mens")
OUTCOMES = ("visit", "spend")
EFFECTS = {"visit": (0.0766, 0.0452, 0.0), "spend": (0.770, 0.424, 0.0)}
Z = 1.959964


def customers_of(path: str) -> pd.DataFrame:
    """The customers of the trial, 64,000 rows."""
    return pd.read_parquet(Path(path))


def before_of(frame: pd.DataFrame) -> np.ndarray:
    """(n, d) what was known of the customers before any e-mail."""
    texts = pd.get_dummies(frame[["zip_code", "channel"]], dtype=float)
    numbers = frame[["recency", "history", "mens", "womens", "newbie"]]
    return np.column_stack([numbers.to_numpy(dtype=float), texts.to_numpy()])


def trial_of(
    frame: pd.DataFrame, way: np.ndarray, outcome: np.ndarray, share: np.ndarray
) -> object:
    """A trial of these customers, each arm given with a probability of `share`."""
    from facette.policy.trial import Trial

    likely = np.tile(share, (len(frame), 1))
    index = pd.Index(np.arange(len(frame)).astype(str), name="customer_id")
    return Trial(index, way, likely, outcome, before_of(frame), np.zeros(len(frame)), True, 14, 0)


def cells_by(frame: pd.DataFrame, *names: str) -> tuple[np.ndarray, list[np.ndarray]]:
    """(n,) the cell of each customer, and for each facet the group of every cell."""
    own = frame[list(names)]
    cell = own.groupby(list(names)).ngroup().to_numpy()
    found = own.groupby(list(names)).size().reset_index()
    return cell, [pd.factorize(found[name])[0] for name in names]


def covered(path: str, first: int, last: int) -> Figures:
    """How often intervals hold a planted effect, over simulations `first` to `last`.

    Customers are drawn anew from those without an e-mail, and so is the arm; the effect of the
    trial is added to the outcome of who got one.
    """
    from facette.policy.effects import alike, cell_means, drawn_together, scored

    whole = customers_of(path)
    control = whole[whole["segment"] == "No E-Mail"].reset_index(drop=True)
    counts: Figures = {}
    for seed in range(first, last):
        rng = np.random.default_rng(seed)
        frame = control.iloc[rng.integers(0, len(control), len(control))]
        way = rng.integers(0, 3, len(frame))
        cell, _ = cells_by(frame, "history_segment")
        cells = int(cell.max()) + 1
        for name in OUTCOMES:
            planted = np.array(EFFECTS[name])
            outcome = frame[name].to_numpy(dtype=float) + planted[way]
            trial = trial_of(frame, way, outcome, np.full(3, 1 / 3))
            score = scored(trial, outcome, 5, seed).score  # type: ignore[arg-type]
            against = score[:, :2] - score[:, [2]]
            for where, of, size in (
                ("overall", np.zeros_like(cell), 1),
                ("by_segment", cell, cells),
            ):
                told = cell_means(against, of, size)
                inside = np.abs(told.mean - planted[:2]) <= Z * np.sqrt(told.variance)
                key = f"{name}_{where}"
                counts[key] = counts.get(key, 0.0) + float(inside.mean())
            drawn, like = drawn_together(cell_means(score, cell, cells), []), alike(score)[2, :2]
            own, none = drawn.se[:, :2], drawn.se[:, [2]]
            error = np.sqrt(own**2 + none**2 - 2 * like * own * none)
            apart = drawn.effect[:, :2] - drawn.effect[:, [2]] - planted[:2]
            key = f"{name}_drawn_together"
            counts[key] = counts.get(key, 0.0) + float((np.abs(apart) <= Z * error).mean())
    return counts
