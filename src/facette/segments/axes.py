"""Two axes of the relation, balance of power and expectation, as scores of every customer.

Few answer a survey. What they answer anchors an axis; a regression on behaviour carries it to all,
and says how far it may be off. Who answers is not drawn at random: respondents count by how rare
their like is among them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype
from scipy.stats import norm
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from facette.errors import BadInput
from facette.segments.anchors import Anchors, anchors
from facette.segments.behaviour import prepared, standardised
from facette.segments.columns import check_numeric, seen_at_fit, seen_later
from facette.segments.respondents import (
    covering,
    customer_folds,
    effective_sample,
    own_share,
    response_weights,
)
from facette.snapshots.catalogue import Feature
from facette.snapshots.panel import Snapshot
from facette.wording import listed


def pooled(snapshots: Sequence[Snapshot]) -> pd.DataFrame:
    """The features of several snapshots below each other: a customer stands there once a date."""
    return pd.concat([snapshot.features for snapshot in snapshots])


class RelationAxes(TransformerMixin, BaseEstimator):
    """A score on each axis for every customer, in standard deviations among respondents.

    `axes`: axis -> answers with their signs (or weights). `common`: answers that tell of no axis;
    what runs through them, pleasure and agreeing, is taken out of the others. `proxies`: axis ->
    behaviour columns with their signs, for an axis that fewer than `least` customers answered to:
    the first principal component, turned to agree with the signs; no interval then. `columns`:
    what the regression sees, None for the behavioural columns of the `catalogue`, or for all that
    are numbers where there is none. `clip_quantile`: each is clipped at this share of customers on
    either side. `folds` of customers; `coverage` of the intervals; `trim`: the quantile of
    respondents' weights above which they are cut.

    An interval covers, for a share `coverage` of customers, the score that their answers would
    give if they were asked (again): cross-conformal (Vovk 2015), weighted as in Tibshirani et al.
    (2019). It is no interval of the true attitude, which is narrower.

    Fitted: `features_`, `notes_`; by axis `reliability_` (Cronbach's alpha), `own_` (the weight of
    own answers against the prediction, for who answered), `width_` (half an interval);
    `respondents_` and `effective_respondents_` (Kish 1965).
    """

    def __init__(
        self, axes: Mapping[str, Mapping[str, float]], common: Sequence[str],
        proxies: Mapping[str, Mapping[str, float]], estimator: Any,
        columns: Sequence[str] | None, clip_quantile: float, folds: int, coverage: float,
        trim: float, least: int, seed: int, catalogue: Mapping[str, Feature] | None = None,
    ) -> None:  # fmt: skip
        self.axes = axes
        self.common = common
        self.proxies = proxies
        self.estimator = estimator
        self.columns = columns
        self.clip_quantile = clip_quantile
        self.folds = folds
        self.coverage = coverage
        self.trim = trim
        self.least = least
        self.seed = seed
        self.catalogue = catalogue

    def fit(self, X: pd.DataFrame, y: Any = None) -> RelationAxes:
        """Learn each axis from (n, d) snapshot rows; a customer may stand there once a date.

        Raises:
            BadInput: an axis has too few respondents and no proxies, or a column that is named
                is absent or holds no numbers.
        """
        frame = seen_at_fit(self, X)
        self.notes_ = list[str]()
        self.names_ = list(dict.fromkeys([*self.axes, *self.proxies]))
        self._check()
        key = self._answered(frame)
        self.components_ = {
            name: self._component(frame, name) for name in self.names_ if name not in key
        }
        self.reliability_ = dict[str, float]()
        self.own_, self.width_ = dict[str, float](), dict[str, float]()
        self.models_, self.prepared_ = dict[str, Any](), list[dict[str, Any]]()
        self.respondents_, self.effective_respondents_ = 0, 0.0
        self.anchors_: Anchors | None = None
        if key:
            self._learn(frame, key)
        self.features_ = self._read()
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """For each axis, `<axis>`, `<axis>_low` and `<axis>_high` of each of the n customers.

        Who answered has a blend of own score and prediction by their precision (Kelley 1947, with
        the prediction in place of the group's mean); the others have the prediction.

        Raises:
            BadInput: a column that was read at fit is missing.
        """
        check_is_fitted(self)
        frame = seen_later(self, X, self.features_)
        answered = self.anchors_.scores(frame) if self.anchors_ else None
        made: dict[str, np.ndarray] = {}
        for name in self.names_:
            score, half = self._scored(frame, name, answered)
            made |= {name: score, f"{name}_low": score - half, f"{name}_high": score + half}
        return pd.DataFrame(made, index=frame.index)

    def doubt(self, X: pd.DataFrame) -> pd.DataFrame:
        """The standard deviation of each customer's attitude around the score on each axis.

        It is narrower than the interval, which also holds what an answer misses of the attitude; as
        wide where reliability is not known, NaN where an axis is not anchored.
        """
        check_is_fitted(self)
        frame = seen_later(self, X, self.features_)
        answered = self.anchors_.scores(frame) if self.anchors_ else None
        made = {name: self._doubted(name, len(frame), answered) for name in self.names_}
        return pd.DataFrame(made, index=frame.index)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """The columns that `transform` gives."""
        check_is_fitted(self)
        names = [f"{n}{end}" for n in self.names_ for end in ("", "_low", "_high")]
        return np.array(names, dtype=object)

    def plain(self) -> dict[str, Any]:
        """All that was fitted, in plain numbers; of a tree booster, its text."""
        check_is_fitted(self)
        told = self.anchors_
        return {
            "kind": "axes", "axes": self.names_, "columns": self.prepared_,
            "anchors": {k: _listed(v) for k, v in vars(told).items()} if told else None,
            "models": {name: _plain(model) for name, model in self.models_.items()},
            "components": self.components_, "reliability": self.reliability_, "own": self.own_,
            "width": self.width_, "respondents": self.respondents_,
            "effective_respondents": self.effective_respondents_, "coverage": self.coverage,
        }  # fmt: skip

    def _check(self) -> None:
        if not self.names_:
            raise BadInput("axes: no axis is named; give answers in axes, or columns in proxies")
        if not 0 < self.coverage < 1 or not 0 < self.trim <= 1:
            raise BadInput(
                f"coverage {self.coverage} and trim {self.trim} are shares; choose between 0 and 1"
            )

    def _answered(self, frame: pd.DataFrame) -> dict[str, dict[str, float]]:
        """The key of the axes that enough customers answered to; each other one needs proxies."""
        key = {}
        for name, signed in self.axes.items():
            asked = {c: s for c, s in signed.items() if c in frame and frame[c].notna().any()}
            answers = int(frame[list(asked)].notna().any(axis=1).sum()) if asked else 0
            if answers >= self.least:
                key[name] = asked
                left = [c for c in signed if c not in asked]
                self.notes_ += [f"axis {name} goes without {listed(left)}: no answers"] * bool(left)
            elif not self.proxies.get(name):
                raise BadInput(
                    f"axes.{name}: {answers:,} answers to {listed(signed)}, and {self.least} are "
                    f"needed; name behaviour columns with signs in proxies.{name}, or leave it out"
                )
        check_numeric(frame, {item for signed in key.values() for item in signed}, "axes")
        return key

    def _component(self, frame: pd.DataFrame, name: str) -> dict[str, Any]:
        signs = self.proxies[name]
        check_numeric(frame, signs, f"proxies.{name}")
        known = [c for c in signs if frame[c].nunique() > 1]
        if not known:
            raise BadInput(f"proxies.{name}: none of {listed(signs)} varies between customers")
        columns = [prepared(frame[c], self.clip_quantile) for c in known]
        z = standardised(frame, columns)
        loadings = np.linalg.svd(z - z.mean(axis=0), full_matrices=False)[2][0]
        loadings = loadings * (1 if loadings @ [signs[c] for c in known] >= 0 else -1)
        spread = float((z @ loadings).std()) or 1.0
        self.notes_.append(
            f"axis {name} is not anchored: no survey, the first component of {listed(known)}"
        )
        return {"columns": columns, "loadings": (loadings / spread).tolist()}

    def _learn(self, frame: pd.DataFrame, key: dict[str, dict[str, float]]) -> None:
        used = {item for signed in key.values() for item in signed}
        common = [c for c in self.common if c in frame and c not in used]
        self.anchors_ = anchors(frame, key, common)
        seen = self._seen(frame)
        self.prepared_ = [prepared(frame[c], self.clip_quantile) for c in seen]
        z = _named(standardised(frame, self.prepared_), frame.index)
        scores, alphas = self.anchors_.scores(frame), self.anchors_.reliability(frame)
        responded = ~np.isnan(scores).all(axis=1)
        weights = response_weights(z, responded, self.folds, self.seed, self.trim)
        self.respondents_, self.effective_respondents_ = effective_sample(weights, z.index)
        for i, name in enumerate(key):
            self._learn_axis(name, z, scores[:, i], float(alphas[i]), weights)
        self._say(common)

    def _seen(self, frame: pd.DataFrame) -> list[str]:
        if self.columns is not None:
            check_numeric(frame, self.columns, "columns")
            wanted = list(self.columns)
        elif self.catalogue is not None:
            wanted = [n for n, f in self.catalogue.items() if f.behavioural and n in frame]
        else:
            answers = {*self.common, *(item for signed in self.axes.values() for item in signed)}
            wanted = [c for c in frame if c not in answers and is_numeric_dtype(frame[c])]
        kept = [c for c in wanted if frame[c].nunique() > 1]
        if not kept:
            raise BadInput(
                f"columns: none of {listed(wanted) or 'the columns'} varies between customers; "
                "name behaviour columns that do"
            )
        return kept

    def _learn_axis(
        self, name: str, z: pd.DataFrame, score: np.ndarray, alpha: float, weights: np.ndarray
    ) -> None:  # fmt: skip
        known = ~np.isnan(score)
        mine, told, weight = z[known], score[known], weights[known]
        blind = np.empty(len(told))
        for fitted, held in customer_folds(mine.index, self.folds, self.seed):
            model = self._model(mine.iloc[fitted], told[fitted], weight[fitted])
            blind[held] = model.predict(mine.iloc[held])
        missed = told - blind
        self.models_[name] = self._model(mine, told, weight)
        self.reliability_[name] = alpha
        self.own_[name] = own_share(missed, told, alpha, weight)
        self.width_[name] = covering(np.abs(missed), weight, self.coverage)

    def _model(self, rows: pd.DataFrame, score: np.ndarray, weight: np.ndarray) -> Any:
        return clone(self.estimator).fit(rows, score, sample_weight=weight)

    def _say(self, common: list[str]) -> None:
        told = (f"{n} {a:.2f}" for n, a in self.reliability_.items() if not np.isnan(a))
        self.notes_.append(
            f"axes are anchored by {self.respondents_:,} respondents, worth "
            f"{self.effective_respondents_:,.0f} drawn at random (Kish); reliability (Cronbach's "
            f"alpha): {listed(told) or 'not known of single answers'}"
        )
        if not common:
            self.notes_.append(
                "no answer outside the axes: agreeing to everything is not taken out"
            )

    def _scored(
        self, frame: pd.DataFrame, name: str, answered: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """(n,) scores and half intervals."""
        if name in self.components_:
            part = self.components_[name]
            score = standardised(frame, part["columns"]) @ np.array(part["loadings"])
            return score, np.full(len(frame), np.nan)
        assert self.anchors_ is not None
        assert answered is not None
        score = self.models_[name].predict(_named(standardised(frame, self.prepared_), frame.index))
        own = answered[:, self.anchors_.axes.index(name)]
        share = np.where(np.isnan(own), 0, self.own_[name])
        blend = score + share * (np.nan_to_num(own) - score)
        return blend, self.width_[name] * np.sqrt(1 - share**2)

    def _doubted(self, name: str, n: int, answered: np.ndarray | None) -> np.ndarray:
        if self.anchors_ is None or answered is None or name not in self.width_:
            return np.full(n, np.nan)
        missed = self.width_[name] / norm.ppf((1 + self.coverage) / 2)
        share, own = self.own_[name], answered[:, self.anchors_.axes.index(name)]
        if share == 0:
            return np.full(n, missed)
        return missed * np.sqrt(share * np.where(np.isnan(own), 1, 1 - share))

    def _read(self) -> list[str]:
        names = [c["name"] for c in self.prepared_]
        names += [c["name"] for part in self.components_.values() for c in part["columns"]]
        names += [*self.anchors_.items, *self.anchors_.common] if self.anchors_ else []
        return list(dict.fromkeys(names))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _named(z: np.ndarray, customers: pd.Index) -> pd.DataFrame:
    return pd.DataFrame(z, customers, columns=[f"column_{i}" for i in range(z.shape[1])])


def _plain(model: Any) -> dict[str, Any]:
    """A linear model's numbers, a booster's text, a blend's members; else its name alone."""
    if hasattr(model, "booster_"):
        return {"kind": "booster", "text": model.booster_.model_to_string(num_iteration=-1)}
    if hasattr(model, "coef_"):
        return {"kind": "linear", "weights": model.coef_.tolist(), "base": float(model.intercept_)}
    if hasattr(model, "estimators_"):
        return {"kind": "mean", "members": [_plain(member) for member in model.estimators_]}
    return {"kind": type(model).__name__}


def _listed(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else list(value)
