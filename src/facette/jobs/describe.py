"""`facette describe`: what is in a source, before anything is trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from tqdm import tqdm

from facette.errors import BadInput
from facette.reports.description import Description, render, text_lines
from facette.settings import Describe, EventData
from facette.snapshots.activity import activity
from facette.snapshots.allowed import allowed
from facette.snapshots.outcomes import net_column
from facette.snapshots.spec import SnapshotSpec
from facette.snapshots.worth import check_worth, customer_sums, worth
from facette.tables.contract import Tables
from facette.tables.door import read
from facette.tables.profile import profiles


@dataclass(frozen=True)
class Described:
    """What there is to tell of a source, and its page."""

    description: Description
    page: Path

    def lines(self) -> list[str]:
        """The description as aligned lines of plain text."""
        return text_lines(self.description)


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
    check_worth(settings.worth)
    if not isinstance(settings.data, EventData):
        raise BadInput(
            f"data {settings.data.name}: describe tells of dated transactions, and this source has "
            "none"
        )
    description = description_of(read(settings.data), settings, settings.data, command)
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "description.html"
    page.write_text(render(description), encoding="utf-8")
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


def _value_basis(spec: SnapshotSpec) -> str:
    column, rate = net_column(spec)
    if column == "margin":
        return "margin, before cost to serve and risk"
    if rate == 1:
        return "gross spend: no margin is known"
    return f"spend x a margin rate of {rate:g}"
