"""The three tests of a criterion and of a segmentation: pertinent, measurable, of practical value.

*Pertinence*: what it tells of the future, out of time, beyond the value tier, and whether its
segments answer contacts differently. *Measurability*: whether the same segments come back, how
surely customers are assigned, how many stay where they were. *Practical value*: sizes, value at
stake, who may be reached, whether they are treated differently at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from facette.segments.applied import Applied
from facette.segments.pertinence import Outcome, Pertinence, pertinence
from facette.segments.quality import shared_information
from facette.segments.treatment import Price, Response
from facette.settings.segments import ThreeTests

ANSWERS = "answers"
BANDS = 5
LEAST_ROWS = 30  # with a known value, for a criterion to be judged
Pair = tuple[pd.Series, pd.Series]


@dataclass(frozen=True)
class Judged:
    """One segmentation through the three tests.

    `pertinence` by outcome; `response` and `price` are None where nothing was randomised.
    `figures`: stability_min, stay, unsure (share of customers between segments), segments,
    smallest_share, at_stake, reach (the least reachable segment; NaN where consents are not known),
    same_treatment (NaN: not known).
    """

    name: str
    pertinence: dict[str, Pertinence]
    response: Response | None
    price: Price | None
    figures: dict[str, float]
    passed: dict[str, bool]
    verdict: str


def judged(
    cut: Applied, outcomes: Sequence[Outcome], tiers: Pair | None, bars: ThreeTests,
    confidence: float, value: pd.Series | None, reachable: pd.Series | None,
    treatment: pd.Series | None, response: Response | None, price: Price | None,
) -> Judged:  # fmt: skip
    """Put a segmentation through the three tests.

    Pertinent is what holds at the confidence level for all outcomes and the answers to contacts
    together (Holm 1979), and each outcome by its own interval.

    `value`, `reachable` (whether a customer consents to any channel) and `treatment` (how they were
    dealt with) are by customer of the test date, None where not known.
    """
    told = {o.name: pertinence(o, tiers, (cut.training, cut.test), confidence) for o in outcomes}
    sure = _sure(told, response, confidence)
    figures = {**_measured(cut), **_practical(cut, value, reachable, treatment)}
    passed = {
        "pertinent": bool(sure),
        "measurable": figures["stability_min"] >= bars.least_stable
        and figures["unsure"] <= bars.unsure,
        "practical": figures["smallest_share"] >= bars.smallest
        and 1 < figures["segments"] <= bars.most,
    }
    beyond = "that value tiers leave open" if tiers is not None else "that one mean for all leaves"
    said = [
        _of_pertinence(told, response, sure, beyond),
        _of_measure(figures, bars),
        _of_practice(figures, bars),
    ]
    verdict = f"{_worth(passed)}: {'; '.join(said)}."
    return Judged(cut.name, told, response, price, figures, passed, verdict)


def _sure(told: Mapping[str, Pertinence], response: Response | None, confidence: float) -> set[str]:
    """The outcomes, and the answers, of which the segments tell: surely, all asked together."""
    chance = {name: p.p for name, p in told.items()}
    chance |= {} if response is None else {ANSWERS: response.p}
    found: set[str] = set()
    for name in sorted(chance, key=lambda n: chance[n]):
        if chance[name] * (len(chance) - len(found)) >= 1 - confidence:
            break
        found.add(name)
    return found - {name for name, p in told.items() if p.low <= 0}


def _measured(cut: Applied) -> dict[str, float]:
    both = pd.concat({"before": cut.training, "after": cut.test}, axis=1, join="inner")
    stay = float((both["before"] == both["after"]).mean()) if len(both) else np.nan
    least = min(cut.stability.values(), default=np.nan)
    unsure = float(cut.between.mean())
    return {"stability_min": least, "stay": stay, "unsure": unsure}


def _practical(
    cut: Applied, value: pd.Series | None, reachable: pd.Series | None,
    treatment: pd.Series | None,
) -> dict[str, float]:  # fmt: skip
    customers = cut.customers
    held = customers[customers > 0]
    reach = reachable.groupby(cut.test).mean().min() if reachable is not None else np.nan
    return {
        "segments": float(len(held)),
        "smallest_share": float(held.min() / held.sum()),
        "at_stake": at_stake(value, cut.test) if value is not None else np.nan,
        "reach": float(reach),
        "same_treatment": np.nan if treatment is None else shared_information(
            cut.test, treatment.reindex(cut.test.index)
        ),
    }  # fmt: skip


def at_stake(value: pd.Series, groups: pd.Series) -> float:
    """The share of value that stands elsewhere than customers do: Hoover's index (1936) between
    groups, 0 where a segment's share of value is its share of customers. Of customers whose value
    and group are known; at most 1, which segments that lose money could pass. NaN where the total
    is not above 0.
    """
    known = pd.concat({"value": value, "group": groups}, axis=1, join="inner").dropna()
    whole = known["value"].sum()
    if not whole > 0:
        return np.nan
    by_group = known.groupby("group", observed=True)["value"].agg(["sum", "size"])
    moved = (by_group["sum"] / whole - by_group["size"] / len(known)).abs().sum() / 2
    return min(float(moved), 1.0)


def _worth(passed: Mapping[str, bool]) -> str:
    if all(passed.values()):
        return "Worth keeping"
    if passed["measurable"] and passed["practical"]:
        return "A description, no ground for treating customers differently"
    return "Not worth its cost as it is"


def _of_pertinence(
    told: Mapping[str, Pertinence], response: Response | None, sure: set[str], beyond: str
) -> str:
    tells = [f"{p.gain:.1%} of {name}" for name, p in told.items() if name in sure]
    if not told:
        said = "no outcome is known to hold it against"
    elif tells:
        said = f"it explains {' and '.join(tells)} {beyond}"
    else:
        said = f"it tells nothing sure of {' or '.join(told)} {beyond}"
    if response is None:
        return said
    moved = "differently" if ANSWERS in sure else "alike, as far as can be told"
    return f"{said}, and its segments answer contacts {moved}"


def _of_measure(figures: Mapping[str, float], bars: ThreeTests) -> str:
    least, stay = figures["stability_min"], figures["stay"]
    back = "come back" if least >= bars.least_stable else "do not all come back"
    said = f"its segments {back} (least Jaccard {least:.2f})"
    if np.isnan(least):
        said = "whether its segments come back is not known"
    if figures["unsure"] > bars.unsure:
        said += f", {figures['unsure']:.0%} of customers stand between them"
    if np.isnan(stay):
        return said
    return f"{said}, {stay:.0%} of customers stay from one date to the next"


def _of_practice(figures: Mapping[str, float], bars: ThreeTests) -> str:
    small = figures["smallest_share"] < bars.smallest
    said = f"{figures['segments']:.0f} segments, the smallest {figures['smallest_share']:.1%}"
    if figures["segments"] < 2:
        return "everyone is in one segment"
    if figures["segments"] > bars.most:
        return f"{said}: more than {bars.most} can't be handled apart"
    return f"{said} of customers{', too small to be worth a treatment' if small else ''}"


def criteria(
    frame: pd.DataFrame, later: pd.DataFrame, numeric: Sequence[str], outcomes: Sequence[Outcome],
    tiers: Pair | None, bars: ThreeTests, confidence: float, value: pd.Series | None,
) -> pd.DataFrame:  # fmt: skip
    """A row for each criterion (a column at both dates): the three tests, and whether to keep it.

    Numbers are cut into fifths frozen at the first date. Columns: for each outcome `<name>_gain`
    and `<name>_q`, the false discovery rate among all criteria and outcomes (Benjamini & Hochberg
    1995); known
    (share of customers with a value), stay (rank correlation between the dates, or share of
    customers with the same category), at_stake, keep ("keep", "weak", "drop"), why.
    """
    rows = {}
    for name in frame.columns:
        cut = _fifths(frame[name], later[name]) if name in numeric else _as_text(frame, later, name)
        known = frame[name].notna().sum()
        if cut[0].nunique() > 1 and frame[name].nunique() > 1 and known >= LEAST_ROWS:
            rows[name] = {
                **_pertinent(cut, outcomes, tiers, confidence),
                "known": float(later[name].notna().mean()),
                "stay": _stays(frame[name], later[name], name in numeric),
                "at_stake": np.nan if value is None else at_stake(value, cut[1]),
            }
    table = pd.DataFrame.from_dict(rows, orient="index")
    return _weighed(table, [o.name for o in outcomes], bars, confidence)


def _pertinent(
    cut: Pair, outcomes: Sequence[Outcome], tiers: Pair | None, confidence: float
) -> dict[str, float]:
    made: dict[str, float] = {}
    for outcome in outcomes:
        found = pertinence(outcome, tiers, cut, confidence)
        made |= {f"{outcome.name}_gain": found.gain, f"{outcome.name}_q": found.p}
    return made


def _weighed(
    table: pd.DataFrame, names: Sequence[str], bars: ThreeTests, confidence: float
) -> pd.DataFrame:
    if table.empty:
        return table
    asked = [f"{name}_q" for name in names]
    if asked:
        p = table[asked].to_numpy(float)
        table[asked] = false_discovery_control(p.ravel()).reshape(p.shape)
    sure = np.column_stack(
        [(table[f"{n}_q"] < 1 - confidence) & (table[f"{n}_gain"] > 0) for n in names]
        or [np.zeros(len(table), dtype=bool)]
    ).any(axis=1)  # fmt: skip
    steady = ~(table["stay"] < bars.steady)
    known = table["known"] >= bars.steady
    table["keep"] = np.select([sure & steady & known, sure], ["keep", "weak"], "drop")
    table["why"] = np.select(
        [~sure, ~known, ~steady],
        ["says nothing sure beyond the value tier", "known of too few customers",
         "changes from one date to the next"],
        "pertinent, known and steady",
    )  # fmt: skip
    return table


def _fifths(column: pd.Series, later: pd.Series) -> Pair:
    """Both dates in fifths whose cuts are frozen at the first; what is not known stands apart.

    A cut at the largest value would part nobody: it moves to the next below, so that a rare low
    value stands apart as a rare high one does.
    """
    values = np.sort(column.dropna().to_numpy(float))
    cuts = np.empty(0)
    if len(values) and (below := values[values < values[-1]]).size:
        steps = np.linspace(0, 1, BANDS + 1)[1:-1]
        cuts = np.unique(np.minimum(np.quantile(values, steps, method="lower"), below[-1]))
    return _banded(column, cuts), _banded(later, cuts)


def _banded(column: pd.Series, cuts: np.ndarray) -> pd.Series:
    band = np.searchsorted(cuts, column.to_numpy(float), side="left")
    return pd.Series(np.where(column.isna(), -1, band), index=column.index)


def _as_text(frame: pd.DataFrame, later: pd.DataFrame, name: str) -> Pair:
    return tuple(f[name].astype("object").fillna("").astype(str) for f in (frame, later))


def _stays(column: pd.Series, later: pd.Series, is_number: bool) -> float:
    both = pd.concat({"before": column, "after": later}, axis=1, join="inner").dropna()
    if len(both) < LEAST_ROWS:
        return np.nan
    if is_number and both.nunique().min() < 2:
        return 0.0
    if is_number:
        return float(both["before"].astype(float).corr(both["after"].astype(float), "spearman"))
    return float((both["before"].astype(str) == both["after"].astype(str)).mean())
