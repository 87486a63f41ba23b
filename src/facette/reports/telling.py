"""From findings to the story that the report, the tracked run and the command line tell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from facette.models.evaluation import (
    HIGHER_IS_BETTER,
    calibration_bins,
    decile_calibration,
    gains_curve,
)
from facette.models.judging import tau_of
from facette.reports import driving
from facette.reports.checks import checks
from facette.reports.findings import Findings
from facette.reports.side_by_side import segments_of, title_of
from facette.reports.story import Champion, Headline, Segmentation, Story
from facette.reports.tables import cleaned_rows
from facette.reports.words import BASELINES, money, number
from facette.segments.applied import BEHAVIOUR
from facette.segments.crossing import crossed
from facette.segments.portraits import portraits
from facette.segments.quality import verdict
from facette.settings.data import EventData, WideData
from facette.settings.models import ChurnDefinition, PartialOf
from facette.snapshots.catalogue import table as catalogue_table
from facette.snapshots.spec import SnapshotSpec

CURVED = ("value", "churn")  # parts whose ranking is drawn
MAP_SAMPLE = 1500
CURVE_POINTS = 500
HEADLINES = {
    "value": (("normalised_gini", ""), ("mae", "money"), ("total_ratio", "")),
    "potential": (("pinball", "money"), ("coverage", "share")),
    "churn": (("log_loss", ""), ("roc_auc", ""), ("ece", "")),
    "upside": (("pinball", "money"), ("coverage", "share")),
    "value_if_staying": (("normalised_gini", ""), ("mae", "money"), ("total_ratio", "")),
}


def tell(
    found: Findings, *, configuration: str, command: str, run_name: str, code_version: str,
    looks: int | None, champion: Champion | None = None,
) -> Story:  # fmt: skip
    """The whole story of a training run."""
    data, snapshot = found.settings.data, found.settings.snapshot
    judged, spec = found.judgements, found.panel.spec
    dated = isinstance(spec, SnapshotSpec)
    return Story(
        data_name=data.name,
        origin=data.origin,
        licence=data.licence,
        currency=data.currency,
        reference_date=found.test_date if dated else None,
        training_dates=found.panel.dates()[:-1] if dated else [],
        horizon_days=snapshot.horizon_days if dated else None,
        observation_days=spec.observation_days if isinstance(spec, SnapshotSpec) else None,
        protocol="out of time" if dated else _in_folds(found),
        customers=len(found.panel.test),
        transactions=found.tables.rows.get("transactions"),
        observed_until=found.observed_until,
        run_name=run_name,
        code_version=code_version,
        command=command,
        value_basis=_value_basis(found),
        perimeter=snapshot.perimeter,
        test_looks=looks,
        confidence=found.settings.evaluation.confidence,
        churn_told=_churn_in_words(found),
        churn_means=data.outcomes.churn_means if isinstance(data, WideData) else None,
        potential_quantile=found.settings.model.potential.tau,
        upside_quantile=found.settings.model.upside.tau,
        at_risk=_at_risk_in_words(found),
        by_category=found.by_category,
        population={part: len(j.actual) for part, j in judged.items()},
        off=found.off,
        said=_said(found),
        headlines=[h for part in judged for h in _headlines(found, part)],
        checks=checks(found),
        evaluation={part: j.table.rename(index=BASELINES) for part, j in judged.items()},
        gains={p: j.gains.replace({"opponent": BASELINES}) for p, j in judged.items()},
        gains_curves={part: _curves(found, part) for part in judged if part in CURVED},
        served=found.served,
        profit_curves=_profit_curves(found),
        campaign=_campaign_in_words(found),
        calibration={p: calibration_bins(j.actual, _model(found, p)) for p, j in judged.items()
                     if p == "churn"},
        deciles={p: _deciles(found, p) for p in judged if p == "value"},
        segmentation=_segmentation(found),
        tiers=_tiers(found),
        side_by_side=found.side,
        their_segments=None if found.side is None else segments_of(found.side, found.scored),
        portraits=_portraits(found),
        grid=found.grid,
        grid_means=found.settings.grid.outcome_means,
        grid_top=list(found.settings.grid.top),
        matrix=_matrix(found),
        cells=_cells(found),
        drivers=driving.of_models(found),
        unlicensed=found.unlicensed,
        licences=driving.licences(found),
        pairs=driving.in_pairs(found),
        movers=driving.of_movers(found),
        catalogue=catalogue_table(found.catalogue),
        cleaning=cleaned_rows(found.tables.cleaning),
        truth=found.recovered,
        configuration=configuration,
        champion=champion,
        digests={
            **found.tables.digests,
            **{f"snapshot at {date}": digest for date, digest in found.digests.items()},
        },
    )  # fmt: skip


def _in_folds(found: Findings) -> str:
    judged = found.settings.evaluation
    return f"in {judged.repeats} x {judged.folds} stratified folds of customers, by chance"


def _value_basis(found: Findings) -> str:
    data = found.settings.data
    if isinstance(data, WideData):
        column = data.outcomes.value
        return "no value outcome is given" if column is None else f"value is column {column!r}"
    assert isinstance(data, EventData)
    if "margin" in found.tables.columns("transactions"):
        return "value is margin, as the data give it"
    rate = data.margin_rate
    if rate == 1:
        return "value is gross spend: no margin, cost to serve or risk is known in these data"
    return f"value is spend times a margin rate of {rate:g}, before cost to serve and risk"


def _said(found: Findings) -> list[str]:
    """What was left out, chosen, dropped or validated otherwise, in order of the flow."""
    notes = [*found.tables.notes, *found.panel.notes]
    notes += [note for learned in found.learnt.values() for note in learned.notes]
    notes += [note for j in found.judgements.values() for note in j.notes]
    notes += [churn] if (churn := _churn_in_words(found)) else []
    if found.outcomes and found.settings.drivers.sample < len(found.seen):
        notes.append(
            f"drivers: contributions of {found.settings.drivers.sample:,} of {len(found.seen):,} "
            "customers, drawn at random"
        )
    if found.behaviour:
        notes += [f"behaviour segments: {found.behaviour.criterion}", *found.behaviour.notes]
        guessed = int((found.scored["behaviour_confidence"] == 0).sum())
        if guessed:
            notes.append(
                f"behaviour segments: {guessed:,} of {len(found.scored):,} customers show too "
                "little behaviour to be known; they stand in the segment of the average with "
                "confidence 0, and stability is of the others"
            )
    notes += found.grid.notes if found.grid else []
    if found.side is not None:
        notes += [
            f"{title_of(cut.name)}: {note}"
            for cut in found.side.cuts
            if cut.name != BEHAVIOUR
            for note in cut.notes
        ]
        notes += [f"{title_of(name)} is off: {why}" for name, why in found.side.off.items()]
    return notes + [f"{part} is off: {why}" for part, why in found.off.items()]


def _churn_in_words(found: Findings) -> str | None:
    """How leaving is told; nothing where churn did not run, or a table without dates gives it."""
    if "churn" not in found.judgements or not found.panel.dated:
        return None
    churn, days = found.settings.model.churn, found.settings.snapshot.horizon_days
    window = f"the {days} days from {churn.gap_days} days after the date"
    if churn.definition is ChurnDefinition.contractual:
        return (
            f"churn (contractual): all contracts end in {window}, at least one by the customer's "
            "will, among customers who hold one without notice; other ends are left out"
        )
    if churn.partial_share is not None and churn.definition is ChurnDefinition.partial:
        what = "days of purchase" if churn.partial_of is PartialOf.days else "net spend"
        return (
            f"churn (partial): {what} in {window} below {1 - churn.partial_share:.0%} of that in "
            f"the {days} days before it, which includes leaving altogether, among customers who "
            f"bought in the {churn.active_days} days before it and have {what} to lose"
        )
    return (
        f"churn (non-contractual): no purchase in {window}, among customers who bought in the "
        f"{churn.active_days} days before it"
    )


def _at_risk_in_words(found: Findings) -> str | None:
    if not found.at_risk:
        return None
    currency, days = found.settings.data.currency, found.settings.snapshot.horizon_days
    assert found.panel.test.outcomes is not None
    left = int((found.panel.test.outcomes["churned"] == 1).sum())
    risk, worth = (money(amount, currency) for amount in found.at_risk.values())
    return (
        f"Value at risk, the churn probability times value if staying, is {risk} in all over the "
        f"{days} days ahead. The {number(left)} who left had been worth {worth} in the {days} days "
        "before; what they would have brought by staying nobody saw."
    )


def _model(found: Findings, part: str) -> np.ndarray:
    predicted = found.judgements[part].predictions["model"]
    assert predicted is not None
    return predicted


def _headlines(found: Findings, part: str) -> list[Headline]:
    return [_headline(found, part, metric, unit) for metric, unit in HEADLINES[part]]


def _headline(found: Findings, part: str, metric: str, unit: str) -> Headline:
    judgement = found.judgements[part]
    told = Headline(
        part, metric, found.settings.data.currency if unit == "money" else unit,
        float(judgement.table.loc["model", metric]),
        higher_is_better=None if metric in {"total_ratio", "coverage"} else (
            metric in HIGHER_IS_BETTER
        ),
    )  # fmt: skip
    aim = "total_error" if metric == "total_ratio" else metric  # a ratio aims at 1
    gain = judgement.gains[judgement.gains["metric"] == aim]
    if len(gain):
        row = gain.iloc[0]
        told.baseline_name = BASELINES[str(row["opponent"])]
        told.baseline = float(judgement.table.loc[row["opponent"], metric])
        told.gain, told.low, told.high = (float(row[c]) for c in ("gain", "low", "high"))
    if metric == "coverage":
        told.wanted = tau_of(part, found.settings.model)
    return told


def _curves(found: Findings, part: str) -> dict[str, Any]:
    judgement = found.judgements[part]
    first = judgement.table.columns[0] if part == "value" else "roc_auc"
    rivals = judgement.table[first].drop("model").dropna().sort_values(ascending=False)
    names = ["model", *rivals.index[:2]]
    curves = {
        BASELINES.get(n, n): gains_curve(judgement.actual, judgement.predictions[n])  # type: ignore[arg-type]
        for n in names
    }
    return curves | {"perfect": gains_curve(judgement.actual, judgement.actual)}


def _profit_curves(found: Findings) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    churn = found.judgements.get("churn")
    if churn is None or churn.campaign is None:
        return {}
    rivals = churn.table["empc"].drop("model").dropna()
    names = ["model", *([str(rivals.idxmax())] if len(rivals) else [])]
    scores = {name: churn.predictions[name] for name in names}
    return {
        BASELINES.get(name, name): _thinned(*churn.campaign.curve(churn.actual, score))
        for name, score in scores.items()
        if score is not None
    }


def _thinned(share: np.ndarray, profit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Some hundreds of cuts of a curve, its ends and its best among them."""
    evenly = np.linspace(0, len(share) - 1, CURVE_POINTS).round().astype(int)
    kept = np.unique(np.r_[evenly, profit.argmax()])
    return share[kept], profit[kept]


