"""Features are what their sentences say, the same on every engine, each with its words."""

import json
import re
from datetime import timedelta

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import plain
import polars as pl
import pytest
from dealings import whole_shop
from worlds import START, admitted, at, shop, spec_at

from facette.snapshots.aggregates import aggregates_at
from facette.snapshots.catalogue import catalogue, of_families, table
from facette.snapshots.outcomes import outcomes_after, past_windows
from facette.snapshots.panel import Snapshot, snapshot_at
from facette.snapshots.relations import related_at
from facette.snapshots.spec import SnapshotSpec
from facette.snapshots.usage import usage_at
from facette.tables.contract import CONTRACTS, Tables

T = at((START + timedelta(days=170)).isoformat())


@pytest.fixture(scope="module", params=[False, True], ids=["static", "dated"])
def tables(request: pytest.FixtureRequest) -> Tables:
    return admitted(whole_shop(11, customers=30, dated=request.param))


@pytest.fixture(scope="module")
def spec(tables: Tables) -> SnapshotSpec:
    return spec_at(tables, T)


@pytest.fixture(scope="module")
def snapshot(tables: Tables, spec: SnapshotSpec) -> Snapshot:
    return snapshot_at(tables, T, spec, None, with_outcomes=True)


@pytest.fixture(scope="module")
def recomputed(tables: Tables, spec: SnapshotSpec) -> pd.DataFrame:
    return plain.features(tables, T, spec)


FAMILIES = [
    "purchase", "basket", "occasion", "discount", "mix", "reaction", "profile", "relation",
    "stated", "consent", "event",
]  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_features_equal_a_plain_recomputation(
    family: str, snapshot: Snapshot, recomputed: pd.DataFrame, spec: SnapshotSpec
) -> None:
    names = list(of_families(catalogue(spec), [family]))
    assert names
    assert list(snapshot.features.index) == sorted(recomputed.index)
    for name in names:
        made, again = snapshot.features[name], recomputed[name].reindex(snapshot.features.index)
        if catalogue(spec)[name].category:
            assert made.dropna().to_dict() == again.dropna().to_dict()
        else:
            np.testing.assert_allclose(made, again.astype(float), rtol=1e-9, atol=1e-12)


def test_every_feature_takes_more_than_one_value_in_the_world_it_is_tested_in(
    snapshot: Snapshot,
) -> None:
    assert (snapshot.features.nunique() > 1).all()


def test_outcomes_equal_a_plain_recomputation(
    snapshot: Snapshot, tables: Tables, spec: SnapshotSpec
) -> None:
    again = plain.outcomes(tables, T, spec, snapshot.features.index)
    np.testing.assert_allclose(snapshot.outcomes["value"], again["value"], rtol=1e-12)
    np.testing.assert_array_equal(snapshot.outcomes["churned"], again["churned"])
    assert set(snapshot.outcomes["churned"].dropna()) == {0.0, 1.0}


def on_duckdb(tables: Tables) -> Tables:
    """The same tables as relations of a database."""
    session = duckdb.connect()
    frames = {
        name: nw.from_native(session.from_arrow(frame.collect("pyarrow").to_native()))
        for name, frame in tables.frames.items()
    }
    return Tables(frames, tables.first_at, tables.observed_until)


def integers(frame: nw.LazyFrame) -> pl.DataFrame:
    rows = pl.from_arrow(frame.collect("pyarrow").to_native())
    assert isinstance(rows, pl.DataFrame)
    return rows.select(sorted(rows.columns)).sort("customer_id")


@pytest.mark.parametrize("late", [False, True], ids=["in order", "answers before their campaign"])
def test_duckdb_and_polars_give_the_same_integers(
    tables: Tables, spec: SnapshotSpec, late: bool
) -> None:
    if late:
        contacts = tables["contacts"].with_columns(
            responded_at=nw.col("responded_at") - 40 * 86_400_000_000 - 1
        )
        tables = Tables(tables.frames | {"contacts": contacts}, tables.first_at, 0)
    other = on_duckdb(tables)
    pairs = [(aggregates_at(tables, T, spec), aggregates_at(other, T, spec))]
    pairs += zip(past_windows(tables, T, spec), past_windows(other, T, spec), strict=True)
    pairs += zip(related_at(tables, T, spec), related_at(other, T, spec), strict=True)
    pairs += zip(usage_at(tables, T, spec), usage_at(other, T, spec), strict=True)
    pairs += zip(outcomes_after(tables, T, spec), outcomes_after(other, T, spec), strict=True)
    for one, two in pairs:
        polars, duck = integers(one), integers(two)
        assert polars.equals(duck)
        texts = [c for c in polars.columns if c.startswith(("attribute_", "answer_"))]
        numbers = polars.drop("customer_id", *texts)
        assert set(numbers.dtypes) <= {pl.Int64}
        assert numbers.dtypes == duck.select(numbers.columns).dtypes


def on_spark(tables: Tables) -> Tables:
    """The same tables as frames of a local Spark session."""
    sql = pytest.importorskip("pyspark.sql")
    session = sql.SparkSession.builder.master("local[1]").getOrCreate()
    frames = {
        name: nw.from_native(session.createDataFrame(frame.collect("pyarrow").to_native()))
        for name, frame in tables.frames.items()
    }
    return Tables(frames, tables.first_at, tables.observed_until)


@pytest.mark.spark
def test_spark_and_polars_give_the_same_integers(tables: Tables, spec: SnapshotSpec) -> None:
    other = on_spark(tables)
    for frames in (lambda t: [aggregates_at(t, T, spec)], lambda t: related_at(t, T, spec),
                   lambda t: usage_at(t, T, spec)):  # fmt: skip
        for one, two in zip(frames(tables), frames(other), strict=True):
            assert integers(one).equals(integers(two))


