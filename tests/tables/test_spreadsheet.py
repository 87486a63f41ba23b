"""A text file comes in as it was written, whoever wrote it, or is refused by its line."""

import csv
import io
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facette.errors import BadInput
from facette.settings.data import Reading
from facette.tables.spreadsheet import read_text

WHERE = "data.transactions"
Read = Callable[..., pl.DataFrame]


@pytest.fixture
def said() -> list[str]:
    """What the last reading said."""
    return []


@pytest.fixture
def read(tmp_path: Path, said: list[str]) -> Read:
    """Reads a text (UTF-8) or bytes as a file called sales.csv."""

    def reading(content: str | bytes, **settings: str) -> pl.DataFrame:
        path = tmp_path / "sales.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        frame, sentences = read_text(path, Reading(**settings), WHERE)
        said[:] = sentences
        return frame

    return reading


@pytest.fixture
def refused(read: Read) -> Callable[..., str]:
    """The one line that refuses a file; it names the file and the setting."""

    def refusing(content: str | bytes, **settings: str) -> str:
        with pytest.raises(BadInput) as error:
            read(content, **settings)
        line = str(error.value)
        assert line.startswith(WHERE)
        assert "sales.csv" in line
        assert "\n" not in line
        return line

    return refusing


def test_cells_are_text_as_written(read: Read) -> None:
    frame = read("id;n\n007;1.0\n8; 2,50\u00a0\n9;\n10;  \n")
    assert frame.schema == {"id": pl.String, "n": pl.String}
    assert frame.rows() == [("007", "1.0"), ("8", "2,50"), ("9", None), ("10", None)]


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8"), ("utf-16", "UTF-16"), ("cp1252", "cp1252")],
)
def test_the_encoding_is_recognised_and_said(
    read: Read, said: list[str], encoding: str, name: str
) -> None:
    frame = read("N° été;prix €\nœuvre;5\n".encode(encoding))
    assert frame.columns == ["N° été", "prix €"]
    assert frame.rows() == [("œuvre", "5")]
    assert said == [f"sales.csv is read as {name} with delimiter ';'"]


def test_a_set_encoding_is_used_and_not_said(read: Read, said: list[str]) -> None:
    assert read("a;b\né;1\n".encode("cp850"), encoding="cp850")["a"][0] == "é"
    assert said == ["sales.csv is read with delimiter ';'"]
    assert read("a;b\né;1\n".encode("utf-16-le"), encoding="utf-16-le")["a"][0] == "é"


@pytest.mark.parametrize("name", ["utf9", "rot13", "base64"])
def test_an_encoding_there_is_not_is_refused(refused: Callable[..., str], name: str) -> None:
    line = refused("a;b\n1;2\n", encoding=name)
    assert f"{WHERE}.read.encoding: there is no encoding called '{name}'" in line


def test_bytes_that_an_encoding_does_not_have_are_named(refused: Callable[..., str]) -> None:
    line = refused("a;b\n1;2\né;3\n", encoding="ascii")
    assert "line 3 holds the byte 0xc3 (byte 9 of the file)" in line
    assert f"set {WHERE}.read.encoding" in line
    assert "line 2 holds the byte 0x81" in refused(b"a;b\n\x81;2\n")


