"""Runs compared: two of one snapshot, one of another, on one household in eight."""

import json
import shutil
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from running import settings_of, train_in
from small_journey import QUICK, write_small_journey

from facette.cli import main
from facette.dynamics.score_changes import contribution_changes
from facette.errors import BadInput
from facette.jobs.compare import Compared, compare
from facette.jobs.train import Trained
from facette.registry.runs import trained_run
from facette.reports.comparison import text_lines

PARTS = {"value": "value_expected", "potential": "potential", "churn": "churn_probability"}

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Runs:
    """Where runs are kept: a base, one with another seed and fewer features, one of a perimeter."""

    home: Path
    base: Trained
    other: Trained
    apart: Trained


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    home = tmp_path_factory.mktemp("home")
    journey = write_small_journey(tmp_path_factory.mktemp("journey"))
    quick = (*QUICK, f"data.path={journey}", "segments.behaviour.k=3", "segmentation=[]")
    return Runs(
        home,
        train_in(home, *quick),
        train_in(home, *quick, "seed=2", "snapshot.windows_days=[14,91]"),
        train_in(home, *quick, "parts=[churn]", "snapshot.perimeter='spend_91d > 100'"),
    )


def compared_in(home: Path, *ids: str) -> Compared:
    with chdir(home):
        return compare(settings_of("compare", f"runs=[{','.join(ids)}]", "resamples=50"))


@pytest.fixture(scope="module")
def both(runs: Runs) -> Compared:
    return compared_in(runs.home, runs.base.run_id, runs.other.run_id)


def test_settings_that_differ_are_told(both: Compared) -> None:
    differing = both.comparison.settings
    assert set(differing.index) == {"seed", "snapshot.windows_days"}
    assert differing.loc["seed"].tolist() == ["7", "2"]


def test_figures_are_those_that_the_runs_logged(runs: Runs, both: Compared) -> None:
    (one,) = both.comparison.against
    for part, figures in one.figures.items():
        for trained, (_, row) in zip(
            (runs.base, runs.other), figures.table.iterrows(), strict=True
        ):
            logged = {name: trained.metrics[f"{part}/{name}"] for name in row.index}
            assert row.to_dict() == pytest.approx(logged, rel=1e-6)


def test_gains_are_paired_where_customers_and_outcomes_are_the_same(both: Compared) -> None:
    (one,) = both.comparison.against
    assert one.snapshot.endswith("told by other features")
    gains = one.figures["value"].gains
    assert gains is not None
    gini = one.figures["value"].table["normalised_gini"]
    assert gains["gain"].iloc[0] == pytest.approx(gini.iloc[1] - gini.iloc[0])
    assert (gains["low"] <= gains["high"]).all()


def test_contributions_add_up_to_the_change_of_the_raw_score(runs: Runs) -> None:
    tracking = settings_of("compare", "runs=[a,b]").tracking
    with chdir(runs.home):
        before, after = (trained_run(tracking, t.run_id) for t in (runs.base, runs.other))
    for part in PARTS:
        told, raw = [], []
        for run in (before, after):
            frame, facet = run.snapshot, run.bundles[part].facets[part]
            values = facet.contributions(frame)
            columns = [*facet.features, "base"]
            told.append(type(frame)(values, index=frame.index, columns=columns))
            raw.append(facet.raw(frame))
        changes = contribution_changes(*told)
        assert np.abs(changes.sum(axis=1) - (raw[1] - raw[0])).max() < 1e-6
    assert set(before.bundles["value"].features("value")) > set(
        after.bundles["value"].features("value")
    )


def test_whose_score_changed_most_is_what_the_scored_customers_say(
    runs: Runs, both: Compared
) -> None:
    (one,) = both.comparison.against
    scores = [t.scored.set_index("customer_id") for t in (runs.base, runs.other)]
    for part, column in PARTS.items():
        change = (scores[1][column] - scores[0][column]).abs().sort_values(ascending=False)
        largest, most = one.scores[part].largest, change[change > 0].iloc[:5].tolist()
        assert largest["change"].abs().tolist() == pytest.approx(most)
        assert one.scores[part].reasons is not None


def test_who_is_in_another_segment_is_counted(runs: Runs, both: Compared) -> None:
    (one,) = both.comparison.against
    before, after = (t.scored.set_index("customer_id") for t in (runs.base, runs.other))
    for what, changes in one.segments.items():
        assert changes.counts.to_numpy().sum() == len(before)
        if changes.moved:
            same = (before[what] == after[what]).mean()
            assert changes.moved.stayed == pytest.approx(same)
    assert set(one.segments) >= {"behaviour_segment", "value_tier"}


