"""What is told as true comes true: leaving, margins, and what a treatment changes."""

import json
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score
from small_bank import bank_in, departures, quickly_opened

from facette.errors import BadInput
from facette.tables.simulation import bank, truth
from facette.tables.simulation.truth import campaign_effects, expected_outcome, truth_at

HORIZON, GAP = 182, 30
DATES = [datetime(2023, 10, 1), datetime(2024, 4, 15), datetime(2024, 11, 15)]


def microseconds(date: datetime) -> int:
    return (date - datetime(1970, 1, 1)) // timedelta(microseconds=1)


@pytest.fixture(scope="module")
def states(three_years: Path) -> list[pd.DataFrame]:
    return [truth_at(three_years, microseconds(t), HORIZON, GAP) for t in DATES]


@pytest.fixture(scope="module")
def followed(tables: dict[str, pl.DataFrame], states: list[pd.DataFrame]) -> pd.DataFrame:
    """Truth beside what then happened, of those at stake: `left` and `earned`."""
    away = departures(tables).to_pandas().set_index("customer_id")
    whole = []
    for date, state in zip(DATES, states, strict=True):
        left_at = away["left_at"].reindex(state.index)
        own_will = (away["reason"] == "voluntary").reindex(state.index, fill_value=False)
        begin = date + timedelta(days=GAP)
        end = begin + timedelta(days=HORIZON)
        otherwise = left_at.between(date, end, inclusive="left") & ~own_will
        known = state.assign(left=left_at.between(begin, end, inclusive="left") & own_will)
        lines = tables["transactions"].filter(
            (pl.col("occurred_at") >= date)
            & (pl.col("occurred_at") < date + timedelta(days=HORIZON))
        )
        earned = lines.group_by("customer_id").agg(pl.col("margin").sum()).to_pandas()
        known["earned"] = earned.set_index("customer_id")["margin"].reindex(known.index).fillna(0)
        known["at_stake"] = ~(left_at < begin) & ~otherwise
        whole.append(known)
    return pd.concat(whole)


def test_probabilities_of_leaving_are_calibrated(followed: pd.DataFrame) -> None:
    known = followed[followed["at_stake"]]
    by_risk = pd.qcut(known["churn"].rank(), 3, labels=False)
    for _, group in known.groupby(by_risk):
        expected = group["churn"].sum()
        spread = np.sqrt((group["churn"] * (1 - group["churn"])).sum())
        assert abs(group["left"].sum() - expected) < 3.5 * spread
    assert known["left"].sum() > 100
    assert roc_auc_score(known["left"], known["churn"]) > 0.65


def test_expected_margins_are_those_that_are_posted(followed: pd.DataFrame) -> None:
    assert followed["earned"].sum() / followed["value"].sum() == pytest.approx(1, abs=0.05)
    assert spearmanr(followed["earned"], followed["value"])[0] > 0.9
    upper = followed["value"] > followed["value"].median()
    for half in (followed[upper], followed[~upper]):
        spread = (half["earned"] - half["value"]).std() * np.sqrt(len(half))
        assert abs((half["earned"] - half["value"]).sum()) < 4 * spread


def test_there_is_who_was_there(tables: dict[str, pl.DataFrame], states: list) -> None:
    for date, state in zip(DATES, states, strict=True):
        held = tables["contracts"].filter(
            (pl.col("started_at") < date)
            & (pl.col("ended_at").is_null() | (pl.col("ended_at") >= date))
        )
        assert set(held["customer_id"]) == set(state.index)


def test_the_wallet_holds_the_value_and_the_headroom(states: list[pd.DataFrame]) -> None:
    for state in states:
        assert (state["headroom"] >= 0).all()
        more = state["wallet"] > state["value"]
        gap = state["wallet"] - state["value"]
        assert np.allclose(state.loc[more, "headroom"], gap[more])
        assert more.mean() > 0.95
        assert state["churn"].between(0, 1).all()


def test_the_truth_is_the_same_when_asked_again(three_years: Path, states: list) -> None:
    again = truth_at(three_years, microseconds(DATES[0]), HORIZON, GAP)
    pd.testing.assert_frame_equal(again, states[0], check_exact=True)


@pytest.mark.parametrize(
    "date", [datetime(2024, 1, 10), datetime(2024, 4, 15), datetime(2025, 1, 10)]
)
def test_the_treatment_in_place_is_the_one_on_record_missing_in_the_pilot(
    three_years: Path, tables: dict[str, pl.DataFrame], date: datetime
) -> None:
    state = truth_at(three_years, microseconds(date), 30, 0, rollouts=1)
    at_work = tables["treatments"].filter(
        (pl.col("from_date") <= date) & (pl.col("to_date").is_null() | (pl.col("to_date") > date))
    )
    recorded = at_work.to_pandas().set_index("customer_id").reindex(state.index)
    piloted = recorded["randomised"].fillna(False).astype(bool)
    assert state.loc[piloted, "treatment"].isna().all()
    same = recorded["relationship_model"][~piloted] == state["treatment"][~piloted]
    assert same.mean() > 0.99
    assert 0.1 < piloted.mean() < 0.3 if date.year == 2025 else not piloted.any()


