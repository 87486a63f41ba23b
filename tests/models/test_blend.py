"""A blend adds up exactly, keeps the total, and chooses its weights without looking ahead."""

import json
import warnings
from dataclasses import replace
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
from packaged import Bundle, write_bundle
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator
from worlds import admitted, churn_settings, data, panel_settings, shop

from facette.errors import BadInput
from facette.models.baselines import LogisticBaseline
from facette.models.blend import BlendClassifier, BlendRegressor, offset_of
from facette.models.facets import Learned, learn_churn, learn_value
from facette.models.learner import Mix, design, fit
from facette.models.ridge_logistic import RidgeLogistic
from facette.models.validation import Sample, chosen_trees, redrawn, sample, seen_by_models
from facette.settings.models import ValueModel
from facette.snapshots.catalogue import catalogue
from facette.snapshots.panel import Panel, panel

TREES: dict[str, Any] = {
    "n_estimators": 40, "num_leaves": 5, "min_child_samples": 10, "learning_rate": 0.1,
    "random_state": 7, "deterministic": True, "force_row_wise": True, "n_jobs": 1, "verbosity": -1,
}  # fmt: skip
OFFSET = ["value_faded_15d", "value_faded_60d", "value_faded_240d"]
TRIED = [[1.0, 0.0], [0.75, 0.25], [0.5, 0.5]]


def regressor(**changed: Any) -> BlendRegressor:
    members = {
        "tweedie": lightgbm.LGBMRegressor(objective="tweedie", **TREES),
        "huber": lightgbm.LGBMRegressor(objective="huber", **TREES),
    }
    plain = {
        "members": members, "weights": None, "tried": TRIED, "trees_step": 10,
        "offset": OFFSET, "floor_share": 0.02, "row_weight_power": 0.5, "row_weight_cap": 5.0,
        "deviance_power": 1.5,
    }  # fmt: skip
    return BlendRegressor(**(plain | changed))


def classifier(**changed: Any) -> BlendClassifier:
    members = {
        "logistic": RidgeLogistic(C=0.1, columns=None, skew=5.0),
        "boosting": lightgbm.LGBMClassifier(objective="binary", **TREES),
    }
    plain = {"members": members, "weights": None, "tried": TRIED, "trees_step": 10}
    return BlendClassifier(**(plain | changed))


