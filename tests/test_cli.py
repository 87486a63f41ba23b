"""The command line: a verb runs, and a user's mistake is one line and exit code 2."""

import importlib.metadata
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from facette import cli

Run = Callable[..., tuple[int, str, str]]

VERB = """\
# count what was asked
# facette small seed=1
defaults:
  - small_schema
  - _self_
  - data: cdnow
  - model/value: lightgbm
  - experiment: null
snapshot:
  horizon_days: 91
  perimeter: null
  windows_days: [14, 28]
  kind: rolling
seed: ???
hydra:
  run: {dir: "mlruns/hydra/run"}
  sweep: {dir: "mlruns/hydra/sweep"}
"""
FILES = {
    "small.yaml": VERB,
    "not_a_verb.yaml": "seed: 3\n",
    "data/cdnow.yaml": "name: cdnow\nlines: 69659\n",
    "data/retail.yaml": "name: retail\nlines: 1\n",
    "data/private_schema.yaml": "name: private\nlines: 1\n",
    "model/value/lightgbm.yaml": "estimator: {_target_: nowhere.Model, num_leaves: 15}\n",
    "model/value/baseline.yaml": "estimator: {_target_: nowhere.Model, alpha: 1}\n",
    "experiment/deep.yaml": "# @package _global_\nsnapshot:\n  horizon_days: 365\n",
}
THEIRS = {
    "data/misspelt.yaml": "nmae: mine\nlines: 1\n",
    "data/mistyped.yaml": "name: mine\nlines: many\n",
    "data/broken.yaml": "name: mine\n  lines: [1\n",
    "data/twice.yaml": "name: mine\nname: yours\n",
    "data/a_list.yaml": "- 1\n",
    "data/pointing.yaml": "name: ${nowhere.name}\nlines: 1\n",
    "data/unclosed.yaml": "name: ${nowhere\nlines: 1\n",
    "data/mine.yaml": "name: mine\nlines: 1\n",
    "experiment/wrong_key.yaml": "# @package _global_\nsnapshot:\n  horizn_days: 1\n",
    "experiment/wrong_data.yaml": "# @package _global_\ndefaults:\n  - override /data: cdnw\n",
    "experiment/wrong_group.yaml": "# @package _global_\ndefaults:\n  - override /dta: cdnow\n",
}
SCHEMA = """\
from dataclasses import dataclass
from enum import Enum
from typing import Any
from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

class Kind(Enum):
    rolling = "rolling"
    fixed = "fixed"

@dataclass
class Data:
    name: str = MISSING
    lines: int = MISSING

@dataclass
class Snapshot:
    horizon_days: int = MISSING
    perimeter: str | None = MISSING
    windows_days: list[int] = MISSING
    kind: Kind = MISSING

@dataclass
class Model:
    estimator: Any = MISSING

@dataclass
class Models:
    value: Model = MISSING

@dataclass
class Small:
    data: Data = MISSING
    snapshot: Snapshot = MISSING
    model: Models = MISSING
    seed: int = MISSING

ConfigStore.instance().store(name="small_schema", node=Small)
"""
JOB = """\
import json, os, signal
from pathlib import Path
from hydra.utils import instantiate
from facette.errors import BadInput

def main(cfg):
    Path(f"ran-{cfg.seed}.json").write_text(json.dumps(cfg.snapshot.perimeter))
    match cfg.seed:
        case 2: raise BadInput("two is\\nrefused")
        case 3: return 3
        case 4: raise ZeroDivisionError("ours")
        case 5: raise KeyboardInterrupt
        case 6: instantiate(cfg.model.value.estimator)
        case 7: return "seven"
        case 8: return True
        case 9: cfg.sede
        case 10: os.kill(os.getpid(), signal.SIGTERM)
"""


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small project: its configuration, a user's own, a job."""
    folder = tmp_path_factory.mktemp("project")
    write(folder / "conf", FILES)
    write(folder / "theirs", THEIRS)
    code = {"small_schema.py": SCHEMA, "small_jobs/__init__.py": "", "small_jobs/small.py": JOB}
    write(folder / "code", code)
    return folder


