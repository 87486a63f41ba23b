"""Every customer stands in the file or in the list of who is left out; a file is written whole."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from contact_world import Planned, T, drawn_policy, history, planned, shipped_policy, tables_of
from hypothesis import given, settings
from hypothesis import strategies as st

from facette.jobs.places import write
from facette.policy import activation as files
from facette.policy.activation import COLUMNS, REMEDIES, activation, left_out
from facette.policy.checker import violations
from facette.policy.reach import reach
from facette.policy.relationship import ways
from facette.policy.rights import objectors
from facette.settings.policy import Policy
from facette.tables.contract import Tables


def drawn(seed: int, n: int = 40) -> tuple[Planned, Tables]:
    rng = np.random.default_rng(seed)
    customers, tables = history(rng, n)
    return planned(customers, tables, drawn_policy(rng), rng), tables


@given(st.integers(0, 10**6))
@settings(max_examples=12)
def test_every_customer_stands_in_one_list_and_no_objector_in_any(seed: int) -> None:
    plan, tables = drawn(seed)
    both = [*plan.file["customer_id"], *plan.left["customer_id"]]
    assert sorted(both) == sorted(plan.assigned.index)
    assert not set(both) & set(objectors(tables, T))
    assert list(plan.file.columns) == list(COLUMNS)
    for frame in (plan.file, plan.left):
        assert frame["customer_id"].is_monotonic_increasing
    held = plan.assigned.index[plan.assigned["holdout"]]
    assert set(plan.left.loc[plan.left["why"] == files.HOLDOUT, "customer_id"]) == set(held)


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_written_twice_the_bytes_are_the_same(ending: str, tmp_path: Path) -> None:
    out = tmp_path / f"plan{ending}"
    written = []
    for _ in range(2):
        plan, _ = drawn(5)
        write(plan.file, out)
        written.append(out.read_bytes())
    plan, _ = drawn(5)
    turned = np.random.default_rng(1).permutation(len(plan.assigned))
    customers = plan.assigned.index
    other = replace(plan.reach, customers=customers[turned], channel=plan.reach.channel[turned])
    write(activation(plan.assigned.iloc[turned], other, plan.next_day[turned], plan.policy, T, "1"),
          out)  # fmt: skip
    assert len(plan.file)
    assert written[0] == written[1] == out.read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == [out.name]


def test_a_file_that_can_not_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    out = tmp_path / "plan.parquet"
    plan, _ = drawn(5)
    write(plan.file, out)
    before = out.read_bytes()
    with pytest.raises(Exception, match="Conversion failed|Could not convert|Expected"):
        write(plan.file.assign(reason=[object()] * len(plan.file)), out)
    assert out.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [out.name]


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_file_read_again_is_the_one_that_was_written(ending: str, tmp_path: Path) -> None:
    out = tmp_path / f"plan{ending}"
    plan, tables = drawn(5)
    write(plan.file, out)
    kinds = plan.file.dtypes.to_dict()
    again = pd.read_csv(out, dtype=kinds) if ending == ".csv" else pd.read_parquet(out)
    pd.testing.assert_frame_equal(again, plan.file)
    assert violations(pd.read_csv(out) if ending == ".csv" else again, tables, T, plan.policy).empty


def one(next_day: int, model: str = "phone_desk", channel: str | None = "phone", *,
        agrees: bool = True, holdout: bool = False, earliest: int = 0, cooled: int = 0,
        policy: Policy | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """The file and the list of who is left out, of Ann alone."""
    policy, ann = policy or shipped_policy(), pd.Index(["ann"], name="customer_id")
    able = ways(policy)
    reached = reach(ann, able, np.full((1, len(able.channels)), agrees))
    row = {"relationship_model": model, "channel": channel, "reason": "best", "evidence":
           "randomised", "holdout": holdout}  # fmt: skip
    assigned, day = pd.DataFrame(row, index=ann), np.array([next_day])
    late = np.array([earliest]), np.array([cooled])
    return (activation(assigned, reached, day, policy, T, "7"),
            left_out(assigned, reached, day, *late, policy))  # fmt: skip


def test_a_row_tells_who_is_contacted_how_when_and_why() -> None:
    file, left = one(3)
    assert left.empty
    assert file.iloc[0].to_dict() == {
        "customer_id": "ann", "reference_date": "2024-10-04", "relationship_model": "phone_desk",
        "approach": "semi_personalised", "channel": "phone", "owner": "contact centre",
        "starts": "company", "contacts_a_month": 0.6, "interval_days": 51,
        "next_date": "2024-10-07", "reason": "best", "evidence": "randomised",
        "valid_until": "2025-10-03", "policy_version": "7", "schema_version": 1,
    }  # fmt: skip


def test_who_is_served_on_request_has_no_channel_and_no_date() -> None:
    file, left = one(-1, "on_request", None)
    assert left.empty
    assert file[["channel", "next_date", "owner"]].isna().all(axis=None)
    assert file["interval_days"].tolist() == [0]
    assert violations(file, tables_of(), T, shipped_policy()).empty


def test_a_model_that_starts_no_contact_keeps_its_customers() -> None:
    policy = shipped_policy()
    policy.models["phone_desk"].contacts_a_month = 0
    file, left = one(-1, policy=policy)
    assert left.empty
    assert file[["channel", "interval_days"]].to_numpy().tolist() == [["phone", 0]]
    assert violations(file, tables_of(), T, policy).empty
    dated = violations(file.assign(next_date="2024-10-07"), tables_of(), T, policy)
    assert "cadence" in set(dated["rule"])


@pytest.mark.parametrize(
    ("given", "why"),
    [({"holdout": True}, files.HOLDOUT), ({"cooled": 400, "earliest": 400}, files.COMPLAINT),
     ({"earliest": 400}, files.PRESSURE), ({}, files.NO_DATE),
     ({"model": "on_request", "channel": None, "agrees": False}, files.NO_CONSENT)],
)  # fmt: skip
def test_who_is_left_out_is_told_why_and_what_helps(given: dict, why: str) -> None:
    file, left = one(-1, **given)
    assert file.empty
    assert list(file.columns) == list(COLUMNS)
    assert left["why"].tolist() == [why]
    remedy = REMEDIES[why]
    assert left["remedy"].isna().all() if remedy is None else left["remedy"].tolist() == [remedy]
