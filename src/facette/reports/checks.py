"""Coded checks of a run: each with a severity, a sentence and what to do; silence is no answer."""

from __future__ import annotations

from facette.drivers.licence import Condition
from facette.models.judging import tau_of
from facette.reports.findings import Findings
from facette.reports.story import Check
from facette.reports.words import BASELINES, metric_label
from facette.settings.data import EventData
from facette.snapshots.protected import unexplained
from facette.wording import listed

PRIMARY = {
    "value": "normalised_gini",
    "potential": "pinball",
    "churn": "log_loss",
    "upside": "pinball",
    "value_if_staying": "normalised_gini",
}
TOTAL_TOLERANCE = 0.05
ECE_TOLERANCE = 0.02
COVERAGE_TOLERANCE = 0.02
COVERING = ("potential", "upside")
OLD_POLICY_AMI = 0.05
GUESSED_ALLOWED = 0.10
VALUE_TIER_AMI = 0.30
OPTIONAL_TABLES = ("customers", "contacts", "interactions", "contracts", "surveys", "consents")


def checks(found: Findings) -> list[Check]:
    """Every check, those that do not apply included."""
    made = [_too_good(found), *(_against_baseline(found, part) for part in PRIMARY)]
    made += [_total(found), *(_coverage(found, part) for part in COVERING), _calibration(found)]
    made += [*(_served(found, part) for part in PRIMARY), _stability(found)]
    made += [
        _known(found),
        *_drivers(found),
        _old_policy(found),
        _repeats_value(found),
    ]
    return [*made, _undated(found), _protected(found), _tables(found), _held_out(found)]


def _against_baseline(found: Findings, part: str) -> Check:
    code = f"baseline-{part}"
    if part not in found.judgements:
        return Check(code, "not applicable", f"{part} is off")
    gains = found.judgements[part].gains
    row = gains[gains["metric"] == PRIMARY[part]]
    if row.empty:
        return Check(code, "warning", f"no baseline of {part} is available at this date",
                     "give a longer history")  # fmt: skip
    low, high, opponent = row.iloc[0][["low", "high", "opponent"]]
    against = f"{part} ({metric_label(PRIMARY[part])}) against {BASELINES[opponent]}"
    if low > 0:
        return Check(code, "info", f"{against}: better, interval above 0")
    advice = f"use the baseline (model/{part}=baseline) or do not promote this version"
    if part not in ("value", "churn"):
        advice = "do not promote this version"
    if high < 0:
        return Check(code, "error", f"{against}: worse, interval below 0", advice)
    return Check(code, "warning", f"{against}: not proven better, interval holds 0", advice)


def _total(found: Findings) -> Check:
    if "value" not in found.judgements:
        return Check("total-value", "not applicable", "value is off")
    ratio = float(found.judgements["value"].table.loc["model", "total_ratio"])
    said = f"predicted total of value is {ratio:.3f} of the actual one"
    if abs(ratio - 1) <= TOTAL_TOLERANCE:
        return Check("total-value", "info", said)
    return Check("total-value", "warning", said, "do not use sums for a budget without rescaling")


def _coverage(found: Findings, part: str) -> Check:
    code = f"coverage-{part}"
    if part not in found.judgements:
        return Check(code, "not applicable", f"{part} is off")
    covered = float(found.judgements[part].table.loc["model", "coverage"])
    tau = tau_of(part, found.settings.model)
    said = f"{part} covers the value of {covered:.1%} of customers, {100 * tau:.3g}% wanted"
    severity = "info" if abs(covered - tau) <= COVERAGE_TOLERANCE else "warning"
    remedy = "" if severity == "info" else f"read {part} as a ranking, not as an amount"
    return Check(code, severity, said, remedy)


def _calibration(found: Findings) -> Check:
    if "churn" not in found.judgements:
        return Check("calibration-churn", "not applicable", "churn is off")
    row = found.judgements["churn"].table.loc["model"]
    said = (
        f"churn probabilities are off by {row['ece']:.3f} on average over ten bins of equal mass; "
        f"resolution {row['resolution']:.4f}, 0 for a constant"
    )
    if row["ece"] <= ECE_TOLERANCE:
        return Check("calibration-churn", "info", said)
    return Check("calibration-churn", "warning", said, "use churn to rank, not as a probability")