@pytest.fixture
def facette(
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Run]:
    """Run the command line in an empty folder: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(project / "code")
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    monkeypatch.setattr(cli, "CONF", project / "conf")
    monkeypatch.setattr(cli, "JOBS", "small_jobs")
    importlib.import_module("small_schema")

    def run(*args: str) -> tuple[int, str, str]:
        code = cli.main(list(args))
        return code, *capfd.readouterr()

    handlers, level = logging.root.handlers[:], logging.root.level
    yield run
    logging.root.handlers[:] = handlers  # Hydra's --info adds its own
    logging.root.setLevel(level)


def perimeter(seed: int = 1) -> str | None:
    """What the job was given."""
    return json.loads(Path(f"ran-{seed}.json").read_text())


def test_help_lists_verbs_with_what_they_do(facette: Run) -> None:
    code, out, err = facette("--help")
    assert (code, err) == (0, "")
    assert "  small  count what was asked\n      facette small seed=1\n" in out
    assert "not_a_verb" not in out
    assert "Exit codes: 0 done" in out
    assert facette() == (code, out, err)


def test_help_imports_nothing_heavy() -> None:
    code = """if True:
        import sys
        from facette.cli import main
        assert main(["--help"]) == 0
        print(sorted({"hydra", "omegaconf", "narwhals", "numpy", "yaml"}.intersection(sys.modules)))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


