"""Profit and loss of the last period: who and what brought money in, and what it cost.

One ledger, three readings. Every entry belongs to one customer and one channel and is a whole
number of minor units; a customer has one segment and one relationship model. So the accounts by
segment, by channel and by relationship model only add up the same entries in another order, and
come to the same total to the cent.

What is no customer's own (a relationship model's cost a year) is shown apart and spread over
nobody: a share of it in a customer's account would make the customer look dear for the company's
own choice. Who is known but not in the plan (objectors, those outside the perimeter) appears as a
sum alone, so that the total is that of the books.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import polars as pl

from facette.policy.reach import Reach
from facette.policy.relationship import RISK, SERVE
from facette.settings.policy import Policy
from facette.snapshots.aggregates import KEY
from facette.snapshots.instants import as_date
from facette.snapshots.known import first_known_day, known_at
from facette.snapshots.outcomes import net_column
from facette.snapshots.relations import CONTROL
from facette.snapshots.spec import SnapshotSpec
from facette.tables.contract import DAY_US, Tables
from facette.wording import listed

SIGNS = {"margin": 1, "acquisition": -1, "serve": -1, "contacts": -1}
LINES = tuple(SIGNS)
NOT_IN_PLAN, NOT_TOLD = "not in this plan", "not told"
WHOLE = 1e-9  # a price nearer than this to a whole number of minor units is one
NO_WHERE = -1


@dataclass(frozen=True)
class Accounts:
    """Profit and loss of [`start`, `end`) (microseconds), in minor units, Int64 throughout.

    `by_segment`, `by_channel`, `by_model`: a row each, and one for all who are not in the plan;
    columns `customers`, `margin`, `acquisition`, `serve`, `contacts` (costs as positive numbers)
    and `net`, margin less the costs. In the first two, customers are those of the group, by
    channel those with an entry there. `total`: the sums of these columns, the same in every view.
    `customers`: by customer_id `segment`, `relationship_model`, the lines and `net`. `fixed`: by
    relationship model, what it costs for the time whoever is in it; in no customer's account.
    """

    start: int
    end: int
    minor_units: int
    by_segment: pd.DataFrame
    by_channel: pd.DataFrame
    by_model: pd.DataFrame
    total: pd.Series
    customers: pd.DataFrame
    fixed: pd.Series
    notes: tuple[str, ...]

    def __post_init__(self) -> None:
        """Raise ValueError where a view does not add up to the total: that is our fault."""
        views = {"segment": self.by_segment, "channel": self.by_channel, "model": self.by_model}
        for name, view in views.items():
            money = view[[*LINES, "net"]]
            if not all(dtype == np.int64 for dtype in money.dtypes):
                raise ValueError(f"accounts by {name} are not in whole minor units")
            made = sum(sign * money[line] for line, sign in SIGNS.items())
            if not (made == money["net"]).all() or not money.sum().equals(self.total):
                raise ValueError(f"accounts by {name} do not add up to the total")
            apart = money["net"].get(NOT_IN_PLAN, 0)
            if self.customers["net"].sum() + apart != self.total["net"]:
                raise ValueError(f"accounts by {name} and the customers' own do not agree")

    @property
    def net_after_fixed(self) -> int:
        """The net total less what the relationship models cost by themselves."""
        return int(self.total["net"] - self.fixed.sum())


def accounts_at(
    tables: Tables, t: int, days: int, spec: SnapshotSpec, policy: Policy, groups: pd.DataFrame
) -> Accounts:
    """The accounts of the `days` before `t`, by what the tables told then.

    `groups`: customers of the plan by customer_id, columns `segment` and `relationship_model` (on
    record at `t`). Margin is what net value is made of (`net_column`). A price that is no whole
    number of minor units, or a margin rate, is rounded with the rest carried on to the next
    customer, so that a channel's sum is right to the nearest unit and one customer's to one.
    """
    start, notes = t - days * DAY_US, _window_notes(tables, t, days, policy)
    parts = [_quantities(share, start, t, spec, policy) for share in tables.shares()]
    told = _priced(pl.concat(parts), _prices(policy, spec), notes)
    _margin_notes(tables, start, t, spec, notes)
    entries = _amounts(told).join(_places(groups), on=KEY, how="left")
    segment, model = (_codes(groups[name]) for name in ("segment", "relationship_model"))
    apart = entries.filter(pl.col("place").is_null())[KEY].n_unique()
    entries = entries.drop(KEY)
    names = {"segment": segment, "relationship_model": model}
    own = _own(entries, groups)
    for place, (name, (code, words)) in enumerate(names.items()):
        own.insert(place, name, words[code])
    return Accounts(
        start, t, spec.minor_units,
        _by_group(entries, segment, apart), _by_channel(entries, apart),
        _by_group(entries, model, apart), _total(entries), own,
        _fixed(groups["relationship_model"], policy, days, spec.minor_units), tuple(notes),
    )  # fmt: skip


def _quantities(
    tables: Tables, start: int, t: int, spec: SnapshotSpec, policy: Policy
) -> pl.DataFrame:
    """By customer, kind and channel (acquisition: of whichever origin) how many or how much.

    `kind` says how a quantity is priced, `origin` is null but for acquisition.
    """
    found = [_margins(tables, start, t, spec)]
    if "customers" in tables and "acquired_at" in tables.columns("customers"):
        found.append(_acquired(tables, start, t))
    if "interactions" in tables and SERVE not in policy.margin_after:
        found.append(_started(tables, start, t))
    if "contacts" in tables:
        found += _sent(tables, start, t)
    columns = [KEY, "kind", "channel", "origin", "quantity"]
    types = {"kind": pl.String, "channel": pl.String, "origin": pl.String, "quantity": pl.Int64}
    lazy = [
        frame.with_columns(pl.lit(None, pl.String).alias(c) for c in columns
                           if c not in frame.collect_schema().names())
        .select(pl.col(KEY), *(pl.col(c).cast(types[c]) for c in columns[1:]))
        for frame in found
    ]  # fmt: skip
    return pl.concat(pl.collect_all(lazy))


def _within(tables: Tables, name: str, instant: str, start: int, t: int) -> pl.LazyFrame:
    known: pl.LazyFrame = known_at(tables, name, t).to_native()
    return known.filter((pl.col(instant) >= start) & (pl.col(instant) < t))


def _channel(tables: Tables, name: str) -> pl.Expr:
    given = "channel" in tables.columns(name)
    return pl.col("channel") if given else pl.lit(None, pl.String).alias("channel")


def _margins(tables: Tables, start: int, t: int, spec: SnapshotSpec) -> pl.LazyFrame:
    lines = _within(tables, "transactions", "occurred_at", start, t)
    by = [pl.col(KEY), _channel(tables, "transactions")]
    return lines.group_by(by).agg(
        kind=pl.lit("margin").first(), quantity=pl.col(net_column(spec)[0]).sum()
    )


def _acquired(tables: Tables, start: int, t: int) -> pl.LazyFrame:
    """Customers acquired in the window, by their latest row known."""
    known: pl.LazyFrame = known_at(tables, "customers", t).to_native()
    given = tables.columns("customers")
    wanted = [c for c in ("acquired_at", "origin", "first_channel") if c in given]
    if "valid_from" in given:
        known = known.group_by(KEY).agg(pl.col(c).sort_by("valid_from").last() for c in wanted)
    origin = pl.col("origin") if "origin" in given else pl.lit(None, pl.String)
    first = [pl.col("first_channel")] if "first_channel" in given else []
    return known.filter((pl.col("acquired_at") >= start) & (pl.col("acquired_at") < t)).select(
        KEY, kind=pl.lit("acquisition"), origin=origin, quantity=pl.lit(1),
        channel=pl.coalesce(*first, "origin " + origin, pl.lit(None, pl.String)),
    )  # fmt: skip


def _started(tables: Tables, start: int, t: int) -> pl.LazyFrame:
    rows = _within(tables, "interactions", "occurred_at", start, t)
    rows = rows.filter(pl.col("initiator") == "customer")
    return rows.group_by(KEY, "channel").agg(kind=pl.lit("serve").first(), quantity=pl.len())


def _sent(tables: Tables, start: int, t: int) -> list[pl.LazyFrame]:
    """Contacts that reached somebody: those whose cost is given, and those to be priced."""
    given, rows = tables.columns("contacts"), _within(tables, "contacts", "sent_at", start, t)
    if "arm" in given:
        rows = rows.filter(pl.col("arm").is_null() | (pl.col("arm").str.to_lowercase() != CONTROL))
    by = [pl.col(KEY), _channel(tables, "contacts")]
    if "cost" not in given:
        return [rows.group_by(by).agg(kind=pl.lit("contact").first(), quantity=pl.len())]
    known, priced = pl.col("cost").is_not_null(), rows.filter(pl.col("cost").is_null())
    return [
        rows.filter(known).group_by(by)
        .agg(kind=pl.lit("cost").first(), quantity=pl.col("cost").sum()),
        priced.group_by(by).agg(kind=pl.lit("contact").first(), quantity=pl.len()),
    ]  # fmt: skip


def _prices(policy: Policy, spec: SnapshotSpec) -> pl.DataFrame:
    """Minor units for one of each kind: `of` is the channel, or the origin, null for any."""
    units = 10**spec.minor_units
    rows: list[tuple[str, str, float]] = [
        *(("serve", name, c.serve_cost * units) for name, c in policy.channels.items()),
        *(("contact", name, c.cost * units) for name, c in policy.channels.items()),
        *(("acquisition", name, cost * units) for name, cost in policy.acquisition_cost.items()),
        ("margin", "", net_column(spec)[1]), ("cost", "", 1.0),
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=["kind", "of", "price"], orient="row")


def _priced(quantities: pl.DataFrame, prices: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    """Quantities with their price; what has none is said, and costs nothing."""
    kind = pl.col("kind")
    of = (
        pl.when(kind.is_in(["margin", "cost"])).then(pl.lit(""))
        .when(kind == "acquisition").then("origin").otherwise("channel")
    )  # fmt: skip
    told = quantities.with_columns(of=of).join(prices, on=["kind", "of"], how="left")
    missing = told.filter(pl.col("price").is_null()).group_by("kind", "of").agg(
        pl.col("quantity").sum()
    )  # fmt: skip
    notes += _unpriced_notes(missing.sort("kind", "of"))
    return told.with_columns(pl.col("price").fill_null(0.0))


def _unpriced_notes(missing: pl.DataFrame) -> list[str]:
    what = {
        "acquisition": "customers acquired through origins without policy.acquisition_cost",
        "serve": "contacts that customers started by channels not among policy.channels",
        "contact": "contacts without a cost by channels not among policy.channels",
    }
    made = []
    for kind, words in what.items():
        own = missing.filter(pl.col("kind") == kind)
        names = [f"{n or NOT_TOLD} ({q:,})" for n, q in own.select("of", "quantity").iter_rows()]
        if names:
            made.append(f"{own['quantity'].sum():,} {words} count as free: {listed(names)}")
    return made


def _amounts(told: pl.DataFrame) -> pl.DataFrame:
    """Entries in minor units: customer_id, line, channel, amount."""
    whole = (pl.col("price") - pl.col("price").round()).abs() < WHOLE
    by = ["kind", "of", "channel"]
    # in the order of customers, so that the same books give the same entries
    rest = told.filter(~whole).sort(*by, KEY)
    upto = (pl.col("quantity").cum_sum().over(by) * pl.col("price")).round().cast(pl.Int64)
    carried = rest.with_columns(upto=upto).with_columns(
        amount=pl.col("upto") - pl.col("upto").shift(1, fill_value=0).over(by)
    )
    exact = told.filter(whole).with_columns(
        amount=pl.col("quantity") * pl.col("price").round().cast(pl.Int64)
    )
    line = pl.col("kind").replace({"cost": "contacts", "contact": "contacts"})
    return pl.concat(
        frame.select(KEY, pl.col("channel").fill_null(NOT_TOLD), "amount", line=line)
        for frame in (exact, carried)
    )


def _places(groups: pd.DataFrame) -> pl.DataFrame:
    ids = pl.Series(KEY, groups.index.to_numpy(dtype=object), dtype=pl.String)
    return pl.DataFrame({KEY: ids, "place": np.arange(len(ids))})


def _codes(labels: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """The group of each customer as a position among sorted names, `not told` where null."""
    text = labels.astype(object).where(labels.notna(), NOT_TOLD).astype(str)
    codes, names = pd.factorize(text.to_numpy(dtype=object), sort=True)
    return codes, np.asarray(names, dtype=object)


def _by_group(
    entries: pl.DataFrame, group: tuple[np.ndarray, np.ndarray], apart: int
) -> pd.DataFrame:
    codes, names = group
    code = np.append(codes, NO_WHERE)[entries["place"].fill_null(len(codes)).to_numpy()]
    sums = _summed(entries.with_columns(of=pl.Series(code, dtype=pl.Int64)))
    sums = sums.reindex(np.arange(len(names)).tolist() + [NO_WHERE] * (apart > 0), fill_value=0)
    sums.index = pd.Index([*names, *[NOT_IN_PLAN] * (apart > 0)], dtype=object)
    customers = np.bincount(codes, minlength=len(names))
    sums.insert(0, "customers", [*customers, *[apart] * (apart > 0)])
    return sums


def _by_channel(entries: pl.DataFrame, apart: int) -> pd.DataFrame:
    """By channel for who is in the plan, others in one line: they are in no list by any view."""
    inside = entries.filter(pl.col("place").is_not_null())
    of = pl.when(pl.col("place").is_null()).then(pl.lit(NOT_IN_PLAN)).otherwise("channel")
    sums = _summed(entries.with_columns(of=of))
    count = inside.group_by("channel").agg(n=pl.col("place").n_unique()).rows()
    known = {**dict(count), NOT_IN_PLAN: apart}
    special = [name for name in (NOT_TOLD, NOT_IN_PLAN) if name in sums.index]
    sums = sums.loc[[*sorted(set(sums.index) - {*special}), *special]]
    sums.insert(0, "customers", [known[name] for name in sums.index])
    return sums


def _summed(entries: pl.DataFrame) -> pd.DataFrame:
    """Sums of the lines by `of`, and what is left."""
    sums = entries.group_by("of").agg(
        pl.col("amount").filter(pl.col("line") == line).sum().alias(line) for line in LINES
    )
    wide = pd.DataFrame(
        {line: sums[line].to_numpy() for line in LINES},
        index=pd.Index(sums["of"].to_list(), dtype=object), dtype=np.int64,
    )  # fmt: skip
    return wide.assign(net=sum(sign * wide[line] for line, sign in SIGNS.items()))


def _total(entries: pl.DataFrame) -> pd.Series:
    return _summed(entries.with_columns(of=pl.lit("all"))).sum()


def _own(entries: pl.DataFrame, groups: pd.DataFrame) -> pd.DataFrame:
    """The lines and net value of each customer of the plan."""
    inside = entries.filter(pl.col("place").is_not_null()).rename({"place": "of"})
    own = _summed(inside).reindex(np.arange(len(groups)), fill_value=0)
    return own.set_axis(groups.index)


def _fixed(models: pd.Series, policy: Policy, days: int, minor_units: int) -> pd.Series:
    """By relationship model that somebody is in, minor units for the time."""
    used = [name for name in policy.models if (models == name).any()]
    years = days / 365.25
    cost = [round(policy.models[name].yearly_cost * years * 10**minor_units) for name in used]
    return pd.Series(cost, index=pd.Index(used, dtype=object), dtype=np.int64, name="fixed")


def _window_notes(tables: Tables, t: int, days: int, policy: Policy) -> list[str]:
    """What the accounts leave out, and why."""
    first, inside, made = first_known_day(tables, t), policy.margin_after, []
    if first is None or t // DAY_US - first < days:
        had = 0 if first is None else t // DAY_US - first
        made.append(f"accounts are of {had} days before {as_date(t)}, not {days}: history is short")
    if RISK not in inside:
        made.append("net value is before the cost of risk: not known")
    if SERVE in inside:
        made.append("margins are told after cost to serve, which is not taken off again")
    elif "interactions" not in tables:
        made.append("no table interactions: cost to serve is not known and counts as 0")
    if "contacts" not in tables:
        made.append("no table contacts: cost of contacts is not known and counts as 0")
    if "customers" not in tables or "acquired_at" not in tables.columns("customers"):
        made.append("no customers.acquired_at: acquisition cost is not known and counts as 0")
    return made


def _margin_notes(tables: Tables, start: int, t: int, spec: SnapshotSpec, notes: list[str]) -> None:
    money, rate = net_column(spec)
    if money != "margin":
        notes.append(f"margin is {rate:g} of the amount: transactions have none")
        return
    lines = _within(tables, "transactions", "occurred_at", start, t)
    blank = pl.DataFrame(lines.select(pl.col("margin").is_null().sum()).collect()).item()
    if blank:
        notes.append(f"{blank:,} transactions have no margin and count as 0")


@dataclass(frozen=True)
class Losing:
    """Customers whose net value was below 0.

    `customers`: the least first, as in `Accounts.customers`; `net`: their sum, minor units.
    `newcomers`: how many would not lose but for the cost of acquiring them, which comes once;
    `served`: of the others, whom the cost of contacts is not to blame for, what they bring being
    less than what serving them costs. `by`: columns customers and net for each segment and
    relationship model that has some.
    """

    customers: pd.DataFrame
    net: int
    newcomers: int
    served: int
    by: pd.DataFrame

    def over(self, name: str) -> pd.DataFrame:
        """Customers and net by `segment` or by `relationship_model` alone."""
        return self.by.groupby(level=name).sum()


def losing(accounts: Accounts) -> Losing:
    """Who cost more than they brought in the time of the accounts."""
    own = accounts.customers
    found = own[own["net"] < 0].sort_values("net", kind="stable")
    by = found.groupby(["segment", "relationship_model"])["net"].agg(customers="size", net="sum")
    new = found["net"] + found["acquisition"] >= 0
    served = ~new & (found["margin"] < found["serve"])
    return Losing(found, int(found["net"].sum()), int(new.sum()), int(served.sum()), by)


def remedies(
    customers: pd.DataFrame, reach: Reach, permitted: np.ndarray, minor_units: int
) -> pd.DataFrame:
    """For losing customers, the next cheaper relationship model: to be served at less cost.

    Nobody is to be sent away: the cheapest that there is, being served on request, is a
    relationship model too. `customers`: as of `Losing`; `permitted`: (n, m) of `reach`. A row for
    each model of today and its `remedy` (None where no permitted one costs less), with `customers`,
    their `net`, the cost of contacts `saved` over the horizon, and how many losses that `covers`;
    minor units.
    """
    at, names = reach.customers.get_indexer(customers.index), reach.ways.names
    if (at < 0).any():
        raise ValueError("reach does not hold every losing customer")
    today = pd.Index(names).get_indexer(customers["relationship_model"])
    cost = np.where(permitted[at], np.rint(reach.cost()[at] * 10**minor_units), np.inf)
    now = np.where(today < 0, -np.inf, np.rint(reach.cost()[at, today] * 10**minor_units))
    cheaper = np.where(cost < now[:, None], cost, -np.inf)
    best = cheaper.argmax(axis=1)
    found = np.isfinite(cheaper[np.arange(len(at)), best])
    saved = np.where(found, now - cost[np.arange(len(at)), best], 0).astype(np.int64)
    told = pd.DataFrame({
        "relationship_model": customers["relationship_model"].to_numpy(dtype=object),
        "remedy": np.where(found, np.array(names, dtype=object)[best], None),
        "net": customers["net"].to_numpy(), "saved": saved,
    })  # fmt: skip
    told["covers"] = found & (told["net"] + told["saved"] >= 0)
    return _by_remedy(told)


def _by_remedy(told: pd.DataFrame) -> pd.DataFrame:
    by = told.groupby(["relationship_model", "remedy"], dropna=False, sort=True)
    made = by.agg(customers=("net", "size"), net=("net", "sum"), saved=("saved", "sum"),
                  covers=("covers", "sum")).reset_index()  # fmt: skip
    made["remedy"] = made["remedy"].astype(object).where(made["remedy"].notna(), None)
    return made