def _served(found: Findings, part: str) -> Check:
    """Whether some group of customers is told something else than what came."""
    code = f"served-{part}"
    if part not in found.judgements:
        return Check(code, "not applicable", f"{part} is off")
    table = found.served[part]
    if table.empty:
        return Check(code, "not applicable", f"no group of customers to judge {part} in")
    off = table[table["off"]]
    if off.empty:
        return Check(code, "info", f"{part} is right in each of {len(table)} groups of customers, "
                     "to what chance allows")  # fmt: skip
    worst = off.iloc[(off["predicted"] - off["actual"]).abs().to_numpy().argmax()]
    said = {
        "value": "expects {0:,.2f} each where {1:,.2f} came",
        "potential": "covers {1:.1%} where {0:.1%} is wanted",
        "churn": "says {0:.1%} where it came true of {1:.1%}",
    }
    said |= {"upside": said["potential"], "value_if_staying": said["value"]}
    told = said[part].format(worst["predicted"], worst["actual"])
    remedy = "where a group is treated by this figure, correct it there"
    if worst["by"] in found.protected_groups:
        remedy = (
            "look at what stands in for the attribute, and do not treat the group by this figure; "
            "correcting by a protected attribute is using it"
        )
    return Check(
        code, "warning",
        f"{part} is off in {len(off)} of {len(table)} groups of customers; farthest: {worst['by']} "
        f"“{worst['group']}”, of which it {told}",
        remedy,
    )  # fmt: skip


def _stability(found: Findings) -> Check:
    if found.behaviour is None:
        return Check("stability-segments", "not applicable", "segments are off")
    floor = found.settings.segments.behaviour.min_stability
    weak = [
        s["name"] for s in found.behaviour.segments if found.behaviour.stability[s["id"]] < floor
    ]
    if len(found.behaviour.segments) == 1:
        return Check("stability-segments", "warning", "no cut was stable enough: all are one",
                     "give more customers or other features")  # fmt: skip
    if weak:
        named = ", ".join(weak)
        return Check("stability-segments", "warning", f"segments below {floor}: {named}",
                     "lower segments.behaviour.k")  # fmt: skip
    return Check(
        "stability-segments", "info", f"every segment has a bootstrap Jaccard of {floor} or more"
    )


def _known(found: Findings) -> Check:
    if found.behaviour is None:
        return Check("known-behaviour", "not applicable", "segments are off")
    guessed = float((found.scored["behaviour_confidence"] == 0).mean())
    said = f"{guessed:.0%} of customers show too little behaviour to be put in a segment surely"
    severity = "info" if guessed <= GUESSED_ALLOWED else "warning"
    remedy = "" if severity == "info" else "read the segments as those of active customers"
    return Check("known-behaviour", severity, said, remedy)


def _drivers(found: Findings) -> list[Check]:
    if found.membership is None:
        first = Check("fidelity-segments", "not applicable", "segments are off")
    else:
        licence = found.licence_of_segments
        first = _licensed("fidelity-segments", "the segments", licence, found.withheld)
    return [first] + [
        _licensed(f"drivers-{part}", part, found.licence_of(part), found.unlicensed.get(part))
        for part in found.outcomes
    ]


def _licensed(code: str, of: str, licence: list[Condition], why: str | None) -> Check:
    if why is not None:
        return Check(code, "warning", f"drivers of {of} are withheld: {why}")
    figures = "; ".join(f"{c.what} {c.figure:.2f}" for c in licence)
    return Check(code, "info", f"drivers of {of} are shown: {figures}")


def _old_policy(found: Findings) -> Check:
    shared = found.ami_past_treatment
    if shared is None:
        return Check("old-policy", "not applicable", "what the company sent is not known")
    said = f"behaviour segments share {shared:.3f} of information with the number of contacts sent"
    if shared <= OLD_POLICY_AMI:
        return Check("old-policy", "info", said)
    return Check("old-policy", "warning", f"{said}: they partly give back the old policy",
                 "leave reactions out of segments.behaviour.features")  # fmt: skip


