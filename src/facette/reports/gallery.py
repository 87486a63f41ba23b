"""The pictures of a story: which there are, what each says, its caption, its words read aloud.

The page draws them inside itself; the training job logs the same ones as PNG.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from facette.reports import figures
from facette.reports.scoring_grid_figure import grade_rates
from facette.reports.side_by_side import held_out, title_of
from facette.reports.side_by_side_figure import pertinence_figure
from facette.reports.story import Segmentation, Story
from facette.reports.words import capital, day, money, number, share

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAP_POINTS = 1500


@dataclass
class Picture:
    """A figure to be drawn: `draw(note)` gives it with a line of context below."""

    key: str
    title: str
    reading: str
    context: str
    alt: str
    draw: Callable[[str], Figure]


def scope(story: Story, part: str = "", customers: int | None = None) -> str:
    """What any figure must state: date, horizon, currency, discount, n."""
    n = customers if customers is not None else story.tested(part)
    date = (
        "no reference date"
        if story.reference_date is None
        else (f"reference date {day(story.reference_date)}, next {story.horizon_days} days")
    )
    return (
        f"{story.data_name}, {date}, {story.currency}, {story.discount}, "
        f"n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{number(n)} customers."
    )


def pictures(story: Story) -> dict[str, Picture]:
    """Every picture the story has the data for, by key, in the order of the page."""
    found = [*_of_segments(story), *_side_by_side(story), *_of_matrix(story)]
    found += [*_of_grid(story), *_of_models(story)]
    return {picture.key: picture for picture in found}


def figures_of(story: Story) -> dict[str, Figure]:
    """The pictures as matplotlib figures which stand alone, title and context printed."""
    return {
        key: picture.draw(f"{picture.title}. {picture.context}")
        for key, picture in pictures(story).items()
    }


def _of_segments(story: Story) -> Iterator[Picture]:
    told = story.segmentation
    if told is None:
        return
    names = told.segments["name"].to_dict()
    if told.points is not None and len(told.points):
        yield _map(story, told, names)
    if told.profile is not None and told.profile.size:
        yield _heatmap(story, told, names)
    if told.k_curve is not None and len(told.k_curve):
        yield _k_curve(story, told)


def _map(story: Story, told: Segmentation, names: dict[Any, str]) -> Picture:
    points = told.points
    assert points is not None
    step = -(-len(points) // MAP_POINTS)
    drawn = points.iloc[::step]
    return Picture(
        "map",
        "Where the segments lie",
        "Each mark is a customer, placed on the two main axes of behaviour; near means alike. "
        "Two axes cannot show all that tells segments apart.",
        f"{number(len(drawn))} customers drawn. {scope(story)}",
        f"Scatter of {len(drawn)} customers on two axes, in {len(names)} segments: "
        + "; ".join(map(str, names.values())),
        lambda note: figures.segment_map(drawn, names, told.axes, told.explained, note),
    )


def _heatmap(story: Story, told: Segmentation, names: dict[Any, str]) -> Picture:
    profile = told.profile
    assert profile is not None
    return Picture(
        "profile",
        "What sets each segment apart",
        "Mean of the segment less that of the base, in standard deviations of the base; blue and "
        "plus above, orange and minus below.",
        scope(story),
        "Table of shades; " + _extremes(told, names),
        lambda note: figures.profile_heatmap(profile, names, note=note),
    )


def _extremes(told: Segmentation, names: dict[Any, str]) -> str:
    profile = told.profile
    assert profile is not None
    told_each = []
    for segment, row in profile.iterrows():
        if row.notna().any():
            label = row.abs().idxmax()
            far = number(row[label], 1, signed=True)
            told_each.append(f"{names.get(segment, segment)}: {label} {far}")
    return "furthest from the base: " + "; ".join(told_each)


def _k_curve(story: Story, told: Segmentation) -> Picture:
    curve = told.k_curve
    assert curve is not None
    values = zip(curve["k"], curve["stability_min"], strict=True)
    return Picture(
        "k-curve",
        "How many segments hold",
        told.criterion or "Stability is the mean best Jaccard match over bootstrap resamples.",
        scope(story),
        "Stability of the least stable segment: "
        + ", ".join(f"{number(k)} segments {number(value, 2)}" for k, value in values),
        lambda note: figures.k_curve(curve, note),
    )


def _side_by_side(story: Story) -> Iterator[Picture]:
    from facette.segments.side_by_side import VALUE_TIERS

    side = story.side_by_side
    if side is None or not any(found.pertinence for found in side.judged.values()):
        return
    found = {
        title_of(name): judged.pertinence
        for name, judged in side.judged.items()
        if name != VALUE_TIERS and judged.pertinence
    }
    if not found:
        return
    yield Picture(
        "pertinence",
        "What each segmentation tells beyond the value tier",
        f"The share of what value tiers leave unexplained that the segments take away, "
        f"{held_out(story)}, "
        f"with its {number(100 * story.confidence)}% interval. Left of the line: it would have "
        "been better not to know the segment.",
        scope(story),
        "; ".join(
            f"{title}: {outcome} {share(p.gain)}"
            for title, told in found.items()
            for outcome, p in told.items()
        ),
        lambda note: pertinence_figure(found, note),
    )


def _of_matrix(story: Story) -> Iterator[Picture]:
    frame = story.matrix
    if frame is None or frame["headroom"].isna().all():
        return
    total = (frame["customers"] * frame["headroom"]).sum()
    held = frame.loc[(frame["customers"] * frame["headroom"]).idxmax()]
    part = held["customers"] * held["headroom"] / (total or 1)
    largest = f"value {held['value_tier']}, potential {held['potential_tier']}"
    yield Picture(
        "matrix",
        "Where the headroom lies",
        "Customers in each cell and mean headroom a customer; the stronger the shade, the more "
        f"headroom the cell holds in all. Most: {largest}, {share(part)} of it.",
        scope(story, "potential"),
        f"Matrix of value tier by potential tier; the cell {largest} holds {share(part)} of "
        "the headroom",
        lambda note: figures.matrix(frame, story.currency, note),
    )


def _of_grid(story: Story) -> Iterator[Picture]:
    if story.grid is None:
        return
    grades = story.grid.tables["grades"]
    level = f"{number(100 * story.confidence)}%"
    told = "; ".join(f"{grade} {share(rate)}" for grade, rate in grades["rate"].items())
    yield Picture(
        "grid-rates",
        "Whether the better grades do better",
        f"The share of each grade’s customers who were {story.grid_means}, with its {level} "
        "interval; dashed, that of all of them.",
        scope(story, "grid", int(grades["customers"].sum())),
        f"Share {story.grid_means} by grade: {told}",
        lambda note: grade_rates(grades, story.grid_means, note),
    )


def _of_models(story: Story) -> Iterator[Picture]:
    for part in ("value", "potential", "churn"):
        if part in story.off:
            continue
        if part in story.gains_curves:
            yield _gains(story, part)
        if part == "churn" and story.profit_curves:
            yield _profit(story)
        if part in story.calibration:
            yield _calibration(story, part)
        if part in story.deciles:
            yield _deciles(story, part)
        if part in story.drivers and len(story.drivers[part]):
            yield _drivers(story, part)


def _gains(story: Story, part: str) -> Picture:
    curves = story.gains_curves[part]
    held = [f"{name} {share(_held(*curve), 0)}" for name, curve in curves.items()]
    return Picture(
        f"{part}-gains",
        f"How well the {part} model ranks customers",
        f"Share of all {_HELD[part]} found among the customers ranked highest. "
        f"In the first tenth: {', '.join(held)}.",
        scope(story, part),
        f"Gains curves; share held by the first tenth: {', '.join(held)}",
        lambda note: figures.gains_curve(curves, _HELD[part], note),
    )


_HELD = {"value": "value", "potential": "potential", "churn": "churners"}


def _held(x: Any, y: Any) -> float:
    import numpy as np

    return float(np.interp(0.1, x, y))


def _profit(story: Story) -> Picture:
    best = {name: figures.best_cut(*curve) for name, curve in story.profit_curves.items()}
    everyone = float(next(iter(story.profit_curves.values()))[1][-1])
    told = "; ".join(_best_in_words(story, name, *at) for name, at in best.items())
    return Picture(
        "churn-profit",
        "Whom it pays to contact",
        "Profit of a retention campaign, spread over all customers, when those likeliest to leave "
        f"are contacted; marked, the best share, found knowing who left. {capital(told)}. "
        f"To contact everyone would bring {money(everyone, story.currency)}.",
        f"{scope(story, 'churn')} {story.campaign}.",
        f"Profit by share of customers contacted; {told}",
        lambda note: figures.profit_curve(story.profit_curves, story.currency, note),
    )


def _best_in_words(story: Story, name: str, part: float, profit: float) -> str:
    if not part:
        return f"{name}: it is best to contact nobody"
    return (
        f"{name}: {money(profit, story.currency)} a customer, {figures.contacted(part)} contacted"
    )


def _calibration(story: Story, part: str) -> Picture:
    bins = story.calibration[part]
    pairs = zip(bins["predicted"], bins["observed"], strict=True)
    told = ", ".join(f"{share(said)} said {share(seen)} seen" for said, seen in pairs)
    return Picture(
        f"{part}-calibration",
        "Whether probabilities come true",
        "Each point is a bin of customers with its interval; on the dashed line, what was "
        "announced happened.",
        scope(story, part, int(bins["n"].sum())),
        f"Calibration: {told}",
        lambda note: figures.calibration(bins, part, note),
    )


def _deciles(story: Story, part: str) -> Picture:
    deciles = story.deciles[part]
    top = deciles.iloc[-1]
    told = f"{number(top['predicted'])} predicted, {number(top['actual'])} actual"
    return Picture(
        f"{part}-deciles",
        "Whether amounts come true",
        f"Mean predicted and actual {story.currency} a customer, by decile of the prediction.",
        scope(story, part),
        f"Predicted and actual by decile; highest decile {story.currency} {told}",
        lambda note: figures.decile_calibration(deciles, story.currency, note),
    )


def _drivers(story: Story, part: str) -> Picture:
    drivers = story.drivers[part]
    first = "; ".join(drivers.nlargest(3, "mean_abs")["sentence"].astype(str))
    return Picture(
        f"{part}-drivers",
        f"What moves the {part} model most",
        "Plus: the higher the feature, the higher the prediction; minus, hatched: the lower; "
        "plus or minus: mixed. Drivers are associations, not causes.",
        scope(story, part),
        f"Bars of mean absolute SHAP contribution; largest: {first}",
        lambda note: figures.driver_bars(drivers, note=note),
    )