def test_duckdb_and_polars_fix_the_same_constants_and_snapshot(
    tables: Tables, spec: SnapshotSpec, snapshot: Snapshot
) -> None:
    other = on_duckdb(tables)
    assert spec_at(other, T) == spec
    made = snapshot_at(other, T, spec, None, with_outcomes=True)
    for part in ("features", "context", "outcomes"):
        pd.testing.assert_frame_equal(
            getattr(made, part), getattr(snapshot, part), check_exact=True
        )


def test_the_catalogue_names_every_feature_and_no_other(
    snapshot: Snapshot, spec: SnapshotSpec
) -> None:
    assert list(snapshot.features.columns) == list(catalogue(spec))
    assert list(table(catalogue(spec))["name"]) == list(snapshot.features.columns)


@pytest.mark.parametrize(
    ("off", "gone"),
    [
        ("contacts", ["response_rate", "contacts_received"]),
        ("products", ["category_entropy", "categories"]),
        ("customers", ["region", "tenure_days"]),
        ("discount", ["discount_rate"]),
        ("product", ["repeat_line_share", "category_entropy"]),
    ],
)
def test_an_absent_table_or_column_switches_its_features_off(off: str, gone: list[str]) -> None:
    frames = {name: frame for name, frame in shop(11, customers=10).items() if name != off}
    if off in frames["transactions"].columns:
        frames["transactions"] = frames["transactions"].drop(off)
    tables = admitted(frames)
    spec = spec_at(tables, T)
    made = snapshot_at(tables, T, spec, None, with_outcomes=False).features
    assert list(made.columns) == list(catalogue(spec))
    assert set(gone) & set(made.columns) == set()


def test_every_sentence_is_filled_in_both_languages(spec: SnapshotSpec) -> None:
    for feature in catalogue(spec).values():
        texts = (feature.name, feature.english, feature.french, feature.source, feature.high,
                 feature.low)  # fmt: skip
        assert not any(re.search(r"[{}]", text) for text in texts)
        assert feature.english
        assert feature.french
        assert feature.source.split(".")[0] in CONTRACTS


def test_sentences_of_columns_that_are_not_attributes_differ(spec: SnapshotSpec) -> None:
    told = [f for f in catalogue(spec).values() if not f.category]
    assert len({f.english for f in told}) == len(told)
    assert len({f.french for f in told}) == len(told)
    assert not [f.name for f in told if f.english == f.french]


def test_windows_and_categories_stand_in_the_sentences(spec: SnapshotSpec) -> None:
    listed = catalogue(spec)
    assert listed["spend_56d"].english == "spend in the last 56 days"
    assert "112" in listed["first_seen_days"].english
    assert [listed[n].english for n in listed if n.startswith("share_")] == [
        f"share of spend in {category}" for category in spec.categories
    ]


def test_every_behavioural_feature_has_a_word_of_its_own_for_names(spec: SnapshotSpec) -> None:
    behavioural = [f for f in catalogue(spec).values() if f.behavioural]
    assert len(behavioural) >= 8
    assert [f.name for f in behavioural if not f.high] == []
    words = [word for f in behavioural for word in (f.high, f.low) if word]
    assert len(set(words)) == len(words)


def test_behavioural_features_are_rates_and_shares_of_the_customers_own_doing(
    spec: SnapshotSpec,
) -> None:
    behavioural = [f for f in catalogue(spec).values() if f.behavioural]
    assert {f.unit for f in behavioural} <= {"share", "ratio", "nats", "days", "per 30 days"}
    assert not [f.name for f in behavioural if f.category]
    assert "contacts_received" not in {f.name for f in behavioural}


def test_categories_whose_names_would_meet_keep_a_column_each() -> None:
    frames = shop(11, customers=20)
    both = {"Wine": "Meat Fish", "Bread": "Meat & Fish"}
    frames["products"] = frames["products"].with_columns(pl.col("category").replace(both))
    tables = admitted(frames)
    spec = spec_at(tables, T, categories=12)
    made = snapshot_at(tables, T, spec, None, with_outcomes=False).features
    assert len([c for c in made.columns if c.startswith("share_")]) == len(spec.categories)


def test_constants_pass_through_json_unchanged(spec: SnapshotSpec) -> None:
    assert SnapshotSpec.from_dict(json.loads(json.dumps(spec.as_dict()))) == spec


def test_the_largest_categories_by_spend_known_then_have_a_share_of_their_own(
    tables: Tables,
) -> None:
    lines = tables["transactions"].collect("pandas").to_native()
    known = lines[(lines.recorded_at < T) & (lines.amount > 0)]
    largest = known.groupby("category").amount.sum().nlargest(4).index
    assert spec_at(tables, T, categories=4).categories == tuple(largest)
    assert spec_at(tables, T, categories=0).categories == ()


def test_bringing_something_back_is_no_purchase() -> None:
    days = [START, START + timedelta(days=150), START + timedelta(days=200)]
    lines = pl.DataFrame(
        {
            "customer_id": ["keeps", "keeps", "keeps", "returns", "returns", "returns"],
            "occurred_at": days * 2,
            "transaction_id": [str(i) for i in range(6)],
            "amount": [5.0, 5.0, 5.0, 5.0, 5.0, -5.0],
        }
    )
    small = admitted({"transactions": lines.lazy()})
    made = snapshot_at(small, T, spec_at(small, T), None, with_outcomes=True)
    assert made.outcomes is not None
    assert made.outcomes["churned"].to_dict() == {"keeps": 0.0, "returns": 1.0}
