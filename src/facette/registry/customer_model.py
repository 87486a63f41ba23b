"""The packaged customer model: this one file beside plain artifacts computes all that is scored.

It needs numpy, pandas, lightgbm and mlflow, and nothing of the project, so that who loads a
registered version by name needs no checkout. The project imports this very file too: what the
package computes is written once.

    bundle = Bundle.load("bundle")             # every file checked against the manifest
    scored = bundle.predict(snapshot)          # one row per customer in, one row out
"""

import hashlib
import io
import json
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import lightgbm
import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FORMAT = 1
MANIFEST = "manifest.json"
KEYS = ("customer_id", "reference_date")
PREDICTIONS = {
    "value": "value_expected",
    "potential": "potential",
    "churn": "churn_probability",
    "upside": "upside",
    "value_if_staying": "value_if_staying",
}
COLUMNS = (
    "customer_id",
    "reference_date",
    "behaviour_segment",
    "behaviour_confidence",
    "value_expected",
    "value_tier",
    "potential",
    "headroom",
    "potential_tier",
    "upside",
    "churn_probability",
    "value_if_staying",
    "value_at_risk",
    "cell",
    "drivers_value",
    "drivers_potential",
    "drivers_churn",
    "model_digest",
)
CELL = ("value_tier", "potential_tier", "behaviour_segment")
GRID_SIDES = ("explicit", "behavioural")
GRID_NUMBERS = ("grid_points", "grid_explicit", "grid_behavioural")
GRID_COLUMNS = (*GRID_NUMBERS, "grid_grade")
POLICY_COLUMNS = ("relationship_model", "approach", "channel", "reason", "evidence")
TODAY = "relationship_model_today"  # may be given: how each customer is handled at present
UNKNOWN = "unknown"  # what a missing label is crossed as
NO_CHANNEL = -1
NUMBERS = {
    "behaviour_confidence",
    "headroom",
    "value_at_risk",
    *GRID_NUMBERS,
    *PREDICTIONS.values(),
}
NEWCOMERS = "newcomers_"  # before the names of the files of their own model
TOO_EARLY = "too early"  # the potential tier of whom nothing is foretold
TOP_DRIVERS = 5
BLOCK = 50_000  # customers scored at a time
ROWS_WORTH_THREADS = 256


def sha256(content: bytes) -> str:
    """The SHA-256 of some bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


class Verified(NamedTuple):
    """A bundle's manifest with its sha256, and the contents of its files by `part/name`."""

    digest: str
    manifest: dict[str, Any]
    contents: dict[str, bytes]


def verified(folder: Path, digest: str | None = None) -> Verified:
    """A bundle's manifest and files, each as it was written or not at all.

    Raises ValueError naming the file that was changed, that is missing, or that was added.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise ValueError(f"{path}: missing, so this is no bundle")
    text = path.read_bytes()
    if digest is not None and sha256(text) != digest:
        raise ValueError(f"{path}: changed, its sha256 is not {digest}")
    manifest = json.loads(text)
    if manifest.get("format") != FORMAT:
        raise ValueError(f"{path}: format {manifest.get('format')}, this code reads {FORMAT}")
    return Verified(sha256(text), manifest, _listed_files(folder, manifest["files"]))


def _listed_files(folder: Path, listed: dict[str, str]) -> dict[str, bytes]:
    present = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir()}
    for name in sorted(present - set(listed) - {MANIFEST}):
        raise ValueError(f"{folder / name}: added, the manifest does not list it")
    for name in sorted(set(listed) - present):
        raise ValueError(f"{folder / name}: missing, the manifest lists it")
    contents = {name: (folder / name).read_bytes() for name in sorted(listed)}
    for name, content in contents.items():
        if sha256(content) != listed[name]:
            raise ValueError(f"{folder / name}: changed, its sha256 is not the manifest's")
    return contents


def _sum_of(columns: Floats, start: Any = 0.0) -> Floats:
    """The sum of each row, added column by column: no bit depends on the size of the batch."""
    return reduce(np.add, columns.T, np.full(len(columns), start))


def _numbers(frame: pd.DataFrame, name: str) -> Floats:
    try:
        return frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ValueError(f"column {name}: numbers expected, found {frame[name].dtype}") from error


def _codes(frame: pd.DataFrame, name: str, categories: list[str]) -> NDArray[np.intp]:
    """Positions in the training categories; -1 for null and for what training never saw."""
    return pd.Index(categories, dtype="str").get_indexer(frame[name].astype("str"))


def _transformed(x: Floats, transform: str) -> Floats:
    if transform == "identity":
        return x
    if transform != "log1p":
        raise ValueError(f"transform {transform!r}: identity or log1p expected")
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log1p(x)


class Score(Protocol):
    """What turns features into a raw score on the link scale."""

    def raw(self, x: Floats) -> Floats:
        """Raw scores (n,) of a matrix (n, features)."""

    def contributions(self, x: Floats) -> Floats:
        """Contributions (n, features + 1), the last column the base, summing to the raw score."""


@dataclass(frozen=True)
class BoosterScore:
    """A LightGBM booster; contributions are TreeSHAP, path-dependent."""

    booster: lightgbm.Booster

    def raw(self, x: Floats) -> Floats:
        """Raw scores (n,)."""
        return self._said(x, raw_score=True)

    def contributions(self, x: Floats) -> Floats:
        """TreeSHAP contributions (n, features + 1)."""
        return self._said(x, pred_contrib=True)

    def _said(self, x: Floats, **what: Any) -> Floats:
        # for a few rows, waking threads takes longer than the work; no answer depends on it
        if len(x) < ROWS_WORTH_THREADS:
            what["num_threads"] = 1
        return np.asarray(self.booster.predict(x, **what))


@dataclass(frozen=True)
class LinearScore:
    """`intercept + sum of coefficient * (transform(x) - center)`; a null counts as the centre."""

    transforms: list[str]
    center: Floats
    coefficients: Floats
    intercept: float

    def raw(self, x: Floats) -> Floats:
        """Raw scores (n,)."""
        return _sum_of(self.contributions(x))

    def contributions(self, x: Floats) -> Floats:
        """Each feature's term (n, features), then the intercept."""
        moved = [_transformed(column, t) for column, t in zip(x.T, self.transforms, strict=True)]
        terms = self.coefficients * (np.column_stack(moved) - self.center)
        terms[~np.isfinite(terms)] = 0.0
        return np.column_stack([terms, np.full(len(x), self.intercept)])


