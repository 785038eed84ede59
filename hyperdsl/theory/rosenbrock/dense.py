"""Dense output of Rosenbrock methods: z(s + θε) ≈ z + ε Σ b_i(θ)·k_i with polynomials b_i, proven.

As for Runge–Kutta methods each power of θ is a row of weights of its own, with conditions of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact
from hyperdsl.theory.numbers.matrices import dot
from hyperdsl.theory.numbers.polynomials import Polynomial, combined
from hyperdsl.theory.rosenbrock.order import ElementaryVectors, vanishes
from hyperdsl.theory.rosenbrock.tableau import RosenbrockTableau
from hyperdsl.theory.rosenbrock.trees import EXACT_JACOBIAN, Tree, trees
from hyperdsl.theory.runge_kutta.tableau import Row
from hyperdsl.theory.runge_kutta.trees import AUTONOMOUS, COLOURED, PLAIN


@dataclass(frozen=True)
class DenseCondition:
    """One condition of dense output: the coefficient of θ^power in Φ_θ(tree) is `expected`."""

    tree: Tree
    power: int
    value: Exact
    expected: Fraction

    def __str__(self) -> str:
        """The condition of the tree in indices: `Σ b_i(θ) c_i^2 = θ^3/3`."""
        left, _, _ = self.tree.condition().partition(" = ")
        power = "θ" if self.tree.order == 1 else f"θ^{self.tree.order}"
        right = power if self.tree.density == 1 else f"{power}/{self.tree.density}"
        return f"{left.replace('b_i', 'b_i(θ)', 1)} = {right}"


def prove_dense(
    tableau: RosenbrockTableau,
    weights: Sequence[Polynomial],
    highest: int,
    tolerance: Exact | None = None,
    *,
    autonomous: bool = False,
) -> tuple[int, DenseCondition | None]:
    """The order for every θ, at most `highest`, and the first condition of the next that does not hold."""
    width = max(map(len, weights))
    rows = [tuple(weight[power] if power < len(weight) else ZERO for weight in weights) for power in range(width)]
    leaves = PLAIN if tableau.is_consistent else AUTONOMOUS if autonomous else COLOURED
    vectors = ElementaryVectors(tableau)
    for order in range(1, highest + 1):
        for tree in trees(order, leaves, EXACT_JACOBIAN):
            vector = vectors.vector(tree)
            for power, row in enumerate(rows):
                expected = tree.expected if power == order else Fraction(0)
                value = dot(row, vector)
                if not vanishes(value - expected, tolerance):
                    return order - 1, DenseCondition(tree, power, value, expected)
            if order >= width:
                return order - 1, DenseCondition(tree, order, ZERO, tree.expected)
    return highest, None


def mixed(weights: Sequence[Polynomial], matrix: Sequence[Row]) -> tuple[Polynomial, ...]:
    """The polynomials Σ_i weights_i·matrix_ij."""
    found = []
    for column in zip(*matrix, strict=True):
        total: Polynomial = ()
        for weight, factor in zip(weights, column, strict=True):
            total = combined(total, ONE, weight, factor)
        found.append(total)
    return tuple(found)
