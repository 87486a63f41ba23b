"""Profit and loss: one ledger in three views, the losing customers and what is done for them."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from books import DAYS, T, accounts, exactly, grouped, policy, tables_of
from hypothesis import given, settings
from hypothesis import strategies as st

from facette.errors import BadInput
from facette.policy.accounts import LINES, NOT_IN_PLAN, NOT_TOLD, Accounts, losing, remedies
from facette.policy.reach import reach
from facette.policy.relationship import check_policy, ways
from facette.tables.contract import DAY_US

TYPES = [pl.String, pl.Int64, pl.Int64, pl.String, pl.Boolean]
MAY, MARCH, LATE = "2021-05-05", "2021-03-05", "2021-07-06"


def shop(**changed: Any) -> dict[str, dict[str, list[Any]]]:
    """Ann brings 100 in the shop and costs 35 + 6 + 0.50; Bob buys little and calls twice a day."""
    frames = {
        "transactions": {
            "customer_id": ["ann", "bob", "old", "ann", "ann"],
            "occurred_at": [MAY, MAY, MAY, MARCH, LATE],
            "amount": [500.0, 20.0, 30.0, 999.0, 999.0],
            "margin": [100.0, 4.0, 6.0, 99.0, 99.0],
            "channel": ["web", None, "web", "web", "web"],
        },
        "customers": {
            "customer_id": ["ann", "bob", "old"],
            "acquired_at": ["2021-05-01", "2021-06-01", "2019-01-01"],
            "origin": ["referral", "broker", "broker"],
            "first_channel": ["branch", None, None],
        },
        "interactions": {
            "customer_id": ["ann", "bob", "bob", "bob", "old", "ann"],
            "occurred_at": [MAY, MAY, MAY, MAY, MAY, MARCH],
            "channel": ["advisor", "phone", "phone", "kiosk", "phone", "advisor"],
            "initiator": ["customer"] * 6,
        },
        "contacts": {
            "customer_id": ["ann", "ann", "bob", "bob", "bob"],
            "sent_at": [MAY, "2021-05-06", MAY, "2021-05-06", "2021-05-07"],
            "campaign": ["a", "b", "a", "b", "c"],
            "channel": ["phone", "mail", "phone", "fax", "email"],
            "arm": [None, "sent", "Control", "sent", "sent"],
            "cost": [None, 0.5, 9.0, None, None],
        },
    }
    return frames | changed


GROUPS = grouped({"ann": "loyal", "bob": "calm"}, {"ann": "phone_desk", "bob": "quiet_mail"})


def test_each_line_is_counted_by_hand() -> None:
    own = policy(acquisition_cost={"referral": 12.0})
    found = accounts(tables_of(shop()), GROUPS, own)
    ann, bob = found.customers.loc["ann"], found.customers.loc["bob"]
    assert ann[list(LINES)].tolist() == [10_000, 1_200, 3_500, 650]
    assert bob[list(LINES)].tolist() == [400, 0, 1_200, 2]
    assert (ann["net"], bob["net"]) == (4_650, -802)
    channels = found.by_channel
    assert channels.loc["branch"].tolist() == [1, 0, 1_200, 0, 0, -1_200]
    assert channels.loc["phone", ["customers", "serve", "contacts"]].tolist() == [2, 1_200, 600]
    assert channels.loc[NOT_TOLD, "margin"] == 400
    assert found.total["net"] == 4_650 - 802 + 0


def test_what_has_no_price_is_said_and_a_control_arm_costs_nothing() -> None:
    told = "; ".join(accounts(tables_of(shop()), GROUPS, policy()).notes)
    assert "1 contacts that customers started by channels not among policy.channels" in told
    assert "kiosk (1)" in told
    assert "1 contacts without a cost by channels not among policy.channels" in told
    assert "fax (1)" in told
    assert "broker (1), referral (1)" in told


def test_who_is_not_in_the_plan_is_a_sum_in_every_view_and_named_in_none() -> None:
    found = accounts(tables_of(shop()), GROUPS, policy())
    for view in (found.by_segment, found.by_channel, found.by_model):
        assert view.loc[NOT_IN_PLAN].tolist() == [1, 600, 0, 600, 0, 0]
    assert "old" not in found.customers.index
    assert list(found.by_channel.loc["web"])[:2] == [1, 10_000]


def test_costs_that_margins_are_told_after_are_not_taken_off_twice() -> None:
    found = accounts(tables_of(shop()), GROUPS, policy(margin_after=["serve"]))
    assert found.total["serve"] == 0
    assert any("not taken off again" in note for note in found.notes)
    with pytest.raises(BadInput, match="policy.margin_after: rent"):
        check_policy(policy(margin_after=["rent"]))


def test_the_year_of_a_model_is_in_no_customers_account() -> None:
    dear = policy(models={"phone_desk": {"yearly_cost": 365_250.0}})
    cheap = policy(models={"phone_desk": {"yearly_cost": 0.0}})
    found, free = (accounts(tables_of(shop()), GROUPS, own) for own in (dear, cheap))
    pd.testing.assert_frame_equal(found.customers, free.customers)
    assert found.fixed["phone_desk"] == 90 * 1_000_00
    assert "portfolio_advisor" not in found.fixed
    assert found.net_after_fixed == found.total["net"] - found.fixed.sum()


def test_what_was_recorded_later_is_not_in_the_accounts() -> None:
    late = shop()
    late["transactions"] |= {"recorded_at": [MAY, LATE, MAY, MARCH, LATE]}
    assert accounts(tables_of(late), GROUPS, policy()).customers.loc["bob", "margin"] == 0


def test_a_rate_that_is_not_whole_keeps_the_sum_right() -> None:
    people = [f"c{i}" for i in range(1_000)]
    lines = {"customer_id": people, "occurred_at": [MAY] * 1_000, "amount": [0.01] * 1_000}
    groups = grouped(dict.fromkeys(people, "all"), dict.fromkeys(people, "quiet_mail"))
    found = accounts(tables_of({"transactions": lines}), groups, policy(), margin_rate=0.3)
    assert found.total["margin"] == 300
    assert set(found.customers["margin"]) == {0, 1}


OWN = policy(acquisition_cost={"web": 3.337}, channels={"email": {"serve_cost": 0.0041}})
IDS = [f"c{i}" for i in range(6)]
ROWS = st.lists(
    st.tuples(
        st.sampled_from(IDS), st.integers(-120, 29), st.integers(-9_999, 9_999),
        st.sampled_from(["phone", "email", "web", "fax", None]), st.booleans(),
    ),
    min_size=1, max_size=12,
)  # fmt: skip
GROUPED = st.dictionaries(
    st.sampled_from(IDS), st.tuples(st.sampled_from("ab"), st.sampled_from(["phone_desk", "gone"])),
    min_size=1,
)  # fmt: skip


def drawn_books(lines: list[Any], asked: list[Any], sent: list[Any]) -> dict[str, pl.DataFrame]:
    """Any books of six customers: before, inside and after the window, some without channel."""
    columns = ["customer_id", "day", "number", "channel", "yes"]
    made = [pl.DataFrame(rows, schema=dict(zip(columns, TYPES, strict=True)), orient="row")
            for rows in (lines, asked, sent)]  # fmt: skip
    bought, asked_for, sent_out = (frame.with_columns(at=T + pl.col("day") * DAY_US + 7)
                                   for frame in made)  # fmt: skip
    yes, number = pl.col("yes"), pl.col("number")
    return {
        "transactions": bought.select("customer_id", "channel", occurred_at="at", amount="number"),
        "customers": pl.DataFrame({
            "customer_id": IDS, "acquired_at": [T - 30 * DAY_US] * 6,
            "origin": ["web", "broker", None] * 2,
        }),
        "interactions": asked_for.select(
            "customer_id", "channel", occurred_at="at",
            initiator=pl.when(yes).then(pl.lit("customer")).otherwise(pl.lit("company")),
        ),
        "contacts": sent_out.select(
            "customer_id", "channel", sent_at="at", cost=pl.when(yes).then(number.abs()),
        ),
    }  # fmt: skip


def test_rows_in_another_order_give_every_customer_the_same_account() -> None:
    rng = np.random.default_rng(8)
    people = [f"c{i}" for i in range(300)]
    lines = pl.DataFrame({
        "customer_id": rng.choice(people, 900).tolist(), "occurred_at": [T - 5] * 900,
        "amount": rng.integers(-50, 99, 900),
    })  # fmt: skip
    groups = grouped(dict.fromkeys(people[:250], "all"), dict.fromkeys(people[:250], "gone"))
    one, two = (
        accounts(exactly({"transactions": rows}), groups, OWN, margin_rate=0.37)
        for rows in (lines, lines.sample(fraction=1.0, shuffle=True, seed=3))
    )
    pd.testing.assert_frame_equal(one.customers, two.customers)


@settings(max_examples=20)
@given(ROWS, ROWS, ROWS, GROUPED, st.sampled_from([1.0, 0.4, 0.333]))
def test_three_views_and_the_customers_come_to_the_same_total_to_the_cent(
    lines: list[Any], asked: list[Any], sent: list[Any], groups: dict[str, Any], rate: float
) -> None:
    plan = grouped({i: g[0] for i, g in groups.items()}, {i: g[1] for i, g in groups.items()})
    found = accounts(exactly(drawn_books(lines, asked, sent)), plan, OWN, margin_rate=rate)
    views = (found.by_segment, found.by_channel, found.by_model)
    apart = found.by_segment["net"].get(NOT_IN_PLAN, 0)
    nets = {int(view["net"].sum()) for view in views} | {int(found.customers["net"].sum() + apart)}
    assert nets == {found.total["net"]}
    inside = [row for row in lines if -DAYS <= row[1] < 0]
    channels = len({row[3] for row in inside})
    amount = sum(row[2] for row in inside)
    assert abs(found.total["margin"] - amount * rate) <= 0.5 * channels + 1e-6
    calls = sum(-DAYS <= row[1] < 0 and row[3] == "phone" and row[4] for row in asked)
    emails = sum(-DAYS <= row[1] < 0 and row[3] == "email" and row[4] for row in asked)
    webs = sum(-DAYS <= row[1] < 0 and row[3] == "web" and row[4] for row in asked)
    assert found.total["serve"] == calls * 600 + round(emails * 0.41) + webs * 5


def test_accounts_that_do_not_add_up_can_not_be_made() -> None:
    found = accounts(tables_of(shop()), GROUPS, policy())
    wrong = found.by_channel.copy()
    wrong.loc["web", ["margin", "net"]] += 1
    fields = {**found.__dict__, "by_channel": wrong}
    with pytest.raises(ValueError, match="accounts by channel do not add up"):
        Accounts(**fields)


def test_a_losing_customer_is_listed_and_the_loss_is_that_of_its_groups() -> None:
    found = losing(accounts(tables_of(shop()), GROUPS, policy()))
    assert found.customers.index.tolist() == ["bob"]
    assert found.net == found.by["net"].sum() == found.over("segment").loc["calm", "net"] == -802
    assert (found.newcomers, found.served) == (0, 1)


def test_a_loss_by_acquisition_alone_is_told_apart() -> None:
    dear = policy(acquisition_cost={"referral": 500.0})
    found = losing(accounts(tables_of(shop()), GROUPS, dear))
    assert set(found.customers.index) == {"ann", "bob"}
    assert found.newcomers == 1


def losers(models: list[str], net: int = -10_000) -> pd.DataFrame:
    index = pd.Index([f"c{i}" for i in range(len(models))], dtype=object)
    return pd.DataFrame({"relationship_model": models, "net": net}, index=index)


def test_the_remedy_is_a_cheaper_permitted_model_and_never_exclusion() -> None:
    own = ways(policy())
    rng = np.random.default_rng(3)
    people = losers([own.names[i] for i in rng.integers(0, len(own.names), 300)])
    reached = reach(people.index, own, rng.random((300, len(own.channels))) < 0.6)
    permitted = reached.permitted & (rng.random((300, len(own.names))) < 0.7)
    permitted[:, own.on_request] = True
    found = remedies(people, reached, permitted, 2)
    assert found["customers"].sum() == 300
    assert found["net"].sum() == people["net"].sum()
    given_one = found[found["remedy"].notna()]
    assert set(given_one["remedy"]) <= set(own.names)
    assert (given_one["saved"] > 0).all()
    price = dict(zip(own.names, reach(people.index[:1], own, np.ones((1, len(own.channels)), bool))
                     .cost()[0], strict=True))  # fmt: skip
    for row in given_one.itertuples():
        assert price[row.remedy] < price[row.relationship_model]


def test_the_next_cheaper_model_comes_first_and_its_saving_is_that_of_contacts() -> None:
    own = ways(policy())
    people = losers(["portfolio_advisor", "branch_team", "on_request", "gone"])
    reached = reach(people.index, own, np.ones((4, len(own.channels)), bool))
    found = remedies(people, reached, reached.permitted, 2).set_index("relationship_model")
    assert found["remedy"].to_dict() == {
        "portfolio_advisor": "branch_team", "branch_team": "phone_desk", "on_request": None,
        "gone": None,
    }  # fmt: skip
    months = 364 / (365.25 / 12)
    assert found.loc["portfolio_advisor", "saved"] == pytest.approx(
        months * (3_500 - 0.5 * 2_200), abs=1
    )
    assert found["covers"].to_dict() == {
        "portfolio_advisor": 1, "branch_team": 0, "on_request": 0, "gone": 0
    }  # fmt: skip
