"""Which simulated bank a folder holds: what was asked for, told beside its tables.

Nothing of the truth stands here: not even what was drawn where the world gives a range.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from facette.settings.data import Dirt, World

MANIFEST = "simulation.json"
DRAWS_NOTHING = ("__init__", "manifest", "sanity", "truth")  # modules of this folder


@dataclass(frozen=True)
class Asked:
    """What makes a simulated bank that very one. `start` is the ISO date of its first day."""

    world: World
    customers: int
    months: int
    seed: int
    start: str
    dirt: tuple[Dirt, ...] = ()
    dirt_share: float = 0.0

    def told(self) -> dict[str, Any]:
        """As the folder tells it; `world_digest` is of the world's configuration, as asked for."""
        return {
            "customers": self.customers,
            "months": self.months,
            "start": self.start,
            "seed": self.seed,
            "world": self.world.name,
            "world_digest": _digest(json.dumps(asdict(self.world), sort_keys=True).encode()),
            "dirt": sorted({kind.value for kind in self.dirt}),
            "dirt_share": self.dirt_share if self.dirt else 0.0,
            "generator": generator(),
        }

    def digest(self) -> str:
        """A short digest of all of it."""
        return _digest(json.dumps(self.told(), sort_keys=True).encode())[:8]


def write_manifest(folder: Path, asked: Asked, rows: Mapping[str, int]) -> None:
    """Say in `folder` what was asked for, and the rows of each table."""
    told = json.dumps({**asked.told(), "rows": dict(rows)}, indent=1)
    (folder / MANIFEST).write_text(told + "\n", encoding="utf-8")


def manifest(folder: Path) -> dict[str, Any] | None:
    """What the folder says it holds; None where it holds no simulated bank."""
    try:
        told = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) and "rows" in told else None


def differences(found: Mapping[str, Any], asked: Asked) -> list[str]:
    """What sets the bank of a folder apart from the one asked for, in words."""
    return [
        f"{name} {found.get(name)!r} there, {value!r} asked for"
        for name, value in asked.told().items()
        if found.get(name) != value
    ]


def generator() -> str:
    """The version of what draws: a digest of its source, as the same seed may mean another bank
    when a line of it changes.
    """
    modules = sorted(Path(__file__).parent.glob("*.py"))
    return _digest(b"".join(m.read_bytes() for m in modules if m.stem not in DRAWS_NOTHING))[:12]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
