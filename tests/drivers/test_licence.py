"""Drivers are shown when every condition holds; else it is said which does not."""

import numpy as np
import pytest

from facette.drivers.licence import Condition, knows_something, returning, withheld

FIDELITY = Condition("fidelity", 0.91, 0.8, "segments are missed", "fewer segments")


def test_every_condition_must_hold() -> None:
    short = Condition("least stability", 0.4, 0.75, "“A” would not come back", "fewer segments")
    assert withheld([FIDELITY]) is None
    assert withheld([FIDELITY, short]) == (
        "“A” would not come back (least stability 0.40, 0.75 asked for): fewer segments"
    )


def test_what_was_not_judged_does_not_hold() -> None:
    unknown = Condition("rank", np.nan, 0.0, "no better than chance", "more outcomes")
    assert "not known" in str(withheld([unknown]))


def test_the_share_that_leads_again_is_that_of_the_worst_subject() -> None:
    shown = {"B1": {"+a": 2.0, "-b": 1.0}, "B2": {"+a": 1.0, "+c": 3.0}}
    again = [
        {"B1": {"+a": 1.0, "-b": 1.0}, "B2": {"+c": 1.0, "+d": 5.0}},
        {"B1": {"-b": 1.0, "+a": 0.1}, "B2": {"-a": 1.0, "-c": 1.0}},
    ]
    assert returning(shown, again) == pytest.approx(0.375)
    assert returning(shown, [shown]) == 1
    assert np.isnan(returning(shown, []))
    assert np.isnan(returning({}, again))


def test_a_rank_correlation_is_known_to_be_above_nought_in_its_share_of_cases() -> None:
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=(2000, 200, 2))
    ranks = [np.corrcoef(x, rowvar=False)[0, 1] for x in drawn]
    passed = np.mean([knows_something(r, 200) >= 0 for r in ranks])
    assert 0.035 < passed < 0.065
    assert knows_something(0.5, 200) == pytest.approx(0.408, abs=0.01)
    assert np.isnan(knows_something(np.nan, 200))
    assert np.isnan(knows_something(0.9, 3))
