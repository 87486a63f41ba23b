"""Little books: tables counted by hand or drawn from a seed, with the policy as it ships."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import narwhals as nw
import pandas as pd
import polars as pl
from omegaconf import OmegaConf
from worlds import admitted, at

from facette import cli
from facette.policy.accounts import Accounts, accounts_at
from facette.settings.policy import Policy
from facette.snapshots.spec import SnapshotSpec
from facette.tables.contract import Tables

T = at("2021-07-05")
DAYS = 90


def policy(**changed: Any) -> Policy:
    """The policy that ships, but for what is changed, nested as in its file."""
    own = OmegaConf.load(cli.CONF / "policy" / "relationship.yaml")
    made = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Policy), own, changed))
    assert isinstance(made, Policy)
    return made


def tables_of(frames: Mapping[str, Mapping[str, list[Any]]], **changed: Any) -> Tables:
    """Tables from columns; text dates are instants."""
    made = {name: pl.DataFrame(dict(columns), strict=False) for name, columns in frames.items()}
    return admitted(made, leave_out_later_rows=True, **changed)


def exactly(frames: Mapping[str, pl.DataFrame]) -> Tables:
    """Tables that need no door: money in minor units and instants in microseconds already."""
    lazy: dict[str, Any] = {name: nw.from_native(frame.lazy()) for name, frame in frames.items()}
    return Tables(lazy, first_at=0, observed_until=at("2022-01-01"))


def spec(tables: Tables, **changed: Any) -> SnapshotSpec:
    """The constants of net value: which column, which rate, how fine money is."""
    columns = tuple(c for c in ("margin",) if c in tables.columns("transactions"))
    plain = SnapshotSpec(
        horizon_days=DAYS, observation_days=DAYS, windows_days=(DAYS,), categories=(),
        attributes=(), tables=tuple(tables.frames), columns=columns, has_hours=False,
        minor_units=2, margin_rate=1.0, active_days=DAYS, gap_days=0,
    )  # fmt: skip
    return replace(plain, **changed)


def grouped(segments: Mapping[str, str], models: Mapping[str, str]) -> pd.DataFrame:
    """Customers of the plan with their segment and relationship model."""
    index = pd.Index(list(segments), name="customer_id", dtype=object)
    columns = {"segment": list(segments.values()), "relationship_model": [*models.values()]}
    return pd.DataFrame(columns, index=index)


def accounts(tables: Tables, groups: pd.DataFrame, own: Policy, **changed: Any) -> Accounts:
    """The accounts of the last days of a spring."""
    return accounts_at(tables, T, DAYS, spec(tables, **changed), own, groups)
