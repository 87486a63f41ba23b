"""Whether segmenting is worth it here, before anything is trained.

How unequal customers are in value, how differently they behave and choose, and by how much net
value has to rise for a segmentation to pay its assumed cost. No effect of a segmentation is claimed
anywhere: these figures say what there is to gain from, not what would be gained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import narwhals as nw
import numpy as np
import pandas as pd

from facette.errors import BadInput
from facette.settings import Worth as WorthSettings
from facette.snapshots.activity import customer_days
from facette.snapshots.aggregates import KEY
from facette.snapshots.outcomes import YEAR_DAYS, net_column
from facette.snapshots.spec import SnapshotSpec
from facette.tables.contract import DAY_US, Tables

DAYS_OF_A_YEAR = 365
CURVE_POINTS = 200
LINES_PER_CELL = 3  # fewer lines for each pair of customer and category tell little but chance


@dataclass(frozen=True)
class ValueDisparity:
    """How unequal customers are in net value over the last `days`, in currency units.

    `customers` are all who ever had a transaction, `buyers` those with one in these days. `tiers`:
    from, to (shares of customers, from the top), customers, value, value_share. `curve`: share of
    customers, highest value first, and the share of net value they hold. Shares and the Gini are
    NaN where the total is not above 0.
    """

    days: int
    customers: int
    buyers: int
    total: float
    gini: float
    gini_buyers: float
    negative: int
    negative_total: float
    tiers: pd.DataFrame
    curve: tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Spread:
    """How much customers differ in one habit: quartiles, their ratio, coefficient of variation.

    `dispersion` is variance over mean, for counts only: 1 is what chance alone gives (Poisson).
    """

    what: str
    unit: str
    customers: int
    low: float
    median: float
    high: float
    quartile_ratio: float
    variation: float
    dispersion: float | None = None


@dataclass(frozen=True)
class Mix:
    """What is bought: over `kinds` categories or products of the last `days`.

    `evenness` is the entropy of spend over its maximum; `told_by_customer` the share of the
    uncertainty about a line's category that knowing the customer removes, None where there are too
    few `lines` for it.
    """

    over: str
    days: int
    kinds: int
    lines: int
    evenness: float
    told_by_customer: float | None


@dataclass(frozen=True)
class Payback:
    """What a segmentation is assumed to cost, and the rise in net value that pays it.

    Money in currency units. `yearly_value` is net value of the last `days` brought to a year.
    `rise` pays the yearly cost, `rise_first_year` the set-up as well, `rise_top` the yearly cost if
    only the top tier rose; NaN where there is no value that could rise.
    """

    segments: int
    set_up: float
    yearly: float
    days: int
    yearly_value: float
    top_customers: float
    top_value: float
    rise: float
    rise_first_year: float
    rise_top: float


@dataclass(frozen=True)
class Worth:
    """The figures; `mix` is None where neither category nor product is known.

    `purchases` are every customer's purchases ever, `once` the share with a single one.
    """

    value: ValueDisparity
    habits: list[Spread]
    habit_days: int
    purchases: np.ndarray
    once: float
    mix: Mix | None
    payback: Payback


def check_worth(settings: WorthSettings) -> None:
    """Refuse costs and tiers that say nothing.

    Raises:
        BadInput: shares that don't sum to 1, no segment, a cost below 0.
    """
    tiers = settings.tiers
    if len(tiers) < 2 or min(tiers) <= 0 or abs(sum(tiers) - 1) > 1e-6:
        raise BadInput(f"worth.tiers: shares {list(tiers)} must be two or more and sum to 1")
    if settings.segments < 1:
        raise BadInput(f"worth.segments: {settings.segments} is out of range; 1 or more is wanted")
    for name in ("set_up_cost", "yearly_cost"):
        if getattr(settings, name) < 0:
            raise BadInput(f"worth.{name}: {getattr(settings, name):g} is below 0")


def customer_sums(tables: Tables, spec: SnapshotSpec) -> pd.DataFrame:
    """One row a customer, whole numbers (minor units, days since 1970): ever and of last windows.

    Of scanned tables, a share of the customers is summed up at a time.
    first_day, purchases; net and transactions of the last horizon; net of the last year; purchases,
    days, first, last and amount of the last observation window.
    """
    shares = [_sums_of(share, spec) for share in tables.shares()]
    return pd.concat(shares).sort_index()


def _sums_of(tables: Tables, spec: SnapshotSpec) -> pd.DataFrame:
    day, until = nw.col("day"), _until(tables)
    year, recent = until - _year_days(tables), until - spec.observation_days
    ahead = until - _horizon_days(tables, spec)
    habit = (day >= recent) & (nw.col("purchases") > 0)
    sums = (
        customer_days(tables, spec)
        .with_columns(one=nw.lit(1, nw.Int64))
        .group_by(KEY)
        .agg(
            day.min().alias("first_day"),
            _sum_where(day >= 0, "purchases", "purchases"),
            _sum_where(day >= ahead, "net", "net"),
            _sum_where(day >= ahead, "transactions", "transactions"),
            _sum_where(day >= year, "net", "net_year"),
            _sum_where(habit, "purchases", "recent_purchases"),
            _sum_where(habit, "paid", "recent_amount"),
            _sum_where(habit, "one", "recent_days"),
            nw.when(habit).then(day).min().alias("recent_first"),
            nw.when(habit).then(day).max().alias("recent_last"),
        )
        .collect("pyarrow")
    )
    return sums.to_native().to_pandas().set_index(KEY)


def worth(
    tables: Tables, customers: pd.DataFrame, spec: SnapshotSpec, settings: WorthSettings
) -> Worth:
    """Every figure, from the rows of `customer_sums`."""
    value = _value_disparity(tables, customers, spec, settings.tiers)
    purchases = customers["purchases"].to_numpy()
    return Worth(
        value,
        _habits(customers, spec),
        min(spec.observation_days, _observed_days(tables)),
        purchases,
        float((purchases == 1).mean()),
        _mix(tables, spec),
        _payback(tables, customers, spec, settings, value),
    )


def gini(values: np.ndarray) -> float:
    """Gini coefficient: 0 where all hold the same, towards 1 where one holds everything.

    `G = 2 Σ i x_i / (n Σ x) - (n + 1) / n` over values sorted upwards (Gini 1912; Sen 1973). With
    values below 0 it can pass 1. NaN where the total is not above 0.
    """
    ranked, total = np.sort(values), float(values.sum())
    if total <= 0:
        return float("nan")
    n = len(ranked)
    return float(2 * (np.arange(1, n + 1) * ranked).sum() / (n * total) - (n + 1) / n)


def spread(what: str, unit: str, values: np.ndarray, *, count: bool = False) -> Spread:
    """How much customers differ in one figure, that of each customer a value.

    Coefficient of variation = standard deviation / mean; quartile ratio = Q3 / Q1; dispersion =
    variance / mean, which is 1 for counts that differ by chance alone and above it where customers
    have rates of their own (Ehrenberg 1959).
    """
    if not len(values):
        return Spread(what, unit, 0, *[float("nan")] * 5)
    low, median, high = (float(q) for q in np.quantile(values, [0.25, 0.5, 0.75]))
    mean, deviation = float(values.mean()), float(values.std())
    return Spread(
        what, unit, len(values), low, median, high,
        high / low if low > 0 else float("nan"),
        deviation / mean if mean > 0 else float("nan"),
        deviation**2 / mean if count and mean > 0 else None,
    )  # fmt: skip


def evenness(amounts: np.ndarray) -> float:
    """Shannon entropy over its maximum: 1 where all kinds weigh the same, 0 where one has all.

    `-Σ p ln p / ln K` over the K kinds with an amount above 0 (Shannon 1948; Pielou 1966). NaN for
    fewer than two kinds.
    """
    held = amounts[amounts > 0].astype(float)
    if len(held) < 2:
        return float("nan")
    p = held / held.sum()
    return float(-(p * np.log(p)).sum() / np.log(len(p)))


def told_by_customer(
    n: float, customers: int, kinds: np.ndarray, cells: int, own: float, within: float
) -> float:
    """The share of the uncertainty about a line's kind that knowing the customer removes.

    `I(customer; kind) / H(kind)` (Theil 1970), 0 where every customer has the base's mix, 1 where
    each buys one kind only. `n` lines in `cells` occupied pairs; `kinds` are the lines of each
    kind, `own` is `Σ n_c ln n_c` over customers, `within` the same over pairs. Few lines differ by
    chance, so the mutual information is lowered by its expected excess, `(cells - customers -
    kinds + 1) / 2n` (Miller 1955), and not below 0.
    """
    counts = kinds.astype(float)
    uncertainty = np.log(n) - float((counts * np.log(counts)).sum()) / n
    shared = (within - own) / n + uncertainty
    excess = (cells - customers - len(counts) + 1) / (2 * n)
    return float(max(shared - excess, 0.0) / uncertainty) if uncertainty > 0 else float("nan")


def _until(tables: Tables) -> int:
    """The first day, since 1970, that is not observed any more."""
    return -(-tables.observed_until // DAY_US)


def _observed_days(tables: Tables) -> int:
    return _until(tables) - tables.first_at // DAY_US


def _horizon_days(tables: Tables, spec: SnapshotSpec) -> int:
    return min(spec.horizon_days, _observed_days(tables))


def _year_days(tables: Tables) -> int:
    return min(YEAR_DAYS, _observed_days(tables))


def _sum_where(condition: nw.Expr, value: str, name: str) -> nw.Expr:
    chosen = nw.when(condition).then(nw.col(value)).otherwise(nw.lit(0, nw.Int64))
    return chosen.sum().cast(nw.Int64).alias(name)


def _currency(minor: pd.Series, spec: SnapshotSpec, rate: float = 1.0) -> np.ndarray:
    made: np.ndarray = minor.to_numpy().astype(float) * rate / 10**spec.minor_units
    return made


def _value_disparity(
    tables: Tables, customers: pd.DataFrame, spec: SnapshotSpec, shares: Sequence[float]
) -> ValueDisparity:
    net = _currency(customers["net"], spec, net_column(spec)[1])
    buys = customers["transactions"].to_numpy() > 0
    ranked = np.sort(net)[::-1]
    return ValueDisparity(
        _horizon_days(tables, spec),
        len(net),
        int(buys.sum()),
        float(net.sum()),
        gini(net),
        gini(net[buys]) if buys.any() else float("nan"),
        int((net < 0).sum()),
        float(net[net < 0].sum()),
        pareto(ranked, shares),
        lorenz(ranked),
    )


def pareto(ranked: np.ndarray, shares: Sequence[float]) -> pd.DataFrame:
    """Who holds what: each tier of (n,) amounts, the largest first, by its share of customers."""
    ends = np.cumsum(shares)
    last = np.maximum(np.round(ends * len(ranked)).astype(int), 1)  # as in segments.tiers
    first, total = [0, *last[:-1]], float(ranked.sum())
    values = [float(ranked[a:b].sum()) for a, b in zip(first, last, strict=True)]
    return pd.DataFrame(
        {
            "from": [0.0, *ends[:-1]],
            "to": ends,
            "customers": np.diff([0, *last]),
            "value": values,
            "value_share": [v / total if total > 0 else float("nan") for v in values],
        }
    )


def lorenz(ranked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Concentration of value, the highest first, thinned to what a picture can show."""
    n, total = len(ranked), float(ranked.sum())
    held = np.concatenate([[0.0], np.cumsum(ranked)]) / total if total > 0 else np.zeros(n + 1)
    places = np.unique(np.round(np.linspace(0, 1, CURVE_POINTS + 1) ** 2 * n).astype(int))
    return places / n, held[places]


