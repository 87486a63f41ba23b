"""A scan for customers in everything that a job wrote: whatever the file, by their whole id.

    found = traces_of(objectors_before(bank, "2025-06-01"), home, aside=[bank])
    assert found == {}, told(found)

Files are opened as what they are: Parquet and CSV, JSON (escapes resolved), HTML (entities
resolved), databases cell by cell, arrays, archives and what they hold. What is none of these is
searched as bytes. Text that a picture draws as pixels or outlines can't be searched; what is drawn
comes from the same story as the tables beside it, which are.

An id counts where it stands alone, so that `c12` is not found in `c123`.
"""

import gzip
import html
import io
import json
import re
import sqlite3
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl

WORD = re.compile(r"[^\W_]+")

Texts = Iterator[str]
Traces = dict[str, set[str]]


def objectors_before(bank: Path, date: str) -> set[str]:
    """Whose latest word before an ISO date on marketing as a whole is an objection.

    Read from the raw file, with nothing of the code that is held to it.
    """
    words = pl.read_parquet(bank / "consents.parquet").filter(
        pl.col("channel").is_null(),
        pl.col("objected").is_not_null(),
        pl.col("recorded_at") < datetime.fromisoformat(date),
    )
    latest = words.sort("recorded_at", "objected").group_by("customer_id").last()
    return set(latest.filter("objected")["customer_id"].cast(pl.String))


def traces_of(
    ids: Collection[str], folder: Path, *, aside: Collection[Path] = (),
    said: Mapping[str, str] | None = None,
) -> Traces:  # fmt: skip
    """Where each of these customers is found: file below `folder`, or name of a text -> ids.

    `aside`: files and folders that may hold them, such as the raw data. `said`: other texts, such
    as what a job printed.
    """
    searched = _searcher(ids)
    hits: Traces = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        if any(path == left or left in path.parents for left in aside):
            continue
        name = str(path.relative_to(folder))
        found = searched(name).union(*map(searched, texts_in(path.name, path.read_bytes())))
        if path.suffix == ".db":
            found |= set().union(*map(searched, _of_database(path)))
        if found:
            hits[name] = found
    for name, text in (said or {}).items():
        if found := searched(text):
            hits[name] = found
    return hits


def told(traces: Traces) -> str:
    """What was found, a line for each file, for the message of a failing test."""
    return "\n".join(
        f"{len(ids)} customers in {name}: {', '.join(sorted(ids)[:5])}"
        for name, ids in traces.items()
    )


def _searcher(ids: Collection[str]) -> Callable[[str], set[str]]:
    """What finds whole ids in a text: by their words first, which is quick for thousands of ids."""
    words = {i: set(WORD.findall(i)) for i in ids}
    whole = {i: re.compile(rf"(?<![^\W_]){re.escape(i)}(?![^\W_])") for i in ids}

    def searched(text: str) -> set[str]:
        there = set(WORD.findall(text))
        return {i for i, own in words.items() if own <= there and whole[i].search(text)}

    return searched


def texts_in(name: str, content: bytes) -> Texts:
    """Every text of a file, in each way that it can be read."""
    suffix = Path(name).suffix
    yield content.decode("utf-8", errors="replace")
    yield content.decode("utf-16-le", errors="replace")
    if suffix == ".parquet":
        yield from _of_table(pl.read_parquet(io.BytesIO(content)))
    elif suffix == ".json":
        yield from _of_json(json.loads(content))
    elif suffix == ".html":
        plain = html.unescape(content.decode("utf-8"))
        yield plain
        yield re.sub(r"<[^>]*>", "", plain)  # an id that marks part
    elif suffix in (".npz", ".npy"):
        yield from _of_arrays(content)
    elif zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for inner in archive.namelist():
                yield inner
                yield from texts_in(inner, archive.read(inner))
    elif suffix == ".gz":
        yield from texts_in(Path(name).stem, gzip.decompress(content))


def _of_table(frame: pl.DataFrame) -> Texts:
    yield " ".join(frame.columns)
    for column in frame.iter_columns():
        values = column.unique().to_list()
        yield "\n".join(str(value) for value in values)


def _of_json(value: object) -> Texts:
    if isinstance(value, dict):
        yield " ".join(map(str, value))
        value = list(value.values())
    if isinstance(value, list):
        plain = [str(v) for v in value if not isinstance(v, dict | list)]
        yield "\n".join(plain)
        for inner in value:
            if isinstance(inner, dict | list):
                yield from _of_json(inner)
    elif isinstance(value, str):
        yield value


def _of_arrays(content: bytes) -> Texts:
    loaded = np.load(io.BytesIO(content), allow_pickle=False)
    arrays = loaded.values() if hasattr(loaded, "values") else [loaded]
    for array in arrays:
        yield "\n".join(map(str, np.unique(array)))


def _of_database(path: Path) -> Texts:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        database.text_factory = lambda raw: raw.decode("utf-8", errors="replace")
        names = [
            n for (n,) in database.execute("select name from sqlite_master where type='table'")
        ]
        for name in names:
            for row in database.execute(f'select * from "{name}"'):
                yield "\n".join(map(str, row))
    database.close()
