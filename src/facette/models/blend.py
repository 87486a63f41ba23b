"""Members blended on the link scale, so that contributions of features still add up exactly.

    value   log E[Y | x] = log(offset) + sum of weight x member + constant
    churn   log-odds     = sum of weight x member's log-odds

The offset is what a customer was worth, faded with age: a forecast by itself, which members
correct. Members are LightGBM's estimators, or others that tell themselves as a linear form
(`as_linear`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.metrics import mean_tweedie_deviance
from sklearn.utils import Tags, assert_all_finite, check_consistent_length, column_or_1d
from sklearn.utils.validation import check_is_fitted, validate_data

from facette.errors import BadInput
from facette.models.evaluation import nats
from facette.models.learner import Losses, Mix, has_log_link, is_lightgbm, with_safe_names
from facette.models.ridge_logistic import GAPS, linear_terms, two_classes


def _sum(columns: np.ndarray) -> np.ndarray:
    """The sum of each row, column by column, as the package adds."""
    return reduce(np.add, columns.T, np.zeros(len(columns)))


@dataclass(frozen=True)
class Offset:
    """A forecast `floor + sum of weight x window` above 0, in currency units.

    Contributions are those of Aumann and Shapley on the straight way from `center` (integrated
    gradients: Sundararajan, Taly & Yan 2017): each window has the share of the change in the
    logarithm that it has in the change of the sum, exactly.
    """

    columns: tuple[str, ...]
    weights: np.ndarray
    center: np.ndarray
    floor: float

    def log(self, frame: pd.DataFrame) -> np.ndarray:
        """(n,) logarithms of the forecast; a missing window counts as nothing spent."""
        return np.log(self.floor + np.maximum(_sum(self._amounts(frame)), 0.0))

    def contributions(self, frame: pd.DataFrame) -> np.ndarray:
        """(n, k) what each window adds to the logarithm of the forecast at the centre."""
        away = self._amounts(frame) - self.weights * self.center
        whole = _sum(away)
        moved = self.log(frame) - self.base
        slope = np.divide(moved, whole, out=np.full(len(frame), np.exp(-self.base)),
                          where=np.abs(whole) > 1e-9 * np.exp(self.base))  # fmt: skip
        return away * slope[:, None]

    @property
    def base(self) -> float:
        """The logarithm of the forecast at the centre."""
        return float(np.log(self.floor + (self.weights * self.center).sum()))

    def _amounts(self, frame: pd.DataFrame) -> np.ndarray:
        spent = frame[list(self.columns)].to_numpy(dtype=float)
        return self.weights * np.where(np.isfinite(spent), spent, 0.0)

    def told(self) -> dict[str, Any]:
        """The offset in plain numbers."""
        return {
            "columns": list(self.columns),
            "weights": self.weights.tolist(),
            "center": self.center.tolist(),
            "floor": self.floor,
        }


def offset_of(
    frame: pd.DataFrame, y: np.ndarray, columns: Sequence[str] | None, floor_share: float
) -> Offset:
    """The offset that adds up to the training outcomes: the mean of the columns that are there.

    `floor_share` of the mean outcome is expected of everybody. The centre is the mean of the
    columns, brought to where the logarithm of the forecast has its mean. A constant where none of
    the columns is there, or all are 0 for everybody.

    Raises:
        BadInput: the share is not above 0 and below 1, so that a logarithm would have no end.
    """
    if not 0 < floor_share < 1:
        raise BadInput(f"floor_share: above 0 and below 1 expected, found {floor_share}")
    mean = float(y.mean())
    there = tuple(column for column in columns or () if column in frame)
    alike = Offset(there, np.ones(len(there)), np.zeros(len(there)), 0.0)
    total = np.maximum(_sum(alike._amounts(frame)), 0.0).mean()
    if not total > 0:
        return Offset((), np.zeros(0), np.zeros(0), mean)
    weights = alike.weights * (1 - floor_share) * mean / total
    made = Offset(there, weights, alike.center, floor_share * mean)
    usual = frame[list(there)].clip(lower=0).fillna(0).mean().to_numpy(dtype=float)
    reached = np.exp(made.log(frame).mean()) - made.floor
    return Offset(there, weights, usual * (reached / (weights * usual).sum()), made.floor)


@dataclass(frozen=True)
class Member:
    """A fitted member: its score on the link scale, its contributions, its plain form."""

    estimator: Any

    def raw(self, frame: pd.DataFrame) -> np.ndarray:
        """(n,) scores, the offset left aside."""
        if is_lightgbm(self.estimator):
            return self._boosted(frame, raw_score=True)
        return _sum(self.contributions(frame))

    def stages(self, frame: pd.DataFrame, step: int) -> Iterator[np.ndarray]:
        """Scores (n,) after each `step` trees; the same again and again of what has no trees."""
        if not is_lightgbm(self.estimator):
            last = self.raw(frame)
            while True:
                yield last
        so_far, coded = np.zeros(len(frame)), _coded(frame)  # not again for every step
        for start in range(0, self.estimator.n_estimators - step + 1, step):
            so_far = so_far + self.estimator.booster_.predict(
                coded, raw_score=True, start_iteration=start, num_iteration=step
            )
            yield so_far

    def contributions(self, frame: pd.DataFrame) -> np.ndarray:
        """(n, p + 1), the last column the base; TreeSHAP of LightGBM, terms of a linear form."""
        if is_lightgbm(self.estimator):
            return self._boosted(frame, pred_contrib=True)
        told = self.estimator.as_linear()
        terms = linear_terms(told, _numbers(frame).to_numpy())
        return np.column_stack([terms, np.full(len(frame), told["intercept"])])

    def told(self, name: str) -> tuple[dict[str, Any], dict[str, bytes]]:
        """The member in plain numbers, and the file beside it, if any."""
        if is_lightgbm(self.estimator):
            file = f"{name}.txt"
            text = self.estimator.booster_.model_to_string(num_iteration=-1)
            return {"kind": "booster", "file": file}, {file: text.encode()}
        return {"kind": "linear", **self.estimator.as_linear()}, {}

    def _boosted(self, frame: pd.DataFrame, **what: Any) -> np.ndarray:
        return np.asarray(self.estimator.predict(with_safe_names(frame), **what))


def _numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame for a linear form, in which categories count for nothing."""
    texts = [c for c in frame if not pd.api.types.is_numeric_dtype(frame[c])]
    return frame.assign(**dict.fromkeys(texts, 0.0)).astype(float)


