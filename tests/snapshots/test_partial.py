"""Churn in part: spend, or days of purchase, falls by more than a stated share."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from dealings import whole_shop
from hypothesis import given, settings
from hypothesis import strategies as st
from test_known import assert_same, open_ended, scrambled
from worlds import END, START, Frames, admitted, at, churn_settings, data, panel_settings, shop

from facette.errors import BadInput
from facette.settings.models import ChurnDefinition, PartialOf
from facette.snapshots.constants import constants
from facette.snapshots.panel import Snapshot, panel, snapshot_at
from facette.snapshots.spec import SnapshotSpec
from facette.tables.contract import DAY_US, Tables

HORIZON = 56
T = START + timedelta(days=170)


def partial(of: PartialOf = PartialOf.spend, share: float = 0.5, **changed: Any) -> Any:
    plain = {"definition": ChurnDefinition.partial, "partial_of": of, "partial_share": share}
    return churn_settings(**plain, **changed)


def spec_of(tables: Tables, churn: Any, t: datetime = T, **changed: Any) -> SnapshotSpec:
    return constants(tables, at(t.isoformat()), panel_settings(**changed), churn, data(), [])


def seen(tables: Tables, spec: SnapshotSpec, *, with_outcomes: bool = True) -> Snapshot:
    return snapshot_at(tables, at(T.isoformat()), spec, None, with_outcomes=with_outcomes)


def plainly(tables: Tables, t: int, churn: Any) -> dict[str, float]:
    """Who fell by more than the share, one customer at a time; missing where nothing can fall."""
    lines = tables["transactions"].collect("pandas").to_native()
    start = t + churn.gap_days * DAY_US
    out = {}
    for customer, own in lines.groupby("customer_id"):
        known = own[(own.occurred_at < t) & (own.recorded_at < t)]
        active = (known[known.amount >= 0].occurred_at >= t - churn.active_days * DAY_US).any()
        before = _of(known[known.occurred_at >= t - HORIZON * DAY_US], churn.partial_of)
        after = _of(
            own[(own.occurred_at >= start) & (own.occurred_at < start + HORIZON * DAY_US)],
            churn.partial_of,
        )
        fell = before - after > churn.partial_share * before + 1e-9
        out[str(customer)] = float(fell) if active and before > 0 else np.nan
    return out


def _of(lines: pd.DataFrame, of: PartialOf) -> float:
    if of is PartialOf.spend:
        return float(lines.amount.sum())
    return float((lines[lines.amount >= 0].occurred_at // DAY_US).nunique())


@pytest.mark.slow
@settings(max_examples=12)
@given(
    seed=st.integers(0, 1000), of=st.sampled_from(PartialOf), gap=st.sampled_from([0, 20]),
    share=st.sampled_from([0.2, 0.5, 0.9]), active_days=st.sampled_from([28, 100]),
)  # fmt: skip
def test_who_left_in_part_is_who_did_so_one_by_one(
    seed: int, of: PartialOf, gap: int, share: float, active_days: int
) -> None:
    churn = partial(of, share, gap_days=gap, active_days=active_days)
    tables = admitted(shop(seed, customers=25))
    made = seen(tables, spec_of(tables, churn))
    expected = pd.Series(plainly(tables, at(T.isoformat()), churn))[made.features.index]
    np.testing.assert_array_equal(made.outcomes["churned"], expected)
    np.testing.assert_array_equal(made.context["active"] == 1, expected.notna())


def lines(*of: tuple[str, int, float]) -> Frames:
    """Purchases: customer, days from the date, amount; and one that opens the shop."""
    rows = [("opener", -160, 1.0), *of]
    return {
        "transactions": pl.DataFrame(
            [(c, T + timedelta(days=d, hours=1), a) for c, d, a in rows],
            schema={"customer_id": pl.String, "occurred_at": pl.Datetime("us"), "amount": float},
            orient="row",
        )
    }


def churned(frames: Frames, churn: Any) -> dict[str, float | None]:
    tables = admitted(frames, static_attributes=[])
    found = constants(
        tables, at(T.isoformat()), panel_settings(), churn, data(static_attributes=[]), []
    )  # fmt: skip
    made = seen(tables, found).outcomes["churned"]
    return {c: None if np.isnan(x) else x for c, x in made.items() if c != "opener"}


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 0.7, 0.9])
def test_a_fall_by_exactly_the_share_is_no_leaving(share: float) -> None:
    kept = round(100 * (1 - share), 2)
    frames = lines(("a", -5, 100.0), ("a", 5, kept), ("b", -5, 100.0), ("b", 5, kept - 0.01))
    assert churned(frames, partial(share=share)) == {"a": 0, "b": 1}


def test_leaving_altogether_is_leaving_in_part_and_refunds_count_in_spend_alone() -> None:
    frames = lines(
        ("gone", -5, 10.0), ("new", -1, 1.0), ("new", 3, 50.0),
        ("refunded", -5, 10.0), ("refunded", 4, 10.0), ("refunded", 9, -8.0),
        ("nothing", -5, 10.0), ("nothing", -4, -10.0), ("nothing", 3, 10.0),
        ("silent", -100, 10.0), ("silent", 3, 1.0),
    )  # fmt: skip
    spend = churned(frames, partial(active_days=90))
    assert spend == {"gone": 1, "new": 0, "refunded": 1, "nothing": None, "silent": None}
    days = churned(frames, partial(PartialOf.days, active_days=90))
    assert days == {"gone": 1, "new": 0, "refunded": 0, "nothing": 0, "silent": None}


@pytest.mark.parametrize("of", PartialOf)
def test_what_was_not_recorded_yet_can_not_fall(of: PartialOf) -> None:
    frames = lines(("a", -9, 10.0), ("a", -5, 90.0), ("a", -4, 90.0), ("a", 5, 10.0))
    late = pl.when(pl.col("amount") == 90).then(T + timedelta(days=1)).otherwise("occurred_at")
    known = {"transactions": frames["transactions"].with_columns(recorded_at=late)}
    assert churned(frames, partial(of)) == {"a": 1}
    assert churned(known, partial(of)) == {"a": 0}


@pytest.mark.slow
@settings(max_examples=12)
@given(seed=st.integers(0, 1000), of=st.sampled_from(PartialOf))
def test_the_future_says_nothing_of_who_can_leave_in_part(seed: int, of: PartialOf) -> None:
    frames, churn = whole_shop(seed, customers=14), partial(of, active_days=112)
    other = scrambled(frames, T, np.random.default_rng(seed))
    one, two = (
        seen(tables, spec_of(tables, churn), with_outcomes=False)
        for tables in (open_ended(frames), open_ended(other))
    )
    assert_same(one, two)


def test_the_definition_is_stored_and_names_the_model() -> None:
    tables = admitted(shop(1, customers=10))
    spend, days = (spec_of(tables, partial(of, 0.3)) for of in PartialOf)
    assert SnapshotSpec.from_dict(spend.as_dict()) == spend
    assert (spend.partial_of, spend.partial_share) == ("spend", 0.3)
    plain = spec_of(tables, churn_settings())
    told = [spec.churn_model for spec in (plain, spend, days)]
    assert told == ["churn", "churn_partial_spend", "churn_partial_days"]


def test_a_date_without_a_horizon_behind_it_is_refused() -> None:
    tables = admitted(shop(1, customers=10))
    early = [(START + timedelta(days=d)).date().isoformat() for d in (40, 170)]
    with pytest.raises(BadInput, match=r"model\.churn\.definition: partial .* has 40 of history"):
        panel(tables, panel_settings(reference_dates=early), partial(), data())
    assert (END - START).days > 226
