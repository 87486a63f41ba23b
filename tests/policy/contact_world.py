"""Customers with a history of contacts, complaints and consents, and a small planner for them.

The planner gives each customer a relationship model at random and then does what a plan does:
rights, pressure, calendar, activation. What is named in `without` it forgets.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
from omegaconf import OmegaConf

from facette import cli
from facette.policy.activation import activation, left_out
from facette.policy.calendar import budget_slack, capacity_slack, next_days
from facette.policy.pressure import cooled_days, earliest_days
from facette.policy.reach import NONE, Reach, reach
from facette.policy.relationship import MONTH_DAYS, contacts_within, interval_days, ways
from facette.policy.rights import consented, objectors
from facette.settings.policy import Cap, Consent, Policy, QuietPeriod
from facette.tables.contract import CONTRACTS, DAY_US, Kind, Tables

DAY = 20_000  # since 1970: 2024-10-04
T = DAY * DAY_US
CHANNELS = ("advisor", "branch", "phone", "mail", "email", "app", "web", "chat")
KINDS = {Kind.text: pl.String, Kind.instant: pl.Int64, Kind.flag: pl.Boolean,
         Kind.money: pl.Int64, Kind.number: pl.Float64}  # fmt: skip


def shipped_policy(**changed: Any) -> Policy:
    """The policy as it ships, but for what is changed."""
    own = OmegaConf.load(cli.CONF / "policy" / "relationship.yaml")
    policy = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Policy), own))
    assert isinstance(policy, Policy)
    return replace(policy, **changed)


def table(name: str, rows: list[tuple[Any, ...]], *columns: str) -> pl.DataFrame:
    """Rows of a contract table, its columns typed as the contract has them."""
    kinds = {column.name: KINDS[column.kind] for column in CONTRACTS[name].columns}
    return pl.DataFrame(rows, schema={c: kinds[c] for c in columns}, orient="row")


def tables_of(**frames: pl.DataFrame) -> Tables:
    """Frames as they stand behind the door."""
    lazy = {name: nw.from_native(frame.lazy()) for name, frame in frames.items()}
    return Tables(lazy, 0, T + 1)


def history(rng: np.random.Generator, n: int) -> tuple[pd.Index, Tables]:
    """n customers, and what happened to them before T and, unknown to a plan, after it."""
    people = [f"c{i:03d}" for i in range(n)]

    def some(most: int) -> list[str]:
        return [who for who in people for _ in range(int(rng.integers(0, most + 1)))]

    def ago(days: int) -> int:
        return T - int(rng.integers(-5 * 24, days * 24)) * DAY_US // 24

    def one(*of: Any) -> Any:
        return of[int(rng.integers(len(of)))]

    contacts = [(who, ago(70), one(*CHANNELS, None), one(None, "Control", "offer"),
                 ago(70)) for who in some(8)]  # fmt: skip
    complaints = [(who, made := ago(450), one(None, made + one(0, 3, 40) * DAY_US),
                   one("complaint", "request")) for who in some(2)]  # fmt: skip
    said = [(who, one(*CHANNELS, None), ago(9) // DAY_US * DAY_US, one(True, True, False, None),
             one(True, False, None, None)) for who in some(5)]  # fmt: skip
    return pd.Index(people, name="customer_id"), tables_of(
        contacts=table("contacts", contacts, "customer_id", "sent_at", "channel", "arm",
                       "recorded_at"),
        interactions=table("interactions", complaints, "customer_id", "occurred_at",
                           "answered_at", "purpose"),
        consents=table("consents", said, "customer_id", "channel", "recorded_at", "granted",
                       "objected"),
    )  # fmt: skip


def drawn_policy(rng: np.random.Generator) -> Policy:
    """Some relationship models, and caps that each of them alone keeps to."""
    policy = shipped_policy()
    models = {}
    for i in range(int(rng.integers(1, 5))):
        order = rng.permutation(CHANNELS)[: int(rng.integers(1, 5))].tolist()
        monthly = float(rng.choice([0.1, 0.3, 0.5, 1, 1.5, 2, 4, 10]))
        models[f"model_{i}"] = replace(
            policy.models["phone_desk"], channels=order, contacts_a_month=monthly, reaction_hours=i
        )
    caps = []
    for _ in range(int(rng.integers(0, 5))):
        channel, days = rng.choice([None, *CHANNELS]), int(rng.choice([1, 7, 30, 61]))
        own = [contacts_within(days, interval_days(m.contacts_a_month)) for m in models.values()
               if channel is None or channel in m.channels]  # fmt: skip
        caps.append(Cap(max(own, default=0) + int(rng.integers(0, 3)), days, channel))
    quiet = []
    for _ in range(int(rng.integers(0, 3))):
        first = np.datetime64(DAY + int(rng.integers(-10, 60)), "D")
        quiet.append(QuietPeriod(str(first), str(first + rng.integers(0, 20))))
    pressure = replace(policy.pressure, caps=caps, quiet=quiet,
                       cool_down_days=int(rng.choice([0, 10, 30, 200])))  # fmt: skip
    silence = Consent(bool(rng.integers(2)), bool(rng.integers(2)))
    return replace(policy, models=models, pressure=pressure, consent=silence,
                   horizon_days=int(rng.integers(20, 200)))  # fmt: skip


@dataclass
class Planned:
    """A plan, and what it was made from."""

    policy: Policy
    assigned: pd.DataFrame
    reach: Reach
    next_day: np.ndarray
    file: pd.DataFrame
    left: pd.DataFrame


def planned(
    customers: pd.Index, tables: Tables, policy: Policy, rng: np.random.Generator, *,
    t: int = T, without: Collection[str] = (), filled: bool = True, holdout: float = 0.1,
) -> Planned:  # fmt: skip
    """A plan; `filled`: capacities and budget are just what it may use of them."""
    if "objectors" not in without:
        customers = customers[~customers.isin(objectors(tables, t))]
    able = ways(policy)
    agreed = consented(tables, t, customers, able, policy.consent)
    reached = reach(customers, able, agreed | ("consent" in without))
    given = np.where(reached.permitted, rng.random(reached.channel.shape), -1)
    given[:, able.on_request] -= 0.9  # mostly where nothing else may be
    model = given.argmax(axis=1)
    channel = reached.channel[np.arange(len(customers)), model]
    held = rng.random(len(customers)) < holdout
    interval = np.array([interval_days(c) for c in able.contacts_a_month])[model]
    pressure = policy.pressure
    if "caps" in without:
        pressure = replace(pressure, caps=[])
    if "complaints" in without:
        pressure = replace(pressure, cool_down_days=-10_000)
    earliest = earliest_days(tables, t, customers, channel, interval, able, pressure)
    cooled = cooled_days(tables, t, customers, pressure)
    of = np.where(held, -1, model)
    quiet = [] if "quiet" in without else pressure.quiet
    days = next_days(customers, of, channel, interval, earliest, t, quiet, policy.horizon_days)
    if filled:
        active = ~held
        policy = _filled(policy, reached, model, active)
    names = np.array([*able.channels, None], dtype=object)
    assigned = pd.DataFrame(
        {"relationship_model": np.array(able.names, dtype=object)[model],
         "channel": np.where(channel == NONE, None, names[channel]),
         "reason": "drawn", "evidence": "assumption", "holdout": held},
        index=customers,
    )  # fmt: skip
    file = activation(assigned, reached, days, policy, t, "1")
    left = left_out(assigned, reached, days, earliest, cooled, policy)
    return Planned(policy, assigned, reached, days, file, left)


def _filled(policy: Policy, reached: Reach, model: np.ndarray, active: np.ndarray) -> Policy:
    """The policy with the least capacities and budget that a planner may fill like that."""
    able, place = reached.ways, np.arange(len(model))
    months = policy.horizon_days / MONTH_DAYS
    slack = capacity_slack(able)
    capacity = {
        name: float(reached.use(r)[place, model][active].sum() / months + slack[r])
        for r, name in enumerate(able.capacities)
    }
    used = np.unique(model[active])
    budget = reached.cost()[place, model][active].sum() + (able.set_up + able.yearly)[used].sum()
    return replace(policy, capacity=capacity, budget=float(budget) + budget_slack(able))
