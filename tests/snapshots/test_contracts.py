"""Churn of contracts: who ends all that is held, by own will, with notice and other ends apart."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from worlds import admitted, at, churn_settings, data, panel_settings, shop

from facette.errors import BadInput
from facette.settings.models import ChurnDefinition
from facette.snapshots.constants import constants
from facette.snapshots.panel import Snapshot, snapshot_at
from facette.tables.contract import Tables

DATE = "2021-07-05"
T = datetime.fromisoformat(DATE)
KEEPS, OWN, OTHER = None, "voluntary", "involuntary"


def day(number: int) -> datetime:
    """So many days after the reference date."""
    return T + timedelta(days=number)


# customer, started, notice, ended, reason: the gap is 30 days, the horizon 56
CONTRACTS = [
    ("c0000", day(-900), None, None, KEEPS),
    ("c0001", day(-400), day(20), day(45), OWN),
    ("c0002", day(-400), None, day(10), OWN),  # in the gap: too late to act
    ("c0003", day(-400), day(-3), day(45), OWN),  # announced before the date
    ("c0004", day(-400), None, day(45), OTHER),
    ("c0005", day(-400), None, day(45), OWN),
    ("c0005", day(-100), None, None, KEEPS),
    ("c0006", day(-400), None, day(45), OWN),
    ("c0006", day(-30), None, day(50), OTHER),
    ("c0007", day(-400), None, day(-20), OWN),  # left long ago
    ("c0008", day(5), None, None, KEEPS),  # begins later
    ("c0009", day(-730), None, day(200), OWN),  # after the window
    ("c0011", day(-365), None, day(45), OWN),
    ("c0011", day(45), None, None, KEEPS),  # in its place
]
EXPECTED = {
    "c0000": 0, "c0001": 1, "c0002": None, "c0003": None, "c0004": None, "c0005": 0, "c0006": 1,
    "c0007": None, "c0008": None, "c0009": 0, "c0010": None, "c0011": 0,
}  # fmt: skip


def contracts(rows: list[tuple[Any, ...]] = CONTRACTS) -> pl.DataFrame:
    moment = pl.Datetime("us")
    schema = {"customer_id": pl.String, "started_at": moment, "notice_at": moment,
              "ended_at": moment, "end_reason": pl.String}  # fmt: skip
    frame = pl.DataFrame(rows, schema=schema, orient="row").with_row_index("contract_id")
    return frame.with_columns(product=pl.lit("card"))


def tables_with(frame: pl.DataFrame) -> Tables:
    world = {name: table for name, table in shop(3).items() if name != "consents"}
    return admitted({**world, "contracts": frame}, leave_out_later_rows=True)


def snapshot(frame: pl.DataFrame, *, with_outcomes: bool = True, **churn: Any) -> Snapshot:
    tables = tables_with(frame)
    chosen = churn_settings(
        **{"definition": ChurnDefinition.contractual, "gap_days": 30} | churn
    )  # fmt: skip
    spec = constants(tables, at(DATE), panel_settings(), chosen, data(), [])
    return snapshot_at(tables, at(DATE), spec, None, with_outcomes=with_outcomes)


def test_who_ends_all_contracts_by_own_will_has_churned() -> None:
    outcomes = snapshot(contracts()).outcomes
    assert outcomes is not None
    churned = outcomes["churned"]
    told = {c: None if np.isnan(churned[c]) else int(churned[c]) for c in EXPECTED}
    assert told == EXPECTED


def test_who_can_leave_is_who_holds_a_contract_without_notice_at_the_date() -> None:
    active = snapshot(contracts(), with_outcomes=False).context["active"]
    can_leave = {"c0000", "c0001", "c0002", "c0004", "c0005", "c0006", "c0009", "c0011"}
    assert set(active[active > 0].index) == can_leave


def test_ends_for_other_reasons_compete_and_are_no_leaving() -> None:
    willing, other = ("voluntary", None), ("involuntary", "inevitable")
    rows = [
        (f"c{i:04d}", day(-400), None, day(45), why) for i, why in enumerate([*willing, *other])
    ]
    rows += [("c0004", day(-400), None, day(45), OTHER), ("c0004", day(-300), None, day(46), OWN)]
    outcomes = snapshot(contracts(rows)).outcomes
    assert outcomes is not None
    assert outcomes["churned"][["c0000", "c0001", "c0004"]].tolist() == [1, 1, 1]
    assert outcomes["churned"][["c0002", "c0003"]].isna().all()


def test_a_model_of_contracts_and_one_of_silence_never_share_a_name() -> None:
    tables = tables_with(contracts())
    named = {
        definition: constants(
            tables, at(DATE), panel_settings(), churn_settings(definition=definition), data(), []
        ).churn_model
        for definition in (ChurnDefinition.contractual, ChurnDefinition.non_contractual)
    }
    assert list(named.values()) == ["churn", "churn_non_contractual"]


def test_what_is_held_is_told_as_it_stood_at_the_date() -> None:
    features = snapshot(contracts()).features
    columns = ["contracts_open", "contracts_on_notice", "contract_tenure_days",
               "newest_contract_days", "renewal_in_days", "contract_products"]  # fmt: skip
    assert features.loc["c0005", columns].tolist() == [2, 0, 400, 100, 265, 1]
    assert features.loc["c0003", columns].tolist() == [1, 1, 400, 400, 330, 1]
    nothing = features.loc["c0007", columns]
    assert nothing[["contracts_open", "contracts_on_notice"]].tolist() == [0, 0]
    assert nothing[["contract_tenure_days", "renewal_in_days"]].isna().all()


def test_the_future_of_contracts_changes_no_feature() -> None:
    later = contracts().with_columns(
        pl.when(pl.col("ended_at") > T).then(None).otherwise(pl.col("ended_at")).alias("ended_at"),
        pl.when(pl.col("notice_at") > T).then(None).otherwise(pl.col("notice_at")).alias(
            "notice_at"
        ),
        end_reason=pl.lit("inevitable"),
    )  # fmt: skip
    told, scrambled = snapshot(contracts()), snapshot(later)
    assert told.features.equals(scrambled.features)
    assert told.context.equals(scrambled.context)
    assert not told.outcomes.equals(scrambled.outcomes)


def test_an_end_without_a_reason_counts_as_the_customers_will() -> None:
    outcomes = snapshot(contracts().drop("end_reason")).outcomes
    assert outcomes is not None
    assert outcomes["churned"]["c0004"] == 1


def test_contracts_that_never_end_are_kept() -> None:
    outcomes = snapshot(contracts().drop("ended_at", "end_reason", "notice_at")).outcomes
    assert outcomes is not None
    assert set(outcomes["churned"].dropna()) == {0.0}


def test_contractual_churn_without_contracts_is_refused_in_one_line() -> None:
    tables = admitted(shop(3))
    chosen = churn_settings(definition=ChurnDefinition.contractual)
    with pytest.raises(BadInput, match=r"model\.churn\.definition: .*data\.contracts\.path"):
        constants(tables, at(DATE), panel_settings(), chosen, data(), [])


def test_silence_stays_the_definition_where_contracts_are_only_features() -> None:
    without = {name: table for name, table in shop(3).items() if name != "consents"}
    tables = tables_with(contracts())
    spec = constants(tables, at(DATE), panel_settings(), churn_settings(), data(), [])
    plain = constants(
        admitted(without), at(DATE), panel_settings(), churn_settings(), data(), []
    )  # fmt: skip
    told = snapshot_at(tables, at(DATE), spec, None, with_outcomes=True)
    other = snapshot_at(admitted(without), at(DATE), plain, None, with_outcomes=True)
    assert told.outcomes.equals(other.outcomes)
