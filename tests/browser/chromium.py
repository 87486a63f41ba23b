"""Debian's Chromium without a window, and what a page asks for and complains of."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Route

CHROMIUM = shutil.which("chromium")
# what Chromium would do beside showing the page: drawing on a card, asking for updates and accounts
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
DESKTOP_PX, PHONE_PX = 1280, 390
A4_PX = 688  # 210 mm without the margins that page.css leaves, at 96 pixels an inch

Scheme = Literal["light", "dark"]


@dataclass
class Heard:
    """What a page asked for, what of it would have left this machine, and its script errors."""

    asked: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser with a new profile that goes when it is closed."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(
    browser: Browser, address: str, width_px: int = DESKTOP_PX, scheme: Scheme = "light",
    height_px: int = 900,
) -> Iterator[tuple[Page, Heard]]:  # fmt: skip
    """A page at an address, held to where that address lies: what asks elsewhere is refused."""
    home, heard = "/".join(address.split("/")[:3]) + "/", Heard()

    def pass_on(route: Route) -> None:
        url = route.request.url
        heard.asked.append(url)
        if url.startswith((home, "data:", "blob:")):
            return route.continue_()
        heard.refused.append(url)
        return route.abort()

    page = browser.new_page(
        viewport={"width": width_px, "height": height_px},
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    page.on("pageerror", lambda error: heard.errors.append(str(error)))
    page.on("console", lambda said: heard.errors.extend(_error(said)))
    try:
        page.route("**/*", pass_on)
        page.goto(address)
        yield page, heard
    finally:
        page.close()


def _error(said: ConsoleMessage) -> list[str]:
    return [f"{said.text} {said.location['url']}"] if said.type == "error" else []


def open_folds(page: Page) -> None:
    """Open what a reader can unfold."""
    page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
