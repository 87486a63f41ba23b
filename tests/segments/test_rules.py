"""The first rule that holds wins, in Python as in SQL; gaps, overlaps and idle rules are said."""

import json

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from named_segments import check_contract
from sklearn.base import clone

from facette.errors import BadInput
from facette.segments.rules import RuleSegments

RULES = {
    "lead": "stage = 'lead' and recency is null",
    "it's new": "tenure <= 91",
    "large": "spend > 100 and region in ('West', 'North')",
    "quiet": "recency > 60 or spend = 0",
}


def customers(seed: int, n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "tenure": rng.integers(0, 900, n).astype(float),
            "spend": np.round(rng.gamma(1, 80, n) * (rng.random(n) < 0.8), 2),
            "recency": rng.gamma(1, 40, n),
            "region": rng.choice(["West", "North", "South"], n),
            "stage": rng.choice(["lead", "customer"], n),
        },
        index=pd.Index([f"c{i}" for i in range(n)], name="customer_id"),
    ).astype({"region": "str", "stage": "str"})
    return frame.mask(pd.DataFrame(rng.random(frame.shape) < 0.15, frame.index, frame.columns))


def divided(frame: pd.DataFrame) -> list[str]:
    """The rules once more, customer by customer; a comparison with NaN or None never holds."""
    found = []
    for row in frame.itertuples():
        if row.stage == "lead" and np.isnan(row.recency):
            found.append("lead")
        elif row.tenure <= 91:
            found.append("it's new")
        elif row.spend > 100 and row.region in ("West", "North"):
            found.append("large")
        elif row.recency > 60 or row.spend == 0:
            found.append("quiet")
        else:
            found.append("the rest")
    return found


@given(st.integers(0, 10_000))
def test_the_first_rule_that_holds_gives_the_segment(seed: int) -> None:
    frame = customers(seed, 40)
    segments = RuleSegments(RULES, "the rest", False).fit(frame)
    assert segments.predict(frame).tolist() == divided(frame)


def test_sql_divides_as_python_does() -> None:
    frame = customers(1)
    fitted = RuleSegments(RULES, "the rest", False).fit(frame)
    with duckdb.connect() as session:
        session.register("snap shot", frame.reset_index().convert_dtypes())
        rows = session.execute(fitted.sql('"snap shot"')).df().set_index("customer_id")
    assert set(rows["segment"]) == {*RULES, "the rest"}
    assert rows["segment"].reindex(frame.index).tolist() == fitted.predict(frame).tolist()


def test_sql_without_rules_puts_everyone_in_one_segment() -> None:
    fitted = RuleSegments({}, "everyone", False).fit(customers(1))
    with duckdb.connect() as session:
        session.register("people", customers(1).reset_index()[["customer_id"]])
        assert set(session.execute(fitted.sql("people")).df()["segment"]) == {"everyone"}


def test_a_customer_is_divided_alike_whatever_stands_beside_them() -> None:
    frame = customers(2)
    fitted = RuleSegments(RULES, "the rest", False).fit(frame)
    whole = fitted.predict(frame)
    other_order = frame[::-1][list(frame.columns)[::-1]]
    assert fitted.predict(other_order).tolist() == whole[::-1].tolist()
    assert [fitted.predict(frame[i : i + 1])[0] for i in range(20)] == whole[:20].tolist()
    assert len(fitted.predict(frame[:0])) == 0


def test_reach_counts_who_matches_who_is_taken_and_who_is_left() -> None:
    frame = pd.DataFrame({"spend": [0.0, 10.0, 20.0, 200.0, np.nan]})
    rules = {"large": "spend >= 100", "some": "spend > 0", "none": "spend = 0"}
    fitted = RuleSegments(rules, "unknown", False).fit(frame)
    assert fitted.reach_.to_dict("records") == [
        {"rule": "large", "matches": 1, "taken": 0, "share": 0.2},
        {"rule": "some", "matches": 3, "taken": 1, "share": 0.4},
        {"rule": "none", "matches": 1, "taken": 0, "share": 0.2},
        {"rule": "unknown", "matches": 1, "taken": 0, "share": 0.2},
    ]
    assert fitted.notes_ == [
        "rules overlap earlier ones, which come first: some (1 of 3)",
        "no rule holds for 1 customers (20.0%): unknown",
    ]


