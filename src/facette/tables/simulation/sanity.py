"""A simulated bank as a banker would look at it: figures and distributions, from its tables alone.

Every figure is counted on what was written, never on the truth, so that it tells what the
simulator did and not what it was asked for. Share of wallet, which no bank sees in its own tables,
is handed in by who may read the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from facette.errors import BadInput
from facette.settings.data import Plausible

YEAR_DAYS = 365.25
YOUNG, OLD = ("18-24", "25-34"), ("65-74", "75+")
WELL_OFF_SHARE, WELL_OFF_BAND = 0.07, "high"
TOP_SHARE = 0.2
FIGURES_SCHEMA = {
    "name": pl.String(), "sentence": pl.String(), "figure": pl.Float64(), "unit": pl.String(),
    "low": pl.Float64(), "high": pl.Float64(), "inside": pl.Boolean(), "n": pl.Int64(),
    "of": pl.String(),
}  # fmt: skip


def tables_in(folder: Path) -> dict[str, pl.LazyFrame]:
    """The contract tables of a simulated folder, unread. Its truth is left alone."""
    return {path.stem: pl.scan_parquet(path) for path in sorted(folder.glob("*.parquet"))}


@dataclass(frozen=True)
class WalletShare:
    """Mean share of wallet in the last year of `customers`, and of the fifth with most wallet."""

    customers: int
    mean: float
    top_mean: float


@dataclass(frozen=True)
class Seen:
    """What can be counted in contract tables, over whole months of postings.

    `wallet` is what the tables can't tell, where it is known.
    """

    tables: Mapping[str, pl.LazyFrame]
    wallet: WalletShare | None = None

    @cached_property
    def period(self) -> tuple[datetime, datetime]:
        """Observation: from the first month with a posting to the end of the last."""
        at = pl.col("occurred_at")
        ends = self.tables["transactions"].select(
            at.min().dt.truncate("1mo").alias("start"),
            at.max().dt.truncate("1mo").dt.offset_by("1mo").alias("end"),
        )
        return ends.collect().row(0)

    @property
    def start(self) -> datetime:
        """The first instant observed."""
        return self.period[0]

    @property
    def end(self) -> datetime:
        """The first instant no longer observed."""
        return self.period[1]

    @cached_property
    def year_start(self) -> datetime:
        """A year before the end, or the start of a shorter history."""
        shifted = pl.select(pl.lit(self.end).dt.offset_by("-1y")).item()
        return max(self.start, shifted)

    @cached_property
    def customers(self) -> pl.DataFrame:
        """One row for each who became a customer.

        `begins`, `ends`: observed between; `years` of it; `left`: why they left, null for who is
        there at the end; `acquired_at`, `age_band`, `income_band` as the bank knows them.
        """
        known = self.tables["customers"].filter(pl.col("stage") == "customer")
        contracts = self.tables["contracts"].group_by("customer_id").agg(
            gone=pl.col("ended_at").is_not_null().all(),
            ended=pl.col("ended_at").max(),
            reason=pl.col("end_reason").sort_by("ended_at").last(),
        )  # fmt: skip
        begins = pl.max_horizontal("acquired_at", pl.lit(self.start))
        ends = pl.when("gone").then("ended").otherwise(pl.lit(self.end))
        return (
            known.unique("customer_id", keep="any").join(contracts, on="customer_id")
            .select("customer_id", "acquired_at", "age_band", "income_band",
                    begins=begins, ends=ends, left=pl.when("gone").then("reason"))
            .with_columns(years=_years(pl.col("ends") - pl.col("begins")))
            .sort("customer_id").collect()
        )  # fmt: skip

    @cached_property
    def customer_years(self) -> float:
        """Years of customers observed, all together."""
        return float(self.customers["years"].sum())

    def there(self, at: datetime) -> pl.DataFrame:
        """The customers at an instant, before those who leave at it."""
        return self.customers.filter(pl.col("begins") <= at, pl.col("ends") >= at)

    def holding(self, at: datetime) -> pl.DataFrame:
        """The customers at an instant with `products`, the contracts they hold, and `tenure_years`.

        At the start, a product opened that day counts; at the end, all that have not ended.
        """
        held = self.tables["contracts"].filter(
            pl.col("started_at") <= at, pl.col("ended_at").is_null() | (pl.col("ended_at") > at)
        )
        counted = held.group_by("customer_id").agg(products=pl.len().cast(pl.Int64)).collect()
        tenure = _years(pl.lit(at) - pl.col("acquired_at"))
        return self.there(at).join(counted, on="customer_id").with_columns(tenure_years=tenure)

    def attrition(self, group: str, customers: pl.DataFrame) -> pl.DataFrame:
        """By group: `customers`, `years`, `left` of their own will, `rate` a year, `low`, `high`.

        The interval is one of 95 % for a Poisson count.
        """
        rate, reach = pl.col("left") / pl.col("years"), 1.96 * pl.col("left").sqrt()
        return (
            customers.group_by(group)
            .agg(customers=pl.len(), years=pl.col("years").sum(),
                 left=(pl.col("left") == "voluntary").sum())
            .with_columns(rate=rate, low=((pl.col("left") - reach) / pl.col("years")).clip(0),
                          high=(pl.col("left") + reach) / pl.col("years"))
            .sort(group)
        )  # fmt: skip

    @cached_property
    def attrition_by_products(self) -> pl.DataFrame:
        """Attrition in the last year by `products` held at its start, 5 standing for 5 and more."""
        held = self.holding(self.year_start).with_columns(
            pl.col("products").clip(1, 5), years=_years(pl.col("ends") - pl.lit(self.year_start))
        )
        return self.attrition("products", held)

    @cached_property
    def well_off(self) -> pl.DataFrame:
        """The richest few, as the tables tell: of the highest income band, the largest balances.

        Their first balance ranks them, and they are watched from it on: who leaves before has none.
        """
        first = (
            self.tables["events"].filter(pl.col("kind") == "balance")
            .sort("occurred_at").group_by("customer_id")
            .agg(watched=pl.col("occurred_at").first(), balance=pl.col("value").first()).collect()
        )  # fmt: skip
        ranked = self.customers.join(first, on="customer_id")
        few = round(WELL_OFF_SHARE * len(ranked))
        rich = ranked.filter(pl.col("income_band") == WELL_OFF_BAND).top_k(few, by="balance")
        watched = pl.max_horizontal("begins", "watched")
        return rich.with_columns(years=_years(pl.col("ends") - watched))

    @cached_property
    def profits(self) -> pl.DataFrame:
        """Of customers there all through the last year: its `margin` as posted, which is net of
        products' costs and losses, and `profit`, that less the cost of contacts."""
        stayed = self.customers.filter(
            pl.col("begins") <= self.year_start, pl.col("ends") >= self.end
        )
        margin = self._in_the_year("transactions", "occurred_at", "margin")
        cost = self._in_the_year("contacts", "sent_at", "cost")
        joined = stayed.join(margin, on="customer_id", how="left").join(
            cost, on="customer_id", how="left"
        )
        known = joined.select(pl.col("margin").fill_null(0), cost=pl.col("cost").fill_null(0))
        return known.select("margin", profit=pl.col("margin") - pl.col("cost"))

    def _in_the_year(self, table: str, instant: str, column: str) -> pl.DataFrame:
        rows = self.tables[table].filter(pl.col(instant) >= self.year_start)
        return rows.group_by("customer_id").agg(pl.col(column).sum()).collect(engine="streaming")

    @cached_property
    def sends(self) -> pl.DataFrame:
        """By `channel` in which the bank wrote or called: `sent`, `answered`, `rate`."""
        sent = self.tables["contacts"].filter(pl.col("arm") != "control")
        counted = sent.group_by("channel").agg(
            sent=pl.len().cast(pl.Int64), answered=pl.col("responded_at").count().cast(pl.Int64)
        )
        rate = pl.col("answered") / pl.col("sent")
        return counted.with_columns(rate=rate).sort("channel").collect(engine="streaming")

    @cached_property
    def started(self) -> pl.DataFrame:
        """By `channel`: `contacts` that customers started, complaints among them."""
        own = self.tables["interactions"].filter(pl.col("initiator") == "customer")
        counted = own.group_by("channel").agg(contacts=pl.len().cast(pl.Int64))
        return counted.sort("channel").collect(engine="streaming")

    @cached_property
    def seasons(self) -> pl.DataFrame:
        """By calendar `month`: mean `revenue` of a product over its year's, and `postings`."""
        posted = self.tables["transactions"].filter(pl.col("amount") > 0)
        monthly = posted.group_by(at=pl.col("occurred_at").dt.truncate("1mo")).agg(
            revenue=pl.col("amount").mean(), postings=pl.len()
        )
        by_month = monthly.collect(engine="streaming").with_columns(
            pl.col("revenue") / pl.col("revenue").mean().over(pl.col("at").dt.year())
        )
        month = pl.col("at").dt.month().alias("month")
        return by_month.group_by(month).agg(
            pl.col("revenue").mean(), pl.col("postings").sum()
        ).sort("month")  # fmt: skip

    def count(self, table: str, *where: pl.Expr, of: pl.Expr | None = None) -> int:
        """Rows of a table that are so, or distinct values among them."""
        rows = self.tables[table].filter(*where)
        counted = pl.len() if of is None else of.n_unique()
        return int(rows.select(counted).collect(engine="streaming").item())


