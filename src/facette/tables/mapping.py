"""From a file's own columns to those of the contract, by configuration alone.

`columns` names, for a column of the contract, a heading of the file or an expression over its
headings; `where` keeps rows. Headings are found as written, or where only case, accents, spaces
and signs differ: `n_client` finds `N° client`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

import narwhals as nw
import polars as pl

from facette.errors import BadInput
from facette.expressions import Expression, parse
from facette.tables.contract import Cleaned, Contract, Kind
from facette.tables.opening import Opened
from facette.wording import listed, nearest


def found_heading(name: str, headings: Iterable[str]) -> str | None:
    """The heading that `name` means: as written, or the only one that differs in signs alone."""
    headings = list(headings)
    if name in headings:
        return name
    alike = [h for h in headings if _letters(h) == _letters(name)]
    return alike[0] if len(alike) == 1 and _letters(name) else None


def _letters(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(sign for sign in plain if sign.isalnum())


def kept_rows(
    opened: Opened, where: str | None, setting: str, table: str
) -> tuple[pl.LazyFrame, Cleaned]:
    """The rows of a file that `where` keeps, and how many each of its parts dropped.

    A row is counted under the first part, from the left, that does not hold for it.

    Raises:
        BadInput: the expression can't be read, reads a column there isn't, or keeps no row.
    """
    if where is None:
        rows = int(_asked(opened.frame.select(pl.len()))[0])
        return opened.frame, Cleaned(table, rows, rows, {})
    parts = parse(where, setting).conjuncts()
    frame = nw.from_native(with_names(opened, opened.frame, parts))
    schema = frame.collect_schema()
    holds = {f"holds {i}": part.condition(schema) for i, part in enumerate(parts)}
    judged = frame.with_columns(**holds).to_native()
    rows, *dropped = _asked(judged.select(pl.len(), *_first_failing(list(holds))))
    if rows == sum(dropped):
        raise BadInput(f"{setting}: '{where}' keeps none of the {rows:,} rows; widen it")
    told = {part.text: n for part, n in zip(parts, dropped, strict=True)}
    kept = judged.filter(*holds).select(opened.frame.collect_schema().names())
    return kept, Cleaned(table, rows, rows - sum(dropped), told)


def _first_failing(names: list[str]) -> list[pl.Expr]:
    """Of each condition, the rows that fail it and no earlier one."""
    earlier = [pl.all_horizontal(names[:i]) if i else pl.lit(True) for i in range(len(names))]
    return [
        (before & ~pl.col(name)).sum().alias(f"drops {name}")
        for before, name in zip(earlier, names, strict=True)
    ]


def _asked(question: pl.LazyFrame) -> tuple[int, ...]:
    return question.collect(engine="streaming").row(0)


def with_names(opened: Opened, frame: pl.LazyFrame, used: Iterable[Expression]) -> pl.LazyFrame:
    """The frame with the columns that expressions read, under the names they read them by.

    Raises:
        BadInput: a column that is not there, or whose numbers or dates can't be read surely.
    """
    headings, added = opened.headings, {}
    for expression in used:
        found = {name: found_heading(name, headings) for name in expression.columns}
        expression.check([*headings, *(name for name, heading in found.items() if heading)])
        for name, heading in found.items():
            _refuse_doubt(opened, str(heading), expression.where)
            if heading != name:
                added[name] = pl.col(str(heading))
    return frame.with_columns(**added)


def _refuse_doubt(opened: Opened, heading: str, setting: str) -> None:
    if heading in opened.doubts:
        raise BadInput(f"{setting}: {opened.doubts[heading]}")


def mapped(
    opened: Opened, frame: pl.LazyFrame, columns: Mapping[str, str], contract: Contract,
    setting: str,
) -> tuple[pl.LazyFrame, list[str]]:  # fmt: skip
    """The columns of the contract out of those of the file; also what is to be said.

    A column that is not configured is taken from the heading of its own name, where there is one.
    A table open to attributes keeps the columns that nothing else uses.

    Raises:
        BadInput: a column that neither contract nor file has, or a required one without a source.
    """
    sources = _sources(opened, columns, contract, setting)
    _require(opened, {*sources, *columns}, contract, setting)
    expressions = {
        name: parse(text, f"{setting}.columns.{name}")
        for name, text in columns.items()
        if name not in sources
    }
    named = nw.from_native(with_names(opened, frame, expressions.values()))
    schema = named.collect_schema()
    values = {name: e.to_narwhals(schema) for name, e in expressions.items()}
    made = {_made(name): value for name, value in values.items()}
    computed = named.with_columns(**made) if made else named
    taken = [_taken(opened, name, heading, contract, setting) for name, heading in sources.items()]
    taken += [pl.col(_made(name)).alias(name) for name in expressions]
    read = {*sources.values(), *(found_heading(c, opened.headings)
                                 for e in expressions.values() for c in e.columns)}  # fmt: skip
    left = [heading for heading in opened.headings if heading not in read]
    if contract.open_to_attributes:
        taken += [opened.written(heading).alias(heading) for heading in left]
        left = []
    said = [f"{contract.name}: not used of the file: {listed(left)}"] if left else []
    return computed.to_native().select(taken), said


def _made(name: str) -> str:
    """What a computed column is called beside the file's own, until it takes its name."""
    return f"computed: {name}"


def _sources(
    opened: Opened, columns: Mapping[str, str], contract: Contract, setting: str
) -> dict[str, str]:
    """Contract column -> the heading it is taken from as it stands."""
    known = [column.name for column in contract.columns]
    if not contract.open_to_attributes:
        for name in columns:
            if name not in known:
                raise BadInput(
                    f"{setting}.columns: {contract.name} has no column '{name}'"
                    f"{nearest(name, known)} (there are {', '.join(known)})"
                )
    asked = {name: name for name in known} | dict(columns)
    found = {name: found_heading(text, opened.headings) for name, text in asked.items()}
    return {name: heading for name, heading in found.items() if heading is not None}


def _require(opened: Opened, given: Iterable[str], contract: Contract, setting: str) -> None:
    wanted = [column.name for column in contract.columns if column.required]
    absent = [name for name in wanted if name not in set(given)]
    if absent:
        files = opened.files[0].name
        raise BadInput(
            f"{setting}.columns: nothing is named for {listed(absent)}, and {files} has no such "
            f"heading but {listed(map(repr, opened.headings), 12)}; write, say, "
            f"{setting}.columns.{absent[0]}={opened.headings[0]!r}"
        )


def _taken(opened: Opened, name: str, heading: str, contract: Contract, setting: str) -> pl.Expr:
    """One column as the door takes it: text as it was written, numbers and dates as recognised."""
    column = contract.column(name)
    if column is None or column.kind in {Kind.text, Kind.flag}:
        return opened.written(heading).alias(name)
    _refuse_doubt(opened, heading, f"{setting}.columns.{name}")
    return pl.col(heading).alias(name)
