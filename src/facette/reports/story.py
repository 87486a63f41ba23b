"""What a training run has to tell: plain numbers, sentences and tables, filled by the job.

A part which did not run is `None` (or absent from its dict) and has its reason in `Story.off`.
Shares and probabilities are fractions of 1, money is in currency units (not minor units), dates are
ISO text, and an unknown figure is `None` or NaN and printed "not available".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from facette.segments.scorecard_learnt import JudgedGrid
    from facette.segments.side_by_side import SideBySide

MAIN = {"value": "Expected value", "potential": "Potential", "churn": "Churn"}
PARTS = MAIN | {"upside": "Upside", "value_if_staying": "Value if staying"}


@dataclass
class Headline:
    """One figure beside its best baseline.

    part : one of `PARTS`.
    metric : its name, as in the tracked run ("normalised_gini").
    unit : "" (a pure number), "share" (printed in per cent), or a currency code.
    gain, low, high : paired difference to the baseline and its interval; > 0 is better, whatever
        the metric.
    higher_is_better : None where a target is aimed at (a total ratio of 1, a stated coverage); gain
        is then how much nearer it is.
    wanted : the coverage aimed at.
    """

    part: str
    metric: str
    unit: str
    model: float
    baseline_name: str | None = None
    baseline: float | None = None
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    higher_is_better: bool | None = True
    wanted: float | None = None


@dataclass
class Check:
    """A methodological check: severity is "error", "warning", "info" or "not applicable"."""

    code: str
    severity: str
    sentence: str
    remedy: str = ""


@dataclass
class Segmentation:
    """The behaviour segments, how they were chosen and how far they can be trusted.

    segments : indexed by segment id; columns name, customers, share, stability, stability_verdict
        ("unstable", "doubtful", "stable", "highly stable"), and where known value_share (of the
        expected value), value_mean, headroom_mean (money a customer), churn_mean,
        confidence_mean (mean probability of assignment).
    profile : segment ids x human feature labels; the segment's mean minus the base's, in standard
        deviations of the base. The labels carry their unit.
    k_curve : k, stability_min, silhouette, smallest_share, chosen (one row true).
    criterion : the sentence by which k was chosen.
    nature : a sentence: natural, reproducible or constructed, and on what ground.
    points : x, y, segment: a sample of customers on the first two principal axes.
    axes : what the two axes mostly are, in words; explained : their shares of the variance.
    ami_value_tier : adjusted mutual information with the value tier, 0 independent to 1 the same.
    fidelity : share of held-out customers for whom the surrogate agrees with the segmentation.
    membership : segment, feature, sentence, contribution (mean |SHAP|), sign (+1: a high value of
        the feature speaks for the segment; -1: a low one).
    sentences : segment -> what its customers do against the base, in `language`.
    outcome : segment, part, feature, sentence, contribution: what goes with the segment's mean
        answer against the base's, signed, in money or probability.
    contrasts : segment, other, feature, sentence, contribution, side (1: higher than in the other,
        -1: lower): what puts customers into a segment rather than into the one most like it.
    withheld : why the drivers are not shown; None when they are licensed.
    """

    segments: pd.DataFrame
    profile: pd.DataFrame | None = None
    k_curve: pd.DataFrame | None = None
    criterion: str | None = None
    nature: str | None = None
    points: pd.DataFrame | None = None
    axes: tuple[str, str] | None = None
    explained: tuple[float, float] | None = None
    ami_value_tier: float | None = None
    fidelity: float | None = None
    membership: pd.DataFrame | None = None
    sentences: dict[str, str] = field(default_factory=dict)
    language: str = "en"
    outcome: pd.DataFrame | None = None
    contrasts: pd.DataFrame | None = None
    withheld: str | None = None


@dataclass(frozen=True)
class Champion:
    """The version in use, and how its run differs from this one.

    run : the start of its id. settings : indexed by dotted name, columns "champion", "this run".
    other_data : tables whose content is not the same. tested_alike : whether figures of both are of
        the same customers, outcomes and terms. metrics : of its run, by tracked name.
    """

    name: str
    version: int
    run: str
    began: datetime
    settings: pd.DataFrame
    other_data: Sequence[str]
    tested_alike: bool
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class PolicyTold:
    """The plan of a training run in short.

    lines : its headlines, as printed. flows : customers by how they are handled today (rows) and by
        the plan. page : where its decision page lies, beside the report.
    """

    lines: list[str]
    flows: pd.DataFrame
    page: str


@dataclass
class Story:
    """One training run, ready to be told.

    customers : in the snapshot at `reference_date`; `population` says how many each part is tested
        on, where that differs.
    reference_date : None for a wide table, which bears no date: what follows from one is None too.
    protocol : how customers were held out, in words.
    transactions : lines read. observation_days : None when features see the whole history.
    churn_told : how leaving is told, of dated data.
    churn_means : what the two-valued outcome of a wide table is, where it is no leaving.
    potential_quantile : of value among peers. upside_quantile : of value given everything.
    by_category : headroom by product category, columns as in `models.by_category`.
    at_risk : value at risk in all beside what leavers had been worth, in words.
    confidence : of the intervals.
    test_looks : how often the test date has been looked at, this run included.
    off : part -> why it was switched off.
    said : what was chosen, dropped, validated otherwise: one sentence each.
    evaluation : part -> metrics; index the model first, then its baselines; columns metric names.
    gains : part -> columns metric, opponent, gain, low, high; gain > 0 is better.
    gains_curves : part -> name -> (share of customers, share of outcome), best first; the model
        is the first name.
    served : part -> how each group of customers is served, see `models.by_group`.
    profit_curves : name -> (share of customers contacted, profit a customer), the model first, then
        the baseline of the greatest expected maximum profit; campaign : what is assumed, in words.
    calibration : part -> bins with columns predicted, observed, low, high, n.
    deciles : part -> indexed 1 (lowest predictions) to 10, columns predicted, actual: means.
    tiers : tier, customers, share, cut (its least value), value_share (expected value, or
        current value where no model ran).
    side_by_side : the segmentations, judged. their_segments : a row for each of their segments, see
        `reports.side_by_side.segments_of`. portraits : segmentation -> a card for each segment, see
        `segments.portraits`.
    grid : the scoring grid at the test date; grid_means : its outcome in words; grid_top : the
        grades that count as its top.
    matrix : value_tier, potential_tier, customers, value, headroom, churn: means a customer.
        Tiers stand in order of first appearance, the highest first.
    cells : cell, customers, value, headroom, churn: means a customer; the crossing of the matrix
        with the behaviour segments, all of it.
    drivers : part -> feature, sentence, mean_abs (mean |SHAP|, link scale), direction (rank
        correlation of the feature with its contribution, -1 to 1).
    unlicensed : part -> why its drivers are not shown. licences : subject, condition, figure,
        asked, held.
    pairs : part -> one, other, mean_abs: features that work together, link scale.
    movers : part -> customer_id, before, after, feature, sentence, part: whose answer moved
        farthest since the date before, and what went with it.
    cleaning : table, rows_in, kept, dropped, why: the rows of each table and what dropped some.
    catalogue : name, family, unit, sentence, source, personal.
    truth : what the truth of simulated customers says, as in the tracked run ("truth/<what>").
    configuration : the resolved configuration as YAML text. digests : what -> digest.
    champion : the version in use before this run; None where there was none.
    policy : the plan, None where none was asked for.
    """

    data_name: str
    origin: str
    licence: str
    currency: str
    reference_date: str | None
    training_dates: list[str]
    horizon_days: int | None
    customers: int
    transactions: int | None
    observed_until: str | None
    run_name: str
    code_version: str
    command: str
    value_basis: str
    protocol: str = "out of time"
    discount: str = "not discounted"
    observation_days: int | None = None
    perimeter: str | None = None
    test_looks: int | None = None
    churn_told: str | None = None
    churn_means: str | None = None
    potential_quantile: float = 0.9
    upside_quantile: float = 0.9
    at_risk: str | None = None
    by_category: pd.DataFrame | None = None
    confidence: float = 0.95
    population: dict[str, int] = field(default_factory=dict)
    off: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    headlines: list[Headline] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    evaluation: dict[str, pd.DataFrame] = field(default_factory=dict)
    gains: dict[str, pd.DataFrame] = field(default_factory=dict)
    gains_curves: dict[str, dict[str, tuple[Any, Any]]] = field(default_factory=dict)
    served: dict[str, pd.DataFrame] = field(default_factory=dict)
    profit_curves: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    campaign: str | None = None
    calibration: dict[str, pd.DataFrame] = field(default_factory=dict)
    deciles: dict[str, pd.DataFrame] = field(default_factory=dict)
    segmentation: Segmentation | None = None
    tiers: pd.DataFrame | None = None
    side_by_side: "SideBySide | None" = None
    their_segments: pd.DataFrame | None = None
    portraits: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    grid: "JudgedGrid | None" = None
    grid_means: str = ""
    grid_top: list[str] = field(default_factory=list)
    matrix: pd.DataFrame | None = None
    cells: pd.DataFrame | None = None
    drivers: dict[str, pd.DataFrame] = field(default_factory=dict)
    unlicensed: dict[str, str] = field(default_factory=dict)
    licences: pd.DataFrame | None = None
    pairs: dict[str, pd.DataFrame] = field(default_factory=dict)
    movers: dict[str, pd.DataFrame] = field(default_factory=dict)
    catalogue: pd.DataFrame | None = None
    cleaning: pd.DataFrame | None = None
    truth: dict[str, float] = field(default_factory=dict)
    configuration: str | None = None
    digests: dict[str, str] = field(default_factory=dict)
    champion: Champion | None = None
    policy: PolicyTold | None = None

    def tested(self, part: str) -> int:
        """How many customers a part is tested on."""
        return self.population.get(part, self.customers)

    def ran(self, part: str) -> bool:
        """Whether there is anything to show of a part."""
        shown = (self.evaluation, self.gains, self.calibration, self.drivers)
        return part not in self.off and any(part in tables for tables in shown)