def _repeats_value(found: Findings) -> Check:
    shared = found.ami_value_tier
    if shared is None:
        why = "no current value is known" if found.behaviour else "segments are off"
        return Check("repeats-value", "not applicable", why)
    said = f"behaviour segments share {shared:.3f} of information with the value tiers"
    if shared <= VALUE_TIER_AMI:
        return Check("repeats-value", "info", said)
    return Check("repeats-value", "warning", f"{said}: they add little to them",
                 "choose features that are shares and rates, not volumes")  # fmt: skip


def _too_good(found: Findings) -> Check:
    if "churn" not in found.judgements:
        return Check("too-good-column", "not applicable", "churn is off")
    if not found.suspects:
        return Check("too-good-column", "info", "no column alone tells churn nearly without fault")
    told = ", ".join(f"'{name}' (ROC AUC {auc:.3f})" for name, auc in found.suspects.items())
    remedy = "leave it out (data.drop, or the features of the model), unless it was known before"
    return Check("too-good-column", "error", f"alone, {told} tells churn: the outcome under "
                 "another name, or filled in after it", remedy)  # fmt: skip


def _undated(found: Findings) -> Check:
    if not found.panel.dated:
        said = "columns of a wide table bear no date: all are taken as known before the outcomes"
        return Check("undated-attributes", "warning", said, "drop what was filled in afterwards")
    assert isinstance(found.settings.data, EventData)
    refused = [note for note in found.panel.notes if "refused as features" in note]
    if refused:
        return Check(
            "undated-attributes", "warning", refused[0], "date them, or declare them static"
        )
    static = found.settings.data.static_attributes
    if static:
        said = f"{len(static)} attributes are undated and taken as static by configuration"
        return Check("undated-attributes", "info", said)
    return Check("undated-attributes", "not applicable", "there are no attributes")


def _protected(found: Findings) -> Check:
    """Whether every feature that looks protected is kept out, or used for a reason that is told."""
    code, chosen = "protected-attributes", found.settings.snapshot.protected
    out = [name for name, reason in chosen.items() if reason is None]
    told = [f"kept out of all models and segments: {listed(out)}"] if out else []
    told += [f"{name} is used: {reason}" for name, reason in chosen.items() if reason is not None]
    seen = {by for table in found.served.values() for by in table["by"]}
    if small := [by for by in found.protected_groups if seen and by not in seen]:
        told.append(f"no group is large enough to be told of: {listed(small)}")
    if bare := unexplained(found.panel.spec, chosen):
        said = f"by their names protected, and used as features without a reason: {listed(bare)}"
        remedy = (
            "name each in snapshot.protected: null keeps it out of models and segments, a reason "
            "in words is told here"
        )
        return Check(code, "warning", "; ".join([said, *told]), remedy)
    if told:
        return Check(code, "info", "; ".join(told))
    return Check(
        code, "not applicable", "no attribute is protected by configuration or by its name"
    )


def _tables(found: Findings) -> Check:
    if not found.panel.dated:
        return Check("missing-tables", "not applicable", "a wide table stands for all others")
    absent = [name for name in OPTIONAL_TABLES if name not in found.tables]
    if not absent:
        return Check("missing-tables", "info", "every optional table is there")
    said = f"tables not given: {', '.join(absent)}; what rests on them is off"
    return Check("missing-tables", "info", said)


def _held_out(found: Findings) -> Check:
    if not found.panel.dated:
        judged = found.settings.evaluation
        return Check(
            "time-overlap", "warning",
            f"no dates: figures come from {judged.repeats} x {judged.folds} folds by chance, and "
            "say nothing of how the model does on a later day", "bring transactions with dates",
        )  # fmt: skip
    overlap = len(
        found.panel.test.features.index.intersection(found.panel.training[-1].features.index)
    )
    share = overlap / len(found.panel.test)
    return Check(
        "time-overlap", "info",
        f"{share:.0%} of the test customers were also in training, at an earlier date: figures are "
        "out of time, not out of customers",
    )  # fmt: skip
