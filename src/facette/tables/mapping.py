"""From a file's own columns to those of the contract, by configuration alone.

`columns` names, for a column of the contract, a heading of the file or an expression over its
headings; `where` keeps rows. Headings are found as written, or where only case, accents, spaces
and signs differ: `n_client` finds `N° client`. A column of the contract that is not named is taken
from the heading of its own name; an empty text leaves it out.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache

import narwhals as nw
import polars as pl

from facette.errors import BadInput
from facette.expressions import Expression, parse
from facette.tables.contract import WHOLE_ROW, Cleaned, Contract, Kind
from facette.tables.opening import Opened
from facette.wording import listed, nearest

RECKONING = re.compile(r"[*/+<>=()]| - ")


def found_heading(name: str, headings: Iterable[str]) -> str | None:
    """The heading that `name` means: as written, or the only one that differs in signs alone."""
    headings = list(headings)
    if name in headings:
        return name
    alike = _alike(name, headings)
    return alike[0] if len(alike) == 1 else None


def _alike(name: str, headings: Iterable[str]) -> list[str]:
    """Headings of the same letters; a sign that reckons has to stand in the heading too."""
    letters, signs = _letters(name), Counter(RECKONING.findall(name))
    same = [heading for heading in headings if letters and _letters(heading) == letters]
    return [heading for heading in same if not signs - Counter(RECKONING.findall(heading))]


@lru_cache(maxsize=2**15)
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
    told = dict.fromkeys((part.text for part in parts), 0)
    for part, n in zip(parts, dropped, strict=True):
        told[part.text] += n
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

    A table open to attributes keeps the columns that nothing else uses.

    Raises:
        BadInput: a column that neither contract nor file has, or a required one without a source.
    """
    _check_columns(columns, contract, setting)
    wanted = {name: _bare(text) for name, text in columns.items() if text.strip()}
    unwanted = set(columns) - set(wanted)
    sources = _sources(opened, wanted, contract, unwanted)
    _require(opened, {*sources, *wanted}, contract, setting)
    expressions = {
        name: _expression(opened, text, f"{setting}.columns.{name}")
        for name, text in wanted.items()
        if name not in sources
    }
    taken = [_taken(opened, name, heading, contract, setting) for name, heading in sources.items()]
    taken += [pl.col(_made(name)).alias(name) for name in expressions]
    left = _left(opened, sources, expressions)
    if contract.open_to_attributes:
        attributes = [name for name in left if name not in {*sources, *expressions, *unwanted}]
        taken += [opened.written(name).alias(name) for name in attributes]
        left = [name for name in left if name not in set(attributes)]
    said = [
        f"{contract.name}: {name} is taken from '{heading}'"
        for name, heading in sources.items()
        if name not in columns and heading != name
    ]
    said += [f"{contract.name}: not used of the file: {listed(left)}"] if left else []
    if not contract.key:
        taken.append(pl.struct(opened.headings).hash(seed=1).alias(WHOLE_ROW))
    return _with_computed(opened, frame, expressions).select(taken), said


def _bare(text: str) -> str:
    """A lone heading without the backticks that it would have inside an expression."""
    alone = re.fullmatch(r"\s*`([^`]+)`\s*", text)
    return alone[1] if alone else text


def _left(
    opened: Opened, sources: Mapping[str, str], expressions: Mapping[str, Expression]
) -> list[str]:
    """The headings that no column of the contract is made of."""
    used = {name for expression in expressions.values() for name in expression.columns}
    read = {*sources.values(), *(found_heading(name, opened.headings) for name in used)}
    return [heading for heading in opened.headings if heading not in read]


def _with_computed(
    opened: Opened, frame: pl.LazyFrame, expressions: Mapping[str, Expression]
) -> pl.LazyFrame:
    """The frame with the value of each expression beside the file's own columns."""
    if not expressions:
        return frame
    named = nw.from_native(with_names(opened, frame, expressions.values()))
    values = {_made(name): _value(e, named) for name, e in expressions.items()}
    return named.with_columns(**values).to_native()


