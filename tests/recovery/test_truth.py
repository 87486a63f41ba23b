import pytest
from running import settings_of

from facette.errors import BadInput
from facette.recovery.truth import check_truth


def test_data_without_a_truth_are_refused_and_the_setting_is_named():
    chosen = settings_of("train", "data=cdnow", "evaluation.truth=true")
    with pytest.raises(BadInput, match=r"evaluation\.truth: .*'cdnow'.*data=bank"):
        check_truth(chosen.data)


def test_the_simulated_bank_has_one():
    check_truth(settings_of("train", "data=bank").data)


def test_the_truth_is_not_looked_at_unless_asked():
    assert not settings_of("train", "data=bank").evaluation.truth
    assert settings_of("train", "experiment=bank_truth").evaluation.truth
