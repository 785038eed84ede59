"""What `hyperdsl show` prints of a method or solver."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console

from hyperdsl.cli.formulas_shown import print_multistep, print_predictor_corrector
from hyperdsl.pages import additive, rosenbrock
from hyperdsl.pages.analysis import analyse, of_solver
from hyperdsl.pages.text import Fact, added, facts, ranges, tableau_lines, title
from hyperdsl.semantics.model.additive import Additive
from hyperdsl.semantics.model.rosenbrock import Rosenbrock
from hyperdsl.semantics.model.spec import (
    AnySolver,
    Base,
    Method,
    Multistep,
    PredictorCorrector,
    Solver,
    Spec,
    VaryingSolver,
)
from hyperdsl.theory.multistep.formulas import LinearMultistep

Shown = Base | Solver | VaryingSolver


def shown_of(spec: Spec) -> dict[str, Shown]:
    """What a file declares and `show` can show, by name; a solver's base is shown with it."""
    found: tuple[Shown, ...] = (
        *spec.methods,
        *spec.additives,
        *spec.rosenbrocks,
        *spec.multisteps,
        *spec.predictor_correctors,
    )
    return {value.name: value for value in found} | {solver.name: _shown(solver) for solver in spec.solvers}


def _shown(solver: AnySolver) -> Shown:
    return solver if isinstance(solver, Solver | VaryingSolver) else solver.base


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
            print_facts(title(value), ranges(value), rosenbrock.lines(value), rosenbrock.facts(value), console)
        case VaryingSolver():
            _print_varying(value, console)
        case Solver():
            kind = "solver" if value.corrector is None else "hypersolver"
            path = f" for models of the path {value.path.name}" if value.path else ""
            console.print(f"[bold]{value.name}[/], a {kind}{path} on", end=" ")
            print_method(of_solver(value), console, value)


def _print_varying(solver: VaryingSolver, console: Console) -> None:
    """The orders between which a solver moves, and its base."""
    console.print(f"[bold]{solver.name}[/], a solver of variable order and step, on the history of")
    console.print()
    for formula in solver.method.orders:
        last = formula if isinstance(formula, LinearMultistep) else formula.corrector
        stable = "zero-stable" if formula.is_zero_stable else "not zero-stable"
        facts = f"{stable} for equal steps, error constant {last.error_constant}"
        console.print(f"    order {formula.order}, {facts}", markup=False)
    console.print()
    print_page(solver.base, console)


def print_method(method: Method, console: Console, solver: Solver | None = None) -> None:
    found = (*facts(method, analyse(method)), *(added(solver) if solver else ()))
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
