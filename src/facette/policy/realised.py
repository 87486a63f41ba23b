"""What an earlier plan brought, beside what it claimed it would."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Realised:
    """What a plan brought each customer in `days`, currency units, with an interval.

    `predicted`: the effect that it claimed for as many days, None where it claimed none; in neither
    are the costs of contacts. `carried_out` is the share of its customers who are handled now as it
    said, NaN where that is not on record.
    """

    reference_date: str
    run_id: str
    days: int
    customers: int
    held_out: int
    gain: float
    low: float
    high: float
    predicted: float | None
    carried_out: float

    def metrics(self) -> dict[str, float]:
        """Figures by tracked name."""
        told = {"realised_each": self.gain, "realised_each_low": self.low,
                "realised_each_high": self.high, "realised_days": self.days,
                "carried_out": self.carried_out}  # fmt: skip
        told |= {} if self.predicted is None else {"predicted_each": self.predicted}
        return {f"policy/{name}": float(figure) for name, figure in told.items()}
