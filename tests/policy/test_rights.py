"""The latest word on a channel counts, silence by rule, and an objection takes out of it all."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from contact_world import CHANNELS, T, history, shipped_policy, table, tables_of
from hypothesis import given, settings
from hypothesis import strategies as st

from facette.policy.relationship import ways
from facette.policy.rights import consented, objectors
from facette.settings.policy import Consent
from facette.tables.contract import Tables

COLUMNS = ("customer_id", "channel", "recorded_at", "granted", "objected")
WAYS = ways(shipped_policy())
SILENT_NO = Consent(without_record=False, without_table=False)


def said(*rows: tuple[Any, ...]) -> Tables:
    """Ann's words: channel, instant before T, granted, objected."""
    told = [("ann", channel, T - ago, yes, no) for channel, ago, yes, no in rows]
    return tables_of(consents=table("consents", told, *COLUMNS))


def channels_of(tables: Tables, consent: Consent = SILENT_NO) -> set[str]:
    agreed = consented(tables, T, pd.Index(["ann"]), WAYS, consent)[0]
    return {name for name, yes in zip(WAYS.channels, agreed, strict=True) if yes}


def plain(tables: Tables, who: str, needed: str, silence: bool) -> bool:
    """Row by row: what the words of one customer come to."""
    rows = tables["consents"].to_native().collect().filter(customer_id=who).to_dicts()
    known = [r for r in rows if r["recorded_at"] < T]
    general = [(r["recorded_at"], r["objected"]) for r in known
               if r["channel"] is None and r["objected"] is not None]  # fmt: skip
    if general and max(general)[1]:
        return False
    words = [
        (r["recorded_at"], bool(r["objected"]) or not r["granted"])
        for r in known
        if r["channel"] in (None, needed) and (r["objected"] or r["granted"] is not None)
    ]
    return not max(words)[1] if words else silence


@given(st.integers(0, 10**6))
@settings(max_examples=16)
def test_consent_is_what_the_words_come_to_row_by_row(seed: int) -> None:
    rng = np.random.default_rng(seed)
    customers, tables = history(rng, 20)
    silence = bool(rng.integers(2))
    agreed = consented(tables, T, customers, WAYS, Consent(silence, not silence))
    expected = [[plain(tables, who, on, silence) for on in WAYS.consent] for who in customers]
    assert agreed.tolist() == expected


def test_a_channel_needs_the_consent_that_the_policy_names_for_it() -> None:
    assert channels_of(said(("phone", 1, True, None))) == {"phone", "advisor", "branch"}
    assert channels_of(said(("advisor", 1, True, None))) == set()


def test_a_word_without_a_channel_is_said_of_all() -> None:
    assert channels_of(said((None, 1, True, None))) == set(CHANNELS)
    assert channels_of(said((None, 2, True, None), ("mail", 1, False, None))) == (
        set(CHANNELS) - {"mail"}
    )
    assert channels_of(said(("mail", 2, True, None), (None, 1, False, None))) == set()


def test_of_two_words_at_once_the_refusal_counts_and_a_row_without_a_word_says_nothing() -> None:
    assert channels_of(said(("mail", 1, True, None), (None, 1, False, None))) == set()
    assert channels_of(said(("mail", 2, True, None), ("mail", 1, None, None))) == {"mail"}


def test_a_later_consent_does_not_undo_an_objection_to_marketing_as_a_whole() -> None:
    objected = said((None, 2, None, True), ("mail", 1, True, None))
    assert channels_of(objected) == set()
    assert objectors(objected, T).tolist() == ["ann"]
    assert channels_of(said(("mail", 2, None, True), ("mail", 1, True, None))) == {"mail"}
    taken_back = said((None, 2, None, True), (None, 1, True, False))
    assert channels_of(taken_back) == set(CHANNELS)
    assert objectors(taken_back, T).empty


def test_what_is_said_at_the_date_or_later_is_not_known() -> None:
    assert channels_of(said(("mail", 0, True, None))) == set()
    assert objectors(said((None, 0, None, True)), T).empty


@pytest.mark.parametrize("silence", [False, True])
def test_silence_means_what_the_policy_says(silence: bool) -> None:
    everything = set(CHANNELS) if silence else set()
    assert channels_of(tables_of(), Consent(not silence, silence)) == everything
    assert channels_of(said(), Consent(silence, not silence)) == everything
    said_on_one = said(("mail", 1, not silence, None))
    assert channels_of(said_on_one, Consent(silence, not silence)) == everything ^ {"mail"}


def test_a_table_that_tells_of_grants_or_of_objections_alone_is_enough() -> None:
    key = ("customer_id", "recorded_at")
    granted = tables_of(consents=table("consents", [("ann", T - 1, True)], *key, "granted"))
    objected = tables_of(consents=table("consents", [("ann", T - 1, True)], *key, "objected"))
    assert channels_of(granted) == set(CHANNELS)
    assert objectors(granted, T).empty
    assert channels_of(objected, Consent(True, True)) == set()
    assert objectors(objected, T).tolist() == ["ann"]
