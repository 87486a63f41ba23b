"""A mapping names headings loosely or computes; what it can't find, it says, with the nearest."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from own_files import files_data, rows_of, tables_of

from facette.errors import BadInput
from facette.settings.data import Reading, TableFile
from facette.tables.contract import Tables
from facette.tables.door import read
from facette.tables.mapping import found_heading

TEXT = """\
N° client;Date d'achat;Montant (€);Quantité;Prix;Facture;Canal
A1;2023-01-15;10,50;2;5,25;F1;web
B2;2023-01-16;-3,00;-1;3,00;C2;
C3;2023-01-17;7,25;1;7,25;F3;shop
"""
COLUMNS = {"customer_id": "N° client", "occurred_at": "Date d'achat", "amount": "Montant (€)"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    place = tmp_path / "ventes.csv"
    place.write_text(TEXT, encoding="utf-8")
    return place


def column(path: Path, name: str, text: str, where: str | None = None) -> list[object]:
    """What a column of the contract holds when it is mapped to this."""
    tables = tables_of(path, columns=COLUMNS | {name: text}, where=where)
    return rows_of(tables)[name].to_list()


@pytest.mark.parametrize("name", ["N° client", "n° client", "N_CLIENT", "n.client", "nclient"])
def test_a_heading_is_found_whatever_its_case_accents_and_signs(name: str) -> None:
    assert found_heading(name, ["Client", "N° client", "client n"]) == "N° client"


def test_a_heading_as_written_goes_before_others_alike() -> None:
    assert found_heading("Client ID", ["client_id", "Client ID"]) == "Client ID"


@pytest.mark.parametrize("name", ["CLIENT id", "client", "€", ""])
def test_what_fits_several_headings_or_none_is_not_found(name: str) -> None:
    assert found_heading(name, ["client_id", "Client ID", "€ (net)", "$"]) is None


@given(st.text(min_size=1), st.lists(st.text(), max_size=4))
def test_only_headings_are_found(name: str, headings: list[str]) -> None:
    found = found_heading(name, headings)
    assert found is None or found in headings
    assert found_heading(name, [name, *headings]) == name


def test_a_heading_that_several_look_like_has_to_be_written_out(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("Client-ID,client id,date,amount\n1,2,2023-01-15,1\n")
    columns = {"customer_id": "CLIENT_ID", "occurred_at": "date"}
    with pytest.raises(BadInput, match="'CLIENT_ID' fits 2 headings of s.csv, 'Client-ID'"):
        tables_of(path, columns=columns)
    for text, told in (("client id", "2"), ("`Client-ID`", "1")):
        tables = tables_of(path, columns=columns | {"customer_id": text})
        assert rows_of(tables)["customer_id"].to_list() == [told]


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        ("amount", "`Quantité` * Prix", [1050, -300, 725]),
        ("amount", "quantite * prix", [1050, -300, 725]),
        ("amount", "`montant` * 2", [2100, -600, 1450]),
        ("amount", "3", [300, 300, 300]),
        ("channel", "'web'", ["web", "web", "web"]),
        ("channel", "`canal`", ["web", None, "shop"]),
        ("discount", "prix / (quantite + 1) / 2", [88, None, 181]),
        ("quantity", "montant / prix", [2.0, -1.0, 1.0]),
    ],
)
def test_a_column_is_a_heading_or_an_expression_over_headings(
    path: Path, name: str, text: str, values: list[object]
) -> None:
    assert column(path, name, text) == values


def test_identifiers_in_backticks_stay_as_written(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("n client,date,amount\n1e3,2023-01-15,1\n2e3,2023-01-15,1\n")
    told = tables_of(path, columns={"customer_id": "`n client`", "occurred_at": "date"})
    assert rows_of(told)["customer_id"].to_list() == ["1e3", "2e3"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("chanel", "canal", "columns: transactions has no column 'chanel'; did you mean 'channel'"),
        (
            "amount",
            "Montants (€)",
            "ventes.csv has no heading 'Montants (€)'; did you mean 'Montant",
        ),
        ("amount", "Montant (€) * 2", "no heading 'Montant (€) . 2'.*backticks"),
        ("amount", "montants", "no heading 'montants'; did you mean 'Montant (€)'"),
        ("channel", "web", "no heading 'web' .*'Canal'.*for a constant text, write \"'web'\""),
        ("amount", "quantite * prise", "columns.amount: no column 'prise' (did you mean 'Prix'"),
        ("amount", "prix * canal", "columns.amount: canal is text, where a number is needed"),
        ("amount", "exec('x')", "columns.amount: "),
        (
            "amount",
            "",
            "nothing is named for amount.*write, say, data.transactions.columns.amount=",
        ),
        ("amount", "canal", "transactions.amount: 2 of 3 rows.*no amount of money.*'web'"),
    ],
)
def test_what_a_mapping_cannot_find_is_told(path: Path, name: str, text: str, message: str) -> None:
    pattern = message.replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(BadInput, match=pattern) as refused:
        column(path, name, text)
    assert "\n" not in str(refused.value)


def test_a_required_column_without_source_is_told_with_the_headings(path: Path) -> None:
    with pytest.raises(BadInput) as refused:
        tables_of(path)
    line = str(refused.value)
    assert "nothing is named for customer_id, occurred_at, amount" in line
    assert "'N° client', \"Date d'achat\", 'Montant (€)'" in line
    assert "write, say, data.transactions.columns.customer_id='N° client'" in line


def test_a_heading_of_a_contract_column_is_taken_unless_it_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("Customer ID,Occurred at,AMOUNT,margin\nA,2023-01-15,1,12%\n")
    with pytest.raises(BadInput, match=r"transactions\.margin"):
        tables_of(path)
    tables = tables_of(path, columns={"margin": ""})
    assert "margin" not in tables.columns("transactions")
    assert "transactions: not used of the file: margin" in tables.notes


def test_columns_that_are_not_used_are_said(path: Path) -> None:
    tables = tables_of(path, columns=COLUMNS | {"quantity": "quantité + 0 * prix"})
    assert "transactions: not used of the file: Facture, Canal" in tables.notes


def test_rows_are_counted_under_the_first_condition_that_drops_them(path: Path) -> None:
    where = "quantite > 0 and not starts_with(facture, 'C') and canal in ('web')"
    tables = tables_of(path, columns=COLUMNS, where=where)
    cleaned = tables.cleaning[0]
    assert (cleaned.rows_in, cleaned.kept) == (3, 1)
    assert cleaned.dropped == {
        "quantite > 0": 1, "not starts_with(facture, 'C')": 0, "canal in ('web')": 1,
    }  # fmt: skip


def test_a_condition_that_stands_twice_keeps_its_count(path: Path) -> None:
    cleaned = tables_of(path, columns=COLUMNS, where="prix > 4 and prix > 4").cleaning[0]
    assert cleaned.dropped == {"prix > 4": 1}


def test_a_row_whose_condition_cannot_be_known_is_dropped(path: Path) -> None:
    assert column(path, "amount", "prix", where="canal != 'shop'") == [525]


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("prix > 100", "data.transactions.where: 'prix > 100' keeps none of the 3 rows; widen it"),
        ("prix", "data.transactions.where: .*is a number, where true or false is needed"),
        ("prxi > 1", "data.transactions.where: no column 'prxi' .did you mean 'Prix'"),
        ("prix >", "data.transactions.where: cannot read"),
    ],
)
def test_a_condition_that_does_not_work_is_told(path: Path, where: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        tables_of(path, columns=COLUMNS, where=where)


DOUBTS = "client;date;amount;sent;fee\nA1;2023-01-15;1,50;01/02/2023;1.250\n"


@pytest.mark.parametrize(
    ("columns", "where", "setting"),
    [
        ({"recorded_at": "sent"}, None, "data.transactions.columns.recorded_at: column 'sent'"),
        ({"discount": "fee * 2"}, None, None),
        ({}, "sent > '2023-01-01'", "data.transactions.where: column 'sent'"),
        ({}, None, None),
    ],
)
def test_a_doubt_matters_only_where_the_column_is_used(
    tmp_path: Path, columns: dict[str, str], where: str | None, setting: str | None
) -> None:
    path = tmp_path / "s.csv"
    path.write_text(DOUBTS)
    columns = {"customer_id": "client", "occurred_at": "date"} | columns

    def tables() -> Tables:
        return tables_of(path, columns=columns, where=where)

    if setting is None:
        assert tables().rows == {"transactions": 1}
        return
    with pytest.raises(BadInput, match=setting):
        tables()


def test_a_doubt_ends_when_it_is_told(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text(DOUBTS)
    columns = {"customer_id": "client", "occurred_at": "date", "recorded_at": "sent"}
    read_as = Reading(date_format="%d/%m/%Y")
    told = rows_of(tables_of(path, columns=columns, read=read_as))
    assert told["recorded_at"].to_list() == [1_675_209_600_000_000]  # 1 February


def people(tmp_path: Path, text: str, columns: dict[str, str]) -> list[str]:
    """The columns of a customers table that is read with this mapping."""
    lines, customers = tmp_path / "lines.csv", tmp_path / "people.csv"
    lines.write_text("customer_id,occurred_at,amount\nA1,2023-01-15,1\n")
    customers.write_text(text)
    tables = read(files_data(
        transactions=TableFile(path=str(lines)),
        customers=TableFile(path=str(customers), columns=columns),
    ))  # fmt: skip
    return sorted(tables.columns("customers"))


def test_attributes_may_be_renamed_computed_and_left_out(tmp_path: Path) -> None:
    text = "client,Région,age,phone\nA1,West,34,1\n"
    columns = {"customer_id": "client", "region": "Région", "adult": "age >= 18", "phone": ""}
    assert people(tmp_path, text, columns) == ["adult", "customer_id", "region"]


def test_an_attribute_never_takes_the_place_of_a_mapped_column(tmp_path: Path) -> None:
    text = "client,source,origin\nA1,advert,Lyon\n"
    columns = {"customer_id": "client", "origin": "source"}
    assert people(tmp_path, text, columns) == ["customer_id", "origin"]


def test_many_headings_are_mapped_quickly(tmp_path: Path) -> None:
    names = [f"attribute {at}" for at in range(3_000)]
    text = f"client,{','.join(names)}\nA1,{','.join('1' for _ in names)}\n"
    assert len(people(tmp_path, text, {"customer_id": "client"})) == 3_001


def test_a_heading_that_nobody_named_is_taken_only_under_the_contracts_own_name(
    tmp_path: Path,
) -> None:
    path = tmp_path / "s.csv"
    path.write_text("Customer ID,Occurred-At,Amount,Margin %,Discount (%)\na,2023-01-15,10,35,5\n")
    tables = tables_of(path)
    assert {"margin", "discount"}.isdisjoint(tables.columns("transactions"))
    assert "transactions: customer_id is taken from 'Customer ID'" in tables.notes
    assert "transactions: not used of the file: Margin %, Discount (%)" in tables.notes


def test_a_text_that_reckons_is_no_heading_of_the_same_letters(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("client,date,Prix unitaire,prix,unitaire\na,2023-01-15,7,2,3\n")
    columns = {"customer_id": "client", "occurred_at": "date", "amount": "prix * unitaire"}
    assert rows_of(tables_of(path, columns=columns))["amount"].to_list() == [600]


def test_cells_that_are_no_numbers_are_shown_where_an_expression_needs_them(
    tmp_path: Path,
) -> None:
    path = tmp_path / "s.csv"
    path.write_text(
        "client,date,q,p\na,2023-01-15,2,1.50\nb,2023-01-16,3,n/a\nc,2023-01-17,1,2.5\n"
    )
    columns = {"customer_id": "client", "occurred_at": "date", "amount": "q * p"}
    with pytest.raises(BadInput, match=r"1 of 3 cells of 'p' are no numbers \(first 'n/a'\)"):
        tables_of(path, columns=columns)
