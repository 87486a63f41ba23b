"""The run in ten lines of plain text: the top of the page and the end of the command line."""

from collections import Counter

from facette.reports.story import MAIN, PARTS, Headline, Segmentation, Story
from facette.reports.words import (
    ahead,
    capital,
    headline_texts,
    metric_label,
    missing,
    money,
    number,
    share,
    when,
)


def summary_lines(story: Story) -> list[str]:
    """At most ten lines "Label: sentence", what is known about each part or why it is off."""
    lines = [_data(story), _outcome(story)]
    lines += [_part(story, part) for part in MAIN]
    lines += [_segments(story), _largest_value(story), _tiers(story), _drivers(story)]
    return [line for line in [*lines, _checks(story)] if line]


def _data(story: Story) -> str:
    base = "" if story.perimeter is None else f" where {story.perimeter}"
    return (
        f"Data: {story.data_name}, {number(story.customers)} customers{base}, {when(story)}; "
        + (
            "one row each"
            if missing(story.transactions)
            else f"{number(story.transactions)} transaction lines in all"
        )
    )


def _outcome(story: Story) -> str:
    if story.reference_date is None:
        money_in = "" if "value" in story.off else f", in {story.currency}"
        return f"Outcome: as the table gives it{money_in}; {story.value_basis}"
    return f"Outcome: {ahead(story)}, in {story.currency}, {story.discount}; {story.value_basis}"


def _part(story: Story, part: str) -> str:
    if part in story.off:
        return f"{PARTS[part]}: off, {story.off[part]}"
    first = next((line for line in story.headlines if line.part == part), None)
    here = f"here, {story.churn_means}; " if part == "churn" and story.churn_means else ""
    return f"{PARTS[part]}: {here}{_beside(first)}" if first else ""


def _beside(headline: Headline) -> str:
    label, told = metric_label(headline.metric), headline_texts(headline)
    if missing(headline.baseline):
        return f"{label} {told['model']}, {told['verdict']}"
    return (
        f"{label} {told['model']} beside {told['baseline']} for {headline.baseline_name}; "
        f"{told['verdict']}; gain {told['gain']}, {told['interval']}"
    )


def _segments(story: Story) -> str:
    if story.segmentation is None:
        why = story.off.get("segments")
        return f"Segments: off, {why}" if why else ""
    frame = story.segmentation.segments
    verdicts = Counter(frame["stability_verdict"]) if "stability_verdict" in frame else Counter()
    told = ", ".join(f"{verdicts[word]} {word}" for word in _WORST_LAST if verdicts[word])
    count = "one segment, everyone" if len(frame) == 1 else f"{len(frame)} by behaviour"
    return f"Segments: {count}{': ' + told if told else ''}{_lowest(story.segmentation)}"


_WORST_LAST = ("highly stable", "stable", "doubtful", "unstable")


def _lowest(segmentation: Segmentation) -> str:
    frame = segmentation.segments
    if "stability" not in frame or frame["stability"].isna().all():
        return ""
    worst = frame.loc[frame["stability"].idxmin()]
    return f"; lowest stability {number(worst['stability'], 2)}, “{worst['name']}”"


def _largest_value(story: Story) -> str:
    frame = story.segmentation.segments if story.segmentation else None
    if frame is None or "value_share" not in frame or frame["value_share"].isna().all():
        return ""
    top = frame.loc[frame["value_share"].idxmax()]
    return (
        f"Most value: “{top['name']}”, {share(top['share'])} of customers and "
        f"{share(top['value_share'])} of expected value, "
        f"{money(top.get('value_mean'), story.currency)} each"
    )


def _tiers(story: Story) -> str:
    if story.tiers is None or story.tiers.empty:
        return ""
    top = story.tiers.iloc[0]
    return (
        f"Value tiers: the top {share(top['share'], 0)} of customers "
        f"(“{top['tier']}”) hold {share(top['value_share'], 0)} of "
        f"{'expected' if story.ran('value') else 'current'} value"
    )


def _drivers(story: Story) -> str:
    named = [
        f"{PARTS[part].lower()} goes most with “{frame.iloc[0]['sentence']}”"
        for part, frame in story.drivers.items()
        if part not in story.off and len(frame)
    ]
    withheld = story.segmentation.withheld if story.segmentation else None
    if withheld:
        named.append(f"those of the segments are withheld, {withheld}")
    named += [
        f"those of {PARTS[part].lower()} are withheld, {why}"
        for part, why in story.unlicensed.items()
    ]
    return f"Drivers: {'; '.join(named)}" if named else ""


def _checks(story: Story) -> str:
    counts = Counter(check.severity for check in story.checks)
    if not counts:
        return ""
    told = [f"{number(counts[word])} {_counted(word, counts[word])}" for word in SEVERITIES
            if counts[word]]  # fmt: skip
    return f"Checks: {', '.join(told)}{_first_problem(story)}"


def _counted(severity: str, count: int) -> str:
    plural = "s" if severity in ("error", "warning") and count > 1 else ""
    return {"info": "for information"}.get(severity, severity + plural)


SEVERITIES = ("error", "warning", "info", "not applicable")


def _first_problem(story: Story) -> str:
    serious = sorted(
        (check for check in story.checks if check.severity in SEVERITIES[:2]),
        key=lambda check: SEVERITIES.index(check.severity),
    )
    return f"; first: {capital(serious[0].sentence)}" if serious else ""
