import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from facette.errors import BadInput
from facette.expressions import keep
from facette.segments.rules import RuleSegments
from facette.segments.target import TreeSegments
from facette.snapshots.catalogue import Feature

ONE = "one group is nothing to tell apart: a user's mistake, BadInput, which is no ValueError"
EXPECTED = {"check_classifiers_one_label": ONE, "check_fit2d_1sample": ONE}
CATALOGUE = {"visits": Feature("visits", "relation", "count", "visits a year", "visites", "x")}


def tree(**changed: object) -> TreeSegments:
    given = {"max_segments": 6, "min_share": 0.05, "folds": 4, "seed": 1}
    return TreeSegments(**(given | changed))


def people(seed: int = 0, n: int = 600) -> tuple[pd.DataFrame, np.ndarray]:
    """Groups told by visits, town and a gap in income, with a tenth of them mistaken."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "visits": rng.normal(10, 3, n),
            "home town": rng.choice(["Lyon", "L'Isle", "Metz"], n),
            "income": np.where(rng.random(n) < 0.3, np.nan, rng.normal(size=n)),
            "digital": rng.random(n) < 0.5,
        },
        index=pd.Index([f"c{i}" for i in range(n)], name="customer_id"),
    )
    groups = np.where(frame["visits"] > 11, "close", np.where(frame["digital"], "remote", "quiet"))
    groups = np.where(frame["income"].isna(), "unknown", groups)
    groups = np.where((frame["home town"] == "L'Isle") & (groups == "quiet"), "local", groups)
    mistaken = rng.random(n) < 0.1
    return frame, np.where(mistaken, rng.permutation(groups), groups)


@pytest.fixture(scope="module")
def fitted() -> TreeSegments:
    return tree(catalogue=CATALOGUE).fit(*people())


def test_the_expressions_give_the_same_groups_on_new_customers(fitted: TreeSegments):
    later = people(seed=5)[0]
    later.iloc[:20, 0] = np.nan  # visits were always known at fit
    rules = RuleSegments(fitted.expressions(), "nobody", False).fit(later)
    assert (rules.predict(later) == fitted.predict(later)).all()


def test_every_customer_is_in_the_one_leaf_whose_expression_holds(fitted: TreeSegments):
    later = people(seed=6)[0]
    leaves = pd.Series(fitted.leaf(later), later.index)
    for row in fitted.rules_.itertuples():
        assert list(keep(later, row.rule, "rules").index) == list(leaves[leaves == row.leaf].index)


def test_rules_are_told_in_the_words_of_the_catalogue(fitted: TreeSegments):
    words = "; ".join(fitted.rules_["words"])
    assert "visits a year above 1" in words
    assert "income not known" in words
    assert "home town is L'Isle" in words


def test_shares_and_errors_of_leaves_are_those_of_their_customers(fitted: TreeSegments):
    frame, groups = people()
    leaves = fitted.leaf(frame)
    assert fitted.rules_["share"].sum() == pytest.approx(1)
    for row in fitted.rules_.itertuples():
        inside = groups[leaves == row.leaf]
        assert row.share == pytest.approx(len(inside) / len(groups))
        assert row.error == pytest.approx((inside != row.group).mean())


def test_the_error_out_of_sample_is_near_the_tenth_that_is_mistaken(fitted: TreeSegments):
    assert 0.05 < fitted.error_ < 0.15
    assert fitted.error_of_largest_ > 0.5


def test_groups_that_nothing_tells_are_not_said_to_be_told():
    frame, groups = people()
    told = tree().fit(frame, np.random.default_rng(3).permutation(groups))
    assert told.error_ > told.error_of_largest_ - 0.03


def test_no_more_leaves_than_asked_and_none_smaller():
    made = tree(max_segments=3, min_share=0.2).fit(*people())
    assert len(made.rules_) == 3
    assert made.rules_["share"].min() >= 0.2
    assert any("no segment stands for" in note for note in made.notes_)


def test_only_columns_that_rules_read_are_needed_later(fitted: TreeSegments):
    later = people(seed=7)[0].assign(more=1)
    few = later[fitted.features_[::-1]]
    assert (fitted.predict(few) == fitted.predict(later)).all()
    with pytest.raises(BadInput, match="visits"):
        fitted.predict(later.drop(columns="visits"))


@pytest.mark.parametrize(
    ("changed", "told"), [({"max_segments": 1}, "max_segments"), ({"min_share": 0.6}, "min_share")]
)
def test_a_tree_that_can_not_be_is_refused(changed: dict[str, float], told: str):
    with pytest.raises(BadInput, match=told):
        tree(**changed).fit(*people())


def test_one_group_is_nothing_to_tell_apart():
    with pytest.raises(BadInput, match="one class"):
        tree().fit(people()[0], np.repeat("a", 600))


def test_two_fits_are_the_same_and_a_clone_is_unfitted(fitted: TreeSegments):
    again = clone(fitted)
    assert not hasattr(again, "rules_")
    assert again.fit(*people()).plain() == fitted.plain()


def test_it_keeps_the_contract_of_scikit_learn():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the checks raise warnings on purpose
        told = check_estimator(
            tree(max_segments=20, min_share=0.01), on_skip=None, expected_failed_checks=EXPECTED
        )
    failing = {check["check_name"] for check in told if check["status"] == "xfail"}
    assert failing == set(EXPECTED)
    assert sum(check["status"] == "passed" for check in told) > 30
