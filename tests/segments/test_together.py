"""Segmentations side by side: what repeats, who is where in both, and what keeping them costs."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_mutual_info_score

from facette.errors import BadInput
from facette.segments.together import agreement, bill, crosstab, redundant

N = 600


@pytest.fixture
def labels() -> dict[str, pd.Series]:
    rng = np.random.default_rng(1)
    customers = [f"c{i}" for i in range(N)]
    behaviour = pd.Series(rng.choice(["B1", "B2", "B3"], N), customers)
    return {
        "behaviour": behaviour,
        "renamed": behaviour.map({"B1": "web", "B2": "branch", "B3": "phone"}),
        "value tier": pd.Series(rng.choice(["top", "small"], N, p=[0.2, 0.8]), customers),
    }


def test_agreement_is_one_for_the_same_division_and_nil_for_chance(
    labels: dict[str, pd.Series],
) -> None:
    table = agreement(labels)
    assert list(table.index) == list(table.columns) == list(labels)
    assert table.equals(table.T)
    assert table.loc["behaviour", "renamed"] == pytest.approx(1)
    assert abs(table.loc["behaviour", "value tier"]) < 0.02


def test_agreement_is_on_customers_labelled_in_both(labels: dict[str, pd.Series]) -> None:
    some = labels["value tier"].iloc[::-2].copy()
    some.iloc[:50] = None
    known = some.dropna().index
    found = agreement({"a": labels["behaviour"], "b": some}).loc["a", "b"]
    assert found == pytest.approx(
        adjusted_mutual_info_score(labels["behaviour"][known], some[known])
    )
    apart = agreement({"a": labels["behaviour"], "b": some.add_prefix("x")})
    assert np.isnan(apart.loc["a", "b"])
    assert redundant(apart, 0.0) == []


def test_agreement_of_many_customers_is_that_of_some_of_them(
    labels: dict[str, pd.Series], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = agreement(labels)
    monkeypatch.setattr("facette.segments.together.AGREEMENT_SAMPLE", N // 2)
    some = agreement(labels)
    assert (some - whole).abs().to_numpy().max() < 0.02
    assert some.equals(agreement(labels))


def test_what_repeats_is_said_once_the_closest_first() -> None:
    names = ["need", "channel", "tier"]
    table = pd.DataFrame([[1, 0.6, 0.9], [0.6, 1, 0.2], [0.9, 0.2, 1]], names, names)
    said = redundant(table, 0.6)
    assert [s.split(" divide")[0] for s in said] == ["need and tier", "need and channel"]
    assert "0.90, 0.60 or more" in said[0]


def test_a_crosstab_adds_up_to_its_rows_and_to_the_base(labels: dict[str, pd.Series]) -> None:
    one, other = labels["behaviour"].copy(), labels["value tier"]
    one.iloc[:30] = None
    table = crosstab(one, other)
    assert list(table.columns) == ["one", "other", "customers", "share"]
    assert len(table) == 6
    assert table["customers"].sum() == N - 30
    assert table.groupby("one")["share"].sum().to_numpy() == pytest.approx(1)
    own = table.set_index(["one", "other"]).loc[("B2", "top"), "customers"]
    assert own == ((one == "B2") & (other == "top")).sum()


def test_a_pair_without_customers_has_its_row() -> None:
    table = crosstab(pd.Series(["a", "b"]), pd.Series(["x", "y"]))
    assert table["customers"].tolist() == [1, 0, 0, 1]


def test_the_bill_multiplies_cells_and_counts_what_is_filled() -> None:
    tier = pd.Categorical(["top"] * 3 + ["small"] * 7, categories=["top", "middle", "small"])
    labels = {"need": pd.Series(["a", "b"] * 5), "tier": pd.Series(tier)}
    table = bill(labels, {"need": 4, "tier": 2}, {"need": 2, "tier": 3}, 1000, 250.5, floor=3)
    table = table.set_index("segmentation")
    assert table["cells"].to_dict() == {"need": 2, "tier": 3, "crossed": 6}
    assert table["filled"].to_dict() == {"need": 2, "tier": 2, "crossed": 4}
    assert table["below_floor"].to_dict() == {"need": 0, "tier": 0, "crossed": 2}
    assert table["rules"].to_dict() == {"need": 4, "tier": 2, "crossed": 6}
    assert table["treatments"].to_dict() == {"need": 2, "tier": 3, "crossed": 4}
    assert table.loc["crossed", "set_up_cost"] == 4000
    assert table.loc["crossed", "yearly_cost"] == 1002


def test_given_figures_of_the_crossing_go_before_the_worst_case() -> None:
    labels = {"need": pd.Series(["a", "b"] * 5), "tier": pd.Series(["x"] * 10)}
    table = bill(labels, {"need": 1, "tier": 1, "crossed": 7}, {"need": 2, "tier": 1, "crossed": 1},
                 100, 10, floor=3)  # fmt: skip
    assert table.iloc[-1][["rules", "treatments", "set_up_cost"]].tolist() == [7, 1, 100]


def test_the_bill_asks_for_every_segmentation() -> None:
    labels = {"need": pd.Series(["a", "b"]), "tier": pd.Series(["x", "x"])}
    with pytest.raises(BadInput, match="no number of rules for tier"):
        bill(labels, {"need": 1}, {"need": 1, "tier": 1}, 1, 1, floor=1)
    with pytest.raises(BadInput, match="no number of treatments for need, tier"):
        bill(labels, {"need": 1, "tier": 0}, {}, 1, 1, floor=1)
