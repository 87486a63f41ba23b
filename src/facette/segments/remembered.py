"""Behaviour segments under the ids and names they have borne since an earlier version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from facette.segments.behaviour import BehaviourSegments
from facette.segments.identity import Identity
from facette.segments.naming import distinct


def remembered(
    behaviour: BehaviourSegments, identity: Identity, named: Mapping[str, str],
    given: Sequence[str],
) -> BehaviourSegments:  # fmt: skip
    """The segments of a refit with their kept or new ids.

    `named` are the names of the version before, `given` those of the configuration for B1, B2, …,
    which win. Segments with one name bear their ids beside it. `highest` is the highest
    number of an id ever given.
    """
    ids = [str(identity.ids[s["id"]]) for s in behaviour.segments]
    names = [
        _given(i, given) or named.get(i) or s["name"]
        for i, s in zip(ids, behaviour.segments, strict=True)
    ]
    return replace(
        behaviour,
        segments=[{"id": i, "name": n} for i, n in zip(ids, distinct(names, ids), strict=True)],
        stability={str(identity.ids[i]): j for i, j in behaviour.stability.items()},
        highest=identity.highest,
        notes=[*behaviour.notes, *(f"behaviour segments: {said}" for said in identity.said)],
    )


def _given(segment: str, names: Sequence[str]) -> str:
    """The configured name of B1, B2, …; nothing where there is none."""
    place = int(segment.removeprefix("B")) - 1
    return names[place] if place < len(names) else ""
