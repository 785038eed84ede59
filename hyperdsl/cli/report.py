"""hyperdsl report"""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated

import typer

from hyperdsl.cli.evaluate import Set, Weights, parameter
from hyperdsl.cli.inputs import Json, out
from hyperdsl.cli.packages import (
    PackagePath,
    ProblemName,
    SolverName,
    Threads,
    find,
    guarded,
    need_torch,
    warnings_said,
)

Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE.html", help="The page; by default PACKAGE-PROBLEM.html, here."),
]


def report(
    package: PackagePath,
    problem: ProblemName,
    solver: SolverName = None,
    weights: Weights = None,
    output: Output = None,
    parameters: Set = None,
    threads: Threads = 1,
    json: Json = False,
) -> None:
    """Write a page that says in words whether to use a solver for a problem, with everything measured behind it."""
    need_torch("matplotlib")
    import torch

    from hyperdsl import reporting
    from hyperdsl.evaluation.packages import load_package
    from hyperdsl.evaluation.weights import file_name
    from hyperdsl.training.outputs import require_plot

    torch.set_num_threads(threads)
    values = dict(parameter(item) for item in parameters or [])
    loaded = guarded(lambda: load_package(package))
    with warnings_said():
        chosen = find(problem, quiet=json)
        file = output or Path(f"{loaded.name}-{file_name(chosen.whole_name)}.html")
        guarded(lambda: require_plot(file, ("html",)))
        made = guarded(
            lambda: reporting.report(loaded, chosen, solver=solver, weights=weights, output=file, parameters=values)
        )
    if json:
        print(json_module.dumps({**made.plain(), "page": file.as_posix()}, indent=2))
        return
    verdict = made.verdict
    for line in (verdict.headline, *verdict.reasons, *verdict.advice, f"wrote {file}"):
        out().print(line, markup=False)
