"""The packages that studies train: made from the specs of this folder, where they are needed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hyperdsl import compiler
from hyperdsl.diagnostics import has_errors
from hyperdsl.evaluation.packages import Package, load_package
from hyperdsl.evaluation.problems import Problem
from hyperdsl.evaluation.solvers import TableauSolver
from hyperdsl.evaluation.training import build_solver, train_package
from hyperdsl.evaluation.weights import load_weights, read_origin
from hyperdsl.evidence.study import Settings
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


def trained(
    made: Package,
    problem: Problem,
    solver: str,
    seed: int,
    settings: Settings,
    folder: str,
    overrides: Mapping[str, object],
) -> Any:
    """The package's solver trained from this seed; from `folder` below the runs where it was so before.

    So a study that was ended in the middle of a part trains nothing twice.
    """
    path = settings.runs / folder / f"{solver}_{seed}.safetensors"
    if path.exists():
        origin = read_origin(path)
        told = {key: list(value) if isinstance(value, tuple) else value for key, value in overrides.items()}
        if (origin.spec_sha256, origin.seed, origin.overrides) == (made.spec_sha256, seed, told):
            found = build_solver(made, problem, solver, seed)
            load_weights(path, found, made)
            return found
    return train_package(
        made,
        problem,
        solver=solver,
        overrides=overrides,
        seed=seed,
        output=path,
        progress=settings.progress,
        cache=settings.runs / "cache",
    ).solver


def library(name: str) -> TableauSolver:
    """An explicit method of the library, ready to run. KeyError where there is none."""
    method = compiler.library_method(name)
    if method is None:
        raise KeyError(name)
    return TableauSolver(name, method.tableau)
