"""Sampled banks, each learnt from its tables and then held against its truth, two at a time."""

from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from cores import Figures

SEEDS = tuple(range(101, 111))  # none of them was looked at while models were chosen
SEPARATIONS = (0.0, 0.7, 1.3, 2.0)
FAMILY_CUSTOMERS = 10_000
AXES_SEPARATIONS = (0.0, 1.3)
DRIVERS_SEPARATION = 1.3
MOVED = 0.01  # of a feature's variance, told by the true axes
MODEL_CUSTOMERS = 30_000


def mean_interval(figures: pd.Series) -> tuple[float, float, float]:
    """Mean over banks and its 95 % interval by Student's t."""
    from scipy.stats import t

    half = t.ppf(0.975, len(figures) - 1) * figures.std(ddof=1) / np.sqrt(len(figures))
    return float(figures.mean()), float(figures.mean() - half), float(figures.mean() + half)


def families(seed: int, separation: float) -> Figures:
    """What behaviour segments find of a bank's families, `separation` set and all else drawn."""
    from hydra.utils import instantiate
    from sklearn.metrics import roc_auc_score

    from facette.recovery.families import families_found, repeats
    from facette.recovery.truth import truth_of
    from facette.segments.behaviour import learn_behaviour, standardised
    from facette.snapshots.catalogue import catalogue

    own = (f"data.world.separation={separation}", "snapshot.max_reference_dates=2",
           "segments.behaviour.resamples=20", "segmentation=[relation]")  # fmt: skip
    with TemporaryDirectory() as folder, chdir(folder):
        settings, _, panel = _opened(seed, FAMILY_CUSTOMERS, *own)
        truth = truth_of(settings.data, panel)
    axes = _axes(settings, panel, truth) if separation in AXES_SEPARATIONS else {}
    if separation == DRIVERS_SEPARATION:
        axes |= _drivers(settings, panel, truth)
    chosen, listed = settings.segments.behaviour, catalogue(panel.spec)
    estimator = instantiate(chosen.estimator, _convert_="all")
    latest, test = panel.training[-1].features, panel.test.features
    found = learn_behaviour(latest, listed, chosen, estimator, settings.seed)
    labels = found.estimator.predict(standardised(test, found.columns))
    segment = pd.Series(labels, index=test.index).astype(str)
    columns = [str(c["name"]) for c in found.columns]
    figures = families_found(panel, truth, segment, columns, settings.seed)
    family = truth.test["family"].reindex(test.index).dropna()
    assert panel.test.outcomes is not None
    tier = pd.qcut(panel.test.outcomes["value"], 5, labels=False).astype(str)
    wallet = pd.qcut(truth.test["wallet"], 5, labels=False).astype(str)
    numbers = test[[n for n, f in listed.items() if not f.category and test[n].notna().any()]]
    filled = numbers.fillna(numbers.median()).reindex(family.index)
    aucs = [abs(roc_auc_score(family == f, filled[n]) - 0.5) for n in filled for f in set(family)]
    return {
        **{name.removeprefix("truth/"): figure for name, figure in {**figures, **axes}.items()},
        "seed": seed, "separation": separation, "k": len(found.segments),
        "natural": float(found.nature is not None and found.nature.kind == "natural"),
        "family_and_value": repeats(family.astype(int), tier),
        "family_and_wallet": repeats(family.astype(int), wallet),
        "tied_to_wallet": settings_drawn(settings).axes_wallet_correlation,
        "best_single_auc": 0.5 + max(aucs),
    }  # fmt: skip


def _axes(settings: Any, panel: Any, truth: Any) -> Figures:
    """What the axis scores, as configured, tell of the true axes."""
    from hydra.utils import instantiate

    from facette.recovery.axes import axes_found
    from facette.segments.axes import pooled

    axes = instantiate(settings.segmentations["relation"].estimator, _convert_="all").axes
    fitted = axes.fit(pooled(panel.training))
    scores = fitted.transform(panel.test.features)
    return axes_found(panel, truth, scores, list(fitted.columns), settings.seed)


