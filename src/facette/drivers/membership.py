"""What drives membership of a behaviour segment: a surrogate classifier, explained by TreeSHAP.

The surrogate learns the segments from the same behavioural features. How many unseen customers it
puts into their own segment (fidelity), and how many of its drivers come back when it is fitted on
customers drawn anew, say how far its explanation can be trusted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import lightgbm
import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from facette.drivers.credit import Credit, credited, led
from facette.drivers.licence import returning
from facette.drivers.summary import largest
from facette.settings.models import Drivers
from facette.snapshots.catalogue import Feature

LEAST_EACH = 30  # customers of a segment that are drawn, however small it is
REFIT_SAMPLE = 1000  # customers on whom refitted surrogates are explained


@dataclass(frozen=True)
class Membership:
    """Why customers are in their segment.

    `fidelity` is the share of held-out customers put in their own segment by the surrogate,
    `chance` the share of the largest segment, `returning` how far the leading drivers lead again
    (`licence.returning`). `credits` has the contributions of all customers to the log-odds of each
    segment; empty where one segment holds everyone.
    """

    fidelity: float
    chance: float
    returning: float
    labels: pd.Series
    credits: dict[str, Credit] = field(default_factory=dict)

    def drivers(self, catalogue: Mapping[str, Feature], top: int) -> pd.DataFrame:
        """Mean contributions to a segment's log-odds among its members, against the mean of all.

        Columns segment, feature, sentence, contribution: the `top` largest of each segment.
        """
        any_credit = next(iter(self.credits.values()))
        return largest(self._against(), any_credit, catalogue, top)

    def leading(self, most: int) -> dict[str, dict[str, float]]:
        """The leading drivers of each segment, with the side they speak for and what they carry."""
        table = self.drivers({}, most)
        table["name"] = np.where(table["contribution"] > 0, "+", "-") + table["feature"]
        size = table.set_index("name")["contribution"].abs().groupby(table["segment"].to_numpy())
        return {str(segment): own[own > 0].to_dict() for segment, own in size}

    def _against(self) -> pd.DataFrame:
        """(segments, features)."""
        rows = {
            segment: c.frame[(self.labels == segment).to_numpy()].mean() - c.frame.mean()
            for segment, c in self.credits.items()
        }
        return pd.DataFrame(rows).T

    def between(
        self, one: str, other: str, catalogue: Mapping[str, Feature], top: int
    ) -> pd.DataFrame:
        """What puts the members of `one` there rather than in `other`, as `drivers` has it.

        Mean contributions to the log-odds of `one` over `other` among members of `one`, less those
        among members of `other`.
        """
        odds = self.credits[one].frame - self.credits[other].frame
        mean = odds.groupby(self.labels.to_numpy()).mean()
        table = mean.loc[[one]] - mean.loc[other]
        return largest(table, self.credits[one], catalogue, top)


def membership_drivers(
    features: pd.DataFrame, segments: pd.Series, groups: Sequence[Sequence[str]],
    settings: Drivers, seed: int,
) -> Membership:  # fmt: skip
    """Explain which of `features` (n, p), alike ones in `groups`, put a customer in a segment (n,).

    On `settings.sample` customers, drawn at random, and some more of the smallest segments.
    """
    told = _some_of_each(segments.set_axis(features.index), settings.sample, seed)
    drawn = features.loc[told.index]
    labels, matrix = told.to_numpy(), drawn.to_numpy()  # LightGBM refuses some names
    counts = told.value_counts()
    chance = float(counts.iloc[0] / len(labels))
    if len(counts) < 2:
        return Membership(1.0, 1.0, np.nan, told)
    folds = StratifiedKFold(max(2, min(5, int(counts.min()))), shuffle=True, random_state=seed)
    held_out = cross_val_predict(_surrogate(seed), matrix, labels, cv=folds)
    fidelity = float((held_out == labels).mean())
    found = _contributions(_surrogate(seed).fit(matrix, labels), drawn)
    members = led(groups, sum(c.abs().mean() for c in found.values()))
    explained = Membership(fidelity, chance, np.nan, told, _credits(found, members))
    few = drawn.sample(min(len(drawn), REFIT_SAMPLE), random_state=seed)
    again = [
        Membership(
            fidelity, chance, np.nan, told.loc[few.index], _credits(_contributions(s, few), members)
        ).leading(settings.leading)
        for s in _redrawn(matrix, labels, settings.refits, seed)
    ]
    return replace(explained, returning=returning(explained.leading(settings.leading), again))


def _some_of_each(segments: pd.Series, most: int, seed: int) -> pd.Series:
    """So many customers at random, and `LEAST_EACH` of each segment that has them."""
    mixed = segments.sample(frac=1, random_state=seed)
    kept = (np.arange(len(mixed)) < most) | (mixed.groupby(mixed).cumcount() < LEAST_EACH)
    return mixed[kept].sort_index()


def _surrogate(seed: int) -> lightgbm.LGBMClassifier:
    return lightgbm.LGBMClassifier(
        n_estimators=80, num_leaves=15, min_child_samples=10, learning_rate=0.1, random_state=seed,
        deterministic=True, force_row_wise=True, n_jobs=1, verbosity=-1,
    )  # fmt: skip


def _contributions(
    surrogate: lightgbm.LGBMClassifier, features: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Contributions (n, p) of every feature to the log-odds of each segment."""
    classes, p = list(surrogate.classes_), features.shape[1]
    blocks = np.asarray(surrogate.predict(features.to_numpy(), pred_contrib=True))
    if len(classes) == 2:
        blocks = np.hstack([-blocks, blocks])
    shaped = blocks.reshape(len(features), len(classes), p + 1)[:, :, :p]
    return {
        str(segment): pd.DataFrame(shaped[:, i], features.index, features.columns)
        for i, segment in enumerate(classes)
    }


def _credits(
    contributions: Mapping[str, pd.DataFrame], members: Mapping[str, list[str]]
) -> dict[str, Credit]:
    return {segment: credited(frame, members) for segment, frame in contributions.items()}


def _redrawn(
    matrix: np.ndarray, labels: np.ndarray, refits: int, seed: int
) -> Iterator[lightgbm.LGBMClassifier]:
    """Surrogates fitted on as many customers of each segment, drawn anew."""
    generator = np.random.default_rng(seed)
    own = [np.flatnonzero(labels == segment) for segment in np.unique(labels)]
    for _ in range(refits):
        drawn = np.concatenate([generator.choice(rows, len(rows)) for rows in own])
        yield _surrogate(seed).fit(matrix[drawn], labels[drawn])
