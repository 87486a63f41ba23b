"""A scoring grid as one SELECT, so that a database gives every customer the points Python gives."""

from __future__ import annotations

from collections.abc import Sequence

from facette.errors import BadInput
from facette.segments.scorecard_criteria import SIDES, Band, Criterion
from facette.wording import listed

NUMBER = "CAST({column} AS DOUBLE PRECISION)"
UNKNOWN = {  # how a dialect tells that a number is not known
    "duckdb": "{column} IS NULL OR isnan({column})",
    "ansi": "{column} IS NULL",
}


def grid_sql(
    criteria: Sequence[Criterion], grades: Sequence[str], cuts: Sequence[float], table: str,
    dialect: str,
) -> str:  # fmt: skip
    """One row per row of `table`: customer_id, points by criterion, subtotals, points, grade.

    `table` is a name, its parts parted by points. `ansi` knows no NaN: what is not known is null.

    Raises:
        BadInput: an unknown dialect.
    """
    if dialect not in UNKNOWN:
        raise BadInput(f"grid: no SQL for dialect {dialect!r}; there are: {listed(UNKNOWN)}")
    names = [_name(c.name) for c in criteria]
    earned = [f"{_case(c, dialect)} AS {name}" for c, name in zip(criteria, names, strict=True)]
    sides = {side: [_name(c.name) for c in criteria if c.side == side] for side in SIDES}
    summed = [f"{' + '.join(of) or '0'} AS {side}" for side, of in sides.items()]
    source = ".".join(_name(part) for part in table.split("."))
    return "\n".join(
        [
            f"SELECT customer_id, {', '.join([*names, *SIDES])}, points,",
            f"  {_grade(grades, cuts)} AS grade",
            f"FROM (SELECT *, {' + '.join(SIDES)} AS points",
            f"FROM (SELECT *, {', '.join(summed)}",
            "FROM (SELECT customer_id,",
            "  " + ",\n  ".join(earned),
            f"FROM {source} AS given) AS earned) AS summed) AS graded",
        ]
    )


def _case(criterion: Criterion, dialect: str) -> str:
    """The points of one criterion."""
    column = f"given.{_name(criterion.column)}"
    if criterion.ordered:
        column = NUMBER.format(column=column)
    unknown = UNKNOWN[dialect] if criterion.ordered else "{column} IS NULL"
    whens = [f"WHEN {unknown.format(column=column)} THEN {criterion.missing}"]
    whens += [f"WHEN {_held(column, band)} THEN {band.points}" for band in criterion.bands[:-1]]
    return f"CASE {' '.join(whens)} ELSE {criterion.bands[-1].points} END"


def _held(column: str, band: Band) -> str:
    if band.below is not None:
        return f"{column} < {_number(band.below)}"
    return f"CAST({column} AS VARCHAR) IN ({', '.join(map(_text, band.categories or ()))})"


def _grade(grades: Sequence[str], cuts: Sequence[float]) -> str:
    whens = [
        f"WHEN points >= {_number(cut)} THEN {_text(grade)}"
        for grade, cut in zip(grades, cuts, strict=False)
    ]
    return f"CASE {' '.join(whens)} ELSE {_text(grades[-1])} END"


def _number(value: float) -> str:
    """A literal that is read as the very same double: with an exponent, as decimals are rounded."""
    text = repr(float(value))
    return text.removesuffix(".0") if text.endswith(".0") else text if "e" in text else f"{text}e0"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
