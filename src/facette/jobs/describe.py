"""`facette describe`: what is in a source, before anything is trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from tqdm import tqdm

from facette.models.suspects import suspects
from facette.ranges import check_ranges
from facette.reports import description_wide as wide
from facette.reports.description import Description, render, text_lines
from facette.reports.description_wide import WideDescription
from facette.settings import Describe
from facette.settings.data import EventData, WideData
from facette.snapshots.activity import activity
from facette.snapshots.allowed import allowed
from facette.snapshots.outcomes import net_column
from facette.snapshots.spec import SnapshotSpec
from facette.snapshots.wide import allowed_parts, disparity, wide_panel
from facette.snapshots.worth import check_worth, customer_sums, worth
from facette.tables.contract import Tables
from facette.tables.door import read
from facette.tables.profile import profiles
from facette.tables.wide import WideTable, read_wide
from facette.tables.wide_profile import uses, wide_profile


@dataclass(frozen=True)
class Described:
    """What there is to tell of a source, and its page."""

    description: Description | WideDescription
    page: Path

    def lines(self) -> list[str]:
        """The description as aligned lines of plain text."""
        told = self.description
        return wide.text_lines(told) if isinstance(told, WideDescription) else text_lines(told)


def main(cfg: DictConfig) -> None:
    """Describe as configured: the text, then the path of the page."""
    hydra = HydraConfig.get()
    settings: Describe = OmegaConf.to_object(cfg)  # type: ignore[assignment]
    command = " ".join(["facette describe", *hydra.overrides.task])
    described = describe(settings, Path(hydra.runtime.output_dir), command)
    tqdm.write("\n".join([*described.lines(), "", f"Page: {described.page}"]))


def describe(settings: Describe, folder: Path, command: str = "facette describe") -> Described:
    """Describe a source; the page is written into `folder`.

    Raises:
        BadInput: the configuration or the data are not fit.
    """
    check_ranges(settings)
    check_worth(settings.worth)
    description: Description | WideDescription
    if isinstance(settings.data, WideData):
        table = read_wide(settings.data, with_outcomes=True)
        description = wide_description_of(table, settings, settings.data, command)
        html = wide.render(description)
    else:
        assert isinstance(settings.data, EventData)
        description = description_of(read(settings.data), settings, settings.data, command)
        html = render(description)
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "description.html"
    page.write_text(html, encoding="utf-8")
    return Described(description, page)


def description_of(
    tables: Tables, settings: Describe, data: EventData, command: str = "facette describe"
) -> Description:
    """What is in admitted tables of dated events, from aggregates alone.

    Raises:
        BadInput: a given reference date or a declared attribute does not fit the tables.
    """
    found = profiles(tables, data.minor_units)
    allows = allowed(
        tables, found, settings.snapshot, data, settings.active_days, settings.gap_days
    )
    customers = customer_sums(tables, allows.spec)
    return Description(
        data_name=data.name,
        origin=data.origin,
        licence=data.licence,
        currency=data.currency,
        value_basis=_value_basis(allows.spec),
        command=command,
        profiles=found,
        notes=tables.notes,
        cleaning=tables.cleaning,
        activity=activity(tables, allows.spec, customers["first_day"].to_numpy()),
        allowed=allows,
        horizon_days=settings.snapshot.horizon_days,
        worth=worth(tables, customers, allows.spec, settings.worth),
        digests=tables.digests,
    )


def wide_description_of(
    table: WideTable, settings: Describe, data: WideData, command: str = "facette describe"
) -> WideDescription:
    """What is in an admitted wide table."""
    snapshot = wide_panel(table, None, {}).test
    left_aside = "snapshot.perimeter is left aside: the whole source is described"
    return WideDescription(
        data_name=data.name,
        origin=data.origin,
        licence=data.licence,
        currency=data.currency,
        command=command,
        profile=wide_profile(table),
        uses=uses(table),
        notes=[*table.tables.notes, *([left_aside] if settings.snapshot.perimeter else [])],
        cleaning=table.tables.cleaning,
        outcomes=_outcomes_told(table, data),
        parts=allowed_parts(table, snapshot),
        suspects=suspects(snapshot),
        disparities={
            label: disparity(amounts.to_numpy(), settings.worth.tiers)
            for label, amounts in _amounts(table).items()
        },
        digests=table.tables.digests,
    )


def _outcomes_told(table: WideTable, data: WideData) -> dict[str, str]:
    """What is known of each outcome: its rate or total, and of how many customers."""
    told, rows = {}, len(table.ids)
    if "churned" in table.outcomes.columns:
        known = table.outcomes["churned"].drop_nulls().to_numpy()
        meaning = f", {data.outcomes.churn_means}" if data.outcomes.churn_means else ""
        told["churn"] = (
            f"'{table.roles['churn']}'{meaning}: {known.mean():.1%}, {int(known.sum()):,} of "
            f"{len(known):,} customers{_unknown(rows - len(known))}"
        )
    if "value" in table.outcomes.columns:
        known = table.outcomes["value"].drop_nulls().to_numpy()
        told["value"] = (
            f"'{table.roles['value']}': {data.currency} {known.sum():,.0f} in all, "
            f"{known.mean():,.2f} a customer; {(known > 0).mean():.1%} have more than 0"
            f"{_unknown(rows - len(known))}"
        )
    return told


def _unknown(rows: int) -> str:
    return f"; not known of {rows:,}" if rows else ""


def _amounts(table: WideTable) -> dict[str, pl.Series]:
    """The amounts that customers may differ in: the value outcome, and what is current."""
    made = {}
    if "value" in table.outcomes.columns:
        made["value outcome"] = table.outcomes["value"]
    if table.current is not None and table.current.count():
        made["current value"] = table.current
    return made


def _value_basis(spec: SnapshotSpec) -> str:
    column, rate = net_column(spec)
    if column == "margin":
        return "margin, as the data give it"
    if rate == 1:
        return "gross spend: no margin is known"
    return f"spend x a margin rate of {rate:g}"
