"""A packaged policy decides one by one as the plan did where nothing is short, and keeps rights."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from books import policy
from packaged import Bundle, write_bundle
from trials import known_to_be

from facette.expressions import parse
from facette.policy.decision import Planned
from facette.policy.grades import GRADES
from facette.policy.packaged import agreeing, needed_parts, policy_part
from facette.policy.plan import NOT_MOVED, Base, plan
from facette.policy.power import Lot
from facette.policy.reach import reach
from facette.policy.relationship import ways
from facette.registry.customer_model import POLICY_COLUMNS, TODAY, Conditions
from facette.segments.crossing import micro_segments

T = 1_700_000_000_000_000
CONSENTS = ["consent_phone", "consent_email", "consent_mail", "consent_app"]
FREE: dict[str, Any] = {
    "by": ["region", "band"], "floor": 20, "switching_cost": 3.0, "holdout": 0.0,
    "rules": [{"where": "age > 80 and region != 'West'", "model": "quiet_mail", "reason": "old"},
              {"where": "band is null", "model": "phone_desk", "reason": "no band"}],
    "exclusions": [{"where": "age < 21 or not (age >= 21)", "models": ["portfolio_advisor"],
                    "reason": "young"}],
}  # fmt: skip


def customers(seed: int, n: int = 1500) -> pd.DataFrame:
    """A snapshot: who they are, and their words on consent, if any."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)], "reference_date": "2023-11-14",
            "region": rng.choice(["West", "East", "North"], n, p=[0.6, 0.35, 0.05]),
            "band": rng.choice(["a", "b", "c"], n, p=[0.5, 0.48, 0.02]),
            "age": rng.integers(16, 95, n).astype(float),
            **{name: rng.choice([0.0, 1.0, np.nan], n) for name in CONSENTS},
        }
    ).astype({"region": "str", "band": "str"})  # fmt: skip
    frame.loc[::40, "age"], frame.loc[::50, "band"] = np.nan, None
    return frame


def planned(seed: int, frame: pd.DataFrame | None = None, **changed: Any) -> Planned:
    """A plan of made-up effects, those of some models unknown; silence is no consent."""
    own, rng = policy(**FREE | changed), np.random.default_rng(seed)
    seen = (customers(seed) if frame is None else frame).set_index("customer_id")
    known_ways, cells = ways(own), micro_segments(seen[own.by], own.floor)
    word = {"branch": "phone", "advisor": "phone"}
    asked = [f"consent_{word.get(c, c)}" for c in known_ways.channels]
    agreed = np.column_stack(
        [seen[a].eq(1) | (seen[a].isna() & own.consent.without_record) if a in seen
         else np.zeros(len(seen), bool) for a in asked]
    )  # fmt: skip
    reached = reach(seen.index, known_ways, agreed)
    of, m = cells.of(seen[own.by]), len(known_ways.names)
    names = sorted(set(of))
    cell = of.map({name: i for i, name in enumerate(names)}).to_numpy(dtype=int)
    drawn = rng.integers(0, m, len(seen))
    able = reached.permitted[np.arange(len(seen)), drawn]
    nobody = np.zeros(len(seen), bool)
    base = Base(seen, reached, np.where(able, drawn, m - 1), nobody, nobody, cell, names)
    effect = rng.normal(120, 150, (len(names), m))
    grade = rng.choice(np.array(GRADES, dtype=object), effect.shape)
    known = np.array([True, True, False, True, True, True, True])
    knowledge = known_to_be(effect, effect[cell], grade=grade, known=known)
    about = {"data": "made", "currency": "EUR", "snapshot": {"contractual": "active" in seen}}
    return Planned(T, own, known_ways, plan(own, base, knowledge), about, knowledge, None, seen,
                   cells, 0, Lot("2024-10-04", "2025-10-03"))  # fmt: skip


def bundle_of(made: Planned, folder: Path, consents: bool = True) -> Bundle:
    rows = made.seen.reset_index()
    write_bundle(folder, {"policy": policy_part(made, list(rows), consents, None).files()}, {})
    return Bundle.load(folder)


def with_today(made: Planned) -> pd.DataFrame:
    names = made.ways.names
    return made.seen.reset_index().assign(**{TODAY: [names[m] for m in made.plan.base.today]})