def _coded(frame: pd.DataFrame) -> np.ndarray:
    """The frame as the package gives it to a booster: a category as its code, NaN if unknown."""
    return np.column_stack(
        [
            column.cat.codes.replace(-1, np.nan).to_numpy(float)
            if isinstance(column.dtype, pd.CategoricalDtype)
            else column.to_numpy(float)
            for _, column in frame.items()
        ]
    )


def _for(estimator: Any, frame: pd.DataFrame) -> pd.DataFrame:
    return with_safe_names(frame) if is_lightgbm(estimator) else _numbers(frame)


def _lesson(estimator: BaseEstimator, X: Any, y: Any) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows and outcomes, checked; of a frame, categories stay categories."""
    if not isinstance(X, pd.DataFrame):
        matrix, outcome = validate_data(estimator, X, y, **GAPS)
        return _named(matrix), outcome
    validate_data(estimator, X, skip_check_array=True)
    check_consistent_length(X, y)
    outcome = column_or_1d(y)
    assert_all_finite(outcome)
    return X, outcome


def _frame(estimator: BaseEstimator, X: Any) -> pd.DataFrame:
    """Rows to score, checked."""
    check_is_fitted(estimator)
    if not isinstance(X, pd.DataFrame):
        return _named(validate_data(estimator, X, reset=False, **GAPS))
    validate_data(estimator, X, reset=False, skip_check_array=True)
    return X


def _named(matrix: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(matrix, columns=[f"x{i}" for i in range(matrix.shape[1])])


def _weights(members: Mapping[str, Any], weights: Sequence[float] | None) -> dict[str, float]:
    """The weight of each member, the same for all where none are given; not of those of none.

    Raises:
        BadInput: a member has no plain form, or members and weights are not as many.
    """
    for name, member in members.items():
        if not name.isidentifier():
            raise BadInput(
                f"members: '{name}' is no name of a file; letters, digits and _ expected"
            )
        if not is_lightgbm(member) and not hasattr(member, "as_linear"):
            raise BadInput(
                f"members.{name}: a {type(member).__name__} has no additive form; members are "
                "LightGBM's estimators or facette's linear ones"
            )
    given = [1 / len(members)] * len(members) if weights is None else weights
    if len(given) != len(members) or min(given) < 0 or not any(given):
        raise BadInput(
            f"weights: one for each of the {len(members)} members ({', '.join(members)}), none "
            f"below 0 and not all of them 0, expected; found {list(given)}"
        )
    return {name: weight for name, weight in zip(members, given, strict=True) if weight}


def _told(blend: Any) -> tuple[dict[str, Any], dict[str, bytes]]:
    members, files = [], dict[str, bytes]()
    for name, member in blend.members_.items():
        told, own = member.told(name)
        members.append({"name": name, "weight": blend.weights_[name], **told})
        files |= own
    return {"kind": "blend", "members": members}, files


def _grown(members: Mapping[str, Any], trees: int) -> dict[str, Any]:
    return {
        name: clone(m).set_params(n_estimators=trees) if is_lightgbm(m) else m
        for name, m in members.items()
    }


def _blended(blend: Any, frame: pd.DataFrame) -> np.ndarray:
    scores = [blend.weights_[name] * m.raw(frame) for name, m in blend.members_.items()]
    return _sum(np.column_stack(scores))


def _blended_contributions(blend: Any, frame: pd.DataFrame) -> np.ndarray:
    return sum(blend.weights_[name] * m.contributions(frame) for name, m in blend.members_.items())


def _tried(blend: Any) -> Sequence[Sequence[float]]:
    """The weights that validation chooses among.

    Raises:
        BadInput: there are none, they don't fit the members, or a step is more than all trees.
    """
    tried = blend.tried if blend.weights is None else [blend.weights]
    if not tried:
        raise BadInput("tried: no weights to choose among; list some, or give weights")
    for weights in tried:
        _weights(blend.members, weights)
    grown = [m.n_estimators for m in blend.members.values() if is_lightgbm(m)]
    if grown and not 0 < blend.trees_step <= min(grown):
        raise BadInput(
            f"trees_step: from 1 to n_estimators ({min(grown)}) expected, found {blend.trees_step}"
        )
    return tried


def _stages(
    members: Mapping[str, Member], frame: pd.DataFrame, step: int
) -> Iterator[tuple[int, list[np.ndarray]]]:
    """Numbers of trees, and the members' scores (n,) with so many."""
    each = [member.stages(frame, step) for member in members.values()]
    for i, scores in enumerate(zip(*each, strict=False)):
        yield (i + 1) * step, list(scores)
        if not any(is_lightgbm(member.estimator) for member in members.values()):
            return


