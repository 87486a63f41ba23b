"""Answers to randomised contacts, held to effects that are known."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from facette.segments.treatment import Price, prices_of_boxes, response
from facette.snapshots.campaigns import COLUMNS

BASE = np.array([0.05, 0.1, 0.2, 0.1])
DRAWS = 200


def price(
    frame: pd.DataFrame, groups: pd.Series, sent: pd.DataFrame, confidence: float, seed: int
) -> Price | None:
    return prices_of_boxes(frame, {"own": groups}, sent, 10**6, confidence, seed).get("own")


def campaign(
    rng: np.random.Generator, n: int, effect: Any, name: str = "a", share: Any = 0.5,
    segment: np.ndarray | None = None,
) -> tuple[pd.Series, pd.DataFrame]:  # fmt: skip
    """Segments by customer, and the rows of one campaign with an effect for each segment."""
    ids = np.array([f"{name}{i}" for i in range(n)])
    segment = rng.integers(0, 4, n) if segment is None else segment
    chance = np.broadcast_to(share, n)
    sent = rng.random(n) < chance
    bought = rng.random(n) < BASE[segment] + np.broadcast_to(effect, 4)[segment] * sent
    rows = {
        "customer_id": ids, "campaign": name, "sent": sent.astype(int),
        "bought": bought.astype(int), "propensity": np.where(sent, chance, 1 - chance),
    }  # fmt: skip
    return pd.Series(segment.astype(str), index=ids), pd.DataFrame(rows)


def share_below(p: list[float]) -> float:
    return float(np.mean(np.array(p) < 0.05))


@pytest.mark.slow
def test_equal_effects_give_p_values_that_are_uniform() -> None:
    rng = np.random.default_rng(1)
    p = [response(*campaign(rng, 1500, 0.05)).p for _ in range(DRAWS)]  # type: ignore[union-attr]
    assert share_below(p) <= 0.09
    assert 0.42 <= np.mean(p) <= 0.58


def test_effects_that_differ_are_found() -> None:
    found = response(*campaign(np.random.default_rng(2), 6000, [0.0, 0.0, 0.15, 0.3]))
    assert found is not None
    assert found.p < 1e-6
    assert found.inconsistency > 0.8
    assert found.effects["effect"].to_numpy() == pytest.approx([0, 0, 0.15, 0.3], abs=0.06)
    assert found.effects["customers"].sum() == 6000


def test_unequal_propensities_do_not_bias() -> None:
    rng, found = np.random.default_rng(3), []
    for _ in range(60):
        keen = rng.random(2000) < 0.5
        segment = rng.integers(0, 2, 2000) * 2  # the third answers more often, sent or not
        share = np.where(keen, 0.8, 0.3)
        groups, rows = campaign(rng, 2000, 0.05, share=share, segment=np.where(keen, segment, 0))
        pooled = response(pd.Series(np.where(rng.random(2000) < 0.5, "x", "y"), groups.index), rows)
        assert pooled is not None
        found.append(pooled.effects["effect"].mean())
    assert np.mean(found) == pytest.approx(0.05, abs=3 * np.std(found) / np.sqrt(60))


def test_answers_that_a_customer_repeats_count_once() -> None:
    rng, p = np.random.default_rng(4), []
    for _ in range(DRAWS // 2):
        groups, rows = campaign(rng, 800, 0.05)
        again = pd.concat([rows.assign(campaign=f"{k}") for k in range(5)])
        p.append(response(groups, again).p)  # type: ignore[union-attr]
    assert share_below(p) <= 0.12


def test_segments_that_were_sent_other_campaigns_answer_alike_where_each_works_alike() -> None:
    rng, p = np.random.default_rng(5), []
    for _ in range(DRAWS // 2):
        mostly = [rng.choice(4, 900, p=p) for p in ([0.4, 0.4, 0.1, 0.1], [0.1, 0.1, 0.4, 0.4])]
        one = campaign(rng, 900, 0.15, "a", segment=mostly[0])
        other = campaign(rng, 900, 0.0, "b", segment=mostly[1])
        both = [pd.concat(pair) for pair in zip(one, other, strict=True)]
        p.append(response(*both).p)  # type: ignore[union-attr]
    assert share_below(p) <= 0.12


def test_a_campaign_that_held_nobody_back_says_nothing() -> None:
    groups, rows = campaign(np.random.default_rng(6), 800, 0.05)
    all_sent = rows.assign(campaign="b", sent=1, bought=1, propensity=1.0)
    alone, beside = response(groups, rows), response(groups, pd.concat([rows, all_sent]))
    assert alone is not None
    assert beside is not None
    pd.testing.assert_frame_equal(alone.effects, beside.effects)
    assert response(groups, all_sent) is None


def test_where_nothing_was_randomised_nothing_is_told() -> None:
    groups, rows = campaign(np.random.default_rng(7), 300, 0.05)
    frame = pd.DataFrame({"x": np.arange(300.0)}, index=groups.index)
    none = pd.DataFrame(columns=COLUMNS)
    for sent in (none, rows.assign(sent=1), rows.assign(customer_id="stranger")):
        assert response(groups, sent) is None
        assert price(frame, groups, sent, 0.95, 0) is None
    assert response(pd.Series("one", index=groups.index), rows) is None
    assert price(frame, groups, rows.assign(bought=0), 0.95, 0) is None
    few = rows.assign(customer_id=groups.index[rows.index % 3])
    assert price(frame, groups, few.assign(bought=1), 0.95, 0) is None


def test_the_box_costs_nothing_where_segments_carry_all_that_differs() -> None:
    rng = np.random.default_rng(8)
    groups, rows = campaign(rng, 2000, [0.0, 0.0, 0.3, 0.4])
    frame = pd.DataFrame({"noise": rng.normal(size=2000)}, index=groups.index)
    found = price(frame, groups, rows, 0.95, 0)
    assert found is not None
    assert found.low <= 0 <= found.high
    assert found.by_segment == pytest.approx(17.5, abs=4)
    assert found.by_customer == pytest.approx(17.5, abs=4)


def test_the_box_has_a_price_where_customers_differ_inside_it() -> None:
    rng = np.random.default_rng(9)
    groups, rows = campaign(rng, 3000, 0.0)
    x = rng.random(3000)
    rows["bought"] = (rng.random(3000) < 0.1 + 0.4 * rows["sent"] * (x > 0.5)).astype(int)
    found = price(pd.DataFrame({"x": x}, index=groups.index), groups, rows, 0.95, 0)
    assert found is not None
    assert 0 < found.low < 10 < found.high
    assert found.by_customer == pytest.approx(20, abs=4)


def test_what_contacts_bring_is_told_right_though_propensities_were_not_kept() -> None:
    groups, rows = campaign(np.random.default_rng(10), 3000, 0.1, share=0.9)
    frame = pd.DataFrame({"flat": np.zeros(3000)}, index=groups.index)
    found = price(frame, groups, rows.assign(propensity=1.0), 0.95, 0)
    assert found is not None
    assert found.by_segment == pytest.approx(5, abs=3)


def test_of_many_contacts_customers_are_drawn() -> None:
    groups, rows = campaign(np.random.default_rng(5), 4000, [0.0, 0.1, 0.2, 0.3])
    frame = pd.DataFrame({"x": np.arange(4000.0) % 7}, index=groups.index)
    whole, some = (
        prices_of_boxes(frame, {"own": groups}, rows, most, 0.95, 0)["own"]
        for most in (len(rows), len(rows) // 4)
    )
    assert whole == price(frame, groups, rows, 0.95, 0)
    assert whole.by_segment != some.by_segment
    assert some.by_segment == pytest.approx(whole.by_segment, abs=6)


def test_a_feature_that_is_missing_for_all_is_passed_over() -> None:
    groups, rows = campaign(np.random.default_rng(8), 3000, [0.0, 0.1, 0.2, 0.0])
    known = pd.DataFrame({"x": np.arange(3000.0)}, index=groups.index)
    both = known.assign(nothing=np.nan)
    assert price(both, groups, rows, 0.95, 0) == price(known, groups, rows, 0.95, 0)
