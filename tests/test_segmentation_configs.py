"""Segmentations that ship: each composes, divides for its purpose, or says why it can't."""

import warnings
from typing import Any

import pandas as pd
import pytest
from hydra.utils import instantiate
from running import settings_of
from worlds import admitted, churn_settings, data, panel_settings, shop

from facette import cli
from facette.errors import BadInput
from facette.settings.segments import Purpose, Segmentation
from facette.snapshots.panel import Snapshot, panel

PURPOSES = {
    "rfm": Purpose.profitability,
    "lifecycle": Purpose.relation,
    "needs": Purpose.need,
    "channels": Purpose.channel,
}


def shipped(*names: str) -> dict[str, Segmentation]:
    listed = f"segmentation=[{','.join(names)}]"
    found: dict[str, Segmentation] = settings_of("train", listed).segmentations
    return found


def estimator(name: str) -> Any:
    return instantiate(shipped(name)[name].estimator, _convert_="all")


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """The customers of a small shop at its latest training date."""
    tables = admitted(shop(3, customers=120))
    return seen(panel(tables, panel_settings(), churn_settings(), data()).training[-1])


def seen(snapshot: Snapshot) -> pd.DataFrame:
    context = snapshot.context.drop(columns=snapshot.features.columns, errors="ignore")
    return pd.concat([snapshot.features, context], axis=1)


def test_several_are_picked_at_once_each_for_its_purpose() -> None:
    found = shipped(*PURPOSES)
    assert {name: chosen.purpose for name, chosen in found.items()} == PURPOSES


@pytest.mark.parametrize("name", PURPOSES)
def test_every_file_says_where_it_goes_and_what_it_is(name: str) -> None:
    lines = (cli.CONF / "segmentation" / f"{name}.yaml").read_text().splitlines()
    assert lines[0] == f"# @package segmentations.{name}"
    assert lines[1].startswith("# ")


@pytest.mark.parametrize("name", ["rfm", "lifecycle", "needs"])
def test_a_shop_is_divided_into_several_segments(name: str, rows: pd.DataFrame) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = estimator(name).fit(rows)
        found = pd.Series(fitted.predict(rows)).value_counts(normalize=True)
    assert set(found.index) <= {segment["id"] for segment in fitted.segments_}
    assert len(found) > 2
    assert found.max() < 0.9


def test_channels_without_contacts_are_off_in_one_line(rows: pd.DataFrame) -> None:
    with pytest.raises(BadInput, match=r"^columns: of 'started_\*_share'") as error:
        estimator("channels").fit(rows)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", PURPOSES)
def test_a_table_without_their_columns_switches_them_off(name: str) -> None:
    wide = pd.DataFrame({"age": [20.0, 30.0], "city": ["A", "B"]}).astype({"city": "str"})
    with pytest.raises(BadInput) as error:
        estimator(name).fit(wide)
    assert "\n" not in str(error.value)


def test_channels_divide_by_the_contacts_that_customers_start(rows: pd.DataFrame) -> None:
    started = pd.DataFrame(
        {"started_app_share": [0.8, 0.3, None], "started_phone_share": [0.2, 0.3, None]}
    )
    found = estimator("channels").fit(started).predict(started)
    assert found.tolist() == ["app", "several channels", "no contact known"]


LIFE = {
    "recency_days": 5.0, "first_seen_days": 170.0, "tenure_days": 400.0, "history_days": 20.0,
    "overdue": 0.8, "transactions_trend": 0.5, "stage": "customer",
}  # fmt: skip
LIVES: dict[str, dict[str, Any]] = {
    "loyal": {},
    "growing": {"transactions_trend": 0.7},
    "slowing": {"transactions_trend": 0.3},
    "lapsed": {"overdue": 5.0, "recency_days": 60.0},
    "came once": {"history_days": 1.0, "overdue": None},
    "new": {"tenure_days": 30.0, "transactions_trend": 1.0},
    "occasional": {"overdue": None},
    "lead": {"recency_days": None, "history_days": 0.0, "stage": "lead"},
    "prospect": {"recency_days": None, "history_days": 0.0, "stage": "prospect"},
    "assured prospect": {"recency_days": None, "history_days": 0.0, "stage": "assured_prospect"},
    "not yet buying": {"recency_days": None, "history_days": 0.0, "stage": None},
}


def test_the_lifecycle_tells_each_turn_of_a_relation() -> None:
    rows = pd.DataFrame([LIFE | life for life in LIVES.values()])
    rows = rows.astype({name: "str" if name == "stage" else float for name in LIFE})
    fitted = estimator("lifecycle").fit(rows)
    assert fitted.predict(rows).tolist() == list(LIVES)
    assert {segment["id"] for segment in fitted.segments_} == set(LIVES)
    assert not [note for note in fitted.notes_ if "never reached" in note]
