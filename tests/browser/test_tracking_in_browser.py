"""The tracking page shows the run and the registered model, from this machine alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from chromium import opened
from tracking_page import CustomerRun, model_page, run_page, tracking_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TALL_PX = 6000  # the page draws only the metrics in sight
# MLflow asks who is logged in even where nobody can log in
ITS_OWN = "/ajax-api/2.0/mlflow/users/current"
KEY_METRICS = (
    "value/normalised_gini", "value/mae", "value/gain/normalised_gini", "potential/coverage",
    "potential/pinball", "churn/log_loss", "churn/roc_auc", "behaviour/k",
    "behaviour/stability_min",
)  # fmt: skip


@pytest.fixture(scope="module")
def address(run: CustomerRun, home: Path) -> Iterator[str]:
    with tracking_page(home / "mlruns") as served_at:
        yield served_at


def shown(page: Page) -> str:
    return page.locator("body").inner_text()


def absent(lines: list[str], text: str) -> list[str]:
    return [line for line in lines if line not in text]


def test_the_run_page_shows_the_description_and_the_key_metrics(
    browser: Browser, run: CustomerRun, address: str
) -> None:
    with opened(browser, address + run_page(run), height_px=TALL_PX) as (page, heard):
        page.get_by_text(run.description[-1]).wait_for()
        page.get_by_text("behaviour/stability_min", exact=True).wait_for()
        text = shown(page)
        lines = text.splitlines()
        metrics = {name: float(lines[lines.index(name) + 1]) for name in KEY_METRICS}
        assert absent(run.description, text) == []
        assert metrics == pytest.approx({name: run.metrics[name] for name in KEY_METRICS})
        assert heard.refused == []
        assert [error for error in heard.errors if not error.endswith(ITS_OWN)] == []


def test_the_registry_page_shows_the_version_s_card(
    browser: Browser, run: CustomerRun, address: str
) -> None:
    with opened(browser, address + model_page(run), height_px=TALL_PX) as (page, heard):
        page.get_by_text(run.card[-1]).wait_for()
        page.get_by_text("@ champion").wait_for()
        text = shown(page)
        assert f"Version {run.version}" in text
        assert absent(run.card, text) == []
        assert heard.refused == []
        assert [error for error in heard.errors if not error.endswith(ITS_OWN)] == []
