"""Every configuration that ships composes, keeps to the schema, and makes its estimators."""

import re
from pathlib import Path

import pytest
from hydra.utils import instantiate
from running import settings_of

from facette import cli
from facette.jobs.contest import contest_of
from facette.jobs.searching import space_of
from facette.policy.relationship import check_policy
from facette.ranges import check_ranges, searched
from facette.settings.models import ModelPart

GROUPS = (
    "data",
    "snapshot",
    "segments",
    "grid",
    "model/value",
    "model/potential",
    "model/churn",
    "model/upside",
    "tracking",
)
OPTIONS = [(g, f.stem) for g in GROUPS for f in sorted((cli.CONF / g).glob("*.yaml"))]
SPACES = [f.stem for f in sorted((cli.CONF / "search").glob("*.yaml"))]
TASKS = [f.stem for f in sorted((cli.CONF / "tasks").glob("*.yaml"))]
EXPERIMENTS = [f.stem for f in sorted((cli.CONF / "experiment").glob("*.yaml"))]


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_option_composes_and_makes_its_estimators(group: str, option: str) -> None:
    own = ["data.name=own", "data.path=own.csv"] if option in {"files", "wide"} else []
    chosen = settings_of("train", f"{group}={option}", *own)
    nodes = [
        getattr(chosen.model, part).estimator for part in ("value", "potential", "churn", "upside")
    ]
    for node in [*nodes, chosen.segments.behaviour.estimator]:
        assert hasattr(instantiate(node, _convert_="all"), "fit")


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("part", [part.value for part in ModelPart])
def test_every_search_space_is_of_its_estimator_and_holds_what_is_configured(
    part: str, space: str
) -> None:
    chosen = settings_of("tune", f"search={space}", f"part={part}")
    check_ranges(chosen)
    node = getattr(chosen.model, part).estimator
    made = space_of(part, searched(getattr(chosen.search, part)), node)
    assert made.holds(made.configured)
    assert set(made.parameters) <= set(instantiate(node).get_params())


@pytest.mark.parametrize("task", TASKS)
def test_every_task_composes_with_every_model_that_enters(task: str) -> None:
    chosen = settings_of("benchmark", f"tasks=[{task}]")
    check_ranges(chosen)
    assert list(chosen.tasks) == [task]
    told = chosen.tasks[task]
    assert told.data in chosen.paths
    contest = contest_of(task, told, chosen, lambda words: settings_of("train", *words))
    assert list(contest.models) == getattr(chosen.models, told.part.value)


def test_the_benchmark_runs_every_task_but_those_by_name_only() -> None:
    by_name = {task for task in TASKS if task.endswith("_active")}
    assert set(settings_of("benchmark").tasks) == set(TASKS) - by_name


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_opens_with_the_command_that_runs_it(experiment: str) -> None:
    settings_of("train", f"experiment={experiment}")
    lines = (cli.CONF / "experiment" / f"{experiment}.yaml").read_text().splitlines()
    assert lines[0] == "# @package _global_"  # Hydra reads it on the very first line only
    assert f"{lines[1]} ".startswith(f"# facette train experiment={experiment} ")


@pytest.mark.parametrize("file", sorted(cli.CONF.rglob("*.yaml")), ids=lambda f: f.stem)
def test_every_file_says_in_a_comment_what_it_is(file: Path) -> None:
    assert file.read_text().startswith("# ")


def test_the_policy_that_the_docs_show_is_one(tmp_path: Path) -> None:
    docs = (cli.CONF.parent / "docs" / "policy.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```yaml\n# my_conf/policy/mine.yaml\n(.*?)```", docs, re.DOTALL)
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy" / "mine.yaml").write_text(shown, encoding="utf-8")
    search = f"hydra.searchpath=[file://{tmp_path}]"
    policy = settings_of("plan", "policy=mine", "reference_date=2026-01-01", search).policy
    check_policy(policy)
    assert policy.channels["phone"].cost == 8.5
    assert [*policy.models][-1] == "sms_nudge"
    assert policy.rules[0].model == "portfolio_advisor"
