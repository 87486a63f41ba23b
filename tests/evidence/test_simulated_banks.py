"""Ten sampled banks: what is learnt from their tables, held against their truth."""

from collections.abc import Callable

import pandas as pd
import pytest
from banks import (
    FAMILY_CUSTOMERS,
    MODEL_CUSTOMERS,
    MOVED,
    SEEDS,
    SEPARATIONS,
    families,
    mean_interval,
    models,
)
from cores import everywhere

FAMILY_DATA = (
    f"{len(SEEDS)} sampled banks of {FAMILY_CUSTOMERS:,} customers for each separation, seeds "
    f"{SEEDS[0]} to {SEEDS[-1]}; stability of cuts over 20 resamples"
)
MODEL_DATA = (
    f"{len(SEEDS)} sampled banks of {MODEL_CUSTOMERS:,} customers, seeds {SEEDS[0]} to "
    f"{SEEDS[-1]}, 182 days from 2025-06-03"
)


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    return everywhere(families, *[(seed, s) for s in SEPARATIONS for seed in SEEDS])


@pytest.fixture(scope="module")
def learnt() -> pd.DataFrame:
    return everywhere(models, *[(seed,) for seed in SEEDS])


def test_behaviour_segments_find_the_families(
    found: pd.DataFrame, evidence: Callable[..., bool]
) -> None:
    share = found["behaviour_ari"] / found["behaviour_ari_ceiling"]
    for separation, own in found.groupby("separation"):
        ari, ceiling = own["behaviour_ari"], own["behaviour_ari_ceiling"]
        figure = {"ari": ari.mean(), "ceiling": ceiling.mean()}
        apart = separation >= 1.3
        if apart:
            mean, low, high = mean_interval(share[own.index])
            figure |= {"share_of_ceiling": mean, "low": low, "high": high}
            figure |= {f"share_{seed:.0f}": share[i] for i, seed in own["seed"].items()}
        evidence(
            f"bank_families_found_at_{separation:g}".replace(".", "_"),
            figure,
            "adjusted Rand index of at least .9 of its ceiling, on the mean of the banks" if apart
            else "none: families overlap, the figure is shown",
            not apart or mean >= 0.9,
            FAMILY_DATA,
        )  # fmt: skip


def test_a_continuum_is_never_called_natural(
    found: pd.DataFrame, evidence: Callable[..., bool]
) -> None:
    natural = found.groupby("separation")["natural"].sum()
    evidence(
        "bank_continuum_is_not_natural",
        {f"natural_of_{len(SEEDS)}_at_{s:g}": float(count) for s, count in natural.items()},
        f"none of {len(SEEDS)} at 0, all of them at 2",
        natural[0.0] == 0 and natural[2.0] == len(SEEDS),
        FAMILY_DATA,
    )


def test_segments_do_not_repeat_the_old_policy(
    found: pd.DataFrame, evidence: Callable[..., bool]
) -> None:
    most = float(found["behaviour_ami_old_policy"].max())
    evidence(
        "bank_segments_and_old_policy",
        {"most": most, "mean": float(found["behaviour_ami_old_policy"].mean())},
        "adjusted mutual information of .05 at most in every bank",
        most <= 0.05,
        FAMILY_DATA,
    )


def test_families_say_nothing_of_value_unless_tied(
    found: pd.DataFrame, evidence: Callable[..., bool]
) -> None:
    apart = found["separation"] > 0
    free = found[apart & (found["tied_to_wallet"] == 0)]
    tied = found[apart & (found["tied_to_wallet"] > 0)]
    evidence(
        "bank_families_and_value",
        {"most_with_wallet": free["family_and_wallet"].max(),
         "most_with_value": free["family_and_value"].max(),
         "mean_with_value": free["family_and_value"].mean(), "banks": float(len(free)),
         "mean_with_wallet_where_tied": tied["family_and_wallet"].mean()},
        "adjusted mutual information of family and fifth of wallet .01 at most in every bank where "
        "they are independent; of fifth of value .01 on the mean, for families cost otherwise to "
        "serve",
        len(free) > 0
        and free["family_and_wallet"].max() <= 0.01
        and free["family_and_value"].mean() <= 0.01,
        FAMILY_DATA,
    )  # fmt: skip


def test_no_single_feature_tells_a_family(
    found: pd.DataFrame, evidence: Callable[..., bool]
) -> None:
    most = found.groupby("separation")["best_single_auc"].max()
    evidence(
        "bank_no_feature_tells_a_family",
        {f"most_at_{s:g}": float(auc) for s, auc in most.items()},
        "ROC AUC of every feature for every family .95 at most",
        bool((most <= 0.95).all()),
        FAMILY_DATA,
    )


