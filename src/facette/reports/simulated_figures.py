"""The pictures of a simulated bank: who leaves, what they hold and bring, what they answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from facette.reports import drawing as f
from facette.reports.gallery import Picture
from facette.reports.words import day, number, share
from facette.tables.simulation.sanity import OLD, TOP_SHARE, YOUNG, Seen

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from facette.settings.data import Plausible

MOST_PRODUCTS = 6
PROFIT_BINS = 40
WORDS = {"mail": "letter", "email": "e-mail"}
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
Spans = dict[int, tuple[float, float]]  # a row of a picture -> its plausible range


def pictures(seen: Seen, ranges: Plausible, currency: str) -> Iterator[Picture]:
    """Every picture there is something to see in, in the order of the page."""
    if len(seen.customers):
        yield _by_age(seen, ranges)
    if len(seen.attrition_by_products):
        yield _by_products(seen)
        yield _tenure(seen, ranges)
    if seen.profits["profit"].sum() > 0:
        yield _gains(seen, ranges, currency)
        yield _profits(seen, currency)
    if len(seen.sends):
        yield _responses(seen, ranges)
        yield _channels(seen)
    yield _seasons(seen)


def scope(seen: Seen, n: int, of: str) -> str:
    """When a picture is of, and on how many it rests."""
    return f"{_span(seen)}, n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{number(n)} {of}."


def _span(seen: Seen) -> str:
    return f"{day(seen.start)} to before {day(seen.end)}"


def _last_year(seen: Seen, n: int, of: str) -> str:
    span = f"{day(seen.year_start)} to before {day(seen.end)}"
    return f"{span}, n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{number(n)} {of}."


def _by_age(seen: Seen, ranges: Plausible) -> Picture:
    rates = seen.attrition("age_band", seen.customers.drop_nulls("age_band"))
    spans = {
        place: _pair(ranges.attrition_18_34 if band in YOUNG else ranges.attrition_65_more)
        for place, band in enumerate(rates["age_band"])
        if band in (*YOUNG, *OLD)
    }
    return Picture(
        "age",
        "Leaving, by age",
        "Customers who leave of their own will, a year, by age, with 95% intervals; the pale boxes "
        "are the plausible ranges for 18 to 34 and for 65 and more, taken together.",
        scope(seen, int(rates["customers"].sum()), "customers"),
        f"Bars of voluntary attrition a year by age: {_spoken(rates, 'age_band')}.",
        lambda note: rate_bars(rates, "age_band", "Age", spans, note),
    )


def _by_products(seen: Seen) -> Picture:
    rates = seen.attrition_by_products
    named = rates.with_columns(pl.col("products").cast(pl.String).replace("5", "5 or more"))
    return Picture(
        "products",
        "Leaving, by what is held",
        "Customers who leave of their own will in the last year, by products held at its start, "
        "with 95% intervals. An association: those who stay have had more time to buy.",
        _last_year(seen, int(rates["customers"].sum()), "customers"),
        f"Bars of voluntary attrition a year by products: {_spoken(named, 'products')}.",
        lambda note: rate_bars(named, "products", "Products held", {}, note),
    )


def _spoken(rates: pl.DataFrame, column: str) -> str:
    pairs = zip(rates[column], rates["rate"], strict=True)
    return ", ".join(f"{name} {share(rate)}" for name, rate in pairs)


def _tenure(seen: Seen, ranges: Plausible) -> Picture:
    start, end = (_quartiles(seen.holding(at)) for at in seen.period)
    spans = {
        1: _pair(ranges.tenure_1_product),
        2: _pair(ranges.tenure_2_products),
        3: _pair(ranges.tenure_3_products),
    }
    told = ", ".join(f"{p} {number(m, 1)}" for p, m in end.select("products", "median").rows())
    return Picture(
        "tenure",
        "Tenure, by what is held",
        "Median years since they came, with quartiles, by products held on the first day and at "
        "the end; the pale boxes are the plausible ranges of the median.",
        scope(seen, int(start["customers"].sum()), "customers on the first day")[:-1]
        + f", {number(int(end['customers'].sum()))} at the end.",
        f"Median tenure at the end by products held, years: {told}.",
        lambda note: tenures({"first day": start, "end": end}, spans, note),
    )


def _quartiles(holding: pl.DataFrame) -> pl.DataFrame:
    years = pl.col("tenure_years")
    few = holding.filter(pl.col("products") <= MOST_PRODUCTS)
    quartiles = few.group_by("products").agg(
        customers=pl.len(), low=years.quantile(0.25), median=years.median(),
        high=years.quantile(0.75),
    )  # fmt: skip
    return quartiles.sort("products")


def _gains(seen: Seen, ranges: Plausible, currency: str) -> Picture:
    curves = {
        name: held(seen.profits[column].to_numpy())
        for name, column in (("after contacts", "profit"), ("as posted", "margin"))
        if seen.profits[column].sum() > 0
    }
    best = float(np.interp(TOP_SHARE, *curves["after contacts"]))
    return Picture(
        "gains",
        "Who brings the profit",
        f"Share of the last year's profit brought by the best customers: the best fifth brings "
        f"{share(best, 0)}, the rest what is left or less. The pale bar is the plausible range. "
        "Profit is the margin posted, less the cost of contacts.",
        _last_year(seen, len(seen.profits), f"customers there all year, {currency}"),
        f"Curve of profit held; the best fifth holds {share(best, 0)}.",
        lambda note: gains(curves, _pair(ranges.top_fifth), note),
    )


def held(amounts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of customers, best first, and the share of the total that they hold."""
    sums = np.cumsum(np.sort(amounts)[::-1])
    places = np.unique(np.linspace(0, len(amounts), min(len(amounts), 400) + 1).astype(int))
    held = np.concatenate([[0.0], sums])[places] / sums[-1]
    return places / len(amounts), held


