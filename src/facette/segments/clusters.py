"""Behaviour clusters as a scikit-learn estimator, for a notebook; the job uses what is behind it.

clusters = BehaviourClusters(seed=7).fit(habits)     # habits: customers x rates and shares
clusters.segments_, clusters.nature_, clusters.curve_
clusters.predict(habits), clusters.confidence(habits)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from facette.segments.behaviour import learn_behaviour, standardised
from facette.segments.columns import seen_at_fit, seen_later
from facette.settings.segments import Behaviour, Segments
from facette.shipped import shipped
from facette.snapshots.catalogue import Feature


class BehaviourClusters(BaseEstimator):
    """Segments found in numeric columns of a frame, with their verdict.

    Parameters
    ----------
    clusterer : any scikit-learn clusterer; None: the one of the settings.
    settings : how k is chosen and the verdict reached; None: as shipped in conf/segments/kmeans.
    catalogue : what columns mean, for names, and which are read: those that are in it and no
        category; None: all are, and speak for themselves.
    seed : of every draw.

    Attributes: `segments_` (id and name, largest first), `stability_` by id, `nature_` (None for
    one segment), `curve_` over k, `criterion_`, `notes_`, `features_`.
    """

    kind = "unsupervised"

    def __init__(
        self, clusterer: Any = None, settings: Behaviour | None = None,
        catalogue: Mapping[str, Feature] | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        self.clusterer = clusterer
        self.settings = settings
        self.catalogue = catalogue
        self.seed = seed

    def fit(self, X: pd.DataFrame, y: object = None) -> BehaviourClusters:
        """Find segments of (n, d) customers; see `learn_behaviour` for what is refused."""
        seen = seen_at_fit(self, X).select_dtypes("number").astype(float)
        frame = seen[[c for c in seen if self.catalogue is None or c in self.catalogue]]
        settings = self.settings or _as_shipped()
        clusterer = self.clusterer if self.clusterer is not None else _clusterer(settings)
        known = self.catalogue or {}
        catalogue = {c: known.get(c, _given(c)) for c in frame}
        found = learn_behaviour(frame, catalogue, settings, clusterer, self.seed)
        self.behaviour_ = found
        self.segments_, self.stability_ = found.segments, found.stability
        self.nature_, self.curve_, self.criterion_ = found.nature, found.curve, found.criterion
        self.notes_ = found.notes
        self.features_ = [str(c["name"]) for c in found.columns]
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Segment ids (n,)."""
        check_is_fitted(self)
        labels = self.behaviour_.estimator.predict(self._standardised(X))
        return np.array([s["id"] for s in self.segments_], dtype=object)[labels]

    def confidence(self, X: pd.DataFrame) -> np.ndarray:
        """How surely each customer is in their segment, (n,): 1 is sure.

        Of centres: the distance to the second nearest over that to both, .5 on the border. Of
        mixtures: the posterior probability.
        """
        check_is_fitted(self)
        return self.behaviour_.confidence(self._standardised(X))

    def plain(self) -> dict[str, Any]:
        """All that was fitted, as plain JSON."""
        check_is_fitted(self)
        return self.behaviour_.plain()

    def _standardised(self, X: pd.DataFrame) -> np.ndarray:
        seen = seen_later(self, X, self.features_).astype(float)
        return standardised(seen, self.behaviour_.columns)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _as_shipped() -> Behaviour:
    chosen: Segments = shipped(Segments, "division/usual", "segments/kmeans", seed=0)
    return chosen.behaviour


def _clusterer(settings: Behaviour) -> Any:
    from hydra.utils import instantiate

    return instantiate(settings.estimator, _convert_="all")


def _given(name: str) -> Feature:
    return Feature(
        name, "given", "number", name, name, "given", behavioural=True, high=f"high {name}",
        low=f"low {name}",
    )  # fmt: skip
