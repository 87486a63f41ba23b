"""Figures of a simulated bank are those that a hand counts on its tables."""

from dataclasses import fields, replace
from pathlib import Path

import polars as pl
import pytest
from little_bank import DAYS, little_bank, plausible, written

from facette.errors import BadInput
from facette.settings.data import Plausible
from facette.tables.simulation import sanity
from facette.tables.simulation.sanity import FIGURES, Seen, WalletShare, sanity_figures, tables_in

YEARS = sum(DAYS.values()) / 365.25
BY_HAND = {
    "attrition": 1 / YEARS,  # Alice
    "attrition_18_34": 1 / (182 / 365.25),
    "attrition_65_more": 0.0,  # Emil died, Bob stays
    "leaving_otherwise": 1 / YEARS,
    "newcomers": 1 / (366 / 365.25) / 7,
    "tenure_1_product_at_the_start": (730 + 3652) / 2 / 365.25,  # Alice and Emil
    "tenure_2_products_at_the_start": 365 / 365.25,  # Bob, Gina, Hugo, Ida
    "tenure_3_products_at_the_start": 2191 / 365.25,  # Carl
    "tenure_1_product_at_the_end": 184 / 365.25,  # Dora
    "tenure_2_products_at_the_end": 731 / 365.25,
    "tenure_3_products_at_the_end": 2557 / 365.25,
    "products": 12 / 6,
    "top_fifth": 300 / 300,  # Bob, of 300 + 0 + 50 - 40 - 10
    "losing": 2 / 5,
    "wallet": 0.35,
    "wallet_at_the_top": 0.8,
    "response_mail": 1 / 4,
    "response_phone": 1 / 2,
    "response_email": 0.0,
    "unsubscribe": 1 / 5,  # Hugo never consented
    "objected": 1 / 6,  # Gina; Alice has left
    "complaints": 1 / YEARS,
    "started": 6 / (12 * YEARS),
    "survey": 2 / 6,  # Dora had not come, Emil was dead
    "pilot": 2 / 7,
    "control": 1 / 4,
}


def seen(**changed: pl.DataFrame) -> Seen:
    frames = little_bank() | changed
    return Seen({n: f.lazy() for n, f in frames.items()}, WalletShare(6, 0.35, 0.28))


def figures(**changed: pl.DataFrame) -> dict[str, dict[str, object]]:
    rows = sanity_figures(seen(**changed), plausible()).rows(named=True)
    return {row["name"]: row for row in rows}


@pytest.mark.parametrize("name", BY_HAND)
def test_a_figure_is_what_a_hand_counts(name: str) -> None:
    assert figures()[name]["figure"] == pytest.approx(BY_HAND[name])


def test_every_figure_is_counted_by_hand_but_the_well_off() -> None:
    assert set(BY_HAND) | {"attrition_well_off"} == {asked.name for asked in FIGURES}


def test_every_range_is_of_a_figure_and_runs_upwards() -> None:
    ranges = plausible()
    assert {asked.range for asked in FIGURES} == {field.name for field in fields(Plausible)}
    assert all(low < high for low, high in vars(ranges).values())


def test_the_well_off_are_ranked_by_first_balance_within_the_highest_income(monkeypatch) -> None:
    monkeypatch.setattr(sanity, "WELL_OFF_SHARE", 0.4)  # one of the three with a balance
    assert seen().well_off["customer_id"].to_list() == ["carl"]


def test_a_figure_outside_its_range_is_shown_as_such() -> None:
    told = figures()
    assert told["products"]["inside"] is True  # the ends of a range are inside
    assert told["losing"]["inside"] is True
    assert told["attrition"]["inside"] is False
    assert told["response_mail"]["inside"] is False


def test_what_there_is_nothing_to_count_on_is_neither_inside_nor_outside() -> None:
    tables = little_bank()
    told = figures(contacts=tables["contacts"].clear(), treatments=tables["treatments"].clear(),
                   surveys=tables["surveys"].clear())  # fmt: skip
    for name in ("response_mail", "unsubscribe", "control", "pilot", "survey"):
        assert told[name]["figure"] is None
        assert told[name]["inside"] is None
    assert told["attrition"]["figure"] == pytest.approx(BY_HAND["attrition"])


@pytest.mark.parametrize("ends", [[0.2], [0.3, 0.2], [0.1, 0.2, 0.3]])
def test_a_range_that_is_none_is_refused_by_name(ends: list[float]) -> None:
    with pytest.raises(BadInput, match=r"plausible\.losing: .* write it as \[low, high\]"):
        sanity_figures(seen(), replace(plausible(), losing=ends))


def test_share_of_wallet_is_not_made_up_from_the_tables() -> None:
    known = sanity_figures(Seen(seen().tables), plausible())
    wallets = known.filter(pl.col("name").str.starts_with("wallet"))
    assert wallets["figure"].null_count() == len(wallets) == 2


def test_the_truth_beside_the_tables_is_left_alone(tmp_path: Path) -> None:
    folder = written(tmp_path)
    (folder / "truth").mkdir()
    (folder / "truth" / "people.parquet").write_bytes(b"not to be opened")
    assert set(tables_in(folder)) == set(little_bank())
    counted = sanity_figures(Seen(tables_in(folder)), plausible())
    assert counted["figure"].is_not_null().sum() == len(BY_HAND) - 2


def test_a_season_is_told_over_the_mean_of_its_year() -> None:
    seasons = seen().seasons
    assert dict(seasons.select("month", "revenue").rows()) == {1: 0.5, 12: 1.5}
    assert seasons["postings"].to_list() == [5, 5]


def test_attrition_has_an_interval_that_holds_it() -> None:
    rates = seen().attrition("age_band", seen().customers)
    assert (rates["low"] <= rates["rate"]).all()
    assert (rates["rate"] <= rates["high"]).all()
