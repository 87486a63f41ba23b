"""What a contact does, told from campaigns that were drawn by lot."""

from dataclasses import replace
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


@pytest.mark.parametrize(("arms", "own"), [(1, 0.6), (3, 0.2), (3, None)])
def test_being_sent_anything_is_told_by_campaign(arms: int, own: float | None) -> None:
    """Six of ten are sent one of the arms in one campaign, nine of ten in the other."""
    frames = []
    for campaign, held_back in (("first", 4), ("other", 1)):
        names = ["control"] * held_back + [f"arm {i % arms}" for i in range(10 - held_back)]
        frame = contacts([200 + i for i in range(10)], names)
        likely = [None if own is None else 0.4 if name == "control" else own for name in names]
        frames.append(frame.with_columns(
            campaign=pl.lit(campaign),
            customer_id=pl.col("customer_id").str.replace("c000", f"c00{len(frames)}"),
            propensity=pl.Series(likely if campaign == "first" else [None] * 10, dtype=pl.Float64),
        ))  # fmt: skip
    who = drawn_for(admitted(shop(1) | {"contacts": pl.concat(frames)}), at("2021-10-01"), "mail")
    assert who is not None
    first = who.rows.index.str.startswith("c000")
    np.testing.assert_allclose(who.rows["propensity"][first], 0.6)
    np.testing.assert_allclose(who.rows["propensity"][~first], 0.9)


def test_a_campaign_without_a_control_arm_teaches_nothing() -> None:
    tables = admitted(shop(1) | {"contacts": contacts([200, 201], ["offer", "offer"])})
    assert drawn_for(tables, at("2021-10-01"), "mail") is None
    both = contacts([200, 201, 202], ["offer", "control", "offer"]).with_columns(
        campaign=pl.Series(["one", "one", "without"])
    )
    who = drawn_for(admitted(shop(1) | {"contacts": both}), at("2021-10-01"), "mail")
    assert who is not None
    assert list(who.rows.index) == ["c0000", "c0001"]


def test_the_standard_error_of_a_contact_is_that_of_the_contrast() -> None:
    """Two in three cells lie within one of the truth, or a few more."""
    inside = []
    for seed in range(8):
        trial, _ = drawn(100 + seed, effect=0.0)
        rng = np.random.default_rng(seed)
        cell, true = rng.integers(0, 30, N), rng.normal(0, 1, 30)
        moved = replace(trial, outcome=trial.outcome + true[cell] * trial.way)
        told = per_contact(moved, cell, [np.arange(30)], POLICY.effects, trial.before, 7)
        inside.append(np.abs(told.effects.effect[:, 0] - true) <= told.effects.se[:, 0])
    assert 0.64 <= np.mean(inside) <= 0.85


def drawn(seed: int, n: int = N, effect: float = EFFECT) -> tuple[Trial, np.ndarray]:
    """A campaign whose effect is 3 in the second of two cells, and nothing in the first."""
    rng = np.random.default_rng(seed)
    x, cell = rng.normal(0, 5, (n, 2)), rng.integers(0, 2, n)
    way = (rng.random(n) < 0.8).astype(int)
    outcome = x.sum(axis=1) + effect * way * cell + rng.normal(0, 4, n)
    likely = np.tile([0.2, 0.8], (n, 1))
    index = pd.Index([str(i) for i in range(n)])
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
