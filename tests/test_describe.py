"""The verb `describe`: from the command line to the page, on real data, without heavy imports."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from running import settings_of
from shared import shared_file
from small_journey import write_small_journey
from small_wide import people, written
from worlds import admitted, data, panel_settings, shop

from facette import cli
from facette.jobs.describe import Described, describe, description_of
from facette.reports.description import text_lines
from facette.reports.description_wide import WideDescription
from facette.snapshots.wide import wide_panel
from facette.tables import door
from facette.tables.wide import read_wide

HEAVY = {"sklearn", "lightgbm", "mlflow", "shap", "lifetimes"}


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_journey(tmp_path_factory.mktemp("journey"))


@pytest.fixture(scope="module")
def described(journey: Path, tmp_path_factory: pytest.TempPathFactory) -> Described:
    folder = tmp_path_factory.mktemp("out") / "here"
    return describe(settings_of("describe", f"data.path={journey}"), folder)


def test_a_journey_is_told_with_the_dates_that_training_takes(described: Described) -> None:
    allowed = described.description.allowed
    assert [counts.date for counts in allowed.dates] == ["2017-07-02", "2017-10-01"]
    assert all(part.allowed for part in allowed.parts)
    assert "train at 2017-07-02; test at 2017-10-01" in "\n".join(described.lines())


def test_the_page_is_written_into_the_folder(described: Described) -> None:
    assert described.page.name == "description.html"
    assert described.page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_spend_alone_leaves_potential_off(tmp_path: Path) -> None:
    found = describe(settings_of("describe", "data=cdnow"), tmp_path)
    parts = {part.part: part for part in found.description.allowed.parts}
    assert [name for name, part in parts.items() if part.allowed] == ["segments", "value", "churn"]
    assert "nothing but dates and spend" in parts["potential"].why


def test_the_command_line_prints_the_text_and_the_page(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["describe", "data=cdnow"]) == 0
    out, _ = capfd.readouterr()
    page = Path(out.splitlines()[-1].removeprefix("Page: "))
    assert page.is_file()
    assert tmp_path / "mlruns" / "hydra" / "describe" in page.parents
    assert "23,570 with 67,591 purchases" in out
    assert "facette describe data=cdnow" in page.read_text(encoding="utf-8")


def test_a_mistake_is_one_line(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.main(["describe", "data=cdnow", "worth.segments=0"]) == 2
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "worth.segments: 0 is out of range" in err


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("data.minor_units=-1", "data.minor_units: -1"),
        ("data.name=../../x", "data.name: ../../x"),
        ("snapshot.horizon_days=0", "snapshot.horizon_days: 0"),
        ("snapshot.windows_days=[-3]", "snapshot.windows_days: [-3]"),
        ("active_days=-5", "active_days: -5"),
        ("gap_days=-1", "gap_days: -1"),
    ],
)
def test_figures_out_of_range_are_refused_before_any_data_is_read(
    capfd: pytest.CaptureFixture[str], override: str, words: str
) -> None:
    assert cli.main(["describe", "data=files", "data.name=shop",
                     "data.transactions.path=nowhere.csv", override]) == 2  # fmt: skip
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert f"{words} is out of range" in err


def test_a_group_of_another_verb_is_told_as_such(capfd: pytest.CaptureFixture[str]) -> None:
    for verb, group in (("describe", "experiment"), ("score", "segments")):
        assert cli.main([verb, f"{group}=telco"]) == 2
        assert capfd.readouterr().err == f"facette: {group} is for train, not for {verb}\n"


def test_scanned_tables_are_described_as_held_ones_are(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of("describe")
    settings.snapshot = panel_settings()
    frames = shop(seed=2)
    held = admitted(frames)
    monkeypatch.setattr(door, "ROWS_A_PASS", 200)
    scanned = admitted(frames, rows_in_memory=0)
    assert scanned.passes > 3
    told, expected = (text_lines(description_of(t, settings, data())) for t in (scanned, held))
    assert told == expected


def test_churn_is_told_as_training_defines_it() -> None:
    chosen, churn = settings_of("describe"), settings_of("train").model.churn
    assert (chosen.active_days, chosen.gap_days) == (churn.active_days, churn.gap_days)


def described_wide(frame: pl.DataFrame, folder: Path, *overrides: str) -> Described:
    path = written(frame, folder)
    chosen = settings_of("describe", "data=wide", "data.name=people", f"data.path={path}",
                         *overrides)  # fmt: skip
    return describe(chosen, folder / "out")


def flat(described: Described) -> str:
    return " ".join(" ".join(described.lines()).split())


def wide_of(described: Described) -> WideDescription:
    assert isinstance(described.description, WideDescription)
    return described.description


ROLES = ("data.customer_id=id", "data.outcomes.churn=churn", "data.outcomes.value=spend_next",
         "data.current_value=spent")  # fmt: skip


@pytest.fixture(scope="module")
def people_told(tmp_path_factory: pytest.TempPathFactory) -> Described:
    frame = people().with_columns(
        since=pl.date(2020, 1, 31), row=pl.int_range(600) + 1, same=pl.lit("x"),
        reason=pl.when(pl.col("churn") == "Yes").then(pl.lit("price")).otherwise(pl.lit("none")),
    )  # fmt: skip
    frame[3, "churn"], frame[4, "spend_next"] = None, None
    frame[5, "reason"] = "price" if frame[5, "churn"] == "No" else "none"
    return described_wide(frame, tmp_path_factory.mktemp("wide"), *ROLES, "data.drop=[colour]")


def test_a_wide_table_is_told_column_by_column(people_told: Described) -> None:
    told = wide_of(people_told)
    columns = {column.name: column for column in told.profile.columns}
    assert list(told.uses) == list(columns)
    frame = people()
    assert (columns["tenure"].least, columns["tenure"].most) == (
        frame["tenure"].min(), frame["tenure"].max()
    )  # fmt: skip
    assert columns["income"].missing == frame["income"].null_count() > 0
    assert columns["contract"].distinct == 3
    assert columns["contract"].frequent == "monthly"
    assert told.uses | {} == told.uses | {
        "id": "names the customer", "churn": "the churn outcome", "tenure": "learnt from",
        "paperless": "learnt from, as 1 and 0", "contract": "learnt from, a category",
        "colour": "left out: data.drop", "row": "left out: identifiers",
        "same": "left out: the same for everyone", "spent": "current value; learnt from",
        "since": "left out: dates mean nothing without a reference date",
    }  # fmt: skip


def test_outcomes_are_told_with_their_rate_and_total(people_told: Described) -> None:
    frame = people()
    left = (frame["churn"].to_numpy() == "Yes") & (np.arange(600) != 3)
    text = flat(people_told)
    assert f"'churn': {left.sum() / 599:.1%}, {left.sum()} of 599 customers; not known of 1" in text
    total = frame["spend_next"].sum() - frame[4, "spend_next"]
    assert f"'spend_next': EUR {total:,.0f} in all" in text


def test_columns_too_good_to_be_true_are_named(people_told: Described) -> None:
    assert list(wide_of(people_told).suspects) == ["reason"]
    assert "reason (ROC AUC 0.99" in flat(people_told)


def test_disparity_of_value_and_current_value_is_told(people_told: Described) -> None:
    told = wide_of(people_told).disparities
    assert list(told) == ["value outcome", "current value"]
    spent = people()["spent"].to_numpy()
    apart = np.abs(spent[:, None] - spent[None, :]).mean() / (2 * spent.mean())
    assert told["current value"].gini == pytest.approx(apart, rel=1e-6)
    held = np.sort(spent)[::-1][:30].sum() / spent.sum()
    assert told["current value"].tiers["value_share"].iloc[0] == pytest.approx(held)
    assert f"the first 5% of customers hold {held:.0%} of it" in flat(people_told)


def test_what_dates_would_tell_is_said_to_be_missing(people_told: Described) -> None:
    text, page = flat(people_told), people_told.page.read_text(encoding="utf-8")
    assert "What can't be told without dates" in text
    assert "judged in folds of customers" in text
    for said in (text, re.sub(r"<[^>]*>", " ", page)):
        assert not re.search(r"\b(nan|None|NaT|inf)\b|1970|a year pays", said)


def test_parts_that_are_off_are_those_that_training_leaves_off(tmp_path: Path) -> None:
    from facette.jobs.fitness import _without_outcome

    frame = people(80)
    for roles in (ROLES[:1], ROLES[:2], ROLES[:3], ROLES):
        told = wide_of(described_wide(frame, tmp_path, *roles))
        chosen = settings_of("train", "data=wide", "data.name=people",
                             f"data.path={written(frame, tmp_path)}", *roles)  # fmt: skip
        table = read_wide(chosen.data, with_outcomes=True)
        off = _without_outcome(chosen, wide_panel(table, None, {}))
        assert {p.part: p.why for p in told.parts if not p.allowed} == off


def test_a_wide_page_stands_alone_and_closes_what_it_opens(people_told: Described) -> None:
    html = people_told.page.read_text(encoding="utf-8")
    assert "<script" not in html
    assert 'src="http' not in html
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert {"empty", "held-0", "held-1", "tables", "outcomes", "undated"} <= set(ids)
    for tag in ("section", "table", "details", "figure", "div", "dl"):
        assert len(re.findall(rf"<{tag}\b", html)) == html.count(f"</{tag}>")


def test_wide_lines_fit_their_width_and_hostile_names_are_escaped(tmp_path: Path) -> None:
    name = "<script>alert(1)</script>\n" + "long " * 60
    frame = people().with_columns(pl.col("colour").alias(name), pl.lit(name).alias("text"))
    more = {f"answer_{i}": pl.col("tenure") % (i + 2) for i in range(40)}
    told = described_wide(frame.with_columns(**more), tmp_path, *ROLES)
    assert max(map(len, told.lines())) <= 110
    assert any("and 27 more" in line and "on the page" in line for line in told.lines())
    html = told.page.read_text(encoding="utf-8")
    assert "<script" not in html
    assert "answer_39" in html


def test_a_wide_table_without_outcomes_is_described(tmp_path: Path) -> None:
    text = flat(described_wide(people().drop("churn", "spend_next"), tmp_path))
    assert "no column is named in data.outcomes" in text
    assert "no amount is named" in text


def test_an_amount_that_adds_up_to_nothing_has_no_shares(tmp_path: Path) -> None:
    frame = people().with_columns(
        spend_next=pl.when(pl.col("tenure") > 36).then(-5.0).otherwise(0.0)
    )
    told = described_wide(frame, tmp_path, *ROLES[:3])
    assert "not above 0 in all, so that no shares can be told" in flat(told)
    assert not re.search(r"\bnan\b", flat(told) + told.page.read_text(encoding="utf-8"))


def test_telco_customers_are_described(tmp_path: Path) -> None:
    path = shared_file("telco_churn")
    told = describe(settings_of("describe", "data=telco_churn", f"data.path={path}"), tmp_path)
    assert "'Churn': 26.5%, 1,869 of 7,043 customers" in flat(told)


def test_describing_imports_no_models_and_no_registry() -> None:
    tell = "import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    work = "import facette.jobs.describe, facette.reports.description_figures"
    command = [sys.executable, "-c", f"{work}\n{tell}"]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not HEAVY & set(said.stdout.split())
