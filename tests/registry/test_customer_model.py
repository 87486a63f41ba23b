"""What the packaged model computes, and what it refuses."""

import json
import shutil
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from shop import (
    AGES,
    NUMBERS,
    PLAIN,
    arrays,
    booster_part,
    clean,
    linear_part,
    part,
    said_by,
    segments_part,
    skops_part,
    training_frame,
)

from facette.registry import customer_model
from facette.registry.bundle import write_bundle
from facette.registry.customer_model import COLUMNS, Bundle


def bundle_of(folder: Path, **parts: dict[str, bytes]) -> Bundle:
    return Bundle.load(folder, write_bundle(folder, parts, {}))


def logistic(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def test_booster_answers_as_lightgbm_does(tmp_path, snapshot, fitted):
    bundle = bundle_of(tmp_path, value=booster_part(fitted.value, link="log"))
    x = training_frame(snapshot)
    expected = fitted.value.predict(x, raw_score=True)
    np.testing.assert_array_equal(bundle.raw("value", snapshot), expected)
    scored = bundle.predict(snapshot)["value_expected"]
    np.testing.assert_array_equal(scored, np.exp(expected))
    np.testing.assert_allclose(scored, fitted.value.predict(x), rtol=1e-12)


def test_unseen_categories_and_nulls_are_missing(tmp_path, snapshot, fitted):
    bundle = bundle_of(tmp_path, value=booster_part(fitted.value))
    unseen, null = snapshot.assign(age="99+"), snapshot.assign(age=pd.Series(None, dtype="str"))
    np.testing.assert_array_equal(bundle.raw("value", unseen), bundle.raw("value", null))
    codes = snapshot.assign(age=pd.Categorical(snapshot["age"], categories=AGES[::-1]))
    np.testing.assert_array_equal(bundle.raw("value", codes), bundle.raw("value", snapshot))


def test_linear_form_with_nulls_at_the_centre(tmp_path, snapshot):
    bundle = bundle_of(tmp_path, potential=linear_part(scale=2.0, shift=5.0, lower=700.0))
    share = snapshot["weekend_share"].fillna(0.3)
    raw = 300 + 90 * (np.log1p(snapshot["spend_91d"]) - 5) - 40 * (share - 0.3)
    np.testing.assert_allclose(bundle.raw("potential", snapshot), raw, rtol=1e-12)
    expected = np.maximum(raw * 2 + 5, 700)
    np.testing.assert_allclose(bundle.predict(snapshot)["potential"], expected, rtol=1e-12)


def blend_part(booster: lgb.Booster, **spec: Any) -> dict[str, bytes]:
    """An offset of two columns, a booster and a line, told in log space."""
    names = [*NUMBERS, "age"]
    line = {"transforms": ["log1p", "identity", "identity", "identity"], "intercept": 0.5}
    line |= {"center": [5.0, 5.0, 0.3, 0.0], "coefficients": [0.2, 0.0, -0.4, 0.0]}
    members = [
        {"kind": "booster", "file": "trees.txt", "weight": 0.75},
        {"kind": "linear", "weight": 0.25, **line},
    ]
    offset = {"columns": ["spend_91d", "orders_91d"], "weights": [0.5, 2.0], "floor": 3.0}
    offset |= {"center": [180.0, 4.0]}
    told = PLAIN | {"kind": "blend", "link": "log", "features": names, "categories": {"age": AGES}}
    told |= {"members": members, "offset": offset, "constant": -0.1}
    return part(told | spec, trees__txt=booster.model_to_string().encode())


def test_a_blend_is_the_weighted_sum_of_its_members_around_the_offset(tmp_path, snapshot, fitted):
    bundle = bundle_of(tmp_path, value=blend_part(fitted.value))
    trees = fitted.value.predict(training_frame(snapshot), raw_score=True)
    share = snapshot["weekend_share"].fillna(0.3)
    line = 0.5 + 0.2 * (np.log1p(snapshot["spend_91d"]) - 5) - 0.4 * (share - 0.3)
    offset = np.log(3 + 0.5 * snapshot["spend_91d"] + 2 * snapshot["orders_91d"])
    expected = offset + 0.75 * trees + 0.25 * line - 0.1
    np.testing.assert_allclose(bundle.raw("value", snapshot), expected, rtol=1e-12)
    scored = bundle.predict(snapshot)["value_expected"]
    np.testing.assert_allclose(scored, np.exp(expected), rtol=1e-12)


@pytest.mark.parametrize("spent", [None, np.nan, -1e5, 0.0, 1e9])
def test_contributions_of_a_blend_sum_to_its_raw_score(tmp_path, snapshot, fitted, spent):
    bundle = bundle_of(tmp_path, value=blend_part(fitted.value))
    seen = snapshot if spent is None else snapshot.assign(spend_91d=spent, orders_91d=spent)
    told, raw = bundle.contributions("value", seen), bundle.raw("value", seen)
    np.testing.assert_allclose(told.sum(axis=1), raw, rtol=0, atol=1e-10)
    at_centre = snapshot.assign(spend_91d=180.0, orders_91d=4.0)
    nothing = bundle_of(tmp_path / "bare", value=blend_part(fitted.value, members=[]))
    told = nothing.contributions("value", at_centre)
    np.testing.assert_allclose(told[:, :-1], 0, atol=1e-12)


def test_a_blend_without_offset_is_the_sum_of_its_members(tmp_path, snapshot, fitted):
    bundle = bundle_of(tmp_path, churn=blend_part(fitted.churn, link="logit", offset=None))
    whole = bundle_of(tmp_path / "with", churn=blend_part(fitted.churn, link="logit"))
    offset = np.log(3 + 0.5 * snapshot["spend_91d"] + 2 * snapshot["orders_91d"])
    raw = bundle.raw("churn", snapshot)
    np.testing.assert_allclose(raw + offset, whole.raw("churn", snapshot), rtol=1e-12)
    told = bundle.contributions("churn", snapshot)
    np.testing.assert_allclose(told.sum(axis=1), raw, rtol=0, atol=1e-10)
    p = bundle.predict(snapshot)["churn_probability"]
    np.testing.assert_allclose(p, logistic(raw), rtol=1e-12)


def test_estimator_by_skops_answers_as_it_did(tmp_path, snapshot, fitted):
    bundle = bundle_of(tmp_path, churn=skops_part(fitted.logistic))
    expected = fitted.logistic.predict_proba(snapshot[["spend_91d", "orders_91d"]])[:, 1]
    scored = bundle.predict(snapshot)
    np.testing.assert_allclose(scored["churn_probability"], expected, rtol=1e-9, atol=2e-12)
    assert set(scored["drivers_churn"]) == {"[]"}
    with pytest.raises(ValueError, match="no additive explanation"):
        bundle.contributions("churn", snapshot)


@pytest.mark.parametrize(
    ("calibration", "expected"),
    [
        ({"kind": "none"}, logistic),
        ({"kind": "sigmoid", "a": 0.8, "b": 0.2}, lambda raw: logistic(0.8 * raw + 0.2)),
        (
            {"kind": "isotonic", "x": [-1.0, 0.0, 1.0], "y": [0.1, 0.4, 0.7]},
            lambda raw: np.interp(raw, [-1, 0, 1], [0.1, 0.4, 0.7]),
        ),
    ],
)
def test_calibration_acts_on_the_raw_score(tmp_path, snapshot, fitted, calibration, expected):
    files = booster_part(fitted.churn, link="logit", calibration=calibration)
    bundle = bundle_of(tmp_path, churn=files)
    raw = fitted.churn.predict(training_frame(snapshot), raw_score=True)
    scored = bundle.predict(snapshot)["churn_probability"]
    np.testing.assert_allclose(scored, expected(raw), rtol=1e-14)


def test_mixture_answers_as_scikit_learn_does(tmp_path, snapshot, fitted):
    scored = bundle_of(tmp_path, segments=segments_part(fitted, "gaussian")).predict(snapshot)
    odds = fitted.mixture.predict_proba(clean(snapshot))
    assert scored["behaviour_segment"].tolist() == [f"B{i + 1}" for i in odds.argmax(axis=1)]
    np.testing.assert_allclose(scored["behaviour_confidence"], odds.max(axis=1), rtol=1e-10)


def test_centroids_answer_as_scikit_learn_does(tmp_path, snapshot, fitted):
    scored = bundle_of(tmp_path, segments=segments_part(fitted, "centroids")).predict(snapshot)
    z = clean(snapshot)
    expected = [f"B{i + 1}" for i in fitted.kmeans.predict(z)]
    assert scored["behaviour_segment"].tolist() == expected
    first, second = np.sort(fitted.kmeans.transform(z), axis=1)[:, :2].T
    sure = scored["behaviour_confidence"]
    np.testing.assert_allclose(sure, second / (first + second), rtol=1e-10)
    assert sure.between(0.5, 1).all()


def test_one_segment_is_certain(tmp_path, snapshot, fitted):
    files = segments_part(fitted, "centroids")
    spec = json.loads(files["part.json"])
    spec["behaviour"]["segments"] = [{"id": "everyone", "name": "Everyone"}]
    one = part(spec, arrays__npz=arrays(centroids=np.zeros((1, 2))))
    scored = bundle_of(tmp_path, segments=one).predict(snapshot)
    assert set(scored["behaviour_segment"]) == {"everyone"}
    assert set(scored["behaviour_confidence"]) == {1.0}


def test_columns_stand_in_the_agreed_order(tmp_path, snapshot, parts):
    with_value = {"upside": parts["potential"], "value_if_staying": parts["value"]}
    scored = bundle_of(tmp_path, **parts, **with_value).predict(snapshot)
    assert tuple(scored.columns) == COLUMNS
    assert scored["customer_id"].tolist() == snapshot["customer_id"].tolist()


def test_headroom_tiers_and_cell_follow_from_the_predictions(folder, snapshot):
    scored = Bundle.load(folder).predict(snapshot)
    headroom = np.maximum(0, scored["potential"] - scored["value_expected"])
    np.testing.assert_array_equal(scored["headroom"], headroom)
    tiers = np.where(snapshot["margin_91d"] >= 40, "mid", "low")
    tiers = np.where(snapshot["margin_91d"] >= 90, "top", tiers)
    assert scored["value_tier"].tolist() == tiers.tolist()
    assert ((scored["potential"] >= 320) == (scored["potential_tier"] == "high")).all()
    cell = scored["value_tier"] + "/" + scored["potential_tier"] + "/" + scored["behaviour_segment"]
    assert scored["cell"].tolist() == cell.tolist()


def test_each_part_stands_alone(tmp_path, snapshot, parts):
    expected = {
        "segments": ["behaviour_segment", "behaviour_confidence", "value_tier", "cell"],
        "value": ["value_expected", "drivers_value"],
        "potential": ["potential", "drivers_potential"],
        "churn": ["churn_probability", "drivers_churn"],
        "upside": ["upside"],
        "value_if_staying": ["value_if_staying"],
    }
    parts = parts | {"upside": parts["potential"], "value_if_staying": parts["value"]}
    for name, columns in expected.items():
        scored = bundle_of(tmp_path / name, **{name: parts[name]}).predict(snapshot)
        assert list(scored.columns) == ["customer_id", "reference_date", *columns, "model_digest"]


@pytest.mark.parametrize("name", ["value", "potential", "churn"])
def test_contributions_sum_to_the_raw_score(folder, snapshot, name):
    bundle = Bundle.load(folder)
    contributions = bundle.contributions(name, snapshot)
    assert contributions.shape == (len(snapshot), len(bundle.features(name)) + 1)
    total = contributions.sum(axis=1)
    np.testing.assert_allclose(total, bundle.raw(name, snapshot), rtol=0, atol=1e-6)


def test_drivers_are_the_largest_contributions(folder, snapshot):
    bundle = Bundle.load(folder)
    told = [json.loads(text) for text in bundle.predict(snapshot)["drivers_value"]]
    parts = np.abs(bundle.contributions("value", snapshot)[:, :-1])
    assert all(len(drivers) == 4 for drivers in told)
    for row in (0, 5, 99):
        sizes = [abs(driver["contribution"]) for driver in told[row]]
        assert sizes == sorted(sizes, reverse=True)
        assert sizes[0] == pytest.approx(parts[row].max(), rel=1e-5)
    by_name = {driver["feature"]: driver["value"] for driver in told[0]}
    assert by_name["weekend_share"] is None
    assert by_name["age"] is None
    assert by_name["spend_91d"] == snapshot["spend_91d"][0]
    assert {d["value"] for drivers in told for d in drivers if d["feature"] == "age"} > set(AGES)


@pytest.mark.parametrize("kind", ["gaussian", "centroids"])
def test_order_and_size_of_the_batch_change_nothing(
    tmp_path, snapshot, fitted, parts, kind, monkeypatch
):
    bundle = bundle_of(tmp_path, **parts | {"segments": segments_part(fitted, kind)})
    whole = bundle.predict(snapshot)
    shuffled = snapshot.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(bundle.predict(shuffled).sort_index(), whole, check_exact=True)
    for size in (1, 7, 64):
        batches = [bundle.predict(snapshot[i : i + size]) for i in range(0, 200, size)]
        some = pd.concat(batches)
        pd.testing.assert_frame_equal(some, whole[: len(some)], check_exact=True)
    monkeypatch.setattr(customer_model, "BLOCK", 7)
    pd.testing.assert_frame_equal(bundle.predict(snapshot), whole, check_exact=True)


def test_no_customers_give_no_rows_in_the_right_columns(folder, snapshot):
    bundle = Bundle.load(folder)
    none = bundle.predict(snapshot[:0])
    assert len(none) == 0
    assert none.dtypes.equals(bundle.predict(snapshot).dtypes)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: f.drop(columns=["age", "spend_91d"]), r"2 missing column\(s\): spend_91d, age"),
        (lambda f: f.drop(columns="customer_id"), "missing column.*customer_id"),
        (lambda f: pd.concat([f, f[:2]]), "2 customer_id with more than one row, as c0, c1"),
        (lambda f: f.assign(customer_id=None), "customer_id is null on 600 row"),
        (lambda f: f.assign(spend_91d="much"), "column spend_91d: numbers expected"),
    ],
)
def test_a_frame_it_cannot_score_is_refused_in_one_line(folder, snapshot, spoil, message):
    with pytest.raises(ValueError, match=message) as refused:
        Bundle.load(folder).predict(spoil(snapshot))
    assert "\n" not in str(refused.value)


