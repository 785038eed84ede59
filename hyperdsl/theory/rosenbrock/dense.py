"""Dense output of Rosenbrock methods: z(s + θε) ≈ z + ε Σ b_i(θ)·k_i with polynomials b_i, proven.

As for Runge–Kutta methods each power of θ is a row of weights of its own, with conditions of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from hyperdsl.theory.conditions import vanishes
from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact
from hyperdsl.theory.numbers.matrices import dot
from hyperdsl.theory.numbers.polynomials import Polynomial, combined
from hyperdsl.theory.rosenbrock.order import ElementaryVectors
from hyperdsl.theory.rosenbrock.tableau import RosenbrockTableau
from hyperdsl.theory.rosenbrock.trees import EXACT_JACOBIAN, trees
from hyperdsl.theory.runge_kutta.dense import DenseCondition, DenseReport, expected
from hyperdsl.theory.runge_kutta.tableau import Row
from hyperdsl.theory.runge_kutta.trees import AUTONOMOUS, COLOURED, PLAIN


def prove_dense(
    tableau: RosenbrockTableau,
    weights: Sequence[Polynomial],
    highest: int,
    tolerance: Exact | None = None,
    *,
    autonomous: bool = False,
) -> DenseReport:
    """The order for every θ, at most `highest`."""
    width = max(map(len, weights))
    rows = [tuple(weight[power] if power < len(weight) else ZERO for weight in weights) for power in range(width)]
    leaves = PLAIN if tableau.is_consistent else AUTONOMOUS if autonomous else COLOURED
    vectors = ElementaryVectors(tableau)
    for order in range(1, highest + 1):
        for tree in trees(order, leaves, EXACT_JACOBIAN):
            vector = vectors.vector(tree)
            for power, row in enumerate(rows):
                wanted = expected(tree, power)
                value = dot(row, vector)
                if not vanishes(value - wanted, tolerance):
                    return DenseReport(order - 1, DenseCondition(tree, power, value, wanted))
            if order >= width:
                return DenseReport(order - 1, DenseCondition(tree, order, ZERO, tree.expected))
    return DenseReport(highest, None)


def mixed(weights: Sequence[Polynomial], matrix: Sequence[Row]) -> tuple[Polynomial, ...]:
    """The polynomials Σ_i weights_i·matrix_ij."""
    found = []
    for column in zip(*matrix, strict=True):
        total: Polynomial = ()
        for weight, factor in zip(weights, column, strict=True):
            total = combined(total, ONE, weight, factor)
        found.append(total)
    return tuple(found)