def test_a_rule_that_is_never_reached_is_said() -> None:
    frame = pd.DataFrame({"spend": [1.0, 10.0, 200.0]})
    rules = {"any": "spend > 0", "large": "spend > 100", "minus": "spend < 0"}
    notes = RuleSegments(rules, "rest", False).fit(frame).notes_
    assert notes == [
        "rule minus holds for none of 3 customers",
        "rule large is never reached: all 1 customers for whom it holds are taken by any; "
        "place it earlier",
    ]


def test_rules_that_part_all_customers_leave_nothing_to_say() -> None:
    frame = pd.DataFrame({"spend": [1.0, 200.0]})
    rules = {"small": "spend < 100", "large": "spend >= 100"}
    assert RuleSegments(rules, "rest", False).fit(frame).notes_ == []


def test_a_rule_over_an_absent_column_is_refused_or_left_out_and_said() -> None:
    frame = customers(3).drop(columns="stage")
    with pytest.raises(BadInput, match=r"^rules\.lead: no column 'stage'"):
        RuleSegments(RULES, "the rest", False).fit(frame)
    fitted = RuleSegments(RULES, "the rest", True).fit(frame)
    assert fitted.notes_[0] == "rule lead is left out: there is no column stage"
    assert [s["id"] for s in fitted.segments_] == ["it's new", "large", "quiet", "the rest"]
    assert "lead" not in set(fitted.predict(frame))
    assert "stage" not in fitted.features_


@pytest.mark.parametrize(
    ("rules", "otherwise", "told"),
    [
        ({"a": "spend >"}, "rest", r"^rules\.a: cannot read"),
        ({"a": "region > 3"}, "rest", r"^rules\.a: region is text"),
        ({"a": "spend"}, "rest", r"^rules\.a: spend is a number"),
        ({"a": "spend > 1"}, "a", r"^otherwise: 'a' is the name of a rule"),
        ({"a": "age > 1", "b": "income > 1"}, "rest", r"^rules: none is left.* age, income"),
    ],
)
def test_rules_that_cannot_serve_are_refused_in_one_line(
    rules: dict[str, str], otherwise: str, told: str
) -> None:
    with pytest.raises(BadInput, match=told) as error:
        RuleSegments(rules, otherwise, True).fit(customers(4))
    assert "\n" not in str(error.value)


def test_a_column_that_is_missing_later_is_refused() -> None:
    fitted = RuleSegments(RULES, "the rest", False).fit(customers(5))
    with pytest.raises(BadInput, match="no column spend"):
        fitted.predict(customers(5).drop(columns="spend"))


def test_nobody_to_fit_on_is_refused() -> None:
    with pytest.raises(BadInput, match="no customer"):
        RuleSegments(RULES, "the rest", False).fit(customers(5)[:0])


def test_every_segment_is_told_in_words_with_what_stands_before_it() -> None:
    fitted = RuleSegments(RULES, "the rest", False).fit(customers(6))
    assert list(fitted.words_) == [s["name"] for s in fitted.segments_]
    assert fitted.words_["lead"] == RULES["lead"]
    assert fitted.words_["large"] == f"{RULES['large']}, and not lead or it's new"
    assert fitted.words_["the rest"] == "neither lead, it's new, large, quiet"


def test_the_rules_in_use_are_plain_and_in_order() -> None:
    plain = RuleSegments(RULES, "the rest", True).fit(customers(7)).plain()
    assert json.loads(json.dumps(plain)) == plain
    assert {r["segment"]: r["rule"] for r in plain["rules"]} == RULES


def test_rules_keep_the_contract_of_scikit_learn() -> None:
    check_contract(RuleSegments({"large": "x0 > 0.5"}, "other", True))
    rules = RuleSegments(RULES, "the rest", True)
    assert clone(rules).get_params() == rules.get_params()