def _campaign_in_words(found: Findings) -> str | None:
    churn, assumed = found.judgements.get("churn"), found.settings.evaluation.retention
    if churn is None or churn.campaign is None:
        return None
    accept = assumed.alpha / (assumed.alpha + assumed.beta)
    contact = money(assumed.contact_cost, found.settings.data.currency)
    return (
        f"Assumed, not measured: {contact} a contact; an incentive of "
        f"{100 * assumed.incentive_share:.3g}% of the customer's own value "
        f"({churn.campaign.value_is}); of leavers contacted, {100 * accept:.3g}% on average accept "
        f"it and stay (Beta({assumed.alpha:g}, {assumed.beta:g})); of the others, all accept it"
    )


def _deciles(found: Findings, part: str) -> pd.DataFrame:
    table = decile_calibration(found.judgements[part].actual, _model(found, part))
    return table.set_axis(range(1, len(table) + 1))


def _segmentation(found: Findings) -> Segmentation | None:
    behaviour = found.behaviour
    if behaviour is None:
        return None
    segment = found.scored["behaviour_segment"].to_numpy()
    points, axes, explained = _map(found, segment)
    k = len(behaviour.segments)
    return Segmentation(
        segments=_segments(found),
        profile=_profile(found, segment),
        k_curve=behaviour.curve.assign(chosen=behaviour.curve["k"] == k),
        criterion=behaviour.criterion,
        nature=_nature(found),
        points=points,
        axes=axes,
        explained=explained,
        ami_value_tier=found.ami_value_tier,
        fidelity=found.membership.fidelity if found.membership else None,
        membership=driving.of_membership(found),
        sentences=driving.in_words(found),
        language=found.settings.report.language.value,
        outcome=driving.of_outcome(found),
        contrasts=driving.between_neighbours(found),
        withheld=found.withheld,
    )


