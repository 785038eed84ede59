"""The page of an additive method: the coefficients of its parts and its facts, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hyperdsl.pages import text
from hyperdsl.pages.text import Fact, length, polynomial_text
from hyperdsl.semantics.methods.proofs import shown
from hyperdsl.semantics.model.additive import Additive
from hyperdsl.semantics.summary import additive_summary
from hyperdsl.theory.additive.order import Condition, principal_error
from hyperdsl.theory.additive.trees import Alphabet, level, roots
from hyperdsl.theory.runge_kutta.tableau import Tableau
from hyperdsl.theory.stability.linear import stability_function

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


def details(method: Additive) -> dict[str, Any]:
    """The facts that `check --json` has, and all others; exact numbers are strings."""
    proven = method.facts
    return {
        **additive_summary(method),
        "tableaux": {part: _coefficients(tableau) for part, tableau in method.pair.parts},
        "failing": _failing(proven.report.failing),
        "stability_functions": {part: _function(tableau) for part, tableau in method.pair.parts},
        "a_stable": proven.a_stable,
    }


def _conditions(method: Additive) -> Iterator[str]:
    pair = method.pair
    yield f"{method.facts.conditions} trees up to order {method.claimed_order} hold, each node of either part"
    alphabet = Alphabet.shared(pair.names) if pair.has_one_c else Alphabet.autonomous(pair.names)
    yield from (tree.condition() for tree in roots(alphabet))
    for order in range(2, min(method.claimed_order, MOST_SHOWN) + 1):
        yield from (grafted.tree.condition() for grafted in level(order, alphabet))
    if method.claimed_order > MOST_SHOWN:
        yield "and those of higher order"
    failing = method.facts.report.failing
    if failing is not None:
        yield f"the next one fails: {failing.tree.condition()}, the left side is {shown(failing.value)}"


def _terms(method: Additive) -> Iterator[str]:
    power, tolerance = method.facts.order + 1, method.tolerance
    found = principal_error(method.pair, method.facts.order, tolerance=tolerance)
    yield f"z(s + ε) - z₁ = ε^{power} times this sum + O(ε^{power + 1}):"
    kept = [
        (tree, -error) for tree, error in found if not error.is_zero and (tolerance is None or abs(error) > tolerance)
    ]
    for i, (tree, error) in enumerate(kept[: text.MOST_TREES]):
        yield text.term_text(error, tree.differential(), first=i == 0)
    if len(kept) > text.MOST_TREES:
        yield f"and {len(kept) - text.MOST_TREES} more trees of order {power}"


def _coefficients(tableau: Tableau) -> dict[str, Any]:
    return {
        "c": [str(value) for value in tableau.c],
        "a": [[str(value) for value in row] for row in tableau.a],
        "weights": [[str(value) for value in row] for row in tableau.weights],
    }


def _function(tableau: Tableau) -> dict[str, str]:
    above, below = stability_function(tableau)
    return {"numerator": polynomial_text(above, "z"), "denominator": polynomial_text(below, "z")}


def _failing(condition: Condition | None) -> dict[str, str] | None:
    if condition is None:
        return None
    return {
        "tree": str(condition.tree),
        "condition": condition.tree.condition(),
        "value": str(condition.value),
        "expected": str(condition.expected),
    }
