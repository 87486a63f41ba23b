"""A French shop's export, as it is, trains from the command line with nothing but a mapping."""

import re
from contextlib import chdir
from pathlib import Path

import mlflow
import polars as pl
import pytest
from small_journey import QUICK
from worlds import shop

from facette import cli

HEADINGS = ["n° client", "Date de l'achat", "Ticket", "Montant TTC (€)", "Qté"]
MAPPED = (
    "data=files", "data.name=boutique", "data.transactions.columns.customer_id=n° client",
    "data.transactions.columns.occurred_at=date de l'achat",
    "data.transactions.columns.transaction_id=ticket",
    "data.transactions.columns.amount=`montant TTC (€)`",
    "data.transactions.where=qté > 0 and not starts_with(ticket, 'A')",
)  # fmt: skip
PARTS = "parts=[segments,value,churn]"


def export(folder: Path) -> tuple[Path, int]:
    """Sales as a French spreadsheet leaves them, semicolons and commas, and rows not to be kept."""
    lines = shop(seed=4, customers=300, days=400, late=False)["transactions"].filter(
        pl.col("transaction_id").is_not_null()
    )
    voided = pl.col("transaction_id").str.ends_with("7")
    told = lines.select(
        pl.col("customer_id").str.replace("c", "0"),
        pl.col("occurred_at").dt.strftime("%d/%m/%Y %Hh%M"),
        pl.when(voided).then(pl.lit("A-")).otherwise(pl.lit("")) + pl.col("transaction_id"),
        pl.format("{} €", pl.col("amount").cast(pl.String).str.replace(".", ",", literal=True)),
        pl.col("quantity"),
    )
    told.columns = HEADINGS
    path = folder / "ventes été 2021.csv"
    path.write_bytes(told.write_csv(separator=";").replace("\n", "\r\n").encode("cp1252"))
    return path, int(lines.select(voided.sum()).item())


def facette(folder: Path, *args: str) -> int:
    folder.mkdir(exist_ok=True)
    with chdir(folder):
        return cli.main(list(args))


@pytest.fixture(scope="module")
def sales(home: Path) -> tuple[Path, int]:
    """The export, and how many of its rows are voided tickets."""
    return export(home)


@pytest.mark.slow
def test_a_french_export_trains_end_to_end(
    home: Path, sales: tuple[Path, int], capfd: pytest.CaptureFixture[str]
) -> None:
    path, _ = sales
    overrides = [*MAPPED, f"data.transactions.path={path}", *QUICK, PARTS]
    assert facette(home, "train", *overrides) == 0
    out, err = capfd.readouterr()
    assert "Registered: boutique_behaviour 1, boutique_value 1, boutique_churn 1" in out
    assert "Traceback" not in err
    report = Path(re.search(r"^Report: (.+)$", out, re.MULTILINE)[1]).read_text(encoding="utf-8")
    assert "is read as cp1252 with delimiter &#39;;&#39;" in report
    assert "day-first dates" in report
    client = mlflow.MlflowClient(f"sqlite:///{home / 'mlruns' / 'mlflow.db'}")
    versions = {version.name for version in client.search_model_versions()}
    assert versions == {"boutique_behaviour", "boutique_value", "boutique_churn"}


AMOUNT = "amount: Montant TTC (€)"
MINE = """\
defaults:
  - files
  - _self_
name: boutique
transactions:
  path: {path}
  columns:
    customer_id: N° client
    occurred_at: Date de l'achat
    transaction_id: Ticket
    amount: Montant TTC (€)
  where: Qté > 0 and not starts_with(Ticket, 'A')
"""


def own_folder(home: Path, text: str, name: str = "mine") -> list[str]:
    """A YAML of one's own in a folder given with --config-dir."""
    folder = home / "configuration à moi"
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "data" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return ["--config-dir", str(folder), f"data={name}"]


def told(capfd: pytest.CaptureFixture[str], folder: Path, *args: str) -> str:
    """What `facette describe` says, but for where its page is, in one line."""
    code = facette(folder, "describe", *args)
    out, err = capfd.readouterr()
    assert (code, err) == (0, "")
    return " ".join(out.partition("\nPage: ")[0].split())


