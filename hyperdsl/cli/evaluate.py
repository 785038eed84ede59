"""hyperdsl evaluate"""

from __future__ import annotations

import json as json_module
import math
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hyperdsl.cli.inputs import Json, out, stop
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

if TYPE_CHECKING:
    from hyperdsl.evaluation.problems import Problem
    from hyperdsl.evaluation.solvers import TableauSolver
    from hyperdsl.theory.runge_kutta.tableau import Tableau

Weights = Annotated[Path | None, typer.Option(metavar="FILE", help="Trained weights; without them g is zero.")]
Steps = Annotated[
    str | None,
    typer.Option(
        metavar="K,K,...",
        help="Numbers of steps over the span; by default those that g was trained for, else 10,20,40,80.",
    ),
]
Methods = Annotated[
    str | None,
    typer.Option(
        metavar="NAME,NAME,...",
        help="Explicit methods of the library to compare with, and SciPy's radau, bdf and lsoda, which are the default "
        "for stiff problems; of others it is euler,midpoint,rk4.",
    ),
]
Rtol = Annotated[str | None, typer.Option(metavar="R,R,...", help="Relative tolerances of an adaptive solver.")]
Plot = Annotated[Path | None, typer.Option(metavar="FILE", help="Write a plot of error against cost.")]
Samples = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Draw samples, images or trajectories beside the exact ones.")
]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A value for a free parameter of the base.")
]
LARGEST_STEPS = 10**6


def evaluate(
    package: PackagePath,
    problem: ProblemName,
    solver: SolverName = None,
    weights: Weights = None,
    steps: Steps = None,
    methods: Methods = None,
    rtol: Rtol = None,
    plot: Plot = None,
    samples: Samples = None,
    parameters: Set = None,
    threads: Threads = 1,
    json: Json = False,
) -> None:
    """Measure error against evaluations, multiply-accumulates (g's included) and milliseconds, beside other methods."""
    need_torch()
    import torch

    from hyperdsl.evaluation import contenders as rivals
    from hyperdsl.evaluation import plots, report, work_precision
    from hyperdsl.evaluation import samples as drawn
    from hyperdsl.evaluation.packages import load_package
    from hyperdsl.evaluation.problems import on_path
    from hyperdsl.evaluation.training import build_solver
    from hyperdsl.evaluation.verdict import cost_sentence, verdict
    from hyperdsl.evaluation.weights import load_weights, of_another_version
    from hyperdsl.training.learned import learns_something

    torch.set_num_threads(threads)
    _require_plots(plot, samples)
    counts = _counts(steps) if steps else None
    tolerances = _tolerances(rtol) if rtol else None
    values = dict(parameter(item) for item in parameters or [])
    loaded = guarded(lambda: load_package(package))
    origin = None
    with warnings_said():
        chosen = find(problem, quiet=json)
        model = guarded(lambda: build_solver(loaded, chosen, solver))
        if weights is not None:
            origin = guarded(partial(load_weights, weights, model, loaded))
    learns, own = learns_something(model), type(model).__name__
    name, state = _called(own, learns, weights is not None)
    if tolerances and not rivals.is_adaptive(model):
        stop(f"`--rtol` is for adaptive solvers, and {own} has no control")
    asked = None if methods is None else _methods(methods.replace(" ", "").split(","))
    solved, start = guarded(lambda: work_precision.begun(on_path(chosen, model)))  # with a path f alone is no field
    beside, scipy = asked or _methods(rivals.STIFF_METHODS if solved.stiff else rivals.DEFAULT_METHODS)
    contenders = guarded(
        lambda: rivals.beside(
            name,
            model,
            beside,
            counts,
            parameters=values,
            own_tolerances=tolerances,
            scipy=scipy,
            problem=solved,
        )
    )
    rows = guarded(lambda: work_precision.measure(contenders, start))
    panels = guarded(lambda: drawn.panels(contenders, start)) if samples is not None else []
    title = f"{own} on {chosen.name}, {state}"
    worth = verdict(rows, name) if weights else None  # an untrained g is all cost
    trained_on = origin.problem if origin else None
    notes = [*of_another_version(origin, loaded), *_of_another(trained_on, chosen.whole_name)] if origin else []
    notes += [*_stiffness(chosen, solved), *report.outside_sentences(rows), *report.lost_sentences(rows)]
    if json:
        about = {"package": package.name, "problem": problem, "weights": state, "trained_on": trained_on}
        pictured = {"samples": [panel.plain() for panel in panels]} if panels else {}
        print(json_module.dumps(report.json_object(rows, **about, **pictured, notes=notes, verdict=worth), indent=2))
    else:
        out().print(report.table(rows, title))
        for said in (*notes, worth or cost_sentence(rows, name)):
            if said:
                out().print(said, markup=False)
    _write(plot, partial(plots.plot, rows, title=title))
    _write(samples, partial(drawn.draw, panels, solved, start))


