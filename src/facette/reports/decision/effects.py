"""Effects of relationship models cell by cell, against being served on request, and their noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from facette.policy.decision import Decision
from facette.policy.grades import ASSUMPTION
from facette.reports.decision.names import facets, segment_name, thing
from facette.reports.words import number, plain, share

ASSUMED = "assumed"
DEEPEST = 0.42  # share of colour behind the largest effect; text stays readable on it


@dataclass(frozen=True)
class HeatCell:
    """A figure with its error, how deep it is coloured (0 to 1), and which way."""

    text: str
    error: str
    depth: float
    up: bool
    told: bool
    given: bool


@dataclass(frozen=True)
class Heat:
    """Effects to be shown: a row for each cell, a column for each model that something is known of.

    `rows`: the segment where a new one begins, else nothing; the cell within it; its customers;
    the figures; and what most of them get. `by`: what cells are within a segment. `told` of
    `figures` that were measured are beyond chance.
    """

    models: list[str]
    by: str
    rows: list[tuple[str, str, str, list[HeatCell], str]]
    figures: int
    told: int

    @property
    def framed(self) -> bool:
        """Whether any of the models shown is what most customers of a cell get."""
        return any(cell.given for *_, cells, _ in self.rows for cell in cells)

    @property
    def alike(self) -> bool:
        """Whether every model that was measured does the same in all cells, as printed."""
        measured = [
            {cell.text for cell in column}
            for column in zip(*(cells for *_, cells, _ in self.rows), strict=True)
            if all(cell.error != ASSUMED for cell in column)
        ]
        return len(self.rows) > 1 and bool(measured) and all(len(one) == 1 for one in measured)


def heat(decision: Decision) -> Heat | None:
    """Effects by cell and model; None where none but being served on request is known."""
    planned, base = decision.planned, decision.planned.plan.base
    shown = np.flatnonzero(planned.known.known[:-1])
    if not len(shown):
        return None
    effect, se = planned.known.above_request
    measured = planned.known.grade != ASSUMPTION
    z = float(norm.ppf(0.5 + decision.confidence / 2))
    told = measured & (np.abs(effect) > z * se)
    given, part = given_most(decision)
    largest = float(np.abs(effect[:, shown]).max()) or 1.0
    digits = 0 if largest >= 1000 else 1
    sizes = np.bincount(base.cell, minlength=len(base.cells))
    rows, before = [], None
    for c in range(len(base.cells)):
        first, _, rest = base.cells[c].partition("/")
        group = segment_name(planned, first) if first != before else ""
        before = first
        cells = [
            HeatCell(
                number(effect[c, m], digits, signed=True),
                f"± {number(se[c, m], digits)}" if measured[c, m] else ASSUMED,
                DEEPEST * abs(effect[c, m]) / largest, bool(effect[c, m] > 0),
                bool(told[c, m]), bool(given[c] == m),
            )
            for m in shown
        ]  # fmt: skip
        mostly = (
            "nobody is free"
            if given[c] < 0
            else (f"{plain(planned.ways.names[given[c]])}, {share(part[c], 0)}")
        )
        within = rest.replace("/", " / ") or "all"
        rows.append((group, within, number(sizes[c]), cells, mostly))
    count = int(measured[:, shown].sum())
    return Heat(
        [plain(planned.ways.names[m]) for m in shown],
        " / ".join(thing(name) for name in facets(planned)[1:]), rows, count,
        int(told[:, shown].sum()),
    )  # fmt: skip


def given_most(decision: Decision) -> tuple[np.ndarray, np.ndarray]:
    """(c,) the model that most customers free to move are given, -1 of nobody, and their share."""
    plan = decision.planned.plan
    free = ~(plan.base.held_out | plan.base.settled)
    counts = np.zeros((len(plan.base.cells), len(decision.planned.ways.names)), dtype=int)
    np.add.at(counts, (plan.base.cell[free], plan.model[free]), 1)
    total = counts.sum(axis=1)
    return np.where(total > 0, counts.argmax(axis=1), -1), counts.max(axis=1) / np.maximum(total, 1)


def heat_sentence(found: Heat, confidence: float) -> str:
    """How many figures are more than noise, beside how many chance alone would give."""
    if not found.figures:
        return "None of these effects was measured: they are what the configuration assumes"
    which = (
        f"None of {number(found.figures)} measured effects is"
        if not found.told
        else f"{number(found.told)} of {number(found.figures)} measured effects are"
    )
    alike = (
        "No difference between cells was found: each model that was measured does the same in all. "
        if found.alike
        else ""
    )
    return (
        f"{alike}{which} surely above or below none, at {share(confidence, 0)} each. Cells lend "
        "each other what they know, so that the figures of one model are right or wrong together"
    )


def measured_on_request(decision: Decision) -> bool:
    """Whether being served on request was tried by enough customers to be known by itself."""
    ground = decision.planned.known.ground
    if ground is None:
        return False
    least = decision.planned.policy.effects.least
    return bool(ground.tried(least)[decision.planned.ways.on_request])
