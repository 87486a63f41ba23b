"""The decision page, whole in one file."""

from __future__ import annotations

from typing import Any

from facette.policy.decision import Decision


def decision_page(decision: Decision, after: Any, data: Any, run_name: str) -> str:
    """The page as HTML text."""
    return "<html></html>"
