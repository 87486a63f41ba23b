"""Which segments to reward for what they brought, and which to win for what they could bring.

Both are sums of money over the customers of a segment, and sums of few or uneven customers are
chancy: so a segment has no rank but a range of ranks. Customers are drawn anew many times, each
counted as often as a Poisson variable with mean 1 says (the bootstrap in its form for large data,
Hanley & MacGibbon 2006), and the segments are ranked in every draw. Hall & Miller (2009, Annals of
Statistics 37) show what may be read from that: which ranks are within reach is found well, while
between segments that are nearly equal the share of draws for each rank does not settle however many
customers there are. So the range is the statement, and the shares only show where it comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import poisson

STEPS = 1 << 16
BLOCK = 4_000_000  # draws of weights held at a time
FINEST = 1e-9
PAST, FUTURE, STRATEGIC = "past", "future", "strategic"
SCORED = ("value_expected", "headroom", "value_at_risk")


@dataclass(frozen=True)
class Standing:
    """Segments by strategic value, the first first.

    `table`: by segment `customers`, and in currency units `past` (net value of the last period),
    `value_expected`, `headroom`, `value_at_risk`, `to_win` and `future` where scored, `strategic`;
    for each of past, future and strategic the `<name>_rank` (1 is the best), and `<name>_first` to
    `<name>_last`, the ranks it may have. `shares`: for each of them (segments x ranks) the share of
    draws. `not_scored`: columns that were not there.
    """

    table: pd.DataFrame
    shares: dict[str, pd.DataFrame]
    not_scored: tuple[str, ...]
    resamples: int
    confidence: float

    def told(self, segment: object, what: str = STRATEGIC) -> str:
        """`rank 2`, or `rank 1 to 3`."""
        row = self.table.loc[segment]
        first, last = int(row[f"{what}_first"]), int(row[f"{what}_last"])
        return f"rank {first}" if first == last else f"rank {first} to {last}"


def standing(
    segments: pd.Series, past: pd.Series, scored: pd.DataFrame,
    *, resamples: int, confidence: float, seed: int,
) -> Standing:  # fmt: skip
    """Segments ranked by what their customers brought and what they can bring.

    `segments` by customer_id, those without one left aside; `past`: net value in currency units by
    customer_id, 0 where absent; `scored`: customers with the columns of the model. What can be won
    from a customer is the larger of headroom and value at risk: both are measured from the expected
    value, in which leaving counts already, so that their sum would count a customer kept twice.
    Strategic value is past and future together; past alone where no value is expected.
    """
    own = segments.dropna()
    codes, names = pd.factorize(own.to_numpy(dtype=object), sort=True)
    figures = _figures(own.index, past, scored)
    ranked = [name for name in (PAST, FUTURE, STRATEGIC) if name in figures]
    size = np.bincount(codes, minlength=len(names))
    table = pd.DataFrame(
        {name: np.bincount(codes, weights=figure, minlength=len(names))
         for name, figure in figures.items()},
        index=pd.Index(names, name="segment"),
    )  # fmt: skip
    table.insert(0, "customers", size)
    drawn = _drawn_sums(codes, np.column_stack([figures[n] for n in ranked]), resamples, seed)
    shares = {
        name: pd.DataFrame(rank_shares(drawn[:, :, i]), table.index, _ranks(len(names)))
        for i, name in enumerate(ranked)
    }
    ranges = [_ranges(table[name], shares[name], confidence) for name in ranked]
    table = pd.concat([table, *ranges], axis=1)
    order = table[STRATEGIC].sort_values(ascending=False, kind="stable").index
    absent = tuple(name for name in SCORED if name not in scored)
    return Standing(table.loc[order], {n: s.loc[order] for n, s in shares.items()}, absent,
                    resamples, confidence)  # fmt: skip


def _ranges(sums: pd.Series, shares: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Rank, first and last by segment; the range holds the rank observed, whatever was drawn."""
    rank = sums.rank(ascending=False, method="min").astype(int)
    first, last = rank_range(shares.to_numpy(), confidence)
    return pd.DataFrame({
        f"{sums.name}_rank": rank, f"{sums.name}_first": np.minimum(first, rank),
        f"{sums.name}_last": np.maximum(last, rank),
    })  # fmt: skip


def _ranks(segments: int) -> pd.Index:
    return pd.RangeIndex(1, segments + 1, name="rank")


def _figures(
    customers: pd.Index, past: pd.Series, scored: pd.DataFrame
) -> Mapping[str, np.ndarray]:
    """By customer, currency units: what is added up and ranked; a missing score counts as 0."""
    known = past.reindex(customers).fillna(0.0).to_numpy(dtype=float)
    own = scored[[c for c in SCORED if c in scored]].reindex(customers).fillna(0.0).astype(float)
    made = {PAST: known, **{name: own[name].to_numpy() for name in own}}
    if "value_expected" not in made:
        return made | {STRATEGIC: known}
    chances = [made[name] for name in ("headroom", "value_at_risk") if name in made]
    made["to_win"] = np.max(chances, axis=0) if chances else np.zeros(len(known))
    made[FUTURE] = made["value_expected"] + made["to_win"]
    return made | {STRATEGIC: known + made[FUTURE]}


def _drawn_sums(codes: np.ndarray, figures: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """(resamples, segments, figures): sums with every customer counted a Poisson number of times.

    Counts are looked up in the quantile function at 65,536 equal steps: drawing one is then a
    random 16-bit number, ten times as quick, and its chances are right to 1 in 65,536.
    """
    counts = poisson.ppf((np.arange(STEPS) + 0.5) / STEPS, 1)
    rng, order = np.random.default_rng(seed), np.argsort(codes, kind="stable")
    sizes = np.bincount(codes)
    sums = np.zeros((resamples, len(sizes), figures.shape[1]))
    step = max(1, BLOCK // resamples)
    for segment, (size, end) in enumerate(zip(sizes, np.cumsum(sizes), strict=True)):
        for start in range(end - size, end, step):
            rows = figures[order[start : min(start + step, end)]]
            weights = counts[rng.integers(0, STEPS, (resamples, len(rows)), dtype=np.uint16)]
            sums[:, segment] += weights @ rows
    return sums


def rank_shares(sums: np.ndarray) -> np.ndarray:
    """(segments, ranks) shares of the draws (draws, segments); equals share their ranks evenly."""
    draws, segments = sums.shape
    ordered = np.sort(-sums, axis=1)
    shares = np.zeros((segments, segments + 1))
    for i in range(segments):
        # ranks that the segment has or shares: from those above it to those not below it
        first = (ordered < -sums[:, [i]]).sum(axis=1)
        end = (ordered <= -sums[:, [i]]).sum(axis=1)
        np.add.at(shares[i], first, 1 / (end - first))
        np.add.at(shares[i], end, -1 / (end - first))
    return np.clip(shares.cumsum(axis=1)[:, :segments] / draws, 0, 1)


def rank_range(shares: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """First and last rank (n,) with at most half of 1 - confidence of the draws beyond either."""
    tail = (1 - confidence) / 2
    upto = shares.cumsum(axis=1)
    return (upto > tail + FINEST).argmax(axis=1) + 1, (upto >= 1 - tail - FINEST).argmax(axis=1) + 1
