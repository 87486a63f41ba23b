"""What a contact does, told from campaigns that were drawn by lot."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pytest
from running import settings_of
from worlds import START, admitted, at, shop, spec_at

from facette.policy.campaigns import HELD_BACK, SENT, campaign_trial, drawn_for, per_contact
from facette.policy.grades import ASSUMPTION, TRANSPORTED
from facette.policy.knowledge import knowledge
from facette.policy.relationship import ways
from facette.policy.trial import Trial

N, EFFECT = 6000, 3.0
POLICY = settings_of("train").policy


def contacts(days: list[int], arms: list[str]) -> pl.DataFrame:
    """One contact by mail for each customer, of one campaign."""
    sent = [START + timedelta(days=day) for day in days]
    return pl.DataFrame({
        "customer_id": [f"c{i:04d}" for i in range(len(days))], "sent_at": sent,
        "campaign": "offer", "channel": "mail", "arm": arms, "randomised": True,
        "propensity": [0.2 if arm.lower() == "control" else 0.8 for arm in arms],
    })  # fmt: skip


def test_arms_of_the_last_season_are_read_with_their_propensities() -> None:
    days, arms = [200, 201, 202, 20, 275], ["offer", "Control", "offer", "offer", "control"]
    tables = admitted(shop(1) | {"contacts": contacts(days, arms)})
    t = at("2021-10-01")
    who = drawn_for(tables, t, "mail")
    assert who is not None
    assert dict(who.rows["model"]) == {"c0000": "mail", "c0001": "control", "c0002": "mail"}
    assert drawn_for(tables, t, "phone") is None
    before = pd.DataFrame({"x": 1.0}, index=who.rows.index)
    made = campaign_trial(who, tables, t, before, spec_at(tables, t))
    assert made.way.tolist() == [SENT, HELD_BACK, SENT]
    np.testing.assert_allclose(made.propensity, [[0.2, 0.8]] * 3)


def test_a_campaign_without_a_control_arm_teaches_nothing() -> None:
    tables = admitted(shop(1) | {"contacts": contacts([200, 201], ["offer", "offer"])})
    assert drawn_for(tables, at("2021-10-01"), "mail") is None


def drawn(seed: int) -> tuple[Trial, np.ndarray]:
    """A campaign whose effect is 3 in the second of two cells, and nothing in the first."""
    rng = np.random.default_rng(seed)
    x, cell = rng.normal(0, 5, (N, 2)), rng.integers(0, 2, N)
    way = (rng.random(N) < 0.8).astype(int)
    outcome = x.sum(axis=1) + EFFECT * way * cell + rng.normal(0, 4, N)
    likely = np.tile([0.2, 0.8], (N, 1))
    index = pd.Index([str(i) for i in range(N)])
    return Trial(index, way, likely, outcome, x, x[:, 0], True, 30, 0), cell


def test_the_effect_of_a_contact_is_found_by_cell() -> None:
    trial, cell = drawn(1)
    told = per_contact(trial, cell, [np.arange(2)], POLICY.effects, trial.before[:5], 7)
    assert told.effects.effect[:, 0] == pytest.approx([0, EFFECT], abs=0.5)
    assert len(told.of_customer) == 5


def test_a_model_that_was_never_tried_borrows_from_campaigns_by_its_channel() -> None:
    trial, cell = drawn(2)
    told = per_contact(trial, cell, [np.arange(2)], POLICY.effects, trial.before, 7)
    able = ways(POLICY)
    mail = able.channels.index("mail")
    scored = pd.DataFrame(
        {"x": np.zeros(N)}, index=pd.Index(map(str, range(N)), name="customer_id")
    )
    known = knowledge(able, POLICY.effects, None, None, scored, trial.before, cell, 2, {mail: told})
    quiet, others = able.position("quiet_mail"), [able.position("phone_desk"), able.on_request]
    np.testing.assert_allclose(
        known.effect[:, quiet], able.contacts[quiet] * told.effects.effect[:, 0]
    )
    assert (known.grade[:, quiet] == TRANSPORTED).all()
    assert (known.grade[:, others] == ASSUMPTION).all()
    assert known.known.tolist() == [m in (quiet, able.on_request) for m in range(7)]


def test_what_came_after_the_date_is_not_seen() -> None:
    early, late = contacts([200, 201], ["offer", "control"]), datetime(2021, 10, 2)
    tables = admitted(
        shop(1) | {"contacts": early.with_columns(recorded_at=pl.lit(late).cast(pl.Datetime("us")))}
    )
    assert drawn_for(tables, at("2021-10-01"), "mail") is None
