"""A wide customer table: one row per customer at one date, outcomes among its columns.

It has no dates, so that nothing can be held out in time; what needs dates is off. Every column is
taken as known before its outcomes: what was filled in afterwards has to be named in `data.drop`.
Customers whose column `objected` says yes are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import narwhals as nw
import polars as pl

from facette.errors import BadInput
from facette.settings.data import WideData
from facette.tables.contract import Cleaned, Tables
from facette.tables.door import digests
from facette.tables.exact import WHOLE, as_text, without_point_zero
from facette.tables.files import file_of
from facette.tables.mapping import found_heading, kept_rows
from facette.tables.opening import Opened
from facette.wording import listed, nearest

WHERE = "data"
LEAVING = {"yes", "true", "1", "y", "t", "oui", "churned", "left", "churn"}
NOT_ONE = {"0", "-1"}  # beside these 1 means yes; beside 2 it means either
YES_NO = {
    word: value
    for words, value in ((("yes", "true", "y", "t", "oui", "1"), 1.0),
                         (("no", "false", "n", "f", "non", "0"), 0.0))
    for word in words
}  # fmt: skip
RESERVED = {"customer_id", "reference_date", "value_current", "active", "value", "churned"}
ROW = "row of the file"
MOST_CATEGORIES = 200
FEWEST_IDENTIFIERS = 20
IDENTIFIER = re.compile(
    r"(?:^|[\W_])(?i:id|key|no|nr|nbr|number)$|(?<=[a-z])(?:I[dD]|Key|No|Nr|Nbr|Number)$"
)
OBJECTED = "objected"
FIRST = 3

Chosen = Callable[[pl.Series, str], tuple[pl.Series, str]]


@dataclass(frozen=True)
class WideTable:
    """The admitted wide table, rows in the order of the file.

    `features` are Float64 or String (a category), `written` the same as they were written; `yes_no`
    names those that were yes and no and are 1 and 0, `sources` the heading of each. `left`: why ->
    headings of columns that can't be learnt from; `doubts`: of a table to be scored, the features
    that can't be read surely, and why. `outcomes` holds `value` (currency units) and `churned`
    (1 or 0) where configured, null where not known; `current` is the current value; `roles` says
    which heading is what. `tables` carries the rows, counts, notes and digests.
    """

    ids: list[str]
    features: pl.DataFrame
    written: pl.DataFrame
    yes_no: tuple[str, ...]
    sources: dict[str, str]
    left: dict[str, list[str]]
    doubts: dict[str, str]
    outcomes: pl.DataFrame
    current: pl.Series | None
    roles: dict[str, str]
    tables: Tables


def read_wide(data: WideData, *, with_outcomes: bool) -> WideTable:
    """The checked wide table of a configured file; without outcomes, as when it is to be scored.

    Raises:
        BadInput: a file, heading or value is not what configuration says, a customer stands twice,
            all have objected, an outcome has not two values, or a column repeats an outcome.
    """
    found = file_of(data.published, data.name, data.path, data.table, data.read, WHERE)
    numbered = replace(found, frame=found.frame.with_row_index(ROW, 1))
    kept, cleaned = kept_rows(numbered, data.where, "data.where", "wide")
    notes = list(found.said)
    rows, cleaned, objected = _without_objectors(kept.collect(), cleaned, found, notes)
    roles = _roles(data, found, with_outcomes)
    ids = _ids(rows, found, roles.get("customer_id"))
    outcomes = _outcomes(data, rows, found, roles, notes) if with_outcomes else pl.DataFrame()
    current = _amounts(rows, roles["current_value"], found) if "current_value" in roles else None
    not_offered = {h for role, h in roles.items() if role != "current_value"}
    not_offered |= {*objected, *_dropped(data, found, with_outcomes)}
    offered = [h for h in found.headings if h not in not_offered]
    features = _features(rows, found, offered, _chosen if with_outcomes else _as_it_is, notes)
    _refuse_copies(features.made, outcomes, features.sources)
    frame = rows.select(found.headings).lazy()
    tables = Tables(
        frames={"wide": nw.from_native(frame)}, first_at=0, observed_until=0,
        rows={"wide": len(ids)}, digests=digests(found.files), notes=notes, cleaning=[cleaned],
    )  # fmt: skip
    return WideTable(
        ids, features.made, features.written, features.yes_no, features.sources, features.left,
        features.doubts, outcomes, current, roles, tables,
    )  # fmt: skip


def _without_objectors(
    rows: pl.DataFrame, cleaned: Cleaned, found: Opened, notes: list[str]
) -> tuple[pl.DataFrame, Cleaned, list[str]]:
    """The customers who have not objected to marketing, and the headings that tell who has."""
    headings = [h for h in found.headings if found_heading(OBJECTED, [h])]
    if not headings:
        return rows, cleaned, headings
    told = [_objected(rows, found, heading) for heading in headings]
    left = rows.filter(~pl.any_horizontal(told))
    if not left.height:
        raise BadInput(f"data: '{headings[0]}' is yes for all {rows.height:,} customers")
    n = rows.height - left.height
    notes.append(f"{n:,} customers objected to marketing (column '{headings[0]}'): left out")
    dropped = cleaned.dropped | {"did not object to marketing": n}
    return left, replace(cleaned, kept=left.height, dropped=dropped), headings


def _objected(rows: pl.DataFrame, found: Opened, heading: str) -> pl.Series:
    """Whether each customer objected; who did not say has not.

    Raises:
        BadInput: a value is neither yes nor no.
    """
    written = _told(rows, found, heading)
    said = yes_as_1(written)
    bad = written.filter(said.is_null() & written.is_not_null())
    if len(bad):
        raise BadInput(
            f"data: {len(bad):,} of {rows.height:,} values of '{heading}' are neither yes nor no "
            f"(first {listed(map(repr, bad.head(FIRST).to_list()))}), so that who objected to "
            "marketing can't be told; correct them, or rename the column if it tells something else"
        )
    return said.fill_null(0.0) == 1


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
    for role, heading in roles.items():
        if twice := [other for other, h in roles.items() if h == heading and other != role]:
            raise BadInput(
                f"{asked[role][0]}: '{heading}' is named in {asked[twice[0]][0]} as well; a column "
                "is one of the two"
            )
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
        return rows[ROW].cast(pl.String).to_list()
    ids = _told(rows, found, heading)
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


def _told(rows: pl.DataFrame, found: Opened, heading: str) -> pl.Series:
    """A column as it was written; whole numbers without a spreadsheet's `.0`."""
    told = _written(rows, found, heading)
    if told.drop_nulls().str.contains(WHOLE).all():
        return told.to_frame().select(without_point_zero(heading)).to_series()
    return told