def _profits(seen: Seen, currency: str) -> Picture:
    profit = seen.profits["profit"].to_numpy()
    losing = float((profit < 0).mean())
    low, high = np.quantile(profit, [0.01, 0.99])
    return Picture(
        "profit",
        "What a customer brings in a year",
        f"Profit of the last year, {currency} a customer; {share(losing, 0)} lost the bank money "
        "(hatched). The lowest and the highest hundredth stand in the outer bars.",
        _last_year(seen, len(profit), "customers there all year"),
        f"Histogram of yearly profit: median {number(np.median(profit))} {currency}, middle 98% "
        f"from {number(low)} to {number(high)}.",
        lambda note: profits(profit, currency, note),
    )


def _responses(seen: Seen, ranges: Plausible) -> Picture:
    sends = seen.sends.sort("rate")
    spans = {
        place: _pair(getattr(ranges, f"response_{channel}"))
        for place, channel in enumerate(sends["channel"])
        if hasattr(ranges, f"response_{channel}")
    }
    told = ", ".join(f"{c} {share(r, 2)}" for c, r in sends.select("channel", "rate").rows())
    return Picture(
        "responses",
        "What is answered, by channel",
        "Share of the bank's contacts that get an answer, on a scale of tenfold steps. The pale "
        "boxes are the plausible ranges; channels without one have none.",
        scope(seen, int(sends["sent"].sum()), "contacts"),
        f"Marks of the answer rate by channel: {told}.",
        lambda note: responses(sends, spans, note),
    )


def _channels(seen: Seen) -> Picture:
    months = 12 * seen.customer_years
    both = seen.started.select("channel", started=pl.col("contacts") / months).join(
        seen.sends.select("channel", sent=pl.col("sent") / months), on="channel", how="full",
        coalesce=True,
    ).fill_null(0).sort("started", descending=True)  # fmt: skip
    started, sent = float(both["started"].sum()), float(both["sent"].sum())
    return Picture(
        "channels",
        "Contacts, by channel and by who starts them",
        f"Contacts a customer, a month: {number(started, 2)} started by customers (looking in by "
        f"app or web counts), {number(sent, 2)} sent by the bank.",
        scope(seen, len(seen.customers), "customers"),
        "Bars of contacts a customer, a month by channel; started by customers: "
        + ", ".join(f"{c} {number(n, 2)}" for c, n in both.select("channel", "started").rows())
        + ".",
        lambda note: channels(both, note),
    )


def _seasons(seen: Seen) -> Picture:
    seasons = seen.seasons
    best = MONTHS[int(seasons.sort("revenue")["month"][-1]) - 1]
    postings = int(seasons["postings"].sum())
    return Picture(
        "seasons",
        "The season of revenue",
        "Revenue of a product, as posted, by calendar month over the mean of its year. A trend "
        "within years, if there is one, is in it.",
        scope(seen, postings, "postings"),
        f"Line of mean revenue by calendar month; highest in {best}.",
        lambda note: season_line(seasons, note),
    )


def _pair(span: list[float]) -> tuple[float, float]:
    return span[0], span[1]


def _boxes(axes: Axes, spans: Spans, across: bool) -> None:
    """Plausible ranges, pale behind what was counted; `across`: rows lie on the y axis."""
    style: dict[str, Any] = {"facecolor": f.COLOURS["c6"], "alpha": 0.22, "lw": 0}
    for place, (low, high) in spans.items():
        style["label"] = _once(axes, "plausible")
        if across:
            axes.barh(place, high - low, 0.86, left=low, **style)
        else:
            axes.bar(place, high - low, 0.86, bottom=low, **style)


