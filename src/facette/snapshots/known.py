"""What was known strictly before a reference date.

A row is knowable at `t` when it was recorded before `t`. A cell that is filled later than its row
(`ended_at`, `responded_at`, `duration_min`, …) has its own instant and is null before it.
"""

import narwhals as nw

from facette.errors import BadInput
from facette.snapshots.instants import as_date
from facette.tables.contract import CONTRACTS, DAY_US, Tables


def known_at(tables: Tables, name: str, t: int) -> nw.LazyFrame:
    """The rows and cells of one table knowable at `t` (microseconds, local wall clock)."""
    frame, columns = tables[name], tables.columns(name)
    if "recorded_at" in columns:
        frame = frame.filter(nw.col("recorded_at") < t)
    instant = CONTRACTS[name].instant
    if instant in columns:
        frame = frame.filter((nw.col(instant) < t) | nw.col(instant).is_null())
    late = [
        nw.when(nw.col(column.filled_at) < t).then(nw.col(column.name)).alias(column.name)
        for column in CONTRACTS[name].columns
        if column.filled_at in columns and column.name in columns
    ]
    return frame.with_columns(*late) if late else frame


def first_known_day(tables: Tables, t: int) -> int | None:
    """The day (since 1970) of the first transaction knowable at `t`, None where there is none."""
    days = known_at(tables, "transactions", t).select(first=nw.col("occurred_at").min() // DAY_US)
    first = days.collect("pyarrow").item(0, "first")
    return None if first is None else int(first)


def history_days(tables: Tables, t: int, where: str = "snapshot.reference_dates") -> int:
    """Whole days observed before `t`, by what was known then; `where` the date was given.

    Raises:
        BadInput: not a day of transactions was known at `t`.
    """
    first = first_known_day(tables, t)
    if first is None or t // DAY_US <= first:
        raise BadInput(
            f"{where}: no customer has a transaction before {as_date(t)}, with a whole day of "
            "history; choose a later date"
        )
    return t // DAY_US - first
