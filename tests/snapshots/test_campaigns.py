"""Randomised campaigns as the tables tell them."""

from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import polars as pl
from worlds import admitted, at

from facette.snapshots.campaigns import COLUMNS, randomised
from facette.tables.contract import Tables

SENT = datetime(2022, 3, 1)
IDS = ["c1", "c2", "c3", "c4"]


def tables(contracts: bool = True, without: str | None = None, **columns: Any) -> Tables:
    """Three customers sent and one held back; c1 and c4 buy in time."""
    buys = [SENT + timedelta(days=d) for d in (3, -2, 30, 29)]
    contacts = {
        "customer_id": IDS, "sent_at": [SENT] * 4, "campaign": ["spring"] * 4,
        "arm": ["offer", "other", "offer", "Control"], "randomised": [True] * 4,
        "propensity": [0.75, 0.75, 0.75, 0.25],
    } | columns  # fmt: skip
    contacts.pop(without or "", None)
    lines = {"customer_id": IDS, "occurred_at": buys, "amount": [1.0] * 4, "margin": [1.0] * 4}
    frames = {"transactions": lines, "contacts": contacts}
    if contracts:
        frames["contracts"] = {"customer_id": IDS, "contract_id": IDS, "started_at": buys}
    given = {name: pl.DataFrame(table) for name, table in frames.items()}
    return admitted(given, observed_until="2022-06-01", leave_out_later_rows=True)


def by_customer(found: pd.DataFrame) -> pd.DataFrame:
    return found.set_index("customer_id").sort_index()


def test_a_contract_or_where_there_are_none_a_purchase_within_thirty_days_is_the_answer() -> None:
    for contracts in (True, False):
        found = by_customer(randomised(tables(contracts)))
        assert found["bought"].tolist() == [1, 0, 0, 1]
        assert found["sent"].tolist() == [1, 1, 1, 0]


def test_a_propensity_that_was_not_kept_is_the_share_of_the_arm_in_its_campaign() -> None:
    found = by_customer(randomised(tables(without="propensity")))
    assert found["propensity"].tolist() == [0.75, 0.75, 0.75, 0.25]
    part = by_customer(randomised(tables(propensity=[0.9, None, None, None])))
    assert part["propensity"].tolist() == [0.9, 0.75, 0.75, 0.25]
    two = by_customer(randomised(tables(
        without="propensity", campaign=["spring", "autumn", "spring", "spring"]
    )))  # fmt: skip
    assert two["propensity"].round(3).tolist() == [0.667, 1.0, 0.667, 0.333]


def test_what_was_sent_before_the_date_is_left_out() -> None:
    assert len(randomised(tables(), at("2022-03-01"))) == 4
    assert randomised(tables(), at("2022-03-02")).empty


def test_contacts_that_do_not_say_who_was_drawn_tell_nothing() -> None:
    for column in ("arm", "randomised"):
        found = randomised(tables(without=column))
        assert found.empty
        assert list(found.columns) == COLUMNS
    assert len(randomised(tables(randomised=[True, False, None, True]))) == 2
