"""Why a customer's score moved between two dates: parts that sum to the change."""

from __future__ import annotations

import pandas as pd

from facette.drivers.credit import credited
from facette.drivers.scale import in_units


def farthest(answers: pd.DataFrame, most: int) -> list[str]:
    """The customers whose answer moved farthest from `before` to `after`, farthest first.

    Those without an answer at one of the dates are passed over.
    """
    change = (answers["after"] - answers["before"]).dropna().abs()
    return [str(c) for c in change.sort_values(ascending=False, kind="stable").index[:most]]


def moved(
    before: pd.DataFrame, after: pd.DataFrame, answers: pd.DataFrame, members: dict[str, list[str]]
) -> pd.DataFrame:
    """What went with each change: customer_id, before, after, and a part for each driver.

    `before` and `after` are contributions (customers, features) of one model at the two dates,
    whose base is the same, so that their differences sum to the change of the score; `answers` has
    what the model said, `before` and `after`. Parts are in the units of the answers and sum to
    their change (see `scale.in_units`).
    """
    change = credited(after - before.loc[after.index], members).frame
    gone = (answers["after"] - answers["before"]).to_numpy()
    parts = pd.DataFrame(in_units(change.to_numpy(), gone, 0.0), change.index, change.columns)
    told = answers.rename_axis("customer_id").reset_index()
    return pd.concat([told, parts.reset_index(drop=True)], axis=1)
