"""What happened by grade of the scoring grid, as one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from facette.reports.drawing import COLOURS, TEXT_POINTS, canvas, name_axes, per_cent, short
from facette.reports.words import capital, number, share

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def grade_rates(grades: pd.DataFrame, means: str, note: str = "") -> Figure:
    """The rate of each grade with its interval, the best grade on the left.

    grades : indexed by grade; customers, happened, rate, low, high. means : the outcome in words.
    """
    held = grades[grades["customers"] > 0]
    figure, axes = canvas(5, 3.6, note)
    places = np.arange(len(held))
    reach = np.clip([held["rate"] - held["low"], held["high"] - held["rate"]], 0, None)
    axes.errorbar(
        places, held["rate"], yerr=reach, fmt="o", ms=6, color=COLOURS["c1"], elinewidth=1.6,
        capsize=3,
    )  # fmt: skip
    _mean_of_all(axes, held)
    for place, rate in zip(places, held["rate"], strict=True):
        axes.annotate(
            share(rate), (place, rate), xytext=(8, 0), textcoords="offset points", va="center",
            fontsize=TEXT_POINTS - 0.5, color=COLOURS["ink"],
        )  # fmt: skip
    sizes = [f"{short(g, 14)}\n{number(n)}" for g, n in held["customers"].items()]
    axes.set_xticks(places, sizes, parse_math=False)
    axes.set_xlim(-0.5, len(held) - 0.3)
    axes.set_ylim(*_room(held))
    axes.grid(axis="y", color=COLOURS["line"], lw=0.5, alpha=0.6)
    per_cent(axes.yaxis)
    name_axes(axes, "Grade, with its customers", f"{capital(short(means, 30))}, share of customers")
    return figure


def _mean_of_all(axes: Axes, held: pd.DataFrame) -> None:
    rate = float(held["happened"].sum() / max(held["customers"].sum(), 1))
    axes.axhline(rate, color=COLOURS["muted"], lw=0.8, ls="--")
    axes.annotate(
        f"all, {share(rate, 0)}", (0, rate), xycoords=("axes fraction", "data"), xytext=(3, 3),
        textcoords="offset points", fontsize=TEXT_POINTS - 1.5, color=COLOURS["muted"],
    )  # fmt: skip


def _room(held: pd.DataFrame) -> tuple[float, float]:
    low, high = float(held["low"].min()), float(held["high"].max())
    margin = 0.08 * max(high - low, 0.05)
    return max(low - margin, -0.02), min(high + margin, 1.02)
