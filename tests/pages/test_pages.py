"""Pages of methods: text, JSON, HTML, LaTeX and plots say what theory has proven."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from hyperdsl import compiler
from hyperdsl.cli import application
from hyperdsl.notebook import Page, library, load
from hyperdsl.pages import text
from hyperdsl.pages.analysis import analyse

SPEC = """method pair(alpha) {
    where 0 < alpha <= 1
    order 2
    tableau {
        0     |
        alpha | alpha
        ------+---------------------------
              | 1 - 1/(2*alpha), 1/(2*alpha)
    }
}

corrector g {
    inputs z, dz
}

hypersolver Ralston {
    base pair(alpha = 2/3)
    corrector g
}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "ralston.hyper"
    path.write_text(SPEC, "utf-8")
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(application(), [str(argument) for argument in arguments])


def facts_of(spec: Path, name: str) -> dict[str, object]:
    done = run("show", spec, name, "--json")
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert set(found) == {"methods", "diagnostics"}
    (method,) = found["methods"]
    return dict(method)


def test_the_page_of_a_hypersolver_says_what_g_learns(spec: Path) -> None:
    text = run("show", spec, "Ralston").stdout
    assert "Ralston, a hypersolver on pair: order 2, proven exactly" in text
    assert "1/6 · f'f'f" in text
    assert "f''(f, f)" not in text
    assert "ε^3 g, residual power 3" in text
    assert "g is relative to the size of dz: zero where f is" in text
    family = run("show", spec, "pair").stdout
    assert "at alpha = 2/3 the local error keeps only 1/6 · f'f'f" in family
    assert "no values in range give order 3" in family


def test_properties_of_the_library(spec: Path) -> None:
    assert "symplectic, symmetric, A-stable\n" in run("show", spec, "gauss4").stdout
    assert "stiffly accurate, A-stable, L-stable\n" in run("show", spec, "radau_iia5").stdout
    assert "SSP coefficient 6\n" in run("show", spec, "ssprk104").stdout
    assert "order 7 at every θ, 4 extra stages" in run("show", spec, "dop853").stdout
    assert "B(4), C(1), D(1), stage order 1" in run("show", spec, "rk4").stdout


def test_json_has_every_fact(spec: Path) -> None:
    rk4 = facts_of(spec, "rk4")
    assert rk4["real_stability"] == 2.785293563405282
    assert rk4["imaginary_stability"] == 2.8284271247461903
    assert rk4["simplifying_assumptions"] == {"B": 4, "C": 1, "D": 1}
    assert rk4["stability_function"] == {"numerator": "1 + z + 1/2*z^2 + 1/6*z^3 + 1/24*z^4", "denominator": "1"}
    assert rk4["a_stable"] is False
    assert rk4["ssp_coefficient"] == 0
    assert isinstance(rk4["dense"], dict)
    assert rk4["dense"]["weights"][3] == "-1/2*theta^2 + 2/3*theta^3"
    assert {"tree": "[[τ]]", "differential": "f'f'f", "coefficient": "1/6"} in _learned(facts_of(spec, "heun"))
    euler = facts_of(spec, "euler")
    assert euler["simplifying_assumptions"] == {"B": 1, "C": "inf", "D": 0}
    backward = facts_of(spec, "backward_euler")
    assert (backward["l_stable"], backward["ssp_coefficient"]) == (True, "inf")
    assert facts_of(spec, "ab3")["error_constant"] == "3/8"
    family = facts_of(spec, "pair")["family"]
    assert family == {"order_rises": [], "vanishing": [{"where": "alpha = 2/3", "remaining": ["f'f'f"]}]}
    solver = facts_of(spec, "Ralston")
    assert solver["residual_power"] == 3
    assert isinstance(solver["method"], dict)
    assert solver["method"]["principal_error"] == pytest.approx(1 / 6)


def _learned(facts: dict[str, object]) -> list[object]:
    learned = facts["learned"]
    assert isinstance(learned, list)
    return learned


def test_json_of_check_keeps_its_fields(spec: Path) -> None:
    found = json.loads(run("check", spec, "--json").stdout)
    (method,) = found["files"][0]["methods"]
    assert {"dense", "a_stable", "ssp_coefficient"}.isdisjoint(method)


