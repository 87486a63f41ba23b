"""Behaviour clusters keep scikit-learn's contract and tell what the job tells."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.utils.estimator_checks import estimator_checks_generator

from facette.errors import BadInput
from facette.segments.clusters import BehaviourClusters

QUICK = KMeans(n_init=1, random_state=0)
EXPECTED = {
    "check_fit2d_1feature": "a single column may be one that varies too little to cluster by",
    "check_dict_unchanged": "its draws of few values make columns that hardly vary",
}


def quick() -> Any:
    """As shipped, but for few resamples."""
    from dataclasses import replace

    from facette.segments.clusters import _as_shipped

    return replace(_as_shipped(), resamples=3, sample=200, k_range=[2, 4])


def blobs() -> pd.DataFrame:
    at, _ = make_blobs(400, centers=3, n_features=3, cluster_std=0.6, random_state=4)
    return pd.DataFrame(at, columns=["calls", "visits", "clicks"]).add_prefix("share_of_")


def test_it_keeps_the_contract_of_scikit_learn() -> None:
    estimator = BehaviourClusters(QUICK, quick())
    failed = {}
    for instance, check in estimator_checks_generator(estimator):
        name = check.func.__name__
        try:
            check(instance)
        except BaseException as error:  # a check may skip, or warn, by raising
            failed[name] = f"{type(error).__name__}: {error}"
    surprises = {n: e for n, e in failed.items() if n not in EXPECTED and "Skip" not in e}
    assert not surprises


@pytest.mark.parametrize("clusterer", [None, QUICK])
def test_groups_are_found_named_and_told_by_columns(clusterer: Any) -> None:
    frame = blobs()
    clusters = BehaviourClusters(clusterer, quick()).fit(frame)
    assert [s["id"] for s in clusters.segments_] == ["B1", "B2", "B3"]
    assert clusters.nature_ is not None
    assert clusters.nature_.kind == "natural"
    assert all("share_of_" in s["name"] for s in clusters.segments_)
    assert set(clusters.predict(frame)) == {"B1", "B2", "B3"}


def test_confidence_is_half_on_the_border_and_near_one_at_a_centre() -> None:
    frame = blobs()
    clusters = BehaviourClusters(QUICK, quick()).fit(frame)
    centres = clusters.behaviour_.estimator.cluster_centers_
    between = clusters.behaviour_.confidence((centres[[0]] + centres[[1]]) / 2)
    assert between == pytest.approx(0.5)
    assert clusters.behaviour_.confidence(centres) == pytest.approx(1)
    assert ((clusters.confidence(frame) >= 0.5) & (clusters.confidence(frame) <= 1)).all()


def test_a_frame_without_a_varying_column_is_refused() -> None:
    with pytest.raises(BadInput, match="varies between customers"):
        BehaviourClusters(QUICK, quick()).fit(pd.DataFrame({"a": np.ones(20)}))
