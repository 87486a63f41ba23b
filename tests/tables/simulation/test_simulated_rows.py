"""Rows of a simulated bank fit each other: rights, ends, arms, treatments, late and refunded."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import chisquare
from small_bank import START, bank_in, departures, quickly_opened, tables_of, world

from facette.errors import BadInput
from facette.tables.simulation.bank import block_of
from facette.tables.simulation.dealings import FACE_TO_FACE
from facette.tables.simulation.months import opened
from facette.tables.simulation.rows import SCHEMAS, Block
from facette.tables.simulation.world import drawn as drawn_world

Tables = dict[str, pl.DataFrame]

OWN_INSTANT = {
    "transactions": "occurred_at", "interactions": "occurred_at", "contacts": "sent_at",
    "treatments": "from_date", "surveys": "answered_at", "consents": "recorded_at",
    "contracts": "started_at", "customers": "valid_from",
}  # fmt: skip
CONSENT_OF = {"advisor": "phone", "branch": "phone"}
END = datetime(2026, 1, 1)


@pytest.mark.parametrize("name", OWN_INSTANT)
def test_nothing_is_dated_after_a_customer_left(tables: Tables, name: str) -> None:
    gone = tables[name].join(departures(tables), on="customer_id")
    assert len(gone)
    assert not len(gone.filter(pl.col(OWN_INSTANT[name]) > pl.col("left_at")))


@pytest.mark.parametrize("name", OWN_INSTANT)
def test_nothing_is_dated_after_observation(tables: Tables, name: str) -> None:
    assert tables[name][OWN_INSTANT[name]].max() < END


@pytest.mark.parametrize("name", OWN_INSTANT)
def test_only_consents_profiles_and_contracts_are_older_than_observation(
    tables: Tables, name: str
) -> None:
    before = (tables[name][OWN_INSTANT[name]] < datetime(2023, 1, 1)).any()
    assert before == (name in {"consents", "customers", "contracts"})


def test_customers_are_contacted_with_consent_on_the_channel_only(tables: Tables) -> None:
    told = tables["consents"].filter(pl.col("channel").is_not_null())
    sent = tables["contacts"].with_columns(
        consent=pl.col("channel").replace(CONSENT_OF)
    ).sort("sent_at")  # fmt: skip
    known = sent.join_asof(
        told.select("customer_id", "recorded_at", "granted", consent="channel").sort("recorded_at"),
        left_on="sent_at", right_on="recorded_at", by=["customer_id", "consent"],
        check_sortedness=False,
    )  # fmt: skip
    assert known["granted"].is_not_null().mean() > 0.9
    assert not (known["granted"] == False).any()  # noqa: E712
    refused = told.filter(~pl.col("granted")).select("customer_id", consent="channel").unique()
    assert len(sent.join(refused, on=["customer_id", "consent"], how="semi"))  # withdrawn later


def test_who_objected_is_never_contacted_again(tables: Tables) -> None:
    objected = tables["consents"].filter(pl.col("objected")).group_by("customer_id").agg(
        objected_at=pl.col("recorded_at").min()
    )  # fmt: skip
    sent = tables["contacts"].join(objected, on="customer_id")
    assert len(objected) > 20
    assert len(sent)
    assert not len(sent.filter(pl.col("sent_at") > pl.col("objected_at")))


def test_the_control_arm_costs_nothing_and_never_reacts(tables: Tables) -> None:
    control = tables["contacts"].filter(pl.col("arm") == "control")
    assert len(control) > 100
    assert control["cost"].max() == 0
    for column in ("opened_at", "clicked_at", "responded_at"):
        assert control[column].null_count() == len(control)
    assert (tables["contacts"].filter(pl.col("arm") != "control")["cost"] > 0).all()


def test_reactions_follow_one_another(tables: Tables) -> None:
    sent = tables["contacts"]
    steps = ["sent_at", "opened_at", "clicked_at", "responded_at"]
    for i, earlier in enumerate(steps):
        for later in steps[i + 1 :]:
            both = sent.filter(pl.col(earlier).is_not_null() & pl.col(later).is_not_null())
            assert len(both)
            assert (both[later] >= both[earlier]).all()


def test_randomised_rows_alone_have_a_propensity(tables: Tables) -> None:
    for name in ("contacts", "treatments"):
        frame = tables[name]
        assert (frame["propensity"].is_not_null() == frame["randomised"]).all()
    offers = tables["contacts"].filter(pl.col("randomised"))
    share = world().campaign_control
    expected = np.where(offers["arm"] == "control", share, 1 - share)
    assert offers["propensity"].to_numpy() == pytest.approx(expected)


def test_treatments_of_a_customer_neither_overlap_nor_leave_a_gap(tables: Tables) -> None:
    frame = tables["treatments"].sort("customer_id", "from_date").with_columns(
        following=pl.col("from_date").shift(-1).over("customer_id")
    )  # fmt: skip
    over = frame.filter(pl.col("to_date").is_not_null())
    assert (over["to_date"] > over["from_date"]).all()
    more = frame.filter(pl.col("following").is_not_null())
    assert len(more)
    assert (more["to_date"] == more["following"]).all()
    left = set(departures(tables)["customer_id"])
    last = frame.filter(pl.col("following").is_null())
    assert set(last.filter(pl.col("to_date").is_not_null())["customer_id"]) == left


def test_contracts_are_given_notice_before_they_end(tables: Tables) -> None:
    ended = tables["contracts"].filter(pl.col("ended_at").is_not_null())
    assert (ended["ended_at"] > ended["started_at"]).all()
    assert ended["end_reason"].null_count() == 0
    voluntary = ended.filter(pl.col("end_reason") == "voluntary")
    assert (voluntary["notice_at"] <= voluntary["ended_at"]).all()
    assert (voluntary["notice_at"] >= voluntary["started_at"]).all()
    assert ended.filter(pl.col("end_reason") != "voluntary")["notice_at"].null_count() > 0
    going_on = tables["contracts"].filter(pl.col("ended_at").is_null())
    assert going_on["notice_at"].null_count() == len(going_on)


def test_the_pilot_is_a_fifth_of_the_base_drawn_evenly(tables: Tables) -> None:
    pilot = tables["treatments"].filter(pl.col("randomised"))
    assert pilot["customer_id"].is_unique().all()
    assert set(pilot["from_date"]) == {datetime(2025, 1, 1), datetime(2025, 1, 4)}  # newcomers
    base = tables["treatments"].filter(
        (pl.col("from_date") <= datetime(2025, 1, 4))
        & (pl.col("to_date").is_null() | (pl.col("to_date") > datetime(2025, 1, 4)))
    )["customer_id"].n_unique()  # fmt: skip
    assert len(pilot) / base == pytest.approx(0.2, abs=4 * np.sqrt(0.16 / base))
    models = pilot["relationship_model"].value_counts()
    assert len(models) == len(world().relationship_models)
    assert set(pilot["propensity"]) == {1 / len(models)}
    assert chisquare(models["count"]).pvalue > 1e-4


def test_the_old_policy_looks_at_past_value_and_the_pilot_does_not(tables: Tables) -> None:
    past = tables["transactions"].filter(pl.col("occurred_at") < datetime(2025, 1, 1)).group_by(
        "customer_id").agg(past=pl.col("margin").sum())  # fmt: skip
    there = tables["treatments"].filter(pl.col("from_date") == datetime(2025, 1, 1))
    there = there.join(past, on="customer_id").with_columns(
        best=pl.col("relationship_model") == "portfolio_advisor", rank=pl.col("past").rank()
    )  # fmt: skip
    gaps = {}
    for drawn, group in there.group_by("randomised"):
        rank = group["rank"] / len(there)
        gaps[drawn[0]] = rank.filter(group["best"]).mean() - rank.filter(~group["best"]).mean()
    assert gaps[False] > 0.1
    assert abs(gaps[True]) < 0.08


def test_late_and_out_of_order_rows_exist(tables: Tables) -> None:
    for name in ("transactions", "interactions"):
        frame = tables[name]
        late = (frame["recorded_at"] - frame["occurred_at"]) >= timedelta(days=1)
        assert 0.005 < late.mean() < 0.05
        steps = frame.with_columns(
            before=pl.col("occurred_at").shift(1).over("customer_id")
        ).filter(pl.col("before").is_not_null())  # fmt: skip
        assert 0 < (steps["occurred_at"] < steps["before"]).mean() < 0.1


def test_a_few_postings_are_given_back(tables: Tables) -> None:
    lines = tables["transactions"]
    refunds = lines.filter(pl.col("amount") < 0)
    assert 0.001 < len(refunds) / len(lines) < 0.02
    paid = lines.filter(pl.col("amount") > 0).group_by("customer_id", "product").len()
    assert len(refunds.join(paid, on=["customer_id", "product"], how="semi")) == len(refunds)


def test_leads_never_become_customers_and_newcomers_do(tables: Tables) -> None:
    stages = tables["customers"].group_by("customer_id").agg(pl.col("stage"))
    bought = set(tables["contracts"]["customer_id"])
    never = stages.filter(~pl.col("stage").list.contains("customer"))
    assert len(never)
    assert not bought & set(never["customer_id"])
    both = stages.filter(
        pl.col("stage").list.contains("customer") & pl.col("stage").list.contains("lead")
    )
    assert len(both)


def yearly_rate(tables: Tables) -> float:
    """Voluntary departures by year of being there."""
    left = departures(tables)
    gone = left.filter(pl.col("reason") == "voluntary")
    span = tables["treatments"].group_by("customer_id").agg(
        first=pl.col("from_date").min(),
        last=pl.col("to_date").fill_null(datetime(2025, 1, 1)).max(),
    )  # fmt: skip
    years = (span["last"] - span["first"]).dt.total_days().sum() / 365.25
    return len(gone) / years


def test_departures_follow_the_rate_that_is_configured(tmp_path_factory) -> None:
    rates = {}
    for rate in (0.03, 0.09):
        folder = tmp_path_factory.mktemp("bank") / "bank"
        bank_in(folder, customers=2500, months=24, churn_year=rate)
        rates[rate] = yearly_rate(tables_of(folder))
    assert rates[0.03] == pytest.approx(0.03, rel=0.35)
    assert rates[0.09] == pytest.approx(0.09, rel=0.25)


def test_customers_come_face_to_face_on_weekdays_in_opening_hours(tables: Tables) -> None:
    met = tables["interactions"].filter(pl.col("channel").is_in(FACE_TO_FACE))
    for came in (met, met.filter(pl.col("purpose") == "complaint")):
        assert len(came) > 50
        assert came["occurred_at"].dt.weekday().max() <= 5
        assert came["occurred_at"].dt.hour().is_between(9, 17).all()
    elsewhere = tables["interactions"].filter(~pl.col("channel").is_in(FACE_TO_FACE))
    assert (elsewhere["occurred_at"].dt.weekday() > 5).any()


@pytest.mark.parametrize("share", [0, 1])
def test_a_campaign_may_keep_out_nobody_or_everybody(tmp_path: Path, share: int) -> None:
    with quickly_opened():
        folder = bank_in(tmp_path / "bank", customers=200, months=12, campaign_control=share)
    offers = tables_of(folder)["contacts"].filter(pl.col("randomised"))
    assert len(offers)
    assert (offers["arm"] == "control").mean() == share
    assert (offers["propensity"] == 1).all()


def test_rows_take_the_types_of_their_table_whatever_they_came_as() -> None:
    with quickly_opened():
        bank = opened(drawn_world(world(), 5), 5, 12, START)
    block = Block(bank, *block_of(bank, 0, 10))
    for value in (np.array([1, 2]), np.array([0.5, np.nan])):
        block.add("events", np.arange(2), occurred_at=np.array([-1, 7]), kind="balance",
                  value=value, recorded_at=np.array([7, 7]))  # fmt: skip
    events = block.frames()["events"]
    assert events.schema == SCHEMAS["events"]
    assert sorted(events["value"].drop_nulls()) == [0.5, 1, 2]
    assert events["occurred_at"].null_count() == 2


def test_a_bank_where_nobody_is_there_is_refused() -> None:
    with quickly_opened(), pytest.raises(BadInput, match=r"none is there to leave; .*world\.leads"):
        opened(drawn_world(world(leads=1), 5), 5, 12, START)
