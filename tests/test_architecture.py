"""The house rules: what imports what and when, what the lock holds, what no file may say."""

import ast
import importlib.util
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import facette

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = [
    line
    for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
HEAVY = {"hydra", "omegaconf", "pandas", "polars", "sklearn", "lightgbm", "mlflow", "matplotlib"}
PACKAGED = "facette.registry.customer_model"
INDEX = re.compile(r"https?://\S*(pypi|pythonhosted|/simple\b)|--(extra-)?index-url|--find-links")


def imported_by(statements: str) -> set[str]:
    """Top-level names of what a fresh interpreter has imported after these statements."""
    tell = "import sys; print('imported', *{name.partition('.')[0] for name in sys.modules})"
    command = [sys.executable, "-c", f"{statements}\n{tell}"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return set(said.stdout.splitlines()[-1].split()[1:])


def modules_under(*packages: str) -> list[str]:
    names = []
    for package in packages:
        folder = Path(facette.__path__[0], *package.split(".")[1:])
        names += [m.name for m in pkgutil.walk_packages([str(folder)], f"{package}.")]
    return names


def imports_of(module: str) -> set[str]:
    """Modules imported when `module` itself is imported (not inside its functions)."""
    tree = ast.parse(Path(str(importlib.util.find_spec(module).origin)).read_text(encoding="utf-8"))
    found = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
    return found


def test_import_contracts_hold():
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    said = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert said.returncode == 0, said.stdout


def test_help_and_a_wrong_verb_answer_without_heavy_imports():
    assert not HEAVY & imported_by("from facette.cli import main; main(['--help'])")
    assert not HEAVY & imported_by("from facette.cli import main; main(['trian'])")


def test_tables_and_reports_are_imported_without_mlflow():
    names = ", ".join(modules_under("facette.tables", "facette.reports"))
    assert "mlflow" not in imported_by(f"import {names}")


def test_the_registry_imports_mlflow_late():
    waiting = [
        name
        for name in modules_under("facette.registry")
        if name != PACKAGED and PACKAGED not in imports_of(name)
    ]
    assert "facette.registry.tracking" in waiting
    assert "mlflow" not in imported_by(f"import {', '.join(waiting)}")


def test_the_packaged_model_needs_four_packages_only():
    needed = {name.partition(".")[0] for name in imports_of(PACKAGED)} - sys.stdlib_module_names
    assert needed <= {"numpy", "pandas", "lightgbm", "mlflow"}


def test_every_verb_has_its_job():
    verbs = {file.stem for file in (ROOT / "conf").glob("*.yaml")}
    jobs = {name.rpartition(".")[2] for name in modules_under("facette.jobs")}
    assert verbs
    assert verbs <= jobs


def test_the_lock_holds_nothing_but_names_and_versions():
    plain = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.!+]+")
    assert LOCK
    assert not [line for line in LOCK if not plain.fullmatch(line)]


def test_the_lock_serves_every_requirement():
    locked = {canonicalize_name(n): v for n, _, v in (line.partition("==") for line in LOCK)}
    extras = PROJECT["optional-dependencies"]
    wanted = map(Requirement, [*PROJECT["dependencies"], *extras["dev"], *extras["duckdb"]])
    for need in wanted:
        if need.name != PROJECT["name"]:
            assert need.specifier.contains(locked[canonicalize_name(need.name)]), need


def test_no_file_names_a_package_index():
    if not (ROOT / ".git").exists():
        pytest.skip("the list of the project's files comes from git")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    files = [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]
    here = Path(__file__)
    texts = {f: f.read_text(encoding="utf-8", errors="replace") for f in files if f != here}
    assert not [str(f.relative_to(ROOT)) for f, text in texts.items() if INDEX.search(text)]
