"""People, portfolios and contacts by month: today's, a plan's, and the next period's."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from books import exactly, policy, tables_of
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import at

from facette.dynamics.migration import transition_matrix, transitions
from facette.errors import BadInput
from facette.policy.reach import reach
from facette.policy.relationship import MONTH_DAYS, check_policy, ways
from facette.policy.workload import (
    channels_of,
    inbound_by_month,
    newcomers_of,
    next_need,
    next_need_range,
    peaks,
    planned_by_month,
    portfolios,
    seen_by_month,
    started_a_month,
    use_a_customer,
)
from facette.settings.policy import QuietPeriod
from facette.tables.contract import DAY_US

T = at("2021-07-01")
POLICY = policy(hours_a_person={"advisor_hours": 100.0, "branch_hours": 50.0})
IDS = pd.Index([f"c{i}" for i in range(10)], name="customer_id", dtype=object)
MODELS = pd.Series(["portfolio_advisor"] * 4 + ["phone_desk"] * 5 + ["on_request"], index=IDS)
CHANNELS = pd.Series(["advisor"] * 4 + ["phone"] * 5 + [None], index=IDS, dtype=object)


def days(*dates: str) -> list[int]:
    return [at(date) for date in dates]


def test_people_are_the_hours_that_a_models_customers_take_both_ways() -> None:
    inbound = pd.DataFrame({"branch": [8.0]}, index=["portfolio_advisor"])
    found = portfolios(MODELS, CHANNELS, inbound, POLICY)
    row = found.loc["portfolio_advisor"]
    assert (row["customers"], row["share"], row["outbound"], row["inbound"]) == (4, 0.4, 4, 8)
    assert (row["advisor_hours"], row["branch_hours"]) == (3.0, 4.0)
    assert row["people"] == pytest.approx(3 / 100 + 4 / 50)
    assert row["portfolio"] == pytest.approx(4 / 0.11)
    assert np.isnan(found.loc["phone_desk", "portfolio"])
    assert found["customers"].sum() == len(IDS)
    assert found.loc["phone_desk", "outbound"] == pytest.approx(5 * 0.6)


def test_a_model_that_the_policy_no_longer_has_keeps_its_customers_in_the_table() -> None:
    models = MODELS.replace("phone_desk", "letter_club")
    found = portfolios(models, CHANNELS, pd.DataFrame(), POLICY)
    assert found.loc["letter_club", ["customers", "outbound"]].tolist() == [5, 0]


def test_a_customer_is_reached_by_the_first_channel_consented_to() -> None:
    own = ways(POLICY)
    consented = np.zeros((10, len(own.channels)), bool)
    consented[:5] = True
    found = channels_of(reach(IDS, own, consented), MODELS.replace("phone_desk", "gone"))
    assert found.tolist() == ["advisor"] * 4 + [None] * 6


def asked() -> dict[str, dict[str, list[object]]]:
    ids = ["c0", "c0", "c5", "x", "c0", "c0"]
    return {
        "transactions": {"customer_id": [*IDS, "x"], "occurred_at": ["2021-03-01"] * 11,
                         "amount": [1.0] * 11},
        "interactions": {
            "customer_id": ids, "channel": ["phone", "advisor", "phone", "phone", "phone", "app"],
            "occurred_at": ["2021-05-01", "2021-05-02", "2021-06-01", "2021-06-03", "2021-05-05",
                            "2021-01-05"],
            "initiator": ["customer"] * 4 + ["company", "customer"],
        },
        "contacts": {
            "customer_id": ["c0", "c1", "x"], "sent_at": ["2021-05-03", "2021-05-04", "2021-06-05"],
            "campaign": ["a"] * 3, "channel": ["mail"] * 3, "arm": ["sent", "control", "sent"],
        },
    }  # fmt: skip


def test_contacts_that_customers_start_are_counted_by_model_and_the_others_in_one_row() -> None:
    found = started_a_month(tables_of(asked()), T, 90, MODELS) * 90 / MONTH_DAYS
    assert found.round(6).to_dict("index") == {
        "portfolio_advisor": {"advisor": 1, "phone": 1}, "phone_desk": {"advisor": 0, "phone": 1},
        "not in this plan": {"advisor": 0, "phone": 1},
    }  # fmt: skip
    assert started_a_month(exactly({}), T, 90, MODELS).empty


def test_rates_of_contacts_are_by_the_days_that_were_watched() -> None:
    """Interactions are known from 5 January on: 177 days before T, whatever was asked for."""
    found, longer = (started_a_month(tables_of(asked()), T, n, MODELS) for n in (177, 3650))
    pd.testing.assert_frame_equal(found, longer)
    assert found.loc["phone_desk", "phone"] == pytest.approx(MONTH_DAYS / 177)


def test_seen_contacts_are_those_of_every_customer_but_control_arms() -> None:
    found = seen_by_month(tables_of(asked()), T, 90)
    assert found["outbound"]["mail"].to_dict() == {
        "2021-04": 0, "2021-05": 1, "2021-06": 1
    }  # fmt: skip
    assert found["inbound"].loc["2021-05"].to_dict() == {"advisor": 1, "phone": 1}
    assert found["inbound"].loc["2021-06", "phone"] == 2


@settings(max_examples=16)
@given(
    st.lists(
        st.tuples(st.sampled_from(["phone", "mail"]), st.integers(0, 99), st.integers(0, 40)),
        min_size=1, max_size=8,
    ),
    st.booleans(),
)  # fmt: skip
def test_planned_contacts_are_those_of_a_walk_through_each_calendar(
    rows: list[tuple[str, int, int]], rest: bool
) -> None:
    quiet = [QuietPeriod("2021-08-01", "2021-08-14")] if rest else []
    activation = pd.DataFrame({
        "channel": [r[0] for r in rows] + [None],
        "next_date": [T + r[1] * DAY_US for r in rows] + [np.nan],
        "interval_days": [r[2] for r in rows] + [0], "valid_until": T + 100 * DAY_US,
    })  # fmt: skip
    walked: dict[tuple[str, str], int] = {}
    for channel, day, step in rows:
        while day < 100:
            date = datetime(2021, 7, 1) + timedelta(days=day)
            if not (rest and datetime(2021, 8, 1) <= date <= datetime(2021, 8, 14)):
                key = (f"{date:%Y-%m}", channel)
                walked[key] = walked.get(key, 0) + 1
            day += step or 100
    found = planned_by_month(activation, quiet, T, 100)
    told = found.stack()
    assert told[told > 0].to_dict() == walked
    assert found.index.tolist() == ["2021-07", "2021-08", "2021-09", "2021-10"]


def test_dates_may_be_instants_datetimes_or_text() -> None:
    row = {"channel": ["phone"], "interval_days": [30]}
    ways_to_say = [
        {"next_date": [T], "valid_until": [T + 92 * DAY_US]},
        {"next_date": ["2021-07-01"], "valid_until": ["2021-10-01"]},
        {"next_date": [datetime(2021, 7, 1)], "valid_until": [datetime(2021, 10, 1)]},
    ]
    for dates in ways_to_say:
        found = planned_by_month(pd.DataFrame(row | dates), [], T, 92)
        assert found["phone"].tolist() == [2, 1, 1]


def test_the_peak_is_the_month_of_most_use_a_day_and_months_cut_off_are_left_aside() -> None:
    start, length = at("2021-01-30"), 92
    outbound = pd.DataFrame({"advisor": [900, 28, 31, 30, 500]},
                            index=[f"2021-0{m}" for m in range(1, 6)])  # fmt: skip
    inbound = pd.DataFrame({"advisor": [0, 56, 0, 0, 0]}, index=outbound.index)
    found = peaks(outbound, inbound, start, length, POLICY).loc["advisor_hours"]
    assert found["month"] == "2021-02"
    assert found["outbound"] == pytest.approx(0.75 * MONTH_DAYS)
    assert found["load"] == pytest.approx(3 * 0.75 * MONTH_DAYS)
    assert found["people"] == pytest.approx(found["load"] / 100)


def test_what_customers_start_goes_on_at_its_rate() -> None:
    rate = pd.DataFrame({"phone": [6.0, 4.0]}, index=["a", "b"])
    found = inbound_by_month(rate, T, 92)
    assert found["phone"].sum() == pytest.approx(10 * 92 / MONTH_DAYS)


SEGMENTS = pd.Series(["a"] * 4 + ["b"] * 6, index=IDS)


def moved() -> pd.DataFrame:
    """Of 100 in a, 60 stay, 30 go to b, 10 leave; b stays; 20 newcomers begin in a."""
    before = pd.Series(["a"] * 100 + ["b"] * 50, index=range(150))
    after = pd.Series(["a"] * 60 + ["b"] * 30 + ["a"] * 10 + ["b"] * 50 + ["a"] * 20,
                      index=range(170))  # fmt: skip
    return transitions(before, after, absorbing={"left": pd.Index(range(90, 100))})


def test_the_next_need_follows_the_customers_who_move_and_leave() -> None:
    matrix, use = transition_matrix(moved(), ["left"]), pd.DataFrame(
        {"calls": [10.0, 1.0]}, index=["a", "b"]
    )  # fmt: skip
    found = next_need(matrix, pd.Series({"a": 1_000, "b": 500}), use).loc["calls"]
    assert found["now"] == pytest.approx(10_500)
    assert found["next"] == pytest.approx(600 * 10 + (300 + 500) * 1)
    fresh = next_need(matrix, pd.Series({"a": 1_000, "b": 500}), use, newcomers_of(moved()))
    assert fresh.loc["calls", "newcomers"] == pytest.approx(200)
    assert fresh.loc["calls", "next"] == pytest.approx(found["next"] + 200)


def test_the_range_of_the_next_need_holds_the_expectation_and_narrows_with_what_is_known() -> None:
    table, use = moved(), pd.DataFrame({"calls": [10.0, 1.0]}, index=["a", "b"])
    customers = pd.Series({"a": 1_000, "b": 500})
    middle = next_need(transition_matrix(table, ["left"]), customers, use, newcomers_of(table))
    known = table.assign(customers=table["customers"] * np.where(table["from"] == "new", 1, 100))
    wide, narrow = (
        next_need_range(t, customers, use, draws=2_000, confidence=0.9, seed=1)
        for t in (table, known)
    )
    for found in (wide, narrow):
        assert found.loc["calls", "low"] < middle.loc["calls", "next"] < found.loc["calls", "high"]
    assert (narrow["high"] - narrow["low"]).item() < 0.6 * (wide["high"] - wide["low"]).item()


def test_the_range_covers_the_need_that_comes_at_its_rate() -> None:
    rng, use = np.random.default_rng(4), pd.DataFrame({"calls": [10.0, 1.0]}, index=["a", "b"])
    true = {"a": [0.6, 0.3, 0.1], "b": [0.2, 0.75, 0.05]}
    inside = 0
    for seed in range(120):
        counts = {s: rng.multinomial(200, p) for s, p in true.items()}
        rows = [(s, to, n) for s, of in counts.items()
                for to, n in zip(["a", "b", "left"], of, strict=True)]  # fmt: skip
        table = pd.DataFrame(rows, columns=["from", "to", "customers"])
        found = next_need_range(table, pd.Series({"a": 300, "b": 100}), use,
                                draws=400, confidence=0.9, seed=seed)  # fmt: skip
        came = rng.multinomial(300, true["a"]) + rng.multinomial(100, true["b"])
        inside += found.loc["calls", "low"] <= came @ [10, 1, 0] <= found.loc["calls", "high"]
    assert 0.82 <= inside / 120 <= 0.97


def test_a_segment_that_migration_does_not_know_is_refused() -> None:
    use = pd.DataFrame({"calls": [1.0]}, index=["a"])
    with pytest.raises(BadInput, match="nothing is known of c"):
        next_need(transition_matrix(moved(), ["left"]), pd.Series({"a": 1, "c": 2}), use)
    with pytest.raises(BadInput, match="none is given for b"):
        next_need(transition_matrix(moved(), ["left"]), pd.Series({"b": 2}), use)


def test_use_of_a_customer_times_customers_is_the_use_of_all() -> None:
    found = use_a_customer(MODELS, CHANNELS, SEGMENTS, POLICY)
    months = POLICY.horizon_days / MONTH_DAYS
    size = SEGMENTS.value_counts()
    assert (found["advisor_hours"] * size).sum() == pytest.approx(4 * months * 0.75)
    assert (found["calls"] * size).sum() == pytest.approx(5 * 0.6 * months)
    assert found.loc["b", "advisor_hours"] == 0


def test_hours_of_a_capacity_that_is_not_there_are_refused() -> None:
    for wrong in ({"tractor_hours": 100.0}, {"advisor_hours": 0.0}):
        with pytest.raises(BadInput, match=f"policy.hours_a_person.{next(iter(wrong))}"):
            check_policy(policy(hours_a_person=wrong))
