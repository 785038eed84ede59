"""The page of a Runge–Kutta method as text: its tableau, and its facts, a label beside each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from hyperdsl.pages.analysis import Analysis
from hyperdsl.pages.conditions import conditions, local_error
from hyperdsl.semantics.methods.families import range_text
from hyperdsl.semantics.methods.proofs import shown
from hyperdsl.semantics.model.spec import Corrector, Method, OneStep, Solver
from hyperdsl.semantics.summary import orders
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.numbers.polynomials import Polynomial
from hyperdsl.theory.runge_kutta.rises import Vanishing
from hyperdsl.theory.runge_kutta.simplifying import Largest
from hyperdsl.theory.runge_kutta.tableau import Tableau
from hyperdsl.theory.runge_kutta.trees import Tree, trees
from hyperdsl.theory.stability.linear import stability_function

LONGEST_FUNCTION = 160

Fact = tuple[str, list[str]]
"""A label and the lines beside it."""


def title(method: OneStep) -> str:
    """`rk4: order 4, proven exactly`"""
    proof = "proven exactly" if method.tolerance is None else f"proven within {float(method.tolerance):.0e}"
    return f"{method.name}: order {orders(method)}, {proof}"


def ranges(method: OneStep) -> list[str]:
    """What the parameters of a family range over."""
    return [range_text(parameter.name, parameter.interval, method.nonzero) for parameter in method.parameters]


def facts(method: Method, analysis: Analysis) -> Iterator[Fact]:
    """The facts of a method, in the order of a textbook's page."""
    tableau, proven = method.tableau, method.facts
    stages = f"{tableau.stages} stage" + "s" * (tableau.stages > 1)
    yield "kind", [", ".join([tableau.kind, stages, *_properties(method, analysis)])]
    yield "conditions", list(_conditions(method))
    found = analysis.assumptions
    holds = f"B({_largest(found.b)}), C({_largest(found.c)}), D({_largest(found.d)})"
    yield "assumptions", [f"{holds}, stage order {proven.stage_order}"]
    yield "error", list(_errors(method, analysis))
    if analysis.learned is not None:
        yield "local error", list(_learned(method, analysis.learned))
    yield "stability", list(_stability(method, analysis))
    if method.dense is not None:
        extra = method.dense.tableau.stages - tableau.stages
        yield "dense output", list(dense_lines(method.dense.order, method.dense.weights, extra))
    if method.parameters:
        yield "family", list(_family(method, analysis))


def added(solver: Solver) -> Iterator[Fact]:
    """What a solver adds to its base: the points of its steps, and a learned term."""
    if solver.grid is not None:
        points = ", ".join(map(shown, solver.grid.points))
        trained = " before training, which moves those between" if solver.grid.learned else ""
        yield "grid", [f"steps between {points} of the span{trained}"]
    power = solver.residual_power
    if power is None:
        return
    lines = [f"z₁ = z + ε ψ + ε^{power} g, residual power {power}: as ε → 0, g learns the sum of `local error`"]
    if isinstance(solver.corrector, Corrector):
        relative = solver.corrector.output == "relative"
        lines.append("g is relative to the size of dz: zero where f is" if relative else "g is absolute")
    yield "hypersolver", lines


def _properties(method: Method, analysis: Analysis) -> list[str]:
    linear = analysis.linear
    held = {
        "first same as last": method.facts.fsal,
        "stiffly accurate": method.facts.stiffly_accurate,
        "symplectic": method.facts.symplectic,
        "symmetric": method.facts.symmetric,
        "A-stable": linear is not None and linear.a_stable,
        "L-stable": method.facts.l_stable,
    }
    return [name for name, holds in held.items() if holds]


def _conditions(method: Method) -> Iterator[str]:
    first = f"{method.facts.conditions} trees up to order {method.claimed_order} hold"
    written = [tree for order in range(1, min(method.claimed_order, 4) + 1) for tree in trees(order)]
    return conditions(first, written, method.facts.report.failing, more=method.claimed_order > 4)


def _errors(method: Method, analysis: Analysis) -> Iterator[str]:
    pairs = [(method.facts.order, method.facts.principal_error)]
    pairs += list(zip(method.facts.embedded, analysis.embedded_errors, strict=True))
    for i, (order, norm) in enumerate(pairs):
        unknown = "depends on the parameters" if method.tableau.parameters else "is out of reach"
        size = unknown if norm is None else f"= {norm:.6g}"
        yield f"{'embedded: ' if i else ''}‖principal error‖ {size}, over the trees of order {order + 1}"


def _learned(method: Method, learned: Sequence[tuple[Tree, Exact]]) -> Iterator[str]:
    yield from local_error(method.facts.order, learned, ", which is what g learns as ε → 0")
    if method.tableau.is_consistent:
        yield "(f' differentiates in s, too: f'f is ∂f/∂z f + ∂f/∂s)"


