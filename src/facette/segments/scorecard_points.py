"""New points for a grid, proposed by what happened: its own bands, weighed by a logistic model.

Each band has a coefficient. Where the points of a criterion of numbers rise or fall from band to
band, so must the coefficients: they are sums of steps of one sign (ordered coding, Walter,
Feinstein & Wells 1987), fitted under bounds by L-BFGS-B (Byrd, Lu, Nocedal & Zhu 1995). Log-odds
are then scaled to points as in a credit scorecard (Siddiqi 2017, chapter 10).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.base import clone

from facette.errors import BadInput
from facette.segments.scorecard import Scorecard
from facette.segments.scorecard_criteria import FULL, Criterion
from facette.wording import listed

NOTHING = 1e-6  # log-odds between the best and the worst of all bands that tell nothing


@dataclass(frozen=True)
class Proposal:
    """A grid with proposed points, fitted on the same customers with grades of the same size.

    `table`: by criterion and band, customers, points_now, points_proposed, log_odds.
    """

    card: Scorecard
    table: pd.DataFrame
    notes: list[str]


def proposed_points(
    card: Scorecard, frame: pd.DataFrame, outcome: np.ndarray, penalty: float
) -> Proposal:
    """Points for the bands of a fitted grid from customers (n, d) and what happened to them (n,).

    `penalty` is the weight of the squared coefficients against the mean log-likelihood, above 0. A
    criterion whose best band earns 0 or less stays a penalty, that band at 0; of any other the
    worst band earns 0. The best bands sum to 100 again, over the criteria that are there.

    Raises:
        BadInput: only one outcome is known, or the bands tell nothing of it.
    """
    known = ~np.isnan(outcome)
    rows, y = frame[known], outcome[known]
    if len(np.unique(y)) < 2:
        raise BadInput(
            f"grid.outcome: the same for all {len(y):,} customers, so that no points can be "
            "proposed; choose another outcome or a longer horizon"
        )
    positions = {c.name: c.positions(rows) for c in card.criteria_}
    effects = _effects(card.criteria_, positions, y, penalty)
    points, notes = _scaled(card.criteria_, effects)
    changed = [c.with_points(points[c.name].tolist()) for c in card.criteria_]
    return Proposal(
        _same_grades(card, changed, rows), _table(card.criteria_, positions, effects, points),
        [*notes, *_of_empty_bands(card.criteria_, positions)],
    )  # fmt: skip


def direction(criterion: Criterion) -> int:
    """1 where its points rise from band to band of numbers, -1 where they fall, else 0."""
    steps = np.diff(criterion.points[:-1])
    if not criterion.ordered or not steps.any():
        return 0
    return 1 if (steps >= 0).all() else -1 if (steps <= 0).all() else 0


def _effects(
    criteria: list[Criterion], positions: dict[str, np.ndarray], y: np.ndarray, penalty: float
) -> dict[str, np.ndarray]:
    """Log-odds (bands + 1,) of each criterion against its first band."""
    codings = [_coding(c) for c in criteria]
    coded = [coding[positions[c.name]] for c, coding in zip(criteria, codings, strict=True)]
    bounded = [_bounds(c) for c in criteria]
    coefficients = _fitted(np.column_stack(coded), y, sum(bounded, []), penalty)
    ends = np.cumsum([coding.shape[1] for coding in codings])[:-1]
    parts = np.split(coefficients, ends)
    told = {}
    for c, coding, part in zip(criteria, codings, parts, strict=True):
        told[c.name] = _filled(c, coding @ part, positions[c.name])
    return told


def _coding(criterion: Criterion) -> np.ndarray:
    """(bands + 1, bands): a row a position, a column a step, or a band; the last one is missing."""
    bands, sign = len(criterion.bands), direction(criterion)
    coding = np.zeros((bands + 1, bands))
    steps = np.tri(bands, bands - 1, -1) * sign if sign else np.eye(bands)[:, 1:]
    coding[:bands, : bands - 1] = steps
    coding[bands, bands - 1] = 1.0
    return coding


def _bounds(criterion: Criterion) -> list[tuple[float | None, float | None]]:
    least = 0.0 if direction(criterion) else None
    return [*((least, None) for _ in criterion.bands[1:]), (None, None)]


def _fitted(
    x: np.ndarray, y: np.ndarray, bounds: list[tuple[float | None, float | None]], penalty: float
) -> np.ndarray:
    """Coefficients (d,) that minimise the mean negative log-likelihood plus the penalty."""

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        z = x @ w[1:] + w[0]
        off = expit(z) - y
        slope = np.r_[off.mean(), x.T @ off / len(y) + penalty * w[1:]]
        nats = np.logaddexp(0, z) - y * z
        return float(nats.mean() + penalty / 2 * w[1:] @ w[1:]), slope

    start = np.r_[np.log(y.mean() / (1 - y.mean())), np.zeros(x.shape[1])]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(None, None), *bounds],
                     options={"maxiter": 2000, "ftol": 1e-12, "gtol": 1e-8})  # fmt: skip
    return np.asarray(found.x[1:])


def _filled(criterion: Criterion, effect: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """A band that nobody is in, and that no order holds, tells what customers do on average."""
    held = np.bincount(positions, minlength=len(effect))
    free = np.arange(len(effect)) == len(effect) - 1 if direction(criterion) else held == 0
    return np.where((held == 0) & free, np.average(effect, weights=held), effect)


def _scaled(
    criteria: list[Criterion], effects: dict[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Whole points of each position, and notes; the best bands sum to 100."""
    ranges = {c.name: float(np.ptp(effects[c.name][:-1])) for c in criteria if c.best > 0}
    if sum(ranges.values()) < NOTHING:
        raise BadInput(
            "grid: its bands tell nothing of the outcome, so that no points can be proposed; give "
            "other criteria, or points by hand"
        )
    scale = FULL / sum(ranges.values())
    best = _rounded_to(FULL, {name: width * scale for name, width in ranges.items()})
    points, capped = {}, []
    for c in criteria:
        effect, most = effects[c.name], best.get(c.name, 0)
        above = effect[:-1].max() if c.best <= 0 else effect[:-1].min()
        exact = (effect - above) * scale
        whole = np.minimum(np.round(exact).astype(int), most)
        whole[:-1][effect[:-1] >= effect[:-1].max() - 1e-12] = most
        points[c.name] = whole
        capped += [c.name] if round(float(exact[-1])) > most else []
    if not capped:
        return points, []
    return points, [f"grid: missing {listed(capped)} would beat the best band, and earns as it"]


