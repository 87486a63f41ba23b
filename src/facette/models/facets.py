"""The models of a customer: expected value, potential, churn, upside, value if staying.

Each is fitted on the training snapshots of a panel and comes back as plain files (see
`Learned.files`) that the packaged model scores; nothing here scores the test snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from facette.errors import BadInput
from facette.models.calibration import Choice, chosen_calibration, fitted_calibration
from facette.models.evaluation import equal_mass
from facette.models.learner import Fitted, Mix, design
from facette.models.validation import (
    Sample,
    chosen_trees,
    fitted_on_all,
    grouped_folds,
    out_of_fold,
    redrawn,
    sample,
    seen_by_models,
)
from facette.settings.models import Calibration, ChurnModel, PotentialModel, UpsideModel, ValueModel
from facette.snapshots.catalogue import FAMILIES, PEER_FAMILIES, Feature, catalogue, of_families
from facette.snapshots.outcomes import OUTCOMES, SEASON
from facette.snapshots.panel import Panel, Snapshot
from facette.snapshots.spec import SnapshotSpec
from facette.wording import listed


@dataclass(frozen=True)
class Learned:
    """A fitted part: its plain files, what was chosen, and what is to be said about it.

    `refit` makes the final fit again on customers drawn anew (`validation.redrawn`).
    """

    files: dict[str, bytes]
    params: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    refit: Callable[[np.random.Generator, int], Fitted] | None = None


def check_features(panel: Panel, columns: Sequence[str] | None) -> None:
    """Refuse a configured list of features before any work.

    Raises:
        BadInput: one of them is an outcome, or no column of the snapshot.
    """
    design(seen_by_models(panel.training[-1]), columns or [], OUTCOMES)


def check_outcomes(panel: Panel, part: str) -> None:
    """Refuse an outcome that is the same for every customer, in training or at the test date.

    Raises:
        BadInput: there is nothing to learn, or nothing to judge by.
    """
    outcome = "churned" if part == "churn" else "value"
    for where, snapshots in (("training", panel.training), ("test", [panel.test])):
        known = sample(snapshots, outcome).outcome
        if len(np.unique(known)) < 2:
            date, shown = panel.dates()[-1 if where == "test" else 0], known[:1].tolist()
            when = f", from {date}" if panel.dated else ""
            change = ", change snapshot.horizon_days" if panel.dated else ""
            raise BadInput(
                f"{part}: one outcome class only in the {where} snapshots ({outcome} = {shown} for "
                f"all {len(known):,} customers{when}); widen the perimeter{change}, or leave "
                f"{part} out of parts"
            )


def learn_value(panel: Panel, settings: ValueModel, estimator: BaseEstimator, seed: int) -> Learned:
    """Expected value E[net margin of the outcome window | x], in currency units.

    Learnt seasonally adjusted where a season is known. A log link does not keep the total:
    predictions are scaled so that the out-of-fold ones of the
    latest training snapshot add up to what happened. Without one, a customer may be expected to
    cost money where some have; nobody is where none has.

    Raises:
        BadInput: a configured feature is an outcome or unknown.
    """
    return _learn_amount("value", panel, settings, estimator, seed, _value_reach(panel))


def learn_value_if_staying(
    panel: Panel, settings: ValueModel, estimator: BaseEstimator, seed: int
) -> Learned:
    """Expected value given staying, E[net margin of the outcome window | stays, x].

    As expected value is, learnt of those who stayed alone and scaled to their total; defined for
    whom churn is.

    Raises:
        BadInput: a configured feature is an outcome or unknown.
    """
    stayers = replace(panel, training=[s.keep(stayed(s)) for s in panel.training])
    reach = panel.reach_days  # who stays is known as late as who left
    part = "value_if_staying"
    return _learn_amount(part, stayers, settings, estimator, seed, reach, where="active")


def stayed(snapshot: Snapshot) -> np.ndarray:
    """True for the customers (n,) who could leave and did not."""
    assert snapshot.outcomes is not None
    return (snapshot.outcomes["churned"] == 0).to_numpy()


def _learn_amount(
    part: str, panel: Panel, settings: ValueModel, estimator: BaseEstimator, seed: int,
    reach: int | None, **told: Any,
) -> Learned:  # fmt: skip
    """The mean of value, the total kept; `told` goes into the plain files as it is."""
    s = sample(panel.training, "value").adjusted()
    columns = settings.features or list(catalogue(panel.spec))
    made = design(s.frame, columns, OUTCOMES)
    trees, how = chosen_trees(estimator, made, s, reach, settings.folds, seed)
    model = fitted_on_all(estimator, made, s, trees)
    scale = 1.0
    if model.link == "log":
        unseen = np.exp(out_of_fold(estimator, made, s, settings.folds, seed, trees))
        scale = float(s.outcome[s.latest].sum() / unseen[s.latest].sum())
    params = {**_grown(trees), "validation": how, "scale": scale, "features": len(columns)}
    notes, refunded = [f"{part}: {how}"], int((s.outcome < 0).sum())
    if model.link == "log" and refunded:
        notes.append(
            f"{part}: {refunded:,} training rows with more refunded than bought are learnt as 0; "
            "the scale keeps the total"
        )
    starts = getattr(estimator, "offset", None) or []
    if panel.dated and (absent := [column for column in starts if column not in columns]):
        notes.append(
            f"{part}: the offset goes without {listed(absent)}, no feature here; name others in "
            "model.value.estimator.offset"
        )
    lower = 0.0 if model.link == "log" or not refunded else None
    again = redrawn(estimator, made, s, trees)
    files = model.files(lower=lower, scale=scale, **_season(panel), **told)
    return Learned(files, params, notes, again)


def _grown(trees: int | Mix | None) -> dict[str, Any]:
    """What validation chose, as parameters."""
    if isinstance(trees, Mix):
        return {"trees": trees.trees, "weights": list(trees.weights)}
    return {"trees": trees}


def _value_reach(panel: Panel) -> int | None:
    """Value looks one horizon ahead, without the gap that churn leaves."""
    return panel.spec.horizon_days if isinstance(panel.spec, SnapshotSpec) else None


def _season(panel: Panel) -> dict[str, str]:
    """The column that predictions of a usual season are multiplied by, where one is known."""
    known = isinstance(panel.spec, SnapshotSpec) and panel.spec.season
    return {"season": SEASON} if known else {}


def peer_columns(panel: Panel, families: Sequence[str] | None = None) -> list[str]:
    """Who they are, shares of mix and cadence: own level of spending and its proxies left out.

    Of these `families` only, where any are named; those that the snapshot has no features of are
    left out. Empty where nothing but dates and spend is known.

    Raises:
        BadInput: no snapshot ever has features of such a family.
    """
    unknown = [family for family in families or [] if family not in FAMILIES]
    if unknown:
        raise BadInput(
            f"model.potential.families: no snapshot has features of family {listed(unknown)}; "
            f"there can be {listed(sorted(FAMILIES), len(FAMILIES))}"
        )
    wanted = of_families(catalogue(panel.spec), families or FAMILIES)
    peers = [f for f in wanted.values() if not f.level]
    return [f.name for f in peers] if any(_beyond_spend(f, panel) for f in peers) else []


def _beyond_spend(feature: Feature, panel: Panel) -> bool:
    known = panel.training[-1].features[feature.name]
    return feature.family in PEER_FAMILIES and known.nunique() > 1


def potential_columns(panel: Panel, settings: PotentialModel) -> list[str]:
    """The features that potential is learnt from: those listed, or what tells peers."""
    return settings.features or peer_columns(panel, settings.families)


def learn_potential(
    panel: Panel, settings: PotentialModel, estimator: BaseEstimator, seed: int
) -> Learned:
    """Potential: the tau-quantile of value among peers (Rosset, Perlich, Zadrozny et al. 2007).

    Conformalised (Romano, Patterson & Candès 2019): the quantile of the out-of-fold residuals of
    the latest training snapshot is added, so that a share tau of customers stays below.

    Raises:
        BadInput: a configured feature is an outcome or unknown.
    """
    columns = potential_columns(panel, settings)

    def conformal(raw: np.ndarray, outcome: np.ndarray) -> dict[str, Any]:
        return {"shift": conformal_shift(outcome - raw, settings.tau)}

    return _learn_quantile("potential", columns, panel, settings, estimator, seed, conformal)


def learn_upside(
    panel: Panel, settings: UpsideModel, estimator: BaseEstimator, seed: int
) -> Learned:
    """Upside: the tau-quantile of value given everything, what a customer could do by chance.

    Conformalised in bands of the quantile: one shift for all would lift who spends little too far
    and who spends much too little. Given own past spend a quantile measures volatility, not
    headroom, which it never feeds.

    Raises:
        BadInput: a configured feature is an outcome or unknown.
    """
    columns = settings.features or list(catalogue(panel.spec))

    def conformal(raw: np.ndarray, outcome: np.ndarray) -> dict[str, Any]:
        return {"calibration": conformal_curve(raw, outcome, settings.tau, settings.bands)}

    return _learn_quantile("upside", columns, panel, settings, estimator, seed, conformal)


def _learn_quantile(
    part: str, columns: Sequence[str], panel: Panel, settings: PotentialModel | UpsideModel,
    estimator: BaseEstimator, seed: int,
    conformal: Callable[[np.ndarray, np.ndarray], dict[str, Any]],
) -> Learned:  # fmt: skip
    """The tau-quantile of value given `columns`, none below 0, seasonally adjusted.

    `conformal` says from out-of-fold quantiles and outcomes what brings it to its coverage.
    """
    s, reach = sample(panel.training, "value").adjusted(), _value_reach(panel)
    made = design(s.frame, columns, OUTCOMES)
    trees, how = chosen_trees(estimator, made, s, reach, settings.folds, seed)
    scores = out_of_fold(estimator, made, s, settings.folds, seed, trees)
    reached = conformal(scores[s.latest], s.outcome[s.latest])
    model = fitted_on_all(estimator, made, s, trees)
    params = {**_grown(trees), "validation": how, **reached, "features": len(made.columns)}
    note = f"{part}: {how}; conformalised by customers of the latest training snapshot"
    again = redrawn(estimator, made, s, trees)
    files = model.files(lower=0.0, **_season(panel), **reached)
    return Learned(files, params, [note], again)


def conformal_shift(residuals: np.ndarray, tau: float) -> float:
    """The ceil((n + 1) tau)-th smallest residual: what raises a quantile to coverage tau."""
    rank = min(int(np.ceil((len(residuals) + 1) * tau)), len(residuals))
    return float(np.sort(residuals)[rank - 1])


def conformal_curve(raw: np.ndarray, outcome: np.ndarray, tau: float, bands: int) -> dict[str, Any]:
    """What raises (n,) raw quantiles to coverage tau in each band of them, by interpolation.

    A shift for each of `bands` bands of equal mass (Mondrian: Vovk, Gammerman & Shafer 2005) at
    its mean, as a calibration that the package reads; a higher quantile never ends up lower.
    """
    band = equal_mass(raw, bands)
    inside = [band == b for b in range(band.max() + 1)]
    shifts = np.array([conformal_shift((outcome - raw)[rows], tau) for rows in inside])
    far = raw.max() + 1e6 * max(np.ptp(raw), 1)  # beyond what was seen, the last shift goes on
    x = np.r_[raw.min(), [raw[rows].mean() for rows in inside], raw.max(), far]
    y = np.maximum.accumulate(x + np.r_[shifts[0], shifts, shifts[-1], shifts[-1]])
    return {"kind": "isotonic", "x": x.tolist(), "y": y.tolist()}


def learn_churn(panel: Panel, settings: ChurnModel, estimator: BaseEstimator, seed: int) -> Learned:
    """Probability of leaving by the declared definition, calibrated on out-of-fold scores.

    Raises:
        BadInput: a configured feature is an outcome or unknown.
    """
    s, reach = sample(panel.training, "churned"), panel.reach_days
    made = design(s.frame, settings.features or list(catalogue(panel.spec)), OUTCOMES)
    trees, how = chosen_trees(estimator, made, s, reach, settings.folds, seed)
    scores = out_of_fold(estimator, made, s, settings.folds, seed, trees)
    choice = _calibration(settings, s, scores, seed)
    kind = choice.kind if choice else settings.calibration
    calibration = fitted_calibration(kind, scores, s.outcome)
    model = fitted_on_all(estimator, made, s, trees)
    params = {**_grown(trees), "validation": how, "calibration": kind.value}
    params |= choice.params() if choice else {}
    chosen = choice.sentence() if choice else kind.value
    note = f"churn: {how}; calibration, fitted on scores of unseen customers: {chosen}"
    if calibration.get("a") == 0:
        note += ": scores rank no better than chance, so that everyone has the base rate"
    files = model.files(calibration=calibration, where="active" if panel.dated else None)
    return Learned(files, params, [note], redrawn(estimator, made, s, trees))


def _calibration(settings: ChurnModel, s: Sample, scores: np.ndarray, seed: int) -> Choice | None:
    """The calibration chosen by folds of customers; None where one is configured."""
    if settings.calibration is not Calibration.chosen:
        return None
    folds = grouped_folds(s, settings.folds, seed)
    return chosen_calibration(scores, s.outcome, s.customers, folds)
