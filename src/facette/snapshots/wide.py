"""A wide table as the snapshot it is: features and outcomes side by side, without a date."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import polars as pl

from facette.errors import BadInput
from facette.snapshots import worth
from facette.snapshots.aggregates import KEY
from facette.snapshots.allowed import PartAllowed
from facette.snapshots.panel import Panel, Snapshot, within
from facette.snapshots.protected import Protected, kept_out
from facette.snapshots.spec import WideSpec
from facette.snapshots.worth import ValueDisparity, gini
from facette.tables.wide import WideTable, yes_as_1
from facette.wording import listed


def wide_panel(table: WideTable, perimeter: str | None, protected: Protected) -> Panel:
    """The panel of a wide table: one snapshot, which folds of customers judge.

    `protected`: columns, by heading or name -> the reason for using one, None to keep it out.

    Raises:
        BadInput: the perimeter can't be read or selects nobody, or a protected name is nowhere.
    """
    notes, called = list[str](), {heading: name for name, heading in table.sources.items()}
    named = {called.get(name, name): reason for name, reason in protected.items()}
    out = kept_out(named, table.features.columns, table.tables.columns("wide"), notes)
    texts = [n for n, kind in table.features.schema.items() if kind == pl.String]
    columns = tuple(name for name in table.features.columns if name not in out)
    spec = WideSpec(columns, tuple(texts), table.yes_no, out)
    snapshot = wide_snapshot(table, spec, perimeter)
    return Panel([snapshot], snapshot, spec, notes)


def wide_snapshot(table: WideTable, spec: WideSpec, perimeter: str | None) -> Snapshot:
    """The snapshot with the columns and kinds of training.

    Raises:
        BadInput: a column used at training is missing, can't be read surely, or holds text or
            infinity where there were numbers, or other words than yes and no where there were
            these; or the perimeter selects nobody.
    """
    absent = [n for n in (*spec.columns, *spec.protected) if n not in table.features.columns]
    if absent:
        raise BadInput(f"data: columns used at training are missing: {listed(absent)}")
    index = pd.Index(table.ids, name=KEY, dtype="str")
    features, protected = (
        pd.DataFrame({name: _typed(name, table, spec) for name in names}, range(len(index)))
        for names in (spec.columns, spec.protected)
    )
    snapshot = Snapshot(
        None, features.set_axis(index), _context(table, index), _outcomes(table, index),
        protected.set_axis(index) if spec.protected else None,
    )  # fmt: skip
    return snapshot if perimeter is None else within(snapshot, perimeter)


def _typed(name: str, table: WideTable, spec: WideSpec) -> object:
    """A category as it was written; a number as it was read; yes and no as 1 and 0."""
    if name in spec.categories:
        return pd.array(table.written[name].to_list(), dtype="str")
    if name in table.doubts:
        raise BadInput(f"data: {table.doubts[name]}")
    column = table.features[name]
    if name in spec.yes_no:
        column = _yes_or_no(column, table.sources[name])
    number = column.cast(pl.Float64, strict=False)
    if number.null_count() > column.null_count():
        raise BadInput(f"data: '{table.sources[name]}' held numbers at training, and text now")
    if infinite := int(number.is_infinite().sum()):
        raise BadInput(
            f"data: {infinite:,} of {len(number):,} values of '{table.sources[name]}' are infinite"
        )
    return number.to_numpy()


def _yes_or_no(column: pl.Series, heading: str) -> pl.Series:
    made = yes_as_1(column) if column.dtype == pl.String else column
    bad = column.filter(column.is_not_null() & ~made.is_in([0.0, 1.0]).fill_null(False))
    if len(bad):
        raise BadInput(
            f"data: '{heading}' held yes and no at training, and {len(bad):,} of {len(column):,} "
            f"values are neither now (first {bad[0]!r}); write them as at training"
        )
    return made


def _context(table: WideTable, index: pd.Index) -> pd.DataFrame:
    current = np.full(len(index), np.nan) if table.current is None else table.current.to_numpy()
    return pd.DataFrame({"value_current": current, "active": 1.0}, index=index)


def _outcomes(table: WideTable, index: pd.Index) -> pd.DataFrame:
    made = {
        name: table.outcomes[name].to_numpy() if name in table.outcomes.columns else np.nan
        for name in ("value", "churned")
    }
    return pd.DataFrame(made, index=index)


def allowed_parts(table: WideTable, snapshot: Snapshot) -> list[PartAllowed]:
    """What `facette train` could do with a wide table, and why not the rest."""
    value, churn = _of_value(table), _of_churn(table)
    potential = (False, "value is off, and potential is a quantile of it") if not value[0] else (
        False,
        "which columns of a wide table tell a customer's own level of spending is not known; name "
        "the others in model.potential.features",
    )  # fmt: skip
    judged = {
        "segments": _of_segments(snapshot),
        "value": value,
        "potential": potential,
        "churn": churn,
    }
    return [PartAllowed(part, yes, why) for part, (yes, why) in judged.items()]


def _of_segments(snapshot: Snapshot) -> tuple[bool, str]:
    numbers = snapshot.features.select_dtypes("number")
    vary = [name for name in numbers if _varies(numbers[name])]
    if not vary:
        return False, "no number, and no column of yes and no, varies between customers"
    return True, f"{len(vary)} columns of numbers or of yes and no: {listed(vary, 4)}"


def _varies(column: pd.Series) -> bool:
    """As in segments.behaviour: no single value for nearly everyone."""
    known = column.dropna()
    return len(known) > 0 and float(known.value_counts(normalize=True).iloc[0]) < 0.95


def _of_value(table: WideTable) -> tuple[bool, str]:
    if "value" not in table.outcomes.columns:
        return False, "no column is named as its outcome (data.outcomes.value)"
    known = table.outcomes["value"].drop_nulls()
    if known.n_unique() < 2:
        return False, f"'{table.roles['value']}' is the same for everyone"
    return True, f"'{table.roles['value']}' is known of {len(known):,} customers"


def _of_churn(table: WideTable) -> tuple[bool, str]:
    if "churned" not in table.outcomes.columns:
        return False, "no column is named as its outcome (data.outcomes.churn)"
    known = table.outcomes["churned"].drop_nulls().to_numpy()
    told = f"{int(known.sum()):,} of {len(known):,} customers ({known.mean():.1%})"
    return True, f"'{table.roles['churn']}' is true of {told}"


def disparity(values: np.ndarray, shares: Sequence[float]) -> ValueDisparity:
    """How unequal customers are in (n,) amounts, those not known left out; of no stated period.

    `shares` are of customers, from the top, one for each Pareto tier.
    """
    known = values[~np.isnan(values)]
    ranked, holds = np.sort(known)[::-1], known != 0
    return ValueDisparity(
        0, len(known), int(holds.sum()), float(known.sum()), gini(known),
        gini(known[holds]) if holds.any() else float("nan"),
        int((known < 0).sum()), float(known[known < 0].sum()),
        worth.pareto(ranked, shares), worth.lorenz(ranked),
    )  # fmt: skip
