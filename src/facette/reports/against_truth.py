"""What the truth of simulated customers says of what was learnt, for people to read."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from facette.reports.story import Story
from facette.reports.tables import Table, table
from facette.reports.words import differences, missing, number, share, verdict

RECOVERED = {
    "behaviour_ari": "Behaviour segments against the true families (adjusted Rand index)",
    "axis_power_spearman": "Balance of power against the true axis (rank correlation)",
    "axis_expectation_spearman": "Level of expectation against the true axis (rank correlation)",
    "churn_efficiency": "Churn: share of what can be known",
    "value_efficiency": "Expected value: share of what can be known",
}
RANKINGS = {
    "": "headroom of the model",
    "/value": "expected value itself",
    "/peer_rule": "the top decile of peers",
    "/mean_model": "the mean of peers",
}
LEAST_CEILING = 0.05  # below it a figure and its best are both about nothing
HEADROOM = {"spearman": "Rank correlation", "top_decile": "In the top tenth"}


def recovery_table(story: Story) -> Table | None:
    """Figures beside the best that could be learnt from the tables; None where there are none."""
    rows = [
        {
            "what": what,
            "figure": story.truth[f"truth/{name}"],
            "ceiling": _figure(story.truth, f"{name}_ceiling"),
            "of_ceiling": _of_ceiling(story.truth, name),
            "realised": _figure(story.truth, f"{name}_realised"),
        }
        for name, what in RECOVERED.items()
        if f"truth/{name}" in story.truth
    ]
    if not rows:
        return None
    columns = {
        "what": ("What is recovered", "text"),
        "figure": ("Figure", "ratio"),
        "ceiling": ("Best from the tables", "ratio"),
        "of_ceiling": ("Of the best", "share"),
        "realised": ("By what happened", "ratio"),
    }
    note = (
        "1 is all there is to know, 0 chance or a constant. The best from the tables was taught "
        "the truth of other customers, with the same columns; no share is told of a best below "
        f"{LEAST_CEILING:g}. By what happened: the same figure "
        "with realised outcomes, which are noisy where an outcome is rare or heavy-tailed."
    )
    return table(pd.DataFrame(rows), columns, "Recovered, beside its ceiling", story.currency, note)


def _of_ceiling(truth: Mapping[str, float], name: str) -> float:
    ceiling = _figure(truth, f"{name}_ceiling")
    return _figure(truth, name) / ceiling if ceiling >= LEAST_CEILING else np.nan


def headroom_table(story: Story) -> Table | None:
    """Headroom beside the rankings that need no model of potential; None where it is off."""
    if "truth/headroom_spearman" not in story.truth:
        return None
    rows = [
        {"ranking": words, **{n: _figure(story.truth, f"headroom_{n}{which}") for n in HEADROOM}}
        for which, words in RANKINGS.items()
        if f"truth/headroom_spearman{which}" in story.truth
    ]
    kinds = dict(zip(HEADROOM, ("ratio", "share"), strict=True))
    columns = {"ranking": ("Ranked by", "text")}
    columns |= {name: (label, kinds[name]) for name, label in HEADROOM.items()}
    note = (
        "Rank correlation with the true headroom, and the share of it that the tenth of customers "
        "ranked highest have."
    )
    return table(pd.DataFrame(rows), columns, "True headroom found", story.currency, note)


def truth_sentences(story: Story) -> list[str]:
    """One sentence a claim that is in neither table."""
    made = [_gain(story, name) for name in HEADROOM]
    made += [_bias(story.truth), _old_policy(story.truth), _effects(story.truth)]
    return [sentence for sentence in made if sentence]


def _gain(story: Story, name: str) -> str:
    where = f"headroom_{name}"
    if f"truth/{where}_gain" not in story.truth:
        return ""
    rivals = {which: _figure(story.truth, where + which) for which in RANKINGS if which}
    best = max(rivals, key=lambda which: np.nan_to_num(rivals[which], nan=-np.inf))
    more, low, high = (_figure(story.truth, f"{where}_gain{end}") for end in ("", "_low", "_high"))
    gain, between = differences(more, low, high, "share" if name == "top_decile" else "")
    words, _ = verdict(low, high, RANKINGS[best])
    return (
        f"{HEADROOM[name]}, headroom of the model less {RANKINGS[best]}, the best of the others: "
        f"{gain} ({between}); {words.replace('baseline', 'other')}."
    )


def _bias(truth: Mapping[str, float]) -> str:
    bias = _figure(truth, "potential_log_bias")
    if missing(bias):
        return ""
    customers = number(_figure(truth, "potential_log_bias_customers"))
    return (
        f"Potential is {number(np.exp(bias), 2)} times the true wallet in the geometric mean (log "
        f"bias {number(bias, 2, signed=True)}), over the {customers} customers with both above 0: "
        "it is what peers do here, not their wallet, and is claimed as a ranking."
    )


def _old_policy(truth: Mapping[str, float]) -> str:
    shared = _figure(truth, "behaviour_ami_old_policy")
    if missing(shared):
        return ""
    return (
        "Adjusted mutual information of the behaviour segments with the relationship models that "
        f"the bank had in place: {number(shared, 3)}; 0 is none of it."
    )


def _effects(truth: Mapping[str, float]) -> str:
    error = _figure(truth, "effect_error")
    if missing(error):
        return ""
    return (
        f"Randomised effects: the pooled one is off by {share(error, 2, signed=True)} of customers "
        f"(standard error {share(_figure(truth, 'effect_error_se'), 2)}); the 95% interval covers "
        f"the truth in {share(_figure(truth, 'effect_coverage'), 0)} of "
        f"{number(_figure(truth, 'effect_campaigns'))} campaigns."
    )


def _figure(truth: Mapping[str, float], name: str) -> float:
    return truth.get(f"truth/{name}", np.nan)
