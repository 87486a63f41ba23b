"""Hillstrom's e-mails: effects by segment add up to the known ones, and intervals hold them."""

from collections.abc import Callable

import numpy as np
import pytest
from cores import everywhere
from hillstrom_arms import (
    ARMS,
    FACETS,
    OUTCOMES,
    cells_by,
    covered,
    customers_of,
    trial_of,
)
from shared import shared_file

from facette.policy.effects import cell_means, drawn_together, scored

DATA = "Hillstrom's e-mail trial of 2008, 64,000 customers in three arms drawn by lot"
SIMULATIONS, PARTS = 500, 10


def test_effects_by_segment_integrate_back(evidence: Callable[..., bool]) -> None:
    frame = customers_of(str(shared_file("hillstrom")))
    way = frame["segment"].map({name: m for m, name in enumerate(ARMS)}).to_numpy()
    share = np.bincount(way) / len(way)
    figure: dict[str, float] = {}
    robust, shrunk = 0.0, 0.0
    for name in OUTCOMES:
        outcome = frame[name].to_numpy(dtype=float)
        mean = np.array([outcome[way == m].mean() for m in range(3)])
        spread = np.array([outcome[way == m].var(ddof=1) / (way == m).sum() for m in range(3)])
        raw, se = (mean - mean[2])[:2], np.sqrt(spread + spread[2])[:2]
        score = scored(trial_of(frame, way, outcome, share), outcome, 5, 0).score  # type: ignore[arg-type]
        told = (score.mean(axis=0) - score.mean(axis=0)[2])[:2]
        robust = max(robust, float(np.max(np.abs(told - raw) / se)))
        for by in [(facet,) for facet in FACETS] + [FACETS[:3]]:
            cell, groups = cells_by(frame, *by)
            cells = len(groups[0])
            size = np.bincount(cell, minlength=cells)[:, None] / len(cell)
            drawn = drawn_together(cell_means(score, cell, cells), groups).effect
            back = (size * drawn).sum(axis=0)
            shrunk = max(shrunk, float(np.max(np.abs((back - back[2])[:2] - raw) / se)))
        unit = 100 if name == "visit" else 1
        for arm, effect, error in zip(("mens", "womens"), raw * unit, se * unit, strict=True):
            figure |= {f"{name}_{arm}": effect, f"{name}_{arm}_se": error}
    figure |= {"worst_robust_in_se": robust, "worst_shrunk_in_se": shrunk}
    evidence(
        "hillstrom_effects_by_segment_integrate_back",
        figure,
        "visits +7.66 and +4.52 points, spend +0.770 and +0.424; doubly robust scores, whose means "
        "weighted by size are the overall one, within a standard error of these; effects of "
        "segments as they are told, drawn together by each facet and by three crossed, within 1.96",
        robust < 1 and shrunk < 1.96
        and np.allclose([figure["visit_mens"], figure["visit_womens"]], [7.66, 4.52], atol=0.005)
        and np.allclose([figure["spend_mens"], figure["spend_womens"]], [0.770, 0.424], atol=5e-4),
        DATA,
    )  # fmt: skip


@pytest.mark.slow
def test_intervals_cover_planted_effects(evidence: Callable[..., bool]) -> None:
    path, step = str(shared_file("hillstrom")), SIMULATIONS // PARTS
    parts = [(path, first, first + step) for first in range(0, SIMULATIONS, step)]
    figure = (everywhere(covered, *parts).sum() / SIMULATIONS).to_dict()
    evidence(
        "hillstrom_intervals_cover",
        figure,
        "95 % intervals of both e-mails hold the planted effect in 92 to 98 % of cases; those of "
        "segments as they are told, drawn together, in 92 % or more, as segments are alike here",
        all(0.92 <= rate <= (1 if "together" in name else 0.98) for name, rate in figure.items()),
        f"{SIMULATIONS} simulations: customers drawn anew from the 21,306 of Hillstrom's trial "
        "without an e-mail, arms drawn anew, the trial's own effects added; over all customers, "
        "and in each of seven segments by history",
    )
