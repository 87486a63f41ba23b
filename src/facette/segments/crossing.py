"""Facets crossed: the value x potential matrix, and the cells that behaviour adds to it."""

from __future__ import annotations

import pandas as pd

FIGURES = ("value", "headroom", "churn")


def crossed(scored: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Customers, and mean expected value, headroom and churn probability, for each combination.

    `scored` has the packaged model's columns, one row per customer; a figure whose part is off is
    missing. Every customer is in exactly one row.
    """
    named = {"value_expected": "value", "headroom": "headroom", "churn_probability": "churn"}
    figures = scored.rename(columns=named)
    present = [f for f in FIGURES if f in figures]
    groups = figures.groupby(by, sort=False, observed=True, dropna=False)
    table = groups[present].mean()
    table.insert(0, "customers", groups.size())
    return table.reset_index().sort_values("customers", ascending=False, ignore_index=True)
