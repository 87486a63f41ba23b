"""Contract tables in files of one's own: what is read, from where and how, is configuration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from facette.errors import BadInput
from facette.settings.data import FilesData, Published, Reading
from facette.tables.contract import CONTRACTS, Cleaned
from facette.tables.door import Raw
from facette.tables.mapping import kept_rows, mapped
from facette.tables.opening import Opened, opened
from facette.tables.published import checked_figures, published_file, renamed


def read(data: FilesData) -> Raw:
    """The raw tables under the contract's column names, before they are checked.

    Raises:
        BadInput: no transactions file is named, or a file, heading or expression can't be read.
    """
    tables = {name: getattr(data, name) for name in CONTRACTS}
    given = {name: table for name, table in tables.items() if table.path is not None}
    notes: list[str] = []
    frames, cleaning, files = {}, list[Cleaned](), list[Path]()
    for name in dict.fromkeys(["transactions", *given]):
        table = tables[name]
        published = data.published if name == "transactions" else None
        found = file_of(published, data.name, table.path, table.table, table.read, f"data.{name}")
        frame, cleaned = kept_rows(found, table.where, f"data.{name}.where", name)
        frames[name], said = mapped(found, frame, table.columns, CONTRACTS[name], f"data.{name}")
        notes += [*found.said, *said]
        cleaning.append(cleaned)
        files += found.files
    return Raw(frames, tuple(dict.fromkeys(files)), tuple(notes), tuple(cleaning))


def file_of(
    published: Published | None, name: str, path: str | None, table: str | None, read: Reading,
    where: str,
) -> Opened:  # fmt: skip
    """The file at `path`, or the one its publisher offers where there is none.

    A published file's figures are compared with those it is known by: on arrival, or else said.

    Raises:
        BadInput: there is no file, or it can't be had or read.
    """
    if published is None:
        if path is None:
            raise BadInput(f"{where}.path: no file is named; write {where}.path=FILE")
        return opened(path, table, read, where)
    if path is None:
        path = str(published_file(published, name, lambda p: _columns(p, table, read, where)))
    found = opened(path, table, read, where)
    said = checked_figures(found.frame, published, found.files[0].name)
    return replace(found, frame=renamed(found.frame, published), said=(*found.said, *said))


def _columns(path: Path, table: str | None, read: Reading, where: str) -> pl.LazyFrame:
    return opened(str(path), table, read, where).frame
