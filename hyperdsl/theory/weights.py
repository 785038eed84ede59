"""Elementary weights Φ(t) of a tableau's rows, for all trees at once (Hairer, Nørsett & Wanner I, §II.2).

With the vector φ(t) of the stages, Φ(t) = b·φ(t), φ(•) = 1 and φ(L∘R) = φ(L) ⊙ A·φ(R): one entrywise product a tree
and one matrix product an order. The same recursion runs over exact numbers and over balls of real numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from typing import Protocol, TypeVar

from flint import arb, arb_mat, fmpq

from hyperdsl.theory.exact import Exact
from hyperdsl.theory.matrices import ExactMatrix, Vector, entrywise, vector
from hyperdsl.theory.tableau import Tableau
from hyperdsl.theory.trees import Grafted, Leaf, Tree, level, root

V = TypeVar("V")
W_co = TypeVar("W_co", covariant=True)


class Stages(Protocol[V, W_co]):
    """A tableau's stages over some kind of number: V holds one number a stage, W_co is one number."""

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

    def weighed(self, vectors: Sequence[V], row: int) -> Sequence[W_co]:
        """b·v for each v, with the weights b of `row`."""
        ...


class ExactStages:
    """A tableau's stages over exact numbers."""

    def __init__(self, tableau: Tableau) -> None:
        self._functions = bool(tableau.parameters)
        self._size = tableau.stages
        columns = [vector(column) for column in zip(*tableau.a, strict=True)]
        self._transposed = ExactMatrix.of_vectors(columns, self._size, functions=self._functions)
        self._sums, self._nodes = vector(tableau.row_sums), vector(tableau.c)
        self._weights = [self._column(vector(row)) for row in tableau.weights]
        self.unit: Vector = {1: [fmpq(1)] * self._size}

    def leaf(self, leaf: Leaf) -> Vector:
        return self._sums if leaf is Leaf.STATE else self._nodes

    def applied(self, vectors: Sequence[Vector]) -> list[Vector]:
        return (self._stacked(vectors) @ self._transposed).vectors()

    def times(self, x: Vector, y: Vector) -> Vector:
        return entrywise(x, y)

    def weighed(self, vectors: Sequence[Vector], row: int) -> list[Exact]:
        products = (self._stacked(vectors) @ self._weights[row]).vectors()
        return [Exact({d: entries[0] for d, entries in product.items()}) for product in products]

    def _stacked(self, vectors: Sequence[Vector]) -> ExactMatrix:
        return ExactMatrix.of_vectors(vectors, self._size, functions=self._functions)

    def _column(self, x: Vector) -> ExactMatrix:
        """The matrix whose only column is x."""
        entries: list[Vector] = [{d: [values[i]] for d, values in x.items()} for i in range(self._size)]
        return ExactMatrix.of_vectors(entries, 1, functions=self._functions)


class BallStages:
    """A tableau's stages over balls of the current precision; a plain leaf's ball holds both c_i and Σ_j a_ij."""

    def __init__(self, tableau: Tableau) -> None:
        columns = [[value.ball() for value in column] for column in zip(*tableau.a, strict=True)]
        self._transposed = arb_mat(columns)
        self._sums = [value.ball() for value in tableau.row_sums]
        self._nodes = [value.ball() for value in tableau.c]
        self._both = [x.union(y) for x, y in zip(self._sums, self._nodes, strict=True)]
        self._weights = [arb_mat([[value.ball()] for value in row]) for row in tableau.weights]
        self.unit = [arb(1)] * tableau.stages

    def leaf(self, leaf: Leaf) -> list[arb]:
        return {Leaf.STATE: self._sums, Leaf.TIME: self._nodes, Leaf.PLAIN: self._both}[leaf]

    def applied(self, vectors: Sequence[list[arb]]) -> list[list[arb]]:
        product: list[list[arb]] = (arb_mat(vectors) * self._transposed).tolist()
        return product

    def times(self, x: list[arb], y: list[arb]) -> list[arb]:
        return [p * q for p, q in zip(x, y, strict=True)]

    def weighed(self, vectors: Sequence[list[arb]], row: int) -> list[arb]:
        values: list[arb] = (arb_mat(vectors) * self._weights[row]).entries()
        return values


_CHUNKS = (1, 15, 240)
"""Weights are computed so many trees at a time (the last again and again): the first few often decide."""


def elementary_weights(
    stages: Stages[V, W_co], leaves: tuple[Leaf, ...], last: int, row: int = 0
) -> Iterator[tuple[Tree, W_co]]:
    """(t, Φ(t)) for all trees with at most `last` nodes, order after order, computed as they are asked for."""
    yield root(leaves), stages.weighed([stages.unit], row)[0]
    rooted: list[list[V]] = [[], [stages.unit]]
    grafted: list[list[V]] = [[], [stages.leaf(leaf) for leaf in leaves]]
    for order in range(2, last + 1):
        if order > 2:
            grafted.append(stages.applied(rooted[-1]))
        rooted.append([])
        for chunk in _chunks(level(order, leaves)):
            vectors = [
                stages.times(rooted[order - t.right_order][t.left], grafted[t.right_order][t.right]) for t in chunk
            ]
            rooted[-1].extend(vectors)
            yield from zip((t.tree for t in chunk), stages.weighed(vectors, row), strict=True)


def _chunks(entries: tuple[Grafted, ...]) -> Iterator[tuple[Grafted, ...]]:
    start = 0
    for size in chain(_CHUNKS, repeat(_CHUNKS[-1])):
        if start >= len(entries):
            return
        yield entries[start : start + size]
        start += size


def elementary_weight(tableau: Tableau, tree: Tree, row: int = 0) -> Exact:
    """Φ(t) of one tree, coloured or not."""
    stages = ExactStages(tableau)
    return stages.weighed([_stage_weight(stages, tree)], row)[0]


def _stage_weight(stages: ExactStages, tree: Tree) -> Vector:
    product = stages.unit
    for child in tree.children:
        factor = stages.applied([_stage_weight(stages, child)])[0] if child.children else stages.leaf(child.leaf)
        product = stages.times(product, factor)
    return product