@dataclass(frozen=True)
class EstimatorScore:
    """A user's own scikit-learn estimator, read by skops; it has no additive explanation."""

    estimator: Any
    features: list[str]
    method: str
    link: str

    def raw(self, x: Floats) -> Floats:
        """What the estimator says (n,); log-odds of the second class where the link is logit."""
        named = hasattr(self.estimator, "feature_names_in_")
        seen = pd.DataFrame(x, columns=self.features) if named else x
        said = np.asarray(getattr(self.estimator, self.method)(seen), dtype=np.float64)
        if self.method != "predict_proba":
            return said
        p = said[:, 1]
        kept = np.clip(p, 1e-12, 1 - 1e-12)
        return np.log(kept / (1 - kept)) if self.link == "logit" else p

    def contributions(self, x: Floats) -> Floats:
        """Raises ValueError: nothing additive is known."""
        raise ValueError(f"a {type(self.estimator).__name__} has no additive explanation")


@dataclass(frozen=True)
class Offset:
    """A forecast `floor + sum of weight * column` above 0, whose logarithm a blend starts from.

    A null counts as 0. Each column has the share of the change in the logarithm, from that at the
    centre, that it has in the change of the sum: Aumann and Shapley's on the straight way.
    """

    places: list[int]
    weights: Floats
    center: Floats
    floor: float

    def log(self, x: Floats) -> Floats:
        """The logarithm of the forecast (n,)."""
        return np.log(self.floor + np.maximum(_sum_of(self._amounts(x)), 0.0))

    def contributions(self, x: Floats) -> Floats:
        """Contributions (n, features + 1), the last column the logarithm at the centre."""
        away = self._amounts(x) - self.weights * self.center
        whole, base = _sum_of(away), np.log(self.floor + (self.weights * self.center).sum())
        slope = np.full(len(x), np.exp(-base))
        far = np.abs(whole) > 1e-9 * np.exp(base)
        np.divide(self.log(x) - base, whole, out=slope, where=far)
        parts = np.zeros((len(x), x.shape[1] + 1))
        parts[:, self.places] = away * slope[:, None]
        parts[:, -1] = base
        return parts

    def _amounts(self, x: Floats) -> Floats:
        known = x[:, self.places]
        return self.weights * np.where(np.isfinite(known), known, 0.0)


@dataclass(frozen=True)
class BlendScore:
    """`constant + log(offset) + sum of weight * member`, so that contributions add up."""

    members: list[Score]
    weights: list[float]
    offset: Offset | None
    constant: float

    def raw(self, x: Floats) -> Floats:
        """Raw scores (n,)."""
        pairs = zip(self.weights, self.members, strict=True)
        blended = _sum_of(np.column_stack([weight * member.raw(x) for weight, member in pairs]))
        start = self.offset.log(x) if self.offset else np.zeros(len(x))
        return start + blended + self.constant

    def contributions(self, x: Floats) -> Floats:
        """Each feature's sum over members and offset (n, features), then the base."""
        parts = self.offset.contributions(x) if self.offset else np.zeros((1, x.shape[1] + 1))
        for weight, member in zip(self.weights, self.members, strict=True):
            parts = parts + weight * member.contributions(x)
        parts[:, -1] += self.constant
        return parts


def boosters_of(score: Score) -> list[tuple[float, lightgbm.Booster]]:
    """The boosters that a score is made of, each with its weight."""
    if isinstance(score, BoosterScore):
        return [(1.0, score.booster)]
    if not isinstance(score, BlendScore):
        return []
    pairs = zip(score.weights, score.members, strict=True)
    return [(w, member.booster) for w, member in pairs if isinstance(member, BoosterScore)]


def _blend(spec: dict[str, Any], files: dict[str, bytes]) -> BlendScore:
    told, features = spec["offset"], spec["features"]
    members = [_score({**member, "features": features}, files) for member in spec["members"]]
    offset = None
    if told is not None:
        places = [features.index(name) for name in told["columns"]]
        weights, center = np.array(told["weights"], float), np.array(told["center"], float)
        offset = Offset(places, weights, center, told["floor"])
    return BlendScore(members, [m["weight"] for m in spec["members"]], offset, spec["constant"])


def _score(spec: dict[str, Any], files: dict[str, bytes]) -> Score:
    if spec["kind"] == "blend":
        return _blend(spec, files)
    if spec["kind"] == "booster":
        file = spec.get("file", "booster.txt")
        booster = lightgbm.Booster(model_str=files[file].decode())
        if booster.num_feature() != len(spec["features"]):
            raise ValueError(f"{file} has {booster.num_feature()} features, part.json others")
        return BoosterScore(booster)
    if spec["kind"] == "linear":
        center, coefficients = (
            np.array(spec["center"], float),
            np.array(spec["coefficients"], float),
        )
        return LinearScore(spec["transforms"], center, coefficients, spec["intercept"])
    if spec["kind"] == "skops":
        import skops.io

        estimator = skops.io.loads(files["estimator.skops"], trusted=spec["trusted"])
        return EstimatorScore(estimator, spec["features"], spec["method"], spec["link"])
    raise ValueError(f"part of kind {spec['kind']!r}: booster, linear, blend or skops expected")


