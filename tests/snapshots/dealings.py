"""A shop whose customers also deal with the company: every related table drawn from a seed."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from worlds import DAYS, START, Frames, shop

CHANNELS = ("branch", "advisor", "phone", "email", "chat", "web", "app", "mail", "kiosk")
PURPOSES = (
    "request",
    "complaint",
    "project",
    "service",
    "offer",
    "form",
    "download",
    "visit",
    None,
)
QUESTIONS = ("Would you recommend us?", "Reason of visit")
REASONS = ("price", "choice", "near")
KINDS = ("move", "log_in", "balance")
Draws = np.random.Generator


def whole_shop(seed: int, customers: int = 50, *, dated: bool = False, late: bool = True) -> Frames:
    """`shop` with interactions, surveys, events, consents by channel, and campaigns with arms."""
    frames = shop(seed, customers, dated=dated, late=late)
    rng = np.random.default_rng(seed + 1)
    people = [f"c{i:04d}" for i in range(customers)]
    return frames | {
        "contacts": _contacts(rng, people, late),
        "interactions": _interactions(rng, people, late),
        "surveys": _surveys(rng, people, late),
        "consents": _with_grants(rng, people, frames["consents"]),
        "events": _events(rng, people, late),
    }


def _moment(rng: Draws) -> datetime:
    return START + timedelta(seconds=int(rng.integers(0, (DAYS - 1) * 86_400)))


def _later(rng: Draws, moment: datetime, days: int, chance: float) -> datetime | None:
    return moment + timedelta(minutes=int(rng.integers(1, days * 1440))) if (
        rng.random() < chance
    ) else None  # fmt: skip


def _recorded(rng: Draws, frame: pl.DataFrame, instant: str, late: bool) -> pl.DataFrame:
    wait = np.where(rng.random(len(frame)) < 0.2 * late, rng.integers(1, 30, len(frame)), 0)
    return frame.with_columns(recorded_at=pl.col(instant) + pl.duration(days=pl.Series(wait)))


def _frame(rows: list[Any], **schema: Any) -> pl.DataFrame:
    kinds = {"customer_id": pl.String, **schema}
    return pl.DataFrame(rows, schema=kinds, orient="row")


def _contacts(rng: Draws, people: list[str], late: bool) -> pl.DataFrame:
    rows = []
    for customer in people:
        for campaign in range(int(rng.integers(2, 14))):
            sent = _moment(rng)
            opened, clicked = _later(rng, sent, 20, 0.6), _later(rng, sent, 20, 0.3)
            arm = [None, "mailing", "Control", "control"][int(rng.integers(4))]
            answered, channel = _later(rng, sent, 40, 0.5), ["mail", "email"][int(rng.integers(2))]
            rows.append((customer, sent, f"k{campaign}", channel, arm, opened, clicked, answered))
    instant = pl.Datetime("us")
    made = _frame(
        rows, sent_at=instant, campaign=pl.String, channel=pl.String, arm=pl.String,
        opened_at=instant, clicked_at=instant, responded_at=instant,
    ).with_columns(revenue=4.5)  # fmt: skip
    return _recorded(rng, made, "sent_at", late)


def _interactions(rng: Draws, people: list[str], late: bool) -> pl.DataFrame:
    rows = []
    for customer in people:
        taste = rng.dirichlet(np.full(len(CHANNELS), 0.5))
        for _ in range(int(rng.poisson(40))):
            moment = _moment(rng)
            channel = CHANNELS[int(rng.choice(len(CHANNELS), p=taste))]
            initiator = "customer" if rng.random() < 0.7 else "company"
            purpose = PURPOSES[int(rng.integers(len(PURPOSES)))]
            minutes = round(float(rng.gamma(2.0, 4.0)), 3) if rng.random() < 0.8 else None
            answered = _later(rng, moment, 40, 0.7)
            rows.append((customer, moment, channel, initiator, purpose, answered, minutes))
    instant = pl.Datetime("us")
    made = _frame(
        rows, occurred_at=instant, channel=pl.String, initiator=pl.String, purpose=pl.String,
        answered_at=instant, duration_min=pl.Float64,
    )  # fmt: skip
    return _recorded(rng, made, "occurred_at", late)


def _surveys(rng: Draws, people: list[str], late: bool) -> pl.DataFrame:
    rows = []
    for customer in people:
        for moment in {_moment(rng) for _ in range(int(rng.integers(0, 6)))}:
            mark, reason = str(int(rng.integers(0, 11))), str(rng.choice(REASONS))
            rows.append((customer, moment, QUESTIONS[0], mark if rng.random() < 0.9 else None))
            rows.append((customer, moment, QUESTIONS[1], reason))
    made = _frame(rows, answered_at=pl.Datetime("us"), question=pl.String, answer=pl.String)
    return _recorded(rng, made, "answered_at", late)


def _with_grants(rng: Draws, people: list[str], objections: pl.DataFrame) -> pl.DataFrame:
    rows = []
    for customer in people:
        for moment in sorted({_moment(rng) for _ in range(int(rng.integers(0, 9)))}):
            channel = ["mail", "email", None][int(rng.choice(3, p=[0.4, 0.5, 0.1]))]
            granted = [True, False, None][int(rng.choice(3, p=[0.5, 0.4, 0.1]))]
            objected = True if channel and rng.random() < 0.1 else None
            rows.append((customer, channel, moment, granted, objected))
    made = _frame(
        rows, channel=pl.String, recorded_at=pl.Datetime("us"), granted=pl.Boolean,
        objected=pl.Boolean,
    )  # fmt: skip
    return pl.concat([made, objections], how="diagonal")


def _events(rng: Draws, people: list[str], late: bool) -> pl.DataFrame:
    rows = []
    for customer in people:
        for _ in range(int(rng.poisson(6))):
            kind = KINDS[int(rng.integers(len(KINDS)))]
            value = float(rng.normal(0, 300)) if kind == "balance" and rng.random() < 0.9 else None
            rows.append((customer, _moment(rng), kind, value))
    made = _frame(rows, occurred_at=pl.Datetime("us"), kind=pl.String, value=pl.Float64)
    return _recorded(rng, made, "occurred_at", late)