def _habits(customers: pd.DataFrame, spec: SnapshotSpec) -> list[Spread]:
    seen = customers[customers["recent_purchases"] > 0]
    purchases, days = seen["recent_purchases"].to_numpy(), seen["recent_days"].to_numpy()
    baskets = _currency(seen["recent_amount"], spec) / np.maximum(purchases, 1)
    again = seen[days > 1]
    gaps = (again["recent_last"] - again["recent_first"]).to_numpy() / (
        again["recent_days"].to_numpy() - 1
    )
    return [
        spread("purchases", "count", purchases, count=True),
        spread("days between purchases", "days", gaps),
        spread("spend per purchase", "money", baskets),
    ]


def _mix(tables: Tables, spec: SnapshotSpec) -> Mix | None:
    over = next((c for c in ("category", "product") if c in spec.columns), None)
    if over is None:
        return None
    pairs = [_pairs(share, spec, over) for share in tables.shares()]
    held = pd.concat([_kinds(share, over) for share in pairs]).groupby(level=over).sum()
    days = min(spec.observation_days, _observed_days(tables))
    return Mix(
        over,
        days,
        len(held),
        int(held["n"].sum()),
        evenness(held["amount"].to_numpy()),
        _told(pairs, held["n"].to_numpy()),
    )


def _pairs(tables: Tables, spec: SnapshotSpec, over: str) -> nw.LazyFrame:
    """Lines and spend of each customer in each category or product."""
    lines = tables["transactions"].filter(
        (nw.col("occurred_at") >= (_until(tables) - spec.observation_days) * DAY_US)
        & (nw.col("amount") > 0)
        & ~nw.col(over).is_null()
    )
    return lines.group_by(KEY, over).agg(
        n=nw.len().cast(nw.Int64), amount=nw.col("amount").sum().cast(nw.Int64)
    )


