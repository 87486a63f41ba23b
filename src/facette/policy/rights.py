"""Who may be contacted by which channel: the latest word of each customer, and silence by rule.

Consent is given, and taken back, by channel; an objection to direct marketing is wider: it takes a
customer out of everything that serves marketing, and so out of every list that a plan makes.
"""

from __future__ import annotations

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl

from facette.policy.reach import numbered
from facette.policy.relationship import Ways
from facette.settings.policy import Consent
from facette.snapshots.aggregates import KEY, integer, objectors_at
from facette.snapshots.known import known_at
from facette.snapshots.relations import GRANTED, word
from facette.tables.contract import Tables


def objectors(tables: Tables, t: int) -> pd.Index:
    """Who had objected to marketing as a whole by `t` (microseconds), sorted; maybe nobody."""
    frame = objectors_at(tables, t)
    found = [] if frame is None else sorted(frame.collect("pyarrow")[KEY].to_list())
    return pd.Index(found, dtype="str", name=KEY)


def consented(
    tables: Tables, t: int, customers: pd.Index, ways: Ways, consent: Consent
) -> np.ndarray:
    """Whether each customer consents to each channel, (n, k) booleans in the order of `ways`.

    The latest word known at `t` counts, of two at once the refusal; one without a channel is said
    of all channels. An objection to a channel refuses it; who objects to marketing as a whole
    consents to none, whatever was granted since. `consent` says what silence means.
    """
    if "consents" not in tables:
        return np.full((len(customers), len(ways.channels)), consent.without_table)
    needed = list(dict.fromkeys(ways.consent))
    said = _latest_words(tables, t, needed).join(numbered(customers), on=KEY)
    words = np.zeros((len(customers), len(needed)), dtype=np.int64)
    words[said["row"].to_numpy()] = said.select(_names(needed)).to_numpy()
    agreed = (words == GRANTED) | ((words == 0) & consent.without_record)
    agreed[customers.isin(objectors(tables, t))] = False
    return np.asarray(agreed[:, [needed.index(name) for name in ways.consent]])


def _names(needed: list[str]) -> list[str]:
    return [f"word_{i}" for i in range(len(needed))]


def _latest_words(tables: Tables, t: int, needed: list[str]) -> pl.DataFrame:
    """The latest word of each customer on each of the channels, 0 where there is none.

    The word stands in the last digit behind its instant, as in the features: the largest is the
    latest, and of two at once the refusal.
    """
    columns = tables.columns("consents")
    said = known_at(tables, "consents", t)
    absent = {"granted": nw.Boolean(), "channel": nw.String()}
    said = said.with_columns(
        nw.lit(None, kind).alias(name) for name, kind in absent.items() if name not in columns
    )
    said = said.with_columns(word=word(columns)).filter(nw.col("word") > 0)
    dated, channel = nw.col("recorded_at") * 10 + nw.col("word"), nw.col("channel")
    latest = said.group_by(KEY).agg(
        integer(nw.when(channel.is_null() | (channel == on)).then(dated).max() % 10, name)
        for on, name in zip(needed, _names(needed), strict=True)
    )
    return pl.DataFrame(latest.to_native().collect()).fill_null(0)