def _nature(found: Findings) -> str:
    assert found.behaviour is not None
    nature = found.behaviour.nature
    if nature is None:
        return "No segments: everyone is one, so that there is no verdict on their nature"
    apart = (
        f"they explain {nature.explained:.2f} of the variance against {nature.null_explained:.2f} "
        "in data without any groups, with the same columns and correlations, cut likewise; between "
        f"any two of them density falls by {nature.valley:.0%} or more, against "
        f"{nature.null_valley:.0%} there"
    )
    return {
        "natural": f"Natural: the same segments come back when customers are drawn anew (least "
        f"Jaccard {nature.jaccard:.2f}), and stand apart as groups do: {apart} "
        f"(p {nature.p:.3f})",
        "reproducible": "Reproducible, not natural: the same segments come back when customers are "
        f"drawn anew (least Jaccard {nature.jaccard:.2f}, without groups "
        f"{nature.null_jaccard:.2f}), but they don't stand apart as groups do: {apart}",
        "constructed": "Constructed: at least one segment does not come back when customers are "
        f"drawn anew (least Jaccard {nature.jaccard:.2f}), the cut is one of many; {apart}",
    }[nature.kind]


def _segments(found: Findings) -> pd.DataFrame:
    behaviour, scored = found.behaviour, found.scored
    assert behaviour is not None
    groups = scored.groupby("behaviour_segment")
    index = [s["id"] for s in behaviour.segments]
    stability = [behaviour.stability[i] for i in index]
    customers = groups.size().reindex(index, fill_value=0)
    frame = pd.DataFrame(
        {
            "name": [s["name"] for s in behaviour.segments],
            "customers": customers,
            "share": customers / len(scored),
            "stability": stability,
            "stability_verdict": [verdict(j) for j in stability],
            "confidence_mean": groups["behaviour_confidence"].mean(),
        },
        index=index,
    )
    means = {
        "value_expected": "value_mean", "headroom": "headroom_mean",
        "churn_probability": "churn_mean",
    }  # fmt: skip
    for column, name in means.items():
        if column in scored:
            frame[name] = groups[column].mean()
    if "value_expected" in scored:
        frame["value_share"] = groups["value_expected"].sum() / scored["value_expected"].sum()
    return frame


