"""What drives membership of a behaviour segment: a surrogate classifier, explained by TreeSHAP.

The surrogate learns the segments from the same behavioural features; its out-of-sample fidelity
says how far its explanation can be trusted, and below a floor the drivers are withheld.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import lightgbm
import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from facette.drivers.summary import largest
from facette.snapshots.catalogue import Feature


@dataclass(frozen=True)
class Membership:
    """Drivers of membership: `drivers` is None where withheld, and `why` says so.

    `fidelity` is the share of held-out customers put in their own segment by the surrogate,
    `chance` the share of the largest segment.
    """

    fidelity: float
    chance: float
    drivers: pd.DataFrame | None
    why: str


def membership_drivers(
    features: pd.DataFrame, segments: pd.Series, catalogue: Mapping[str, Feature],
    *, min_fidelity: float, top: int, seed: int,
) -> Membership:  # fmt: skip
    """Explain which of `features` (n, p) put a customer in `segments` (n,).

    Drivers are mean contributions to a segment's log-odds score among its own members, against
    the mean of all customers: segment, feature, sentence, contribution.
    """
    labels = segments.to_numpy()
    matrix = features.to_numpy()  # LightGBM refuses some names
    counts = pd.Series(labels).value_counts()
    chance = float(counts.iloc[0] / len(labels))
    if len(counts) < 2:
        return Membership(1.0, 1.0, None, "one segment holds everyone: there is nothing to explain")
    folds = StratifiedKFold(max(2, min(5, int(counts.min()))), shuffle=True, random_state=seed)
    held_out = cross_val_predict(_surrogate(seed), matrix, labels, cv=folds)
    fidelity = float((held_out == labels).mean())
    if fidelity < min_fidelity:
        why = (
            f"withheld: the surrogate finds the segment of {fidelity:.0%} of unseen customers, "
            f"below the {min_fidelity:.0%} asked for; more customers or fewer segments would help"
        )
        return Membership(fidelity, chance, None, why)
    surrogate = _surrogate(seed).fit(matrix, labels)
    drivers = _by_segment(surrogate, features, labels, catalogue, top)
    return Membership(fidelity, chance, drivers, f"fidelity {fidelity:.0%} on unseen customers")


def _surrogate(seed: int) -> lightgbm.LGBMClassifier:
    return lightgbm.LGBMClassifier(
        n_estimators=80, num_leaves=15, min_child_samples=10, learning_rate=0.1, random_state=seed,
        deterministic=True, force_row_wise=True, n_jobs=2, verbosity=-1,
    )  # fmt: skip


def _by_segment(
    surrogate: lightgbm.LGBMClassifier, features: pd.DataFrame, labels: np.ndarray,
    catalogue: Mapping[str, Feature], top: int,
) -> pd.DataFrame:  # fmt: skip
    classes, p = list(surrogate.classes_), features.shape[1]
    blocks = np.asarray(surrogate.predict(features.to_numpy(), pred_contrib=True))
    if len(classes) == 2:
        blocks = np.hstack([-blocks, blocks])
    shaped = blocks.reshape(len(features), len(classes), p + 1)[:, :, :p]
    rows = {
        c: shaped[labels == c, i].mean(axis=0) - shaped[:, i].mean(axis=0)
        for i, c in enumerate(classes)
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(features.columns))
    return largest(table, catalogue, top)
