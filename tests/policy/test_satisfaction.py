"""Satisfaction: of who answered, by how they are handled, or not measured."""

import pandas as pd
import pytest
from books import tables_of
from worlds import at

from facette.policy.satisfaction import NOT_MEASURED, satisfaction, told

T = at("2021-07-01")
MODELS = pd.Series({"a": "desk", "b": "desk", "c": "mail", "d": "app"})
ASKED = {
    "transactions": {"customer_id": list("abcdx"), "occurred_at": ["2021-03-01"] * 5,
                     "amount": [1.0] * 5},
    "surveys": {
        "customer_id": list("aabcxcda"),
        "answered_at": ["2021-05-01", "2021-06-01", "2021-05-01", "2021-05-01", "2021-05-01",
                        "2021-07-02", "2021-05-01", "2021-06-02"],
        "question": ["happy"] * 7 + ["other"],
        "answer": ["1", "9", "7", "4", "2", "10", "no idea", "3"],
    },
}  # fmt: skip


def test_it_is_the_latest_number_of_each_who_is_in_the_plan_known_then() -> None:
    found = satisfaction(tables_of(ASKED), T, 120, "happy", MODELS)
    assert found is not None
    assert found["n"].to_dict() == {"app": 0, "desk": 2, "mail": 1}
    assert found.loc["desk", ["mean", "se"]].tolist() == pytest.approx([8.0, 1.0])
    assert told(found, "desk") == "8.0 ± 1.0 (2 answers)"
    assert told(found, "mail") == "4.0 (1 answer)"
    assert told(found, "app") == NOT_MEASURED


def test_where_nobody_asked_it_is_not_measured() -> None:
    tables = tables_of(ASKED)
    assert satisfaction(tables, T, 120, None, MODELS) is None
    assert satisfaction(tables, T, 120, "unasked", MODELS) is None
    without = {"transactions": ASKED["transactions"]}
    assert satisfaction(tables_of(without), T, 120, "happy", MODELS) is None
    assert told(None, "desk") == NOT_MEASURED
