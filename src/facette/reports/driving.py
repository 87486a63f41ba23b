"""Drivers as a story tells them: of segments and models, between neighbours, of change, in pairs.

What the licence forbids is not told; `licences` says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from facette.drivers.credit import sentence
from facette.drivers.licence import Condition
from facette.drivers.outcome import moves_told
from facette.drivers.sentences import Driver, sentence_of
from facette.drivers.summary import by_segment, overall
from facette.reports.findings import Findings
from facette.snapshots.catalogue import Feature

ALIKE = 0.05  # relative distance up to which a figure is as the base's
MOVES = 3  # drivers told of each customer whose score moved
OUTCOME = ["segment", "part", "feature", "sentence", "contribution"]


def of_membership(found: Findings) -> pd.DataFrame | None:
    """Why customers are in a segment, with the side of the feature that speaks for it."""
    if found.withheld is not None or found.membership is None:
        return None
    drivers = found.membership.drivers(found.catalogue, found.settings.drivers.top)
    segment = found.scored["behaviour_segment"].to_numpy()
    against = found.standardised.groupby(segment).mean() - found.standardised.mean()
    pairs = zip(drivers["segment"], drivers["feature"], strict=True)
    sides = [np.sign(against.loc[s, f]) or 1.0 for s, f in pairs]
    return drivers.assign(sign=np.asarray(sides).astype(int))


def in_words(found: Findings) -> dict[str, str]:
    """For each segment a sentence on what its customers do against the base, its drivers first."""
    drivers = of_membership(found)
    if drivers is None:
        return {}
    segment, told = found.scored["behaviour_segment"].to_numpy(), {}
    for one, own in drivers.groupby("segment", sort=False):
        figures = [
            driver_of(found.catalogue[name], found.seen[name], segment == one)
            for name in own["feature"]
            if name in found.catalogue
        ]
        told[str(one)] = sentence_of(
            [driver for driver in figures if differs(driver)],
            found.settings.report.language.value,
            found.settings.data.currency,
            found.settings.drivers.leading,
        )
    return told


def differs(driver: Driver) -> bool:
    """Whether a figure is told apart from the base's: what is alike on the mean says nothing."""
    return abs(driver.own - driver.base) > ALIKE * abs(driver.base)


def driver_of(feature: Feature, column: pd.Series, inside: np.ndarray) -> Driver:
    """The figure of those `inside` (n,) beside that of all: a mean, or the share of a category.

    The category is the one most frequent inside.
    """
    if pd.api.types.is_numeric_dtype(column):
        return Driver(feature, float(column[inside].mean()), float(column.mean()))
    shares = column[inside].value_counts(normalize=True)
    if shares.empty:
        return Driver(feature, np.nan, np.nan)
    level = shares.index[0]
    return Driver(feature, float(shares.iloc[0]), float((column == level).mean()), str(level))


def of_outcome(found: Findings) -> pd.DataFrame | None:
    """What goes with the answers of each model inside a segment, in money or points of probability.

    `contribution` is in those units: over all features it sums to how far the segment's mean answer
    is from the mean of all.
    """
    if found.withheld is not None:
        return None
    segment = found.scored.set_index("customer_id")["behaviour_segment"]
    top = found.settings.drivers.top
    tables = [
        by_segment(found.outcomes[part].units, segment, found.catalogue, top).assign(part=part)
        for part in _licensed(found)
    ]
    return pd.concat(tables)[OUTCOME] if tables else pd.DataFrame(columns=OUTCOME)


def of_models(found: Findings) -> dict[str, pd.DataFrame]:
    """What moves each model most (see `drivers.summary.overall`)."""
    top = found.settings.drivers.top
    return {
        part: overall(found.outcomes[part].credit, found.seen, found.catalogue, top)
        for part in _licensed(found)
    }


def between_neighbours(found: Findings) -> pd.DataFrame | None:
    """What puts customers into a segment rather than into the one most like it.

    Columns segment, other, feature, sentence, contribution (log-odds of the one over the other) and
    side: 1 where the feature is higher in the segment on the mean, -1 where it is lower.
    """
    if found.withheld is not None or found.membership is None:
        return None
    top = found.settings.drivers.leading
    tables = [
        found.membership.between(one, other, found.catalogue, top).assign(other=other)
        for one, other in _neighbours(found)
    ]
    if not tables:
        return None
    told, means = pd.concat(tables, ignore_index=True), _means(found)
    apart = [
        means.loc[one, feature] - means.loc[other, feature]
        for one, other, feature in told[["segment", "other", "feature"]].to_numpy()
    ]
    return told.assign(side=np.sign(apart).astype(int))


def in_pairs(found: Findings) -> dict[str, pd.DataFrame]:
    """The strongest interactions of each model: one, other (in words), mean_abs (link scale)."""
    told = {}
    for part in _licensed(found):
        pairs = found.outcomes[part].pairs
        words = {
            side: [sentence(str(name), found.catalogue) for name in pairs[side]]
            for side in ("one", "other")
        }
        if len(pairs):
            told[part] = pairs.assign(**words)
    return told


def of_movers(found: Findings) -> dict[str, pd.DataFrame]:
    """The customers whose answer moved farthest since the date before, and what went with it."""
    told = {}
    for part in _licensed(found):
        outcome = found.outcomes[part]
        if outcome.movers is not None:
            told[part] = moves_told(outcome.movers, outcome.credit, found.catalogue, MOVES)
    return told


def licences(found: Findings) -> pd.DataFrame:
    """Every condition of every licence: subject, condition, figure, asked, held."""
    rows = list(_rows("segments", found.licence_of_segments))
    for part in found.outcomes:
        rows += _rows(part, found.licence_of(part))
    return pd.DataFrame(rows, columns=["subject", "condition", "figure", "asked", "held"])


def _rows(subject: str, conditions: Sequence[Condition]) -> Iterator[tuple[object, ...]]:
    for c in conditions:
        yield subject, c.what, c.figure, c.least, c.holds


def _licensed(found: Findings) -> list[str]:
    return [part for part in found.outcomes if part not in found.unlicensed]


def _means(found: Findings) -> pd.DataFrame:
    """Mean behaviour by segment, in standard deviations."""
    return found.standardised.groupby(found.scored["behaviour_segment"].to_numpy()).mean()


def _neighbours(found: Findings) -> Iterator[tuple[str, str]]:
    """Each segment and the one whose mean behaviour is nearest."""
    means = _means(found)
    apart = np.linalg.norm(means.to_numpy()[:, None] - means.to_numpy(), axis=2)
    np.fill_diagonal(apart, np.inf)
    for segment, nearest in zip(means.index, apart.argmin(axis=1), strict=True):
        yield str(segment), str(means.index[nearest])
