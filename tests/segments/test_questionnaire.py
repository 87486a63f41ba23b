import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from facette.errors import BadInput
from facette.segments.questionnaire import TypingTool, shortest_questionnaire

ONE = "one group is nothing to tell apart: a user's mistake, BadInput, which is no ValueError"
EXPECTED = {"check_classifiers_one_label": ONE, "check_fit2d_1sample": ONE}
TELLING = {"q3", "q7", "q10"}


def tool(**changed: object) -> TypingTool:
    return TypingTool(**({"most": 4, "loss_allowed": 0.02, "folds": 3, "seed": 1} | changed))


def survey(seed: int = 0, n: int = 320, noise: float = 0.6) -> tuple[pd.DataFrame, pd.Series]:
    """Twelve questions on a scale of five; three of them tell four families, nine are noise."""
    rng = np.random.default_rng(seed)
    ids = pd.Index([f"c{i}" for i in range(n)], name="customer_id")
    family = rng.integers(0, 4, n)
    answers = pd.DataFrame(
        np.clip(np.round(rng.normal(3, 1.2, (n, 12))), 1, 5), ids, [f"q{i}" for i in range(12)]
    )
    for question, centres in (("q3", [1, 5, 3, 3]), ("q7", [2, 2, 5, 1]), ("q10", [1, 1, 3, 5])):
        told = np.array(centres)[family] + rng.normal(0, noise, n)
        answers[question] = np.clip(np.round(told), 1, 5)
    return answers, pd.Series(np.array(["a", "b", "c", "d"])[family], ids)


@pytest.fixture(scope="module")
def fitted() -> TypingTool:
    return shortest_questionnaire(*survey(), most=4, loss_allowed=0.02, folds=3, seed=1)


def test_only_questions_that_matter_are_asked(fitted: TypingTool):
    assert set(fitted.questions_) <= TELLING
    assert len(fitted.questions_) >= 2
    assert set(fitted.errors_["question"].iloc[:3]) == TELLING


def test_three_questions_are_kept_where_each_is_needed():
    made = shortest_questionnaire(*survey(noise=1.1), most=4, loss_allowed=0.0, folds=3, seed=1)
    assert set(made.questions_[:3]) == TELLING


def test_the_error_promised_is_that_of_other_customers(fitted: TypingTool):
    answers, families = survey(seed=9, n=2000)
    promised = fitted.errors_["error"].iloc[len(fitted.questions_) - 1]
    assert abs((fitted.predict(answers) != families).mean() - promised) < 0.03


def test_the_kept_error_is_within_what_is_allowed_of_all_questions(fitted: TypingTool):
    errors = fitted.errors_["error"]
    assert errors.iloc[len(fitted.questions_) - 1] <= errors.iloc[-1] + 0.02
    assert errors.iloc[0] > errors.iloc[-1] + 0.02


def test_one_standard_error_is_allowed_where_nothing_is_said():
    made = shortest_questionnaire(*survey(noise=1.1), 4, None, 3, 1)
    whole = made.errors_.iloc[-1]
    kept = made.errors_["error"].iloc[len(made.questions_) - 1]
    assert kept <= whole["error"] + whole["standard_error"]


def test_families_that_no_question_tells_are_told_by_chance():
    answers, families = survey()
    shuffled = pd.Series(families.sample(frac=1, random_state=2).to_numpy(), families.index)
    made = shortest_questionnaire(answers, shuffled, 4, None, 3, 1)
    assert made.errors_["error"].min() > 0.65
    assert (made.recall_["low"] < 0.4).all()


def test_gaps_and_choices_are_answers_like_others():
    answers, families = survey()
    answers["words"] = np.where(families == "c", "never", "often")
    silent = (families == "d") & (np.arange(len(families)) % 5 > 0)
    answers.loc[silent, "q0"] = np.nan
    made = shortest_questionnaire(answers[["words", "q0", "q1", "q3"]], families, 4, 0.01, 3, 1)
    assert {"words", "q0", "q3"} == set(made.questions_)
    empty = pd.DataFrame(np.nan, ["x"], made.questions_)
    assert np.isfinite(made.predict_proba(empty)).all()


def test_it_is_said_where_so_few_questions_lose_more_than_is_allowed():
    made = shortest_questionnaire(*survey(noise=1.1), 1, 0.02, 3, 1)
    assert len(made.questions_) == 1
    assert any("more than is allowed" in note for note in made.notes_)


def test_recall_is_told_by_family_with_its_interval(fitted: TypingTool):
    counts, recall = fitted.confusion_, fitted.recall_
    assert counts.to_numpy().sum() == 320
    np.testing.assert_allclose(recall["recall"], np.diag(counts) / counts.sum(axis=1))
    assert ((recall["low"] < recall["recall"]) & (recall["recall"] <= recall["high"])).all()


def test_families_of_a_few_type_all(fitted: TypingTool):
    answers, families = survey()
    few = families.where(np.arange(320) < 200)
    made = shortest_questionnaire(answers, few, 4, 0.02, 3, 1)
    assert made.confusion_.to_numpy().sum() == 200
    assert len(made.predict(answers)) == 320


def test_customers_in_neither_table_are_refused():
    answers, families = survey()
    with pytest.raises(BadInput, match="none of 320"):
        shortest_questionnaire(answers, families.rename("z{}".format), 4, 0.02, 3, 1)


@pytest.mark.parametrize(
    ("changed", "told"), [({"most": 0}, "most"), ({"folds": 200}, "fewer folds")]
)
def test_a_setting_that_can_not_be_is_refused(changed: dict[str, int], told: str):
    with pytest.raises(BadInput, match=told):
        tool(**changed).fit(*survey())


def test_questions_that_all_answer_alike_are_not_asked():
    answers, families = survey()
    made = tool(most=3).fit(answers.assign(q1=4), families)
    assert any("q1" in note for note in made.notes_)


def test_two_fits_are_the_same_and_a_clone_is_unfitted(fitted: TypingTool):
    again = clone(fitted)
    assert not hasattr(again, "questions_")
    assert again.fit(*survey()).plain() == fitted.plain()


@pytest.mark.slow
def test_it_keeps_the_contract_of_scikit_learn():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the checks raise warnings on purpose
        told = check_estimator(
            tool(most=None, folds=2), on_skip=None, expected_failed_checks=EXPECTED
        )
    failing = {check["check_name"] for check in told if check["status"] == "xfail"}
    assert failing == set(EXPECTED)
    assert sum(check["status"] == "passed" for check in told) > 30
