"""Elementary weights Φ(t) of a tableau's rows, for all trees at once (Hairer, Nørsett & Wanner I, §II.2).

With the vector φ(t) of the stages, Φ(t) = b·φ(t), φ(•) = 1 and φ(L∘R) = φ(L) ⊙ A·φ(R): one entrywise product a tree
and one matrix product an order. The same recursion runs over exact numbers and over balls of real numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

from flint import arb, arb_mat, fmpq

from hyperdsl.theory.exact import Exact
from hyperdsl.theory.matrices import ExactMatrix, Vector, entrywise, inner, vector
from hyperdsl.theory.tableau import Tableau
from hyperdsl.theory.trees import Leaf, Tree, level, root

V = TypeVar("V")


class Stages(Protocol[V]):
    """A tableau's stages over some kind of number; V holds one number a stage."""

    unit: V

    def leaf(self, leaf: Leaf) -> V:
        """What a leaf grafted on a stage contributes."""
        ...

    def applied(self, vectors: Sequence[V]) -> list[V]:
        """A·v for each v."""
        ...

    def times(self, x: V, y: V) -> V:
        """The entrywise product."""
        ...


class ExactStages:
    """A tableau's stages over exact numbers."""

    def __init__(self, tableau: Tableau) -> None:
        self._functions = bool(tableau.parameters)
        self._size = tableau.stages
        columns = [vector(column) for column in zip(*tableau.a, strict=True)]
        self._transposed = ExactMatrix.of_vectors(columns, self._size, functions=self._functions)
        self._sums, self._nodes = vector(tableau.row_sums), vector(tableau.c)
        self._weights = [vector(row) for row in tableau.weights]
        self.unit: Vector = {1: [fmpq(1)] * self._size}

    def leaf(self, leaf: Leaf) -> Vector:
        return self._sums if leaf is Leaf.STATE else self._nodes

    def applied(self, vectors: Sequence[Vector]) -> list[Vector]:
        stacked = ExactMatrix.of_vectors(vectors, self._size, functions=self._functions)
        return (stacked @ self._transposed).vectors()

    def times(self, x: Vector, y: Vector) -> Vector:
        return entrywise(x, y)

    def weighed(self, x: Vector, row: int) -> Exact:
        """Σ b_i x_i with the weights of `row`."""
        return inner(self._weights[row], x)


class BallStages:
    """A tableau's stages over balls of the current precision; a plain leaf's ball holds both c_i and Σ_j a_ij."""

    def __init__(self, tableau: Tableau) -> None:
        columns = [[value.ball() for value in column] for column in zip(*tableau.a, strict=True)]
        self._transposed = arb_mat(columns)
        self._sums = [value.ball() for value in tableau.row_sums]
        self._nodes = [value.ball() for value in tableau.c]
        self._both = [x.union(y) for x, y in zip(self._sums, self._nodes, strict=True)]
        self._weights = [[value.ball() for value in row] for row in tableau.weights]
        self.unit = [arb(1)] * tableau.stages

    def leaf(self, leaf: Leaf) -> list[arb]:
        return {Leaf.STATE: self._sums, Leaf.TIME: self._nodes, Leaf.PLAIN: self._both}[leaf]

    def applied(self, vectors: Sequence[list[arb]]) -> list[list[arb]]:
        product: list[list[arb]] = (arb_mat(vectors) * self._transposed).tolist()
        return product

    def times(self, x: list[arb], y: list[arb]) -> list[arb]:
        return [p * q for p, q in zip(x, y, strict=True)]

    def weighed(self, x: list[arb], row: int) -> arb:
        """Σ b_i x_i with the weights of `row`."""
        return sum((p * q for p, q in zip(self._weights[row], x, strict=True)), arb(0))


def stage_weights(stages: Stages[V], leaves: tuple[Leaf, ...], last: int) -> Iterator[tuple[Tree, V]]:
    """(t, φ(t)) for all trees with at most `last` nodes, order after order; what is not asked for is not computed."""
    yield root(leaves), stages.unit
    rooted: list[list[V]] = [[], [stages.unit]]
    grafted: list[list[V]] = [[], [stages.leaf(leaf) for leaf in leaves]]
    for order in range(2, last + 1):
        if order > 2:
            grafted.append(stages.applied(rooted[-1]))
        current = []
        for entry in level(order, leaves):
            left = rooted[order - entry.right_order][entry.left]
            current.append(stages.times(left, grafted[entry.right_order][entry.right]))
            yield entry.tree, current[-1]
        rooted.append(current)


def elementary_weight(tableau: Tableau, tree: Tree, row: int = 0) -> Exact:
    """Φ(t) of one tree, coloured or not."""
    stages = ExactStages(tableau)
    return stages.weighed(_stage_weight(stages, tree), row)


def _stage_weight(stages: ExactStages, tree: Tree) -> Vector:
    product = stages.unit
    for child in tree.children:
        factor = stages.applied([_stage_weight(stages, child)])[0] if child.children else stages.leaf(child.leaf)
        product = stages.times(product, factor)
    return product
