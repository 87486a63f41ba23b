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
ANY = ""  # what a price is of that is the same for all
LINE_OF = {"cost": "contacts", "contact": "contacts"}


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
    """The accounts of the `days` before `t`, or of as many as there are, by what tables told then.

    `groups`: customers of the plan by customer_id, columns `segment` and `relationship_model` (on
    record at `t`). Margin is what net value is made of (`net_column`). A price that is no whole
    number of minor units, or a margin rate, is rounded with the rest carried on to the next
    customer, so that a channel's sum is right to the nearest unit and one customer's to one.
    """
    notes = _window_notes(tables, t, days, policy)
    days = min(days, max(1, (t - tables.first_at) // DAY_US))
    start = t - days * DAY_US
    rows = [_quantities(share, start, t, spec, policy) for share in tables.shares()]
    prices = _prices(policy, spec)
    ledger = _ledger({kind: pl.concat(r[kind] for r in rows) for kind in rows[0]}, prices, groups)
    notes += _unpriced_notes(rows, prices)
    _margin_notes(tables, start, t, spec, notes)
    own = pd.DataFrame(ledger.by_customer[:-1], groups.index, list(LINES))
    names = {name: _codes(groups[name]) for name in ("segment", "relationship_model")}
    views = {name: _by_group(ledger, *found) for name, found in names.items()}
    for place, (name, (code, words)) in enumerate(names.items()):
        own.insert(place, name, words[code])
    return Accounts(
        start, t, spec.minor_units,
        views["segment"], _by_channel(ledger), views["relationship_model"],
        _with_net(pd.DataFrame([ledger.by_customer.sum(axis=0)], columns=list(LINES))).sum(),
        _with_net(own), _fixed(groups["relationship_model"], policy, days, spec.minor_units),
        tuple(notes),
    )  # fmt: skip


def _with_net(lines: pd.DataFrame) -> pd.DataFrame:
    return lines.assign(net=sum(sign * lines[line] for line, sign in SIGNS.items()))


def _quantities(
    tables: Tables, start: int, t: int, spec: SnapshotSpec, policy: Policy
) -> dict[str, pl.DataFrame]:
    """By kind of price: customer_id, channel, `of` (what the price is of), quantity."""
    found = {"margin": _margins(tables, start, t, spec)}
    if "customers" in tables and "acquired_at" in tables.columns("customers"):
        found["acquisition"] = _acquired(tables, start, t)
    if "interactions" in tables and SERVE not in policy.margin_after:
        found["serve"] = _started(tables, start, t)
    if "contacts" in tables:
        found |= _sent(tables, start, t)
    wanted = [KEY, pl.col("channel").fill_null(NOT_TOLD), "of", pl.col("quantity").cast(pl.Int64)]
    made = pl.collect_all(
        (frame if "of" in frame.collect_schema() else frame.with_columns(of=pl.col("channel")))
        .select(wanted) for frame in found.values()
    )  # fmt: skip
    return dict(zip(found, made, strict=True))


def _within(tables: Tables, name: str, instant: str, start: int, t: int) -> pl.LazyFrame:
    known: pl.LazyFrame = known_at(tables, name, t).to_native()
    return known.filter((pl.col(instant) >= start) & (pl.col(instant) < t))


def _channel(tables: Tables, name: str) -> pl.Expr:
    given = "channel" in tables.columns(name)
    return pl.col("channel") if given else pl.lit(None, pl.String).alias("channel")


def _margins(tables: Tables, start: int, t: int, spec: SnapshotSpec) -> pl.LazyFrame:
    lines = _within(tables, "transactions", "occurred_at", start, t)
    by = [pl.col(KEY), _channel(tables, "transactions")]
    summed = lines.group_by(by).agg(quantity=pl.col(net_column(spec)[0]).sum())
    return summed.with_columns(of=pl.lit(ANY))


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
        KEY, of=origin, quantity=pl.lit(1),
        channel=pl.coalesce(*first, "origin " + origin, pl.lit(None, pl.String)),
    )  # fmt: skip


def _started(tables: Tables, start: int, t: int) -> pl.LazyFrame:
    rows = _within(tables, "interactions", "occurred_at", start, t)
    rows = rows.filter(pl.col("initiator") == "customer")
    return rows.group_by(KEY, "channel").agg(quantity=pl.len())


def _sent(tables: Tables, start: int, t: int) -> dict[str, pl.LazyFrame]:
    """Contacts that reached somebody: those whose cost is given, and those to be priced."""
    given, rows = tables.columns("contacts"), _within(tables, "contacts", "sent_at", start, t)
    if "arm" in given:
        rows = rows.filter(pl.col("arm").is_null() | (pl.col("arm").str.to_lowercase() != CONTROL))
    by = [pl.col(KEY), _channel(tables, "contacts")]
    if "cost" not in given:
        return {"contact": rows.group_by(by).agg(quantity=pl.len())}
    known, priced = pl.col("cost").is_not_null(), rows.filter(pl.col("cost").is_null())
    told = rows.filter(known).group_by(by).agg(quantity=pl.col("cost").sum())
    return {
        "cost": told.with_columns(of=pl.lit(ANY)),
        "contact": priced.group_by(by).agg(quantity=pl.len()),
    }


def _prices(policy: Policy, spec: SnapshotSpec) -> dict[str, dict[str, float]]:
    """Minor units for one of each kind: of a channel, of an origin, or of any."""
    units = 10**spec.minor_units
    return {
        "margin": {ANY: net_column(spec)[1]},
        "acquisition": {name: cost * units for name, cost in policy.acquisition_cost.items()},
        "serve": {name: c.serve_cost * units for name, c in policy.channels.items()},
        "cost": {ANY: 1.0},
        "contact": {name: c.cost * units for name, c in policy.channels.items()},
    }


def _unpriced_notes(
    rows: list[dict[str, pl.DataFrame]], prices: dict[str, dict[str, float]]
) -> list[str]:
    """What has no price counts as free, and is said."""
    what = {
        "acquisition": "customers acquired through origins without policy.acquisition_cost",
        "serve": "contacts that customers started by channels not among policy.channels",
        "contact": "contacts without a cost by channels not among policy.channels",
    }
    made = []
    for kind, words in what.items():
        frames = [share[kind] for share in rows if kind in share]
        if not frames:
            continue
        of = pl.col("of").fill_null(NOT_TOLD)
        free = pl.concat(frames).filter(~of.is_in(list(prices[kind])))
        counts = free.group_by(of).agg(pl.col("quantity").sum()).sort("of").rows()
        if counts:
            names = listed(f"{name} ({count:,})" for name, count in counts)
            made.append(f"{sum(n for _, n in counts):,} {words} count as free: {names}")
    return made


@dataclass(frozen=True)
class _Ledger:
    """Sums of the entries, minor units: one row more than there are customers, for all others.

    `by_customer`: (n + 1, lines). `by_channel`: (channels, lines) of customers of the plan, and how
    many of them have an `entry` there. `apart`: how many others there are.
    """

    by_customer: np.ndarray
    by_channel: np.ndarray
    channels: tuple[str, ...]
    entry: np.ndarray
    apart: int


def _ledger(
    quantities: dict[str, pl.DataFrame], prices: dict[str, dict[str, float]], groups: pd.DataFrame
) -> _Ledger:
    """The entries priced and summed; integers all along, so that any order of adding is exact."""
    ids = pl.Series(KEY, groups.index.to_numpy(dtype=object), dtype=pl.String)
    places = pl.DataFrame({KEY: ids, "place": np.arange(len(ids))})
    channels = sorted(set().union(*(frame["channel"].unique() for frame in quantities.values())))
    code = {name: i for i, name in enumerate(channels)}
    by_customer = np.zeros((len(ids) + 1, len(LINES)), dtype=np.int64)
    by_channel = np.zeros((len(channels), len(LINES)), dtype=np.int64)
    entry, others = np.zeros((len(ids) + 1, len(channels)), dtype=bool), []
    for kind, frame in quantities.items():
        told = frame.join(places, on=KEY, how="left")
        outside = told["place"].is_null()
        others.append(told.filter(outside)[KEY].unique())
        place = told["place"].fill_null(len(ids)).to_numpy()
        channel = told["channel"].replace_strict(code, return_dtype=pl.Int64).to_numpy()
        amount, line = (
            _amounts(told, place, channel, prices[kind]),
            LINES.index(LINE_OF.get(kind, kind)),
        )
        np.add.at(by_customer[:, line], place, amount)
        inside = ~outside.to_numpy()
        np.add.at(by_channel[:, line], channel[inside], amount[inside])
        entry[place, channel] = True
    apart = pl.concat(others).n_unique()
    return _Ledger(by_customer, by_channel, tuple(channels), entry[:-1].sum(axis=0), apart)


def _amounts(
    told: pl.DataFrame, place: np.ndarray, channel: np.ndarray, prices: dict[str, float]
) -> np.ndarray:
    """Minor units of each entry, rounded so that the sum of a channel at one price is right."""
    index = {name: i for i, name in enumerate(prices)}
    of = told["of"].replace_strict(index, default=len(index), return_dtype=pl.Int64).to_numpy()
    quantity = told["quantity"].to_numpy()
    price = np.array([*prices.values(), 0.0])
    whole = np.abs(price - np.rint(price)) < WHOLE
    amount = quantity * np.where(whole, np.rint(price), 0.0).astype(np.int64)[of]
    for name in np.flatnonzero(~whole):
        for own in (np.flatnonzero((of == name) & (channel == c)) for c in np.unique(channel)):
            # in the order of the plan, so that the same books give the same entries
            own = own[np.argsort(place[own], kind="stable")]
            upto = np.rint(quantity[own].cumsum() * price[name]).astype(np.int64)
            amount[own] = np.diff(upto, prepend=0)
    return amount


def _codes(labels: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """The group of each customer as a position among sorted names, `not told` where null."""
    text = labels.astype(object).where(labels.notna(), NOT_TOLD).astype(str)
    codes, names = pd.factorize(text.to_numpy(dtype=object), sort=True)
    return codes, np.asarray(names, dtype=object)


def _by_group(ledger: _Ledger, codes: np.ndarray, names: np.ndarray) -> pd.DataFrame:
    sums = np.zeros((len(names), len(LINES)), dtype=np.int64)
    np.add.at(sums, codes, ledger.by_customer[:-1])
    return _view(ledger, sums, list(names), np.bincount(codes, minlength=len(names)))


def _by_channel(ledger: _Ledger) -> pd.DataFrame:
    """By channel for who is in the plan; the others are in one line here, too."""
    order = sorted(np.flatnonzero(ledger.entry), key=lambda i: ledger.channels[i] == NOT_TOLD)
    names = [ledger.channels[i] for i in order]
    return _view(ledger, ledger.by_channel[order], names, ledger.entry[order])


def _view(
    ledger: _Ledger, sums: np.ndarray, names: list[str], customers: np.ndarray
) -> pd.DataFrame:
    """A row for each name, and one for who is not in the plan where there is somebody."""
    if ledger.apart:
        sums, names = np.vstack([sums, ledger.by_customer[-1]]), [*names, NOT_IN_PLAN]
        customers = np.append(customers, ledger.apart)
    view = pd.DataFrame(sums, pd.Index(names, dtype=object), list(LINES))
    view.insert(0, "customers", customers)
    return _with_net(view)


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
