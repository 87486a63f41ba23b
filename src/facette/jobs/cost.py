"""What a piece of work costs: its time, and how far the process grew while it was done."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Generic, TypeVar

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
FORGET_THE_PEAK = "5"  # what proc(5) has written to clear_refs for it
MB = 1e6

Made = TypeVar("Made")


@dataclass(frozen=True)
class Costed(Generic[Made]):
    """What was made, in how many seconds; `peak_mb` None where the system doesn't tell."""

    made: Made
    seconds: float
    peak_mb: float | None


def costed(work: Callable[[], Made]) -> Costed[Made]:
    """Do the work and take its wall-clock time and the growth of the process at its peak.

    The growth, in MB of 10^6 bytes, is the kernel's own high-water mark of resident memory less
    what was resident before, so that no short peak is missed. What earlier work had freed is given
    back to the system first: memory that stands ready for reuse would make later work look small.
    """
    before = _fresh_peak()
    began = perf_counter()
    made = work()
    seconds = perf_counter() - began
    peak = None if before is None else max(_kept("VmHWM") - before, 0.0)
    return Costed(made, seconds, peak)


def _fresh_peak() -> float | None:
    """Resident MB, the high-water mark set back to it; None where that can't be done."""
    gc.collect()
    with suppress(AttributeError, OSError, TypeError):  # not glibc: nothing to give back by hand
        ctypes.CDLL(None).malloc_trim(0)
    try:
        CLEAR.write_text(FORGET_THE_PEAK)
        return _kept("VmRSS")
    except OSError:  # no Linux, or not allowed here
        return None


def _kept(name: str) -> float:
    """A figure of /proc/self/status, in MB."""
    lines = STATUS.read_text().splitlines()
    kib = next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
    return 1024 * kib / MB