def test_a_yaml_of_ones_own_says_what_the_command_line_says(
    home: Path, sales: tuple[Path, int], capfd: pytest.CaptureFixture[str]
) -> None:
    path, voided = sales
    typed = told(capfd, home, *MAPPED, f"data.transactions.path={path}")
    written = told(capfd, home, *own_folder(home, MINE.format(path=path)))
    assert f"0 failing qté > 0, {voided:,} failing not starts_with(ticket, 'A')" in typed
    assert written == typed.replace("qté > 0", "Qté > 0").replace("(ticket,", "(Ticket,")


def test_a_value_of_the_command_line_goes_before_the_yaml(
    home: Path, sales: tuple[Path, int], capfd: pytest.CaptureFixture[str]
) -> None:
    path, _ = sales
    mine = own_folder(home, MINE.format(path=path))
    out = told(capfd, home, *mine, "data.currency=CHF", "data.transactions.where=qté > 1")
    assert "net value CHF" in out
    assert re.search(r"dropped: [\d,]+ failing qté > 1 ", out)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("transactions:", "transaction:",
         "no key 'data.transaction'; did you mean 'data.transactions'? (in data/wrong.yaml)"),
        ("  where:", "  were:", "did you mean 'data.transactions.where'? (in data/wrong.yaml)"),
        ("  where:", "  currency: CHF\n  where:", "no key 'data.transactions.currency'"),
        ("name: boutique", "name: boutique\nrows_in_memory: many",
         "data.rows_in_memory: 'many' is not a whole number (in data/wrong.yaml)"),
        ("  - files", "  - filse", "no data 'filse'; did you mean 'files'?"),
        ("    amount:", "   amount:", "wrong.yaml, line 11"),
        (AMOUNT, "amount: [a, b]", "data.transactions.columns.amount: "),
        (AMOUNT, "amont: Montant", "transactions has no column 'amont'; did you mean 'amount'"),
        (AMOUNT, "amount: Montants TTC (€)", "did you mean 'Montant TTC (€)'?"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_yaml_of_ones_own_names_it(
    home: Path,
    sales: tuple[Path, int],
    capfd: pytest.CaptureFixture[str],
    old: str,
    new: str,
    words: str,
) -> None:
    path, _ = sales
    assert old in MINE
    text = MINE.replace(old, new, 1).format(path=path)
    before = sorted(home.rglob("*"))
    args = own_folder(home, text, "wrong")
    assert facette(home, "train", *args, *QUICK) == 2
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert words in err
    assert {path.name for path in set(home.rglob("*")) - set(before)} <= {
        "wrong.yaml", "configuration à moi", "data",
    }  # fmt: skip


@pytest.mark.slow
def test_a_multirun_goes_over_data_options(
    home: Path, sales: tuple[Path, int], capfd: pytest.CaptureFixture[str]
) -> None:
    path, _ = sales
    mine = own_folder(home, MINE.format(path=path))
    over = ["data.minor_units=2,0", "data.transactions.columns.quantity=qte,3"]
    assert facette(home, "describe", "-m", *mine, *over) == 0
    out, err = capfd.readouterr()
    assert err == ""
    pages = re.findall(r"^Page: (.+)$", out, re.MULTILINE)
    assert len(set(pages)) == 4
    assert all((home / page).is_file() for page in pages)


def test_a_multirun_over_sources_tells_the_one_that_fails(
    home: Path, sales: tuple[Path, int], capfd: pytest.CaptureFixture[str]
) -> None:
    path, _ = sales
    flags = own_folder(home, MINE.format(path=path))[:2]
    own_folder(home, MINE.format(path=home / "nowhere.csv"), "gone")
    assert facette(home, "describe", "-m", *flags, "data=mine,gone") == 2
    out, err = capfd.readouterr()
    assert out.count("Page: ") == 1
    assert err.startswith("facette: job 1 (data=gone): data.transactions.path: there is no file")
    assert err.count("\n") == 1
