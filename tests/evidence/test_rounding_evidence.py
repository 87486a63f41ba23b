"""Whole customers against the exact integer optimum, on cases small enough for both."""

from collections.abc import Callable

import numpy as np
from integer_optimum import gap, over, planned, small_classes

CASES = 400


def test_rounding_is_near_the_integer_optimum(evidence: Callable[..., bool]) -> None:
    cases = [small_classes(seed) for seed in range(10_000, 10_000 + CASES)]
    gaps = np.array([gap(case) for case in cases])
    above = max(over(case, planned(case)[0]) for case in cases)
    evidence(
        "policy_rounding_near_the_integer_optimum",
        {"worst_gap": gaps.max(), "mean_gap": gaps.mean(), "most_over_a_limit": max(above, 0.0)},
        "at most 1 % below the exact integer optimum, no limit passed",
        gaps.max() <= 0.01 and above <= 1e-6,
        f"{CASES} drawn cases of 20 to 60 customers, 3 or 4 models, 2 or 3 resources, half of them "
        "with fixed costs; optimum by one integer programme (HiGHS)",
    )