def _written(rows: pl.DataFrame, found: Opened, heading: str) -> pl.Series:
    written = found.written(heading)
    dtype = rows[written.meta.output_name()].dtype
    return rows.select(as_text(written, dtype).alias(heading)).to_series()


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
    written = _told(rows, found, heading)
    values = sorted(written.drop_nulls().unique().to_list())
    if len(values) != 2:
        raise BadInput(
            f"{setting}: '{heading}' holds {len(values)} values"
            f"{' (' + listed(map(repr, values)) + ')' if values else ''}, and two are needed; name "
            "another column, or leave the rows of the others out with data.where"
        )
    given = data.outcomes.churn_positive
    positive = _plain_positive(values) if given is None else _as_among(given, values)
    if positive is None:
        said = "which of them means leaving is not plain" if given is None else (
            f"'{given}' is not among them")  # fmt: skip
        raise BadInput(
            f"{setting}_positive: '{heading}' holds {listed(map(repr, values))}, and {said}; "
            f"write {setting}_positive={values[0]} or {setting}_positive={values[1]}"
        )
    churned = (written == positive).cast(pl.Float64)
    meaning = data.outcomes.churn_means or "leaving"
    notes.append(
        f"churn: '{positive}' of column '{heading}' means {meaning}: {int(churned.sum()):,} of "
        f"{len(churned) - churned.null_count():,} customers"
    )
    return churned


def _plain_positive(values: Sequence[str]) -> str | None:
    """The one of two values that means yes, where that is plain."""
    plain = [value for value in values if value.casefold() in LEAVING]
    if len(plain) != 1 or (plain == ["1"] and not NOT_ONE & set(values)):
        return None
    return plain[0]


def _as_among(given: str, values: Sequence[str]) -> str | None:
    """The value that is meant; YAML has made `True` of true and `1.0` of 1."""
    if given in values:
        return given
    alike = [v for v in values if v.casefold() == given.casefold().removesuffix(".0")]
    return alike[0] if len(alike) == 1 else None