def _portraits(found: Findings) -> dict[str, list[dict[str, Any]]]:
    """A card for each segment of each segmentation, as plain JSON."""
    frame = found.panel.test.features
    cuts = [] if found.side is None else found.side.cuts
    return {cut.name: portraits(cut, frame, found.catalogue, found.scored) for cut in cuts}


def _profile(found: Findings, segment: np.ndarray) -> pd.DataFrame:
    z = found.standardised
    against = z.groupby(segment).mean() - z.mean()
    return against.rename(columns={c: found.catalogue[c].english for c in against})


def _map(
    found: Findings, segment: np.ndarray
) -> tuple[pd.DataFrame, tuple[str, str], tuple[float, float]]:
    z = found.standardised
    if z.shape[1] < 2:
        z = z.assign(nothing=0.0)
    axes = PCA(2, random_state=found.settings.seed).fit(z)
    drawn = np.random.default_rng(found.settings.seed).permutation(len(z))[:MAP_SAMPLE]
    at = axes.transform(z.iloc[drawn])
    points = pd.DataFrame({"x": at[:, 0], "y": at[:, 1], "segment": segment[drawn]})
    told = tuple(_axis(found, axes.components_[i], list(z.columns)) for i in (0, 1))
    first, second = (float(r) for r in axes.explained_variance_ratio_)
    return points, told, (first, second)  # type: ignore[return-value]


