"""A wide table as one undated snapshot: the columns of training, whatever comes to be scored."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from small_wide import admitted_wide, people

from facette.errors import BadInput
from facette.snapshots.catalogue import catalogue
from facette.snapshots.panel import Panel, Snapshot
from facette.snapshots.protected import Protected, for_scoring
from facette.snapshots.wide import wide_panel, wide_snapshot

ROLES: dict[str, Any] = {"customer_id": "id", "churn": "churn", "value": "spend_next"}


def panel_of(frame: pl.DataFrame | str, folder: Path, perimeter: str | None = None,
             protected: Protected | None = None, **changed: Any) -> Panel:  # fmt: skip
    table = admitted_wide(frame, folder / "training", **(ROLES | changed))
    return wide_panel(table, perimeter, protected or {})


def scored_as(panel: Panel, frame: pl.DataFrame | str, folder: Path, **changed: Any) -> Snapshot:
    table = admitted_wide(frame, folder / "scoring", with_outcomes=False, **(ROLES | changed))
    return wide_snapshot(table, panel.spec, None)  # type: ignore[arg-type]


def scoring_refusal(panel: Panel, frame: pl.DataFrame | str, folder: Path, **changed: Any) -> str:
    with pytest.raises(BadInput) as error:
        scored_as(panel, frame, folder, **changed)
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


def test_there_is_one_snapshot_without_a_date(tmp_path: Path) -> None:
    panel = panel_of(people(), tmp_path)
    assert not panel.dated
    assert panel.snapshots == [panel.test]
    assert panel.training == [panel.test]
    assert panel.test.reference_date is None
    assert panel.dates() == ["undated", "undated"]
    assert panel.reach_days is None


def test_outcomes_and_rows_that_models_may_not_see_are_no_features(tmp_path: Path) -> None:
    panel = panel_of(people(), tmp_path, current_value="spent")
    test, frame = panel.test, people()
    assert set(test.features) == set(frame.columns) - {"id", "churn", "spend_next"}
    assert test.context["value_current"].tolist() == frame["spent"].to_list()
    assert test.outcomes is not None
    assert test.outcomes["value"].tolist() == frame["spend_next"].to_list()
    assert test.outcomes["churned"].tolist() == (frame["churn"] == "Yes").to_list()
    assert test.features.index.tolist() == frame["id"].to_list()


def test_what_is_not_given_is_not_known(tmp_path: Path) -> None:
    test = panel_of(people(), tmp_path, value=None).test
    assert test.outcomes is not None
    assert test.outcomes["value"].isna().all()
    assert test.context["value_current"].isna().all()


def test_the_perimeter_reads_the_columns_of_the_table(tmp_path: Path) -> None:
    panel = panel_of(
        people(), tmp_path, "contract == 'monthly' and tenure >= 12 and paperless == 1"
    )
    features = panel.test.features
    assert 0 < len(features) < 300
    assert (features["contract"] == "monthly").all()
    assert features["tenure"].min() >= 12
    assert panel.test.outcomes is not None
    assert panel.test.outcomes.index.equals(features.index)


def test_a_perimeter_cannot_read_outcomes(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="spend_next"):
        panel_of(people(), tmp_path, "spend_next > 0")


def test_an_empty_perimeter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="selects none of the 600 customers"):
        panel_of(people(), tmp_path, "tenure > 1000")


def test_the_catalogue_names_every_column_in_order(tmp_path: Path) -> None:
    panel = panel_of(people(), tmp_path)
    features = catalogue(panel.spec)
    assert list(features) == list(panel.test.features)
    assert features["contract"].category
    assert not features["paperless"].category
    assert features["paperless"].low == "no paperless"
    assert features["shoe_size"].high == "high shoe size"


def test_equal_files_have_equal_digests_and_one_cell_changes_them(tmp_path: Path) -> None:
    first, again = (panel_of(people(), tmp_path / name) for name in "ab")
    assert first.digests() == again.digests()
    moved = people().with_columns(tenure=pl.col("tenure") + (pl.col("id") == "c0007"))
    assert panel_of(moved, tmp_path / "c").digests() != first.digests()


def test_columns_in_another_order_and_others_beside_them_change_nothing(tmp_path: Path) -> None:
    frame = people()
    panel = panel_of(frame, tmp_path)
    turned = frame.select(frame.columns[::-1]).with_columns(
        since=pl.date(2020, 1, 1), endless=pl.lit(np.inf), tags=pl.concat_list("colour")
    )
    made = scored_as(panel, turned, tmp_path)
    pd.testing.assert_frame_equal(made.features, panel.test.features, check_exact=True)


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_one_customer_has_the_features_of_training(kind: str, tmp_path: Path) -> None:
    frame = people().with_columns(
        floor=pl.Series([["1", "2", "ground"][i % 3] for i in range(600)]),
        level=pl.Series([["1.0", "2.0", "top"][i % 3] for i in range(600)]),
    )
    panel = panel_of(frame if kind == "parquet" else frame.write_csv(), tmp_path)
    for row in (0, 1, 2, 7, 599):
        one = frame[row].drop("churn", "spend_next")
        made = scored_as(panel, one if kind == "parquet" else one.write_csv(), tmp_path)
        expected = panel.test.features.iloc[[row]]
        pd.testing.assert_frame_equal(made.features, expected, check_exact=True)


def test_a_category_that_reads_as_a_number_alone_stays_what_was_written(tmp_path: Path) -> None:
    told = "id;area;x\n" + "".join(
        f"c{i};{['7,50', '8,00', 'none'][i % 3]};{i % 7}\n" for i in range(60)
    )
    panel = panel_of(told, tmp_path, churn=None, value=None)
    made = scored_as(panel, "id;area;x\nq;8,00;3\n", tmp_path, churn=None, value=None)
    assert made.features["area"].tolist() == ["8,00"]


def test_a_missing_column_is_refused_by_name(tmp_path: Path) -> None:
    panel = panel_of(people(), tmp_path)
    said = scoring_refusal(panel, people(30).drop("tenure", "income"), tmp_path)
    assert said == "data: columns used at training are missing: tenure, income"


def test_text_where_numbers_were_is_refused(tmp_path: Path) -> None:
    panel = panel_of(people(), tmp_path)
    changed = people(30).with_columns(tenure=pl.lit("long"))
    assert "'tenure' held numbers at training" in scoring_refusal(panel, changed, tmp_path)


def test_infinity_is_refused_where_the_model_reads_it(tmp_path: Path) -> None:
    panel = panel_of(people(), tmp_path)
    changed = people(30).with_columns(tenure=pl.lit(np.inf))
    assert "30 of 30 values of 'tenure' are infinite" in scoring_refusal(panel, changed, tmp_path)


def test_doubts_count_only_where_the_model_reads_the_column(tmp_path: Path) -> None:
    told = "id;x;y\n" + "".join(f"c{i};{i % 7},5;{i % 3}\n" for i in range(30))
    panel = panel_of(told, tmp_path, churn=None, value=None)
    roles: dict[str, Any] = {"churn": None, "value": None}
    unused = scored_as(panel, "id;x;y;z\na;1,25;2;1,250\n", tmp_path, **roles)
    assert unused.features.to_numpy().tolist() == [[1.25, 2]]
    said = scoring_refusal(panel, "id;x;y\na;1,250;2\n", tmp_path, **roles)
    assert "column 'x' holds '1,250'" in said
    assert "data.read.decimal" in said


def test_unseen_categories_and_missing_cells_are_kept(tmp_path: Path) -> None:
    panel = panel_of(people(), tmp_path)
    changed = people(30).with_columns(
        contract=pl.lit("for life"), income=pl.lit(None, pl.Float64),
        paperless=pl.lit(None, pl.String),
    )  # fmt: skip
    made = scored_as(panel, changed, tmp_path)
    assert (made.features["contract"] == "for life").all()
    assert made.features[["income", "paperless"]].isna().all(axis=None)


def test_flags_are_read_in_any_of_their_forms(tmp_path: Path) -> None:
    panel = panel_of(people(), tmp_path)
    for said in ("Yes", "true", "1", 1, True):
        made = scored_as(panel, people(30).with_columns(paperless=pl.lit(said)), tmp_path)
        assert (made.features["paperless"] == 1).all()


@pytest.mark.parametrize("words", [("Enabled", "Disabled"), ("Yes", "perhaps"), (1, 2)])
def test_other_words_where_yes_and_no_were_are_refused(
    words: tuple[Any, Any], tmp_path: Path
) -> None:
    panel = panel_of(people(), tmp_path)
    changed = people(30).with_columns(paperless=pl.Series([words[i % 2] for i in range(30)]))
    said = scoring_refusal(panel, changed, tmp_path)
    assert said.startswith("data: 'paperless' held yes and no at training, and ")
    assert f"{30 if 'Enabled' in words else 15} of 30 values are neither now" in said


def test_a_protected_column_is_no_feature_and_need_not_be_brought_to_score(tmp_path: Path) -> None:
    panel = panel_of(people(), tmp_path, protected={"colour": None, "income": "asked by the law"})
    assert "colour" not in panel.test.features
    assert "colour" not in catalogue(panel.spec)
    assert panel.test.protected is not None
    assert panel.test.protected["colour"].tolist() == people()["colour"].to_list()
    assert "income" in panel.test.features
    lighter = replace(panel, spec=for_scoring(panel.spec, None))  # type: ignore[type-var]
    scored = scored_as(lighter, people().drop("colour"), tmp_path)
    pd.testing.assert_frame_equal(scored.features, panel.test.features)


def test_a_protected_column_that_is_nowhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"color is neither .* did you mean 'colour'"):
        panel_of(people(), tmp_path, protected={"color": None})


def test_a_protected_column_may_be_dropped_or_have_a_role_besides(tmp_path: Path) -> None:
    panel = panel_of(people(), tmp_path, protected={"id": None, "colour": None}, drop=["colour"])
    assert panel.test.protected is None
