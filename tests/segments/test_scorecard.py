"""A grid of points: bands that hold, totals that add up, grades that stay, the same in SQL."""

import json
from copy import deepcopy
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from facette.errors import BadInput
from facette.segments.scorecard import Scorecard

GRADES = ["A", "B", "C", "D", "E"]
AGE: dict[str, Any] = {
    "name": "age", "column": "age", "side": "explicit", "missing": 5,
    "bands": [{"below": 25, "points": 10}, {"below": 65.5, "points": 30}, {"points": 15}],
}  # fmt: skip
REGION: dict[str, Any] = {
    "name": "region", "column": "region", "side": "explicit", "missing": 0,
    "bands": [{"in": ["West", "l'Ouest"], "points": 20}, {"in": ["7"], "points": 12},
              {"points": 3}],
}  # fmt: skip
RECENCY: dict[str, Any] = {
    "name": "recency", "column": "recency_days", "side": "behavioural", "missing": -5,
    "bands": [{"below": 30, "points": 50}, {"below": 90, "points": 20}, {"points": 0}],
}  # fmt: skip
COMPLAINTS: dict[str, Any] = {
    "name": "complaints", "column": "open_complaints", "side": "behavioural", "missing": 0,
    "bands": [{"below": 1, "points": 0}, {"points": -40}],
}  # fmt: skip
CRITERIA = [AGE, REGION, RECENCY, COMPLAINTS]
SHARES = [0.1, 0.2, 0.3, 0.2, 0.2]


def customers(n: int = 500, seed: int = 0) -> pd.DataFrame:
    """Customers with gaps, infinities, negatives, values on a cut, unheard-of categories."""
    rng = np.random.default_rng(seed)
    odd = np.array(
        [np.nan, np.inf, -np.inf, -3.0, 25.0, 65.5, 30.0, 90.0, 1.0, np.nextafter(25, 0)]
    )
    frame = pd.DataFrame(
        {
            "age": rng.uniform(18, 90, n),
            "recency_days": rng.gamma(1, 40, n),
            "open_complaints": rng.poisson(0.2, n).astype(float),
        }
    )
    for name in frame:
        frame[name] = np.where(rng.random(n) < 0.3, rng.choice(odd, n), frame[name])
    names = np.array(["West", "l'Ouest", "7", "west", 'the "East"', "", None], dtype=object)
    frame["region"] = pd.array(rng.choice(names, n), dtype="str")
    frame.index = pd.Index([f"c{i}" for i in range(n)], name="customer_id", dtype="str")
    return frame


def card(**changed: Any) -> Scorecard:
    told = {"criteria": CRITERIA, "grades": GRADES, "grade_shares": SHARES}
    return Scorecard(**(told | changed))


@pytest.fixture(scope="module")
def fitted() -> Scorecard:
    return card().fit(customers())


def with_band(**changed: Any) -> list[dict[str, Any]]:
    """The grid with something of its first criterion changed."""
    return [{**AGE, **changed}, *CRITERIA[1:]]


def test_a_grid_by_hand(fitted: Scorecard) -> None:
    frame = pd.DataFrame(
        {
            "age": [25.0, 24.99, np.nan, 70.0],
            "region": ["West", None, "Mars", "7"],
            "recency_days": [29.9, 30.0, np.nan, np.inf],
            "open_complaints": [0.0, 2.0, np.nan, -np.inf],
        },
        index=["a", "b", "c", "d"],
    )
    parts = fitted.contributions(frame)
    assert parts.loc["a"].tolist() == [30, 20, 50, 0]
    assert parts.loc["b"].tolist() == [10, 0, 20, -40]
    assert parts.loc["c"].tolist() == [5, 3, -5, 0]
    assert parts.loc["d"].tolist() == [15, 12, 0, 0]
    told = fitted.transform(frame)
    assert told["points"].tolist() == [100, -10, 3, 27]
    assert told["explicit"].tolist() == [50, 10, 8, 27]
    assert fitted.predict(frame)[0] == "A"
    assert fitted.bands(frame).loc["b"].tolist() == ["below 25", "missing", "30 to below 90",
                                                     "1 or more"]  # fmt: skip


@given(st.integers(0, 10_000))
def test_contributions_and_subtotals_sum_to_the_points(seed: int) -> None:
    frame = customers(30, seed)
    grid = card().fit(customers(60, 1))
    told = grid.transform(frame)
    assert list(told) == ["explicit", "behavioural", "points"]
    assert set(told.dtypes) == {np.dtype("int64")}
    assert told.index.equals(frame.index)
    assert (grid.contributions(frame).sum(axis=1) == told["points"]).all()
    assert (told["explicit"] + told["behavioural"] == told["points"]).all()
    assert told["points"].max() <= 100


