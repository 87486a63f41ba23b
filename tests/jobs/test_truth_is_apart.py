"""Nothing but the recovery reads the truth: by import, by file access, and when it is gone."""

import ctypes
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

import polars as pl
import pytest
from running import settings_of, train_in
from small_bank import QUICK, bank_in, quickly_opened

from facette.snapshots.panel import panel
from facette.tables.door import read

ROOT = Path(__file__).parents[2]
CONTRACT = "only recovery reads the truth of a simulated bank"
SIMULATOR_CONTRACT = "nothing that learns knows the simulator"
IN_ACCESS, IN_OPEN, IN_ISDIR, IN_NONBLOCK = 0x1, 0x20, 0x40000000, os.O_NONBLOCK
EVENT = struct.Struct("iIII")  # watch, mask, cookie, length of the name that follows


@contextmanager
def watched(folder: Path) -> Iterator[list[str]]:
    """Names of the files of a folder that are opened or read meanwhile, by any process.

    The kernel tells: Polars opens files where Python's audit hooks don't see it.
    """
    libc, seen = ctypes.CDLL(None, use_errno=True), list[str]()
    handle = libc.inotify_init1(IN_NONBLOCK)
    assert handle >= 0, os.strerror(ctypes.get_errno())
    try:
        assert libc.inotify_add_watch(handle, os.fsencode(folder), IN_OPEN | IN_ACCESS) >= 0
        yield seen
        seen += _names(_drained(handle))
    finally:
        os.close(handle)


def _drained(handle: int) -> bytes:
    told = b""
    while True:
        try:
            told += os.read(handle, 1 << 16)
        except BlockingIOError:
            return told


def _names(told: bytes) -> Iterator[str]:
    at = 0
    while at < len(told):
        _, mask, _, length = EVENT.unpack_from(told, at)
        name = told[at + EVENT.size : at + EVENT.size + length].rstrip(b"\0").decode()
        yield f"{name or '.'}{'/' if mask & IN_ISDIR else ''}"
        at += EVENT.size + length


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's own")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with quickly_opened():
        return bank_in(tmp_path / "bank", customers=1200, months=36, churn_year=0.1)


def overrides_for(folder: Path, *more: str) -> list[str]:
    return ["experiment=bank_truth", f"data.path={folder}", "evaluation.truth=false", *more]


def built_from(folder: Path) -> pl.DataFrame:
    chosen = settings_of("train", *overrides_for(folder))
    tables = read(chosen.data)
    return panel(tables, chosen.snapshot, chosen.model.churn, chosen.data).test.features


def test_an_opened_truth_is_seen(folder: Path) -> None:
    truth = folder / "truth"
    with watched(truth) as seen:
        pl.read_parquet(truth / "people.parquet")
    assert "people.parquet" in seen
    with watched(truth) as seen:
        pl.scan_parquet(truth / "months.parquet").select("wallet").collect()
    assert "months.parquet" in seen
    with watched(truth) as seen:
        (truth / "world.json").read_text()
    assert "world.json" in seen
    with watched(truth) as seen:
        pl.read_parquet(folder / "transactions.parquet")
    assert seen == []


@pytest.mark.slow
def test_the_truth_is_not_opened_while_the_bank_is_read_and_trained_on(
    folder: Path, tmp_path: Path
) -> None:
    with watched(folder / "truth") as seen:
        built_from(folder)
        trained = train_in(tmp_path / "home", *overrides_for(folder, *QUICK, "parts=[churn]"))
    assert "churn/log_loss" in trained.metrics
    assert not [name for name in trained.metrics if name.startswith("truth/")]
    assert seen == []


@pytest.mark.slow
def test_everything_but_the_recovery_runs_without_the_truth(folder: Path, tmp_path: Path) -> None:
    before = built_from(folder)
    shutil.rmtree(folder / "truth")
    after = built_from(folder)
    assert before.equals(after)
    with chdir(tmp_path):
        trained = train_in(tmp_path / "home", *overrides_for(folder, *QUICK, "parts=[churn]"))
    assert len(trained.scored)


@pytest.mark.parametrize(
    ("line", "contract"),
    [
        ("from facette.tables.simulation.truth import truth_at", CONTRACT),
        ("from facette.tables.simulation.bank import state_before", SIMULATOR_CONTRACT),
    ],
)
def test_a_feature_that_opens_the_truth_fails_the_build(
    line: str, contract: str, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    assert _linted(tmp_path)[contract] == "KEPT"
    finish = tmp_path / "src" / "facette" / "snapshots" / "finish.py"
    finish.write_text(f"{finish.read_text(encoding='utf-8')}{line}\n", encoding="utf-8")
    assert _linted(tmp_path)[contract] == "BROKEN"


def _linted(root: Path) -> dict[str, str]:
    """What the import linter says of each contract."""
    said = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        capture_output=True, text=True, check=False, cwd=root,
        env={**os.environ, "PYTHONPATH": str(root / "src")},
    )  # fmt: skip
    lines = [line.rsplit(" ", 1) for line in said.stdout.splitlines()]
    verdicts = {w[0].strip(): w[1] for w in lines if len(w) == 2 and w[1] in {"KEPT", "BROKEN"}}
    assert CONTRACT in verdicts, said.stdout + said.stderr
    assert (said.returncode == 0) == ("BROKEN" not in verdicts.values())
    return verdicts