def customers(n: int = 900, seed: int = 3) -> tuple[pd.DataFrame, np.ndarray]:
    """Faded value, a category, gaps; outcomes that follow value, some of them refunds."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(0.7, 2.0, n)
    steps = rng.gamma(1.0, rate[:, None], (n, 3)) * 28 * (rng.random((n, 3)) < 0.7)
    smooth = np.cumsum(steps, axis=1) / [1, 2, 3]
    frame = pd.DataFrame(smooth, columns=OFFSET)
    frame["recency days"] = rng.exponential(40, n)
    frame.loc[::7, "recency days"] = np.nan
    frame["region"] = pd.Categorical(rng.choice(["North", "South", "West"], n))
    frame.loc[::11, "region"] = np.nan
    south = 1 + (frame["region"] == "South").to_numpy()
    y = rng.gamma(1.0, rate * 90 * south) * (rng.random(n) < 0.6)
    y[::50] = -20.0
    return frame, y


@pytest.fixture(scope="module")
def world() -> Panel:
    frames = shop(4, customers=150)
    return panel(admitted(frames), panel_settings(), churn_settings(), data())


@pytest.fixture(scope="module")
def learnt(world: Panel) -> dict[str, Learned]:
    settings = ValueModel(name="blend", estimator=None, features=None, folds=3)
    return {
        "value": learn_value(world, settings, regressor(), 7),
        "churn": learn_churn(world, churn_settings(), classifier(), 7),
    }


@pytest.fixture(scope="module")
def bundle(learnt: dict[str, Learned], tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("blend") / "bundle"
    write_bundle(folder, {part: own.files for part, own in learnt.items()}, {"data": "shop"})
    return Bundle.load(folder)


def rows(world: Panel) -> pd.DataFrame:
    return seen_by_models(world.test).reset_index().assign(reference_date=world.dates()[-1])


def samples(world: Panel) -> dict[str, Sample]:
    return {"value": sample(world.training, "value"), "churn": sample(world.training, "churned")}


def mix_of(learned: Learned) -> Mix:
    return Mix(learned.params["trees"], tuple(learned.params["weights"]))


# --- the offset ------------------------------------------------------------------------------


def test_the_offset_is_above_its_floor_and_adds_up_to_the_outcomes() -> None:
    frame, y = customers()
    y = np.maximum(y, 0)
    frame.iloc[3, :3] = -50.0  # refunded more than bought
    frame.iloc[4, :3] = np.nan
    offset = offset_of(frame, y, OFFSET, 0.02)
    said = np.exp(offset.log(frame))
    assert said.sum() == pytest.approx(y.sum())
    assert said.min() == pytest.approx(0.02 * y.mean())
    assert said[3] == pytest.approx(said[4]) == pytest.approx(0.02 * y.mean())
    assert offset.base == pytest.approx(offset.log(frame).mean())


@pytest.mark.parametrize("columns", [None, OFFSET])
def test_where_no_value_is_known_the_offset_is_the_mean(columns: list[str] | None) -> None:
    frame, y = customers()
    kept = frame if columns is None else frame[["recency days", "region"]]
    offset = offset_of(kept, y, columns, 0.02)
    np.testing.assert_allclose(np.exp(offset.log(kept)), y.mean())
    assert offset.columns == ()


def test_the_offset_is_shared_out_among_its_windows_exactly() -> None:
    frame, y = customers()
    offset = offset_of(frame, np.maximum(y, 0), OFFSET, 0.02)
    at_centre = frame.head(1).assign(**dict(zip(offset.columns, offset.center, strict=True)))
    for seen in (frame, frame.assign(value_faded_15d=-1e4), at_centre):
        told = offset.contributions(seen).sum(axis=1) + offset.base
        np.testing.assert_allclose(told, offset.log(seen), rtol=0, atol=1e-12)
    np.testing.assert_allclose(offset.contributions(at_centre), 0, atol=1e-12)


def test_the_offset_is_the_mean_of_the_columns_that_are_there() -> None:
    frame, y = customers()
    y = np.maximum(y, 0)
    said = np.exp(offset_of(frame, y, [*OFFSET[:2], "value_faded_9d"], 0.02).log(frame))
    mean = frame[OFFSET[:2]].mean(axis=1)
    expected = 0.02 * y.mean() + 0.98 * y.mean() * mean / mean.mean()
    np.testing.assert_allclose(said, expected)


# --- the blends ------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [[1.0, 0.0], [0.25, 0.75], [2.0, 1.0]])
def test_the_total_of_training_is_kept_whatever_the_weights(weights: list[float]) -> None:
    frame, y = customers()
    said = regressor(weights=weights).fit(frame, y).predict(frame)
    assert said.sum() == pytest.approx(np.maximum(y, 0).sum())
    assert (said > 0).all()


def test_a_member_of_no_weight_is_left_out_and_the_other_stands_alone() -> None:
    frame, y = customers()
    alone = regressor(weights=[1.0, 0.0]).fit(frame, y)
    assert list(alone.members_) == ["tweedie"]
    spent = np.maximum(y, 0)
    offset = np.exp(offset_of(frame, spent, OFFSET, 0.02).log(frame))
    again = clone(regressor().members["tweedie"])
    named = frame.set_axis(list("abcde"), axis=1)
    again.fit(named, spent / spent.mean(), init_score=np.log(offset / spent.mean()))
    said = offset * again.predict(named)
    np.testing.assert_allclose(alone.predict(frame), said * spent.sum() / said.sum(), rtol=1e-9)


def test_log_odds_are_the_weighted_sum_of_those_of_the_members() -> None:
    frame, y = customers()
    blend = classifier(weights=[0.25, 0.75]).fit(frame, y > 0)
    each = [member.raw(frame) for member in blend.members_.values()]
    np.testing.assert_allclose(blend.raw(frame), 0.25 * each[0] + 0.75 * each[1], rtol=1e-12)
    assert (blend.predict(frame) == (blend.predict_proba(frame)[:, 1] > 0.5)).all()


def test_a_refund_is_learnt_as_nothing() -> None:
    frame, y = customers()
    refunded, nothing = (regressor().fit(frame, z).predict(frame) for z in (y, np.maximum(y, 0)))
    np.testing.assert_array_equal(refunded, nothing)


def test_the_currency_changes_nothing_but_the_unit() -> None:
    frame, y = customers()
    cents = frame.assign(**{c: 128 * frame[c] for c in frame if str(c).startswith("spend")})
    said, in_cents = regressor().fit(frame, y), regressor().fit(cents, 128 * y)
    np.testing.assert_allclose(in_cents.predict(cents), 128 * said.predict(frame), rtol=1e-6)


def test_the_blend_learns_from_categories_and_takes_missing_ones() -> None:
    frame, y = customers(3000)
    blend = regressor().fit(frame, y)
    kinds = frame["region"].dtype
    south, north = (
        blend.predict(frame.assign(region=pd.Categorical([region] * len(frame), dtype=kinds)))
        for region in ("South", "North")
    )
    assert south.sum() > 1.2 * north.sum()
    unknown = blend.predict(frame.assign(region=pd.Categorical([None] * len(frame), dtype=kinds)))
    assert np.isfinite(unknown).all()


@pytest.mark.parametrize("estimator", [regressor(), classifier()])
def test_weights_and_trees_are_chosen_without_looking_at_later_rows(estimator: Any) -> None:
    frame, y = customers()
    y = y if isinstance(estimator, BlendRegressor) else (y > 0).astype(float)
    snapshot = np.arange(len(y)) // 300
    s = Sample(frame, y, np.arange(len(y)), snapshot, 91 * snapshot)
    made = design(frame.astype({"region": object}), list(frame), [])
    mix, how = chosen_trees(estimator, made, s, 91, 3, 7)
    assert isinstance(mix, Mix)
    assert "latest training snapshot" in how
    assert list(mix.weights) in TRIED
    assert mix.trees in (10, 20, 30, 40)
    early, late = s.rows(s.ended_by_latest(91)), s.rows(s.latest)
    losses = estimator.losses(early, late)
    assert min(losses, key=losses.__getitem__) == mix
    assert len(losses) == 12
    grown = fit(estimator, made, s.frame[s.snapshot < 2], y[s.snapshot < 2], trees=mix)
    assert grown.estimator.weights == list(mix.weights)
    if isinstance(estimator, BlendClassifier):
        p = grown.estimator.predict_proba(made.matrix(late[0]))[:, 1]
        by_hand = -np.log(np.where(late[1] == 1, p, 1 - p)).mean()
        assert losses[mix] == pytest.approx(by_hand, rel=1e-9)


def test_given_weights_are_kept_and_only_trees_are_chosen() -> None:
    frame, y = customers()
    losses = regressor(weights=[0.3, 0.7]).losses((frame[:500], y[:500]), (frame[500:], y[500:]))
    assert {mix.weights for mix in losses} == {(0.3, 0.7)}
    assert sorted(mix.trees for mix in losses) == [10, 20, 30, 40]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"weights": [1.0]}, "one for each of the 2 members"),
        ({"weights": [1.0, -1.0]}, "none below 0"),
        ({"weights": [0.0, 0.0]}, "not all of them 0"),
        ({"members": {"a/b": None}}, "'a/b' is no name of a file"),
        ({"members": {"own": object()}}, "members.own: a object has no additive form"),
    ],
)
def test_members_and_weights_that_do_not_fit_are_refused(changed: Any, said: str) -> None:
    frame, y = customers(200)
    with pytest.raises(BadInput, match=said) as error:
        regressor(**changed).fit(frame, y)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"tried": []}, "tried: no weights to choose among"),
        ({"tried": [[1.0, 0.0, 0.0]]}, "one for each of the 2 members"),
        ({"trees_step": 50}, r"trees_step: from 1 to n_estimators \(40\) expected, found 50"),
        ({"floor_share": 0.0}, "floor_share: above 0 and below 1 expected, found 0"),
    ],
)
def test_what_validation_cannot_choose_from_is_refused(changed: Any, said: str) -> None:
    frame, y = customers(200)
    with pytest.raises(BadInput, match=said) as error:
        regressor(**changed).losses((frame, y), (frame, y))
    assert "\n" not in str(error.value)


def test_nothing_above_zero_is_refused() -> None:
    frame, y = customers(200)
    with pytest.raises(BadInput, match="outcomes above 0"):
        regressor().fit(frame, -np.abs(y))


# --- in training and in the package ----------------------------------------------------------


@pytest.mark.parametrize("part", ["value", "churn"])
def test_the_package_scores_as_training_did_and_explains_exactly(
    part: str, world: Panel, learnt: dict[str, Learned], bundle: Bundle
) -> None:
    s = samples(world)[part]
    made = design(s.frame, list(catalogue(world.spec)), [])
    estimator = regressor() if part == "value" else classifier()
    again = fit(estimator, made, s.frame, s.outcome, trees=mix_of(learnt[part]))
    seen = seen_by_models(world.test)
    raw = bundle.raw(part, rows(world))
    np.testing.assert_allclose(raw, again.raw(seen), rtol=0, atol=1e-12)
    told = bundle.contributions(part, rows(world))
    np.testing.assert_allclose(told.sum(axis=1), raw, rtol=0, atol=1e-10)
    np.testing.assert_allclose(told[:, :-1], again.contributions(seen), rtol=0, atol=1e-10)


def test_value_is_one_file_for_each_member_and_keeps_the_total(
    world: Panel, learnt: dict[str, Learned]
) -> None:
    files, params = learnt["value"].files, learnt["value"].params
    used = [n for n, w in zip(["tweedie", "huber"], params["weights"], strict=True) if w]
    assert set(files) == {"part.json", *(f"{name}.txt" for name in used)}
    told = json.loads(files["part.json"])
    assert (told["kind"], told["link"], told["lower"]) == ("blend", "log", 0.0)
    assert told["offset"]["columns"] == OFFSET
    assert told["scale"] == params["scale"] != 1.0
    assert "learnt as 0" in learnt["value"].notes[1]


@pytest.mark.parametrize("part", ["value", "churn"])
def test_nothing_is_learnt_from_the_test_snapshot(
    part: str, world: Panel, learnt: dict[str, Learned]
) -> None:
    noise = world.test.features.sample(frac=1, random_state=1).set_index(world.test.features.index)
    other = replace(world, test=replace(world.test, features=noise, outcomes=None))
    settings = ValueModel(name="blend", estimator=None, features=None, folds=3)
    again = (
        learn_value(other, settings, regressor(), 7)
        if part == "value"
        else learn_churn(other, churn_settings(), classifier(), 7)
    )
    assert again.files == learnt[part].files


def test_one_training_snapshot_is_validated_by_customers(world: Panel) -> None:
    short = replace(world, training=world.training[-1:])
    settings = ValueModel(name="blend", estimator=None, features=None, folds=3)
    learned = learn_value(short, settings, regressor(), 7)
    assert "no later training snapshot: validated by 3 folds of customers" in learned.notes[0]
    assert learned.params["weights"] in TRIED


def test_a_blend_is_explained_again_on_customers_drawn_anew(world: Panel) -> None:
    s = samples(world)["value"]
    made = design(s.frame, list(catalogue(world.spec)), [])
    again = redrawn(regressor(), made, s, Mix(20, (0.5, 0.5)))
    assert again is not None
    drawn = again(np.random.default_rng(1), 100).contributions(s.frame.head(5))
    assert drawn.shape == (5, len(made.columns))
    assert np.isfinite(drawn).all(axis=None)


def test_a_single_customer_is_scored_as_among_all(world: Panel, bundle: Bundle) -> None:
    whole = rows(world)
    for part in ("value", "churn"):
        one = [bundle.raw(part, whole[i : i + 1])[0] for i in range(5)]
        np.testing.assert_array_equal(one, bundle.raw(part, whole)[:5])


def test_drivers_are_told_of_a_blend(world: Panel, bundle: Bundle) -> None:
    told = json.loads(bundle.predict(rows(world))["drivers_value"].iloc[0])
    assert len(told) == 5
    assert {driver["feature"] for driver in told} <= {*catalogue(world.spec)}


# --- scikit-learn's contract -----------------------------------------------------------------


def test_blends_and_the_ridge_keep_the_contract_of_scikit_learn() -> None:
    small = {**TREES, "n_estimators": 5, "min_child_samples": 1}
    value = regressor(
        members={"tweedie": lightgbm.LGBMRegressor(objective="tweedie", **small)}, weights=None
    )
    churn = classifier(
        members={
            "logistic": RidgeLogistic(C=1.0, columns=None, skew=5.0),
            "boosting": lightgbm.LGBMClassifier(**small),
        }
    )
    for estimator in (value, churn, RidgeLogistic(C=1.0, columns=None, skew=5.0)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the checks themselves raise warnings on purpose
            told = check_estimator(estimator, on_skip=None, expected_failed_checks={})
        assert len(told) > 40


# --- the line --------------------------------------------------------------------------------


def test_the_ridge_is_told_as_a_line_with_logarithms_of_skewed_columns() -> None:
    rng = np.random.default_rng(1)
    x = np.column_stack([rng.lognormal(3, 1.5, 500), rng.normal(size=500), np.full(500, 4.0)])
    y = (np.log(x[:, 0]) + rng.normal(size=500) > 3).astype(int)
    x[::9, 1] = np.nan
    fitted = RidgeLogistic(C=1.0, columns=None, skew=5.0).fit(x, y)
    told = fitted.as_linear()
    assert told["transforms"] == ["log1p", "identity", "identity"]
    assert told["coefficients"][2] == 0
    moved = np.column_stack([np.log1p(x[:, 0]), x[:, 1], x[:, 2]]) - told["center"]
    odds = told["intercept"] + np.nan_to_num(moved) @ np.array(told["coefficients"])
    np.testing.assert_allclose(1 / (1 + np.exp(-odds)), fitted.predict_proba(x)[:, 1])
    assert ((odds > 0) == y).mean() > 0.7


def test_a_stronger_penalty_shrinks_and_any_linear_form_is_a_member() -> None:
    frame, y = customers()
    bought = (y > 0).astype(int)
    numbers = frame.drop(columns="region")
    loose, tight = (
        np.abs(
            RidgeLogistic(C=c, columns=None, skew=5.0)
            .fit(numbers, bought)
            .decision_function(numbers)
        ).std()
        for c in (1.0, 1e-4)
    )
    assert tight < 0.5 * loose
    blend = classifier(members={"mean": LogisticBaseline()}, weights=[1.0]).fit(frame, bought)
    alone = LogisticBaseline().fit(numbers.assign(region=0.0), bought)
    np.testing.assert_allclose(
        blend.predict_proba(frame), alone.predict_proba(numbers.assign(region=0.0)), rtol=1e-9
    )


def test_the_ridge_keeps_to_the_columns_named_and_takes_all_where_none_is_there() -> None:
    frame, y = customers()
    numbers, bought = frame.drop(columns="region"), (y > 0).astype(int)

    def used(columns: list[str] | None) -> list[str]:
        told = RidgeLogistic(C=1.0, columns=columns, skew=5.0).fit(numbers, bought).as_linear()
        return [c for c, b in zip(numbers, told["coefficients"], strict=True) if b]

    assert used([r"value_faded_\d+d"]) == OFFSET
    assert used([r"value_faded_\d"]) == used(None) == list(numbers)
