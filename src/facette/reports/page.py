"""One self-contained page a run: no network, no script, every text from data escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from facette.models.by_group import AMOUNTS, COVERED_WITHIN
from facette.reports.against_truth import headroom_table, recovery_table, truth_sentences
from facette.reports.beside_champion import (
    champion_figures_table,
    champion_sentences,
    champion_settings_table,
)
from facette.reports.cards import segment_cards
from facette.reports.decision.tables import flows_table
from facette.reports.driver_tables import (
    contrasts_table,
    licences_table,
    movers_table,
    pairs_table,
)
from facette.reports.gallery import pictures
from facette.reports.portraits import folds, with_portraits
from facette.reports.scoring_grid import grid_told
from facette.reports.side_by_side import side_tables, verdicts
from facette.reports.story import PARTS, Story
from facette.reports.summary import SEVERITIES, summary_lines
from facette.reports.tables import (
    Table,
    against_baselines,
    cleaning_table,
    gains_table,
    table,
)
from facette.reports.templates import filled
from facette.reports.words import (
    ahead,
    day,
    headline_texts,
    metric_label,
    missing,
    number,
    when,
)
from facette.snapshots.protected import KEPT_OUT, USED

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["render", "summary_lines"]

MOST_CELLS = 20
MEANS = {
    "customers": ("Customers", "count"),
    "value": ("Expected value each", "money"),
    "headroom": ("Headroom each", "money"),
    "churn": ("Churn", "share"),
}


def render(story: Story) -> str:
    """The whole page as HTML text."""
    return filled("page.html.jinja", **_told(story))


def _told(story: Story) -> dict[str, Any]:
    return {
        "story": story,
        "told": story.segmentation,
        "side": story.side_by_side,
        "verdicts": [] if story.side_by_side is None else verdicts(story.side_by_side),
        "when": when(story),
        "ahead": ahead(story),
        "summary": [line.split(": ", 1) for line in summary_lines(story)],
        "headlines": _headlines(story),
        "checks": sorted(story.checks, key=lambda check: SEVERITIES.index(check.severity)),
        "pictures": _drawn(story),
        "cards": with_portraits(segment_cards(story), story),
        "folds": folds(story),
        "grid": grid_told(story),
        "tables": _tables(story),
        "models": _models(story),
        "truth": truth_sentences(story),
        "facts": _facts(story),
        "champion": champion_sentences(story),
        "number": number,
    }


def _headlines(story: Story) -> list[dict[str, Any]]:
    told = []
    for headline in story.headlines:
        names: dict[str, Any] = {
            "part": PARTS.get(headline.part, headline.part),
            "metric": metric_label(headline.metric),
            "opponent": None if missing(headline.baseline) else headline.baseline_name,
        }
        told.append(names | headline_texts(headline))
    return told


def _drawn(story: Story) -> dict[str, dict[str, str | Markup]]:
    from facette.reports.svg import inline_svg

    return {
        key: {
            "key": key,
            "title": picture.title,
            "reading": picture.reading,
            "context": picture.context,
            "svg": inline_svg(picture.draw(""), f"figure-{key}", picture.alt),
        }
        for key, picture in pictures(story).items()
    }


def _models(story: Story) -> list[dict[str, Any]]:
    return [
        {
            "part": part,
            "title": title,
            "off": None if story.ran(part) else story.off.get(part, "it was not asked for"),
            "evaluation": _evaluation(story, part),
            "gains": _gains(story, part),
            "served": _served(story, part),
            "by_protected": _tells_of_protected(story, part),
            "unlicensed": story.unlicensed.get(part),
            "pairs": pairs_table(story, part),
            "movers": movers_table(story, part),
        }
        for part, title in PARTS.items()
    ]


def _evaluation(story: Story, part: str) -> Table | None:
    if part not in story.evaluation:
        return None
    caption = f"{PARTS[part]} against its baselines, {story.protocol}"
    return against_baselines(story.evaluation[part], caption, story.currency)


def _gains(story: Story, part: str) -> Table | None:
    if part not in story.gains:
        return None
    return gains_table(story, part, f"{PARTS[part]}: gain over the best baseline")


def _served(story: Story, part: str) -> Table | None:
    frame = story.served.get(part)
    if frame is None or frame.empty:
        return None
    kind = "money" if part in AMOUNTS else "share"
    told, came = {"churn": ("Said", "Came true")}.get(
        part, ("Expected each", "Came each") if part in AMOUNTS else ("Wanted", "Covered")
    )
    columns = {
        "by": ("By", "text"),
        "group": ("Group", "text"),
        "customers": ("Customers", "count"),
        "predicted": (told, kind),
        "actual": (came, kind),
        "low": ("From", kind),
        "high": ("To", kind),
        "off": ("", "text"),
    }
    shown = frame.assign(off=["off" if off else "" for off in frame["off"]])
    note = (
        f"From and to hold what came of all groups at once, at {number(100 * story.confidence)}%; "
        + _off_in_words(part)
    )
    caption = f"{PARTS[part]} by group of customers"
    return table(shown, columns, caption, story.currency, note)


def _tells_of_protected(story: Story, part: str) -> bool:
    frame = story.served.get(part)
    return frame is not None and any(
        f"({how})" in by for by in frame["by"] for how in (KEPT_OUT, USED)
    )


def _off_in_words(part: str) -> str:
    if part == "upside":
        return (
            f"off: what is wanted lies outside, more than {100 * COVERED_WITHIN:g} points away; "
            "where nearly all came to nothing, only if too few are covered. "
            "Groups of fewer customers are left out."
        )
    return "off: what was said lies outside."


def _tables(story: Story) -> dict[str, Table]:
    """The tables outside the models, by name; absent where there is nothing to print."""
    asked = {
        "segments": _segments_table,
        "k": _k_table,
        "contrasts": contrasts_table,
        "licences": licences_table,
        "tiers": _tiers_table,
        "matrix": _matrix_table,
        "by_category": _category_table,
        "cells": _cells_table,
        "catalogue": _catalogue_table,
        "cleaning": _cleaning_table,
        "champion_settings": champion_settings_table,
        "champion_figures": champion_figures_table,
        "recovery": recovery_table,
        "headroom": headroom_table,
        "flows": _flows_table,
    }
    made = {name: make(story) for name, make in asked.items()}
    printed = {name: shown for name, shown in made.items() if shown is not None}
    return printed | side_tables(story)


def _flows_table(story: Story) -> Table | None:
    return None if story.policy is None else flows_table(story.policy.flows)


def _segments_table(story: Story) -> Table | None:
    if story.segmentation is None:
        return None
    columns = {
        "name": ("Segment", "text"),
        "customers": ("Customers", "count"),
        "share": ("Of the base", "share"),
        "value_share": ("Of expected value", "share"),
        "value_mean": ("Value each", "money"),
        "headroom_mean": ("Headroom each", "money"),
        "churn_mean": ("Churn", "share"),
        "stability": ("Stability (Jaccard)", "index"),
        "stability_verdict": ("Verdict", "text"),
        "confidence_mean": ("Mean confidence", "share"),
    }
    frame = story.segmentation.segments
    return table(
        frame,
        columns,
        "The segments side by side",
        story.currency,
    )


def _k_table(story: Story) -> Table | None:
    if story.segmentation is None or story.segmentation.k_curve is None:
        return None
    curve = story.segmentation.k_curve
    curve = curve.assign(
        chosen=["chosen" if chosen else "" for chosen in curve["chosen"]],
        alone=["its choice" if best else "" for best in curve["best_silhouette"]],
    )
    columns = {
        "k": ("Segments", "count"),
        "stability_min": ("Least stability", "index"),
        "silhouette": ("Silhouette", "index"),
        "alone": ("Silhouette alone", "text"),
        "smallest_share": ("Smallest segment", "share"),
        "chosen": ("", "text"),
    }
    return table(curve, columns, "What was tried", story.currency)


def _tiers_table(story: Story) -> Table | None:
    if story.tiers is None:
        return None
    columns = {
        "tier": ("Value tier", "text"),
        "customers": ("Customers", "count"),
        "share": ("Of the base", "share"),
        "cut": ("From", "money"),
        "value_share": (f"Of {'expected' if story.ran('value') else 'current'} value", "share"),
    }
    return table(story.tiers, columns, "Value tiers, with frozen cuts", story.currency)


def _matrix_table(story: Story) -> Table | None:
    if story.matrix is None:
        return None
    tiers = {"value_tier": ("Value tier", "text"), "potential_tier": ("Potential tier", "text")}
    return table(
        story.matrix, tiers | MEANS, "The matrix in figures, means a customer", story.currency
    )


def _category_table(story: Story) -> Table | None:
    if story.by_category is None:
        return None
    columns = {
        "category": ("Category", "text"),
        "coverage": ("Coverage", "share"),
        "pinball": ("Pinball loss", "money"),
        "peer_group": ("Of the peer-group rule", "money"),
        "gain": ("Gain over the best baseline", "money"),
        "low": ("From", "money"),
        "high": ("To", "money"),
        "headroom": ("Headroom in all", "money"),
        "customers": ("Customers with it", "count"),
    }
    note = (
        "Each category has models of its own; their headroom does not add up to that of the whole, "
        "since few customers are high in all of them at once."
    )
    return table(story.by_category, columns, "Headroom by category", story.currency, note)


def _cells_table(story: Story) -> Table | None:
    if story.cells is None:
        return None
    columns = {"cell": ("Cell", "text")} | MEANS
    caption = "The crossing with behaviour, largest cells first, means a customer"
    return table(largest_cells(story.cells), columns, caption, story.currency)


def largest_cells(cells: pd.DataFrame, most: int = MOST_CELLS) -> pd.DataFrame:
    """The cells with most customers, and one row which sums up the rest."""
    ordered = cells.sort_values("customers", ascending=False, kind="stable")
    first, rest = ordered.iloc[:most], ordered.iloc[most:]
    if rest["customers"].sum() == 0:
        return first
    means = {name: _mean(rest, name) for name in ("value", "headroom", "churn") if name in rest}
    summed = {"cell": f"{len(rest)} smaller cells", "customers": rest["customers"].sum()}
    return pd.concat([first, pd.DataFrame([summed | means])], ignore_index=True)


def _mean(cells: pd.DataFrame, column: str) -> float:
    known = cells[cells[column].notna() & (cells["customers"] > 0)]
    customers = known["customers"].sum()
    return (
        float((known[column] * known["customers"]).sum() / customers) if customers else float("nan")
    )


def _catalogue_table(story: Story) -> Table | None:
    if story.catalogue is None:
        return None
    personal = ["yes" if value else "no" for value in story.catalogue["personal"]]
    columns = {
        name: (label, "text")
        for name, label in (
            ("name", "Feature"),
            ("sentence", "What it says"),
            ("family", "Family"),
            ("unit", "Unit"),
            ("source", "Source"),
            ("personal", "Personal data"),
        )
    }
    frame = story.catalogue.assign(personal=personal)
    return table(frame, columns, "What is known of a customer", story.currency)


def _cleaning_table(story: Story) -> Table | None:
    return cleaning_table(story.cleaning, story.currency)


def _facts(story: Story) -> list[tuple[str, str]]:
    lines = "" if story.transactions is None else f", {number(story.transactions)} lines"
    return [
        ("Data", f"{story.data_name}. {story.origin}"),
        ("Licence", story.licence),
        ("Base", f"{number(story.customers)} customers{lines}"),
        ("Perimeter", story.perimeter or _everyone(story)),
        ("Held out", story.protocol),
        *(_dates(story) if story.reference_date else [("Reference date", "none: a wide table")]),
        ("Value", f"{story.value_basis}; {story.currency}, {story.discount}"),
        ("Run", story.run_name),
        ("Code", story.code_version),
    ]


def _everyone(story: Story) -> str:
    if story.reference_date is None:
        return "every row of the table"
    return "everyone with a purchase before the reference date"


def _dates(story: Story) -> list[tuple[str, str]]:
    looks, window = story.test_looks, story.observation_days
    return [
        ("Observed until", day(story.observed_until)),
        ("Trained at", ", ".join(day(date) for date in story.training_dates) or "not available"),
        ("Tested at", day(story.reference_date)),
        ("Looks at the test date", "not counted" if looks is None else number(looks)),
        ("Looks back", "the whole history" if window is None else f"{number(window)} days"),
        ("Looks ahead", f"{number(story.horizon_days)} days"),
    ]