def test_utf8_with_a_stray_byte_is_not_taken_for_cp1252(refused: Callable[..., str]) -> None:
    line = refused("é;à\nü;2\n".encode() + b"\xe9;3\n")
    assert "UTF-8 but for 1 byte (first 0xe9 in line 3)" in line
    assert f"{WHERE}.read.encoding=cp1252" in line


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"\x89PNG\r\n\x1a\n....", "picture"),
        (b"%PDF-1.7", "PDF"),
        (b"PK\x03\x04....xl/workbook.xml", ".xlsx"),
        (b"PAR1\x15\x04", ".parquet"),
        (b"SQLite format 3\0", ".sqlite"),
        (b"\x1f\x8b\x08\0", "gzip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "save it as CSV"),
        (b"a;b\n1;\0\n", "byte 7 is zero"),
        ("a;b\n1;2\n".encode("utf-16-le"), "utf-16-le"),
        ("a;b\n1;2\n".encode("utf-32"), "zero characters"),
    ],
)
def test_what_is_no_text_is_refused(refused: Callable[..., str], content: bytes, word: str) -> None:
    line = refused(content)
    assert "is no text file" in line
    assert word in line


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_the_delimiter_is_recognised(read: Read, said: list[str], delimiter: str) -> None:
    frame = read(f'a{delimiter}b\n"1{delimiter}x"{delimiter}2\n3{delimiter}4\n')
    assert frame.rows() == [(f"1{delimiter}x", "2"), ("3", "4")]
    shown = "tab" if delimiter == "\t" else f"'{delimiter}'"
    assert said == [f"sales.csv is read as UTF-8 with delimiter {shown}"]


@pytest.mark.parametrize(
    "text",
    [
        "a;b\n1,5;2,5\n",
        "amount, net;b\n1,5;2\n",
        "a;b;c\n1,5;2,5;x\n2,5;3;y, z\n",
        '"a;x";b\n"1,5";2,5\n',
        "a;b\n1|2|3;4,5\n",
    ],
)
def test_decimal_commas_do_not_pass_for_delimiters(read: Read, said: list[str], text: str) -> None:
    read(text)
    assert said == ["sales.csv is read as UTF-8 with delimiter ';'"]


def test_a_delimiter_that_a_spreadsheet_announces_is_taken(read: Read) -> None:
    assert read("sep=;\r\na, x;b, y;c, z\r\n1;2;3\r\n").columns == ["a, x", "b, y", "c, z"]


def test_a_single_column_is_read_where_nothing_could_part_it(read: Read, said: list[str]) -> None:
    assert read("a\n1\n\n2\n").rows() == [("1",), ("2",)]
    assert "as one column" in said[0]


def test_a_single_heading_over_lines_with_delimiters_is_refused(
    read: Read, refused: Callable[..., str]
) -> None:
    line = refused("a\n1,5\n2,5\n")
    assert "one heading, but lines with ','" in line
    assert f"set {WHERE}.read.delimiter" in line
    assert read("a\n1,5\n2,5\n", delimiter=";").rows() == [("1,5",), ("2,5",)]


@pytest.mark.parametrize("name", ["semicolon", ";", "Semicolon"])
def test_a_delimiter_is_set_by_sign_or_by_name(read: Read, said: list[str], name: str) -> None:
    assert read("a;b,c\n1;2,3\n", delimiter=name).columns == ["a", "b,c"]
    assert said == ["sales.csv is read as UTF-8"]
    assert read("a\tb\n1\t2\n", delimiter="\\t").columns == ["a", "b"]


def test_a_wrong_delimiter_is_told_the_better_one(refused: Callable[..., str]) -> None:
    line = refused("a;b;c\n1;2;3\n", delimiter=",")
    assert "1 column with delimiter ',' and 3 with ';'" in line
    assert f"{WHERE}.read.delimiter=semicolon" in line
    assert "is no delimiter" in refused("a;b\n1;2\n", delimiter=";;")


def test_quotes_hold_delimiters_quotes_and_line_ends(read: Read) -> None:
    frame = read('a;b\r\n"x;y";"say ""hi"""\r\n"two\r\nlines";1\r\n')
    assert frame.rows() == [("x;y", 'say "hi"'), ("two\nlines", "1")]


