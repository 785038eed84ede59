"""The page of a Rosenbrock method: its coefficients and its facts, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hyperdsl.pages import text
from hyperdsl.pages.conditions import conditions, failure, local_error, missing
from hyperdsl.pages.text import Fact, length
from hyperdsl.semantics.methods.proofs import shown
from hyperdsl.semantics.model.rosenbrock import Rosenbrock
from hyperdsl.semantics.summary import finite_or_text, rosenbrock_summary
from hyperdsl.theory.rosenbrock.order import principal_error
from hyperdsl.theory.rosenbrock.trees import EXACT_JACOBIAN, trees
from hyperdsl.theory.runge_kutta.tableau import Row
from hyperdsl.theory.runge_kutta.trees import PLAIN
from hyperdsl.theory.stability.a_stability import LinearStability, linear_stability

MOST_SHOWN = 4
"""Conditions of this order at most are written out."""


def lines(method: Rosenbrock) -> list[str]:
    """The rows of α and b, then those of γ with the γ_i before them."""
    tableau = method.tableau
    sums = enumerate(zip(tableau.gamma_sums, tableau.gamma, strict=True))
    gamma = [f"{shown(total)} | {'  '.join(map(shown, row[: i + 1]))}" for i, (total, row) in sums]
    return [*text.tableau_lines(tableau.explicit), "", "γ_i | γ_ij", *gamma]


def facts(method: Rosenbrock) -> Iterator[Fact]:
    """The facts of a method, in the order of a textbook's page."""
    tableau, proven, stability = method.tableau, method.facts, _stability(method)
    held = {"stiffly accurate": proven.stiffly_accurate, "A-stable": proven.a_stable, "L-stable": proven.l_stable}
    stages = f"{tableau.stages} stage" + "s" * (tableau.stages > 1)
    yield "kind", [", ".join(["Rosenbrock", stages, *(name for name, holds in held.items() if holds)])]
    yield "conditions", list(_conditions(method))
    yield "any matrix", [f"order {proven.w_order} with any matrix in place of the Jacobian (as a W-method)"]
    size = "depends on the parameters" if proven.principal_error is None else f"= {proven.principal_error:.6g}"
    yield "error", [f"‖principal error‖ {size}, over the trees of order {proven.order + 1}"]
    if not method.parameters:
        yield "local error", list(_terms(method))
    if proven.real_stability is not None and proven.imaginary_stability is not None and stability is not None:
        real, imaginary = length(proven.real_stability), length(proven.imaginary_stability)
        intervals = f"real interval [-{real}, 0], imaginary [0, {imaginary}i]"
        yield "stability", [intervals, f"|R(∞)| = {length(stability.at_infinity)}"]
    if method.dense is not None:
        yield "dense output", list(text.dense_lines(method.dense.order, method.dense.weights))


def details(method: Rosenbrock) -> dict[str, Any]:
    """The facts that `check --json` has, and all others; exact numbers are strings, an infinite one is "inf"."""
    tableau, stability = method.tableau, _stability(method)
    return {
        **rosenbrock_summary(method),
        "tableau": {
            "alpha": _texts(tableau.alpha),
            "gamma": _texts(tableau.gamma),
            "c": [str(value) for value in tableau.c],
            "gamma_sums": [str(value) for value in tableau.gamma_sums],
            "weights": _texts(tableau.weights),
        },
        "failing": failure(method.facts.report.failing),
        "stability_function": text.function(tableau.linear),
        "a_stable": method.facts.a_stable,
        "at_infinity": finite_or_text(stability.at_infinity) if stability else None,
        "dense": text.dense_details(method.dense.order, method.dense.weights) if method.dense else None,
    }


def _stability(method: Rosenbrock) -> LinearStability | None:
    return linear_stability(method.tableau.linear, method.facts.report.order_autonomous, method.tolerance)


def _conditions(method: Rosenbrock) -> Iterator[str]:
    first = f"{method.facts.conditions} trees up to order {method.claimed_order} hold"
    orders = range(1, min(method.claimed_order, MOST_SHOWN) + 1)
    written = [tree for order in orders for tree in trees(order, PLAIN, EXACT_JACOBIAN)]
    return conditions(first, written, method.facts.report.failing, more=method.claimed_order > MOST_SHOWN)


def _terms(method: Rosenbrock) -> Iterator[str]:
    order, tolerance = method.facts.order, method.tolerance
    return local_error(order, missing(principal_error(method.tableau, order, tolerance=tolerance), tolerance))


def _texts(rows: Sequence[Row]) -> list[list[str]]:
    return [[str(value) for value in row] for row in rows]
