"""Outcomes shuffled among customers teach nothing: what is learnt is learnt of the outcomes."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from hydra.utils import instantiate

from facette.models.facets import Learned, learn_churn, learn_potential, learn_value
from facette.models.judging import metrics_of
from facette.registry.packaging import scored_alone
from facette.settings import Train
from facette.snapshots.panel import Panel, Snapshot

SHUFFLES = 3
LEARNERS: dict[str, Callable[..., Learned]] = {
    "value": learn_value, "potential": learn_potential, "churn": learn_churn,
}  # fmt: skip
LOSS = {"value": "mae", "potential": "pinball", "churn": "log_loss"}
ALLOWED = 0.01  # of the loss of what says the same of everyone


def shuffled(snapshot: Snapshot, rng: np.random.Generator) -> Snapshot:
    """The snapshot with the outcomes of others."""
    assert snapshot.outcomes is not None
    outcomes = snapshot.outcomes.copy()
    for name in outcomes:
        known = outcomes[name].notna().to_numpy()
        outcomes.loc[known, name] = rng.permutation(outcomes.loc[known, name].to_numpy())
    return replace(snapshot, outcomes=outcomes)


def losses(part: str, settings: Train, panel: Panel) -> tuple[float, float]:
    """The loss of a part learnt from the panel at its test date, and of one answer for all."""
    chosen = getattr(settings.model, part)
    estimator = instantiate(chosen.estimator, _convert_="all")
    if "offset" in estimator.get_params():  # of the past alone: a forecast that is not learnt
        estimator.set_params(offset=None)
    learnt = LEARNERS[part](panel, chosen, estimator, settings.seed)
    assert panel.test.outcomes is not None
    actual = panel.test.outcomes["churned" if part == "churn" else "value"].to_numpy()
    known = ~np.isnan(actual)
    said = scored_alone(part, learnt, panel.test)[known]
    loss = metrics_of(part, settings.model.potential.tau)[LOSS[part]]
    weight = np.ones(known.sum())
    alike = np.full(known.sum(), np.median(said) if part == "potential" else said.mean())
    return loss(actual[known], said, weight), loss(actual[known], alike, weight)


def test_shuffled_outcomes_teach_nothing(
    journey_panel: tuple[Train, Panel], evidence: Callable[..., bool]
) -> None:
    settings, panel = journey_panel
    gain = dict[str, float]()
    for part in LEARNERS:
        of_part = []
        for seed in range(SHUFFLES):
            rng = np.random.default_rng(seed)
            training = [shuffled(s, rng) for s in panel.training]
            told, alike = losses(part, settings, replace(panel, training=training))
            of_part.append(1 - told / alike)
        gain[part] = float(np.mean(of_part))
    true = {f"{part}_as_it_is": 1 - np.divide(*losses(part, settings, panel)) for part in LEARNERS}
    evidence(
        "shuffled_outcomes_teach_nothing",
        gain | {name: float(figure) for name, figure in true.items()},
        f"learnt from shuffled outcomes, no loss is more than {ALLOWED:.0%} below that of one "
        "answer for all; beside it, learnt from the outcomes as they are",
        all(figure <= ALLOWED for figure in gain.values())
        and all(figure > 10 * ALLOWED for figure in true.values()),
        f"complete_journey, 2017-10-01, means of {SHUFFLES} shuffles: {', '.join(LOSS.values())}; "
        "value without its offset, which is a forecast before anything is learnt",
    )
