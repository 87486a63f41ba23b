"""Names for segments, made from what sets them apart, editable in configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest

import pandas as pd

from facette.snapshots.catalogue import Feature

MOST_WORDS = 3
STANDS_OUT = 0.35


def segment_names(
    profile: pd.DataFrame, catalogue: Mapping[str, Feature], given: Sequence[str]
) -> list[dict[str, str]]:
    """Id (B1, B2, … in row order) and name of each row of `profile` (segments x features, in sd).

    A `given` name wins where it is not empty; those beyond the last segment are not used.
    """
    if len(profile) == 1:
        names = ["Everyone"]
    else:
        names = _distinct([_phrases(row, catalogue) for _, row in profile.iterrows()])
    chosen = [mine or found for mine, found in zip_longest(given[: len(names)], names)]
    return [{"id": f"B{i + 1}", "name": name} for i, name in enumerate(chosen)]


def _phrases(row: pd.Series, catalogue: Mapping[str, Feature]) -> list[str]:
    """Words for the features that stand out most, the strongest first."""
    ordered = row.reindex(row.abs().sort_values(ascending=False).index)
    words = [
        (catalogue[str(name)].high if z > 0 else catalogue[str(name)].low, abs(z))
        for name, z in ordered.items()
    ]
    spoken = [word for word, z in words if word and z >= STANDS_OUT]
    return spoken or [word for word, _ in words if word][:1] or ["like the average"]


def _distinct(phrases: list[list[str]]) -> list[str]:
    """Two leading phrases each; more for those alike, and at last the segment's id."""
    names = [_sentence(p[:2]) for p in phrases]
    for length in range(3, MOST_WORDS + 1):
        alike = _alike(names)
        names = [_sentence(p[:length]) if i in alike else names[i] for i, p in enumerate(phrases)]
    return distinct(names, [f"B{i + 1}" for i in range(len(names))])


def distinct(names: list[str], ids: list[str]) -> list[str]:
    """The names, those that stand more than once with their id beside them."""
    alike = _alike(names)
    return [f"{name} ({ids[i]})" if i in alike else name for i, name in enumerate(names)]


def _alike(names: list[str]) -> set[int]:
    """Positions of names that stand more than once."""
    return {i for i, name in enumerate(names) if names.count(name) > 1}


def _sentence(words: list[str]) -> str:
    text = ", ".join(words)
    return text[:1].upper() + text[1:]
