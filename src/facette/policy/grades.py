"""How far an effect can be trusted, and what grade a total of several takes."""

from __future__ import annotations

import numpy as np
import pandas as pd

RANDOMISED, TRANSPORTED = "randomised", "randomised, transported"
OBSERVATIONAL, ASSUMPTION = "observational", "assumption"
GRADES = (RANDOMISED, TRANSPORTED, OBSERVATIONAL, ASSUMPTION)
RANK = {RANDOMISED: 0, TRANSPORTED: 1, OBSERVATIONAL: 1, ASSUMPTION: 2}
MATTERS = 0.1  # of a total, from which its weakest part decides


def weaker(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The weaker of two grades, element by element; of two that rank alike, the first."""
    rank = np.vectorize(RANK.__getitem__, otypes=[int])
    return np.where(rank(second) > rank(first), second, first)


def money_by_grade(money: np.ndarray, grade: np.ndarray) -> pd.Series:
    """The sum of money (n,) under each grade, all of them in their order."""
    sums = pd.Series(money).groupby(grade).sum()
    return sums.reindex(list(GRADES), fill_value=0.0)


def grade_of_total(money: np.ndarray, grade: np.ndarray) -> str:
    """The weakest grade that makes up more than a tenth of money (n,), gains and losses alike.

    A total of nothing is an assumption.
    """
    size = money_by_grade(np.abs(money), grade)
    matters = size.index[size > MATTERS * size.sum()]
    return max(matters, key=RANK.__getitem__, default=ASSUMPTION)
