"""Pictures of the latest run's report and of its tracking pages, to be looked at.

    python tests/browser/screenshots.py mlruns FOLDER

The report at a desk, on a phone, in the dark (folds open) and printed; the run and its registered
model. The printed PDF is drawn page by page too where pdftoppm is at hand.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from chromium import DESKTOP_PX, PHONE_PX, Scheme, chromium, open_folds, opened
from tracking_page import CustomerRun, latest_run, model_page, run_page, tracking_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# the tracking page scrolls inside its window, and goes on drawing for a moment
WIDE_PX, TALL_PX, SETTLED_MS = 1600, 1800, 1500
# picture: width, colour scheme, whether folds are open
REPORTS: dict[str, tuple[int, Scheme, bool]] = {
    "report_desktop": (DESKTOP_PX, "light", False),
    "report_phone": (PHONE_PX, "light", False),
    "report_dark": (DESKTOP_PX, "dark", True),
    "report_phone_dark": (PHONE_PX, "dark", True),
}


def take(runs: Path, out: Path) -> None:
    """Write the pictures of the latest training run in `runs` into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    run = latest_run(runs)
    with chromium() as browser:
        _report(browser, run.report, out)
        with tracking_page(runs) as address:
            _tracked(browser, address, run, out)


def _report(browser: Browser, report: Path, out: Path) -> None:
    for name, (width_px, scheme, unfolded) in REPORTS.items():
        with opened(browser, report.as_uri(), width_px, scheme) as (page, _):
            if unfolded:
                open_folds(page)
            page.screenshot(path=out / f"{name}.png", full_page=True)
    printed = out / "report_printed.pdf"
    with opened(browser, report.as_uri()) as (page, _):
        page.pdf(path=printed, prefer_css_page_size=True)
    if tool := shutil.which("pdftoppm"):
        subprocess.run([tool, "-r", "60", "-png", printed, printed.with_suffix("")], check=True)


def _tracked(browser: Browser, address: str, run: CustomerRun, out: Path) -> None:
    pages = {
        "tracking_run": (run_page(run), run.description),
        "tracking_model": (model_page(run), run.card),
    }
    for name, (place, lines) in pages.items():
        with opened(browser, address + place, WIDE_PX, height_px=TALL_PX) as (page, _):
            page.get_by_text(lines[-1]).wait_for()
            page.wait_for_timeout(SETTLED_MS)
            page.screenshot(path=out / f"{name}.png")


if __name__ == "__main__":
    take(Path(sys.argv[1]), Path(sys.argv[2]))
