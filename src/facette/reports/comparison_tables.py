"""The tables of compared runs, for the text and the page."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from facette.reports.compared import Against, Comparison
from facette.reports.comparison_words import COLUMNS, against_base, sentence, unit_of
from facette.reports.story import PARTS
from facette.reports.tables import Cell, Table, table
from facette.reports.words import (
    DIRECTIONS,
    METRICS,
    capital,
    day,
    differences,
    number,
    share,
    texts,
)

PAIRED = (
    "A gain above 0 is better than the base, whatever the metric; paired on customers. "
    "No different: the interval contains 0."
)
MOST_MOVES = 10
WHOLE = 10  # contributions from this size on are told with one decimal


def runs_table(comparison: Comparison) -> Table:
    """The runs: when, on what, what was learnt."""
    rows = [
        {
            "run": run.run_id,
            "began": f"{run.began:%Y-%m-%d %H:%M}",
            "date": day(run.reference_date) if run.reference_date else "undated",
            "customers": run.customers,
            "perimeter": run.perimeter,
            "parts": ", ".join(run.parts),
        }
        for run in comparison.runs
    ]
    columns = {
        "run": ("Run", "text"),
        "began": ("Began", "text"),
        "date": ("Test date", "text"),
        "customers": ("Customers", "count"),
        "perimeter": ("Perimeter", "text"),
        "parts": ("Parts", "text"),
    }
    return table(pd.DataFrame(rows), columns, "The runs, the base first", comparison.currency)


def settings_table(comparison: Comparison) -> Table:
    """The settings that differ, a column for each run."""
    labels = [run.label for run in comparison.runs]
    rows = [
        [Cell(str(name)), *(Cell(value) for value in row)]
        for name, row in zip(comparison.settings.index, comparison.settings.to_numpy(), strict=True)
    ]
    headers = [(name, "") for name in ("Setting", *labels)]
    return Table("Settings that differ", headers, rows, figures=[False] * len(headers))


def figures_table(comparison: Comparison, one: Against, part: str) -> Table:
    """The metrics of a part, a row each: base, run, and the paired gain where there is one."""
    figures = one.figures[part]
    found = pd.DataFrame() if figures.gains is None else figures.gains
    gains = {gain["metric"]: gain for _, gain in found.iterrows()}
    rows = [
        [
            Cell(_metric_named(metric, comparison.currency)),
            *(Cell(value, True) for value in texts(figures.table[metric], METRICS[metric][1])),
            *([] if figures.gains is None else _paired(gains.get(metric))),
        ]
        for metric in figures.table
    ]
    interval = f"{share(comparison.confidence, 0)} interval"
    beside = [] if figures.gains is None else ["Gain", interval, "Verdict"]
    headers = [(name, "") for name in ("Metric", *map(str, figures.table.index), *beside)]
    return Table(f"{PARTS[part]}: figures", headers, rows, PAIRED if beside else "",
                 [False, True, True, True, True, False][: len(headers)])  # fmt: skip


def _metric_named(metric: str, currency: str) -> str:
    """A metric with its unit and which way is better."""
    label, kind, direction = METRICS[metric]
    words = [currency if kind == "money" else "", DIRECTIONS[direction]]
    told = ", ".join(word for word in words if word)
    return f"{label} ({told})" if told else label


def _paired(gain: pd.Series | None) -> list[Cell]:
    """A gain, its interval, the verdict; nothing on a metric that is not held against another."""
    if gain is None:
        return [Cell("", True), Cell("", True), Cell("")]
    change, between = differences(gain["gain"], gain["low"], gain["high"], unit_of(gain["metric"]))
    words, tone = against_base(gain["low"], gain["high"])
    return [Cell(change, True), Cell(between, True), Cell(words, tone=tone)]


def counts_table(comparison: Comparison, one: Against, what: str) -> Table:
    """Customers by their segment in the base, rows, and in the run, columns."""
    changes = one.segments[what]
    counts, names = changes.counts, changes.names
    rows = [
        [
            Cell(_named(before, names)),
            *(Cell(number(n), True, strong=before == after) for after, n in row.items()),
        ]
        for before, row in counts.iterrows()
    ]
    first = f"{comparison.base.label}, down; {one.label}, across"
    headers = [(first, ""), *((str(after), "") for after in counts.columns)]
    note = "In bold, who is in the segment of the same name in both." if changes.moved else ""
    return Table(f"Customers by {COLUMNS[what]}", headers, rows, note,
                 [False] + [True] * len(counts.columns))  # fmt: skip


def _named(segment: object, names: Mapping[str, str]) -> str:
    return f"{segment} {names.get(str(segment), '')}".rstrip()


def moves_table(comparison: Comparison, one: Against) -> Table | None:
    """The most frequent changes of cell; None where nobody is in another, or it is not known."""
    if "cell" not in one.segments or (moves := one.segments["cell"].moves(MOST_MOVES)).empty:
        return None
    columns = {
        "before": (f"Cell in {comparison.base.label}", "text"),
        "after": (f"Cell in {one.label}", "text"),
        "customers": ("Customers", "count"),
        "share": ("Of all", "share"),
    }
    return table(moves, columns, "The most frequent changes of cell", comparison.currency)


def largest_table(comparison: Comparison, one: Against, part: str) -> Table:
    """The customers whose score changed most, and why where that is known."""
    changes = one.scores[part]
    kind = "share" if part == "churn" else "money"
    unit = "%" if kind == "share" else comparison.currency
    amounts = ("before", "after", "change")
    written = texts(changes.largest[[*amounts]].to_numpy().ravel(), kind)  # in one precision
    rows = [
        [Cell(str(customer)), *(Cell(text, True) for text in written[3 * i : 3 * i + 3])]
        for i, customer in enumerate(changes.largest["customer_id"])
    ]
    headers = [("Customer", ""), (comparison.base.label, unit), (one.label, unit), ("Change", unit)]
    figures = [False, True, True, True]
    if changes.reasons is not None:
        headers.append((f"Why, in contributions on the {_scale(changes.link)} scale", ""))
        figures.append(False)
        for row, (_, customer) in zip(rows, changes.largest.iterrows(), strict=True):
            row.append(Cell(_why(comparison, changes.reasons, customer)))
    return Table(f"{PARTS[part]}: whose score changed most", headers, rows, figures=figures)


def _why(comparison: Comparison, reasons: pd.DataFrame, customer: pd.Series) -> str:
    """The features that changed a customer's score most, and the rest, in contributions."""
    own = reasons[reasons["customer_id"] == customer["customer_id"]]
    names = [*(sentence(comparison, name) for name in own["feature"]), "the rest"]
    rest = customer["raw_change"] - own["change"].sum()
    digits = 3 if reasons["change"].abs().max() < WHOLE else 1
    amounts = [number(value, digits, signed=True) for value in (*own["change"], rest)]
    return "; ".join(f"{name} {amount}" for name, amount in zip(names, amounts, strict=True))


def _scale(link: str) -> str:
    return "log-odds" if link == "logit" else link


def features_table(comparison: Comparison, one: Against, part: str) -> Table | None:
    """The features whose contributions changed most over all customers; None where not known."""
    changes = one.scores[part]
    if changes.features is None or changes.features.empty:
        return None
    frame = changes.features.assign(
        what=[capital(sentence(comparison, name)) for name in changes.features["feature"]]
    )
    columns = {
        "what": ("Feature", "text"),
        "mean_abs": (f"Mean size of the change, {_scale(changes.link)} scale", "ratio"),
    }
    caption = f"{PARTS[part]}: whose contributions changed most, over all customers"
    return table(frame, columns, caption, comparison.currency)
