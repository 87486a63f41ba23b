"""What a training run is made of, and whether the data are fit for it, before a run is opened."""

from __future__ import annotations

from typing import Any

from hydra.errors import HydraException
from hydra.utils import instantiate
from sklearn.base import BaseEstimator

from facette.errors import BadInput
from facette.models.facets import check_features, check_outcomes, peer_columns, stayed
from facette.models.folds import OUTCOMES, check_folds
from facette.models.learner import is_lightgbm
from facette.models.validation import sample
from facette.policy.relationship import check_policy
from facette.segments.applied import BEHAVIOUR
from facette.segments.behaviour import check_clusterer, check_k, chosen_columns
from facette.segments.tiers import check_tiers
from facette.settings import Part, Train
from facette.snapshots.catalogue import catalogue
from facette.snapshots.panel import Panel, Snapshot
from facette.snapshots.spec import SnapshotSpec
from facette.wording import listed

MODEL_PARTS = ("value", "potential", "churn")
PARTS = ("segments", *MODEL_PARTS)
WITH_VALUE = ("upside", "value_if_staying")  # of dated data, packaged with expected value
BY_CATEGORY = "headroom by category"
ON_DEMAND = ("grid", "policy")
SEGMENTATION = ("predict", "plain", "kind", "get_params")


def estimators_of(settings: Train) -> dict[str, Any]:
    """An unfitted estimator for each part, made before any data is read."""
    nodes = {"segments": ("segments.behaviour", settings.segments.behaviour.estimator)}
    nodes |= {
        p: (f"model.{p}", getattr(settings.model, p).estimator) for p in (*MODEL_PARTS, "upside")
    }
    nodes |= {
        f"segmentations.{name}": (f"segmentations.{name}", chosen.estimator)
        for name, chosen in settings.segmentations.items()
    }
    nodes |= {"grid": ("grid", settings.grid.estimator)} if Part.grid in settings.parts else {}
    made = {}
    for part, (where, node) in nodes.items():
        made[part] = estimator_of(where, node)
        if part.startswith("segmentations."):
            _check_segmentation(part, made[part])
    return made


def estimator_of(where: str, node: Any) -> BaseEstimator:
    """The estimator of the configuration at `where`.

    Raises:
        BadInput: it can't be made, or is no estimator.
    """
    try:
        made = instantiate(node, _convert_="all")
    except HydraException as error:
        reason = str(error.__cause__ or error).strip().splitlines()[0]
        raise BadInput(f"{where}.estimator can't be made: {reason}") from None
    if not hasattr(made, "fit"):
        raise BadInput(f"{where}.estimator: {node} is no estimator with scikit-learn's fit")
    return made


def _check_segmentation(where: str, estimator: Any) -> None:
    if where == f"segmentations.{BEHAVIOUR}":
        raise BadInput(f"{where}: behaviour segments bear that name; choose another one")
    absent = [name for name in SEGMENTATION if not hasattr(estimator, name)]
    if absent:
        raise BadInput(
            f"{where}.estimator: {type(estimator).__name__} is no segmentation, without "
            f"{listed(absent)}; what one has: docs/segmentations.md"
        )


def switched_off(settings: Train, snapshots: Panel) -> dict[str, str]:
    """The parts that do not run, and why."""
    wanted = {part.value for part in settings.parts}
    unknown = {} if snapshots.dated else _without_outcome(settings, snapshots)
    off = {part: why for part, why in unknown.items() if part in wanted}
    off |= {part: "not asked for (parts)" for part in PARTS if part not in wanted}
    off |= {part: why for part in WITH_VALUE if (why := _without(part, settings, snapshots, off))}
    chosen = settings.model.potential
    if "potential" not in off and snapshots.dated and not peer_columns(snapshots, chosen.families):
        off["potential"] = (
            "nothing but dates and spend tells customers apart: no category, discount, attribute, "
            "contract, interaction, answer or event is known, so that peers can't be found"
        )
    if chosen.by_category and (why := _without_categories(settings, snapshots, off)):
        off[BY_CATEGORY] = why
    if "policy" in wanted:
        _check_plannable(settings, snapshots, off)
    if not wanted - set(off) - {"policy"}:
        raise BadInput(f"parts: nothing is left to train; {'; '.join(map(': '.join, off.items()))}")
    return off


