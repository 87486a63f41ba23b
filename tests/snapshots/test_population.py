"""Leads have a row where they are asked for: known by then, counts 0, days missing."""

from datetime import datetime, timedelta

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest
from dealings import whole_shop
from hypothesis import given, settings
from hypothesis import strategies as st
from test_known import scrambled
from worlds import END, START, Frames, admitted, at, churn_settings, data, panel_settings, spec_at

from facette.errors import BadInput
from facette.settings.data import Population
from facette.snapshots.panel import Snapshot, panel, snapshot_at
from facette.snapshots.spec import SnapshotSpec
from facette.tables.contract import Tables

MOMENT = START + timedelta(days=170)
T = at(MOMENT.isoformat())
LEADS = 30


def with_leads(seed: int, customers: int = 20) -> Frames:
    """A shop, with people who are known from some day on and have bought nothing."""
    frames = whole_shop(seed, customers, dated=True)
    rng = np.random.default_rng(seed)
    since = [START + timedelta(days=int(d)) for d in rng.integers(0, 260, LEADS)]
    leads = pl.DataFrame(
        {
            "customer_id": [f"lead{i:02d}" for i in range(LEADS)], "region": "West",
            "mood": "keen", "valid_from": since, "acquired_at": since,
            "recorded_at": [s + timedelta(days=int(d)) for s, d in
                            zip(since, rng.integers(0, 20, LEADS), strict=True)],
        }
    )  # fmt: skip
    together = pl.concat([frames["customers"], leads], how="diagonal_relaxed")
    return frames | {"customers": together}


def spec_of(tables: Tables, population: Population = Population.known) -> SnapshotSpec:
    return spec_at(tables, T, population=population)


def at_t(tables: Tables, spec: SnapshotSpec, *, with_outcomes: bool = True) -> Snapshot:
    return snapshot_at(tables, T, spec, None, with_outcomes=with_outcomes)


@pytest.fixture(scope="module")
def frames() -> Frames:
    return with_leads(4)


@pytest.fixture(scope="module")
def tables(frames: Frames) -> Tables:
    return admitted(frames)


@pytest.fixture(scope="module")
def known(tables: Tables) -> Snapshot:
    return at_t(tables, spec_of(tables))


def leads_of(snapshot: Snapshot) -> list[str]:
    return [customer for customer in snapshot.features.index if customer.startswith("lead")]


def test_leads_known_before_the_date_have_a_row_and_later_ones_have_none(
    frames: Frames, known: Snapshot
) -> None:
    people = frames["customers"].filter(pl.col("customer_id").str.starts_with("lead"))
    by_then = people.filter(pl.col("valid_from") < MOMENT, pl.col("recorded_at") < MOMENT)
    assert leads_of(known) == sorted(by_then["customer_id"])
    assert 0 < len(leads_of(known)) < LEADS


def test_customers_keep_their_rows_to_the_bit(tables: Tables, known: Snapshot) -> None:
    alone = at_t(tables, spec_of(tables, Population.customers))
    assert leads_of(alone) == []
    for part in ("features", "context", "outcomes"):
        of_customers = getattr(known, part).loc[alone.features.index]
        pd.testing.assert_frame_equal(of_customers, getattr(alone, part), check_exact=True)


def test_a_lead_counts_0_and_has_no_days_since_anything(known: Snapshot) -> None:
    features, context = known.features.loc[leads_of(known)], known.context.loc[leads_of(known)]
    zero = ["spend_112d", "transactions_112d", "active_days_112d", "categories", "products"]
    assert (features[zero] == 0).all(axis=None)
    unknown = ["recency_days", "first_seen_days", "overdue", "spend_trend", "discount_rate"]
    assert features[unknown].isna().all(axis=None)
    assert (features["region"] == "West").all()
    assert (features["tenure_days"] > 0).all()
    money = ["value_current", "value_annualised", "history_repeat_value", "history_days", "active"]
    assert (context[money] == 0).all(axis=None)


def test_the_outcome_of_a_lead_is_a_value_and_no_churn(known: Snapshot) -> None:
    outcomes = known.outcomes.loc[leads_of(known)]
    assert (outcomes["value"] == 0).all()
    assert outcomes["churned"].isna().all()