def _rounded_to(total: int, exact: dict[str, float]) -> dict[str, int]:
    """Whole numbers that sum to the total, by largest remainders (Hamilton)."""
    floors = {name: int(np.floor(value)) for name, value in exact.items()}
    left = total - sum(floors.values())
    order = sorted(exact, key=lambda name: floors[name] - exact[name])
    return {name: floors[name] + (name in order[:left]) for name in exact}


def _same_grades(card: Scorecard, criteria: list[Criterion], rows: pd.DataFrame) -> Scorecard:
    """The grid with other points, its grades frozen at the sizes they have now."""
    grades = [segment["id"] for segment in card.segments_]
    sizes = pd.Series(card.predict(rows)).value_counts().reindex(grades, fill_value=0)
    shares = np.maximum(sizes.to_numpy(), 0.5) / np.maximum(sizes.to_numpy(), 0.5).sum()
    made: Scorecard = clone(card).set_params(
        criteria=[c.plain() for c in criteria], grade_shares=shares.tolist(), grade_cuts=None
    )
    return made.fit(rows)


def _table(
    criteria: list[Criterion], positions: dict[str, np.ndarray], effects: dict[str, np.ndarray],
    points: dict[str, np.ndarray],
) -> pd.DataFrame:  # fmt: skip
    made = {
        c.name: pd.DataFrame(
            {
                "customers": np.bincount(positions[c.name], minlength=len(c.points)),
                "points_now": c.points,
                "points_proposed": points[c.name],
                "log_odds": effects[c.name],
            },
            index=c.band_names(),
        )
        for c in criteria
    }
    return pd.concat(made, names=["criterion", "band"])


def _of_empty_bands(criteria: list[Criterion], positions: dict[str, np.ndarray]) -> list[str]:
    empty = [
        f"{c.name} ({name})"
        for c in criteria
        for name, held in zip(
            c.band_names()[:-1], np.bincount(positions[c.name], minlength=len(c.points)),
            strict=False,
        )
        if not held
    ]  # fmt: skip
    return [f"grid: nobody is in {listed(empty)}: their points are a guess"] if empty else []
