"""What moves one model's answers: its drivers, how far they can be trusted, pairs, and movers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from facette.drivers.credit import Credit, credited, led
from facette.drivers.licence import returning
from facette.drivers.scale import in_units
from facette.settings.models import Drivers
from facette.snapshots.catalogue import Feature


@dataclass(frozen=True)
class Outcome:
    """The drivers of one model at the test date.

    `credit` has the contributions of all customers on the link scale, `units` the same as parts of
    how far each answer is from `base`, what the model says where nothing contributes: money, or
    probability. `returning`: how far the leading drivers lead again (`licence.returning`).
    `pairs`: one, other, mean_abs, of the strongest interactions. `movers`: customer_id, before,
    after, and then by feature what went with the change; None where there is one date only.
    """

    credit: Credit
    units: Credit
    base: float
    returning: float
    pairs: pd.DataFrame
    movers: pd.DataFrame | None = None


def outcome_drivers(
    contributions: pd.DataFrame, answers: np.ndarray, base: float,
    groups: Sequence[Sequence[str]], refitted: Iterable[pd.DataFrame], settings: Drivers,
) -> Outcome:  # fmt: skip
    """Drivers from (n, p) `contributions`, with features that are alike in `groups`.

    `answers` (n,) are what the model says, `base` where nothing contributes; `refitted` the
    contributions, of the same or of fewer customers, by models fitted on customers drawn anew.
    """
    members = led(groups, contributions.abs().mean())
    credit = credited(contributions, members)
    parts = pd.DataFrame(
        in_units(credit.frame.to_numpy(), answers, base), credit.frame.index, credit.frame.columns
    )
    shown = {"model": leading(credit, settings.leading)}
    again = [{"model": leading(credited(c, members), settings.leading)} for c in refitted]
    return Outcome(
        credit, Credit(parts, members), base, returning(shown, again),
        pd.DataFrame(columns=["one", "other", "mean_abs"]),
    )  # fmt: skip


def leading(credit: Credit, most: int) -> dict[str, float]:
    """The drivers with the largest mean contribution by size, the largest first."""
    size = credit.frame.abs().mean().sort_values(ascending=False, kind="stable")
    return {str(name): float(size[name]) for name in size.index[:most] if size[name] > 0}


def moves_told(
    movers: pd.DataFrame, credit: Credit, catalogue: Mapping[str, Feature], top: int
) -> pd.DataFrame:
    """A row for each customer and the `top` drivers of the change, the farthest mover first.

    Columns customer_id, before, after, feature, sentence, part; `movers` as in `Outcome`.
    """
    features = movers.drop(columns=["customer_id", "before", "after"])
    rows = []
    for i, parts in enumerate(features.to_numpy()):
        customer, before, after = movers[["customer_id", "before", "after"]].iloc[i]
        for j in np.argsort(-np.abs(parts), kind="stable")[:top]:
            name = str(features.columns[j])
            told = credit.sentence(name, catalogue)
            rows.append((customer, before, after, name, told, float(parts[j])))
    columns = ["customer_id", "before", "after", "feature", "sentence", "part"]
    return pd.DataFrame(rows, columns=columns)
