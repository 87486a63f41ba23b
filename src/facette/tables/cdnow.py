"""CDNOW (Fader & Hardie): every purchase of the cohort that first bought in 1997 Q1.

One line a purchase: customer, day, number of CDs, dollars. Nothing but spend is known.
"""

from __future__ import annotations

import polars as pl

from facette.settings.data import EventData
from facette.tables.door import Raw
from facette.tables.installed import located


def read(data: EventData) -> Raw:
    """The raw transactions under the contract's column names, before they are checked."""
    path = located("lifetimes", "CDNOW_master.txt", data.path)
    lines = pl.LazyFrame({"line": path.read_text().splitlines()[1:]})
    fields = lines.select(pl.col("line").str.extract_all(r"\S+"))
    part = pl.col("line").list.get
    purchases = fields.select(
        customer_id=part(0, null_on_oob=True),
        occurred_at=part(1, null_on_oob=True).str.to_date("%Y%m%d", strict=False),
        quantity=part(2, null_on_oob=True).cast(pl.Float64, strict=False),
        amount=part(3, null_on_oob=True).cast(pl.Float64, strict=False),
    )
    return Raw(frames={"transactions": purchases}, files=(path,))
