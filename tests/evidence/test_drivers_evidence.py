"""Drivers name what is there, are withheld where nothing is, and add up."""

from collections.abc import Callable

import pandas as pd
from cores import everywhere
from planted_drivers import COLUMNS, CUSTOMERS, of_a_model, of_an_interaction, of_segments

CASES = range(100)
DATA = f"{len(CASES)} draws of {CUSTOMERS:,} customers and {COLUMNS} columns, four of them in pairs"


def test_planted_drivers_are_found_and_none_are_shown_where_there_are_none(
    evidence: Callable[..., bool],
) -> None:
    models, noise = (everywhere(of_a_model, *[(s, p) for s in CASES]) for p in (True, False))
    segments, chance = (everywhere(of_segments, *[(s, p) for s in CASES]) for p in (True, False))
    evidence(
        "planted_drivers_are_found",
        {"model": _told(models), "segments": _told(segments)},
        "three planted drivers of an amount lead, and those of segments, and are shown, in 95 %",
        _told(models) >= 0.95 and _told(segments) >= 0.95,
        DATA,
    )
    evidence(
        "drivers_of_nothing_are_withheld",
        {"model": 1 - noise["licensed"].mean(), "segments": 1 - chance["licensed"].mean()},
        "withheld in 95 % of draws where outcomes and segments are noise",
        noise["licensed"].mean() <= 0.05 and chance["licensed"].mean() <= 0.05,
        DATA,
    )
    most = float(models[["error", "error_in_units"]].to_numpy().max())
    evidence(
        "drivers_add_up", most,
        "contributions and their parts in people's units sum to the answer to 1e-6", most < 1e-6,
        DATA,
    )  # fmt: skip


def _told(found: pd.DataFrame) -> float:
    return float(((found["found"] == 1) & (found["licensed"] == 1)).mean())


def test_an_interaction_is_told_where_the_cheap_way_fails(evidence: Callable[..., bool]) -> None:
    found = everywhere(of_an_interaction, *[(s,) for s in CASES])
    evidence(
        "contributions_tell_an_interaction",
        {"told": (found["contributions"] >= 0.9).mean(),
         "contributions": found["contributions"].mean(), "least": found["contributions"].min(),
         "told_by_importance": (found["cheap"] >= 0.9).mean(),
         "importance_times_distance": found["cheap"].mean(),
         "most_of_it": found["cheap"].abs().max()},
        "y = a b: contributions of a correlate .9 and more with its half of a b in 95 % of draws; "
        "beside them importance x (x - mean)",
        (found["contributions"] >= 0.9).mean() >= 0.95,
        f"{len(CASES)} draws of {CUSTOMERS:,} customers and 4 columns",
    )  # fmt: skip
