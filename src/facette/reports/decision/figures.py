"""The pictures of a decision: who moves, the curve of treatments, and other limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from facette.reports import drawing as f
from facette.reports.decision.names import thing
from facette.reports.gallery import Picture
from facette.reports.words import capital, day, money, number, plain
from facette.snapshots.instants import as_date
from facette.wording import listed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from facette.policy.decision import Decision


def pictures(decision: Decision, scope: str) -> Iterator[Picture]:
    """Every picture there is something to see in; `scope`: data, date, horizon, n."""
    if decision.planned.plan.changed.any():
        yield _models(decision, scope)
    if len(decision.planned.plan.curve) > 1:
        yield _curve(decision, scope)
    if not decision.what_if.empty and decision.what_if["difference"].abs().max() >= 0.5:
        yield _what_if(decision, scope)


def _models(decision: Decision, scope: str) -> Picture:
    plan, names = decision.planned.plan, decision.planned.ways.names
    frame = pd.DataFrame({
        "today": np.bincount(plan.base.today, minlength=len(names)),
        "plan": np.bincount(plan.model, minlength=len(names)),
    }, index=[plain(name) for name in names])  # fmt: skip
    frame = frame[frame.sum(axis=1) > 0]
    return Picture(
        "models-bars",
        "How customers are handled",
        "Customers by relationship model, today and by the plan from "
        f"{day(as_date(decision.planned.t))} on.",
        scope,
        "Pairs of bars: " + "; ".join(
            f"{name} {number(row['today'])} today, {number(row['plan'])} in the plan"
            for name, row in frame.iterrows()
        ) + ".",
        lambda note: model_bars(frame, note),
    )  # fmt: skip


def model_bars(frame: pd.DataFrame, note: str = "") -> Figure:
    """Customers by model, `today` pale and hatched, `plan` full."""
    figure, axes = f.canvas(6.4, 0.9 + 0.52 * len(frame), note)
    place, most = np.arange(len(frame)), float(frame.max().max()) or 1.0
    axes.barh(place - 0.19, frame["today"], height=0.34, facecolor=f.COLOURS["paper"],
              edgecolor=f.COLOURS["muted"], hatch="////", lw=0.9, label="today")  # fmt: skip
    axes.barh(place + 0.19, frame["plan"], height=0.34, color=f.COLOURS["c1"], label="plan")
    for i, row in enumerate(frame.itertuples()):
        _beside(axes, row.today, i - 0.19, most, f.COLOURS["muted"])
        _beside(axes, row.plan, i + 0.19, most, f.COLOURS["ink"])
    axes.set_yticks(place, frame.index, parse_math=False)
    axes.tick_params(axis="y", labelcolor=f.COLOURS["ink"])
    axes.set(xlim=(0, 1.13 * most), ylim=(len(frame) - 0.45, -0.55))
    f.thousands(axes.xaxis)
    f.name_axes(axes, "Customers", "")
    f.legend(axes, "best")
    return figure


def _beside(axes: Axes, value: float, y: float, most: float, colour: str) -> None:
    axes.text(value + 0.012 * most, y, number(value), va="center", fontsize=f.TEXT_POINTS - 1.5,
              color=colour)  # fmt: skip


def _curve(decision: Decision, scope: str) -> Picture:
    table, names = decision.planned.plan.curve, decision.planned.ways.names
    currency = decision.planned.about["currency"]
    best = table[table["best"]].iloc[0]
    used = [plain(names[m]) for m in best["used"] if m != decision.planned.ways.on_request]
    return Picture(
        "curve",
        "What different treatments are worth",
        "Net gain against today, by how many relationship models the company starts contacts in. "
        f"The best, marked, is {_models_told(int(best['models']))} beside being served on request"
        f"{f' ({listed(used)})' if used else ''}."
        f"{' The axis does not begin at 0.' if table['net'].min() > 0 else ''}"
        " Models that customers who stay as they are keep running cost the same at every number.",
        scope,
        "Line of net gain by number of models: " + ", ".join(
            f"{row.models}: {money(row.net, currency)}" for row in table.itertuples()
        ) + ".",
        lambda note: treatments_curve(table, currency, note),
    )  # fmt: skip


def _models_told(count: int) -> str:
    return "no model" if count == 0 else "1 model" if count == 1 else f"{count} models"


def treatments_curve(table: pd.DataFrame, currency: str, note: str = "") -> Figure:
    """Net gain by number of models; `models`, `net`, `best` as in `Plan.curve`."""
    figure, axes = f.canvas(6.4, 3.5, note)
    axes.plot(table["models"], table["net"], color=f.COLOURS["c1"], lw=1.8, marker="o", ms=5)
    best = table[table["best"]].iloc[0]
    axes.plot([best["models"]], [best["net"]], "D", ms=11, mfc="none", mew=2,
              color=f.COLOURS["c2"])  # fmt: skip
    low, high = float(table["net"].min()), float(table["net"].max())
    room = max(high - low, 1.0)
    for row in table.itertuples():
        above = row.net > low or len(table) == 1
        axes.annotate(number(row.net), (row.models, row.net), (0, 13 if above else -19),
                      ha="center", textcoords="offset points", fontsize=f.TEXT_POINTS - 1.5,
                      color=f.COLOURS["ink"], fontweight="bold" if row.best else "normal",
                      bbox={"facecolor": f.COLOURS["paper"], "lw": 0, "pad": 1})  # fmt: skip
    axes.set(ylim=(low - 0.25 * room, high + 0.25 * room),
             xlim=(table["models"].min() - 0.45, table["models"].max() + 0.45))  # fmt: skip
    axes.set_xticks(table["models"])
    f.thousands(axes.yaxis)
    f.name_axes(axes, "Relationship models beside being served on request",
                f"Net gain against today, {currency}")  # fmt: skip
    axes.grid(axis="y", color=f.COLOURS["line"], lw=0.5, alpha=0.6)
    return figure


def _what_if(decision: Decision, scope: str) -> Picture:
    frame, currency = decision.what_if, decision.planned.about["currency"]
    most, least = frame["difference"].max(), frame["difference"].min()
    return Picture(
        "what-if",
        "What other limits would change",
        "Net gain against this plan's, if a limit were so many times what it is, or what the plan "
        "uses where there is none. The models in use stay the same; what can't be met is left out.",
        scope,
        f"Lines of the difference in net gain by the multiple of each limit, from "
        f"{money(least, currency)} to {money(most, currency)}.",
        lambda note: what_if_lines(frame, currency, note),
    )


def what_if_lines(frame: pd.DataFrame, currency: str, note: str = "") -> Figure:
    """Difference in net gain by the multiple of each limit; as `policy.plan.what_if` gives it."""
    figure, axes = f.canvas(6.4, 3.5, note)
    axes.axhline(0, color=f.COLOURS["muted"], lw=0.8)
    axes.axvline(1, color=f.COLOURS["line"], lw=0.8)
    for i, (name, own) in enumerate(frame.groupby("resource", sort=False)):
        here = pd.DataFrame({"factor": [1.0], "difference": [0.0]})
        line = pd.concat([own[["factor", "difference"]], here]).sort_values("factor")
        axes.plot(line["factor"], line["difference"], color=f.SERIES[i % len(f.SERIES)], lw=1.8,
                  ls=f.DASHES[i % len(f.DASHES)], marker=f.MARKERS[i % len(f.MARKERS)], ms=5,
                  label=capital(thing(str(name))))  # fmt: skip
    ticks = sorted({1.0, *frame["factor"]})
    axes.set_xticks(ticks, labels=[f"× {tick:g}" for tick in ticks])
    f.thousands(axes.yaxis)
    f.name_axes(axes, "Limit, as a multiple", f"Net gain, difference, {currency}")
    axes.grid(axis="y", color=f.COLOURS["line"], lw=0.5, alpha=0.6)
    f.legend(axes, "best")
    return figure