@dataclass(frozen=True)
class _Features:
    """As in `WideTable`."""

    made: pl.DataFrame
    written: pl.DataFrame
    yes_no: tuple[str, ...]
    sources: dict[str, str]
    left: dict[str, list[str]]
    doubts: dict[str, str]


def _features(
    rows: pl.DataFrame, found: Opened, offered: Sequence[str], chosen: Chosen, notes: list[str]
) -> _Features:
    """The columns that can be learnt from, as numbers or categories, under safe names.

    What can't be read surely is refused where it is learnt from; where it is scored, only when the
    model reads it, which is not known here.
    """
    made: dict[str, pl.Series] = {}
    sources, yes_no, doubts = {}, [], {}
    left = dict[str, list[str]]()
    for heading in offered:
        if heading in found.doubts and chosen is _chosen:
            raise BadInput(
                f"data: {found.doubts[heading]}, or leave it out: data.drop=['{heading}']"
            )
        column, why = chosen(rows[heading], heading)
        if why:
            left.setdefault(why, []).append(heading)
            continue
        name = _safe_name(heading, found.headings)
        made[name], sources[name] = column.alias(name), heading
        if column.dtype == pl.Float64 and not rows[heading].dtype.is_numeric():
            yes_no.append(name)
        if heading in found.doubts:
            doubts[name] = found.doubts[heading]
    notes += [f"left out, {why}: {listed(names)}" for why, names in left.items()]
    notes += [f"column '{h}' is called '{name}' here" for name, h in sources.items() if name != h]
    if not made:
        raise BadInput(
            f"data: no column of {found.files[0].name} is left to learn from "
            f"({'; '.join(f'{why}: {listed(names)}' for why, names in left.items())})"
        )
    written = {n: _written(rows, found, h).alias(n) for n, h in sources.items()
               if made[n].dtype == pl.String or n in yes_no or chosen is not _chosen}  # fmt: skip
    return _Features(
        pl.DataFrame(made), pl.DataFrame(written), tuple(yes_no), sources, left, doubts
    )


def _safe_name(heading: str, headings: Sequence[str]) -> str:
    """The heading, or where we use that name ourselves, one that nothing bears."""
    name = heading
    while name in RESERVED or (name != heading and name in headings):
        name = f"{name} (given)"
    return name


def _chosen(column: pl.Series, heading: str) -> tuple[pl.Series, str]:
    """One column as Float64 or String, or why it can't be learnt from."""
    if column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object):
        return column, "neither numbers nor text"
    if column.dtype.is_temporal():
        return column, "dates mean nothing without a reference date"
    made, _ = _as_it_is(column, heading)
    if made.n_unique() < 2:
        return column, "the same for everyone"
    if made.dtype == pl.Float64:
        made = _finite(made, heading)
        return made, "identifiers" if _is_identifier(made, heading) else ""
    values = made.drop_nulls().unique()
    if values.str.to_lowercase().is_in(list(YES_NO)).all() and yes_as_1(values).n_unique() == 2:
        return yes_as_1(made), ""
    if len(values) >= max(made.count(), FEWEST_IDENTIFIERS):
        return column, "identifiers"
    if len(values) > MOST_CATEGORIES:
        return column, f"text with more than {MOST_CATEGORIES} values"
    return made, ""


def _is_identifier(column: pl.Series, heading: str) -> bool:
    """Whole numbers, no two alike, that count the rows or are called a number."""
    whole = column.null_count() == 0 and bool((column == column.floor()).all())
    if not whole or column.n_unique() < max(len(column), FEWEST_IDENTIFIERS):
        return False
    counts_rows = column.max() - column.min() == len(column) - 1  # type: ignore[operator]
    return bool(counts_rows or IDENTIFIER.search(heading))


def _as_it_is(column: pl.Series, heading: str) -> tuple[pl.Series, str]:
    """One column as Float64 where it holds numbers, as String otherwise."""
    if column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object):
        return column, "neither numbers nor text"
    if column.dtype.is_numeric():
        return column.cast(pl.Float64).fill_nan(None), ""
    return column.cast(pl.Float64 if column.dtype == pl.Boolean else pl.String), ""


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