def _logistic(x: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return 1.0 / (1.0 + np.exp(-x))


def _identity(x: Floats) -> Floats:
    return x


LINKS: dict[str, Callable[[Floats], Floats]] = {
    "identity": _identity,
    "log": np.exp,
    "logit": _logistic,
}


@dataclass(frozen=True)
class Facet:
    """One fitted model of the bundle, as named in PREDICTIONS.

    `newcomers` is what foretells of those whose column `newcomers` is 1, where anything does.
    """

    spec: dict[str, Any]
    score: Score
    newcomers: "Facet | None" = None

    @classmethod
    def read(cls, files: dict[str, bytes]) -> "Facet":
        """The model told by `part.json` and the files beside it."""
        spec, own = json.loads(files["part.json"]), len(NEWCOMERS)
        theirs = {name[own:]: text for name, text in files.items() if name.startswith(NEWCOMERS)}
        return cls(spec, _score(spec, files), cls.read(theirs) if theirs else None)

    @property
    def inputs(self) -> dict[str, str]:
        """The columns that are read, each "number" or "category"."""
        coded = self.spec["categories"]
        kinds = {name: "category" if name in coded else "number" for name in self.features}
        beside = [self.where, self.season, self.spec.get("newcomers")]
        kinds |= {name: "number" for name in beside if name is not None}
        return kinds | (self.newcomers.inputs if self.newcomers else {})

    @property
    def features(self) -> list[str]:
        """The columns the model reads, in its own order."""
        return list(self.spec["features"])

    def matrix(self, frame: pd.DataFrame) -> Floats:
        """Features as numbers (n, features); a category as its training code, NaN if unseen."""
        columns = [self._column(frame, name) for name in self.features]
        return np.column_stack(columns)

    def _column(self, frame: pd.DataFrame, name: str) -> Floats:
        if name not in self.spec["categories"]:
            return _numbers(frame, name)
        codes = _codes(frame, name, self.spec["categories"][name])
        return np.where(codes < 0, np.nan, codes)

    def raw(self, frame: pd.DataFrame) -> Floats:
        """Raw scores (n,) on the link scale."""
        return self.score.raw(self.matrix(frame)) if len(frame) else np.zeros(0)

    def contributions(self, frame: pd.DataFrame) -> Floats:
        """Contributions (n, features + 1) on the link scale, the last column the base."""
        if not len(frame):
            return np.zeros((0, len(self.features) + 1))
        return self.score.contributions(self.matrix(frame))

    def predict(self, frame: pd.DataFrame) -> Floats:
        """Predictions (n,): currency units, or a calibrated probability; NaN where undefined.

        It is of newcomers unless something foretells of them: too early to say, never 0.
        """
        told = self.answer(self.raw(frame)) * self.seasonal(frame)
        said = np.where(self.defined(frame), told, np.nan)
        if self.newcomers is None:
            return said
        return np.where(self.early(frame), self.newcomers.predict(frame), said)

    def usual(self, frame: pd.DataFrame) -> Floats:
        """Predictions (n,) as they would be in a usual season, so that dates compare."""
        return self.predict(frame) / self.seasonal(frame)

    def seasonal(self, frame: pd.DataFrame) -> Floats:
        """What answers (n,) are multiplied by: how much the outcome window brings in its season."""
        if self.season is None:
            return np.ones(len(frame))
        return _numbers(frame, self.season)

    def answer(self, raw: Floats) -> Floats:
        """What raw scores (n,) mean: currency units, or a calibrated probability."""
        scaled = self._answer(raw) * self.spec["scale"] + self.spec["shift"]
        return scaled if self.spec["lower"] is None else np.maximum(scaled, self.spec["lower"])

    def defined(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """Customers the model answers for: no newcomers, and whose column `where` is 1, if any."""
        settled = ~self.early(frame)
        return settled if self.where is None else settled & (_numbers(frame, self.where) == 1)

    def early(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """Newcomers, of whom this model was not learnt; nobody where they are not told apart."""
        column: str | None = self.spec.get("newcomers")
        return np.zeros(len(frame), dtype=bool) if column is None else _numbers(frame, column) != 0

    @property
    def where(self) -> str | None:
        """The column that says for whom the outcome is defined, or None for everybody."""
        column: str | None = self.spec.get("where")
        return column

    @property
    def season(self) -> str | None:
        """The column of how much the outcome window brings, or None where all are alike."""
        column: str | None = self.spec.get("season")
        return column

    def _answer(self, raw: Floats) -> Floats:
        calibration = self.spec["calibration"]
        if calibration["kind"] == "sigmoid":
            return _logistic(calibration["a"] * raw + calibration["b"])
        if calibration["kind"] == "isotonic":
            return np.interp(raw, calibration["x"], calibration["y"])
        return LINKS[self.spec["link"]](raw)

    def drivers(self, frame: pd.DataFrame) -> list[str]:
        """For each customer the largest contributions by absolute value, as JSON text.

        Of newcomers those of their own model; none where there is none.
        """
        said = self._drivers(frame)
        if self.newcomers is None:
            return said
        pairs = zip(self.early(frame), self.newcomers.drivers(frame), said, strict=True)
        return [theirs if early else own for early, theirs, own in pairs]

    def _drivers(self, frame: pd.DataFrame) -> list[str]:
        if isinstance(self.score, EstimatorScore):
            return ["[]"] * len(frame)
        parts = self.contributions(frame)[:, :-1]
        largest = np.argsort(-np.abs(parts), axis=1, kind="stable")[:, :TOP_DRIVERS]
        values = [self._told(frame, name) for name in self.features]
        defined = self.defined(frame)
        return [
            json.dumps([self._driver(i, values[i][row], parts[row, i]) for i in order])
            if defined[row]
            else "[]"
            for row, order in enumerate(largest.tolist())
        ]

    def _told(self, frame: pd.DataFrame, name: str) -> list[Any]:
        if name in self.spec["categories"]:
            return [None if pd.isna(v) else str(v) for v in frame[name]]
        return [v if np.isfinite(v) else None for v in _numbers(frame, name).tolist()]

    def _driver(self, index: int, value: Any, contribution: float) -> dict[str, Any]:
        name, rounded = self.spec["features"][index], float(f"{contribution:.6g}")
        return {"feature": name, "value": value, "contribution": rounded}


@dataclass(frozen=True)
class Categories:
    """Headroom by product category: by its column, what peers bring and what is expected."""

    pairs: dict[str, tuple[Facet, Facet]]

    @classmethod
    def read(cls, files: dict[str, bytes]) -> "Categories":
        """The models told by `part.json` and the files beside it."""
        told = json.loads(files["part.json"])["categories"]
        of = {c["column"]: (c["potential"], c["expected"]) for c in told}
        made = {name: [Facet(s, _score(s, files)) for s in specs] for name, specs in of.items()}
        return cls({name: (potential, expected) for name, (potential, expected) in made.items()})

    @property
    def facets(self) -> list[Facet]:
        """Every model there is."""
        return [facet for pair in self.pairs.values() for facet in pair]

    def headroom(self, frame: pd.DataFrame) -> dict[str, Floats]:
        """Columns (n,) of headroom in currency units."""
        said = {name: [f.predict(frame) for f in pair] for name, pair in self.pairs.items()}
        return {n: np.maximum(0.0, most - expected) for n, (most, expected) in said.items()}

    def potential(self, frame: pd.DataFrame) -> dict[str, Floats]:
        """By column of headroom, what it is measured from (n,)."""
        return {name: pair[0].predict(frame) for name, pair in self.pairs.items()}


@dataclass(frozen=True)
class Behaviour:
    """Frozen clusters of what customers do: nearest centroid, or largest Gaussian posterior."""

    kind: str
    columns: list[dict[str, Any]]
    ids: list[str]
    arrays: dict[str, Floats]
    min_known: float = 0.0
    names: dict[str, str] = field(default_factory=dict)
    highest: int = 0

    def assigned(self, frame: pd.DataFrame) -> tuple[list[str], Floats]:
        """The segment id of each customer, and how surely (0 to 1)."""
        if not len(frame):
            return [], np.zeros(0)
        z = np.column_stack([self._standard(frame, column) for column in self.columns])
        index, sure = self._nearest(z) if self.kind == "centroids" else self._likeliest(z)
        return [self.ids[i] for i in index], np.where(self._known(frame), sure, 0.0)

    def _known(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """Customers with at least the share `min_known` of the columns; the rest is a guess."""
        missing = [np.isnan(_numbers(frame, c["name"])).astype(float) for c in self.columns]
        return 1 - _sum_of(np.column_stack(missing)) / len(missing) >= self.min_known

    @staticmethod
    def _standard(frame: pd.DataFrame, column: dict[str, Any]) -> Floats:
        x = _numbers(frame, column["name"])
        x = _transformed(np.where(np.isnan(x), column["fill"], x), column["transform"])
        # fmax and fmin pass over NaN: the logarithm of a negative counts as the lowest
        inside = np.fmin(np.fmax(x, column["low"]), column["high"])
        z, limit = (inside - column["center"]) / column["scale"], column.get("soft_limit")
        return z if limit is None else limit * np.tanh(z / limit)

    def _nearest(self, z: Floats) -> tuple[NDArray[np.intp], Floats]:
        centroids = self.arrays["centroids"]
        squares = np.column_stack([_sum_of((z - centroid) ** 2) for centroid in centroids])
        if len(centroids) == 1:
            return squares.argmin(axis=1), np.ones(len(z))
        first, second = np.sqrt(np.partition(squares, 1, axis=1)[:, :2]).T
        total = first + second
        sure = np.divide(second, total, out=np.full(len(z), 0.5), where=total > 0)
        return squares.argmin(axis=1), sure

    def _likeliest(self, z: Floats) -> tuple[NDArray[np.intp], Floats]:
        logs = np.column_stack([self._log_density(z, k) for k in range(len(self.ids))])
        odds = np.exp(logs - logs.max(axis=1, keepdims=True))
        index = odds.argmax(axis=1)
        return index, odds.max(axis=1) / _sum_of(odds)

    def _log_density(self, z: Floats, k: int) -> Floats:
        """Log of weight times density, less a constant common to all components."""
        precision = self.arrays["precisions_cholesky"][k]
        centred = z - self.arrays["means"][k]
        rotated = reduce(np.add, (centred[:, [i]] * row for i, row in enumerate(precision)))
        spread = np.log(np.diagonal(precision)).sum() + np.log(self.arrays["weights"][k])
        return spread - 0.5 * _sum_of(rotated**2)


def _behaviour(spec: dict[str, Any], files: dict[str, bytes]) -> Behaviour:
    if spec["kind"] not in ("centroids", "gaussian"):
        raise ValueError(f"behaviour of kind {spec['kind']!r}: centroids or gaussian expected")
    with np.load(io.BytesIO(files["arrays.npz"]), allow_pickle=False) as stored:
        arrays = {name: stored[name].astype(np.float64) for name in stored.files}
    ids = [segment["id"] for segment in spec["segments"]]
    names = {segment["id"]: segment["name"] for segment in spec["segments"]}
    least, highest = spec.get("min_known", 0.0), spec.get("highest", len(ids))
    return Behaviour(spec["kind"], spec["columns"], ids, arrays, least, names, highest)


def _tier(x: Floats, cuts: list[float], names: list[str]) -> list[str]:
    """The first name whose cut is reached, else the last; a null reaches no cut."""
    below = reduce(np.add, [(~(x >= cut)).astype(int) for cut in cuts], np.zeros(len(x), int))
    return [names[i] for i in below]


@dataclass(frozen=True)
class Segmentations:
    """The segmentations stored with the version: behaviour, value tier, potential tier."""

    behaviour: Behaviour | None
    value_tier: dict[str, Any] | None
    potential_tier: dict[str, Any] | None

    @classmethod
    def read(cls, files: dict[str, bytes]) -> "Segmentations":
        """The segmentations told by `part.json` and `arrays.npz`."""
        spec = json.loads(files["part.json"])
        behaviour = _behaviour(spec["behaviour"], files) if spec.get("behaviour") else None
        return cls(behaviour, spec.get("value_tier"), spec.get("potential_tier"))

    @property
    def features(self) -> list[str]:
        """The columns read from the snapshot."""
        columns = [c["name"] for c in self.behaviour.columns] if self.behaviour else []
        return columns + ([self.value_tier["column"]] if self.value_tier else [])

    def assigned(self, frame: pd.DataFrame, potential: Floats | None) -> dict[str, Any]:
        """Columns of segments and tiers; the potential tier only where potential is known."""
        out: dict[str, Any] = {}
        if self.behaviour:
            out["behaviour_segment"], out["behaviour_confidence"] = self.behaviour.assigned(frame)
        if tier := self.value_tier:
            out["value_tier"] = _tier(_numbers(frame, tier["column"]), tier["cuts"], tier["names"])
        if (tier := self.potential_tier) and potential is not None:
            tiers = _tier(potential, tier["cuts"], tier["names"])
            out["potential_tier"] = np.where(np.isnan(potential), TOO_EARLY, tiers).tolist()
        return out


@dataclass(frozen=True)
class Grid:
    """A scoring grid: whole points by criterion, two subtotals, and grades with frozen cuts.

    The best bands sum to 100, penalties go below, and no total is clipped.
    """

    criteria: list[dict[str, Any]]
    grades: list[str]
    cuts: list[float]

    @classmethod
    def read(cls, files: dict[str, bytes]) -> "Grid":
        """The grid told by `part.json`."""
        spec = json.loads(files["part.json"])
        if spec["kind"] != "scorecard":
            raise ValueError(f"grid of kind {spec['kind']!r}: scorecard expected")
        return cls(spec["criteria"], spec["grades"], spec["cuts"])

    @property
    def inputs(self) -> dict[str, str]:
        """The snapshot's columns that are read, each "number" or "category"."""
        return {c["column"]: "number" if _has_cuts(c) else "category" for c in self.criteria}

    def contributions(self, frame: pd.DataFrame) -> Floats:
        """Points (n, criteria); a row sums to its points exactly, whole numbers as they are."""
        return np.column_stack([_earned(frame, criterion) for criterion in self.criteria])

    def assigned(self, frame: pd.DataFrame) -> dict[str, Any]:
        """Columns of points, subtotals and grade."""
        parts = self.contributions(frame)
        out: dict[str, Any] = {"grid_points": _sum_of(parts)}
        for side in GRID_SIDES:
            of_side = [criterion["side"] == side for criterion in self.criteria]
            out[f"grid_{side}"] = _sum_of(parts[:, of_side])
        return out | {"grid_grade": _tier(out["grid_points"], self.cuts, self.grades)}


def _has_cuts(criterion: dict[str, Any]) -> bool:
    return "below" in criterion["bands"][0]


def _earned(frame: pd.DataFrame, criterion: dict[str, Any]) -> Floats:
    """The points (n,) of one criterion; a value on a cut belongs to the band above it."""
    bands = criterion["bands"]
    points = np.array([*(band["points"] for band in bands), criterion["missing"]], dtype=float)
    if _has_cuts(criterion):
        x = _numbers(frame, criterion["column"])
        found = np.searchsorted([band["below"] for band in bands[:-1]], x, side="right")
        return points[np.where(np.isnan(x), len(bands), found)]
    of = {name: place for place, band in enumerate(bands[:-1]) for name in band["in"]}
    codes = _codes(frame, criterion["column"], list(of))
    found = np.array([*of.values(), len(bands) - 1])[codes]  # -1, any other: the last band
    return points[np.where(frame[criterion["column"]].isna(), len(bands), found)]


COMPARED: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq, "neq": operator.ne, "lt": operator.lt, "lte": operator.le,
    "gt": operator.gt, "gte": operator.ge,
}  # fmt: skip
RECKONED: dict[str, Callable[[Any, Any], Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv,
}  # fmt: skip
UNSURE = 0.5


@dataclass(frozen=True)
class Conditions:
    """Conditions told as trees, `["lt", ["number", "age"], ["literal", 30]]`, nulls as in SQL.

    Truth is 1, 0, or .5 where it can't be known, so that `and` is the least and `or` the largest.
    """

    columns: Mapping[str, Any]
    rows: int

    def hold(self, tree: list[Any]) -> NDArray[np.bool_]:
        """Where it is true (n,)."""
        return self._truth(tree) == 1.0

    def _truth(self, tree: list[Any]) -> Floats:
        kind, *parts = tree
        if kind in ("and", "or"):
            return reduce(np.minimum if kind == "and" else np.maximum, map(self._truth, parts))
        if kind == "not":
            return 1.0 - self._truth(parts[0])
        if kind == "null":
            return np.asarray(pd.isna(self._value(parts[0])), dtype=np.float64)
        if kind in COMPARED:
            return self._compared(COMPARED[kind], *map(self._value, parts))
        value = self._value(parts[0] if kind in ("in", "starts") else tree)
        if kind == "in":
            return self._known([v in set(parts[1]) for v in value.tolist()], value)
        if kind == "starts":
            return self._known([v is not None and v.startswith(parts[1]) for v in value], value)
        return self._known(value == 1.0, value)

    def _compared(self, sign: Callable[[Any, Any], Any], left: Any, right: Any) -> Floats:
        unknown = pd.isna(left) | pd.isna(right)
        both = [np.where(unknown, "", side) if side.dtype == object else side
                for side in (left, right)]  # fmt: skip
        return np.where(unknown, UNSURE, sign(*both))

    @staticmethod
    def _known(holds: Any, value: Any) -> Floats:
        return np.where(pd.isna(value), UNSURE, np.asarray(holds, dtype=np.float64))

    def _value(self, tree: list[Any]) -> Any:
        """Numbers with NaN, or text with None, where nothing is known (n,)."""
        kind, *parts = tree
        if kind == "number":
            return _numbers(pd.DataFrame({parts[0]: self.columns[parts[0]]}), parts[0])
        if kind == "text":
            return _texts(self.columns[parts[0]])
        if kind == "literal":
            return np.full(self.rows, parts[0], object if isinstance(parts[0], str) else np.float64)
        if kind == "neg":
            return 0.0 - self._value(parts[0])
        if kind in RECKONED:
            left, right = map(self._value, parts)
            right = np.where(right == 0, np.nan, right) if kind == "div" else right
            return RECKONED[kind](left, right)
        truth = self._truth(tree)
        return np.where(truth == UNSURE, np.nan, truth)


def _texts(column: Any) -> NDArray[np.object_]:
    """A column as text, None where nothing is known."""
    found = pd.Series(column).astype(object)
    return np.array([None if pd.isna(v) else str(v) for v in found], dtype=object)


@dataclass(frozen=True)
class Policy:
    """Who is handled how, decided for one customer without the others, by what each model is worth.

    The worth of a relationship model is its effect in the customer's cell, less what its contacts
    cost and what they use up at the shadow prices of a plan's limits, less a switch. The largest
    wins, of equals the first, among the models that the plan uses and that reach the customer.
    """

    spec: dict[str, Any]

    @classmethod
    def read(cls, files: dict[str, bytes]) -> "Policy":
        """The policy told by `part.json`."""
        spec = json.loads(files["part.json"])
        if spec["kind"] != "priced":
            raise ValueError(f"policy of kind {spec['kind']!r}: priced expected")
        return cls(spec)

    @property
    def inputs(self) -> dict[str, str]:
        """The snapshot's columns that are read, each "number" or "category"."""
        return dict(self.spec["inputs"])

    @property
    def about(self) -> dict[str, Any]:
        """When it was planned, within what, until when it holds, what it leaves out."""
        return dict(self.spec["about"])

    @property
    def names(self) -> list[str]:
        """The relationship models; being served on request is the last."""
        return [model["name"] for model in self.spec["models"]]

    def assigned(self, frame: pd.DataFrame, said: Mapping[str, Any]) -> dict[str, list[str]]:
        """The columns of POLICY_COLUMNS; `said` holds what the other parts say of the customers."""
        columns = {name: frame[name] for name in self.inputs} | dict(said)
        conditions = Conditions(columns, len(frame))
        cell, channel, today = self._cells(columns), self._channels(frame), self._today(frame)
        ended = self._ended(frame)
        closed = self._closed(conditions, channel, ended)
        if today is not None:
            reaches = channel[np.arange(len(today)), today] != NO_CHANNEL
            today = np.where(reaches, today, len(self.names) - 1)
        model = self._worth(cell, channel, closed, today).argmax(axis=1)
        unmoved = np.zeros(len(model), dtype=bool) if today is None else model == today
        why: list[str] = self._reasons(cell, channel, ended, unmoved)
        if today is not None:
            stays = ~self._known[today] & ~closed[np.arange(len(today)), today]
            model = np.where(stays, today, model)
            why = [self.spec["stays"] if s else own for s, own in zip(stays, why, strict=True)]
        for place, rows, reason in self._placed(conditions, cell):
            rows = rows & ~closed[:, place]
            model[rows] = place
            why = [reason if fits else own for fits, own in zip(rows, why, strict=True)]
        through = channel[np.arange(len(model)), model]
        channels = [*(c["name"] for c in self.spec["channels"]), ""]
        told = self.spec["models"]
        return {
            "relationship_model": [told[m]["name"] for m in model],
            "approach": [told[m]["approach"] for m in model],
            "channel": [channels[k] for k in through],
            "reason": why,
            "evidence": self._evidence(cell, model, today),
        }

    def _cells(self, columns: Mapping[str, Any]) -> NDArray[np.intp]:
        """The position of each customer's cell (n,), by the merges that were found."""
        labels = [_texts(columns[name]) for name in self.spec["by"]]
        found = list(zip(*(np.where(pd.isna(x), UNKNOWN, x) for x in labels), strict=True))
        kept = {tuple(own): name for own, name in self.spec["kept"]}
        place = {cell["name"]: i for i, cell in enumerate(self.spec["cells"])}
        lengths = range(len(labels), 0, -1)
        of = {
            own: place[next((kept[own[:k]] for k in lengths if own[:k] in kept), self.spec["rest"])]
            for own in set(found)
        }
        return np.array([of[own] for own in found], dtype=np.intp)

    def _channels(self, frame: pd.DataFrame) -> NDArray[np.intp]:
        """Of each model, the first channel that the customer consents to (n, models); -1: none."""
        agreed = [self._agreed(frame, channel["consent"]) for channel in self.spec["channels"]]
        found = np.full((len(frame), len(self.names)), NO_CHANNEL)
        for m, model in enumerate(self.spec["models"]):
            for k in reversed(model["channels"]):
                found[agreed[k], m] = k
        return found

    def _agreed(self, frame: pd.DataFrame, consent: str | bool) -> NDArray[np.bool_]:
        if isinstance(consent, bool):
            return np.full(len(frame), consent)
        said = _numbers(frame, consent)
        return (said == 1) | (np.isnan(said) & self.spec["silence_consents"])

    def _today(self, frame: pd.DataFrame) -> NDArray[np.intp] | None:
        """The position of the model each has today (n,); None where the column is not given."""
        if TODAY not in frame:
            return None
        place = {name: i for i, name in enumerate(self.names)}
        usual = place[self.spec["usual"]]
        return np.array([place.get(name, usual) for name in frame[TODAY]], dtype=np.intp)

    def _ended(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """Whose relationship is over (n,), where the snapshot tells: no plan has them."""
        column = self.spec["active"]
        if column is None:
            return np.zeros(len(frame), dtype=bool)
        return _numbers(frame, column) != 1

    def _closed(
        self, conditions: Conditions, channel: NDArray[np.intp], ended: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """(n, models) not to be given: no consented channel, excluded, or all is over."""
        closed = channel == NO_CHANNEL
        closed[ended] = True
        for exclusion in self.spec["exclusions"]:
            fits = conditions.hold(exclusion["where"])
            for name in exclusion["models"]:
                closed[fits, self.names.index(name)] = True
        closed[:, -1] = False
        return closed

    def _worth(
        self, cell: NDArray[np.intp], channel: NDArray[np.intp], closed: NDArray[np.bool_],
        today: NDArray[np.intp] | None,
    ) -> Floats:  # fmt: skip
        """(n, models) currency units a customer over the horizon; -inf where it can't be given."""
        models, contacts = self.spec["models"], self._of_models("contacts")
        worth = np.array([c["effect"] for c in self.spec["cells"]], dtype=np.float64)[cell]
        worth = worth - self._costs(channel, priced=False) * contacts
        open_to = ~closed & self._known
        if today is not None:
            is_today = today[:, None] == np.arange(len(models))
            worth = worth - self.spec["switching_cost"] * ~is_today
        open_to[:, -1] = True
        used = np.array([model["used"] for model in models])
        return np.where(
            open_to & used, worth - self._costs(channel, priced=True) * contacts, -np.inf
        )

    @property
    def _known(self) -> NDArray[np.bool_]:
        """(models,) of which something is known; who is in another one stays there."""
        return np.array([model["known"] for model in self.spec["models"]])

    def _of_models(self, figure: str) -> Floats:
        return np.array([model[figure] for model in self.spec["models"]], dtype=np.float64)

    def _costs(self, channel: NDArray[np.intp], priced: bool) -> Floats:
        """(n, models) of one contact: its cost, or what it uses up at the plan's prices."""
        prices = self.spec["prices"]
        of = [
            sum(price * c["uses"].get(name, 0.0) for name, price in prices.items())
            if priced
            else c["cost"]
            for c in self.spec["channels"]
        ]
        return np.array([*of, 0.0], dtype=np.float64)[channel]

    def _reasons(
        self, cell: NDArray[np.intp], channel: NDArray[np.intp], ended: NDArray[np.bool_],
        unmoved: NDArray[np.bool_],
    ) -> list[str]:  # fmt: skip
        names = np.array([f"pays most for {c['name']}" for c in self.spec["cells"]], dtype=object)
        unreached = (channel == NO_CHANNEL).all(axis=1)
        told = np.where(unmoved, self.spec["not_moved"], names[cell])
        told = np.where(unreached, self.spec["not_reached"], told)
        return [str(reason) for reason in np.where(ended, self.spec["ended"], told)]

    def _placed(
        self, conditions: Conditions, cell: NDArray[np.intp]
    ) -> list[tuple[int, NDArray[np.bool_], str]]:
        """Whom profiles chosen by hand and rules place: model, customers, reason; the last wins."""
        names = np.array([c["name"] for c in self.spec["cells"]], dtype=object)
        profiles = [
            (self.names.index(model), names[cell] == of, f"profile chosen for {of}")
            for of, model in self.spec["profiles"].items()
        ]
        rules = [
            (self.names.index(rule["model"]), conditions.hold(rule["where"]), rule["reason"])
            for rule in reversed(self.spec["rules"])
        ]
        return [*profiles, *rules]

    def _evidence(
        self, cell: NDArray[np.intp], model: NDArray[np.intp], today: NDArray[np.intp] | None
    ) -> list[str]:
        """The grade of each customer's effect: the weaker of the model given and today's."""
        grade = np.array([c["grade"] for c in self.spec["cells"]], dtype=np.intp)
        rank = np.array([g["rank"] for g in self.spec["grades"]])
        given = grade[cell, model]
        if today is not None:
            own = grade[cell, today]
            given = np.where(rank[own] > rank[given], own, given)
        return [self.spec["grades"][g]["name"] for g in given]


@dataclass(frozen=True)
class Bundle:
    """All fitted parts of one version, read from plain files and checked one by one."""

    digest: str
    code: str
    about: dict[str, Any]
    facets: dict[str, Facet] = field(repr=False)
    segmentations: Segmentations | None = field(repr=False)
    grid: Grid | None = field(repr=False, default=None)
    categories: Categories | None = field(repr=False, default=None)
    policy: Policy | None = field(repr=False, default=None)

    @classmethod
    def load(cls, folder: str | Path, digest: str | None = None) -> "Bundle":
        """Read a bundle; `digest` is the sha256 its manifest must have, where it is known.

        Raises ValueError naming the file that is changed, missing or added.
        """
        own_digest, manifest, contents = verified(Path(folder), digest)
        files: dict[str, dict[str, bytes]] = {part: {} for part in manifest["parts"]}
        for path, content in contents.items():
            part, name = path.split("/", 1)
            files[part][name] = content
        facets = {part: Facet.read(files[part]) for part in PREDICTIONS if part in files}
        segmentations = Segmentations.read(files["segments"]) if "segments" in files else None
        grid = Grid.read(files["grid"]) if "grid" in files else None
        apart = Categories.read(files["categories"]) if "categories" in files else None
        policy = Policy.read(files["policy"]) if "policy" in files else None
        told = manifest["code"], manifest["about"]
        return cls(own_digest, *told, facets, segmentations, grid, apart, policy)

    @property
    def parts(self) -> list[str]:
        """The names of the parts there are."""
        there: dict[str, object] = {
            "segments": self.segmentations,
            **self.facets,
            "categories": self.categories,
        }
        there |= {"grid": self.grid, "policy": self.policy}
        return [name for name, part in there.items() if part is not None]

    @property
    def inputs(self) -> dict[str, str]:
        """The snapshot's columns that are read, each "number" or "category", in a fixed order."""
        kinds = dict.fromkeys(self.segmentations.features if self.segmentations else [], "number")
        apart = self.categories.facets if self.categories else []
        for facet in (*self.facets.values(), *apart):
            kinds |= facet.inputs
        kinds |= self.grid.inputs if self.grid else {}
        return kinds | (self.policy.inputs if self.policy else {})

    @property
    def optional(self) -> list[str]:
        """Text columns that are read where they are given."""
        return [TODAY] if self.policy else []

    def features(self, part: str) -> list[str]:
        """The features of a part, in the order of its contributions."""
        return self._facet(part).features

    def raw(self, part: str, frame: pd.DataFrame) -> Floats:
        """Raw scores (n,) of a part on its link scale."""
        return self._facet(part).raw(frame)

    def contributions(self, part: str, frame: pd.DataFrame) -> Floats:
        """Contributions (n, features + 1) of a part on its link scale; rows sum to `raw`.

        Raises ValueError where the part has no additive explanation.
        """
        return self._facet(part).contributions(frame)

    def _facet(self, part: str) -> Facet:
        if part not in self.facets:
            raise ValueError(f"no part {part!r} in this bundle; there are {', '.join(self.facets)}")
        return self.facets[part]

    def predict(self, frame: pd.DataFrame, drivers: bool = True) -> pd.DataFrame:
        """Score customers: one row in, one row out, in the same order and with the same index.

        Columns are those of COLUMNS, GRID_COLUMNS and POLICY_COLUMNS whose parts are there, then
        headroom by category: money in currency units, churn a probability, drivers JSON text (most
        of the work, and left out on request), points whole. Raises ValueError for missing columns,
        for customers without an id or with two rows, and for text where numbers are expected.
        """
        self._check(frame)
        starts = range(0, max(len(frame), 1), BLOCK)  # contributions of all would not fit in memory
        return pd.concat([self._scored(frame.iloc[i : i + BLOCK], drivers) for i in starts])

    def _scored(self, frame: pd.DataFrame, drivers: bool) -> pd.DataFrame:
        out: dict[str, Any] = {
            PREDICTIONS[part]: facet.predict(frame) for part, facet in self.facets.items()
        }
        if self.segmentations:
            out |= self.segmentations.assigned(frame, self._usual_potential(frame, out))
        if "potential" in out and "value_expected" in out:
            out["headroom"] = np.maximum(0.0, out["potential"] - out["value_expected"])
        if "churn_probability" in out and "value_if_staying" in out:
            out["value_at_risk"] = out["churn_probability"] * out["value_if_staying"]
        if parts := [out[name] for name in CELL if name in out]:
            out["cell"] = ["/".join(names) for names in zip(*parts, strict=True)]
        out |= self.grid.assigned(frame) if self.grid else {}
        told = {f"drivers_{part}": facet for part, facet in self.facets.items() if drivers}
        out |= {n: facet.drivers(frame) for n, facet in told.items() if n in COLUMNS}
        out |= {key: frame[key] for key in KEYS}
        by_category = self.categories.headroom(frame) if self.categories else {}
        out |= self.policy.assigned(frame, out | by_category) if self.policy else {}
        out["model_digest"] = [self.digest[:16]] * len(frame)
        columns = [n for n in (*COLUMNS, *GRID_COLUMNS, *POLICY_COLUMNS) if n in out]
        typed = {name: _typed(name, out[name]) for name in columns} | by_category
        return pd.DataFrame(typed, index=frame.index)

    def _usual_potential(self, frame: pd.DataFrame, said: dict[str, Any]) -> Floats | None:
        """Potential (n,) as tiers go by it: those of a usual season, frozen."""
        if "potential" not in said:
            return None
        return np.asarray(said["potential"] / self.facets["potential"].seasonal(frame))

    def _check(self, frame: pd.DataFrame) -> None:
        if missing := [name for name in (*KEYS, *self.inputs) if name not in frame.columns]:
            raise ValueError(f"{len(missing)} missing column(s): {', '.join(missing[:10])}")
        ids = frame["customer_id"]
        if ids.isna().any():
            raise ValueError(f"customer_id is null on {ids.isna().sum()} row(s)")
        if (twice := ids[ids.duplicated()].unique()).size:
            named = ", ".join(map(str, twice[:3]))
            raise ValueError(f"{twice.size} customer_id with more than one row, as {named}")


def _typed(name: str, values: Any) -> Any:
    return np.asarray(values, float) if name in NUMBERS else pd.Series(values).astype("str").array


class CustomerModel(PythonModel):
    """The bundle as MLflow loads it; a changed manifest or code file is refused."""

    bundle: Bundle

    def load_context(self, context: Any) -> None:
        """Read and check the bundle stored with the version."""
        digest = context.model_config["manifest_sha256"]
        self.bundle = Bundle.load(context.artifacts["bundle"], digest)
        if sha256(Path(__file__).read_bytes()) != self.bundle.code:
            raise ValueError(f"{__file__}: changed, its sha256 is not the manifest's")

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Score customers; see `Bundle.predict`."""
        return self.bundle.predict(model_input)


# MLflow runs this file under a name of its own; imported by the project it must not announce itself
if __name__ != "facette.registry.customer_model":
    set_model(CustomerModel())
