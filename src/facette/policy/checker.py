"""Whether an activation file keeps to the policy, found without a line of the planner's code.

The planner keeps the rules by how it builds a plan; here nothing of that is relied on. Every
contact of the file is written out, day by day, beside those that the tables tell of, and each rule
is counted on them. What is right is read anew from the tables and from the policy's own words, so
that one misreading can't hide the other: this module imports neither the planner nor the snapshots.

Not looked at: `policy.exclusions` and `policy.rules`, which speak of scored columns; the interval
since contacts of before the plan, of which the tables don't tell what they were sent for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date

import pandas as pd
import polars as pl

from facette.settings.policy import Cap, Policy
from facette.tables.contract import Tables

DAY = 86_400_000_000
YEAR = 365
MONTH = 30
ROUNDING = 1e-9
NAMED = 5
NEEDED = ["customer_id", "relationship_model", "channel", "interval_days", "next_date",
          "valid_until"]  # fmt: skip
RULES = {
    "objection": "who objected to direct marketing, and may stand in no list",
    "duplicate": "standing in the file more than once",
    "model": "with a relationship model that the policy doesn't know",
    "channel": "with a channel that is none of their relationship model's",
    "date": "with no date for a contact within the plan",
    "cadence": "contacted more often than their relationship model says",
    "consent": "contacted by a channel without consent",
    "quiet": "contacted in a quiet period",
    "cool-down": "contacted before the cool-down of a complaint is over",
}

KINDS = (*RULES, "cap", "capacity", "budget")  # whatever is looked at


@dataclass(frozen=True)
class _Case:
    """A file under its policy and tables: its rows, and the contacts that it stands for.

    `rows`: who (a number), customer_id, relationship_model, channel, interval, next and until (days
    since 1970). `listed`: customer_id in the file, and in the list of who is left out. `planned`:
    who, day, channel of every contact. `objectors`: one column, customer_id.
    """

    tables: Tables
    t: int
    policy: Policy
    rows: pl.DataFrame
    listed: pl.Series
    planned: pl.DataFrame
    objectors: pl.DataFrame

    @property
    def today(self) -> int:
        return self.t // DAY

    def known(self, table: str, instant: str) -> pl.LazyFrame:
        """Rows of a table that were there, and recorded, before the reference date."""
        frame: pl.LazyFrame = self.tables[table].to_native()
        is_known = pl.col(instant) < self.t
        if "recorded_at" in self.tables.columns(table):
            is_known = is_known & (pl.col("recorded_at") < self.t)
        return frame.filter(is_known)

    def has(self, table: str, *columns: str) -> bool:
        return table in self.tables and set(columns) <= set(self.tables.columns(table))


Finding = tuple[str, str, int, str]


def violations(
    activation: pd.DataFrame, tables: Tables, t: int, policy: Policy,
    left_out: pd.DataFrame | None = None,
) -> pd.DataFrame:  # fmt: skip
    """What in an activation file breaks the policy, one row a rule; none where nothing does.

    `t` in microseconds. `left_out`: the list of who is not in the file, with customer_id, in which
    no objector may stand either. Columns: rule; who, the first few customers, or the capacity (who
    objected is counted, not named); how_many customers, or months; told, a sentence.
    """
    case = _case(activation, tables, t, policy, [] if left_out is None else left_out["customer_id"])
    checks = (_identity, _dates, _rights, _complaints, _caps, _months, _budget)
    found = [finding for check in checks for finding in check(case)]
    return pd.DataFrame(found, columns=["rule", "who", "how_many", "told"])


def _case(
    activation: pd.DataFrame, tables: Tables, t: int, policy: Policy, left_out: Iterable[str]
) -> _Case:  # fmt: skip
    file = pl.from_pandas(activation[NEEDED]).with_columns(
        pl.col("customer_id", "relationship_model", "channel").cast(pl.String),
        next=pl.col("next_date").cast(pl.String).str.to_date(strict=False).cast(pl.Int32),
        until=pl.col("valid_until").cast(pl.String).str.to_date(strict=False).cast(pl.Int32),
        interval=pl.col("interval_days").cast(pl.Int32),
    )
    people = file.select("customer_id").unique(maintain_order=True).with_row_index("who")
    rows = file.join(people, on="customer_id", maintain_order="left")
    listed = pl.concat([rows["customer_id"], pl.Series("customer_id", list(left_out), pl.String)])
    case = _Case(tables, t, policy, rows, listed, pl.DataFrame(), pl.DataFrame())
    return replace(case, planned=_written_out(case), objectors=_objecting(case))


def _written_out(case: _Case) -> pl.DataFrame:
    """Every contact of the file until it ends, but for those after the first on a quiet day."""
    end = pl.col("until").fill_null(case.today + case.policy.horizon_days)
    step = pl.col("interval").fill_null(1).clip(1, None)
    day = pl.int_ranges("next", pl.max_horizontal(end, pl.col("next") + 1), step, dtype=pl.Int32)
    contacted = case.rows.filter(pl.col("next").is_not_null())
    all_days = contacted.select("who", "next", pl.col("channel").cast(pl.Categorical), day=day)
    each = all_days.explode("day")
    quiet = _is_quiet(case.policy, "day")
    return each.filter(~quiet | (pl.col("day") == pl.col("next"))).select("who", "day", "channel")


def _is_quiet(policy: Policy, column: str) -> pl.Expr:
    day = pl.col(column).cast(pl.Date)
    return pl.any_horizontal(
        pl.lit(False),
        *(
            day.is_between(date.fromisoformat(str(p.first)), date.fromisoformat(str(p.last)))
            for p in policy.pressure.quiet
        ),
    )


def _objecting(case: _Case) -> pl.DataFrame:
    """Whose last row on marketing as a whole says that they object; of two at once, either."""
    if not case.has("consents", "objected"):
        return pl.DataFrame(schema={"customer_id": pl.String})
    said = case.known("consents", "recorded_at").filter(pl.col("objected").is_not_null())
    if case.has("consents", "channel"):
        said = said.filter(pl.col("channel").is_null())
    by_time = said.sort("recorded_at", "objected").group_by("customer_id")
    last = by_time.agg(pl.col("objected").last())
    return pl.DataFrame(last.filter("objected").select("customer_id").collect())


def _finding(case: _Case, rule: str, broken: pl.DataFrame, told: str = "") -> Iterator[Finding]:
    """One finding on the customers (who) of some rows, if there are any."""
    who = broken.select("who").unique()
    if who.is_empty():
        return
    people = case.rows.select("who", "customer_id").join(who, on="who", how="semi")
    may_be_named = people.join(case.objectors, on="customer_id", how="anti")["customer_id"]
    names = may_be_named.unique().sort().head(NAMED).to_list()
    more = " and more" if len(names) < len(who) else ""
    yield rule, ", ".join(names) + more, len(who), f"{len(who):,} {told or RULES[rule]}"


def _identity(case: _Case) -> Iterator[Finding]:
    rows, models = case.rows, case.policy.models
    theirs = pl.DataFrame(
        [(name, channel) for name, model in models.items() for channel in model.channels
         if channel in case.policy.channels],
        schema={"relationship_model": pl.String, "channel": pl.String}, orient="row",
    )  # fmt: skip
    objecting = case.objectors.filter(pl.col("customer_id").is_in(case.listed.implode()))
    if how_many := len(objecting):
        yield "objection", "", how_many, f"{how_many:,} {RULES['objection']}"
    yield from _finding(case, "duplicate", rows.filter(pl.col("who").is_duplicated()))
    served = pl.col("relationship_model") == case.policy.on_request
    known = served | pl.col("relationship_model").is_in(list(models))
    yield from _finding(case, "model", rows.filter(~known.fill_null(False)))
    fits = ["relationship_model", "channel"]
    alone = rows.filter(served & (pl.col("channel").is_not_null() | pl.col("next").is_not_null()))
    other = rows.filter(~served & known).join(theirs, on=fits, how="anti")
    yield from _finding(case, "channel", pl.concat([alone, other]))


def _dates(case: _Case) -> Iterator[Finding]:
    started = case.rows.filter(pl.col("relationship_model") != case.policy.on_request)
    end = case.today + case.policy.horizon_days
    is_within = (pl.col("next") >= case.today) & (pl.col("next") < pl.col("until"))
    within = is_within & (pl.col("until") <= end)
    months = {name: m.contacts_a_month for name, m in case.policy.models.items()}
    monthly = pl.col("relationship_model").replace_strict(
        months, default=None, return_dtype=pl.Float64
    )
    never = (monthly == 0).fill_null(False)
    yield from _finding(case, "date", started.filter(~never & ~within.fill_null(False)))
    often = (pl.col("interval") * monthly * 12 / 365.25 < 1 - ROUNDING) | (pl.col("interval") < 1)
    too_often = pl.when(never).then(pl.col("next").is_not_null()).otherwise(often.fill_null(True))
    yield from _finding(case, "cadence", started.filter(too_often))
    yield from _finding(case, "quiet", started.filter(_is_quiet(case.policy, "next")))


def _rights(case: _Case) -> Iterator[Finding]:
    """Whoever is contacted without a yes as the latest word on the channel that is needed."""
    needs = {name: c.consent or name for name, c in case.policy.channels.items()}
    asked = case.rows.filter(pl.col("next").is_not_null()).select(
        "who", "customer_id",
        need=pl.col("channel").replace_strict(needs, default=pl.col("channel")),
    ).unique()  # fmt: skip
    silence = case.policy.consent
    if "consents" not in case.tables:
        yield from _finding(case, "consent", asked.filter(pl.lit(not silence.without_table)))
        return
    words = asked.join(_words(case), on="customer_id")
    on_it = words.filter(pl.col("on").is_null() | (pl.col("on") == pl.col("need")))
    key = ["who", "need"]
    latest = on_it.filter(pl.col("recorded_at") == pl.col("recorded_at").max().over(key))
    answer = latest.group_by(key).agg(yes=pl.col("yes").all())
    said = asked.join(answer, on=key, how="left")
    agreed = pl.col("yes").fill_null(silence.without_record)
    yield from _finding(case, "consent", said.filter(~agreed))


def _words(case: _Case) -> pl.DataFrame:
    """What was said on which channel (null: on all), and whether it is a yes; silent rows not."""
    has = {name: case.has("consents", name) for name in ("channel", "granted", "objected")}
    granted = pl.col("granted") if has["granted"] else pl.lit(None, pl.Boolean)
    objected = pl.col("objected").fill_null(False) if has["objected"] else pl.lit(False)
    rows = case.known("consents", "recorded_at").select(
        "customer_id", "recorded_at",
        on=pl.col("channel") if has["channel"] else pl.lit(None, pl.String),
        yes=pl.when(objected).then(False).otherwise(granted),
    )  # fmt: skip
    return pl.DataFrame(rows.filter(pl.col("yes").is_not_null()).collect())


def _complaints(case: _Case) -> Iterator[Finding]:
    """The first contact of each customer, held against their complaints one by one."""
    if not case.has("interactions", "purpose"):
        return
    made, t = pl.col("occurred_at"), case.t
    settled = made
    if case.has("interactions", "answered_at"):
        recent = made >= t - YEAR * DAY
        answered = pl.when(pl.col("answered_at") < t).then(pl.col("answered_at"))
        settled = pl.coalesce(answered, pl.when(recent).then(t).otherwise(made))
    complaints = case.known("interactions", "occurred_at").filter(pl.col("purpose") == "complaint")
    theirs = pl.DataFrame(
        complaints.select("customer_id", "occurred_at", settled=settled).collect()
    )
    first = case.rows.filter(pl.col("next").is_not_null()).join(theirs, on="customer_id")
    contact = pl.max_horizontal(pl.col("next").cast(pl.Int64) * DAY, pl.lit(t))
    calm = contact - case.policy.pressure.cool_down_days * DAY
    hurried = (calm < pl.col("occurred_at")) | (calm < pl.col("settled"))
    yield from _finding(case, "cool-down", first.filter(hurried))


def _caps(case: _Case) -> Iterator[Finding]:
    """Too many contacts in a window that ends with a planned one, old and planned together."""
    caps = case.policy.pressure.caps
    if not caps:
        return
    planned = case.planned.with_columns(
        planned=pl.lit(True), channel=pl.col("channel").cast(pl.String)
    )
    past = _received(case, max(cap.days for cap in caps))
    both = pl.concat([past, planned]).sort("who", "day", "planned")
    for cap in caps:
        where = f"by {cap.channel} " if cap.channel else ""
        told = f"contacted {where}more than {cap.most} times in {cap.days} days"
        yield from _finding(case, "cap", _crowded(both, cap), told)


def _received(case: _Case, days: int) -> pl.DataFrame:
    """Contacts of the last days that reached somebody of the file."""
    kinds = {"who": pl.UInt32, "day": pl.Int32, "channel": pl.String, "planned": pl.Boolean}
    if "contacts" not in case.tables:
        return pl.DataFrame(schema=kinds)
    sent = case.known("contacts", "sent_at")
    if case.has("contacts", "arm"):
        sent = sent.filter(
            pl.col("arm").is_null() | (pl.col("arm").str.to_lowercase() != "control")
        )
    channel = pl.col("channel") if case.has("contacts", "channel") else pl.lit(None, pl.String)
    day = (pl.col("sent_at") // DAY).cast(pl.Int32)
    recent = sent.select("customer_id", day=day, channel=channel).filter(
        pl.col("day") > case.today - days
    )
    people = case.rows.select("who", "customer_id").unique()
    found = pl.DataFrame(recent.collect()).join(people, on="customer_id")
    return found.select("who", "day", "channel", planned=pl.lit(False))


def _crowded(contacts: pl.DataFrame, cap: Cap) -> pl.DataFrame:
    """Planned contacts with `cap.most` others in the window of days that ends with them."""
    if cap.channel is not None:
        contacts = contacts.filter(pl.col("channel") == cap.channel)
    before = pl.col("who", "day").shift(cap.most).name.suffix("_before")
    is_close = (pl.col("who") == pl.col("who_before")) & (
        pl.col("day") - pl.col("day_before") < cap.days
    )
    return contacts.with_columns(before).filter(pl.col("planned") & is_close)


def _months(case: _Case) -> Iterator[Finding]:
    """Each 30 days from the reference date, against the capacities of a month."""
    channels = case.policy.channels
    month = ((pl.col("day") - case.today) // MONTH).alias("month")
    load = case.planned.group_by(month, pl.col("channel").cast(pl.String)).len()
    limits = {name: most for name, most in case.policy.capacity.items() if most is not None}
    for name, limit in limits.items():
        uses = {channel: float(c.uses.get(name, 0.0)) for channel, c in channels.items()}
        each = pl.col("channel").replace_strict(uses, default=0.0, return_dtype=pl.Float64)
        used = load.group_by("month").agg((each * pl.col("len")).sum())["channel"].to_numpy()
        over = used[used > limit * (1 + ROUNDING)]
        if len(over):
            told = f"{len(over)} months use up to {over.max():,.1f} {name} of {limit:,.1f}"
            yield "capacity", name, len(over), told


def _budget(case: _Case) -> Iterator[Finding]:
    """What the contacts and the relationship models in use cost, against the budget.

    A model that somebody is handled by already is set up.
    """
    policy = case.policy
    if policy.budget is None:
        return
    prices = {name: float(channel.cost) for name, channel in policy.channels.items()}
    per_channel = case.planned.group_by(pl.col("channel").cast(pl.String)).len()
    contacts = sum(prices.get(channel, 0.0) * n for channel, n in per_channel.iter_rows())
    used = set(case.rows["relationship_model"].unique().to_list())
    years = policy.horizon_days / 365.25
    there = _in_use(case)
    fixed = sum(
        m.yearly_cost * years + (0.0 if name in there else m.set_up_cost)
        for name, m in policy.models.items()
        if name in used
    )
    total = contacts + fixed
    if total > policy.budget * (1 + ROUNDING):
        told = f"the plan costs {total:,.2f}, and the budget is {policy.budget:,.2f}"
        yield "budget", "", 1, told


def _in_use(case: _Case) -> set[str | None]:
    """The relationship models that somebody is handled by at the reference date."""
    usual = {case.policy.today}
    if not case.has("treatments", "from_date", "relationship_model"):
        return usual
    rows = case.known("treatments", "from_date")
    if case.has("treatments", "to_date"):
        rows = rows.filter(pl.col("to_date").is_null() | (pl.col("to_date") >= case.t))
    last = rows.sort("from_date").group_by("customer_id").agg(pl.col("relationship_model").last())
    return usual | set(pl.DataFrame(last.collect())["relationship_model"].to_list())