def _axis(found: Findings, loadings: np.ndarray, columns: list[str]) -> str:
    """The two features an axis is mostly made of, towards its positive end."""
    words = []
    for i in np.argsort(-np.abs(loadings))[:2]:
        feature = found.catalogue.get(columns[i])
        if feature:
            words.append((feature.high if loadings[i] > 0 else feature.low) or feature.english)
    return ", ".join(words)


def _tiers(found: Findings) -> pd.DataFrame | None:
    if "value_tier" not in found.scored:
        return None
    frozen = found.frozen["value_tier"]
    worth = found.scored["value_expected"] if "value_expected" in found.scored else (
        found.seen["value_current"].set_axis(found.scored.index)
    )  # fmt: skip
    groups = worth.groupby(found.scored["value_tier"])
    names = frozen["names"]
    customers = groups.size().reindex(names, fill_value=0)
    return pd.DataFrame(
        {
            "tier": names,
            "customers": customers.to_numpy(),
            "share": (customers / len(found.scored)).to_numpy(),
            "cut": [*frozen["cuts"], float(found.seen["value_current"].min())],
            "value_share": (groups.sum().reindex(names, fill_value=0) / worth.sum()).to_numpy(),
        }
    )


def _matrix(found: Findings) -> pd.DataFrame | None:
    if "value_tier" not in found.scored or "potential_tier" not in found.scored:
        return None
    table = crossed(found.scored, ["value_tier", "potential_tier"])
    for column in ("value_tier", "potential_tier"):
        names = found.frozen[column]["names"]
        others = sorted(set(table[column]) - set(names))  # too early to say
        table[column] = pd.Categorical(table[column], [*names, *others], ordered=True)
    table = table.sort_values(["value_tier", "potential_tier"], ignore_index=True)
    return table.astype({"value_tier": str, "potential_tier": str})


def _cells(found: Findings) -> pd.DataFrame | None:
    if "cell" not in found.scored:
        return None
    names = {s["id"]: s["name"] for s in found.behaviour.segments} if found.behaviour else {}
    table = crossed(found.scored, ["cell"])
    told = [" / ".join(names.get(part, part) for part in cell.split("/")) for cell in table["cell"]]
    return table.assign(cell=told)


def cards(story: Story, names: dict[str, list[str]]) -> dict[str, str]:
    """A model card in Markdown for each registered name."""
    return {name: _card(story, name, parts) for name, parts in names.items()}


def _card(story: Story, name: str, parts: list[str]) -> str:
    figures = [
        f"- {h.part}, {h.metric}: {h.model:.4g}"
        + (f" beside {h.baseline:.4g} for {h.baseline_name}" if h.baseline is not None else "")
        for h in story.headlines
        if h.part in parts
    ]
    lines = [
        f"# {name}",
        f"Parts: {', '.join(parts)}. Trained on {story.data_name} ({story.origin}; "
        f"{story.licence}){_judged_how(story)} on {story.customers:,} customers.",
        f"Money in {story.currency}; {story.value_basis}.",
        _sentence(story.churn_told) if "churn" in parts and story.churn_told else "",
        f"Input: one row per customer with {_input(story)}. Output: see the signature.",
        "## Figures on held-out customers" if figures else "",
        "\n".join(figures),
        "## Limits",
        "Drivers are associations, not causes. A high churn probability does not say that a "
        "customer can be persuaded. A segment never decides whether a customer is served.",
        "\n".join(f"- {c.sentence}" for c in story.checks if c.severity in {"error", "warning"}),
    ]
    return "\n\n".join(line for line in lines if line) + "\n"


def _sentence(told: str) -> str:
    return f"{told[0].upper()}{told[1:]}."


def _input(story: Story) -> str:
    if story.reference_date is None:
        return "the columns of the signature; `reference_date` is text and may say `undated`"
    return "the snapshot features of the signature, known strictly before `reference_date`"


def _judged_how(story: Story) -> str:
    if story.reference_date is None:
        return f", a wide table; judged {story.protocol}"
    return (
        f", snapshots of {', '.join(story.training_dates)}; judged {story.protocol} at "
        f"{story.reference_date} over {story.horizon_days} days"
    )
