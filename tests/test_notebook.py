"""`%%hyper` in a shell, pages of every kind of method, and the tutorial from its first cell to its last."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient

from hyperdsl.notebook import Said, library

ROOT = Path(__file__).parents[1]
TUTORIAL = ROOT / "docs" / "notebooks" / "tutorial.ipynb"
GOOD = """method mine {
    order 2
    tableau {
        0 |
        1 | 1
        --+----------
          | 1/2, 1/2
    }
}

solver Mine {
    base mine
}
"""


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> InteractiveShell:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.chdir(tmp_path)
    made = InteractiveShell()
    history: Any = made.history_manager
    history.enabled = False
    made.run_line_magic("load_ext", "hyperdsl")
    return made


def test_a_cell_puts_its_solvers_into_the_namespace(shell: InteractiveShell) -> None:
    said = shell.run_cell_magic("hyper", "", GOOD)
    assert isinstance(said, Said)
    assert shell.user_ns["Mine"].order == 2
    assert shell.user_ns["spec"].Mine is shell.user_ns["Mine"]
    shown = said._repr_html_()
    assert "mine: order 2, proven exactly" in shown
    assert "Mine, a solver on mine: order 2" in shown
    assert "mine: order 2, proven exactly" in repr(said)
    shell.run_cell_magic("hyper", "other", GOOD)
    assert shell.user_ns["other"].Mine is shell.user_ns["Mine"]
    assert shell.user_ns["other"] is not shell.user_ns["spec"]


def test_a_cell_at_fault_is_told_in_colour_at_its_line(shell: InteractiveShell) -> None:
    said = shell.run_cell_magic("hyper", "", GOOD.replace("order 2", "order 3"))
    assert "Mine" not in shell.user_ns
    assert "spec.hyper:2:11: error[H201]" in repr(said)
    told = said._repr_html_()
    assert re.search(r'<span style="[^"]*color: #[0-9a-f]+[^"]*">error\[H201\]</span>', told)
    assert "<script>" not in shell.run_cell_magic("hyper", "", "<script>")._repr_html_()


def test_methods_alone_are_shown(shell: InteractiveShell) -> None:
    said = shell.run_cell_magic("hyper", "", GOOD.partition("solver")[0])
    assert "mine: order 2" in said._repr_html_()
    assert "spec" not in shell.user_ns


@pytest.mark.parametrize(
    ("name", "says", "drawn"),
    [
        ("rk4", "explicit, 4 stages", True),
        ("ab3", "z[n+1] = z[n] + h*(23/12*f[n] - 4/3*f[n-1] + 5/12*f[n-2])", True),
        ("abm3", "min(p, p* + m)", False),
        ("ars222", "additive", True),
        ("ros3p", "Rosenbrock", True),
        ("second_order", "at alpha = 2/3", False),
    ],
)
def test_every_kind_of_method_is_shown(name: str, says: str, drawn: bool) -> None:
    page = library(name)
    assert says in repr(page)
    assert page._repr_html_().startswith(f"<div><p><strong>{name}: order")
    assert ("data:image/svg+xml;base64," in page._repr_html_()) == drawn
    assert (page._repr_latex_() is None) == (page.method is None)


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(KeyError, match="did you mean `rk4`"):
        library("rk5")


def test_the_tutorial_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(TUTORIAL, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "its outputs are not kept"
    (parameters,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ()))
    assert "ITERATIONS = 1500" in parameters.source
    parameters.source = "ITERATIONS = 60\nSAMPLES = 16"
    notebook.cells.append(nbformat.v4.new_code_cell("print(errors)"))
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    errors = eval(notebook.cells[-1].outputs[0].text, {})
    assert all(learned < plain for learned, plain in zip(errors["HyperMidpoint"], errors["midpoint"], strict=True))
