"""What a source allows is what training would do with it."""

from collections.abc import Mapping

import polars as pl
import pytest
from dealings import whole_shop
from worlds import admitted, churn_settings, data, panel_settings, shop

from facette.errors import BadInput
from facette.models import facets
from facette.settings.data import EventData
from facette.snapshots import allowed as room
from facette.snapshots.allowed import Allowed, allowed
from facette.snapshots.panel import panel
from facette.tables import door
from facette.tables.contract import Tables
from facette.tables.profile import profiles

OPTIONAL = ("discount", "product", "category")


def told(tables: Tables, source: EventData | None = None, **changed: object) -> Allowed:
    return allowed(
        tables, profiles(tables, 2), panel_settings(**changed), source or data(), 56, 0
    )  # fmt: skip


def bare(frames: Mapping[str, pl.DataFrame], *kept: str) -> dict[str, pl.DataFrame]:
    """Dates and spend without refunds, and what else is kept of a shop: columns or tables."""
    columns = ["customer_id", "occurred_at", "transaction_id", "amount"]
    lines = frames["transactions"].with_columns(amount=pl.col("amount").abs())
    if "category" in kept:
        lines = lines.join(frames["products"], on="product", how="left")
    lines = lines.select(*columns, *(name for name in OPTIONAL if name in kept))
    return {"transactions": lines, **{name: frames[name] for name in kept if name in frames}}


@pytest.fixture(scope="module")
def frames() -> dict[str, pl.DataFrame]:
    return shop(seed=5, late=False)


@pytest.fixture(scope="module")
def whole(frames: dict[str, pl.DataFrame]) -> Allowed:
    return told(admitted(frames))


def test_a_whole_shop_allows_every_part(whole: Allowed) -> None:
    assert [part.part for part in whole.parts] == ["segments", "value", "potential", "churn"]
    assert all(part.allowed and part.why for part in whole.parts)


def test_counts_are_those_of_the_snapshots(frames: dict[str, pl.DataFrame]) -> None:
    tables = admitted({name: f for name, f in frames.items() if name != "consents"})
    made = panel(tables, panel_settings(), churn_settings(), data())
    found = told(tables)
    assert [counts.date for counts in found.dates] == made.dates()
    for counts, snapshot in zip(found.dates, [*made.training, made.test], strict=True):
        churned = snapshot.outcomes["churned"]
        assert counts.customers == len(snapshot)
        assert counts.active == churned.notna().sum()
        assert counts.returned == (churned == 0).sum()
        assert counts.repeaters == (snapshot.context["history_days"] > 1).sum()


def test_lines_recorded_late_are_not_known() -> None:
    tables = admitted({k: f for k, f in shop(seed=6).items() if k != "consents"})
    made = panel(tables, panel_settings(), churn_settings(), data())
    sizes = [len(snapshot) for snapshot in [*made.training, made.test]]
    assert [counts.customers for counts in told(tables).dates] == sizes


def test_families_of_peers_are_those_of_the_models() -> None:
    assert room.PEER_FAMILIES == facets.PEER_FAMILIES


@pytest.mark.parametrize(
    "kept", [(), ("discount",), ("product",), ("category",), ("contacts",), ("customers",),
             ("interactions",), ("surveys",), ("events",), ("consents",)],
    ids=lambda kept: kept[0] if kept else "nothing",
)  # fmt: skip
def test_potential_is_allowed_where_the_models_find_peers(
    frames: dict[str, pl.DataFrame], kept: tuple[str, ...]
) -> None:
    source = data(static_attributes=["region"] if "customers" in kept else [])
    dealings = whole_shop(seed=5, late=False)
    tables = admitted(bare({**dealings, **frames, "consents": dealings["consents"]}, *kept))
    peers = facets.peer_columns(panel(tables, panel_settings(), churn_settings(), source))
    potential = next(p for p in told(tables, source).parts if p.part == "potential")
    assert potential.allowed == bool(peers)