Counted = tuple[float | None, int, str]  # a figure, how many it rests on, and of what


@dataclass(frozen=True)
class Asked:
    """A figure that is asked for: its range among `Plausible`, and how it is counted.

    `unit` is share, ratio, count or years.
    """

    name: str
    range: str
    unit: str
    sentence: str
    counted: Callable[[Seen], Counted]


def sanity_figures(seen: Seen, ranges: Plausible) -> pl.DataFrame:
    """Each figure with its sentence and its range, and whether it lies inside.

    A figure is null, and neither inside nor outside, where there is nothing to count it on. `n` is
    how many it rests on, `of` says of what.

    Raises:
        BadInput: a range is none.
    """
    rows = []
    for asked in FIGURES:
        figure, n, of = asked.counted(seen)
        low, high = _ends(asked.range, ranges)
        inside = None if figure is None else low <= figure <= high
        rows.append((asked.name, asked.sentence, figure, asked.unit, low, high, inside, n, of))
    return pl.DataFrame(rows, schema=FIGURES_SCHEMA, orient="row")


def _ends(name: str, ranges: Plausible) -> list[float]:
    ends: list[float] = getattr(ranges, name)
    if len(ends) != 2 or ends[0] > ends[1]:
        raise BadInput(f"plausible.{name}: {ends} is no range; write it as [low, high]")
    return ends


