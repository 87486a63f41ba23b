"""The pictures of a description: what is empty, the months, purchases, who holds the value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from facette.reports import drawing as f
from facette.reports.gallery import Picture
from facette.reports.words import day, number, share

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from facette.reports.description import Description
    from facette.snapshots.worth import ValueDisparity
    from facette.tables.profile import TableProfile

MOST_LABELS = 12
MOST_COLUMNS = 20


def pictures(description: Description) -> Iterator[Picture]:
    """Every picture there is something to see in, in the order of the page."""
    yield from empty_picture(description.data_name, description.profiles)
    yield from _months(description)
    yield _purchases(description)
    yield from _held(description)


def _scope(description: Description) -> str:
    days, n = description.activity.days.index, len(description.worth.purchases)
    return (
        f"{description.data_name}, {day(days[0])} to {day(days[-1])}, "
        f"n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{number(n)} customers."
    )


def empty_picture(data_name: str, profiles: Mapping[str, TableProfile]) -> Iterator[Picture]:
    """Columns with gaps, of tables by name; an only table needs none."""
    parts = {
        ".".join(filter(None, (name, column.name))): found.share_missing(column)
        for name, found in profiles.items()
        for column in found.columns
        if column.missing
    }
    if not parts:
        return
    rows = ", ".join(f"{number(t.rows)} {name or 'rows'}" for name, t in profiles.items())
    first = dict(sorted(parts.items(), key=lambda part: -part[1])[:MOST_COLUMNS])
    yield Picture(
        "empty",
        "What is empty",
        "Share of rows in which a column has no value; columns that are never empty are left out. "
        "A column that is filled later (an answer, an end) is empty where that did not happen.",
        f"{data_name}, n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{rows}.",
        f"Bars of the share of empty rows: {_spoken(first)}.",
        lambda note: missing_bars(first, note),
    )


def _spoken(parts: dict[str, float]) -> str:
    return ", ".join(f"{name} {share(part)}" for name, part in list(parts.items())[:5])


def _months(description: Description) -> Iterator[Picture]:
    months = description.activity.months
    if len(months) < 2:
        return
    span = f"{months['month'].iloc[0]:%B %Y} to {months['month'].iloc[-1]:%B %Y}"
    yield Picture(
        "customers-by-month",
        "Customers by month",
        "Customers who bought in the month, and of them those whose first transaction it was.",
        _scope(description),
        f"Bars of customers who bought by month, {span}, from {number(months['customers'].min())} "
        f"to {number(months['customers'].max())}.",
        lambda note: customers_by_month(months, note),
    )
    yield Picture(
        "purchases-by-month",
        "Purchases by month",
        "Baskets with at least one line that is no refund.",
        _scope(description),
        f"Bars of purchases by month, {span}, from {number(months['purchases'].min())} to "
        f"{number(months['purchases'].max())}.",
        lambda note: month_bars(months, "purchases", "Purchases", note),
    )
    yield Picture(
        "net-by-month",
        "Net value by month",
        f"In {description.currency}, refunds taken off; {description.value_basis}.",
        _scope(description),
        f"Bars of net value by month, {span}, from {number(months['net'].min())} to "
        f"{number(months['net'].max())} {description.currency}.",
        lambda note: month_bars(months, "net", f"Net value, {description.currency}", note),
    )


def _purchases(description: Description) -> Picture:
    purchases = description.worth.purchases
    return Picture(
        "purchases-each",
        "Purchases of a customer",
        "How many customers have bought how often so far; each bar takes in twice as many numbers "
        "as the one before it.",
        _scope(description),
        f"Bars of customers by number of purchases; the median is {number(np.median(purchases))}, "
        f"the most {number(purchases.max())}.",
        lambda note: purchases_each(purchases, note),
    )


def _held(description: Description) -> Iterator[Picture]:
    value = description.worth.value
    if value.total <= 0:
        return
    context = (
        f"{description.data_name}, net value of the {value.days} days until "
        f"{day(description.activity.days.index[-1])}, {description.currency}"
    )
    yield held_picture("held", value, context, "net value")


def held_picture(
    key: str, value: ValueDisparity, context: str, what: str, title: str = "Who holds the value"
) -> Picture:
    """Who holds an amount; `what` it is called, `context` where and when it is from."""
    tiers = value.tiers
    return Picture(
        key,
        title,
        f"Share of {what} held by the customers who bring most of it. On the straight line all "
        "would bring the same; the lines across are the Pareto tiers.",
        f"{context}, n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{number(value.customers)} customers.",
        f"Curve of the share of {what} held; the first {share(tiers['to'].iloc[0], 0)} of "
        f"customers hold {share(tiers['value_share'].iloc[0], 0)}.",
        lambda note: value_held(value.curve, tiers, note, what),
    )


def missing_bars(parts: dict[str, float], note: str = "") -> Figure:
    """Share of empty rows, a bar a column; parts : name -> share, most first."""
    figure, axes = f.canvas(6.2, 0.9 + 0.3 * len(parts), note)
    names = [f.short(name, 44) for name in parts]
    axes.barh(range(len(parts)), list(parts.values()), height=0.55, color=f.COLOURS["c1"])
    for row, part in enumerate(parts.values()):
        axes.text(part + 0.012, row, share(part), va="center", fontsize=f.TEXT_POINTS - 1,
                  color=f.COLOURS["muted"])  # fmt: skip
    axes.set_yticks(range(len(parts)), labels=names, parse_math=False, color=f.COLOURS["ink"])
    axes.set(xlim=(0, 1.12), ylim=(len(parts) - 0.5, -0.5))
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
    f.per_cent(axes.xaxis)
    f.name_axes(axes, "Rows without a value", "")
    return figure


def customers_by_month(months: pd.DataFrame, note: str = "") -> Figure:
    """Customers who bought, and those new among them; months : as in `Activity`."""
    figure, axes = f.canvas(5, 3.6, note)
    _month_bars(axes, months, "customers", f.COLOURS["c1"], 0.45, "bought")
    _month_bars(axes, months, "new_customers", f.COLOURS["c2"], 0.9, "new")
    f.name_axes(axes, "", "Customers")
    f.legend(axes, "upper right")
    return figure


def month_bars(months: pd.DataFrame, column: str, unit: str, note: str = "") -> Figure:
    """One figure of each month; months : as in `Activity`."""
    figure, axes = f.canvas(5, 3.6, note)
    _month_bars(axes, months, column, f.COLOURS["c1"], 0.45, "whole month")
    f.name_axes(axes, "", unit)
    if not months["whole"].all():
        f.legend(axes, "upper right")
    return figure


def _month_bars(
    axes: Axes, months: pd.DataFrame, column: str, colour: str, alpha: float, label: str
) -> None:
    """Bars of whole months; hatched where only a part of the month was observed."""
    places = np.arange(len(months))
    whole = months["whole"].to_numpy()
    style: dict[str, Any] = {"width": 0.8, "facecolor": colour, "alpha": alpha, "lw": 0}
    axes.bar(places[whole], months.loc[whole, column], label=label, **style)
    if not whole.all() and alpha < 0.9:
        style |= {"hatch": "////", "edgecolor": f.COLOURS["paper"]}
        axes.bar(places[~whole], months.loc[~whole, column], label="part of a month", **style)
    elif not whole.all():
        axes.bar(places[~whole], months.loc[~whole, column], **style)
    step = -(-len(months) // MOST_LABELS)
    shown = places[::step]
    axes.set_xticks(shown, labels=[_month(months, int(place), step) for place in shown])
    axes.set_xlim(-0.7, len(months) - 0.3)
    axes.set_ylim(min(0, 1.1 * float(axes.dataLim.y0)), 1.4 * max(float(axes.dataLim.y1), 1))
    f.thousands(axes.yaxis)
    axes.grid(axis="y", color=f.COLOURS["line"], lw=0.5, alpha=0.6)


def _month(months: pd.DataFrame, place: int, step: int) -> str:
    """The month's name; the year below the first label of each year."""
    start = months["month"].iloc[place]
    before = months["month"].iloc[place - step] if place else None
    year = f"\n{start:%Y}" if before is None or before.year != start.year else ""
    return f"{start:%b}{year}"


