"""Orders of Rosenbrock methods, proven (Hairer & Wanner II, §IV.7).

A row of weights has order p exactly when Φ(t) = 1/γ(t) for every tree t with at most p nodes, where Φ reads β = α + γ
at vertices with one child. It has that order with any matrix in place of the Jacobian (a W-method) when the same holds
with α there, and Φ(t) = 0 for every tree in which a vertex with one child reads γ instead (Steihaug & Wolfbrandt 1979).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import flint
from flint import arb

from hyperdsl.theory.conditions import Condition, vanishes
from hyperdsl.theory.numbers.budget import spend
from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact, ball_ends, nearest_double
from hyperdsl.theory.numbers.matrices import dot
from hyperdsl.theory.rosenbrock.tableau import RosenbrockTableau, sums
from hyperdsl.theory.rosenbrock.trees import ANY_MATRIX, EXACT_JACOBIAN, Single, Tree, trees
from hyperdsl.theory.runge_kutta.order import LARGEST_TOLERANCE
from hyperdsl.theory.runge_kutta.tableau import Row
from hyperdsl.theory.runge_kutta.trees import AUTONOMOUS, COLOURED, PLAIN, Leaf

HIGHEST_ROSENBROCK_ORDER = 10
"""No order beyond is looked for."""

_BITS = 512


@dataclass(frozen=True)
class OrderReport:
    """What was proven of a row of weights: `order` for z' = f(s, z), `order_autonomous` for z' = f(z), and the first
    condition of the next order that does not hold; None where the bound on any method's order ended the search."""

    order: int
    order_autonomous: int
    failing: Condition[Tree] | None
    failing_autonomous: Condition[Tree] | None


@dataclass(frozen=True)
class GammaSum:
    """A stage (counted from 0) whose c, or whose γ_i where `of_gamma`, is not the sum of its row."""

    row: int
    of_gamma: bool
    stated: Exact
    total: Exact


def prove_order(tableau: RosenbrockTableau, row: int = 0, tolerance: Exact | None = None) -> OrderReport:
    """The largest order whose conditions all hold, with and without time, and the conditions that stop there.

    With parameters a condition holds when it does so identically. With a tolerance τ it holds when |Φ − 1/γ| ≤ τ, for
    every colouring of the tree where c or γ_i are not exactly the sums of their rows.
    """
    if tableau.is_consistent:
        order, failing = _proven(tableau, row, tolerance, PLAIN, EXACT_JACOBIAN)
        return OrderReport(order, order, failing, failing)
    order, failing = _proven(tableau, row, tolerance, COLOURED, EXACT_JACOBIAN)
    autonomous, failing_autonomous = _proven(tableau, row, tolerance, AUTONOMOUS, EXACT_JACOBIAN)
    return OrderReport(order, autonomous, failing, failing_autonomous)


def w_order(tableau: RosenbrockTableau, row: int = 0, tolerance: Exact | None = None) -> int:
    """The order for z' = f(s, z) with any matrix, and any vector, in place of ∂f/∂z and ∂f/∂s."""
    leaves = PLAIN if tableau.is_consistent else COLOURED
    return _proven(tableau, row, tolerance, leaves, ANY_MATRIX)[0]


def conditions(order: int) -> int:
    """The number of trees up to an order, the Jacobian exact."""
    return sum(len(trees(size, PLAIN, EXACT_JACOBIAN)) for size in range(1, order + 1))


def sum_defects(tableau: RosenbrockTableau, tolerance: Exact | None = None) -> tuple[GammaSum, ...]:
    """The stages where c_i or γ_i is not the sum of its row (to the tolerance)."""
    pairs = [(False, tableau.c, sums(tableau.alpha)), (True, tableau.gamma_sums, sums(tableau.gamma))]
    return tuple(
        GammaSum(i, of_gamma, one, other)
        for of_gamma, stated, totals in pairs
        for i, (one, other) in enumerate(zip(stated, totals, strict=True))
        if not vanishes(one - other, tolerance)
    )


def principal_error(
    tableau: RosenbrockTableau, order: int, row: int = 0, tolerance: Exact | None = None
) -> tuple[tuple[Tree, Exact], ...]:
    """(Φ(t) − 1/γ(t))/σ(t) for the trees with order + 1 nodes, coloured where c or γ_i are not the sums of their rows.

    These are the coefficients of the elementary differentials F(t) in the leading term of the local error.
    """
    leaves = COLOURED if sum_defects(tableau, tolerance) else PLAIN
    weights = ElementaryVectors(tableau)
    return tuple(
        (tree, (weights.of(tree, row) - tree.expected) / tree.symmetry)
        for tree in trees(order + 1, leaves, EXACT_JACOBIAN)
    )


