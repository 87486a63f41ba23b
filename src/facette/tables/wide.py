"""A wide customer table: one row per customer at one date, outcomes among its columns.

It has no dates, so that nothing can be held out in time; what needs dates is off. Every column is
taken as known before its outcomes: what was filled in afterwards has to be named in `data.drop`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import narwhals as nw
import polars as pl

from facette.errors import BadInput
from facette.settings import WideData
from facette.tables.contract import Tables
from facette.tables.door import digests
from facette.tables.exact import as_text
from facette.tables.files import file_of
from facette.tables.mapping import found_heading, kept_rows
from facette.tables.opening import Opened
from facette.wording import listed, nearest

WHERE = "data"
LEAVING = {"yes", "true", "1", "1.0", "y", "t", "oui", "churned", "left", "churn"}
YES_NO = {
    word: value
    for words, value in ((("yes", "true", "y", "t", "oui", "1"), 1.0),
                         (("no", "false", "n", "f", "non", "0"), 0.0))
    for word in words
}  # fmt: skip
RESERVED = {"customer_id", "reference_date", "value_current", "active", "value", "churned"}
MOST_CATEGORIES = 200
FIRST = 3

Chosen = Callable[[pl.Series, str], tuple[pl.Series, str]]


@dataclass(frozen=True)
class WideTable:
    """The admitted wide table, rows in the order of the file.

    `features` are Float64 or String (a category); `yes_no` names those that were yes and no and are
    1 and 0, `sources` the heading of each. `outcomes` holds `value` (currency units) and `churned`
    (1 or 0) where configured, null where not known; `current` is the current value. `tables`
    carries counts, notes and digests.
    """

    ids: list[str]
    features: pl.DataFrame
    yes_no: tuple[str, ...]
    outcomes: pl.DataFrame
    current: pl.Series | None
    tables: Tables
    sources: dict[str, str]


def read_wide(data: WideData, *, with_outcomes: bool) -> WideTable:
    """The checked wide table of a configured file; without outcomes, as when it is to be scored.

    Raises:
        BadInput: a file, heading or value is not what configuration says, a customer stands twice,
            an outcome has not two values, or a column repeats an outcome.
    """
    found = file_of(data.published, data.name, data.path, data.table, data.read, WHERE)
    kept, cleaned = kept_rows(found, data.where, "data.where", "wide")
    rows, notes = kept.collect(), list(found.said)
    roles = _roles(data, found, with_outcomes)
    ids = _ids(rows, found, roles.get("customer_id"))
    outcomes = _outcomes(data, rows, found, roles, notes) if with_outcomes else pl.DataFrame()
    current = _amounts(rows, roles["current_value"], found) if "current_value" in roles else None
    kept_out = {heading for role, heading in roles.items() if role != "current_value"}
    offered = [
        h for h in found.headings if h not in kept_out | _dropped(data, found, with_outcomes)
    ]
    chosen = _chosen if with_outcomes else _as_it_is
    features, yes_no, sources = _features(rows, found, offered, chosen, notes)
    _refuse_copies(features, outcomes, sources)
    tables = Tables(
        frames={"wide": nw.from_native(rows.lazy())}, first_at=0, observed_until=0,
        rows={"wide": len(ids)}, digests=digests(found.files), notes=notes, cleaning=[cleaned],
    )  # fmt: skip
    return WideTable(ids, features, yes_no, outcomes, current, tables, sources)


def _roles(data: WideData, found: Opened, with_outcomes: bool) -> dict[str, str]:
    """Which heading plays which part, of those configured."""
    asked = {
        "customer_id": ("data.customer_id", data.customer_id),
        "churn": ("data.outcomes.churn", data.outcomes.churn),
        "value": ("data.outcomes.value", data.outcomes.value),
        "current_value": ("data.current_value", data.current_value),
    }
    roles = {}
    for role, (setting, name) in asked.items():
        heading = None if name is None else found_heading(name, found.headings)
        if heading is not None:
            roles[role] = heading
        elif name is not None and (with_outcomes or role not in {"churn", "value"}):
            raise BadInput(_no_heading(setting, name, found))
    return roles


def _no_heading(setting: str, name: str, found: Opened) -> str:
    return (
        f"{setting}: {found.files[0].name} has no column '{name}'{nearest(name, found.headings)}; "
        f"it has {listed(found.headings, 12)}"
    )


def _dropped(data: WideData, found: Opened, with_outcomes: bool) -> set[str]:
    dropped = set()
    for name in data.drop:
        heading = found_heading(name, found.headings)
        if heading is not None:
            dropped.add(heading)
        elif with_outcomes:
            raise BadInput(_no_heading("data.drop", name, found))
    return dropped


def _ids(rows: pl.DataFrame, found: Opened, heading: str | None) -> list[str]:
    """Who each row is: the configured column as it was written, or the number of the row."""
    if heading is None:
        return [str(number) for number in range(1, rows.height + 1)]
    told = rows.lazy().select(as_text(found.written(heading), rows[heading].dtype))
    ids = told.collect().to_series()
    if missing := ids.null_count():
        raise BadInput(
            f"data.customer_id: {missing:,} of {rows.height:,} rows have no '{heading}'; correct "
            f'them or leave them out with data.where="`{heading}` is not null"'
        )
    twice = ids.filter(ids.is_duplicated())
    if len(twice):
        first = twice.unique(maintain_order=True).head(FIRST).to_list()
        raise BadInput(
            f"data.customer_id: {len(twice):,} of {rows.height:,} rows share their '{heading}' "
            f"with another (first {listed(first)}); a wide table has one row for each customer"
        )
    return ids.to_list()


def _outcomes(
    data: WideData, rows: pl.DataFrame, found: Opened, roles: Mapping[str, str], notes: list[str]
) -> pl.DataFrame:
    made = {}
    if "value" in roles:
        made["value"] = _amounts(rows, roles["value"], found)
        if made["value"].null_count() == rows.height:
            raise BadInput(f"data.outcomes.value: '{roles['value']}' is empty in every row")
    if "churn" in roles:
        made["churned"] = _two_valued(data, rows, roles["churn"], found, notes)
    for name, outcome in made.items():
        if missing := outcome.null_count():
            notes.append(f"{missing:,} customers have no {name} outcome: they are not learnt from")
    return pl.DataFrame(made)


def _amounts(rows: pl.DataFrame, heading: str, found: Opened) -> pl.Series:
    if heading in found.doubts:
        raise BadInput(f"data: {found.doubts[heading]}")
    column = rows[heading]
    if not column.dtype.is_numeric():
        number = column.cast(pl.String).cast(pl.Float64, strict=False)
        bad = column.filter(number.is_null() & column.is_not_null())
        if len(bad):
            raise BadInput(
                f"data: {len(bad):,} of {rows.height:,} values of '{heading}' are no numbers "
                f"(first {listed(map(repr, bad.head(FIRST).to_list()))}); correct them or name "
                "another column"
            )
        column = number
    return _finite(column.cast(pl.Float64), heading)


def _finite(column: pl.Series, heading: str) -> pl.Series:
    """NaN is not known; infinity is refused.

    Raises:
        BadInput: a value is infinite.
    """
    if infinite := int(column.is_infinite().sum()):
        raise BadInput(
            f"data: {infinite:,} of {len(column):,} values of '{heading}' are infinite; correct "
            f"them or leave the column out with data.drop=['{heading}']"
        )
    return column.fill_nan(None)


def _two_valued(
    data: WideData, rows: pl.DataFrame, heading: str, found: Opened, notes: list[str]
) -> pl.Series:
    """1 for the value that means leaving, 0 for the other, null where there is none."""
    setting = "data.outcomes.churn"
    told = rows.lazy().select(as_text(found.written(heading), rows[heading].dtype))
    written = told.collect().to_series()
    values = sorted(written.drop_nulls().unique().to_list())
    if len(values) != 2:
        raise BadInput(
            f"{setting}: '{heading}' holds {len(values)} values"
            f"{' (' + listed(map(repr, values)) + ')' if values else ''}, and two are needed; name "
            "another column, or leave the rows of the others out with data.where"
        )
    positive = data.outcomes.churn_positive
    if positive is None:
        plain = [value for value in values if value.casefold() in LEAVING]
        positive = plain[0] if len(plain) == 1 else None
    if positive not in values:
        said = "which of them means leaving is not plain" if positive is None else (
            f"'{positive}' is not among them")  # fmt: skip
        raise BadInput(
            f"{setting}_positive: '{heading}' holds {listed(map(repr, values))}, and {said}; "
            f"write {setting}_positive={values[1]}"
        )
    churned = (written == positive).cast(pl.Float64)
    meaning = data.outcomes.churn_means or "leaving"
    notes.append(
        f"churn: '{positive}' of column '{heading}' means {meaning}: {int(churned.sum()):,} of "
        f"{len(churned) - churned.null_count():,} customers"
    )
    return churned


def _features(
    rows: pl.DataFrame, found: Opened, offered: Sequence[str], chosen: Chosen, notes: list[str]
) -> tuple[pl.DataFrame, tuple[str, ...], dict[str, str]]:
    """The columns that can be learnt from, as numbers or categories, under safe names."""
    made: dict[str, pl.Series] = {}
    sources, yes_no, left = {}, [], dict[str, list[str]]()
    for heading in offered:
        if heading in found.doubts:
            raise BadInput(
                f"data: {found.doubts[heading]}, or leave it out: data.drop=['{heading}']"
            )
        column, why = chosen(rows[heading], heading)
        if why:
            left.setdefault(why, []).append(heading)
            continue
        name = f"{heading} (given)" if heading in RESERVED else heading
        made[name], sources[name] = column.alias(name), heading
        if column.dtype == pl.Float64 and not rows[heading].dtype.is_numeric():
            yes_no.append(name)
    notes += [f"left out, {why}: {listed(names)}" for why, names in left.items()]
    if not made:
        raise BadInput(
            f"data: no column of {found.files[0].name} is left to learn from "
            f"({'; '.join(f'{why}: {listed(names)}' for why, names in left.items())})"
        )
    return pl.DataFrame(made), tuple(yes_no), sources


def _chosen(column: pl.Series, heading: str) -> tuple[pl.Series, str]:
    """One column as Float64 or String, or why it can't be learnt from."""
    known = column.drop_nulls()
    if known.n_unique() < 2:
        return column, "the same for everyone"
    if column.dtype.is_temporal():
        return column, "dates mean nothing without a reference date"
    made, _ = _as_it_is(column, heading)
    if made.dtype == pl.Float64:
        return made, ""
    if made.drop_nulls().str.to_lowercase().is_in(list(YES_NO)).all():
        return yes_as_1(made), ""
    if known.n_unique() > MOST_CATEGORIES:
        return column, f"text with more than {MOST_CATEGORIES} values"
    return made, ""