def _called(own: str, learns: bool, trained: bool) -> tuple[str, str]:
    """What the solver is called in tables, and what has become of its g."""
    state = "trained" if trained else "untrained" if learns else "without a corrector"
    return f"{own} ({state})" if learns else own, state


def _stiffness(given: Problem, taken: Problem) -> list[str]:
    """A sentence where the problem turned out to be stiff."""
    told = f"Explicit steps do not solve {taken.name}: it is taken for a stiff problem."
    return [told] if taken.stiff and not given.stiff else []


def _require_plots(*paths: Path | None) -> None:
    """End the run where something that is to be drawn cannot be."""
    from hyperdsl.evaluation.plots import endings
    from hyperdsl.training.outputs import require_plot

    for path in filter(None, paths):
        guarded(partial(require_plot, path, endings()))


def _write(path: Path | None, draw: Callable[..., None]) -> None:
    """Draw into the file, where one is asked for."""
    if path is not None:
        guarded(partial(draw, path=path))


def _of_another(trained_on: str | None, problem: str) -> list[str]:
    """A sentence where the weights were trained on another problem than this one, or do not say on which."""
    if trained_on in (None, problem):
        return []
    return [f"The weights were trained on {trained_on or 'a problem that their file does not name'}, not on {problem}."]


def _methods(names: Iterable[str]) -> tuple[dict[str, TableauSolver], list[str]]:
    """Methods of the library, ready to run, and names of SciPy's."""
    from hyperdsl.evaluation.scipy_methods import METHODS
    from hyperdsl.evaluation.solvers import TableauSolver

    named = [name for name in names if name]
    scipy = [name for name in named if name in METHODS]
    return {name: TableauSolver(name, tableau(name, METHODS)) for name in named if name not in METHODS}, scipy


def tableau(name: str, others: Iterable[str] = ()) -> Tableau:
    """The tableau of a method of the library that can be taken in plain steps; `others` might have been named, too."""
    from hyperdsl import compiler
    from hyperdsl.cli.names import unknown
    from hyperdsl.semantics.model.spec import Method

    method = compiler.library_base(name)
    if method is None:
        names = [*compiler.library_names(), *others]
        unknown(f"the library has no method `{name}`", name, names, "`hyperdsl list explicit` lists them")
    if not isinstance(method, Method) or method.tableau.kind != "explicit" or method.parameters:
        stop(f"`{name}` is not an explicit method without parameters")
    return method.tableau


def _counts(text: str) -> list[int]:
    """`1,2,4`"""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and 1 <= int(part[:9]) <= LARGEST_STEPS for part in parts):
        stop(f"`--steps {text}` is not a list of numbers of steps, such as 1,2,4")
    return [int(part) for part in parts]


def _tolerances(text: str) -> list[float]:
    """`1e-3,1e-6`"""
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or not all(0 < value < math.inf for value in found):
        stop(f"`--rtol {text}` is not a list of tolerances, such as 1e-3,1e-6")
    return found


def parameter(item: str) -> tuple[str, float]:
    """`alpha=0.5` as a name and a number; ends the run where it is none."""
    name, _, value = item.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        stop(f"`--set {item}` is not NAME=NUMBER")