def test_drivers_of_families_are_what_their_axes_move(
    found: pd.DataFrame, evidence: Callable[..., bool]
) -> None:
    own = found.dropna(subset=["drivers_moved"])
    evidence(
        "bank_drivers_of_families",
        {"drivers_moved": own["drivers_moved"].mean(), "drivers_side": own["drivers_side"].mean(),
         "features_moved": own["moved"].mean(), "features": own["features"].max(),
         "worst_rank": own["rank_worst"].max()},
        f"of the leading drivers of each family, named among all features, 95 % are moved by the "
        f"true axes ({MOVED:.0%} of variance and more), and to the side that they say; beside it, "
        "how many of all features are",
        len(own) == len(SEEDS)
        and own["drivers_moved"].mean() >= 0.95
        and own["drivers_side"].mean() >= 0.95,
        FAMILY_DATA,
    )  # fmt: skip


@pytest.mark.parametrize("axis", ["power", "expectation"])
def test_axes_of_the_relation_are_told_from_behaviour(
    found: pd.DataFrame, axis: str, evidence: Callable[..., bool]
) -> None:
    name, figure, passed = f"axis_{axis}_spearman", {}, True
    for separation, own in found.dropna(subset=name).groupby("separation"):
        share = own[name] / own[f"{name}_ceiling"]
        mean, low, high = mean_interval(share)
        figure |= {f"spearman_at_{separation:g}": own[name].mean(),
                   f"ceiling_at_{separation:g}": own[f"{name}_ceiling"].mean(),
                   f"share_at_{separation:g}": mean, f"share_low_at_{separation:g}": low,
                   f"share_high_at_{separation:g}": high,
                   f"least_share_at_{separation:g}": share.min()}  # fmt: skip
        passed = passed and mean >= 0.9
    evidence(
        f"bank_axis_{axis}",
        figure,
        "rank correlation with the true axis of at least .9 of its ceiling, on the mean of banks",
        passed and bool(figure),
        FAMILY_DATA,
    )


@pytest.mark.parametrize("figure", ["headroom_spearman", "headroom_top_decile"])
def test_headroom_is_found_better_than_by_rules(
    learnt: pd.DataFrame, figure: str, evidence: Callable[..., bool]
) -> None:
    rivals = [f"{figure}/{name}" for name in ("value", "peer_rule", "mean_model")]
    gains = learnt[figure] - learnt[rivals].max(axis=1)
    mean, low, high = mean_interval(gains)
    evidence(
        f"bank_{figure}",
        {figure: learnt[figure].mean(), **{r: learnt[r].mean() for r in rivals},
         "gain": mean, "low": low, "high": high, "banks_won": float((gains > 0).sum())},
        "above value, the peer rule and the mean model: the interval over banks excludes 0",
        low > 0,
        MODEL_DATA,
    )  # fmt: skip


@pytest.mark.parametrize("part", ["churn", "value"])
def test_what_can_be_learnt_is_learnt(
    learnt: pd.DataFrame, part: str, evidence: Callable[..., bool]
) -> None:
    name = f"{part}_efficiency"
    share = learnt[name] / learnt[f"{name}_ceiling"]
    mean, low, high = mean_interval(share)
    evidence(
        f"bank_{name}",
        {"efficiency": learnt[name].mean(), "ceiling": learnt[f"{name}_ceiling"].mean(),
         "realised": learnt[f"{name}_realised"].mean(), "share_of_ceiling": mean, "low": low,
         "high": high, "least": share.min()},
        "of what the true probability or margin explains, .8 of what the tables allow, on the mean",
        mean >= 0.8,
        MODEL_DATA,
    )  # fmt: skip


def test_randomised_effects_are_found(learnt: pd.DataFrame, evidence: Callable[..., bool]) -> None:
    covered = (learnt["effect_coverage"] * learnt["effect_campaigns"]).sum()
    campaigns = learnt["effect_campaigns"].sum()
    evidence(
        "bank_randomised_effects",
        {"mean_error": learnt["effect_error"].mean(), "mean_se": learnt["effect_error_se"].mean(),
         "coverage": covered / campaigns, "campaigns": float(campaigns)},
        "95 % intervals of campaign effects cover the truth in .92 to .98 of the campaigns",
        0.92 <= covered / campaigns <= 0.98,
        MODEL_DATA,
    )  # fmt: skip
