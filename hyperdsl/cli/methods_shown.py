"""What `hyperdsl show` prints of a method or solver."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console

from hyperdsl.cli.formulas_shown import print_multistep, print_predictor_corrector
from hyperdsl.pages import additive, rosenbrock
from hyperdsl.pages.analysis import analyse, of_solver
from hyperdsl.pages.text import Fact, facts, learns, ranges, tableau_lines, title
from hyperdsl.semantics.model.additive import Additive
from hyperdsl.semantics.model.rosenbrock import Rosenbrock
from hyperdsl.semantics.model.spec import Base, Method, Multistep, PredictorCorrector, Solver, Spec

Shown = Base | Solver


def shown_of(spec: Spec) -> dict[str, Shown]:
    """What a file declares and `show` can show, by name; a solver's base is shown with it."""
    found: tuple[Shown, ...] = (
        *spec.methods,
        *spec.additives,
        *spec.rosenbrocks,
        *spec.multisteps,
        *spec.predictor_correctors,
    )
    solvers = {solver.name: solver if isinstance(solver, Solver) else solver.base for solver in spec.solvers}
    return {value.name: value for value in found} | solvers


def print_page(value: Shown, console: Console) -> None:
    match value:
        case Multistep():
            print_multistep(value, console)
        case PredictorCorrector():
            print_predictor_corrector(value, console)
        case Method():
            print_method(value, console)
        case Additive():
            print_facts(title(value), ranges(value), additive.lines(value), additive.facts(value), console)
        case Rosenbrock():
            print_facts(
                rosenbrock.title(value), ranges(value), rosenbrock.lines(value), rosenbrock.facts(value), console
            )
        case Solver():
            kind = "solver" if value.corrector is None else "hypersolver"
            path = f" for models of the path {value.path.name}" if value.path else ""
            console.print(f"[bold]{value.name}[/], a {kind}{path} on", end=" ")
            print_method(of_solver(value), console, value)


def print_method(method: Method, console: Console, solver: Solver | None = None) -> None:
    last = learns(solver) if solver else None
    found = (*facts(method, analyse(method)), *([last] if last else []))
    print_facts(title(method), ranges(method), tableau_lines(method.tableau), found, console)


def print_facts(
    heading: str, within: Iterable[str], coefficients: Iterable[str], found: Iterable[Fact], console: Console
) -> None:
    name, _, rest = heading.partition(":")
    console.print(f"[bold]{name}[/]:{rest}")
    for line in within:
        console.print(f"  for {line}", markup=False)
    console.print()
    for line in coefficients:
        console.print(f"    {line}", markup=False)
    console.print()
    for label, lines in found:
        for i, line in enumerate(lines):
            console.print(f"  {'' if i else label:14} {line}", markup=False)
    console.print()
