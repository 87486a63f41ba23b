"""Half a year of a shop with a December in it, at dates that no benchmark tests."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from running import settings_of
from shared import shared_file

from facette.jobs.fitness import estimator_of
from facette.models.evaluation import mae, normalised_gini, total_ratio
from facette.models.facets import learn_value
from facette.registry.packaging import scored_alone
from facette.snapshots.panel import panel
from facette.tables.door import read

DATES = {"2010-07-21": "2011-01-20", "2010-10-19": "2011-04-20"}  # learnt from -> judged at


def test_the_season_keeps_the_total(evidence: Callable[..., bool]) -> None:
    words = [f"data.path={shared_file('online_retail_ii')}", "snapshot.horizon_days=183",
             "snapshot.observation_days=91"]  # fmt: skip
    settings = settings_of("train", "data=online_retail_ii", *words)
    tables, figure = read(settings.data), dict[str, float]()
    model, estimator = settings.model.value, estimator_of("value", settings.model.value.estimator)
    for learnt_from, date in DATES.items():
        for seasonal in (True, False):
            chosen = replace(
                settings.snapshot, reference_dates=[learnt_from, date], seasonal=seasonal
            )
            snapshots = panel(tables, chosen, settings.model.churn, settings.data)
            learnt = learn_value(snapshots, model, estimator, settings.seed)
            said, outcomes = scored_alone("value", learnt, snapshots.test), snapshots.test.outcomes
            assert outcomes is not None
            came, one = outcomes["value"].to_numpy(), np.ones(len(outcomes))
            name = f"{date} {'with' if seasonal else 'without'}"
            for metric in (total_ratio, mae, normalised_gini):
                figure[f"{name}, {metric.__name__}"] = metric(came, said, one)
    off = {
        way: sum(abs(np.log(figure[f"{date} {way}, total_ratio"])) for date in DATES.values())
        for way in ("with", "without")
    }
    evidence(
        "the_season_keeps_the_total",
        figure,
        "predicted / actual total within .85 to 1.15 at both dates, nearer to 1 than without",
        off["with"] < off["without"]
        and all(0.85 <= figure[f"{date} with, total_ratio"] <= 1.15 for date in DATES.values()),
        "online_retail_ii, 183 days ahead, the default model of value",
    )