def _once(axes: Axes, label: str) -> str:
    return "_" if label in axes.get_legend_handles_labels()[1] else label


def rate_bars(rates: pl.DataFrame, column: str, name: str, spans: Spans, note: str = "") -> Figure:
    """A rate a year by group with its interval; rates : as of `Seen.attrition`."""
    figure, axes = f.canvas(5, 3.7, note)
    places = np.arange(len(rates))
    rate = rates["rate"].to_numpy()
    reach = np.clip([rate - rates["low"].to_numpy(), rates["high"].to_numpy() - rate], 0, None)
    _boxes(axes, spans, across=False)
    axes.bar(places, rate, 0.5, color=f.COLOURS["c1"], alpha=0.75, label="counted")
    axes.errorbar(places, rate, yerr=reach, fmt="none", ecolor=f.COLOURS["ink"], elinewidth=1,
                  capsize=2.5)  # fmt: skip
    top = max([*rates["high"], *(high for _, high in spans.values())])
    for place, value in enumerate(rate):
        axes.text(place, -0.015 * top, share(value), ha="center", va="top",
                  fontsize=f.TEXT_POINTS - 1.5, color=f.COLOURS["muted"])  # fmt: skip
    axes.set_xticks(places, labels=rates[column].to_list())
    axes.tick_params(axis="x", pad=16)
    axes.set_ylim(0, 1.15 * top or 1)
    f.per_cent(axes.yaxis)
    f.name_axes(axes, name, "Leave, a year")
    axes.grid(axis="y", color=f.COLOURS["line"], lw=0.5, alpha=0.6)
    if spans:
        f.legend(axes, "upper right")
    return figure


def tenures(groups: Mapping[str, pl.DataFrame], spans: Spans, note: str = "") -> Figure:
    """Median tenure with quartiles by products held; groups : name -> as of `_quartiles`."""
    figure, axes = f.canvas(5, 3.7, note)
    _boxes(axes, spans, across=False)
    for place, (name, found) in enumerate(groups.items()):
        x = found["products"].to_numpy() + (-0.13, 0.13)[place]
        middle = found["median"].to_numpy()
        reach = [middle - found["low"].to_numpy(), found["high"].to_numpy() - middle]
        axes.errorbar(x, middle, yerr=np.clip(reach, 0, None), fmt=f.MARKERS[place], ms=6,
                      color=f.SERIES[place], elinewidth=1.2, capsize=0, label=name)  # fmt: skip
    axes.set_xticks(range(1, MOST_PRODUCTS + 1))
    axes.set_ylim(0, None)
    f.name_axes(axes, "Products held", "Years since they came")
    axes.grid(axis="y", color=f.COLOURS["line"], lw=0.5, alpha=0.6)
    f.legend(axes, "upper left")
    return figure


def gains(
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]], span: tuple[float, float], note: str = ""
) -> Figure:
    """Share of a total held by the best customers; curves : name -> (customers, share held)."""
    figure, axes = f.canvas(5, 3.9, note)
    style: dict[str, Any] = {"facecolor": f.COLOURS["c6"], "alpha": 0.22, "lw": 0}
    axes.bar(TOP_SHARE, span[1] - span[0], 0.03, bottom=span[0], label="plausible, best fifth",
             **style)  # fmt: skip
    for place, (name, (x, y)) in enumerate(curves.items()):
        axes.plot(x, y, label=name, **f.curve_style(name, place))
        best = float(np.interp(TOP_SHARE, x, y))
        axes.plot([TOP_SHARE], [best], f.MARKERS[place], ms=6, color=f.SERIES[place])
    axes.axhline(1, color=f.COLOURS["muted"], lw=0.8, ls="--")
    axes.plot([0, 1], [0, 1], color=f.COLOURS["muted"], lw=0.8, label="all alike")
    f.name_axes(axes, "Customers, most profit first", "Share of profit")
    f.per_cent(axes.xaxis)
    f.per_cent(axes.yaxis)
    top = max(span[1], *(float(y.max()) for _, y in curves.values()))
    axes.set(xlim=(0, 1), ylim=(0, 1.04 * top))
    axes.grid(color=f.COLOURS["line"], lw=0.5, alpha=0.6)
    f.legend(axes, "upper right")
    return figure


