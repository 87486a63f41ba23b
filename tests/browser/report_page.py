"""What a reader finds on the report: its headline cards, its controls, its texts' colours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from running import settings_of

from facette.models.judging import tau_of
from facette.reports.story import PARTS, Headline
from facette.reports.telling import HEADLINES
from facette.reports.words import BASELINES, METRICS, headline_texts, metric_label

if TYPE_CHECKING:
    from playwright.sync_api import Page

CARDS = """() => [...document.querySelectorAll('.strip li')].map(
    card => [...card.querySelectorAll('p')].map(line => line.textContent))"""

# what can be operated, in the order of the page; what a closed fold hides comes once it is open
CONTROLS = """() => {
    const operable = 'a[href], summary, button, input, [tabindex="0"]';
    return [...document.querySelectorAll(operable)].map((control, place) => {
        control.dataset.place = place;
        return (control.textContent || control.ariaLabel).trim().slice(0, 60);
    });
}"""
FOCUSED = """() => {
    const at = document.activeElement;
    return {
        place: Number(at.dataset.place ?? -1),
        closed: at.matches('details:not([open]) > summary'),
        ringed: getComputedStyle(at).outlineStyle !== 'none',
        shown: at.checkVisibility() && at.getBoundingClientRect().right > 0,
    };
}"""

# every element with words of its own: their colour and the first ground under them that is opaque
TEXTS = """() => {
    const ground = at => {
        for (; at; at = at.parentElement) {
            const colour = getComputedStyle(at).backgroundColor;
            if (!/^rgba\\(.*, 0\\)$/.test(colour)) return colour;
        }
        return 'rgb(255, 255, 255)';
    };
    const worded = at => [...at.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    return [...document.querySelectorAll('body, body *')]
        .filter(at => !at.closest('svg') && worded(at) && at.checkVisibility())
        .map(at => [at.textContent.trim().slice(0, 40), getComputedStyle(at).color, ground(at)]);
}"""


@dataclass(frozen=True)
class Text:
    """Words on the page, their colour and that of the ground they stand on, as CSS tells them."""

    words: str
    colour: str
    ground: str

    @property
    def contrast(self) -> float:
        """From 1 to 21, as WCAG 2.2 defines it."""
        lights = sorted(luminance(channels(colour)) for colour in (self.colour, self.ground))
        return (lights[1] + 0.05) / (lights[0] + 0.05)


def channels(colour: str) -> list[float]:
    """Red, green and blue of an opaque colour, 0 to 1. Raises ValueError for another.

    Plain ones are told as `rgb(…)` up to 255, mixed ones as `color(srgb …)` up to 1.
    """
    for form, whole in (
        (r"rgb\((\d+), (\d+), (\d+)\)", 255),
        (r"color\(srgb (\S+) (\S+) (\S+)\)", 1),
    ):
        if found := re.fullmatch(form, colour):
            return [float(channel) / whole for channel in found.groups()]
    raise ValueError(f"{colour} is not an opaque colour")


def luminance(rgb: list[float]) -> float:
    """Relative luminance of sRGB (WCAG 2.2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def texts(page: Page) -> list[Text]:
    """Every visible text outside the figures."""
    return [Text(*found) for found in page.evaluate(TEXTS)]


def cards(page: Page) -> list[list[str]]:
    """The lines of each headline card, as the browser has them."""
    found: list[list[str]] = page.evaluate(CARDS)
    return found


def expected_cards(metrics: Mapping[str, float], currency: str) -> list[list[str]]:
    """The lines that the headline cards of a run with these metrics must have."""
    figures = [(part, *figure) for part, named in HEADLINES.items() for figure in named]
    return [
        _lines(_headline(metrics, part, metric, currency if unit == "money" else unit))
        for part, metric, unit in figures
    ]


def _headline(metrics: Mapping[str, float], part: str, metric: str, unit: str) -> Headline:
    told = Headline(part, metric, unit, metrics[f"{part}/{metric}"])
    if metric == "coverage":
        told.wanted = tau_of(part, settings_of("train").model)
    aim = "total_error" if metric == "total_ratio" else metric  # a ratio aims at 1
    if f"{part}/gain/{aim}" in metrics:
        rivals = {
            name: metrics[key]
            for name in BASELINES
            if (key := f"{part}/baseline/{name}/{aim}") in metrics
        }
        best = max if METRICS[aim][2] == 1 else min
        opponent = best(rivals, key=lambda name: rivals[name])
        told.baseline_name = BASELINES[opponent]
        told.baseline = metrics[f"{part}/baseline/{opponent}/{metric}"]
        told.gain = metrics[f"{part}/gain/{aim}"]
        told.low, told.high = (metrics[f"{part}/gain/{aim}_{end}"] for end in ("low", "high"))
    return told


def _lines(headline: Headline) -> list[str]:
    said = headline_texts(headline)
    beside = [] if headline.baseline_name is None else [
        f"beside {said['baseline']}, {headline.baseline_name}",
        f"gain {said['gain']} ({said['interval']})",
    ]  # fmt: skip
    named = [PARTS[headline.part], metric_label(headline.metric), said["model"]]
    return [*named, *beside, said["verdict"]]
