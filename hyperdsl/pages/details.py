"""Every fact of a method as JSON: what `hyperdsl show --json` prints."""

from __future__ import annotations

import math
from typing import Any

from hyperdsl.pages import additive, rosenbrock
from hyperdsl.pages.analysis import Analysis, analyse, of_solver
from hyperdsl.pages.conditions import failure
from hyperdsl.pages.text import dense_details, function
from hyperdsl.semantics.model.additive import Additive
from hyperdsl.semantics.model.rosenbrock import Rosenbrock
from hyperdsl.semantics.model.spec import Base, Method, Multistep, PredictorCorrector, Solver, VaryingSolver
from hyperdsl.semantics.summary import finite_or_text, method_summary, multistep_summary, solver_summary
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta.tableau import Row
from hyperdsl.theory.runge_kutta.trees import Tree


def details(shown: Base | Solver | VaryingSolver) -> dict[str, Any]:
    """The facts that `check --json` has, and all others; exact numbers are strings, an infinite one is "inf"."""
    match shown:
        case Multistep():
            return multistep_summary(shown)
        case PredictorCorrector():
            return {"name": shown.name, "order": shown.formula.order, "mode": shown.mode}
        case VaryingSolver():
            return {**solver_summary(shown), "method": details(shown.base)}
        case Solver():
            base = of_solver(shown)
            return {**solver_summary(shown), "method": _method(base, analyse(base))}
        case Additive():
            return additive.details(shown)
        case Rosenbrock():
            return rosenbrock.details(shown)
        case Method():
            return _method(shown, analyse(shown))


def _method(method: Method, analysis: Analysis) -> dict[str, Any]:
    assumptions, linear = analysis.assumptions, analysis.linear
    return {
        **method_summary(method),
        "tableau": {
            "a": [_texts(row) for row in method.tableau.a],
            "c": _texts(method.tableau.c),
            "weights": [_texts(row) for row in method.tableau.weights],
        },
        "failing": failure(method.facts.report.failing),
        "simplifying_assumptions": {
            "B": _number(assumptions.b),
            "C": _number(assumptions.c),
            "D": _number(assumptions.d),
        },
        "stability_function": function(method.tableau),
        "a_stable": linear.a_stable if linear else _explicit(method),
        "at_infinity": finite_or_text(linear.at_infinity) if linear else None,
        "ssp_coefficient": finite_or_text(analysis.ssp),
        "embedded_principal_errors": list(analysis.embedded_errors),
        "learned": None if analysis.learned is None else [_term(*term) for term in analysis.learned],
        "dense": _dense(method),
        "family": _family(analysis),
    }


def _explicit(method: Method) -> bool | None:
    """No explicit method is A-stable: |R| grows without bound. Of families it is not known."""
    return False if method.tableau.kind == "explicit" else None


def _dense(method: Method) -> dict[str, Any] | None:
    dense, stages = method.dense, method.tableau.stages
    if dense is None:
        return None
    extra = zip(dense.tableau.c[stages:], dense.tableau.a[stages:], strict=True)
    return {
        **dense_details(dense.order, dense.weights),
        "extra_stages": [{"c": str(c), "a": _texts(row)} for c, row in extra],
    }


def _family(analysis: Analysis) -> dict[str, Any] | None:
    found = analysis.rises
    if found is None:
        return None
    return {
        "order_rises": None if found.order is None else list(found.order),
        "vanishing": [
            {"where": value.where, "remaining": [tree.differential() for tree, _ in value.remaining]}
            for value in found.vanishing
        ],
    }


def _term(tree: Tree, coefficient: Exact) -> dict[str, str]:
    return {"tree": str(tree), "differential": tree.differential(), "coefficient": str(coefficient)}


def _texts(row: Row) -> list[str]:
    return [str(value) for value in row]


def _number(value: float) -> float | str:
    return "inf" if math.isinf(value) else value
