"""The sentences of a description, section by section: the terminal and the page say the same."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from facette.reports.words import day, missing, money, number, share
from facette.snapshots.activity import Activity
from facette.snapshots.worth import Mix, Payback, Spread, ValueDisparity
from facette.tables.contract import Cleaned
from facette.wording import listed

if TYPE_CHECKING:
    from facette.reports.description import Description

Lines = list[tuple[str, str]]

HALF = 0.5  # a last day or month below half of what is usual is said to be thin


@dataclass(frozen=True)
class Section:
    """One section: its key, its title, and its lines (label, sentence)."""

    key: str
    title: str
    lines: Lines


def sections(description: Description) -> list[Section]:
    """All sections in order."""
    return [
        Section("tables", "What came in", _came_in(description)),
        Section("customers", "Customers over time", _over_time(description)),
        Section("allows", "What can be trained", _allows(description)),
        Section("worth", "Is segmenting worth it", _worth(description)),
    ]


def summary(description: Description) -> Lines:
    """The few lines at the top of the page."""
    yes = [part.part for part in description.allowed.parts if part.allowed]
    no = [f"{part.part} is off: {part.why}" for part in description.allowed.parts
          if not part.allowed]  # fmt: skip
    reasons = list(dict.fromkeys(no)) if yes else [description.allowed.parts[0].why]
    allows = f"{listed(yes) or 'nothing'} can be trained"
    lines = dict(_over_time(description) + _worth(description))
    return [
        ("Observed", lines["observed"]),
        ("Customers", lines["customers"]),
        ("Allows", "; ".join([allows, *reasons])),
        ("Value", lines["value"]),
        ("Segmenting", lines["pays when"]),
    ]


def _came_in(description: Description) -> Lines:
    lines = [("cleaning", cleaned_line(cleaned)) for cleaned in description.cleaning]
    return lines + [("note", note) for note in description.notes]


def cleaned_line(cleaned: Cleaned) -> str:
    """Rows in, kept and dropped of one file."""
    why = ", ".join(f"{number(n)} failing {reason}" for reason, n in cleaned.dropped.items())
    return (
        f"{cleaned.table}: {number(cleaned.rows_in)} rows in, {number(cleaned.kept)} kept; "
        f"dropped: {why or 'none'}"
    )


def _over_time(description: Description) -> Lines:
    activity, purchases = description.activity, description.worth.purchases
    days = activity.days.index
    observed = f"{day(days[0])} to {day(days[-1])}, {number(len(days))} days"
    customers = (
        f"{number(len(purchases))} with {number(purchases.sum())} purchases; net value "
        f"{money(activity.days['net'].sum(), description.currency)} ({description.value_basis})"
    )
    return [
        ("observed", observed),
        ("customers", customers),
        ("by month", _by_month(activity, description.currency)),
        ("silence", _silence(activity)),
        ("end", f"{_last_day(activity)}; {_last_month(activity)}"),
    ]


def _by_month(activity: Activity, currency: str) -> str:
    months = activity.months[activity.months["whole"]]
    if len(months) < 2:
        return "fewer than two whole months are observed"
    least, most = (months.loc[months["customers"].agg(end)] for end in ("idxmin", "idxmax"))
    return (
        f"{number(least['customers'])} ({least['month']:%B %Y}) to {number(most['customers'])} "
        f"({most['month']:%B %Y}) buy in a whole month; new were "
        f"{number(months['new_customers'].iloc[0])} in {_first(months)}, "
        f"{number(months['new_customers'].iloc[-1])} in {_first(months.iloc[::-1])}; the median "
        f"month has {number(months['purchases'].median())} purchases, "
        f"{money(months['net'].median(), currency)} of net value"
    )


def counted(count: float, what: str) -> str:
    """So many of a thing, the thing in the plural where there are several."""
    return f"{number(count)} {what}{'' if count == 1 else 's'}"


def _first(months: pd.DataFrame) -> str:
    return f"{months['month'].iloc[0]:%B %Y}"


def _silence(activity: Activity) -> str:
    silent = activity.silent_days
    if not silent:
        return "none: every day has a transaction"
    longest = activity.silences[0]
    weekdays = Counter(f"{date:%A}" for date in silent)
    often, times = weekdays.most_common(1)[0]
    closed = f", {number(times)} of them on a {often}" if len(silent) > 1 else ""
    return (
        f"{number(len(silent))} of {number(len(activity.days))} days "
        f"{'has' if len(silent) == 1 else 'have'} no transaction{closed}; the longest stretch is "
        f"{counted(longest.days, 'day')} from {day(longest.start)}"
    )


def _last_day(activity: Activity) -> str:
    date, count = activity.days.index[-1], int(activity.days["purchases"].iloc[-1])
    usual = activity.usual_last_day
    found = f"{day(date)} has {counted(count, 'purchase')}"
    if usual is None:
        return f"{found}, with too few earlier {date:%A}s to say whether the day is complete"
    verdict = (
        "perhaps it is not complete, and data.observed_until should stand before it"
        if count < HALF * usual
        else "it looks complete"
    )
    return f"{found} beside a usual {number(usual)} on a {date:%A}: {verdict}"


def _last_month(activity: Activity) -> str:
    last, pace = activity.months.iloc[-1], activity.last_month_pace
    seen = "" if last["whole"] else f", seen for {counted(last['days'], 'day')} only,"
    if pace is None:
        return f"{last['month']:%B %Y}{seen} has no earlier purchases to be compared with"
    thin = ": it is much thinner" if pace < HALF else ""
    return (
        f"{last['month']:%B %Y}{seen} has {share(pace, 0)} of the purchases a day of the months "
        f"before it{thin}"
    )


def _allows(description: Description) -> Lines:
    allowed = description.allowed
    lines: Lines = []
    if dates := [counts.date for counts in allowed.dates]:
        ahead_and_back = (
            f"{description.horizon_days} days ahead, {allowed.spec.observation_days} days back"
        )
        told = f"train at {listed(dates[:-1])}; test at {dates[-1]}; {ahead_and_back}"
        lines.append(("reference dates", told))
    parts = {p.part: f"{'yes' if p.allowed else 'no '}  {p.why}" for p in allowed.parts}
    alike = len(set(parts.values())) == 1
    lines += [("every part", next(iter(parts.values())))] if alike else list(parts.items())
    there = [s.where for s in allowed.switches if s.there]
    absent = [s.where for s in allowed.switches if not s.there]
    lines.append(("optional, here", listed(there, 12) or "none"))
    lines.append(("not here", listed(absent, 12) or "nothing: all are here"))
    return lines + [("note", note) for note in allowed.notes]


def _worth(description: Description) -> Lines:
    worth, currency = description.worth, description.currency
    lines = [("value", _value(description))]
    if not missing(worth.value.gini):
        lines.append(("tiers", tiers_line(worth.value.tiers, "net value")))
    if worth.value.negative:
        lines.append(("below 0", below(worth.value, currency)))
    lines += [(_HABITS[habit.what], _habit(habit, description)) for habit in worth.habits]
    return [
        *lines,
        ("once", f"{share(worth.once)} of customers have a single purchase so far"),
        ("mix", _mix(worth.mix)),
        ("assumption", _assumption(worth.payback, currency)),
        ("pays when", payback_sentence(worth.payback, currency)),
    ]


def _value(description: Description) -> str:
    value = description.worth.value
    over = f"the last {value.days} days"
    if missing(value.gini):
        total = money(value.total, description.currency)
        return f"net value of {over} adds up to {total}, of which no shares can be told"
    return (
        f"Gini {number(value.gini, 2)} over {over} (0 all alike, 1 one holds all); "
        f"{number(value.gini_buyers, 2)} among the {number(value.buyers)} who bought"
    )


def tiers_line(tiers: pd.DataFrame, what: str) -> str:
    """Which share of something each Pareto tier holds; tiers : as in `ValueDisparity`."""
    (_, first), *others = tiers.iterrows()
    held = [f"the {tier_name(row)} {share(row['value_share'], 0)}" for _, row in others]
    top = f"the {tier_name(first)} of customers hold {share(first['value_share'], 0)} of {what}"
    return ", ".join([top, *held])


def below(value: ValueDisparity, currency: str) -> str:
    """How many customers bring less than nothing, and how much."""
    return (
        f"{counted(value.negative, 'customer')} with a net value below 0: "
        f"{money(-value.negative_total, currency)} less in the total"
    )


def tier_name(tier: pd.Series) -> str:
    """A tier as people say it: first 5%, next 15%, last 80%."""
    place = "first" if tier["from"] == 0 else "last" if tier["to"] > 1 - 1e-9 else "next"
    return f"{place} {_round(tier['to'] - tier['from'])}"


def _round(part: float) -> str:
    return share(part, 0 if abs(part * 100 - round(part * 100)) < 1e-6 else 1)


_HABITS = {
    "purchases": "frequency",
    "days between purchases": "gap",
    "spend per purchase": "basket",
}


def habit_name(habit: Spread, currency: str) -> str:
    """What a habit is, with its unit."""
    unit = f", {currency}" if habit.unit == "money" else ""
    return f"{habit.what[:1].upper()}{habit.what[1:]}{unit}"


def _habit(habit: Spread, description: Description) -> str:
    if not habit.customers:
        return f"no customer has {habit.what} in the last {description.worth.habit_days} days"
    quartiles = (habit.low, habit.median, habit.high)
    whole = all(quartile == round(quartile) for quartile in quartiles)
    digits = 2 if habit.unit == "money" else 0 if whole else 1
    low, median, high = (number(quartile, digits) for quartile in quartiles)
    unit = f"{description.currency} " if habit.unit == "money" else ""
    said = (
        f"{habit.what}: quartiles {unit}{low}, {median}, {high} "
        f"({number(habit.quartile_ratio, 1)} times); variation {number(habit.variation, 2)}"
    )
    if missing(habit.dispersion):
        return said
    return f"{said}; variance {number(habit.dispersion, 1)} x mean (by chance, 1 at most)"


def _mix(mix: Mix | None) -> str:
    if mix is None:
        return "off: no product or category"
    if missing(mix.evenness):
        return f"{number(mix.kinds)} {mix.over} only: nothing to mix"
    plural = "categories" if mix.over == "category" else "products"
    said = (
        f"spend over {number(mix.kinds)} {plural} has {number(mix.evenness, 2)} of the "
        "largest entropy (1 even, 0 all in one)"
    )
    if mix.told_by_customer is None:
        return f"{said}; too few lines for each customer to say how much they differ"
    return (
        f"{said}; knowing the customer removes {share(mix.told_by_customer)} of what is "
        f"uncertain in a line's {mix.over}"
    )


def _assumption(payback: Payback, currency: str) -> str:
    return (
        f"{payback.segments} segments cost {money(payback.set_up, currency)} to set up and "
        f"{money(payback.yearly, currency)} a year (see worth in the configuration); net value of "
        f"a year is {money(payback.yearly_value, currency)}, from the last {payback.days} days"
    )


def payback_sentence(payback: Payback, currency: str) -> str:
    """The rise in net value that pays the assumed cost; no effect is claimed."""
    if missing(payback.rise):
        return "net value of a year is not above 0, so that no rise of it pays a cost"
    pays = (
        f"a segmentation that costs {money(payback.yearly, currency)} a year pays when net value "
        f"rises by {_rise(payback.rise)} ({_rise(payback.rise_first_year)} in the first year, with "
        "the set-up)"
    )
    if missing(payback.rise_top):
        return pays
    return (
        f"{pays}; the top {_round(payback.top_customers)} alone hold "
        f"{share(payback.top_value, 0)} of it: if only they rose, by {_rise(payback.rise_top)}"
    )


def _rise(part: float) -> str:
    return share(part, 2 if part < 0.01 else 1 if part < 1 else 0)