def test_a_lead_who_buys_later_brings_value(frames: Frames) -> None:
    buyer = leads_of(at_t(admitted(frames), spec_of(admitted(frames))))[0]
    line = frames["transactions"].filter(pl.col("amount") > 0).head(1).with_columns(
        customer_id=pl.lit(buyer), occurred_at=pl.lit(MOMENT + timedelta(days=3)),
        recorded_at=pl.lit(MOMENT + timedelta(days=3)), amount=pl.lit(50.0),
    )  # fmt: skip
    lines = pl.concat([frames["transactions"], line], how="vertical_relaxed")
    tables = admitted(frames | {"transactions": lines})
    made = at_t(tables, spec_of(tables))
    assert made.outcomes.loc[buyer, "value"] == pytest.approx(50 * data().margin_rate)
    assert made.context.loc[buyer, "history_days"] == 0


def test_leads_who_objected_stay_out(frames: Frames, known: Snapshot) -> None:
    out = leads_of(known)[0]
    word = pl.DataFrame(
        {"customer_id": [out], "channel": [None], "recorded_at": [START + timedelta(days=160)],
         "objected": [True]},
        schema_overrides={"channel": pl.String},
    )  # fmt: skip
    consents = pl.concat([frames["consents"], word], how="diagonal_relaxed")
    tables = admitted(frames | {"consents": consents})
    assert leads_of(at_t(tables, spec_of(tables))) == leads_of(known)[1:]


def open_ended(frames: Frames) -> Tables:
    return admitted(frames, observed_until=(END + timedelta(days=400)).date().isoformat())


def of_strangers(frames: Frames, t: datetime) -> Frames:
    """The same world, in which others become known from `t` on."""
    later = frames["customers"].with_columns(
        customer_id=pl.lit("stranger ") + pl.col("customer_id"), recorded_at=pl.lit(t)
    )
    return frames | {"customers": pl.concat([frames["customers"], later])}


@settings(max_examples=5)
@given(seed=st.integers(0, 10_000))
def test_leads_do_not_depend_on_what_is_not_yet_known(seed: int) -> None:
    frames = with_leads(seed, customers=10)
    other = of_strangers(scrambled(frames, MOMENT, np.random.default_rng(seed)), MOMENT)
    tables, changed = open_ended(frames), open_ended(other)
    spec = spec_of(tables)
    assert spec == spec_of(changed)
    one, two = (at_t(x, spec, with_outcomes=False) for x in (tables, changed))
    assert leads_of(one)
    assert one.digest() == two.digest()


def test_duckdb_and_polars_know_the_same_people(tables: Tables, known: Snapshot) -> None:
    with duckdb.connect() as session:
        frames = {
            name: nw.from_native(session.from_arrow(frame.collect("pyarrow").to_native()))
            for name, frame in tables.frames.items()
        }
        other = Tables(frames, tables.first_at, tables.observed_until)
        assert at_t(other, spec_of(other)).digest() == known.digest()


def test_working_share_by_share_changes_nothing(tables: Tables, known: Snapshot) -> None:
    parted = Tables(tables.frames, tables.first_at, tables.observed_until, passes=3)
    assert at_t(parted, spec_of(tables)).digest() == known.digest()


@pytest.mark.parametrize("missing", ["table", "dates"])
def test_people_without_a_date_are_refused_in_one_line(frames: Frames, missing: str) -> None:
    people = frames["customers"].drop("valid_from", "recorded_at").unique("customer_id")
    rest = {name: frame for name, frame in frames.items() if name != "customers"}
    tables = admitted(rest | ({"customers": people} if missing == "dates" else {}))
    with pytest.raises(BadInput, match=r"^snapshot\.population: known needs the table") as error:
        spec_of(tables)
    assert "\n" not in str(error.value)


def test_a_panel_says_how_many_have_not_bought_yet(tables: Tables) -> None:
    asked = panel_settings(population=Population.known)
    made = panel(tables, asked, churn_settings(), data())
    leads = int((made.test.context["history_days"] == 0).sum())
    assert leads >= len(leads_of(made.test))
    assert made.notes[-1].startswith(
        f"snapshots hold whoever is known (snapshot.population): {leads} of {len(made.test)} at "
    )


def test_the_population_is_stored_with_the_constants(tables: Tables) -> None:
    spec = spec_of(tables)
    assert SnapshotSpec.from_dict(spec.as_dict()) == spec
    before = {k: v for k, v in spec.as_dict().items() if k != "population"}
    assert SnapshotSpec.from_dict(before).population == "customers"
