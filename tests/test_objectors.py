"""Who objected to marketing is nowhere in what later jobs write: a scan of all of it proves it."""

from contextlib import chdir, redirect_stderr, redirect_stdout
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import narwhals as nw
import polars as pl
import pytest
from running import settings_of, train_in
from scanning import objectors_before, told, traces_of
from small_bank import QUICK, bank_in, quickly_opened
from small_wide import QUICK_WIDE, people
from small_wide import written as wide_file

from facette.jobs.describe import describe
from facette.jobs.places import write
from facette.jobs.plan import plan
from facette.jobs.score import score
from facette.snapshots import aggregates
from facette.tables.contract import Tables

TRAINED_AT, TESTED_AT, SCORED_AT = "2024-11-01", "2025-06-01", "2026-01-01"
EARLY, LATE = "OBJECTOR-EARLY-7Q", "OBJECTOR-LATE-7Q"
OBJECTED_ON = {EARLY: "2023-06-01", LATE: "2025-03-15"}  # before all dates; after training's
AMOUNTS = {EARLY: 91_234_567.89, LATE: 81_234_567.89}  # of each posting, beyond all measure
PARTS = "parts=[segments,value,potential,churn,upside,value_if_staying,grid,policy]"
QUICKER = (*QUICK, "model.upside.estimator.n_estimators=20", "three_tests.resamples=2")


class Written(NamedTuple):
    """Where jobs wrote, and what they printed."""

    home: Path
    printed: str


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small bank where many object, two of them known by their names and extreme in all."""
    folder = tmp_path_factory.mktemp("bank")
    with quickly_opened():
        bank_in(folder, customers=1200, months=36, objection=-5.5)
    chosen = dict(zip(_longest_with_us(folder), OBJECTED_ON, strict=False))
    for path in folder.glob("*.parquet"):
        frame = pl.read_parquet(path)
        if "customer_id" in frame:
            _renamed(frame, chosen).write_parquet(path)
    path = folder / "consents.parquet"
    objections = pl.DataFrame(
        [(who, datetime.fromisoformat(day), True) for who, day in OBJECTED_ON.items()],
        schema={"customer_id": pl.String, "recorded_at": pl.Datetime("us"), "objected": pl.Boolean},
        orient="row",
    )
    pl.concat([pl.read_parquet(path), objections], how="diagonal").write_parquet(path)
    return folder


def _longest_with_us(folder: Path) -> list[str]:
    """Customers with postings in every month and no objection of their own, by id."""
    months = (
        pl.read_parquet(folder / "transactions.parquet")
        .group_by("customer_id")
        .agg(months=pl.col("occurred_at").dt.truncate("1mo").n_unique())
    )
    own = months.filter(pl.col("months") == 36)["customer_id"]
    return sorted(set(own) - objectors_before(folder, SCORED_AT))


def _renamed(frame: pl.DataFrame, chosen: dict[str, str]) -> pl.DataFrame:
    """The customers chosen under other names; what they post is beyond all measure."""
    made = frame.with_columns(pl.col("customer_id").replace(chosen))
    beyond = pl.col("customer_id").replace_strict(AMOUNTS, default=None, return_dtype=pl.Float64)
    return made.with_columns(
        pl.coalesce(beyond, name).alias(name) for name in ("amount", "margin") if name in made
    )


def jobs_run(home: Path, bank: Path, *overrides: str) -> Written:
    """Train, then score at the end of observation, and keep what is printed."""
    source, out = [f"data.path={bank}"], home / "scores.parquet"
    printed = StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        train_in(
            home, "experiment=bank_truth", "grid=bank", *QUICKER, *source, "evaluation.truth=false",
            f"snapshot.reference_dates=[{TRAINED_AT},{TESTED_AT}]", "progress=true", *overrides,
        )  # fmt: skip
        chosen = settings_of("score", "data=bank", *source, f"reference_date={SCORED_AT}")
        with chdir(home):
            frame = score(chosen).frame
            write(frame, out)
            write(frame, out.with_suffix(".csv"))
            own = (f"reference_date={SCORED_AT}", "policy=bank", "out=plan.parquet")
            plan(settings_of("plan", "data=bank", *source, *own, "progress=false"), Path("planned"))
    return Written(home, printed.getvalue())


@pytest.fixture(scope="module")
def written(bank: Path, tmp_path_factory: pytest.TempPathFactory) -> Written:
    return jobs_run(tmp_path_factory.mktemp("home"), bank, PARTS)


def traces(written: Written, ids: set[str]) -> dict[str, set[str]]:
    """Traces in all that was written and printed; scores of a later date have their own test."""
    own = [written.home / f"scores{suffix}" for suffix in (".parquet", ".csv")]
    return traces_of(ids, written.home, aside=own, said={"printed": written.printed})


def contracts_of(bank: Path, ids: set[str]) -> set[str]:
    """The ids of their contracts, which name them as well."""
    held = pl.read_parquet(bank / "contracts.parquet")
    return set(held.filter(pl.col("customer_id").is_in(ids))["contract_id"].cast(pl.String))


def test_there_are_objectors_to_look_for(bank: Path) -> None:
    by_test, by_scoring = (objectors_before(bank, day) for day in (TESTED_AT, SCORED_AT))
    assert set(OBJECTED_ON) <= by_test
    assert 50 < len(by_test) < len(by_scoring) - 10
    assert objectors_before(bank, "2023-05-01") < by_test


def test_a_run_writes_nobody_who_objected_before_its_test_date(
    written: Written, bank: Path
) -> None:
    ids = objectors_before(bank, TESTED_AT)
    found = traces(written, ids | contracts_of(bank, ids))
    assert found == {}, told(found)


def test_scores_hold_nobody_who_objected_before_their_date(written: Written, bank: Path) -> None:
    ids = objectors_before(bank, SCORED_AT)
    for suffix in (".parquet", ".csv"):
        only = [p for p in written.home.iterdir() if p.name != f"scores{suffix}"]
        assert traces_of(ids, written.home, aside=only) == {}
    scored = pl.read_parquet(written.home / "scores.parquet")
    assert len(scored) > 500


def test_a_plan_holds_nobody_who_objected_before_its_date(written: Written, bank: Path) -> None:
    ids = objectors_before(bank, SCORED_AT)
    kept = {"plan.parquet", "plan.left_out.parquet", "planned"}
    others = [p for p in written.home.iterdir() if p.name not in kept]
    assert traces_of(ids, written.home, aside=others) == {}
    runs = written.home.glob("mlruns/artifacts/**/plan")
    assert [traces_of(ids, run) for run in runs] == [{}, {}]
    assert len(pl.read_parquet(written.home / "plan.parquet")) > 500


def figures_of(who: str) -> set[str]:
    """The amount of their postings, as it may be written."""
    amount = AMOUNTS[who]
    return {f"{amount:{way}}" for way in (".2f", ",.2f", ".0f", ",.0f")} | {
        str(int(amount)), f"{int(amount):,}", str(round(100 * amount))
    }  # fmt: skip


def test_a_description_of_the_tables_names_nobody(bank: Path, tmp_path: Path) -> None:
    described = describe(settings_of("describe", "data=bank", f"data.path={bank}"), tmp_path)
    everybody = set(pl.read_parquet(bank / "customers.parquet")["customer_id"])
    printed = {"printed": "\n".join(described.lines())}
    assert traces_of(everybody, tmp_path, said=printed) == {}


def test_no_figure_of_an_objector_is_told(written: Written) -> None:
    assert traces(written, figures_of(EARLY)) == {}


def test_figures_of_who_was_learnt_from_before_objecting_stand_in_no_list_or_report(
    written: Written,
) -> None:
    found = traces(written, figures_of(LATE))
    assert {Path(name).name for name in found} <= {"booster.txt"}  # the ranges of its features


def test_those_who_have_not_objected_are_found_so_that_the_scan_can_see(
    written: Written, bank: Path
) -> None:
    everybody = set(pl.read_parquet(written.home / "scores.parquet")["customer_id"])
    found = traces(written, set(sorted(everybody)[:40]))
    assert any("scores/customers.json" in name for name in found)
    assert any(name.endswith("snapshot.parquet") for name in found)


@pytest.fixture
def objections_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stage that leaves objectors out leaves nobody out."""

    def nobody(tables: Tables, t: int) -> nw.LazyFrame:
        return (
            tables["consents"]
            .filter(nw.col("customer_id").is_null())
            .select("customer_id")
            .unique()
        )

    monkeypatch.setattr(aggregates, "objectors_at", nobody)


