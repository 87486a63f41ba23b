"""Models learn from training snapshots alone, are told in plain files, and refuse to cheat."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
from packaged import Bundle, write_bundle
from sklearn.linear_model import LinearRegression
from worlds import Frames, admitted, churn_settings, data, panel_settings, shop

from facette.errors import BadInput
from facette.models import validation
from facette.models.baselines import LogisticBaseline, NaiveForecast
from facette.models.facets import (
    Learned,
    check_features,
    check_outcomes,
    learn_churn,
    learn_potential,
    learn_upside,
    learn_value,
    learn_value_if_staying,
    peer_columns,
)
from facette.models.judging import judge
from facette.models.learner import design, fit
from facette.models.validation import grouped_folds, sample, seen_by_models
from facette.settings.models import Calibration, Evaluation, PotentialModel, UpsideModel, ValueModel
from facette.snapshots.catalogue import catalogue
from facette.snapshots.panel import Panel, panel

TREES: dict[str, Any] = {
    "n_estimators": 60, "num_leaves": 5, "min_child_samples": 10, "learning_rate": 0.1,
    "random_state": 7, "deterministic": True, "force_row_wise": True, "n_jobs": 1, "verbosity": -1,
}  # fmt: skip
VALUE = lightgbm.LGBMRegressor(objective="tweedie", **TREES)
POTENTIAL = lightgbm.LGBMRegressor(objective="quantile", alpha=0.9, **TREES)
CHURN = lightgbm.LGBMClassifier(objective="binary", **TREES)
LEARNERS = {"value": (learn_value, VALUE), "potential": (learn_potential, POTENTIAL),
            "churn": (learn_churn, CHURN), "upside": (learn_upside, POTENTIAL),
            "value_if_staying": (learn_value_if_staying, VALUE)}  # fmt: skip
DEFINED = ("churn", "value_if_staying")  # for the active alone
FILES = {"booster.txt", "part.json"}
KEYS = {"features", "categories", "link", "calibration", "shift", "scale", "lower", "kind"}


def settings(part: str, **changed: Any) -> Any:
    if part == "churn":
        return churn_settings(**changed)
    plain = {"name": part, "estimator": None, "features": None, "folds": 3} | changed
    if part == "upside":
        return UpsideModel(tau=0.9, bands=2, **plain)
    return PotentialModel(tau=0.9, **plain) if part == "potential" else ValueModel(**plain)


@pytest.fixture(scope="module")
def frames() -> Frames:
    return shop(4, customers=150)


@pytest.fixture(scope="module")
def world(frames: Frames) -> Panel:
    return panel(admitted(frames), panel_settings(), churn_settings(), data())


@pytest.fixture(scope="module")
def learnt(world: Panel) -> dict[str, Learned]:
    return {part: learn(world, settings(part), e, 7) for part, (learn, e) in LEARNERS.items()}


@pytest.fixture(scope="module")
def bundle(learnt: dict[str, Learned], tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("learnt") / "bundle"
    parts = {part: learned.files for part, learned in learnt.items()}
    write_bundle(folder, parts, {"data": "shop"})
    return Bundle.load(folder)


def rows(world: Panel) -> pd.DataFrame:
    frame = seen_by_models(world.test).reset_index()
    return frame.assign(reference_date=world.dates()[-1])


@pytest.mark.parametrize("part", LEARNERS)
def test_a_learnt_part_is_plain_files(part: str, learnt: dict[str, Learned]) -> None:
    files = learnt[part].files
    assert set(files) == FILES
    told = json.loads(files["part.json"])
    assert set(told) == KEYS | ({"where"} if part in DEFINED else set())
    used = [name for name in told["features"] if name.startswith("status_")]
    statuses = dict.fromkeys(used, ["lapsed", "never", "new", "regular"])
    assert told["categories"] == {"region": ["North", "South", "West"], **statuses}
    booster = lightgbm.Booster(model_str=files["booster.txt"].decode())
    assert booster.num_feature() == len(told["features"])
    assert booster.feature_name() == told["features"]


@pytest.mark.parametrize("part", LEARNERS)
def test_one_seed_gives_the_same_bytes_and_figures(
    part: str, world: Panel, learnt: dict[str, Learned]
) -> None:
    learn, estimator = LEARNERS[part]
    again = learn(world, settings(part), estimator, 7)
    assert again.files == learnt[part].files
    assert again.params == learnt[part].params


@pytest.mark.parametrize("part", LEARNERS)
def test_learning_leaves_the_given_estimator_as_it_was(part: str, learnt: object) -> None:
    assert LEARNERS[part][1].get_params()["n_estimators"] == TREES["n_estimators"]
    assert not LEARNERS[part][1].__sklearn_is_fitted__()


@pytest.mark.parametrize("part", LEARNERS)
def test_nothing_is_learnt_from_the_test_snapshot(
    part: str, world: Panel, learnt: dict[str, Learned]
) -> None:
    noise = world.test.features.sample(frac=1, random_state=1).set_index(world.test.features.index)
    other = replace(world, test=replace(world.test, features=noise, outcomes=None))
    learn, estimator = LEARNERS[part]
    assert learn(other, settings(part), estimator, 7).files == learnt[part].files


@pytest.mark.parametrize("part", LEARNERS)
@pytest.mark.parametrize("cheat", ["value", "churned"])
def test_an_outcome_named_as_a_feature_is_refused(part: str, cheat: str, world: Panel) -> None:
    learn, estimator = LEARNERS[part]
    for attempt in (
        lambda given: learn(world, settings(part, features=given), estimator, 7),
        lambda given: check_features(world, given),
    ):
        with pytest.raises(BadInput, match=f"{cheat} is an outcome.*take it out") as error:
            attempt(["recency_days", cheat])
        assert "\n" not in str(error.value)


def test_an_unknown_feature_is_refused_with_the_nearest_name(world: Panel) -> None:
    with pytest.raises(BadInput, match="no column spend_56 .*did you mean 'spend_56d'|'spend_56d'"):
        check_features(world, ["recency_days", "spend_56"])


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_one_class_of_leaving_is_refused(value: float, world: Panel) -> None:
    def only(snapshot: Any) -> Any:
        known = snapshot.outcomes["churned"].notna()
        outcomes = snapshot.outcomes.assign(churned=np.where(known, value, np.nan))
        return replace(snapshot, outcomes=outcomes)

    one = replace(world, training=[only(s) for s in world.training], test=only(world.test))
    with pytest.raises(BadInput) as error:
        check_outcomes(one, "churn")
    assert "\n" not in str(error.value)
    check_outcomes(world, "churn")


def test_no_customer_stands_on_both_sides_of_a_fold(world: Panel) -> None:
    s = sample(world.training, "value")
    held_out = np.zeros(len(s.outcome), int)
    for fitted, held in grouped_folds(s, 3, seed=1):
        assert not set(s.customers[fitted]) & set(s.customers[held])
        held_out[held] += 1
    assert (held_out == 1).all()


def watched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[pd.DataFrame, pd.DataFrame]]:
    seen: list[tuple[pd.DataFrame, pd.DataFrame]] = []

    def best_trees(estimator: Any, made: Any, early: Any, late: Any) -> int:
        seen.append((early[0], late[0]))
        return 20

    monkeypatch.setattr(validation, "best_trees", best_trees)
    return seen


def test_two_training_snapshots_are_validated_in_time(
    world: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = watched(monkeypatch)
    params = learn_value(world, settings("value"), VALUE, 7).params
    first, latest = (seen_by_models(s) for s in world.training)
    assert len(seen) == 1
    pd.testing.assert_frame_equal(seen[0][0], first)
    pd.testing.assert_frame_equal(seen[0][1], latest)
    assert "latest training snapshot" in params["validation"]
    assert params["trees"] == 20


def test_one_training_snapshot_is_validated_by_customers_and_that_is_said(
    world: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = watched(monkeypatch)
    short = replace(world, training=world.training[-1:])
    learned = learn_value(short, settings("value"), VALUE, 7)
    assert len(seen) == 3
    assert all(not set(early.index) & set(late.index) for early, late in seen)
    assert "no later training snapshot: validated by 3 folds of customers" in learned.notes[0]


def test_the_package_scores_as_the_fitted_estimators_do(world: Panel, bundle: Bundle) -> None:
    s = sample(world.training, "value")
    made = design(s.frame, list(catalogue(world.spec)), ["value", "churned"])
    told = bundle.facets["value"].spec
    trees = bundle.facets["value"].score.booster.num_trees()
    again = fit(VALUE, made, s.frame, s.outcome, trees=trees)
    assert again.link == told["link"] == "log"
    np.testing.assert_array_equal(again.raw(world.test.features), bundle.raw("value", rows(world)))
    scored = bundle.predict(rows(world))
    np.testing.assert_allclose(
        scored["value_expected"], np.exp(again.raw(world.test.features)) * told["scale"]
    )


def test_expected_value_adds_up_on_the_latest_training_snapshot(
    world: Panel, learnt: dict[str, Learned]
) -> None:
    s = sample(world.training, "value")
    made = design(s.frame, list(catalogue(world.spec)), ["value", "churned"])
    params = learnt["value"].params
    unseen = np.exp(validation.out_of_fold(VALUE, made, s, 3, 7, params["trees"])) * params["scale"]
    assert unseen[s.latest].sum() == pytest.approx(s.outcome[s.latest].sum())


def test_more_refunded_than_bought_is_learnt_as_nothing_and_said(
    world: Panel, learnt: dict[str, Learned]
) -> None:
    refunded = int((sample(world.training, "value").outcome < 0).sum())
    assert refunded > 0
    assert f"{refunded} training rows with more refunded than bought" in learnt["value"].notes[1]


def test_value_has_a_floor_unless_customers_cost_money_and_the_link_lets_it(world: Panel) -> None:
    def lower(panel: Panel, estimator: Any) -> float | None:
        learnt = learn_value(panel, settings("value"), estimator, 7)
        return json.loads(learnt.files["part.json"])["lower"]

    def gaining(snapshot: Any) -> Any:
        return replace(snapshot, outcomes=snapshot.outcomes.assign(
            value=snapshot.outcomes["value"].clip(lower=0)))  # fmt: skip

    plain = lightgbm.LGBMRegressor(objective="regression", **TREES)
    gains = replace(world, training=[gaining(s) for s in world.training])
    assert (sample(world.training, "value").outcome < 0).any()
    assert lower(world, VALUE) == 0
    assert lower(world, plain) is None
    assert lower(gains, plain) == 0


def test_scores_are_money_quantiles_and_probabilities(world: Panel, bundle: Bundle) -> None:
    scored = bundle.predict(rows(world))
    actual = world.test.outcomes["value"].to_numpy()
    assert (scored[["value_expected", "potential", "headroom"]] >= 0).all(axis=None)
    assert scored["churn_probability"].dropna().between(0, 1).all()
    assert 0.75 <= (actual <= scored["potential"]).mean() <= 0.98


def test_a_chosen_calibration_is_packaged_and_its_rivals_told(world: Panel) -> None:
    learned = learn_churn(world, settings("churn", calibration=Calibration.chosen), CHURN, 7)
    told = json.loads(learned.files["part.json"])["calibration"]
    losses = {
        k: learned.params[f"calibration_log_loss_{k}"] for k in ("none", "sigmoid", "isotonic")
    }
    assert told["kind"] == learned.params["calibration"] in losses
    assert min(losses.values()) <= losses[told["kind"]]
    assert all(f"{loss:.4f} {kind}" in learned.notes[0] for kind, loss in losses.items())


def judged_by(part: str, world: Panel, bundle: Bundle) -> tuple[pd.DataFrame, pd.DataFrame]:
    found = judge(part, world, bundle.predict(rows(world)), 0.9, Evaluation(200, 0.95, 2, 1), 1)
    return found.gains.set_index("metric"), found.table


def test_models_tell_customers_apart(world: Panel, bundle: Bundle) -> None:
    _, value = judged_by("value", world, bundle)
    _, churn = judged_by("churn", world, bundle)
    assert value.loc["model", "normalised_gini"] > 0.5
    assert churn.loc["model", "roc_auc"] > 0.6
    assert list(value.index)[0] == "model"


def test_permuted_outcomes_give_no_gain(world: Panel, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)

    def permuted(snapshot: Any) -> Any:
        outcomes = snapshot.outcomes.copy()
        for column in outcomes:
            known = outcomes[column].notna()
            outcomes.loc[known, column] = rng.permutation(outcomes.loc[known, column])
        return replace(snapshot, outcomes=outcomes)

    null = replace(world, training=[permuted(s) for s in world.training], test=permuted(world.test))
    files = {p: learn(null, settings(p), e, 7).files for p, (learn, e) in LEARNERS.items()}
    write_bundle(tmp_path / "null", files, {"data": "shop"})
    bundle = Bundle.load(tmp_path / "null")
    for part in LEARNERS:
        gains, table = judged_by(part, null, bundle)
        assert gains["low"].iloc[0] <= 0  # the primary metric
        if part == "value":
            assert abs(table.loc["model", "normalised_gini"]) < 0.25
        if part == "churn":
            assert abs(table.loc["model", "roc_auc"] - 0.5) < 0.15


def test_potential_leaves_out_own_level_of_spending(
    world: Panel, learnt: dict[str, Learned]
) -> None:
    features = json.loads(learnt["potential"].files["part.json"])["features"]
    listed = catalogue(world.spec)
    assert features == peer_columns(world) == [n for n in listed if not listed[n].level]
    assert not [n for n in features if n.startswith(("spend_1", "spend_5", "transactions_1"))]
    assert {"region", "share_wine"} & set(features)


def test_a_family_that_the_snapshot_lacks_is_left_out_of_those_named(world: Panel) -> None:
    listed = catalogue(world.spec)
    assert "stated" not in {feature.family for feature in listed.values()}
    alone = peer_columns(world, ["profile"])
    assert alone
    assert peer_columns(world, ["profile", "stated"]) == alone
    assert peer_columns(world, ["stated"]) == []


def test_a_family_that_no_snapshot_ever_has_is_refused(world: Panel) -> None:
    with pytest.raises(BadInput, match=r"potential\.families: no snapshot has .* family profil; "):
        peer_columns(world, ["profile", "profil"])


def test_there_are_no_peers_where_only_dates_and_spend_are_known(frames: Frames) -> None:
    bare = (
        frames["transactions"]
        .select("customer_id", "occurred_at", "amount")
        .filter(frames["transactions"]["amount"] > 0)
    )
    made = panel(admitted({"transactions": bare}), panel_settings(), churn_settings(), data())
    assert peer_columns(made) == []


@pytest.mark.parametrize(
    ("part", "estimator", "features", "kind"),
    [
        ("value", NaiveForecast(), ["value_current"], "linear"),
        ("churn", LogisticBaseline(), ["recency_days", "gap_mean_days"], "linear"),
        ("value", LinearRegression(), ["recency_days", "spend_56d"], "skops"),
    ],
)
def test_any_estimator_goes_in_and_scores_in_the_package_as_it_did_in_training(
    part: str, estimator: Any, features: list[str], kind: str, world: Panel, tmp_path: Path
) -> None:
    learn, _ = LEARNERS[part]
    learned = learn(world, settings(part, features=features), estimator, 7)
    assert json.loads(learned.files["part.json"])["kind"] == kind
    write_bundle(tmp_path / "own", {part: learned.files}, {"data": "shop"})
    s = sample(world.training, "churned" if part == "churn" else "value")
    made = design(s.frame, features, [])
    again = fit(estimator, made, s.frame, s.outcome)
    np.testing.assert_allclose(
        Bundle.load(tmp_path / "own").raw(part, rows(world)), again.raw(seen_by_models(world.test))
    )
    assert learned.params["trees"] is None


def test_a_category_that_training_never_saw_is_unknown(world: Panel) -> None:
    s = sample(world.training, "value")
    made = design(s.frame, ["region", "recency_days"], [])
    frame = s.frame.head(3).assign(region=["West", "Atlantis", None])
    assert made.matrix(frame, codes=True)["region"].tolist()[0] == 2
    assert made.matrix(frame, codes=True)["region"].isna().tolist() == [False, True, True]
    assert made.matrix(frame)["region"].isna().tolist() == [False, True, True]
