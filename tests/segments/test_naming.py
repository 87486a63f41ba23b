"""Names tell segments apart, in words of the catalogue, and give way to the user's own."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facette.segments.naming import segment_names
from facette.snapshots.catalogue import Feature

CATALOGUE = {
    name: Feature(name, "f", "share", name, name, "transactions", high=f"much {name}", low=low)
    for name, low in (("wine", "little wine"), ("bread", "little bread"), ("toys", ""))
}


def profile(*rows: tuple[float, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(CATALOGUE))


def names(frame: pd.DataFrame, *given_: str) -> list[str]:
    return [s["name"] for s in segment_names(frame, CATALOGUE, list(given_))]


def test_a_name_says_what_stands_out_most_first() -> None:
    assert names(profile((2.0, -1.0, 0.1), (-0.4, 0.1, 3.0))) == [
        "Much wine, little bread", "Much toys, little wine",
    ]  # fmt: skip


def test_what_has_no_word_is_passed_over() -> None:
    assert names(profile((0.5, 0.0, -3.0), (-0.5, 0.0, 0.0))) == ["Much wine", "Little wine"]


def test_one_segment_is_everyone() -> None:
    assert segment_names(profile((0, 0, 0)), CATALOGUE, []) == [{"id": "B1", "name": "Everyone"}]


@given(
    st.lists(
        st.tuples(*[st.floats(-3, 3, allow_nan=False)] * 3), min_size=2, max_size=8
    )
)  # fmt: skip
def test_no_two_segments_bear_one_name(rows: list[tuple[float, float, float]]) -> None:
    told = segment_names(profile(*rows), CATALOGUE, [])
    assert len({s["name"] for s in told}) == len(rows)
    assert [s["id"] for s in told] == [f"B{i + 1}" for i in range(len(rows))]
    assert all(s["name"][:1].isupper() for s in told)


def test_a_users_own_names_win_and_an_empty_one_keeps_the_one_found() -> None:
    rows = profile((2.0, 0, 0), (0, 2.0, 0), (0, 0, 2.0))
    assert names(rows, "", "Bakers") == ["Much wine", "Bakers", "Much toys"]
    assert names(rows, "A", "B", "C", "D") == ["A", "B", "C"]


@pytest.mark.parametrize("value", [0.0, np.nextafter(0.35, 0)])
def test_a_segment_like_the_others_still_has_a_name(value: float) -> None:
    assert all(names(profile((value, 0, 0), (-value, 0, 0))))