def _years(span: pl.Expr) -> pl.Expr:
    return span.dt.total_seconds() / (86_400 * YEAR_DAYS)


def _figure(value: Any) -> float | None:
    return None if value is None else float(value)


def _over(part: float, whole: float, n: int, of: str) -> Counted:
    return (part / whole if whole else None), n, of


def _aged(seen: Seen, bands: tuple[str, ...]) -> pl.DataFrame:
    return seen.customers.filter(pl.col("age_band").is_in(bands))


def _leaving(customers: pl.DataFrame) -> Counted:
    """Voluntary ends over the years observed."""
    left = int((customers["left"] == "voluntary").sum())
    return _over(left, float(customers["years"].sum()), len(customers), "customers")


def _leaving_otherwise(seen: Seen) -> Counted:
    otherwise = ["involuntary", "inevitable"]
    left = int(seen.customers["left"].is_in(otherwise).sum())
    return _over(left, seen.customer_years, len(seen.customers), "customers")


def _newcomers(seen: Seen) -> Counted:
    base = len(seen.there(seen.start))
    new = int((seen.customers["begins"] > seen.start).sum())
    years = (seen.end - seen.start).days / YEAR_DAYS
    return _over(new / years, base, base, "customers at the start")


def _tenure(products: int, when: str) -> Callable[[Seen], Counted]:
    def median(seen: Seen) -> Counted:
        held = seen.holding(getattr(seen, when)).filter(pl.col("products") == products)
        return _figure(held["tenure_years"].median()), len(held), "customers"

    return median


def _products(seen: Seen) -> Counted:
    held = seen.holding(seen.end)["products"]
    return _figure(held.mean()), len(held), "customers"


def _top_fifth(seen: Seen) -> Counted:
    profit = seen.profits["profit"].sort(descending=True)
    best = profit.head(round(TOP_SHARE * len(profit))).sum()
    return _over(float(best), float(profit.sum()), len(profit), "customers there all year")


def _losing(seen: Seen) -> Counted:
    profit = seen.profits["profit"]
    return _over(int((profit < 0).sum()), len(profit), len(profit), "customers there all year")


def _wallet(seen: Seen) -> Counted:
    told = seen.wallet
    return (None, 0, "customers") if told is None else (told.mean, told.customers, "customers")


def _wallet_at_the_top(seen: Seen) -> Counted:
    told = seen.wallet
    return (
        (None, 0, "customers")
        if told is None
        else _over(told.top_mean, told.mean, told.customers, "customers")
    )


def _response(channel: str) -> Callable[[Seen], Counted]:
    def rate(seen: Seen) -> Counted:
        sends = seen.sends.filter(pl.col("channel") == channel)
        sent = int(sends["sent"].sum())
        return _over(int(sends["answered"].sum()), sent, sent, "sends")

    return rate


def _unsubscribe(seen: Seen) -> Counted:
    """Consents withdrawn: what was never given is recorded on the day a customer comes."""
    came = seen.tables["customers"].group_by("customer_id").agg(pl.col("acquired_at").min())
    withdrawn = (
        seen.tables["consents"].join(came, on="customer_id")
        .filter(pl.col("channel") == "email", ~pl.col("granted"),
                pl.col("recorded_at") > pl.col("acquired_at"))
        .select(pl.len()).collect().item()
    )  # fmt: skip
    sent = int(seen.sends.filter(pl.col("channel") == "email")["sent"].sum())
    return _over(withdrawn, sent, sent, "e-mails")


