from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from worlds import Frames, admitted

from facette.recovery.effects import campaign_effects, effects_found
from facette.snapshots.campaigns import randomised

SENT = datetime(2022, 3, 1)


def drawn(rng: np.random.Generator, customers: int, base: float, effect: float) -> pd.DataFrame:
    """Customers of one campaign who buy the likelier, the likelier they are to be sent it."""
    keen = rng.random(customers) < 0.5
    chance = np.where(keen, 0.8, 0.4)
    sent = rng.random(customers) < chance
    bought = rng.random(customers) < base + 0.1 * keen + effect * sent
    propensity = np.where(sent, chance, 1 - chance)
    told = {"campaign": "a", "sent": sent, "bought": bought, "propensity": propensity}
    return pd.DataFrame(told).astype({"sent": int, "bought": int})


@pytest.mark.parametrize("effect", [0.0, 0.05])
def test_the_estimator_is_unbiased_and_its_interval_covers_at_its_rate(effect: float):
    rng = np.random.default_rng(3)
    found = pd.concat([campaign_effects(drawn(rng, 1500, 0.02, effect)) for _ in range(400)])
    se = found["effect"].std() / np.sqrt(len(found))
    assert abs(found["effect"].mean() - effect) < 3 * se
    assert found["se"].mean() == pytest.approx(found["effect"].std(), rel=0.15)
    covered = ((found["low"] <= effect) & (effect <= found["high"])).mean()
    assert 0.925 <= covered <= 0.985


def test_without_the_weights_the_estimate_would_be_off():
    rng = np.random.default_rng(4)
    naive = [campaign_effects(drawn(rng, 1500, 0.02, 0.0).assign(propensity=1.0))["effect"]
             for _ in range(100)]  # fmt: skip
    assert pd.concat(naive).mean() > 0.02


def test_an_answer_that_never_came_still_leaves_an_interval():
    none = pd.DataFrame({"campaign": "a", "sent": [0, 1] * 60, "bought": 0, "propensity": 0.5})
    found = campaign_effects(none).loc["a"]
    assert found["effect"] == 0
    assert found["low"] < 0 < found["high"]


def bank_tables(**columns: Any) -> Frames:
    """Two customers sent and two held back; one of each buys, c4 too late."""
    ids = ["c1", "c2", "c3", "c4"]
    lines = {
        "customer_id": ids,
        "occurred_at": [SENT] * 4,
        "amount": [1.0] * 4,
        "margin": [1.0] * 4,
    }
    contacts = {
        "customer_id": ids, "sent_at": [SENT] * 4, "campaign": ["spring"] * 4,
        "arm": ["offer", "offer", "control", "control"], "randomised": [True] * 4,
        "propensity": [0.5] * 4,
    }  # fmt: skip
    contracts = {
        "customer_id": ["c1", "c1", "c2", "c3", "c4"], "contract_id": list("abcde"),
        "started_at": [SENT + timedelta(days=d) for d in (3, 5, -2, 29, 30)],
    }  # fmt: skip
    made = {"transactions": lines, "contacts": contacts | columns, "contracts": contracts}
    return {name: pl.DataFrame(table) for name, table in made.items()}


def told(observed_until: str = "2022-06-01", **columns: Any) -> pd.DataFrame:
    tables = admitted(
        bank_tables(**columns), observed_until=observed_until, leave_out_later_rows=True
    )
    return randomised(tables)


def test_a_contract_begun_within_thirty_days_is_the_outcome():
    assert told()["bought"].tolist() == [1, 0, 1, 0]
    assert told()["sent"].tolist() == [1, 1, 0, 0]


def test_what_was_not_drawn_or_is_not_over_is_left_out():
    assert len(told(randomised=[True, True, False, None])) == 2
    assert told(observed_until="2022-03-30").empty


def test_no_randomised_campaign_gives_no_figure():
    truth = pd.DataFrame({"campaign": ["spring"], "effect": [0.0]})
    tables = admitted(bank_tables(), observed_until="2022-06-01")
    assert effects_found(tables, truth)["truth/effect_campaigns"] == 1
    assert effects_found(tables, truth.assign(campaign="autumn")) == {}
    without = {k: v for k, v in bank_tables().items() if k != "contacts"}
    assert effects_found(admitted(without, observed_until="2022-06-01"), truth) == {}