def test_a_past_that_could_not_be_lived_again_is_refused(three_years: Path, tmp_path: Path) -> None:
    shutil.copytree(three_years, tmp_path / "bank")
    told = tmp_path / "bank" / "simulation.json"
    other = json.loads(told.read_text()) | {"generator": "another"}
    told.write_text(json.dumps(other))
    with pytest.raises(BadInput, match="another version of the simulator"):
        truth_at(tmp_path / "bank", microseconds(DATES[0]), HORIZON, GAP)
    shutil.rmtree(tmp_path / "bank" / "truth")
    with pytest.raises(BadInput, match="holds no truth"):
        truth_at(tmp_path / "bank", microseconds(DATES[0]), HORIZON, GAP)


def test_effects_of_campaigns_are_small_and_mostly_good(three_years: Path) -> None:
    effects = campaign_effects(three_years)
    assert len(effects) == 36
    assert effects["campaign"].is_unique
    assert (effects["n_control"] > 0).all()
    assert effects["effect"].abs().max() < 0.1
    assert effects["effect"].max() > 0


@pytest.fixture(scope="module")
def little(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[float, Path]]:
    """Banks of two blocks, by how far a treatment that does not suit works against itself."""
    within = tmp_path_factory.mktemp("eta")
    with pytest.MonkeyPatch.context() as patch, quickly_opened():
        for module in (bank, truth):
            patch.setattr(module, "BLOCK", 300)
        yield {
            eta: bank_in(within / str(eta), customers=500, mismatch_strength=eta)
            for eta in (0.0, 0.5)
        }


MEASURED = ["margin", "satisfaction", "churn"]


def test_outcomes_are_the_same_when_asked_again_and_for_one_treatment(little) -> None:
    folder = little[0.5]
    one = expected_outcome(folder, None, "mass", "email", 2.0, rollouts=2)
    pd.testing.assert_frame_equal(
        one, expected_outcome(folder, None, "mass", "email", 2.0, rollouts=2), check_exact=True
    )
    some = list(one.index[::-3])
    n = len(some)
    asked = expected_outcome(
        folder, some, ["mass"] * n, ["email"] * n, [2.0] * n, rollouts=2
    )  # fmt: skip
    pd.testing.assert_frame_equal(asked, one.loc[some], check_exact=True)


def test_each_customer_may_be_handled_in_another_way(little) -> None:
    folder = little[0.5]
    mass = expected_outcome(folder, None, "mass", "email", 2.0, rollouts=2)
    close = expected_outcome(folder, None, "personalised", "advisor", 1.0, rollouts=2)
    people = list(mass.index)
    first = np.arange(len(people)) % 2 == 0
    mixed = expected_outcome(
        folder, people, np.where(first, "mass", "personalised").tolist(),
        np.where(first, "email", "advisor").tolist(), np.where(first, 2.0, 1.0).tolist(),
        rollouts=2,
    )  # fmt: skip
    pd.testing.assert_frame_equal(mixed[first], mass[first], check_exact=True)
    pd.testing.assert_frame_equal(mixed[~first], close[~first], check_exact=True)
    assert (mass["satisfaction"] != close["satisfaction"]).mean() > 0.9


def test_what_does_not_suit_changes_nothing_where_it_has_no_strength(little) -> None:
    for eta, folder in little.items():
        far, near = (
            expected_outcome(folder, None, approach, "email", 0.7, rollouts=2)
            for approach in ("mass", "personalised")
        )
        same = np.isclose(far[MEASURED], near[MEASURED], rtol=1e-12).all(axis=1)
        assert same.all() if eta == 0 else same.mean() < 0.1


def test_a_treatment_that_suits_brings_more(little) -> None:
    folder = little[0.5]
    wish = pl.read_parquet(folder / "truth" / "people.parquet").to_pandas()
    wish = wish.set_index("customer_id")["wish_closeness"]
    far, near = (
        expected_outcome(folder, None, approach, "email", 0.7, rollouts=4)
        for approach in ("mass", "personalised")
    )
    gain = near["satisfaction"] - far["satisfaction"]
    assert spearmanr(gain, wish.reindex(gain.index))[0] > 0.7
    risk = near["churn"] - far["churn"]
    assert spearmanr(risk, wish.reindex(risk.index))[0] < -0.3
