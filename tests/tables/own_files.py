"""Files of one's own for tests, no test itself: workbooks, and the settings that read them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape
from zipfile import ZipFile

import polars as pl
from running import settings_of

from facette.settings.data import FilesData, TableFile
from facette.tables.contract import Tables
from facette.tables.door import read

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
MEDIA = "application/vnd.openxmlformats-officedocument.spreadsheetml"
EPOCH = datetime(1899, 12, 30)  # day 0 of a workbook

Cells = Sequence[Sequence[Any]]


def files_data(**changed: Any) -> FilesData:
    """The settings of `data=files data.name=shop`, tables and all, but for what is changed."""
    return replace(_configured(), **changed)


@cache
def _configured() -> FilesData:
    settings: FilesData = settings_of("train", "data=files", "data.name=shop").data
    return settings


def tables_of(path: Path | str, **told: Any) -> Tables:
    """The admitted tables of one transactions file; `told` of TableFile, and of FilesData."""
    own = {key: told.pop(key) for key in ("table", "columns", "where", "read") if key in told}
    return read(files_data(transactions=TableFile(path=str(path), **own), **told))


def rows_of(tables: Tables, name: str = "transactions") -> pl.DataFrame:
    """A table as it was admitted."""
    return pl.DataFrame(tables[name].collect("polars").to_native())


def write_workbook(path: Path, sheets: dict[str, Cells]) -> Path:
    """Write an .xlsx with these sheets, headings first: texts, numbers, booleans, instants."""
    sheet = f"{OFFICE}/worksheet"
    targets = [(sheet, f"worksheets/sheet{at}.xml") for at in range(len(sheets))]
    parts = {
        "[Content_Types].xml": _content_types(),
        "_rels/.rels": _relations([(f"{OFFICE}/officeDocument", "xl/workbook.xml")]),
        "xl/workbook.xml": _workbook(list(sheets)),
        "xl/_rels/workbook.xml.rels": _relations([*targets, (f"{OFFICE}/styles", "styles.xml")]),
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><cellXfs><xf numFmtId="0"/>'
        '<xf numFmtId="22" applyNumberFormat="1"/></cellXfs></styleSheet>',
    }
    parts |= {f"xl/worksheets/sheet{at}.xml": _sheet(r) for at, r in enumerate(sheets.values())}
    with ZipFile(path, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')
    return path


def cells_of(frame: pl.DataFrame) -> Cells:
    """A frame as the cells of a sheet."""
    return [frame.columns, *frame.rows()]


def _content_types() -> str:
    return (
        f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="xml" '
        'ContentType="application/xml"/><Default Extension="rels" ContentType="'
        'application/vnd.openxmlformats-package.relationships+xml"/><Override '
        f'PartName="/xl/workbook.xml" ContentType="{MEDIA}.sheet.main+xml"/></Types>'
    )


def _relations(targets: list[tuple[str, str]]) -> str:
    told = [
        f'<Relationship Id="r{at}" Type="{kind}" Target="{target}"/>'
        for at, (kind, target) in enumerate(targets)
    ]
    return f'<Relationships xmlns="{PACKAGE}/relationships">{"".join(told)}</Relationships>'


def _workbook(names: list[str]) -> str:
    told = [
        f'<sheet name="{escape(name)}" sheetId="{at + 1}" r:id="r{at}"/>'
        for at, name in enumerate(names)
    ]
    return (
        f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{"".join(told)}</sheets></workbook>'
    )


def _sheet(rows: Cells) -> str:
    told = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
    return f'<worksheet xmlns="{MAIN}"><sheetData>{told}</sheetData></worksheet>'


def _cell(value: Any) -> str:
    if value is None:
        return "<c/>"
    if isinstance(value, datetime):
        passed = value - EPOCH
        return f'<c s="1"><v>{passed.days + passed.seconds / 86_400!r}</v></c>'
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
    kind = ' t="b"' if isinstance(value, bool) else ""
    return f"<c{kind}><v>{int(value) if kind else value!r}</v></c>"
