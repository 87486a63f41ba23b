"""Judged in folds: where nothing has a date, customers are held out by chance, several times.

A figure is the mean over all folds of all repeats; one that needs bins or a total, where the few
customers of a fold would make noise look like a fault, is that of all customers of a repeat. The
interval of a gain is that of Nadeau & Bengio (2003) over the folds, whose variance allows for folds
that share most of their training customers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from facette.errors import BadInput
from facette.models.baselines import Forecasts
from facette.models.evaluation import COMPARED, HIGHER_IS_BETTER, metrics_table
from facette.models.facets import Learned
from facette.models.judging import SCORES, Judgement, metrics_of
from facette.models.validation import stratified_folds
from facette.settings.models import Evaluation
from facette.snapshots.panel import Panel, Snapshot

Learn = Callable[[Panel], Learned]
Score = Callable[[Learned, Snapshot], np.ndarray]
OF_A_REPEAT = ["ece", "resolution", "total_ratio", "total_error"]
CELL = ("value_tier", "potential_tier", "behaviour_segment")  # as in the package
OUTCOMES = {"value": "value", "potential": "value", "churn": "churned"}


def judge_in_folds(
    part: str, panel: Panel, learn: Learn, score: Score, tau: float, settings: Evaluation,
    seed: int, progress: Callable[[str], None],
) -> Judgement:  # fmt: skip
    """Judge a part of an undated panel: learnt and scored anew in each fold of each repeat.

    `actual` and `predictions` of the answer are of the first repeat, in which every customer with
    a known outcome is held out once, in the order of the snapshot.

    Raises:
        BadInput: one of two classes, or the amounts above 0, are fewer than the folds.
    """
    outcomes = panel.test.outcomes
    assert outcomes is not None
    outcome = outcomes[OUTCOMES[part]].to_numpy()
    known = ~np.isnan(outcome)
    actual, metrics = outcome[known], metrics_of(part, tau)
    check_folds(part, actual, settings)
    tables, repeats = [], list[dict[str, np.ndarray]]()
    for i, (inside, held) in enumerate(_folds(panel, known, actual, settings, seed)):
        progress(f"judging {part}, fold {i + 1} of {settings.folds * settings.repeats}")
        predictions = {"model": score(learn(inside), inside.test), **_rivals(part, inside, tau)}
        tables.append(metrics_table(actual[held], predictions, metrics))
        if i % settings.folds == 0:
            repeats.append({name: np.full(len(actual), np.nan) for name in predictions})
        for name, predicted in predictions.items():
            repeats[-1][name][held] = predicted
    table = _means(tables)
    of_all = {name: metrics[name] for name in OF_A_REPEAT if name in metrics}
    if of_all:
        table[list(of_all)] = _means([metrics_table(actual, r, of_all) for r in repeats])
    return Judgement(part, table, _gains(part, tables, table, settings), actual,
                     dict[str, np.ndarray | None](repeats[0]), [_said(part, settings)])  # fmt: skip


def check_folds(part: str, actual: np.ndarray, settings: Evaluation) -> None:
    """Refuse (n,) known outcomes of which a fold would see but one class, or nothing above 0.

    Raises:
        BadInput: one of two classes, or the amounts above 0, are fewer than the folds.
    """
    classes, sizes = np.unique(actual, return_counts=True)
    few = {" of one outcome": int(sizes.min())} if len(classes) == 2 else {"": len(actual)}
    if OUTCOMES[part] == "value":
        few[" with a value above 0"] = int((actual > 0).sum())
    for which, least in few.items():
        if least < settings.folds:
            raise BadInput(
                f"evaluation.folds: {settings.folds} folds for {least} customers{which}; bring "
                f"more customers, choose fewer folds, or leave {part} out of parts"
            )


def _means(tables: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(tables).groupby(level=0, sort=False).mean()


def _said(part: str, settings: Evaluation) -> str:
    return (
        f"{part}: no dates, so that it is judged in {settings.repeats} x {settings.folds} "
        "stratified folds of customers, not out of time; figures are means over the folds "
        "(those in bins and of totals, over the repeats), and the scores told of a customer come "
        "from a model that had not seen them"
    )


def _folds(
    panel: Panel, known: np.ndarray, actual: np.ndarray, settings: Evaluation, seed: int
) -> Iterator[tuple[Panel, np.ndarray]]:
    """Panels whose test customers are not among those to learn from, and which these are."""
    rows = np.flatnonzero(known)
    for repeat in range(settings.repeats):
        for fitted, held in stratified_folds(actual, settings.folds, seed + repeat):
            learnt_from, tested = (
                panel.test.keep(np.isin(np.arange(len(known)), rows[chosen]))
                for chosen in (fitted, held)
            )
            yield Panel([learnt_from], tested, panel.spec), held


def _gains(
    part: str, tables: list[pd.DataFrame], means: pd.DataFrame, settings: Evaluation
) -> pd.DataFrame:
    """Differences to the best baseline on each metric; intervals of the pairs of each fold."""
    rows = []
    for metric in COMPARED[part]:
        sign = 1 if metric in HIGHER_IS_BETTER else -1
        opponent = str((sign * means[metric].drop("model")).idxmax())
        pairs = [sign * (t.loc["model", metric] - t.loc[opponent, metric]) for t in tables]
        gain = float(sign * (means.loc["model", metric] - means.loc[opponent, metric]))
        _, half = corrected_interval(np.array(pairs), settings.folds, settings.confidence)
        rows.append((metric, opponent, gain, gain - half, gain + half))
    return pd.DataFrame(rows, columns=["metric", "opponent", "gain", "low", "high"])


def corrected_interval(
    differences: np.ndarray, folds: int, confidence: float
) -> tuple[float, float]:
    """Mean of the (n,) differences of repeated folds, and half the width of its interval.

    Nadeau & Bengio 2003: the variance of the mean is (1/n + n_test / n_train) times that of the
    differences, with n - 1 degrees of freedom.
    """
    n = len(differences)
    variance = (1 / n + 1 / (folds - 1)) * differences.var(ddof=1)
    return float(differences.mean()), float(
        student.ppf((1 + confidence) / 2, n - 1) * np.sqrt(variance)
    )


def _rivals(part: str, panel: Panel, tau: float) -> Forecasts:
    """What a user would pick instead, fitted on the same customers."""
    learnt_from, tested = panel.training[0], panel.test
    assert learnt_from.outcomes is not None
    outcome = learnt_from.outcomes[OUTCOMES[part]].to_numpy()
    n = len(tested)
    if part == "potential":
        return {"same_for_all": np.full(n, np.quantile(outcome, tau))}
    if part == "value":
        line = _prepared(RidgeCV(np.logspace(-3, 3, 7))).fit(learnt_from.features, outcome)
        ridge = np.maximum(line.predict(tested.features), min(outcome.min(), 0))
        usual = learnt_from.context["value_current"].mean()  # stands in where it is not known
        current = tested.context["value_current"].fillna(usual)
        beside = {} if np.isnan(usual) else {"last_window": current.to_numpy()}
        return {**beside, "mean_of_all": np.full(n, outcome.mean()), "ridge": ridge}
    line = _prepared(LogisticRegression(max_iter=2000)).fit(learnt_from.features, outcome)
    logistic = line.predict_proba(tested.features)[:, 1]
    return {"base_rate": np.full(n, outcome.mean()), "logistic": logistic}


def _prepared(model: RidgeCV | LogisticRegression):  # type: ignore[no-untyped-def]
    """The model behind imputed, standardised numbers and one column for each category."""
    numbers = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler())
    texts = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="missing"),
        OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=10),
    )
    is_number = make_column_selector(dtype_include="number")
    is_text = make_column_selector(dtype_exclude="number")
    return make_pipeline(make_column_transformer((numbers, is_number), (texts, is_text)), model)


def held_out(
    scored: pd.DataFrame, panel: Panel, judgements: Mapping[str, Judgement],
    frozen: Mapping[str, Any],
) -> pd.DataFrame:  # fmt: skip
    """The scored customers, each prediction by a model that had not seen them.

    `scored` (rows as in `panel.test`) comes from models fitted on these very customers, whose own
    predictions would flatter; who has no known outcome keeps them. `frozen`: the tiers as packaged,
    by whose cuts the potential tier, and with it the cell, follow the new potential.
    """
    outcomes, told = panel.test.outcomes, scored.copy()
    assert outcomes is not None
    for part, judgement in judgements.items():
        known = outcomes[OUTCOMES[part]].notna().to_numpy()
        told.loc[known, SCORES[part]] = judgement.predictions["model"]
    if "headroom" in told:
        told["headroom"] = np.maximum(0.0, told["potential"] - told["value_expected"])
    if "potential_tier" in told:
        _put_in_tiers(told, frozen)
    return told


def _put_in_tiers(told: pd.DataFrame, frozen: Mapping[str, Any]) -> None:
    """As the package does it: the first tier, from the top, whose cut is reached, else the last."""
    tier = frozen["potential_tier"]
    missed = ~(told["potential"].to_numpy()[:, None] >= np.array(tier["cuts"]))
    names = [tier["names"][i] for i in missed.sum(axis=1)]
    told["potential_tier"] = pd.array(names, dtype="str")
    parts = [told[name] for name in CELL if name in told]
    told["cell"] = pd.array(list(map("/".join, zip(*parts, strict=True))), dtype="str")
