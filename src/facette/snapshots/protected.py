"""Protected attributes: out of every feature unless there is a reason, and told of all the same.

    snapshot:
      protected: {gender: null, age_band: "tariff by age, as the insurance code allows"}

Leaving `gender` out of the features does not make a model blind to it, for others may stand in its
place: what is said of each group and what came has to be looked at. So a column that is kept out is
carried beside the features, where nothing learns from it, to be grouped by.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

import pandas as pd

from facette.errors import BadInput
from facette.expressions import parse
from facette.snapshots.catalogue import catalogue
from facette.snapshots.spec import SnapshotSpec, WideSpec
from facette.wording import listed, nearest

Protected = Mapping[str, str | None]
Spec = TypeVar("Spec", SnapshotSpec, WideSpec)

# Words of English and French column names that usually tell what the law protects.
USUAL = {
    "age", "birth", "birthdate", "birthday", "birthplace", "born", "dob", "senior", "sex", "gender",
    "civility", "orientation", "marital", "pregnant", "pregnancy", "citizen", "citizenship",
    "nationality", "ethnic", "ethnicity", "race", "religion", "religious", "belief", "political",
    "disability", "disabled", "handicap", "health",
    "naissance", "sexe", "genre", "civilite", "matrimonial", "matrimoniale", "nationalite",
    "ethnie", "sante",
}  # fmt: skip
TOLD_OF_PEOPLE = ("profile", "stated", "given")  # families of features that may tell such things
NO_REASON = frozenset({"", "true", "false", "yes", "no", "none", "null", "ok"})
FEATURE_OF = {"acquired_at": "tenure_days"}  # attributes that are features under another name
KEPT_OUT, USED = "protected, kept out", "protected, used"  # how a group is labelled
FEW, BANDS = 20, 5  # values told one by one; else so many bands of equal mass


def looks_protected(name: str) -> bool:
    """Whether a word of the name is a usual one for what the law protects."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", plain)
    return not USUAL.isdisjoint(re.split(r"[^a-z]+", apart.lower()))


def unexplained(spec: SnapshotSpec | WideSpec, protected: Protected) -> list[str]:
    """Features told of people whose name looks protected, and that no reason is given for."""
    reasoned = {FEATURE_OF.get(name, name) for name in protected}
    return [
        f.name
        for f in catalogue(spec).values()
        if f.family in TOLD_OF_PEOPLE and f.name not in reasoned and looks_protected(f.name)
    ]


def kept_out(
    protected: Protected, features: Iterable[str], also_known: Iterable[str], notes: list[str]
) -> tuple[str, ...]:
    """The features that `snapshot.protected` keeps out; what is kept out, and used, is said.

    also_known : names that are no features anyway, such as attributes refused for want of a date.

    Raises:
        BadInput: a name that is nowhere, which would protect nobody; a reason that gives none.
    """
    there = set(features)
    known = there | set(also_known)
    absent = [name for name in protected if name not in known and name not in FEATURE_OF]
    if absent:
        raise BadInput(
            f"snapshot.protected: {listed(absent)} is neither an attribute nor a feature"
            f"{nearest(absent[0], sorted(known))}; correct the name or take it out, for as it "
            "stands it protects nobody"
        )
    for name, reason in protected.items():
        if reason is not None and reason.strip().lower() in NO_REASON:
            raise BadInput(
                f"snapshot.protected: '{reason}' is no reason to use {name}; say in words what "
                "allows it, or write null to keep it out"
            )
    out = [name for name, reason in protected.items() if reason is None]
    if out:
        notes.append(f"kept out of all models and segments (snapshot.protected): {listed(out)}")
    used = [f"{name} ({reason})" for name, reason in protected.items() if reason is not None]
    if used:
        notes.append(f"used though protected, with a reason: {listed(used)}")
    return tuple(name for name in (FEATURE_OF.get(n, n) for n in out) if name in there)


def for_scoring(spec: Spec, perimeter: str | None, wanted: Iterable[str] = ()) -> Spec:
    """The constants without what was kept out and no perimeter asks for: it need not be brought.

    `wanted`: attributes that stay all the same.
    """
    asked = parse(perimeter, where="perimeter").columns if perimeter else frozenset[str]()
    asked |= {FEATURE_OF.get(name, name) for name in wanted}
    idle = {name for name in spec.protected if name not in asked}
    if isinstance(spec, WideSpec):
        return replace(spec, protected=tuple(n for n in spec.protected if n not in idle))
    left = tuple(a for a in spec.attributes if FEATURE_OF.get(a, a) not in idle)
    gone = {FEATURE_OF.get(a, a) for a in set(spec.attributes) - set(left)}
    return replace(
        spec, attributes=left, protected=tuple(n for n in spec.protected if n not in gone)
    )


def groups_of(column: pd.Series) -> pd.Series:
    """Labels (n,) to group customers by: its values, or bands of numbers and of years.

    Who has none is `not known`. Bands are of equal mass, as near as ties allow.
    """
    told = _numbers(column)
    if told is not None and told.nunique() > FEW:
        bands = pd.qcut(told, BANDS, duplicates="drop")
        known = told.groupby(bands, observed=True).agg(["min", "max"])
        named = {band: f"{row['min']:g} to {row['max']:g}" for band, row in known.iterrows()}
        labels = bands.astype(object).map(named)
    elif told is not None:
        labels = told.map(lambda number: f"{number:g}", na_action="ignore")
    else:
        labels = column
    return labels.astype(object).where(column.notna().to_numpy(), "not known")


def _numbers(column: pd.Series) -> pd.Series | None:
    """The column as numbers, or dates as their year; None where it is neither."""
    known = column.notna()
    if pd.api.types.is_numeric_dtype(column):
        return column.astype(float)
    numbers = pd.to_numeric(column, errors="coerce")
    if known.any() and numbers[known].notna().all():
        return numbers
    dates = pd.to_datetime(column, errors="coerce", format="ISO8601")
    return dates.dt.year.astype(float) if known.any() and dates[known].notna().all() else None
