"""Awkward files, as spreadsheets and exports leave them: data for tests, no test itself.

Each has columns that can be mapped to customer_id, occurred_at and amount; `rows` is what they then
hold (instants as ISO text of the wall clock), and `refused` matches the one line that says why not.
"""

from typing import NamedTuple

ROWS = (("A1", "2023-02-15", 12.5), ("B2", "2023-03-01", 1234.56))
TIMED = (("A1", "2023-02-15 12:30:00", 12.5), ("B2", "2023-03-01 00:05:00", 1234.56))
COLUMNS = {"customer_id": "client", "occurred_at": "date", "amount": "amount"}


class Awkward(NamedTuple):
    """A file, how it is named and read, and what comes of it: rows, or a line that refuses it."""

    content: bytes
    rows: tuple[tuple[str, str, float], ...] = ()
    refused: str | None = None
    columns: dict[str, str] = COLUMNS
    read: dict[str, str] = {}
    suffix: str = ".csv"


def _columns(client: str, date: str, amount: str) -> dict[str, str]:
    return {"customer_id": client, "occurred_at": date, "amount": amount}


FRENCH = "N° client;Date d'achat;Montant (€)\nA1;15/02/2023;12,50\nB2;01/03/2023;1 234,56\n"
GERMAN = "Kundennr.;Kaufdatum;Betrag\r\nA1;15.02.2023;12,50\r\nB2;01.03.2023;1.234,56\r\n"
PLAIN = "client;date;amount\nA1;2023-02-15;12.50\nB2;2023-03-01;1234.56\n"
AMBIGUOUS = "client;date;amount\nA1;01/02/2023;12.50\nB2;03/02/2023;1234.56\n"
THOUSANDS = "client;date;amount\nA1;2023-02-15;1,250\nB2;2023-03-01;7\n"
NAMES = [f"c{number}" for number in range(9_997)]
WIDE = "\n".join([
    ",".join(["client", "date", "amount", *NAMES]),
    ",".join(["A1", "2023-02-15", "12.50", *["1"] * len(NAMES)]),
    ",".join(["B2", "2023-03-01", "1234.56", *["0.5"] * len(NAMES)]),
])  # fmt: skip