def _stability(method: Method, analysis: Analysis) -> Iterator[str]:
    above, below = (polynomial_text(part, "z") for part in analysis.stability)
    text = f"R(z) = {above}" if below == "1" else f"R(z) = ({above})/({below})"
    if len(text) <= LONGEST_FUNCTION:
        yield text
    proven = method.facts
    if proven.real_stability is not None and proven.imaginary_stability is not None:
        real, imaginary = length(proven.real_stability), length(proven.imaginary_stability)
        yield f"real interval [-{real}, 0], imaginary [0, {imaginary}i]"
    if analysis.linear is not None:
        yield f"|R(∞)| = {length(analysis.linear.at_infinity)}"
    if analysis.ssp is not None:
        yield f"SSP coefficient {length(analysis.ssp)}"


def dense_lines(order: int, weights: Sequence[Polynomial], extra: int = 0) -> Iterator[str]:
    """Dense output of a method of any kind: its order, its `extra` stages, and its weights where they are short."""
    stages = f", {extra} extra stage" + "s" * (extra > 1) if extra else ""
    yield f"order {order} at every θ{stages}, continuous"
    texts = [f"b_{i}(θ) = {polynomial_text(w, 'θ')}" for i, w in enumerate(weights, start=1) if w]
    if all(len(text) <= LONGEST_FUNCTION for text in texts):
        yield from texts
    else:
        yield f"{len(texts)} weights of degree {max(map(len, weights)) - 1} in θ"


def dense_details(order: int, weights: Sequence[Polynomial]) -> dict[str, Any]:
    """The same as JSON's types."""
    return {"order": order, "weights": [polynomial_text(weight, "theta") for weight in weights]}


def _family(method: Method, analysis: Analysis) -> Iterator[str]:
    found = analysis.rises
    if found is None:
        yield "where its order rises is not decided: its coefficients have square roots, or are too many"
        return
    higher = method.facts.order + 1
    if found.order is None:
        yield f"whether it reaches order {higher} is not decided: its coefficients are too many"
    elif not found.order:
        yield f"no values in range give order {higher}"
    elif len(method.parameters) == 1:
        yield f"order {higher} or more at {' and at '.join(found.order)}"
    else:
        yield f"order {higher} or more where {' and '.join(found.order)}"
    yield from (_remaining(value) for value in found.vanishing if not value.raises_order)


def _remaining(value: Vanishing) -> str:
    terms = [
        tree.differential() if coefficient is None else f"{shown(-coefficient)} · {tree.differential()}"
        for tree, coefficient in value.remaining
    ]
    return f"at {value.where} the local error keeps only " + ", ".join(terms)


def _largest(value: Largest) -> str:
    return "∞" if math.isinf(value) else str(value)


def length(value: float) -> str:
    """A length to all digits of its double; it may be infinite."""
    return "∞" if math.isinf(value) else repr(value).removesuffix(".0")


def function(tableau: Tableau) -> dict[str, str]:
    """The stability function, as JSON."""
    above, below = stability_function(tableau)
    return {"numerator": polynomial_text(above, "z"), "denominator": polynomial_text(below, "z")}


def polynomial_text(polynomial: Polynomial, variable: str) -> str:
    """`1 + z + 1/2*z^2`"""
    text = ""
    for k, q in enumerate(polynomial):
        if q.is_zero:
            continue
        power = "" if k == 0 else variable if k == 1 else f"{variable}^{k}"
        negative = str(q).startswith("-") and " " not in str(q)
        size = str(-q if negative else q)
        if " " in size:
            size = f"({size})"
        factor = size if not power else power if size == "1" else f"{size}*{power}"
        text += (f" {'-' if negative else '+'} " if text else "-" if negative else "") + factor
    return text or "0"


def tableau_lines(tableau: Tableau) -> list[str]:
    """The tableau as text, its columns aligned, zeros above the diagonal left out."""
    rows = [[shown(c), *(map(shown, a))] for c, a in zip(tableau.c, tableau.a, strict=True)]
    for i, row in enumerate(rows):
        last = max((j for j, a in enumerate(tableau.a[i]) if not a.is_zero), default=-1)
        del row[last + 2 :]
    weights = [["", *map(shown, row)] for row in tableau.weights]
    widths = [
        max((len(row[j]) for row in (*rows, *weights) if j < len(row)), default=0) for j in range(tableau.stages + 1)
    ]

    def line(row: list[str]) -> str:
        cells = [f"{text:{widths[j + 1]}}" for j, text in enumerate(row[1:])]
        return f"{row[0]:{widths[0]}} | {'  '.join(cells)}".rstrip()

    body = [line(row) for row in rows]
    foot = [line(row) for row in weights]
    width = max(len(text) for text in (*body, *foot)) - widths[0] - 2
    return [*body, "-" * (widths[0] + 1) + "+" + "-" * max(2, width), *foot]