def purchases_each(purchases: np.ndarray, note: str = "") -> Figure:
    """Customers by their number of purchases, in bins that double."""
    figure, axes = f.canvas(5, 3.6, note)
    counts, begins = doubling_bins(purchases)
    axes.bar(range(len(counts)), counts, width=0.8, color=f.COLOURS["c1"], alpha=0.7)
    for place, count in enumerate(counts):
        axes.text(place, count, number(count), ha="center", va="bottom",
                  fontsize=f.TEXT_POINTS - 2, color=f.COLOURS["muted"])  # fmt: skip
    axes.set_xticks(range(len(begins)), labels=[number(begin) for begin in begins])
    axes.set_ylim(0, 1.12 * max(counts))
    f.thousands(axes.yaxis)
    f.name_axes(axes, "Purchases, from this number to below the next", "Customers")
    axes.grid(axis="y", color=f.COLOURS["line"], lw=0.5, alpha=0.6)
    return figure


def doubling_bins(purchases: np.ndarray) -> tuple[list[int], list[int]]:
    """Customers with 0 (if any), 1, 2-3, 4-7, 8-15, … purchases, and where the bins begin."""
    places = np.where(purchases > 0, np.floor(np.log2(np.maximum(purchases, 1))).astype(int), -1)
    first = min(int(places.min()), 0)
    counts = [int((places == place).sum()) for place in range(first, int(places.max()) + 1)]
    return counts, [2**place if place >= 0 else 0 for place in range(first, int(places.max()) + 1)]


