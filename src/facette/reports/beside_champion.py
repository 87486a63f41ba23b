"""How the run differs from that of the version in use: a sentence and two tables."""

from __future__ import annotations

import math

from facette.reports.story import PARTS, Champion, Headline, Story
from facette.reports.tables import Cell, Table, table
from facette.reports.words import day, metric_label, texts
from facette.wording import listed

MOST = 12  # tables named


def champion_sentences(story: Story) -> list[str]:
    """Which version is in use, on what data it was trained, and whether it was tested alike."""
    champion = story.champion
    if champion is None:
        return ["No version was in use before this run, or the run it came from is not kept."]
    began = day(champion.began.date().isoformat())
    told = [
        f"In use is version {champion.version} of {champion.name}, of run {champion.run} of {began}"
        "; this run’s is its challenger.",
        _data(champion),
        "" if len(champion.settings) else "Its settings are those of this run.",
        "" if champion.tested_alike else
        "It was tested at another date, on other customers or on other terms, so that figures "
        "can’t be compared; facette compare pairs them by customer where it can.",
    ]  # fmt: skip
    return [sentence for sentence in told if sentence]


def _data(champion: Champion) -> str:
    if not champion.other_data:
        return "It read the same data, to the digest."
    return f"It read other data: {listed(champion.other_data, MOST)}."


def champion_settings_table(story: Story) -> Table | None:
    """The settings that differ, the champion's and this run's."""
    champion = story.champion
    if champion is None or champion.settings.empty:
        return None
    columns = {
        "setting": ("Setting", "text"),
        "champion": ("Champion", "text"),
        "this run": ("This run", "text"),
    }
    frame = champion.settings.rename_axis("setting").reset_index()
    return table(frame, columns, "Settings that differ from the champion’s", story.currency)


def champion_figures_table(story: Story) -> Table | None:
    """The headline figures of both runs, where both were tested alike."""
    champion = story.champion
    if champion is None or not champion.tested_alike:
        return None
    rows = [_row(line, champion) for line in story.headlines if _known(line, champion)]
    headers = [("Figure", ""), ("Champion", ""), ("This run", "")]
    caption = "Headline figures beside the champion’s"
    return Table(caption, headers, rows, figures=[False, True, True]) if rows else None


def _row(line: Headline, champion: Champion) -> list[Cell]:
    kind = {"": "ratio", "share": "share"}.get(line.unit, "money")
    currency = f", {line.unit}" if kind == "money" else ""
    both = [champion.metrics[f"{line.part}/{line.metric}"], line.model]
    told = [Cell(text, True) for text in texts(both, kind)]
    return [Cell(f"{PARTS[line.part]}: {metric_label(line.metric)}{currency}"), *told]


def _known(line: Headline, champion: Champion) -> bool:
    return math.isfinite(champion.metrics.get(f"{line.part}/{line.metric}", math.nan))
