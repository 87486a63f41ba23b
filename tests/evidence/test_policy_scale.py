"""A million customers and six relationship models, planned within two minutes and checked."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import pytest
from million_planned import SHARE, million_planned

CUSTOMERS = 1_000_000


@pytest.mark.slow
def test_a_million_customers_are_planned_in_minutes(evidence: Callable[..., bool]) -> None:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=spawn) as pool:
        figure = pool.submit(million_planned, CUSTOMERS, 5).result()
    evidence(
        "policy_million_customers_planned",
        figure,
        "planned in under 120 s on 2 cores, and not one violation by the independent checker",
        figure["planned_s"] < 120 and figure["violations"] == 0,
        f"{CUSTOMERS:,} drawn customers with 2 contacts, 3 words on consent and .2 complaints "
        "each, six relationship models as they ship, effects given by cell; limits of every "
        f"capacity and the budget: what those who stay take, and {SHARE:.0%} of the others' part",
    )
