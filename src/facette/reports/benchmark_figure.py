"""A task of a benchmark as one picture: each model's primary figure with its interval, ranked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from facette.reports.drawing import (
    COLOURS,
    TEXT_POINTS,
    canvas,
    name_axes,
    per_cent,
    short,
    thousands,
)
from facette.reports.words import DIRECTIONS, METRICS, metric_label, number, share

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from facette.reports.benchmarked import Result, Standing

MODEL: dict[str, Any] = {"fmt": "o", "color": COLOURS["c1"], "ms": 6.5}
BASELINE: dict[str, Any] = {"fmt": "s", "color": COLOURS["c2"], "ms": 5.5, "mfc": COLOURS["paper"]}


def benchmark_figure(standing: Standing) -> Figure:
    """Dots with their intervals, the best on top; beside them the figure at each test date."""
    figures = {one.name: standing.figures(one.name) for one in standing.entrants}
    primary = {n: f[standing.primary] for n, f in figures.items() if standing.primary in f}
    shown = [one for one in standing.entrants if one.name in primary
             and primary[one.name].value is not None]  # fmt: skip
    figure, axes = canvas(7.2, 1.6 + 0.36 * len(shown), _note(standing))
    for kind, style, label in ((False, MODEL, "model"), (True, BASELINE, "baseline")):
        rows = [i for i, one in enumerate(shown) if one.baseline is kind]
        if rows:
            told = [primary[shown[i].name] for i in rows]
            value = np.array([r.value for r in told], dtype=float)
            reach = np.abs([_reach(r, end) for end in ("low", "high") for r in told])
            axes.errorbar(value, rows, xerr=reach.reshape(2, -1), lw=1.6, capsize=0, label=label,
                          zorder=3, **style)  # fmt: skip
    _mark_dates(axes, standing, [one.name for one in shown])
    axes.set_yticks(range(len(shown)), [_named(standing, one.name) for one in shown])
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.tick_params(axis="y", labelcolor=COLOURS["ink"])
    _scale(axes.xaxis, METRICS[standing.primary][1], standing.currency)
    axes.grid(axis="x", color=COLOURS["line"], lw=0.6)
    label, _, direction = METRICS[standing.primary]
    money = f", {standing.currency}" if METRICS[standing.primary][1] == "money" else ""
    name_axes(axes, f"{label}{money} ({DIRECTIONS[direction]})", "")
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False,
        fontsize=TEXT_POINTS - 0.5, labelcolor=COLOURS["ink"],
    )  # fmt: skip
    return figure


def _reach(result: Result, end: str) -> float:
    """From the figure to an end of its interval; none where there is no interval."""
    given = getattr(result, end)
    return 0.0 if given is None or result.value is None else given - result.value


def _named(standing: Standing, name: str) -> str:
    return short(f"{name}, champion" if name == standing.champion else name, 34)


def _mark_dates(axes: Any, standing: Standing, names: list[str]) -> None:
    alone = [
        (names.index(r.model), r.value)
        for r in standing.results
        if r.metric == standing.primary and r.model in names
        and r.test_snapshot != standing.test_snapshot and r.value is not None
    ]  # fmt: skip
    if alone:
        rows, values = zip(*alone, strict=True)
        axes.plot(values, rows, "|", ms=9, mew=1.2, color=COLOURS["muted"], label="each test date")


def _scale(axis: Any, kind: str, currency: str) -> None:
    if kind == "share":
        per_cent(axis, 1)
    elif kind == "money":
        thousands(axis)


def _note(standing: Standing) -> str:
    first, most = min(standing.customers), max(standing.customers)
    many = number(first) if first == most else f"{number(first)} to {number(most)}"
    when = ", ".join(standing.dates) or standing.test_snapshot
    return (
        f"{standing.task}: {metric_label(standing.primary)}, {standing.outcome}; {when}; "
        f"{many} customers; {share(standing.confidence, 0)} intervals"
    )