@pytest.mark.parametrize(("ending", "name"), [("png", "rk4"), ("svg", "rk4"), ("png", "ab3"), ("svg", "bdf3")])
def test_plots_are_written(spec: Path, tmp_path: Path, ending: str, name: str) -> None:
    path = tmp_path / f"region.{ending}"
    assert run("show", spec, name, "--plot", path).exit_code == 0
    start = path.read_bytes()[:400]
    assert start.startswith(b"\x89PNG") if ending == "png" else b"<?xml" in start
    first = path.read_bytes()
    assert run("show", spec, name, "--plot", path).exit_code == 0
    if ending == "png":
        assert path.read_bytes() == first


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("pair", "--plot", "a.png"), "without free parameters"),
        (("abm3", "--plot", "a.png"), "draws one Runge–Kutta or multistep method"),
        (("rk4", "--plot", "a.gif"), "neither .png nor .svg"),
        (("rk4", "--plot", "no/such/folder/a.png"), "cannot write"),
    ],
)
def test_plots_that_cannot_be_drawn(spec: Path, arguments: tuple[str, ...], says: str) -> None:
    done = run("show", spec, *arguments)
    assert done.exit_code == 2
    assert says in done.stderr


def test_without_matplotlib_the_extra_is_named(spec: Path) -> None:
    script = (
        "import sys\n"
        "sys.modules['matplotlib'] = None\n"
        "from hyperdsl.cli import application\n"
        f"application()(['show', {str(spec)!r}, 'rk4', '--plot', 'a.png'])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "hyperdsl[train]" in done.stderr


@pytest.mark.parametrize("name", ["rk4", "dopri5", "gauss4", "second_order", "tsit5", "crouzeix3"])
def test_notebooks_show_html_and_latex(name: str) -> None:
    page = library(name)
    html = page._repr_html_()
    ElementTree.fromstring(html.replace("<br>", "<br/>"))  # well-formed
    assert f"<strong>{name}: order" in html
    latex, method = str(page._repr_latex_()), page.method
    assert method is not None
    assert latex.count("{") == latex.count("}")
    assert latex.count("\\left(") == latex.count("\\right)")
    assert latex.count("\\begin{array}") == latex.count("\\end{array}") == 1
    assert latex.count("\\\\\n") == method.tableau.stages + len(method.tableau.weights) - 1
    assert repr(page).startswith(f"{name}: order")


def test_latex_is_what_is_written() -> None:
    assert "\\tfrac{1}{2} & \\tfrac{1}{2}" in str(library("rk4")._repr_latex_())
    assert "\\sqrt{3}" in str(library("gauss4")._repr_latex_())
    assert "\\tfrac{1}{2 \\cdot \\alpha}" in str(library("second_order")._repr_latex_())
    assert "\\tfrac{1}{6}\\,f'\\,f'\\,f" in str(library("heun")._repr_latex_())


def test_a_notebook_loads_specs(spec: Path, tmp_path: Path) -> None:
    pages = load(spec)
    assert set(pages) == {"pair", "Ralston"}
    assert isinstance(pages["Ralston"], Page)
    assert "residual power 3" in pages["Ralston"]._repr_html_()
    bad = tmp_path / "bad.hyper"
    bad.write_text("method m {\n order 2\n tableau {\n 0 |\n --+--\n | 1\n }\n}\n")
    with pytest.raises(ValueError, match="H201"):
        load(bad)
    with pytest.raises(KeyError):
        library("rk5")


def test_html_escapes_everything() -> None:
    html = library("rk4")._repr_html_()
    assert not re.search(r"<(?!/?(div|p|strong|br|table|tr|td|th|img)\b)", html)


def test_an_error_that_was_not_measured_is_not_said_to_depend_on_parameters() -> None:
    method = compiler.library_method("rk4")
    assert method is not None
    unknown = replace(method, facts=replace(method.facts, principal_error=None))
    (said,) = dict(text.facts(unknown, analyse(method)))["error"]
    assert "is out of reach" in said
    family = compiler.library_method("second_order")
    assert family is not None
    assert "depends on the parameters" in dict(text.facts(family, analyse(family)))["error"][0]


def test_a_grid_of_its_own_is_shown() -> None:
    page = run("show", "specs/graded.hyper").stdout
    assert "grid           steps between 0, 1/10, 3/10, 1 of the span\n" in page
    assert (
        "grid           steps between 0, 1/3, 2/3, 1 of the span before training, which moves those between\n" in page
    )
