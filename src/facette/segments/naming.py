"""Names for segments, made from what sets them apart, editable in configuration."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from facette.errors import BadInput
from facette.snapshots.catalogue import Feature
from facette.wording import listed

MOST_WORDS = 3
STANDS_OUT = 0.35


def segment_names(
    profile: pd.DataFrame, catalogue: Mapping[str, Feature], given: Mapping[str, str]
) -> list[dict[str, str]]:
    """Id (B1, B2, … in row order) and name of each row of `profile` (segments x features, in sd).

    Raises:
        BadInput: a configured name belongs to no segment.
    """
    if len(profile) == 1:
        names = ["Everyone"]
    else:
        names = _distinct([_phrases(row, catalogue) for _, row in profile.iterrows()])
    ids = [f"B{i + 1}" for i in range(len(profile))]
    unknown = [i for i in given if i not in ids]
    if unknown:
        raise BadInput(
            f"segments.behaviour.names: there is no segment {listed(unknown)}; "
            f"there are {listed(ids)}"
        )
    return [{"id": i, "name": given.get(i, name)} for i, name in zip(ids, names, strict=True)]


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
    """The fewest leading phrases, two at least, that tell every segment from the others."""
    for length in range(2, MOST_WORDS + 1):
        names = [_sentence(p[:length]) for p in phrases]
        if len(set(names)) == len(names):
            return names
    return [f"{name} ({i + 1})" for i, name in enumerate(names)]


def _sentence(words: list[str]) -> str:
    text = ", ".join(words)
    return text[:1].upper() + text[1:]
