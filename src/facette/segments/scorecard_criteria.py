"""The criteria of a scoring grid: a column of the snapshot, its bands, and the points of each.

A band of numbers is `{below: 30, points: 20}`, one of categories `{in: [a, b], points: 5}`; the
last band of either has points only and takes the rest. What is not known earns `missing`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_complex_dtype, is_numeric_dtype

from facette.errors import BadInput
from facette.wording import listed, nearest

FULL = 100  # what the best bands of all criteria sum to
SIDES = ("explicit", "behavioural")
TOTALS = (*SIDES, "points", "grade")
WANTED = ("name", "column", "side", "bands", "missing")
OFFERED = (*WANTED, "optional")


@dataclass(frozen=True)
class Band:
    """Points for numbers below a cut or for some categories; for the rest where neither is told."""

    points: int
    below: float | None = None
    categories: tuple[str, ...] | None = None

    def plain(self) -> dict[str, Any]:
        """The band as it is configured."""
        if self.below is not None:
            return {"below": self.below, "points": self.points}
        if self.categories is not None:
            return {"in": list(self.categories), "points": self.points}
        return {"points": self.points}


@dataclass(frozen=True)
class Criterion:
    """One criterion; the position after its last band is that of what is missing."""

    name: str
    column: str
    side: str
    bands: tuple[Band, ...]
    missing: int
    optional: bool = False

    @property
    def ordered(self) -> bool:
        """Whether its bands are of numbers, in their order."""
        return self.bands[0].below is not None

    @property
    def cuts(self) -> list[float]:
        """The cut-points of numbers, ascending; a value on a cut belongs to the band above."""
        return [band.below for band in self.bands if band.below is not None]

    @property
    def points(self) -> np.ndarray:
        """Points (bands + 1,) in the order of positions, those for missing last."""
        return np.array([*(band.points for band in self.bands), self.missing], dtype=np.int64)

    @property
    def best(self) -> int:
        """The points of its best band."""
        return max(band.points for band in self.bands)

    def positions(self, frame: pd.DataFrame) -> np.ndarray:
        """The band (n,) of each row, `len(bands)` where the value is missing.

        Raises:
            BadInput: text where numbers are wanted, or numbers where categories are.
        """
        column = frame[self.column]
        if self.ordered:
            x = self._numbers(column)
            found = np.searchsorted(self.cuts, x, side="right")
            return np.where(np.isnan(x), len(self.bands), found)
        return np.where(column.isna(), len(self.bands), self._listed_in(column))

    def earned(self, frame: pd.DataFrame) -> np.ndarray:
        """Points (n,) of each row, integers."""
        return self.points[self.positions(frame)]

    def with_points(self, points: Sequence[int]) -> Criterion:
        """The same bands with other points, those for missing last."""
        *of_bands, missing = (int(p) for p in points)
        pairs = zip(self.bands, of_bands, strict=True)
        return replace(self, bands=tuple(replace(b, points=p) for b, p in pairs), missing=missing)

    def band_names(self) -> list[str]:
        """What each position means, in words."""
        if not self.ordered:
            told = [listed(band.categories, 20) for band in self.bands if band.categories]
            return [*told, "any other", "missing"]
        cuts = [f"{cut:g}" for cut in self.cuts]
        between = [f"{low} to below {high}" for low, high in zip(cuts, cuts[1:], strict=False)]
        return [f"below {cuts[0]}", *between, f"{cuts[-1]} or more", "missing"]

    def plain(self) -> dict[str, Any]:
        """The criterion as it is configured, in plain JSON."""
        return {
            "name": self.name,
            "column": self.column,
            "side": self.side,
            "bands": [band.plain() for band in self.bands],
            "missing": self.missing,
            "optional": self.optional,
        }

    def _numbers(self, column: pd.Series) -> np.ndarray:
        if is_numeric_dtype(column) and not is_complex_dtype(column):
            return column.to_numpy(dtype=float, na_value=np.nan)
        known = column.dropna()
        others = [value for value in known if not isinstance(value, Real)]
        if others:
            raise BadInput(
                f"{_at(self.name)}: numbers are wanted, and {len(others):,} of {len(column):,} "
                f"values of {self.column} are none (first {others[0]!r}); give bands with 'in'"
            )
        return column.to_numpy(dtype=float, na_value=np.nan)

    def _listed_in(self, column: pd.Series) -> np.ndarray:
        known = int(column.notna().sum())
        if known and (is_numeric_dtype(column) or is_bool_dtype(column)):
            raise BadInput(
                f"{_at(self.name)}: categories are wanted, and {known:,} of {len(column):,} values "
                f"of {self.column} are numbers; give bands with 'below'"
            )
        rest = len(self.bands) - 1
        band_of = {c: i for i, band in enumerate(self.bands) for c in band.categories or ()}
        return column.astype("str").map(band_of).fillna(rest).to_numpy(dtype=int)


def criteria_of(given: Sequence[Mapping[str, Any]]) -> list[Criterion]:
    """The criteria as configured, checked one by one and together.

    Raises:
        BadInput: a key, a side, a name, points or a band that can't serve, or best bands that do
            not sum to 100.
    """
    if not given:
        raise BadInput("grid.criteria: there is none; give each a name, a column, a side and bands")
    criteria = [_criterion(told, i) for i, told in enumerate(given, start=1)]
    names = Counter(c.name.casefold() for c in criteria)  # SQL does not tell case apart
    taken = [c.name for c in criteria if names[c.name.casefold()] > 1]
    if taken:
        raise BadInput(f"grid.criteria: {listed(taken)} share a name; give each one of its own")
    total = sum(c.best for c in criteria)
    if total != FULL:
        shown = listed((f"{c.name} {c.best}" for c in criteria), len(criteria))
        raise BadInput(
            f"grid.criteria: the best bands sum to {total} ({shown}), and {FULL} is wanted; change "
            "their points"
        )
    return criteria


def _at(name: object) -> str:
    return f"grid.criteria: {name}"


def _criterion(told: Mapping[str, Any], place: int) -> Criterion:
    if not isinstance(told, Mapping):
        raise BadInput(f"{_at(f'number {place}')}: {told!r} is no mapping of {listed(WANTED)}")
    at = _at(told.get("name", f"number {place}"))
    _check_keys(told, at)
    name, column = str(told["name"]), str(told["column"])
    if told["side"] not in SIDES:
        raise BadInput(f"{at}: side is {told['side']!r}; {' or '.join(SIDES)} is wanted")
    if name.casefold() in {*TOTALS, "customer_id"}:
        raise BadInput(f"{at}: the grid itself makes a column of this name; choose another one")
    bands = _bands(told["bands"], at)
    missing = _whole(told["missing"], f"{at}, missing")
    made = Criterion(name, column, told["side"], bands, missing, bool(told.get("optional")))
    if missing > made.best:
        raise BadInput(
            f"{at}: missing earns {missing} points, more than the best band ({made.best}); lower it"
        )
    return made


def _check_keys(told: Mapping[str, Any], at: str) -> None:
    if unknown := [str(key) for key in told if key not in OFFERED]:
        raise BadInput(f"{at}: unknown key {unknown[0]!r}{nearest(unknown[0], OFFERED)}")
    if absent := [key for key in WANTED if told.get(key) is None]:
        hint = " (points of customers whose value is not known)" if "missing" in absent else ""
        raise BadInput(f"{at}: {listed(absent)} must be given{hint}")


def _bands(given: Any, at: str) -> tuple[Band, ...]:
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) < 2:
        raise BadInput(f"{at}: two bands or more are wanted, the last one for the rest")
    bands = tuple(_band(told, f"{at}, band {i}") for i, told in enumerate(given, start=1))
    kinds = {"below" if b.below is not None else "in" for b in bands[:-1] if b != _rest(b)}
    if len(kinds) > 1:
        raise BadInput(f"{at}: bands of numbers (below) and of categories (in) are mixed")
    early = [i for i, band in enumerate(bands[:-1], start=1) if band == _rest(band)]
    if early:
        raise BadInput(f"{at}: band {early[0]} takes the rest, so that no later one is reached")
    if bands[-1] != _rest(bands[-1]):
        raise BadInput(
            f"{at}: a gap after the last band, as what it does not name earns nothing told; end "
            "with a band that has points only"
        )
    _check_cuts([b.below for b in bands if b.below is not None], at)
    _check_categories([c for b in bands for c in b.categories or ()], at)
    return bands


def _rest(band: Band) -> Band:
    return Band(band.points)


def _band(told: Any, at: str) -> Band:
    if not isinstance(told, Mapping) or "points" not in told:
        raise BadInput(f"{at}: points must be given, as in {{below: 30, points: 20}}")
    points = _whole(told["points"], at)
    keys = set(told) - {"points"}
    if keys == {"below"}:
        return Band(points, below=_cut(told["below"], at))
    if keys == {"in"}:
        return Band(points, categories=_categories(told["in"], at))
    if keys:
        raise BadInput(f"{at}: {listed(sorted(map(str, keys)))}; either 'below' or 'in' is wanted")
    return Band(points)


def _whole(points: Any, at: str) -> int:
    if isinstance(points, bool) or not isinstance(points, int | np.integer):
        raise BadInput(f"{at}: {points!r} points; a whole number is wanted")
    return int(points)


def _cut(below: Any, at: str) -> float:
    is_number = isinstance(below, Real) and not isinstance(below, bool)
    if not is_number or not math.isfinite(below):
        raise BadInput(f"{at}: below is {below!r}; a finite number is wanted")
    return float(below)


def _categories(given: Any, at: str) -> tuple[str, ...]:
    if isinstance(given, str) or not isinstance(given, Sequence) or not given:
        raise BadInput(f"{at}: in is {given!r}; a list of categories is wanted")
    return tuple(str(category) for category in given)


def _check_cuts(cuts: list[float], at: str) -> None:
    for low, high in zip(cuts, cuts[1:], strict=False):
        if low >= high:
            raise BadInput(f"{at}: 'below' must grow band by band, and {high:g} follows {low:g}")


def _check_categories(categories: list[str], at: str) -> None:
    twice = [name for name, times in Counter(categories).items() if times > 1]
    if twice:
        raise BadInput(f"{at}: {listed(twice)} stands in more than one band")