READ: dict[str, Awkward] = {
    "French, cp1252": Awkward(
        FRENCH.encode("cp1252"), ROWS, columns=_columns("N° client", "Date d'achat", "Montant (€)")
    ),
    "French, narrow no-break spaces": Awkward(
        FRENCH.replace("1 234", "1\u202f234").encode(), ROWS,
        columns=_columns("N° client", "Date d'achat", "Montant (€)"),
    ),
    "French months and hours": Awkward(
        "client;date;amount\nA1;15 févr. 2023 12h30;12,5 €\nB2;1er mars 2023 0h05;1\xa0234,56 €\n"
        .encode(), TIMED,
    ),
    "German, byte order mark, CRLF": Awkward(
        b"\xef\xbb\xbf" + GERMAN.encode(), ROWS,
        columns=_columns("Kundennr.", "Kaufdatum", "Betrag"),
    ),
    "Swiss": Awkward(
        b"client;date;amount\nA1;15.02.2023;CHF 12.50\nB2;01.03.2023;CHF 1'234.56\n", ROWS
    ),
    "US": Awkward(
        b'client,date,amount\nA1,02/15/2023 12:30 PM,$12.50\nB2,03/01/2023 12:05 AM,"$1,234.56"\n',
        TIMED,
    ),
    "UK": Awkward(
        'client,date,amount\nA1,15-Feb-2023,£12.50\nB2,1 March 2023,"£1,234.56"\n'.encode(), ROWS
    ),
    "UTF-16": Awkward(PLAIN.encode("utf-16"), ROWS),
    "lone CR": Awkward(PLAIN.replace("\n", "\r").encode(), ROWS),
    "tabs": Awkward(PLAIN.replace(";", "\t").encode(), ROWS, suffix=".tsv"),
    "pipes": Awkward(PLAIN.replace(";", "|").encode(), ROWS, suffix=".txt"),
    "an announced delimiter": Awkward(b"sep=;\r\n" + PLAIN.encode(), ROWS),
    "trailing delimiters": Awkward(PLAIN.replace("\n", ";;\n").encode(), ROWS),
    "blank lines at the end": Awkward(PLAIN.encode() + b"\n;;\n;;\n\n", ROWS),
    "blank lines in front": Awkward(b"\n;;\n" + PLAIN.encode(), ROWS),
    "spaces around everything": Awkward(
        b" client ; date ; amount \n A1 ; 2023-02-15 ; 12.50 \n B2 ; 2023-03-01 ; 1234.56 \n", ROWS
    ),
    "quotes and line ends in identifiers": Awkward(
        b'client;date;amount\n"A ""1"";x";2023-02-15;12.50\n"B\n2";2023-03-01;1234.56\n',
        (('A "1";x', "2023-02-15", 12.5), ("B\n2", "2023-03-01", 1234.56)),
    ),
    "HTML in category names": Awkward(
        b'client;date;amount;category\nA1;2023-02-15;12.50;<a href="x">Tea & cake</a>\n'
        b"B2;2023-03-01;1234.56;<script>alert(1)</script>\n",
        ROWS,
    ),
    "inches in product names": Awkward(
        b'client;date;amount;product\nA1;2023-02-15;12.50;nail 5"\nB2;2023-03-01;1234.56;7" disc\n',
        ROWS,
    ),
    "identifiers as 1.0 and 1": Awkward(
        b"client;date;amount\n1.0;2023-02-15;12.50\n1;2023-03-01;1234.56\n",
        (("1", "2023-02-15", 12.5), ("1", "2023-03-01", 1234.56)),
    ),
    "identifiers with leading zeros": Awkward(
        b"client;date;amount\n007;2023-02-15;12.50\n08;2023-03-01;1234.56\n",
        (("007", "2023-02-15", 12.5), ("08", "2023-03-01", 1234.56)),
    ),
    "refunds in four ways": Awkward(
        "client;date;amount\nA;2023-02-15;-5,50\nA;2023-02-15;5,50-\nA;2023-02-15;(5,50 €)\n"
        "A;2023-02-15;−5,50\n".encode(),
        (("A", "2023-02-15", -5.5),) * 4,
    ),
    "dates of eight digits": Awkward(
        b"client;date;amount\nA1;20230215;12.50\nB2;20230301;1234.56\n", ROWS
    ),
    "dates in two forms": Awkward(
        b"client;date;amount\nA1;15/02/2023;12.50\nB2;2023-03-01;1234.56\n", ROWS
    ),
    "empty columns": Awkward(
        b"client;date;amount;note;\nA1;2023-02-15;12.50;;\nB2;2023-03-01;1234.56;;\n", ROWS
    ),
    "ten thousand columns": Awkward(WIDE.encode(), ROWS),
    "ambiguous dates, told": Awkward(
        AMBIGUOUS.encode(),
        (("A1", "2023-02-01", 12.5), ("B2", "2023-02-03", 1234.56)),
        read={"date_format": "%d/%m/%Y"},
    ),
    "ambiguous thousands, told": Awkward(
        THOUSANDS.encode(),
        (("A1", "2023-02-15", 1250.0), ("B2", "2023-03-01", 7.0)),
        read={"decimal": "point"},
    ),
}  # fmt: skip