def _drivers(settings: Any, panel: Any, truth: Any) -> Figures:
    """Whether the leading drivers of the true families are features that the true axes move.

    Every numeric feature may be named. `moved` of them vary with the axes at all; `rank_worst` is
    the lowest rank, by how much the axes tell of it, of a feature that was named.
    """
    from facette.drivers.credit import alike
    from facette.drivers.membership import membership_drivers

    known = truth.test.reindex(panel.test.features.index).dropna(
        subset=["family", "power", "expectation"]
    )
    x = panel.test.features.loc[known.index].select_dtypes("number")
    x = x.fillna(x.median()).loc[:, lambda seen: seen.nunique() > 1]
    family, axes = known["family"].astype(str), known[["power", "expectation"]]
    told = ((x - x.mean()) / x.std()).to_numpy()
    design = np.column_stack([np.ones(len(axes)), axes])
    slopes = np.linalg.lstsq(design, told, rcond=None)[0]
    varies = pd.Series((design @ slopes).var(axis=0), x.columns)
    expected = pd.DataFrame(
        axes.groupby(family).mean().to_numpy() @ slopes[1:], sorted(set(family)), x.columns
    )
    groups = alike(x, settings.drivers.alike)
    found = membership_drivers(x, family, groups, settings.drivers, settings.seed)
    side = x.groupby(family).mean() - x.mean()
    named = [
        (one, driver[1:])
        for one, own in found.leading(settings.drivers.leading).items()
        for driver in own
    ]
    return {
        "features": len(varies), "moved": float((varies > MOVED).mean()),
        "drivers_named": len(named),
        "drivers_moved": float(np.mean([varies[f] > MOVED for _, f in named])),
        "drivers_side": float(np.mean([side.loc[n] * expected.loc[n] > 0 for n in named])),
        "rank_worst": float(max(varies.rank(ascending=False)[f] for _, f in named)),
    }  # fmt: skip


def models(seed: int) -> Figures:
    """What value, potential and churn tell of a bank's truth, everything drawn."""
    from hydra.utils import instantiate

    from facette.models.facets import learn_churn, learn_potential, learn_value
    from facette.recovery.against import recovered
    from facette.recovery.truth import truth_of
    from facette.registry.packaging import as_rows, packaged

    learners: dict[str, Any] = {"value": learn_value, "potential": learn_potential,
                                "churn": learn_churn}  # fmt: skip
    own = [f"model.{p}.{key}" for p in learners for key in ("estimator.n_jobs=1", "folds=3")]
    own.append("evaluation.resamples=100")  # intervals are taken over banks
    with TemporaryDirectory() as folder, chdir(folder):
        settings, tables, panel = _opened(seed, MODEL_CUSTOMERS, *own)
        truth = truth_of(settings.data, panel)
        learnt = {}
        for part, learn in learners.items():
            chosen = getattr(settings.model, part)
            estimator = instantiate(chosen.estimator, _convert_="all")
            learnt[part] = learn(panel, chosen, estimator, settings.seed)
        bundle, _ = packaged(settings, panel, learnt, None, Path(folder) / "bundle")
        scored = bundle.predict(as_rows(panel.test))
        figures = recovered(settings, tables, panel, scored, None, truth)
    named = {name.removeprefix("truth/"): figure for name, figure in figures.items()}
    return {**named, "seed": seed}


def settings_drawn(settings: Any) -> Any:
    """The world of a bank as it was drawn."""
    from facette.tables.simulation.world import drawn

    return drawn(settings.data.world, settings.data.seed)


def _opened(seed: int, customers: int, *overrides: str) -> tuple[Any, Any, Any]:
    """Settings, tables and panel of a sampled bank, simulated in the working directory."""
    from running import settings_of

    from facette.snapshots.panel import panel
    from facette.tables.door import read

    settings = settings_of(
        "train", "experiment=bank_truth", "world@data.world=sampled", f"data.seed={seed}",
        f"data.customers={customers}", "progress=false", *overrides,
    )  # fmt: skip
    tables = read(settings.data)
    return settings, tables, panel(tables, settings.snapshot, settings.model.churn, settings.data)
