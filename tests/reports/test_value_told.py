"""What stands for value is told as far as the data tell it."""

from types import SimpleNamespace

from running import settings_of

from facette.reports.telling import _value_basis


def test_nothing_is_claimed_of_what_a_margin_is_before_or_after():
    tables = SimpleNamespace(columns=lambda name: ["amount", "margin"])
    found = SimpleNamespace(settings=settings_of("train", "data=bank"), tables=tables)
    assert _value_basis(found) == "value is margin, as the data give it"
