"""Packages of variable order: what a formula's coefficients make of a control, and a changed number found."""

from __future__ import annotations

import shutil
from pathlib import Path

from hyperdsl import compiler
from hyperdsl.plan import plan
from hyperdsl.semantics.model.spec import VaryingSolver
from hyperdsl.source import SpecFile
from hyperdsl.verifying.verify import verify

ROOT = Path(__file__).parents[2]


def test_a_changed_number_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "stiff_bdf"
    shutil.copytree(ROOT / "generated" / "stiff_bdf", folder)
    page = folder / "solver.py"
    text = page.read_text("utf-8")
    page.write_text(text.replace("25 / 12", "25 / 13", 1), "utf-8")
    ((_, _, difference),) = verify([folder])
    assert difference is not None
    assert difference.path == page
    assert difference.line == 1 + text[: text.index("25 / 12")].count("\n")


def test_the_family_is_read_off_the_coefficients(tmp_path: Path) -> None:
    """Whatever a formula is called."""
    path = tmp_path / "named.hyper"
    path.write_text(
        "multistep ab3 {\n order 2\n z[n+1] = 4/3*z[n] - 1/3*z[n-1] + 2/3*h*f[n+1]\n}\n"
        "control c { error embedded }\n"
        "solver Own {\n base ab3\n control c\n}\n",
        "utf-8",
    )
    (spec,) = compiler.check([SpecFile(path, path.name)]).specs
    (solver,) = spec.solvers
    assert isinstance(solver, VaryingSolver)
    assert not solver.method.adams
    planned = plan(solver)
    assert planned.order == 2
    assert planned.evaluations_per_step == 1
    facts = planned.facts["orders"]
    assert isinstance(facts, list)
    assert [one["order"] for one in facts] == [1, 2]
    assert all(one["zero_stable"] for one in facts)
