"""What is shown of a method or solver of any kind: heading, coefficients, facts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hyperdsl.pages import additive, multistep, rosenbrock
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

Shown = Base | Solver | VaryingSolver


@dataclass(frozen=True)
class Sheet:
    """`within` are the ranges of a family's parameters, `coefficients` lines of text."""

    heading: str
    within: tuple[str, ...]
    coefficients: tuple[str, ...]
    facts: tuple[Fact, ...]


def shown_of(spec: Spec) -> dict[str, Shown]:
    """What a file declares and can be shown, by name; a solver's base is shown with it."""
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


def sheets(value: Shown) -> tuple[Sheet, ...]:
    """What is shown of it; of a solver of variable order, its orders come before its base."""
    match value:
        case Multistep() | PredictorCorrector():
            return (_sheet(multistep.title(value), (), multistep.lines(value), multistep.facts(value)),)
        case Additive():
            return (_sheet(title(value), ranges(value), additive.lines(value), additive.facts(value)),)
        case Rosenbrock():
            return (_sheet(title(value), ranges(value), rosenbrock.lines(value), rosenbrock.facts(value)),)
        case Method():
            found = facts(value, analyse(value))
            return (_sheet(title(value), ranges(value), tableau_lines(value.tableau), found),)
        case VaryingSolver():
            heading = f"{value.name}, a solver of variable order and step, on the history of"
            return (_sheet(heading, (), multistep.orders(value), ()), *sheets(value.base))
        case Solver():
            (base,) = sheets(of_solver(value))
            kind = "solver" if value.corrector is None else "hypersolver"
            path = f" for models of the path {value.path.name}" if value.path else ""
            heading = f"{value.name}, a {kind}{path} on {base.heading}"
            return (_sheet(heading, base.within, base.coefficients, (*base.facts, *added(value))),)


def _sheet(heading: str, within: Iterable[str], coefficients: Iterable[str], found: Iterable[Fact]) -> Sheet:
    return Sheet(heading, tuple(within), tuple(coefficients), tuple(found))