def test_no_total_is_clipped(fitted: Scorecard) -> None:
    worst = pd.DataFrame({"age": [10.0], "region": [None], "recency_days": [np.nan],
                          "open_complaints": [3.0]})  # fmt: skip
    assert fitted.transform(worst)["points"].tolist() == [10 + 0 - 5 - 40]


def test_grades_stay_where_they_were_fitted(fitted: Scorecard) -> None:
    frame = customers(300, 3)
    whole, cuts = fitted.predict(frame), list(fitted.cuts_)
    assert (fitted.predict(frame[50:60]) == whole[50:60]).all()
    assert (fitted.predict(frame[::-1]) == whole[::-1]).all()
    assert fitted.cuts_ == cuts
    assert sorted(set(whole)) == GRADES
    points = fitted.transform(frame)["points"]
    assert points[whole == "A"].min() >= cuts[0] > points[whole == "B"].max()


def test_given_cuts_are_kept_as_they_are() -> None:
    grid = card(grade_shares=None, grade_cuts=[80, 60, 40, 20]).fit(customers())
    assert grid.cuts_ == [80.0, 60.0, 40.0, 20.0]
    at = pd.DataFrame({"points": [80, 79, 20, 19]})["points"].to_numpy()
    assert grid._graded(at).tolist() == ["A", "B", "D", "E"]


def test_leads_are_scored_on_attributes_alone(fitted: Scorecard) -> None:
    known = customers(20)[["age", "region"]]
    with pytest.raises(BadInput, match="2 of 4 columns are absent: recency_days, open_complaints"):
        fitted.predict(known)
    told = fitted.transform(known.reindex(columns=fitted.features_))
    assert set(told["behavioural"]) == {-5}
    assert told["explicit"].max() > 20
    assert card().fit(known.reindex(columns=fitted.features_)).segments_[0] == {
        "id": "A", "name": "A",
    }  # fmt: skip


def test_an_optional_criterion_without_its_column_is_said_and_nothing_is_rescaled() -> None:
    frame = customers().drop(columns="region")
    with pytest.raises(BadInput, match=r"region reads region, which is no column"):
        card().fit(frame)
    grid = card(criteria=[AGE, {**REGION, "optional": True}, RECENCY, COMPLAINTS]).fit(frame)
    assert grid.notes_ == [
        "grid: without region (region, 20 points), as there is no such column: 80 is the most to "
        "be had"
    ]
    assert list(grid.contributions(frame)) == ["age", "recency", "complaints"]
    whole = card().fit(customers()).contributions(customers())
    pd.testing.assert_frame_equal(grid.contributions(frame), whole.drop(columns="region"))


def test_grades_that_nobody_has_are_said() -> None:
    grid = card(grade_shares=None, grade_cuts=[400, 300, 20, 0]).fit(customers())
    assert grid.notes_ == ["grid: no fitting customer has grade A, B; points are tied or cuts far"]


def test_all_that_was_fitted_is_plain_json(fitted: Scorecard) -> None:
    told = fitted.plain()
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    again = card(criteria=told["criteria"], grade_shares=None, grade_cuts=told["cuts"])
    frame = customers(100, 9)
    assert (again.fit(frame).predict(frame) == fitted.predict(frame)).all()


