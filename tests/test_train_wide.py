"""The whole job on small wide tables: judged in folds, told without a date, scored again."""

import json
import re
from contextlib import chdir
from html import unescape
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import polars as pl
import pytest
from running import settings_of, train_in
from shared import shared_file
from small_wide import QUICK_WIDE, people, written

from facette.errors import BadInput
from facette.jobs.fitness import WITH_VALUE
from facette.jobs.score import Scored, score
from facette.jobs.train import Trained
from facette.registry.models import load
from facette.reports.summary import summary_lines

ROLES = (
    "data.customer_id=id", "data.outcomes.churn=churn", "data.outcomes.value=spend_next",
    "data.current_value=spent",
    "model.potential.features=[income,contract,colour,shoe_size,paperless]",
)  # fmt: skip
CHURN_ONLY = ("data.customer_id=id", "data.outcomes.churn=churn", "data.drop=[spend_next]",
              "parts=[churn]")  # fmt: skip
HOSTILE = "<script>alert(1)</script> & \"quotes\" 'single'"
SOON = ("segments.behaviour.k=2", "evaluation.folds=2", "model.churn.folds=2")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    frame = people()
    frame[5, "churn"] = None
    return written(frame, tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def trained(home: Path, source: Path) -> Trained:
    return train_in(home, *QUICK_WIDE, *ROLES, f"data.path={source}")


@pytest.fixture(scope="module")
def page(trained: Trained) -> str:
    """The text of the page, without its pictures and its configuration."""
    return told_by(trained)


def told_by(trained: Trained) -> str:
    html = trained.report.read_text(encoding="utf-8")
    html = re.sub(r"<style.*?</style>|<summary>Configuration.*?</details>", "", html, flags=re.S)
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html)))


def scored_in(home: Path, frame: pl.DataFrame, folder: Path, *overrides: str) -> Scored:
    path = written(frame, folder)
    chosen = settings_of(
        "score", "data=wide", "data.name=people", f"data.path={path}", *ROLES[:4], *overrides
    )
    with chdir(home):
        return score(chosen)


def refusal(home: Path, *overrides: str) -> str:
    with pytest.raises(BadInput) as error:
        train_in(home, *QUICK_WIDE, *overrides)
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


def test_every_part_runs_and_is_judged_beside_its_baselines(trained: Trained) -> None:
    assert set(trained.story.off) == set(WITH_VALUE)
    assert all("a wide table bears none" in why for why in trained.story.off.values())
    metrics = trained.metrics
    for name in ("churn/roc_auc", "churn/baseline/logistic/log_loss", "churn/gain/log_loss_low",
                 "churn/empc", "churn/empc_fraction", "churn/baseline/logistic/empc",
                 "value/normalised_gini", "value/baseline/last_window/mae", "potential/coverage",
                 "potential/baseline/same_for_all/pinball", "behaviour/stability_min"):  # fmt: skip
        assert np.isfinite(metrics[name]), name
    assert 0.7 < metrics["churn/roc_auc"] < 0.95
    assert metrics["potential/coverage"] == pytest.approx(0.9, abs=0.05)