def _check_plannable(settings: Train, snapshots: Panel, off: dict[str, str]) -> None:
    """Refuse a policy of what has no dates, or can't be carried out.

    Raises:
        BadInput: see `check_policy`; or nothing is left that customers could be told apart by.
    """
    check_policy(settings.policy)
    if not snapshots.dated:
        raise BadInput("parts: policy needs dates, and a wide table bears none; leave it out")
    if "segments" in off:
        raise BadInput(
            "parts: policy crosses segments and tiers, which are packaged with segments; add "
            "segments to parts, or leave policy out"
        )


def _without(part: str, settings: Train, snapshots: Panel, off: dict[str, str]) -> str | None:
    """Why a part that goes with expected value does not run; None where it does."""
    if Part(part) not in settings.parts:
        return "not asked for (parts)"
    if not snapshots.dated:
        return "it needs dates, and a wide table bears none"
    if "value" in off:
        return "value is off, and it is packaged with it"
    if part == "value_if_staying":
        folds, least = settings.model.value.folds, min(map(_stayers, snapshots.snapshots))
        if "churn" in off:
            return "churn is off, and with it who stays"
        if getattr(snapshots.spec, "partial_of", None):
            return "churn is partial: who spends less is still worth something"
        if least < folds:
            return f"at some date {least} customers stayed, fewer than model.value.folds={folds}"
    return None


def _without_categories(settings: Train, snapshots: Panel, off: dict[str, str]) -> str | None:
    """Why headroom is not told by category; None where it is."""
    if "potential" in off:
        return "potential is off"
    if not isinstance(snapshots.spec, SnapshotSpec):
        return "it needs dates, and a wide table bears none"
    if not snapshots.spec.categories:
        return "transactions have no category, or snapshot.categories is 0"
    if not is_lightgbm(estimator_of("model.potential", settings.model.potential.estimator)):
        return "it is learnt by LightGBM alone, and model.potential.estimator is none"
    return None


def _stayers(snapshot: Snapshot) -> int:
    return int(stayed(snapshot).sum())


def _without_outcome(settings: Train, snapshots: Panel) -> dict[str, str]:
    """The parts that a wide table has no outcome for."""
    outcomes = snapshots.test.outcomes
    assert outcomes is not None
    off = {}
    for part, outcome, setting in (("value", "value", "value"), ("churn", "churned", "churn")):
        if outcomes[outcome].isna().all():
            off[part] = f"no column is named as its outcome (data.outcomes.{setting})"
    if "value" in off:
        off["potential"] = "value is off, and potential is a quantile of it"
    elif settings.model.potential.features is None:
        off["potential"] = (
            "which columns of a wide table tell a customer's own level of spending is not known; "
            "name the others in model.potential.features"
        )
    return off


def check_fit(settings: Train, snapshots: Panel, off: dict[str, str], estimator: Any) -> None:
    """What can be refused before a run is opened.

    Raises:
        BadInput: one outcome class only, more segments than customers, a bad list of features.
    """
    if "upside" not in off:
        check_features(snapshots, settings.model.upside.features)
    for part in MODEL_PARTS:
        if part not in off:
            check_features(snapshots, getattr(settings.model, part).features)
            check_outcomes(snapshots, part)
            if not snapshots.dated:
                check_folds(part, sample(snapshots.training, OUTCOMES[part]).outcome,
                            settings.evaluation)  # fmt: skip
    if "segments" not in off:
        features, behaviour = snapshots.training[-1].features, settings.segments.behaviour
        if snapshots.dated and snapshots.training[-1].context["value_current"].isna().all():
            raise BadInput(
                f"snapshot: {snapshots.dates()[-2]} has less than {settings.snapshot.horizon_days} "
                "days of history, so that customers can't be put in tiers of current value; choose "
                "later dates or leave segments out of parts"
            )
        for name in ("value_tiers", "potential_tiers"):
            tiers = getattr(settings.segments, name)
            check_tiers(f"segments.{name}", tiers.names, tiers.shares)
        check_k(behaviour, len(features))
        check_clusterer(estimator, behaviour.k)
        check_features(snapshots, behaviour.features)
        chosen_columns(features, catalogue(snapshots.spec), behaviour.features)