@pytest.mark.parametrize(
    ("criteria", "told"),
    [
        (with_band(missing=None), "missing must be given"),
        ([{k: AGE[k] for k in list(AGE) if k != "missing"}], "missing must be given"),
        (with_band(side="both"), "side is 'both'; explicit or behavioural"),
        (with_band(colum="x"), "unknown key 'colum'; did you mean 'column'?"),
        (with_band(missing=40), "missing earns 40 points, more than the best band (30)"),
        (with_band(missing=1.5), "1.5 points; a whole number"),
        (with_band(missing=True), "True points; a whole number"),
        (with_band(name="points"), "the grid itself makes a column of this name"),
        (with_band(name="REGION"), "REGION, region share a name"),
        (with_band(bands=[]), "two bands or more"),
        (with_band(bands=[{"points": 30}]), "two bands or more"),
        (with_band(bands=[{"below": 9}, {"points": 30}]), "band 1: points must be given"),
        (with_band(bands=[{"below": 9, "points": 30}, {"below": 12, "points": 1}]), "a gap after"),
        (with_band(bands=[{"in": ["a"], "points": 30}, {"in": ["b"], "points": 1}]), "a gap after"),
        (with_band(bands=[{"points": 1}, {"below": 9, "points": 30}, {"points": 0}]),
         "band 1 takes the rest"),
        (with_band(bands=[{"below": 9, "points": 1}, {"below": 9, "points": 30}, {"points": 0}]),
         "must grow band by band, and 9 follows 9"),
        (with_band(bands=[{"below": float("nan"), "points": 30}, {"points": 0}]), "below is nan"),
        (with_band(bands=[{"below": "9", "points": 30}, {"points": 0}]), "below is '9'"),
        (with_band(bands=[{"above": 9, "points": 30}, {"points": 0}]), "either 'below' or 'in'"),
        (with_band(bands=[{"below": 9, "points": 30}, {"in": ["a"], "points": 1}, {"points": 0}]),
         "are mixed"),
        (with_band(bands=[{"in": ["a", "b"], "points": 30}, {"in": ["a"], "points": 1},
                          {"points": 0}]), "a stands in more than one band"),
        (with_band(bands=[{"in": "a", "points": 30}, {"points": 0}]), "a list of categories"),
        (with_band(bands=[{"below": 25, "points": 10}, {"points": 20}]),
         "the best bands sum to 90 (age 20, region 20, recency 50, complaints 0), and 100"),
        (with_band(column="agee"), "did you mean 'age'?"),
        (with_band(column="region"), "numbers are wanted"),
        ([AGE, {**REGION, "column": "age"}, RECENCY, COMPLAINTS], "of age are numbers"),
        (["age"], "'age' is no mapping"),
        ([], "there is none"),
    ],
)  # fmt: skip
def test_a_grid_that_cannot_serve_is_refused_in_one_line(criteria: Any, told: str) -> None:
    with pytest.raises(BadInput) as error:
        card(criteria=criteria).fit(customers())
    assert told in str(error.value)
    assert str(error.value).startswith("grid.criteria: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"grades": ["A"]}, "grid.grades: "),
        ({"grades": ["A", "A"]}, "grid.grades: "),
        ({"grade_shares": None}, "either grade_cuts or grade_shares"),
        ({"grade_cuts": [4, 3, 2, 1]}, "either grade_cuts or grade_shares"),
        ({"grade_shares": [0.5, 0.5]}, "grid.grade_shares: 5 names for 2 shares"),
        ({"grade_shares": None, "grade_cuts": [4, 3, 2]}, "3 for 5 grades"),
        ({"grade_shares": None, "grade_cuts": [4, 3, 3, 1]}, "must fall"),
    ],
)
def test_grades_without_fit_cuts_are_refused(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInput) as error:
        card(**changed).fit(customers())
    assert told in str(error.value)


def test_text_that_comes_later_where_numbers_were_is_refused(fitted: Scorecard) -> None:
    frame = customers(5).astype({"age": object})
    frame.iloc[2, 0] = "forty"
    with pytest.raises(BadInput, match=r"age: numbers are wanted, and 1 of 5 values .*'forty'"):
        fitted.predict(frame)


def test_numbers_may_come_in_any_type_that_holds_them(fitted: Scorecard) -> None:
    frame = customers(200)
    for kind in (object, "Float64"):
        as_kind = frame.astype({"recency_days": kind})
        assert (fitted.predict(as_kind) == fitted.predict(frame)).all()
    asked = frame.astype({"region": "category"})
    assert (fitted.predict(asked) == fitted.predict(frame)).all()


def test_fitting_changes_neither_the_grid_given_nor_the_frame() -> None:
    criteria, frame = deepcopy(CRITERIA), customers()
    before = frame.copy()
    grid = card(criteria=criteria)
    assert grid.fit(frame) is grid
    assert criteria == CRITERIA
    pd.testing.assert_frame_equal(frame, before)
    assert clone(grid).fit(frame).plain() == grid.plain()


GRADES_ARE_TEXT = "the check subtracts predictions, and grades are text"
EXPECTED = {
    "check_dtype_object": "what is no number is refused by BadInput, one line for its user",
    "check_estimators_pickle": GRADES_ARE_TEXT,
    "check_methods_sample_order_invariance": GRADES_ARE_TEXT,
    "check_methods_subset_invariance": GRADES_ARE_TEXT,
    "check_fit_idempotent": GRADES_ARE_TEXT,
}


def test_it_keeps_scikit_learns_contract() -> None:
    bands = [{"below": 0, "points": 100}, {"points": 0}]
    one = {"name": "one", "column": "x0", "side": "explicit", "missing": 0, "bands": bands}
    grid = Scorecard([one], ["A", "B"], grade_cuts=[50])
    check_estimator(grid, expected_failed_checks=EXPECTED, on_skip=None)
