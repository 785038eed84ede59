"""Everything that an analyst asks of a Runge–Kutta method, beyond the facts that `check` proves."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hyperdsl.pages.conditions import missing
from hyperdsl.semantics.model.spec import Method, Solver
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta.families import Region
from hyperdsl.theory.runge_kutta.order import principal_error, principal_error_norm
from hyperdsl.theory.runge_kutta.rises import Rises, rises
from hyperdsl.theory.runge_kutta.simplifying import Assumptions, simplifying_assumptions
from hyperdsl.theory.runge_kutta.trees import Tree
from hyperdsl.theory.stability.a_stability import LinearStability, linear_stability
from hyperdsl.theory.stability.linear import Polynomial, stability_function
from hyperdsl.theory.stability.ssp import ssp_coefficient

MOST_CONDITIONS = 1000
"""Principal errors are listed tree by tree where no more conditions than that were checked."""


@dataclass(frozen=True)
class Analysis:
    """Facts of a method, exact unless they are proven to its tolerance.

    `learned` are the coefficients of the elementary differentials in (z(s + ε) − z₁)/ε^(p+1) as ε → 0, which is what
    g learns; None where they are too many. `linear` is None for explicit methods and families.
    """

    assumptions: Assumptions
    linear: LinearStability | None
    ssp: float | None
    stability: tuple[Polynomial, Polynomial]
    learned: tuple[tuple[Tree, Exact], ...] | None
    embedded_errors: tuple[float | None, ...]
    rises: Rises | None


def analyse(method: Method) -> Analysis:
    """All of it, in about a second for the largest methods."""
    tableau, tolerance, facts = method.tableau, method.tolerance, method.facts
    few = facts.conditions <= MOST_CONDITIONS
    return Analysis(
        assumptions=simplifying_assumptions(tableau, tolerance),
        linear=None if tableau.kind == "explicit" else _linear(method),
        ssp=ssp_coefficient(tableau),
        stability=stability_function(tableau),
        learned=_learned(method) if few else None,
        embedded_errors=tuple(
            principal_error_norm(tableau, order, row, tolerance) for row, order in enumerate(facts.embedded, start=1)
        ),
        rises=rises(tableau, facts.order, _region(method)) if method.parameters and few else None,
    )


def of_solver(solver: Solver) -> Method:
    """The solver's base with its parameters put in, as a method of its own."""
    return replace(
        solver.base,
        tableau=solver.tableau,
        entries=solver.entries,
        facts=solver.facts,
        parameters=tuple(parameter for parameter in solver.base.parameters if parameter.name in solver.parameters),
        dense=solver.dense,
    )


def _linear(method: Method) -> LinearStability | None:
    return linear_stability(method.tableau, method.facts.report.order_autonomous, method.tolerance)


def _learned(method: Method) -> tuple[tuple[Tree, Exact], ...]:
    return missing(principal_error(method.tableau, method.facts.order, tolerance=method.tolerance), method.tolerance)


def _region(method: Method) -> Region:
    return Region({parameter.name: parameter.interval for parameter in method.parameters}, method.nonzero)