REFUSED: dict[str, Awkward] = {
    "empty file": Awkward(b"", refused="is empty"),
    "byte order mark only": Awkward(b"\xef\xbb\xbf\r\n", refused="is empty"),
    "headings only": Awkward(b"client;date;amount\n", refused="no line"),
    "a picture": Awkward(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", refused="no text file but a picture"),
    "a workbook called CSV": Awkward(
        b"PK\x03\x04\x14\0\x06\0xl/workbook.xml", refused=r"zip archive or a workbook.*\.xlsx"
    ),
    "zero bytes": Awkward(b"client;date;amount\nA1;2023-02-15;\0\0", refused="no text file"),
    "UTF-16 without its mark": Awkward(PLAIN.encode("utf-16-le"), refused="encoding=utf-16-le"),
    "truncated Parquet": Awkward(
        b"PAR1\x15\x04\x15\x0c\x15\x10\x4c\x15\x02\x15\0\x12", refused="Parquet|parquet|read",
        suffix=".parquet",
    ),
    "stray bytes in UTF-8": Awkward(
        "client;date;amount\né;2023-02-15;1\nà;2023-02-15;2\n".encode() + b"\xe9;2023-02-15;3\n",
        refused="UTF-8 but for 1 byte .*line 4.*encoding=cp1252",
    ),
    "bytes of no text": Awkward(
        b"client;date;amount\nA\x81;2023-02-15;1\n", refused="cp1252: line 2 .*0x81.*encoding"
    ),
    "an encoding there is not": Awkward(
        PLAIN.encode(), refused="encoding.*'utf9'", read={"encoding": "utf9"}
    ),
    "wrong delimiter set": Awkward(
        GERMAN.encode(), refused="1 column with delimiter ',' and 3 with ';'",
        columns=_columns("Kundennr.", "Kaufdatum", "Betrag"), read={"delimiter": "comma"},
    ),
    "a heading twice": Awkward(
        b"client;date;amount;date\nA1;2023-02-15;1;2023-02-16\n", refused="'date' stands twice"
    ),
    "a column without a heading": Awkward(
        b"client;date;amount;\nA1;2023-02-15;1;x\n", refused="column 4.*no heading.*'x'"
    ),
    "headings repeated": Awkward(
        b"client;date;amount\nA;2023-02-15;1\nclient;date;amount\nB;2023-02-15;2\n",
        refused="repeats its heading line 1 time .*line 3",
    ),
    "lines too long": Awkward(
        b"client,date,amount\nA1,2023-02-15,12,50\nB2,2023-03-01,1\n",
        refused="1 line with more or fewer fields than its 3 headings .line 2 has 4",
    ),
    "lines too short": Awkward(
        b"client;date;amount\nA1;2023-02-15;12.50\nB2;2023-03-01\n",
        refused="1 line with more or fewer fields than its 3 headings .line 3 has 2",
    ),
    "a quote not closed": Awkward(
        b'client;date;amount\nA1;2023-02-15;1\n"B2;2023-03-01;2\nC3;2023-03-02;3\n',
        refused="line 3: a quote opens and is not closed",
    ),
    "a quote closed too early": Awkward(
        b'client;date;amount\n"A" 1;2023-02-15;1\n', refused="line 2: a quote closes in the middle"
    ),
    "ambiguous dates": Awkward(
        AMBIGUOUS.encode(), refused=r"'01/02/2023'.*date_format=%d/%m/%Y or .*date_format=%m/%d/%Y"
    ),
    "day-first and month-first dates": Awkward(
        b"client;date;amount\nA1;15/02/2023;12.50\nB2;02/16/2023;1\n",
        refused=r"day-first \(1, .*'15/02/2023'.*month-first \(1, .*'02/16/2023'.*date_format",
    ),
    "a day that is none": Awkward(
        b"client;date;amount\nA1;15/02/2023;1\nB2;31/02/2023;1\nC3;16/02/2023;1\n",
        refused="1 of 3 rows.*date.*'31/02/2023'",
    ),
    "dates in 1900": Awkward(
        b"client;date;amount\nA1;2023-02-15;12.50\nB2;1900-01-01;1\n", refused="before 1970"
    ),
    "dates in 2100": Awkward(
        b"client;date;amount\nA1;2023-02-15;12.50\nB2;31/12/2100;1\n", refused="2100-12-31"
    ),
    "ambiguous thousands": Awkward(
        THOUSANDS.encode(), refused=r"'1,250'.*decimal=comma or .*decimal=point"
    ),
    "decimal commas in some rows": Awkward(
        b"client;date;amount\nA1;2023-02-15;12,5\nB2;2023-03-01;12.5\nC3;2023-03-01;13.5\n",
        refused=r"decimal commas \(1, .*'12,5'.*decimal points \(2, .*'12.5'",
    ),
    "a decimal mark that is wrong": Awkward(
        PLAIN.encode(), refused="decimal comma does not read: 2 .*'12.50'",
        read={"decimal": "comma"},
    ),
    "two currencies": Awkward(
        "client;date;amount\nA1;2023-02-15;5 €\nB2;2023-03-01;$6\n".encode(),
        refused="mixes currencies, EUR .*USD",
    ),
    "percent signs": Awkward(
        b"client;date;amount\nA1;2023-02-15;5%\nB2;2023-03-01;6%\n",
        refused="2 of 2 rows.*amount of money.*'5%'",
    ),
    "words among amounts": Awkward(
        b"client;date;amount\nA1;2023-02-15;1,50\nB2;2023-03-01;N/A\nC3;2023-03-01;2,50\n",
        refused="1 of 3 rows.*amount of money.*'N/A'",
    ),
    "infinite amounts": Awkward(
        b"client;date;amount\nA1;2023-02-15;1.5\nB2;2023-03-01;inf\nC3;2023-03-01;1e999\n"
        b"D4;2023-03-01;2\n",
        refused="2 of 4 rows.*amount of money.*'inf'.*'1e999'",
    ),
    "huge amounts": Awkward(
        b"client;date;amount\nA1;2023-02-15;1.5\nB2;2023-03-01;1e20\n", refused="too large"
    ),
    "a total at the bottom": Awkward(
        b"client;date;amount\nA1;2023-02-15;1,50\nB2;2023-03-01;2,50\nTotal;;4,00\n",
        refused="1 of 3 rows.*missing.*Total",
    ),
}  # fmt: skip

AWKWARD: dict[str, Awkward] = READ | REFUSED