def _as_it_is(column: pl.Series, heading: str) -> tuple[pl.Series, str]:
    """One column as Float64 where it holds numbers, as String otherwise."""
    if column.dtype.is_numeric():
        return _finite(column.cast(pl.Float64), heading), ""
    kind = pl.Float64 if column.dtype == pl.Boolean else pl.String
    return column.cast(kind), ""


def yes_as_1(column: pl.Series) -> pl.Series:
    """Text of yes and no as 1 and 0; anything else is null."""
    return column.str.to_lowercase().replace_strict(YES_NO, default=None, return_dtype=pl.Float64)


def _refuse_copies(
    features: pl.DataFrame, outcomes: pl.DataFrame, sources: Mapping[str, str]
) -> None:
    """An outcome under another name would be all that is learnt.

    Raises:
        BadInput: a column that tells leaving one to one, or the value in another unit.
    """
    for outcome in outcomes.columns:
        known = outcomes[outcome].is_not_null()
        told = outcomes[outcome].filter(known)
        is_copy = _is_copy_of_two if outcome == "churned" else _is_copy_of_amounts
        for name in features.columns:
            if is_copy(features[name].filter(known), told):
                raise BadInput(
                    f"data: column '{sources[name]}' is the {outcome} outcome under another name; "
                    f"leave it out with data.drop=['{sources[name]}']"
                )


def _is_copy_of_two(column: pl.Series, told: pl.Series) -> bool:
    pairs = pl.DataFrame({"column": column, "told": told}).unique()
    return pairs.height == pairs["column"].n_unique() == 2


def _is_copy_of_amounts(column: pl.Series, told: pl.Series) -> bool:
    if not column.dtype.is_numeric() or column.null_count():
        return False
    tie = pl.DataFrame({"column": column, "told": told}).select(pl.corr("column", "told")).item()
    return tie is not None and abs(tie) > 1 - 1e-9
