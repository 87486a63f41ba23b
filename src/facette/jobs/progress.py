"""Progress of a job, shown while it takes longer than a few seconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

BAR = "{desc:<34} {bar:20} {n_fmt}/{total_fmt} [{elapsed}]"


class Progress:
    """A bar that names the stage being worked on."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._begun = False

    def stage(self, name: str) -> None:
        """The next stage has begun."""
        self._bar.update(1 if self._begun else 0)
        self._begun = True
        self.detail(name)

    def detail(self, name: str) -> None:
        """What of the stage is being done."""
        self._bar.set_description_str(name)


@contextmanager
def progress(stages: int, shown: bool) -> Iterator[Progress]:
    """A bar over so many stages, gone when the job is done."""
    with tqdm(total=stages, disable=not shown, bar_format=BAR, leave=False) as bar:
        yield Progress(bar)
