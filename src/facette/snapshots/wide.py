"""A wide table as the snapshot it is: features and outcomes side by side, without a date."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl

from facette.errors import BadInput
from facette.snapshots.aggregates import KEY
from facette.snapshots.panel import Panel, Snapshot, within
from facette.snapshots.spec import WideSpec
from facette.tables.wide import WideTable, yes_as_1
from facette.wording import listed


def wide_panel(table: WideTable, perimeter: str | None) -> Panel:
    """The panel of a wide table: one snapshot, which folds of customers judge.

    Raises:
        BadInput: the perimeter can't be read or selects nobody.
    """
    texts = [n for n, kind in table.features.schema.items() if kind == pl.String]
    spec = WideSpec(tuple(table.features.columns), tuple(texts), table.yes_no)
    snapshot = wide_snapshot(table, spec, perimeter)
    return Panel([snapshot], snapshot, spec)


def wide_snapshot(table: WideTable, spec: WideSpec, perimeter: str | None) -> Snapshot:
    """The snapshot with the columns and kinds of training.

    Raises:
        BadInput: a column used at training is missing, or holds text where there were numbers; or
            the perimeter selects nobody.
    """
    absent = [name for name in spec.columns if name not in table.features.columns]
    if absent:
        raise BadInput(f"data: columns used at training are missing: {listed(absent)}")
    index = pd.Index(table.ids, name=KEY, dtype="str")
    made = {name: _typed(table.features[name], spec) for name in spec.columns}
    features = pd.DataFrame(made).set_axis(index)
    snapshot = Snapshot(None, features, _context(table, index), _outcomes(table, index))
    return snapshot if perimeter is None else within(snapshot, perimeter)


def _typed(column: pl.Series, spec: WideSpec) -> object:
    if column.name in spec.categories:
        return pd.array(column.cast(pl.String).to_list(), dtype="str")
    if column.name in spec.yes_no and column.dtype == pl.String:
        column = yes_as_1(column)
    number = column.cast(pl.Float64, strict=False)
    if number.null_count() > column.null_count():
        raise BadInput(f"data: '{column.name}' held numbers at training and holds text now")
    return number.to_numpy()


def _context(table: WideTable, index: pd.Index) -> pd.DataFrame:
    current = np.full(len(index), np.nan) if table.current is None else table.current.to_numpy()
    return pd.DataFrame({"value_current": current, "active": 1.0}, index=index)


def _outcomes(table: WideTable, index: pd.Index) -> pd.DataFrame:
    made = {
        name: table.outcomes[name].to_numpy() if name in table.outcomes.columns else np.nan
        for name in ("value", "churned")
    }
    return pd.DataFrame(made, index=index)
