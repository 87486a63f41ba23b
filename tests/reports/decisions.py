"""A small plan, whole: two segments, three relationship models, a trial that tells them apart."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
from omegaconf import OmegaConf
from worlds import at

from facette import cli
from facette.jobs.deciding import decided
from facette.policy.claim import claimed
from facette.policy.decision import Before, Decision, Planned
from facette.policy.knowledge import Learnt, knowledge, learnt
from facette.policy.plan import Base, Others, plan
from facette.policy.power import Lot
from facette.policy.reach import reach
from facette.policy.relationship import ways
from facette.policy.trial import Trial
from facette.segments.crossing import micro_segments
from facette.settings.data import Data
from facette.settings.policy import Effects, Policy, Rule
from facette.snapshots.spec import SnapshotSpec
from facette.tables.contract import DAY_US, Tables

T, BEGAN, DAYS = at("2025-01-01"), at("2024-01-02"), 364
N, OBJECTORS = 800, ("objector-1", "objector-2", "objector-3")
SEGMENTS = {"B1": "Contacts by chat", "B2": "Visits a branch"}
CELLS = ["B1/top", "B1/low", "B2/top", "B2/low"]
MODELS = ("phone_desk", "app_companion", "email_programme")
# what a year of each does in either segment, currency units; being served on request last
EFFECTS = {"B1": (20.0, 90.0, 0.0, 0.0), "B2": (150.0, -30.0, 10.0, 0.0)}
NOBODY = Others()
DATA = Data(name="little", source="bank", currency="EUR", licence="MIT", origin="made up")


def policy(**changed: Any) -> Policy:
    """The policy that ships with three models, but for what is changed."""
    own = OmegaConf.load(cli.CONF / "policy" / "relationship.yaml")
    made = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Policy), own))
    assert isinstance(made, Policy)
    models = {name: replace(made.models[name], set_up_cost=90, yearly_cost=60) for name in MODELS}
    chosen = {"by": ["behaviour_segment", "value_tier"], "floor": 20, "models": models}
    return replace(made, **(chosen | {"satisfaction_question": "content"} | changed))


def customers(rng: np.random.Generator) -> pd.DataFrame:
    """Scored customers, cell by cell."""
    cell = np.array([CELLS[i % 4] for i in range(N)])
    segment, tier = (np.array([name.split("/")[j] for name in cell]) for j in (0, 1))
    return pd.DataFrame(
        {"behaviour_segment": segment, "value_tier": tier,
         "value_expected": rng.gamma(2, 100, N), "headroom": rng.gamma(2, 50, N)},
        index=pd.Index([f"customer-{i:04d}" for i in range(N)], name="customer_id"),
    )  # fmt: skip


def tables(scored: pd.DataFrame, rng: np.random.Generator, without: Collection[str]) -> Tables:
    """What was recorded of them, but for the tables left out."""
    who = [*scored.index, *OBJECTORS]
    some = rng.choice(np.array(who, dtype=object), 1500)
    day = BEGAN + rng.integers(0, 363, len(some)) * DAY_US
    frames: dict[str, dict[str, Any]] = {
        "transactions": {"customer_id": some, "occurred_at": day,
                         "amount": rng.integers(-3000, 9000, len(some)),
                         "channel": rng.choice(["web", "branch"], len(some))},
        "interactions": {"customer_id": some, "occurred_at": day, "initiator": "customer",
                         "channel": rng.choice(["advisor", "phone", "chat"], len(some)),
                         "purpose": rng.choice(["request", "complaint"], len(some), p=[0.98, 0.02]),
                         "answered_at": day + DAY_US},
        "contacts": {"customer_id": some, "sent_at": day, "campaign": "c", "channel": "phone"},
        "consents": {"customer_id": [*scored.index[40:], *OBJECTORS],
                     "channel": None, "recorded_at": BEGAN, "granted": True,
                     "objected": [False] * (N - 40) + [True] * len(OBJECTORS)},
        "surveys": {"customer_id": scored.index[:90], "answered_at": BEGAN + DAY_US,
                    "question": "content", "answer": [str(i % 10) for i in range(90)]},
    }  # fmt: skip
    kinds = {"channel": pl.String} if "consents" not in without else {}
    made = {name: pl.DataFrame({k: pl.Series(k, list(v)) if not np.isscalar(v) and v is not None
                                else pl.Series(k, [v] * len(list(columns["customer_id"])))
                                for k, v in columns.items()}, schema_overrides=kinds if
                               name == "consents" else None)
            for name, columns in frames.items() if name not in without}  # fmt: skip
    lazy: dict[str, Any] = {name: nw.from_native(frame.lazy()) for name, frame in made.items()}
    return Tables(lazy, first_at=BEGAN, observed_until=T)


def pilot(scored: pd.DataFrame, own: Policy, noise: float, rng: np.random.Generator) -> Learnt:
    """A year's trial of 4,000 others, the models drawn by lot."""
    n, m = 4000, len(MODELS) + 1
    cell, way = rng.integers(0, 4, n), rng.integers(0, m, n)
    before = rng.gamma(2, 100, n)
    does = np.array([EFFECTS[CELLS[c][:2]][w] for c, w in zip(cell, way, strict=True)])
    outcome = before + does + rng.normal(0, noise, n)
    made = Trial(
        pd.Index([f"pilot-{i}" for i in range(n)]), way, np.full((n, m), 1 / m), outcome,
        before[:, None], before, True, DAYS, BEGAN,
    )  # fmt: skip
    facets = [np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])]
    return learnt(made, cell, facets, own.effects, seed=7)