def principal_error_norm(
    tableau: RosenbrockTableau, order: int, row: int = 0, tolerance: Exact | None = None
) -> float | None:
    """The 2-norm of `principal_error`, to the nearest double; None where it depends on a parameter."""
    square = sum((error * error for _, error in principal_error(tableau, order, row, tolerance)), ZERO)
    return None if square.parameters else nearest_double(lambda: square.ball().nonnegative_part().sqrt())


def tolerance_needed(tableau: RosenbrockTableau, order: int, row: int = 0) -> Fraction | None:
    """A bound, close from above, on what the conditions up to an order and the sums of rows miss; None where that is
    more than `LARGEST_TOLERANCE` or where there are parameters."""
    if tableau.parameters or order > HIGHEST_ROSENBROCK_ORDER:
        return None
    defects = [defect.stated - defect.total for defect in sum_defects(tableau)]
    weights = ElementaryVectors(tableau)
    defects += [weights.of(tree, row) - tree.expected for tree in _up_to(order, _leaves(tableau), EXACT_JACOBIAN)]
    with flint.ctx.workprec(_BITS):
        worst = max((_upper(abs(defect.ball())) for defect in defects), default=Fraction(0))
    return worst if worst <= LARGEST_TOLERANCE else None


def _upper(ball: arb) -> Fraction:
    return ball_ends(ball)[1]


def _leaves(tableau: RosenbrockTableau) -> tuple[Leaf, ...]:
    return PLAIN if tableau.is_consistent else COLOURED


def _up_to(order: int, leaves: tuple[Leaf, ...], singles: tuple[Single, ...]) -> Iterator[Tree]:
    for size in range(1, order + 1):
        yield from trees(size, leaves, singles)


def _proven(
    tableau: RosenbrockTableau,
    row: int,
    tolerance: Exact | None,
    leaves: tuple[Leaf, ...],
    singles: tuple[Single, ...],
) -> tuple[int, Condition[Tree] | None]:
    """No method of s stages has an order beyond s + 1: R would approximate exp better than real poles allow."""
    weights = ElementaryVectors(tableau)
    bound = min(tableau.stages + 1, HIGHEST_ROSENBROCK_ORDER)
    for tree in _up_to(bound, leaves, singles):
        condition = Condition(tree, row, weights.of(tree, row), tree.expected)
        if not vanishes(condition.difference, tolerance):
            return tree.order - 1, condition
    return bound, None


class ElementaryVectors:
    """φ(t) of a tableau's stages, and Φ(t) of its rows of weights; the vectors of subtrees are kept."""

    def __init__(self, tableau: RosenbrockTableau) -> None:
        self.tableau = tableau
        self._matrices = {Single.FIELD: tableau.alpha, Single.MATRIX: tableau.gamma, Single.BOTH: tableau.beta}
        both = tuple(p + q for p, q in zip(tableau.c, tableau.gamma_sums, strict=True))
        self._nodes = {Single.FIELD: tableau.c, Single.MATRIX: tableau.gamma_sums, Single.BOTH: both}
        self._vectors: dict[Tree, Row] = {}
        self._applied: dict[tuple[Tree, Single], Row] = {}

    def of(self, tree: Tree, row: int) -> Exact:
        """Φ(t) with the weights of a row."""
        return dot(self.tableau.weights[row], self.vector(tree))

    def vector(self, tree: Tree) -> Row:
        """φ(t) of the stages: Φ(t) is b·φ(t)."""
        if tree not in self._vectors:
            found: Row = (ONE,) * self.tableau.stages
            single = tree.single if len(tree.children) == 1 else Single.FIELD
            for child in tree.children:
                factor = self._grafted(child, single)
                found = tuple(p * q for p, q in zip(found, factor, strict=True))
            self._vectors[tree] = found
        return self._vectors[tree]

    def _grafted(self, child: Tree, single: Single) -> Row:
        """What a child contributes to the vector of its parent, where that acts so."""
        if not child.children and child.leaf is not Leaf.STATE:
            return self._nodes[single]
        key = child, single
        if key not in self._applied:
            spend(self.tableau.stages**2)
            vector = self.vector(child)
            self._applied[key] = tuple(dot(line, vector) for line in self._matrices[single])
        return self._applied[key]
