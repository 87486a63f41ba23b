"""The three tests and their sentences, held to segments and criteria whose truth is known."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from facette.segments.applied import Applied
from facette.segments.pertinence import Outcome
from facette.segments.three_tests import Judged, at_stake, criteria, judged
from facette.segments.treatment import Response
from facette.settings.segments import ThreeTests

BARS = ThreeTests(10, 0.75, 0.5, 0.5, 0.02, 12, 0.5, 30, 1000, 0.0, 0.0)
N = 600


def cut(groups: pd.Series, **changed: Any) -> Applied:
    names = {g: g for g in sorted(groups.unique())}
    sure = pd.Series(1.0, index=groups.index)
    own = Applied(
        "own",
        "a priori",
        "need",
        names,
        groups,
        groups,
        dict.fromkeys(names, 1.0),
        sure,
        sure < 0.5,
        None,
    )
    return replace(own, **changed)


def outcomes(rng: np.random.Generator, apart: np.ndarray | float = 0.0) -> list[Outcome]:
    value = [pd.Series(rng.normal(apart, 1, N)) for _ in range(2)]
    churn = [pd.Series((rng.random(N) < 0.3).astype(float)) for _ in range(2)]
    return [Outcome("value", *value, "squared"), Outcome("churn", *churn, "log")]


def found(own: Applied, told: list[Outcome], p: float | None = None, **known: Any) -> Judged:
    effects = pd.DataFrame()
    given = {"value": None, "reachable": None, "treatment": None, "tiers": None} | known
    response = None if p is None else Response(effects, p, 0.0)
    return judged(own, told, bars=BARS, confidence=0.95, response=response, price=None, **given)


def groups(rng: np.random.Generator, k: int = 4) -> pd.Series:
    return pd.Series(rng.integers(0, k, N)).map("s{}".format)


def test_segments_that_tell_nothing_are_called_pertinent_no_more_often_than_agreed() -> None:
    rng, passed = np.random.default_rng(1), []
    for _ in range(120):
        own = found(cut(groups(rng)), outcomes(rng), p=rng.random())
        passed.append(own.passed["pertinent"])
    assert np.mean(passed) <= 0.08


def verdict_cases() -> dict[str, tuple[Judged, str]]:
    rng = np.random.default_rng(2)
    own = groups(rng)
    apart = outcomes(rng, np.where(own.isin(["s0", "s1"]), 1.0, -1.0))
    none, one = outcomes(rng), pd.Series("all", index=own.index)
    loose = cut(own, stability={"s0": 0.4}, between=pd.Series(True, own.index))
    rare = pd.Series(["few"] * 3 + ["many"] * (N - 3))
    many = pd.Series(np.arange(N) % 13).map("s{}".format)
    elsewhere = own.set_axis([f"d{i}" for i in range(N)])
    return {
        "keeps": (found(cut(own), apart, 0.001), "Worth keeping: it explains"),
        "alike": (found(cut(own), apart, 0.5), "answer contacts alike, as far as can be told"),
        "answers": (found(cut(own), none, 0.001), "answer contacts differently"),
        "describes": (found(cut(own), none), "A description, no ground for treating"),
        "not randomised": (found(cut(own), none), "tells nothing sure of"),
        "unknown": (found(cut(own), []), "no outcome is known to hold it against"),
        "loose": (found(loose, apart), "come back (least Jaccard 0.40), 100% of customers"),
        "no stability": (found(cut(own, stability={}), none), "come back is not known"),
        "undated": (found(cut(own, training=elsewhere), []), "(least Jaccard 1.00); 4 segments"),
        "everyone": (found(cut(one), none), "everyone is in one segment"),
        "rare": (found(cut(rare), none), "too small to be worth a treatment"),
        "many": (found(cut(many), none), "more than 12 can't be handled apart"),
        "tiers": (found(cut(own), none, tiers=(one, one)), "that value tiers leave open"),
    }  # fmt: skip


def test_every_verdict_is_a_plain_sentence() -> None:
    for name, (own, said) in verdict_cases().items():
        assert said in own.verdict, name
        assert "nan" not in own.verdict, name
        assert own.verdict[0].isupper(), name
        assert own.verdict.endswith("."), name
        assert own.verdict.count(".\n") == 0, name


def test_nothing_is_at_stake_among_segments_that_are_alike_and_one_at_most() -> None:
    own = pd.Series(["a", "a", "b", "b", "b", None])
    assert at_stake(pd.Series([2.0, 2.0, 2.0, 2.0, np.nan, 50.0]), own) == pytest.approx(0)
    assert at_stake(pd.Series([0.0, 0.0, 1.0, 1.0, 1.0, 0.0]), own) == pytest.approx(0.4)
    assert at_stake(pd.Series([90.0, 0.0, -80.0, 0.0, 0.0, 0.0]), own) == 1
    for whole in (-1.0, 0.0, np.nan):
        assert np.isnan(at_stake(pd.Series([whole] * 6), own))


def judged_criteria(frame: pd.DataFrame, later: pd.DataFrame, told: list[Outcome]) -> pd.DataFrame:
    numeric = list(frame.select_dtypes("number"))
    return criteria(frame, later, numeric, told, None, BARS, 0.95, None)


def test_of_criteria_that_tell_nothing_hardly_a_run_keeps_any() -> None:
    rng, kept = np.random.default_rng(3), []
    for _ in range(16):
        frame = pd.DataFrame(rng.normal(size=(N, 8))).add_prefix("x")
        kept.append((judged_criteria(frame, frame, outcomes(rng))["keep"] != "drop").any())
    assert np.mean(kept) <= 0.13


def test_a_criterion_that_tells_is_kept_and_one_that_does_not_last_is_weak() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=N)
    frame = pd.DataFrame({"tells": x, "fades": x, "idle": rng.normal(size=N), "town": "a"})
    frame["town"] = np.where(x > 0, "a", "b")
    later = frame.assign(fades=np.r_[np.full(N // 2, np.nan), x[N // 2 :]])
    later.loc[: N * 2 // 3, "fades"] = np.nan
    table = judged_criteria(frame, later, outcomes(rng, x))
    assert table["keep"].to_dict() == {
        "tells": "keep",
        "fades": "weak",
        "idle": "drop",
        "town": "keep",
    }
    assert table.loc["fades", "why"] == "known of too few customers"
    assert (table["value_q"].between(0, 1) & table["churn_q"].between(0, 1)).all()


def test_bands_are_frozen_at_the_first_date() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=N)
    frame = pd.DataFrame({"x": x})
    told = outcomes(rng, x)
    same = judged_criteria(frame, frame, told)
    moved = judged_criteria(frame, frame + 100, told)  # all stand in the highest band now
    assert same.loc["x", "value_gain"] > 0.3
    assert moved.loc["x", "value_gain"] < 0
    few = [replace(o, test=o.test[:100]) for o in told]
    far = pd.DataFrame({"x": np.where(np.arange(N) < 100, x, 1e9)})
    assert judged_criteria(frame, far, few).loc["x", "value_gain"] == pytest.approx(
        judged_criteria(frame, frame, few).loc["x", "value_gain"]
    )


@pytest.mark.parametrize("rare", [0, 1])
def test_a_rare_value_stands_apart_whether_it_is_low_or_high(rare: int) -> None:
    rng = np.random.default_rng(6)
    x = np.where(rng.random(N) < 0.1, rare, 1 - rare)
    table = judged_criteria(pd.DataFrame({"x": x}), pd.DataFrame({"x": x}), outcomes(rng, 2.0 * x))
    assert table.loc["x", "keep"] == "keep"


def test_a_constant_or_nearly_unknown_column_is_no_criterion() -> None:
    rng = np.random.default_rng(7)
    x = rng.normal(size=N)
    frame = pd.DataFrame({
        "x": x, "flat": 1.0, "none": np.nan, "flat_or_none": np.where(x > 0, 1.0, np.nan),
        "known_of_few": np.where(np.arange(N) < 29, x, np.nan), "town": "a",
    })  # fmt: skip
    assert list(judged_criteria(frame, frame, outcomes(rng)).index) == ["x"]
    assert judged_criteria(frame[["flat"]], frame[["flat"]], outcomes(rng)).empty
    infinite = frame[["x"]].mask(frame[["x"]] > 0.5, np.inf)
    table = judged_criteria(infinite, infinite.assign(x=2.0), outcomes(rng))
    assert table["stay"].tolist() == [0]
    assert (judged_criteria(frame[["x"]], frame[["x"]], [])["keep"] == "drop").all()
