"""The season of value, and value faded with age: what a usual season and a usual past would be."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from worlds import admitted, churn_settings, data, panel_settings, spec_at

from facette.jobs.fitness import estimator_of
from facette.models.facets import learn_upside, learn_value
from facette.models.validation import sample
from facette.registry.bundle import write_bundle
from facette.registry.customer_model import Bundle
from facette.registry.packaging import as_rows, scored_alone, unconformalised
from facette.settings.models import UpsideModel, ValueModel
from facette.snapshots.panel import Panel, panel, snapshot_at
from facette.snapshots.season import season_ahead, season_at
from facette.snapshots.spec import SnapshotSpec
from facette.tables.contract import Tables

BEGIN = datetime(2020, 1, 6)
END = BEGIN + timedelta(days=800)
CALM, FEAST = 1.0, 3.0


def brings(day: int) -> float:
    """How much the days of a year of whole weeks bring: three times as much in nine of them."""
    return FEAST if 280 <= day % 364 < 343 else CALM


def calendar(
    came: np.ndarray, seed: int = 1, stays: int = 300, *, feasts: bool = True
) -> pl.DataFrame:
    """Purchases of customers who stay so many days each, at rates of their own."""
    rng = np.random.default_rng(seed)
    rate, spend = rng.gamma(2.0, 0.02, len(came)) + 0.02, rng.gamma(2.0, 10.0, len(came))
    season = np.array([brings(day) if feasts else CALM for day in range(800)])
    rows = []
    for i, first in enumerate(came):
        bought = np.flatnonzero(rng.random(800) < rate[i] * season)
        for day in bought[(bought >= first) & (bought < first + stays)]:
            when = BEGIN + timedelta(days=int(day), hours=10)
            rows.append((f"c{i:04d}", when, f"{i}-{day}", round(spend[i] * rng.gamma(4, 0.25), 2)))
    names = ["customer_id", "occurred_at", "transaction_id", "amount"]
    return pl.DataFrame(rows, schema=names, orient="row")


@pytest.fixture(scope="module")
def lines() -> pl.DataFrame:
    return calendar(np.random.default_rng(5).integers(-300, 800, 1500))


def whole(lines: pl.DataFrame) -> Tables:
    return admitted({"transactions": lines}, observed_until=END.date().isoformat())


@pytest.fixture(scope="module")
def tables(lines: pl.DataFrame) -> Tables:
    return whole(lines)


def at(day: int) -> int:
    """A day of the shop in microseconds."""
    return int((BEGIN + timedelta(days=day) - datetime(1970, 1, 1)).total_seconds() * 1e6)


def made(tables: Tables, **changed: Any) -> Panel:
    dates = [
        BEGIN + timedelta(days=d) for d in (330, 430, 540, 644)
    ]  # before the feast, and after it
    settings = {"reference_dates": [d.date().isoformat() for d in dates], "horizon_days": 91}
    return panel(
        tables, panel_settings(**(settings | changed)), churn_settings(),
        data(observed_until=END.date().isoformat()),
    )  # fmt: skip


@pytest.fixture(scope="module")
def seasonal(tables: Tables) -> Panel:
    return made(tables)


def test_the_index_finds_the_feast_and_has_a_mean_of_one(seasonal: Panel) -> None:
    assert isinstance(seasonal.spec, SnapshotSpec)
    season = np.array(seasonal.spec.season)
    assert season.mean() == pytest.approx(1.0)
    start = BEGIN.toordinal() - datetime(1970, 1, 1).toordinal()
    days = start + np.arange(364) + 364
    index = seasonal.spec.season_on(days)
    feast = np.array([brings(day) == FEAST for day in range(364)])
    inside = feast & np.roll(feast, 14) & np.roll(feast, -14)  # weeks beside the edges are smoothed
    outside = ~(feast | np.roll(feast, 14) | np.roll(feast, -14))
    assert index[inside].mean() / index[outside].mean() == pytest.approx(FEAST / CALM, rel=0.3)


def test_value_of_another_season_keeps_its_total_and_would_not_without(
    tables: Tables, seasonal: Panel
) -> None:
    node = {
        "_target_": "lightgbm.LGBMRegressor", "objective": "tweedie", "n_estimators": 60,
        "num_leaves": 4, "random_state": 1, "n_jobs": 1, "verbosity": -1,
    }  # fmt: skip
    settings = ValueModel(name="value", estimator=node, features=None, folds=3)
    totals = {}
    for name, snapshots in (("with", seasonal), ("without", made(tables, seasonal=False))):
        learnt = learn_value(snapshots, settings, estimator_of("value", node), 7)
        said = scored_alone("value", learnt, snapshots.test)
        assert snapshots.test.outcomes is not None
        totals[name] = said.sum() / snapshots.test.outcomes["value"].sum()
    assert totals["with"] == pytest.approx(1, abs=0.25)
    assert abs(np.log(totals["without"])) > 2.5 * abs(np.log(totals["with"]))


def test_the_package_puts_the_season_back_and_tells_a_usual_one_without(
    seasonal: Panel, tmp_path: Path
) -> None:
    node = {
        "_target_": "lightgbm.LGBMRegressor", "objective": "quantile", "alpha": 0.9,
        "n_estimators": 20, "random_state": 1, "n_jobs": 1, "verbosity": -1,
    }  # fmt: skip
    settings = UpsideModel(name="u", estimator=node, features=None, folds=3, tau=0.9, bands=2)
    learnt = learn_upside(seasonal, settings, estimator_of("upside", node), 7)
    write_bundle(tmp_path, {"upside": learnt.files}, {})
    bundle, rows = Bundle.load(tmp_path), as_rows(seasonal.test)
    facet, ahead = bundle.facets["upside"], rows["season_ahead"].iloc[0]
    assert ahead > 1.3
    np.testing.assert_allclose(facet.predict(rows), facet.usual(rows) * ahead)
    np.testing.assert_allclose(facet.usual(rows), facet.usual(rows.assign(season_ahead=0.5)))
    plain = unconformalised(bundle, rows)["upside"]["unconformalised"]
    np.testing.assert_allclose(plain, np.maximum(facet.raw(rows), 0) * ahead)


def test_training_outcomes_are_adjusted_by_what_their_windows_bring(seasonal: Panel) -> None:
    assert isinstance(seasonal.spec, SnapshotSpec)
    plain, usual = sample(seasonal.training, "value"), sample(seasonal.training, "value").adjusted()
    for i, snapshot in enumerate(seasonal.training):
        assert snapshot.reference_date is not None
        t = int((snapshot.reference_date - datetime(1970, 1, 1)).total_seconds() * 1e6)
        ahead = season_ahead(t, seasonal.spec)
        rows = plain.snapshot == i
        np.testing.assert_allclose(usual.outcome[rows] * ahead, plain.outcome[rows])
    assert usual.outcome.sum() > 1.1 * plain.outcome.sum()  # most windows are calm ones


def test_what_happens_after_the_test_date_does_not_make_the_season(
    lines: pl.DataFrame, seasonal: Panel
) -> None:
    late = pl.col("occurred_at") >= BEGIN + timedelta(days=644)
    other = lines.with_columns(amount=pl.when(late).then(pl.col("amount") * 9).otherwise("amount"))
    again = made(whole(other))
    assert again.spec == seasonal.spec
    assert again.test.features.equals(seasonal.test.features)


@pytest.mark.parametrize(
    ("came", "day", "why"),
    [
        (np.arange(300) % 700, 300, "less than 371 days are known"),
        (np.arange(300) % 60, 644, "new customers did not come all year round"),
    ],
)
def test_without_a_year_of_arrivals_there_is_no_season(
    tables: Tables, came: np.ndarray, day: int, why: str
) -> None:
    one = whole(calendar(came))
    spec = made(tables, seasonal=False).spec
    assert isinstance(spec, SnapshotSpec)
    t = int((BEGIN + timedelta(days=day) - datetime(1970, 1, 1)).total_seconds() * 1e6)
    season, said = season_at(one, t, spec)
    assert season == ()
    assert why in said


def test_a_single_order_is_no_season(lines: pl.DataFrame, seasonal: Panel) -> None:
    order = lines.head(1).with_columns(
        occurred_at=pl.lit(BEGIN + timedelta(days=500)), transaction_id=pl.lit("wholesale"),
        amount=lines["amount"].sum() * 2,
    )  # fmt: skip
    spec = made(whole(pl.concat([lines, order], how="vertical_relaxed"))).spec
    assert isinstance(spec, SnapshotSpec)
    assert isinstance(seasonal.spec, SnapshotSpec)
    assert np.max(np.abs(np.array(spec.season) - np.array(seasonal.spec.season))) < 0.1


@pytest.mark.parametrize("history", [40, 300, 700])
def test_who_does_the_same_every_day_has_that_whatever_the_half_life(history: int) -> None:
    days = [BEGIN + timedelta(days=d, hours=9) for d in range(history)]
    lines = pl.DataFrame(
        {
            "customer_id": "steady", "occurred_at": days, "amount": 2.5,
            "transaction_id": [str(i) for i in range(history)],
        }
    )  # fmt: skip
    tables = admitted(
        {"transactions": lines}, observed_until=END.date().isoformat(), margin_rate=0.4
    )
    t = int((BEGIN + timedelta(days=history) - datetime(1970, 1, 1)).total_seconds() * 1e6)
    features = snapshot_at(tables, t, spec_at(tables, t), None, with_outcomes=False).features
    for h in (15, 60, 240):
        assert features[f"value_faded_{h}d"].iloc[0] == pytest.approx(2.5 * 0.4 * 28)
        assert features[f"active_days_faded_{h}d"].iloc[0] == pytest.approx(28)
    for h in (15, 60):
        assert features[f"value_course_{h}d"].iloc[0] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("stays", "came_from"), [(9_999, 0), (300, -300)])
def test_growth_and_chance_are_no_season(stays: int, came_from: int, seed: int) -> None:
    came = np.random.default_rng(seed).integers(came_from, 800, 1_000)
    spec = made(whole(calendar(came, seed, stays, feasts=False))).spec
    assert isinstance(spec, SnapshotSpec)
    ahead = [season_ahead(at(day), spec) for day in range(330, 720, 30)]
    assert max(ahead) / min(ahead) < 1.15
