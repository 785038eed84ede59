"""The packages that studies train: made from the specs of this folder, where they are needed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from hyperdsl import compiler
from hyperdsl.diagnostics import has_errors
from hyperdsl.evaluation.packages import Package, load_package
from hyperdsl.evaluation.problems import Problem
from hyperdsl.evaluation.training import build_solver, train_package
from hyperdsl.evaluation.weights import load_weights
from hyperdsl.evidence.study import Settings
from hyperdsl.source import SpecFile

SPECS = Path(__file__).parent / "specs"


@cache
def package(name: str, runs: Path) -> Package:
    """The package of specs/`name`.hyper, compiled below `runs`, once in a process."""
    output = runs / "packages"
    checked = compiler.check([SpecFile(SPECS / f"{name}.hyper", f"{name}.hyper")])
    if has_errors(checked.diagnostics):
        raise AssertionError(f"{name}.hyper is at fault: {checked.diagnostics}")
    compiler.compile_checked(checked, output)
    return load_package(output / name)


def spec_text(name: str) -> str:
    """The text of specs/`name`.hyper: what parts that train its package depend on."""
    return (SPECS / f"{name}.hyper").read_text("utf-8")


def trained_solver(
    made: Package,
    problem: Problem,
    name: str,
    seed: int,
    folder: Path,
    overrides: Mapping[str, object] | None = None,
    *,
    progress: bool = False,
    cache: Path | None = None,
) -> tuple[Any, float]:
    """The package's solver of this name trained for the problem, and the seconds that it took.

    It comes from `folder` where a run that was ended trained it before, from the same spec, seed and overrides.
    `cache` is a folder for targets that several solvers share.
    """
    recipe = f"{made.spec_sha256} {problem.whole_name} {sorted((overrides or {}).items())}"
    key = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    path = folder / f"{name}_{seed}_{key}.safetensors"
    spent = path.with_suffix(".json")
    if spent.exists():
        solver: Any = build_solver(made, problem, name)
        load_weights(path, solver, made)
        return solver, float(json.loads(spent.read_text("utf-8")))
    done = train_package(
        made, problem, solver=name, overrides=overrides, seed=seed, output=path, progress=progress, cache=cache
    )
    spent.write_text(json.dumps(done.seconds), "utf-8")
    return done.solver, done.seconds


def trained(
    made: Package,
    problem: Problem,
    name: str,
    seed: int,
    settings: Settings,
    folder: str,
    overrides: Mapping[str, object],
) -> Any:
    """`trained_solver` with its weights in `folder` below the study's runs, and targets that its solvers share."""
    place = settings.runs / folder
    cache = settings.runs / "cache"
    return trained_solver(made, problem, name, seed, place, overrides, progress=settings.progress, cache=cache)[0]
