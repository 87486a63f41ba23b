"""What a benchmark has finished, kept on disk so that the same command goes on where it stopped.

A record is found again only where everything that its figures rest on is the same: settings,
snapshots, the code that learns and judges, the versions of what it stands on.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import facette

# whose text and versions a figure depends on; what is read from files is in the snapshots' digests
CODE = ("models", "snapshots", "registry/customer_model.py", "registry/packaging.py",
        "registry/bundle.py", "jobs/judged.py")  # fmt: skip
VERSIONS = ("lifetimes", "lightgbm", "numpy", "pandas", "scikit-learn", "scipy")

Figures = Mapping[str, Mapping[str, float]]
Spread = Mapping[str, Mapping[str, Sequence[float]]]


@dataclass(frozen=True)
class Finished:
    """A model, or the baselines beside it, at one test date or in one repeat of the folds.

    `figures`: forecaster -> metric -> value, NaN where not available. `spread`: what intervals are
    made of, by forecaster and metric: the figure in each bootstrap draw, or in each fold; empty
    where there is none. `seconds` of the whole learning and of the final fit alone, `peak_mb` of
    the former; None where there are none, as of baselines. `looks` at the test date until then.
    """

    figures: Figures
    spread: Spread
    customers: int
    seconds: float | None = None
    final_fit_seconds: float | None = None
    peak_mb: float | None = None
    looks: int | None = None
    notes: list[str] = field(default_factory=list)


class Kept:
    """The finished records in a folder, each under the digest of what it rests on."""

    def __init__(self, folder: Path, *, fresh: bool) -> None:
        self._folder = folder
        self._fresh = fresh
        self._own: set[str] = set()

    def get(self, digest: str) -> Finished | None:
        """The record, where there is one; of another command only unless all is made anew."""
        path = self._path(digest)
        if (self._fresh and digest not in self._own) or not path.is_file():
            return None
        return Finished(**json.loads(path.read_text(encoding="utf-8")))

    def put(self, digest: str, record: Finished) -> None:
        """Keep a record; nothing half-written ever stands under its name."""
        draft = self._path(digest).with_suffix(f".{os.getpid()}.part")
        draft.write_text(json.dumps(asdict(record)), encoding="utf-8")
        draft.replace(self._path(digest))
        self._own.add(digest)

    def _path(self, digest: str) -> Path:
        return self._folder / f"{digest}.json"


def digest_of(*told: Any) -> str:
    """SHA-256 of settings and digests, beside that of the code."""
    made = json.dumps([*told, code_digest()], default=str, sort_keys=True)
    return hashlib.sha256(made.encode()).hexdigest()


@cache
def code_digest() -> str:
    """SHA-256 of the code that figures depend on, and the versions of what it stands on.

    A commit would not do: it says nothing of files that were changed since.
    """
    made = hashlib.sha256()
    root = Path(facette.__file__).parent
    for name in CODE:
        place = root / name
        for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            made.update(file.read_bytes())
    for package in VERSIONS:
        made.update(f"{package}=={version(package)}".encode())
    return made.hexdigest()
