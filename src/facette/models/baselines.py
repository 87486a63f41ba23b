"""What a user would pick instead: forecasts that every model has to beat, in the same table.

A baseline without its window is None ("not available"), never 0.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from facette.models.validation import sample, seen_by_models
from facette.snapshots.panel import Panel, Snapshot
from facette.snapshots.spec import SnapshotSpec

Forecasts = dict[str, np.ndarray | None]
GAPS: dict[str, Any] = {"dtype": float, "ensure_all_finite": "allow-nan"}


class NaiveForecast(RegressorMixin, BaseEstimator):
    """The first feature, times `factor`: what was, goes on."""

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> NaiveForecast:
        """Nothing to learn but the mean, which explanations start from."""
        matrix, _ = validate_data(self, X, y, y_numeric=True, **GAPS)
        self.center_ = float(np.nanmean(matrix[:, 0]))
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """(n,) the first column times the factor; the mean stands in for a missing value."""
        check_is_fitted(self)
        first = validate_data(self, X, reset=False, **GAPS)[:, 0]
        return self.factor * np.where(np.isnan(first), self.center_, first)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan, tags.regressor_tags.poor_score = True, True
        return tags

    def as_linear(self) -> dict[str, Any]:
        """The forecast as intercept, centres and coefficients."""
        others = [0.0] * (self.n_features_in_ - 1)
        return {
            "transforms": ["identity"] * self.n_features_in_,
            "center": [self.center_, *others],
            "coefficients": [self.factor, *others],
            "intercept": self.factor * self.center_,
        }


def rfm(snapshot: Snapshot) -> np.ndarray:
    """Recency, frequency, money as (n, 3): days, log days of purchase, log spend a horizon."""
    context = snapshot.context
    recency = snapshot.features["recency_days"]
    frequency = np.log1p(context["history_days"] / np.maximum(context["tenure_days"], 1) * 365)
    money = np.log1p(context["value_annualised"].clip(lower=0))
    return np.column_stack([recency, frequency, money])


def value_forecasts(panel: Panel) -> tuple[Forecasts, list[str]]:
    """Forecasts of value at the test date, in currency units, and what is to be said of them."""
    context, notes = panel.test.context, list[str]()
    assert isinstance(panel.spec, SnapshotSpec)
    made: Forecasts = {**past_value(panel.test), "ridge_rfm": _ridge(panel)}
    made["bg_nbd_gamma_gamma"], said = buy_till_you_die(context, panel.spec.horizon_days)
    notes += [f"baseline BG/NBD + Gamma-Gamma: {said}"] if said else []
    return made, notes


def past_value(snapshot: Snapshot) -> Forecasts:
    """What was, goes on: value of past windows of the same length, (n,) each."""
    context = snapshot.context
    return {
        "last_window": _available(context["value_current"]),
        "year_ago": _available(context["value_year_ago"]),
        "annualised": _available(context["value_annualised"]),
    }


def _available(column: pd.Series) -> np.ndarray | None:
    return None if column.isna().all() else column.to_numpy()


def _ridge(panel: Panel) -> np.ndarray:
    """Ridge on RFM with the past level itself beside its logarithm; no forecast below 0."""

    def matrix(snapshot: Snapshot) -> np.ndarray:
        return np.column_stack([rfm(snapshot), snapshot.context["value_annualised"]])

    x = np.vstack([matrix(s)[_known(s, "value")] for s in panel.training])
    y = sample(panel.training, "value").outcome
    model = make_pipeline(SimpleImputer(), StandardScaler(), RidgeCV(np.logspace(-3, 3, 7)))
    return np.maximum(model.fit(x, y).predict(matrix(panel.test)), 0)


def _known(snapshot: Snapshot, outcome: str) -> np.ndarray:
    assert snapshot.outcomes is not None
    return snapshot.outcomes[outcome].notna().to_numpy()


def buy_till_you_die(
    context: pd.DataFrame, horizon_days: int
) -> tuple[np.ndarray | None, str | None]:
    """BG/NBD x Gamma-Gamma (Fader, Hardie & Lee 2005) from what was known at the date.

    Returns the forecast, or None, and a sentence where it failed or its assumption of independence
    between frequency and spend per purchase is in doubt.
    """
    frequency = np.maximum(context["history_days"].to_numpy() - 1, 0)  # 0: only refunds known
    recency = context["history_recency_days"].to_numpy()
    age = context["tenure_days"].to_numpy()
    known = ~np.isnan(age)  # a lead, without any purchase, is expected to stay one
    spend = np.where(frequency > 0, context["history_repeat_value"] / np.maximum(frequency, 1), 0)
    buyers = (frequency > 0) & (spend > 0)
    if buyers.sum() < 50:
        return None, "not available, fewer than 50 customers bought again"
    with warnings.catch_warnings(), redirect_stdout(StringIO()):
        warnings.simplefilter("ignore")
        from lifetimes import BetaGeoFitter, GammaGammaFitter

        try:
            visits = BetaGeoFitter(penalizer_coef=0.0).fit(
                frequency[known], recency[known], age[known]
            )
            money = GammaGammaFitter(penalizer_coef=0.0).fit(frequency[buyers], spend[buyers])
        except Exception as error:  # lifetimes raises several unrelated classes
            return None, f"not available, the fit did not converge ({type(error).__name__})"
        expected = np.zeros(len(context))
        expected[known] = visits.conditional_expected_number_of_purchases_up_to_time(
            horizon_days, frequency[known], recency[known], age[known]
        )
        each = money.conditional_expected_average_profit(frequency, spend)
    forecast = np.asarray(expected) * np.asarray(each)
    if not np.isfinite(forecast).all() or money.params_["q"] <= 1 or np.min(each) < 0:
        return None, "not available, the expected spend per purchase exploded"
    tie = float(np.corrcoef(frequency[buyers], spend[buyers])[0, 1])
    said = f"frequency and spend per purchase correlate ({tie:.2f}); it assumes that they do not"
    return forecast, said if abs(tie) > 0.3 else None


def potential_forecasts(panel: Panel, tau: float) -> Forecasts:
    """Quantiles of value at the test date: one for all, and one per tenth of purchase cadence."""
    return _quantiles(panel, tau, "peer_group", "gap_mean_days")


def upside_forecasts(panel: Panel, tau: float) -> Forecasts:
    """Quantiles of value at the test date: one for all, and one per tenth of past spend.

    Past spend is current value, or all of it brought to the horizon where a training date has too
    little history for that.
    """
    known = all(s.context["value_current"].notna().all() for s in panel.snapshots)
    return _quantiles(panel, tau, "spend_group", "value_current" if known else "value_annualised")


def _quantiles(panel: Panel, tau: float, name: str, column: str) -> Forecasts:
    """The tau-quantile of all in training, and under `name` that of each tenth of a column."""
    s, test = sample(panel.training, "value"), seen_by_models(panel.test)
    overall = float(np.quantile(s.outcome, tau))
    known = s.frame[column].to_numpy()
    cuts = np.nanquantile(known, np.linspace(0, 1, 11)[1:-1])
    groups = _bands(known, cuts)
    by_group = {g: float(np.quantile(s.outcome[groups == g], tau)) for g in np.unique(groups)}
    tested = _bands(test[column].to_numpy(), cuts)
    return {
        "same_for_all": np.full(len(panel.test), overall),
        name: np.array([by_group.get(g, overall) for g in tested]),
    }


def _bands(values: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(values), -1, np.searchsorted(cuts, values))


def churn_forecasts(panel: Panel, active: np.ndarray) -> Forecasts:
    """Probabilities of leaving at the test date for the active customers (boolean mask)."""
    x = np.vstack([rfm(s)[_known(s, "churned")] for s in panel.training])
    y = sample(panel.training, "churned").outcome
    tested = rfm(panel.test)[active]
    columns: Mapping[str, list[int]] = {"recency": [0], "logistic_rfm": [0, 1, 2]}
    made: Forecasts = {"base_rate": np.full(len(tested), y.mean())}
    for name, chosen in columns.items():
        model = logistic().fit(x[:, chosen], y)
        made[name] = model.predict_proba(tested[:, chosen])[:, 1]
    return made


def logistic() -> Any:
    """Imputed, standardised logistic regression."""
    imputer = SimpleImputer(keep_empty_features=True)
    return make_pipeline(imputer, StandardScaler(), LogisticRegression(max_iter=1000))


class LogisticBaseline(ClassifierMixin, BaseEstimator):
    """Logistic regression on the features given, imputed and standardised, as a linear form."""

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> LogisticBaseline:
        """Fit on (n, p) features and (n,) 0/1 outcomes."""
        matrix, classes = validate_data(self, X, y, **GAPS)
        self.pipeline_ = logistic().fit(matrix, classes)
        self.classes_ = self.pipeline_.classes_
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """(n, 2) probabilities."""
        check_is_fitted(self)
        return self.pipeline_.predict_proba(validate_data(self, X, reset=False, **GAPS))

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """(n,) the likelier class."""
        likelier = self.predict_proba(X).argmax(axis=1)
        return self.classes_[likelier]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def as_linear(self) -> dict[str, Any]:
        """Centres are the training means, which also stand in for missing values."""
        scaler, line = self.pipeline_[1], self.pipeline_[2]
        return {
            "transforms": ["identity"] * self.n_features_in_,
            "center": scaler.mean_.tolist(),
            "coefficients": (line.coef_[0] / scaler.scale_).tolist(),
            "intercept": float(line.intercept_[0]),
        }
