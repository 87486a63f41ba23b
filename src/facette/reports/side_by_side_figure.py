"""How much of the future each segmentation tells beyond the value tier, as one picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from facette.reports.drawing import COLOURS, MARKERS, SERIES, canvas, legend, name_axes, short
from facette.reports.words import share

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from facette.segments.pertinence import Pertinence


def pertinence_figure(found: Mapping[str, Mapping[str, Pertinence]], note: str = "") -> Figure:
    """Gains with their intervals: a row for each segmentation (title -> outcome -> gain)."""
    titles = list(found)
    outcomes = list(dict.fromkeys(name for told in found.values() for name in told))
    figure, axes = canvas(7.2, 1.4 + 0.42 * len(titles), note)
    axes.axvline(0, color=COLOURS["muted"], lw=1)
    for place, outcome in enumerate(outcomes):
        own = [(i, told[outcome]) for i, told in enumerate(found.values()) if outcome in told]
        y = np.array([i for i, _ in own]) + (place - (len(outcomes) - 1) / 2) * 0.26
        gain = np.array([p.gain for _, p in own])
        reach = np.array([[p.gain - p.low for _, p in own], [p.high - p.gain for _, p in own]])
        axes.errorbar(
            gain, y, xerr=reach, fmt=MARKERS[place], color=SERIES[place], ms=5.5, lw=1.6,
            capsize=0, label=outcome,
        )  # fmt: skip
    axes.set_yticks(range(len(titles)), [short(t, 28) for t in titles], parse_math=False)
    axes.set_ylim(len(titles) - 0.45, -0.55)
    axes.tick_params(axis="y", labelcolor=COLOURS["ink"])
    axes.xaxis.set_major_formatter(lambda value, _: share(value, 1))
    axes.grid(axis="x", color=COLOURS["line"], lw=0.6)
    name_axes(axes, "Share of what value tiers leave unexplained", "")
    legend(axes, "lower right")
    return figure