def test_refunds_alone_tell_no_peers_apart(frames: dict[str, pl.DataFrame]) -> None:
    lines = frames["transactions"].select("customer_id", "occurred_at", "amount")
    tables, source = admitted({"transactions": lines}), data(static_attributes=[])
    peers = facets.peer_columns(panel(tables, panel_settings(), churn_settings(), source))
    potential = next(p for p in told(tables, source).parts if p.part == "potential")
    assert not peers
    assert not potential.allowed


def test_too_short_a_history_allows_nothing_and_says_why(
    frames: dict[str, pl.DataFrame],
) -> None:
    found = told(admitted(frames), horizon_days=200)
    assert found.dates == []
    assert not any(part.allowed for part in found.parts)
    assert all("days of data leave 0 reference date(s)" in part.why for part in found.parts)


def test_a_given_date_that_does_not_fit_is_refused(frames: dict[str, pl.DataFrame]) -> None:
    with pytest.raises(BadInput, match="reference_dates"):
        told(admitted(frames), reference_dates=["2030-01-01", "2031-01-01"])


def test_customers_who_all_bought_once_allow_nothing(frames: dict[str, pl.DataFrame]) -> None:
    once = frames["transactions"].group_by("customer_id").first()
    found = told(admitted({"transactions": once}), data(static_attributes=[]))
    assert all("single day of purchase" in part.why for part in found.parts)


def test_everyone_returning_leaves_no_churn_to_learn() -> None:
    days = pl.DataFrame({"day": range(0, 280, 7)})
    lines = (
        pl.DataFrame({"customer_id": ["a", "b", "c"], "amount": [1.0, 2.0, 3.0]})
        .join(days, how="cross")
        .with_columns(occurred_at=pl.datetime(2021, 1, 4) + pl.duration(days=pl.col("day")))
        .drop("day")
    )
    found = told(admitted({"transactions": lines}), data(static_attributes=[]))
    churn = next(part for part in found.parts if part.part == "churn")
    assert not churn.allowed
    assert "active customers return" in churn.why


def test_what_is_there_and_what_would_be_switched_on_is_told(
    frames: dict[str, pl.DataFrame], whole: Allowed
) -> None:
    there = {switch.where for switch in whole.switches if switch.there}
    assert there == {
        "transactions.discount", "transactions.product", "transactions.category", "customers",
        "contacts", "consents", "time of day",
    }  # fmt: skip
    little = told(admitted(bare(frames)), data(static_attributes=[]))
    assert not {s.where for s in little.switches if s.there} - {"time of day"}
    assert all(switch.gives for switch in little.switches)
    related = {"interactions", "surveys", "events"}
    assert related <= {
        s.where for s in little.switches if "features" in s.gives or s.where == "events"
    }
    full = told(admitted(whole_shop(seed=5)))
    gives = {switch.where: switch.gives for switch in full.switches if switch.there}
    assert related <= set(gives)
    assert "consent by channel (3 features)" in gives["consents"]
    assert not any("not used yet" in text for text in gives.values())


def test_a_perimeter_is_left_aside_and_said(frames: dict[str, pl.DataFrame]) -> None:
    found = told(admitted(frames), perimeter="tenure_days > 3")
    assert any("perimeter" in note for note in found.notes)


def test_scanned_tables_are_counted_a_share_of_the_customers_at_a_time(
    frames: dict[str, pl.DataFrame], whole: Allowed, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, ask = list[int](), room._counts_of

    def seen(share: Tables, *others: object) -> dict[str, int]:
        asked.append(share["transactions"].collect("polars")["customer_id"].n_unique())
        return ask(share, *others)

    monkeypatch.setattr(door, "ROWS_A_PASS", 300)
    monkeypatch.setattr(room, "_counts_of", seen)
    scanned = admitted(frames, rows_in_memory=0)
    assert told(scanned).dates == whole.dates
    assert len(asked) == scanned.passes > 3
    assert sum(asked) == frames["transactions"]["customer_id"].n_unique()