def test_the_run_is_tracked_without_a_date(trained: Trained, home: Path) -> None:
    client = mlflow.MlflowClient(f"sqlite:///{home / 'mlruns' / 'mlflow.db'}")
    run = client.get_run(trained.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["facette.reference_date"] == "undated"
    assert run.data.metrics["churn/roc_auc"] == pytest.approx(trained.metrics["churn/roc_auc"])
    assert len(run.inputs.dataset_inputs) == 1


def test_five_models_are_registered(trained: Trained) -> None:
    parts = ("behaviour", "value", "potential", "churn", "customer")
    assert trained.versions == {f"people_{part}": 1 for part in parts}


def test_the_page_tells_folds_and_nothing_of_time(page: str) -> None:
    assert "Held out in 1 x 3 stratified folds of customers, by chance" in page
    said = page.replace("not out of time", "")
    assert "out of time" not in said
    for word in ("1970", "test date", "91 days", "Observed until", "Looks ahead"):
        assert word not in page
    assert not re.search(r"\b(None|nan|NaN|NaT|inf)\b", page)


def test_the_summary_is_short_and_tells_of_every_part(trained: Trained) -> None:
    lines = summary_lines(trained.story)
    assert lines[0] == "Data: people, 600 customers, undated; one row each"
    assert lines[1] == "Outcome: as the table gives it, in EUR; value is column 'spend_next'"
    assert {"Expected value", "Potential", "Churn", "Value tiers"} <= {
        line.split(":")[0] for line in lines
    }


def test_model_cards_read_without_a_date(trained: Trained, home: Path) -> None:
    client = mlflow.MlflowClient(f"sqlite:///{home / 'mlruns' / 'mlflow.db'}")
    card = client.get_model_version("people_churn", "1").description
    assert "a wide table; judged in 1 x 3 stratified folds of customers, by chance" in card
    assert "the columns of the signature" in card
    assert not re.search(r"None|nan|known strictly before|snapshots of", card)


def test_scores_told_are_held_out_but_for_whom_no_outcome_is_known(
    trained: Trained, home: Path, source: Path
) -> None:
    frame = pl.read_parquet(source)
    packaged = scored_in(home, frame, source.parent / "again").frame.set_index("customer_id")
    told = trained.scored.set_index("customer_id")
    same = told["churn_probability"] == packaged["churn_probability"]
    assert same[same].index.tolist() == ["c0005"]
    happened = frame["churn"].eq_missing("Yes").to_numpy()
    gap = {name: scores[happened].mean() - scores[~happened].mean()
           for name, scores in (("held out", told["churn_probability"]),
                                ("in sample", packaged["churn_probability"]))}  # fmt: skip
    assert gap["held out"] < gap["in sample"]
    beyond = np.maximum(0, told["potential"] - told["value_expected"])
    assert told["headroom"].tolist() == beyond.tolist()


def test_tiers_of_current_value_are_frozen_and_crossed(trained: Trained) -> None:
    assert trained.scored["value_tier"].notna().all()
    assert trained.story.tiers is not None
    assert trained.story.tiers["customers"].sum() == 600
    assert trained.story.matrix is not None


def test_planted_effects_are_the_drivers(trained: Trained) -> None:
    drivers = trained.story.drivers
    assert set(drivers["churn"]["feature"][:2]) == {"tenure", "contract"}
    assert drivers["potential"]["feature"].iloc[0] == "income"


@pytest.mark.slow
def test_two_runs_with_one_seed_are_the_same(source: Path, tmp_path: Path) -> None:
    runs = [
        train_in(tmp_path / name, *QUICK_WIDE, *SOON, *CHURN_ONLY, f"data.path={source}")
        for name in ("first", "again")
    ]
    assert runs[0].metrics == pytest.approx(runs[1].metrics, rel=0, abs=0, nan_ok=True)
    pd.testing.assert_frame_equal(runs[0].scored, runs[1].scored, check_exact=True)


def test_scores_equal_those_of_the_registered_package(
    trained: Trained, home: Path, source: Path, tmp_path: Path
) -> None:
    frame = pl.read_parquet(source)
    made = scored_in(home, frame.drop("churn", "spend_next"), tmp_path).frame
    with chdir(home):
        model = load(settings_of("score", "data=cdnow").tracking, "people_customer", "champion")
        package = mlflow.pyfunc.load_model("models:/people_customer/1")
    rows = frame.to_pandas().rename(columns={"id": "customer_id"}).assign(
        paperless=lambda f: (f["paperless"] == "Yes").astype(float), active=1.0,
        value_current=frame["spent"].to_numpy(), reference_date="undated",
    )  # fmt: skip
    wanted = ["customer_id", "reference_date", *model.bundle.inputs]
    typed = rows[wanted].astype({"tenure": float, "shoe_size": float})
    for told in (model.bundle.predict(rows), package.predict(typed)):
        pd.testing.assert_frame_equal(
            made.drop(columns="model_version"), told.reset_index(drop=True), check_exact=True,
            check_dtype=False,
        )  # fmt: skip


def test_rows_score_alike_alone_in_another_order_and_with_other_columns(
    trained: Trained, home: Path, source: Path, tmp_path: Path
) -> None:
    frame = pl.read_parquet(source)
    whole = scored_in(home, frame, tmp_path / "whole").frame
    turned = frame.select(frame.columns[::-1]).reverse().with_columns(later=pl.date(2020, 1, 1))
    again = scored_in(home, turned, tmp_path / "turned").frame
    pd.testing.assert_frame_equal(again.iloc[::-1].reset_index(drop=True), whole, check_exact=True)
    one = scored_in(home, frame[[17]], tmp_path / "one").frame
    pd.testing.assert_frame_equal(one, whole.iloc[[17]].reset_index(drop=True), check_exact=True)


def test_unseen_categories_are_scored_as_unknown(
    trained: Trained, home: Path, source: Path, tmp_path: Path
) -> None:
    frame = pl.read_parquet(source)
    new, unknown = (
        scored_in(home, frame.with_columns(contract=pl.lit(value, pl.String)), tmp_path / name)
        for name, value in (("new", "for life"), ("unknown", None))
    )
    figures = ["churn_probability", "value_expected", "potential"]
    assert new.frame[figures].notna().all(axis=None)
    pd.testing.assert_frame_equal(new.frame[figures], unknown.frame[figures])


def test_what_cannot_be_scored_is_one_line(
    trained: Trained, home: Path, source: Path, tmp_path: Path
) -> None:
    frame = pl.read_parquet(source)
    for changed, overrides, told in (
        (frame.drop("tenure"), (), "data: columns used at training are missing: tenure"),
        (frame, ("reference_date=2020-01-01",), "a wide table bears no date"),
        (frame.drop("spent"), (), "data.current_value: people.parquet has no column 'spent'"),
        (frame, ("perimeter='tenure > 500'",), "selects none of the 600 customers"),
    ):
        with pytest.raises(BadInput) as error:
            scored_in(home, changed, tmp_path, *overrides)
        assert told in str(error.value)
        assert len(str(error.value).splitlines()) == 1


def test_a_perimeter_keeps_its_customers(source: Path, tmp_path: Path) -> None:
    made = train_in(
        tmp_path, *QUICK_WIDE, *SOON, *CHURN_ONLY, f"data.path={source}",
        "snapshot.perimeter=\"contract == 'monthly'\"",
    )  # fmt: skip
    inside = pl.read_parquet(source).filter(pl.col("contract") == "monthly")
    assert made.scored["customer_id"].tolist() == inside["id"].to_list()


@pytest.mark.slow
def test_without_a_value_outcome_value_and_potential_are_off_and_say_so(
    source: Path, tmp_path: Path
) -> None:
    made = train_in(tmp_path, *QUICK_WIDE, *SOON, *CHURN_ONLY[:3], f"data.path={source}")
    assert {part: why for part, why in made.story.off.items() if part not in WITH_VALUE} == {
        "value": "no column is named as its outcome (data.outcomes.value)",
        "potential": "value is off, and potential is a quantile of it",
    }
    page = told_by(made)
    assert "Off: no column is named as its outcome" in page
    assert "expected maximum profit is not available: no value of any customer is known" in page
    assert np.isnan(made.metrics["churn/empc"])
    assert "no such campaign was run" not in page
    assert not re.search(r"\b(None|nan|NaN)\b|value is column", page)
    checks = {check.code: check.sentence for check in made.story.checks}
    assert checks["repeats-value"] == "no current value is known"


def test_potential_needs_columns_that_are_named(source: Path, tmp_path: Path) -> None:
    made = train_in(
        tmp_path, *QUICK_WIDE, "data.customer_id=id", "data.outcomes.value=spend_next",
        f"data.path={source}", "parts=[value,potential]", "evaluation.folds=2",
    )  # fmt: skip
    assert "name the others in model.potential.features" in made.story.off["potential"]
    assert made.scored["value_expected"].notna().all()


def test_with_nothing_to_train_there_is_one_line(source: Path, tmp_path: Path) -> None:
    said = refusal(tmp_path, f"data.path={source}", "data.customer_id=id", "parts=[churn,value]")
    assert said.startswith("parts: nothing is left to train; ")
    assert "data.outcomes.churn" in said
    assert "data.outcomes.value" in said


def test_too_few_leavers_are_refused_in_one_line(tmp_path: Path) -> None:
    frame = people(60).with_columns(churn=pl.Series(["Yes"] * 2 + ["No"] * 58))
    path = written(frame, tmp_path)
    said = refusal(tmp_path, *CHURN_ONLY, f"data.path={path}")
    assert "3 folds for 2 customers of one outcome" in said


def test_a_column_too_good_to_be_true_is_an_error_of_the_run(tmp_path: Path) -> None:
    frame = people()
    reasons = [None if churn == "No" else "moved" for churn in frame["churn"]]
    reasons[reasons.index("moved")] = None
    path = written(frame.with_columns(exit_reason=pl.Series(reasons)), tmp_path)
    made = train_in(tmp_path, *QUICK_WIDE, *SOON, *CHURN_ONLY, f"data.path={path}")
    (check,) = [check for check in made.story.checks if check.code == "too-good-column"]
    assert check.severity == "error"
    assert "'exit_reason' (ROC AUC 0.99" in check.sentence
    assert "first: Alone, 'exit_reason'" in summary_lines(made.story)[-1]


@pytest.mark.slow
def test_hostile_names_of_columns_are_trained_told_and_scored(tmp_path: Path) -> None:
    names = [
        '["a"]: {b}, c', "spend in €, last year", "Ancienneté (années)", "🙂", HOSTILE, "a b",
        "a_b", "x" * 300, "line\nbreak", "churn_probability", "behaviour_segment", "active",
        "value_current", "reference_date", "drivers_churn", "Column_0",
    ]  # fmt: skip
    draw = np.random.default_rng(8)
    more = {name: draw.integers(0, 9, 600) for name in names[:-1]}
    frame = people().with_columns(
        **{name: pl.Series(values) for name, values in more.items()},
        **{names[-1]: pl.Series(draw.choice(["[1]", '"2"', HOSTILE], 600))},
    )
    home, path = tmp_path / "home", written(frame, tmp_path)
    made = train_in(home, *QUICK_WIDE, *SOON, *CHURN_ONLY[:3], f"data.path={path}")
    assert "<script" not in made.report.read_text(encoding="utf-8")
    features = {name.removesuffix(" (given)") for name in made.story.catalogue["name"]}
    assert set(names) <= features
    told = {d["feature"] for row in made.scored["drivers_churn"] for d in json.loads(row)}
    assert "tenure" in told
    again = scored_in(home, frame.reverse(), tmp_path / "more", "data.outcomes.value=null",
                      "data.current_value=null")  # fmt: skip
    assert again.frame["churn_probability"].between(0, 1).all()


def test_any_estimator_takes_hostile_names(tmp_path: Path) -> None:
    frame = people().with_columns(pl.col("tenure").alias('["tenure"]: {years}'))
    path = written(frame.drop("tenure"), tmp_path)
    made = train_in(
        tmp_path, *(q for q in QUICK_WIDE if "churn" not in q), *CHURN_ONLY,
        f"data.path={path}", "model/churn=baseline", "evaluation.folds=2",
        "model.churn.features=['[\"tenure\"]: {years}']",
    )  # fmt: skip
    assert made.metrics["churn/roc_auc"] > 0.65


@pytest.mark.slow
def test_thousands_of_columns_are_trained(tmp_path: Path) -> None:
    draw = np.random.default_rng(9)
    many = {f"answer_{i}": draw.integers(0, 5, 600) for i in range(2_100)}
    frame = people().with_columns(**{n: pl.Series(v) for n, v in many.items()})
    made = train_in(
        tmp_path, *QUICK_WIDE, *SOON, *CHURN_ONLY, f"data.path={written(frame, tmp_path)}",
        "model.churn.estimator.n_estimators=15",
    )  # fmt: skip
    assert made.story.catalogue is not None
    assert len(made.story.catalogue) > 2_100
    assert len(made.report.read_text(encoding="utf-8")) < 3_000_000


@pytest.mark.slow
def test_telco_customers_are_trained_from_the_published_columns(tmp_path: Path) -> None:
    frame = pl.read_parquet(shared_file("telco_churn")).head(1_500)
    path = written(frame, tmp_path)
    made = train_in(
        tmp_path, *QUICK_WIDE, *SOON, "data.name=telco", f"data.path={path}",
        "data.customer_id=customerID", "data.outcomes.churn=Churn", "parts=[segments,churn]",
    )  # fmt: skip
    assert made.metrics["churn/roc_auc"] > 0.8
    assert not re.search(r"\b(None|nan|NaN)\b|1970", told_by(made))
    said = " ".join(made.story.said)
    assert "'Yes' of column 'Churn' means leaving" in said