def test_integers_and_booleans_are_numbers(folder, snapshot):
    bundle = Bundle.load(folder)
    orders = snapshot["orders_91d"]
    for dtype in ("int64", "Int64", "float32"):
        typed = bundle.predict(snapshot.assign(orders_91d=orders.astype(dtype)))
        pd.testing.assert_frame_equal(typed, bundle.predict(snapshot))


def test_an_unknown_part_is_named(folder, snapshot):
    with pytest.raises(ValueError, match="no part 'chrun' in this bundle; there are value"):
        Bundle.load(folder).raw("chrun", snapshot)


def change_a_byte(folder: Path) -> None:
    path = folder / "value" / "booster.txt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def change_the_manifest(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace('"EUR"', '"USD"'))


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (change_a_byte, "booster.txt: changed"),
        (lambda f: (f / "churn" / "note.txt").write_text("hello"), "note.txt: added"),
        (lambda f: (f / "churn" / "booster.txt").unlink(), "booster.txt: missing"),
        (lambda f: (f / "manifest.json").unlink(), "manifest.json: missing"),
        (change_the_manifest, "manifest.json: changed"),
        (lambda f: shutil.rmtree(f / "segments"), "missing"),
    ],
)
def test_a_bundle_that_was_tampered_with_is_refused(folder, tamper, message):
    digest = Bundle.load(folder).digest
    tamper(folder)
    with pytest.raises(ValueError, match=message):
        Bundle.load(folder, digest)


@pytest.mark.parametrize("spoilt", [{"kind": "pickle"}, {"features": NUMBERS}])
def test_a_part_that_is_not_what_it_says_is_refused(tmp_path, fitted, spoilt: dict[str, Any]):
    with pytest.raises(ValueError, match=r"part of kind 'pickle'|features"):
        bundle_of(tmp_path, value=booster_part(fitted.value, **spoilt))


@pytest.mark.slow
def test_importing_it_announces_no_model_to_mlflow(tmp_path):
    code = """
import facette.registry.customer_model
from mlflow.models import model
assert model.__mlflow_model__ is None
"""
    assert said_by(code, tmp_path) == (0, "", "")
