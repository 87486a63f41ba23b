"""What every figure is drawn on: canvas, colours, marks, axes, and how numbers stand along them.

Figures are made without pyplot: no window, no global state. The colours are the names of `COLOURS`,
which the page turns into light and dark ones. Text from data is never read as mathematics.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from facette.reports.words import share

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {
    "ink": "#1f2a37",
    "muted": "#5c6876",
    "line": "#d3d9e0",
    "paper": "#ffffff",
    "c1": "#1b4f80",
    "c2": "#c2570c",
    "c3": "#0f7b5f",
    "c4": "#8f4a8b",
    "c5": "#3d9bc4",
    "c6": "#9a7d12",
    "c7": "#66707c",
    "c8": "#cf6a86",
}
SERIES = [COLOURS[f"c{i}"] for i in range(1, 9)]
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "*"]
DASHES = ["-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 1))]
TEXT_POINTS = 9.5


def canvas(width: float, height: float, note: str) -> tuple[Figure, Axes]:
    """An empty figure of this size in inches, with a line under it, and its axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor=COLOURS["paper"])
    if note:
        wrapped = textwrap.fill(note, int(width * 15))
        figure.supxlabel(wrapped, fontsize=7.5, color=COLOURS["muted"], parse_math=False)
    axes = figure.add_subplot(facecolor="none")
    axes.tick_params(colors=COLOURS["muted"], labelsize=TEXT_POINTS - 1, length=0, pad=5)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(COLOURS["line"])
    return figure, axes


def name_axes(axes: Axes, x: str, y: str) -> None:
    """Label both axes."""
    style: dict[str, Any] = {"fontsize": TEXT_POINTS, "color": COLOURS["ink"], "parse_math": False}
    axes.set_xlabel(x, labelpad=8, **style)
    axes.set_ylabel(y, labelpad=7, **style)


def bare(axes: Axes) -> None:
    """Take the frame away."""
    for spine in axes.spines.values():
        spine.set_visible(False)


def per_cent(axis: Any, digits: int = 0) -> None:
    """Fractions of 1 along an axis, in per cent."""
    axis.set_major_formatter(lambda value, _: share(value, digits))


def thousands(axis: Any) -> None:
    """Numbers along an axis, thousands separated."""
    axis.set_major_formatter(lambda value, _: f"{value:,.12g}")


def legend(axes: Axes, place: Any) -> None:
    """The names of what is drawn."""
    shown = axes.legend(
        loc=place,
        frameon=False,
        fontsize=TEXT_POINTS - 0.5,
        labelcolor=COLOURS["ink"],
        handlelength=2.8,
    )
    for text in shown.get_texts():
        text.set_parse_math(False)


def short(text: Any, width: int) -> str:
    """A name cut to a width, with an ellipsis."""
    line = " ".join(str(text).split())
    return line if len(line) <= width else line[: width - 1].rstrip() + "…"


def curve_style(name: str, place: int) -> dict[str, Any]:
    """How the curve of this name is drawn: the model first, the ceiling pale."""
    if name == "perfect":
        return {"color": COLOURS["muted"], "lw": 1, "ls": ":"}
    return {
        "color": SERIES[place % len(SERIES)],
        "lw": 1.4 if place else 2.4,
        "ls": DASHES[place % len(DASHES)],
    }