def _objected(seen: Seen) -> Counted:
    objected = seen.tables["consents"].filter(pl.col("objected")).select("customer_id").collect()
    there = seen.there(seen.end).filter(pl.col("left").is_null())
    having = len(there.join(objected, on="customer_id", how="semi"))
    return _over(having, len(there), len(there), "customers at the end")


def _complaints(seen: Seen) -> Counted:
    complaints = seen.count("interactions", pl.col("purpose") == "complaint")
    return _over(complaints, seen.customer_years, len(seen.customers), "customers")


def _started(seen: Seen) -> Counted:
    contacts = int(seen.started["contacts"].sum())
    return _over(contacts, 12 * seen.customer_years, len(seen.customers), "customers")


def _survey(seen: Seen) -> Counted:
    """A wave is a calendar month with answers; all customers of its first day are asked."""
    wave = pl.col("answered_at").dt.truncate("1mo").alias("wave")
    answered = (
        seen.tables["surveys"].group_by(wave).agg(customers=pl.col("customer_id").n_unique())
        .collect()
    )  # fmt: skip
    asked = sum(len(seen.there(at)) for at in answered["wave"])
    return _over(int(answered["customers"].sum()), asked, asked, "customers asked")


def _pilot(seen: Seen) -> Counted:
    drawn = seen.tables["treatments"].filter(pl.col("randomised"))
    told = drawn.select(pl.col("from_date").min(), n=pl.col("customer_id").n_unique()).collect()
    begins, n = told.row(0)
    if begins is None:
        return None, 0, "customers"
    there = len(seen.there(begins))
    return _over(n, there, there, "customers")


def _control(seen: Seen) -> Counted:
    drawn = seen.count("contacts", pl.col("randomised"))
    kept = seen.count("contacts", pl.col("randomised"), pl.col("arm") == "control")
    return _over(kept, drawn, drawn, "drawn for campaigns")


def _tenures() -> list[Asked]:
    words = {1: "1_product", 2: "2_products", 3: "3_products"}
    return [
        Asked(f"tenure_{word}_at_the_{when}", f"tenure_{word}", "years",
              f"Median tenure with {word.replace('_', ' ')}, at the {when}", _tenure(number, when))
        for number, word in words.items() for when in ("start", "end")
    ]  # fmt: skip


FIGURES = (
    Asked("attrition", "attrition", "share", "Customers who leave of their own will, a year",
          lambda seen: _leaving(seen.customers)),
    Asked("attrition_18_34", "attrition_18_34", "share",
          "Customers aged 18 to 34 who leave of their own will, a year",
          lambda seen: _leaving(_aged(seen, YOUNG))),
    Asked("attrition_well_off", "attrition_well_off", "share",
          "The best-off 7% (by income and balance) who leave of their own will, a year",
          lambda seen: _leaving(seen.well_off)),
    Asked("attrition_65_more", "attrition_65_more", "share",
          "Customers aged 65 and more who leave of their own will, a year",
          lambda seen: _leaving(_aged(seen, OLD))),
    Asked("leaving_otherwise", "leaving_otherwise", "share",
          "Customers who leave otherwise (death, closed by the bank), a year", _leaving_otherwise),
    Asked("newcomers", "newcomers", "share", "New customers a year, over those at the start",
          _newcomers),
    *_tenures(),
    Asked("products", "products", "count", "Products a customer, at the end", _products),
    Asked("top_fifth", "top_fifth", "share",
          "The best fifth's share of the last year's profit", _top_fifth),
    Asked("losing", "losing", "share", "Customers who lost the bank money in the last year",
          _losing),
    Asked("wallet", "wallet", "share", "Share of wallet in the last year", _wallet),
    Asked("wallet_at_the_top", "wallet_at_the_top", "ratio",
          "Share of wallet of the fifth with most wallet, over that of all", _wallet_at_the_top),
    Asked("response_mail", "response_mail", "share", "Letters that are answered",
          _response("mail")),
    Asked("response_phone", "response_phone", "share", "Calls that are answered with interest",
          _response("phone")),
    Asked("response_email", "response_email", "share", "E-mails that are answered",
          _response("email")),
    Asked("unsubscribe", "unsubscribe", "share", "E-mails that make a customer unsubscribe",
          _unsubscribe),
    Asked("objected", "objected", "share", "Customers at the end who have objected to marketing",
          _objected),
    Asked("complaints", "complaints", "share", "Complaints a year, over customers", _complaints),
    Asked("started", "started", "count", "Contacts a customer starts, a month", _started),
    Asked("survey", "survey", "share", "Customers who answer a survey they are sent", _survey),
    Asked("pilot", "pilot", "share", "Customers in the randomised pilot, at its start", _pilot),
    Asked("control", "control", "share", "Of those drawn for a campaign, kept out at random",
          _control),
)  # fmt: skip
