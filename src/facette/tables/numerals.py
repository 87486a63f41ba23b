"""Numbers as people write them: `1.234,56`, `$1,234.56`, `1'234.50 CHF`, `(12,5)`, `12-`.

A cell is taken apart into its core (digits, marks, exponent), sign and currency. Whether `,` or `.`
is the decimal mark is a question of proof: `12,5` proves the comma, `1,234.56` the point, and
`1,234` proves nothing, as it may be a thousand or one and a bit.
"""

from __future__ import annotations

import polars as pl

MARKS = {",": "comma", ".": "point"}
OTHER = {",": ".", ".": ","}
CURRENCIES = {
    "€": "EUR", "$": "USD", "US$": "USD", "£": "GBP", "¥": "JPY", "fr.": "CHF", "Fr.": "CHF",
    "Fr": "CHF", "SFr.": "CHF", "C$": "CAD", "A$": "AUD", "R$": "BRL", "zł": "PLN", "Kč": "CZK",
    "Ft": "HUF", "kr": "kr", "kr.": "kr", "Kr": "kr", "Kr.": "kr",
}  # fmt: skip
CODES = (
    "AED AUD BGN BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF ILS INR ISK JPY KRW MAD MXN NOK NZD PLN "
    "RON RUB SAR SEK SGD THB TND TRY TWD UAH USD XAF XOF ZAR"
)
CURRENCY = "|".join(
    [*(sign.replace("$", r"\$").replace(".", r"\.") for sign in sorted(CURRENCIES, reverse=True)),
     *CODES.split(), r"\p{Sc}"]
)  # fmt: skip
NUMBER = (
    r"^(?P<open>\()?(?P<sign>[-+])?\s*"
    rf"(?P<before>{CURRENCY})?\s*(?P<inner>[-+])?\s*"
    r"(?P<core>[.,]?[0-9](?:[0-9.,'\p{Zs}]*[0-9])?(?:[eE][-+]?[0-9]{1,3})?)\s*"
    rf"(?P<after>{CURRENCY})?\s*(?P<trailing>-)?(?P<close>\))?$"
)
PLAIN = r"^-?(?:0|[1-9][0-9]*)(?:[.,][0-9]+)?$"
BY_MACHINE = r"^-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]+)?$"
EIGHT_DIGITS = r"^[0-9]{8}$"  # which may be a date
PADDED = r"^0[0-9]+$"  # 007 is a name, no number
MINUS = "[−–‐]"
GROUP = "'"  # what each space or apostrophe between digits becomes


def by_machine(frame: pl.DataFrame) -> dict[str, pl.Series]:
    """Columns written as programs write numbers, typed at once: `12`, `-0.5`, never just `1.234`.

    What is said of the others takes a closer look at each; this is for the many plain ones.
    """
    shaped = frame.select(pl.all().str.contains(BY_MACHINE).all() & (pl.all().count() > 0))
    plain = frame.select(name for name, holds in shaped.row(0, named=True).items() if holds)
    if not plain.width:
        return {}
    marked = pl.all().str.contains(".", literal=True)
    proven = (marked & ~pl.all().str.contains(_shape(","))).any()
    open_to_doubt = (marked | pl.all().str.contains(EIGHT_DIGITS)).any()
    known = plain.select(proven).row(0, named=True)
    doubted = plain.select(open_to_doubt).row(0, named=True)
    return {
        name: plain[name].cast(pl.Float64 if known[name] else pl.Int64)
        for name in plain.columns
        if known[name] or not doubted[name]
    }


def taken_apart(cells: pl.Series) -> pl.DataFrame:
    """Core, sign and currency of each cell, and what it proves; all null where it is no number.

    `core` keeps its marks, with `'` for each space or apostrophe; `negative` is a boolean;
    `currency` is null where none is written. `proves` is the one decimal mark with which the core
    is a number; `open` says that it is one with either, and not the same.
    """
    simple = cells.str.contains(PLAIN).all()
    parts = _simple_parts(cells) if simple else _parts(cells)
    comma, point = (pl.col("core").str.contains(_shape(mark)) for mark in MARKS)
    marked = pl.col("core").str.contains("[.,]")
    return parts.with_columns(
        proves=pl.when(comma & ~point).then(pl.lit(",")).when(point & ~comma).then(pl.lit(".")),
        open=comma & point & marked,
    )


def values(parts: pl.DataFrame, mark: str) -> pl.Series:
    """What `mark` as decimal mark makes of cells taken apart; null where that is no number.

    Int64 where no cell has a mark or an exponent, Float64 otherwise; never infinite.
    """
    digits = parts["core"].str.replace_all(f"[{GROUP}{OTHER[mark]}]", "")
    readable = parts["core"].str.contains(_shape(mark))
    number = digits.str.replace(mark, ".", literal=True).cast(pl.Float64, strict=False)
    number = number.set((~number.is_finite() | ~readable).fill_null(True), None)
    whole = digits.cast(pl.Int64, strict=False)
    if number.count() and whole.count() == number.count() == parts["core"].count():
        number = whole
    return pl.select(pl.when(parts["negative"]).then(-number).otherwise(number)).to_series()


def _simple_parts(cells: pl.Series) -> pl.DataFrame:
    return pl.DataFrame({"core": cells.str.strip_prefix("-")}).with_columns(
        negative=cells.str.starts_with("-"), currency=pl.lit(None, pl.String)
    )


def _parts(cells: pl.Series) -> pl.DataFrame:
    written = cells.str.replace_all(MINUS, "-").str.replace_all("’", GROUP, literal=True)
    found = written.str.extract_groups(NUMBER).struct.unnest()
    core = pl.col("core").str.replace_all(r"[\p{Zs}']", GROUP)
    shaped = core.str.contains(_shape(",")) | core.str.contains(_shape("."))
    sign = pl.coalesce("sign", "inner", "trailing", pl.col("open").replace("(", "-"))
    parts = found.select(
        core=pl.when(_said_once() & shaped).then(core),
        negative=(sign == "-").fill_null(False),
        currency=pl.coalesce("before", "after").replace(CURRENCIES),
    )
    return parts.with_columns(pl.when(pl.col("core").is_not_null()).then(pl.all()).name.keep())


def _said_once() -> pl.Expr:
    """One sign and one currency at most, and parentheses in pairs."""
    signs = pl.sum_horizontal(pl.col("sign", "inner", "trailing", "open").is_not_null())
    paired = pl.col("open").is_null() == pl.col("close").is_null()
    return (signs <= 1) & paired & (pl.col("before").is_null() | pl.col("after").is_null())


def _shape(mark: str) -> str:
    """Cores that are numbers when `mark` is the decimal mark."""
    thousands = "|".join(rf"(?:{sign}[0-9]{{3}})+" for sign in (GROUP, f"[{OTHER[mark]}]"))
    whole = rf"[0-9]+|[1-9][0-9]{{0,2}}(?:{thousands})"
    decimals = rf"[{mark}][0-9]+"
    return rf"^(?:(?:{whole})(?:{decimals})?|{decimals})(?:[eE][-+]?[0-9]+)?$"
