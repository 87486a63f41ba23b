"""Contacts are spread so that no stretch of days holds more than its share, whoever is delayed."""

import numpy as np
import pandas as pd
from contact_world import DAY, T, shipped_policy
from hypothesis import given, settings
from hypothesis import strategies as st

from facette.policy.calendar import budget_slack, capacity_slack, next_days, quiet_days
from facette.policy.pressure import NEVER
from facette.policy.relationship import ways
from facette.settings.policy import QuietPeriod
from facette.tables.contract import DAY_US

HORIZON = 120


def drawn(seed: int) -> tuple[pd.Index, dict[str, np.ndarray], list[QuietPeriod]]:
    """Customers of some models and channels, delayed at random, and a quiet period or two."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 300))
    model = rng.integers(-1, 3, n)
    given = {
        "model": model, "channel": rng.integers(-1, 2, n),
        "interval": np.append(rng.integers(0, 50, 3), 7)[model],
        "earliest": np.where(rng.random(n) < 0.1, NEVER, rng.integers(0, 90, n) * rng.integers(2)),
    }  # fmt: skip
    first = [np.datetime64(DAY + int(d), "D") for d in rng.integers(-10, 100, rng.integers(3))]
    quiet = [QuietPeriod(str(day), str(day + rng.integers(0, 30))) for day in first]
    return pd.Index([f"c{i}" for i in rng.permutation(n)]), given, quiet


@given(st.integers(0, 10**6))
@settings(max_examples=24)
def test_no_stretch_of_days_holds_more_than_its_share_of_contacts(seed: int) -> None:
    customers, of, quiet = drawn(seed)
    day = next_days(customers, **of, t=T, quiet=quiet, horizon_days=HORIZON)
    for m, c in {(m, c) for m, c in zip(of["model"], of["channel"], strict=True) if min(m, c) >= 0}:
        own = (of["model"] == m) & (of["channel"] == c)
        interval, load = int(of["interval"][own][0]), np.zeros(HORIZON, dtype=int)
        for first in day[own & (day >= 0)]:
            load[first::interval] += 1
        for window in (1, 30, HORIZON):
            within = np.convolve(load, np.ones(window, dtype=int), "valid")
            assert within.max() <= np.ceil(window * own.sum() / max(interval, 1))


@given(st.integers(0, 10**6))
@settings(max_examples=24)
def test_the_first_contact_is_the_first_of_its_phase_that_may_be(seed: int) -> None:
    customers, of, quiet = drawn(seed)
    silent = quiet_days(T, quiet, HORIZON)
    day = next_days(customers, **of, t=T, quiet=quiet, horizon_days=HORIZON)
    free = next_days(customers, **of | {"earliest": of["earliest"] * 0}, t=T, quiet=[],
                     horizon_days=10_000)  # fmt: skip
    contacted = (of["model"] >= 0) & (of["channel"] >= 0) & (of["interval"] > 0)
    assert ((free >= 0) == contacted).all()
    for i in np.flatnonzero(contacted):
        assert free[i] < of["interval"][i]
        days = range(free[i], HORIZON, of["interval"][i])
        may_be = [d for d in days if d >= of["earliest"][i] and not silent[d]]
        assert day[i] == (may_be[0] if may_be else -1)


def test_planned_again_and_again_everyone_is_contacted_at_the_interval_of_their_model() -> None:
    customers, interval, every, rounds = pd.Index([f"c{i}" for i in range(500)]), 122, 30, 16
    none = np.zeros(len(customers), dtype=int)
    got: list[list[int]] = [[] for _ in customers]
    for k in range(rounds):
        day = next_days(
            customers, none, none, none + interval, none, T + k * every * DAY_US, [], 364
        )
        for i in np.flatnonzero(day < every):
            got[i].append(k * every + int(day[i]))
    assert min(len(days) for days in got) >= every * rounds // interval
    assert {gap for days in got for gap in np.diff(days)} == {interval}


@given(st.integers(0, 10**6))
@settings(max_examples=10)
def test_the_order_of_the_customers_does_not_matter(seed: int) -> None:
    customers, of, quiet = drawn(seed)
    turned = np.random.default_rng(seed).permutation(len(customers))
    there = {name: values[turned] for name, values in of.items()}
    once = next_days(customers, **of, t=T, quiet=quiet, horizon_days=HORIZON)
    again = next_days(customers[turned], **there, t=T, quiet=quiet, horizon_days=HORIZON)
    assert (once[turned] == again).all()


def test_a_quiet_period_holds_its_first_and_its_last_day() -> None:
    quiet = [QuietPeriod("2024-10-01", "2024-10-04"), QuietPeriod("2024-10-06", "2024-10-06")]
    assert quiet_days(T, quiet, 5).tolist() == [True, False, True, False, False]
    assert quiet_days(T, [QuietPeriod("2024-09-01", "2024-10-03")], 2).tolist() == [False, False]


def test_the_slack_is_a_contact_of_each_channel_of_each_model() -> None:
    policy = shipped_policy()
    slack = dict(zip(policy.capacity, capacity_slack(ways(policy)), strict=True))
    assert slack == {"advisor_hours": 0.75, "branch_hours": 0.5, "calls": 1, "letters": 1}
    assert budget_slack(ways(policy)) == 35 + 22 + 6 + 0.9 + 0.02 + 0.01
    policy.models["phone_desk"].channels = ["phone", "advisor"]
    assert capacity_slack(ways(policy))[0] == 1.5
    policy.models["phone_desk"].contacts_a_month = 0
    assert capacity_slack(ways(policy)).tolist() == [0.75, 0.5, 0, 1]
