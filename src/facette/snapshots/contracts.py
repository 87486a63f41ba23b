"""Contracts: what is held at a reference date, and who leaves by ending all of it.

Contractual churn at `t`: a customer holds contracts that nobody has given notice on. Those of them
that are still open at the end of the gap are looked at: churned when all end inside
[t + gap, t + gap + H) and no other contract is held when that is over, one that took their place
say, and at least one ended by the customer's own will. Where all ended for another reason
(involuntary, inevitable), which competes, the outcome is not known; stayed otherwise. An end
without a reason counts as the customer's will.
"""

from __future__ import annotations

import narwhals as nw

from facette.snapshots.aggregates import KEY, count_where, distinct, integer
from facette.snapshots.known import known_at
from facette.snapshots.spec import SnapshotSpec
from facette.tables.contract import DAY_US, Tables

YEAR_DAYS = 365  # from one anniversary of a contract to the next
COMPETING = ("involuntary", "inevitable")


def held_at(tables: Tables, t: int) -> nw.LazyFrame:
    """Per customer with an open contract at `t`: how many, since when, until the next anniversary.

    `contracts_quiet` are those without a notice known at `t`.
    """
    known = _with_end(known_at(tables, "contracts", t)).filter(_held(t))
    day = t // DAY_US
    since = day - nw.col("started_at") // DAY_US
    columns = tables.columns("contracts")
    product = [distinct("product", "contract_products")] if "product" in columns else []
    noticed = "notice_at" if "notice_at" in columns else None
    quiet = nw.col(noticed).is_null() if noticed else ~nw.col("started_at").is_null()
    return (
        known.with_columns(since=since, left=YEAR_DAYS - since % YEAR_DAYS)
        .group_by(KEY)
        .agg(
            integer(nw.len(), "contracts_open"),
            count_where(quiet, "contracts_quiet"),
            integer(nw.col("since").max(), "contract_longest"),
            integer(nw.col("since").min(), "contract_newest"),
            integer(nw.col("left").min(), "contract_renewal"),
            *product,
        )
    )


def ended_after(tables: Tables, t: int, spec: SnapshotSpec) -> nw.LazyFrame:
    """Per customer: the contracts at stake, how many of them ended, and how many by own will.

    `contracts_kept` are all that are held when the window is over, begun whenever.
    """
    start = t + spec.gap_days * DAY_US
    end = start + spec.horizon_days * DAY_US
    columns = tables.columns("contracts")
    rows = _with_end(tables["contracts"])
    at_stake = (nw.col("recorded_at") < t) & (nw.col("started_at") < t) & _held(start)
    if "notice_at" in columns:
        at_stake = at_stake & (nw.col("notice_at").is_null() | (nw.col("notice_at") >= t))
    gone = at_stake & (~nw.col("ended_at").is_null()) & (nw.col("ended_at") < end)
    willing = gone
    if "end_reason" in columns:
        reason = nw.col("end_reason")
        willing = gone & (reason.is_null() | ~reason.is_in(list(COMPETING)))
    return rows.group_by(KEY).agg(
        count_where(at_stake, "contracts_at_stake"),
        count_where(_held(end), "contracts_kept"),
        count_where(gone, "contracts_ended"),
        count_where(willing, "contracts_left"),
    )


def _held(instant: int) -> nw.Expr:
    """Contracts begun before an instant and not ended by it."""
    ended = nw.col("ended_at")
    return (nw.col("started_at") < instant) & (ended.is_null() | (ended >= instant))


def _with_end(rows: nw.LazyFrame) -> nw.LazyFrame:
    """The contracts with an `ended_at`, null for all where the table has none."""
    if "ended_at" in rows.collect_schema():
        return rows
    return rows.with_columns(ended_at=nw.lit(None, nw.Int64))