def test_runs_of_other_customers_are_not_paired(runs: Runs) -> None:
    compared = compared_in(runs.home, runs.base.run_id, runs.apart.run_id)
    (one,) = compared.comparison.against
    assert set(one.figures) == {"churn"}
    assert one.figures["churn"].gains is None
    assert one.snapshot.startswith("not the same: there are ")
    assert one.alone[one.label] == []
    assert "value" in one.alone[compared.comparison.base.label]


def test_each_further_run_is_held_against_the_first(runs: Runs) -> None:
    ids = [t.run_id for t in (runs.other, runs.base, runs.apart)]
    compared = compared_in(runs.home, *ids)
    assert [one.label for one in compared.comparison.against] == [i[:8] for i in ids[1:]]
    assert compared.comparison.base.run_id == runs.other.run_id
    page = (runs.home / compared.page).read_text(encoding="utf-8")
    assert all(f"{i[:8]} against {ids[0][:8]}</h2>" in page for i in ids[1:])


def test_a_run_that_kept_no_snapshot_is_compared_without_reasons(
    runs: Runs, tmp_path: Path
) -> None:
    shutil.copytree(runs.home / "mlruns", tmp_path / "mlruns")
    (kept,) = tmp_path.glob(f"mlruns/artifacts/*/{runs.other.run_id}/artifacts/scores/*.parquet")
    kept.unlink()
    compared = compared_in(tmp_path, runs.base.run_id, runs.other.run_id)
    (one,) = compared.comparison.against
    why = f"{runs.other.run_id[:8]} kept no test snapshot"
    assert one.scores["value"].why_not == why
    assert why in one.figures["value"].why_not
    assert why in " ".join("\n".join(text_lines(compared.comparison)).split())


def test_ids_are_given_as_words_or_as_the_key(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = runs.base.run_id, runs.other.run_id
    with chdir(runs.home):
        assert main(["compare", one, other, "resamples=20", "out=words.html"]) == 0
        said = capsys.readouterr().out
        assert main(["compare", f"runs=[{one},{other}]", "resamples=20", "out=key.html"]) == 0
        assert capsys.readouterr().out.replace("key.html", "words.html") == said
        assert main(["compare", one, f"runs=[{one},{other}]"]) == 2
    assert said.startswith(f"complete_journey: {other[:8]} against {one[:8]}\n")
    page = (runs.home / "words.html").read_text(encoding="utf-8")
    assert 'src="http' not in page


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["runs=[]"], "none is given"),
        (["runs=[{base}]"], "only {base} is given"),
        (["runs=[{base},{base}]"], "{base} is given twice"),
        (["runs=[{base},nowhere]"], "no run 'nowhere' (the latest: {apart} "),
        (["runs=[{base},{other}]", "out=page.txt"], "ends in .html"),
        (["runs=[{base},{other}]", "customers=0"], "customers: 0 is out of range"),
        (["runs=[{base},{other}]", "confidence=95"], "confidence: 95.0 is out of range"),
    ],
)
def test_a_mistake_is_told_in_one_line(runs: Runs, overrides: list[str], said: str) -> None:
    ids = {name: getattr(runs, name).run_id for name in ("base", "other", "apart")}
    settings = settings_of("compare", *(word.format(**ids) for word in overrides))
    with chdir(runs.home), pytest.raises(BadInput) as told:
        compare(settings)
    assert said.format(**ids) in str(told.value)
    assert "\n" not in str(told.value)


def test_the_snapshot_kept_with_a_run_has_its_customers_and_what_happened(runs: Runs) -> None:
    tracking = settings_of("compare", "runs=[a,b]").tracking
    with chdir(runs.home):
        run = trained_run(tracking, runs.base.run_id)
    assert run.snapshot is not None
    assert list(run.snapshot.index) == runs.base.scored["customer_id"].tolist()
    assert {"outcome_value", "outcome_churned"} <= set(run.snapshot)
    again = run.bundles["value"].predict(run.snapshot)
    assert again["value_expected"].to_numpy() == pytest.approx(
        runs.base.scored["value_expected"].to_numpy(), rel=1e-12
    )
    assert json.loads(again["drivers_value"].iloc[0])