@pytest.mark.parametrize("seed", range(4))
def test_without_limits_the_package_decides_as_the_plan(seed: int, tmp_path: Path) -> None:
    made = planned(seed)
    said = bundle_of(made, tmp_path / "bundle").predict(with_today(made))
    names = np.array(made.ways.names, dtype=object)
    assert (said["relationship_model"].to_numpy() == names[made.plan.model]).all()
    assert said["relationship_model"].nunique() > 3
    through = made.plan.base.reach.channel[np.arange(len(said)), made.plan.model]
    channels = np.array([*made.ways.channels, ""], dtype=object)
    assert (said["channel"].to_numpy() == channels[through]).all()
    assert (said["reason"].to_numpy() == made.plan.reason).all()
    assert (said["evidence"].to_numpy() == made.plan.grade).all()
    assert agreeing(made, list(said["relationship_model"]))["policy/package_agrees"] == 1.0
    assert {"old", "no band", "no consent to any channel", NOT_MOVED} <= set(said["reason"])
    pays = said["reason"].str.startswith("pays most for").to_numpy()
    assert (made.plan.changed[pays]).all()
    assert not made.plan.changed[(said["reason"] == NOT_MOVED).to_numpy()].any()


def test_where_a_resource_is_short_only_few_differ(tmp_path: Path) -> None:
    made = planned(5, budget=30_000.0, capacity={"calls": 60.0})
    assert made.plan.allocation.price
    said = bundle_of(made, tmp_path / "bundle").predict(with_today(made))
    told = agreeing(made, list(said["relationship_model"]))["policy/package_agrees"]
    assert 0.95 < told < 1.0


@pytest.mark.parametrize("consents", [True, False])
def test_the_package_never_uses_a_channel_without_consent(consents: bool, tmp_path: Path) -> None:
    made = planned(1)
    bundle = bundle_of(made, tmp_path / "bundle", consents)
    for seed in range(3):
        frame = customers(100 + seed)
        said = bundle.predict(frame)
        for channel, needs in zip(made.ways.channels, made.ways.consent, strict=True):
            through = (said["channel"] == channel).to_numpy()
            agreed = frame.get(f"consent_{needs}", pd.Series(0.0, frame.index)) == 1
            assert not consents or not (through & ~agreed.to_numpy()).any()
        young = ~(frame["age"] >= 21).fillna(False) & frame["age"].notna()
        assert "portfolio_advisor" not in set(said.loc[young, "relationship_model"])
        assert set(said["relationship_model"]) > {"on_request"} or not consents


def test_silence_is_what_the_policy_says(tmp_path: Path) -> None:
    silent = customers(2).assign(**dict.fromkeys(CONSENTS, np.nan))
    for seed, without_record in ((1, True), (2, False)):
        made = planned(seed, consent={"without_record": without_record})
        said = bundle_of(made, tmp_path / str(seed)).predict(silent)
        assert (said["channel"] != "").any() == without_record
    refused = silent.assign(**dict.fromkeys(CONSENTS, 0.0))
    made = planned(1, consent={"without_record": True})
    said = bundle_of(made, tmp_path / "refused").predict(refused)
    assert (said["channel"] == "").all()
    assert (said["relationship_model"] == "on_request").all()


def test_a_consent_that_the_snapshot_does_not_tell_counts_as_refused(tmp_path: Path) -> None:
    made = planned(1, consent={"without_record": True})
    told = [name for name in made.seen.reset_index() if name != "consent_email"]
    for name, consents in (("with", True), ("without", False)):
        part = policy_part(made, told, consents, None)
        write_bundle(tmp_path / name, {"policy": part.files()}, {})
        said = Bundle.load(tmp_path / name).predict(made.seen.reset_index()[told])
        assert ("email" in set(said["channel"])) == (not consents)


def test_who_has_left_is_given_nothing(tmp_path: Path) -> None:
    made = planned(1, customers(1).assign(active=1.0))
    rows = with_today(made)
    gone = np.arange(len(rows)) % 3 == 0
    said = bundle_of(made, tmp_path / "bundle").predict(rows.assign(active=np.where(gone, 0, 1.0)))
    assert set(said.loc[gone, "relationship_model"]) == {"on_request"}
    assert set(said.loc[gone, "reason"]) == {"no contract any more"}
    names = np.array(made.ways.names, dtype=object)
    stays = said.loc[~gone, "relationship_model"].to_numpy()
    assert (stays == names[made.plan.model][~gone]).all()