@pytest.mark.slow
def test_a_run_that_ignores_objections_is_caught(
    objections_ignored: None, bank: Path, tmp_path: Path
) -> None:
    leaky = jobs_run(tmp_path, bank, "parts=[segments,value,potential,churn]")
    found = traces(leaky, objectors_before(bank, TESTED_AT))
    assert {EARLY, LATE} <= set().union(*found.values())
    assert any("scores/customers.json" in name for name in found)
    late = [p for p in tmp_path.iterdir() if p.name != "scores.parquet"]
    assert LATE in traces_of({LATE}, tmp_path, aside=late)["scores.parquet"]


@pytest.mark.slow
def test_a_run_on_a_wide_table_writes_nobody_who_objected(tmp_path: Path) -> None:
    frame = people().with_columns(
        objected=pl.when(pl.int_range(pl.len()) % 9 == 0)
        .then(pl.lit("yes"))
        .otherwise(pl.lit("no"))
    )
    path = wide_file(frame, tmp_path / "raw")
    roles = ("data.customer_id=id", "data.outcomes.churn=churn", "data.outcomes.value=spend_next")
    train_in(tmp_path / "home", *QUICK_WIDE, *roles, f"data.path={path}", "parts=[segments,churn]")
    ids = set(frame.filter(pl.col("objected") == "yes")["id"])
    assert traces_of(ids, tmp_path / "home") == {}
    assert traces_of(set(frame["id"]) - ids, tmp_path / "home") != {}