def test_version_is_that_of_the_package(facette: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", {"facette": "1.2.3"}.get)
    assert facette("--version") == (0, "facette 1.2.3\n", "")


def test_help_of_a_verb_shows_its_groups_and_keys(facette: Run) -> None:
    code, out, err = facette("small", "data=retail", "--help")
    assert (code, err) == (0, "")
    assert "facette small: count what was asked" in out
    assert "model/value: baseline, lightgbm" in out
    assert "name: retail" in out
    assert "small_schema" not in out


@pytest.mark.parametrize(("seed", "code"), [(1, 0), (3, 3), (7, 0), (8, 0), (5, 130), (10, 130)])
def test_exit_code_is_that_of_the_job(facette: Run, seed: int, code: int) -> None:
    assert facette("small", f"seed={seed}") == (code, "", "")
    assert perimeter(seed) is None


def test_a_fault_of_ours_is_raised(facette: Run) -> None:
    with pytest.raises(ZeroDivisionError):
        facette("small", "seed=4")


def test_a_job_that_reads_a_missing_key_is_a_fault_of_ours(facette: Run) -> None:
    with pytest.raises(AttributeError, match="sede"):
        facette("small", "seed=9")


def test_only_the_job_folder_is_written(facette: Run, tmp_path: Path) -> None:
    facette("small", "seed=1")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mlruns", "ran-1.json"]


TEXTS = [
    "region == 'West' and tenure_days > 90",
    "a = 'it''s' or b in ('x', \"y\")",
    "b in ['x', 'y']",
    "starts_with(region, 'We')",
    "`N° client` > 3",
    "a = 'c:\\' and not b",
    "ends = '\\\\'",
    "a = b\\",
    '"West" = region',
    "a = {b}",
    "a >= '2017-01-01 12:00'",
    "a is null",
    "a % b; c",
]


@pytest.mark.parametrize("text", TEXTS)
def test_any_text_reaches_the_job_as_it_was_typed(facette: Run, text: str) -> None:
    assert facette("small", "seed=1", f"snapshot.perimeter={text}") == (0, "", "")
    assert perimeter() == text


def test_a_quoted_text_loses_its_quotes(facette: Run) -> None:
    facette("small", "seed=1", "snapshot.perimeter='a, b'")
    assert perimeter() == "a, b"


MISTAKES = {
    "smal": "no verb 'smal'; did you mean 'small'? (facette --help lists them)",
    "seed=1": "no verb 'seed=1' (facette --help lists them)",
    "small": "small needs seed=…",
    "small seed=2": "two is refused",
    "small seed=6": "Error locating target 'nowhere.Model'. full_key: model.value.estimator",
    "small seed": "cannot read 'seed'; write key=value, or a flag such as -m or --cfg job",
    "small --sede 3": "cannot read '--sede'; write key=value, or a flag such as -m or --cfg job",
    "small --cfg jib": "argument -c/--cfg: invalid choice: 'jib' (choose from",
    "small -m --cfg job": "argument -c/--cfg: not allowed with argument -m/--multirun",
    "small =1": "cannot read '=1'; write key=value",
    "small a..b=1": "cannot read 'a..b=1'; write key=value",
    "small +seed=1": "'+seed=1': keys are neither added nor removed; write seed=…",
    "small ++seed=1": "'++seed=1': keys are neither added nor removed; write seed=…",
    "small ~seed=1": "'~seed=1': keys are neither added nor removed; write seed=…",
    "small sede=1": "no key 'sede'; did you mean 'seed'?",
    "small zzz=1": "no key 'zzz' (there are: data, snapshot, model, seed)",
    "small snapshot.horizn_days=3": "no key 'snapshot.horizn_days'; "
    "did you mean 'snapshot.horizon_days'?",
    "small snapshto.horizon_days=3": "no key 'snapshto.horizon_days'; "
    "did you mean 'snapshot.horizon_days'?",
    "small horizon_days=3": "no key 'horizon_days'; did you mean 'snapshot.horizon_days'?",
    "small model.value.estimator.num_leafs=3": "no key 'model.value.estimator.num_leafs'; "
    "did you mean 'model.value.estimator.num_leaves'?",
    "small hydra.run.dri=x": "no key 'hydra.run.dri' (there are: dir)",
    "small dta=cdnow": "no key 'dta'; did you mean 'data'?",
    "small experimnt=deep": "no key 'experimnt'; did you mean 'experiment'?",
    "small modle/value=lightgbm": "no group 'modle/value'; did you mean 'model/value'?",
    "small data@other=cdnow": "no group 'data@other'; did you mean 'data'?",
    "small data=cdnw": "no data 'cdnw'; did you mean 'cdnow'? (there are: cdnow, retail)",
    "small experiment=zzz": "no experiment 'zzz' (there are: deep)",
    "small data=null": "data is a group; choose one of cdnow, retail, not 'null'",
    "small data=1": "data is a group; choose one of cdnow, retail, not '1'",
    "small data=cdnow,retail": "data=cdnow,retail gives several values: "
    "write key=[a,b] for a list, or add -m to run each",
    "small snapshot.horizon_days=abc": "snapshot.horizon_days: 'abc' is not a whole number",
    "small snapshot.horizon_days=null": "snapshot.horizon_days: null is not allowed",
    "small snapshot.windows_days=3": "snapshot.windows_days: a list is needed, [a,b]",
    "small snapshot.windows_days=[x]": "snapshot.windows_days[0]: 'x' is not a whole number",
    "small snapshot.kind=roling": "snapshot.kind: 'roling' is not one of: rolling, fixed",
    "small snapshot=3": "snapshot: 3 stands where keys belong",
    "small seed=${nowhere}": "seed: Interpolation key 'nowhere' not found",
    "small data.name=${nowhere": "data.name: cannot read '${nowhere'",
    "small data=misspelt": "no key 'data.nmae'; did you mean 'data.name'? (in data/misspelt.yaml)",
    "small data=mistyped": "data.lines: 'many' is not a whole number (in data/mistyped.yaml)",
    "small data=broken": "theirs/data/broken.yaml, line 2: mapping values are not allowed here",
    "small data=twice": "theirs/data/twice.yaml, line 2: found duplicate key name",
    "small data=a_list": "[1] stands where keys belong (in data/a_list.yaml)",
    "small data=pointing seed=1": "data.name: Interpolation key 'nowhere.name' not found",
    "small data=unclosed": "name: cannot read '${nowhere'",
    "small experiment=wrong_key": "no key 'snapshot.horizn_days'; "
    "did you mean 'snapshot.horizon_days'? (in experiment/wrong_key.yaml)",
    "small experiment=wrong_data": "no data 'cdnw'; did you mean 'cdnow'? (there are: ",
    "small experiment=wrong_group": "no group 'dta'; did you mean 'data'? "
    "(in experiment/wrong_group.yaml)",
    "small -m seed=1 data=cdnow,zzz": "no data 'zzz' (there are: cdnow, retail)",
    "small -m seed=1 snapshot.horizn_days=1,2": "no key 'snapshot.horizn_days'; "
    "did you mean 'snapshot.horizon_days'?",
    "small --config-dir nowhere seed=1": "Additional config directory '",
}


@pytest.mark.parametrize("typed", MISTAKES)
def test_a_mistake_is_told_in_one_line(facette: Run, project: Path, typed: str) -> None:
    args = typed.split(" ")
    theirs = {f"data={Path(name).stem}" for name in THEIRS}
    theirs |= {f"experiment={Path(name).stem}" for name in THEIRS}
    if theirs.intersection(args):
        args += ["--config-dir", str(project / "theirs")]
    code, out, err = facette(*args)
    assert (code, out) == (2, "")
    assert err.startswith("facette: ")
    assert err.count("\n") == 1
    assert MISTAKES[typed] in err


def test_a_mistake_in_the_configuration_is_told_before_the_job(
    facette: Run, tmp_path: Path
) -> None:
    facette("small", "seed=1", "snapshot.horizn_days=3")
    facette("small", "seed=1", "data.name=${nowhere}")
    facette("small", "-m", "seed=1", "data=cdnow,zzz")
    assert not list(tmp_path.glob("ran-*"))


def test_a_folder_of_ones_own_adds_options(facette: Run, project: Path) -> None:
    code, out, _ = facette("small", "data=mine", "--cfg", "job", "-cd", str(project / "theirs"))
    assert code == 0
    assert "name: mine" in out


@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_a_multirun_runs_all_and_tells_each_mistake(facette: Run, launcher: str) -> None:
    if launcher == "joblib":
        pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    code, _, err = facette("small", "seed=1,2,3,2", "-m", f"hydra/launcher={launcher}")
    assert code == 2
    assert err == (
        "facette: job 1 (seed=2): two is refused\nfacette: job 3 (seed=2): two is refused\n"
    )
    assert perimeter(1) is None
    assert perimeter(3) is None


def test_a_multirun_without_mistakes_gives_the_worst_verdict(facette: Run) -> None:
    assert facette("small", "-m", "seed=1,3,7") == (3, "", "")


@pytest.mark.parametrize("flags", [["--cfg", "job"], ["--info"], ["--info", "defaults"]])
def test_flags_show_without_running(facette: Run, tmp_path: Path, flags: list[str]) -> None:
    for args in ([*flags, "seed=1"], ["seed=1", *flags]):
        code, out, err = facette("small", *args)
        assert (code, err) == (0, "")
        assert out
    assert not list(tmp_path.glob("ran-*"))


@pytest.mark.parametrize("verb", cli._verbs())
def test_our_own_verbs_compose_and_tell_mistakes(
    verb: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main([verb, "--cfg", "job"]) == 0
    assert cli.main([verb, "--help"]) == 0
    capfd.readouterr()
    assert cli.main([verb, "no_such_key=1"]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("facette: no key 'no_such_key'")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("snapshot.protected.gender=null", {"gender": None}),
        ("snapshot.protected={gender: null, age: the law}", {"gender": None, "age": "the law"}),
        ("snapshot.protected.age=tariff, by law (2024)", {"age": "tariff, by law (2024)"}),
    ],
)
def test_protected_attributes_are_named_as_any_key_is(
    typed: str, told: dict[str, str | None], capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert cli.main(["train", typed, "--cfg", "job"]) == 0
    shown = OmegaConf.create(capfd.readouterr().out)
    assert shown.snapshot.protected == told