class BlendRegressor(RegressorMixin, BaseEstimator):
    """Expected amounts with a log link: an offset, corrected by members.

    A member with a log link (Tweedie, Poisson) is fitted around the offset. Any other is fitted on
    log((y + floor) / offset), each row weighing min(offset / its mean, `row_weight_cap`) to the
    power `row_weight_power`: what is nearly nothing has wild logarithms. The blend is brought to
    the training total. A negative outcome is learnt as 0.

    `weights` are in the order of `members`. Where null, validation (`losses`) chooses among those
    `tried`, by the deviance of `deviance_power`, together with the number of trees, a multiple of
    `trees_step` up to `n_estimators`; without validation they are equal. `offset` names the columns
    whose mean is the offset (`offset_of`); null: the mean outcome.
    """

    link = "log"

    def __init__(
        self, members: Mapping[str, Any], weights: Sequence[float] | None,
        tried: Sequence[Sequence[float]], trees_step: int,
        offset: Sequence[str] | None, floor_share: float, row_weight_power: float,
        row_weight_cap: float, deviance_power: float,
    ) -> None:  # fmt: skip
        self.members = members
        self.weights = weights
        self.tried = tried
        self.trees_step = trees_step
        self.offset = offset
        self.floor_share = floor_share
        self.row_weight_power = row_weight_power
        self.row_weight_cap = row_weight_cap
        self.deviance_power = deviance_power

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> BlendRegressor:
        """Fit on (n, p) features, text as pandas categories, and (n,) outcomes.

        Raises:
            BadInput: no outcome is above 0, or members and weights don't fit each other.
        """
        frame, outcome = _lesson(self, X, y)
        self.weights_ = _weights(self.members, self.weights)
        spent = _spent(outcome)
        self._fit_members(frame, spent, list(self.weights_))
        self.constant_ = _level(spent, self.offset_.log(frame) + _blended(self, frame))
        return self

    def _fit_members(self, frame: pd.DataFrame, y: np.ndarray, names: Sequence[str]) -> None:
        self.offset_ = offset_of(frame, y, self.offset, self.floor_share)
        log_offset = self.offset_.log(frame)
        self.members_ = {n: Member(self._fitted(n, frame, y, log_offset)) for n in names}

    def _fitted(
        self, name: str, frame: pd.DataFrame, y: np.ndarray, log_offset: np.ndarray
    ) -> BaseEstimator:
        member = clone(self.members[name])
        seen = _for(member, frame)
        if has_log_link(member):
            # in units of the mean, so that no penalty depends on the currency
            return member.fit(seen, y / y.mean(), init_score=log_offset - np.log(y.mean()))
        share = np.exp(log_offset - log_offset.max())
        weight = np.minimum(share / share.mean(), self.row_weight_cap) ** self.row_weight_power
        ratio = np.log(y + self.floor_share * y.mean()) - log_offset
        return member.fit(seen, ratio, sample_weight=weight)

    def raw(self, X: pd.DataFrame) -> np.ndarray:
        """(n,) logarithms of the expected amounts."""
        frame = _frame(self, X)
        return self.offset_.log(frame) + _blended(self, frame) + self.constant_

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """(n,) expected amounts."""
        return np.exp(self.raw(X))

    def contributions(self, X: pd.DataFrame) -> np.ndarray:
        """(n, p + 1) on the log scale, the last column the base; rows sum to `raw`."""
        frame = _frame(self, X)
        parts = _blended_contributions(self, frame)
        places = [frame.columns.get_loc(c) for c in self.offset_.columns]
        parts[:, places] += self.offset_.contributions(frame)
        parts[:, -1] += self.offset_.base + self.constant_
        return parts

    def losses(self, early: tuple[Any, np.ndarray], late: tuple[Any, np.ndarray]) -> Losses:
        """Deviance on late rows, brought to their total, of each mix fitted on early rows."""
        frame, y = late[0], _spent(late[1])
        once, tried = clone(self), _tried(self)
        once._fit_members(early[0], _spent(early[1]), list(self.members))
        log_offset, found = once.offset_.log(frame), Losses()
        for trees, scores in _stages(once.members_, frame, self.trees_step):
            for weights in tried:
                raw = log_offset + np.column_stack(scores) @ np.array(weights)
                expected = np.exp(raw + _level(y, raw)) / y.mean()
                found[Mix(trees, tuple(weights))] = mean_tweedie_deviance(
                    y / y.mean(), expected, power=self.deviance_power
                )
        return found

    def grow(self, mix: Mix) -> BlendRegressor:
        """Take on what validation chose."""
        return self.set_params(members=_grown(self.members, mix.trees), weights=list(mix.weights))

    def as_blend(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """The blend in plain numbers, and the members' files."""
        told, files = _told(self)
        return told | {"offset": self.offset_.told(), "constant": self.constant_}, files

    def __sklearn_tags__(self) -> Tags:
        tags = _tolerant(super().__sklearn_tags__())
        tags.regressor_tags.poor_score = True  # where half of what is to be predicted is below 0
        return tags


def _spent(y: np.ndarray) -> np.ndarray:
    if not (y > 0).any():
        raise BadInput("a log link needs outcomes above 0, and there is none to learn from")
    return np.maximum(y, 0.0).astype(float)


def _level(y: np.ndarray, raw: np.ndarray) -> float:
    """What brings predictions exp(raw) to the total of the outcomes."""
    return float(np.log(y.sum() / np.exp(raw).sum()))


def _tolerant(tags: Tags) -> Tags:
    tags.input_tags.allow_nan = True
    return tags


class BlendClassifier(ClassifierMixin, BaseEstimator):
    """The probability of the second class: a weighted sum of members' log-odds.

    A geometric pool of their opinions (Genest & Zidek 1986), weights in the order of `members`.
    Where null, validation (`losses`) chooses among those `tried`, by log loss, together with the
    number of trees, a multiple of `trees_step` up to `n_estimators`; without it they are equal.
    """

    link = "logit"

    def __init__(
        self, members: Mapping[str, Any], weights: Sequence[float] | None,
        tried: Sequence[Sequence[float]], trees_step: int,
    ) -> None:  # fmt: skip
        self.members = members
        self.weights = weights
        self.tried = tried
        self.trees_step = trees_step

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> BlendClassifier:
        """Fit on (n, p) features, text as pandas categories, and (n,) outcomes of two classes.

        Raises:
            BadInput: members and weights don't fit each other.
        """
        frame, outcome = _lesson(self, X, y)
        self.classes_, code = two_classes(outcome)
        self.weights_ = _weights(self.members, self.weights)
        self._fit_members(frame, code, list(self.weights_))
        return self

    def _fit_members(self, frame: pd.DataFrame, code: np.ndarray, names: Sequence[str]) -> None:
        each = {name: clone(self.members[name]) for name in names}
        self.members_ = {n: Member(m.fit(_for(m, frame), code)) for n, m in each.items()}

    def raw(self, X: pd.DataFrame) -> np.ndarray:
        """(n,) log-odds of the second class."""
        return _blended(self, _frame(self, X))

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """(n, 2) probabilities."""
        p = expit(self.raw(X))
        return np.column_stack([1 - p, p])

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """(n,) the likelier class."""
        likelier = (self.raw(X) > 0).astype(int)
        return self.classes_[likelier]

    def contributions(self, X: pd.DataFrame) -> np.ndarray:
        """(n, p + 1) of log-odds, the last column the base; rows sum to `raw`."""
        return _blended_contributions(self, _frame(self, X))

    def losses(self, early: tuple[Any, np.ndarray], late: tuple[Any, np.ndarray]) -> Losses:
        """Log loss on late rows of each mix fitted on early rows."""
        once, tried, found = clone(self), _tried(self), Losses()
        once._fit_members(early[0], np.asarray(early[1]).astype(int), list(self.members))
        for trees, scores in _stages(once.members_, late[0], self.trees_step):
            for weights in tried:
                p = expit(np.column_stack(scores) @ np.array(weights))
                found[Mix(trees, tuple(weights))] = float(nats(late[1], p).mean())
        return found

    def grow(self, mix: Mix) -> BlendClassifier:
        """Take on what validation chose."""
        return self.set_params(members=_grown(self.members, mix.trees), weights=list(mix.weights))

    def as_blend(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """The blend in plain numbers, and the members' files."""
        told, files = _told(self)
        return told | {"offset": None, "constant": 0.0}, files

    def __sklearn_tags__(self) -> Tags:
        tags = _tolerant(super().__sklearn_tags__())
        tags.classifier_tags.multi_class = False
        return tags
