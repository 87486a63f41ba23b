"""A page that asks elsewhere or stumbles is caught, or the other tests would prove nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from chromium import opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ELSEWHERE = "https://elsewhere.example/"


@pytest.mark.parametrize(
    "asking",
    [
        f'<img src="{ELSEWHERE}">',
        f'<link rel="stylesheet" href="{ELSEWHERE}">',
        f'<style>@import url("{ELSEWHERE}");</style>',
        f'<script>fetch("{ELSEWHERE}").catch(() => 0)</script>',
        f"<script>new Worker(URL.createObjectURL(new Blob(['fetch(\"{ELSEWHERE}\")'])))</script>",
    ],
    ids=["picture", "style", "import", "script", "worker"],
)
def test_what_asks_elsewhere_is_refused(browser: Browser, tmp_path: Path, asking: str) -> None:
    asks = tmp_path / "asks.html"
    asks.write_text(asking, encoding="utf-8")
    with opened(browser, asks.as_uri()) as (page, heard):
        page.wait_for_timeout(500)
        assert heard.refused == [ELSEWHERE]


def test_a_script_error_is_heard(browser: Browser, tmp_path: Path) -> None:
    stumbles = tmp_path / "stumbles.html"
    stumbles.write_text("<script>nowhere()</script><script>console.error('no')</script>")
    with opened(browser, stumbles.as_uri()) as (_, heard):
        assert len(heard.errors) == 2
