"""What the nodes of an implicit method give: an estimate of the error, its filter, and dense output."""

from __future__ import annotations

from fractions import Fraction

import mpmath

from hyperdsl.plan.step import Coefficient, Estimate, Linear, Term, exactly
from hyperdsl.semantics.model import spec as m
from hyperdsl.semantics.model.entries import Entries
from hyperdsl.semantics.model.expressions import Binary, Constant, Expression, Variable
from hyperdsl.theory.numbers.exact import ONE, Exact
from hyperdsl.theory.numbers.polynomials import Polynomial, integral, times

_DIGITS = 40


def filter_of(solver: m.Solver) -> Coefficient | None:
    """γ of the filter (I − ε γ J)⁻¹: an eigenvalue of A, whose factors a step has anyway; None for explicit methods.

    It is the last entry of the diagonal where the stages are solved for one after the other, and otherwise the largest
    real eigenvalue. Where A has none that is positive it is the size of the largest complex one, as near to what the
    stages feel. The double nearest to it is as good as itself: it weighs an estimate.
    """
    tableau = solver.tableau
    if tableau.kind == "dirk":
        i = max(i for i in range(tableau.stages) if not tableau.a[i][i].is_zero)
        return Coefficient(tableau.a[i][i], solver.entries.a[i][i])
    if tableau.kind == "explicit" or tableau.parameters:
        return None
    with mpmath.workdps(_DIGITS):
        values, _ = mpmath.eig(mpmath.matrix([[mpmath.mpf(float(value)) for value in row] for row in tableau.a]))
        real = [float(value.real) for value in values if abs(value.imag) < 1e-12 and value.real > 1e-12]
        return _nearest(max(real) if real else float(max(map(abs, values))))


def by_nodes(solver: m.Solver, first: str, names: tuple[str, ...], end: Linear) -> Estimate | None:
    """γ ε (f(s, z) − p(0)), with p the polynomial through the slopes at the nodes that are not 0; None without nodes.

    For Radau IIA it is Hairer and Wanner's estimate (II, IV.8.17). It has as many powers of ε as there are nodes and
    one more, or two more than the stage order has.
    """
    gamma, tableau = filter_of(solver), solver.tableau
    nodes = [(i, tableau.c[i]) for i in tableau.nodes_apart]
    if gamma is None or not nodes:
        return None
    terms = [Term(gamma, first, 1)]
    for i, c in nodes:
        product = -gamma.value
        for j, other in nodes:
            if j != i:
                product = product * other / (other - c)
        terms.append(Term(_nearest(float(product)), names[i], 1))
    order = min(len(nodes), solver.facts.stage_order + 1, solver.order)
    return Estimate(tuple(terms), order + 1, end, against=order, gamma=gamma, doubtful=True)


def dense_of(solver: m.Solver) -> m.Dense | None:
    """The collocation polynomial, whose derivative goes through the slopes; None where the method is no collocation."""
    tableau, stages = solver.tableau, solver.tableau.stages
    if tableau.kind != "implicit" or tableau.parameters or solver.facts.stage_order < stages:
        return None
    if len({float(c) for c in tableau.c}) < stages:
        return None
    weights = tuple(integral(_lagrange(tableau.c, i)) for i in range(stages))
    written = tuple(map(_written, weights))
    entries = Entries(solver.entries.a, solver.entries.c, (written,))
    return m.Dense(stages, tableau, entries, weights)


def _lagrange(nodes: tuple[Exact, ...], i: int) -> Polynomial:
    """The polynomial that is 1 at a node and 0 at the others."""
    product: Polynomial = (ONE,)
    for j, node in enumerate(nodes):
        if j != i:
            share = ONE / (nodes[i] - node)
            product = times(product, (-node * share, share))
    return product


def _written(polynomial: Polynomial) -> Expression:
    terms = [
        Binary("*", Constant(value), Binary("^", Variable("theta"), Constant(Exact.of(power))))
        for power, value in enumerate(polynomial)
        if power and not value.is_zero
    ]
    whole: Expression = terms[0]
    for term in terms[1:]:
        whole = Binary("+", whole, term)
    return whole


def _nearest(value: float) -> Coefficient:
    return exactly(Exact.of(Fraction(value)))
