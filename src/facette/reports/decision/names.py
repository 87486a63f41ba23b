"""What a decision's segments, cells, models and channels are called for people."""

from __future__ import annotations

from facette.policy.decision import Planned
from facette.segments.crossing import REST

BEHAVIOUR = "behaviour_segment"


def facets(planned: Planned) -> list[str]:
    """The columns that are crossed, those that the model tells."""
    return [name for name in planned.policy.by if name in planned.plan.base.scored]


def segment_name(planned: Planned, segment: object) -> str:
    """`Contacts by chat (B1)` of a behaviour segment that has a name; else as it is."""
    names = planned.about.get("segment_names", {})
    told = names.get(str(segment)) if facets(planned)[:1] == [BEHAVIOUR] else None
    if segment == REST:
        return "Small cells of several segments"
    return f"{told} ({segment})" if told else str(segment)


def thing(name: str) -> str:
    """A name of the configuration within a sentence: advisor hours."""
    return name.replace("_", " ")


def one_of(capacity: str) -> str:
    """One unit of a capacity: advisor hour."""
    return thing(capacity).removesuffix("s")
