"""Many trials at once: a process a core, each with one thread."""

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pandas as pd

ONE_THREAD = {"OMP_THREAD_LIMIT": "1", "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
Figures = dict[str, float]


def everywhere(worker: Callable[..., Figures], *arguments: tuple[Any, ...]) -> pd.DataFrame:
    """A row of figures for each tuple of arguments."""
    os.environ |= ONE_THREAD
    spawn = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(max_workers=2, mp_context=spawn) as pool:
            return pd.DataFrame(list(pool.map(worker, *zip(*arguments, strict=True))))
    finally:
        for name in ONE_THREAD:
            del os.environ[name]