def test_a_switch_costs_only_where_today_is_given(tmp_path: Path) -> None:
    made = planned(3, switching_cost=1e6)
    bundle, names = bundle_of(made, tmp_path / "bundle"), np.array(made.ways.names, dtype=object)
    free = made.plan.kind == "programme"
    told = bundle.predict(with_today(made))["relationship_model"].to_numpy()
    assert (told == names[made.plan.model]).all()
    own = bundle.predict(made.seen.reset_index())["relationship_model"].to_numpy()
    assert (own[free] != told[free]).any()


def test_a_customer_is_decided_on_alike_whoever_stands_beside(tmp_path: Path) -> None:
    made = planned(4, budget=20_000.0)
    bundle, rows = bundle_of(made, tmp_path / "bundle"), with_today(made)
    whole = bundle.predict(rows)
    for i in range(0, 200, 23):
        pd.testing.assert_frame_equal(bundle.predict(rows[i : i + 1]), whole[i : i + 1])
    assert list(bundle.predict(rows[:0])) == list(whole)
    assert list(whole)[-len(POLICY_COLUMNS) :] == list(POLICY_COLUMNS)


def test_unseen_combinations_go_where_small_ones_went(tmp_path: Path) -> None:
    made = planned(1)
    strange = customers(7).assign(region="South", band="z")
    mixed = pd.concat([strange[:300], customers(8)[300:]])
    bundle = bundle_of(made, tmp_path / "bundle")
    assert bundle.policy is not None
    found = bundle.policy._cells({name: mixed[name] for name in mixed})
    names = [bundle.policy.spec["cells"][i]["name"] for i in found]
    assert names == list(made.cells.of(mixed[made.policy.by]))
    assert set(names[:300]) == {"rest"}
    assert any(name.endswith("/other") for name in names)


def test_the_package_says_what_it_is_for(tmp_path: Path) -> None:
    made = planned(1, budget=20_000.0)
    bundle = bundle_of(made, tmp_path / "bundle")
    assert bundle.policy is not None
    about = bundle.policy.about
    assert (about["planned_at"][:10], about["valid_until"][:10]) == ("2023-11-14", "2024-11-12")
    assert about["budget"] == 20_000
    assert bundle.parts == ["policy"]
    assert bundle.optional == [TODAY]
    assert bundle.inputs == {
        "region": "category", "band": "category", "age": "number",
        **dict.fromkeys([n for n in bundle.inputs if n.startswith("consent")], "number"),
    }  # fmt: skip
    write_bundle(tmp_path / "odd", {"policy": {"part.json": b'{"kind": "odd"}'}}, {})
    with pytest.raises(ValueError, match="policy of kind 'odd'"):
        Bundle.load(tmp_path / "odd")


def test_parts_are_those_whose_scores_are_read() -> None:
    parts = ["segments", "value", "potential", "churn", "categories", "grid"]
    assert needed_parts(("value_tier",), parts) == ["segments"]
    assert needed_parts(("potential_tier",), parts) == ["segments", "potential"]
    assert needed_parts(("headroom_food", "grid_grade"), parts) == ["categories", "grid"]


WHERES = [
    "age > 30", "age / 0 > 1 or age = 40", "not age <= 30", "age is null or band = 'b'",
    "age is not null", "band in ('a', 'c')", "not band in ('a')", "age in (20, 30.5, 40)",
    "starts_with(region, 'W')", "not starts_with(band, 'a')", "band > 'a' and band <= 'c'",
    "age * 2 - 10 >= -(age - 100)", "true", "(age > 30) is null", "(age > 30) = (band = 'a')",
    "region = 'West' and (band != 'a' or age < 50)", "band = region", "age + consent_phone > 40",
]  # fmt: skip


@pytest.mark.parametrize("where", WHERES)
def test_a_condition_holds_packaged_where_it_holds_in_the_project(where: str) -> None:
    import narwhals as nw

    frame = customers(9)
    expression = parse(where, "rule")
    rows = nw.from_native(frame, eager_only=True)
    expected = rows.select(x=expression.condition(rows.schema))["x"].to_numpy()
    tree = json.loads(json.dumps(expression.plain(["region", "band"])))
    held = Conditions({name: frame[name] for name in frame}, len(frame)).hold(tree)
    assert (held == expected).all()