def decision(
    *, trial: bool = True, noise: float = 60.0, without: Collection[str] = (),
    today: str | None = "phone_desk", history: bool = True, names: Mapping[str, str] = SEGMENTS,
    others: Others = NOBODY, **changed: Any,
) -> Decision:  # fmt: skip
    """A decision at 1 January 2025; `changed`: of the policy."""
    rng = np.random.default_rng(5)
    own = policy(today=today, **changed)
    known_ways, scored = ways(own), customers(rng)
    cell = np.array([CELLS.index(f"{s}/{v}") for s, v in
                     scored[["behaviour_segment", "value_tier"]].to_numpy()])  # fmt: skip
    agreed = rng.random((N, len(known_ways.channels))) < 0.8
    agreed[:40] = False
    reached = reach(scored.index, known_ways, agreed)
    way = known_ways.on_request if today is None else known_ways.position(today)
    able = reached.permitted[:, way]
    base = Base(
        scored, reached, np.where(able, way, known_ways.on_request), np.arange(N) % 50 == 1,
        np.arange(N) % 10 < 10 * own.holdout, cell, CELLS, others,
    )  # fmt: skip
    known = knowledge(
        known_ways, own.effects, pilot(scored, own, noise, rng) if trial else None, None,
        scored, scored[["value_expected"]].to_numpy(), cell, len(CELLS),
    )  # fmt: skip
    made = plan(own, base, known)
    recorded = tables(scored, rng, without)
    spec = SnapshotSpec(
        horizon_days=DAYS, observation_days=DAYS, windows_days=(DAYS,), categories=(),
        attributes=(), tables=tuple(recorded.frames), columns=(), has_hours=False, minor_units=2,
        margin_rate=0.5, active_days=DAYS, gap_days=0,
    )  # fmt: skip
    before = scored.sample(frac=0.9, random_state=3)
    before["behaviour_segment"] = rng.permutation(before["behaviour_segment"])
    about = {"currency": "EUR", "snapshot": spec.as_dict(), "perimeter": None,
             "segment_names": dict(names)}  # fmt: skip
    planned = Planned(
        T, own, known_ways, made, about, known,
        claimed(made, known, own.switching_cost, 0.95), scored,
        micro_segments(scored[["behaviour_segment", "value_tier"]], 1), 12,
        Lot("2024-10-04", "2025-10-03"),
        Before("2024-01-03", before, scored.index[:0]) if history else None,
        ["something is left aside"],
    )  # fmt: skip
    return decided(planned, recorded, "little_customer 3", 0.95, 7)


def assuming(**assumed: str) -> Effects:
    """How effects are learnt as it ships, with what models are assumed to bring."""
    return replace(policy().effects, assumed=assumed)


BARE = ("interactions", "contacts", "surveys", "consents")
RULED = [Rule("value_expected > 500", "phone_desk", "large")]


def decisions() -> dict[str, Any]:
    """Decisions of every kind that a page must be right for."""
    tight = {"advisor_hours": None, "branch_hours": None, "calls": 100.0, "letters": None}
    return {
        "whole": lambda: decision(),
        "limited": lambda: decision(capacity=tight, budget=20_000.0, rules=RULED),
        "noisy": lambda: decision(noise=900.0),
        "bare": lambda: decision(trial=False, without=BARE, today=None, history=False),
        "costs alone": lambda: decision(trial=False, effects=assuming(phone_desk="0")),
        "no holdout": lambda: decision(holdout=0.0),
    }