def _value(expression: Expression, named: nw.LazyFrame) -> nw.Expr:
    """The value of an expression; where a column is no number, its cells that are none are told.

    Raises:
        BadInput: the expression mixes kinds.
    """
    schema = named.collect_schema()
    try:
        return expression.to_narwhals(schema)
    except BadInput as error:
        frame = named.to_native()
        texts = [name for name in sorted(expression.columns) if schema[name] == nw.String]
        told = [told for name in texts if (told := _no_numbers(frame, name))]
        raise BadInput("; ".join([str(error), *told])) from None


def _no_numbers(frame: pl.LazyFrame, name: str) -> str:
    """How many cells of a text column are no numbers."""
    cells = frame.select(pl.col(name).drop_nulls()).collect(engine="streaming").to_series()
    bad = cells.filter(cells.cast(pl.Float64, strict=False).is_null())
    first = listed(map(repr, bad.unique(maintain_order=True).head(3).to_list()))
    remedy = "correct them" if 2 * len(bad) < len(cells) else "if they are, see read.decimal"
    return (
        f"{len(bad):,} of {len(cells):,} cells of '{name}' are no numbers (first {first}): {remedy}"
    )


def _made(name: str) -> str:
    """What a computed column is called beside the file's own, until it takes its name."""
    return f"computed: {name}"


def _check_columns(columns: Mapping[str, str], contract: Contract, setting: str) -> None:
    known = [column.name for column in contract.columns]
    for name, text in columns.items():
        if not isinstance(text, str):  # YAML lets a list or a map through
            raise BadInput(f"{setting}.columns.{name}: {text} is neither heading nor expression")
        if name not in known and not contract.open_to_attributes:
            raise BadInput(
                f"{setting}.columns: {contract.name} has no column '{name}'"
                f"{nearest(name, known)} (there are {', '.join(known)})"
            )


def _sources(
    opened: Opened, columns: Mapping[str, str], contract: Contract, unwanted: Iterable[str]
) -> dict[str, str]:
    """Contract column -> the heading it is taken from as it stands.

    A heading nobody named is taken only where it is the contract's own name but for case, accents
    and spaces: `Margin %` is no margin.
    """
    found = {name: found_heading(text, opened.headings) for name, text in columns.items()}
    for name in (column.name for column in contract.columns):
        if name not in columns and name not in unwanted:
            same = [h for h in opened.headings if _spelt(h) == _spelt(name)]
            found[name] = same[0] if len(same) == 1 else None
    return {name: heading for name, heading in found.items() if heading is not None}


def _spelt(text: str) -> str:
    """The text without case, accents, spaces and the signs that stand for spaces."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return re.sub(r"[\s_.-]", "", "".join(c for c in plain if not unicodedata.combining(c)))


def _expression(opened: Opened, text: str, setting: str) -> Expression:
    """The expression that a text is, which is no heading.

    Raises:
        BadInput: it is none, or a lone name: probably a heading that is misspelt.
    """
    alike = _alike(text, opened.headings)
    if len(alike) > 1:
        raise BadInput(
            f"{setting}: '{text}' fits {len(alike)} headings of {opened.files[0].name}, "
            f"{listed(map(repr, alike))}; write one as it stands"
        )
    try:
        expression = parse(text, setting)
    except BadInput as error:
        near = nearest(text, opened.headings)
        told = f"{_no_heading(opened, text, setting)}{near} (in an expression, put it in backticks)"
        raise BadInput(told if near else str(error)) from None
    if expression.tree.key == "column":
        raise BadInput(
            f"{_no_heading(opened, text, setting)}{nearest(text, opened.headings)} (there are "
            f"{listed(map(repr, opened.headings), 12)}; for a constant text, write \"'{text}'\")"
        )
    return expression


def _no_heading(opened: Opened, text: str, setting: str) -> str:
    return f"{setting}: {opened.files[0].name} has no heading '{text}'"


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