def profits(profit: np.ndarray, currency: str, note: str = "") -> Figure:
    """Customers by yearly profit; the outer bars take in the lowest and highest hundredth."""
    figure, axes = f.canvas(5, 3.7, note)
    low, high = np.quantile(profit, [0.01, 0.99])
    width = (high - low) / PROFIT_BINS or 1.0
    first = np.floor(low / width)  # so that 0 is an edge
    edges = width * np.arange(first, np.ceil(high / width) + 1)
    counts, _ = np.histogram(np.clip(profit, edges[0], edges[-1]), edges)
    loses = edges[:-1] < 0
    style: dict[str, Any] = {"width": width, "align": "edge", "lw": 0.3}
    axes.bar(edges[:-1][~loses], counts[~loses], facecolor=f.COLOURS["c1"], alpha=0.75,
             edgecolor=f.COLOURS["paper"], label="brings", **style)  # fmt: skip
    axes.bar(edges[:-1][loses], counts[loses], facecolor=f.COLOURS["c2"], alpha=0.75,
             hatch="////", edgecolor=f.COLOURS["paper"], label="costs", **style)  # fmt: skip
    f.thousands(axes.xaxis)
    f.thousands(axes.yaxis)
    f.name_axes(axes, f"Profit of the year, {currency}", "Customers")
    axes.grid(axis="y", color=f.COLOURS["line"], lw=0.5, alpha=0.6)
    f.legend(axes, "upper right")
    return figure


def responses(sends: pl.DataFrame, spans: Spans, note: str = "") -> Figure:
    """Answer rates by channel on a logarithmic scale; sends : as of `Seen.sends`."""
    figure, axes = f.canvas(5, 3.7, note)
    rows = np.arange(len(sends))
    _boxes(axes, spans, across=True)
    some = sends["answered"].to_numpy() > 0
    rate = sends["rate"].to_numpy()
    axes.plot(rate[some], rows[some], "o", ms=7, color=f.COLOURS["c1"], label="counted")
    for row, value in zip(rows[some], rate[some], strict=True):
        axes.annotate(share(value, 2), (value, row), (9, 0), textcoords="offset points",
                      va="center", fontsize=f.TEXT_POINTS - 1, color=f.COLOURS["ink"])  # fmt: skip
    axes.set_xscale("log")
    ends = [*rate[some], *(end for span in spans.values() for end in span)]
    axes.set_xlim(0.7 * min(ends, default=0.01), 2.5 * max(ends, default=0.1))
    f.per_cent(axes.xaxis, 1)
    axes.tick_params(which="minor", length=0, labelbottom=False)
    names = [
        f"{WORDS.get(c, c)}\n{number(n)} sent" for c, n in sends.select("channel", "sent").rows()
    ]
    axes.set_yticks(rows, labels=names, parse_math=False)
    axes.set_ylim(-0.6, len(sends) - 0.4)
    f.name_axes(axes, "Answered, of those sent", "")
    axes.grid(axis="x", color=f.COLOURS["line"], lw=0.5, alpha=0.6)
    f.legend(axes, "lower right")
    return figure


def channels(both: pl.DataFrame, note: str = "") -> Figure:
    """Contacts a customer-month by channel; both : channel, started, sent."""
    figure, axes = f.canvas(5, 3.7, note)
    rows = np.arange(len(both))
    axes.barh(rows - 0.19, both["started"], 0.36, color=f.COLOURS["c1"], alpha=0.8,
              label="started by customers")  # fmt: skip
    axes.barh(rows + 0.19, both["sent"], 0.36, facecolor=f.COLOURS["c2"], alpha=0.8, hatch="////",
              edgecolor=f.COLOURS["paper"], lw=0.3, label="sent by the bank")  # fmt: skip
    axes.set_yticks(rows, labels=[WORDS.get(c, c) for c in both["channel"]], parse_math=False)
    axes.set_ylim(len(both) - 0.5, -0.5)
    f.name_axes(axes, "Contacts a customer, a month", "")
    axes.grid(axis="x", color=f.COLOURS["line"], lw=0.5, alpha=0.6)
    f.legend(axes, "lower right")
    return figure


def season_line(seasons: pl.DataFrame, note: str = "") -> Figure:
    """Mean revenue by calendar month over that of all; seasons : as of `Seen.seasons`."""
    figure, axes = f.canvas(5, 3.7, note)
    axes.plot(seasons["month"], seasons["revenue"], "o-", ms=5, lw=1.6, color=f.COLOURS["c1"])
    axes.axhline(1, color=f.COLOURS["muted"], lw=0.8, ls="--")
    axes.set_xticks(range(1, 13), labels=MONTHS)
    axes.set_xlim(0.6, 12.4)
    f.per_cent(axes.yaxis)
    f.name_axes(axes, "", "Revenue, mean month = 100%")
    axes.grid(axis="y", color=f.COLOURS["line"], lw=0.5, alpha=0.6)
    return figure
