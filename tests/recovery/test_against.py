from types import SimpleNamespace

import pandas as pd
import pytest
from made_truth import bank
from running import settings_of
from worlds import admitted, shop

from facette.recovery.against import recovered
from facette.recovery.truth import Truth
from facette.settings import Train
from facette.snapshots.panel import Panel

SEEN = ["spend_seen", "share_seen", "mood_seen", "income", "region"]
FIGURES = {
    "segments": {"behaviour_ari", "behaviour_ari_ceiling", "behaviour_ami_old_policy"},
    "churn": {f"churn_efficiency{end}" for end in ("", "_ceiling", "_realised", "_customers")},
    "value": {f"value_efficiency{end}" for end in ("", "_ceiling", "_realised", "_customers")},
    "potential": {"potential_log_bias", "potential_log_bias_customers"} | {
        f"headroom_{figure}{end}"
        for figure in ("spearman", "top_decile")
        for end in ("", "/value", "/peer_rule", "/mean_model", "_gain", "_gain_low", "_gain_high")
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def world() -> tuple[Panel, Truth]:
    return bank(9, customers=400)


@pytest.fixture(scope="module")
def settings() -> Train:
    chosen: Train = settings_of("train", "data=bank", "evaluation.resamples=20")
    for part in ("value", "potential", "churn"):
        getattr(chosen.model, part).features = SEEN
    return chosen


def scored(truth: Truth) -> pd.DataFrame:
    state = truth.test
    made = {"behaviour_segment": state["family"].astype(str), "value_expected": state["value"],
            "potential": state["wallet"], "headroom": state["headroom"],
            "churn_probability": state["churn"]}  # fmt: skip
    return pd.DataFrame(made).reset_index()


def figures(settings: Train, world: tuple[Panel, Truth], told: pd.DataFrame, segments: bool):
    found = SimpleNamespace(columns=[{"name": "power_seen"}, {"name": "expectation_seen"}])
    tables = admitted({"transactions": shop(1, customers=5)["transactions"]})
    panel, truth = world
    return recovered(settings, tables, panel, told, found if segments else None, truth)


def test_who_knows_the_truth_recovers_all_of_it(settings: Train, world: tuple[Panel, Truth]):
    made = figures(settings, world, scored(world[1]), segments=True)
    assert set(made) == {f"truth/{name}" for names in FIGURES.values() for name in names}
    for name in ("behaviour_ari", "churn_efficiency", "value_efficiency", "headroom_spearman"):
        assert made[f"truth/{name}"] == pytest.approx(1)
    assert made["truth/potential_log_bias"] == pytest.approx(0)


def test_a_part_that_is_off_has_no_figures(settings: Train, world: tuple[Panel, Truth]):
    told = scored(world[1])[["customer_id", "value_expected"]]
    made = figures(settings, world, told, segments=False)
    assert set(made) == {f"truth/{name}" for name in FIGURES["value"]}
