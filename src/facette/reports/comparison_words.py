"""The sentences of compared runs, one by one, for the text and the page."""

from __future__ import annotations

from facette.reports.compared import Against, Comparison
from facette.reports.story import PARTS
from facette.reports.words import METRICS, differences, metric_label, missing, money, number, share
from facette.wording import listed

Lines = list[tuple[str, str]]
UNDATED = (
    "figures are of customers held out, all folds of the first repeat together; how scores changed "
    "is told of the models themselves, which have seen these customers"
)
MEANWHILE = (
    "between the dates customers changed too: segments and scores differ for both reasons, the "
    "customers and the version"
)
COLUMNS = {
    "behaviour_segment": "behaviour segment", "value_tier": "value tier", "cell": "cell",
}  # fmt: skip


def settings_line(comparison: Comparison) -> tuple[str, str]:
    """How many settings differ, and which were passed over and why."""
    count = len(comparison.settings)
    told = f"{number(count)} differ{'s' if count == 1 else ''}" if count else "all the same"
    by_reason = dict[str, list[str]]()
    for name, why in comparison.left_out.items():
        by_reason.setdefault(why, []).append(name)
    beside = [f"{listed(names, 3)} ({why})" for why, names in by_reason.items()]
    return "settings", told + (f"; left out: {'; '.join(beside)}" if beside else "")


def code_lines(comparison: Comparison) -> Lines:
    """The versions of the code, where they are not the same."""
    versions = {run.label: run.code_version[:12] for run in comparison.runs}
    if len(set(versions.values())) == 1:
        return []
    return [("code", ", ".join(f"{label} {version}" for label, version in versions.items()))]


def verdict_line(comparison: Comparison, one: Against) -> tuple[str, str]:
    """What a run is better and worse at than the base, by the primary metric of each part."""
    told = []
    for part, figures in one.figures.items():
        if figures.gains is None:
            continue
        first = figures.gains.iloc[0]
        change = first["gain"], first["low"], first["high"]
        words, _ = against_base(*change[1:])
        gain, between = differences(*change, unit_of(first["metric"]))
        label = metric_label(first["metric"])
        told.append(f"{PARTS[part].lower()} {words} ({label}: gain {gain}, {between})")
    if not one.figures:
        return f"run {one.label}", "no part in common with the base"
    return f"run {one.label}", "; ".join(told) or f"figures are not paired: {_why_not(one)}"


def _why_not(one: Against) -> str:
    return next(figures.why_not for figures in one.figures.values())


def unit_of(metric: str) -> str:
    """What a metric's difference is in: money, a share, or nothing."""
    kind = METRICS[metric][1]
    return "" if kind == "ratio" else kind


def against_base(low: float, high: float) -> tuple[str, str]:
    """The verdict on a paired gain, and its tone."""
    if missing(low) or missing(high):
        return "not compared (no interval)", "unknown"
    if low > 0:
        return "better", "better"
    if high < 0:
        return "worse", "worse"
    return "no different", "same"


def snapshot_lines(comparison: Comparison, one: Against) -> Lines:
    """Whether both were tested on the same, what can't be paired, and which parts one has alone."""
    lines = [("test snapshot", one.snapshot)]
    if comparison.base.reference_date is None and _paired(one):
        lines.append(("undated", UNDATED))
    dates = {run.label: run.reference_date for run in comparison.runs}
    if dates[one.label] != comparison.base.reference_date:
        lines.append(("meanwhile", MEANWHILE))
    why_not = dict[str, list[str]]()
    for part, figures in one.figures.items():
        if figures.why_not:
            why_not.setdefault(figures.why_not, []).append(PARTS[part].lower())
    lines += [
        ("not paired", f"{listed(parts)}: {why}; figures stand side by side, without an interval")
        for why, parts in why_not.items()
    ]
    alone = [f"{listed(parts)} only in {label}" for label, parts in one.alone.items() if parts]
    return lines + ([("parts", "; ".join(alone))] if alone else [])


def _paired(one: Against) -> bool:
    """Whether some figures are of the same customers in both."""
    return any(not figures.why_not for figures in one.figures.values())


NOBODY = "no customer is scored by both"


def segment_lines(one: Against) -> Lines:
    """How many are in another segment, tier or cell; or how much two labellings share."""
    lines = []
    for what, changes in one.segments.items():
        if not changes.counts.to_numpy().sum():
            lines.append((COLUMNS[what], NOBODY))
            continue
        customers = number(changes.counts.to_numpy().sum())
        common = f"adjusted mutual information {number(changes.common, 2)}"
        if changes.moved is None:
            told = (
                "ids are not known to name the same segments in both versions, so that nobody is "
                f"said to have moved; {common} over {customers} customers"
            )
        else:
            moved, redrawn = changes.moved.moved, changes.moved.redrawn
            new = f", {share(redrawn)} because one is new or gone" if redrawn else ""
            told = (
                f"{share(moved + redrawn)} of {customers} customers are in another{new}; {common}"
            )
        lines.append((COLUMNS[what], told))
        if changes.names:
            lines.append(("names", ", ".join(f"{i} {name}" for i, name in changes.names.items())))
    return lines


def score_lines(comparison: Comparison, one: Against, part: str) -> Lines:
    """How much the scores of a part changed, and which features made it."""
    changes = one.scores[part]
    if not changes.customers:
        return [(PARTS[part].lower(), NOBODY)]
    if changes.largest.empty:
        return [(PARTS[part].lower(), f"the same for all {number(changes.customers)} customers")]
    apart, in_all = (
        _amount(part, x, comparison.currency) for x in (changes.mean_abs, changes.mean)
    )
    told = (
        f"{apart} apart on average over {number(changes.customers)} customers, {in_all} on balance"
    )
    if changes.features is None:
        return [(PARTS[part].lower(), f"{told}; why is not told: {changes.why_not}")]
    names = [sentence(comparison, name) for name in changes.features["feature"]]
    return [(PARTS[part].lower(), f"{told}; most of it by {'; '.join(names)}" if names else told)]


def _amount(part: str, value: float, currency: str) -> str:
    """A change of a probability, or of money."""
    return share(value, 2) if part == "churn" else money(value, currency)


def sentence(comparison: Comparison, feature: str) -> str:
    """What a feature means, or its name where nothing better is known."""
    return comparison.sentences.get(feature, feature)
