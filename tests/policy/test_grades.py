"""A total is only as well founded as the weakest part that matters in it."""

import numpy as np
import pytest

from facette.policy.grades import (
    ASSUMPTION,
    GRADES,
    OBSERVATIONAL,
    RANDOMISED,
    TRANSPORTED,
    grade_of_total,
    money_by_grade,
    weaker,
)


def total(*money: float) -> str:
    """The grade of a total of so much under each grade, in their order."""
    return grade_of_total(np.array(money, dtype=float), np.array(GRADES, dtype=object))


@pytest.mark.parametrize(
    ("money", "grade"),
    [((100, 0, 0, 0), RANDOMISED), ((89, 0, 0, 11), ASSUMPTION), ((91, 0, 0, 9), RANDOMISED),
     ((90, 0, 0, 10), RANDOMISED), ((80, 11, 0, 9), TRANSPORTED), ((80, 0, 11, 9), OBSERVATIONAL),
     ((60, 15, 15, 10), TRANSPORTED), ((-89, 0, 0, 11), ASSUMPTION), ((89, 0, 0, -11), ASSUMPTION),
     ((0, 0, 0, 0), ASSUMPTION)],
)  # fmt: skip
def test_the_weakest_grade_above_a_tenth_decides(money: tuple[float, ...], grade: str) -> None:
    assert total(*money) == grade


def test_losses_do_not_make_up_for_gains_under_a_grade() -> None:
    grade = np.array([RANDOMISED, ASSUMPTION, ASSUMPTION], dtype=object)
    assert grade_of_total(np.array([500.0, 1000.0, -1000.0]), grade) == ASSUMPTION


def test_the_weaker_of_two_and_the_first_of_equals() -> None:
    first = np.array([RANDOMISED, ASSUMPTION, TRANSPORTED, OBSERVATIONAL], dtype=object)
    second = np.array([OBSERVATIONAL, RANDOMISED, OBSERVATIONAL, TRANSPORTED], dtype=object)
    assert weaker(first, second).tolist() == [OBSERVATIONAL, ASSUMPTION, TRANSPORTED, OBSERVATIONAL]


def test_money_is_told_under_every_grade() -> None:
    sums = money_by_grade(
        np.array([1.0, 2.0, -4.0]), np.array([ASSUMPTION, RANDOMISED, ASSUMPTION])
    )
    assert list(sums.index) == list(GRADES)
    assert sums.tolist() == [2.0, 0.0, 0.0, -3.0]
