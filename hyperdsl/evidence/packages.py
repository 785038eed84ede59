"""The packages that studies train: made from the specs of this folder, where they are needed."""

from __future__ import annotations

from pathlib import Path

from hyperdsl import compiler
from hyperdsl.diagnostics import has_errors
from hyperdsl.evaluation.packages import Package, load_package
from hyperdsl.evaluation.solvers import TableauSolver
from hyperdsl.source import SpecFile

SPECS = Path(__file__).parent / "specs"


def package(name: str, runs: Path) -> Package:
    """The package of specs/`name`.hyper, compiled below `runs`."""
    output = runs / "packages"
    checked = compiler.check([SpecFile(SPECS / f"{name}.hyper", f"{name}.hyper")])
    if has_errors(checked.diagnostics):
        raise AssertionError(f"{name}.hyper is at fault: {checked.diagnostics}")
    compiler.compile_checked(checked, output)
    return load_package(output / name)


def spec_text(name: str) -> str:
    """The text of specs/`name`.hyper: what parts that train its package depend on."""
    return (SPECS / f"{name}.hyper").read_text("utf-8")


def library(name: str) -> TableauSolver:
    """An explicit method of the library, ready to run. KeyError where there is none."""
    method = compiler.library_method(name)
    if method is None:
        raise KeyError(name)
    return TableauSolver(name, method.tableau)
