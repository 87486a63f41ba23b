"""Behaviour clusters keep scikit-learn's contract and tell what the job tells."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from named_segments import check_contract
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs

from facette.errors import BadInput
from facette.segments.clusters import BehaviourClusters
from facette.settings.segments import Behaviour, Segments
from facette.shipped import shipped
from facette.snapshots.catalogue import Feature

ONE_START = KMeans(n_init=1, random_state=0)
QUICK = {"null_draws": 1, "natural_level": 0.5, "resamples": 2, "sample": 200}


def as_shipped(**changed: Any) -> Behaviour:
    """As shipped, but for little work and what is changed."""
    chosen: Segments = shipped(Segments, "division/usual", "segments/kmeans", seed=0)
    return replace(chosen.behaviour, **(QUICK | changed))


def blobs() -> pd.DataFrame:
    at, _ = make_blobs(400, centers=3, n_features=3, cluster_std=0.6, random_state=4)
    return pd.DataFrame(at, columns=["calls", "visits", "clicks"]).add_prefix("share_of_")


def test_it_keeps_the_contract_of_scikit_learn() -> None:
    sole = "a customer alone varies in nothing, which is told as BadInput"
    check_contract(BehaviourClusters(ONE_START, as_shipped(k=2)), check_fit2d_1sample=sole)


@pytest.mark.parametrize("clusterer", [None, ONE_START])
def test_groups_are_found_named_and_told_by_columns(clusterer: Any) -> None:
    frame = blobs()
    clusters = BehaviourClusters(clusterer, as_shipped(k_range=[2, 4])).fit(frame)
    assert [s["id"] for s in clusters.segments_] == ["B1", "B2", "B3"]
    assert clusters.nature_ is not None
    assert clusters.nature_.kind == "natural"
    assert all("share_of_" in s["name"] for s in clusters.segments_)
    assert set(clusters.predict(frame)) == {"B1", "B2", "B3"}


def test_confidence_is_half_on_the_border_and_near_one_at_a_centre() -> None:
    frame = blobs()
    clusters = BehaviourClusters(ONE_START, as_shipped(k=3)).fit(frame)
    centres = clusters.behaviour_.estimator.cluster_centers_
    between = clusters.behaviour_.confidence((centres[[0]] + centres[[1]]) / 2)
    assert between == pytest.approx(0.5)
    assert clusters.behaviour_.confidence(centres) == pytest.approx(1)
    assert ((clusters.confidence(frame) >= 0.5) & (clusters.confidence(frame) <= 1)).all()


def test_of_a_whole_snapshot_only_the_numbers_of_the_catalogue_are_read() -> None:
    frame = blobs()
    names = list(frame)
    known = {n: Feature(n, "own", "share", n, n, "own", behavioural=True) for n in names}
    known["city"] = Feature("city", "own", "", "city", "ville", "own", category=True)
    known["absent"] = Feature("absent", "own", "share", "absent", "absent", "own", behavioural=True)
    whole = frame.assign(city="Lyon", value_current=np.arange(400.0))
    alone = BehaviourClusters(ONE_START, as_shipped(k=3)).fit(frame)
    found = BehaviourClusters(ONE_START, as_shipped(k=3), known).fit(whole)
    assert found.features_ == names
    np.testing.assert_array_equal(found.predict(whole), alone.predict(frame))


def test_a_frame_without_a_varying_column_is_refused() -> None:
    with pytest.raises(BadInput, match="varies between customers"):
        BehaviourClusters(ONE_START, as_shipped()).fit(pd.DataFrame({"a": np.ones(20)}))


def test_columns_may_come_in_any_order_and_with_others() -> None:
    frame = blobs()
    clusters = BehaviourClusters(ONE_START, as_shipped(k=3)).fit(frame)
    other = frame.assign(more=1.0)[[*frame.columns[::-1], "more"]]
    assert (clusters.predict(other) == clusters.predict(frame)).all()
