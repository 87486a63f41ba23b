"""Small worlds: contract tables drawn from a seed, and the settings that admit them.

tables = admitted(shop(seed=1))                       # a shop with everything in it
spec = spec_at(tables, at("2021-07-05"))
snapshot = snapshot_at(tables, at("2021-07-05"), spec, None, with_outcomes=True)
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from facette.settings.data import EventData, Population, Snapshot
from facette.settings.models import Calibration, ChurnDefinition, ChurnModel
from facette.snapshots.constants import constants
from facette.snapshots.spec import SnapshotSpec
from facette.tables.contract import Tables
from facette.tables.door import Raw, admit, microseconds

Frames = dict[str, pl.DataFrame]

START = datetime(2021, 1, 4)
DAYS = 280
END = START + timedelta(days=DAYS)
CATEGORIES = (
    "Bread", "Meat & Fish", "Wine", "Toys", "Books", "Shoes", "Garden", "Café", "Music", "Tools",
    "Paper", "Lamps",
)  # fmt: skip
REGIONS = ("North", "South", "West")
PRODUCTS = 60


def at(date: str) -> int:
    """A date as the microseconds that snapshots count in."""
    return microseconds(date, "date")


def data(**changed: Any) -> EventData:
    """Settings of a source of data, whole but for what is changed."""
    plain = {
        "name": "shop", "source": "shop", "path": None, "currency": "EUR", "minor_units": 2,
        "timezone": "Europe/Paris", "observed_until": END.date().isoformat(),
        "rows_in_memory": 10_000_000,
        "leave_out_later_rows": False, "recording_delay_hours": 0, "margin_rate": 0.4,
        "static_attributes": ["region"], "drop_duplicates": False, "licence": "none",
        "origin": "drawn from a seed",
    }  # fmt: skip
    return EventData(**(plain | changed))


def admitted(frames: Mapping[str, pl.DataFrame], **changed: Any) -> Tables:
    """The frames through the door."""
    return admit(Raw({name: frame.lazy() for name, frame in frames.items()}), data(**changed))


def panel_settings(**changed: Any) -> Snapshot:
    """Settings of snapshots that fit a shop's 280 days."""
    plain = {
        "reference_dates": "auto", "horizon_days": 56, "observation_days": 112,
        "windows_days": [14, 56, 112], "half_lives_days": [15, 60, 240],
        "max_reference_dates": 5, "categories": 3,
        "category_usage": 2, "channels": 8, "questions": 8, "event_kinds": 8, "perimeter": None,
        "seasonal": True, "population": Population.customers, "min_history_days": 0,
        "protected": {},
    }  # fmt: skip
    return Snapshot(**(plain | changed))


def churn_settings(**changed: Any) -> ChurnModel:
    """Settings of a non-contractual churn."""
    plain = {
        "name": "churn", "estimator": None, "features": None, "folds": 3,
        "definition": ChurnDefinition.non_contractual, "active_days": 56, "gap_days": 0,
        "calibration": Calibration.sigmoid,
    }  # fmt: skip
    return ChurnModel(**(plain | changed))


def spec_at(tables: Tables, t: int, **changed: Any) -> SnapshotSpec:
    """The constants of snapshots whose earliest date is `t`."""
    declared = data(**{k: changed.pop(k) for k in ("static_attributes",) if k in changed})
    return constants(tables, t, panel_settings(**changed), churn_settings(), declared, [])


def shop(
    seed: int, customers: int = 50, days: int = DAYS, *, dated: bool = False, late: bool = True
) -> Frames:
    """A shop with habits: rates, baskets, tastes, discounts, refunds, hours, campaigns, objections.

    `dated`: attributes carry `valid_from`, some customers having two rows. `late`: a tenth of the
    lines are recorded days after they occurred.
    """
    rng = np.random.default_rng(seed)
    people = _people(rng, customers)
    lines = _lines(rng, people, days, late)
    return {
        "transactions": lines,
        "products": _products(),
        "customers": _customers(rng, people, days, dated),
        "contacts": _contacts(rng, people, days),
        "consents": _consents(rng, people, days),
    }


