"""The page of an additive method: the coefficients of its parts and its facts, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hyperdsl.pages import text
from hyperdsl.pages.conditions import conditions, failure, local_error, missing
from hyperdsl.pages.text import Fact, length
from hyperdsl.semantics.model.additive import Additive
from hyperdsl.semantics.summary import additive_summary
from hyperdsl.theory.additive.order import principal_error
from hyperdsl.theory.additive.trees import Alphabet, level, roots
from hyperdsl.theory.runge_kutta.tableau import Tableau

MOST_SHOWN = 3
"""Conditions of this order at most are written out."""


def lines(method: Additive) -> list[str]:
    """The tableau of each part, below its name."""
    found: list[str] = []
    for part, tableau in method.pair.parts:
        found += [*([""] if found else []), part, *text.tableau_lines(tableau)]
    return found


def facts(method: Additive) -> Iterator[Fact]:
    """The facts of a method, in the order of a textbook's page."""
    proven, pair = method.facts, method.pair
    stages = f"{pair.stages} stage" + "s" * (pair.stages > 1)
    yield "kind", [", ".join(["additive", stages, *(["FSAL"] if proven.fsal else [])])]
    held = {"stiffly accurate": proven.stiffly_accurate, "A-stable": proven.a_stable, "L-stable": proven.l_stable}
    about = {"explicit": [], "implicit": [name for name, holds in held.items() if holds]}
    yield "parts", [", ".join([f"{part}: order {order}", *about[part]]) for part, order in proven.report.parts]
    yield "conditions", list(_conditions(method))
    yield "stage order", [f"{proven.stage_order}: B({proven.stage_order}) and C({proven.stage_order}) of both parts"]
    size = "depends on the parameters" if proven.principal_error is None else f"= {proven.principal_error:.6g}"
    yield "error", [f"‖principal error‖ {size}, over the trees of order {proven.order + 1}, nodes of either part"]
    if not method.parameters:
        yield "local error", list(_terms(method))
    if proven.real_stability is not None and proven.imaginary_stability is not None:
        real, imaginary = length(proven.real_stability), length(proven.imaginary_stability)
        yield "stability", [f"explicit part: real interval [-{real}, 0], imaginary [0, {imaginary}i]"]
    if method.dense is not None:
        yield "dense output", list(text.dense_lines(method.dense.order, method.dense.weights))


def details(method: Additive) -> dict[str, Any]:
    """The facts that `check --json` has, and all others; exact numbers are strings."""
    proven = method.facts
    return {
        **additive_summary(method),
        "tableaux": {part: _coefficients(tableau) for part, tableau in method.pair.parts},
        "failing": failure(proven.report.failing),
        "stability_functions": {part: text.function(tableau) for part, tableau in method.pair.parts},
        "a_stable": proven.a_stable,
        "dense": text.dense_details(method.dense.order, method.dense.weights) if method.dense else None,
    }


def _conditions(method: Additive) -> Iterator[str]:
    pair = method.pair
    first = f"{method.facts.conditions} trees up to order {method.claimed_order} hold, each node of either part"
    alphabet = Alphabet.shared(pair.names) if pair.has_one_c else Alphabet.autonomous(pair.names)
    levels = (level(order, alphabet) for order in range(2, min(method.claimed_order, MOST_SHOWN) + 1))
    written = [*roots(alphabet), *(grafted.tree for grafts in levels for grafted in grafts)]
    return conditions(first, written, method.facts.report.failing, more=method.claimed_order > MOST_SHOWN)


def _terms(method: Additive) -> Iterator[str]:
    order, tolerance = method.facts.order, method.tolerance
    return local_error(order, missing(principal_error(method.pair, order, tolerance=tolerance), tolerance))


def _coefficients(tableau: Tableau) -> dict[str, Any]:
    return {
        "c": [str(value) for value in tableau.c],
        "a": [[str(value) for value in row] for row in tableau.a],
        "weights": [[str(value) for value in row] for row in tableau.weights],
    }
