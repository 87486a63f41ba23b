"""The file that a plan is carried out by, and who is left out of it, why, and what would help.

Every assigned customer stands in exactly one of the two. Who objected to marketing stands in
neither, and is counted only (`rights.objectors`): a list of objectors would be a marketing list.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from facette.policy.calendar import NO_DAY
from facette.policy.reach import NONE, Reach
from facette.policy.relationship import interval_days
from facette.settings.policy import Policy, Starts
from facette.snapshots.instants import as_date
from facette.tables.contract import DAY_US

SCHEMA_VERSION = 1  # raised when a column is renamed, taken out, or changes its meaning
COLUMNS = {
    "customer_id": "who; each customer once, the rows sorted by it",
    "reference_date": "the date the plan stands at, ISO",
    "relationship_model": "how the customer is handled",
    "approach": "personalised, semi_personalised or mass",
    "channel": "by which the company contacts them; empty: served on request alone",
    "owner": "who looks after them; empty on request",
    "starts": "who starts most of the contacts: company or customer",
    "contacts_a_month": "that the company starts; 0 for none",
    "interval_days": "whole days from one contact to the next; 0 for none",
    "next_date": "of the first contact, ISO; further ones follow at intervals, none on a quiet day",
    "reason": "why this relationship model",
    "evidence": "the grade of what is known of its effect",
    "valid_until": "no contact of this plan on this date or later, ISO",
    "policy_version": "the model the plan was made by, and a digest of the policy it was made with",
    "schema_version": "of these columns",
}
HOLDOUT = "in the holdout: handled as today, to learn from"
NO_CONSENT = "consents to no channel of a relationship model"
COMPLAINT = "a complaint: the cool-down outlasts the plan"
PRESSURE = "contacted too often lately: the caps leave no room within the plan"
NO_DATE = "no contact falls due within the plan"
REMEDIES: dict[str, str | None] = {
    HOLDOUT: None,
    NO_CONSENT: "ask for consent when they next get in touch",
    COMPLAINT: "settle the complaint, then plan again",
    PRESSURE: "plan again when older contacts have left the window",
    NO_DATE: "plan again at the end of this plan, or for a longer horizon",
}


def activation(
    assigned: pd.DataFrame, reach: Reach, next_day: np.ndarray, policy: Policy, t: int,
    version: str,
) -> pd.DataFrame:  # fmt: skip
    """The customers that the plan handles, one row each, with `COLUMNS`, sorted by customer_id.

    `assigned`: indexed by customer_id, with relationship_model, channel (missing: on request),
    reason, evidence and holdout. `reach` and `next_day` (n,), the day of the first contact counted
    from that of `t` (microseconds), -1 for none, are of the same customers in the same order.
    """
    kept = _why(assigned, reach, next_day, policy) == ""
    rows, day = assigned[kept], next_day[kept]
    model = rows["relationship_model"]
    frame = pd.DataFrame(
        {
            "customer_id": rows.index.astype("str"),
            "reference_date": as_date(t),
            "relationship_model": model.to_numpy(dtype=object),
            **{name: model.map(of).to_numpy() for name, of in _told(policy).items()},
            "channel": rows["channel"].to_numpy(dtype=object),
            "next_date": _dates(day, t),
            "reason": rows["reason"].to_numpy(dtype=object),
            "evidence": rows["evidence"].to_numpy(dtype=object),
            "valid_until": _dates(np.array([policy.horizon_days]), t)[0],
            "policy_version": str(version),
            "schema_version": SCHEMA_VERSION,
        }
    )
    counted = {"contacts_a_month": "float64", "interval_days": "int64", "schema_version": "int64"}
    kinds = dict.fromkeys(COLUMNS, "str") | counted
    return frame[list(COLUMNS)].astype(kinds).sort_values("customer_id", ignore_index=True)


def _told(policy: Policy) -> dict[str, dict[str, Any]]:
    """What is said of each relationship model, by column."""
    models, alone = policy.models.items(), policy.on_request
    return {
        "approach": {n: m.approach.value for n, m in models} | {alone: "mass"},
        "owner": {n: m.owner for n, m in models} | {alone: None},
        "starts": {n: m.starts.value for n, m in models} | {alone: Starts.customer.value},
        "contacts_a_month": {n: m.contacts_a_month for n, m in models} | {alone: 0.0},
        "interval_days": {n: interval_days(m.contacts_a_month) for n, m in models} | {alone: 0},
    }


def _dates(day: np.ndarray, t: int) -> np.ndarray:
    """ISO dates of days counted from that of `t`, None for those below 0."""
    different, of = np.unique(day, return_inverse=True)
    dates = np.datetime_as_string((different + t // DAY_US).astype("datetime64[D]")).astype(object)
    dates[different < 0] = None
    return np.asarray(dates[of])


def left_out(
    assigned: pd.DataFrame, reach: Reach, next_day: np.ndarray, earliest: np.ndarray,
    cooled: np.ndarray, policy: Policy,
) -> pd.DataFrame:  # fmt: skip
    """Who is not in the activation file: customer_id, why, remedy (missing: none), sorted by it.

    `earliest` and `cooled` (n,): the days that `pressure.earliest_days` and `cooled_days` give; the
    others are as in `activation`.
    """
    why = _why(assigned, reach, next_day, policy)
    late = why == NO_DATE
    why[late & (earliest >= policy.horizon_days)] = PRESSURE
    why[late & (cooled >= policy.horizon_days)] = COMPLAINT
    absent = why != ""
    frame = pd.DataFrame(
        {
            "customer_id": assigned.index[absent].astype("str"),
            "why": why[absent],
            "remedy": [REMEDIES[reason] for reason in why[absent]],
        }
    )
    return frame.astype("str").sort_values("customer_id", ignore_index=True)


def _why(
    assigned: pd.DataFrame, reach: Reach, next_day: np.ndarray, policy: Policy
) -> np.ndarray:  # fmt: skip
    """Why each customer is left out, (n,) text, empty for those who are not."""
    started = (assigned["relationship_model"] != policy.on_request).to_numpy()
    monthly = {name: model.contacts_a_month for name, model in policy.models.items()}
    due = (assigned["relationship_model"].map(monthly) > 0).to_numpy()
    unreached = np.where(
        started, assigned["channel"].isna().to_numpy(), (reach.channel == NONE).all(axis=1)
    )
    cases = [
        (assigned["holdout"].to_numpy(dtype=bool), HOLDOUT),
        (unreached, NO_CONSENT),
        (due & (next_day == NO_DAY), NO_DATE),
    ]
    why = np.select([holds for holds, _ in cases], [told for _, told in cases], default="")
    return np.asarray(why.astype(object))
