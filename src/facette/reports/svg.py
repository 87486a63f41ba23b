"""A matplotlib figure as SVG that lives inside the page.

Text stays text in the reader's own font, colours become the page's variables (so that light and
dark follow the reader), identifiers get the figure's own prefix, nothing points outside.
"""

from __future__ import annotations

import re
import warnings
from io import StringIO
from typing import TYPE_CHECKING

from facette.reports.drawing import COLOURS

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.figure import Figure

NAMED = {value: f"var(--{name})" for name, value in COLOURS.items()}
PIXELS_PER_INCH = 96


def inline_svg(figure: Figure, key: str, alt: str) -> Markup:
    """The figure as an `<svg>` element; `key` is unique on the page, `alt` is read aloud."""
    from markupsafe import Markup, escape

    drawing = _saved(figure, key)
    body = drawing[drawing.index(">", drawing.index("<svg")) + 1 :]
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r' fill="(#[0-9a-f]{6})"', r' style="fill: \1"', _own_ids(body, key))
    body = re.sub(r'style="[^"]*"', _page_style, body)
    width, height = (72 * inches for inches in figure.get_size_inches())
    return Markup(
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(alt)}" '
        f'style="width:{figure.get_figwidth() * PIXELS_PER_INCH:.0f}px">{_compact(body)}'
    )


def _saved(figure: Figure, key: str) -> str:
    import matplotlib

    out = StringIO()
    with (
        matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": key}),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", "Glyph", UserWarning)  # the reader's font draws the text
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    return out.getvalue()


def _own_ids(body: str, key: str) -> str:
    body = re.sub(r'\s*<g id="[^"]*">', lambda tag: tag[0][: tag[0].index(" id")] + ">", body)
    body = re.sub(r'(<[^<>]* )id="([^"]*)"', rf'\1id="{key}-\2"', body)
    body = re.sub(r'xlink:href="#([^"]*)"', rf'href="#{key}-\1"', body)
    return re.sub(r"url\(#([^)]*)\)", rf"url(#{key}-\1)", body)


def _page_style(style: re.Match[str]) -> str:
    plain = re.sub(r" font-family: [^;]*;", "", style[0])
    return re.sub(r"#[0-9a-f]{6}", lambda colour: NAMED.get(colour[0], colour[0]), plain)


def _compact(body: str) -> str:
    body = re.sub(r"<[^<>]*>", lambda tag: re.sub(r"(\.\d\d)\d+", r"\1", tag[0]), body)
    return re.sub(r"\s*\n\s*", "\n", re.sub(r"<g [^<>]*/>|<g/>", "", body))
