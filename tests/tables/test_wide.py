"""The door of the wide table: who is who, two-valued and amount outcomes, what is learnt from."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from small_wide import admitted_wide, people, wide_data, written

from facette.errors import BadInput
from facette.settings.data import Reading
from facette.tables.wide import read_wide

Table = pl.DataFrame | str


def refusal(frame: Table, folder: Path, **changed: Any) -> str:
    """The one line that refuses a table."""
    with pytest.raises(BadInput) as error:
        admitted_wide(frame, folder, **changed)
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


def noted(frame: Table, folder: Path, **changed: Any) -> str:
    return "\n".join(admitted_wide(frame, folder, **changed).tables.notes)


def beside(**columns: Any) -> pl.DataFrame:
    """Sixty people with these columns beside an age; a list is repeated over them."""
    made = {n: v if isinstance(v, pl.Series) else (list(v) * 60)[:60] for n, v in columns.items()}
    ages = np.random.default_rng(5).integers(18, 60, 60)
    return pl.DataFrame({"age": ages, **made}, strict=False)


def test_customers_are_named_by_their_column_as_it_was_written(tmp_path: Path) -> None:
    told = "id,x\n007,1\n08,2\nA-1,2\n"
    assert admitted_wide(told, tmp_path, customer_id="id").ids == ["007", "08", "A-1"]


def test_decimal_identifiers_of_a_spreadsheet_lose_their_point_zero(tmp_path: Path) -> None:
    told = "id,x\n1.0,1\n2.0,2\n3.0,2\n"
    assert admitted_wide(told, tmp_path, customer_id="id").ids == ["1", "2", "3"]


def test_without_a_column_customers_are_the_rows_of_the_file(tmp_path: Path) -> None:
    assert admitted_wide("x,y\n1,5\n2,6\n3,6\n", tmp_path).ids == ["1", "2", "3"]


def test_rows_keep_their_number_when_others_are_left_out(tmp_path: Path) -> None:
    table = admitted_wide("x,y\n1,5\n2,6\n3,7\n4,6\n", tmp_path, where="x != 2 and x != 3")
    assert table.ids == ["1", "4"]
    assert table.tables.cleaning[0].dropped == {"x != 2": 1, "x != 3": 1}


def test_a_customer_that_stands_twice_is_refused(tmp_path: Path) -> None:
    said = refusal("id,x\na,1\nb,2\na,3\n", tmp_path, customer_id="id")
    assert said.startswith("data.customer_id: 2 of 3 rows share their 'id' with another (first a)")


def test_a_customer_without_a_name_is_refused_with_the_way_out(tmp_path: Path) -> None:
    frame = "id,x\na,1\n,2\nc,3\n"
    said = refusal(frame, tmp_path, customer_id="id")
    assert "1 of 3 rows have no 'id'" in said
    way_out = re.search(r'data\.where="(.*)"', said)
    assert way_out
    assert admitted_wide(frame, tmp_path, customer_id="id", where=way_out[1]).ids == ["a", "c"]


def test_an_unknown_heading_is_answered_with_the_nearest(tmp_path: Path) -> None:
    frame = people(50)
    for setting, given in (("customer_id", "idd"), ("churn", "chrun"), ("value", "spend_nxt"),
                           ("current_value", "spnt"), ("drop", ["tenur"])):  # fmt: skip
        said = refusal(frame, tmp_path, **{setting: given})
        assert "did you mean" in said
        assert setting in said.split(":")[0]


def test_headings_are_found_without_regard_to_case_and_signs(tmp_path: Path) -> None:
    told = "N° client;Résilié;x\na;oui;1\nb;non;2\nc;non;3\n"
    table = admitted_wide(told, tmp_path, customer_id="n_client", churn="resilie")
    assert table.outcomes["churned"].to_list() == [1, 0, 0]
    assert table.features.columns == ["x"]


def test_one_column_cannot_play_two_parts(tmp_path: Path) -> None:
    said = refusal(people(50), tmp_path, value="spent", current_value="spent")
    assert said.startswith("data.outcomes.value: 'spent' is named in data.current_value as well")


@pytest.mark.parametrize(
    ("values", "positive"),
    [
        (["Yes", "No"], "Yes"), (["TRUE", "FALSE"], "TRUE"), ([1, 0], "1"), ([1.0, 0.0], "1"),
        ([True, False], "true"), (["oui", "non"], "oui"), (["y", "n"], "y"), ([1, -1], "1"),
        (["Churned", "Stayed"], "Churned"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_the_value_that_means_leaving_is_recognised_and_said(
    values: list[Any], positive: str, kind: str, tmp_path: Path
) -> None:
    frame = beside(gone=[values[0], values[1], values[1]])
    table = admitted_wide(frame if kind == "parquet" else frame.write_csv(), tmp_path, churn="gone")
    assert table.outcomes["churned"].to_list() == [1, 0, 0] * 20
    said = [note for note in table.tables.notes if note.startswith("churn:")]
    assert len(said) == 1
    assert said[0].casefold() == (
        f"churn: '{positive}' of column 'gone' means leaving: 20 of 60 customers".casefold()
    )


@pytest.mark.parametrize("values", [["a", "b"], [1, 2], ["Yes", "True"], ["0.5", "1.0"]])
def test_where_leaving_is_not_plain_it_is_asked_for(values: list[Any], tmp_path: Path) -> None:
    said = refusal(beside(gone=values), tmp_path, churn="gone")
    assert "which of them means leaving is not plain" in said
    asked = re.search(r"write data\.outcomes\.churn_positive=(.+) or data", said)
    assert asked
    table = admitted_wide(beside(gone=values), tmp_path, churn="gone", churn_positive=asked[1])
    assert table.outcomes["churned"].sum() == 30


@pytest.mark.parametrize(
    ("values", "given"), [([True, False], "True"), ([1, 2], "1.0"), (["yes", "no"], "Yes")]
)
def test_the_positive_value_is_found_as_yaml_writes_it(
    values: list[Any], given: str, tmp_path: Path
) -> None:
    table = admitted_wide(beside(gone=values), tmp_path, churn="gone", churn_positive=given)
    assert table.outcomes["churned"].to_list()[:2] == [1, 0]


def test_a_positive_value_that_is_not_there_is_refused(tmp_path: Path) -> None:
    said = refusal(beside(gone=["Yes", "No"]), tmp_path, churn="gone", churn_positive="maybe")
    assert "'maybe' is not among them" in said


def test_another_meaning_of_the_two_values_is_said(tmp_path: Path) -> None:
    said = noted(beside(y=["yes", "no"]), tmp_path, churn="y", churn_means="taking the deposit")
    assert "'yes' of column 'y' means taking the deposit: 30 of 60" in said


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (["Yes", "No", "Perhaps"], "holds 3 values ('No', 'Perhaps', 'Yes')"),
        (["Yes"], "holds 1 values ('Yes')"),
        ([None], "holds 0 values,"),
        (list(range(60)), "holds 60 values"),
    ],
)
def test_an_outcome_without_two_values_is_refused(
    values: list[Any], told: str, tmp_path: Path
) -> None:
    said = refusal(beside(gone=values), tmp_path, churn="gone")
    assert told in said
    assert "two are needed" in said


def test_missing_outcomes_are_kept_and_said(tmp_path: Path) -> None:
    frame = beside(gone=["Yes", "No", None], next=[1.5, None, 2.5])
    table = admitted_wide(frame, tmp_path, churn="gone", value="next")
    assert len(table.ids) == 60
    assert table.outcomes.null_count().row(0) == (20, 20)
    said = "\n".join(table.tables.notes)
    assert "20 customers have no churned outcome: they are not learnt from" in said
    assert "20 customers have no value outcome" in said
    assert "20 of 40 customers" in said


def test_a_value_that_is_no_number_is_refused_with_the_first(tmp_path: Path) -> None:
    said = refusal(beside(next=["1.5", "2 or 3", "4"]), tmp_path, value="next")
    assert "20 of 60 values of 'next' are no numbers (first '2 or 3'" in said


def test_an_empty_or_infinite_value_is_refused(tmp_path: Path) -> None:
    assert "is empty in every row" in refusal(
        beside(next=pl.Series([None] * 60, dtype=pl.Float64)), tmp_path, value="next"
    )
    assert "20 of 60 values of 'next' are infinite" in refusal(
        beside(next=[1.0, np.inf, 3.0]), tmp_path, value="next"
    )


def test_text_amounts_of_a_database_are_read_as_numbers(tmp_path: Path) -> None:
    table = admitted_wide(beside(next=["1.5", "-2", "4"]), tmp_path, value="next")
    assert table.outcomes["value"].to_list()[:3] == [1.5, -2, 4]


@pytest.mark.parametrize("copied", [["left", "stayed"], [0, 1], ["gone", None], [7.5, -2.0]])
def test_the_outcome_under_another_name_is_refused(copied: list[Any], tmp_path: Path) -> None:
    said = refusal(beside(gone=["Yes", "No"], status=copied), tmp_path, churn="gone")
    assert "column 'status' is the churned outcome under another name" in said
    assert "data.drop=['status']" in said
    frame = beside(gone=["Yes", "No"], status=copied)
    assert admitted_wide(frame, tmp_path, churn="gone", drop=["status"]).features.width == 1


def test_the_value_in_another_unit_is_refused(tmp_path: Path) -> None:
    frame = people(80).with_columns(in_cents=pl.col("spend_next") * -100 + 3)
    said = refusal(frame, tmp_path, value="spend_next")
    assert "'in_cents' is the value outcome under another name" in said


def test_a_column_that_only_tends_to_the_outcome_stays(tmp_path: Path) -> None:
    frame = beside(gone=["Yes", "No"], near=["left", "stayed"]).with_row_index()
    near = pl.when(pl.col("index") == 7).then(pl.lit("left")).otherwise("near").alias("near")
    table = admitted_wide(frame.with_columns(near).drop("index"), tmp_path, churn="gone")
    assert "near" in table.features.columns


def test_what_cannot_be_learnt_from_is_left_out_and_said(tmp_path: Path) -> None:
    frame = people(300).with_columns(
        since=pl.date(2020, 1, 1), at=pl.datetime(2020, 1, 1, 12), same=pl.lit("x"),
        empty=pl.lit(None, pl.Float64), row=pl.int_range(300) + 5,
        road=pl.min_horizontal(pl.int_range(300), 250).cast(pl.String) + " Road",
        AccountNo=pl.int_range(300) * 37 % 10007, tags=pl.concat_list("colour", "contract"),
        mail=pl.col("id") + "@example.org",
    )  # fmt: skip
    table = admitted_wide(frame, tmp_path, customer_id="id", churn="churn")
    assert table.left == {
        "dates mean nothing without a reference date": ["since", "at"],
        "the same for everyone": ["same", "empty"],
        "text with more than 200 values": ["road"],
        "identifiers": ["row", "AccountNo", "mail"],
        "neither numbers nor text": ["tags"],
    }
    said = "\n".join(table.tables.notes)
    for why, names in table.left.items():
        assert f"left out, {why}: {', '.join(names)}" in said


def test_whole_numbers_that_repeat_or_have_gaps_are_no_identifiers(tmp_path: Path) -> None:
    gaps = np.random.default_rng(2).choice(10_000, 60, replace=False)
    table = admitted_wide(beside(salary=pl.Series(gaps), paid=[1, 2, 3]), tmp_path)
    assert table.features.columns == ["age", "salary", "paid"]


def test_a_column_filled_for_some_alone_is_kept(tmp_path: Path) -> None:
    table = admitted_wide(
        beside(card=["gold", None], bonus=[5, None], news=["yes", None]), tmp_path
    )
    assert table.features.columns == ["age", "card", "bonus", "news"]
    assert table.yes_no == ()


def test_yes_and_no_become_one_and_nought(tmp_path: Path) -> None:
    frame = beside(
        a=["Yes", "no", None], b=["T", "f"], c=[True, False], d=["oui", "NON"], e=["yes", "perhaps"]
    )
    table = admitted_wide(frame, tmp_path)
    assert table.yes_no == ("a", "b", "c", "d")
    assert table.features["a"].to_list()[:3] == [1, 0, None]
    assert table.features.select("b", "c", "d").unique().sort("b").rows() == [(0, 0, 0), (1, 1, 1)]
    assert table.features.schema["e"] == pl.String


def test_infinite_numbers_are_refused_unless_left_out(tmp_path: Path) -> None:
    frame = beside(rate=[0.5, np.inf, np.nan, 2.0])
    assert "15 of 60 values of 'rate' are infinite" in refusal(frame, tmp_path)
    assert admitted_wide(frame, tmp_path, drop=["rate"]).features.columns == ["age"]


def test_nan_counts_as_missing(tmp_path: Path) -> None:
    table = admitted_wide(beside(rate=[0.5, np.nan, 2.0]), tmp_path)
    assert table.features["rate"].null_count() == 20


def test_dates_in_doubt_are_refused_with_both_ways_out(tmp_path: Path) -> None:
    told = "x,since\n1,01/02/2020\n2,02/03/2020\n2,03/04/2020\n"
    said = refusal(told, tmp_path)
    assert "data.read.date_format" in said
    assert "data.drop=['since']" in said
    assert admitted_wide(told, tmp_path, drop=["since"]).features.columns == ["x"]
    read = Reading(date_format="%d/%m/%Y")
    assert admitted_wide(told, tmp_path, read=read).features.columns == ["x"]


def test_a_decimal_comma_is_recognised(tmp_path: Path) -> None:
    table = admitted_wide("a;b\n1,5;x\n2,25;y\n3,0;x\n", tmp_path)
    assert table.features["a"].to_list() == [1.5, 2.25, 3.0]


def test_names_we_use_ourselves_are_told_apart_and_said(tmp_path: Path) -> None:
    names = ["active", "value", "churned", "value_current", "reference_date", "customer_id"]
    columns = {name: np.random.default_rng(i).integers(0, 9, 60) for i, name in enumerate(names)}
    frame = beside(**{n: pl.Series(c) for n, c in columns.items()}, gone=["Yes", "No", "No"])
    frame = frame.with_columns(pl.Series("active (given)", columns["active"][::-1]))
    table = admitted_wide(frame, tmp_path, churn="gone")
    assert set(names) & set(table.features.columns) == set()
    assert table.sources["value (given)"] == "value"
    assert table.features["active (given) (given)"].to_list() == columns["active"].tolist()
    assert "column 'active' is called 'active (given) (given)' here" in table.tables.notes


def test_nothing_to_learn_from_is_refused_with_the_reasons(tmp_path: Path) -> None:
    said = refusal("id,since\na,2020-01-31\nb,2020-03-01\n", tmp_path, customer_id="id")
    assert said.startswith("data: no column of people.csv is left to learn from (dates mean")
    said = refusal(beside(same=["x"]), tmp_path, drop=["age"])
    assert "is left to learn from (the same for everyone: same)" in said


def test_the_file_and_its_order_are_kept(tmp_path: Path) -> None:
    frame = people(70)
    table = admitted_wide(frame, tmp_path, customer_id="id", churn="churn", value="spend_next")
    assert table.ids == frame["id"].to_list()
    assert table.features["tenure"].to_list() == frame["tenure"].to_list()
    assert table.tables["wide"].collect_schema().names() == frame.columns
    assert list(table.tables.digests) == ["people.parquet"]


def test_a_table_to_be_scored_needs_no_outcome(tmp_path: Path) -> None:
    frame = people(40).drop("churn", "spend_next")
    data = wide_data(written(frame, tmp_path), customer_id="id", churn="churn", value="spend_next")
    table = read_wide(data, with_outcomes=False)
    assert table.outcomes.width == 0
    assert "No" in table.features["paperless"].to_list()
    with pytest.raises(BadInput, match=r"data\.outcomes\.churn: people\.parquet has no column"):
        read_wide(data, with_outcomes=True)


@pytest.mark.parametrize("heading", ["total_paid", "amountPaid", "casino", "Piano", "keyed", "bid"])
def test_words_that_end_like_an_identifier_are_learnt_from(heading: str, tmp_path: Path) -> None:
    gaps = pl.Series(np.random.default_rng(2).choice(10_000, 60, replace=False))
    assert admitted_wide(beside(**{heading: gaps}), tmp_path).features.columns == ["age", heading]


@pytest.mark.parametrize("heading", ["id", "ID", "Customer_ID", "client no", "accountNo", "userId"])
def test_numbers_called_an_identifier_are_left_out(heading: str, tmp_path: Path) -> None:
    gaps = pl.Series(np.random.default_rng(2).choice(10_000, 60, replace=False))
    table = admitted_wide(beside(**{heading: gaps}), tmp_path)
    assert table.left == {"identifiers": [heading]}


@pytest.mark.parametrize("words", [["Yes", "no", None], [True, False, None], [1, 0, 0]])
@pytest.mark.parametrize("kind", ["parquet", "csv"])
@pytest.mark.parametrize("with_outcomes", [True, False])
def test_who_objected_to_marketing_is_left_out_and_counted(
    words: list[Any], kind: str, with_outcomes: bool, tmp_path: Path
) -> None:
    frame = beside(Objected=words)
    told = frame if kind == "parquet" else frame.write_csv()
    table = admitted_wide(told, tmp_path, with_outcomes=with_outcomes, where="age > 0")
    assert table.ids == [str(i + 1) for i in range(60) if i % 3]
    assert table.features.columns == ["age"]
    (cleaned,) = table.tables.cleaning
    assert cleaned.dropped == {"age > 0": 0, "did not object to marketing": 20}
    assert (cleaned.rows_in, cleaned.kept, table.tables.rows["wide"]) == (60, 40, 40)
    said = "20 customers objected to marketing (column 'Objected'): left out"
    assert said in table.tables.notes


def test_objections_that_cannot_be_read_or_leave_nobody_are_refused(tmp_path: Path) -> None:
    said = refusal(beside(objected=["yes", "no", "by mail"]), tmp_path)
    assert "20 of 60 values of 'objected' are neither yes nor no (first 'by mail'" in said
    assert "'objected' is yes for all 60 customers" in refusal(beside(objected=[1]), tmp_path)