def _kinds(pairs: nw.LazyFrame, over: str) -> pd.DataFrame:
    kinds = pairs.group_by(over).agg(nw.col("n", "amount").sum().cast(nw.Int64))
    return kinds.collect("pyarrow").to_native().to_pandas().set_index(over)


def _told(pairs: Sequence[nw.LazyFrame], kinds: np.ndarray) -> float | None:
    found = pd.DataFrame([_summed(share) for share in pairs]).sum()
    if len(kinds) < 2 or found["n"] < LINES_PER_CELL * found["cells"]:
        return None
    return told_by_customer(kinds=kinds, **found)


def _summed(pairs: nw.LazyFrame) -> dict[str, float]:
    by_customer = (
        pairs.with_columns(within=_n_log_n())
        .group_by(KEY)
        .agg(
            nw.col("n").sum().cast(nw.Int64),
            nw.col("within").sum(),
            cells=nw.len().cast(nw.Int64),
        )
        .with_columns(own=_n_log_n())
    )
    summed = by_customer.select(
        nw.col("n").sum().cast(nw.Int64),
        nw.col("cells").sum().cast(nw.Int64),
        nw.col("own", "within").sum(),
        customers=nw.len(),
    )
    found: dict[str, float] = summed.collect("pyarrow").rows(named=True)[0]
    return found


def _n_log_n() -> nw.Expr:
    n = nw.col("n").cast(nw.Float64)
    return n * n.log()


def _payback(
    tables: Tables, customers: pd.DataFrame, spec: SnapshotSpec, settings: WorthSettings,
    value: ValueDisparity,
) -> Payback:  # fmt: skip
    """Rise = cost / yearly net value: the break-even of a cost that brings no certain gain."""
    days = _year_days(tables)
    net = float(_currency(customers["net_year"], spec, net_column(spec)[1]).sum())
    yearly_value = net * DAYS_OF_A_YEAR / days
    set_up, yearly = (
        settings.segments * cost for cost in (settings.set_up_cost, settings.yearly_cost)
    )
    top = float(value.tiers["value_share"].iloc[0])
    return Payback(
        settings.segments, set_up, yearly, days, yearly_value, settings.tiers[0], top,
        rise(yearly, yearly_value), rise(set_up + yearly, yearly_value),
        rise(yearly, yearly_value * top),
    )  # fmt: skip


def rise(cost: float, value: float) -> float:
    """The relative rise of a yearly value that pays a yearly cost; NaN where there is no value."""
    return cost / value if value > 0 else float("nan")
