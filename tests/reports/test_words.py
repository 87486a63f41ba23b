import pandas as pd
import pytest

from facette.reports import words
from facette.reports.story import Headline
from facette.reports.tables import against_baselines
from facette.reports.words import MINUS

NAN = float("nan")


def test_unknown_is_not_available_in_every_kind():
    for kind in ("money", "share", "count", "ratio", "index", "text"):
        assert words.texts([NAN, None, pd.NA], kind) == ["not available"] * 3


def test_a_column_of_money_has_one_precision():
    assert words.texts([1.5, 12.25], "money") == ["1.50", "12.25"]
    assert words.texts([1.5, 12345.6], "money") == ["2", "12,346"]


def test_minus_is_a_minus_and_zero_has_no_sign():
    assert words.number(-0.04, 1, signed=True) == "0.0"
    assert words.number(-1234) == MINUS + "1,234"


def test_dates_are_told_as_people_do():
    assert words.day("2017-10-01") == "1 October 2017"


@pytest.mark.parametrize(
    ("low", "high", "opponent", "tone", "start"),
    [
        (0.1, 0.2, "last window", "better", "beats"),
        (-0.1, 0.2, "last window", "same", "no better than last window"),
        (0.0, 0.2, "last window", "same", "no better than last window"),
        (-0.2, -0.1, "last window", "worse", "worse than last window"),
        (NAN, NAN, "last window", "unknown", "not compared"),
        (0.1, 0.2, None, "unknown", "for information"),
    ],
)
def test_verdict_follows_the_interval(low, high, opponent, tone, start):
    told, given = words.verdict(low, high, opponent)
    assert given == tone
    assert told.startswith(start)


def test_a_gain_never_vanishes_in_rounding():
    told = words.headline_texts(
        Headline("churn", "log_loss", "", 0.2871, "logistic", 0.2869, -0.0002, -0.01, 0.01)
    )
    assert (told["model"], told["baseline"], told["gain"]) == ("0.2871", "0.2869", MINUS + "0.0002")


def test_a_coverage_stands_beside_what_is_wanted():
    told = words.headline_texts(Headline("potential", "coverage", "share", 0.897, wanted=0.9))
    assert (told["verdict"], told["tone"]) == ("90.0% wanted", "unknown")


def test_shares_and_money_carry_their_unit():
    share = words.headline_texts(Headline("potential", "coverage", "share", 0.9))
    money = words.headline_texts(Headline("value", "mae", "USD", 162.4))
    assert share["model"] == "90.0%"
    assert money["model"] == "USD 162.40"


def test_the_best_of_each_metric_is_strong_whichever_way_it_points():
    frame = pd.DataFrame(
        {"mae": [2.0, 1.0], "spearman": [0.9, 0.8], "total_ratio": [1.2, 0.9]}, index=["m", "b"]
    )
    rows = against_baselines(frame, "", "USD").rows
    assert [cell.strong for cell in rows[0][1:]] == [False, True, False]
    assert [cell.strong for cell in rows[1][1:]] == [True, False, True]
