"""scikit-learn's own checks, for segmentations whose segments have names."""

import warnings
from typing import Any

from sklearn.utils.estimator_checks import check_estimator

NAMED = "it compares predictions by subtraction, and segments are names"
EXPECTED = {
    "check_estimators_pickle": NAMED,
    "check_methods_sample_order_invariance": NAMED,
    "check_methods_subset_invariance": NAMED,
    "check_fit_idempotent": NAMED,
}


def check_contract(estimator: Any, **expected: str) -> None:
    """Every check holds but those that are expected not to, each with its reason."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the checks themselves raise warnings on purpose
        told = check_estimator(estimator, on_skip=None, expected_failed_checks=EXPECTED | expected)
    failing = {check["check_name"] for check in told if check["status"] == "xfail"}
    assert failing == set(EXPECTED | expected)
    assert sum(check["status"] == "passed" for check in told) > 30
