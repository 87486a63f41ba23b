"""A refit's segments bear the ids and names of the version before."""

from collections.abc import Sequence

import pandas as pd

from facette.segments.behaviour import BehaviourSegments
from facette.segments.identity import Identity, identified
from facette.segments.remembered import remembered


def found(names: Sequence[str]) -> BehaviourSegments:
    segments = [{"id": f"B{i}", "name": name} for i, name in enumerate(names, 1)]
    stability = {s["id"]: 0.9 - i / 10 for i, s in enumerate(segments)}
    return BehaviourSegments([], None, segments, pd.DataFrame(), stability, "", None, ["a note"])


def matched(before: str, after: str, named: dict[str, str], highest: int) -> Identity:
    return identified(
        pd.Series([f"B{c}" for c in before]), pd.Series([f"B{c}" for c in after]),
        named, highest, 0.5, least_share=0.2,
    )  # fmt: skip


NAMED = {"B1": "Weekend", "B2": "Evenings"}


def test_a_permuted_refit_keeps_ids_and_names_and_their_stability() -> None:
    swapped = matched("1111222", "2222111", NAMED, 2)
    kept = remembered(found(["Late", "Saturdays"]), swapped, NAMED, [])
    assert kept.segments == [{"id": "B2", "name": "Evenings"}, {"id": "B1", "name": "Weekend"}]
    assert kept.stability == {"B2": 0.9, "B1": 0.8}
    assert kept.notes == ["a note", "behaviour segments: all 2 segments are kept"]


def test_a_new_segment_has_a_new_id_and_no_name_that_is_taken() -> None:
    more = matched("111122222222", "111122223333", NAMED, 5)
    kept = remembered(found(["Weekend", "Evenings", "Evenings"]), more, NAMED, [])
    ids = [s["id"] for s in kept.segments]
    assert ids[0] == "B1"
    assert set(ids[1:]) <= {"B2", "B6", "B7"}
    assert kept.highest >= 6
    assert len({s["name"] for s in kept.segments}) == 3


def test_configured_names_win_by_id_and_not_by_place() -> None:
    swapped = matched("1111222", "2222111", NAMED, 2)
    kept = remembered(found(["x", "y"]), swapped, NAMED, ["Families", ""])
    assert {s["id"]: s["name"] for s in kept.segments} == {"B1": "Families", "B2": "Evenings"}


def test_an_id_that_died_is_never_given_again() -> None:
    strangers = identified(
        pd.Series(["B1"] * 3, index=list("abc")), pd.Series(["B1"] * 3, index=list("xyz")),
        {"B1": "Weekend"}, 9, 0.5, least_share=0.2,
    )  # fmt: skip
    kept = remembered(found(["Weekend"]), strangers, {"B1": "Weekend"}, [])
    assert kept.segments == [{"id": "B10", "name": "Weekend"}]
    assert kept.highest == 10
