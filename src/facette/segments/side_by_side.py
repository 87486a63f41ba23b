"""Several segmentations of the same customers, each put through the three tests, held together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from facette.segments.applied import BEHAVIOUR, Applied, known_at, two_views
from facette.segments.pertinence import Outcome, outcomes_of
from facette.segments.three_tests import Judged, criteria, judged
from facette.segments.together import agreement, bill, redundant
from facette.segments.treatment import prices_of_boxes, response
from facette.settings.segments import ThreeTests
from facette.snapshots.campaigns import randomised
from facette.snapshots.catalogue import Feature
from facette.snapshots.instants import EPOCH
from facette.snapshots.panel import Panel
from facette.tables.contract import Tables

VALUE_TIERS = "value_tiers"
PAST_TREATMENT = "past treatment"
MANY_CONTACTS = 3  # contacts received, from which on they count as many


@dataclass(frozen=True)
class Base:
    """What all segmentations are held against.

    `tiers`: value tiers at the two dates, None where no current value is known. By customer of the
    test date: `value` (outcome), `reachable` and `treatment`, None where not known. `sent`:
    randomised contacts after the first date.
    """

    outcomes: list[Outcome]
    tiers: tuple[pd.Series, pd.Series] | None
    value: pd.Series | None
    reachable: pd.Series | None
    treatment: pd.Series | None
    sent: pd.DataFrame
    numbers: pd.DataFrame


@dataclass(frozen=True)
class SideBySide:
    """Segmentations, their verdicts, what they repeat of one another, what they cost.

    `off`: name -> why it can't be had of these data. `criteria`: a row for each feature.
    """

    cuts: list[Applied]
    judged: dict[str, Judged]
    criteria: pd.DataFrame
    agreement: pd.DataFrame
    redundant: list[str]
    bill: pd.DataFrame
    off: dict[str, str]

    @cached_property
    def by_name(self) -> dict[str, Applied]:
        """The segmentations by name."""
        return {cut.name: cut for cut in self.cuts}

    def told(self) -> dict[str, Any]:
        """What was fitted of each but behaviour, which has its own place in the package."""
        return {cut.name: cut.told() for cut in self.cuts if cut.name != BEHAVIOUR}

    def metrics(self) -> dict[str, float]:
        """Figures as `segmentation/<name>/<what>`."""
        named: dict[str, float] = {}
        for name, found in self.judged.items():
            told = dict(found.figures)
            for outcome, p in found.pertinence.items():
                told |= {
                    f"{outcome}_beyond_tier": p.gain,
                    f"{outcome}_beyond_tier_low": p.low,
                    f"{outcome}_beyond_tier_high": p.high,
                    f"{outcome}_alone": p.alone,
                }
            if found.response is not None:
                told |= {"response_p": found.response.p}
            if found.price is not None:
                told |= {
                    "price_of_box": found.price.price,
                    "price_of_box_low": found.price.low,
                    "price_of_box_high": found.price.high,
                }
            told |= {test: float(passed) for test, passed in found.passed.items()}
            named |= {f"segmentation/{name}/{what}": figure for what, figure in told.items()}
        return named


def side_by_side(
    cuts: list[Applied], off: Mapping[str, str], tables: Tables, panel: Panel,
    catalogue: Mapping[str, Feature], settings: ThreeTests, confidence: float, seed: int,
) -> SideBySide:  # fmt: skip
    """Judge segmentations that were fitted at the latest training date and applied at the test."""
    base = _base(cuts, tables, panel, catalogue, seed)
    before, after = two_views(panel, seed)
    boxes = {cut.name: cut.training for cut in cuts}
    prices = prices_of_boxes(base.numbers, boxes, base.sent, settings.contacts, confidence, seed)
    found = {
        cut.name: judged(
            cut, base.outcomes, None if cut.name == VALUE_TIERS else base.tiers, settings,
            confidence, base.value, base.reachable, base.treatment,
            response(cut.training, base.sent),
            prices.get(cut.name),
        )
        for cut in cuts
    }  # fmt: skip
    names = list(before.features.columns.intersection(list(catalogue)))
    numeric = [n for n in names if not catalogue[n].category]
    labels = {cut.name: cut.test for cut in cuts}
    beside = {} if base.treatment is None else {PAST_TREATMENT: base.treatment}
    agreed = agreement(labels | beside)
    own = list(labels)
    table = criteria(
        known_at(before)[names], known_at(after)[names], numeric, base.outcomes, base.tiers,
        settings, confidence, base.value,
    )  # fmt: skip
    return SideBySide(
        cuts, found, table, agreed, redundant(agreed.loc[own, own], settings.redundant),
        _bill(cuts, settings), dict(off),
    )  # fmt: skip


def _base(
    cuts: list[Applied], tables: Tables, panel: Panel, catalogue: Mapping[str, Feature], seed: int
) -> Base:
    before, after = two_views(panel, seed)
    assert before.outcomes is not None and after.outcomes is not None
    tiers = next((cut for cut in cuts if cut.name == VALUE_TIERS), None)
    value = after.outcomes["value"]
    received = after.features.get("contacts_received")
    consents = [n for n, f in catalogue.items() if f.family == "consent" and f.unit == "yes or no"]
    given = after.features.reindex(columns=consents).astype(float)
    date = before.reference_date
    since = None if date is None else int((date - EPOCH).total_seconds() * 1e6)
    numbers = before.features.select_dtypes("number")
    return Base(
        outcomes_of(before.outcomes, after.outcomes),
        None if tiers is None else (tiers.training, tiers.test),
        value if value.notna().any() else None,
        (given > 0).any(axis=1).astype(float) if given.notna().any(axis=None) else None,
        None if received is None else received.clip(upper=MANY_CONTACTS),
        randomised(tables, since),
        numbers.astype(float).replace([np.inf, -np.inf], np.nan),
    )  # fmt: skip


def _bill(cuts: list[Applied], settings: ThreeTests) -> pd.DataFrame:
    labels = {c.name: pd.Series(pd.Categorical(c.test, list(c.names)), c.test.index) for c in cuts}
    treatments = {c.name: int((c.customers > 0).sum()) for c in cuts}
    rules = {c.name: len(getattr(c.fitted, "rules", ())) or len(c.names) for c in cuts}
    return bill(
        labels, rules, treatments, settings.set_up_cost, settings.yearly_cost, settings.floor
    )
