"""Tables to figures, each saying one thing and readable without colour.

Every function returns a matplotlib `Figure` made without pyplot: no window, no global state. The
colours are the names of `COLOURS`, which the page turns into light and dark ones. `note` is a line
under the figure (date, horizon, currency, n), for a figure that leaves its page. Text from data is
never read as mathematics.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from facette.reports.drawing import (
    COLOURS,
    MARKERS,
    SERIES,
    TEXT_POINTS,
    bare,
    canvas,
    curve_style,
    legend,
    name_axes,
    per_cent,
    short,
    thousands,
)
from facette.reports.words import MINUS, missing, money_digits, number, share

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def gains_curve(
    curves: Mapping[str, tuple[Any, Any]], outcome: str = "value", note: str = ""
) -> Figure:
    """Share of the outcome held by the best-ranked customers, the model against its baselines.

    curves : name -> (share of customers, share of outcome), the model first; "perfect" is drawn
        as the ceiling.
    """
    figure, axes = canvas(5, 3.9, note)
    for place, (name, (x, y)) in enumerate(curves.items()):
        axes.plot(x, y, label=short(name, 34), **curve_style(name, place))
    axes.plot([0, 1], [0, 1], color=COLOURS["muted"], lw=0.8, zorder=1, label="at random")
    name_axes(axes, "Customers, highest predicted first", f"Share of {outcome}")
    per_cent(axes.xaxis)
    per_cent(axes.yaxis)
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    axes.grid(color=COLOURS["line"], lw=0.5, alpha=0.6)
    legend(axes, "lower right")
    return figure


def profit_curve(curves: Mapping[str, tuple[Any, Any]], currency: str, note: str = "") -> Figure:
    """Profit a customer by share of customers contacted; the best share of each curve is marked.

    curves : name -> (share of customers contacted, profit a customer), the model first. Where some
        cut earns money, the frame ends where far more than that is lost.
    """
    figure, axes = canvas(5, 3.9, note)
    axes.axhline(0, color=COLOURS["muted"], lw=0.8, zorder=1)
    for place, (name, (x, y)) in enumerate(curves.items()):
        mark: dict[str, Any] = {"marker": MARKERS[place], "ms": 7, "markevery": [int(np.argmax(y))]}
        label = f"{short(name, 30)}, best: contact {contacted(best_cut(x, y)[0])}"
        axes.plot(x, y, label=label, **curve_style(name, place), **mark)
    name_axes(
        axes, "Customers contacted, likeliest to leave first", f"Profit, {currency} a customer"
    )
    _frame_profit(axes, curves)
    per_cent(axes.xaxis)
    thousands(axes.yaxis)
    axes.grid(color=COLOURS["line"], lw=0.5, alpha=0.6)
    legend(axes, (0, 1.01))
    return figure


def best_cut(x: Any, y: Any) -> tuple[float, float]:
    """The share to contact for the greatest profit, the least of equal ones, and that profit."""
    place = int(np.argmax(y))
    return float(x[place]), float(y[place])


def contacted(part: float) -> str:
    """A share of customers to contact, in words where it is nobody or everyone."""
    if part in (0, 1):
        return "everyone" if part else "nobody"
    return share(part, 1 if part >= 0.001 else 2)


def _frame_profit(axes: Axes, curves: Mapping[str, tuple[Any, Any]]) -> None:
    """From what is lost to twice what can be earned, with the first tenth whole in any case."""
    drawn = [(np.asarray(x), np.asarray(y)) for x, y in curves.values()]
    top = max(y.max() for _, y in drawn)
    floor = min(-2 * top, *(y[x <= 0.1].min() for x, y in drawn)) if top else -np.inf
    floor = max(floor, min(y.min() for _, y in drawn))
    right = min(1.0, max(0.1, *(1.05 * x[y >= floor].max() for x, y in drawn)))
    margin = 0.06 * (top - floor or 1)
    axes.set(xlim=(-0.02 * right, 1.02 * right), ylim=(floor - margin, top + margin))


def calibration(bins: pd.DataFrame, outcome: str = "churn", note: str = "") -> Figure:
    """Observed against predicted frequency by bin, with intervals; on the line is right.

    bins : predicted, observed, low, high, n.
    """
    figure, axes = canvas(5, 3.9, note)
    top = min(1.0, 1.08 * float(bins[["predicted", "observed", "high"]].max(axis=None)))
    axes.plot([0, top], [0, top], color=COLOURS["muted"], lw=1, ls="--", label="as predicted")
    reach = [bins["observed"] - bins["low"], bins["high"] - bins["observed"]]
    axes.errorbar(
        bins["predicted"],
        bins["observed"],
        yerr=np.clip(reach, 0, None),
        fmt="o",
        ms=5,
        color=COLOURS["c1"],
        ecolor=COLOURS["c1"],
        elinewidth=1,
        capsize=2.5,
        label="observed, with its interval",
    )
    legend(axes, "upper left")
    name_axes(axes, f"Predicted {outcome} probability", f"Observed {outcome} rate")
    digits = 0 if top > 0.1 else 1
    per_cent(axes.xaxis, digits)
    per_cent(axes.yaxis, digits)
    axes.set(xlim=(0, top), ylim=(0, top))
    axes.grid(color=COLOURS["line"], lw=0.5, alpha=0.6)
    return figure


def decile_calibration(deciles: pd.DataFrame, currency: str, note: str = "") -> Figure:
    """Mean predicted and mean actual amount, by decile of the prediction.

    deciles : indexed 1 (lowest) to 10; predicted, actual.
    """
    figure, axes = canvas(5, 3.9, note)
    axes.bar(
        deciles.index, deciles["actual"], width=0.62, color=COLOURS["c1"], alpha=0.3, label="actual"
    )
    axes.plot(
        deciles.index,
        deciles["predicted"],
        "D-",
        ms=4.5,
        lw=1.4,
        color=COLOURS["c2"],
        label="predicted",
    )
    name_axes(axes, "Decile of the prediction, 10 the highest", f"{currency} a customer")
    axes.set_xticks(list(deciles.index))
    thousands(axes.yaxis)
    axes.grid(axis="y", color=COLOURS["line"], lw=0.5, alpha=0.6)
    legend(axes, "upper left")
    return figure


def segment_map(
    points: pd.DataFrame,
    names: Mapping[Any, str],
    axes_names: tuple[str, str] | None = None,
    explained: tuple[float, float] | None = None,
    note: str = "",
) -> Figure:
    """Customers on the two main axes of behaviour, each segment named at its centre.

    points : x, y, segment; names : segment id -> name.
    """
    figure, axes = canvas(5.6, 4.6, note)
    for place, segment in enumerate(names):
        cloud = points[points["segment"] == segment]
        axes.plot(
            cloud["x"],
            cloud["y"],
            MARKERS[place % len(MARKERS)],
            ms=3.6,
            mew=0,
            alpha=0.5,
            color=SERIES[place % len(SERIES)],
        )
    _frame_most(axes, points)
    name_axes(axes, *_axis_titles(axes_names, explained))
    axes.tick_params(labelbottom=False, labelleft=False)
    _name_clouds(axes, points, names)
    return figure


def _frame_most(axes: Axes, points: pd.DataFrame) -> None:
    for column, limit in (("x", axes.set_xlim), ("y", axes.set_ylim)):
        low, high = points[column].quantile([0.005, 0.995])
        margin = 0.06 * ((high - low) or 1.0)
        limit(low - margin, high + margin)


def _axis_titles(
    names: tuple[str, str] | None, explained: tuple[float, float] | None
) -> tuple[str, str]:
    titles = list(names or ("First axis", "Second axis"))
    for place, part in enumerate(explained or ()):
        titles[place] += f" ({share(part, 0)} of variance)"
    return titles[0], titles[1]


def _name_clouds(axes: Axes, points: pd.DataFrame, names: Mapping[Any, str]) -> None:
    centres = points.groupby("segment")[["x", "y"]].median()
    centres = centres.loc[[segment for segment in names if segment in centres.index]]
    low, high = axes.get_ylim()
    labels = {segment: textwrap.fill(short(names[segment], 52), 28) for segment in centres.index}
    gap = 0.115 if any("\n" in label for label in labels.values()) else 0.075
    heights = spread(centres["y"].to_numpy(), gap * (high - low), low, high)
    order = list(names)
    for (segment, x), height in zip(centres["x"].items(), heights, strict=True):
        place = order.index(segment)
        _label(axes, x, height, labels[segment], SERIES[place % len(SERIES)])


def _label(axes: Axes, x: float, y: float, text: str, colour: str) -> None:
    left, right = axes.get_xlim()
    where = (x - left) / (right - left)
    box = {"facecolor": COLOURS["paper"], "edgecolor": colour, "alpha": 0.9, "pad": 2.6, "lw": 1}
    axes.text(
        x,
        y,
        text,
        bbox=box,
        fontsize=TEXT_POINTS - 0.5,
        color=COLOURS["ink"],
        va="center",
        ha="left" if where < 0.3 else "right" if where > 0.7 else "center",
        parse_math=False,
    )


def spread(heights: np.ndarray, gap: float, low: float, high: float) -> np.ndarray:
    """Heights moved as little as needed to stand a gap apart, inside [low, high]."""
    placed: np.ndarray = np.clip(np.array(heights, dtype=float), low + gap / 2, high - gap / 2)
    order = np.argsort(placed, kind="stable")
    for lower, upper in pairwise(order):
        placed[upper] = max(placed[upper], placed[lower] + gap)
    ceiling = high - gap / 2
    for place in order[::-1]:
        placed[place] = min(placed[place], ceiling)
        ceiling = placed[place] - gap
    return placed


def k_curve(curve: pd.DataFrame, note: str = "") -> Figure:
    """The least stable segment's stability, by number of segments; the chosen number is ringed.

    curve : k, stability_min, chosen.
    """
    figure, axes = canvas(5, 3.6, note)
    axes.plot(curve["k"], curve["stability_min"], "o-", ms=5, lw=1.6, color=COLOURS["c1"])
    for bar, word in ((0.60, "unstable below"), (0.75, "stable above")):
        axes.axhline(bar, color=COLOURS["muted"], lw=0.8, ls="--")
        axes.annotate(
            f"{word} {bar:.2f}",
            (1, bar),
            xycoords=("axes fraction", "data"),
            xytext=(-2, 3),
            textcoords="offset points",
            ha="right",
            fontsize=TEXT_POINTS - 1.5,
            color=COLOURS["muted"],
        )
    for _, row in curve[curve["chosen"].astype(bool)].iterrows():
        _ring(axes, row["k"], row["stability_min"])
    name_axes(axes, "Number of segments", "Least stability (Jaccard)")
    axes.set_xticks(list(curve["k"]))
    axes.set_ylim(min(0.4, float(curve["stability_min"].min()) - 0.05), 1.08)
    return figure


def _ring(axes: Axes, k: float, stability: float) -> None:
    axes.plot([k], [stability], "o", ms=13, mfc="none", mec=COLOURS["c2"], mew=1.8)
    axes.annotate(
        f"chosen: {k:.0f}",
        (k, stability),
        xytext=(9, 9),
        textcoords="offset points",
        ha="left",
        fontsize=TEXT_POINTS,
        color=COLOURS["ink"],
        bbox={"facecolor": COLOURS["paper"], "lw": 0, "pad": 1.5},
    )


def most_telling(profile: pd.DataFrame, most: int) -> pd.DataFrame:
    """The features on which some segment stands furthest from the base, furthest first."""
    order = profile.abs().max().sort_values(ascending=False, kind="stable")
    return profile[order.index[:most]]


def profile_heatmap(
    profile: pd.DataFrame, names: Mapping[Any, str], most: int = 14, note: str = ""
) -> Figure:
    """How far each segment's mean stands from the base's, in standard deviations of the base.

    profile : segment ids x feature labels; names : segment id -> name.
    """
    shown = most_telling(profile, most)
    figure, axes = canvas(3.2 + 0.95 * len(shown), 1.2 + 0.34 * shown.shape[1], note)
    for column, segment in enumerate(shown.index):
        for row, value in enumerate(shown.loc[segment]):
            _tile(axes, column, row, value, full=2.0)
    _label_grid(
        axes,
        [textwrap.fill(short(names[segment], 60), 12) for segment in shown.index],
        [textwrap.fill(short(label, 72), 38) for label in shown.columns],
    )
    return figure


def _tile(axes: Axes, column: int, row: int, value: Any, full: float) -> None:
    from matplotlib.patches import Rectangle

    known = not missing(value)
    colour = COLOURS["c2"] if known and value < 0 else COLOURS["c1"]
    alpha = min(abs(value) / full, 1) * 0.55 if known else 0
    tile = Rectangle((column - 0.48, row - 0.46), 0.96, 0.92, facecolor=colour, alpha=alpha, lw=0)
    axes.add_patch(tile)
    axes.text(
        column,
        row,
        number(value, 1, signed=True) if known else "n/a",
        ha="center",
        va="center",
        fontsize=TEXT_POINTS - 0.5,
        color=COLOURS["ink"],
    )


def _label_grid(axes: Axes, columns: list[str], rows: list[str]) -> None:
    style: dict[str, Any] = {
        "fontsize": TEXT_POINTS - 0.5,
        "color": COLOURS["ink"],
        "parse_math": False,
    }
    axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    axes.set_xticks(range(len(columns)), labels=columns, **style)
    axes.set_yticks(range(len(rows)), labels=rows, **style)
    axes.xaxis.tick_top()
    bare(axes)


def matrix(frame: pd.DataFrame, currency: str, note: str = "") -> Figure:
    """Value tier by potential tier: the stronger the shade, the more headroom it holds in all.

    frame : value_tier, potential_tier, customers, value, headroom, churn; the last three are means
        a customer.
    """
    down, across = (list(dict.fromkeys(frame[key])) for key in ("value_tier", "potential_tier"))
    figure, axes = canvas(1.2 + 1.35 * len(across), 0.9 + 0.95 * len(down), note)
    totals = (frame["customers"] * frame["headroom"]).fillna(0)
    digits = money_digits(frame["headroom"])
    for (_, cell), total in zip(frame.iterrows(), totals, strict=True):
        place = across.index(cell["potential_tier"]), down.index(cell["value_tier"])
        _cell(axes, place, cell, total / (totals.sum() or 1), f"{currency} ", digits)
    _label_grid(axes, [short(name, 20) for name in across], [short(name, 16) for name in down])
    axes.xaxis.set_label_position("top")
    axes.tick_params(axis="x", pad=3)
    name_axes(axes, "Potential tier", "Value tier")
    return figure


def _cell(
    axes: Axes, place: tuple[int, int], cell: pd.Series, part: float, unit: str, digits: int
) -> None:
    from matplotlib.patches import Rectangle

    column, row = place
    box = (column - 0.48, row - 0.47), 0.96, 0.94
    shade = 0.06 + 0.5 * part**0.5 if cell["customers"] else 0.0
    axes.add_patch(Rectangle(*box, facecolor=COLOURS["c1"], alpha=shade, lw=0))
    known = not missing(cell["headroom"])
    headroom = f"{unit}{number(cell['headroom'], digits)} headroom" if known else ""
    lines = (
        (-0.2, number(cell["customers"]), TEXT_POINTS + 2.5),
        (0.07, "customers", TEXT_POINTS - 1.5),
        (0.3, headroom, TEXT_POINTS - 1),
    )
    for drop, text, size in lines:
        axes.text(
            column,
            row + drop,
            text,
            ha="center",
            va="center",
            fontsize=size,
            color=COLOURS["ink"],
            parse_math=False,
        )


def driver_bars(drivers: pd.DataFrame, most: int = 10, note: str = "") -> Figure:
    """The features which move a model most; the sign tells which way the prediction goes.

    drivers : sentence, mean_abs, direction (-1 to 1); within .3 of 0 the direction is mixed.
    """
    shown = drivers.nlargest(most, "mean_abs").reset_index(drop=True)
    figure, axes = canvas(5, 0.6 + 0.46 * len(shown), note)
    longest = float(shown["mean_abs"].max()) or 1.0
    for row, driver in shown.iterrows():
        _bar(axes, int(row), driver, longest)
    axes.set(xlim=(0, 1.16 * longest), ylim=(len(shown) - 0.3, -0.75))
    axes.set_yticks([])
    axes.set_xticks([])
    bare(axes)
    name_axes(axes, "Mean absolute contribution (SHAP), link scale of the model", "")
    return figure


def _bar(axes: Axes, row: int, driver: pd.Series, longest: float) -> None:
    sign, colour, hatch = _direction(driver["direction"])
    axes.barh(
        row,
        driver["mean_abs"],
        height=0.3,
        facecolor=colour,
        alpha=0.75,
        hatch=hatch,
        edgecolor=COLOURS["paper"],
        lw=0,
    )
    axes.text(
        0,
        row - 0.24,
        short(driver["sentence"], 62),
        va="bottom",
        fontsize=TEXT_POINTS - 0.5,
        color=COLOURS["ink"],
        parse_math=False,
    )
    axes.text(
        driver["mean_abs"] + 0.012 * longest,
        row,
        f"{number(driver['mean_abs'], 3 if longest < 10 else 1)}  {sign}",
        va="center",
        fontsize=TEXT_POINTS - 1,
        color=COLOURS["muted"],
    )


def _direction(correlation: Any) -> tuple[str, str, str]:
    if missing(correlation) or abs(correlation) < 0.3:
        return "±", COLOURS["c7"], ""
    return ("+", COLOURS["c1"], "") if correlation > 0 else (MINUS, COLOURS["c2"], "////")