def value_held(
    curve: tuple[np.ndarray, np.ndarray], tiers: pd.DataFrame, note: str = "",
    what: str = "net value",
) -> Figure:  # fmt: skip
    """Share of an amount held by the best customers, with the tiers; as in `ValueDisparity`."""
    figure, axes = f.canvas(5, 3.9, note)
    x, y = curve
    axes.plot(x, y, color=f.COLOURS["c1"], lw=2.4, label="customers as they are")
    axes.plot([0, 1], [0, 1], color=f.COLOURS["muted"], lw=0.8, label="all alike")
    for end, part in _tier_ends(tiers):
        axes.plot([end, end, 0], [0, part, part], color=f.COLOURS["c2"], lw=1, ls="--")
        axes.plot([end], [part], "o", ms=5, color=f.COLOURS["c2"])
        axes.annotate(f"first {share(end, 0)} hold {share(part, 0)}", (end, part), (8, -4),
                      textcoords="offset points", va="top", fontsize=f.TEXT_POINTS - 1,
                      color=f.COLOURS["ink"],
                      bbox={"facecolor": f.COLOURS["paper"], "lw": 0, "pad": 1.5})  # fmt: skip
    f.name_axes(axes, f"Customers, highest {what} first", f"Share of {what}")
    f.per_cent(axes.xaxis)
    f.per_cent(axes.yaxis)
    axes.set(xlim=(0, 1), ylim=(min(0.0, float(y.min())), max(1.02, 1.02 * float(y.max()))))
    axes.grid(color=f.COLOURS["line"], lw=0.5, alpha=0.6)
    f.legend(axes, "lower right")
    return figure


def _tier_ends(tiers: pd.DataFrame) -> list[tuple[float, float]]:
    """Share of customers and of value down to each tier with anyone in it, the last left out."""
    some = tiers[tiers["customers"] > 0]
    customers = some["customers"].cumsum() / some["customers"].sum()
    return list(zip(customers, some["value_share"].cumsum(), strict=True))[:-1]