def _people(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    return {
        "id": np.array([f"c{i:04d}" for i in range(n)]),
        "rate": rng.gamma(1.5, 0.06, n) + 0.01,
        "spend": rng.gamma(2.0, 6.0, n) + 1,
        "taste": rng.dirichlet(np.full(len(CATEGORIES), 0.3), n),
        "bargain": rng.beta(1, 2, n),
        "evening": rng.beta(1, 1, n),
        "start": rng.integers(0, 120, n) * (rng.random(n) < 0.5),
        "end": np.where(rng.random(n) < 0.3, rng.integers(125, 300, n), 10_000),
    }


def _lines(rng: np.random.Generator, people: dict[str, Any], days: int, late: bool) -> pl.DataFrame:
    rows = []
    for i, customer in enumerate(people["id"]):
        open_days = np.arange(people["start"][i], min(people["end"][i], days))
        bought = open_days[rng.random(len(open_days)) < people["rate"][i]]
        for day in [open_days[0], *bought]:
            hour = 19 if rng.random() < people["evening"][i] else int(rng.integers(0, 18))
            moment = START + timedelta(days=int(day), hours=hour, seconds=int(rng.integers(3600)))
            basket = f"{customer}-{day}-{len(rows)}"
            for _ in range(1 + rng.poisson(3)):
                rows.append((str(customer), moment, basket, *_item(rng, people, i)))
    columns = ["customer_id", "occurred_at", "transaction_id", "amount", "discount", "product"]
    lines = pl.DataFrame(rows, schema=columns, orient="row")
    wait = np.where(rng.random(len(lines)) < 0.1 * late, rng.integers(1, 30, len(lines)), 0)
    return lines.with_columns(
        pl.col("transaction_id").replace({rows[3][2]: None}),
        quantity=pl.Series(rng.integers(1, 4, len(lines))),
        recorded_at=pl.col("occurred_at") + pl.duration(days=pl.Series(wait)),
    )


def _item(rng: np.random.Generator, people: dict[str, Any], i: int) -> tuple[float, float, Any]:
    category = rng.choice(len(CATEGORIES), p=people["taste"][i])
    product = f"p{category + len(CATEGORIES) * rng.integers(0, PRODUCTS // len(CATEGORIES)):03d}"
    amount = round(float(rng.gamma(2.0, people["spend"][i] / 2)) + 0.05, 2)
    discount = round(amount * 0.2, 2) if rng.random() < people["bargain"][i] else 0.0
    known = None if rng.random() < 0.02 else product
    return (-amount if rng.random() < 0.05 else amount), discount, known


def _products() -> pl.DataFrame:
    names = [f"p{i:03d}" for i in range(PRODUCTS)]
    category = [
        CATEGORIES[i % len(CATEGORIES)] if i < PRODUCTS - 2 else None for i in range(PRODUCTS)
    ]
    return pl.DataFrame({"product": names, "category": category})


def _customers(
    rng: np.random.Generator, people: dict[str, Any], days: int, dated: bool
) -> pl.DataFrame:
    n = len(people["id"])
    frame = pl.DataFrame(
        {
            "customer_id": people["id"],
            "region": [None if r < 0.1 else str(rng.choice(REGIONS)) for r in rng.random(n)],
            "mood": rng.choice(["calm", "keen"], n),
            "acquired_at": [START + timedelta(days=int(d)) for d in rng.integers(-300, days, n)],
        }
    )
    if not dated:
        return frame
    first = frame.with_columns(valid_from=pl.lit(START - timedelta(days=400)))
    moved = frame[: n // 2].with_columns(
        valid_from=pl.Series(
            [START + timedelta(days=int(d)) for d in rng.integers(0, days, n // 2)]
        ),
        region=pl.Series(rng.choice(REGIONS, n // 2)),
    )
    both = pl.concat([first, moved])
    wait = rng.integers(0, 40, len(both))
    return both.with_columns(recorded_at=pl.col("valid_from") + pl.duration(days=pl.Series(wait)))


def _contacts(rng: np.random.Generator, people: dict[str, Any], days: int) -> pl.DataFrame:
    rows = []
    for campaign in range(6):
        sent = START + timedelta(days=int(campaign * days / 6) + 3)
        for i, customer in enumerate(people["id"]):
            if rng.random() < 0.6:
                wait = timedelta(hours=int(rng.integers(1, 24 * 40)))
                answered = sent + wait if rng.random() < people["bargain"][i] else None
                rows.append((str(customer), sent, f"k{campaign}", "mail", answered, 4.5))
    columns = ["customer_id", "sent_at", "campaign", "channel", "responded_at", "revenue"]
    return pl.DataFrame(rows, schema=columns, orient="row", infer_schema_length=None)


def _consents(rng: np.random.Generator, people: dict[str, Any], days: int) -> pl.DataFrame:
    chosen = rng.choice(people["id"], max(len(people["id"]) // 5, 1), replace=False)
    rows = []
    for customer in chosen:
        day = int(rng.integers(0, days - 20))
        channel = None if rng.random() < 0.7 else "mail"
        rows.append((str(customer), channel, START + timedelta(days=day), True))
        if rng.random() < 0.3:
            back = START + timedelta(days=min(day + 20, days - 1))
            rows.append((str(customer), channel, back, False))
    schema = {"customer_id": pl.String, "channel": pl.String, "recorded_at": pl.Datetime("us"),
              "objected": pl.Boolean}  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")
