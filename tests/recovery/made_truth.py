"""A bank made up for tests: what is true of its customers, and what tables would show of it."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from facette.recovery.truth import Truth
from facette.snapshots.panel import Panel, Snapshot
from facette.snapshots.spec import SnapshotSpec

SPEC = SnapshotSpec(
    horizon_days=182, observation_days=364, windows_days=(), categories=(),
    attributes=("region", "income"), tables=("contracts",), columns=(), has_hours=False,
    minor_units=2, margin_rate=1.0, active_days=182, gap_days=30, contractual=True,
)  # fmt: skip
DATES = [datetime(2022, 1, 3) + timedelta(days=212 * i) for i in range(3)]
CENTRES = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]]) * 1.5


def bank(seed: int, customers: int = 1500) -> tuple[Panel, Truth]:
    """A panel of three dates and its truth. Features tell axes, income and share with noise."""
    rng = np.random.default_rng(seed)
    ids = pd.Index([f"c{i:05d}" for i in range(customers)], name="customer_id", dtype="str")
    family = rng.integers(0, 4, customers)
    axes = CENTRES[family] + rng.normal(0, 0.5, (customers, 2))
    income, share = rng.normal(size=customers), rng.beta(2, 3, customers)
    wallet = np.exp(5 + 0.8 * income + 0.2 * rng.normal(size=customers))
    made, states = [], []
    for date in DATES:
        mood = rng.normal(size=customers)
        risk = 1 / (1 + np.exp(3 - 1.2 * mood))
        state = pd.DataFrame(
            {
                "family": family, "power": axes[:, 0], "expectation": axes[:, 1],
                "wallet": wallet, "value": wallet * share, "headroom": wallet * (1 - share),
                "churn": risk, "treatment": rng.choice(["mass", "personal"], customers),
            },
            index=ids,
        )  # fmt: skip
        states.append(state)
        made.append(_snapshot(rng, date, state, income, share, mood))
    campaigns = pd.DataFrame({"campaign": ["spring"], "effect": [0.05]})
    return Panel(made[:-1], made[-1], SPEC), Truth(states, campaigns)


def _snapshot(
    rng: np.random.Generator, date: datetime, state: pd.DataFrame, income: np.ndarray,
    share: np.ndarray, mood: np.ndarray,
) -> Snapshot:  # fmt: skip
    n = len(state)
    features = pd.DataFrame(
        {
            "power_seen": state["power"] + rng.normal(0, 0.3, n),
            "expectation_seen": state["expectation"] + rng.normal(0, 0.3, n),
            "spend_seen": state["value"] * np.exp(rng.normal(0, 0.2, n)),
            "share_seen": share + rng.normal(0, 0.1, n),
            "mood_seen": mood + rng.normal(0, 0.5, n),
            "income": income,
            "region": np.where(income > 0, "rich", "poor"),
        },
        index=state.index,
    )
    context = pd.DataFrame({"value_current": features["spend_seen"], "active": 1.0})
    outcomes = pd.DataFrame(
        {
            "value": state["value"] + rng.normal(0, 60, n),
            "churned": (rng.random(n) < state["churn"]).astype(float),
        },
        index=state.index,
    )
    return Snapshot(date, features, context, outcomes)
