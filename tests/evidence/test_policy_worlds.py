"""Policies over many simulated worlds: what crossing behaviour with value brings, and claims."""

from collections.abc import Callable

import pandas as pd
import pytest
from banks import mean_interval
from cores import everywhere
from planned_worlds import (
    BUDGET,
    CLAIM_SEEDS,
    CUSTOMERS,
    ETAS,
    KAPPAS,
    PILOT,
    SEEDS,
    claimed_world,
    gains_over,
    planned_world,
)

DATA = (
    f"simulated banks of {CUSTOMERS:,} customers, seeds {SEEDS[0]} to {SEEDS[-1]}, {PILOT:.0%} of "
    f"them in a year's pilot of six relationship models, eta {', '.join(map(str, ETAS))} x kappa "
    f"{', '.join(map(str, KAPPAS))} (at eta 0 kappa changes nothing, and is 1); contacts may cost "
    f"{BUDGET:.0%} of today's, capacities are today's; EUR a customer and year against today"
)
ASSIGNERS = ("programme", "rules")


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    worlds = [(s, e, k) for s in SEEDS for e in ETAS for k in (KAPPAS if e else KAPPAS[:1])]
    told = everywhere(planned_world, *worlds)
    return pd.DataFrame([row for found in told["rows"] for row in found])


@pytest.mark.parametrize("assigner", ASSIGNERS)
def test_crossing_pays_as_far_as_unsuitable_treatment_costs(
    rows: pd.DataFrame, assigner: str, evidence: Callable[..., bool]
) -> None:
    gain = gains_over(rows, "crossed", "value_potential", assigner)
    told = {eta: mean_interval(own) for eta, own in gain.groupby("eta")}
    figure = {
        f"{what}_at_eta_{eta:g}".replace(".", "_"): figure
        for eta, interval in told.items()
        for what, figure in zip(("mean", "low", "high"), interval, strict=True)
    }
    rises = told[1.0][0] > told[0.5][0] > told[0.0][0]
    evidence(
        f"policy_crossing_against_value_potential_by_{assigner}",
        figure,
        "rises with eta, surely above 0 at eta 1, its interval at eta 0 not above 0",
        rises and told[1.0][1] > 0 and told[0.0][1] <= 0,
        DATA,
    )


def test_policies_side_by_side(rows: pd.DataFrame, evidence: Callable[..., bool]) -> None:
    net = rows.groupby(["policy", "assigner", "eta"])["net"].mean()
    happier = rows.groupby(["policy", "assigner", "eta"])["satisfaction"].mean()
    figure = {
        f"{what}_{policy}_by_{assigner}_at_eta_{eta:g}".replace(".", "_"): value
        for what, told in (("net", net), ("satisfaction", happier))
        for (policy, assigner, eta), value in told.items()
    }
    kept = rows[~rows["policy"].isin(["today"])]
    evidence(
        "policies_over_worlds",
        figure | {"most_over_a_limit": float(kept["over"].max())},
        "no policy but today's is above a limit; satisfaction is shown and in no objective",
        kept["over"].max() <= 1e-6,
        DATA,
    )


def test_rules_written_by_hand_lose_where_the_field_is_wrong(
    rows: pd.DataFrame, evidence: Callable[..., bool]
) -> None:
    gain = gains_over(rows, "hand_rules", "crossed", "rules")
    strong = gain[gain.index.get_level_values("eta") >= 0.5]
    told = {kappa: mean_interval(own) for kappa, own in strong.groupby("kappa")}
    figure = {
        f"{what}_at_kappa_{kappa:g}".replace("-", "minus_"): figure
        for kappa, interval in told.items()
        for what, figure in zip(("mean", "low", "high"), interval, strict=True)
    }
    evidence(
        "policy_hand_rules_against_learnt",
        figure,
        "surely below what is learnt at kappa -1, eta .5 and 1",
        told[-1.0][2] < 0,
        DATA,
    )


def test_a_plan_brings_what_it_claims(rows: pd.DataFrame, evidence: Callable[..., bool]) -> None:
    apart, together = everywhere(claimed_world, *[(seed,) for seed in CLAIM_SEEDS]), rows
    own = together[together["policy"] == "claimed"]
    figure = {
        "covered": _covered(apart), "worlds": len(apart),
        "claimed": float(apart["claim"].mean()), "true": float(apart["net"].mean()),
        "half_width": float((apart["claim_high"] - apart["claim_low"]).mean() / 2),
        "covered_where_seeds_are_shared": _covered(own),
    }  # fmt: skip
    evidence(
        "policy_claims_cover_the_truth",
        figure,
        "the 95 % interval of the claimed gain covers the true one in 90 to 97 % of worlds of "
        "seeds of their own; those of five seeds share their chances, and are shown beside",
        0.90 <= figure["covered"] <= 0.97,
        f"simulated banks of {CUSTOMERS:,} customers, {len(CLAIM_SEEDS)} seeds from "
        f"{CLAIM_SEEDS[0]} to {CLAIM_SEEDS[-1]}, "
        "eta and kappa in turn, within the same limits; EUR a customer and year against today",
    )


def _covered(rows: pd.DataFrame) -> float:
    inside = (rows["claim_low"] <= rows["net"]) & (rows["net"] <= rows["claim_high"])
    return float(inside.mean())
