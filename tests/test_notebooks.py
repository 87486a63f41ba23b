"""The notebooks run from top to bottom, are committed without outputs, and define nothing."""

import ast
import json
import os
import re
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
REFUSALS_SHOWN = {"01_read_a_run": 0, "02_understand_a_segment": 0, "03_bring_your_own_data": 4}
IMPORTED = {
    "IPython", "dataclasses", "facette", "json", "lightgbm", "matplotlib", "mlflow", "omegaconf",
    "os", "pandas", "pathlib", "warnings",
}  # fmt: skip

each = pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)


def read(file: Path) -> NotebookNode:
    return nbformat.read(file, as_version=4)


def code_cells(book: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in book.cells if cell.cell_type == "code"]


def kernel() -> AsyncKernelManager:
    """A kernel of the interpreter that runs the tests, whatever others are registered."""
    return AsyncKernelManager(
        kernel_name="python3", kernel_spec_manager=KernelSpecManager(kernel_dirs=[])
    )


def executed(file: Path, checkout: Path) -> NotebookNode:
    """The notebook with its outputs, run as from the notebooks/ folder of a checkout of its own."""
    folder = checkout / "notebooks"
    folder.mkdir(exist_ok=True)
    (checkout / "pyproject.toml").touch()
    book = read(file)
    where = {"metadata": {"path": str(folder)}}
    NotebookClient(book, km=kernel(), timeout=300, resources=where).execute(cleanup_kc=True)
    return book


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout for all notebooks: a later one reads the run that an earlier one made."""
    return tmp_path_factory.mktemp("checkout")


def refusals(book: NotebookNode) -> list[str]:
    """The lines in which `facette` refused something, in order."""
    told = [o for c in code_cells(book) for o in c.outputs if o.get("name") == "stderr"]
    return re.findall(r"^facette: .+", "\n".join(output.text for output in told), re.MULTILINE)


@pytest.mark.slow
@each
def test_a_notebook_runs_and_is_refused_only_what_it_means_to_show(
    file: Path, checkout: Path
) -> None:
    book = executed(file, checkout)
    assert len(refusals(book)) == REFUSALS_SHOWN[file.stem]
    assert any("image/png" in o.get("data", {}) for c in code_cells(book) for o in c.outputs)
    left = {place.name for place in checkout.iterdir()}
    assert left <= {"notebooks", "pyproject.toml", "data", "mlruns"}
    assert not list((checkout / "notebooks").iterdir())


def test_the_kernel_is_of_the_tests_own_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "kernels" / "python3"
    other.mkdir(parents=True)
    spec = {"argv": ["another-python"], "display_name": "another", "language": "python"}
    (other / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    assert KernelSpecManager().get_kernel_spec("python3").argv == ["another-python"]
    assert os.path.samefile(kernel().kernel_spec.argv[0], sys.executable)


@each
def test_a_notebook_holds_no_outputs(file: Path) -> None:
    for cell in code_cells(read(file)):
        assert cell.outputs == []
        assert cell.execution_count is None


@each
def test_a_notebook_opens_with_what_the_reader_will_know(file: Path) -> None:
    first = read(file).cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    assert "At the end you will know" in first.source


@each
def test_a_notebook_imports_little_and_defines_nothing(file: Path) -> None:
    tree = ast.parse("\n".join(cell.source for cell in code_cells(read(file))))
    for node in ast.walk(tree):
        assert not isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
        )
        if isinstance(node, ast.Import):
            assert {alias.name.partition(".")[0] for alias in node.names} <= IMPORTED
        if isinstance(node, ast.ImportFrom):
            assert str(node.module).partition(".")[0] in IMPORTED


@each
def test_links_between_pages_lead_somewhere(file: Path) -> None:
    text = "\n".join(cell.source for cell in read(file).cells if cell.cell_type == "markdown")
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert links
    assert [link for link in links if not (file.parent / link).exists()] == []


def test_every_notebook_is_known_here() -> None:
    assert {file.stem for file in NOTEBOOKS} == set(REFUSALS_SHOWN)
