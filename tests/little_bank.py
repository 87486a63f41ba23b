"""A bank of nine people over 2024, small enough to be counted by hand.

Alice leaves in July, Emil dies in April, Dora comes in July, Fritz only ever asked; the other five
are there all year.
"""

from datetime import datetime
from pathlib import Path

import polars as pl
from omegaconf import OmegaConf

from facette import cli
from facette.settings.data import Plausible

DAYS = {"alice": 182, "bob": 366, "carl": 366, "dora": 184, "emil": 91, "gina": 366, "hugo": 366,
        "ida": 366}  # fmt: skip
PEOPLE = {  # acquired, age, income, products, ended, why
    "alice": ("2022-01-01", "18-24", "low", 1, "2024-07-01", "voluntary"),
    "bob": ("2020-01-01", "65-74", "middle", 2, None, None),
    "carl": ("2018-01-01", "35-44", "high", 3, None, None),
    "dora": ("2024-07-01", "35-44", "low", 1, None, None),
    "emil": ("2014-01-01", "75+", "low", 1, "2024-04-01", "inevitable"),
    "gina": ("2023-01-01", "45-54", "high", 2, None, None),
    "hugo": ("2023-01-01", "45-54", "low", 2, None, None),
    "ida": ("2023-01-01", "45-54", "low", 2, None, None),
}
MARGINS = {"bob": 300.0, "carl": 100.0, "gina": 50.0, "hugo": -40.0, "ida": -10.0}
SENDS = [  # customer, channel, arm, randomised, cost, answered
    ("bob", "mail", "programme", False, 0.0, True),
    ("bob", "mail", "programme", False, 0.0, False),
    ("gina", "mail", "programme", False, 0.0, False),
    ("hugo", "mail", "programme", False, 0.0, False),
    ("carl", "phone", "programme", False, 100.0, True),
    ("hugo", "phone", "programme", False, 0.0, False),
    ("bob", "email", "programme", False, 0.0, False),
    ("bob", "email", "programme", False, 0.0, False),
    ("bob", "email", "offer", True, 0.0, False),
    ("carl", "email", "offer", True, 0.0, False),
    ("ida", "email", "offer", True, 0.0, False),
    ("hugo", "email", "control", True, 0.0, False),
]


def at(date: str) -> datetime:
    """The first instant of a day."""
    return datetime.fromisoformat(date)


def plausible() -> Plausible:
    """The ranges as they ship."""
    own = OmegaConf.load(cli.CONF / "plausible" / "bank.yaml")
    ranges = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Plausible), own))
    assert isinstance(ranges, Plausible)
    return ranges


def little_bank() -> dict[str, pl.DataFrame]:
    """Its tables, with the columns that are counted on."""
    return {
        "transactions": _transactions(),
        "customers": _customers(),
        "contracts": _contracts(),
        "contacts": pl.DataFrame(
            [(who, at("2024-05-02"), channel, arm, drawn, cost,
              at("2024-05-04") if answered else None)
             for who, channel, arm, drawn, cost, answered in SENDS],
            schema=["customer_id", "sent_at", "channel", "arm", "randomised", "cost",
                    "responded_at"], orient="row",
        ),
        "interactions": pl.DataFrame(
            {"customer_id": ["bob"] * 7, "channel": ["app"] * 4 + ["phone"] * 3,
             "initiator": ["customer"] * 6 + ["company"],
             "purpose": ["visit"] * 5 + ["complaint", "offer"]}
        ),
        "treatments": pl.DataFrame(
            {"customer_id": ["bob", "gina", "hugo"], "from_date": [at("2024-01-01")] * 3,
             "randomised": [True, True, False]}
        ),
        "surveys": pl.DataFrame(
            {"customer_id": ["bob", "bob", "carl"], "answered_at": [at("2024-06-03")] * 3}
        ),
        "consents": pl.DataFrame(
            [("bob", "email", at("2020-01-01"), True, None),
             ("bob", "email", at("2024-05-03"), False, None),
             ("hugo", "email", at("2023-01-01"), False, None),
             ("gina", None, at("2024-05-03"), None, True),
             ("alice", None, at("2024-05-03"), None, True)],
            schema={"customer_id": pl.String, "channel": pl.String, "recorded_at": pl.Datetime,
                    "granted": pl.Boolean, "objected": pl.Boolean}, orient="row",
        ),
        "events": pl.DataFrame(
            {"customer_id": ["bob", "carl", "gina", "gina"], "kind": ["balance"] * 4,
             "occurred_at": [at("2024-03-31")] * 3 + [at("2024-06-30")],
             "value": [90_000.0, 5_000.0, 400.0, 60_000.0]}
        ),
    }  # fmt: skip


def _transactions() -> pl.DataFrame:
    """Two postings of each who is there all year, in January and in December."""
    return pl.DataFrame(
        {"customer_id": [*MARGINS, *MARGINS],
         "occurred_at": [at("2024-01-05")] * 5 + [at("2024-12-20")] * 5,
         "amount": [10.0] * 5 + [30.0] * 5,
         "margin": [0.0] * 5 + list(MARGINS.values())}
    )  # fmt: skip


def _customers() -> pl.DataFrame:
    rows = [(who, "customer", at(told[0]), told[1], told[2]) for who, told in PEOPLE.items()]
    rows += [("dora", "lead", at("2024-07-01"), "35-44", "low"),
             ("fritz", "lead", at("2024-03-01"), "25-34", "low")]  # fmt: skip
    columns = ["customer_id", "stage", "acquired_at", "age_band", "income_band"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def _contracts() -> pl.DataFrame:
    rows = [
        (who, product, at(told[0]), None if told[4] is None else at(told[4]), told[5])
        for who, told in PEOPLE.items()
        for product in range(told[3])
    ]
    rows.append(("bob", 5, at("2021-01-01"), at("2022-01-01"), "voluntary"))  # given up before
    columns = ["customer_id", "contract_id", "started_at", "ended_at", "end_reason"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def written(folder: Path) -> Path:
    """The tables as Parquet in a folder."""
    for name, frame in little_bank().items():
        frame.write_parquet(folder / f"{name}.parquet")
    return folder
