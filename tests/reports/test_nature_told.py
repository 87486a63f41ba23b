"""The verdict on the segments is told with its ground and its figures."""

from types import SimpleNamespace
from typing import Any

import pytest

from facette.reports.findings import _nature_metrics
from facette.reports.telling import _nature
from facette.segments.nature import Kind, Nature


def judged(kind: Kind | None) -> Any:
    nature = Nature(kind, 0.05, 0.25, 0.06, 0.31, 0.28, 0.88, 0.8) if kind else None
    return SimpleNamespace(behaviour=SimpleNamespace(nature=nature))


@pytest.mark.parametrize("kind", ["natural", "reproducible", "constructed"])
def test_the_verdict_comes_first_and_its_figures_after(kind: Kind) -> None:
    told = _nature(judged(kind))
    assert told.lower().startswith(kind)
    assert [f for f in ("Jaccard 0.88", "0.31", "0.28", "25%", "6%") if f not in told] == []


def test_one_segment_has_no_verdict() -> None:
    assert _nature(judged(None)).startswith("No segments")
    assert _nature_metrics(None) == {"behaviour/natural": 0.0}


def test_only_natural_counts_as_natural() -> None:
    kinds: tuple[Kind, ...] = ("natural", "reproducible", "constructed")
    found = [_nature_metrics(judged(kind).behaviour.nature) for kind in kinds]
    assert [figures["behaviour/natural"] for figures in found] == [1, 0, 0]
    assert found[0]["behaviour/natural_p"] == 0.05
    assert found[0]["behaviour/null_stability"] == 0.8
