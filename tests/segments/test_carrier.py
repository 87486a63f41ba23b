"""Segments of any clusterer, carried by Gaussian components."""

import warnings

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import DBSCAN, AffinityPropagation, AgglomerativeClustering, KMeans, MeanShift
from sklearn.datasets import make_blobs
from sklearn.mixture import GaussianMixture

from facette.segments.carrier import carried, takes_number


class Labelled(ClusterMixin, BaseEstimator):
    """A clusterer whose labels are given."""

    def __init__(self, labels: np.ndarray) -> None:
        self.labels_ = labels


def blobs(d: int = 2) -> tuple[np.ndarray, np.ndarray]:
    centres = 8.0 * np.eye(3, 4)[:, :d] if d > 1 else np.array([[0.0], [8.0], [16.0]])
    z, true = make_blobs([60, 90, 50], centers=centres, n_features=d, cluster_std=0.5,
                         random_state=1)  # fmt: skip
    return z, true


@pytest.mark.parametrize("d", [1, 2, 4])
def test_well_separated_groups_are_carried_as_they_were_found(d: int) -> None:
    z, _ = blobs(d)
    fitted = AgglomerativeClustering(3).fit(z)
    mixture = carried(fitted, z)
    np.testing.assert_array_equal(mixture.predict(z), fitted.labels_)
    assert mixture.agrees_ == 1
    assert mixture.carries_ == "AgglomerativeClustering"
    assert mixture.weights_.sum() == pytest.approx(1)
    assert mixture.predict_proba(z).max(axis=1).min() > 0.99


def test_noise_shapes_no_component_and_goes_to_the_likeliest() -> None:
    z, true = blobs()
    far = np.vstack([z, [[40.0, 40.0], [9.0, 1.5]]])
    labels = np.r_[true, -1, -1]
    mixture = carried(Labelled(labels), far)
    alone = carried(Labelled(true), z)
    np.testing.assert_allclose(mixture.means_, alone.means_)
    np.testing.assert_allclose(mixture.covariances_, alone.covariances_)
    assert mixture.agrees_ == 1
    assert mixture.predict(far)[-1] == 0
    found = DBSCAN(eps=1.5).fit(far)
    assert len(carried(found, far).means_) == 3


def test_members_alone_alike_or_on_a_line_do_no_harm() -> None:
    line = np.column_stack([np.linspace(5, 9, 30), np.full(30, 5.0)])
    z = np.vstack([np.zeros((20, 2)), line, [[50.0, 50.0]], [[-9.0, 0.0], [-9.0, 0.0]]])
    labels = np.repeat([0, 1, 2, 3], [20, 30, 1, 2])
    mixture = carried(Labelled(labels), z)
    assert len(mixture.means_) == 3
    assert np.isfinite(mixture.precisions_cholesky_).all()
    assert mixture.agrees_ == 1
    assert np.isfinite(mixture.predict_proba(z)).all()


@pytest.mark.parametrize("labels", [[-1] * 4, [0, 1, 2, 3]])
def test_where_no_segment_has_two_customers_everyone_is_one(labels: list[int]) -> None:
    mixture = carried(Labelled(np.array(labels)), np.eye(4))
    assert len(mixture.means_) == 1
    assert (mixture.predict(np.eye(4)) == 0).all()


def test_a_clusterer_that_came_to_no_end_leaves_everyone_one() -> None:
    z, _ = blobs()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says itself that it did not converge
        fitted = AffinityPropagation(max_iter=1, random_state=0).fit(z)
    assert len(carried(fitted, z).means_) == 1


def test_what_carries_itself_is_left_as_it_is() -> None:
    z, _ = blobs()
    for own in (KMeans(3, n_init=1, random_state=0), MeanShift(bandwidth=3.0),
                GaussianMixture(3, random_state=0)):  # fmt: skip
        fitted = own.fit(z)
        assert carried(fitted, z) is fitted
    tied = GaussianMixture(3, covariance_type="tied", random_state=0).fit(z)
    assert carried(tied, z).covariances_.shape == (3, 2, 2)


def test_the_number_of_segments_is_set_where_there_is_one_to_set() -> None:
    assert takes_number(KMeans()) == "n_clusters"
    assert takes_number(GaussianMixture()) == "n_components"
    assert takes_number(DBSCAN()) is None