def test_a_quote_inside_a_cell_is_a_sign_like_others(read: Read) -> None:
    frame = read('a;b\nnail 5";<a href="x">\n1;2\n')
    assert frame.rows() == [('nail 5"', '<a href="x">'), ("1", "2")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_will_do(read: Read, end: str) -> None:
    assert read(f"a;b{end}1;2{end}{end}3;4{end}{end}").rows() == [("1", "2"), ("3", "4")]


def test_unnamed_empty_columns_and_lines_without_a_value_are_left_out(
    read: Read, said: list[str]
) -> None:
    frame = read(";;;;\na;;b;;\n1;;2;;\n;;;;\n3;;;;\n;;\n")
    assert frame.columns == ["a", "b"]
    assert frame.rows() == [("1", "2"), ("3", None)]
    assert said[1] == "sales.csv: 2 lines without a value left out"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a;b\n1;2;3\n4;5\n6\n", "2 lines .* 2 headings (line 2 has 3, line 4 has 1)"),
        ("a;b\n1;2\n3\n", "1 line .* 2 headings (line 3 has 1)"),
        ("a;b\n1;\n3\n\n4;5\n", "1 line .* 2 headings (line 3 has 1)"),
        ('a;b\n"1\n1";2\n\n3\n', "1 line .* 2 headings (line 5 has 1)"),
        ("\n\na;b\n1;2;3\n", "1 line .* 2 headings (line 4 has 3)"),
    ],
)
def test_lines_that_do_not_fit_the_headings_are_counted_and_named(
    refused: Callable[..., str], text: str, told: str
) -> None:
    line = refused(text)
    for part in told.split(" .* "):
        assert part in line
    assert "quotes" in line


def test_quotes_that_do_not_close_are_named(refused: Callable[..., str]) -> None:
    assert "line 2: a quote opens and is not closed" in refused('a;b\n"1;2\n3;4\n')
    assert "line 3: a quote closes in the middle" in refused('a;b\n1;2\n"3" x;4\n')


def test_a_heading_that_stands_twice_is_refused(refused: Callable[..., str]) -> None:
    assert "the heading 'date' stands twice" in refused("date;a; date\n1;2;3\n")


def test_a_heading_that_is_missing_is_refused(refused: Callable[..., str]) -> None:
    line = refused(";a\n0;1\n1;2\n")
    assert "column 1" in line
    assert "'0'" in line


def test_headings_repeated_further_down_are_refused(refused: Callable[..., str]) -> None:
    line = refused("a;b;\n1;2;\na; b;\n3;4;\na;b;\n")
    assert "repeats its heading line 2 times (line 3, 5)" in line
    assert "remove" in line


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff", ";;\n;;\n"])
def test_an_empty_file_is_refused(refused: Callable[..., str], content: str) -> None:
    assert "is empty" in refused(content)


@pytest.mark.parametrize("content", ["a;b\n", "a;b", "a;b\n;\n\n"])
def test_headings_alone_are_refused(refused: Callable[..., str], content: str) -> None:
    assert "no line with a value" in refused(content)


CELLS = st.text(
    st.one_of(
        st.sampled_from(list('",;|\t\n 5€é')),
        st.characters(codec="utf-8", exclude_categories=["Cc"]),
    ),
    max_size=6,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=8),
    delimiter=st.sampled_from(";,|\t"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_what_a_program_writes_is_read_back(
    read: Read, rows: list[tuple[str, str, str]], delimiter: str, quoting: int
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting)
    writer.writerows([("one", "two", "three"), ("1", "2", "3"), *rows])
    expected = [("1", "2", "3"), *(tuple(cell.strip() or None for cell in row) for row in rows)]
    frame = read(text.getvalue(), delimiter=delimiter)
    assert frame.rows() == [row for row in expected if any(row)]


def test_as_many_lines_as_a_big_shop_has_take_seconds(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    rows = pl.DataFrame({"n": range(200_000)}).with_columns(
        pl.lit("15.02.2023").alias("date"),
        pl.lit("12,50").alias("amount"),
        pl.lit("").alias("note"),
    )
    rows.write_csv(path, separator=";")
    begun = time.perf_counter()
    frame, _ = read_text(path, Reading(), WHERE)
    assert frame.height == 200_000
    assert time.perf_counter() - begun < 10
